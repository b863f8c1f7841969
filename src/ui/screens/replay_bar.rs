//! The bar of a replay, above the key line: where it is, what fell where, and how fast data came.
//!
//! ```text
//!      0:09 ━━━━━━━━━━━┃─────✗─✗✗──────▲───────────────────────────────── 28:51
//!  20 MiB ↓ ⣀⣤⣶⣿⣿⣿⣿⣶⣤⣀⣀⣠⣴⣶⣶⣶⣦⣤⣄⣀⣀⣠⣴⣶⣶⣶⣦⣤⣄⣀⣠⣴⣶⣦⣤⣄
//! ```

use ratatui::layout::Rect;

use crate::record::MarkKind;
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen, Spans, clip, inset, take_top};
use crate::ui::replay::{Timeline, Watched, time};
use crate::ui::theme::Role;
use crate::ui::widgets::graph::{self, Grows};

/// From this many rows on the bar has one of its own; below it takes the place of the keys.
const OWN_ROW_FROM: u16 = 8;
/// From this many rows on the curve of the rate has one, two or three.
const CURVE_FROM: [u16; 3] = [22, 32, 50];
/// From this many columns on there is a curve at all.
const CURVE_COLUMNS: u16 = 60;
/// Columns of the scale beside the curve, and of the time above it.
const SCALE: u16 = 9;

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
    let curve = CURVE_FROM.iter().filter(|from| rows >= **from && columns >= CURVE_COLUMNS).count();
    match model.replay {
        Some(_) if rows >= OWN_ROW_FROM => 1 + curve as u16,
        _ => 0,
    }
}

/// Draws the bar into the area's first row, and the curve of the rate into the others.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, replay: &Watched) {
    let mut curve = inset(area, 1, 1);
    let row = take_top(&mut curve, 1);
    let (from, to) = (time(replay.playback.position), time(replay.playback.end));
    // The line stays where it is while the time beside it gets longer.
    let before = (to.len() as u16).max(from.len() as u16).max(if curve.is_empty() { 0 } else { SCALE });
    let line = inset(row, before + 1, to.len() as u16 + 1);
    pen.put_right(row.x + before, row.y, before, &from, Role::Strong);
    pen.put_right(row.right(), row.y, row.width.saturating_sub(before + 1), &to, Role::Text);
    let line = Timeline::new(line, &replay.playback);
    marks(pen, &line, replay);
    let below = Rect { x: line.area.x, width: line.area.width, ..curve };
    rates(pen, below, before, &line, replay);
    let clicked = Rect { height: area.height, ..line.area };
    pen.targets.add(clicked, Target::Time(line));
}

/// The line of time, with the marks on it. The cursor always shows.
fn marks(pen: &mut Pen<'_>, line: &Timeline, replay: &Watched) {
    let Rect { x, y, width, .. } = line.area;
    let here = line.column(replay.playback.position);
    for at in 0..width {
        let (glyph, role) = if at < here { ("━", Role::Progress) } else { ("─", Role::Dim) };
        pen.put(x + at, y, 1, glyph, role);
    }
    // There are fewer verdicts than failures: they go on top.
    for kind_is_failure in [true, false] {
        let is_shown = |kind| (kind == MarkKind::Failure) == kind_is_failure;
        for mark in replay.playback.marks.iter().filter(|mark| is_shown(mark.kind)) {
            let glyph = if kind_is_failure { "✗" } else { "▲" };
            pen.put(x + line.column(mark.at), y, width.min(1), glyph, Role::Trouble);
        }
    }
    pen.put(x + here, y, width.min(1), "┃", Role::Strong);
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
    let label = format!("{label} ↓");
    pen.put_right(area.x - 1, area.y, before, &label, Role::Dim);
    graph::draw(pen, area, &values, full, Grows::Up, Role::Dim);
    let here = line.column(playback.position);
    let played = Rect { width: here + 1, ..area }.intersection(area);
    for at in played.positions() {
        pen.recolour(at.x, at.y, Role::Down);
    }
}
