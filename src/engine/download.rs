//! One torrent from start to end, as a program holds it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};

use super::clock::Clock;
use super::disk::{DiskPool, Keeper, Remembered};
use super::event_sink::{EventSink, Recording};
use super::listen::{ListenError, Listener};
use super::peer::IDLE_AFTER;
use super::recorder::RecordingError;
use super::torrent::{self, Blocks, Parts, Store};
use super::tracker;
use crate::command::Command;
use crate::event::{At, Event, OsError, Phase, Severity, Source};
use crate::ledger::{FileFacts, TorrentFacts, View};
use crate::metainfo::{Bitfield, PeerId, PieceIndex, Torrent};
use crate::storage::{self, DirtySet, OnDisk, Start, Started, StorageError, state_dir};
use crate::swarm::{self, EncryptionPolicy, Swarm, UploadSlots};
use crate::text;
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
    pub fn start(torrent: Torrent, options: Options) -> Result<Self, EngineError> {
        let listener =
            if options.loopback { Listener::bind_loopback() } else { Listener::bind(options.port) }?;
        let env = || state_dir(std::env::var_os("XDG_STATE_HOME"), std::env::var_os(storage::HOME));
        let state = options.state.clone().or_else(env).ok_or(EngineError::NoStateFolder)?;
        let seed = random_seed()?;
        let clock = Clock::start();
        let ours =
            Handshake { reserved: Reserved::OURS, info_hash: torrent.info_hash, peer_id: PeerId::ours(seed) };
        let facts = facts(&torrent, &options.output, ours.peer_id);
        let mut event_sink = EventSink::begin(facts, options.max_rows, &options.recording, random_seed()?)?;
        let view = event_sink.view(clock.now());
        let (views_to, views) = watch::channel(view);
        let (commands, wishes) = mpsc::unbounded_channel();
        let cancel = Arc::new(AtomicBool::new(false));
        let start_up = StartUp {
            clock,
            torrent: Arc::new(torrent),
            options,
            state,
            seed,
            ours,
            event_sink,
            views: views_to,
            cancel: Arc::clone(&cancel),
        };
        let task = tokio::spawn(Box::pin(start_up.live(listener, wishes)));
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

fn from_join(_: &JoinError) -> EngineError {
    EngineError::Internal
}

pub(super) fn random_seed() -> Result<u64, EngineError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| EngineError::Random(error.to_string()))?;
    Ok(u64::from_le_bytes(bytes))
}

/// What does not change, for the ledger.
pub(super) fn facts(torrent: &Torrent, output: &Path, peer_id: PeerId) -> TorrentFacts {
    let shown = |path: &str| text::clean(path, 4096);
    let files = torrent.files.iter().filter(|file| !file.pad);
    TorrentFacts {
        name: shown(&torrent.name),
        info_hash: torrent.info_hash,
        geometry: torrent.geometry,
        private: torrent.private,
        files: files
            .map(|file| FileFacts {
                path: shown(file.path.as_str()),
                offset_bytes: file.offset,
                length_bytes: file.length,
            })
            .collect(),
        output: output.to_owned(),
        peer_id: peer_id.printable(),
    }
}

/// A download before its task: what is on disk has to be known first.
struct StartUp {
    clock: Clock,
    torrent: Arc<Torrent>,
    options: Options,
    state: PathBuf,
    seed: u64,
    ours: Handshake,
    event_sink: EventSink,
    views: watch::Sender<Arc<View>>,
    cancel: Arc<AtomicBool>,
}

