//! The task that owns a torrent: feeds what happens to the decisions, carries out what they say, and publishes
//! what is known.
//!
//! Everything else (peer tasks, dials, trackers, disk threads) sends it messages and may wait for it; it waits
//! for nobody, so there is no cycle to deadlock.

mod awaited;
mod choosing;
mod disk;
mod farewell;
mod finding;
mod giving;
mod inbox;
mod network;
mod peers;
mod recheck;
mod trackers;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep_until;

pub(super) use self::awaited::Awaited;
pub(super) use self::disk::{Blocks, Store};
use self::farewell::Farewell;
use self::finding::Finding;
pub use self::giving::Give;
use self::giving::Giving;
pub(super) use self::inbox::{Asked, Inbox, Outlets, open};
use self::network::Network;
use self::trackers::{Announces, Caller};
use super::EngineError;
use super::board::Shown;
use super::calls::Taking;
use super::clock::Clock;
use super::disk::Notes;
use super::event_sink::EventSink;
use super::found::Found;
use super::link::Report;
use super::mailbox;
use super::peer::Common;
use super::peer_tasks::PeerTasks;
use super::pool::BlockBuf;
use super::session::{Resources, run_on_complete};
use crate::command::Command;
use crate::event::{At, Event, Finder, Phase, Severity};
use crate::ledger::View;
use crate::metainfo::Info;
use crate::peer::haves::HaveLog;
use crate::peer::{Holdings, Ours, introduction};
use crate::swarm::announce;
use crate::swarm::queue::Doing;
use crate::swarm::{Action, ConnKey, Input, Order, Swarm, check};
use crate::wire::Handshake;

/// How often the view is published.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);
/// How long connections may take to close before everything is saved.
const CLOSE_WITHIN: Duration = Duration::from_millis(1500);
/// How long trackers may take to hear that we are gone: two seconds in which everything is saved, and five more.
const TOLD_WITHIN: Duration = Duration::from_millis(6800);
/// The same at the end of a check.
const CHECK_TOLD_WITHIN: Duration = Duration::from_secs(2);
/// Where nothing is due, it is looked all the same after this time.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
/// Reports taken from peers in one turn, so that nothing else waits long.
const REPORTS_A_TURN: usize = 64;
/// Peers kept for the next run.
const PEERS_KEPT: usize = 100;

/// What a task is born with.
pub(super) struct Parts {
    /// What it shares with other torrents.
    pub(super) resources: Arc<Resources>,
    pub(super) ours: Handshake,
    /// Who says nothing for this long is let go.
    pub(super) idle_after: Duration,
    /// When it has seeded enough.
    pub(super) give: Give,
    /// How long it seeds is added to it, milliseconds.
    pub(super) seeded: Arc<AtomicU64>,
    pub(super) event_sink: EventSink,
    pub(super) shown: Shown,
    pub(super) blocks: Blocks,
    /// The bytes of `info`, where they are known and peers may have them that ask for them.
    pub(super) info: Option<Info>,
    pub(super) swarm: Swarm,
}

/// Runs a torrent until it is told to quit, or a check until it is over. Returns the view when all connections were
/// closed; that of the very end is published last.
pub(super) async fn run(parts: Box<Parts>, inbox: Inbox, outlets: Outlets) -> Result<Arc<View>, EngineError> {
    // On the heap by itself: what runs it is moved, and holds it several times over otherwise.
    Box::new(TorrentTask::new(parts, outlets)).run(inbox).await
}

/// The program ends.
#[derive(Clone, Copy)]
struct Leaving {
    /// Until when connections are waited for.
    closed_by: At,
    /// Until when trackers are waited for.
    told_by: At,
}

