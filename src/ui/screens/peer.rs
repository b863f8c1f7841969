//! A peer's page: its rates, how it stands and why, every attempt, and the handshakes side by side. From
//! [`TWO_COLUMNS_FROM`] columns on how it stands and the attempts are beside each other.

use ratatui::layout::Rect;

use super::peer_state::headline;
use super::{log, more, peer_attempts, peer_bytes, peer_rate, peer_state};
use crate::event::Attempt;
use crate::ledger::{LogLine, PeerRecord, View};
use crate::ui::action::Action;
use crate::ui::model::{self, Model};
use crate::ui::paint::{Pen, Spans, clip_address, inset, take_top, width, wrap};
use crate::ui::theme::Role;
use crate::ui::words::Standing;

/// Columns of a page that has two.
const TWO_COLUMNS_FROM: u16 = 120;
/// Columns between them.
const GAP: u16 = 2;
/// Columns of a page that shows what the log says of the peer.
const LOG_FROM: u16 = 100;
/// Lines of the log that a page shows, at least where there are so many, and at most.
const LOG_LINES: (usize, usize) = (4, 10);
/// Rows of the head.
const HEAD: u16 = 2;

/// A line of the page below the rates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// Across the page.
    Whole(Spans),
    /// Beside each other.
    Halves(Spans, Spans),
}

/// Columns of the two halves of so many.
fn halves(room: u16) -> (u16, u16) {
    let left = room * 2 / 5;
    (left, room.saturating_sub(left + GAP))
}

/// A title with a rule, as a line of spans.
pub(super) fn rule(title: &str, right: &str, room: usize) -> Spans {
    let right = if width(title) + width(right) + 6 <= room { right } else { "" };
    let used = width(title) + 1 + if right.is_empty() { 0 } else { width(right) + 4 };
    let mut line = Spans::new().add(Role::Strong, title).add(Role::Dim, " ");
    line.push(Role::Rule, "─".repeat(room.saturating_sub(used)));
    if !right.is_empty() {
        line.push(Role::Dim, format!(" {right} "));
        line.push(Role::Rule, "──");
    }
    line
}

/// The lines of the page below its rates.
pub(super) fn lines(peer: &PeerRecord, model: &Model, view: &View, columns: u16, bytes: bool) -> Vec<Line> {
    let room = columns.saturating_sub(2);
    let mut lines = Vec::new();
    if columns >= TWO_COLUMNS_FROM {
        let (left, right) = halves(room);
        let mut stands = peer_state::lines(peer, model, view, left.into());
        let mut tried = peer_attempts::lines(peer, model, view, right.into());
        let free = stands.len().saturating_sub(tried.len() + 1);
        tried.extend(happened(peer, model, view, right.into(), free.clamp(LOG_LINES.0, LOG_LINES.1)));
        let rows = stands.len().max(tried.len());
        stands.resize(rows, Spans::new());
        tried.resize(rows, Spans::new());
        lines.extend(stands.into_iter().zip(tried).map(|(left, right)| Line::Halves(left, right)));
    } else {
        lines.extend(peer_state::lines(peer, model, view, room.into()).into_iter().map(Line::Whole));
        lines.extend(peer_attempts::lines(peer, model, view, room.into()).into_iter().map(Line::Whole));
        if columns >= LOG_FROM {
            lines.extend(happened(peer, model, view, room.into(), LOG_LINES.1).into_iter().map(Line::Whole));
        }
    }
    lines.extend(handshake(peer, model, columns, bytes).into_iter().map(Line::Whole));
    lines
}

/// The last lines of the log about it, in at most so many rows.
fn happened(peer: &PeerRecord, model: &Model, view: &View, room: usize, most: usize) -> Vec<Spans> {
    let about = view.log.iter().rev().filter(|line| line.peer == Some(peer.key));
    let mut rows: Vec<Spans> = Vec::new();
    for line in about.take(most) {
        let shown = event(line, room);
        if rows.len() + shown.len() > most {
            break;
        }
        rows.extend(shown.into_iter().rev());
    }
    if !rows.is_empty() {
        rows.push(rule("Log", &model.hint(Action::PeerLog, "all its lines"), room));
        rows.reverse();
    }
    rows
}

