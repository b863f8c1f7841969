//! The bar of a replay, above the key line: where it is, what fell where, who came and went, and how fast data came.
//!
//! ```text
//!           0:00      5:00      9:00      15:00     20:00     25:00
//!      9:00 ━━━━━━━━━━━━━━━━━━━━┃─────✗─✗✗──────▲───────────────────── 28:51
//!     peers ++ + –              ┃        – +         –
//!   20 MiB↓ ⣀⣤⣶⣿⣿⣿⣿⣶⣤⣀⣀⣠⣴⣶⣶⣶⣦⣤⣄⣀┃⣠⣴⣶⣶⣶⣦⣤⣄⣀⣠⣴⣶⣦⣤⣄
//! ```

use std::cmp::Ordering;

use ratatui::layout::Rect;

use crate::event::At;
use crate::record::MarkKind;
use crate::ui::flow::{Flow, rest, up_to};
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen, Spans, clip, inset};
use crate::ui::replay::{Timeline, Watched, time};
use crate::ui::theme::Role;
use crate::ui::widgets::graph::{self, Grows, Points};

/// From this many rows on the bar has one of its own; below it takes the place of the keys.
const OWN_ROW_FROM: u16 = 8;
/// From this many rows on there is one more of the bar: of the curve, of the times, of the curve, of who came and went,
/// and of the curve again.
const MORE_FROM: [u16; 5] = [22, 28, 32, 40, 50];
/// From this many columns on there is a curve at all.
const CURVE_COLUMNS: u16 = 60;
/// Columns of the scale beside the curve, and of the time above it.
const SCALE: u16 = 9;
/// Columns from a time to the next, at least.
const A_TIME: u16 = 10;
/// Seconds between two of them.
const STEPS_S: [u64; 16] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21_600, 86_400];

/// What the bar is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Times,
    Line,
    Peers,
    Curve,
}

/// How the replay stands, as a glyph and as many words as so many columns take; nothing where they take none.
pub(super) fn state(replay: &Watched, columns: u16) -> Spans {
    let playback = &replay.playback;
    let (glyph, role, stands) = match () {
        () if playback.playing => ("▸", Role::Progress, ""),
        () if replay.is_over() => ("‖", Role::Barred, ", its end"),
        () => ("‖", Role::Barred, ", stopped"),
    };
    let speed = playback.speed;
    let named = |most| format!(" replay of {}, {speed}×{stands}", clip(&replay.name, most));
    let wordings = [
        named(40),
        named(20),
        format!(" replay {speed}×{stands}"),
        format!(" replay {speed}×"),
        format!(" {speed}×"),
    ];
    let fits = wordings.into_iter().find(|words| paint::width(words) < usize::from(columns));
    fits.map_or_else(Spans::new, |words| Spans::new().add(role, glyph).add(Role::Text, words))
}

/// Rows of the bar and its curve on a screen; none where no recording is shown, or where there are so few rows that the
/// bar takes the place of the keys.
pub(super) fn rows(screen: Rect, model: &Model) -> u16 {
    let (columns, rows) = (screen.width, screen.height);
    let more = MORE_FROM.iter().filter(|from| rows >= **from && columns >= CURVE_COLUMNS).count();
    match model.replay {
        Some(_) if rows >= OWN_ROW_FROM => 1 + more as u16,
        _ => 0,
    }
}

/// Draws the bar into an area of as many rows as [`rows`] says.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, replay: &Watched) {
    use Part::{Curve, Line, Peers, Times};
    let claims =
        [up_to(Line, 1), up_to(Curve, 1), up_to(Times, 1), up_to(Curve, 2), up_to(Peers, 1), rest(Curve)];
    let flow = Flow::new(inset(area, 1, 1), &[Times, Line, Peers, Curve], &claims);
    let row = flow.of(Line);
    let (from, to) = (time(replay.playback.position), time(replay.playback.end));
    // The line stays where it is while the time beside it gets longer.
    let scale = if flow.of(Curve).is_empty() { 0 } else { SCALE };
    let before = (to.len() as u16).max(from.len() as u16).max(scale);
    let line = inset(row, before + 1, to.len() as u16 + 1);
    pen.put_right(row.x + before, row.y, before, &from, Role::Strong);
    pen.put_right(row.right(), row.y, row.width.saturating_sub(before + 1), &to, Role::Text);
    let line = Timeline::new(line, &replay.playback);
    let below = |part: Part| Rect { x: line.area.x, width: line.area.width, ..flow.of(part) };
    times(pen, below(Times), &line, replay);
    marks(pen, &line, replay);
    peers(pen, below(Peers), before, &line, replay);
    rates(pen, below(Curve), before, &line, replay);
    // Where it is, through all of it.
    let here = line.area.x + line.column(replay.playback.position);
    for part in [Line, Peers, Curve] {
        for y in below(part).top()..below(part).bottom() {
            pen.put(here, y, line.area.width.min(1), "┃", Role::Strong);
        }
    }
    pen.targets.add(Rect { y: area.y, height: area.height, ..line.area }, Target::Time(line));
}

