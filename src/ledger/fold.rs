//! The ledger itself: one event in, everything that follows from it brought up to date.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::callers::Callers;
use super::conn::{choke, count, first_bytes, is_public, take_handshake, take_piece, take_pieces, uncount};
use super::finder::FinderState;
use super::log::{Entry, Log};
use super::lookup::LookupRecord;
use super::peer::PeerRecord;
use super::peers::Peers;
use super::pieces::Pieces;
use super::row::Row;
use super::series::{MEAN_SECONDS, SeriesFold};
use super::session::SessionRecord;
use super::tracker::{self, TrackerRecord};
use super::verdict::Judged;
use super::view::{IncomingCounts, TorrentFacts};
use super::web_seed::{self, MOST_WEB_SEEDS, WebSeedRecord};
use super::words::{self, Known};
use crate::event::validate::bounded;
use crate::event::{
    At, Cause, Direction, DiskSample, Encryption, Event, Family, Finder, Payload, PeerKey, PeerSample, Phase,
    Severity, Side, TrackerKey, WebSeedKey, WebSeedStep,
};
use crate::metainfo::{Bitfield, Choice, Geometry, PieceIndex};

/// Rows kept before the oldest peers are folded into counters, those that never shook hands first.
const MOST_ROWS: usize = 20_000;

/// Everything known of one torrent's run, folded from its events.
///
/// It has no clock: the time comes with each event, and with each view that is asked for. The same events give
/// the same views, in a live run, a replay and a test. It takes any order of events without failing; those that
/// make no sense (a handshake of a peer that was never dialled) change nothing.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use ttui::event::{Event, PeerKey, Source};
/// use ttui::ledger::{Ledger, Metadata, TorrentFacts};
/// use ttui::metainfo::{Geometry, InfoHash};
///
/// let mut ledger = Ledger::new(Arc::new(TorrentFacts {
///     info_hash: InfoHash([0; 20]),
///     metadata: Some(Metadata {
///         name: "debian.iso".to_owned(),
///         geometry: Geometry::new(1 << 20, 1 << 14).expect("lengths a torrent can have"),
///         private: false,
///         files: Vec::new(),
///     }),
///     magnet_name: None,
///     output: "/tmp".into(),
///     peer_id: "-Tu0100-0123456789ab".to_owned(),
/// }));
/// let addr = "192.0.2.1:6881".parse().expect("an address");
/// ledger.apply(Duration::ZERO, &Event::PeerLearned { peer: PeerKey(0), addr, source: Source::Manual });
/// assert_eq!(ledger.view(Duration::from_secs(1)).funnel.known, 1);
/// ```
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) facts: Arc<TorrentFacts>,
    pub(super) run: Run,
    pub(super) peers: Peers,
    pub(super) pieces: Pieces,
    pub(super) trackers: BTreeMap<TrackerKey, Arc<TrackerRecord>>,
    pub(super) series: SeriesFold,
    pub(super) log: Log,
}

/// The state of the run that belongs to no peer, piece or tracker.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Run {
    pub(super) phase: Phase,
    pub(super) phase_since: At,
    pub(super) phase_reason: Option<String>,
    pub(super) checked: Option<(u32, u32)>,
    pub(super) preparing: Option<(u32, u32)>,
    /// Which files are wanted; none: all are.
    pub(super) choice: Option<Arc<Choice>>,
    /// How much of the metadata of a magnet is here.
    pub(super) metadata: MetadataParts,
    pub(super) down_bytes: u64,
    pub(super) up_bytes: u64,
    pub(super) last_block: Option<At>,
    /// Time to completion when the last second ended; `None`: no telling.
    pub(super) time_left: Option<Duration>,
    /// When a piece last failed its check.
    pub(super) last_failure: Option<At>,
    pub(super) limits: (Option<u64>, Option<u64>),
    pub(super) places: Option<u32>,
    pub(super) listening: Option<(u16, At)>,
    pub(super) incoming: IncomingCounts,
    pub(super) callers: Callers,
    /// Nothing is downloaded: peers are only tried.
    pub(super) probing: bool,
    /// Our setting forbids encryption.
    pub(super) plain_only: bool,
    /// How each way to find peers stands that is no tracker.
    pub(super) finders: BTreeMap<Finder, FinderState>,
    /// What is known of the session.
    pub(super) session: Arc<SessionRecord>,
    /// The last lookup of each family.
    pub(super) lookups: Arc<BTreeMap<Family, LookupRecord>>,
    /// Servers that give the files.
    #[serde(deserialize_with = "bounded::<_, _, MOST_WEB_SEEDS>")]
    pub(super) web_seeds: Vec<WebSeedRecord>,
    pub(super) answer: Option<(At, String)>,
    pub(super) recording: bool,
    /// The last second of the disk, where it is slow.
    pub(super) disk: Option<(At, DiskSample)>,
    /// What was told of it all.
    pub(super) judged: Judged,
}