/// A line of the log, in as many rows as it takes; the peer itself is not named again.
fn event(line: &LogLine, room: usize) -> Vec<Spans> {
    let s = line.at.as_secs();
    let at = format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
    let (glyph, hue, words) = log::sign(line.severity);
    let (_, what) = log::split(&line.text);
    let texts = wrap(what, room.saturating_sub(11).max(1));
    let row = |(nth, text): (usize, Spans)| {
        let (at, glyph) = if nth == 0 { (at.as_str(), glyph) } else { ("", " ") };
        Spans::new().add(Role::Dim, format!("{at:<9}")).add(hue, glyph).add(Role::Text, " ").and(text)
    };
    log::tinted(&texts, what, words).into_iter().enumerate().map(row).collect()
}

/// Rows of a page of so many that are not for its lines.
pub(super) fn rows_above(peer: &PeerRecord, rows: u16) -> u16 {
    HEAD + peer_rate::rows(peer, rows)
}

/// The handshakes of the last attempt in which any bytes went.
fn handshake(peer: &PeerRecord, model: &Model, columns: u16, bytes: bool) -> Vec<Spans> {
    let told = |attempt: &&Attempt| !attempt.sent.is_empty() || !attempt.received.is_empty();
    let by_answer = peer.attempts.iter().rev().find(|attempt| !attempt.received.is_empty());
    let Some(attempt) = by_answer.or_else(|| peer.attempts.iter().rev().find(told)) else {
        return Vec::new();
    };
    let key = model.hint(Action::Open, if bytes { "field by field" } else { "all 68 bytes" });
    let mut lines = vec![rule(
        &format!("Handshake of attempt {}", attempt.number),
        &key,
        usize::from(columns.saturating_sub(2)),
    )];
    lines.extend(if bytes {
        peer_bytes::all(attempt, columns)
    } else {
        peer_bytes::fields(attempt, columns)
    });
    lines
}

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View, bytes: bool) {
    let Some(peer) = model.selected.and_then(|key| model::peer(view, key)) else {
        pen.put(area.x + 1, area.y, area.width.saturating_sub(2), "This peer is gone.", Role::Text);
        return;
    };
    let mut body = area;
    let row = inset(take_top(&mut body, 1), 1, 1);
    let standing = Standing::of(peer, view.at);
    let state = Spans::new()
        .add(standing.roles().0, standing.glyph())
        .add(Role::Text, " ")
        .add(standing.roles().1, headline(peer, view));
    let address = clip_address(&peer.addr.to_string(), usize::from(row.width / 2)).into_owned();
    let used = pen.put(row.x, row.y, row.width, &address, Role::Strong);
    pen.spans_right(row.right(), row.y, row.width.saturating_sub(used + 2), &state);
    let row = inset(take_top(&mut body, 1), 1, 1);
    let mut who = Spans::new();
    if let Some(id) = peer.peer_id {
        who.push(Role::Text, id.printable().chars().take(8).collect::<String>());
        who.push(Role::Text, format!(" {}", peer.client.as_deref().unwrap_or("a client we do not know")));
    }
    if let Some(name) = &peer.info.calls_itself {
        who.push(Role::Dim, format!("   calls itself {name}"));
    }
    let rows = model.rows(view);
    let place = rows.into_iter().position(|key| key == peer.key).map_or(0, |at| at + 1);
    let count = format!("peer {place} of {}", model.rows(view).count());
    let right = pen.put_right(row.right(), row.y, row.width, &count, Role::Dim);
    pen.spans(row.x, row.y, row.width.saturating_sub(right + 2), &who);
    peer_rate::draw(pen, take_top(&mut body, peer_rate::rows(peer, area.height)), peer);
    let lines = lines(peer, model, view, area.width, bytes);
    let (off, mut body) = more::window(pen, body, model, (lines.len(), 1), model.scrolls.peer);
    for line in lines.iter().skip(off) {
        let row = take_top(&mut body, 1);
        if row.is_empty() {
            return;
        }
        let room = row.width.saturating_sub(2);
        match line {
            Line::Whole(text) => _ = pen.spans(row.x + 1, row.y, room, text),
            Line::Halves(one, other) => {
                let (left, right) = halves(room);
                pen.spans(row.x + 1, row.y, left, one);
                pen.spans(row.x + 1 + left + GAP, row.y, right, other);
            }
        }
    }
}
