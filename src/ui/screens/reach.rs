//! The pages of the DHT and of the way in: what belongs to the session, and the last lookup node by node.
//!
//! ```text
//!  Nodes ──────────────────────────────────────────────────────────────────
//!  IPv4        212 good · 31 doubtful
//!
//!  Bootstrap ── 2 of 3 names resolved ────────────────────────────────────
//!  ✓ router.example:6881    198.51.100.7:6881    answered, 41 ms
//!
//!  Last lookup, IPv4 ── 3 of 5 nodes answered ────── 12 peers · again in 9m
//!  ✓ 198.51.100.9:6881       146 bits    31 ms   2 peers, 8 nodes · announced
//! ```

use std::time::Duration;

use super::tracker::Line;
use crate::event::{
    AnnounceOutcome, At, Direction, Family, FinderStatus, MappingStep, NodeOutcome, Transport,
};
use crate::ledger::{Bootstrap, BootstrapAnswer, LookupNode, LookupRecord, PeerRecord, SessionRecord, View};
use crate::ui::paint::{Spans, clip_address};
use crate::ui::theme::Role;
use crate::ui::words;
use crate::units;

/// Columns of an address.
const ADDRESS: usize = 21;
/// Columns of a bootstrap name.
const NAME: usize = 27;

fn plain(role: Role, text: impl Into<String>) -> Spans {
    Spans::new().add(role, text)
}

fn rule(title: &'static str, note: String, right: String) -> [Line; 2] {
    [Line::Text(Spans::new()), Line::Rule(title, note, right)]
}

fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// So many of them.
fn number_of(count: u32, what: &str) -> String {
    format!("{} {what}{}", units::count(count.into()), if count == 1 { "" } else { "s" })
}

/// When the next lookup is due, the first of both families.
pub(super) fn next(view: &View) -> Spans {
    let next = view.lookups.values().filter_map(|record| record.next).min();
    match next {
        _ if view.lookups.values().any(|record| record.ended.is_none()) => plain(Role::Text, "looking now"),
        None => plain(Role::Dim, "–"),
        Some(at) => plain(Role::Text, words::when(at, view.at)),
    }
}

/// A mark, and what it stands before.
fn marked(good: Option<bool>) -> Spans {
    match good {
        Some(true) => plain(Role::Progress, "✓ "),
        Some(false) => plain(Role::Harmless, "✗ "),
        None => plain(Role::Waiting, "◌ "),
    }
}

/// The nodes of the table in one line; `None`: nothing is known of them.
pub(super) fn nodes(view: &View) -> Option<String> {
    let of = |(of, (good, doubtful)): (&Family, &(u32, u32))| {
        let (good, doubtful) = (units::count((*good).into()), units::count((*doubtful).into()));
        format!("{}: {good} good nodes, {doubtful} doubtful", family(*of))
    };
    let all: Vec<_> = view.session.nodes.iter().map(of).collect();
    (!all.is_empty()).then(|| all.join(" · "))
}

/// What the page of the DHT has below what came of it.
pub(super) fn dht(view: &View) -> Vec<Line> {
    let session = &view.session;
    let mut lines = Vec::new();
    if let Some(nodes) = nodes(view) {
        lines.extend(rule("Nodes", String::new(), String::new()));
        lines.push(Line::Text(plain(Role::Text, nodes)));
        let seen: Vec<_> = session.seen_at.iter().map(ToString::to_string).collect();
        if !seen.is_empty() {
            lines.push(Line::Text(plain(Role::Text, format!("They see us at {}.", seen.join(" and ")))));
        }
    }
    if !session.bootstrap.is_empty() {
        let (names, answered, _) = session.bootstrap_counts();
        let note = format!("{names} resolved · {answered} answered");
        lines.extend(rule("Bootstrap", note, String::new()));
        lines.extend(session.bootstrap.iter().map(|known| Line::Text(bootstrap(known))));
    }
    view.lookups.iter().for_each(|(of, record)| lines.extend(lookup(*of, record, view.at)));
    lines
}

fn bootstrap(known: &Bootstrap) -> Spans {
    let (good, said) = match (&known.addr, known.answer) {
        (Err(error), _) => (Some(false), error.clone()),
        (Ok(_), BootstrapAnswer::NotAsked) => (None, "not asked".to_owned()),
        (Ok(_), BootstrapAnswer::Asked) => (None, "asked".to_owned()),
        (Ok(_), BootstrapAnswer::After(ms)) => (Some(true), format!("answered, {ms} ms")),
        (Ok(_), BootstrapAnswer::Silent) => (Some(false), "silent".to_owned()),
    };
    let addr = known.addr.as_ref().map_or_else(|_| "not resolved".to_owned(), ToString::to_string);
    let name = clip_address(&known.name, NAME);
    marked(good)
        .add(Role::Text, format!("{name:<NAME$} {:<ADDRESS$} ", clip_address(&addr, ADDRESS)))
        .add(Role::Dim, said)
}

