//! Tries every peer and sees how far each comes, without downloading anything.
//!
//! [`Check`] is told what happened and says what to do, as [`Swarm`](super::Swarm) is, and decides far less: every
//! known address is dialled plain, and once encrypted where that opened and gave no handshake (or as set); whoever
//! shakes hands and unchokes us is asked for one piece, which is thrown away. It is over when every tracker and
//! every peer has had its chance, or when its time is up.

mod call;
mod dial;
mod live;
mod talk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use self::dial::{Dial, not_answered};
use self::live::Live;
pub use self::talk::{Action, Input, Settings};
use super::{Closed, ConnKey, EncryptionPolicy};
use crate::event::{
    AnnounceKind, Announced, At, Cause, Direction, Encryption, Event, PeerKey, Phase, Severity, Source,
    TrackerError, TrackerKey, Transport,
};
use crate::metainfo::Geometry;
use crate::text;

/// Pieces up to this length are asked for whole, of longer ones a block, bytes.
pub const WHOLE_PIECE_BYTES: u32 = 4 * 1024 * 1024;
/// A peer that shook hands has so long to send a block.
const PATIENCE: Duration = Duration::from_secs(10);
/// One that unchokes us late has at least so long to send a block: two seconds, as everything that ends a check.
const AFTER_UNCHOKE: Duration = Duration::from_secs(2);
/// One whose first block came has so long to send the rest of the piece.
const REST_OF_PIECE: Duration = Duration::from_secs(2);
/// A tracker that is silent for so long is not waited for.
const TRACKER_SILENT: Duration = Duration::from_secs(15);
/// How long connections may take to close.
const CLOSE_WITHIN: Duration = Duration::from_millis(400);
/// Addresses that are looked at; those after them are left out.
const MOST_PEERS: usize = 20_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Queued,
    Dialling(Dial),
    Live(ConnKey),
    /// Whoever named it may not name such an address.
    Invalid,
    Over,
}

#[derive(Debug)]
struct Row {
    addr: SocketAddr,
    sources: Vec<Source>,
    standing: Standing,
}

/// The decisions of one check.
pub struct Check {
    settings: Settings,
    geometry: Geometry,
    random: fastrand::Rng,
    rows: BTreeMap<PeerKey, Row>,
    by_addr: BTreeMap<SocketAddr, PeerKey>,
    /// Where peers that called say they listen.
    listens: BTreeMap<SocketAddr, PeerKey>,
    queue: VecDeque<(PeerKey, Encryption)>,
    /// When the next dial may begin.
    next_dial: At,
    dialling: usize,
    live: BTreeMap<ConnKey, Live>,
    /// Those that still have time to show what they do, and until when.
    awaited: BTreeSet<(At, ConnKey)>,
    /// Trackers that have neither answered nor failed.
    asked: BTreeMap<TrackerKey, String>,
    /// Trackers that answered.
    told: BTreeMap<TrackerKey, String>,
    /// Until when those that are silent are waited for; `None`: no more.
    tracker_patience: Option<At>,
    left_out: bool,
    told_no_room: bool,
    /// It is ending: until when connections may take to close.
    ending: Option<At>,
    actions: VecDeque<Action>,
}

