//! A torrent as the workers know it: every job carries whose it is, so that one pool of workers serves all.

use std::io::IoSlice;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::pace::Pace;
use super::{Advance, DiskDone, Keeper, digest};
use crate::engine::mailbox;
use crate::metainfo::{BLOCK_LENGTH, PieceIndex};
use crate::storage::{Storage, StorageError};

/// Where the blocks of one torrent go, and who hears of it.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) storage: Arc<Storage>,
    keeper: Option<Arc<Keeper>>,
    done: mailbox::UnboundedSender<DiskDone>,
    pub(super) pace: Pace,
    /// Writes that were handed in and have not ended.
    unwritten: Mutex<usize>,
    all_written: Condvar,
    /// Whether its disk is slow, as the queue counts it.
    slow: AtomicBool,
    /// Whether nothing of it may be written yet.
    held: AtomicBool,
    /// Nothing is done for it any more but what was handed in to be written.
    closed: AtomicBool,
}

/// A job that writes, with its owner, who waits for its end.
#[derive(Debug)]
pub(super) struct Owned<T> {
    pub(super) owner: Due,
    pub(super) job: T,
}

/// An owner for whom something is to be written; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Due(Arc<Owner>);

impl Owner {
    pub(super) fn new(
        storage: Arc<Storage>,
        keeper: Option<Arc<Keeper>>,
        done: mailbox::UnboundedSender<DiskDone>,
    ) -> Arc<Self> {
        Arc::new(Self {
            storage,
            keeper,
            done,
            pace: Pace::default(),
            unwritten: Mutex::default(),
            all_written: Condvar::new(),
            slow: AtomicBool::new(false),
            held: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        })
    }

    /// What tells it from others while it is there.
    pub(super) fn number(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Something is to be written.
    pub(super) fn owes<T>(self: &Arc<Self>, job: T) -> Owned<T> {
        *self.unwritten() += 1;
        Owned { owner: Due(Arc::clone(self)), job }
    }

    /// Blocks until everything that was handed in is written, or the disk refused it.
    pub(super) fn wait_until_written(&self) {
        let mut unwritten = self.unwritten();
        while *unwritten > 0 {
            unwritten = self.all_written.wait(unwritten).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    /// Returns what it was before.
    pub(super) fn set_slow(&self, is_slow: bool) -> bool {
        self.slow.swap(is_slow, Ordering::Relaxed)
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// To be called by the queue, or under its lock.
    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whether the run ends a piece whose hash is wrong.
    pub(super) fn is_wrong(&self, run: &Advance) -> bool {
        // Whoever writes has the hashes in memory since it was made ready for that; what cannot be judged is not taken.
        let hashes = || self.storage.torrent().info().hashes();
        let right = || hashes().is_ok_and(|hashes| run.hasher.clone().verify(hashes.of(run.piece)));
        !run.hashed && run.last && !right()
    }

    /// A run ends a piece whose hash is wrong; these are the blocks of the run.
    pub(super) fn mismatch<B: Deref<Target = [u8]>>(&self, run: &Advance, blocks: &[B]) {
        let blocks = digest::of_run(&self.storage, run, blocks);
        self.ended(run.bytes(), DiskDone::Mismatch { piece: run.piece, blocks });
    }

    /// Writes runs that follow each other.
    pub(super) fn write_group(&self, group: &[Owned<Advance>]) -> Result<(), StorageError> {
        let [Owned { job: first, .. }, ..] = group else { return Ok(()) };
        let runs = || group.iter().map(|run| &run.job);
        runs().filter(|run| !run.last).for_each(|run| self.begins(run.piece));
        if !first.back.is_empty() {
            return self.write_around(first);
        }
        let slices: Vec<IoSlice<'_>> =
            runs().flat_map(|run| &run.blocks).map(|block| IoSlice::new(block)).collect();
        self.storage.write(first.piece, first.offset, &slices)
    }

    /// Writes the blocks of a run of which others stand in the file.
    fn write_around(&self, run: &Advance) -> Result<(), StorageError> {
        let mut slices = run.blocks.iter().map(|block| IoSlice::new(block));
        let begin = run.offset / BLOCK_LENGTH;
        let end = begin + (run.blocks.len() + run.back.len()) as u32;
        let mut from = begin;
        for stop in run.back.iter().map(|block| block.number).chain([end]) {
            let stretch: Vec<IoSlice<'_>> = slices.by_ref().take((stop - from) as usize).collect();
            if !stretch.is_empty() {
                self.storage.write(run.piece, from * BLOCK_LENGTH, &stretch)?;
            }
            from = stop + 1;
        }
        Ok(())
    }

    /// A run that is hashed was written, or the disk refused.
    pub(super) fn finish(&self, mut run: Advance, written: Result<(), StorageError>) {
        let (piece, bytes) = (run.piece, run.bytes());
        run.hashed = true;
        let written = written.and_then(|()| match &self.keeper {
            Some(keeper) if run.last && keeper.written(piece) => self.storage.confirm(),
            _ => Ok(()),
        });
        let done = match written {
            Err(error) => DiskDone::Stuck { job: Box::new(run), error },
            Ok(()) if run.last => DiskDone::Verified { piece },
            Ok(()) => DiskDone::Advanced { piece, hasher: run.hasher },
        };
        self.ended(bytes, done);
    }

    /// Has it written down that the piece is unfinished, before any of it is in its file.
    pub(super) fn begins(&self, piece: PieceIndex) {
        if let Some(keeper) = &self.keeper {
            keeper.begins(piece);
        }
    }

    /// A job that had these bytes in memory ended.
    pub(super) fn ended(&self, bytes: u64, done: DiskDone) {
        self.pace.ended(bytes);
        self.report(done);
    }

    pub(super) fn report(&self, done: DiskDone) {
        // The torrent may have ended already.
        let _ = self.done.send(done);
    }

    fn unwritten(&self) -> MutexGuard<'_, usize> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Due {
    /// The owner itself, to be told of something later.
    pub(super) fn owner(&self) -> Arc<Owner> {
        Arc::clone(&self.0)
    }

    pub(super) fn is(&self, owner: &Arc<Owner>) -> bool {
        Arc::ptr_eq(&self.0, owner)
    }
}

impl Deref for Due {
    type Target = Owner;

    fn deref(&self) -> &Owner {
        &self.0
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        let mut unwritten = self.0.unwritten();
        *unwritten -= 1;
        if *unwritten == 0 {
            self.0.all_written.notify_all();
        }
    }
}

impl Owned<Advance> {
    /// Whether it begins where the other ends, and both are in memory.
    pub(super) fn follows(&self, other: &Self) -> bool {
        other.owner.is(&self.owner.0) && self.job.follows(&other.job)
    }
}
