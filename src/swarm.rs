//! Decisions without clock, socket or thread: whom to dial, what to ask of whom, whom to serve.
//!
//! [`Swarm`] owns the decisions of one torrent. It is told what happened ([`Swarm::handle`], with the time) and
//! says what to do ([`Swarm::poll`], until it is empty) and when it wants to be told the time again
//! ([`Swarm::deadline`]). Bytes never pass through it, only facts about them.
//!
//! It routes between machines that keep their state to themselves and are given what they need: `PeerTable`, `Picker`,
//! `Choker`, [`Announcer`] and others, a file each. What waits for the clock stands in one table (`timers`). Beside this
//! file three more route: a peer's way (`peers`), what becomes of pieces (`pieces`), what the user asks for (`commands`).
//!
//! A check is such a swarm with a policy of its own ([`check`]). Its announces are those of a download, too.

pub mod address;
mod allowed_fast;
pub mod announce;
mod bucket;
pub mod check;
mod choker;
mod commands;
mod eviction;
mod exchange;
mod fallback;
mod live;
mod messages;
mod meter;
mod network;
mod outbox;
mod pacer;
mod peer_table;
mod peers;
mod picker;
mod pieces;
pub mod priority;
mod recheck;
mod round_robin;
mod slots;
mod smart_ban;
mod sources;
mod starving;
mod timers;
mod twins;

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

use self::allowed_fast::AllowedFast;
use self::announce::Announcer;
use self::check::Check;
use self::choker::Choker;
use self::eviction::Holder;
use self::exchange::Exchange;
use self::live::Connected;
use self::meter::Meter;
use self::outbox::Outbox;
use self::peer_table::{PeerTable, Row};
use self::picker::{Pick, Picker};
use self::recheck::Recheck;
use self::slots::Slots;
pub use self::smart_ban::BlockDigest;
use self::smart_ban::SmartBan;
use self::starving::{Needs, Starving};
use crate::event::{At, Cause, Event, Finder, FinderStatus, Phase, Severity};
use crate::metainfo::{Bitfield, BlockRef, Geometry};
pub use crate::peer::{Closed, ConnKey, Order, WindowState};
use crate::units;

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
    recheck: Option<Recheck>,
    have: Bitfield,
    peer_table: PeerTable,
    live: Connected,
    /// Live peers that would give way to another, as counted last.
    idle: usize,
    picker: Picker,
    /// What was sent of pieces that failed by whom.
    smart_ban: SmartBan,
    allowed_fast: AllowedFast,
    announcer: Announcer,
    /// The last piece came in this run, and trackers were not told `completed` yet.
    completed: bool,
    choker: Choker,
    meter: Meter,
    starving: Starving,
    /// What peers name and are told of others.
    exchange: Exchange,
    wishes: Vec<commands::Undoable>,
    /// The program ends: nobody is dialled, asked or let in any more.
    leaving: bool,
    /// Where peers are only tried.
    check: Option<Check>,
    out: Outbox,
}

const SECOND: Duration = Duration::from_secs(1);
/// How long connections stay open after a pause, so that a short one costs nothing.
const PAUSE_GRACE: Duration = Duration::from_secs(30);
/// Pieces whose blocks are told of in one second: recordings have to stay small.
const MOST_TOLD: usize = 32;

