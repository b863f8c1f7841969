//! What is published: everything a screen, a report or a program may show, at one moment.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Availability, LookupRecord, MetadataProgress, PeerRecord, PieceMap, Series, SessionRecord, Stage,
    TrackerRecord, Verdict, WebSeedRecord,
};
use crate::event::{
    At, Cause, Family, Finder, FinderStatus, PeerKey, Phase, Sample, Severity, Source, TrackerKey,
};
use crate::metainfo::{Choice, FilePriority, Geometry, InfoHash, PieceIndex};

/// Digits of the info-hash by which a magnet without a name goes.
const HASH_DIGITS: usize = 8;

/// One file of the torrent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileFacts {
    /// Its path, cleaned for showing.
    pub path: String,
    /// Where it begins in the torrent, bytes. Padding counts, so files need not follow each other.
    pub offset_bytes: u64,
    /// Its length, bytes.
    pub length_bytes: u64,
    /// Its number, as the torrent counts its files: padding counts, too.
    #[serde(default)]
    pub number: u32,
}

/// What the metadata of a torrent say of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Metadata {
    /// The torrent's name, cleaned for showing.
    pub name: String,
    /// Its lengths.
    pub geometry: Geometry,
    /// Only trackers may name peers (BEP 27).
    pub private: bool,
    /// Every file that is not padding, in the torrent's order.
    pub files: Vec<FileFacts>,
}

/// What does not change during a run, once it is known.
#[derive(Clone, PartialEq, Debug)]
pub struct TorrentFacts {
    /// The torrent's info-hash.
    pub info_hash: InfoHash,
    /// What it is made of; `None` as long as the metadata of a magnet are on their way (BEP 9).
    pub metadata: Option<Metadata>,
    /// What a magnet calls it (`dn`), cleaned for showing: the metadata may say otherwise.
    pub magnet_name: Option<String>,
    /// The output folder.
    pub output: PathBuf,
    /// Our own peer id, as the handshake shows it.
    pub peer_id: String,
}

impl TorrentFacts {
    /// The torrent's name, once it is known.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.metadata.as_ref().map(|metadata| metadata.name.as_str())
    }

    /// What to call it: its name, or `magnet 26c46caf… “sintel”` before it has one.
    #[must_use]
    pub fn title(&self) -> Cow<'_, str> {
        if let Some(name) = self.name() {
            return Cow::Borrowed(name);
        }
        let hash = self.info_hash.to_string();
        let begins = hash.get(..HASH_DIGITS).unwrap_or(&hash);
        let called = self.magnet_name.as_ref().map_or_else(String::new, |name| format!(" “{name}”"));
        Cow::Owned(format!("magnet {begins}…{called}"))
    }

    /// Its lengths, once they are known.
    #[must_use]
    pub fn geometry(&self) -> Option<Geometry> {
        self.metadata.as_ref().map(|metadata| metadata.geometry)
    }

    /// Bytes in all of it, once that is known.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.geometry().map(|geometry| geometry.total_bytes())
    }

    /// Pieces it has: none before the metadata are known.
    #[must_use]
    pub fn piece_count(&self) -> u32 {
        self.geometry().map_or(0, |geometry| geometry.piece_count())
    }

    /// The piece of this number, if there is one.
    #[must_use]
    pub fn piece(&self, number: u32) -> Option<PieceIndex> {
        self.geometry()?.piece(number)
    }

    /// Its files: none before the metadata are known.
    #[must_use]
    pub fn files(&self) -> &[FileFacts] {
        self.metadata.as_ref().map_or(&[], |metadata| &metadata.files)
    }

    /// Whether only trackers may name peers (BEP 27), as far as is known.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.private)
    }
}

/// A way to find peers that is no tracker, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FinderRecord {
    /// Which.
    pub finder: Finder,
    /// How it stands.
    pub status: FinderStatus,
    /// Why, in a few words.
    pub detail: Option<String>,
    /// Addresses that it named, as often as it named them.
    pub named: u64,
    /// Those of them that nobody had named before.
    pub new: u64,
    /// Peers in the table that it named.
    pub peers: u32,
    /// Those of them that shook hands.
    pub handshaken: u32,
}