impl Check {
    /// Begins: every tracker of every tier is asked.
    pub fn new(now: At, geometry: Geometry, trackers: &[Vec<String>], settings: Settings) -> Self {
        let mut check = Self {
            geometry,
            random: fastrand::Rng::with_seed(settings.seed),
            rows: BTreeMap::new(),
            by_addr: BTreeMap::new(),
            listens: BTreeMap::new(),
            queue: VecDeque::new(),
            next_dial: now,
            dialling: 0,
            live: BTreeMap::new(),
            awaited: BTreeSet::new(),
            asked: BTreeMap::new(),
            told: BTreeMap::new(),
            tracker_patience: Some(now + TRACKER_SILENT),
            left_out: false,
            told_no_room: false,
            ending: None,
            actions: VecDeque::new(),
            settings,
        };
        check.emit(now, Event::Phase { phase: Phase::Downloading, reason: None });
        check.emit(now, Event::Probing);
        if check.settings.encryption == EncryptionPolicy::Off {
            check.emit(now, Event::PlainOnly);
        }
        let urls =
            trackers.iter().enumerate().flat_map(|(tier, urls)| urls.iter().map(move |url| (tier, url)));
        for ((tier, url), key) in urls.zip(0..) {
            let tracker = TrackerKey(key);
            let kind = AnnounceKind::Started;
            check.emit(now, Event::TrackerKnown { tracker, tier: tier as u16, url: text::url_shown(url) });
            check.emit(now, Event::AnnounceBegan { tracker, kind });
            check.actions.push_back(Action::Announce { tracker, url: url.clone(), kind });
            check.asked.insert(tracker, url.clone());
        }
        check
    }

    /// Feeds one thing that happened. Afterwards empty [`poll`](Self::poll) and read [`deadline`](Self::deadline)
    /// again.
    pub fn handle(&mut self, now: At, input: Input) {
        match input {
            Input::Learned { addr, source, valid } => self.learn(now, addr, source, valid),
            Input::Step(peer, at, step) => self.step(peer, at, step),
            Input::DialFailed(peer, end) => self.dial_failed(now, peer, end),
            Input::Handshaken { conn, peer, addr, peer_id, so_far } => match peer {
                Some(peer) => self.dialled(now, conn, peer, addr, peer_id),
                None => self.called(now, conn, addr, peer_id, so_far),
            },
            Input::IncomingFailed(addr, cause) => self.emit(now, Event::IncomingFailed { addr, cause }),
            Input::News(conn, news) => self.news(now, conn, news),
            Input::Hashed(conn, good) => self.hashed(now, conn, good),
            Input::Closed(conn, end) => self.closed(now, conn, end),
            Input::Announced(tracker, outcome) => self.announced(now, tracker, outcome),
            Input::Stop => self.end(now),
            Input::Tick => {}
        }
        self.advance(now);
    }