impl Swarm {
    /// The swarm of a torrent of which `have` is on disk.
    pub fn new(now: At, geometry: Geometry, have: Bitfield, settings: Settings) -> Self {
        let mut random = fastrand::Rng::with_seed(settings.seed);
        let chance = fastrand::Rng::with_seed(random.u64(..));
        let announcer = match settings.check_until {
            Some(_) => Announcer::once(now, &settings.trackers, settings.seed),
            None => Announcer::new(now, &settings.trackers, settings.private, settings.seed),
        };
        // A check serves nobody, and tells of no seconds.
        let rounds_from = settings.check_until.map_or(now, |_| At::MAX);
        let mut swarm = Self {
            picker: Picker::new(geometry, &have, settings.memory_bytes, settings.down_bps, chance),
            peer_table: PeerTable::new(&settings),
            phase: Phase::Checking,
            phase_since: now,
            phase_reason: None,
            recheck: None,
            live: Connected::default(),
            idle: 0,
            smart_ban: SmartBan::default(),
            allowed_fast: AllowedFast::new(geometry, settings.info_hash),
            announcer,
            completed: false,
            choker: Choker::new(
                rounds_from,
                Slots::new(settings.upload_slots, settings.up_bps),
                geometry.piece_bytes(),
            ),
            meter: Meter::new(rounds_from),
            starving: Starving::default(),
            exchange: Exchange::default(),
            wishes: Vec::new(),
            leaving: false,
            check: settings.check_until.map(|until| Check::new(now, until)),
            out: Outbox::default(),
            geometry,
            random,
            have,
            settings,
        };
        if swarm.check.is_some() {
            swarm.out.emit(now, Event::Probing);
        } else {
            swarm.out.emit(now, Event::Had { pieces: Arc::new(swarm.have.clone()) });
            let limits = Event::Limits { down_bps: swarm.settings.down_bps, up_bps: swarm.settings.up_bps };
            swarm.out.emit(now, limits);
            let most = u32::try_from(swarm.settings.max_peers).unwrap_or(u32::MAX);
            swarm.out.emit(now, Event::Places { most });
        }
        if swarm.settings.encryption == EncryptionPolicy::Off {
            swarm.out.emit(now, Event::PlainOnly);
        }
        let (status, detail) = match (swarm.settings.private, swarm.settings.pex) {
            (true, _) => (FinderStatus::Off, Some("the torrent is private".to_owned())),
            (false, false) => (FinderStatus::Off, Some("switched off".to_owned())),
            (false, true) => (FinderStatus::Pending, None),
        };
        swarm.out.emit(now, Event::Finder { finder: Finder::Pex, status, detail });
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
            Input::Announced(outcome) => {
                self.announce(now, outcome);
                self.hear_trackers();
            }
            Input::Step { peer, at, step } => self.step(peer, at, step),
            Input::DialFailed { peer, end } => self.dial_failed(now, peer, end),
            Input::Handshaken { conn, peer, addr, peer_id, so_far } => {
                self.shaken(now, conn, peer, addr, peer_id, so_far);
            }
            Input::IncomingFailed { addr, cause } => {
                self.out.emit(now, Event::IncomingFailed { addr, cause })
            }
            // There are many of them: what follows is looked at with the window that comes behind them.
            Input::Block(conn, block) => return self.block(now, conn, block),
            Input::News(conn, news) => self.news(now, conn, news),
            Input::Hashed(conn, good) => self.hashed(now, conn, good),
            Input::Closed(conn, end) => self.closed(now, conn, end),
            Input::Written { piece, bytes } => self.picker.written(piece, bytes),
            Input::BlocksLost { piece, blocks } => self.picker.lost(piece, &blocks),
            Input::PieceDone { piece, good, blocks } => self.piece_done(now, piece, good, blocks),
            Input::Digested { piece, blocks } => self.digested(now, piece, &blocks),
            Input::DiskFailed(reason) => self.disk_failed(now, reason),
            Input::Rechecked(good) => self.rechecked(now, good),
            Input::StoodStill(time) => self.stood_still(now, time),
            Input::AddressesChanged { lost, way } => self.addresses_changed(now, &lost, way),
            Input::Command(command) => self.command(now, command),
            Input::Tick => self.hear_trackers(),
        }
        timers::TABLE.iter().for_each(|(_, on_time)| on_time(self, now));
    }

    /// What to do next; empty it after every call of [`handle`](Self::handle).
    #[must_use]
    pub fn poll(&mut self) -> Option<Action> {
        self.out.poll()
    }

    /// When [`Input::Tick`] is wanted at the latest.
    #[must_use]
    pub fn deadline(&self) -> At {
        timers::TABLE.iter().filter_map(|(deadline, _)| deadline(self)).min().unwrap_or(At::MAX)
    }

    /// What is left of it at the end of a run: the announces that tell trackers that we are gone.
    #[must_use]
    pub fn into_announcer(self) -> Announcer {
        self.announcer
    }

    /// What the torrent is doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether peers may name other peers, and are told of others (BEP 11).
    pub fn exchanges(&self) -> bool {
        self.settings.pex && !self.settings.private
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

    fn round(&mut self, now: At) {
        let (_, sent_bytes) = self.meter.totals();
        if self.choker.on_time(now, sent_bytes, self.settings.up_bps) {
            self.rechoke(now);
        }
    }

    fn second(&mut self, now: At) {
        let Some(sample) = self.meter.on_time(now) else { return };
        let downloading = self.phase == Phase::Downloading;
        self.out.emit(now, Event::Sample(sample));
        // While there is room nobody has to give way.
        let full = self.staying() + self.peer_table.dialling() >= self.settings.max_peers;
        self.idle = if full { self.giving_way(now).count() } else { 0 };
        for peer in self.peer_table.expired_bans(now) {
            self.out.emit(now, Event::Banned { peer, until: None, reason: String::new() });
        }
        if downloading {
            self.picker.second(now);
            self.carry_out_picks(now);
            for (piece, blocks) in self.picker.tell_blocks(now, MOST_TOLD) {
                self.out.emit(now, Event::PieceBlocks { piece, blocks });
            }
        }
        let room = self.staying() < self.settings.max_peers || self.idle > 0;
        let missing = u64::from(self.have.len() - self.have.count());
        let needs = (downloading && !self.leaving && room).then(|| Needs {
            limit_bps: self.settings.down_bps,
            missing_bytes: missing * u64::from(self.geometry.piece_bytes()),
            useful: self.picker.useful_count(),
        });
        if let Some(wanted) = self.starving.second(now, sample.down_bps, needs, &self.peer_table) {
            self.announce(now, announce::Input::WantPeers(wanted));
        }
        if let Some(cause) = self.rests().filter(|_| now.saturating_sub(self.phase_since) >= PAUSE_GRACE) {
            self.close_all(cause);
        }
    }

    fn expire_tries(&mut self, now: At) {
        self.check.iter_mut().for_each(|check| check.on_time(now));
    }

    /// A check hears when no tracker is waited for any more.
    fn hear_trackers(&mut self) {
        if let Some(check) = self.check.as_mut().filter(|_| !self.announcer.is_asking()) {
            check.heard_trackers();
        }
    }

    /// What follows for a check from what happened, or from time.
    fn go_on_checking(&mut self, now: At) {
        let all_dialled = self.peer_table.next_due().is_none() && self.peer_table.dialling() == 0;
        let Some(check) = &mut self.check else { return };
        if check.is_over(now, all_dialled) {
            self.out.act(Action::Finished);
        }
        if check.gives_up_closing(now) {
            for (conn, live) in std::mem::take(&mut self.live).iter() {
                if check.last_cause(*conn) == Cause::NotAnswered {
                    self.out.emit(now, Closed::because(Cause::NotAnswered).event(live.peer));
                }
            }
        }
    }

    /// A block came: whether it was missing is answered at once.
    fn block(&mut self, now: At, conn: ConnKey, block: BlockRef) {
        if let Some(check) = &mut self.check {
            if !check.arrived(now, conn, block, self.geometry) {
                return;
            }
        } else {
            self.meter.received(u64::from(self.geometry.block_length(block)));
        }
        let Some(live) = self.live.get_mut(conn) else { return };
        if live.sent(now) {
            self.out.emit(now, Event::FirstBlock { peer: live.peer });
        }
        if self.check.is_some() || self.picker.arrived(now, conn, block) {
            self.out.act(Action::Keep(conn, block));
        }
    }

    /// Has the trackers asked that are due.
    fn announce_due(&mut self, now: At) {
        self.announcer.on_time(now);
        while let Some(output) = self.announcer.poll() {
            self.out.act(Action::Announce(output));
        }
    }

    fn announce(&mut self, now: At, input: announce::Input) {
        self.announcer.handle(now, input);
        self.announce_due(now);
    }

    /// Has blocks asked for, where something became free or is due.
    fn pick(&mut self, now: At) {
        self.picker.on_time(now);
        self.carry_out_picks(now);
    }

    /// Carries out what the picker wants.
    fn carry_out_picks(&mut self, now: At) {
        while let Some(pick) = self.picker.poll() {
            match pick {
                Pick::Order(conn, order) => self.out.order(conn, order),
                Pick::Begun(piece) => self.out.emit(now, Event::PieceOpened { piece }),
                Pick::GivenUp(piece) => {
                    self.out.act(Action::Discard(piece));
                    self.out.emit(now, Event::PieceClosed { piece });
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
        self.out.emit(now, Event::Phase { phase, reason });
        self.out.act(Action::Entered);
        match phase {
            Phase::Downloading | Phase::Seeding => self.announce(now, announce::Input::Start),
            Phase::Paused | Phase::Stopped => self.announce(now, announce::Input::Stop),
            Phase::Checking => {}
        }
        if phase == Phase::Seeding && std::mem::take(&mut self.completed) {
            self.announce(now, announce::Input::Completed);
        }
    }

    /// Everything is here.
    fn complete(&mut self, now: At) {
        self.enter(now, Phase::Seeding, None);
        for conn in self.live.conns() {
            self.close_if_both_seeds(conn);
        }
        self.rechoke(now);
    }

    /// Stops asking, serving and dialling; connections stay for a while.
    fn rest(&mut self, now: At, phase: Phase, reason: Option<String>) {
        self.enter(now, phase, reason);
        for conn in self.live.conns() {
            self.update_interest(now, conn);
            self.set_choking(now, conn, true);
            self.allow_fast(conn);
        }
    }

    /// Goes on after a rest; with `retry` peers that are not connected are dialled without further wait.
    fn go_on(&mut self, now: At, retry: bool) {
        let phase = self.active_phase();
        self.enter(now, phase, None);
        if retry {
            self.peer_table.retry(now, true);
        }
        for conn in self.live.conns() {
            self.update_interest(now, conn);
            self.allow_fast(conn);
            self.close_if_both_seeds(conn);
        }
        self.rechoke(now);
    }

    /// Whether the user paused it, be it verified or not.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        let after = self.recheck.as_ref().and_then(Recheck::rests);
        self.phase == Phase::Paused || after.is_some_and(|(phase, _)| *phase == Phase::Paused)
    }

    /// Closes the connection, unless it was told so already.
    fn close(&mut self, conn: ConnKey, cause: Cause) {
        if self.live.close(conn) {
            self.picker.set_usable(At::ZERO, conn, false);
            self.check.iter_mut().for_each(|check| check.let_go(conn));
            self.out.order(conn, Order::Close(cause));
        }
    }

    fn close_all(&mut self, cause: Cause) {
        self.live.conns().into_iter().for_each(|conn| self.close(conn, cause));
    }

    /// The program stood still, stopped by somebody or asleep with the machine, while everybody else went on. The clock
    /// left that time out, so that nobody was silent, and no request is old. What is left to mend is what others counted:
    /// pauses before the next dial are over for them, and those who waited for us may have gone.
    fn stood_still(&mut self, now: At, time: Duration) {
        let text = format!(
            "stood still for {}: stopped by somebody, or asleep with the machine; no peer is blamed for that time",
            units::duration(time)
        );
        self.out.emit(now, Event::Note { severity: Severity::Info, text, answer: false });
        for (peer, at) in self.peer_table.stood_still(now, time, &mut self.random) {
            self.out.emit(now, Event::NextTry { peer, at: Some(at) });
        }
        self.announce(now, announce::Input::StoodStill(time));
    }

    /// Live peers that were not told to close. In a check they count until they are gone: it is files that are few.
    fn staying(&self) -> usize {
        if self.check.is_some() { self.live.len() } else { self.live.staying() }
    }

    /// Who would give way to another, each with its rank and when it was last of use: the lowest first.
    fn giving_way(&self, now: At) -> impl Iterator<Item = (u8, At, ConnKey)> {
        let downloading = self.phase == Phase::Downloading;
        self.live.iter().filter_map(move |(conn, live)| {
            let chosen = self.peer_table.row(live.peer).is_some_and(Row::is_chosen);
            let holder = Holder { live, chosen, owes_since: self.picker.owes_since(*conn) };
            Some((holder.gives_way(now, downloading)?, live.used, *conn))
        })
    }
}

#[cfg(test)]
pub(crate) use self::sim::{Churn, RandomRun, TURNS, seeds};
#[cfg(test)]
mod sim;