/// How many peers got how far: a step counts the peers whose stage is at least that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Funnel {
    /// Peers with an address.
    pub known: u32,
    /// Dialled, or called us.
    pub dialled: u32,
    /// The connection was open.
    pub connected: u32,
    /// Its handshake was valid.
    pub handshaken: u32,
    /// It unchoked us.
    pub unchoked: u32,
    /// It sent a block.
    pub transferring: u32,
}

/// How many peers serve us at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Serving {
    /// Live, and they let us download.
    pub unchoked: u32,
    /// Those of them that send.
    pub sending: u32,
}

/// How many peers stand where: the sum is `known`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Groups {
    /// Connected after a valid handshake.
    pub live: u32,
    /// An attempt is under way.
    pub trying: u32,
    /// No handshake, or ended by a fault.
    pub failed: u32,
    /// Was live, ended without a fault.
    pub left: u32,
    /// Waits for its first try.
    pub queued: u32,
    /// Banned.
    pub banned: u32,
}

/// Why peers are not past a step of the way, most frequent first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Loss {
    /// The cause and how many peers it holds back; a cause of `None` counts those still on their way.
    pub causes: Vec<(Option<Cause>, u32)>,
}

/// Connections from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct IncomingCounts {
    /// Those that shook hands, addresses of this machine and its private networks left out.
    pub public_handshaken: u32,
    /// Those that shook hands, all.
    pub handshaken: u32,
    /// Those that did not.
    pub failed: u32,
}

/// Connections from one address that ended alike, without a handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailedCalls {
    /// Where from; `None`: from any of the addresses beyond the first 4 096.
    pub addr: Option<IpAddr>,
    /// Why they ended.
    pub cause: Cause,
    /// How many.
    pub count: u32,
}

/// A line of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: At,
    /// How weighty.
    pub severity: Severity,
    /// What.
    pub text: String,
    /// The peer it is about.
    pub peer: Option<PeerKey>,
}

/// Everything there is to show, at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct View {
    /// The moment.
    pub at: At,
    /// What does not change.
    pub torrent: Arc<TorrentFacts>,
    /// What the torrent is doing.
    pub phase: Phase,
    /// Since when.
    pub phase_since: At,
    /// For `Stopped`: what failed.
    pub phase_reason: Option<String>,
    /// While checking: pieces looked at, of how many.
    pub checked: Option<(u32, u32)>,
    /// After checking: files made ready for writing, of how many.
    pub preparing: Option<(u32, u32)>,
    /// How far the metadata are, as long as they are not known; in a check of a magnet to its end.
    pub metadata: Option<MetadataProgress>,
    /// Which files are wanted; none: all are.
    pub choice: Option<Arc<Choice>>,
    /// How many files are wanted, where some are skipped.
    pub wanted_files: Option<usize>,
    /// Bytes of what is wanted, once that is known: of the whole torrent, or of the files that are not skipped.
    pub wanted_bytes: Option<u64>,
    /// Those of them that lie in good pieces.
    pub have_bytes: u64,
    /// Mean of the last three seconds.
    pub rates: Sample,
    /// Payload received in this run, bytes.
    pub down_bytes: u64,
    /// Payload sent in this run, bytes.
    pub up_bytes: u64,
    /// Time to completion at the present rate; `None`: no telling.
    pub eta: Option<Duration>,
    /// When the last block of anybody came.
    pub last_block: Option<At>,
    /// The rate limits, bytes a second: down, up.
    pub limits: (Option<u64>, Option<u64>),
    /// How many connections may be open at once.
    pub places: Option<u32>,
    /// The port we listen on.
    pub port: Option<u16>,
    /// Connections from outside.
    pub incoming: IncomingCounts,
    /// Those that did not shake hands, by address and cause.
    pub failed_calls: Arc<Vec<FailedCalls>>,
    /// Every peer that has a row, by key.
    pub peers: Vec<Arc<PeerRecord>>,
    /// How far peers got.
    pub funnel: Funnel,
    /// Who serves us now.
    pub serving: Serving,
    /// Why peers are no further, by step of [`View::way`]: the n-th accounts for every peer between step n and
    /// step n + 1.
    pub losses: [Loss; 5],
    /// Where peers stand.
    pub groups: Groups,
    /// Every tracker, by key.
    pub trackers: Vec<Arc<TrackerRecord>>,
    /// Every other way to find peers.
    pub finders: Vec<FinderRecord>,
    /// What is known of the session: the DHT, the way in, and what else comes to our port.
    pub session: Arc<SessionRecord>,
    /// The last lookup of the torrent's peers in the DHT, by family.
    pub lookups: Arc<BTreeMap<Family, LookupRecord>>,
    /// Every server that gives the files (BEP 19), by key.
    pub web_seeds: Vec<WebSeedRecord>,
    /// Every piece.
    pub pieces: Arc<PieceMap>,
    /// Throughput over time.
    pub series: Arc<Series>,
    /// Judgements, weightiest first; the first judges the whole. Never empty.
    pub verdicts: Vec<Verdict>,
    /// The last thousand lines of the log, newest last.
    pub log: Arc<Vec<LogLine>>,
    /// The answer to the last command, and when it came.
    pub answer: Option<(At, String)>,
    /// The run only looks who answers; nothing is downloaded.
    pub probing: bool,
    /// What is out there of the torrent, where the run only looks who answers and anybody shook hands.
    pub availability: Option<Availability>,
    /// Whether the run is being recorded.
    pub recording: bool,
}

