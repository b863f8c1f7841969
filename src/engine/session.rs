//! Any number of torrents under one roof.
//!
//! A [`Session`] owns what there is one of (`resources`): the port and who takes calls there, who we are, the clock, the
//! limits, the workers. Torrents are added and removed while it runs. Each has a task that owns its decisions and its
//! ledger, so that one that is stuck, hostile or on a full disk hurts no other.

mod claims;
mod handle;
mod options;
mod resources;
mod start_up;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::claims::Claims;
use self::handle::Running;
pub use self::handle::TorrentHandle;
pub use self::options::{SessionOptions, TorrentOptions};
pub(super) use self::resources::Resources;
use self::start_up::StartUp;
use super::EngineError;
use super::event_sink::EventSink;
use super::listen::Listener;
use super::opening::{Opening, from_join};
use super::wanted::Wanted;
use crate::command::Command;
use crate::metainfo::InfoHash;
use crate::storage::{self, state_dir};
use crate::wire::{Handshake, Reserved};

/// Torrents under way. Dropping it ends them at once, without goodbye; [`Session::stop`] does it properly.
///
/// ```no_run
/// use ttui::engine::{Session, SessionOptions, TorrentOptions};
/// use ttui::metainfo::Torrent;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let session = Session::start(SessionOptions::default())?;
/// let mut debian = session.add(Torrent::from_file("debian.iso.torrent")?, TorrentOptions::default())?;
/// let fedora = session.add(Torrent::from_file("fedora.iso.torrent")?, TorrentOptions::default())?;
/// debian.completed().await?;
/// println!("of the other {} bytes are here", fedora.view().have_bytes);
/// session.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Session {
    resources: Arc<Resources>,
    options: SessionOptions,
    /// The folder of resume files.
    state: PathBuf,
    torrents: Mutex<BTreeMap<InfoHash, Running>>,
    /// Takes connections; ends with the session at the latest.
    _accepting: JoinSet<()>,
}

impl Session {
    /// Begins: listens. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When no port can be listened on, there is nowhere to keep resume files, or this machine gives no random numbers.
    pub fn start(options: SessionOptions) -> Result<Self, EngineError> {
        let listener =
            if options.loopback { Listener::bind_loopback() } else { Listener::bind(options.port) }?;
        let env = || state_dir(std::env::var_os("XDG_STATE_HOME"), std::env::var_os(storage::HOME));
        let state = options.state.clone().or_else(env).ok_or(EngineError::NoStateFolder)?;
        let resources = Resources::new(listener.port(), random_seed()?, &options);
        let mut accepting = JoinSet::new();
        accepting.spawn(listener.run(resources.calls.clone(), resources.mse.clone(), resources.clock));
        Ok(Self { resources, options, state, torrents: Mutex::default(), _accepting: accepting })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.resources.port
    }

    /// Begins a torrent: looks at what is on disk. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the torrent is under way already, its recording cannot be made, or this machine gives no random numbers.
    pub fn add(
        &self,
        wanted: impl Into<Wanted>,
        options: TorrentOptions,
    ) -> Result<TorrentHandle, EngineError> {
        let resources = Arc::clone(&self.resources);
        let wanted = wanted.into();
        let linked = wanted.linked_peers();
        let wanted = if options.metadata_only { wanted } else { wanted.or_kept(&self.state) };
        let info_hash = wanted.info_hash();
        let mut torrents = self.torrents();
        if torrents.get(&info_hash).is_some_and(|running| !running.is_over()) {
            return Err(EngineError::UnderWay(info_hash));
        }
        let (clock, peer_id) = (resources.clock, resources.peer_id);
        let ours = Handshake { reserved: Reserved::OURS, info_hash, peer_id };
        let facts = wanted.facts(&options.output, peer_id);
        let mut event_sink =
            EventSink::begin(clock.now(), facts, options.max_rows, &options.recording, random_seed()?)?;
        let (views_to, views) = watch::channel(event_sink.view(clock.now()));
        let (commands, wishes) = mpsc::unbounded_channel();
        let cancel = Arc::new(AtomicBool::new(false));
        let opening = Opening {
            output: options.output.clone(),
            state: self.state.clone(),
            storage: storage::Options { overwrite: options.overwrite, ..resources.storage.clone() },
            sync: options.sync,
            sync_after: options.sync_after,
            disk: resources.disk.clone(),
            clock,
            cancel: Arc::clone(&cancel),
        };
        let session = self.options.clone();
        let seed = random_seed()?;
        // In the order in which they are added: the first to claim a file has it.
        let claimed = match &wanted {
            Wanted::Torrent(torrent) => Some(resources.claims.claim(&options.output, torrent)),
            Wanted::Magnet(_) => None,
        };
        let start_up = StartUp {
            resources,
            opening,
            session,
            options,
            linked,
            claimed,
            seed,
            ours,
            event_sink,
            views: views_to,
        };
        let task = tokio::spawn(Box::pin(start_up.live(wanted, wishes)));
        let claims = self.resources.claims.clone();
        let (outcome_to, outcome) = watch::channel(None);
        let running = Running { commands, cancel, task: task.abort_handle(), outcome };
        tokio::spawn(async move {
            // A panic ends this torrent and no other.
            let outcome = task.await.unwrap_or_else(|error| Err(from_join(&error)));
            claims.release(info_hash);
            outcome_to.send_replace(Some(outcome));
        });
        torrents.insert(info_hash, running.clone());
        Ok(TorrentHandle { info_hash, views, running })
    }

    /// Asks something of every torrent.
    pub fn send_all(&self, command: Command) {
        self.torrents().values().for_each(|running| running.send(command));
    }

    /// Says goodbye to the torrent's peers, brings to disk what is in memory, and forgets it. Nothing is deleted.
    ///
    /// # Errors
    ///
    /// What could not be saved, or ended it before.
    pub async fn remove(&self, info_hash: InfoHash) -> Result<(), EngineError> {
        let Some(mut running) = self.torrents().get(&info_hash).cloned() else { return Ok(()) };
        running.send(Command::Quit);
        let ended = running.ended().await;
        let mut torrents = self.torrents();
        // It may have been added again meanwhile.
        if torrents.get(&info_hash).is_some_and(Running::is_over) {
            torrents.remove(&info_hash);
        }
        ended
    }

    /// No torrent is added any more: the port closes with the last.
    pub fn takes_no_more(&self) {
        self.resources.calls.last();
    }

    /// Says goodbye to all peers and brings to disk what is in memory, within two seconds; then waits up to five more for
    /// trackers to hear that we are gone.
    ///
    /// # Errors
    ///
    /// What could not be saved, of the torrent that it is worst for.
    pub async fn stop(self) -> Result<(), EngineError> {
        self.takes_no_more();
        // What ended before was told those who hold it.
        let under_way = |running: &&Running| !running.is_over();
        let torrents: Vec<Running> = self.torrents().values().filter(under_way).cloned().collect();
        torrents.iter().for_each(|running| running.send(Command::Quit));
        let mut worst = Ok(());
        for mut running in torrents {
            let ended = running.ended().await;
            let status = |ended: &Result<(), EngineError>| ended.as_ref().err().map(EngineError::exit_status);
            if status(&ended) > status(&worst) {
                worst = ended;
            }
        }
        worst
    }

    fn torrents(&self) -> MutexGuard<'_, BTreeMap<InfoHash, Running>> {
        self.torrents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.torrents().values().for_each(Running::abort);
    }
}

pub(super) fn random_seed() -> Result<u64, EngineError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| EngineError::Random(error.to_string()))?;
    Ok(u64::from_le_bytes(bytes))
}
