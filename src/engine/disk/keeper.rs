//! Makes sure that the disk has what was written, and remembers it, on the threads that do so for all torrents.
//!
//! Nobody waits for these threads: neither the download, nor its completion, nor, unless told to, the end.

mod placing;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::alarm::Wakes;
use super::syncers::{Syncers, Turns};
use super::{DiskDone, DiskPool};
use crate::engine::clock::Clock;
use crate::engine::mailbox;
use crate::metainfo::{Bitfield, PieceIndex, Torrent};
use crate::storage::{
    self, Check, DirtySet, Journal, JournalFile, OnDisk, Record, ResumeFile, Storage, StorageError, Verdicts,
};

/// What changes without a piece being written is saved this much later.
const NOTES_WAIT: Duration = Duration::from_secs(300);
/// A save that failed is tried again after this, and one that got no thread.
const RETRY_WAIT: Duration = Duration::from_secs(30);

/// Blocks of unfinished pieces are named this long after they were written: many at once, and none of those whose piece
/// is finished by then.
const NAME_WAIT: Duration = Duration::from_millis(400);

/// What is remembered beside the pieces.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notes {
    /// Whether the user paused the torrent.
    pub paused: bool,
    /// Payload sent to peers in all runs, bytes.
    pub uploaded_bytes: u64,
    /// Payload received from peers in all runs, bytes.
    pub downloaded_bytes: u64,
    /// Peers that are live.
    pub peers: Vec<SocketAddr>,
}

/// Knows which pieces are written and which are synced, syncs them when it is time, and saves the resume file.
#[derive(Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    storage: Arc<Storage>,
    resume: ResumeFile,
    journal: JournalFile,
    /// Held from taking what the journal is to say until it is written: the last must not overtake what was taken before.
    naming: Mutex<()>,
    /// Held from taking what the record is to say until it is saved, for the same reason.
    saving: Mutex<()>,
    /// Held while files change their places.
    placing: Mutex<()>,
    clock: Clock,
    syncers: Syncers,
    state: Mutex<State>,
    done: mailbox::UnboundedSender<DiskDone>,
}

#[derive(Debug)]
struct State {
    dirty: DirtySet,
    /// Everything but the pieces is right in it.
    record: Record,
    unfinished: Journal,
    save_at: Option<Duration>,
    /// When blocks are named that were written.
    name_at: Option<Duration>,
    /// When it is woken to see what is due.
    wakes_at: Option<Duration>,
    /// It has its turn, or waits for it.
    works: bool,
    /// There was no thread: nothing is due before this.
    refused_until: Duration,
    ended: bool,
}

/// What the runs before left.
#[derive(Debug)]
pub struct Remembered {
    /// Where it stands.
    pub resume: ResumeFile,
    /// The pieces.
    pub record: Record,
    /// Where blocks of unfinished pieces stand.
    pub journal: JournalFile,
    /// Those blocks.
    pub unfinished: Journal,
}

impl State {
    /// When there is something to do.
    fn due(&self) -> Option<Duration> {
        let due = [self.dirty.deadline(), self.save_at, self.name_at].into_iter().flatten().min();
        due.filter(|_| !self.ended).map(|due| due.max(self.refused_until))
    }

    fn record(&self) -> Record {
        Record {
            synced: self.dirty.synced().clone(),
            unsynced: self.dirty.unsynced().clone(),
            ..self.record.clone()
        }
    }
}

impl Keeper {
    /// Begins with what was found at the start of the download. What is written is synced `sync_after` later at the
    /// latest. Trouble is reported to `done`.
    pub fn start(
        storage: Arc<Storage>,
        remembered: Remembered,
        (clock, syncers): (Clock, Syncers),
        sync_after: Duration,
        done: mailbox::UnboundedSender<DiskDone>,
    ) -> Arc<Self> {
        let geometry = storage.torrent().geometry;
        let Remembered { resume, record, journal, unfinished } = remembered;
        let (synced, unsynced) = (record.synced.clone(), record.unsynced.clone());
        let dirty = DirtySet::new(geometry, synced, unsynced, clock.now(), sync_after);
        let state = State {
            dirty,
            record,
            unfinished,
            save_at: None,
            name_at: None,
            wakes_at: None,
            works: false,
            refused_until: Duration::ZERO,
            ended: false,
        };
        let shared = Arc::new(Shared {
            storage,
            resume,
            journal,
            naming: Mutex::default(),
            saving: Mutex::default(),
            placing: Mutex::default(),
            clock,
            syncers,
            state: Mutex::new(state),
            done,
        });
        shared.rouse();
        Arc::new(Self { shared })
    }