    /// What to do next; empty it after every call of [`handle`](Self::handle).
    #[must_use]
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Input::Tick`] is wanted at the latest.
    #[must_use]
    pub fn deadline(&self) -> At {
        if let Some(ending) = self.ending {
            return ending;
        }
        let dial = (!self.queue.is_empty() && self.has_room()).then_some(self.next_dial);
        let peer = self.awaited.first().map(|(at, _)| *at);
        let trackers = self.tracker_patience.filter(|_| !self.asked.is_empty());
        [dial, peer, trackers].into_iter().flatten().fold(self.settings.until, At::min)
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ending.is_some() && self.live.is_empty()
    }

    fn advance(&mut self, now: At) {
        if self.ending.is_some_and(|by| now >= by) {
            return self.give_up(now);
        }
        if self.ending.is_some() {
            return;
        }
        while let Some(&(at, conn)) = self.awaited.first()
            && at <= now
        {
            self.awaited.pop_first();
            if let Some(live) = self.live.get_mut(&conn) {
                live.answered = true;
            }
        }
        self.dial_due(now);
        self.tracker_patience = self.tracker_patience.filter(|at| now < *at);
        let trackers_done = self.asked.is_empty() || self.tracker_patience.is_none();
        let peers_done = self.queue.is_empty() && self.dialling == 0 && self.awaited.is_empty();
        if (trackers_done && peers_done) || now >= self.settings.until {
            self.end(now);
        }
    }

    fn learn(&mut self, now: At, addr: SocketAddr, source: Source, valid: bool) {
        let known = self.by_addr.get(&addr).or_else(|| self.listens.get(&addr)).copied();
        if let Some(peer) = known {
            let Some(row) = self.rows.get_mut(&peer) else { return };
            if !row.sources.contains(&source) {
                row.sources.push(source);
                self.emit(now, Event::PeerLearned { peer, addr, source });
            }
            if valid && self.rows.get(&peer).is_some_and(|row| row.standing == Standing::Invalid) {
                self.enqueue(peer);
                self.emit(now, Event::NotDialled { peer, cause: None });
            }
            return;
        }
        let Some(peer) = self.new_row(now, addr, source) else { return };
        if valid {
            return self.enqueue(peer);
        }
        if let Some(row) = self.rows.get_mut(&peer) {
            row.standing = Standing::Invalid;
        }
        self.emit(now, Event::NotDialled { peer, cause: Some(Cause::InvalidAddress) });
    }

    fn enqueue(&mut self, peer: PeerKey) {
        if let Some(row) = self.rows.get_mut(&peer) {
            row.standing = Standing::Queued;
            self.queue.push_back((peer, self.settings.encryption.first()));
        }
    }

    fn new_row(&mut self, now: At, addr: SocketAddr, source: Source) -> Option<PeerKey> {
        if self.ending.is_some() {
            return None;
        }
        if self.rows.len() >= MOST_PEERS {
            if !std::mem::replace(&mut self.left_out, true) {
                let text = format!("More than {MOST_PEERS} peers are known: the rest is left out.");
                self.emit(now, Event::Note { severity: Severity::Warn, text, answer: true });
            }
            return None;
        }
        let peer = PeerKey(self.rows.last_key_value().map_or(0, |(last, _)| last.0 + 1));
        self.rows.insert(peer, Row { addr, sources: vec![source], standing: Standing::Queued });
        self.by_addr.insert(addr, peer);
        self.emit(now, Event::PeerLearned { peer, addr, source });
        Some(peer)
    }

    fn announced(
        &mut self,
        now: At,
        tracker: TrackerKey,
        outcome: Result<Announced, (TrackerError, String)>,
    ) {
        let Some(url) = self.asked.remove(&tracker) else { return };
        match outcome {
            Ok(answer) => {
                self.told.insert(tracker, url);
                self.emit(now, Event::AnnounceAnswered { tracker, answer });
            }
            Err((error, text)) => self.emit(now, Event::AnnounceFailed { tracker, error, text }),
        }
    }

    /// Says goodbye to everybody. Whoever has not given its answer never will.
    fn end(&mut self, now: At) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(now + CLOSE_WITHIN);
        let dialling = self.rows.iter().filter_map(|(peer, row)| match row.standing {
            Standing::Dialling(dial) => Some((*peer, dial)),
            _ => None,
        });
        for (peer, dial) in dialling.collect::<Vec<_>>() {
            self.end_dial(peer);
            self.actions.push_back(Action::Abandon(peer));
            self.emit(now, ended(peer, not_answered(dial.sent_bytes)));
        }
        for (conn, answered) in
            self.live.iter().map(|(conn, live)| (*conn, live.answered)).collect::<Vec<_>>()
        {
            self.close(conn, if answered { Cause::Shutdown } else { Cause::NotAnswered });
        }
        // One that is silent may have heard us all the same.
        let heard = std::mem::take(&mut self.told).into_iter().chain(std::mem::take(&mut self.asked));
        for (tracker, url) in heard {
            self.actions.push_back(Action::Announce { tracker, url, kind: AnnounceKind::Stopped });
        }
    }

    fn emit(&mut self, now: At, event: Event) {
        self.actions.push_back(Action::Emit(now, event));
    }
}

fn began(peer: PeerKey, direction: Direction, encryption: Encryption) -> Event {
    Event::AttemptBegan { peer, direction, transport: Transport::Tcp, encryption }
}

fn ended(peer: PeerKey, end: Closed) -> Event {
    let Closed { cause, error, detail, bytes_in, bytes_out } = end;
    Event::AttemptEnded { peer, cause, error, detail, bytes_in, bytes_out }
}

#[cfg(test)]
mod tests;
