//! The threads that carry out jobs.

use std::io::IoSlice;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::back::{self, Unread};
use super::owner::{Owned, Owner};
use super::queue::{Job, MOST_AT_ONCE_BYTES, Queue, Read, Task};
use super::{Advance, DiskDone, MOST_READ_BYTES, MOST_WORKERS, Spill, digest};
use crate::engine::clock::Clock;
use crate::engine::pool::BlockPool;
use crate::hash::{self, PieceHash, Run};
use crate::metainfo::BLOCK_LENGTH;
use crate::storage::{OnDisk, check_piece};

/// Buffers for reads that are kept for the next ones.
const KEPT_READS: usize = 16;

/// How many bytes of spilled runs one worker reads back at once.
const MOST_READ_BACK_BYTES: u64 = 4 << 20;

/// The threads and their queue.
#[derive(Debug)]
pub(super) struct Workers {
    queue: Mutex<Queue>,
    ready: Condvar,
    /// Where reads go to.
    pub(super) reads: Arc<BlockPool>,
    clock: Clock,
    /// How many there are to begin with.
    first: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    pub(super) fn new(first: usize, clock: Clock) -> Arc<Self> {
        let queue = Mutex::new(Queue::new(hash::Path::best().lanes()));
        let reads = BlockPool::of(KEPT_READS, MOST_READ_BYTES as usize);
        let (ready, threads) = (Condvar::new(), Mutex::default());
        Arc::new(Self { queue, ready, reads, clock, first, threads })
    }

    /// One more torrent is served.
    pub(super) fn join(self: &Arc<Self>) {
        self.lock().join();
        self.grow(self.first);
    }

    /// The torrent is served no more, but for what it handed in to be written.
    pub(super) fn leave(&self, owner: &Arc<Owner>) {
        self.lock().leave(owner);
        // What others had to keep free for it may be begun.
        self.ready.notify_all();
    }

    /// Nothing of the torrent is hashed or written until it is allowed.
    pub(super) fn hold_writes(&self, owner: &Owner) {
        let _queue = self.lock();
        owner.hold(true);
    }

    pub(super) fn allow_writes(&self, owner: &Arc<Owner>) {
        self.lock().allow_writes(owner);
        self.ready.notify_all();
    }

    pub(super) fn put_run(&self, run: Owned<Advance>) {
        if self.lock().put_run(run) {
            self.ready.notify_one();
        }
    }

    pub(super) fn put(&self, job: Job) {
        self.lock().put(job);
        self.ready.notify_one();
    }

    pub(super) fn queued(&self) -> usize {
        self.lock().len()
    }

    /// What was handed in to be written is written; then the threads end.
    pub(super) fn close(&self) {
        self.lock().close();
        self.ready.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts workers until there is this number of them, as far as the system lets us.
    fn grow(self: &Arc<Self>, workers: usize) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for number in threads.len()..workers.clamp(1, MOST_WORKERS) {
            let shared = Arc::clone(self);
            let named = std::thread::Builder::new().name(format!("disk-{number}"));
            threads.extend(named.spawn(move || shared.work()).ok());
        }
    }

    fn work(self: &Arc<Self>) {
        while let Some(task) = self.next() {
            match task {
                Task::Advance(lane, runs) => {
                    let owners: Vec<_> = runs.iter().map(|run| run.owner.owner()).collect();
                    self.guarded(&owners, || self.advance(runs));
                    self.lock().advanced(lane);
                }
                Task::Other(job) => {
                    let owner = job.owner();
                    self.guarded(&[owner], || self.carry_out(job));
                }
            }
        }
    }

