//! A peer's rates at the top of its page: what comes grows upwards, what goes hangs below it, each on its own scale that
//! ends at its peak.
//!
//! ```text
//! Rate ──────────────────────────────────────────────────── last 30 s ──
//! ↓ 6.1 MiB/s          7.2 MiB/s │⠀⠀⣀⣀⣴⣿⣾⣿⣿⣿⣿⣿⣿⣿⣾⣶⣤⣤⣴⣤⣶⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿
//!   peak 7.2 MiB/s             0 │⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿
//! ↑ 201 KiB/s                    │⠛⠛⠛⠉⠉⠉⠉⠉⠉⠉⠙⠛⠛⠛⠛⠛⠛⠛⠛⠛⠛⠛⠛⠛⠛⠛⠛⠛⠉⠉⠉⠉
//!   peak 230 KiB/s     230 KiB/s │
//!                                -30s      -20s       -10s     now
//! ```
//!
//! Of a connection that is younger the graph begins later, in steps of ten seconds.

use ratatui::layout::Rect;

use crate::event::Sample;
use crate::ledger::{PeerRecord, RECENT_SECONDS};
use crate::ui::paint::{Pen, inset, take_bottom, take_top, width};
use crate::ui::theme::Role;
use crate::ui::widgets::graph::{self, Grows, Points};
use crate::units;

/// Rows of a page on which there are rates: on lower ones they stand among the other facts.
const ROWS_FROM: u16 = 18;
/// Rows at least and at most, the rule among them.
const ROWS: (u16, u16) = (6, 13);
/// Columns of what stands beside the graph.
const NAMES: u16 = 19;

/// Columns of the scale of the rates, and of a page from which on there is one.
const SCALE: u16 = 12;
const SCALE_FROM: u16 = 72;
/// Seconds between two marks of the scale of time.
const MARKS: usize = 10;
/// Rows from which on time has a scale.
const TIME_FROM: u16 = 4;

/// How many of the last seconds are shown: as many as there were, in steps.
fn span(peer: &PeerRecord) -> usize {
    (peer.recent.seconds().len().div_ceil(MARKS) * MARKS).clamp(MARKS, RECENT_SECONDS)
}

/// Columns before the graph.
fn before(area: Rect) -> u16 {
    if area.width >= SCALE_FROM { NAMES + SCALE } else { NAMES }
}

/// One way of a connection.
struct Way {
    arrow: &'static str,
    word: &'static str,
    rate: fn(&Sample) -> u64,
    bytes: fn(&PeerRecord) -> u64,
    role: Role,
    ramp: fn(u8) -> Role,
    grows: Grows,
}

const DOWN: Way = Way {
    arrow: "↓",
    word: "received",
    rate: |sample| sample.down_bps,
    bytes: |peer| peer.down_bytes,
    role: Role::Down,
    ramp: Role::GraphDown,
    grows: Grows::Up,
};
const UP: Way = Way {
    arrow: "↑",
    word: "sent",
    rate: |sample| sample.up_bps,
    bytes: |peer| peer.up_bytes,
    role: Role::Up,
    ramp: Role::GraphUp,
    grows: Grows::Down,
};

impl Way {
    /// The most of the last seconds.
    fn peak(&self, peer: &PeerRecord) -> u64 {
        peer.recent.seconds().iter().map(self.rate).max().unwrap_or(0)
    }
}

/// Whether a page of this height has a graph of them.
pub(super) fn has_graph(peer: &PeerRecord, page: u16) -> bool {
    rows(peer, page) > 1
}

/// Rows of the rates on a page of this height, at least.
pub(super) fn rows(peer: &PeerRecord, page: u16) -> u16 {
    match peer.recent.seconds().is_empty() {
        _ if !peer.is_live() || page < ROWS_FROM => 0,
        true => 1,
        false => (page / 4).clamp(ROWS.0, ROWS.1),
    }
}

