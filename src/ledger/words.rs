//! What a line of the log says of an event.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::log::{Alike, Entry};
use super::peer::PeerRecord;
use super::peers::Peers;
use super::tracker::TrackerRecord;
use super::view::{FileFacts, LogLine, Metadata, TorrentFacts};
use super::web_seed::WebSeedRecord;
use crate::event::{
    Announced, At, Attempt, Cause, Direction, Encryption, Event, MetadataStep, OsError, PeerKey, Phase,
    PunchStep, Severity, Side, TrackerError, TrackerKey, Transport, WebSeedStep,
};
use crate::metainfo::{Choice, FilePriority, PieceIndex};
use crate::units::{self, Units};

/// Ways in which a peer can be dialled.
const WAYS: u32 = 4;
/// Peers named in one line at most.
const MOST_NAMED: usize = 4;

/// What the words are taken from: all that is known after the event.
pub(super) struct Known<'a> {
    pub(super) peers: &'a Peers,
    pub(super) trackers: &'a BTreeMap<TrackerKey, Arc<TrackerRecord>>,
    pub(super) facts: &'a TorrentFacts,
    pub(super) choice: Option<&'a Choice>,
    pub(super) phase: Phase,
    pub(super) web_seeds: &'a [WebSeedRecord],
    /// The last line of the log.
    pub(super) last: Option<&'a LogLine>,
}

impl Known<'_> {
    /// Whether not all files are wanted.
    fn skips(&self) -> bool {
        self.choice.is_some_and(|choice| !choice.is_everything())
    }

    /// Whether every file is skipped.
    fn wants_nothing(&self) -> bool {
        let skipped = |choice: &Choice| self.facts.files().iter().all(|file| is_skipped(choice, file));
        self.choice.is_some_and(skipped)
    }

    fn tracker(&self, key: TrackerKey) -> Option<&TrackerRecord> {
        self.trackers.get(&key).map(|tracker| &**tracker)
    }

    /// Whether the last line tells what the user asked for at this moment: an answer adds nothing to it.
    fn is_told(&self, at: At) -> bool {
        let Some(last) = self.last.filter(|last| last.at == at) else { return false };
        let everything = Choice::everything(self.facts.files().len());
        let choice = self.choice.unwrap_or(&everything);
        last.text == phase_entry(self.phase, None, self).text || last.text == chosen(self.facts, choice).text
    }
}

