//! Decisions without clock, socket or thread: whom to dial, what to ask of whom, whom to serve.
//!
//! [`Swarm`] owns the decisions of one torrent. It is told what happened ([`Swarm::handle`], with the time) and
//! says what to do ([`Swarm::poll`], until it is empty) and when it wants to be told the time again
//! ([`Swarm::deadline`]). Bytes never pass through it, only facts about them.
//!
//! A check is such a swarm with a policy of its own ([`check`]). Its announces are those of a download, too
//! ([`announce::Announcer::once`]).

pub mod address;
mod allowed_fast;
pub mod announce;
mod bucket;
pub mod check;
mod choker;
mod commands;
mod eviction;
mod fallback;
mod live;
mod messages;
mod meter;
mod network;
mod pacer;
mod peer_table;
mod peers;
mod picker;
mod piece_result;
mod recheck;
mod round_robin;
mod slots;
mod smart_ban;
mod sources;
mod standstill;
mod starving;
mod timers;
mod twins;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use bucket::Bucket;
pub use fallback::EncryptionPolicy;
pub use messages::{Action, Input, Settings};
pub use network::{AddressChange, OwnAddresses, Way};
pub use pacer::{DEFAULT_PER_SECOND as DEFAULT_DIALS_PER_SECOND, DialPacer};
pub use picker::RUN_BYTES;
pub use round_robin::{LEAST_PART, RoundRobin, Turn};
pub use slots::UploadSlots;

use self::check::Check;
use self::choker::Choker;
use self::live::Live;
use self::meter::Meter;
use self::peer_table::PeerTable;
use self::picker::{Pick, Picker};
use self::slots::Slots;
pub use self::smart_ban::BlockDigest;
use self::smart_ban::SmartBan;
use self::starving::Starving;
use crate::event::{At, Cause, Event, Phase, Severity};
use crate::metainfo::{Bitfield, BlockRef, Geometry};
pub use crate::peer::{Closed, ConnKey, Order, WindowState};

