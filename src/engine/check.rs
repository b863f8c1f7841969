//! Tries every peer of a torrent and reports how far each comes; downloads nothing.
//!
//! [`swarm::check`](crate::swarm::check) decides; here are the sockets. No file is opened: what peers send is
//! hashed where a whole piece comes, and thrown away.

mod announce;
mod hasher;
mod once;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep_until, timeout};

use self::hasher::Hasher;
pub use self::once::{HandsShaken, shake_hands};
use super::EngineError;
use super::clock::Clock;
use super::download::{facts, random_seed};
use super::event_sink::{EventSink, Recording};
use super::files::raise_open_files;
use super::handshake::{Steps, dial};
use super::limit::Limit;
use super::link::Report;
use super::listen::{Arrived, Listener};
use super::mse::{Carrier, Mse};
use super::peer::{self, Common};
use super::peer_tasks::{PeerTasks, internal_error};
use super::pool::BlockPool;
use super::tracker;
use super::upload::{BlockSource, ReadFuture};

use crate::event::{At, Encryption, Event, OsError, PeerKey, Source, TrackerKey};
use crate::ledger::View;
use crate::metainfo::{Bitfield, PeerId, PieceIndex, Torrent};
use crate::peer::haves::HaveLog;
use crate::peer::{Closed, ConnKey, Handshaken, Order, Ours, Step};
use crate::swarm::EncryptionPolicy;
use crate::swarm::address::{Scope, is_allowed};
use crate::swarm::check::{Action, Check, Input, Settings, WHOLE_PIECE_BYTES};
use crate::wire::{Handshake, Reserved};

/// Files kept for other things than connections.
const FILES_KEPT: u64 = 64;
/// Where the number of files is unknown.
const USUAL_FILES: u64 = 1024;
/// How long saying goodbye to trackers may take.
const GOODBYE: Duration = Duration::from_secs(2);
const CHANNEL: usize = 256;
/// Free block buffers kept: 1 MiB.
const KEPT_BUFFERS: usize = 64;

/// How a check is to go.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// The port to listen on; `None`: any free one.
    pub port: Option<u16>,
    /// Listen on loopback only.
    pub loopback: bool,
    /// Peers to try besides those that trackers name.
    pub peers: Vec<SocketAddr>,
    /// Whether connections are plain or encrypted.
    pub encryption: EncryptionPolicy,
    /// How long it may take at most.
    pub time: Duration,
    /// How trackers are spoken to.
    pub tracker: tracker::Settings,
    /// What is written down of it.
    pub recording: Recording,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            port: None,
            loopback: false,
            peers: Vec::new(),
            encryption: EncryptionPolicy::default(),
            time: Duration::from_secs(30),
            tracker: tracker::Settings::default(),
            recording: Recording::default(),
        }
    }
}

/// Tries every peer, until all have had their chance, the time is up, or `stop` is ready, and returns what is known
/// then. Says goodbye to the trackers before it does, which takes two seconds at most.
///
/// # Errors
///
/// When no port can be listened on, the recording cannot be made, or this machine gives no random numbers or threads.
pub async fn check(
    torrent: Torrent,
    options: CheckOptions,
    stop: impl Future<Output = ()>,
) -> Result<Arc<View>, EngineError> {
    let listener =
        if options.loopback { Listener::bind_loopback() } else { Listener::bind(options.port.or(Some(0))) }?;
    let seed = random_seed()?;
    let clock = Clock::start();
    let torrent = Arc::new(torrent);
    let ours =
        Handshake { reserved: Reserved::OURS, info_hash: torrent.info_hash, peer_id: PeerId::ours(seed) };
    let files = raise_open_files().unwrap_or(USUAL_FILES);
    let settings = Settings {
        peer_id: ours.peer_id,
        most_open: usize::try_from(files.saturating_sub(FILES_KEPT)).unwrap_or(usize::MAX).max(1),
        encryption: options.encryption,
        until: options.time,
        seed,
    };
    let (inbox, outlets) = open();
    let (hashed_to, hashed) = mpsc::unbounded_channel();
    let hasher = Hasher::start(Arc::clone(&torrent), hashed_to)
        .map_err(|error| EngineError::Threads(OsError::from(&error)))?;
    let geometry = torrent.geometry;
    let port = listener.port();
    let common = Common {
        ours: Arc::new(Ours {
            geometry,
            haves: HaveLog::new(Bitfield::empty(geometry.piece_count())),
            listen_port: Some(port),
            sent_bytes: AtomicU64::new(0),
            idle_after: peer::IDLE_AFTER,
        }),
        clock,
        pool: BlockPool::new(KEPT_BUFFERS),
        source: Arc::new(Nothing),
        up: Arc::new(Limit::new(None)),
    };
    let mut tasks = PeerTasks::default();
    let mse = Mse::new(options.encryption, seed);
    tasks.spawn(listener.run(ours, mse.clone(), clock, outlets.arrivals.clone()));
    let mut run = Run {
        check: Check::new(clock.now(), geometry, &torrent.trackers, settings),
        event_sink: EventSink::begin(
            facts(&torrent, std::path::Path::new(""), ours.peer_id),
            crate::swarm::Settings::default().max_rows,
            &options.recording,
            random_seed()?,
        )?,
        client: tracker::Client::new(options.tracker),
        our_addresses: BTreeSet::new(),
        orders: BTreeMap::new(),
        dials: BTreeMap::new(),
        next_conn: 0,
        common: Arc::new(common),
        key: (seed >> 32) as u32,
        goodbyes: JoinSet::new(),
        clock,
        torrent,
        ours,
        mse,
        port,
        outlets,
        hasher,
        tasks,
    };
    run.emit(clock.now(), &Event::Listening { port });
    run.settle();
    for addr in options.peers {
        // The user may name any address at which a peer can be.
        let valid = is_allowed(Scope::Loopback, addr, &[]);
        run.feed(Input::Learned { addr, source: Source::Manual, valid });
    }
    Ok(Box::pin(run.run(inbox, hashed, stop)).await)
}

