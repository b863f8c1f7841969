//! One torrent from start to end, as a program holds it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::event_sink::{EventSink, Recording};
use super::listen::{ListenError, Listener};
use super::opening::{Opened, Opening, Told, from_join};
use super::peer::IDLE_AFTER;
use super::recorder::RecordingError;
use super::torrent::{self, Awaited, Blocks, Inbox, Parts};
use super::tracker;
use super::wanted::Wanted;
use crate::command::Command;
use crate::event::{Event, OsError, Phase, Source};
use crate::ledger::View;
use crate::metainfo::{PeerId, TorrentError};
use crate::storage::{self, DirtySet, StorageError, state_dir};
use crate::swarm::{self, EncryptionPolicy, Swarm, UploadSlots};
use crate::wire::{Handshake, Reserved};

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
    /// Whether peers may name other peers, and are told of others (BEP 11).
    pub pex: bool,
    /// A connected peer that says nothing for this long is let go.
    pub idle_after: Duration,
    /// Write into files that are not ours, too.
    pub overwrite: bool,
    /// Of a magnet: save its metadata as a torrent file in the output folder, and end.
    pub metadata_only: bool,
    /// Leave only when the disk has everything.
    pub sync: bool,
    /// What is written is brought to the disk this much later at the latest.
    pub sync_after: Duration,
    /// How trackers are spoken to.
    pub tracker: tracker::Settings,
    /// What is written down of the run.
    pub recording: Recording,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            output: PathBuf::from("."),
            state: None,
            port: None,
            loopback: false,
            peers: Vec::new(),
            max_peers: swarm::Settings::default().max_peers,
            dials_per_second: swarm::DEFAULT_DIALS_PER_SECOND,
            max_rows: swarm::Settings::default().max_rows,
            down_bps: None,
            up_bps: None,
            upload_slots: UploadSlots::default(),
            encryption: EncryptionPolicy::default(),
            pex: true,
            idle_after: IDLE_AFTER,
            overwrite: false,
            metadata_only: false,
            sync: false,
            sync_after: DirtySet::LONGEST,
            tracker: tracker::Settings::default(),
            recording: Recording::default(),
        }
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
            Self::Metadata(_) => 2,
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
    views: watch::Receiver<Arc<View>>,
    commands: mpsc::UnboundedSender<Command>,
    cancel: Arc<AtomicBool>,
    task: JoinHandle<Result<(), EngineError>>,
    /// How it ended, once that is known: a task tells it only once.
    outcome: Option<Result<(), EngineError>>,
}

impl Download {
    /// Begins: listens, and looks at what is on disk. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When no port can be listened on, there is nowhere to keep resume files, or the recording cannot be made.
    pub fn start(wanted: impl Into<Wanted>, options: Options) -> Result<Self, EngineError> {
        let listener =
            if options.loopback { Listener::bind_loopback() } else { Listener::bind(options.port) }?;
        let env = || state_dir(std::env::var_os("XDG_STATE_HOME"), std::env::var_os(storage::HOME));
        let state = options.state.clone().or_else(env).ok_or(EngineError::NoStateFolder)?;
        let seed = random_seed()?;
        let clock = Clock::start();
        let wanted = wanted.into();
        let linked = wanted.linked_peers();
        let wanted = if options.metadata_only { wanted } else { wanted.or_kept(&state) };
        let info_hash = wanted.info_hash();
        let ours = Handshake { reserved: Reserved::OURS, info_hash, peer_id: PeerId::ours(seed) };
        let facts = wanted.facts(&options.output, ours.peer_id);
        let mut event_sink = EventSink::begin(facts, options.max_rows, &options.recording, random_seed()?)?;
        let view = event_sink.view(clock.now());
        let (views_to, views) = watch::channel(view);
        let (commands, wishes) = mpsc::unbounded_channel();
        let cancel = Arc::new(AtomicBool::new(false));
        let start_up = StartUp {
            opening: Opening {
                output: options.output.clone(),
                state,
                overwrite: options.overwrite,
                sync: options.sync,
                sync_after: options.sync_after,
                clock,
                cancel: Arc::clone(&cancel),
            },
            options,
            linked,
            seed,
            ours,
            event_sink,
            views: views_to,
        };
        let task = tokio::spawn(Box::pin(start_up.live(wanted, listener, wishes)));
        Ok(Self { views, commands, cancel, task, outcome: None })
    }

    /// What is known now.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.views.borrow())
    }

    /// What is known, whenever it changes: four times a second, and at once after a command.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.views.clone()
    }

    /// Asks for something.
    pub fn send(&self, command: Command) {
        if command == Command::Quit {
            self.cancel.store(true, Ordering::Relaxed);
        }
        // A download that is over takes no more wishes.
        let _ = self.commands.send(command);
    }

    /// Where commands go, for callers that send many.
    pub fn commands(&self) -> mpsc::UnboundedSender<Command> {
        self.commands.clone()
    }

    /// Waits until everything is here and good.
    ///
    /// # Errors
    ///
    /// What ended the download before, be it the user.
    pub async fn completed(&mut self) -> Result<(), EngineError> {
        loop {
            if self.views.borrow_and_update().phase == Phase::Seeding {
                return Ok(());
            }
            if self.views.changed().await.is_err() {
                return self.ended().await.and(Err(EngineError::Ended));
            }
        }
    }

    /// Waits for the end, whatever brings it about.
    ///
    /// # Errors
    ///
    /// What brought it about, if not the user.
    pub async fn ended(&mut self) -> Result<(), EngineError> {
        if let Some(outcome) = &self.outcome {
            return outcome.clone();
        }
        let outcome = (&mut self.task).await.unwrap_or_else(|error| Err(from_join(&error)));
        self.outcome = Some(outcome.clone());
        outcome
    }

    /// Says goodbye to peers and brings to disk what is in memory, within two seconds; then waits up to five more for
    /// trackers to hear that we are gone. [`Command::Quit`], sent once more, ends that.
    ///
    /// # Errors
    ///
    /// What could not be saved.
    pub async fn stop(mut self) -> Result<(), EngineError> {
        self.send(Command::Quit);
        self.ended().await
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
        self.task.abort();
    }
}

