//! The attempts at a peer: on a row of time, and each with its milliseconds.

use std::time::Duration;

use crate::event::{At, Attempt, Direction};
use crate::ledger::{PeerRecord, View};
use crate::ui::calendar::Calendar;
use crate::ui::model::Model;
use crate::ui::paint::Spans;
use crate::ui::theme::Role;
use crate::ui::widgets::rule;
use crate::ui::widgets::time_row::{Mark, Stretch, TimeRow};
use crate::ui::words;

/// Columns from which on it is told how much was sent, and from which on each attempt has a bar.
const SENT_FROM: usize = 78;
const BAR_FROM: usize = 108;
/// Columns before the bars.
const BEFORE_BAR: usize = 88;

/// The time of day (UTC) to the millisecond: `14:02:11.204`. Where the start of the run is not known, time since
/// then: `1:02.204`.
pub(super) fn clock(at: Duration, started: &Calendar) -> String {
    let day_time = started.day_time(at);
    let time = day_time.unwrap_or(at);
    let s = time.as_secs();
    let (h, m, s, ms) = (s / 3600, s / 60 % 60, s % 60, time.subsec_millis());
    match day_time {
        Some(_) => format!("{:02}:{m:02}:{s:02}.{ms:03}", h % 24),
        None if h > 0 => format!("{h}:{m:02}:{s:02}.{ms:03}"),
        None => format!("{m}:{s:02}.{ms:03}"),
    }
}

/// How the attempts are shown.
#[derive(Clone, Copy)]
struct Table {
    /// With the bytes that were sent.
    sent: bool,
    /// Columns of a bar.
    bar: usize,
    /// The longest of them, milliseconds.
    scale: u128,
}

/// One attempt as a row.
fn attempt_row(attempt: &Attempt, began: String, peer: &PeerRecord, view: &View, table: Table) -> Spans {
    let ms = |at: Option<Duration>| at.map(|at| words::ms_between(attempt.began, at));
    let shown =
        |time: Option<Duration>| time.map_or_else(|| "–".to_owned(), |time| time.as_millis().to_string());
    let (open, shook) = (attempt.connect_time(), attempt.handshake_time());
    let sent = if attempt.handshake_sent.is_some() {
        // What was sent to shake hands: the whole of an attempt that got no further.
        let handshake = attempt.sent.len() as u64;
        let bytes = if attempt.handshaken.is_some() { handshake } else { handshake.max(attempt.bytes_out) };
        format!("{bytes} B")
    } else {
        "–".to_owned()
    };
    let mut row = Spans::new()
        .add(Role::Strong, format!("{:>2}  ", attempt.number.min(999)))
        .add(Role::Text, format!("{began:<12} {:<14} {:>5}  ", words::how(attempt), shown(open)));
    if table.sent {
        row.push(Role::Text, format!("{sent:>6}  "));
    }
    match shook {
        Some(_) => {
            row.push(Role::Progress, "✓");
            row.push(Role::Text, format!("{:>7}  ", shown(shook)));
        }
        None if attempt.handshake_sent.is_some() => {
            row.push(Role::Text, format!("{:>8}  ", format!("{} B", attempt.received.len())));
        }
        None => row.push(Role::Text, format!("{:>8}  ", "–")),
    }
    match (attempt.cause, attempt.ended) {
        (Some(cause), ended) => {
            let took =
                ended.map_or(0, |at| words::ms_between(attempt.connected.unwrap_or(attempt.began), at));
            let good = attempt.handshaken.is_some();
            row.push(if good { Role::Dim } else { Role::Harmless }, if good { "·" } else { "✗" });
            row.push(Role::Text, format!(" {} after {}", cause.info().short, milliseconds(took)));
        }
        (None, None) if peer.is_live() => {
            let since = attempt.handshaken.unwrap_or(attempt.began);
            row.push(Role::Text, format!("live for {}", words::span(view.at.saturating_sub(since))));
        }
        (None, _) => row.push(Role::Text, "under way"),
    }
    if table.bar > 0 {
        let used = row.width();
        row.push(Role::Text, " ".repeat(BEFORE_BAR.saturating_sub(used)));
        let bar = table.bar as u128;
        let length = |ms: u128| (ms * bar / table.scale.max(1)).min(bar) as usize;
        let opened = length(ms(attempt.connected).unwrap_or(0));
        let whole = ms(attempt.handshaken).or_else(|| ms(attempt.ended)).map_or(opened, length).max(opened);
        row.push(Role::Dim, "─".repeat(opened));
        let role = if attempt.handshaken.is_some() { Role::Sending } else { Role::Harmless };
        row.push(role, "━".repeat(whole - opened));
    }
    row
}