struct TorrentTask {
    resources: Arc<Resources>,
    clock: Clock,
    ours: Handshake,
    /// While it is held connections come that others open.
    taking_calls: Option<Taking>,
    swarm: Swarm,
    announces: Announces,
    finding: Finding,
    network: Network,
    event_sink: EventSink,
    shown: Shown,
    giving: Giving,
    /// Its views go on with time.
    watched: bool,
    /// What those were told last who give turns.
    doing: Doing,
    publish_at: At,
    /// The newest fact of the session that was told here.
    session_fact: u64,
    blocks: Blocks,
    /// The bytes of `info` until the torrent's place on the disk is open.
    info: Option<Info>,
    /// The bytes of the block that the decisions are being told of, and when it came.
    came: Option<(At, BlockBuf)>,
    /// What peer tasks share.
    common: Arc<Common>,
    orders: BTreeMap<ConnKey, mpsc::UnboundedSender<Order>>,
    /// The same for lines to web seeds.
    web_lines: BTreeMap<ConnKey, mpsc::UnboundedSender<Order>>,
    /// Dials under way.
    dialling: BTreeMap<ConnKey, peers::Dialling>,
    next_conn: u32,
    outlets: Outlets,
    tasks: PeerTasks,
    leaving: Option<Leaving>,
    /// What ends it, where the user does not.
    failed: Option<EngineError>,
    /// For how long the program stood still, as the decisions were told.
    stood_still: Duration,
}

impl TorrentTask {
    fn new(parts: Box<Parts>, outlets: Outlets) -> Self {
        let parts = *parts;
        let resources = parts.resources;
        let (clock, port) = (resources.clock, resources.port);
        let now = clock.now();
        let here = parts.swarm.geometry().zip(parts.swarm.have());
        let holdings = here
            .map(|(geometry, have)| Arc::new(Holdings::new(geometry, have.clone()).with_info(parts.info)));
        let common = Common {
            ours: Arc::new(Ours {
                idle_after: parts.idle_after,
                outside_port: Some(resources.mapping.shared_outside_port()),
                dht_port: resources.dht_port().filter(|_| parts.swarm.uses(Finder::Dht)),
                holdings: holdings.map(OnceLock::from).unwrap_or_default(),
                ..Ours::new(introduction(Some(port), parts.swarm.exchanges(), parts.swarm.punches()))
            }),
            clock,
            pool: Arc::clone(&resources.buffers),
            source: parts.blocks.source().map(OnceLock::from).unwrap_or_default(),
            up: Arc::new(resources.up.beside()),
        };
        common.up.set_own(now, parts.shown.limits().1);
        let Handshake { info_hash, peer_id, .. } = parts.ours;
        let mapping = Arc::clone(&resources.mapping);
        let caller = Caller { info_hash, peer_id, mapping, key: resources.tracker_key };
        let taking_calls = resources.calls.take(info_hash, outlets.arrivals.clone());
        Self {
            announces: Announces::new(resources.tracker.clone(), caller, outlets.answers.clone()),
            finding: Finding::default(),
            network: Network::default(),
            watched: false,
            publish_at: now,
            session_fact: 0,
            common: Arc::new(common),
            orders: BTreeMap::new(),
            web_lines: BTreeMap::new(),
            dialling: BTreeMap::new(),
            came: None,
            info: None,
            next_conn: 0,
            outlets,
            tasks: PeerTasks::default(),
            leaving: None,
            failed: None,
            stood_still: clock.stood_still(),
            taking_calls: Some(taking_calls),
            clock,
            resources,
            ours: parts.ours,
            swarm: parts.swarm,
            event_sink: parts.event_sink,
            shown: parts.shown,
            giving: Giving::new(parts.give, parts.seeded),
            doing: Doing::Resting,
            blocks: parts.blocks,
        }
    }

    /// Whether this only tries peers.
    fn is_check(&self) -> bool {
        matches!(self.blocks, Blocks::Tried(_) | Blocks::TriedMagnet(_))
    }