pub(super) fn random_seed() -> Result<u64, EngineError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| EngineError::Random(error.to_string()))?;
    Ok(u64::from_le_bytes(bytes))
}

/// A download before its task: of a torrent, what is on disk has to be known first.
struct StartUp {
    opening: Opening,
    options: Options,
    /// Peers that the magnet link names.
    linked: Vec<SocketAddr>,
    seed: u64,
    ours: Handshake,
    event_sink: EventSink,
    views: watch::Sender<Arc<View>>,
}

impl StartUp {
    async fn live(
        mut self,
        wanted: Wanted,
        listener: Listener,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Result<(), EngineError> {
        let (mut inbox, outlets) = torrent::open(commands);
        let now = self.opening.clock.now();
        self.event_sink.emit(now, &Event::Listening { port: listener.port() });
        let mut settings = self.settings(&wanted);
        let mut remembered = Vec::new();
        let (mut swarm, info, blocks) = match wanted {
            Wanted::Magnet(magnet) => {
                let swarm = Swarm::without_metadata(now, settings);
                (
                    swarm,
                    None,
                    Blocks::Awaited(Box::new(Awaited {
                        magnet,
                        opening: self.opening.clone(),
                        metadata_only: self.options.metadata_only,
                    })),
                )
            }
            Wanted::Torrent(torrent) => {
                let (opening, info) = (self.opening.clone(), torrent.public_info());
                tokio::spawn(opening.open(Arc::from(torrent), outlets.disk.clone(), outlets.opening.clone()));
                let Some(opened) = self.opened(&mut inbox).await? else { return Ok(()) };
                let Opened { known, store, paused, peers } = *opened;
                let now = self.opening.clock.now();
                (settings.kept, settings.stopped, settings.paused) = (known.kept, known.stopped, paused);
                let swarm = Swarm::new(now, known.geometry, known.have, settings);
                remembered = peers;
                (swarm, info, Blocks::Kept(store))
            }
        };
        let now = self.opening.clock.now();
        let by_hand = self.options.peers.iter().map(|addr| (*addr, Source::Manual));
        let remembered = remembered.into_iter().map(|addr| (addr, Source::Resume));
        let linked = self.linked.iter().map(|addr| (*addr, Source::Magnet));
        for (addr, source) in by_hand.chain(remembered).chain(linked) {
            swarm.handle(now, swarm::Input::Learned { addr, source });
        }
        let parts = Parts {
            clock: self.opening.clock,
            ours: self.ours,
            encryption: self.options.encryption,
            seed: self.seed,
            up_bps: self.options.up_bps,
            idle_after: self.options.idle_after,
            tracker: self.options.tracker,
            event_sink: self.event_sink,
            views: self.views,
            blocks,
            info,
            swarm,
        };
        Box::pin(torrent::run(parts, listener, inbox, outlets)).await.map(|_| ())
    }

    /// Waits until the torrent's place on the disk is open; `None`: it was ended early.
    async fn opened(&mut self, inbox: &mut Inbox) -> Result<Option<Box<Opened>>, EngineError> {
        loop {
            let told = inbox.opening.recv().await.unwrap_or(Told::Done(Err(EngineError::Internal)));
            let now = self.opening.clock.now();
            match told {
                Told::Event(event) => {
                    self.event_sink.emit(now, &event);
                    self.event_sink.tick(now);
                    self.views.send_replace(self.event_sink.view(now));
                }
                Told::Done(Ok(None)) => {
                    self.event_sink.end(now).await;
                    return Ok(None);
                }
                Told::Done(Err(error)) => {
                    self.event_sink.abandon();
                    return Err(error);
                }
                Told::Done(opened) => return opened,
                // It follows what is known of the disk, and goes to the torrent's task.
                Told::Prepared(_) => {}
            }
        }
    }

    fn settings(&self, wanted: &Wanted) -> swarm::Settings {
        swarm::Settings {
            max_peers: self.options.max_peers,
            dial_pacer: swarm::DialPacer::new(self.options.dials_per_second),
            max_rows: self.options.max_rows,
            down_bps: self.options.down_bps,
            up_bps: self.options.up_bps,
            upload_slots: self.options.upload_slots,
            encryption: self.options.encryption,
            info_hash: wanted.info_hash(),
            private: wanted.is_private(),
            pex: self.options.pex,
            trackers: wanted.trackers().to_vec(),
            peer_id: self.ours.peer_id,
            seed: self.seed,
            ..swarm::Settings::default()
        }
    }
}
