//! Threads that hash, write and read, so that no task of the runtime ever waits for a disk or a hash.
//!
//! A block is hashed in place and written from the buffer it arrived in. Hashing comes first: a piece that came
//! as a whole and is wrong is never written. What a worker did comes back as a [`DiskDone`]; where the disk
//! refused, with the very job, so that nothing has to be downloaded again when it has room.

mod back;
mod digest;
mod job;
mod keeper;
mod pace;
mod queue;

use std::io::IoSlice;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

pub use job::{Advance, Spill, WriteJob};
pub use keeper::{Keeper, Notes, Remembered};

use self::back::Unread;
use self::pace::Pace;
use self::queue::{Job, MOST_AT_ONCE_BYTES, Queue, Task};
use super::clock::Clock;
use super::pool::BlockPool;
use crate::hash::{self, PieceHash, Run};
use crate::metainfo::{BLOCK_LENGTH, PieceIndex};
use crate::storage::{OnDisk, Storage, StorageError, check_piece};
use crate::swarm::BlockDigest;

/// More threads than this do not help one torrent, and each may have a file in hand. There are as many where the disk is
/// slow, however few cores the machine has.
const MOST_WORKERS: usize = 8;

/// Bytes a read brings at most, and buffers of this size that are kept for the next ones.
pub const MOST_READ_BYTES: u32 = 256 * 1024;
const KEPT_READS: usize = 16;

/// Of runs that were spilled, so many bytes are read back at once by one worker.
const MOST_READ_BACK_BYTES: u64 = 4 << 20;

/// The workers of one torrent and their queue.
#[derive(Debug)]
pub struct DiskPool {
    shared: Arc<Shared>,
}

