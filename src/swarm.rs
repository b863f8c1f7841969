//! Decisions without clock, socket or thread: whom to dial, what to ask of whom, whom to serve.
//!
//! [`Swarm`] owns the decisions of one torrent. It is told what happened ([`Swarm::handle`], with the time) and
//! says what to do ([`Swarm::poll`], until it is empty) and when it wants to be told the time again
//! ([`Swarm::deadline`]). Bytes never pass through it, only facts about them.
//!
//! It routes between machines that keep their state to themselves and are given what they need: `PeerTable`, `Picker`,
//! `Choker`, [`Announcer`] and others, a file each. What waits for the clock stands in one table (`timers`). Beside this
//! file three more route: a peer's way (`peers`), what becomes of the metadata and of pieces (`pieces`), what the user asks for
//! (`commands`).
//!
//! A check is such a swarm with a policy of its own ([`check`]). Its announces are those of a download, too.

mod admission;
mod allowed_fast;
pub mod announce;
mod bucket;
pub mod check;
mod choker;
mod commands;
mod content;
mod doing;
mod down_share;
mod eviction;
mod exchange;
mod fallback;
mod holepunch;
mod live;
pub mod lsd;
mod messages;
mod metadata;
mod meter;
mod network;
mod outbox;
mod pacer;
mod peer_table;
mod peers;
mod picker;
mod pieces;
mod places;
pub mod priority;
pub mod queue;
mod recheck;
mod round_robin;
mod slots;
mod smart_ban;
mod sources;
mod starving;
mod timers;
mod twins;
mod web_seeds;

use std::net::SocketAddr;
use std::time::Duration;

pub use bucket::Bucket;
pub use down_share::DownShare;
pub use fallback::{DialPolicy, EncryptionPolicy, TransportPolicy};
pub use messages::{Action, Input, Known, Settings};
pub use network::{AddressChange, OwnAddresses, Way};
pub use pacer::{DEFAULT_PER_SECOND as DEFAULT_DIALS_PER_SECOND, DialPacer};
pub use picker::RUN_BYTES;
pub use places::Places;
pub use round_robin::{LEAST_PART, RoundRobin, Turn};
pub use slots::UploadSlots;
pub use web_seeds::{WebFailure, WebNews};

use self::admission::Newcomer;
use self::announce::Announcer;
use self::check::Check;
use self::choker::{Candidate, Choker};
use self::content::Content;
use self::doing::Doing;
use self::eviction::Holders;
use self::exchange::Exchange;
use self::live::{Connected, Live};
use self::metadata::Metadata;
use self::meter::Meter;
use self::outbox::Outbox;
use self::peer_table::PeerTable;
use self::picker::Pick;
use self::slots::Slots;
pub use self::smart_ban::BlockDigest;
use self::smart_ban::SmartBan;
use self::starving::Starving;
use crate::event::{At, Cause, Event, Finder, Phase, Severity, Side};
use crate::metainfo::{Bitfield, BlockRef, Geometry};
pub use crate::peer::{Closed, ConnKey, Order, WindowState};
use crate::units;

/// The decisions of one torrent.
pub struct Swarm {
    settings: Settings,
    random: fastrand::Rng,
    doing: Doing,
    /// The torrent's pieces, once its geometry is known.
    content: Option<Content>,
    /// Until then: its metadata on their way.
    metadata: Option<Metadata>,
    peer_table: PeerTable,
    live: Connected,
    /// Live peers that would give way to another, as counted last.
    idle: usize,
    /// What was sent of pieces that failed by whom.
    smart_ban: SmartBan,
    announcer: Announcer,
    /// The last piece came in this run, and trackers were not told `completed` yet.
    completed: bool,
    /// They were told in this run: they count it once.
    told_completed: bool,
    choker: Choker,
    meter: Meter,
    starving: Starving,
    /// What peers name and are told of others.
    exchange: Exchange,
    punches_heard: holepunch::Heard,
    wishes: Vec<commands::Undoable>,
    /// The program ends: nobody is dialled, asked or let in any more.
    leaving: bool,
    /// Where peers are only tried.
    check: Option<Check>,
    out: Outbox,
}

