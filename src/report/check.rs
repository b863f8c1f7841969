//! Who shook hands, and why the rest did not: what `ttui check` found, as text, JSON, CSV and Markdown.

mod csv;
mod markdown;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

pub use self::csv::{csv, peers_csv};
pub use self::markdown::markdown;
pub use self::text::text;
use super::{hex, json_line};
use crate::event::{
    At, Attempt, Cause, Direction, Encryption, LooksLike, Payload, PeerKey, SNUBBED_AFTER, Severity,
    Transport,
};
use crate::ledger::{
    Availability, Funnel, Group, Groups, PeerRecord, Stage, TrackerRecord, TrackerStatus, Verdict,
    VerdictCode, View,
};
use crate::units;

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    torrent: Torrent<'a>,
    duration_ms: u64,
    funnel: Funnel,
    groups: Groups,
    availability: Option<OutThere>,
    trackers: Vec<Tracker<'a>>,
    peers: Vec<Peer<'a>>,
    verdicts: Vec<Judgement<'a>>,
}

/// How much of the torrent is out there: the share that anybody holds, and copies, of which 1 is just one.
#[derive(Serialize)]
struct OutThere {
    share: f64,
    copies: f64,
}

impl From<Availability> for OutThere {
    fn from(out_there: Availability) -> Self {
        let thousandths = |number: u64| number as f64 / 1000.0;
        Self {
            share: thousandths(out_there.share_thousandths()),
            copies: thousandths(out_there.copies_thousandths()),
        }
    }
}

#[derive(Serialize)]
struct Torrent<'a> {
    name: &'a str,
    info_hash: String,
}

#[derive(Serialize)]
struct Tracker<'a> {
    url: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    peers: u32,
    handshaken: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    seeders: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leechers: Option<u32>,
}

/// One peer, as every report that has peers shows it.
#[derive(Serialize)]
pub(super) struct Peer<'a> {
    addr: String,
    source: Vec<String>,
    stage: Stage,
    live: bool,
    group: Group,
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    looks_like: Option<LooksLike>,
    client: Option<&'a str>,
    peer_id: Option<String>,
    peer_id_hex: Option<String>,
    reserved_hex: Option<String>,
    extensions: &'a [String],
    attempts: Vec<Try<'a>>,
}

#[derive(Serialize)]
struct Try<'a> {
    direction: &'static str,
    transport: &'static str,
    encryption: &'static str,
    payload: Option<&'static str>,
    started_ms: u64,
    connect_ms: Option<u64>,
    handshake_ms: Option<u64>,
    bytes_in: u64,
    bytes_out: u64,
    cause: Option<&'static str>,
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<&'static str>,
}

#[derive(Serialize)]
struct Judgement<'a> {
    severity: &'static str,
    code: VerdictCode,
    text: &'a str,
    evidence: BTreeMap<&'a str, u64>,
}

/// Everything as one line of JSON, schema `ttui.check/1`.
pub fn json(view: &View) -> String {
    json_line(&Report {
        schema: "ttui.check/1",
        torrent: Torrent { name: &view.torrent.name, info_hash: view.torrent.info_hash.to_string() },
        duration_ms: ms(view.at),
        funnel: view.funnel,
        groups: view.groups,
        availability: view.availability.map(OutThere::from),
        trackers: view.trackers.iter().map(|tracker| tracker_line(tracker)).collect(),
        peers: view.peers.iter().map(|peer| peer_object(peer, view)).collect(),
        verdicts: view.verdicts.iter().map(judgement).collect(),
    })
}

#[derive(Serialize)]
struct Peers<'a> {
    schema: &'static str,
    torrent: Torrent<'a>,
    peers: Vec<Seen<'a>>,
}

/// A peer as [`json`] has it, and what a screen shows of it beside that.
#[derive(Serialize)]
struct Seen<'a> {
    #[serde(flatten)]
    peer: Peer<'a>,
    down_bps: u64,
    up_bps: u64,
    received_bytes: u64,
    sent_bytes: u64,
    has_percent: Option<u64>,
}