    /// A panic ends the torrents it befell, and no worker.
    fn guarded(&self, owners: &[Arc<Owner>], work: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            owners.iter().for_each(|owner| owner.report(DiskDone::Panicked));
        }
    }

    fn carry_out(self: &Arc<Self>, job: Job) {
        match job {
            Job::Spill(Owned { owner, job }) => {
                let bytes = job.bytes();
                let done = self.spill(&owner.owner(), job);
                owner.ended(bytes, done);
            }
            Job::Check(owner, piece) => {
                let good = check_piece(&owner.storage, piece);
                owner.report(DiskDone::Checked { piece, good });
            }
            Job::Digest(owner, piece) => {
                let blocks = digest::on_disk(&owner.storage, piece);
                owner.report(DiskDone::Digested { piece, blocks });
            }
            Job::Read(owner, Read { piece, begin, length, reply }) => {
                let mut bytes = self.reads.take(length);
                let read = owner.storage.read(piece, begin, &mut bytes);
                // The task that asked may be gone.
                let _ = reply.send(read.map(|()| Bytes::from_owner(bytes)));
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
    fn advance(self: &Arc<Self>, mut runs: Vec<Owned<Advance>>) {
        let reads_back = |run: &Advance| !run.back.is_empty() && !run.hashed;
        if runs.iter().any(|run| reads_back(&run.job)) {
            let reading = runs.extract_if(.., |run| reads_back(&run.job)).collect();
            self.read_back_and_advance(reading);
        }
        let to_hash = runs.iter_mut().map(|run| &mut run.job).filter(|run| !run.hashed);
        let to_hash = to_hash.map(|run| Run { hash: &mut run.hasher, slices: &run.blocks });
        hash::advance(&mut to_hash.collect::<Vec<_>>());
        self.write_all(runs);
    }

    /// Writes runs that are hashed, those that follow each other at once.
    fn write_all(self: &Arc<Self>, mut runs: Vec<Owned<Advance>>) {
        runs.retain(|Owned { owner, job: run }| {
            let wrong = owner.is_wrong(run);
            if wrong {
                owner.mismatch(run, &run.blocks);
            }
            !wrong
        });
        runs.sort_unstable_by_key(|run| (run.owner.number(), run.job.piece));
        while !runs.is_empty() {
            let mut bytes = 0;
            let together = runs.windows(2).take_while(|pair| {
                bytes += pair[0].job.bytes();
                pair[1].follows(&pair[0]) && bytes + pair[1].job.bytes() <= MOST_AT_ONCE_BYTES
            });
            let count = together.count() + 1;
            let group: Vec<_> = runs.drain(..count).collect();
            let Some(first) = group.first() else { break };
            let owner = first.owner.owner();
            let bytes = group.iter().map(|run| run.job.bytes()).sum();
            let written = self.timed(&owner, bytes, || owner.write_group(&group));
            for Owned { owner, job } in group {
                owner.finish(job, written.clone());
            }
        }
    }

    /// Writes, and notes how long it takes. A slow disk gets more writers.
    fn timed<T>(self: &Arc<Self>, owner: &Arc<Owner>, bytes: u64, write: impl FnOnce() -> T) -> T {
        let began = self.clock.now();
        let written = write();
        let is_slow = owner.pace.wrote(bytes, self.clock.now().saturating_sub(began));
        if is_slow != owner.is_slow() {
            if is_slow {
                self.grow(MOST_WORKERS);
            }
            if self.lock().pace_changed(owner) {
                self.ready.notify_all();
            }
        }
        written
    }

    /// The same for runs of which blocks are read back first. A few at a time: what is read back is charged to nobody.
    fn read_back_and_advance(self: &Arc<Self>, mut runs: Vec<Owned<Advance>>) {
        while !runs.is_empty() {
            let mut batch = Vec::new();
            let mut room = MOST_READ_BACK_BYTES;
            while let Some(Owned { owner, job: run }) =
                runs.pop_if(|run| batch.is_empty() || run.job.bytes_back() <= room)
            {
                room = room.saturating_sub(run.bytes_back());
                match back::read(&owner.storage, &self.reads, &run) {
                    Ok(read) => batch.push((Owned { owner, job: run }, read)),
                    Err(Unread::Lost(blocks)) => {
                        owner.ended(run.bytes(), DiskDone::Lost { job: Box::new(run), blocks });
                    }
                    Err(Unread::Refused(error)) => {
                        owner.ended(run.bytes(), DiskDone::Stuck { job: Box::new(run), error });
                    }
                }
            }
            let mut hashers: Vec<PieceHash> =
                batch.iter_mut().map(|(run, _)| std::mem::take(&mut run.job.hasher)).collect();
            let slices: Vec<Vec<&[u8]>> =
                batch.iter().map(|(run, read)| back::in_order(&run.job, read)).collect();
            let to_hash = hashers.iter_mut().zip(&slices).map(|(hash, slices)| Run { hash, slices });
            hash::advance(&mut to_hash.collect::<Vec<_>>());
            drop(slices);
            for ((mut run, read), hasher) in batch.into_iter().zip(hashers) {
                run.job.hasher = hasher;
                if run.owner.is_wrong(&run.job) {
                    run.owner.mismatch(&run.job, &back::in_order(&run.job, &read));
                } else {
                    drop(read);
                    self.write_all(vec![run]);
                }
            }
        }
    }

    /// Writes blocks to their places, neighbours at once.
    fn spill(self: &Arc<Self>, owner: &Arc<Owner>, job: Spill) -> DiskDone {
        owner.begins(job.piece);
        for stretch in job.blocks.chunk_by(|(one, _), (next, _)| one + 1 == *next) {
            let begin = stretch.first().map_or(0, |(number, _)| number * BLOCK_LENGTH);
            let slices: Vec<IoSlice<'_>> = stretch.iter().map(|(_, block)| IoSlice::new(block)).collect();
            let bytes = slices.iter().map(|slice| slice.len() as u64).sum();
            let written = self.timed(owner, bytes, || owner.storage.write(job.piece, begin, &slices));
            if let Err(error) = written {
                return DiskDone::Unspilled { job, error };
            }
        }
        let crc = |block: &[u8]| Some(crc32fast::hash(block));
        let blocks = job.blocks.iter().map(|(number, block)| OnDisk { number: *number, crc: crc(block) });
        DiskDone::Spilled { piece: job.piece, blocks: blocks.collect() }
    }
}