const SECOND: Duration = Duration::from_secs(1);
/// Pieces whose blocks are told of in one second: recordings have to stay small.
const MOST_TOLD: usize = 32;

impl Swarm {
    /// The swarm of a torrent of which `have` is on disk and everything is wanted.
    pub fn new(now: At, geometry: Geometry, have: Bitfield, settings: Settings) -> Self {
        Self::of(now, Known::everything(geometry, have), settings)
    }

    /// The swarm of a torrent of which this is known.
    pub fn of(now: At, known: Known, settings: Settings) -> Self {
        let mut swarm = Self::begin(now, settings);
        swarm.know(now, known);
        swarm
    }

    /// The swarm of a torrent of which nothing but its info-hash is known: it asks for the metadata, until
    /// [`Input::Known`] tells the rest.
    pub fn without_metadata(now: At, settings: Settings) -> Self {
        let mut swarm = Self::begin(now, settings);
        let phase = swarm.next_phase();
        swarm.enter(now, phase, None);
        swarm
    }

    fn begin(now: At, settings: Settings) -> Self {
        let announcer = match settings.check_until {
            Some(_) => Announcer::once(now, &settings.trackers, settings.seed),
            None => Announcer::new(now, &settings.trackers, settings.private, settings.seed),
        };
        // A check serves nobody, and tells of no seconds.
        let looks_up = settings.finders.contains(&Finder::Dht) && !settings.private;
        let rounds_from = settings.check_until.map_or(now, |_| At::MAX);
        settings.down_share.set(settings.down_bps);
        settings.down_share.set_own(settings.own_bps.0);
        let mut swarm = Self {
            peer_table: PeerTable::new(&settings),
            doing: Doing::new(Phase::Checking, now, None),
            content: None,
            metadata: Some(Metadata::new(settings.info_hash, settings.check_until.is_some())),
            live: Connected::default(),
            idle: 0,
            smart_ban: SmartBan::default(),
            announcer,
            completed: false,
            told_completed: false,
            choker: Choker::new(
                rounds_from,
                Slots::new(settings.upload_slots, settings.limits().1).among(settings.slot_places.clone()),
            ),
            meter: Meter::new(rounds_from),
            starving: Starving::default(),
            exchange: Exchange::default(),
            punches_heard: holepunch::Heard::default(),
            wishes: Vec::new(),
            leaving: false,
            check: settings.check_until.map(|until| Check::new(now, until, looks_up)),
            out: Outbox::default(),
            random: fastrand::Rng::with_seed(settings.seed),
            settings,
        };
        if swarm.check.is_some() {
            swarm.out.emit(now, Event::Probing);
        } else {
            let (down_bps, up_bps) = swarm.settings.limits();
            swarm.out.emit(now, Event::Limits { down_bps, up_bps });
            let most = u32::try_from(swarm.settings.max_peers).unwrap_or(u32::MAX);
            swarm.out.emit(now, Event::Places { most });
        }
        if swarm.settings.encryption == EncryptionPolicy::Off {
            swarm.out.emit(now, Event::PlainOnly);
        }
        swarm.tell_finders(now);
        swarm
    }

    /// Tells which ways to find peers are used.
    fn tell_finders(&mut self, now: At) {
        for finder in Finder::ALL.iter().copied() {
            let wanted = self.settings.finders.contains(&finder);
            let (status, detail) = sources::status(self.settings.private, wanted);
            self.out.emit(now, Event::Finder { finder, status, detail });
        }
    }

