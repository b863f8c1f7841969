//! Blocks on their way to the disk, and what the disk says.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;

use super::super::EngineError;
use super::super::assembly::{Assembly, Ended};
use super::super::check::Hasher;
use super::super::disk::{DiskDone, Keeper, Spill, TorrentDisk, WriteJob};
use super::super::mailbox;
use super::super::opening::{Opened, Told, Unprepared, prepared};
use super::super::pool::BlockBuf;
use super::super::upload::{BlockSource, ReadFuture};
use super::super::wanted::facts;
use super::TorrentTask;
use super::awaited::Awaited;
use super::choosing::place;
use super::inbox::Rechecking;
use super::recheck::recheck;
use crate::command::Command;
use crate::event::{At, DiskSample, Event, Severity};
use crate::metainfo::{Bitfield, BlockRef, Choice, Geometry, Magnet, PieceIndex};
use crate::peer::Holdings;
use crate::storage::{OnDisk, StorageError};
use crate::swarm::{BlockDigest, Input, Settings};

/// How long what is in memory may take to the disk at the end.
const FLUSH_WITHIN: Duration = Duration::from_millis(1500);
/// How often it is told how a slow disk keeps up.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// What becomes of the blocks that come.
pub(in crate::engine) enum Blocks {
    /// They go to the disk.
    Kept(Box<Store>),
    /// They are hashed and thrown away: those of a check.
    Tried(Hasher),
    /// None come: of those that are tried, each is asked for the metadata.
    TriedMagnet(Box<Magnet>),
    /// None come before it is known what the torrent is made of.
    Awaited(Box<Awaited>),
}

/// Blocks on their way to the disk.
pub(in crate::engine) struct Store {
    disk: Arc<TorrentDisk>,
    pub(super) keeper: Arc<Keeper>,
    assembly: Assembly,
    /// Memory for what is not written.
    memory_bytes: u64,
    /// When it was last looked how much is written, and how much it was then.
    sampled: (At, u64),
    /// Whether its writes took long then.
    lags: bool,
    /// Leave only when the disk has everything.
    sync: bool,
    /// It is not made ready for writing, or could not be: what waits to be written waits in vain.
    unprepared: bool,
    /// What makes it ready once the user has it go on.
    to_prepare: Option<Unprepared>,
    /// Set to end a recheck early.
    pub(super) recheck_cancel: Arc<AtomicBool>,
}

impl Blocks {
    /// Where blocks that peers ask for are read, if anybody is served.
    pub(super) fn source(&self) -> Option<Arc<dyn BlockSource>> {
        match self {
            Self::Kept(store) => Some(Arc::clone(&store.disk) as Arc<dyn BlockSource>),
            Self::Tried(_) | Self::TriedMagnet(_) | Self::Awaited(_) => None,
        }
    }

    /// Ends the disk threads and saves the resume file. Blocks a thread of its own, not the runtime.
    pub(super) async fn finish(self) -> Result<(), EngineError> {
        let Self::Kept(store) = self else { return Ok(()) };
        let finished = tokio::task::spawn_blocking(move || {
            let Store { disk, keeper, sync, .. } = *store;
            if let Some(disk) = Arc::into_inner(disk) {
                disk.stop();
            }
            keeper.finish(sync)
        });
        match finished.await {
            Ok(saved) => saved.map_err(EngineError::Storage),
            // The thread panicked and has said so; what was verified is on disk all the same.
            Err(_) => Ok(()),
        }
    }
}

impl Store {
    /// Goes on with `kept`, blocks of unfinished pieces that the runs before left.
    pub(in crate::engine) fn new(
        now: At,
        geometry: Geometry,
        disk: TorrentDisk,
        keeper: Arc<Keeper>,
        kept: Vec<(PieceIndex, OnDisk)>,
        sync: bool,
    ) -> Self {
        let memory_bytes = Settings::default().memory_bytes;
        let mut assembly = Assembly::new(geometry, memory_bytes / 2);
        assembly.restore(kept).into_iter().for_each(|job| disk.write(job));
        Self {
            disk: Arc::new(disk),
            keeper,
            assembly,
            memory_bytes,
            sampled: (now, 0),
            lags: false,
            sync,
            unprepared: false,
            to_prepare: None,
            recheck_cancel: Arc::default(),
        }
    }

    /// Nothing is written before this is done, and that not before the user has it go on.
    pub(in crate::engine) fn waits_for(&mut self, to_prepare: Option<Unprepared>) {
        self.unprepared |= to_prepare.is_some();
        self.to_prepare = to_prepare;
    }