type Dialled = (ConnKey, SocketAddr, Result<(Carrier, Handshaken), Box<Closed>>);
type Answered = (TrackerKey, Result<tracker::Answer, tracker::Failure>);

struct Inbox {
    steps: mpsc::Receiver<(ConnKey, At, Step)>,
    dialled: mpsc::Receiver<Dialled>,
    arrivals: mpsc::Receiver<Arrived>,
    answers: mpsc::Receiver<Answered>,
    reports: mpsc::Receiver<(ConnKey, Report)>,
}

struct Outlets {
    steps: mpsc::Sender<(ConnKey, At, Step)>,
    dialled: mpsc::Sender<Dialled>,
    arrivals: mpsc::Sender<Arrived>,
    answers: mpsc::Sender<Answered>,
    reports: mpsc::Sender<(ConnKey, Report)>,
}

fn open() -> (Inbox, Outlets) {
    let (steps_to, steps) = mpsc::channel(CHANNEL);
    let (dialled_to, dialled) = mpsc::channel(CHANNEL);
    let (arrivals_to, arrivals) = mpsc::channel(CHANNEL);
    let (answers_to, answers) = mpsc::channel(CHANNEL);
    let (reports_to, reports) = mpsc::channel(CHANNEL);
    let outlets = Outlets {
        steps: steps_to,
        dialled: dialled_to,
        arrivals: arrivals_to,
        answers: answers_to,
        reports: reports_to,
    };
    (Inbox { steps, dialled, arrivals, answers, reports }, outlets)
}

/// Nothing is uploaded, so nothing is read.
struct Nothing;

impl BlockSource for Nothing {
    fn read(&self, _: PieceIndex, _: u32, _: u32) -> ReadFuture {
        Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
    }
}

struct Run {
    clock: Clock,
    torrent: Arc<Torrent>,
    ours: Handshake,
    mse: Mse,
    port: u16,
    /// Drawn once a run, so that trackers know us over every address we have.
    key: u32,
    check: Check,
    event_sink: EventSink,
    client: tracker::Client,
    /// Where trackers see us, with the port we listen on.
    our_addresses: BTreeSet<SocketAddr>,
    common: Arc<Common>,
    hasher: Hasher,
    orders: BTreeMap<ConnKey, mpsc::UnboundedSender<Order>>,
    dials: BTreeMap<ConnKey, (PeerKey, AbortHandle)>,
    next_conn: u32,
    outlets: Outlets,
    tasks: PeerTasks,
    goodbyes: JoinSet<()>,
}

impl Run {
    async fn run(
        mut self,
        mut inbox: Inbox,
        mut hashed: mpsc::UnboundedReceiver<(ConnKey, bool)>,
        stop: impl Future<Output = ()>,
    ) -> Arc<View> {
        let mut stop = pin!(stop);
        let mut stopped = false;
        self.feed(Input::Tick);
        while !self.check.is_over() {
            self.event_sink.tick(self.clock.now());
            self.take_leave();
            let wake = self.clock.instant(self.check.deadline());
            tokio::select! {
                biased;
                () = &mut stop, if !stopped => {
                    stopped = true;
                    self.feed(Input::Stop);
                }
                Some((conn, at, step)) = inbox.steps.recv() => self.step(conn, at, step),
                Some(dialled) = inbox.dialled.recv() => self.dialled(dialled, &mut inbox.steps),
                Some(arrived) = inbox.arrivals.recv() => self.arrived(arrived),
                Some((conn, good)) = hashed.recv() => self.feed(Input::Hashed(conn, good)),
                Some((conn, report)) = inbox.reports.recv() => self.report(conn, report),
                Some((tracker, answer)) = inbox.answers.recv() => self.answered(tracker, answer),
                () = sleep_until(wake) => self.feed(Input::Tick),
            }
        }
        let now = self.clock.now();
        let view = self.event_sink.view(now);
        // Nobody takes their answers any more.
        drop(inbox);
        let goodbyes = async { while self.goodbyes.join_next().await.is_some() {} };
        // Trackers that do not answer in time were told all the same.
        let _ = timeout(GOODBYE, goodbyes).await;
        self.event_sink.end(now).await;
        self.tasks.shutdown().await;
        view
    }