/// The decisions of one torrent.
pub struct Swarm {
    geometry: Geometry,
    settings: Settings,
    random: fastrand::Rng,
    phase: Phase,
    phase_since: At,
    /// Why the torrent rests, where it does not by the user's will.
    phase_reason: Option<String>,
    /// What is on the disk is being verified once more.
    recheck: Option<recheck::Recheck>,
    have: Bitfield,
    peer_table: PeerTable,
    live: BTreeMap<ConnKey, Live>,
    /// Live peers that were told to close.
    closing: usize,
    /// Live peers that would give way to another, as counted last.
    idle: usize,
    picker: Picker,
    /// What was sent of pieces that failed by whom.
    smart_ban: SmartBan,
    choker: Choker,
    meter: Meter,
    starving: Starving,
    wishes: Vec<commands::Undoable>,
    /// The program ends: nobody is dialled, asked or let in any more.
    leaving: bool,
    /// Where peers are only tried.
    check: Option<Check>,
    actions: VecDeque<Action>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Swarm {
    /// The swarm of a torrent of which `have` is on disk.
    pub fn new(now: At, geometry: Geometry, have: Bitfield, settings: Settings) -> Self {
        let mut random = fastrand::Rng::with_seed(settings.seed);
        let chance = fastrand::Rng::with_seed(random.u64(..));
        let mut swarm = Self {
            picker: Picker::new(geometry, &have, settings.memory_bytes, settings.down_bps, chance),
            peer_table: PeerTable::new(&settings),
            phase: Phase::Checking,
            phase_since: now,
            phase_reason: None,
            recheck: None,
            live: BTreeMap::new(),
            closing: 0,
            idle: 0,
            smart_ban: SmartBan::default(),
            choker: Choker::new(
                now,
                Slots::new(settings.upload_slots, settings.up_bps),
                geometry.piece_bytes(),
            ),
            meter: Meter::new(now),
            starving: Starving::default(),
            wishes: Vec::new(),
            leaving: false,
            check: settings.check_until.map(|until| Check::new(now, until)),
            actions: VecDeque::new(),
            geometry,
            random,
            have,
            settings,
        };
        if swarm.check.is_some() {
            swarm.emit(now, Event::Probing);
        } else {
            swarm.emit(now, Event::Had { pieces: Arc::new(swarm.have.clone()) });
            let limits = Event::Limits { down_bps: swarm.settings.down_bps, up_bps: swarm.settings.up_bps };
            swarm.emit(now, limits);
            let most = u32::try_from(swarm.settings.max_peers).unwrap_or(u32::MAX);
            swarm.emit(now, Event::Places { most });
        }
        if swarm.settings.encryption == EncryptionPolicy::Off {
            swarm.emit(now, Event::PlainOnly);
        }
        let mut kept = std::mem::take(&mut swarm.settings.kept);
        kept.retain(|block| !swarm.have.has(block.piece()));
        swarm.picker.keep(now, &kept);
        swarm.carry_out_picks(now);
        let stopped = swarm.settings.stopped.take();
        let phase = match stopped {
            Some(_) => Phase::Stopped,
            None if swarm.settings.paused => Phase::Paused,
            None => swarm.active_phase(),
        };
        swarm.enter(now, phase, stopped);
        swarm
    }

    /// Feeds one thing that happened. Afterwards empty [`poll`](Self::poll) and read [`deadline`](Self::deadline)
    /// again.
    pub fn handle(&mut self, now: At, input: Input) {
        match input {
            Input::Learned { addr, source } => self.learn(now, addr, source),
            Input::Reached { tracker, scope, seen_at } => self.peer_table.reached(tracker, scope, seen_at),
            Input::TrackersHeard => self.check.iter_mut().for_each(Check::heard_trackers),
            Input::Step { peer, at, step } => self.step(peer, at, step),
            Input::DialFailed { peer, end } => self.dial_failed(now, peer, end),
            Input::Handshaken { conn, peer, addr, peer_id, so_far } => {
                self.shaken(now, conn, peer, addr, peer_id, so_far);
            }
            Input::IncomingFailed { addr, cause } => self.emit(now, Event::IncomingFailed { addr, cause }),
            Input::News(conn, news) => self.news(now, conn, news),
            Input::Hashed(conn, good) => self.hashed(now, conn, good),
            Input::Closed(conn, end) => self.closed(now, conn, end),
            Input::Written { piece, bytes } => self.picker.written(piece, bytes),
            Input::BlocksLost { piece, blocks } => self.picker.lost(piece, &blocks),
            Input::PieceDone { piece, good, blocks } => self.piece_done(now, piece, good, blocks),
            Input::Digested { piece, blocks } => self.digested(now, piece, &blocks),
            Input::DiskFailed { piece, reason } => self.disk_failed(now, piece, reason),
            Input::Rechecked(good) => self.rechecked(now, good),
            Input::StoodStill(time) => self.stood_still(now, time),
            Input::AddressesChanged { lost, way } => self.addresses_changed(now, &lost, way),
            Input::Command(command) => self.command(now, command),
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
        let dial = self.peer_table.next_due().filter(|_| self.may_dial());
        let dial = dial.map(|due| due.max(self.settings.dial_pacer.next()));
        let regular = match &self.check {
            Some(check) => check.deadline(),
            None => self.meter.deadline().min(self.choker.deadline()),
        };
        [dial, self.picker.deadline()].into_iter().flatten().fold(regular, At::min)
    }

    /// What the torrent is doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The pieces that are good and written.
    pub fn have(&self) -> &Bitfield {
        &self.have
    }

    /// Payload received and sent in this run, bytes.
    pub fn transferred(&self) -> (u64, u64) {
        self.meter.totals()
    }

    /// Addresses worth dialling first in the next run, the live ones first.
    pub fn worth_keeping(&self, most: usize) -> Vec<SocketAddr> {
        self.peer_table.worth_keeping(most)
    }

    /// What follows from anything that happened, or from time.
    fn advance(&mut self, now: At) {
        self.picker.advance(now);
        self.carry_out_picks(now);
        match &mut self.check {
            Some(check) => check.expire(now),
            None => self.on_time(now),
        }
        self.dial_due(now);
        self.go_on_checking(now);
    }

    /// A block came from the connection. True if it was missing: its bytes belong to the piece then.
    pub fn block_arrived(&mut self, now: At, conn: ConnKey, block: BlockRef) -> bool {
        if let Some(check) = &mut self.check {
            if !check.arrived(now, conn, block, self.geometry) {
                return false;
            }
        } else {
            self.meter.received(u64::from(self.geometry.block_length(block)));
        }
        let Some(live) = self.live.get_mut(&conn) else { return false };
        (live.used, live.sent_at) = (now, now);
        let peer = live.peer;
        if !std::mem::replace(&mut live.sent_block, true) {
            self.emit(now, Event::FirstBlock { peer });
        }
        self.check.is_some() || self.picker.arrived(now, conn, block)
    }

    /// Carries out what the picker wants.
    fn carry_out_picks(&mut self, now: At) {
        while let Some(pick) = self.picker.poll() {
            match pick {
                Pick::Order(conn, order) => self.order(conn, order),
                Pick::Begun(piece) => self.emit(now, Event::PieceOpened { piece }),
                Pick::GivenUp(piece) => {
                    self.actions.push_back(Action::Discard(piece));
                    self.emit(now, Event::PieceClosed { piece });
                }
            }
        }
    }

    /// Whether peers are served.
    fn serves(&self) -> bool {
        self.is_active() && self.check.is_none()
    }

    /// Whether peers are dialled, and as a rule asked for pieces and served.
    fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Downloading | Phase::Seeding) && !self.leaving
    }

    /// Why nobody is kept connected for long, if so. While it is verified again, those that are connected stay, and so
    /// does whoever comes.
    fn rests(&self) -> Option<Cause> {
        match self.phase {
            Phase::Paused => Some(Cause::TorrentPaused),
            Phase::Stopped => Some(Cause::DiskError),
            Phase::Checking | Phase::Downloading | Phase::Seeding => None,
        }
    }

    fn active_phase(&self) -> Phase {
        if self.have.is_full() { Phase::Seeding } else { Phase::Downloading }
    }

    fn enter(&mut self, now: At, phase: Phase, reason: Option<String>) {
        self.phase = phase;
        self.phase_since = now;
        self.phase_reason.clone_from(&reason);
        let asks = phase == Phase::Downloading && !self.leaving && self.check.is_none();
        self.picker.set_active(now, asks);
        self.emit(now, Event::Phase { phase, reason });
        self.actions.push_back(Action::Entered(phase));
    }

    fn emit(&mut self, now: At, event: Event) {
        self.actions.push_back(Action::Emit(now, event));
    }

    fn answer(&mut self, now: At, text: String) {
        self.emit(now, Event::Note { severity: Severity::Info, text, answer: true });
    }

    fn order(&mut self, conn: ConnKey, order: Order) {
        if let Order::Close(_) = order
            && let Some(live) = self.live.get_mut(&conn)
        {
            if std::mem::replace(&mut live.closing, true) {
                return;
            }
            self.closing += 1;
            self.picker.set_usable(At::ZERO, conn, false);
            self.check.iter_mut().for_each(|check| check.let_go(conn));
        }
        self.actions.push_back(Action::Order(conn, order));
    }
}

#[cfg(test)]
pub(crate) use self::sim::{Churn, RandomRun, TURNS, seeds};
#[cfg(test)]
mod sim;
