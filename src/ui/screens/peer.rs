//! A peer's page: what its state means, every attempt, and the handshakes side by side.

use std::time::Duration;

use ratatui::layout::Rect;

use super::page::Page;
use super::{more, peer_bytes};
use crate::event::{Attempt, Cause, Phase, Sample, Source, advised};
use crate::ledger::{LogLine, PeerRecord, View};
use crate::ui::action::Action;
use crate::ui::calendar::Calendar;
use crate::ui::columns::words_of_source;
use crate::ui::model::{self, Model};
use crate::ui::paint::{Pen, Spans, clip_address, inset, take_top, wrap};
use crate::ui::theme::Role;
use crate::ui::words::{self, Standing};
use crate::units::{self, Units};

/// Lines of the log that a page shows.
const LAST_LINES: usize = 10;

/// What the state means, in a few words beside the address.
fn headline(peer: &PeerRecord, view: &View) -> String {
    match Standing::of(peer, view.at) {
        Standing::Sending => "sending: live, and blocks come".to_owned(),
        Standing::Unchoked => "unchoked: we may ask, but nothing comes".to_owned(),
        Standing::Taking => "taking: it downloads from us".to_owned(),
        Standing::Choked => "choked: live, but choking us".to_owned(),
        Standing::Idle if words::stands_still(view) => "live; the download stands still".to_owned(),
        Standing::Idle => "idle: live, we need nothing it has".to_owned(),
        Standing::Held => "held by you: live, nothing asked nor sent".to_owned(),
        Standing::Trying => "an attempt is under way".to_owned(),
        Standing::Queued => "not started; queued".to_owned(),
        standing => format!(
            "{}: not connected",
            match standing {
                Standing::Banned => "banned",
                Standing::Dropped => "dropped by you",
                _ => words::state_word(peer, view.at),
            }
        ),
    }
}

/// What is known about why, and what to try.
fn meaning(peer: &PeerRecord, model: &Model, view: &View) -> String {
    let mut said: Vec<String> = Vec::new();
    if peer.found_out().is_some() {
        said.push(
            "It hung up on our plain handshake and answered the encrypted one: it seems to take encrypted connections \
             only."
                .to_owned(),
        );
    }
    // In a recording no key does anything to it.
    let by_key = |action, words: &str| match model.replay {
        Some(_) => String::new(),
        None => model.hint(action, words),
    };
    let mut advice = String::new();
    match Standing::of(peer, view.at) {
        Standing::Sending => said.push("It sends what we ask for. All is well.".to_owned()),
        Standing::Unchoked if view.phase == Phase::Downloading => {
            said.push(
                "It lets us ask (it unchoked us) and sends nothing. Its blocks are asked of others too."
                    .to_owned(),
            );
            let drops = by_key(Action::Drop, "if it goes on (it drops the peer)");
            advice = if drops.is_empty() { "nothing.".to_owned() } else { format!("nothing, or {drops}.") };
        }
        Standing::Unchoked => said.push("It would let us ask; nothing is asked now.".to_owned()),
        Standing::Choked => {
            said.push(
                "It serves others first (it chokes us). That often ends by itself; where many want data from it, a turn \
                 can take minutes."
                    .to_owned(),
            );
            advice = "nothing to do but wait.".to_owned();
        }
        Standing::Taking => said.push("It takes what we have, and we miss nothing that it has.".to_owned()),
        Standing::Idle if words::stands_still(view) => {
            said.push("Connected; nothing is asked nor sent until the download goes on.".to_owned());
            advice = by_key(Action::Pause, "goes on.");
        }
        Standing::Idle => {
            said.push("Connected, but it has nothing that we miss, and takes nothing now.".to_owned())
        }
        Standing::Held => {
            said.push("You hold it: it stays connected, and nothing is asked nor sent.".to_owned());
            advice = by_key(Action::Hold, "lets it go on.");
        }
        Standing::Trying => {
            said.push(format!("Under way: {}.", words::row_reason(peer, view.at)));
        }
        Standing::Queued if view.taken_places().is_some() => {
            let full = Cause::ConnectionLimit.info();
            said.push(format!("It is not dialled yet. {}", full.sentence));
            advice = lower_first(full.advice);
        }
        Standing::Queued if peer.cause.is_none() => {
            said.push(Cause::Queued.info().sentence.to_owned());
        }
        _ => {
            if let Some(cause) = peer.cause {
                said.push(words::meaning(cause, std::iter::once(peer)).to_owned());
                advice = lower_first(cause.info().advice);
            }
            if let Some((_, reason)) = peer.banned.as_ref().filter(|(_, reason)| !reason.is_empty()) {
                said.push(format!("Banned: {reason}."));
            }
        }
    }
    if peer.claims_two_clients() {
        said.push(
            "Its peer id names one client and it calls itself another: one of the two is not true."
                .to_owned(),
        );
    }
    if peer.failed_pieces > 0 {
        said.push(format!("{} pieces with blocks of it failed their check.", peer.failed_pieces));
    }
    if !advice.is_empty() {
        said.push(advised(&advice));
    }
    said.join(" ")
}