impl View {
    /// The peer of this key, if it has a row.
    #[must_use]
    pub fn peer(&self, key: PeerKey) -> Option<&PeerRecord> {
        self.peers.binary_search_by_key(&key, |peer| peer.key).ok().map(|at| &*self.peers[at])
    }

    /// Peers that called us, and those of them that shook hands.
    #[must_use]
    pub fn callers(&self) -> (u32, u32) {
        let called = self.peers.iter().filter(|peer| peer.sources.contains(&Source::Incoming));
        called.fold((0, 0), |(all, shaken), peer| {
            (all + 1, shaken + u32::from(peer.stage >= Stage::Handshaken))
        })
    }

    /// The tracker of this key.
    #[must_use]
    pub fn tracker(&self, key: TrackerKey) -> Option<&TrackerRecord> {
        self.trackers.binary_search_by_key(&key, |tracker| tracker.key).ok().map(|at| &*self.trackers[at])
    }

    /// Whether every byte that is wanted is here.
    pub fn is_whole(&self) -> bool {
        self.wanted_bytes == Some(self.have_bytes)
    }

    /// Whether the user skips every file: nothing is missing, and nothing was done either.
    #[must_use]
    pub fn wants_nothing(&self) -> bool {
        self.wanted_files == Some(0)
    }

    /// How much a file is wanted.
    pub fn priority(&self, file: &FileFacts) -> FilePriority {
        self.choice.as_ref().map_or_else(FilePriority::default, |choice| choice.of(file.number as usize))
    }

    /// How far peers are: how many were ever known, dialled, connected, and shook hands; and how many of those let us
    /// download, and send, now.
    pub fn way(&self) -> [u32; 6] {
        let (ever, now) = (self.funnel, self.serving);
        [ever.known, ever.dialled, ever.connected, ever.handshaken, now.unchoked, now.sending]
    }

    /// How many connections may be open at once, where that many are: a queued peer waits for one of them to close.
    pub fn taken_places(&self) -> Option<u32> {
        self.places.filter(|most| self.groups.live >= *most)
    }

    /// How long nothing has arrived, counted from the last block or from when this phase began.
    pub fn quiet_for(&self) -> Duration {
        self.at.saturating_sub(self.last_block.unwrap_or_default().max(self.phase_since))
    }

    /// For how long the download stands still, once that is 30 s: pieces are missing, nothing keeps us from
    /// fetching them, and nothing arrives.
    pub fn stalled_for(&self) -> Option<Duration> {
        let quiet = self.quiet_for();
        (self.phase == Phase::Downloading && quiet.as_secs() >= 30).then_some(quiet)
    }
}