    /// What it keeps.
    pub fn torrent(&self) -> &Arc<Torrent> {
        self.shared.storage.torrent()
    }

    /// Has the hashes of the pieces in memory.
    ///
    /// # Errors
    /// Those of [`Storage::hashes`].
    pub fn read_hashes(&self) -> Result<(), StorageError> {
        self.shared.storage.hashes().map(drop)
    }

    /// Makes ready to write what is missing from `have` and wanted: files at their places, room on the disk, files and
    /// folders, and a record that says that writing began. Called before the first write, and again when a full disk got room. Blocks.
    ///
    /// # Errors
    /// See [`Storage::prepare`]; or the record cannot be saved. Nothing may be written then.
    pub fn prepare(&self, have: &Bitfield) -> Result<(), StorageError> {
        self.prepare_telling(have, &|_, _| {})
    }

    /// The same, telling now and then how many files are ready, of how many.
    ///
    /// # Errors
    /// Those of [`Self::prepare`].
    pub fn prepare_telling(&self, have: &Bitfield, told: &dyn Fn(u32, u32)) -> Result<(), StorageError> {
        self.place()?;
        let choice = self.shared.lock().record.choice.clone();
        let settled = choice.settled(self.torrent(), have);
        let files = self.shared.storage.prepare_telling(&settled, told)?;
        if settled.is_full() {
            return Ok(());
        }
        let _alone = self.shared.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.shared.lock();
        state.record.clean = false;
        self.shared.storage.describe(&files, &mut state.record)?;
        let record = self.shared.record(&state);
        state.unfinished.renew();
        drop(state);
        self.shared.resume.save(&record)?;
        self.shared.write_journal()
    }

    /// Where the torrent's files are: everything of it lies at or below this.
    pub fn path(&self) -> PathBuf {
        let storage = &self.shared.storage;
        storage.output_dir().join(&storage.torrent().name)
    }

    /// A piece was verified and written. Returns whether it was the last that was missing.
    pub fn written(&self, piece: PieceIndex) -> bool {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let before = state.dirty.deadline();
        state.dirty.written(piece, now);
        state.unfinished.forget(piece);
        state.record.clean = false;
        let sooner = state.dirty.deadline() != before;
        let pieces = self.shared.storage.torrent().geometry.piece_count();
        let complete = state.dirty.count() == pieces;
        drop(state);
        if sooner {
            self.shared.rouse();
        }
        complete
    }

    /// Blocks of this piece are about to be written, and do not end it. Blocks for as long as it takes to write that down,
    /// once for each piece.
    pub fn begins(&self, piece: PieceIndex) {
        if self.shared.lock().unfinished.begin(piece) {
            self.shared.name();
        }
    }

    /// These blocks of an unfinished piece were written to their places.
    pub fn spilled(&self, piece: PieceIndex, blocks: &[OnDisk]) {
        self.name(|unfinished| unfinished.name(piece, blocks));
    }

    /// These blocks of an unfinished piece were hashed and written.
    pub fn advanced(&self, piece: PieceIndex, blocks: Range<u32>) {
        self.name(|unfinished| unfinished.name_hashed(piece, blocks));
    }