fn lookup(of: Family, record: &LookupRecord, now: At) -> Vec<Line> {
    let title = match of {
        Family::V4 => "Last lookup, IPv4",
        Family::V6 => "Last lookup, IPv6",
    };
    let note = format!("{} of {} nodes answered", record.answered(), record.nodes.len());
    let again = |at: Duration| format!("again {}", words::when(at, now));
    let right = match record.ended {
        None => "goes on".to_owned(),
        Some(_) => {
            let next = record.next.map_or_else(String::new, |at| format!(" · {}", again(at)));
            format!("{}{next}", number_of(record.peers, "peer"))
        }
    };
    let mut nodes: Vec<_> = record.nodes.iter().collect();
    // Those nearest to the torrent matter most.
    nodes.sort_by_key(|node| node.distance_bits.unwrap_or(u32::MAX));
    let mut lines: Vec<_> = rule(title, note, right).into();
    lines.extend(nodes.into_iter().map(|node| Line::Text(looked_up(node))));
    lines
}

fn looked_up(node: &LookupNode) -> Spans {
    let (good, mut said) = match &node.outcome {
        NodeOutcome::Answered { peers, nodes } => {
            (true, format!("{}, {}", number_of(*peers, "peer"), number_of(*nodes, "node")))
        }
        NodeOutcome::TimedOut => (false, "timed out".to_owned()),
        NodeOutcome::Unreachable => (false, "cannot be reached".to_owned()),
        NodeOutcome::Error { code, text } => (false, format!("error {code}: “{text}”")),
        NodeOutcome::Malformed { what } => (false, format!("no answer: {what}")),
        NodeOutcome::WrongId => (false, "answered under another id".to_owned()),
        NodeOutcome::WrongPort { port } => (false, format!("answered from port {port}")),
    };
    match &node.announced {
        None => {}
        Some(AnnounceOutcome::Stored) => said += " · announced",
        Some(AnnounceOutcome::NoToken) => said += " · no token, not announced",
        Some(AnnounceOutcome::Silent) => said += " · silent to the announce",
        Some(AnnounceOutcome::Refused { code, text }) => {
            said += &format!(" · refused the announce, {code}: “{text}”");
        }
    }
    let number =
        |number: Option<u32>, unit| number.map_or_else(|| "–".to_owned(), |it| format!("{it} {unit}"));
    let (far, took) = (number(node.distance_bits, "bits"), number(node.round_trip_ms, "ms"));
    let line = marked(Some(good))
        .add(Role::Text, format!("{:<ADDRESS$} ", clip_address(&node.addr.to_string(), ADDRESS)))
        .add(Role::Dim, format!("{far:>8} {took:>8}  "))
        .add(if good { Role::Text } else { Role::Dim }, said);
    if node.lied { line.add(Role::TroubleWord, " · its id is none of its address") } else { line }
}

/// How the way in stands, in words.
pub(super) fn way_in_state(status: FinderStatus) -> Spans {
    match status {
        FinderStatus::Off => plain(Role::Dim, "– not mapped"),
        FinderStatus::Pending => plain(Role::Waiting, "◌ asking"),
        FinderStatus::Ok => plain(Role::Progress, "✓").add(Role::Text, " mapped"),
        FinderStatus::Failed => plain(Role::Harmless, "✗ not mapped"),
    }
}

/// Who reached us last over TCP, and who over uTP.
fn reached_us(view: &View) -> Vec<String> {
    let over = |transport: Transport| {
        let shook = |peer: &PeerRecord| {
            let calls = peer.attempts.iter().filter(|attempt| attempt.direction == Direction::In);
            calls.filter(|attempt| attempt.transport == transport).filter_map(|call| call.handshaken).max()
        };
        let last = view.peers.iter().filter_map(|peer| Some((shook(peer)?, peer.addr)));
        let (at, addr) = last.max_by_key(|(at, _)| *at)?;
        let ago = words::span(view.at.saturating_sub(at));
        Some(format!("{addr} reached us {ago} ago, over {}.", transport.word()))
    };
    [Transport::Tcp, Transport::Utp].into_iter().filter_map(over).collect()
}

