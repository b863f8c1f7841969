//! What a source said, and what became of the peers that it named: below the list of sources, and on a page of its own.
//!
//! ```text
//!  http://tracker.example.org:6969 ── 1 of 2 ─────── Enter lists its peers ──
//!  Tier        1
//!  Last answer ✓ answered, 2m 10s ago
//!  Again       in 27m
//!
//!  Announces ── 1 ──────────────── two scales: 2m 10s past · 27m to come ──
//!  ✓──────────────────────────────────────────────────────┃·················◌
//!  50 peers                                               now    again in 27m
//!
//!  What it said ─────────────────────────────────────────────────────────────
//!  It named 50 peers 2m 10s ago; 50 of the peers it ever named are in the …
//!
//!  What became of its peers ── 50 ── 12 named by nobody else ────────────────
//!  █ 17 live   ▓ 3 not there yet   ▒ 28 failed   · 2 gone
//!      50   all         ████████████████████▓▓▓▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒···
//!       7 ● sending     ████████
//! ```

use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Rect;

use super::page::Page;
use super::{frame, log, more, reach, trackers, web_seed};
use crate::event::{Finder, FinderStatus};
use crate::ledger::{FinderRecord, PastAnnounce, PeerRecord, TrackerRecord, TrackerStatus, View};
use crate::ui::action::Action;
use crate::ui::grid::Context;
use crate::ui::model::Model;
use crate::ui::paint::{Pen, Spans, clip_address, inset, take_top, width, wrap};
use crate::ui::source::{self, SourceRecord};
use crate::ui::theme::Role;
use crate::ui::widgets::time_row::{Mark, TimeRow};
use crate::ui::widgets::{bar, rule};
use crate::ui::words::{self, Standing};
use crate::units::{self, Units};

/// Columns of the names at the left of the page.
const NAMES: usize = 13;
/// Columns of text that can be read at a glance.
const MOST_TEXT: usize = 100;
/// Columns before a bar: how many, and what they do.
const BEFORE_BAR: u16 = 24;

fn plain(role: Role, text: impl Into<String>) -> Spans {
    Spans::new().add(role, text)
}

/// What it said.
fn said(source: &SourceRecord, view: &View, units: Units) -> Vec<String> {
    match source {
        SourceRecord::Tracker(tracker) => answered(tracker, view),
        SourceRecord::Finder(record) => found(record, view),
        SourceRecord::WebSeed(record) => web_seed::said(record, view.at, units),
        SourceRecord::WayIn(..) => reach::way_in_said(view),
    }
}

/// What came of another way to find peers.
fn found(record: &FinderRecord, view: &View) -> Vec<String> {
    let info = record.finder.info();
    let why = record.detail.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let mut said = match record.status {
        FinderStatus::Off => {
            vec![format!("Off{why}. {}", info.off)]
        }
        FinderStatus::Pending => vec![info.pending.to_owned()],
        FinderStatus::Failed => vec![format!("It cannot name any{why}.")],
        FinderStatus::Ok => vec![format!(
            "Named so far: {} · new to us: {} · in the table: {} · shook hands: {}.",
            units::count(record.named),
            units::count(record.new),
            units::count(record.peers.into()),
            units::count(record.handshaken.into())
        )],
    };
    if record.finder == Finder::Pex && matches!(record.status, FinderStatus::Pending | FinderStatus::Ok) {
        said.push(taking(view));
    }
    said
}

/// How many of the live peers take part in peer exchange.
fn taking(view: &View) -> String {
    let live = || view.peers.iter().filter(|peer| peer.is_live());
    let part = live().filter(|peer| peer.info.exchanges_peers()).count();
    format!("Live peers that take part: {part} of {}.", live().count())
}