    fn name(&self, name: impl FnOnce(&mut Journal)) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        name(&mut state.unfinished);
        state.record.clean = false;
        let before = state.dirty.deadline();
        state.dirty.begun(now);
        let sooner = state.dirty.deadline() != before || state.name_at.is_none();
        state.name_at.get_or_insert(now + NAME_WAIT);
        drop(state);
        if sooner {
            self.shared.rouse();
        }
    }

    /// What was written of an unfinished piece means nothing any more.
    pub fn given_up(&self, piece: PieceIndex) {
        let mut state = self.shared.lock();
        state.unfinished.forget(piece);
        if state.unfinished.has_news() && state.name_at.is_none() {
            state.name_at = Some(self.shared.clock.now() + NAME_WAIT);
            drop(state);
            self.shared.rouse();
        }
    }

    /// These pieces that were here turned out to be wrong. That is saved at once.
    pub fn lost(&self, pieces: &[PieceIndex]) {
        let mut state = self.shared.lock();
        pieces.iter().for_each(|piece| state.dirty.lost(*piece));
        state.record.clean = false;
        state.save_at = Some(self.shared.clock.now());
        drop(state);
        self.shared.rouse();
    }

    /// Hashes these pieces as they stand on the disk now. Blocks for as long as that takes, or until `cancel` is set.
    ///
    /// # Errors
    /// Something is in the way of a file, or the system refuses to open or read it.
    pub fn recheck(
        &self,
        pieces: &Bitfield,
        progress: &(dyn Fn(u32, u32) + Sync),
        cancel: &AtomicBool,
    ) -> Result<Verdicts, StorageError> {
        let storage = &self.shared.storage;
        let found = storage.renew()?;
        storage::check(
            storage,
            &found,
            &Check { pieces, threads: DiskPool::workers_here(), progress, cancel },
        )
    }

    /// Remembers these with the next save: soon when the pause changed, else within minutes.
    pub fn note(&self, notes: Notes) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let record = &mut state.record;
        let at_once = record.paused != notes.paused;
        record.paused = notes.paused;
        record.uploaded_bytes = notes.uploaded_bytes;
        record.downloaded_bytes = notes.downloaded_bytes;
        record.peers = notes.peers;
        let due = if at_once { now } else { now + NOTES_WAIT };
        state.save_at = Some(state.save_at.map_or(due, |at| at.min(due)));
        drop(state);
        if at_once {
            self.shared.rouse();
        }
    }

    /// Saves the record for the last time, as that of a run that ended cleanly. To be called when nothing writes
    /// any more. With `sync` it waits until the disk has everything; without, for no disk. Blocks.
    ///
    /// # Errors
    /// The sync or the save fails; what is remembered then is what was saved before.
    pub fn finish(&self, sync: bool) -> Result<(), StorageError> {
        let shared = &self.shared;
        shared.lock().ended = true;
        // What is being moved is moved, or stays where it is.
        let _placed = shared.placing.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = if sync { shared.sync() } else { Ok(()) };
        let files = shared.storage.survey();
        let mut state = shared.lock();
        if let Ok(files) = files
            && shared.storage.describe(&files, &mut state.record).is_ok()
        {
            state.record.clean = true;
        }
        let record = shared.record(&state);
        drop(state);
        let named = shared.end_journal();
        shared.resume.save_last(&record, sync)?;
        synced.and(named)
    }
}

impl Wakes for Shared {
    fn wake(self: Arc<Self>) {
        let mut state = self.lock();
        let now = self.clock.now();
        // It may have been woken sooner since, and wait for another time now.
        if state.wakes_at.is_none_or(|at| at > now) {
            return;
        }
        state.wakes_at = None;
        match state.due().filter(|_| !state.works) {
            Some(due) if due <= now => state.works = true,
            // What was due was done by others.
            Some(due) => return self.wait_for(state, due),
            None => return,
        }
        drop(state);
        let this: Arc<dyn Turns> = Arc::clone(&self) as Arc<dyn Turns>;
        if let Err(error) = self.syncers.give_turn(&this) {
            self.without_a_thread(&error);
            let mut state = self.lock();
            (state.works, state.refused_until) = (false, now + RETRY_WAIT);
            drop(state);
            self.rouse();
        }
    }
}

impl Turns for Shared {
    fn disk(&self) -> u64 {
        self.storage.disk()
    }

    fn is_quick(&self) -> bool {
        let (state, now) = (self.lock(), self.clock.now());
        [state.dirty.deadline(), state.save_at].into_iter().flatten().all(|at| at > now)
    }

    fn take_turn(self: Arc<Self>) {
        let now = self.clock.now();
        let (sync_at, save_at, ended) = {
            let state = self.lock();
            (state.dirty.deadline(), state.save_at, state.ended)
        };
        let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        if !ended {
            self.name();
            if is_due(sync_at)
                && let Err(error) = self.sync()
            {
                let lost = error.loses_data();
                self.report(if lost { DiskDone::Unsynced(error) } else { DiskDone::Trouble(error) });
            }
            if is_due(sync_at) || is_due(save_at) {
                self.save();
            }
        }
        self.lock().works = false;
        self.rouse();
    }

