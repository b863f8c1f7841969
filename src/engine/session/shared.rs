//! What a session and its task both hold: the torrents, and what it takes to begin one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::handle::{Running, TorrentHandle};
use super::roster::{Entry, Roster};
use super::start_up::StartUp;
use super::{Resources, SessionOptions, TorrentOptions, random_seed};
use crate::command::Command;
use crate::engine::EngineError;
use crate::engine::board::Shown;
use crate::engine::event_sink::EventSink;
use crate::engine::file_wishes::FileWishes;
use crate::engine::opening::{Opening, from_join};
use crate::engine::torrent::Asked;
use crate::engine::wanted::Wanted;
use crate::event::Queued;
use crate::metainfo::{InfoHash, NamedFiles};
use crate::storage;
use crate::swarm::queue::{self, Doing, QueueLimits};
use crate::wire::Handshake;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) resources: Arc<Resources>,
    options: SessionOptions,
    /// The folder of resume files.
    state: PathBuf,
    roster: Mutex<Roster>,
}

impl Shared {
    pub(super) fn new(resources: Arc<Resources>, options: SessionOptions, state: PathBuf) -> Arc<Self> {
        Arc::new(Self { resources, options, state, roster: Mutex::default() })
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a torrent, or begins it again after it ended.
    pub(super) fn add(
        self: &Arc<Self>,
        wanted: Wanted,
        options: TorrentOptions,
    ) -> Result<TorrentHandle, EngineError> {
        // In the order in which they are added: the first to claim a file has it.
        let mut roster = self.roster();
        let info_hash = wanted.info_hash();
        if roster.get(info_hash).is_some_and(|entry| !entry.running.is_over()) {
            return Err(EngineError::UnderWay(info_hash));
        }
        let waits = self.first_turn(&roster, &wanted);
        let entry = self.launch(wanted, options, waits, roster.seeded(info_hash))?;
        let handle = entry.handle();
        roster.put(info_hash, entry);
        Ok(handle)
    }

    /// Begins a torrent again that ended by itself.
    pub(super) fn again(self: &Arc<Self>, id: InfoHash) -> Result<(), EngineError> {
        let entry = self.roster().get(id).cloned();
        let Some(Entry { wanted, options, .. }) = entry.filter(|entry| entry.running.is_over()) else {
            return Ok(());
        };
        let handle = self.add(wanted, TorrentOptions { paused: false, ..options })?;
        // The run before may have left it paused.
        handle.send(Command::Resume);
        Ok(())
    }

    /// Asks something of every torrent.
    pub(super) fn send_all(&self, command: Command) {
        self.roster().entries().for_each(|entry| entry.running.send(command));
    }

    /// Gives turns to all torrents by what they do now. Those that rest keep what they had.
    pub(super) fn give_turns(&self) {
        let roster = self.roster();
        let doings = self.resources.board.doings(roster.order());
        let turns = queue::turns(self.options.queue, doings.iter().copied());
        for ((entry, doing), waits) in roster.entries().zip(&doings).zip(turns) {
            if *doing != Doing::Resting {
                entry.running.take_turn(waits);
            }
        }
    }

    /// Whether a torrent that is added begins at once, or when it is known what it has to do: so none begins that would
    /// have to stop at once.
    fn first_turn(&self, roster: &Roster, wanted: &Wanted) -> Option<Queued> {
        let QueueLimits { downloading, metadata, .. } = self.options.queue;
        let others = roster.order().count() as u32;
        let (most, waits) = match wanted {
            Wanted::Torrent(_) => (downloading?, Queued::Downloading { most: downloading? }),
            Wanted::Magnet(_) => (metadata?, Queued::Metadata { most: metadata? }),
        };
        (others >= most).then_some(waits)
    }

    fn launch(
        self: &Arc<Self>,
        wanted: Wanted,
        options: TorrentOptions,
        waits: Option<Queued>,
        seeded: Arc<AtomicU64>,
    ) -> Result<Entry, EngineError> {
        let resources = Arc::clone(&self.resources);
        let (linked_peers, linked) = (wanted.linked_peers(), wanted.linked_files());
        let known = if options.metadata_only { wanted.clone() } else { wanted.clone().or_kept(&self.state) };
        let info_hash = known.info_hash();
        let (clock, peer_id) = (resources.clock, resources.peer_id);
        let facts = known.facts(&options.output, peer_id);
        let mut event_sink =
            EventSink::begin(clock.now(), facts, options.max_rows, &options.recording, random_seed()?)?;
        let (shown, views) = Shown::begin(event_sink.view(clock.now()), Arc::clone(&resources.board));
        let (commands, wishes) = mpsc::unbounded_channel();
        let cancel = Arc::new(AtomicBool::new(false));
        let opening = Opening {
            output: options.output.clone(),
            state: self.state.clone(),
            files: FileWishes { named: options.files.clone(), linked, sequential: options.sequential },
            paused: options.paused,
            seeded: options.seeded + Duration::from_millis(seeded.load(Ordering::Relaxed)),
            storage: storage::Options { overwrite: options.overwrite, ..resources.storage.clone() },
            sync: options.sync,
            sync_after: options.sync_after,
            disk: resources.disk.clone(),
            looks: Arc::clone(&resources.looks),
            clock,
            cancel: Arc::clone(&cancel),
        };
        let claimed = match &known {
            Wanted::Torrent(torrent) => Some(resources.claims.claim(&options.output, torrent)),
            Wanted::Magnet(_) => None,
        };
        let start_up = Box::new(StartUp {
            opening,
            session: self.options.clone(),
            options: options.clone(),
            linked: linked_peers,
            claimed,
            seed: random_seed()?,
            ours: Handshake { reserved: resources.reserved, info_hash, peer_id },
            event_sink,
            shown,
            seeded: Arc::clone(&seeded),
            resources,
        });
        let (asked_to, asked) = watch::channel(Asked { waits, watched: false });
        let task = tokio::spawn(start_up.live(known, wishes, asked));
        let (outcome_to, outcome) = watch::channel(None);
        let running = Running {
            commands,
            asked: Arc::new(asked_to),
            clock,
            cancel,
            task: task.abort_handle(),
            outcome,
            seeded,
        };
        let resources = Arc::clone(&self.resources);
        tokio::spawn(async move {
            // A panic ends this torrent and no other.
            let outcome = task.await.unwrap_or_else(|error| Err(from_join(&error)));
            resources.claims.release(info_hash);
            resources.board.does(info_hash, Doing::Resting);
            if let Err(error) = &outcome {
                resources.board.failed(info_hash, error);
            }
            outcome_to.send_replace(Some(outcome));
        });
        // What was named counts once: from then on the run before remembers what is wanted.
        let options = TorrentOptions { files: NamedFiles::default(), sequential: false, ..options };
        Ok(Entry { wanted, options, running, views })
    }
}
