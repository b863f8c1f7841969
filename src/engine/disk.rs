//! Threads that hash, write and read, so that no task of the runtime ever waits for a disk or a hash.
//!
//! A block is hashed in place and written from the buffer it arrived in. Hashing comes first: a piece that came
//! as a whole and is wrong is never written. What a worker did comes back as a [`DiskDone`]; where the disk
//! refused, with the very job, so that nothing has to be downloaded again when it has room.

mod digest;
mod keeper;
mod queue;

use std::io::IoSlice;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

pub use keeper::{Keeper, Notes};

use self::queue::{Job, Queue, Task};
use super::pool::{BlockBuf, BlockPool};
use crate::hash::{self, PieceHash, Run};
use crate::metainfo::PieceIndex;
use crate::storage::{Storage, StorageError, check_piece};
use crate::swarm::BlockDigest;

/// More threads than this do not help one torrent, and each may have a file in hand.
const MOST_WORKERS: usize = 8;

/// Bytes a read brings at most, and buffers of this size that are kept for the next ones.
pub const MOST_READ_BYTES: u32 = 256 * 1024;
const KEPT_READS: usize = 16;

/// The workers of one torrent and their queue.
#[derive(Debug)]
pub struct DiskPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// A run of blocks to hash and write, in order.
#[derive(Debug)]
pub struct Advance {
    /// Of which piece.
    pub piece: PieceIndex,
    /// The hash of the piece up to `offset`.
    pub hasher: PieceHash,
    /// Where in the piece the first of them begins, bytes.
    pub offset: u32,
    /// The blocks.
    pub blocks: Vec<BlockBuf>,
    /// Whether they end the piece.
    pub last: bool,
    /// Set once the blocks went into the hash (and, where they end the piece, it was right).
    hashed: bool,
}

/// What became of a job.
#[derive(Debug)]
pub enum DiskDone {
    /// The run is hashed and written, and its blocks are freed; the piece goes on.
    Advanced {
        /// The piece.
        piece: PieceIndex,
        /// Its hash so far.
        hasher: PieceHash,
    },
    /// The piece is right and written, and its blocks are freed.
    Verified {
        /// The piece.
        piece: PieceIndex,
    },
    /// The hash of the piece is wrong; its blocks are freed.
    Mismatch {
        /// The piece.
        piece: PieceIndex,
        /// What its blocks were; empty where they could not be read back.
        blocks: Vec<BlockDigest>,
    },
    /// What the blocks of a piece on disk are; empty where they could not be read.
    Digested {
        /// The piece.
        piece: PieceIndex,
        /// Its blocks.
        blocks: Vec<BlockDigest>,
    },
    /// The disk refused to write. The blocks are in the job, which can be handed in again.
    Stuck {
        /// The job.
        job: Box<Advance>,
        /// Why.
        error: StorageError,
    },
    /// A piece on disk was hashed again.
    Checked {
        /// The piece.
        piece: PieceIndex,
        /// Whether it is right.
        good: Result<bool, StorageError>,
    },
    /// The disk lost what was written, or some of it.
    Unsynced(StorageError),
    /// The sync of data was refused, or the saving of the resume file failed. It is tried again.
    Trouble(StorageError),
}

#[derive(Debug)]
struct Shared {
    storage: Arc<Storage>,
    keeper: Option<Arc<Keeper>>,
    queue: Mutex<Queue>,
    ready: Condvar,
    done: mpsc::UnboundedSender<DiskDone>,
    /// Where reads go to.
    reads: Arc<BlockPool>,
}

impl Advance {
    /// A run of blocks that begins at `offset` in the piece, the hash of what is before it being `hasher`.
    pub fn new(piece: PieceIndex, hasher: PieceHash, offset: u32, blocks: Vec<BlockBuf>, last: bool) -> Self {
        Self { piece, hasher, offset, blocks, last, hashed: false }
    }

    /// Bytes in its blocks.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.len() as u64).sum()
    }
}

impl DiskPool {
    /// As many workers as the machine has cores, up to eight.
    pub fn workers_here() -> usize {
        std::thread::available_parallelism().map_or(2, NonZero::get).clamp(1, MOST_WORKERS)
    }

    /// Starts the workers. `keeper` hears of every piece written, `done` of everything.
    pub fn start(
        storage: Arc<Storage>,
        keeper: Option<Arc<Keeper>>,
        workers: usize,
        done: mpsc::UnboundedSender<DiskDone>,
    ) -> Self {
        let queue = Mutex::new(Queue::new(hash::Path::best().lanes()));
        let reads = BlockPool::of(KEPT_READS, MOST_READ_BYTES as usize);
        let shared = Arc::new(Shared { storage, keeper, queue, ready: Condvar::new(), done, reads });
        let threads = (0..workers.clamp(1, MOST_WORKERS))
            .filter_map(|number| {
                let shared = Arc::clone(&shared);
                let named = std::thread::Builder::new().name(format!("disk-{number}"));
                named.spawn(move || shared.work()).ok()
            })
            .collect();
        Self { shared, threads }
    }