/// What the bars of attempts mean, and up to when they reach.
fn scale_head(bar: usize, scale: u128) -> String {
    if bar == 0 {
        return String::new();
    }
    let (means, end) = ("─ opening ━ handshake", milliseconds(scale));
    let gap = bar.saturating_sub(means.chars().count() + end.len());
    format!("{means}{}{end}", " ".repeat(gap.max(1)))
}

/// Milliseconds, or a time in words where they are many.
pub(super) fn milliseconds(ms: u128) -> String {
    if ms < 10_000 { ms.to_string() } else { words::span(Duration::from_millis(ms as u64)) }
}

/// All attempts on one row of time: what came of each, for how long it was live, and when the next one is.
fn time_row(peer: &PeerRecord, view: &View) -> TimeRow {
    let now = view.at;
    let from = peer.attempts.iter().map(|attempt| attempt.began).min().unwrap_or(now);
    let mut row = TimeRow { from, now, ..TimeRow::default() };
    for attempt in &peer.attempts {
        let until = attempt.ended.unwrap_or(now);
        row.stretches.push(Stretch { from: attempt.began, to: until, glyph: "━", role: Role::Dim });
        if let Some(live) = attempt.handshaken {
            let role = if attempt.ended.is_some() { Role::Dim } else { Role::Sending };
            row.stretches.push(Stretch { from: live, to: until, glyph: "━", role });
        }
    }
    // What came last is what one looks for, and of each attempt how it ended.
    row.marks = peer.attempts.iter().rev().flat_map(marks).collect();
    row.next = peer
        .next_try
        .filter(|next| *next > now && !peer.is_live())
        .map(|_| ("◌", words::next_step(peer, view, false), Role::Waiting));
    row
}

/// The moments of an attempt, the most important first.
fn marks(attempt: &Attempt) -> impl Iterator<Item = Mark> {
    let mark = |at: Option<At>, glyph, word: &str, roles| {
        at.map(|at| Mark { at, glyph, word: word.to_owned(), roles })
    };
    let (glyph, role) =
        if attempt.handshaken.is_some() { ("·", Role::Dim) } else { ("✗", Role::Harmless) };
    let ended = attempt.cause.and_then(|cause| mark(attempt.ended, glyph, cause.info().short, (role, role)));
    let shook = mark(attempt.handshaken, "✓", "shook hands", (Role::Progress, Role::Text));
    let open = mark(attempt.connected, "○", "connected", (Role::Text, Role::Text));
    let began = mark(Some(attempt.began), "◌", "dialled", (Role::Waiting, Role::Waiting));
    let began = began.filter(|_| attempt.direction == Direction::Out);
    [ended, shook, open, began].into_iter().flatten()
}

/// The attempts below a rule, in so many columns.
pub(super) fn lines(peer: &PeerRecord, model: &Model, view: &View, room: usize) -> Vec<Spans> {
    if peer.attempts.is_empty() {
        return vec![rule::line("Attempts", "", room), Spans::new().add(Role::Dim, "none yet")];
    }
    let row = time_row(peer, view);
    let span = words::span(row.now.saturating_sub(row.from));
    let mut lines = vec![rule::line("Attempts", &format!("{span} until now · below in milliseconds"), room)];
    lines.extend(row.lines(room));
    let bar = if room >= BAR_FROM { room - BEFORE_BAR - 2 } else { 0 };
    let took = |attempt: &Attempt| {
        let end = attempt.handshaken.or(attempt.ended).or(attempt.connected);
        end.map_or(0, |end| words::ms_between(attempt.began, end))
    };
    let scale = peer.attempts.iter().map(took).max().unwrap_or(0);
    let table = Table { sent: room >= SENT_FROM, bar, scale };
    let began = if model.started.is_known() { "BEGAN (UTC)" } else { "BEGAN" };
    let mut head = format!("    {began:<12} {:<14} {:>5}  ", "HOW", "OPEN");
    if table.sent {
        head += &format!("{:>6}  ", "SENT");
    }
    head += &format!("{:>8}  {:<31}{}", "ANSWER", "END", scale_head(bar, scale));
    lines.push(Spans::new().add(Role::Dim, head.trim_end()));
    lines.extend(
        peer.attempts
            .iter()
            .rev()
            .map(|attempt| attempt_row(attempt, clock(attempt.began, &model.started), peer, view, table)),
    );
    let told = peer.attempts.iter().rev().find_map(|attempt| {
        let error = attempt.error.as_ref().map(|error| error.text.clone());
        Some((attempt.number, attempt.detail.clone().or(error)?))
    });
    if let Some((number, text)) = told {
        lines.push(Spans::new().add(Role::Dim, format!("    attempt {number}: {text}")));
    }
    lines
}
