//! How a peer stands: what that means, what to try, and the facts it follows from.

use std::time::Duration;

use super::peer_attempts::clock;
use crate::event::{Cause, Phase, Sample, Source, advised};
use crate::ledger::{PeerRecord, View};
use crate::ui::action::Action;
use crate::ui::calendar::Calendar;
use crate::ui::columns::words_of_source;
use crate::ui::metadata;
use crate::ui::model::Model;
use crate::ui::paint::{Spans, width, wrap};
use crate::ui::theme::Role;
use crate::ui::widgets::{bar, rule};
use crate::ui::words::{self, Standing};
use crate::units::{self, Units};

/// Columns of the names at the left.
const NAMES: usize = 6;
/// Columns of text that can be read at a glance.
const MOST_TEXT: usize = 100;
/// Columns of a bar at most.
const MOST_BAR: usize = 30;

/// What the state means, in a few words beside the address.
pub(super) fn headline(peer: &PeerRecord, view: &View) -> String {
    match Standing::of(peer, view.at) {
        Standing::Sending => "sending: live, and blocks come".to_owned(),
        Standing::Unchoked => "unchoked: we may ask, but nothing comes".to_owned(),
        Standing::Taking => "taking: it downloads from us".to_owned(),
        Standing::Choked => "choked: live, but choking us".to_owned(),
        Standing::Idle if words::stands_still(view) => "live; the download stands still".to_owned(),
        Standing::Idle if peer.lacks_metadata => {
            format!("{}: {}", metadata::word(peer), metadata::detail(peer, view.at))
        }
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
    if let Some(blocked) = peer.blocked_over() {
        said.push(format!(
            "No connection over {}, and one over {}: it does not speak {0}, or something on the way (a firewall, a \
             router, the provider) stops that.",
            blocked.word(),
            blocked.other().word()
        ));
    }
    if peer.found_out().any(|meant| meant == Cause::EncryptionRequired) {
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
                "It serves others first (choking us). That often ends by itself; where many want data from it, a turn \
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
        Standing::Idle if peer.lacks_metadata => match peer.held_back_by(view.at) {
            Some(cause) => {
                said.push(cause.info().sentence.to_owned());
                advice = lower_first(cause.info().advice);
            }
            None => said.push(format!("The metadata of the magnet: {}.", metadata::detail(peer, view.at))),
        },
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
                said.push(words::meaning(cause, &[peer]).to_owned());
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

/// What changes how a live peer stands.
fn next_look(peer: &PeerRecord, view: &View) -> &'static str {
    match Standing::of(peer, view.at) {
        Standing::Sending => "when it stops sending",
        Standing::Unchoked if view.phase == Phase::Downloading => "when a block comes",
        Standing::Choked => "when it unchokes",
        Standing::Held => "when you let go",
        Standing::Idle | Standing::Unchoked if words::stands_still(view) => "when you go on",
        Standing::Idle if peer.lacks_metadata => "when the metadata are here",
        _ => "when it has what we miss",
    }
}

/// Who named it, when that was last, and when it is asked again.
fn from_words(source: Source, view: &View, started: &Calendar) -> String {
    if let Source::Pex(by) = source
        && let Some(by) = view.peer(by)
    {
        let client = by.client.as_ref().map_or_else(String::new, |client| format!(" ({client})"));
        return format!("named by {}{client}", by.addr);
    }
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

/// Who chokes whom and who wants what, from our side and from its own.
fn flags(peer: &PeerRecord) -> (String, String) {
    let flags = peer.flags;
    let wants = |wants: bool| if wants { "interested" } else { "not interested" };
    let only = if peer.info.wants_nothing() { " (upload only)" } else { "" };
    let its = format!(
        "{} us · {}{only}",
        if flags.peer_choking { "choking" } else { "serving" },
        wants(flags.peer_interested && !peer.info.wants_nothing())
    );
    let ours = format!(
        "{} it · {}",
        if flags.am_choking { "choking" } else { "serving" },
        wants(flags.am_interested)
    );
    (its, ours)
}

/// What is known of it, each behind its name.
fn facts(peer: &PeerRecord, model: &Model, view: &View, room: usize) -> Vec<Spans> {
    let mut lines = Vec::new();
    let mut fact = |name: &str, what: Spans| {
        lines.push(Spans::new().add(Role::Dim, format!("{name:<NAMES$}")).and(what));
    };
    let text = |text: &str| Spans::new().add(Role::Text, text);
    let beside = room.saturating_sub(NAMES).max(1);
    if peer.is_live() {
        let (its, ours) = flags(peer);
        if NAMES + width(&its) + width(&ours) + 12 <= room {
            fact("It", text(&its).add(Role::Dim, "        We  ").add(Role::Text, ours));
        } else {
            fact("It", text(&its));
            fact("We", text(&ours));
        }
    }
    if let Some(percent) = peer.has_percent() {
        let bar = bar::line_spans(beside.saturating_sub(6).min(MOST_BAR), percent, 100);
        fact("Has", text(&format!("{percent:>3} % ")).and(bar));
    }
    let mut several = |name: &str, said: &str| {
        for (nth, line) in wrap(said, beside).into_iter().enumerate() {
            fact(if nth == 0 { name } else { "" }, text(&line));
        }
    };
    let mut data = moved(peer, model.look.units);
    if peer.is_live() {
        let sample = peer.sample;
        data += &format!(" · {} requests out, {} wanted", sample.requests_out, sample.request_target);
    }
    several("Data", &data);
    let next = match peer.is_live() {
        true => format!("look {}", next_look(peer, view)),
        false => words::next_step(peer, view, false),
    };
    if !next.is_empty() {
        several("Next", &next);
    }
    let mut from: Vec<String> =
        peer.sources.iter().map(|source| from_words(*source, view, &model.started)).collect();
    from.dedup();
    if !from.is_empty() {
        several("From", &from.join(" · "));
    }
    if !peer.info.extensions.is_empty() {
        several("Takes", &peer.info.extensions.join(" · "));
    }
    lines
}

/// How it stands, below a rule, in so many columns.
pub(super) fn lines(peer: &PeerRecord, model: &Model, view: &View, room: usize) -> Vec<Spans> {
    let mut lines = vec![rule::line("State", "", room)];
    let meaning = wrap(&meaning(peer, model, view), room.clamp(1, MOST_TEXT));
    lines.extend(meaning.into_iter().map(|line| Spans::new().add(Role::Text, line)));
    lines.extend(facts(peer, model, view, room));
    lines
}