    fn feed(&mut self, input: Input) {
        self.check.handle(self.clock.now(), input);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(action) = self.check.poll() {
            match action {
                Action::Dial { peer, addr, encryption } => self.dial(peer, addr, encryption),
                Action::Abandon(peer) => self.abandon(peer),
                Action::Order(conn, order) => {
                    if let Some(orders) = self.orders.get(&conn) {
                        // A task that is over has reported so, or is about to.
                        let _ = orders.send(order);
                    }
                }
                Action::Announce { tracker, url, kind } => self.announce(tracker, url, kind),
                Action::Emit(at, event) => self.emit(at, &event),
            }
        }
    }

    fn emit(&mut self, at: At, event: &Event) {
        self.event_sink.emit(at, event);
    }

    fn new_conn(&mut self) -> ConnKey {
        let conn = ConnKey(self.next_conn);
        self.next_conn += 1;
        conn
    }

    fn dial(&mut self, peer: PeerKey, addr: SocketAddr, encryption: Encryption) {
        let conn = self.new_conn();
        let steps = Steps::new(conn, self.clock, self.outlets.steps.clone());
        let (ours, mse, dialled) = (self.ours, self.mse.clone(), self.outlets.dialled.clone());
        let task = self.tasks.spawn_for(conn, async move {
            let outcome = dial(addr, &ours, encryption, &mse, &steps).await;
            // Nobody listens only when the run is over.
            let _ = dialled.send((conn, addr, outcome)).await;
        });
        self.dials.insert(conn, (peer, task));
    }

    fn abandon(&mut self, peer: PeerKey) {
        self.dials.retain(|_, (dialled, task)| {
            if *dialled == peer {
                task.abort();
            }
            *dialled != peer
        });
    }

    fn step(&mut self, conn: ConnKey, at: At, step: Step) {
        let Some(&(peer, _)) = self.dials.get(&conn) else { return };
        self.feed(Input::Step(peer, at, step));
    }

    fn dialled(&mut self, dialled: Dialled, steps: &mut mpsc::Receiver<(ConnKey, At, Step)>) {
        // Its steps were sent before its end, on another channel: they come first.
        while let Ok((conn, at, step)) = steps.try_recv() {
            self.step(conn, at, step);
        }
        let (conn, addr, outcome) = dialled;
        let Some((peer, _)) = self.dials.remove(&conn) else { return };
        match outcome {
            Ok((carrier, shaken)) => self.shaken(conn, Some(peer), addr, Vec::new(), carrier, shaken),
            Err(end) => self.feed(Input::DialFailed(peer, *end)),
        }
    }

    /// Takes leave of tasks that are over; one that panicked said nothing of its end.
    fn take_leave(&mut self) {
        for conn in self.tasks.panicked() {
            match self.dials.remove(&conn) {
                Some((peer, _)) => self.feed(Input::DialFailed(peer, internal_error())),
                None => self.report(conn, Report::Closed(internal_error())),
            }
        }
    }

    fn arrived(&mut self, arrived: Arrived) {
        let Arrived { addr, so_far, outcome } = arrived;
        match outcome {
            Ok((carrier, shaken)) => {
                let conn = self.new_conn();
                self.shaken(conn, None, addr, so_far, carrier, shaken);
            }
            Err(end) => self.feed(Input::IncomingFailed(addr.ip(), end.cause)),
        }
    }

    fn shaken(
        &mut self,
        conn: ConnKey,
        peer: Option<PeerKey>,
        addr: SocketAddr,
        so_far: Vec<(At, Step)>,
        carrier: Carrier,
        shaken: Handshaken,
    ) {
        let peer_id = shaken.peer_id;
        let (common, reports) = (Arc::clone(&self.common), self.outlets.reports.clone());
        let orders = self.tasks.serve(conn, carrier, shaken, common, reports);
        self.orders.insert(conn, orders);
        self.feed(Input::Handshaken { conn, peer, addr, peer_id, so_far });
    }

    fn report(&mut self, conn: ConnKey, report: Report) {
        let input = match report {
            Report::Blocks { blocks, .. } => {
                let now = self.clock.now();
                for (block, bytes) in blocks {
                    let whole = self.torrent.geometry.length_of(block.piece()) <= WHOLE_PIECE_BYTES;
                    if self.check.block_arrived(now, conn, block) && whole {
                        self.hasher.take(conn, block, bytes);
                    }
                }
                Input::Tick
            }
            Report::News(news) => Input::News(conn, news),
            Report::Closed(end) => {
                self.orders.remove(&conn);
                Input::Closed(conn, end)
            }
        };
        self.feed(input);
    }
}