/// Draws them.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, peer: &PeerRecord) {
    let mut area = inset(area, 1, 1);
    let rule = take_top(&mut area, 1);
    let span = format!("last {} s", span(peer));
    if peer.recent.seconds().is_empty() {
        return pen.rule(rule, "Rate", "nothing came, and nothing went", &span);
    }
    pen.rule(rule, "Rate", "", &span);
    if area.height >= TIME_FROM {
        let row = take_bottom(&mut area, 1);
        time(pen, inset(row, before(row) + 1, 0), self::span(peer));
    }
    // A way on which nothing went has one row; else two thirds are for what comes.
    let down = match (DOWN.peak(peer), UP.peak(peer)) {
        (_, 0) => area.height.saturating_sub(1),
        (0, _) => 1,
        _ => area.height.saturating_sub((area.height / 3).max(2)),
    };
    way(pen, take_top(&mut area, down), peer, &DOWN);
    way(pen, area, peer, &UP);
}

/// Draws the scale of time: the last `span` seconds.
fn time(pen: &mut Pen<'_>, row: Rect, span: usize) {
    let now = "now";
    let end = row.right().saturating_sub(width(now) as u16);
    pen.put(end, row.y, row.right() - end, now, Role::Dim);
    let mut free = row.x;
    for back in (1..=span / MARKS).rev().map(|mark| mark * MARKS) {
        let said = format!("-{back}s");
        let x = row.x + (usize::from(row.width) * (span - back) / span) as u16;
        if x >= free && usize::from(x) + width(&said) + 1 < usize::from(end) {
            free = x + 2 + pen.put(x, row.y, row.width, &said, Role::Dim);
        }
    }
}

/// Draws the scale of the rates beside a graph: its peak where that is reached, half of it, and nothing.
fn scale(pen: &mut Pen<'_>, area: Rect, peak: u64, grows: Grows) {
    let Some(last) = area.height.checked_sub(1).filter(|_| peak > 0) else { return };
    let top = if grows == Grows::Up { 0 } else { last };
    let mut marks = vec![(top, units::rate(peak, pen.look.units))];
    if last > 0 && grows == Grows::Up {
        marks.push((last, "0".to_owned()));
    }
    if last >= 4 {
        marks.push((last / 2, units::rate(peak / 2, pen.look.units)));
    }
    for (row, said) in marks {
        pen.put_right(area.right().saturating_sub(1), area.y + row, area.width, &said, Role::Dim);
    }
}

/// Draws one way: its rate, its peak and its sum, and beside them the graph.
fn way(pen: &mut Pen<'_>, area: Rect, peer: &PeerRecord, way: &Way) {
    let units = pen.look.units;
    let peak = way.peak(peer);
    let lines = [
        format!("{} {}", way.arrow, units::rate((way.rate)(&peer.rates), units)),
        format!("  peak {}", units::rate(peak, units)),
        format!("  {} {}", units::bytes((way.bytes)(peer), units), way.word),
    ];
    let mut names = Rect { width: NAMES.min(area.width), ..area };
    for (line, role) in lines.iter().zip([way.role, Role::Text, Role::Dim]) {
        let row = take_top(&mut names, 1);
        if row.is_empty() || (peak == 0 && role == Role::Text) {
            break;
        }
        pen.put(row.x, row.y, row.width, line, role);
    }
    let graph = inset(area, before(area), 0);
    scale(pen, Rect { x: area.x + NAMES, width: before(area) - NAMES, ..area }, peak, way.grows);
    for y in graph.top()..graph.bottom() {
        pen.put(graph.x, y, graph.width.min(1), "│", Role::Rule);
    }
    let graph = inset(graph, 1, 0);
    let points = graph::points_in(graph.width, pen.look.glyphs);
    let seconds = peer.recent.seconds();
    let span = span(peer);
    let missing = span.saturating_sub(seconds.len());
    let value = |point: usize| {
        let second = (point * span / points.max(1)).checked_sub(missing);
        second.and_then(|second| seconds.get(second)).map_or(0, way.rate)
    };
    let values: Vec<u64> = (0..points).map(value).collect();
    graph::draw(pen, graph, Points { values: &values, full: peak, ramp: way.ramp }, way.grows);
}
