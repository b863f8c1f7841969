//! For people: one line a peer, then what the causes mean, the funnel, the trackers, and the verdicts.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{about_metadata, came, cause, connect_ms, handshake_ms, in_order, steps};
use crate::event::{Cause, Encryption, Finder, FinderStatus, NodeOutcome, Severity, advised};
use crate::ledger::{PeerRecord, Stage, TrackerRecord, TrackerStatus, VerdictCode, View};
use crate::text::clean;
use crate::text::columns::{clip, width, wrap};
use crate::units;

/// Columns for the client or the reason.
const ANSWER_COLUMNS: usize = 46;
/// No line is longer, but for names and addresses that are.
const LINE_COLUMNS: usize = 100;

/// Peers with two names that are told of one by one.
const MOST_CONTRADICTIONS: usize = 10;

/// What was found, in lines for a person, cleaned for a terminal.
pub fn text(view: &View) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}: {}", clean(&view.torrent.title(), 200), took(view));
    if !view.peers.is_empty() {
        out.push('\n');
        peers(&mut out, view);
    }
    reasons(&mut out, view);
    contradictions(&mut out, view);
    out.push('\n');
    let funnel = steps(&view.funnel).map(|(name, peers)| format!("{name} {peers}"));
    let _ = writeln!(out, "{}", funnel.join(" > "));
    if let Some(came) = came(view) {
        lines(&mut out, "", &came);
    }
    for tracker in &view.trackers {
        lines(&mut out, "", &tracker_line(tracker));
    }
    if let Some(line) = dht_line(view) {
        lines(&mut out, "", &line);
    }
    calls(&mut out, view);
    if let Some((_, note)) = &view.answer {
        lines(&mut out, "", &clean(note, 300));
    }
    out.push('\n');
    for (index, verdict) in view.verdicts.iter().enumerate() {
        lines(&mut out, mark(verdict.severity), &clean(&verdict.text, 500));
        if !verdict.advice.is_empty() {
            lines(&mut out, "  ", &clean(&advised(&verdict.advice), 500));
        }
        // The first judges the whole: whether it is worth another look is said once.
        // Without a tracker nobody else is ever named.
        let useless = verdict.code == VerdictCode::NoSources
            || (verdict.code == VerdictCode::NoPeersKnown && view.trackers.is_empty());
        if index == 0 && verdict.severity >= Severity::Warn && !useless {
            let _ = writeln!(out, "  Look again {}.", verdict.look.on.another_run());
        }
    }
    out
}

/// Text behind `first`, wrapped; the lines after the first stand under its text.
fn lines(out: &mut String, first: &str, text: &str) {
    let indent = width(first);
    for (n, line) in wrap(text, LINE_COLUMNS - indent).into_iter().enumerate() {
        let _ = match n {
            0 => writeln!(out, "{first}{line}"),
            _ => writeln!(out, "{:indent$}{line}", ""),
        };
    }
}

fn took(view: &View) -> String {
    let peers = view.peers.len();
    let peers =
        if peers == 1 { "1 peer".to_owned() } else { format!("{} peers", units::count(peers as u64)) };
    format!("{peers} tried in {:.1} s", view.at.as_secs_f64())
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Good | Severity::Info => "",
        Severity::Warn => "! ",
        Severity::Error => "!! ",
    }
}

fn peers(out: &mut String, view: &View) {
    let peers = in_order(view);
    let names: Vec<String> = peers.iter().map(|peer| peer.addr.to_string()).collect();
    let address = names.iter().map(String::len).max().unwrap_or_default().max("address".len());
    let _ = writeln!(
        out,
        "{:<6}  {:<address$}  {:<ANSWER_COLUMNS$}  {:>9}  {:>9}",
        "", "address", "who answers, or why nobody does", "connect", "handshake"
    );
    for (peer, name) in peers.into_iter().zip(names) {
        let attempt = peer.telling_attempt();
        let time = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
        let answer = answer(peer, view);
        let answer = clip(&answer, ANSWER_COLUMNS);
        let fill = ANSWER_COLUMNS - width(&answer);
        let _ = writeln!(
            out,
            "{:<6}  {name:<address$}  {answer}{:fill$}  {:>9}  {:>9}",
            peer.group.word(),
            "",
            time(attempt.and_then(connect_ms)),
            time(attempt.and_then(handshake_ms)),
        );
    }
}