/// How much of the metadata of a magnet is here.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct MetadataParts {
    /// Parts that are here, and parts of the whole.
    pub(super) got: u32,
    pub(super) of: u32,
    /// Bytes of the whole.
    pub(super) bytes: u32,
}

impl Ledger {
    /// A ledger that knows the torrent and nothing else.
    pub fn new(facts: Arc<TorrentFacts>) -> Self {
        Self::with_most_rows(facts, MOST_ROWS)
    }

    /// The same, with another number of peers that have a row of their own before the oldest ones that are gone
    /// are only counted, those that never shook hands first.
    pub fn with_most_rows(facts: Arc<TorrentFacts>, most_rows: usize) -> Self {
        let pieces = Pieces::new(facts.geometry());
        let peers = Peers::new(most_rows, facts.metadata.is_none());
        Self {
            facts,
            run: Run::default(),
            peers,
            pieces,
            trackers: BTreeMap::new(),
            series: SeriesFold::default(),
            log: Log::default(),
        }
    }

    /// Takes in one fact.
    pub fn apply(&mut self, at: At, event: &Event) {
        self.fold(at, event);
        let Self { facts, peers, trackers, run, log, .. } = &*self;
        let (choice, web_seeds) = (run.choice.as_deref(), &run.web_seeds[..]);
        let known = Known { facts, peers, trackers, choice, phase: run.phase, web_seeds, last: log.last() };
        if let Some(entry) = words::entry(at, event, &known) {
            self.log.push(at, entry);
        }
        let due = matches!(event, Event::Sample(_) | Event::Phase { .. } | Event::Limits { .. });
        if due && !self.run.probing {
            self.judge(at);
        }
    }

    /// The metadata of a magnet are known from now on; it changes nothing where they were known before, or are of another
    /// torrent.
    pub fn know(&mut self, at: At, facts: Arc<TorrentFacts>) {
        let (None, Some(metadata)) = (&self.facts.metadata, &facts.metadata) else { return };
        if self.facts.info_hash != facts.info_hash {
            return;
        }
        self.log.push(at, Entry::new(Severity::Good, words::metadata_known(metadata)));
        let generation = self.pieces.map().generation;
        self.pieces = Pieces::new(Some(metadata.geometry));
        self.pieces.count_from(generation.saturating_add(1));
        if !self.run.tries_a_magnet() {
            self.peers.lack_metadata(false);
        }
        self.facts = facts;
        self.pieces.choose(&self.facts, self.run.choice.as_deref());
        if !self.run.probing {
            self.judge(at);
        }
    }

    /// What is known of a peer, where it has a row.
    pub fn peer(&self, peer: PeerKey) -> Option<&PeerRecord> {
        self.peers.record(peer)
    }

