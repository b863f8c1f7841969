//! How fast data comes and goes, over time.

use ratatui::layout::Rect;

use crate::event::Sample;
use crate::ledger::View;
use crate::ui::action::Action;
use crate::ui::funnel::Funnel;
use crate::ui::model::{Model, Window};
use crate::ui::paint::{Pen, Spans, inset, take_bottom, take_top, width};
use crate::ui::theme::Role;
use crate::ui::widgets::graph::{self, Grows, Points};
use crate::ui::widgets::rule;
use crate::units;

/// Columns of the numbers beside the graph, with the axis.
const AXIS: u16 = 9;
/// The numbers take a quarter of the columns at most.
const AXIS_FROM: u16 = AXIS * 4;
/// From so many rows on what matters more has a number at half its scale.
const MIDDLE_FROM: u16 = 4;
/// From so many rows of the panel on the times have one below the graph.
const TIMES_FROM: u16 = 7;

/// What the window is called.
fn window_name(window: Window) -> &'static str {
    match window {
        Window::Minute => "last minute",
        Window::FiveMinutes => "last 5 minutes",
        Window::Quarter => "last 15 minutes",
        Window::Hour => "last hour",
        Window::Run => "whole run",
    }
}

/// The same in a word.
fn window_short(window: Window) -> &'static str {
    match window {
        Window::Minute => "1 min",
        Window::FiveMinutes => "5 min",
        Window::Quarter => "15 min",
        Window::Hour => "1 h",
        Window::Run => "run",
    }
}

/// One of the two curves.
struct Curve {
    values: Vec<u64>,
    /// The end of its scale, and what that is called.
    full: u64,
    label: String,
    way: &'static str,
    now: u64,
    role: Role,
    ramp: fn(u8) -> Role,
}

impl Curve {
    fn points(&self) -> Points<'_> {
        Points { values: &self.values, full: self.full, ramp: self.ramp }
    }

    /// The most of it: no less than what is now, which is a mean over fewer seconds where the window is long.
    fn peak(&self) -> u64 {
        self.values.iter().copied().max().unwrap_or(0).max(self.now)
    }
}

/// Both curves in so many columns: what matters more now first.
fn curves(pen: &Pen<'_>, columns: u16, model: &Model, view: &View) -> [Curve; 2] {
    let points = graph::points(&view.series, model.window, graph::points_in(columns, pen.look.glyphs));
    let values = |rate: fn(&Sample) -> u64| -> Vec<u64> {
        points.iter().map(|point| point.as_ref().map_or(0, rate)).collect()
    };
    let (down, up) = (values(|sample| sample.down_bps), values(|sample| sample.up_bps));
    let most = |values: &[u64]| values.iter().copied().max().unwrap_or(0);
    let (full, label) = model.scales.down(most(&down), pen.look.units);
    let (now, role, ramp): (_, _, fn(u8) -> Role) = (view.rates.down_bps, Role::Down, Role::GraphDown);
    let down = Curve { values: down, full, label, way: "↓", now, role, ramp };
    let (full, label) = model.scales.up(most(&up), pen.look.units);
    let (now, role, ramp): (_, _, fn(u8) -> Role) = (view.rates.up_bps, Role::Up, Role::GraphUp);
    let up = Curve { values: up, full, label, way: "↑", now, role, ramp };
    match Funnel::of(view) {
        Funnel::Fetching => [down, up],
        Funnel::Giving => [up, down],
    }
}

/// The graph without anything around it: only the curve that matters more.
pub(super) fn curve(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if area.is_empty() {
        return;
    }
    let points = inset(area, 1, 0);
    let [main, _] = curves(pen, points.width, model, view);
    graph::draw(pen, points, main.points(), Grows::Up);
    axis(pen, area.x, area);
}

/// Draws the panel: its rule, and the graph with its numbers.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut body = area;
    let title = take_top(&mut body, 1);
    if title.width < 12 || body.height < 3 {
        return;
    }
    let with_axis = area.width >= AXIS_FROM;
    if with_axis && body.height >= TIMES_FROM {
        let row = inset(take_bottom(&mut body, 1), AXIS, 0);
        times(pen, row, model, view);
    }
    let points = inset(body, if with_axis { AXIS } else { 1 }, 0);
    let [main, other] = curves(pen, points.width, model, view);
    head(pen, title, [&main, &other], model);
    // What matters less hangs below the other, in a row at least.
    let mut rest = points;
    let axis_rows = u16::from(with_axis);
    let other_rows = 1 + body.height.saturating_sub(4) / 5;
    let above = take_top(&mut rest, body.height - other_rows - axis_rows);
    let line = take_top(&mut rest, axis_rows);
    graph::draw(pen, above, main.points(), Grows::Up);
    graph::draw(pen, rest, other.points(), Grows::Down);
    if !with_axis {
        axis(pen, body.x, body);
        scale_inside(pen, above, &main);
        return;
    }
    for x in line.left()..line.right() {
        pen.put(x, line.y, 1, "─", Role::Rule);
    }
    let number = |pen: &mut Pen<'_>, y: u16, tick: &str, said: &str| {
        pen.put_right(body.x + AXIS - 1, y, AXIS - 1, said, Role::Dim);
        pen.put(body.x + AXIS - 1, y, 1, tick, Role::Rule);
    };
    axis(pen, body.x + AXIS - 1, body);
    number(pen, above.y, "┤", &format!("{}{}", main.label, main.way));
    if above.height >= MIDDLE_FROM {
        let half = units::bytes(main.full / 2, pen.look.units).replace(".0 ", " ");
        // Without the blanks where it is longer than others.
        let half =
            if width(&half) + 1 < usize::from(AXIS) { format!("{half} ") } else { half.replace(' ', "") };
        number(pen, above.y + above.height / 2, "┤", &half);
    }
    number(pen, line.y, "┼", "0 ");
    number(pen, rest.y, "┤", &format!("{}{}", other.label, other.way));
}

