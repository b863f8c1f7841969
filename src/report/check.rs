//! Who shook hands, and why the rest did not: what `ttui check` found, as text, JSON, CSV and Markdown.

mod fields;
mod markdown;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use self::fields::Peer;
pub(super) use self::fields::Peer as PeerObject;
pub use self::markdown::markdown;
pub use self::text::text;
use super::json_line;
use super::table::Rows;
use crate::event::{At, Attempt, Cause, FinderStatus, PeerKey, SNUBBED_AFTER};
use crate::ledger::{
    Availability, FinderRecord, Funnel, Group, Groups, MetadataAnswer, MetadataProgress, PeerRecord, Stage,
    TrackerRecord, Verdict, VerdictCode, View, WebSeedRecord,
};
use crate::units::{self, Units};

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
    sources: Vec<Source<'a>>,
    verdicts: Vec<Judgement<'a>>,
}

/// A way to find peers that is no tracker.
#[derive(Serialize)]
struct Source<'a> {
    kind: &'static str,
    status: FinderStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'a, str>>,
    peers: u32,
    handshaken: u32,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    web: Option<Server<'a>>,
}

/// A web seed.
#[derive(Serialize)]
struct Server<'a> {
    url: &'a str,
    code: Option<&'static str>,
    http_status: Option<u16>,
    down_bps: u64,
    down_bytes: u64,
}

impl<'a> From<&'a WebSeedRecord> for Source<'a> {
    fn from(record: &'a WebSeedRecord) -> Self {
        let WebSeedRecord { url, status, down_bps, down_bytes, cause, detail, .. } = record;
        Self {
            kind: "web",
            status: record.standing(),
            detail: Some(detail.as_str()).filter(|detail| !detail.is_empty()).map(Cow::from),
            peers: 0,
            handshaken: 0,
            web: Some(Server {
                url,
                code: cause.map(|cause| cause.info().code),
                http_status: *status,
                down_bps: *down_bps,
                down_bytes: *down_bytes,
            }),
        }
    }
}

impl<'a> From<&'a FinderRecord> for Source<'a> {
    fn from(record: &'a FinderRecord) -> Self {
        let FinderRecord { finder, status, detail, peers, handshaken, named: _, new: _ } = record;
        Self {
            kind: finder.code(),
            status: *status,
            detail: detail.as_deref().map(Cow::from),
            peers: *peers,
            handshaken: *handshaken,
            web: None,
        }
    }
}

impl Source<'_> {
    /// The way in through the router, where one was looked for, with those who came from outside.
    fn way_in(view: &View) -> Option<Self> {
        let way_in = (!view.session.mapping.is_empty()).then(|| view.session.way_in())?;
        let (peers, handshaken) = view.callers();
        Some(Self {
            kind: "mapping",
            status: way_in.status,
            detail: way_in.detail.map(Cow::from),
            peers,
            handshaken,
            web: None,
        })
    }
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
    name: Option<&'a str>,
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
        torrent: Torrent { name: view.torrent.name(), info_hash: view.torrent.info_hash.to_string() },
        duration_ms: units::milliseconds(view.at),
        funnel: view.funnel,
        groups: view.groups,
        availability: view.availability.map(OutThere::from),
        trackers: view.trackers.iter().map(|tracker| tracker_line(tracker)).collect(),
        peers: view.peers.iter().map(|peer| Peer::new(peer, view)).collect(),
        sources: view
            .finders
            .iter()
            .map(Source::from)
            .chain(view.web_seeds.iter().map(Source::from))
            .chain(Source::way_in(view))
            .collect(),
        verdicts: view.verdicts.iter().map(judgement).collect(),
    })
}

#[derive(Serialize)]
struct Peers<'a> {
    schema: &'static str,
    torrent: Torrent<'a>,
    peers: Vec<Peer<'a>>,
}

/// Some of the peers as one line of JSON, schema `ttui.peers/1`: the same objects as in [`json`], with rates, payload of
/// all their connections, and these columns of the screen.
pub fn peers_json(view: &View, keys: &[PeerKey], columns: Rows<'_>) -> String {
    let peers = chosen(view, keys).enumerate();
    json_line(&Peers {
        schema: "ttui.peers/1",
        torrent: Torrent { name: view.torrent.name(), info_hash: view.torrent.info_hash.to_string() },
        peers: peers.map(|(row, peer)| Peer::new(peer, view).with(columns, row)).collect(),
    })
}