    /// Takes a block that was missing.
    pub(super) fn put(&mut self, now: At, block: BlockRef, bytes: BlockBuf) {
        let put = self.assembly.put(block, bytes, now);
        self.write(put.job);
        self.relieve(now);
    }

    /// This is the torrent's share of memory from now on.
    pub(super) fn set_memory(&mut self, now: At, memory_bytes: u64) {
        self.memory_bytes = memory_bytes;
        self.assembly.limit_waiting(memory_bytes / 2);
        // Where all of it waits nobody is asked for a block that would bring it about.
        self.relieve(now);
    }

    fn relieve(&mut self, now: At) {
        let spills = self.assembly.relieve(now);
        self.spill(spills);
    }

    /// Brings blocks to disk that wait for long.
    pub(super) fn spill_old(&mut self, now: At) {
        let spills = self.assembly.spills(now);
        self.spill(spills);
    }

    /// Hands over everything that waits: what is in memory must not be lost with it.
    pub(super) fn flush(&mut self) {
        let spills = self.assembly.flush();
        self.spill(spills);
    }

    fn spill(&self, spills: Vec<Spill>) {
        spills.into_iter().for_each(|spill| self.disk.spill(spill));
    }

    /// Forgets what is here of the piece; the swarm charges it no more, whatever a worker still has of it.
    pub(super) fn discard(&mut self, piece: PieceIndex) {
        let _ = self.assembly.abandon(piece);
        self.keeper.given_up(piece);
    }

    /// Reads a piece to tell what each of its blocks is.
    pub(super) fn digest(&self, piece: PieceIndex) {
        self.disk.digest(piece);
    }

    /// The disk did something: what the decisions hear of it.
    fn done(&mut self, done: DiskDone) -> Option<Input> {
        Some(match done {
            DiskDone::Advanced { piece, hasher } => {
                let ended = self.assembly.advanced(piece, hasher);
                if ended.current {
                    self.keeper.advanced(piece, ended.hashed.clone());
                }
                self.written(piece, ended)
            }
            DiskDone::Spilled { piece, blocks } => {
                let ended = self.assembly.spilled(piece, &blocks);
                if ended.current {
                    self.keeper.spilled(piece, &blocks);
                }
                self.written(piece, ended)
            }
            DiskDone::Verified { piece } => self.piece_done(piece, true, Vec::new()),
            DiskDone::Mismatch { piece, blocks } => self.piece_done(piece, false, blocks),
            DiskDone::Digested { piece, blocks } => Input::Digested { piece, blocks },
            // The disk refused: everything waits until the user says go on. What it refused is kept.
            DiskDone::Stuck { job, error } => {
                let next = self.assembly.stuck(job);
                self.write(next);
                Input::DiskFailed(error.to_string())
            }
            DiskDone::Unspilled { job, error } => {
                let next = self.assembly.unspilled(job);
                self.write(next);
                Input::DiskFailed(error.to_string())
            }
            DiskDone::Lost { job, blocks } => {
                let piece = job.piece;
                let (blocks, next) = self.assembly.lost(*job, &blocks);
                self.write(next);
                Input::BlocksLost { piece, blocks }
            }
            DiskDone::Unsynced(error) => Input::DiskFailed(error.to_string()),
            // Pieces are hashed again only by order of a later check; there is none in a running download.
            DiskDone::Checked { .. } | DiskDone::Trouble(_) | DiskDone::Panicked => return None,
        })
    }

    fn write(&self, job: Option<WriteJob>) {
        if let Some(job) = job {
            self.disk.write(job);
        }
    }

    /// Blocks of the piece were written, and the piece goes on.
    fn written(&self, piece: PieceIndex, ended: Ended) -> Input {
        self.write(ended.job);
        Input::Written { piece, bytes: ended.freed_bytes }
    }

    fn piece_done(&mut self, piece: PieceIndex, good: bool, blocks: Vec<BlockDigest>) -> Input {
        self.assembly.settled(piece);
        if !good {
            self.keeper.given_up(piece);
        }
        Input::PieceDone { piece, good, blocks }
    }

    /// Whether nothing waits in memory for the disk.
    pub(super) fn is_at_rest(&self) -> bool {
        self.assembly.held_bytes() == 0 && !self.assembly.is_writing() && !self.lags
    }