    fn panicked(&self) {
        self.report(DiskDone::Panicked);
    }
}

#[cfg(test)]
impl Keeper {
    /// Has its turn, as on a thread that syncs.
    pub(super) fn take_turn(&self) {
        Arc::clone(&self.shared).take_turn();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered now. After a file was disturbed nothing is trusted: all of it is hashed at the next start.
    fn record(&self, state: &State) -> Record {
        let mut record = state.record();
        for (number, stamp) in record.files.iter_mut().enumerate() {
            // Files come to be while the download goes on.
            if let Some(inode) = self.storage.inode_of(number) {
                stamp.get_or_insert_default().inode = inode;
            }
        }
        if self.storage.is_disturbed() {
            let geometry = self.storage.torrent().geometry;
            let synced = std::mem::replace(&mut record.synced, Bitfield::empty(geometry.piece_count()));
            synced.numbers().filter_map(|number| geometry.piece(number)).for_each(|piece| {
                record.unsynced.set(piece);
            });
            record.clean = false;
        }
        record
    }

    /// Something is to be done, now or later.
    fn rouse(self: &Arc<Self>) {
        let state = self.lock();
        if let Some(due) = state.due().filter(|_| !state.works) {
            self.wait_for(state, due);
        }
    }

    /// Has it woken when it is time.
    fn wait_for(self: &Arc<Self>, mut state: MutexGuard<'_, State>, due: Duration) {
        if state.wakes_at.is_some_and(|at| at <= due) {
            return;
        }
        state.wakes_at = Some(due);
        drop(state);
        let this: Arc<dyn Wakes> = Arc::clone(self) as Arc<dyn Wakes>;
        if let Err(error) = self.syncers.wake(due, Arc::downgrade(&this)) {
            self.lock().wakes_at = None;
            self.without_a_thread(&error);
        }
    }

    /// Without it nothing is synced before the end; the download itself can go on.
    fn without_a_thread(&self, error: &std::io::Error) {
        let path = self.resume.path();
        self.report(DiskDone::Trouble(StorageError::io(path, storage::Operation::Sync, error)));
    }

    fn sync(&self) -> Result<(), StorageError> {
        let (pieces, (begun, namings)) = {
            let mut state = self.lock();
            (state.dirty.begin(), state.unfinished.sync_begins())
        };
        let synced = self.storage.sync(&[&pieces[..], &begun].concat());
        let mut state = self.lock();
        state.dirty.end(&pieces, synced.is_ok(), self.clock.now());
        if begun.is_empty() {
            return synced;
        }
        if synced.is_ok() {
            state.unfinished.sync_ended(namings);
        }
        drop(state);
        synced?;
        // The blocks first, then their names: what the disk knows by name it has.
        self.write_journal()?;
        self.journal.sync()
    }

    /// Names what was written.
    fn name(&self) {
        if let Err(error) = self.write_journal() {
            self.lock().name_at = Some(self.clock.now() + RETRY_WAIT);
            self.report(DiskDone::Trouble(error));
        }
    }

    /// Names what was written, for the last time.
    fn end_journal(&self) -> Result<(), StorageError> {
        let _alone = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.lock().unfinished.take_last();
        self.journal.end(last.as_ref())
    }

    fn write_journal(&self) -> Result<(), StorageError> {
        let _alone = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = {
            let mut state = self.lock();
            state.name_at = None;
            state.unfinished.take()
        };
        let Some(batch) = batch else { return Ok(()) };
        self.journal.write(&batch).inspect_err(|_| self.lock().unfinished.failed())
    }

    fn save(&self) {
        let _alone = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.lock();
        state.save_at = None;
        let record = self.record(&state);
        drop(state);
        if let Err(error) = self.resume.save(&record) {
            self.lock().save_at = Some(self.clock.now() + RETRY_WAIT);
            self.report(DiskDone::Trouble(error));
        }
    }

    fn report(&self, done: DiskDone) {
        // The torrent may have ended already.
        let _ = self.done.send(done);
    }
}