    /// Hashes and writes a run of blocks. One at a time for each piece.
    pub fn advance(&self, run: Advance) {
        if self.shared.lock().put_run(run) {
            self.shared.ready.notify_one();
        }
    }

    /// Hashes a piece on disk again.
    pub fn check(&self, piece: PieceIndex) {
        self.put(Job::Check(piece));
    }

    /// Reads a piece on disk and tells what each of its blocks is.
    pub fn digest(&self, piece: PieceIndex) {
        self.put(Job::Digest(piece));
    }

    /// The same as [`Self::read`], at once and without any wait for the disk: `None` where that cannot be.
    pub fn read_at_once(&self, piece: PieceIndex, begin: u32, length: u32) -> Option<Bytes> {
        let mut bytes = self.shared.reads.take(length);
        self.shared.storage.read_cached(piece, begin, &mut bytes).then(|| Bytes::from_owner(bytes))
    }

    /// Reads a range of a piece, which must lie in it and be no longer than [`MOST_READ_BYTES`]. The receiver fails
    /// when the pool stops first.
    pub fn read(
        &self,
        piece: PieceIndex,
        begin: u32,
        length: u32,
    ) -> oneshot::Receiver<Result<Bytes, StorageError>> {
        let (reply, answer) = oneshot::channel();
        self.put(Job::Read { piece, begin, length, reply });
        answer
    }

    /// Jobs that no worker has begun yet.
    pub fn queued(&self) -> usize {
        self.shared.lock().len()
    }

    /// Writes what was handed in, drops reads and checks, and ends the workers. Blocks.
    pub fn stop(mut self) {
        self.close();
        for thread in self.threads.drain(..) {
            // A worker that panicked has said so already.
            let _ = thread.join();
        }
    }

    fn put(&self, job: Job) {
        self.shared.lock().put(job);
        self.shared.ready.notify_one();
    }

    fn close(&self) {
        self.shared.lock().close();
        self.shared.ready.notify_all();
    }
}

impl Drop for DiskPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(task) = self.next() {
            match task {
                Task::Advance(runs) => {
                    self.advance(runs);
                    self.lock().advanced();
                }
                Task::Other(Job::Check(piece)) => {
                    let good = check_piece(&self.storage, piece);
                    self.report(DiskDone::Checked { piece, good });
                }
                Task::Other(Job::Digest(piece)) => {
                    let blocks = digest::on_disk(&self.storage, piece);
                    self.report(DiskDone::Digested { piece, blocks });
                }
                Task::Other(Job::Read { piece, begin, length, reply }) => {
                    let mut bytes = self.reads.take(length);
                    let read = self.storage.read(piece, begin, &mut bytes);
                    // Whoever asked may be gone.
                    let _ = reply.send(read.map(|()| Bytes::from_owner(bytes)));
                }
            }
        }
    }

    fn next(&self) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            if let Some(task) = queue.take() {
                return Some(task);
            }
            if queue.is_closing() {
                return None;
            }
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hashes these side by side, then writes one after the other.
    fn advance(&self, mut runs: Vec<Advance>) {
        let to_hash = runs.iter_mut().filter(|run| !run.hashed);
        let to_hash = to_hash.map(|run| Run { hash: &mut run.hasher, slices: &run.blocks });
        hash::advance(&mut to_hash.collect::<Vec<_>>());
        for run in runs {
            let done = self.write(run);
            self.report(done);
        }
    }

    fn write(&self, mut run: Advance) -> DiskDone {
        let piece = run.piece;
        let wrong = || !run.hasher.clone().verify(self.storage.torrent().piece_hash(piece));
        if !run.hashed && run.last && wrong() {
            let blocks = digest::of_run(&self.storage, &run);
            return DiskDone::Mismatch { piece, blocks };
        }
        run.hashed = true;
        let slices: Vec<IoSlice<'_>> = run.blocks.iter().map(|block| IoSlice::new(block)).collect();
        if let Err(error) = self.storage.write(piece, run.offset, &slices) {
            return DiskDone::Stuck { job: Box::new(run), error };
        }
        if !run.last {
            return DiskDone::Advanced { piece, hasher: run.hasher };
        }
        if let Some(keeper) = &self.keeper {
            let complete = keeper.written(piece);
            if complete && let Err(error) = self.storage.confirm() {
                return DiskDone::Stuck { job: Box::new(run), error };
            }
        }
        DiskDone::Verified { piece }
    }

    fn report(&self, done: DiskDone) {
        // The torrent may have ended already.
        let _ = self.done.send(done);
    }
}

#[cfg(test)]
mod tests;