/// Who it is and what it does, or why it does not.
fn answer(peer: &PeerRecord, view: &View) -> String {
    let cause = cause(peer, view.at);
    let attempt = peer.telling_attempt();
    let about_metadata = about_metadata(peer);
    let mut text = String::new();
    if peer.stage >= Stage::Handshaken {
        text.push_str(
            peer.client.as_deref().or(peer.info.calls_itself.as_deref()).unwrap_or("unknown client"),
        );
        if peer.claims_two_clients() {
            text.push_str(" (?)");
        }
        let way = match peer.attempts.iter().find(|tried| tried.handshaken.is_some()) {
            _ if peer.found_out().any(|meant| meant == Cause::EncryptionRequired) => ", encrypted only",
            Some(tried) if tried.encryption == Encryption::Mse => ", encrypted",
            _ => "",
        };
        text.push_str(way);
        if let Some(blocked) = peer.blocked_over() {
            let _ = write!(text, ", over {} only", blocked.other().word());
        }
        text.push_str(match cause {
            Some(_) => ": ",
            None if peer.stage == Stage::Transferring => ": sends data",
            None if about_metadata.is_some() => ": ",
            None => "",
        });
    }
    let Some(cause) = cause else {
        text.push_str(about_metadata.as_deref().unwrap_or_default());
        return clean(&text, 200);
    };
    text.push_str(match cause {
        Cause::NeverUnchoked => "choking us",
        Cause::Snubbed => "unchoked us, sends nothing",
        cause => cause.info().short,
    });
    if let Some(what) = attempt.and_then(|attempt| attempt.looks_like) {
        let began = attempt.map(|attempt| crate::text::escape(&attempt.received, 32)).unwrap_or_default();
        let _ = write!(text, ", {}: \"{began}\"", what.name());
    } else if let Some(detail) = attempt.and_then(|attempt| attempt.detail.as_deref()) {
        let _ = write!(text, ": {detail}");
    } else if let Some(about) = about_metadata {
        let _ = write!(text, ", {about}");
    } else if peer.stage == Stage::HandshakeSent && peer.was_tried_both_ways() {
        text.push_str(", plain and encrypted");
    }
    clean(&text, 200)
}

/// Who has the peer id of one client and calls itself another.
fn contradictions(out: &mut String, view: &View) {
    let two_faced: Vec<&PeerRecord> =
        in_order(view).into_iter().filter(|peer| peer.claims_two_clients()).collect();
    if !two_faced.is_empty() {
        out.push('\n');
    }
    for peer in two_faced.iter().take(MOST_CONTRADICTIONS) {
        let (by_id, calls_itself) = (peer.client.as_deref(), peer.info.calls_itself.as_deref());
        let text = format!(
            "{} is {} by its peer id and calls itself {}: one is not true.",
            peer.addr,
            by_id.unwrap_or_default(),
            clean(calls_itself.unwrap_or_default(), 60)
        );
        lines(out, "", &text);
    }
    if let Some(more) = two_faced.len().checked_sub(MOST_CONTRADICTIONS).filter(|more| *more > 0) {
        let _ = writeln!(out, "{more} more have two names, too.");
    }
}

/// What the causes mean, each once.
fn reasons(out: &mut String, view: &View) {
    let mut counts: BTreeMap<Cause, u32> = BTreeMap::new();
    for cause in view.peers.iter().filter_map(|peer| cause(peer, view.at)) {
        *counts.entry(cause).or_default() += 1;
    }
    if counts.is_empty() {
        return;
    }
    let mut counts: Vec<(Cause, u32)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let _ = writeln!(out, "\nWhy not more:");
    for (cause, count) in counts {
        let info = cause.info();
        // That nothing need be done goes without saying here.
        let advice = if info.advice.starts_with("Nothing") { "" } else { info.advice };
        let text = [info.sentence_of(count as usize), advice].join(" ");
        lines(out, &format!("{count:>5}  {:<9}  ", info.short), text.trim_end());
    }
}

fn tracker_line(record: &TrackerRecord) -> String {
    let url = clean(&record.url, 120);
    match &record.status {
        TrackerStatus::Pending => format!("{url}: no answer yet"),
        TrackerStatus::Failed(error, text) => {
            format!("{url}: {} ({})", clean(text, 200), error.info().code)
        }
        TrackerStatus::Ok(announced) => {
            let mut line = format!("{url}: {} peers, {} shook hands", record.peers, record.handshaken);
            if let (Some(seeders), Some(leechers)) = (announced.seeders, announced.leechers) {
                let _ =
                    write!(line, "; it counts {seeders} with everything and {leechers} still downloading");
            }
            if let Some(warning) = &announced.warning {
                let _ = write!(line, "; it warns: {}", clean(warning, 200));
            }
            line
        }
    }
}

/// What came of looking for peers in the DHT; nothing where it is not used.
fn dht_line(view: &View) -> Option<String> {
    let dht = view.finders.iter().find(|record| record.finder == Finder::Dht)?;
    if dht.status == FinderStatus::Off {
        return None;
    }
    let nodes = view.lookups.values().flat_map(|lookup| &lookup.nodes);
    let (asked, answered) = nodes.fold((0, 0), |(asked, answered), node| {
        (asked + 1, answered + u32::from(matches!(node.outcome, NodeOutcome::Answered { .. })))
    });
    let known = match (asked, view.session.bootstrap_wanted) {
        (0, Some(_)) => "no node is known, and no bootstrap node answered".to_owned(),
        (0, None) => "no node was asked".to_owned(),
        _ => format!("{answered} of {asked} nodes answered"),
    };
    Some(format!("DHT: {known}; {} peers, {} shook hands", dht.peers, dht.handshaken))
}

fn calls(out: &mut String, view: &View) {
    let mut counts: BTreeMap<Cause, u32> = BTreeMap::new();
    for call in view.failed_calls.iter() {
        *counts.entry(call.cause).or_default() += call.count;
    }
    let all: u32 = counts.values().sum();
    if all > 0 {
        let causes: Vec<String> =
            counts.iter().map(|(cause, count)| format!("{count} {}", cause.info().short)).collect();
        let calls = if all == 1 { "1 call".to_owned() } else { format!("{all} calls") };
        lines(out, "", &format!("{calls} from outside came to nothing: {}", causes.join(", ")));
    }
}