/// A sentence as it stands behind a colon.
fn lower_first(sentence: &str) -> String {
    let mut lowered = sentence.to_owned();
    if let Some(first) = lowered.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    lowered
}

/// The time of day (UTC) to the millisecond: `14:02:11.204`. Where the start of the run is not known, time since
/// then: `1:02.204`.
fn clock(at: Duration, started: &Calendar) -> String {
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

/// One attempt as a row; `scale` is the longest of them in milliseconds, and `bar` the room for its bar.
fn attempt_row(
    attempt: &Attempt,
    began: String,
    peer: &PeerRecord,
    view: &View,
    bar: u16,
    scale: u128,
) -> Spans {
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
        .add(Role::Text, format!("{began:<12} {:<14} {:>5} {:>7}  ", words::how(attempt), shown(open), sent));
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
    if bar > 0 {
        let used = row.width();
        row.push(Role::Text, " ".repeat(88_usize.saturating_sub(used)));
        let length = |ms: u128| (ms * u128::from(bar) / scale.max(1)).min(u128::from(bar)) as usize;
        let opened = length(ms(attempt.connected).unwrap_or(0));
        let whole = ms(attempt.handshaken).or_else(|| ms(attempt.ended)).map_or(opened, length).max(opened);
        row.push(Role::Dim, "─".repeat(opened));
        let role = if attempt.handshaken.is_some() { Role::Sending } else { Role::Harmless };
        row.push(role, "━".repeat(whole - opened));
    }
    row
}

/// What the bars of attempts mean, and up to when they reach.
fn scale_head(bar: u16, scale: u128) -> String {
    if bar == 0 {
        return String::new();
    }
    let (means, end) = ("─ opening ━ handshake", milliseconds(scale));
    let gap = usize::from(bar).saturating_sub(means.chars().count() + end.len());
    format!("{means}{}{end}", " ".repeat(gap.max(1)))
}

fn milliseconds(ms: u128) -> String {
    if ms < 10_000 { ms.to_string() } else { words::span(Duration::from_millis(ms as u64)) }
}

/// A title with a rule, as a line of spans.
fn rule(title: &str, right: &str, columns: u16) -> Spans {
    let columns = usize::from(columns.saturating_sub(2));
    let used = title.chars().count() + 1 + if right.is_empty() { 0 } else { right.chars().count() + 4 };
    let mut line = Spans::new().add(Role::Strong, title).add(Role::Dim, " ");
    line.push(Role::Dim, "─".repeat(columns.saturating_sub(used)));
    if !right.is_empty() {
        line.push(Role::Dim, format!(" {right} ──"));
    }
    line
}

/// The lines of the page below its head.
pub(super) fn lines(peer: &PeerRecord, model: &Model, view: &View, columns: u16, bytes: bool) -> Vec<Spans> {
    let room = usize::from(columns.saturating_sub(2)).clamp(1, 100);
    let mut lines = vec![Spans::new()];
    lines.extend(
        wrap(&meaning(peer, model, view), room).into_iter().map(|line| Spans::new().add(Role::Text, line)),
    );
    lines.push(Spans::new());
    if peer.attempts.is_empty() {
        lines.push(rule("Attempts", "", columns));
        lines.push(Spans::new().add(Role::Dim, "none yet"));
    } else {
        lines.push(rule("Attempts", "milliseconds", columns));
        let bar = if columns >= 110 { columns - 92 } else { 0 };
        let took = |attempt: &Attempt| {
            let end = attempt.handshaken.or(attempt.ended).or(attempt.connected);
            end.map_or(0, |end| words::ms_between(attempt.began, end))
        };
        let scale = peer.attempts.iter().map(took).max().unwrap_or(0);
        let head = format!(
            "    {:<12} {:<14} {:>5} {:>7}  {:>8}  {:<31}{}",
            if model.started.is_known() { "BEGAN (UTC)" } else { "BEGAN" },
            "HOW",
            "OPEN",
            "SENT",
            "ANSWER",
            "END",
            scale_head(bar, scale)
        );
        lines.push(Spans::new().add(Role::Dim, head.trim_end()));
        lines.extend(peer.attempts.iter().rev().map(|attempt| {
            attempt_row(attempt, clock(attempt.began, &model.started), peer, view, bar, scale)
        }));
        let told = peer.attempts.iter().rev().find_map(|attempt| {
            let error = attempt.error.as_ref().map(|error| error.text.clone());
            Some((attempt.number, attempt.detail.clone().or(error)?))
        });
        if let Some((number, text)) = told {
            lines.push(Spans::new().add(Role::Dim, format!("    attempt {number}: {text}")));
        }
    }
    lines.push(Spans::new());
    lines.extend(handshake(peer, model, columns, bytes));
    lines.extend(facts(peer, view, columns, &model.started, model.look.units));
    lines.extend(happened(peer, model, view, columns));
    lines
}

/// The last lines of the log about it, where there is room for them.
fn happened(peer: &PeerRecord, model: &Model, view: &View, columns: u16) -> Vec<Spans> {
    let about = view.log.iter().rev().filter(|line| line.peer == Some(peer.key));
    let mut last: Vec<&LogLine> = about.take(LAST_LINES).collect();
    if columns < 100 || last.is_empty() {
        return Vec::new();
    }
    last.reverse();
    let room = usize::from(columns.saturating_sub(16));
    let mut lines = vec![Spans::new(), rule("Log", &model.hint(Action::PeerLog, "all its lines"), columns)];
    for line in last {
        let s = line.at.as_secs();
        let at = format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
        for (nth, text) in wrap(&line.text, room).into_iter().enumerate() {
            let at = if nth == 0 { at.as_str() } else { "" };
            lines.push(Spans::new().add(Role::Dim, format!("{at:<9}")).add(Role::Text, text));
        }
    }
    lines
}

/// The handshakes of the last attempt in which any bytes went.
fn handshake(peer: &PeerRecord, model: &Model, columns: u16, bytes: bool) -> Vec<Spans> {
    let told = |attempt: &&Attempt| !attempt.sent.is_empty() || !attempt.received.is_empty();
    let by_answer = peer.attempts.iter().rev().find(|attempt| !attempt.received.is_empty());
    let Some(attempt) = by_answer.or_else(|| peer.attempts.iter().rev().find(told)) else {
        return Vec::new();
    };
    let key = model.hint(Action::Open, if bytes { "field by field" } else { "all 68 bytes" });
    let mut lines = vec![rule(&format!("Handshake of attempt {}", attempt.number), &key, columns)];
    lines.extend(if bytes {
        peer_bytes::all(attempt, columns)
    } else {
        peer_bytes::fields(attempt, columns)
    });
    lines.push(Spans::new());
    lines
}

/// What changes how a live peer stands.
fn next_look(peer: &PeerRecord, view: &View) -> &'static str {
    match Standing::of(peer, view.at) {
        Standing::Sending => "when it stops sending",
        Standing::Unchoked if view.phase == Phase::Downloading => "when a block comes",
        Standing::Choked => "when it unchokes",
        Standing::Held => "when you let go",
        Standing::Idle | Standing::Unchoked if words::stands_still(view) => "when you go on",
        _ => "when it has what we miss",
    }
}