/// What a tracker answered, in its own words.
fn answered(tracker: &TrackerRecord, view: &View) -> Vec<String> {
    let ago = tracker
        .answered
        .map_or_else(String::new, |at| format!(" {} ago", words::span(view.at.saturating_sub(at))));
    let mut said = Vec::new();
    match &tracker.status {
        TrackerStatus::Pending => said.push("It has not answered yet.".to_owned()),
        TrackerStatus::Ok(answer) => {
            said.push(format!(
                "It named {} peers{ago}; in the table are {} that it named, and {} of them shook hands.",
                answer.peers, tracker.peers, tracker.handshaken
            ));
            if let (Some(seeds), Some(leeches)) = (answer.seeders, answer.leechers) {
                let (seeds, leeches) = (units::count(u64::from(seeds)), units::count(u64::from(leeches)));
                said.push(format!("It counts {seeds} that have everything (seeds) and {leeches} still downloading (leeches)."));
            }
            let interval = units::duration(Duration::from_secs(u64::from(answer.interval_s)));
            said.push(format!("It wants to be asked every {}.", interval.trim_end_matches(" 00s")));
            said.extend(answer.warning.iter().map(|warning| format!("It warns: {warning}")));
        }
        TrackerStatus::Failed(_, text) => {
            let again = match tracker.failures {
                0 | 1 => String::new(),
                times => format!(", {times} times in a row"),
            };
            said.push(format!("It failed{ago}{again}: {}.", text.trim_end_matches('.')));
            let others = view.trackers.iter().filter(|other| other.answer().is_some()).count();
            said.push(match others {
                0 => "It is asked again. While none answers, peers come by hand or call us.".to_owned(),
                1 => "It is asked again. One tracker that answers is enough, and one does.".to_owned(),
                _ => format!("It is asked again. One tracker that answers is enough, and {others} do."),
            });
        }
    }
    said
}

/// The peers that it named.
fn named<'a>(source: &SourceRecord, view: &'a View) -> impl Iterator<Item = &'a Arc<PeerRecord>> {
    view.peers.iter().filter(move |peer| source.named(peer))
}

/// How many of its peers are in which state, those that serve us first.
fn outcomes(source: &SourceRecord, view: &View) -> Vec<(&'static str, Standing, u64)> {
    let mut counts: Vec<(&str, Standing, u64)> = Vec::new();
    for peer in named(source, view) {
        let (word, standing) = (words::state_word(peer, view.at), Standing::of(peer, view.at));
        match counts.iter_mut().find(|(other, ..)| *other == word) {
            Some((.., count)) => *count += 1,
            None => counts.push((word, standing, 1)),
        }
    }
    counts.sort_by_key(|(_, standing, count)| (*standing, std::cmp::Reverse(*count)));
    counts
}

/// A row of them: how many of so many, and a bar.
fn outcome(pen: &mut Pen<'_>, row: Rect, (word, standing, count): (&str, Standing, u64), all: u64) {
    let (glyph, text) = standing.roles();
    pen.put_right(row.x + 6, row.y, 6, &units::count(count), Role::Text);
    pen.put(row.x + 8, row.y, 1, standing.glyph(), glyph);
    pen.put(row.x + 10, row.y, 12.min(row.width.saturating_sub(10)), word, text);
    let place = bar_place(row);
    bar::blocks(pen, (place.x, place.y), place.width, (count, all), glyph);
}

/// Where the bars of all rows stand: below each other, on one scale.
fn bar_place(row: Rect) -> Rect {
    inset(row, BEFORE_BAR, 0)
}

/// The row above them: all of its peers, and the parts of them behind each other.
fn all_of_them(pen: &mut Pen<'_>, row: Rect, parts: &[bar::Part], all: u64) {
    pen.put_right(row.x + 6, row.y, 6, &units::count(all), Role::Text);
    pen.put(row.x + 10, row.y, 12.min(row.width.saturating_sub(10)), "all", Role::Text);
    bar::stacked(pen, bar_place(row), parts, all);
}

/// On which scales the row of announces stands: what is past has one, what is to come another.
fn scales(tracker: &TrackerRecord, view: &View) -> String {
    let past = tracker.announces.first().map_or(Duration::ZERO, |first| view.at.saturating_sub(first.at));
    let past = format!("{} past", words::span(past));
    match tracker.next.filter(|next| *next > view.at && tracker.asking.is_none()) {
        Some(next) => {
            format!("two scales: {past} · {} to come", units::duration_short(next.saturating_sub(view.at)))
        }
        None => past,
    }
}

/// Its announces on a row of time: which were answered, which failed, and when the next one is; `None` before the first
/// is over.
fn announces(tracker: &TrackerRecord, context: Context<'_>, columns: usize) -> Option<[Spans; 2]> {
    let now = context.view.at;
    let mark = |announce: &PastAnnounce| match announce.failed {
        Some(error) => {
            let word = error.info().short.to_owned();
            Mark { at: announce.at, glyph: "✗", word, roles: trackers::failed_roles(context.view) }
        }
        None => {
            let word = format!("{} peers", units::count(u64::from(announce.peers)));
            Mark { at: announce.at, glyph: "✓", word, roles: (Role::Progress, Role::Text) }
        }
    };
    let next = tracker.next.filter(|next| *next > now && tracker.asking.is_none());
    let next = next.map(|next| ("◌", format!("again {}", words::when(next, now)), Role::Waiting));
    let marks = tracker.announces.iter().rev().map(mark).collect();
    let from = tracker.announces.first()?.at;
    Some(TimeRow { from, now, marks, next, ..TimeRow::default() }.lines(columns))
}