/// Some of the peers for spreadsheets (RFC 4180), one line each under a line of names: every field, and these columns
/// of the screen. Bytes are those of all its attempts that are kept.
pub fn csv(view: &View, keys: &[PeerKey], columns: Rows<'_>) -> String {
    let peers = chosen(view, keys).enumerate();
    let rows: Vec<_> = peers.map(|(row, peer)| fields::row(peer, view, columns, row)).collect();
    Rows { columns: &fields::names(columns), rows: &rows }.csv()
}

/// The peers of these keys, as far as they have rows.
fn chosen<'a>(view: &'a View, keys: &[PeerKey]) -> impl Iterator<Item = &'a PeerRecord> {
    keys.iter().filter_map(|key| view.peer(*key))
}

fn tracker_line(record: &TrackerRecord) -> Tracker<'_> {
    let (answer, failure) = (record.answer(), record.failure());
    Tracker {
        url: &record.url,
        status: record.status.name(),
        code: failure.map(|(error, _)| error.info().code),
        error: failure.map(|(_, text)| text),
        peers: record.peers,
        handshaken: record.handshaken,
        seeders: answer.and_then(|answer| answer.seeders),
        leechers: answer.and_then(|answer| answer.leechers),
    }
}

/// From dialling to the open connection; nobody who calls is dialled.
pub(super) fn connect_ms(attempt: &Attempt) -> Option<u64> {
    attempt.connect_time().map(units::milliseconds)
}

/// From the open connection to a valid handshake.
pub(super) fn handshake_ms(attempt: &Attempt) -> Option<u64> {
    attempt.handshake_time().map(units::milliseconds)
}

/// Why the peer does not serve us; a live one is given ten seconds from its handshake to do so, which is when a
/// download calls one snubbed that was asked.
fn cause(record: &PeerRecord, now: At) -> Option<Cause> {
    if !record.is_live() {
        return record.cause;
    }
    if record.lacks_metadata {
        return record.metadata.as_ref().and_then(|talk| talk.answer().cause());
    }
    let attempt = record.telling_attempt()?;
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

/// What a peer that shook hands did about the metadata of a magnet, beside what its cause says.
fn about_metadata(record: &PeerRecord) -> Option<String> {
    if !record.lacks_metadata || record.stage < Stage::Handshaken {
        return None;
    }
    let Some(talk) = record.metadata.as_deref().filter(|talk| talk.is_begun()) else {
        return Some("has no metadata".to_owned());
    };
    match talk.answer() {
        MetadataAnswer::Wrong => talk.wrong.clone(),
        _ if talk.gave > 0 => Some(format!("gave {}", talk.parts_given())),
        MetadataAnswer::Asked => Some("was asked for the metadata, no answer yet".to_owned()),
        MetadataAnswer::Offers => Some("offers the metadata, was not asked".to_owned()),
        MetadataAnswer::Gives | MetadataAnswer::Refuses | MetadataAnswer::Silent => None,
    }
}

fn judgement(verdict: &Verdict) -> Judgement<'_> {
    Judgement {
        severity: verdict.severity.name(),
        code: verdict.code,
        text: &verdict.text,
        evidence: verdict.evidence.iter().copied().collect(),
    }
}

fn code(cause: Cause) -> &'static str {
    cause.info().code
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

/// What came of the metadata of a magnet, and what those said who were asked, in a sentence.
fn metadata(progress: MetadataProgress) -> String {
    let MetadataProgress { got, of, bytes, offered: _, asked, gave, refused, silent, wrong } = progress;
    if of == 0 {
        return "Nobody offers the metadata.".to_owned();
    }
    let size = units::bytes(bytes.into(), Units::Binary);
    let said =
        [(gave, "gave some"), (refused, "refused"), (silent, "said nothing"), (wrong, "gave wrong ones")];
    let said: Vec<String> = said
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", units::count((*count).into())))
        .collect();
    let of_asked = match (asked, said.is_empty()) {
        (0, _) => "nobody was asked".to_owned(),
        (_, true) => "nobody has answered".to_owned(),
        (1, false) => format!("of 1 peer that was asked {}", said.join(", ")),
        (asked, false) => {
            format!("of {} peers that were asked {}", units::count(asked.into()), said.join(", "))
        }
    };
    format!("Of the metadata ({size}) {got} of {of} parts came; {of_asked}.")
}

/// What came of what peers were asked for, in a sentence.
fn came(view: &View) -> Option<String> {
    let asked = view.metadata.filter(|_| view.funnel.handshaken > 0);
    asked.map(metadata).or_else(|| view.availability.map(out_there))
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