    fn fold(&mut self, at: At, event: &Event) {
        match event {
            Event::Phase { phase, reason } => {
                self.run.enter(at, *phase, reason.as_ref());
                self.peers.rest(at, self.run.rests());
            }
            Event::Checked { done, of } => self.run.checked = Some((*done, *of)),
            Event::Had { pieces } => self.had(pieces),
            Event::Chosen { choice } => self.choose(choice),
            Event::Listening { port } => self.run.listening = Some((*port, at)),
            Event::Limits { down_bps, up_bps } => self.run.limits = (*down_bps, *up_bps),
            Event::Places { most } => self.run.places = Some(*most),
            Event::PeerLearned { peer, addr, source } => self.peers.learn(at, *peer, *addr, *source),
            Event::PeerMerged { gone, into } => self.merge(at, *gone, *into),
            Event::AttemptBegan { peer, direction, transport, encryption } => {
                self.with(at, *peer, |row, pieces| {
                    uncount(row, pieces);
                    row.begin(at, *direction, *transport, *encryption);
                });
            }
            Event::Connected { peer } => self.with(at, *peer, |row, _| {
                row.advance(|attempt| attempt.connected = attempt.connected.or(Some(at)));
            }),
            Event::HandshakeSent { peer, sent } => self.with(at, *peer, |row, _| {
                row.advance(|attempt| {
                    attempt.handshake_sent = attempt.handshake_sent.or(Some(at));
                    attempt.sent = first_bytes(sent);
                });
            }),
            Event::HandshakeBytes { peer, received } => {
                self.with(at, *peer, |row, _| take_handshake(row, received));
            }
            Event::Handshaken { peer } => self.handshaken(at, *peer),
            Event::Introduced { peer, info } => {
                self.with(at, *peer, |row, _| row.edit().info.update(info.clone()))
            }
            Event::Has { peer, pieces } => self.with(at, *peer, |row, map| take_pieces(row, map, pieces)),
            Event::Have { peer, piece } => self.have(*peer, *piece),
            Event::Choking { peer, by, choking } => {
                self.with(at, *peer, |row, _| choke(at, row, *by, *choking));
            }
            Event::Interested { peer, by, interested } => self.with(at, *peer, |row, _| {
                if row.open().is_some() {
                    let flags = &mut row.edit().flags;
                    *match by {
                        Side::Us => &mut flags.am_interested,
                        Side::Them => &mut flags.peer_interested,
                    } = *interested;
                }
            }),
            Event::UploadOnly { peer, upload_only } => {
                self.with(at, *peer, |row, _| row.edit().info.upload_only = Some(*upload_only));
            }
            Event::FirstBlock { peer } => self.first_block(at, *peer),
            Event::PeerSample { peer, sample } => self.sample_peer(at, *peer, *sample),
            Event::AttemptEnded { peer, cause, error, detail, bytes_in, bytes_out } => {
                let probing = self.run.probing;
                self.with(at, *peer, |row, pieces| {
                    uncount(row, pieces);
                    // Who was only tried and went away still has what it told of.
                    let gone = probing && !row.is_hung_up();
                    if let Some(has) = row.record().has.as_ref().filter(|_| gone) {
                        pieces.keep_gone(has);
                    }
                    row.end(at, *cause, |attempt| {
                        attempt.error.clone_from(error);
                        attempt.detail.clone_from(detail);
                        attempt.bytes_in = *bytes_in;
                        attempt.bytes_out = *bytes_out;
                    });
                    count(row, pieces);
                });
            }
            Event::HungUp { peer, bytes_in, bytes_out } => {
                self.with(at, *peer, |row, _| row.hang_up(at, (*bytes_in, *bytes_out)));
            }
            Event::Punch { peer, step } => self.with(at, *peer, |row, _| row.punch(at, step)),
            Event::Stream { peer, figures } => self.with(at, *peer, |row, _| row.take_stream(*figures)),
            Event::RivalBegan { peer, transport, encryption } => {
                self.with(at, *peer, |row, _| row.begin_rival(at, *transport, *encryption));
            }
            Event::RivalEnded { peer, cause, error, detail } => self.with(at, *peer, |row, _| {
                row.end_rival(at, *cause, |attempt| {
                    attempt.error.clone_from(error);
                    attempt.detail.clone_from(detail);
                });
            }),
            Event::NextTry { peer, at: next } => self.with(at, *peer, |row, _| row.edit().next_try = *next),
            Event::NotDialled { peer, cause } => self.with(at, *peer, |row, _| row.set_not_dialled(*cause)),
            Event::Held { peer, held } => self.with(at, *peer, |row, _| row.edit().held = *held),
            Event::Dropped { peer, dropped } => self.with(at, *peer, |row, _| row.edit().dropped = *dropped),
            Event::Banned { peer, until, reason } => self.with(at, *peer, |row, _| {
                row.edit().banned = until.map(|until| (until, reason.clone()));
            }),
            Event::IncomingFailed { addr, cause } => self.incoming_failed(*addr, *cause),
            Event::PieceOpened { piece } => self.pieces.open(at, *piece),
            Event::PieceClosed { piece } => self.pieces.close(*piece),
            Event::PieceVerified { piece, from } => self.pieces.verify(at, *piece, from),
            Event::PieceFailed { piece, from } => self.piece_failed(at, *piece, from),
            Event::TrackerKnown { tracker, tier, url } => {
                tracker::know(&mut self.trackers, *tracker, *tier, url);
            }
            Event::AnnounceBegan { tracker, kind } => self.with_tracker(*tracker, |record| record.ask(*kind)),
            Event::AnnounceAnswered { tracker, answer } => {
                self.with_tracker(*tracker, |record| record.take_answer(at, answer));
            }
            Event::AnnounceFailed { tracker, error, text } => {
                self.with_tracker(*tracker, |record| record.take_failure(at, *error, text));
            }
            Event::NextAnnounce { tracker, at: next } => {
                self.with_tracker(*tracker, |record| record.next = *next);
            }
            Event::Disk(sample) => self.run.disk = Some((at, *sample)),
            Event::Sample(sample) => {
                self.series.push(at, *sample);
                self.peers.tick(at, self.mean_of(at));
                self.run.time_left = self.estimate(at);
            }
            Event::Note { text, answer, .. } => {
                if *answer {
                    self.run.answer = Some((at, text.clone()));
                }
            }
            Event::LooksLike { peer, what } => self.with(at, *peer, |row, _| {
                row.advance(|attempt| attempt.looks_like = Some(*what));
            }),
            Event::Traffic { peer, bytes_in, bytes_out } => self.with(at, *peer, |row, _| {
                row.advance(|attempt| (attempt.bytes_in, attempt.bytes_out) = (*bytes_in, *bytes_out));
            }),
            Event::Probing => self.run.probing = true,
            Event::PlainOnly => self.run.plain_only = true,
            Event::Finder { finder, status, detail } => {
                self.run.finders.entry(*finder).or_default().stands(*status, detail.as_ref());
            }
            Event::Found { finder, named, new } => {
                self.run.finders.entry(*finder).or_default().named(*named, *new);
            }
            Event::Dht(_)
            | Event::Mapping(_)
            | Event::OtherPackets { .. }
            | Event::UtpPackets { .. }
            | Event::UnknownCalls { .. } => {
                Arc::make_mut(&mut self.run.session).apply(at, event);
            }
            Event::Lookup(fact) => {
                Arc::make_mut(&mut self.run.lookups).entry(fact.family()).or_default().apply(at, fact);
            }
            Event::Named { named, new, .. } => {
                self.run.finders.entry(Finder::Pex).or_default().named(*named, *new);
            }
            Event::Agreed { peer, payload } => self.with(at, *peer, |row, _| {
                row.advance(|attempt| attempt.payload = Some(*payload));
            }),
            Event::Recording { on } => self.run.recording = *on,
            // It goes on while blocks come, and ends then.
            Event::Preparing { done, of } => {
                let goes_on = self.run.phase == Phase::Checking || done < of;
                self.run.preparing = goes_on.then_some((*done, *of));
            }
            Event::Metadata { peer, step } => self.with(at, *peer, |row, _| row.take_metadata(at, step)),
            Event::MetadataParts { got, of, bytes } => {
                self.run.metadata = MetadataParts { got: *got, of: *of, bytes: *bytes };
            }
            Event::PieceBlocks { piece, blocks } => self.pieces.take_blocks(at, *piece, blocks),
            Event::WebSeed { seed, step } => self.run.take_web_seed(at, *seed, step),
        }
    }