/// What became of its peers in a few words, and as parts of all.
fn shares(counts: &[(&str, Standing, u64)]) -> (Spans, [bar::Part; 4]) {
    let sum = |is: fn(Standing) -> bool| {
        counts.iter().filter(|(_, standing, _)| is(*standing)).map(|(.., count)| count).sum()
    };
    let waits = |standing| matches!(standing, Standing::Trying | Standing::Queued);
    let shares: [(&str, u64, &str, Role); 4] = [
        ("live", sum(|standing| standing <= Standing::Held), "█", Role::Sending),
        ("not there yet", sum(waits), "▓", Role::Waiting),
        ("failed", sum(|standing| standing == Standing::Failed), "▒", Role::Harmless),
        (
            "gone",
            sum(|standing| matches!(standing, Standing::Left | Standing::Dropped | Standing::Banned)),
            "·",
            Role::Dim,
        ),
    ];
    let mut words = Spans::new();
    for (word, share, glyph, role) in shares.iter().filter(|(_, share, ..)| *share > 0) {
        if words.width() > 0 {
            words.push(Role::Text, "   ");
        }
        words.push(*role, *glyph);
        words.push(Role::Text, format!(" {} {word}", units::count(*share)));
    }
    (words, shares.map(|(_, share, glyph, role)| bar::Part { share, glyph, role }))
}

/// What the selected one said, below the list of all; returns the rows that it leaves.
pub(super) fn detail(pen: &mut Pen<'_>, area: Rect, source: &SourceRecord, view: &View) -> Rect {
    let mut rest = area;
    pen.rule(inset(take_top(&mut rest, 1), 1, 1), source.name(), "", "");
    let said = said(source, view, pen.look.units);
    let mut rows = inset(rest, 1, 1);
    let columns = usize::from(rows.width).max(1);
    let lines: Vec<Spans> =
        said.iter().flat_map(|text| wrap(text, columns)).map(|line| plain(Role::Text, line)).collect();
    more::shortened(pen, rows, &lines);
    let context = Context { view, look: pen.look };
    let strip = source.tracker().and_then(|tracker| announces(tracker, context, columns));
    // No row is blank while an outcome has none.
    let parts =
        [lines.len(), strip.as_ref().map_or(0, |strip| 1 + strip.len()), 2 + outcomes(source, view).len()];
    let gap = u16::from(parts.iter().sum::<usize>() + 2 <= rows.height.into());
    take_top(&mut rows, u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(gap));
    if let Some((tracker, strip)) = source.tracker().zip(strip).filter(|_| rows.height >= 3) {
        let count = units::count(tracker.announces.len() as u64);
        pen.rule(take_top(&mut rows, 1), "Announces", &count, &scales(tracker, view));
        for line in &strip {
            let row = take_top(&mut rows, 1);
            pen.spans(row.x, row.y, row.width, line);
        }
        take_top(&mut rows, gap);
    }
    let left = became(pen, rows, source, view);
    Rect { x: area.x, width: area.width, ..left }
}

/// What became of the peers that it named: how good its addresses are. Returns the rows that are left.
fn became(pen: &mut Pen<'_>, area: Rect, source: &SourceRecord, view: &View) -> Rect {
    let counts = outcomes(source, view);
    if area.height < 3 || counts.is_empty() {
        return area;
    }
    let all: u64 = counts.iter().map(|(.., count)| count).sum();
    let mut rows = area;
    let (words, parts) = shares(&counts);
    rule::draw(pen, take_top(&mut rows, 1), "What became of its peers", &words, "");
    if usize::from(rows.height) > counts.len() {
        all_of_them(pen, take_top(&mut rows, 1), &parts, all);
    }
    for (at, counted) in counts.iter().copied().enumerate() {
        let row = take_top(&mut rows, 1);
        if row.is_empty() {
            return rows;
        }
        // What has no row of its own is counted in the last one.
        if rows.is_empty() && at + 1 < counts.len() {
            let others: u64 = counts[at..].iter().map(|(.., count)| count).sum();
            pen.put_right(row.x + 6, row.y, 6, &units::count(others), Role::Text);
            pen.put(row.x + 10, row.y, row.width.saturating_sub(10), "others", Role::Dim);
            return rows;
        }
        outcome(pen, row, counted, all);
    }
    rows
}