impl<'a> Seen<'a> {
    fn new(record: &'a PeerRecord, view: &View) -> Self {
        Self {
            peer: peer_object(record, view),
            down_bps: record.rates.down_bps,
            up_bps: record.rates.up_bps,
            received_bytes: record.down_bytes,
            sent_bytes: record.up_bytes,
            has_percent: has_percent(record),
        }
    }
}

/// How much of the torrent it has, in whole percent; `None` before it said.
fn has_percent(record: &PeerRecord) -> Option<u64> {
    record.has.as_ref().map(|has| u64::from(has.count()) * 100 / u64::from(has.len().max(1)))
}

/// Some of the peers as one line of JSON, schema `ttui.peers/1`: the same objects as in [`json`], with rates and payload
/// of all their connections.
pub fn peers_json(view: &View, keys: &[PeerKey]) -> String {
    json_line(&Peers {
        schema: "ttui.peers/1",
        torrent: Torrent { name: &view.torrent.name, info_hash: view.torrent.info_hash.to_string() },
        peers: chosen(view, keys).map(|peer| Seen::new(peer, view)).collect(),
    })
}

/// The peers of these keys, as far as they have rows.
fn chosen<'a>(view: &'a View, keys: &[PeerKey]) -> impl Iterator<Item = &'a PeerRecord> {
    let found = keys.iter().map(|key| view.peers.binary_search_by_key(key, |peer| peer.key));
    found.filter_map(|found| Some(&*view.peers[found.ok()?]))
}

fn tracker_line(record: &TrackerRecord) -> Tracker<'_> {
    let (code, error) = match &record.status {
        TrackerStatus::Failed(error, text) => (Some(error.code()), Some(text.as_str())),
        _ => (None, None),
    };
    let announced = match &record.status {
        TrackerStatus::Ok(announced) => Some(announced),
        _ => None,
    };
    Tracker {
        url: &record.url,
        status: status(record),
        code,
        error,
        peers: record.peers,
        handshaken: record.handshaken,
        seeders: announced.and_then(|announced| announced.seeders),
        leechers: announced.and_then(|announced| announced.leechers),
    }
}

fn status(record: &TrackerRecord) -> &'static str {
    match record.status {
        TrackerStatus::Pending => "pending",
        TrackerStatus::Ok(_) => "ok",
        TrackerStatus::Failed(..) => "failed",
    }
}

pub(super) fn peer_object<'a>(record: &'a PeerRecord, view: &View) -> Peer<'a> {
    let telling = record.telling_attempt();
    Peer {
        addr: record.addr.to_string(),
        source: sources(record, view),
        stage: record.stage,
        live: record.is_live(),
        group: record.group,
        cause: cause(record, view.at).map(code),
        detail: telling.and_then(|attempt| attempt.detail.as_deref()),
        looks_like: telling.and_then(|attempt| attempt.looks_like),
        client: record.client.as_deref(),
        peer_id: record.peer_id.map(|id| id.printable()),
        peer_id_hex: record.peer_id.map(|id| hex(&id.0)),
        reserved_hex: record.reserved.map(|reserved| hex(&reserved)),
        extensions: &record.info.extensions,
        attempts: record.attempts.iter().map(|attempt| attempt_line(record, attempt)).collect(),
    }
}

fn attempt_line<'a>(record: &PeerRecord, attempt: &'a Attempt) -> Try<'a> {
    let (bytes_in, bytes_out) = record.bytes_of(attempt);
    Try {
        direction: match attempt.direction {
            Direction::Out => "out",
            Direction::In => "in",
        },
        transport: match attempt.transport {
            Transport::Tcp => "tcp",
            Transport::Utp => "utp",
        },
        encryption: encryption(attempt.encryption),
        payload: attempt.payload.map(Payload::name),
        started_ms: ms(attempt.began),
        connect_ms: connect_ms(attempt),
        handshake_ms: handshake_ms(attempt),
        bytes_in,
        bytes_out,
        cause: attempt.cause.map(code),
        error: attempt.error.as_ref().map(|error| error.text.as_str()),
        resolved: record.resolved(attempt).map(code),
    }
}

