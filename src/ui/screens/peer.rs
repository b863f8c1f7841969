//! A peer's page: its rates, how it stands and why, what it did about a magnet's metadata, how its uTP stream goes, how it
//! is met through another peer, every attempt, and the handshakes side by side. From [`TWO_COLUMNS_FROM`] columns on how it
//! stands and the attempts are beside each other.

use ratatui::layout::Rect;

use super::halves::{self, Line, TWO_COLUMNS_FROM};
use super::peer_state::headline;
use super::{
    log, more, overview, peer_attempts, peer_bytes, peer_metadata, peer_pieces, peer_punch, peer_rate,
    peer_state, peer_stream,
};
use crate::event::Attempt;
use crate::ledger::{LogLine, PeerRecord, View};
use crate::ui::action::Action;
use crate::ui::flow::{Flow, rest, up_to, whole};
use crate::ui::model::{self, Model};
use crate::ui::paint::{Pen, Spans, clip_address, inset, wrap};
use crate::ui::theme::Role;
use crate::ui::widgets::rule;
use crate::ui::words::Standing;

/// Columns of a page that shows what the log says of the peer.
const LOG_FROM: u16 = 100;
/// Lines of the log that a page shows, at least where there are so many, and at most.
const LOG_LINES: (usize, usize) = (4, 10);

/// The lines of the page below its rates; what the log says of the peer may have `spare` rows more than it asks for.
fn lines(peer: &PeerRecord, model: &Model, view: &View, columns: u16, spare: usize) -> Vec<Line> {
    let room = columns.saturating_sub(2);
    let mut lines = Vec::new();
    if columns >= TWO_COLUMNS_FROM {
        let left = room * 2 / 5;
        let right = halves::right_of(left, room).into();
        let stands = peer_state::lines(peer, model, view, left.into());
        let mut tried = peer_metadata::lines(peer, model, view, right);
        tried.extend(peer_stream::lines(peer, model, right));
        tried.extend(peer_punch::lines(peer, view, right));
        tried.extend(peer_attempts::lines(peer, model, view, right));
        let free = stands.len().saturating_sub(tried.len() + 1);
        let most = free.clamp(LOG_LINES.0, LOG_LINES.1) + spare;
        tried.extend(happened(peer, model, view, right, most));
        lines.extend(halves::beside(left, stands, tried));
    } else {
        lines.extend(peer_state::lines(peer, model, view, room.into()).into_iter().map(Line::Whole));
        lines.extend(peer_metadata::lines(peer, model, view, room.into()).into_iter().map(Line::Whole));
        lines.extend(peer_stream::lines(peer, model, room.into()).into_iter().map(Line::Whole));
        lines.extend(peer_punch::lines(peer, view, room.into()).into_iter().map(Line::Whole));
        lines.extend(peer_attempts::lines(peer, model, view, room.into()).into_iter().map(Line::Whole));
        if columns >= LOG_FROM {
            let most = LOG_LINES.1 + spare;
            lines.extend(happened(peer, model, view, room.into(), most).into_iter().map(Line::Whole));
        }
    }
    lines
}

/// What the page is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Title,
    Client,
    Rates,
    Lines,
    /// Which pieces it has.
    Pieces,
    /// The newest of the log, whomever it is about.
    Log,
}

/// Where the parts stand, and all lines below the rates. What these leave free has first more of the log, then, if its
/// pieces have rows beside them, all bytes of the handshake, then the graph up to a third, its pieces, and where nothing
/// came or went, what happens elsewhere.
fn laid_out(
    peer: &PeerRecord,
    model: &Model,
    view: &View,
    area: Rect,
    bytes: bool,
) -> (Flow<Part>, Vec<Line>) {
    use Part::{Client, Lines, Log, Pieces, Rates, Title};
    let rates = peer_rate::rows(peer, area.height);
    let room = usize::from(area.height.saturating_sub(2 + rates));
    let shake = |form| handshake(peer, model, area.width, form);
    let mut shook = shake(if bytes { Form::Bytes } else { Form::Fields });
    let mut told = lines(peer, model, view, area.width, 0);
    if let Some(spare) = room.checked_sub(told.len() + shook.len()).filter(|spare| *spare > 0) {
        told = lines(peer, model, view, area.width, spare);
        let both = shake(Form::Both);
        // The bytes say again what stands in the fields; its pieces say more.
        let pieces = if peer_pieces::of(peer).is_some() { peer_pieces::ENOUGH_ROWS } else { 0 };
        if told.len() + both.len() + usize::from(pieces) <= room {
            shook = both;
        }
    }
    told.extend(shook.into_iter().map(Line::Whole));
    let all = u16::try_from(told.len()).unwrap_or(u16::MAX);
    let mut claims = vec![up_to(Title, 1), up_to(Client, 1), up_to(Rates, rates), up_to(Lines, all)];
    let graph = peer_rate::has_graph(peer, area.height);
    claims.extend(graph.then_some(up_to(Rates, area.height / 3)));
    if peer_pieces::of(peer).is_some() {
        let heights = overview::full_heights(area, view).take_while(|rows| *rows <= area.height / 3);
        claims.extend(heights.map(|rows| whole(Pieces, rows)));
    }
    claims.push(rest(if graph { Rates } else { Log }));
    (Flow::new(area, &[Title, Client, Rates, Lines, Pieces, Log], &claims), told)
}

