//! Any number of torrents under one roof.
//!
//! A [`Session`] owns what there is one of (`resources`): the port and who takes calls there, who we are, the clock, the
//! limits, the workers. Torrents are added and removed while it runs. Each has a task that owns its decisions and its
//! ledger, so that one that is stuck, hostile or on a full disk hurts no other.

mod answers;
mod claims;
mod completion;
mod handle;
mod options;
mod resources;
mod roster;
mod shared;
mod start_up;
mod steward;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinSet;

use self::claims::Claims;
pub(super) use self::completion::run as run_on_complete;
use self::handle::Running;
pub use self::handle::{Control, TorrentHandle};
pub use self::options::{SessionOptions, TorrentOptions};
pub(super) use self::resources::Resources;
use self::roster::Entry;
use self::shared::Shared;
use self::steward::Steward;
use super::EngineError;
use super::dht::Driver;
use super::listen::Listener;
use super::mapping;
use super::wanted::Wanted;
use crate::command::Command;
use crate::event::Transport;
use crate::metainfo::InfoHash;
use crate::storage::{self, state_dir};

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
    shared: Arc<Shared>,
    /// Takes connections, and does what is asked of all torrents; ends with the session at the latest.
    tasks: JoinSet<()>,
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
        let state = options.state.clone().or_else(state_folder).ok_or(EngineError::NoStateFolder)?;
        let (udp, mut tasks) = (listener.udp(), JoinSet::new());
        let resources = Resources::new(listener.port(), udp.clone(), random_seed()?, &options);
        if let Some(dht) = &options.dht {
            tasks.spawn(Driver::new(udp.clone(), &resources, random_seed()?, dht, &state).run());
        }
        tasks.spawn(udp.run());
        tasks.spawn(resources.utp.clone().run());
        let utp = options.transport.uses(Transport::Utp).then(|| resources.utp.clone());
        let listener = if options.transport.uses(Transport::Tcp) { listener } else { listener.without_tcp() };
        let calls = resources.calls.clone();
        tasks.spawn(listener.run(utp, calls, resources.mse.clone(), resources.clock));
        if let Some(options) = &options.mapping {
            tasks.spawn(mapping::Driver::new(&resources, random_seed()?, options, &state).run());
        }
        let shared = Shared::new(resources, options, state);
        tasks.spawn(give_turns(Arc::clone(&shared)));
        tasks.spawn(look_around(Arc::clone(&shared)));
        Ok(Self { shared, tasks })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.shared.resources.port
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
        self.shared.add(wanted.into(), options)
    }

    /// Tells of all torrents from now on, and takes wishes about them. Torrents that are added by command run as `added`
    /// says. Must be called inside a tokio runtime.
    pub fn control(&mut self, added: TorrentOptions) -> Control {
        let (steward, control, wishes) = Steward::new(Arc::clone(&self.shared), added);
        self.tasks.spawn(steward.run(wishes));
        control
    }

    /// Every torrent, in the order of the queue.
    pub fn torrents(&self) -> Vec<TorrentHandle> {
        self.shared.roster().entries().map(Entry::handle).collect()
    }

    /// Asks something of every torrent.
    pub fn send_all(&self, command: Command) {
        self.shared.send_all(command);
    }

    /// Says goodbye to the torrent's peers, brings to disk what is in memory, and forgets it. Nothing is deleted.
    ///
    /// # Errors
    ///
    /// What could not be saved, or ended it before.
    pub async fn remove(&self, info_hash: InfoHash) -> Result<(), EngineError> {
        let running = self.shared.roster().get(info_hash).map(|entry| entry.running.clone());
        let Some(mut running) = running else { return Ok(()) };
        running.send(Command::Quit);
        let ended = running.ended().await;
        let mut roster = self.shared.roster();
        // It may have been added again meanwhile.
        if roster.get(info_hash).is_some_and(|entry| entry.running.is_over()) {
            roster.remove(info_hash);
            self.shared.resources.board.take(info_hash);
        }
        ended
    }

    /// No torrent is added any more: the port closes with the last.
    pub fn takes_no_more(&self) {
        self.shared.resources.calls.last();
    }

    /// Keeps for the next run what belongs to no torrent, and gives back what routers mapped, within a second: the last of
    /// a run whose torrents have ended.
    pub async fn farewell(&self) {
        let resources = &self.shared.resources;
        tokio::join!(resources.dht.keep(), resources.mapping.release());
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
        let torrents: Vec<Running> = self.shared.roster().runs().filter(under_way).cloned().collect();
        torrents.iter().for_each(|running| running.send(Command::Quit));
        let mut worst = Ok(());
        for mut running in torrents {
            let ended = running.ended().await;
            let status = |ended: &Result<(), EngineError>| ended.as_ref().err().map(EngineError::exit_status);
            if status(&ended) > status(&worst) {
                worst = ended;
            }
        }
        self.farewell().await;
        worst
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.roster().runs().for_each(Running::abort);
    }
}

/// The user's folder for what is kept between runs.
pub(super) fn state_folder() -> Option<PathBuf> {
    state_dir(std::env::var_os("XDG_STATE_HOME"), std::env::var_os(storage::HOME))
}

/// Looks at what all torrents have around them.
async fn look_around(shared: Arc<Shared>) {
    shared.resources.surroundings.watch(shared.resources.clock).await;
}

/// Gives turns, whenever a torrent does something else.
async fn give_turns(shared: Arc<Shared>) {
    loop {
        shared.resources.board.moved().await;
        shared.give_turns();
    }
}

pub(super) fn random_seed() -> Result<u64, EngineError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| EngineError::Random(error.to_string()))?;
    Ok(u64::from_le_bytes(bytes))
}