fn encryption(encryption: Encryption) -> &'static str {
    match encryption {
        Encryption::Plain => "plain",
        Encryption::Mse => "mse",
    }
}

/// What a failed try of this peer turned out to mean.
fn resolved(record: &PeerRecord) -> Option<Cause> {
    record.attempts.iter().find_map(|attempt| record.resolved(attempt))
}

/// From dialling to the open connection; nobody who calls is dialled.
pub(super) fn connect_ms(attempt: &Attempt) -> Option<u64> {
    attempt.connect_time().map(ms)
}

/// From the open connection to a valid handshake.
pub(super) fn handshake_ms(attempt: &Attempt) -> Option<u64> {
    attempt.handshake_time().map(ms)
}

/// Why the peer does not serve us; a live one is given ten seconds from its handshake to do so, which is when a
/// download calls one snubbed that was asked.
fn cause(record: &PeerRecord, now: At) -> Option<Cause> {
    if !record.is_live() {
        return record.cause;
    }
    let attempt = record.last_attempt()?;
    if attempt.first_block.is_some() || now.saturating_sub(attempt.handshaken?) < SNUBBED_AFTER {
        return record.cause;
    }
    let has_nothing = record.has.as_ref().is_some_and(|has| has.is_empty());
    Some(match attempt.unchoked {
        _ if has_nothing => Cause::NotInteresting,
        None => Cause::NeverUnchoked,
        Some(_) => Cause::Snubbed,
    })
}

fn sources(record: &PeerRecord, view: &View) -> Vec<String> {
    let url =
        |key| view.trackers.iter().find(|tracker| tracker.key == key).map(|tracker| tracker.url.as_str());
    let sources = record.sources.iter().map(|source| match source.tracker() {
        Some(key) => format!("{}:{}", source.info().code, url(key).unwrap_or_default()),
        None => source.info().code.to_owned(),
    });
    sources.collect()
}

fn judgement(verdict: &Verdict) -> Judgement<'_> {
    Judgement {
        severity: severity(verdict.severity),
        code: verdict.code,
        text: &verdict.text,
        evidence: verdict.evidence.iter().copied().collect(),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Good => "good",
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Error => "error",
    }
}

fn code(cause: Cause) -> &'static str {
    cause.info().code
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Every step of the funnel by its name.
fn steps(funnel: &Funnel) -> [(&'static str, u32); 6] {
    [
        ("known", funnel.known),
        ("dialled", funnel.dialled),
        ("connected", funnel.connected),
        ("handshaken", funnel.handshaken),
        ("unchoked", funnel.unchoked),
        ("sending", funnel.transferring),
    ]
}

/// What is out there of the torrent, in a sentence.
fn out_there(availability: Availability) -> String {
    let share = units::thousandths(availability.share_thousandths());
    let copies = availability.copies_thousandths() / 10;
    format!(
        "Who shook hands holds {share} of it, in {}.{:02} copies (1.00 is just one).",
        copies / 100,
        copies % 100
    )
}

/// The peers as people read them: those that serve us, those that shook hands, then by why they did not.
fn in_order(view: &View) -> Vec<&PeerRecord> {
    let mut peers: Vec<&PeerRecord> = view.peers.iter().map(|peer| &**peer).collect();
    let rank = |group| match group {
        Group::Live => 0,
        Group::Left => 1,
        Group::Failed => 2,
        Group::Banned => 3,
        Group::Trying => 4,
        Group::Queued => 5,
    };
    peers.sort_by_key(|peer| {
        (rank(peer.group), std::cmp::Reverse(peer.stage), cause(peer, view.at), peer.addr)
    });
    peers
}

#[cfg(test)]
mod tests;
