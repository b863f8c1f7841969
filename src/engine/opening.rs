//! A torrent's place on the disk is opened: what is there is looked at, which says what to ask for, and made ready for
//! writing. That may take long (files are created, and the disk has to have the record that says that writing began), so
//! blocks are asked for meanwhile, and those that come wait in memory until they may be written.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, spawn_blocking};

use super::EngineError;
use super::clock::Clock;
use super::disk::{DiskDone, DiskPool, HeldWrites, Keeper, Remembered};
use super::file_wishes::FileWishes;
use super::mailbox;
use super::torrent::Store;
use crate::event::{Event, Severity};
use crate::ledger::Before;
use crate::metainfo::{Bitfield, Torrent};
use crate::storage::{self, Start, Started, StorageError};
use crate::swarm::Known;

/// How long nothing follows on a word of how far it is: often enough for a person to see it move.
const TOLD_EVERY: Duration = Duration::from_millis(50);

/// What is opened, and how.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    /// The folder the files go to.
    pub(super) output: PathBuf,
    /// The folder of resume files.
    pub(super) state: PathBuf,
    /// Which files are wanted, as far as anybody said so.
    pub(super) files: FileWishes,
    /// It waits until the user has it go on, also where an earlier run did not.
    pub(super) paused: bool,
    /// For how long the runs before seeded it.
    pub(super) seeded: Duration,
    /// How its files are opened.
    pub(super) storage: storage::Options,
    /// Leave only when the disk has everything.
    pub(super) sync: bool,
    /// What is written is brought to the disk this much later at the latest.
    pub(super) sync_after: Duration,
    /// The threads of all torrents that hash, write and read.
    pub(super) disk: DiskPool,
    /// Turns to look at what is on the disk.
    pub(super) looks: Arc<Semaphore>,
    /// The run's clock.
    pub(super) clock: Clock,
    /// Set to end it early.
    pub(super) cancel: Arc<AtomicBool>,
}

/// What is told of it.
pub(super) enum Told {
    /// Something was learned.
    Event(Event),
    /// It is known what is there; `None`: it was ended early.
    Done(Result<Option<Box<Opened>>, EngineError>),
    /// What comes can be written from now on, and is; or the disk refuses.
    Prepared(Result<(), StorageError>),
}

/// A torrent of which it is known what to ask for.
pub(super) struct Opened {
    /// What the decisions are to know of it.
    pub(super) known: Known,
    /// Where blocks go.
    pub(super) store: Box<Store>,
    /// What is still to be done before anything can be written, where that waits until the user has it go on.
    pub(super) unprepared: Option<Unprepared>,
    /// What the runs before came to.
    pub(super) before: Before,
    /// Peers that were live when it ended.
    pub(super) peers: Vec<std::net::SocketAddr>,
}

impl Opening {
    /// Opens the torrent, and tells of it until it is done. What is written is told to `disk`.
    pub(super) async fn open(
        self,
        torrent: Arc<Torrent>,
        disk: mailbox::UnboundedSender<DiskDone>,
        told: mailbox::UnboundedSender<Told>,
    ) {
        let mut opened = self.opened(torrent, disk, &told).await;
        // What is paused begins when the user says so, and which files it creates may be chosen before.
        let goes_on = |opened: &&mut Box<Opened>| !opened.known.paused && opened.known.unmatched.is_none();
        let mut unprepared = match &mut opened {
            Ok(Some(opened)) => Some(opened).filter(goes_on).and_then(|opened| opened.unprepared.take()),
            _ => None,
        };
        // Where nothing has to be asked for, what is still to be made comes first: the run may end at once.
        let first = unprepared.take_if(|unprepared| unprepared.is_all_here);
        let first = prepared(first, &told).await;
        // Nobody listens only when the run is over.
        let _ = told.send(Told::Done(opened));
        if let Some(prepared) = first.or(prepared(unprepared, &told).await) {
            let _ = told.send(Told::Prepared(prepared));
        }
    }