/// How many lines the page has below the rates, and how many rows for them.
pub(super) fn extent(
    peer: &PeerRecord,
    model: &Model,
    view: &View,
    area: Rect,
    bytes: bool,
) -> (usize, usize) {
    let (flow, lines) = laid_out(peer, model, view, area, bytes);
    (lines.len(), flow.of(Part::Lines).height.into())
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
        rows.push(rule::line("Log", &model.hint(Action::PeerLog, "all its lines"), room));
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

/// How the handshakes are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Fields,
    Bytes,
    Both,
}

/// The handshakes of the last attempt in which any bytes went.
fn handshake(peer: &PeerRecord, model: &Model, columns: u16, form: Form) -> Vec<Spans> {
    let told = |attempt: &&Attempt| !attempt.sent.is_empty() || !attempt.received.is_empty();
    let by_answer = peer.attempts.iter().rev().find(|attempt| !attempt.received.is_empty());
    let Some(attempt) = by_answer.or_else(|| peer.attempts.iter().rev().find(told)) else {
        return Vec::new();
    };
    let key = match form {
        Form::Fields => model.hint(Action::Open, "all 68 bytes"),
        Form::Bytes => model.hint(Action::Open, "field by field"),
        Form::Both => String::new(),
    };
    let title = format!("Handshake of attempt {}", attempt.number);
    let mut lines = vec![rule::line(&title, &key, usize::from(columns.saturating_sub(2)))];
    if form != Form::Bytes {
        lines.extend(peer_bytes::fields(attempt, columns));
    }
    if form != Form::Fields {
        lines.extend(peer_bytes::all(attempt, columns));
    }
    lines
}

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View, bytes: bool) {
    let Some(peer) = model.selected.and_then(|key| model::peer(view, key)) else {
        pen.put(area.x + 1, area.y, area.width.saturating_sub(2), "This peer is gone.", Role::Text);
        return;
    };
    let (flow, lines) = laid_out(peer, model, view, area, bytes);
    let row = inset(flow.of(Part::Title), 1, 1);
    let standing = Standing::of(peer, view.at);
    let state = Spans::new()
        .add(standing.roles().0, standing.glyph())
        .add(Role::Text, " ")
        .add(standing.roles().1, headline(peer, view));
    let address = clip_address(&peer.addr.to_string(), usize::from(row.width / 2)).into_owned();
    let used = pen.put(row.x, row.y, row.width, &address, Role::Strong);
    pen.spans_right(row.right(), row.y, row.width.saturating_sub(used + 2), &state);
    let row = inset(flow.of(Part::Client), 1, 1);
    let mut who = Spans::new();
    if let Some(id) = peer.peer_id {
        who.push(Role::Text, id.printable().chars().take(8).collect::<String>());
        who.push(Role::Text, format!(" {}", peer.client.as_deref().unwrap_or("a client we do not know")));
    }
    if let Some(name) = peer.info.calls_itself.as_ref().filter(|name| Some(*name) != peer.client.as_ref()) {
        who.push(Role::Dim, format!("   calls itself {name}"));
    }
    let rows = model.rows(view);
    let place = rows.into_iter().position(|key| key == peer.key).map_or(0, |at| at + 1);
    let count = format!("peer {place} of {}", model.rows(view).count());
    let right = pen.put_right(row.right(), row.y, row.width, &count, Role::Dim);
    pen.spans(row.x, row.y, row.width.saturating_sub(right + 2), &who);
    peer_rate::draw(pen, flow.of(Part::Rates), peer);
    let (off, body) = more::window(pen, flow.of(Part::Lines), model, (lines.len(), 1), model.scrolls.peer);
    halves::draw(pen, body, &lines[off..]);
    peer_pieces::draw(pen, flow.of(Part::Pieces), peer, view);
    log::spare(pen, flow.of(Part::Log), model, view);
}
