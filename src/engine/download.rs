//! One torrent from start to end, as a program holds it: a session with nothing else in it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};

use super::dht::DhtOptions;
use super::event_sink::Recording;
use super::listen::ListenError;
use super::mapping::MappingOptions;
use super::recorder::RecordingError;
use super::session::{Session, SessionOptions, TorrentHandle, TorrentOptions};
use super::torrent::Give;
use super::tracker;
use super::wanted::Wanted;
use crate::command::Command;
use crate::event::{Finder, OsError};
use crate::ledger::View;
use crate::metainfo::{InfoHash, NamedFiles, TorrentError};
use crate::storage::StorageError;
use crate::swarm::queue::QueueLimits;
use crate::swarm::{EncryptionPolicy, TransportPolicy, UploadSlots};

/// How a download is to go.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder the files go to.
    pub output: PathBuf,
    /// The folder of resume files; `None`: `$XDG_STATE_HOME/ttui`, or where that defaults to.
    pub state: Option<PathBuf>,
    /// The port to listen on; `None`: 6881–6889, or else any free one.
    pub port: Option<u16>,
    /// Listen on loopback only.
    pub loopback: bool,
    /// Peers to dial besides those that trackers name.
    pub peers: Vec<SocketAddr>,
    /// The most connections at once.
    pub max_peers: usize,
    /// Dials that may begin in a second, and at once to begin with.
    pub dials_per_second: NonZeroU32,
    /// The most peers with a row of their own; beyond it the oldest that are gone are only counted, those
    /// that never shook hands first.
    pub max_rows: usize,
    /// Limit for what we receive, bytes a second.
    pub down_bps: Option<u64>,
    /// Limit for what we send, bytes a second.
    pub up_bps: Option<u64>,
    /// How many peers are served at once.
    pub upload_slots: UploadSlots,
    /// Whether connections are plain or encrypted.
    pub encryption: EncryptionPolicy,
    /// Over what peers are dialled, and whose calls are taken.
    pub transport: TransportPolicy,
    /// Ways besides trackers in which peers are to be found; a private torrent uses none of them.
    pub finders: BTreeSet<Finder>,
    /// A connected peer that says nothing for this long is let go.
    pub idle_after: Duration,
    /// How many torrents are active at once.
    pub queue: QueueLimits,
    /// What is run when a torrent was downloaded: a program and its arguments, to which its path is added.
    pub on_complete: Vec<String>,
    /// When it has seeded enough.
    pub give: Give,
    /// It waits until the user has it go on, also where an earlier run did not.
    pub paused: bool,
    /// The files that are wanted, whatever an earlier run was told; none: those of that run, or else all.
    pub files: NamedFiles,
    /// Pieces are asked for in the order of the torrent, its files' first and last ones early, also where an earlier run
    /// did not.
    pub sequential: bool,
    /// Write into files that are not ours, too.
    pub overwrite: bool,
    /// Of a magnet: save its metadata as a torrent file in the output folder, and end.
    pub metadata_only: bool,
    /// Leave only when the disk has everything.
    pub sync: bool,
    /// What is written is brought to the disk this much later at the latest.
    pub sync_after: Duration,
    /// How it takes part in the DHT; `None`: not at all.
    pub dht: Option<DhtOptions>,
    /// How routers are asked to map its port; `None`: not at all.
    pub mapping: Option<MappingOptions>,
    /// How trackers are spoken to.
    pub tracker: tracker::Settings,
    /// What is written down of the run.
    pub recording: Recording,
}

impl Default for Options {
    fn default() -> Self {
        let (session, torrent) = (SessionOptions::default(), TorrentOptions::default());
        let SessionOptions { state, port, loopback, max_peers, dials_per_second, down_bps, up_bps, .. } =
            session;
        let TorrentOptions { output, peers, max_rows, upload_slots, finders, idle_after, .. } = torrent;
        Self {
            output,
            state,
            port,
            loopback,
            peers,
            max_peers,
            dials_per_second,
            max_rows,
            down_bps,
            up_bps,
            upload_slots,
            encryption: session.encryption,
            transport: session.transport,
            finders,
            idle_after,
            queue: session.queue,
            on_complete: session.on_complete,
            give: torrent.give,
            paused: torrent.paused,
            files: torrent.files,
            sequential: torrent.sequential,
            overwrite: torrent.overwrite,
            metadata_only: torrent.metadata_only,
            sync: torrent.sync,
            sync_after: torrent.sync_after,
            dht: session.dht,
            mapping: session.mapping,
            tracker: session.tracker,
            recording: torrent.recording,
        }
    }
}