    async fn opened(
        self,
        torrent: Arc<Torrent>,
        disk: mailbox::UnboundedSender<DiskDone>,
        told: &mailbox::UnboundedSender<Told>,
    ) -> Result<Option<Box<Opened>>, EngineError> {
        let started = self.look(&torrent, told).await?;
        if !started.finished {
            return Ok(None);
        }
        let Started { storage, resume, record, have, journal, unfinished, no_room, notes, is_known, .. } =
            started;
        for text in notes {
            let note = Event::Note { severity: Severity::Warn, text, answer: false };
            let _ = told.send(Told::Event(note));
        }
        let kept: Vec<_> = unfinished.blocks().collect();
        let (paused, peers, choice) = (record.paused, record.peers.clone(), record.choice.clone());
        let before = Before {
            downloaded_bytes: record.downloaded_bytes,
            uploaded_bytes: record.uploaded_bytes,
            seeded: self.seeded,
        };
        let keeper = Keeper::start(
            Arc::clone(&storage),
            Remembered { resume, record, journal, unfinished },
            (self.clock, self.disk.syncers()),
            self.sync_after,
            disk.clone(),
        );
        let pool = self.disk.open(storage, Some(Arc::clone(&keeper)), disk);
        // A disk without room for the torrent says so before the first byte is fetched, and is asked again when the
        // user says so.
        let unprepared = no_room.is_none().then(|| Unprepared {
            keeper: Arc::clone(&keeper),
            have: have.clone(),
            is_all_here: choice.settled(&torrent, &have).is_full(),
            writes: pool.hold_writes(),
        });
        let stopped = no_room.map(|error| error.to_string());
        let geometry = torrent.geometry;
        let blocks = kept.iter().filter_map(|(piece, block)| geometry.block(*piece, block.number)).collect();
        let choice = Arc::new(choice);
        let known = Known {
            private: torrent.private,
            web_seeds: torrent.web_seeds.clone(),
            paused: self.paused || paused,
            unmatched: self
                .files
                .unmatched(&torrent, is_known)
                .map(|lost| format!("{lost}; choose on 5, p starts")),
            kept: blocks,
            stopped,
            pieces: choice.of_pieces(&torrent.files, geometry),
            choice,
            geometry,
            have,
        };
        let store = Box::new(Store::new(self.clock.now(), geometry, pool, keeper, kept, self.sync));
        Ok(Some(Box::new(Opened { known, store, unprepared, before, peers })))
    }

    /// Checks what is on disk on threads of its own.
    async fn look(
        &self,
        torrent: &Arc<Torrent>,
        told: &mailbox::UnboundedSender<Told>,
    ) -> Result<Started, EngineError> {
        // Closed by nobody.
        let _turn = self.looks.acquire().await.ok();
        let (torrent, opening) = (Arc::clone(torrent), self.clone());
        let looked = following(
            told,
            |done, of| Event::Checked { done, of },
            move |tell| {
                let torrent_of = Arc::clone(&torrent);
                storage::start(Start {
                    torrent,
                    output_dir: &opening.output,
                    state_dir: &opening.state,
                    options: opening.storage,
                    choice: &|before| Some(opening.files.choice(&torrent_of, before)),
                    threads: DiskPool::workers_here(),
                    progress: tell,
                    cancel: &opening.cancel,
                })
            },
        );
        Ok(looked.await??)
    }
}

/// A torrent to which nothing can be written yet.
pub(super) struct Unprepared {
    keeper: Arc<Keeper>,
    have: Bitfield,
    /// Nothing that is wanted is missing.
    is_all_here: bool,
    writes: HeldWrites,
}

/// Makes it ready; what waits to be written is written from then on, even if the task that asks has ended meanwhile. `None`:
/// there was nothing to do, or the thread panicked and has said so.
pub(super) async fn prepared(
    unprepared: Option<Unprepared>,
    told: &mailbox::UnboundedSender<Told>,
) -> Option<Result<(), StorageError>> {
    let Unprepared { keeper, have, is_all_here, writes } = unprepared?;
    let prepare = move |tell: &(dyn Fn(u32, u32) + Sync)| {
        // What comes is judged by the hashes.
        if !is_all_here {
            keeper.read_hashes()?;
        }
        keeper.prepare_telling(&have, tell).inspect(|()| writes.allow())
    };
    following(told, |done, of| Event::Preparing { done, of }, prepare).await.ok()
}

/// Does long work on a thread of its own, and tells how far it is.
async fn following<T: Send + 'static>(
    told: &mailbox::UnboundedSender<Told>,
    event: fn(u32, u32) -> Event,
    work: impl FnOnce(&(dyn Fn(u32, u32) + Sync)) -> T + Send + 'static,
) -> Result<T, EngineError> {
    let (progress_to, mut progress) = watch::channel((0, 0));
    let working = spawn_blocking(move || work(&|done, of| _ = progress_to.send_replace((done, of))));
    while progress.changed().await.is_ok() {
        let (done, of) = *progress.borrow_and_update();
        let _ = told.send(Told::Event(event(done, of)));
        // The end is not waited for.
        let _ = tokio::time::timeout(TOLD_EVERY, progress.wait_for(|_| false)).await;
    }
    working.await.map_err(|error| from_join(&error))
}

/// The thread panicked, and has said so.
pub(super) fn from_join(_: &JoinError) -> EngineError {
    EngineError::Internal
}