    /// How a slow disk keeps up; `None` where it is not slow. To be called every second or so.
    pub(super) fn sample(&mut self, now: At) -> Option<DiskSample> {
        if now.saturating_sub(self.sampled.0) < SAMPLE_EVERY {
            return None;
        }
        let load = self.disk.load();
        let (at, written) = std::mem::replace(&mut self.sampled, (now, load.written_bytes));
        let lagged = std::mem::replace(&mut self.lags, load.lags);
        if !load.lags && !lagged {
            return None;
        }
        let passed = now.saturating_sub(at).as_secs_f64().max(0.001);
        Some(DiskSample {
            written_bps: ((load.written_bytes - written) as f64 / passed) as u64,
            pending_bytes: load.pending_bytes,
            memory_bytes: self.memory_bytes,
            write_ms: u32::try_from(load.write_takes.as_millis()).unwrap_or(u32::MAX),
        })
    }
}

impl TorrentTask {
    /// What becomes of blocks here, where they are kept.
    pub(super) fn store(&mut self) -> Option<&mut Store> {
        match &mut self.blocks {
            Blocks::Kept(store) => Some(store),
            Blocks::Tried(_) | Blocks::TriedMagnet(_) | Blocks::Awaited(_) => None,
        }
    }

    /// Waits until everything handed over is written, and what follows from it; but not for ever.
    pub(super) async fn flushed(&mut self, done: &mut mailbox::UnboundedReceiver<DiskDone>) {
        if let Some(store) = self.store() {
            store.flush();
        }
        let written = async {
            while self.store().is_some_and(|store| store.assembly.is_writing() && !store.unprepared) {
                let Some(done) = done.recv().await else { return };
                self.disk_done(done);
            }
        };
        // A disk that does not answer has what it has.
        let _ = tokio::time::timeout(FLUSH_WITHIN, written).await;
    }

    pub(super) fn disk_done(&mut self, done: DiskDone) {
        if matches!(done, DiskDone::Panicked) {
            return self.fail(EngineError::Internal);
        }
        if let DiskDone::Trouble(error) = &done {
            let text = error.to_string();
            self.emit(self.clock.now(), &Event::Note { severity: Severity::Warn, text, answer: false });
        }
        let Some(input) = self.store().and_then(|store| store.done(done)) else { return };
        self.feed(input);
    }

    /// Has these pieces hashed as they stand on the disk.
    pub(super) fn recheck(&mut self, pieces: Bitfield) {
        // The user who asked for it sees at once that it began.
        self.emit(self.clock.now(), &Event::Checked { done: 0, of: pieces.count() });
        let Some(store) = self.store() else { return };
        let (keeper, cancel) = (Arc::clone(&store.keeper), Arc::clone(&store.recheck_cancel));
        self.tasks.spawn(recheck(keeper, pieces, cancel, self.outlets.rechecks.clone()));
    }

    /// These files are wanted from now on: they come to stand where they belong.
    pub(super) fn choose(&mut self, choice: &Choice) {
        let Some(have) = self.swarm.have().cloned() else { return };
        let Some(store) = self.store() else { return };
        store.keeper.choose(choice);
        let (keeper, begun) = (Arc::clone(&store.keeper), (!store.unprepared).then_some(have));
        self.tasks.spawn(place(keeper, begun, self.outlets.placed.clone()));
    }

    /// The disk is ready for the files that are wanted, and so are the pieces that reach into them; or it refuses, and is
    /// asked again when the user says so.
    pub(super) fn placed(&mut self, placed: Result<(), StorageError>) {
        let Some(store) = self.store() else { return };
        let torrent = store.keeper.torrent();
        let pieces = store.keeper.choice().of_pieces(&torrent.files, torrent.geometry);
        self.feed(Input::Chosen(pieces));
        self.tell_done();
        if let Err(error) = placed {
            self.feed(Input::DiskFailed(error.to_string()));
        }
        self.publish(self.clock.now());
    }

    pub(super) fn rechecking(&mut self, told: Rechecking) {
        match told {
            Rechecking::Progress(done, of) => self.emit(self.clock.now(), &Event::Checked { done, of }),
            Rechecking::Done(Ok(verdicts)) if !verdicts.finished => {}
            Rechecking::Done(found) => {
                let good = found.map(|verdicts| verdicts.good).map_err(|error| error.to_string());
                self.feed(Input::Rechecked(good));
                self.publish(self.clock.now());
            }
        }
    }