    /// Changes a peer's row, where it has one, and what follows from the change.
    fn with(&mut self, at: At, peer: PeerKey, change: impl FnOnce(&mut Row, &mut Pieces)) {
        if let Some(row) = self.peers.row(at, peer) {
            change(row, &mut self.pieces);
            row.refresh(at);
        }
    }

    fn with_tracker(&mut self, tracker: TrackerKey, change: impl FnOnce(&mut TrackerRecord)) {
        if let Some(record) = self.trackers.get_mut(&tracker) {
            change(Arc::make_mut(record));
        }
    }

    fn had(&mut self, good: &Bitfield) {
        for piece in self.facts.geometry().iter().flat_map(Geometry::pieces) {
            self.pieces.had(piece, good.has(piece));
        }
    }

    fn merge(&mut self, at: At, gone: PeerKey, into: PeerKey) {
        if gone == into || !self.peers.contains(at, into) {
            return;
        }
        let Some(mut other) = self.peers.remove(at, gone) else { return };
        self.pieces.merge(gone, into);
        uncount(&mut other, &mut self.pieces);
        self.with(at, into, |row, pieces| {
            uncount(row, pieces);
            row.absorb(at, other);
            count(row, pieces);
        });
    }

    fn handshaken(&mut self, at: At, peer: PeerKey) {
        let incoming = &mut self.run.incoming;
        let Some(row) = self.peers.row(at, peer) else { return };
        let fresh = row.open().is_some_and(|attempt| attempt.handshaken.is_none());
        row.advance(|attempt| {
            attempt.connected = attempt.connected.or(Some(at));
            attempt.handshaken = attempt.handshaken.or(Some(at));
            if attempt.encryption == Encryption::Plain {
                attempt.payload = Some(Payload::Plain);
            }
        });
        if fresh && row.open().is_some_and(|attempt| attempt.direction == Direction::In) {
            bump(&mut incoming.handshaken);
            if is_public(row.record().addr.ip()) {
                bump(&mut incoming.public_handshaken);
            }
        }
        count(row, &mut self.pieces);
        row.refresh(at);
    }