    /// Feeds one thing that happened. Afterwards empty [`poll`](Self::poll) and read [`deadline`](Self::deadline)
    /// again.
    pub fn handle(&mut self, now: At, input: Input) {
        match input {
            Input::Learned { addr, source } => self.learn(now, addr, source),
            Input::Found { source, scope, addrs } => self.found(now, source, scope, &addrs),
            Input::Reached { tracker, scope, seen_at } => self.peer_table.reached(tracker, scope, seen_at),
            Input::Announced(outcome) => {
                self.announce(now, outcome);
                self.hear_trackers();
            }
            Input::Step { peer, transport, at, step } => self.step(peer, transport, at, step),
            Input::DialFailed { peer, transport, end } => self.dial_failed(now, peer, transport, end),
            Input::Handshaken { conn, peer, transport, addr, peer_id, so_far } => {
                let newcomer = Newcomer { dialled: peer, transport, addr, peer_id };
                self.shaken(now, conn, newcomer, so_far);
            }
            Input::IncomingFailed { addr, cause } => {
                self.out.emit(now, Event::IncomingFailed { addr, cause })
            }
            Input::Known(known) => self.know(now, *known),
            // There are many of them: what follows is looked at with the window that comes behind them.
            Input::Block(conn, block) => return self.block(now, conn, block),
            Input::News(conn, news) => self.news(now, conn, news),
            Input::Web(conn, news) => {
                self.web_seeds(now, |seeds, picker| seeds.news(now, conn, news, picker))
            }
            Input::Hashed(conn, good) => self.hashed(now, conn, good),
            Input::Closed(conn, end) => self.closed(now, conn, end),
            Input::Written { piece, bytes } => self.written(piece, bytes),
            Input::BlocksLost { piece, blocks } => self.blocks_lost(piece, &blocks),
            Input::PieceDone { piece, good, blocks } => self.piece_done(now, piece, good, blocks),
            Input::Digested { piece, blocks } => self.digested(now, piece, &blocks),
            Input::DiskFailed(reason) => self.disk_failed(now, reason),
            Input::Rechecked(good) => self.rechecked(now, good),
            Input::LookedUp(fact) => self.check.iter_mut().for_each(|check| check.looked_up(&fact)),
            Input::Chosen(pieces) => self.chosen(now, pieces),
            Input::StoodStill(time) => self.stood_still(now, time),
            Input::AddressesChanged { lost, way } => self.addresses_changed(now, &lost, way),
            Input::Command(command) => self.command(now, command),
            Input::Turn(waits) => self.take_turn(now, waits),
            Input::Tick => self.hear_trackers(),
        }
        timers::TABLE.iter().for_each(|(_, on_time)| on_time(self, now));
        self.settings.places.hold(self.staying() + self.peer_table.dialling(), self.is_active());
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
        self.doing.phase
    }

    /// Whether peers may name other peers, and are told of others (BEP 11).
    pub fn exchanges(&self) -> bool {
        self.uses(Finder::Pex)
    }

    /// Whether peers may ask us to bring them together (BEP 55).
    pub fn punches(&self) -> bool {
        self.peer_table.punches()
    }

    /// Whether peers are to be found in this way now: a private torrent uses none (BEP 27).
    pub fn looks_by(&self, finder: Finder) -> bool {
        self.uses(finder) && self.is_active()
    }

    /// Whether this way to find peers may be used at all.
    pub fn uses(&self, finder: Finder) -> bool {
        self.settings.finders.contains(&finder) && !self.settings.private
    }

    /// The pieces that are good and written, where it is known what pieces there are.
    pub fn have(&self) -> Option<&Bitfield> {
        self.content.as_ref().map(|content| &content.have)
    }

    /// The torrent's lengths, where they are known.
    pub fn geometry(&self) -> Option<Geometry> {
        self.content.as_ref().map(|content| content.geometry)
    }

    /// Bytes of memory that blocks may take which are asked for, or here and not written.
    pub fn memory_bytes(&self) -> u64 {
        self.content.as_ref().map_or(self.settings.memory_bytes, Content::memory_bytes)
    }

    /// Bytes of the pieces that are wanted and missing, where it is known what pieces there are.
    pub fn missing_bytes(&self) -> Option<u64> {
        self.content.as_ref().map(Content::missing_bytes)
    }

    /// Whether everything that is wanted is here.
    fn is_complete(&self) -> bool {
        self.content.as_ref().is_some_and(Content::is_complete)
    }