/// A line of the page.
pub(super) enum Line {
    /// Words.
    Text(Spans),
    /// A rule above what follows.
    Rule(&'static str, String, String),
    /// Parts of all its peers.
    Shares([bar::Part; 4], u64),
    /// So many of all its peers are in a state.
    Outcome(&'static str, Standing, u64, u64),
}

/// The lines of the page below its title, in so many columns.
pub(super) fn lines(model: &Model, view: &View, columns: u16) -> Vec<Line> {
    let Some(source) = model.source(view) else {
        return vec![Line::Text(plain(Role::Dim, "This torrent names no tracker."))];
    };
    let room = usize::from(columns.saturating_sub(2)).clamp(1, MOST_TEXT);
    let context = Context { view, look: &model.look };
    let mut lines = Vec::new();
    let mut add = |name: &str, what: Spans| {
        lines.push(Line::Text(plain(Role::Dim, format!("{name:<width$}", width = NAMES - 1)).and(what)));
    };
    let state = trackers::state(&source, context, columns);
    match &source {
        SourceRecord::Tracker(tracker) => {
            add("Tier", plain(Role::Text, (u32::from(tracker.tier) + 1).to_string()));
            add("Last answer", state);
            add("Again", trackers::next(&source, context, columns));
        }
        SourceRecord::WebSeed(_) => {
            add("State", state);
            add("Again", trackers::next(&source, context, columns));
        }
        SourceRecord::Finder(_) | SourceRecord::WayIn(..) => add("State", state),
    }
    if let Some(tracker) = source.tracker()
        && let Some(strip) = announces(tracker, context, columns.saturating_sub(2).into())
    {
        lines.push(Line::Text(Spans::new()));
        let count = units::count(tracker.announces.len() as u64);
        lines.push(Line::Rule("Announces", count, scales(tracker, view)));
        lines.extend(strip.map(Line::Text));
    }
    lines.push(Line::Text(Spans::new()));
    lines.push(Line::Rule("What it said", String::new(), String::new()));
    let said = said(&source, view, model.look.units).into_iter().flat_map(|text| wrap(&text, room));
    lines.extend(said.map(|line| Line::Text(plain(Role::Text, line))));
    match &source {
        SourceRecord::Finder(record) if record.finder == Finder::Dht => lines.extend(reach::dht(view)),
        SourceRecord::WayIn(..) => lines.extend(reach::way_in(view)),
        SourceRecord::Tracker(_) | SourceRecord::Finder(_) | SourceRecord::WebSeed(_) => {}
    }
    let counts = outcomes(&source, view);
    if counts.is_empty() {
        return lines;
    }
    let all: u64 = counts.iter().map(|(.., count)| count).sum();
    let alone = named(&source, view).filter(|peer| peer.sources.len() == 1).count();
    let alone = match alone {
        0 => String::new(),
        alone => format!("{} named by nobody else", units::count(alone as u64)),
    };
    lines.push(Line::Text(Spans::new()));
    lines.push(Line::Rule("What became of its peers", units::count(all), alone));
    let (words, parts) = shares(&counts);
    lines.extend([Line::Text(words), Line::Shares(parts, all)]);
    lines.extend(counts.into_iter().map(|(word, standing, count)| Line::Outcome(word, standing, count, all)));
    lines
}

/// Draws the page of the selected source.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let page = Page::of(area);
    frame::page_head(pen, &page, model, view);
    let title = page.rule;
    let count = source::count(view);
    let number = format!("{} of {count}", model.scrolls.trackers.saturating_add(1).min(count));
    let source = model.source(view);
    let name = source.as_ref().map_or("Sources", SourceRecord::name);
    let names = !matches!(source, Some(SourceRecord::WebSeed(_)));
    let hint = if names { model.hint(Action::Open, "lists its peers") } else { String::new() };
    // Which source it is matters more than which key lists its peers.
    let room = usize::from(title.width).saturating_sub(width(&number) + 10);
    let hint = if width(name) + width(&hint) + 4 <= room { hint } else { String::new() };
    pen.rule(title, &clip_address(name, room), &number, &hint);
    let lines = lines(model, view, area.width);
    let (off, mut body) = more::window(pen, page.body, model, (lines.len(), 1), model.scrolls.tracker);
    for line in lines.iter().skip(off) {
        let row = inset(take_top(&mut body, 1), 1, 1);
        if row.is_empty() {
            break;
        }
        match line {
            Line::Text(text) => _ = pen.spans(row.x, row.y, row.width, text),
            Line::Rule(title, note, right) => pen.rule(row, title, note, right),
            Line::Shares(parts, all) => all_of_them(pen, row, parts, *all),
            Line::Outcome(word, standing, count, all) => outcome(pen, row, (word, *standing, *count), *all),
        }
    }
    log::spare(pen, body, model, view);
}