/// Times of the run, as many as there is room for, and above the cursor its own.
fn times(pen: &mut Pen<'_>, area: Rect, line: &Timeline, replay: &Watched) {
    if area.is_empty() {
        return;
    }
    let (begin, end) = (replay.playback.begin, replay.playback.end);
    let whole = end.saturating_sub(begin).as_secs();
    let fits = u64::from(area.width / A_TIME).max(1);
    let Some(step) = STEPS_S.into_iter().find(|step| whole / step < fits) else { return };
    let ticks = (begin.as_secs().div_ceil(step)..).map(|tick| At::from_secs(tick * step));
    let here = line.column(replay.playback.position);
    let now = format!(" {} ", time(replay.playback.position));
    let columns = paint::width(&now) as u16;
    let from = here.saturating_sub(columns / 2).min(area.width.saturating_sub(columns));
    for tick in ticks.take_while(|tick| *tick <= end) {
        let (at, said) = (line.column(tick), time(tick));
        // What the cursor's time would cover is left out.
        let to = at + paint::width(&said) as u16;
        if to <= area.width && (to <= from || at >= from + columns) {
            pen.put(area.x + at, area.y, area.width - at, &said, Role::Dim);
        }
    }
    pen.put(area.x + from, area.y, columns, &now, Role::Strong);
}

/// The line of time, with what happened on it.
fn marks(pen: &mut Pen<'_>, line: &Timeline, replay: &Watched) {
    let Rect { x, y, width, .. } = line.area;
    let here = line.column(replay.playback.position);
    for at in 0..width {
        let (glyph, role) = if at < here { ("━", Role::Progress) } else { ("─", Role::Rule) };
        pen.put(x + at, y, 1, glyph, role);
    }
    // There are fewer pieces than failures, and fewer verdicts than either: they go on top.
    let look = |kind: MarkKind| match kind {
        MarkKind::Failure => Some((0, "✗", Role::Harmless)),
        MarkKind::PieceFailed => Some((1, "x", Role::Trouble)),
        MarkKind::Verdict(_) => Some((2, "▲", Role::Warning)),
        MarkKind::Came | MarkKind::Went => None,
    };
    for layer in 0..3 {
        for mark in replay.playback.marks.iter() {
            if let Some((_, glyph, role)) = look(mark.kind).filter(|(of, ..)| *of == layer) {
                pen.put(x + line.column(mark.at), y, width.min(1), glyph, role);
            }
        }
    }
}

/// Who came and who went, by column: what there is more of.
fn peers(pen: &mut Pen<'_>, area: Rect, before: u16, line: &Timeline, replay: &Watched) {
    if area.is_empty() {
        return;
    }
    pen.put_right(area.x - 1, area.y, before, "peers", Role::Dim);
    let mut balance = vec![(0_u32, 0_u32); usize::from(area.width)];
    for mark in replay.playback.marks.iter() {
        let Some((came, went)) = balance.get_mut(usize::from(line.column(mark.at))) else { continue };
        *came += u32::from(mark.kind == MarkKind::Came);
        *went += u32::from(mark.kind == MarkKind::Went);
    }
    for (x, (came, went)) in (area.x..).zip(balance) {
        match came.cmp(&went) {
            _ if came + went == 0 => {}
            Ordering::Less => _ = pen.put(x, area.y, 1, "–", Role::Text),
            Ordering::Equal | Ordering::Greater => _ = pen.put(x, area.y, 1, "+", Role::Sending),
        }
    }
}

/// How fast data came over the whole recording, what was played in colour.
fn rates(pen: &mut Pen<'_>, area: Rect, before: u16, line: &Timeline, replay: &Watched) {
    if area.is_empty() {
        return;
    }
    let playback = &replay.playback;
    let points = graph::points_in(area.width, pen.look.glyphs);
    let values = playback.curve.parts(playback.end.saturating_sub(playback.begin), points);
    let most = values.iter().copied().max().unwrap_or(0);
    let (full, label) = graph::scale(most, pen.look.units);
    let label = format!("{label}↓");
    pen.put_right(area.x - 1, area.y, before, &label, Role::Dim);
    graph::draw(pen, area, Points { values: &values, full, ramp: |_| Role::Rule }, Grows::Up);
    let here = line.column(playback.position);
    let played = Rect { width: here + 1, ..area }.intersection(area);
    for at in played.positions() {
        pen.recolour(at.x, at.y, Role::GraphDown(graph::step(area, at.y, Grows::Up)));
    }
}