    /// Calls of our own, as when a tracker names us to ourselves, count nowhere.
    fn incoming_failed(&mut self, addr: IpAddr, cause: Cause) {
        if cause != Cause::SelfConnection {
            bump(&mut self.run.incoming.failed);
            self.run.callers.count(addr, cause);
        }
    }

    fn first_block(&mut self, at: At, peer: PeerKey) {
        let Some(row) = self.peers.row(at, peer) else { return };
        if row.advance(|attempt| attempt.first_block = attempt.first_block.or(Some(at))) {
            row.edit().last_block = Some(at);
            self.run.last_block = Some(at);
            row.refresh(at);
        }
    }

    /// Takes in one piece more. Nothing that follows depends on when it came within its second: recordings rely
    /// on that.
    fn have(&mut self, peer: PeerKey, piece: PieceIndex) {
        if self.pieces.state(piece).is_some()
            && let Some(row) = self.peers.connected(peer)
        {
            take_piece(row, &mut self.pieces, piece);
        }
    }

    /// Over how many seconds rates are means now.
    fn mean_of(&self, now: At) -> usize {
        let since = match self.run.phase {
            Phase::Downloading => self.run.phase_since,
            _ => At::ZERO,
        };
        now.saturating_sub(since).as_secs().clamp(1, MEAN_SECONDS as u64) as usize
    }

    /// Takes in one second of a connection. One like the last changes nothing at all: recordings leave it out.
    fn sample_peer(&mut self, at: At, peer: PeerKey, sample: PeerSample) {
        let mean_of = self.mean_of(at) as u64;
        let Some(row) = self.peers.connected(peer).filter(|row| row.record().sample != sample) else {
            return;
        };
        let (down, up) = row.take_sample(at, sample, mean_of);
        row.refresh(at);
        self.run.down_bytes = self.run.down_bytes.saturating_add(down);
        self.run.up_bytes = self.run.up_bytes.saturating_add(up);
        if down > 0 {
            self.run.last_block = Some(at);
        }
    }

    fn choose(&mut self, choice: &Arc<Choice>) {
        self.run.choice = Some(Arc::clone(choice)).filter(|choice| !choice.is_plain());
        self.pieces.choose(&self.facts, self.run.choice.as_deref());
    }

    fn piece_failed(&mut self, at: At, piece: PieceIndex, from: &[PeerKey]) {
        if self.pieces.state(piece).is_none() {
            return;
        }
        self.pieces.fail(at, piece, from);
        self.run.last_failure = Some(at);
        for peer in from {
            self.with(at, *peer, |row, _| bump(&mut row.edit().failed_pieces));
        }
    }
}

impl Run {
    /// Why nothing is asked of anybody in this phase.
    pub(super) fn rests(&self) -> Option<Cause> {
        match self.phase {
            Phase::Checking | Phase::Metadata | Phase::Downloading => None,
            Phase::Paused | Phase::Queued(_) => Some(Cause::TorrentPaused),
            Phase::Stopped => Some(Cause::DiskError),
            Phase::Seeding => Some(Cause::NotInteresting),
        }
    }

    /// Whether peers are tried by asking them for the metadata of a magnet: nobody is asked for a piece, even when the
    /// metadata are known.
    pub(super) fn tries_a_magnet(&self) -> bool {
        self.probing && self.phase == Phase::Metadata
    }

    fn take_web_seed(&mut self, at: At, seed: WebSeedKey, step: &WebSeedStep) {
        if let Some(bytes) = web_seed::take(&mut self.web_seeds, at, seed, step) {
            self.down_bytes = self.down_bytes.saturating_add(bytes);
            self.last_block = Some(at);
        }
    }

    fn enter(&mut self, at: At, phase: Phase, reason: Option<&String>) {
        if phase != self.phase || at == At::ZERO {
            self.phase_since = at;
        }
        self.phase = phase;
        self.phase_reason = reason.cloned();
        if phase != Phase::Checking {
            self.checked = None;
            self.preparing = None;
        }
    }
}

fn bump(count: &mut u32) {
    *count = count.saturating_add(1);
}