    async fn run(mut self: Box<Self>, mut inbox: Inbox) -> Result<Arc<View>, EngineError> {
        let mut reports = Vec::with_capacity(REPORTS_A_TURN);
        let mut around = self.resources.surroundings.look();
        around.mark_changed();
        self.watched = inbox.asked.borrow().watched;
        loop {
            let now = self.clock.now();
            self.tick(now);
            if let Some(leaving) = self.leaving
                && (now >= leaving.closed_by || self.orders.is_empty())
            {
                return Box::pin(self.leave(&mut inbox, leaving.told_by)).await;
            }
            let wake = self.clock.instant(self.deadline().min(now + LONGEST_SLEEP));
            tokio::select! {
                biased;
                command = inbox.commands.recv() => self.wish(command.unwrap_or(Command::Quit)),
                Ok(()) = inbox.asked.changed() => {
                    let asked = *inbox.asked.borrow_and_update();
                    self.watched = asked.watched;
                    self.event_sink.freshen();
                    self.feed(Input::Turn(asked.waits));
                }
                Ok(()) = around.changed() => {
                    let addresses = around.borrow_and_update().addresses.clone();
                    let changed = addresses.and_then(|here| self.network.changed(here));
                    changed.into_iter().for_each(|input| self.feed(input));
                }
                Some(done) = inbox.disk.recv() => self.disk_done(done),
                Some(prepared) = inbox.prepared.recv() => self.disk_answered(prepared),
                Some(placed) = inbox.placed.recv() => self.placed(placed),
                Some(told) = inbox.rechecks.recv() => self.rechecking(told),
                Some(told) = inbox.opening.recv() => self.opening(told),
                Some((conn, at, step)) = inbox.steps.recv() => self.step(conn, at, step),
                Some(dialled) = inbox.dialled.recv() => self.dialled(dialled, &mut inbox.steps),
                Some(arrived) = inbox.arrivals.recv() => {
                    self.arrived(arrived);
                    // However many call, who is connected is heard.
                    self.take_reports(&mut inbox.reports);
                }
                Some((conn, good)) = inbox.hashed.recv() => self.feed(Input::Hashed(conn, good)),
                Some(found) = inbox.found.recv() => self.named(found),
                Some((ticket, answer)) = inbox.answers.recv() => self.answered(ticket, answer),
                _ = inbox.reports.recv_many(&mut reports, REPORTS_A_TURN) => {
                    for report in reports.drain(..) {
                        let (conn, report) = *report;
                        self.report(conn, report);
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Takes what peers have reported already, as much as in any other turn.
    fn take_reports(&mut self, reports: &mut mailbox::Receiver<(ConnKey, Report)>) {
        for _ in 0..REPORTS_A_TURN {
            let Some((conn, report)) = reports.try_recv() else { break };
            self.report(conn, report);
        }
    }

    /// Carries out what is due by the clock, and publishes.
    fn tick(&mut self, now: At) {
        let stood_still = self.clock.stood_still();
        if stood_still > self.stood_still {
            let time = stood_still - std::mem::replace(&mut self.stood_still, stood_still);
            self.swarm.handle(now, Input::StoodStill(time));
            self.resources.surroundings.woke();
        }
        if now >= self.swarm.deadline() {
            self.swarm.handle(now, Input::Tick);
        }
        self.settle();
        self.find_peers();
        if now >= self.publish_at {
            // Dials and announces that are over leave their tasks behind, whether anybody shakes hands or not.
            for conn in self.tasks.panicked() {
                self.fell(conn);
            }
            self.announces.take_leave();
            self.resources.tell_of_port();
            for (at, event) in self.resources.facts.since(&mut self.session_fact) {
                self.emit(at, &event);
            }
            self.event_sink.tick(now);
            if let Blocks::Kept(store) = &mut self.blocks {
                store.set_memory(now, self.swarm.memory_bytes());
                store.spill_old(now);
                let sample = store.sample(now);
                sample.into_iter().for_each(|sample| self.emit(now, &Event::Disk(sample)));
            }
            self.publish(now);
        }
    }

    fn deadline(&self) -> At {
        let leave = self.leaving.map_or(At::MAX, |leaving| leaving.closed_by);
        let publish_at = if self.is_idle() { At::MAX } else { self.publish_at };
        let enough_at = match self.doing {
            Doing::Seeding { enough: false } => self.giving.deadline(self.shown.before()).unwrap_or(At::MAX),
            _ => At::MAX,
        };
        self.swarm.deadline().min(leave).min(publish_at).min(enough_at)
    }

    /// Tells those who give turns what it does, where that changed.
    fn tell_doing(&mut self, now: At) {
        self.giving.seeds(now, self.swarm.phase() == Phase::Seeding);
        let total_bytes = self.swarm.geometry().map_or(0, |geometry| geometry.total_bytes());
        let (_, sent_bytes) = self.transferred();
        let enough = self.giving.is_enough(now, total_bytes, sent_bytes, self.shown.before());
        let doing = self.swarm.doing(now, enough);
        if std::mem::replace(&mut self.doing, doing) != doing {
            self.resources.board.does(self.ours.info_hash, doing);
        }
    }

    /// Whether nothing happens, nobody watches, and what happened was told: then nothing is due by time but what is decided.
    fn is_idle(&self) -> bool {
        let at_rest = match &self.blocks {
            Blocks::Kept(store) => store.is_at_rest(),
            Blocks::Awaited(_) => true,
            Blocks::Tried(_) | Blocks::TriedMagnet(_) => false,
        };
        at_rest
            && !self.watched
            && self.event_sink.is_told()
            && self.swarm.is_quiet()
            && self.leaving.is_none()
    }

    fn publish(&mut self, now: At) {
        self.publish_at = now + PUBLISH_EVERY;
        self.tell_doing(now);
        self.event_sink.told();
        if self.shown.wants_view() {
            self.shown.show(self.event_sink.view(now));
        }
        if self.is_idle() {
            self.let_go();
        }
    }

    /// Nothing is missing and nobody is here: what is read back from the torrent's file need not be in memory.
    fn let_go(&self) {
        if let Blocks::Kept(store) = &self.blocks
            && self.swarm.missing_bytes() == Some(0)
        {
            store.keeper.torrent().info().let_go();
        }
    }

    /// Looks for peers in the ways that are used now.
    fn find_peers(&mut self) {
        let (stays, torrent) = (self.leaving.is_none(), (self.ours.info_hash, &self.outlets.found));
        self.finding.look(|finder| stays && self.swarm.looks_by(finder), &self.resources, torrent);
    }

    /// Peers may have been named before it was known that the torrent is private: the swarm says who may name any.
    fn named(&mut self, found: Found) {
        match found {
            Found::Peers { source, scope, addrs } => self.feed(Input::Found { source, scope, addrs }),
            Found::Fact(at, event) => {
                self.emit(at, &event);
                if let Event::Lookup(fact) = event {
                    self.feed(Input::LookedUp(fact));
                }
            }
        }
    }

    /// Hands a happening to the decisions.
    fn feed(&mut self, input: Input) {
        self.swarm.handle(self.clock.now(), input);
        self.settle();
    }

    /// Carries out everything decided so far.
    fn settle(&mut self) {
        while let Some(action) = self.swarm.poll() {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Dial { peer, addr, way } => self.dial(peer, addr, way),
            Action::CallOff { peer, transport } => self.call_off(peer, transport),
            Action::Order(conn, order) => self.order(conn, order),
            Action::Keep(conn, block) => self.keep(conn, block),
            Action::Discard(piece) => self.store().into_iter().for_each(|store| store.discard(piece)),
            Action::Digest(piece) => self.store().into_iter().for_each(|store| store.digest(piece)),
            Action::Metadata(info) => self.found_metadata(&info),
            Action::Have(piece) => self.haves().into_iter().for_each(|haves| haves.append(piece)),
            Action::LookAgain => self.finding.again(),
            Action::Node(addr) => self.resources.dht.node(addr),
            Action::Recheck(pieces) => self.recheck(pieces),
            Action::Choose(choice) => self.choose(&choice),
            Action::Lose(pieces) => self.lose(&pieces),
            Action::Found(pieces) => self.found(&pieces),
            Action::LimitUp { all_bps, own_bps } => {
                self.common.up.set(self.clock.now(), all_bps);
                self.common.up.set_own(self.clock.now(), own_bps);
            }
            Action::Announce(output) => self.announce(output),
            Action::Entered => self.entered(),
            Action::Completed => self.completed(),
            Action::Finished => self.wish(Command::Quit),
            Action::Emit(at, event) => self.emit(at, &event),
        }
    }

    /// What we have, as connections say it.
    fn haves(&self) -> Option<&HaveLog> {
        self.common.ours.holdings.get().map(|holdings| &holdings.haves)
    }

    fn emit(&mut self, at: At, event: &Event) {
        self.event_sink.emit(at, event);
    }

    fn entered(&mut self) {
        // A task that waits for it need not wait for the next regular view.
        self.publish_at = self.clock.now();
        self.tell_done();
        self.note();
    }

    /// Connections say whether anything is wanted that is missing.
    fn tell_done(&self) {
        if let Some(holdings) = self.common.ours.holdings.get() {
            holdings.done.store(self.swarm.missing_bytes() == Some(0), Ordering::Relaxed);
        }
    }

    /// It was downloaded: what the user wants to be run is run.
    fn completed(&mut self) {
        let Blocks::Kept(store) = &self.blocks else { return };
        if let Some(text) = run_on_complete(&self.resources.on_complete, &store.keeper.path()) {
            let note = Event::Note { severity: Severity::Warn, text, answer: false };
            self.emit(self.clock.now(), &note);
        }
    }

    /// Payload received and sent in this run, bytes.
    fn transferred(&self) -> (u64, u64) {
        let (received, _) = self.swarm.transferred();
        (received, self.common.ours.sent_bytes.load(Ordering::Relaxed))
    }

    /// Ends it by this.
    fn fail(&mut self, error: EngineError) {
        self.failed.get_or_insert(error);
        self.wish(Command::Quit);
    }

    /// Remembers for the next run what is not a piece.
    fn note(&self) {
        let Blocks::Kept(store) = &self.blocks else { return };
        let ((received, sent), before) = (self.transferred(), self.shown.before());
        store.keeper.note(Notes {
            paused: self.swarm.is_paused(),
            uploaded_bytes: before.uploaded_bytes.saturating_add(sent),
            downloaded_bytes: before.downloaded_bytes.saturating_add(received),
            peers: self.swarm.worth_keeping(PEERS_KEPT),
        });
    }

    fn wish(&mut self, command: Command) {
        let now = self.clock.now();
        match command {
            Command::Quit if self.leaving.is_some() => {
                self.leaving = Some(Leaving { closed_by: now, told_by: now });
            }
            Command::Quit => self.begin_to_leave(now),
            Command::Record => self.event_sink.record(now),
            Command::LimitOwn { down_bps, up_bps } => self.shown.limited((down_bps, up_bps)),
            Command::Resume if self.swarm.phase() == Phase::Stopped => return self.ask_disk_again(),
            Command::Resume => self.prepare(),
            _ => {}
        }
        if command == Command::Quit {
            // What still comes of them comes too late.
            self.dialling.clear();
        }
        self.feed(Input::Command(command));
        self.publish(self.clock.now());
    }

    fn begin_to_leave(&mut self, now: At) {
        if self.is_check() {
            // Trackers are told when the view of the end is taken: what they say then is no part of it.
            let (closed_by, told_by) = (now + check::CLOSE_WITHIN, now + CHECK_TOLD_WITHIN);
            self.leaving = Some(Leaving { closed_by, told_by });
            return;
        }
        self.giving.seeds(now, false);
        self.leaving = Some(Leaving { closed_by: now + CLOSE_WITHIN, told_by: now + TOLD_WITHIN });
        self.note();
        if let Some(store) = self.store() {
            store.recheck_cancel.store(true, Ordering::Relaxed);
            store.flush();
        }
    }

    /// Brings what is in memory to the disk and remembers it, waits until then for trackers to hear of it, and publishes
    /// the end. Returns the view before trackers were waited for.
    async fn leave(mut self: Box<Self>, inbox: &mut Inbox, told_by: At) -> Result<Arc<View>, EngineError> {
        self.taking_calls = None;
        // The disk's threads end when nobody can ask them anything any more.
        self.tasks.shutdown().await;
        self.flushed(&mut inbox.disk).await;
        let now = self.clock.now();
        self.publish(now);
        let view = self.event_sink.view(now);
        let (amounts, is_check) = (self.amounts(), self.is_check());
        let Self { clock, swarm, announces, mut event_sink, shown, blocks, common, failed, .. } = *self;
        drop(common);
        let mut announcer = swarm.into_announcer();
        if is_check {
            event_sink.end(now).await;
            announcer.handle(now, announce::Input::Stop);
        }
        let farewell = Farewell { clock, announcer, announces, amounts, event_sink, shown };
        let (saved, ()) = tokio::join!(blocks.finish(), farewell.say(inbox, told_by));
        failed.map_or(saved, Err).map(|()| view)
    }
}
