//! The overview where there is little room: down to one line, never nothing.

use ratatui::layout::Rect;

use super::{asking, frame, judgement, overview, peer_list};
use crate::ledger::View;
use crate::ui::funnel::Funnel;
use crate::ui::model::{Model, Panel};
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen, Spans, inset, take_bottom, take_top};
use crate::ui::theme::Role;
use crate::ui::widgets::bar;

/// Whether the overview has to do with this layout.
pub(super) fn is_small(area: Rect) -> bool {
    area.width < 72 || area.height < 18
}

/// Everything in one line; what is asked stands in the last one.
pub(super) fn line(pen: &mut Pen<'_>, mut area: Rect, model: &Model, view: &View) {
    if let Some(prompt) = &model.prompt {
        asking::draw(pen, take_bottom(&mut area, 1), prompt, model, view);
        if area.is_empty() {
            return;
        }
    }
    let (down, _) = frame::rates(view, pen.look);
    let mut parts = vec![
        Spans::new().add(Role::Progress, format!("{} %", frame::percent(view))),
        Spans::new().add(Role::Text, down),
        frame::state(model, view, area.width),
        Spans::new().add(Role::Text, frame::eta(view)),
    ];
    // The glyph alone is better than nothing.
    if area.width < 5 {
        parts = vec![frame::state(model, view, area.width)];
    }
    let mut x = area.x;
    for part in parts {
        if x > area.x && usize::from(x - area.x) + part.width() > usize::from(area.width) {
            break;
        }
        x += pen.spans(x, area.y, area.right().saturating_sub(x), &part) + 2;
        if x >= area.right() {
            break;
        }
    }
}

/// Where the parts stand below the title, and the lines of the judgement.
struct Parts {
    progress: Rect,
    rates: Rect,
    graph: Rect,
    why: Rect,
    lines: Vec<judgement::Line>,
    funnel: Rect,
    title: Rect,
    peers: Rect,
}

/// Gives every part its place.
fn parts(area: Rect, model: &Model, view: &View) -> Parts {
    let mut body = area;
    take_top(&mut body, 1);
    let progress = take_top(&mut body, 1);
    let rates = take_top(&mut body, 1);
    let lines = judgement::summary(model, view, area.width, if body.height >= 5 { 2 } else { 1 });
    let steps = if body.height >= 4 { 3 } else { 0 };
    // What is left goes to the graph, and where it is much, to the peers.
    let spare = usize::from(body.height).saturating_sub(lines.len() + usize::from(steps));
    let graph = take_top(&mut body, spare.min(if spare > 8 { 3 } else { 1 }) as u16);
    let why = take_top(&mut body, lines.len() as u16);
    let funnel = take_top(&mut body, steps);
    let rows = u16::from(body.height >= 3);
    let title = inset(take_top(&mut body, rows), 1, 1);
    let peers = if rows > 0 { body } else { Rect { height: 0, ..body } };
    Parts { progress, rates, graph, why, lines, funnel, title, peers }
}

/// Where the rows of the peers stand.
pub(super) fn list_area(area: Rect, model: &Model, view: &View) -> Rect {
    parts(area, model, view).peers
}

/// Draws the overview, from a few lines up.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let parts = parts(area, model, view);
    title(pen, Rect { height: 1, ..area }, model, view);
    progress(pen, parts.progress, view);
    if !parts.rates.is_empty() {
        rates(pen, parts.rates, view);
    }
    overview::down_graph(pen, inset(parts.graph, 1, 1), model, view, parts.graph.height);
    judgement::draw_lines(pen, parts.why, &parts.lines, model);
    funnel(pen, parts.funnel, model, view);
    if !parts.peers.is_empty() {
        peer_list::draw(pen, parts.title, parts.peers, model, view, false);
    }
}

fn title(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let area = inset(area, 1, 1);
    let state = frame::state(model, view, area.width);
    let used = pen.spans_right(area.right(), area.y, area.width.saturating_sub(8), &state);
    pen.put(area.x, area.y, area.width.saturating_sub(used + 1), &view.torrent.name, Role::Strong);
}

fn progress(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let area = inset(area, 1, 1);
    let percent = format!("{} %", frame::percent(view));
    let used = pen.put_right(area.right(), area.y, area.width, &format!("{percent:>5}"), Role::Progress);
    bar::progress(pen, inset(area, 0, used + 1), view.have_bytes, view.torrent.geometry.total_bytes());
}

fn rates(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let area = inset(area, 1, 1);
    let (down, up) = frame::rates(view, pen.look);
    let left = Spans::new().add(Role::Strong, down).add(Role::Text, "  ").add(Role::Text, up);
    let used = pen.spans(area.x, area.y, area.width, &left);
    let eta = frame::eta(view);
    if usize::from(used) + 2 + paint::width(&eta) <= usize::from(area.width) {
        pen.put_right(area.right(), area.y, area.width, &eta, Role::Text);
    }
}

/// The funnel in two columns.
fn funnel(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if area.is_empty() {
        return;
    }
    let shown = Funnel::of(view);
    let counts = shown.counts(view);
    let half = area.width / 2;
    for (at, (name, count)) in shown.steps().iter().zip(counts).enumerate() {
        let (column, row) = (at as u16 / 3, at as u16 % 3);
        if row >= area.height {
            continue;
        }
        let place = Rect { x: area.x + column * half, y: area.y + row, width: half, height: 1 };
        pen.targets.add(place, Target::Step(at, 0));
        let here = model.panel == Panel::Funnel && model.step.0 == at;
        let role = if here { Role::Strong } else { Role::Text };
        if here {
            pen.put(place.x, place.y, 1, "▸", role);
        }
        let (x, edge) = (place.x + 1, half.saturating_sub(1).min(16));
        pen.put(x, place.y, edge, name, role);
        pen.put_right(x + edge, place.y, 5, &format!(" {count}"), role);
    }
}