/// The row of the times: how long ago what stands above its beginning and its middle was.
fn times(pen: &mut Pen<'_>, row: Rect, model: &Model, view: &View) {
    let seconds = graph::seconds_in(&view.series, model.window) as u64;
    let ago = |seconds: u64| match seconds {
        0..120 => format!("-{seconds}s"),
        120..7200 => format!("-{}m", seconds / 60),
        _ => format!("-{}h", seconds / 3600),
    };
    pen.put(row.x, row.y, row.width, &ago(seconds), Role::Dim);
    let middle = row.x + row.width / 2;
    pen.put(middle, row.y, row.right().saturating_sub(middle), &ago(seconds / 2), Role::Dim);
    pen.put_right(row.right(), row.y, row.width, "now", Role::Dim);
}

/// The axis of the values, in this column.
fn axis(pen: &mut Pen<'_>, x: u16, area: Rect) {
    for y in area.top()..area.bottom() {
        pen.put(x, y, 1, "│", Role::Rule);
    }
}

/// The end of the scale, where there are no columns for it beside the graph: over the oldest points.
fn scale_inside(pen: &mut Pen<'_>, area: Rect, main: &Curve) {
    let said = format!("{} ", main.label);
    pen.put(area.x, area.y, area.width / 2, &said, Role::Dim);
}

/// The rule: what is now and what was most, and how far back the graph looks.
fn head(pen: &mut Pen<'_>, area: Rect, curves: [&Curve; 2], model: &Model) {
    let in_units = pen.look.units;
    let rate = |bps| units::rate(bps, in_units);
    let key = model.keys.name_here(Action::Window, model);
    let key = key.map_or_else(String::new, |key| format!(" · {key}"));
    let window = format!("{}{key}", window_name(model.window));
    let short = window_short(model.window);
    let full = curves.iter().fold(Spans::new(), |said, curve| {
        let gap = if said.width() > 0 { "   " } else { "" };
        said.add(Role::Dim, gap)
            .add(curve.role, curve.way)
            .add(Role::Text, format!(" {}", rate(curve.now)))
            .add(Role::Dim, format!(", peak {}", rate(curve.peak())))
    });
    let peak = || Spans::new().add(Role::Dim, format!("peak {}", rate(curves[0].peak())));
    // A peak in the unit of the rate beside it goes without.
    let [main, other] = curves;
    let (now, most) = (rate(main.now), rate(main.peak()));
    let most = match (now.split_once(' '), most.split_once(' ')) {
        (Some((_, unit)), Some((number, same))) if unit == same => number.to_owned(),
        _ => most,
    };
    let first = || {
        let now = Spans::new().add(main.role, main.way).add(Role::Text, format!(" {now}"));
        now.add(Role::Dim, format!(", peak {most}"))
    };
    let both = || {
        first()
            .add(Role::Dim, "   ")
            .add(other.role, other.way)
            .add(Role::Text, format!(" {}", rate(other.now)))
    };
    let in_short = format!("Speed, {short}");
    let ways = [
        ("Speed".to_owned(), full, window.clone()),
        ("Speed".to_owned(), both(), window.clone()),
        ("Speed".to_owned(), both(), format!("{short}{key}")),
        (in_short.clone(), both(), String::new()),
        ("Speed".to_owned(), first(), window.clone()),
        (in_short, first(), String::new()),
        ("Speed".to_owned(), peak(), window),
        (format!("Speed, {short}"), peak(), String::new()),
        (short.to_owned(), peak(), String::new()),
        (short.to_owned(), Spans::new(), String::new()),
    ];
    let fits = |(title, note, right): &&(String, Spans, String)| rule::fits(area, title, note, right);
    if let Some((title, note, right)) = ways.iter().find(fits) {
        rule::draw(pen, area, title, note, right);
    }
}