/// How the disk keeps up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// Bytes that wait to be written, or are being written.
    pub pending_bytes: u64,
    /// Bytes written so far.
    pub written_bytes: u64,
    /// How long a write takes.
    pub write_takes: Duration,
    /// Whether that is long for a disk.
    pub lags: bool,
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
    /// The blocks are written to their places, and freed.
    Spilled {
        /// The piece.
        piece: PieceIndex,
        /// The blocks, in order.
        blocks: Vec<OnDisk>,
    },
    /// The disk refused to write them to their places. The blocks are in the job.
    Unspilled {
        /// The job.
        job: Spill,
        /// Why.
        error: StorageError,
    },
    /// Blocks that had been written are not in the file any more, which somebody cut or changed; nothing was hashed.
    Lost {
        /// The job, with the blocks that are in memory.
        job: Box<Advance>,
        /// The numbers of the blocks that are gone.
        blocks: Vec<u32>,
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
    clock: Clock,
    pace: Pace,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl DiskPool {
    /// As many workers as the machine has cores, up to eight.
    pub fn workers_here() -> usize {
        // Asked once: the answer stands in files of the system.
        static CORES: OnceLock<usize> = OnceLock::new();
        let cores = || std::thread::available_parallelism().map_or(2, NonZero::get);
        (*CORES.get_or_init(cores)).clamp(1, MOST_WORKERS)
    }

    /// Starts the workers. `keeper` hears of every piece written, `done` of everything.
    pub fn start(
        storage: Arc<Storage>,
        keeper: Option<Arc<Keeper>>,
        workers: usize,
        clock: Clock,
        done: mpsc::UnboundedSender<DiskDone>,
    ) -> Self {
        let queue = Mutex::new(Queue::new(hash::Path::best().lanes()));
        let reads = BlockPool::of(KEPT_READS, MOST_READ_BYTES as usize);
        let (ready, pace, threads) = (Condvar::new(), Pace::default(), Mutex::default());
        let shared = Arc::new(Shared { storage, keeper, queue, ready, done, reads, clock, pace, threads });
        shared.grow(workers);
        Self { shared }
    }

    /// Hashes and writes a run of blocks. One job at a time for each piece.
    pub fn advance(&self, run: Advance) {
        self.shared.pace.waits(run.bytes());
        if self.shared.lock().put_run(run) {
            self.shared.ready.notify_one();
        }
    }

    /// Writes blocks to their places as they are. One job at a time for each piece.
    pub fn spill(&self, spill: Spill) {
        self.shared.pace.waits(spill.bytes());
        self.put(Job::Spill(spill));
    }

    /// Does either.
    pub fn write(&self, job: WriteJob) {
        match job {
            WriteJob::Advance(run) => self.advance(run),
            WriteJob::Spill(spill) => self.spill(spill),
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

    /// How the disk keeps up.
    pub fn load(&self) -> Load {
        let pace = &self.shared.pace;
        Load {
            pending_bytes: pace.pending_bytes(),
            written_bytes: pace.written_bytes(),
            write_takes: pace.average(),
            lags: pace.lags(),
        }
    }

    /// From now on nothing is hashed or written until that is allowed: what is handed in waits. Pieces that are on the disk
    /// are read.
    pub fn hold_writes(&self) -> HeldWrites {
        self.shared.lock().hold_writes(true);
        HeldWrites(Arc::clone(&self.shared))
    }

    /// What is handed in is written from now on, where it was held.
    pub fn allow_writes(&self) {
        self.shared.allow_writes();
    }

    /// Writes what was handed in, unless that is held, drops reads and checks, and ends the workers. Blocks.
    pub fn stop(self) {
        self.close();
        while let Some(thread) = self.shared.threads().pop() {
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

/// What is handed in to be written waits.
#[derive(Debug)]
pub struct HeldWrites(Arc<Shared>);

impl HeldWrites {
    /// From now on it is written.
    pub fn allow(&self) {
        self.0.allow_writes();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allow_writes(&self) {
        self.lock().hold_writes(false);
        self.ready.notify_all();
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts workers until there are so many, as far as the system does.
    fn grow(self: &Arc<Self>, workers: usize) {
        let mut threads = self.threads();
        for number in threads.len()..workers.clamp(1, MOST_WORKERS) {
            let shared = Arc::clone(self);
            let named = std::thread::Builder::new().name(format!("disk-{number}"));
            threads.extend(named.spawn(move || shared.work()).ok());
        }
    }

    fn work(self: &Arc<Self>) {
        while let Some(task) = self.next() {
            match task {
                Task::Advance(runs) => {
                    self.advance(runs);
                    self.lock().advanced();
                }
                Task::Other(Job::Spill(spill)) => {
                    let bytes = spill.bytes();
                    let done = self.spill(spill);
                    self.ended(bytes, done);
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
                    // The task that asked may be gone.
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
    fn advance(self: &Arc<Self>, mut runs: Vec<Advance>) {
        if runs.iter().any(|run| !run.back.is_empty() && !run.hashed) {
            let reading = runs.extract_if(.., |run| !run.back.is_empty() && !run.hashed).collect();
            self.read_back_and_advance(reading);
        }
        let to_hash = runs.iter_mut().filter(|run| !run.hashed);
        let to_hash = to_hash.map(|run| Run { hash: &mut run.hasher, slices: &run.blocks });
        hash::advance(&mut to_hash.collect::<Vec<_>>());
        self.write_all(runs);
    }

    /// Writes runs that are hashed, those that follow each other at once.
    fn write_all(self: &Arc<Self>, mut runs: Vec<Advance>) {
        runs.retain(|run| {
            let wrong = self.is_wrong(run);
            if wrong {
                let blocks = digest::of_run(&self.storage, run, &run.blocks);
                self.ended(run.bytes(), DiskDone::Mismatch { piece: run.piece, blocks });
            }
            !wrong
        });
        runs.sort_unstable_by_key(|run| run.piece);
        while !runs.is_empty() {
            let mut bytes = 0;
            let together = runs.windows(2).take_while(|pair| {
                bytes += pair[0].bytes();
                pair[1].follows(&pair[0]) && bytes + pair[1].bytes() <= MOST_AT_ONCE_BYTES
            });
            let count = together.count() + 1;
            let group: Vec<Advance> = runs.drain(..count).collect();
            let written = self.timed(group.iter().map(Advance::bytes).sum(), || self.write_group(&group));
            for run in group {
                self.finish(run, written.clone());
            }
        }
    }

    fn write_group(&self, group: &[Advance]) -> Result<(), StorageError> {
        let [first, ..] = group else { return Ok(()) };
        group.iter().filter(|run| !run.last).for_each(|run| self.begins(run.piece));
        if !first.back.is_empty() {
            return self.write_around(first);
        }
        let slices: Vec<IoSlice<'_>> =
            group.iter().flat_map(|run| &run.blocks).map(|block| IoSlice::new(block)).collect();
        self.storage.write(first.piece, first.offset, &slices)
    }

    /// Writes, and notes how long it takes. A slow disk gets more writers.
    fn timed<T>(self: &Arc<Self>, bytes: u64, write: impl FnOnce() -> T) -> T {
        let began = self.clock.now();
        let written = write();
        let was_slow = self.pace.is_slow();
        let is_slow = self.pace.wrote(bytes, self.clock.now().saturating_sub(began));
        if is_slow != was_slow {
            if is_slow {
                self.grow(MOST_WORKERS);
            }
            if self.lock().set_slow(is_slow) {
                self.ready.notify_all();
            }
        }
        written
    }

    /// The same for runs of which blocks are read back first. A few at a time: what is read back is charged to nobody.
    fn read_back_and_advance(self: &Arc<Self>, mut runs: Vec<Advance>) {
        while !runs.is_empty() {
            let mut batch = Vec::new();
            let mut room = MOST_READ_BACK_BYTES;
            while let Some(run) = runs.pop_if(|run| batch.is_empty() || run.bytes_back() <= room) {
                room = room.saturating_sub(run.bytes_back());
                match back::read(&self.storage, &self.reads, &run) {
                    Ok(read) => batch.push((run, read)),
                    Err(Unread::Lost(blocks)) => {
                        self.ended(run.bytes(), DiskDone::Lost { job: Box::new(run), blocks });
                    }
                    Err(Unread::Refused(error)) => {
                        self.ended(run.bytes(), DiskDone::Stuck { job: Box::new(run), error });
                    }
                }
            }
            let mut hashers: Vec<PieceHash> =
                batch.iter_mut().map(|(run, _)| std::mem::take(&mut run.hasher)).collect();
            let slices: Vec<Vec<&[u8]>> = batch.iter().map(|(run, read)| back::in_order(run, read)).collect();
            let to_hash = hashers.iter_mut().zip(&slices).map(|(hash, slices)| Run { hash, slices });
            hash::advance(&mut to_hash.collect::<Vec<_>>());
            drop(slices);
            for ((mut run, read), hasher) in batch.into_iter().zip(hashers) {
                run.hasher = hasher;
                if self.is_wrong(&run) {
                    let blocks = digest::of_run(&self.storage, &run, &back::in_order(&run, &read));
                    self.ended(run.bytes(), DiskDone::Mismatch { piece: run.piece, blocks });
                } else {
                    drop(read);
                    self.write_all(vec![run]);
                }
            }
        }
    }

    /// Whether the run ends a piece whose hash is wrong.
    fn is_wrong(&self, run: &Advance) -> bool {
        let right = || run.hasher.clone().verify(self.storage.torrent().piece_hash(run.piece));
        !run.hashed && run.last && !right()
    }

    /// A run that is hashed was written, or the disk refused.
    fn finish(&self, mut run: Advance, written: Result<(), StorageError>) {
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

    /// Has it written down that the piece is unfinished, before any of it is in its file.
    fn begins(&self, piece: PieceIndex) {
        if let Some(keeper) = &self.keeper {
            keeper.begins(piece);
        }
    }

    /// Writes blocks to their places, neighbours at once.
    fn spill(self: &Arc<Self>, job: Spill) -> DiskDone {
        self.begins(job.piece);
        for stretch in job.blocks.chunk_by(|(one, _), (next, _)| one + 1 == *next) {
            let begin = stretch.first().map_or(0, |(number, _)| number * BLOCK_LENGTH);
            let slices: Vec<IoSlice<'_>> = stretch.iter().map(|(_, block)| IoSlice::new(block)).collect();
            let bytes = slices.iter().map(|slice| slice.len() as u64).sum();
            let written = self.timed(bytes, || self.storage.write(job.piece, begin, &slices));
            if let Err(error) = written {
                return DiskDone::Unspilled { job, error };
            }
        }
        let crc = |block: &[u8]| Some(crc32fast::hash(block));
        let blocks = job.blocks.iter().map(|(number, block)| OnDisk { number: *number, crc: crc(block) });
        DiskDone::Spilled { piece: job.piece, blocks: blocks.collect() }
    }

    /// A job with so many bytes in memory ended.
    fn ended(&self, bytes: u64, done: DiskDone) {
        self.pace.ended(bytes);
        self.report(done);
    }

    fn report(&self, done: DiskDone) {
        // The torrent may have ended already.
        let _ = self.done.send(done);
    }
}

#[cfg(test)]
mod tests;