/// Who named it, when that was last, and when it is asked again.
fn from_words(source: Source, view: &View, started: &Calendar) -> String {
    let mut said = words_of_source(source, view);
    if let Some(key) = source.tracker()
        && let Some(tracker) = view.tracker(key)
    {
        let at = |at: Duration| clock(at, started).split('.').next().unwrap_or_default().to_owned();
        if let (Some(_), Some(answered)) = (tracker.answer(), tracker.answered) {
            said += &format!(" at {}", at(answered));
        }
        if let Some(next) = tracker.next.filter(|next| *next > view.at) {
            said += &format!(", asked again at {}", at(next));
        }
    }
    said
}

/// What went over all its connections, and how fast at this moment.
fn moved(peer: &PeerRecord, units: Units) -> String {
    let way = |bytes: u64, bps: u64, word: &str| {
        let rate = match bps {
            0 => String::new(),
            bps => format!(" at {}", units::rate(bps, units)),
        };
        format!("{} {word}{rate}", units::bytes(bytes, units))
    };
    let Sample { down_bps: down, up_bps: up } = peer.rates;
    format!("{} · {}", way(peer.down_bytes, down, "received"), way(peer.up_bytes, up, "sent"))
}

/// What else is known, at the end of the page.
fn facts(peer: &PeerRecord, view: &View, columns: u16, started: &Calendar, units: Units) -> Vec<Spans> {
    let mut lines = Vec::new();
    let mut fact = |name: &str, text: String| {
        lines.push(Spans::new().add(Role::Dim, format!("{name:<6}")).add(Role::Text, text));
    };
    if peer.is_live() {
        let flags = peer.flags;
        let has = peer.has_percent().map_or_else(String::new, |percent| format!(" · has {percent} %"));
        let side = |chokes: bool, whom: &str, wants: bool| {
            let choking = if chokes { "chokes" } else { "serves" };
            format!("{choking} {whom} · {}interested", if wants { "" } else { "not " })
        };
        let its = side(flags.peer_choking, "us", flags.peer_interested && !peer.info.wants_nothing());
        let only = if peer.info.wants_nothing() { " (upload only)" } else { "" };
        let its = format!("{its}{only}{has}");
        let ours = side(flags.am_choking, "it", flags.am_interested);
        let ours = ours.replacen("chokes", "choke", 1).replacen("serves", "serve", 1);
        let together = format!("{its}        We  {ours}");
        if together.len() + 7 <= usize::from(columns) {
            fact("It", together);
        } else {
            fact("It", its);
            fact("We", ours);
        }
    }
    let moved = moved(peer, units);
    if peer.is_live() {
        let sample = peer.sample;
        let full =
            format!("{moved} · {} requests out, {} wanted", sample.requests_out, sample.request_target);
        let brief = format!("{moved} · {} requests out", sample.requests_out);
        let look = format!("Next look {}", next_look(peer, view));
        let room = usize::from(columns).saturating_sub(8);
        let fits = |text: &String| text.chars().count() <= room;
        let beside = [&full, &brief].map(|data| format!("{data}     {look}"));
        match beside.into_iter().find(fits) {
            Some(text) => fact("Data", text),
            None => {
                fact("Data", [full, brief].into_iter().find(fits).unwrap_or(moved));
                fact("", look);
            }
        }
    } else {
        fact("Data", moved);
    }
    let mut from: Vec<String> =
        peer.sources.iter().map(|source| from_words(*source, view, started)).collect();
    from.dedup();
    for line in wrap(&from.join(" · "), usize::from(columns.saturating_sub(9)).max(1)) {
        fact(if from.is_empty() { "" } else { "From" }, line);
        from.clear();
    }
    let next = words::next_step(peer, view, false);
    if !next.is_empty() && !peer.is_live() {
        fact("Next", next);
    }
    if !peer.info.extensions.is_empty() {
        fact("Takes", peer.info.extensions.join(" · "));
    }
    lines
}

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View, bytes: bool) {
    let Some(peer) = model.selected.and_then(|key| model::peer(view, key)) else {
        pen.put(area.x + 1, area.y, area.width.saturating_sub(2), "This peer is gone.", Role::Text);
        return;
    };
    let page = Page::without_rule(area);
    let row = inset(page.title, 1, 1);
    let standing = Standing::of(peer, view.at);
    let state = Spans::new()
        .add(standing.roles().0, standing.glyph())
        .add(Role::Text, " ")
        .add(standing.roles().1, headline(peer, view));
    let address = clip_address(&peer.addr.to_string(), usize::from(row.width / 2)).into_owned();
    let used = pen.put(row.x, row.y, row.width, &address, Role::Strong);
    pen.spans_right(row.right(), row.y, row.width.saturating_sub(used + 2), &state);
    let row = inset(page.progress, 1, 1);
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
    let lines = lines(peer, model, view, area.width, bytes);
    let (off, mut body) = more::window(pen, page.body, model, (lines.len(), 1), model.scrolls.peer);
    for line in lines.iter().skip(off) {
        let row = take_top(&mut body, 1);
        if row.is_empty() {
            return;
        }
        pen.spans(row.x + 1, row.y, row.width.saturating_sub(2), line);
    }
}