    /// The bytes of `info` are here, and their hash is right: the torrent's place on the disk is opened.
    pub(super) fn found_metadata(&mut self, info: &[u8]) {
        let awaited = match &self.blocks {
            Blocks::Awaited(awaited) => awaited,
            Blocks::TriedMagnet(magnet) => {
                // What cannot be downloaded can be checked all the same: its peers are tried.
                if let Ok((torrent, _)) = magnet.torrent(info) {
                    let facts = facts(&torrent, Path::new(""), self.ours.peer_id);
                    self.event_sink.know(self.clock.now(), facts);
                }
                return;
            }
            Blocks::Kept(_) | Blocks::Tried(_) => return,
        };
        let found = match awaited.found(info) {
            Ok(found) => found,
            Err(error) => return self.fail(error),
        };
        let (opening, metadata_only) = (awaited.opening.clone(), awaited.metadata_only);
        let facts = facts(&found.torrent, &awaited.opening.output, self.ours.peer_id);
        self.event_sink.know(self.clock.now(), facts);
        self.info = found.torrent.public_info();
        let (disk, told) = (self.outlets.disk.clone(), self.outlets.opening.clone());
        // What is saved as a torrent file alone has no files yet.
        let claims = &self.resources.claims;
        let claimed = (!metadata_only).then(|| claims.claim(&opening.output, &found.torrent));
        self.tasks.spawn(async move {
            if let Some(claimed) = claimed
                && let Err(refused) = claimed.holds().await
            {
                // Nobody listens only when the run is over.
                let _ = told.send(Told::Done(Err(refused)));
                return;
            }
            Awaited::go_on(opening, metadata_only, found, disk, told).await;
        });
    }

    /// How far the opening is, or what came of it.
    pub(super) fn opening(&mut self, told: Told) {
        match told {
            Told::Event(event) => self.emit(self.clock.now(), &event),
            // To ask for the end again would mean that nobody waits for trackers.
            Told::Done(_) | Told::Prepared(_) if self.leaving.is_some() => {}
            Told::Done(Ok(Some(opened))) => self.opened(*opened),
            // Its metadata alone was wanted.
            Told::Done(Ok(None)) => self.wish(Command::Quit),
            Told::Done(Err(error)) => self.fail(error),
            Told::Prepared(prepared) => self.prepared(prepared),
        }
    }

    /// The user has it go on: what waited for that is made ready for writing.
    pub(super) fn prepare(&mut self) {
        let told = self.outlets.opening.clone();
        let Some(store) = self.store() else { return };
        let Some(to_prepare) = store.to_prepare.take() else { return };
        store.unprepared = false;
        self.tasks.spawn(async move {
            if let Some(done) = prepared(Some(to_prepare), &told).await {
                // Nobody listens only when the run is over.
                let _ = told.send(Told::Prepared(done));
            }
        });
    }

    /// What comes is written from now on. A disk that is full is asked again when the user says so; whatever else is wrong
    /// with it would only get worse.
    fn prepared(&mut self, prepared: Result<(), StorageError>) {
        let Err(error) = prepared else { return };
        self.store().into_iter().for_each(|store| store.unprepared = true);
        if error.is_disk_full() {
            self.feed(Input::DiskFailed(error.to_string()));
        } else {
            self.fail(error.into());
        }
    }

    /// The torrent can be downloaded from now on: connections are told so, and what they may give and take.
    fn opened(&mut self, opened: Opened) {
        let Opened { known, mut store, unprepared, before, .. } = opened;
        store.waits_for(unprepared);
        self.shown.after(before);
        let holdings = Holdings::new(known.geometry, known.have.clone()).with_info(self.info.take());
        self.blocks = Blocks::Kept(store);
        let source = self.blocks.source();
        // They are set once: before, nothing was known.
        source.into_iter().for_each(|source| _ = self.common.source.set(source));
        let _ = self.common.ours.holdings.set(Arc::new(holdings));
        self.feed(Input::Known(Box::new(known)));
        self.note();
    }

    /// These pieces are wrong on the disk: they are served to nobody, and remembered as missing.
    pub(super) fn lose(&mut self, pieces: &[PieceIndex]) {
        if !pieces.is_empty()
            && let (Blocks::Kept(store), Some(haves)) = (&self.blocks, self.haves())
        {
            haves.lose(pieces);
            store.keeper.lost(pieces);
        }
    }

    /// These pieces are on the disk, wherever they came from.
    pub(super) fn found(&mut self, pieces: &[PieceIndex]) {
        let (Blocks::Kept(store), Some(haves)) = (&self.blocks, self.haves()) else { return };
        for piece in pieces {
            store.keeper.written(*piece);
            haves.append(*piece);
        }
    }

    /// The user says go on: looks whether there is room now.
    pub(super) fn ask_disk_again(&mut self) {
        let (Blocks::Kept(store), Some(have)) = (&self.blocks, self.swarm.have()) else { return };
        let (keeper, have) = (Arc::clone(&store.keeper), have.clone());
        let prepared = self.outlets.prepared.clone();
        self.tasks.spawn(async move {
            if let Ok(answer) = tokio::task::spawn_blocking(move || keeper.prepare(&have)).await {
                // Nobody listens only when the run is over.
                let _ = prepared.send(answer).await;
            }
        });
    }

