//! Tries every peer of a torrent and reports how far each comes; downloads nothing.
//!
//! The torrent's task is that of a download, with the decisions of a check ([`swarm::check`]). No file is opened: what
//! peers send is hashed where a whole piece comes, and thrown away.

mod hasher;
mod once;

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub(super) use self::hasher::Hasher;
pub use self::once::{HandsShaken, shake_hands};
use super::EngineError;
use super::board::Shown;
use super::dht::{DhtOptions, Driver};
use super::event_sink::{EventSink, Recording};
use super::files::raise_open_files;
use super::listen::Listener;
use super::peer::IDLE_AFTER;
use super::session::{Resources, SessionOptions, random_seed, state_folder};
use super::torrent::{self, Asked, Blocks, Give, Parts};
use super::tracker;
use super::wanted::Wanted;
use crate::command::Command;
use crate::event::{Event, Finder, OsError, Source, Transport};
use crate::ledger::View;
use crate::metainfo::Bitfield;
use crate::swarm::{self, EncryptionPolicy, Input, Swarm, TransportPolicy};
use crate::wire::{Handshake, Reserved};

/// Files kept for other things than connections.
const FILES_KEPT: u64 = 64;
/// Where the number of files is unknown.
const USUAL_FILES: u64 = 1024;

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
    /// Over what peers are dialled, and whose calls are taken.
    pub transport: TransportPolicy,
    /// Ways besides trackers in which peers are to be found; a private torrent uses none of them.
    pub finders: BTreeSet<Finder>,
    /// How it asks the DHT; `None`: not at all.
    pub dht: Option<DhtOptions>,
    /// Where the last run kept nodes of the DHT; `None`: in the user's folder.
    pub state: Option<PathBuf>,
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
            transport: TransportPolicy::default(),
            finders: BTreeSet::from([Finder::Pex]),
            dht: None,
            state: None,
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
    wanted: impl Into<Wanted>,
    options: CheckOptions,
    stop: impl Future<Output = ()>,
) -> Result<Arc<View>, EngineError> {
    let listener =
        if options.loopback { Listener::bind_loopback() } else { Listener::bind(options.port.or(Some(0))) }?;
    let seed = random_seed()?;
    // Nobody waits for a turn: that is how it is soon known which trackers answer.
    let tracker = tracker::Settings { most_under_way: usize::MAX, ..options.tracker };
    let (encryption, transport) = (options.encryption, options.transport);
    let session = SessionOptions { encryption, transport, tracker, ..SessionOptions::default() };
    let resources = Resources::new(listener.port(), listener.udp(), seed, &session);
    let (mut tasks, mut finders) = (JoinSet::new(), options.finders);
    if let Some((dht, state)) = options.dht.as_ref().zip(options.state.or_else(state_folder)) {
        tasks.spawn(Driver::new(listener.udp(), &resources, random_seed()?, dht, &state).run());
    } else {
        finders.remove(&Finder::Dht);
    }
    let (clock, peer_id) = (resources.clock, resources.peer_id);
    let wanted = wanted.into();
    let ours = Handshake { reserved: Reserved::OURS, info_hash: wanted.info_hash(), peer_id };
    let files = raise_open_files().unwrap_or(USUAL_FILES);
    let most_open = usize::try_from(files.saturating_sub(FILES_KEPT)).unwrap_or(usize::MAX).max(1);
    let settings = swarm::Settings {
        encryption,
        transport,
        info_hash: wanted.info_hash(),
        private: wanted.is_private(),
        finders,
        trackers: wanted.trackers().to_vec(),
        peer_id: ours.peer_id,
        seed,
        ..swarm::Settings::of_check(options.time, most_open)
    };
    let facts = wanted.facts(Path::new(""), ours.peer_id);
    let mut event_sink =
        EventSink::begin(clock.now(), facts, settings.max_rows, &options.recording, random_seed()?)?;
    let (commands, wishes) = mpsc::unbounded_channel();
    let (inbox, outlets) = torrent::open(wishes, watch::channel(Asked::default()).1);
    let now = clock.now();
    event_sink.emit(now, &Event::Listening { port: listener.port() });
    let linked = wanted.linked_peers().into_iter().map(|addr| (addr, Source::Magnet));
    let (mut swarm, info, blocks) = match wanted {
        Wanted::Torrent(torrent) => {
            let (geometry, info) = (torrent.geometry, torrent.public_info());
            let have = Bitfield::empty(geometry.piece_count());
            let hasher = Hasher::start(torrent, outlets.hashed.clone())
                .map_err(|error| EngineError::Threads(OsError::from(&error)))?;
            (Swarm::new(now, geometry, have, settings), info, Blocks::Tried(hasher))
        }
        Wanted::Magnet(magnet) => (Swarm::without_metadata(now, settings), None, Blocks::TriedMagnet(magnet)),
    };
    for (addr, source) in options.peers.into_iter().map(|addr| (addr, Source::Manual)).chain(linked) {
        swarm.handle(now, Input::Learned { addr, source });
    }
    // All are named: without any, and without trackers, it is over.
    swarm.handle(now, Input::Tick);
    let parts = Box::new(Parts {
        give: Give::default(),
        seeded: Arc::default(),
        shown: Shown::begin(event_sink.view(now), Arc::clone(&resources.board)).0,
        blocks,
        info,
        idle_after: IDLE_AFTER,
        resources: Arc::clone(&resources),
        ours,
        event_sink,
        swarm,
    });
    resources.calls.last();
    tasks.spawn(listener.udp().run());
    tasks.spawn(resources.utp.clone().run());
    let utp = transport.uses(Transport::Utp).then(|| resources.utp.clone());
    let listener = if transport.uses(Transport::Tcp) { listener } else { listener.without_tcp() };
    let calls = resources.calls.clone();
    tasks.spawn(listener.run(utp, calls, resources.mse.clone(), clock));
    let mut running = Box::pin(torrent::run(parts, inbox, outlets));
    tokio::select! {
        biased;
        () = stop => {
            // It is over where nobody listens.
            let _ = commands.send(Command::Quit);
        }
        view = &mut running => return view,
    }
    running.await
}