    /// Whether nothing goes on that time has to be counted for: nobody is connected or dialled, and nothing is wanted. Only
    /// trackers are asked now and then.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let idles = self.doing.phase == Phase::Seeding || self.doing.phase.rests();
        idles && self.live.len() == 0 && self.peer_table.is_quiet() && self.meter.has_told_all()
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
        if self.choker.on_time(now, sent_bytes, self.settings.limits().1) {
            self.rechoke(now);
        }
    }

    /// Chooses whom to serve.
    fn rechoke(&mut self, now: At) {
        let (seeding, serves) = (self.is_complete(), self.serves());
        let wanting = self.live.iter().filter(|(_, live)| serves && live.wants_to_be_served());
        let candidates: Vec<Candidate> = wanting.map(|(conn, live)| live.candidate(*conn, seeding)).collect();
        let chosen = self.choker.choose(now, &candidates);
        for conn in self.live.conns() {
            self.set_choking(now, conn, !chosen.contains(&conn));
        }
    }

    /// Between rounds: a peer that becomes interested while there is room is served at once.
    fn rechoke_if_room(&mut self, now: At) {
        let wanting = self.live.iter().map(|(_, live)| live).filter(|live| live.wants_to_be_served());
        let (served, waiting): (Vec<&Live>, Vec<&Live>) = wanting.partition(|live| !live.am_choking);
        if !waiting.is_empty() && self.choker.has_room(served.len(), served.len() + waiting.len()) {
            self.rechoke(now);
        }
    }

    fn set_choking(&mut self, now: At, conn: ConnKey, choking: bool) {
        let Some(live) = self.live.get_mut(conn) else { return };
        if live.choke(now, choking) {
            self.out.order(conn, Order::Choke(choking));
            self.out.emit(now, Event::Choking { peer: live.peer, by: Side::Us, choking });
        }
    }

    fn second(&mut self, now: At) {
        let Some(sample) = self.meter.on_time(now) else { return };
        let downloading = self.doing.phase == Phase::Downloading;
        self.out.emit(now, Event::Sample(sample));
        // While there is room nobody has to give way.
        let full = self.staying() + self.peer_table.dialling() >= self.most_peers();
        self.idle = if full { self.holders(now).giving_way().count() } else { 0 };
        self.make_room_for_others(now);
        self.take_shares(now, false);
        for peer in self.peer_table.expired_bans(now) {
            self.out.emit(now, Event::Banned { peer, until: None, reason: String::new() });
        }
        let mut told = Vec::new();
        self.web_seeds(now, |seeds, picker| seeds.second(now, picker));
        if let Some(Content { picker, .. }) = self.content.as_mut().filter(|_| downloading) {
            picker.second(now);
            told = picker.tell_blocks(now, MOST_TOLD);
        }
        self.carry_out_picks(now);
        for (piece, blocks) in told {
            self.out.emit(now, Event::PieceBlocks { piece, blocks });
        }
        let room = self.staying() < self.most_peers() || self.idle > 0;
        let wanting = self.content.as_ref().filter(|_| downloading && !self.leaving && room);
        let needs = wanting.map(Content::needs);
        if let Some(wanted) = self.starving.second(now, sample.down_bps, needs, &self.peer_table) {
            self.announce(now, announce::Input::WantPeers(wanted));
        }
        let lacks_metadata = self.content.is_none() && self.is_active() && self.live.len() == 0;
        if self.check.is_none() && self.starving.looks_again(now, lacks_metadata) {
            self.out.act(Action::LookAgain);
        }
        self.doing.lets_go(now).into_iter().for_each(|cause| self.close_all(cause));
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
        let fetching = self.metadata.as_ref().is_some_and(Metadata::is_waiting);
        let all_dialled = self.peer_table.next_due().is_none() && self.peer_table.dialling() == 0;
        let Some(check) = &mut self.check else { return };
        let answered = check.hang_up(&self.live, &self.peer_table, self.content.is_none());
        answered.into_iter().for_each(|conn| self.close(conn, Cause::Shutdown));
        let Some(check) = &mut self.check else { return };
        if check.is_over(now, all_dialled && !fetching) {
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
        let Some(content) = &mut self.content else { return };
        if let Some(check) = &mut self.check {
            if !check.arrived(now, conn, block, content.geometry) {
                return;
            }
        } else {
            self.meter.received(now, u64::from(content.geometry.block_length(block)));
        }
        if conn.web_seed().is_some() {
            content.web_seeds.arrived(now, conn, content.geometry.block_length(block));
        } else {
            let Some(live) = self.live.get_mut(conn) else { return };
            if live.sent(now) {
                self.out.emit(now, Event::FirstBlock { peer: live.peer });
            }
        }
        if self.check.is_some() || content.picker.arrived(now, conn, block) {
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
        self.content.iter_mut().for_each(|content| content.picker.on_time(now));
        self.carry_out_picks(now);
    }

    /// Carries out what the picker wants.
    fn carry_out_picks(&mut self, now: At) {
        let Some(content) = &mut self.content else { return };
        while let Some(pick) = content.picker.poll() {
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
        self.doing.is_active() && !self.leaving
    }

    fn enter(&mut self, now: At, phase: Phase, reason: Option<String>) {
        self.doing = Doing::new(phase, now, reason.clone());
        let asks = phase == Phase::Downloading && !self.leaving && self.check.is_none();
        self.content.iter_mut().for_each(|content| content.picker.set_active(now, asks));
        self.take_shares(now, true);
        self.out.emit(now, Event::Phase { phase, reason });
        self.out.act(Action::Entered);
        self.set_fetching(now);
        match phase {
            Phase::Metadata | Phase::Downloading | Phase::Seeding => {
                self.announce(now, announce::Input::Start)
            }
            Phase::Paused | Phase::Stopped | Phase::Queued(_) => self.announce(now, announce::Input::Stop),
            Phase::Checking => {}
        }
        let completed = phase == Phase::Seeding && std::mem::take(&mut self.completed);
        if completed && !std::mem::replace(&mut self.told_completed, true) {
            self.announce(now, announce::Input::Completed);
            self.out.act(Action::Completed);
        }
    }

    /// Everything that is wanted is here.
    fn complete(&mut self, now: At) {
        self.enter(now, Phase::Seeding, None);
        for conn in self.live.conns() {
            self.close_if_both_seeds(conn);
        }
        self.rechoke(now);
    }

    /// Closes the connection, unless it was told so already.
    fn close(&mut self, conn: ConnKey, cause: Cause) {
        if self.live.close(conn) {
            self.content.iter_mut().for_each(|content| content.picker.set_usable(At::ZERO, conn, false));
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

    /// The most connections it may have now.
    fn most_peers(&self) -> usize {
        self.settings.places.most(self.settings.max_peers)
    }

    /// Lets the peers go that are of least use, where other torrents have less than their share of connections.
    fn make_room_for_others(&mut self, now: At) {
        let over = self.staying().saturating_sub(self.most_peers());
        if over == 0 || self.check.is_some() {
            return;
        }
        let may_go = self.holders(now).least_used();
        may_go.into_iter().take(over).for_each(|conn| self.close(conn, Cause::Replaced));
    }

    /// Takes this torrent's share of memory and of the download limit; one that begins could use any.
    fn take_shares(&mut self, now: At, begins: bool) {
        let Settings { down_share, memory_bytes, .. } = &self.settings;
        let asks = self.doing.phase == Phase::Downloading && !self.leaving && self.check.is_none();
        match &mut self.content {
            Some(content) if asks => content.take_shares(now, begins, down_share, *memory_bytes),
            _ => down_share.rest(),
        }
    }

    /// Live peers that were not told to close. In a check they count until they are gone: it is files that are few.
    fn staying(&self) -> usize {
        if self.check.is_some() { self.live.len() } else { self.live.staying() }
    }

    /// Who holds the places.
    fn holders(&self, now: At) -> Holders<'_> {
        let Self { live, peer_table, content, .. } = self;
        let downloading = self.doing.phase == Phase::Downloading;
        Holders {
            now,
            live,
            peer_table,
            picker: content.as_ref().map(|content| &content.picker),
            downloading,
        }
    }
}

#[cfg(test)]
impl Swarm {
    fn picker(&self) -> &picker::Picker {
        &self.content.as_ref().expect("the geometry is known").picker
    }
}

#[cfg(test)]
pub(crate) use self::sim::{Churn, RandomRun, TURNS, seeds};
#[cfg(test)]
mod sim;