/// What came of the way in: who reached us.
pub(super) fn way_in_said(view: &View) -> Vec<String> {
    let way_in = view.session.way_in();
    let mut said = Vec::new();
    said.extend(way_in.outside.map(|outside| format!("The router says that others see us at {outside}.")));
    match reached_us(view) {
        calls if calls.is_empty() => said.push("Nobody has reached us from outside yet.".to_owned()),
        calls => said.extend(calls),
    }
    if view.session.unknown_calls > 0 {
        let calls = units::count(view.session.unknown_calls);
        said.push(format!("Connections from outside that named none of our torrents: {calls}."));
    }
    said.extend(utp(&view.session));
    if view.session.other_packets > 0 {
        let packets = units::count(view.session.other_packets);
        said.push(format!("Packets that are of no protocol of ours came to our port, too: {packets}."));
    }
    said
}

/// What came to the port over uTP beside the packets of streams.
fn utp(session: &SessionRecord) -> impl Iterator<Item = String> {
    let [calls, refused, unfit] = [session.utp_calls, session.utp_refused, session.utp_unfit];
    let told = |said: &str, number: u64| (number > 0).then(|| format!("{said}: {}", units::count(number)));
    let calls = told("Calls over uTP", calls);
    let calls =
        calls.map(|calls| [Some(calls), told("refused", refused)].into_iter().flatten().collect::<Vec<_>>());
    let unfit = told("Packets of uTP that fit no stream", unfit);
    calls.map(|calls| calls.join(", ")).into_iter().chain(unfit).map(|said| said + ".")
}

/// The steps taken, the newest first.
pub(super) fn way_in(view: &View) -> Vec<Line> {
    let steps = &view.session.mapping;
    let mut lines: Vec<_> = rule("Steps", units::count(steps.len() as u64), "newest first".to_owned()).into();
    for (at, fact) in steps.iter().rev() {
        let good = match fact.step {
            MappingStep::Mapped | MappingStep::Renewed | MappingStep::Outside | MappingStep::Gateway => {
                Some(true)
            }
            MappingStep::Off | MappingStep::Asked | MappingStep::Released => None,
            _ => Some(false),
        };
        let ago = format!("{:>8} ago ", words::span(view.at.saturating_sub(*at)));
        let by = fact.protocol.map_or("", |protocol| protocol.words());
        let over = fact.transport.map_or_else(String::new, |transport| format!(" {}", transport.words()));
        let mut line = Spans::new()
            .add(Role::Dim, ago)
            .and(marked(good))
            .add(Role::Text, format!("{by:<8}{}{over}", fact.step.words()));
        let details = [
            fact.gateway.filter(|_| fact.step == MappingStep::Gateway).map(|gateway| gateway.to_string()),
            fact.outside.map(|outside| outside.to_string()),
            fact.outside_port.map(|port| format!("port {port}")),
            fact.lease_s.map(|lease| match lease {
                0 => "for as long as it stands".to_owned(),
                lease => format!("for {}", units::duration(Duration::from_secs(lease.into()))),
            }),
            fact.code.map(|code| format!("code {code}")),
            fact.said.as_ref().map(|said| format!("“{said}”")),
        ];
        let details: Vec<_> = details.into_iter().flatten().collect();
        if !details.is_empty() {
            line = line.add(Role::Dim, format!(" · {}", details.join(" · ")));
        }
        lines.push(Line::Text(line));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Encryption, Event, Source};
    use crate::ledger::script::Script;

    #[test]
    fn who_reached_us_last_is_told_of_each_transport() {
        let mut run = Script::downloading(4);
        assert_eq!(way_in_said(&run.view()), ["Nobody has reached us from outside yet."]);
        let mut call = |addr: &str, transport| {
            let peer = run.peer_from(addr, Source::Incoming);
            let (direction, encryption) = (Direction::In, Encryption::Plain);
            run.tell(Event::AttemptBegan { peer, direction, transport, encryption });
            run.handshake(peer, b"-qB4620-abcdefghijkl").wait(10);
            way_in_said(&run.view())
        };
        let first = "80.1.1.1:4000 reached us 10 s ago, over uTP.";
        assert_eq!(call("80.1.1.1:4000", Transport::Utp), [first]);
        let both =
            ["80.1.1.2:4000 reached us 10 s ago, over TCP.", "80.1.1.1:4000 reached us 20 s ago, over uTP."];
        assert_eq!(call("80.1.1.2:4000", Transport::Tcp), both);
        let later =
            ["80.1.1.2:4000 reached us 20 s ago, over TCP.", "80.1.1.3:4000 reached us 10 s ago, over uTP."];
        assert_eq!(call("80.1.1.3:4000", Transport::Utp), later);
    }
}