impl Options {
    /// What of it holds for the whole program, and what for its torrent.
    #[must_use]
    pub fn parts(self) -> (SessionOptions, TorrentOptions) {
        // All of them by name: one that belongs to neither part does not compile.
        let Self {
            output,
            state,
            port,
            loopback,
            peers,
            max_peers,
            dials_per_second,
            max_rows,
            down_bps,
            up_bps,
            upload_slots,
            encryption,
            transport,
            queue,
            on_complete,
            finders,
            idle_after,
            give,
            paused,
            files,
            sequential,
            overwrite,
            metadata_only,
            sync,
            sync_after,
            dht,
            mapping,
            tracker,
            recording,
        } = self;
        let session = SessionOptions {
            state,
            port,
            loopback,
            max_peers,
            dials_per_second,
            down_bps,
            up_bps,
            encryption,
            transport,
            queue,
            on_complete,
            dht,
            mapping,
            tracker,
        };
        let torrent = TorrentOptions {
            output,
            peers,
            max_rows,
            upload_slots,
            finders,
            idle_after,
            give,
            seeded: Duration::ZERO,
            limits: (None, None),
            paused,
            files,
            sequential,
            overwrite,
            metadata_only,
            sync,
            sync_after,
            recording,
        };
        (session, torrent)
    }
}

/// Why a download could not begin, or ended before its time.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum EngineError {
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The port.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The recording.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The metadata of a magnet is right, and yet no torrent that can be downloaded.
    #[error("the metadata of the magnet cannot be used: {0}")]
    Metadata(TorrentError),
    /// No randomness from the system.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    /// No thread from the system.
    #[error("the system starts no threads: {}", .0.text)]
    Threads(OsError),
    /// The torrent was added before, and has not ended.
    #[error("the torrent {0} is under way already")]
    UnderWay(InfoHash),
    /// Another torrent under way writes a file of this one.
    #[error("{name} is refused: it would write {}, as {other} does", .path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
        /// What is refused.
        name: String,
        /// What writes it.
        other: String,
    },
    /// Nowhere to keep resume files.
    #[error("neither XDG_STATE_HOME nor HOME is set: there is nowhere to remember what was downloaded")]
    NoStateFolder,
    /// The user ended it first.
    #[error("it was ended before everything was here")]
    Ended,
    /// A task of ours ended as it never should.
    #[error("an internal error ended the download; what was verified is kept")]
    Internal,
}

impl EngineError {
    /// The exit status it is worth: 1 where the user ended it, 2 for what the user asked for, 3 for this machine.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Storage(error) => error.exit_status(),
            Self::Recording(error) => error.exit_status(),
            Self::Ended => 1,
            Self::Metadata(_) | Self::UnderWay(_) | Self::SameFile { .. } => 2,
            Self::Listen(_) | Self::Random(_) | Self::Threads(_) | Self::NoStateFolder | Self::Internal => 3,
        }
    }
}

/// A download under way. Dropping it ends it at once, without goodbye; [`Download::stop`] does it properly.
///
/// ```no_run
/// use ttui::engine::{Download, Options};
/// use ttui::metainfo::Torrent;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let torrent = Torrent::from_file("debian.iso.torrent")?;
/// let mut download = Download::start(torrent, Options::default())?;
/// download.completed().await?;
/// println!("{} bytes are here", download.view().have_bytes);
/// download.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Download {
    torrent: TorrentHandle,
    /// Ends with it.
    session: Session,
}

impl Download {
    /// Begins: listens, and looks at what is on disk. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When no port can be listened on, there is nowhere to keep resume files, or the recording cannot be made.
    pub fn start(wanted: impl Into<Wanted>, options: Options) -> Result<Self, EngineError> {
        let (of_session, of_torrent) = options.parts();
        let session = Session::start(of_session)?;
        let torrent = session.add(wanted, of_torrent)?;
        session.takes_no_more();
        torrent.watch();
        Ok(Self { torrent, session })
    }

    /// Its torrent, for those who hold several.
    pub fn torrent(&self) -> TorrentHandle {
        self.torrent.clone()
    }

    /// What is known now.
    pub fn view(&self) -> Arc<View> {
        self.torrent.view()
    }

    /// What is known, whenever it changes: four times a second, and at once after a command.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.torrent.views()
    }

    /// Asks for something.
    pub fn send(&self, command: Command) {
        self.torrent.send(command);
    }

    /// Where commands go, for callers that send many.
    pub fn commands(&self) -> mpsc::UnboundedSender<Command> {
        self.torrent.commands()
    }

    /// Waits until everything is here and good.
    ///
    /// # Errors
    ///
    /// What ended the download before, be it the user.
    pub async fn completed(&mut self) -> Result<(), EngineError> {
        self.torrent.completed().await
    }

    /// Waits for the end, whatever brings it about.
    ///
    /// # Errors
    ///
    /// What brought it about, if not the user.
    pub async fn ended(&mut self) -> Result<(), EngineError> {
        self.torrent.ended().await
    }

    /// Says goodbye to peers and brings to disk what is in memory, within two seconds; then waits up to five more for
    /// trackers to hear that we are gone. [`Command::Quit`], sent once more, ends that.
    ///
    /// # Errors
    ///
    /// What could not be saved.
    pub async fn stop(mut self) -> Result<(), EngineError> {
        self.send(Command::Quit);
        let ended = self.ended().await;
        self.session.farewell().await;
        ended
    }
}