/// The line an event is worth; `None` for the many that are not.
pub(super) fn entry(at: At, event: &Event, known: &Known<'_>) -> Option<Entry> {
    match event {
        Event::Phase { phase, reason } => Some(phase_entry(*phase, reason.as_deref(), known)),
        Event::Had { pieces } => {
            let (good, of) =
                (units::count(pieces.count().into()), units::count(known.facts.piece_count().into()));
            Some(Entry::new(Severity::Info, format!("{good} of {of} pieces were on disk and are verified.")))
        }
        Event::Chosen { choice } => Some(chosen(known.facts, choice)),
        Event::Listening { port } => {
            Some(Entry::new(Severity::Info, format!("Listening for peers on port {port}.")))
        }
        Event::Handshaken { peer } => known.peers.record(*peer).and_then(handshaken),
        Event::Choking { peer, by: Side::Them, choking: false } => {
            let record = known.peers.record(*peer)?;
            let first = record.last_attempt().is_some_and(|attempt| attempt.unchoked == Some(at));
            first.then(|| {
                let text = format!("{} lets us download{}.", record.addr, behind(record));
                Entry::new(Severity::Info, text).about(*peer)
            })
        }
        Event::AttemptEnded { cause: Cause::LostRace, .. } => None,
        Event::AttemptEnded { peer, cause, error, .. } => {
            let record = known.peers.record(*peer)?;
            (!adds_nothing(record)).then(|| ended(record, *cause, error.as_ref()))
        }
        Event::Banned { peer, until: Some(until), reason } => {
            let addr = known.peers.record(*peer)?.addr;
            let time = units::duration(until.saturating_sub(at));
            Some(Entry::new(Severity::Warn, format!("{addr} is banned for {time}: {reason}")).about(*peer))
        }
        Event::Named { peer, named: count, new } if *new > 0 => {
            let record = known.peers.record(*peer)?;
            let peers = if *count == 1 { "peer" } else { "peers" };
            let text = format!("{} names {count} {peers}, {new} of them new{}.", record.addr, behind(record));
            Some(Entry::new(Severity::Info, text).about(*peer))
        }
        Event::IncomingFailed { addr, cause } => Some(called(*addr, *cause)),
        Event::PieceFailed { piece, from } => Some(piece_failed(*piece, from, known.peers)),
        Event::AnnounceAnswered { tracker, answer } => {
            known.tracker(*tracker).map(|record| answered(record, answer))
        }
        Event::AnnounceFailed { tracker, error, text } => {
            known.tracker(*tracker).map(|record| announce_failed(record, *error, text))
        }
        Event::Punch { peer, step } => punch_step(known.peers.record(*peer)?, step, known.peers),
        Event::Metadata { peer, step } => metadata_step(known.peers.record(*peer)?, step),
        Event::WebSeed { seed, step } => {
            web_seed_step(known.web_seeds.iter().find(|record| record.key == *seed)?, at, step)
        }
        Event::Note { severity: Severity::Info, answer: true, .. } if known.is_told(at) => None,
        Event::Note { severity, text, .. } => Some(Entry::new(*severity, text.clone())),
        _ => None,
    }
}

fn phase_entry(phase: Phase, reason: Option<&str>, known: &Known<'_>) -> Entry {
    if let (Phase::Stopped, Some(reason)) = (phase, reason) {
        return Entry::new(Severity::Error, format!("Stopped: {reason}"));
    }
    let (severity, text) = match phase {
        Phase::Checking => (Severity::Info, "Looking at what is on disk."),
        Phase::Metadata => (Severity::Info, "Asking peers for the metadata."),
        Phase::Downloading => (Severity::Info, "Downloading."),
        Phase::Seeding if known.wants_nothing() => {
            (Severity::Info, "Every file is skipped: nothing is wanted.")
        }
        Phase::Seeding if known.skips() => {
            (Severity::Good, "Complete: every file that is wanted is here and verified.")
        }
        Phase::Seeding => (Severity::Good, "Complete: every piece is here and verified."),
        Phase::Paused => (Severity::Info, "Paused."),
        Phase::Queued(_) => (Severity::Info, "Waits for its turn."),
        Phase::Stopped => (Severity::Error, "Stopped: nothing goes on until you resume it."),
    };
    Entry::new(severity, text.to_owned())
}

/// The line a choice of files is worth.
fn chosen(facts: &TorrentFacts, choice: &Choice) -> Entry {
    let files = facts.files();
    let wanted = files.iter().filter(|file| !is_skipped(choice, file)).count() as u64;
    let (wanted, of) = (units::count(wanted), units::count(files.len() as u64));
    let order = if choice.sequential { ", one after the other" } else { "" };
    Entry::new(Severity::Info, format!("{wanted} of {of} files are wanted{order}."))
}

fn is_skipped(choice: &Choice, file: &FileFacts) -> bool {
    choice.of(file.number as usize) == FilePriority::Skip
}

/// The line a step on the way to a peer through another one is worth.
fn punch_step(record: &PeerRecord, step: &PunchStep, peers: &Peers) -> Option<Entry> {
    let other = |peer: &PeerKey| peers.record(*peer).map(named);
    let who = named(record);
    let text = match step {
        PunchStep::Asked { relay } => {
            format!("{} was asked to have us and {who} dial each other: it cannot be called.", other(relay)?)
        }
        PunchStep::Told { relay } => format!("{} has us and {who} dial each other.", other(relay)?),
        PunchStep::Relayed { to } => {
            format!("{who} asked to meet {}: we had them dial each other.", other(to)?)
        }
    };
    Some(Entry::new(Severity::Info, text).about(record.key))
}