impl StartUp {
    async fn live(
        mut self,
        listener: Listener,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Result<(), EngineError> {
        let started = match self.look_at_disk().await {
            Ok(started) if started.finished => started,
            Ok(_) => {
                self.event_sink.end(self.clock.now()).await;
                return Ok(());
            }
            Err(error) => {
                self.event_sink.abandon();
                return Err(error);
            }
        };
        let now = self.clock.now();
        let port = listener.port();
        self.emit(now, &Event::Listening { port });
        for text in &started.notes {
            self.emit(now, &Event::Note { severity: Severity::Warn, text: text.clone(), answer: false });
        }
        let Started { storage, resume, record, have, journal, unfinished, .. } = started;
        let kept: Vec<_> = unfinished.blocks().collect();
        let (paused, peers) = (record.paused, record.peers.clone());
        let (inbox, outlets) = torrent::open(commands);
        let keeper = Keeper::start(
            Arc::clone(&storage),
            Remembered { resume, record, journal, unfinished },
            self.clock,
            self.options.sync_after,
            outlets.disk.clone(),
        );
        let (progress_to, progress) = watch::channel((0, 0));
        let preparing = {
            let (keeper, have) = (Arc::clone(&keeper), have.clone());
            tokio::task::spawn_blocking(move || {
                keeper.prepare_telling(&have, &|done, of| _ = progress_to.send_replace((done, of)))
            })
        };
        self.follow(progress, |done, of| Event::Preparing { done, of }).await;
        let prepared = preparing.await;
        let now = self.clock.now();
        // A disk without room for the torrent says so before the first byte is fetched, and is asked again when
        // the user says so. Whatever else is wrong with it would only get worse.
        let stopped = match prepared.map_err(|error| from_join(&error))? {
            Ok(()) => None,
            Err(error) if error.is_disk_full() => Some(error.to_string()),
            Err(error) => {
                self.event_sink.abandon();
                return Err(error.into());
            }
        };
        let workers = DiskPool::workers_here();
        let (heard, done) = (Some(Arc::clone(&keeper)), outlets.disk.clone());
        let disk = DiskPool::start(storage, heard, workers, self.clock, done);
        let swarm = self.swarm(now, have, &kept, paused, stopped, &peers);
        let store = Store::new(now, self.torrent.geometry, disk, keeper, kept, self.options.sync);
        let parts = Parts {
            clock: self.clock,
            ours: self.ours,
            encryption: self.options.encryption,
            seed: self.seed,
            up_bps: self.options.up_bps,
            idle_after: self.options.idle_after,
            tracker: self.options.tracker,
            event_sink: self.event_sink,
            views: self.views,
            blocks: Blocks::Kept(Box::new(store)),
            swarm,
        };
        Box::pin(torrent::run(parts, listener, inbox, outlets)).await.map(|_| ())
    }

    /// Checks what is on disk on threads of its own, telling how far it has come.
    async fn look_at_disk(&mut self) -> Result<Started, EngineError> {
        let (progress_to, progress) = watch::channel((0, 0));
        let job = {
            let (torrent, options) = (Arc::clone(&self.torrent), self.options.clone());
            let (state, cancel) = (self.state.clone(), Arc::clone(&self.cancel));
            tokio::task::spawn_blocking(move || {
                storage::start(Start {
                    torrent,
                    output_dir: &options.output,
                    state_dir: &state,
                    options: storage::Options { overwrite: options.overwrite, ..storage::Options::default() },
                    threads: DiskPool::workers_here(),
                    progress: &|done, of| {
                        progress_to.send_replace((done, of));
                    },
                    cancel: &cancel,
                })
            })
        };
        self.follow(progress, |done, of| Event::Checked { done, of }).await;
        Ok(job.await.map_err(|error| from_join(&error))??)
    }

    /// Tells how far something has come, until nobody says so any more.
    async fn follow(&mut self, mut progress: watch::Receiver<(u32, u32)>, event: fn(u32, u32) -> Event) {
        while progress.changed().await.is_ok() {
            let (done, of) = *progress.borrow_and_update();
            let now = self.clock.now();
            self.emit(now, &event(done, of));
            self.event_sink.tick(now);
            self.views.send_replace(self.event_sink.view(now));
            // Often enough for a person to see it move; the end is not waited for.
            let pause = Duration::from_millis(50);
            let _ = tokio::time::timeout(pause, progress.wait_for(|_| false)).await;
        }
    }

    fn swarm(
        &self,
        now: At,
        have: Bitfield,
        kept: &[(PieceIndex, OnDisk)],
        paused: bool,
        stopped: Option<String>,
        last_peers: &[SocketAddr],
    ) -> Swarm {
        let settings = swarm::Settings {
            max_peers: self.options.max_peers,
            dial_pacer: swarm::DialPacer::new(self.options.dials_per_second),
            max_rows: self.options.max_rows,
            down_bps: self.options.down_bps,
            up_bps: self.options.up_bps,
            upload_slots: self.options.upload_slots,
            encryption: self.options.encryption,
            info_hash: self.torrent.info_hash,
            private: self.torrent.private,
            pex: self.options.pex,
            trackers: self.torrent.trackers.clone(),
            peer_id: self.ours.peer_id,
            seed: self.seed,
            paused,
            stopped,
            kept: kept
                .iter()
                .filter_map(|(piece, block)| self.torrent.geometry.block(*piece, block.number))
                .collect(),
            ..swarm::Settings::default()
        };
        let mut swarm = Swarm::new(now, self.torrent.geometry, have, settings);
        let named = self.options.peers.iter().map(|addr| (*addr, Source::Manual));
        let remembered = last_peers.iter().map(|addr| (*addr, Source::Resume));
        for (addr, source) in named.chain(remembered) {
            swarm.handle(now, swarm::Input::Learned { addr, source });
        }
        swarm
    }

    fn emit(&mut self, now: At, event: &Event) {
        self.event_sink.emit(now, event);
    }
}