    /// If there is room, everything the disk refused is handed in again, and the download goes on.
    pub(super) fn disk_answered(&mut self, prepared: Result<(), StorageError>) {
        let now = self.clock.now();
        match prepared {
            Err(error) => {
                let note = Event::Note { severity: Severity::Error, text: error.to_string(), answer: true };
                self.emit(now, &note);
            }
            Ok(()) => {
                if let Some(store) = self.store() {
                    store.unprepared = false;
                    store.disk.allow_writes();
                    store.assembly.retry().into_iter().for_each(|job| store.disk.advance(job));
                }
                self.feed(Input::Command(Command::Resume));
            }
        }
        self.publish(now);
    }
}

impl BlockSource for TorrentDisk {
    /// What is in memory anyway is worth neither a thread's waking up nor the way back.
    fn read_at_once(&self, piece: PieceIndex, begin: u32, length: u32) -> Option<Bytes> {
        Self::read_at_once(self, piece, begin, length)
    }

    fn read(&self, piece: PieceIndex, begin: u32, length: u32) -> ReadFuture {
        let answer = Self::read(self, piece, begin, length);
        Box::pin(async move {
            match answer.await {
                Ok(read) => read.map_err(io::Error::other),
                Err(_) => Err(io::Error::other("the disk threads have ended")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::super::{Asked, Give, Parts, open};
    use super::*;
    use crate::engine::board::Shown;
    use crate::engine::event_sink::{EventSink, Recording};
    use crate::engine::file_wishes::FileWishes;
    use crate::engine::opening::Opening;
    use crate::engine::peer::IDLE_AFTER;
    use crate::engine::session::{Resources, SessionOptions};
    use crate::engine::udp::Udp;
    use crate::engine::wanted::Wanted;
    use crate::swarm::Swarm;
    use crate::wire::{Handshake, Reserved};

    /// The task of a magnet whose place on the disk is being opened.
    fn opening() -> TorrentTask {
        let link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
        let magnet: Magnet = link.parse().unwrap();
        let resources = Resources::new(1, Udp::default(), 0, &SessionOptions::default());
        let (clock, peer_id) = (resources.clock, resources.peer_id);
        let (now, settings) = (clock.now(), Settings { info_hash: magnet.info_hash, ..Settings::default() });
        let facts = Wanted::from(magnet.clone()).facts(Path::new(""), peer_id);
        let mut event_sink =
            EventSink::begin(now, facts, settings.max_rows, &Recording::default(), 0).unwrap();
        let place = Opening {
            output: "".into(),
            state: "".into(),
            files: FileWishes::default(),
            paused: false,
            seeded: Duration::ZERO,
            storage: resources.storage.clone(),
            sync: false,
            sync_after: Duration::ZERO,
            disk: resources.disk.clone(),
            looks: Arc::clone(&resources.looks),
            clock,
            cancel: Arc::default(),
        };
        let awaited = Awaited { magnet: Box::new(magnet), opening: place, metadata_only: false };
        let parts = Box::new(Parts {
            ours: Handshake { reserved: Reserved::OURS, info_hash: settings.info_hash, peer_id },
            give: Give::default(),
            seeded: Arc::default(),
            idle_after: IDLE_AFTER,
            shown: Shown::begin(event_sink.view(now), Arc::clone(&resources.board)).0,
            event_sink,
            blocks: Blocks::Awaited(Box::new(awaited)),
            info: None,
            swarm: Swarm::without_metadata(now, settings),
            resources,
        });
        let (_, outlets) = open(tokio::sync::mpsc::unbounded_channel().1, watch::channel(Asked::default()).1);
        TorrentTask::new(parts, outlets)
    }

    #[tokio::test]
    async fn quitting_while_the_disk_is_opened_quits_once_and_waits_for_trackers() {
        for failed in [None, Some(EngineError::Internal)] {
            let mut task = opening();
            task.wish(Command::Quit);
            let told_by = task.leaving.unwrap().told_by;
            task.opening(Told::Done(failed.map_or(Ok(None), Err)));
            assert_eq!(task.leaving.unwrap().told_by, told_by, "trackers have the time they had");
            assert!(task.failed.is_none(), "what came of the opening is of no matter any more");
            // The user may ask again, and then nobody waits.
            task.wish(Command::Quit);
            assert!(task.leaving.unwrap().told_by < told_by);
        }
    }

    #[tokio::test]
    async fn what_alone_was_wanted_is_saved_and_ends_the_run() {
        let mut task = opening();
        task.opening(Told::Done(Ok(None)));
        assert!(task.leaving.is_some());
    }
}