/// The line a step on a peer's way to giving us the metadata is worth: the first of its kind.
fn metadata_step(record: &PeerRecord, step: &MetadataStep) -> Option<Entry> {
    let (who, client, talk) = (record.addr, behind(record), record.metadata.as_ref()?);
    let (severity, text) = match step {
        MetadataStep::Gave { .. } if talk.gave == 1 => {
            (Severity::Info, format!("{who} gives the metadata{client}."))
        }
        MetadataStep::Refused { .. } if talk.refused == 1 => {
            (Severity::Info, format!("{who} refuses to give the metadata{client}."))
        }
        MetadataStep::Silent { .. } if talk.silent == 1 => {
            (Severity::Info, format!("{who} was asked for the metadata and says nothing{client}."))
        }
        MetadataStep::Wrong { reason } => {
            (Severity::Warn, format!("{who} gave wrong metadata and is not asked again{client}: {reason}"))
        }
        _ => return None,
    };
    Some(Entry::new(severity, text).about(record.key))
}

/// The line a step of a web seed is worth: that it gives data, that it failed.
fn web_seed_step(record: &WebSeedRecord, at: At, step: &WebSeedStep) -> Option<Entry> {
    let url = &record.url;
    match step {
        WebSeedStep::Answered { .. } => {
            Some(Entry::new(Severity::Info, format!("The web seed {url} gives data.")))
        }
        WebSeedStep::Failed { cause, detail, next, .. } => {
            let why = if detail.is_empty() { cause.info().brief } else { detail.trim_end_matches('.') };
            let again = match next {
                Some(next) => format!("it is asked again in {}", units::duration(next.saturating_sub(at))),
                None => "it is not asked again".to_owned(),
            };
            Some(Entry::new(Severity::Warn, format!("The web seed {url} failed: {why}; {again}.")))
        }
        _ => None,
    }
}

/// The line that says that the metadata of a magnet are known.
pub(super) fn metadata_known(metadata: &Metadata) -> String {
    let size = units::bytes(metadata.geometry.total_bytes(), Units::Binary);
    let files = match metadata.files.len() {
        1 => "1 file".to_owned(),
        files => format!("{} files", units::count(files as u64)),
    };
    format!("The metadata are here: {}, {size} in {files}.", metadata.name)
}

fn handshaken(record: &PeerRecord) -> Option<Entry> {
    let attempt = record.last_attempt()?;
    let who = record.client.as_deref().unwrap_or("a client we do not know");
    let text = match attempt.direction {
        Direction::Out => {
            // As the table of peers counts it.
            let waited = attempt.handshake_time()?;
            format!("{} shook hands after {} ms: {who}.", record.addr, waited.as_millis())
        }
        Direction::In => format!("{} called us and shook hands: {who}.", record.addr),
    };
    Some(Entry::new(Severity::Good, text).about(record.key))
}

fn ended(record: &PeerRecord, cause: Cause, error: Option<&OsError>) -> Entry {
    let info = cause.info();
    let attempt = ended_last(record);
    let detail = attempt.and_then(|attempt| attempt.detail.as_deref());
    let mut text = match attempt.and_then(lived) {
        Some(time) => {
            let (time, client) = (units::duration(time), behind(record));
            format!("{}: {} after {time}{client}. {}", record.addr, info.short, info.sentence)
        }
        None => format!("{}: {}. {}", record.addr, info.short, info.sentence),
    };
    if let Some(detail) = detail {
        // Writing to a string cannot fail.
        let _ = write!(text, " ({detail})");
    }
    // What the system calls it stands on the peer's page; here only where nothing else tells it.
    if let Some(error) = error.filter(|_| matches!(cause, Cause::LocalError | Cause::DiskError)) {
        let _ = write!(text, " ({})", error.text);
    }
    let live = attempt.is_some_and(|attempt| attempt.handshaken.is_some());
    let severity = if live && info.fault { Severity::Warn } else { Severity::Info };
    let alike = (!live).then(|| (Alike::Failed(cause), record.addr.to_string()));
    Entry { alike, ..Entry::new(severity, text).about(record.key) }
}

fn ended_last(record: &PeerRecord) -> Option<&Attempt> {
    record.attempts.iter().filter(|attempt| attempt.ended.is_some()).max_by_key(|attempt| attempt.ended)
}

/// Whether the attempt that ended was but a later way of the fallback, and came to no more than the first. The
/// peer's own page tells of it; here one peer would be counted twice, under two words.
fn adds_nothing(record: &PeerRecord) -> bool {
    let later = |it: &&Attempt| it.encryption == Encryption::Mse || it.transport == Transport::Utp;
    let last = ended_last(record).filter(later).filter(|last| last.handshaken.is_none());
    let decides = record.telling_attempt();
    last.zip(decides)
        .is_some_and(|(last, decides)| (1..WAYS).contains(&last.number.saturating_sub(decides.number)))
}

/// How long the peer was live in this attempt.
fn lived(attempt: &Attempt) -> Option<Duration> {
    Some(attempt.ended?.saturating_sub(attempt.handshaken?))
}

fn called(addr: IpAddr, cause: Cause) -> Entry {
    let addr = addr.to_string();
    let text = format!(
        "{addr} called us, and it came to nothing: {}. {}",
        cause.info().short,
        cause.info().sentence
    );
    Entry { alike: Some((Alike::Called(cause), addr)), ..Entry::new(Severity::Info, text) }
}

fn piece_failed(piece: PieceIndex, from: &[PeerKey], peers: &Peers) -> Entry {
    let mut names: Vec<String> =
        from.iter().take(MOST_NAMED).filter_map(|peer| peers.record(*peer)).map(named).collect();
    if from.len() > MOST_NAMED {
        names.push(format!("{} more", from.len() - MOST_NAMED));
    }
    let whom =
        if names.is_empty() { String::new() } else { format!(" Its data came from {}.", names.join(", ")) };
    let entry = Entry::new(Severity::Warn, format!("Piece {} failed its check.{whom}", piece.number()));
    match from {
        [only] => entry.about(*only),
        _ => entry,
    }
}

fn answered(record: &TrackerRecord, answer: &Announced) -> Entry {
    let mut text = match answer.peers {
        1 => format!("{} named 1 peer", record.url),
        peers => format!("{} named {peers} peers", record.url),
    };
    if let (Some(seeders), Some(leechers)) = (answer.seeders, answer.leechers) {
        let _ = write!(text, "; it counts {seeders} with everything and {leechers} still downloading");
    }
    text.push('.');
    if let Some(warning) = &answer.warning {
        let _ = write!(text, " It warns: {warning}");
    }
    Entry::new(if answer.warning.is_some() { Severity::Warn } else { Severity::Info }, text)
}

fn announce_failed(record: &TrackerRecord, error: TrackerError, text: &str) -> Entry {
    let failure = error.info().phrase;
    let said = text.trim_end_matches('.');
    let text = match said {
        "" => format!("{}: {failure}.", record.url),
        said if said.starts_with(failure) => format!("{}: {said}.", record.url),
        said => format!("{}: {failure}: {said}.", record.url),
    };
    Entry { alike: Some((Alike::Tracker(record.key), String::new())), ..Entry::new(Severity::Warn, text) }
}

fn named(record: &PeerRecord) -> String {
    format!("{}{}", record.addr, behind(record))
}

/// Its client, to stand behind what is told of it: in the log an address has a column of its own.
fn behind(record: &PeerRecord) -> String {
    record.client.as_ref().map_or_else(String::new, |client| format!(" ({client})"))
}
