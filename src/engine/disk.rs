//! Threads that hash, write and read, so that no task of the runtime ever waits for a disk or a hash.
//!
//! A block is hashed in place and written from the buffer it arrived in. Hashing comes first: a piece that came
//! as a whole and is wrong is never written. What a worker did comes back as a [`DiskDone`]; where the disk
//! refused, with the very job, so that nothing has to be downloaded again when it has room.
//!
//! There is one [`DiskPool`] for a whole program; each torrent hands in its jobs through a [`TorrentDisk`].

mod alarm;
mod back;
mod digest;
mod job;
mod keeper;
mod owner;
mod pace;
mod queue;
mod syncers;
mod workers;

use std::num::NonZero;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

pub use job::{Advance, Spill, WriteJob};
pub use keeper::{Keeper, Notes, Remembered};
pub use syncers::Syncers;

use self::owner::Owner;
use self::queue::{Job, Read};
use self::workers::Workers;
use super::clock::Clock;
use super::mailbox;
use crate::hash::PieceHash;
use crate::metainfo::PieceIndex;
use crate::storage::{OnDisk, Storage, StorageError};
use crate::swarm::BlockDigest;

/// More threads than this do not help, and each may have a file in hand. There are as many where the disk is slow, however
/// few cores the machine has.
const MOST_WORKERS: usize = 8;

/// Bytes a read brings at most.
pub const MOST_READ_BYTES: u32 = 256 * 1024;

/// The workers of all torrents and their queue. Copies are the same; the workers end with the last of them and of the
/// torrents.
#[derive(Clone, Debug)]
pub struct DiskPool {
    lease: Arc<Lease>,
    syncers: Syncers,
}

/// What one torrent hands its jobs to.
#[derive(Debug)]
pub struct TorrentDisk {
    lease: Arc<Lease>,
    owner: Arc<Owner>,
}

/// The workers go on while anybody has this.
#[derive(Debug)]
struct Lease(Arc<Workers>);

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
    /// A worker panicked over a job of this torrent: what became of it is not known.
    Panicked,
}

impl DiskPool {
    /// As many workers as the machine has cores, up to eight.
    pub fn workers_here() -> usize {
        // Asked once: the answer stands in files of the system.
        static CORES: OnceLock<usize> = OnceLock::new();
        let cores = || std::thread::available_parallelism().map_or(2, NonZero::get);
        (*CORES.get_or_init(cores)).clamp(1, MOST_WORKERS)
    }

    /// A pool of this many workers, which start with the first torrent.
    pub fn new(workers: usize, clock: Clock) -> Self {
        Self { lease: Arc::new(Lease(Workers::new(workers, clock))), syncers: Syncers::new(clock) }
    }

    /// The threads that sync what was written.
    pub fn syncers(&self) -> Syncers {
        self.syncers.clone()
    }

    /// Serves a torrent. `keeper` hears of every piece written, `done` of everything.
    pub fn open(
        &self,
        storage: Arc<Storage>,
        keeper: Option<Arc<Keeper>>,
        done: mailbox::UnboundedSender<DiskDone>,
    ) -> TorrentDisk {
        let lease = Arc::clone(&self.lease);
        lease.0.join();
        TorrentDisk { lease, owner: Owner::new(storage, keeper, done) }
    }
}

impl TorrentDisk {
    /// Hashes and writes a run of blocks. One job at a time for each piece.
    pub fn advance(&self, run: Advance) {
        self.owner.pace.waits(run.bytes());
        self.lease.0.put_run(self.owner.owes(run));
    }

    /// Writes blocks to their places as they are. One job at a time for each piece.
    pub fn spill(&self, spill: Spill) {
        self.owner.pace.waits(spill.bytes());
        self.lease.0.put(Job::Spill(self.owner.owes(spill)));
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
        self.lease.0.put(Job::Check(Arc::clone(&self.owner), piece));
    }

    /// Reads a piece on disk and tells what each of its blocks is.
    pub fn digest(&self, piece: PieceIndex) {
        self.lease.0.put(Job::Digest(Arc::clone(&self.owner), piece));
    }

    /// The same as [`Self::read`], at once and without any wait for the disk: `None` where that cannot be.
    pub fn read_at_once(&self, piece: PieceIndex, begin: u32, length: u32) -> Option<Bytes> {
        let mut bytes = self.lease.0.reads.take(length);
        self.owner.storage.read_cached(piece, begin, &mut bytes).then(|| Bytes::from_owner(bytes))
    }

    /// Reads a range of a piece, which must lie in it and be no longer than [`MOST_READ_BYTES`]. The receiver fails
    /// when the torrent stops first.
    pub fn read(
        &self,
        piece: PieceIndex,
        begin: u32,
        length: u32,
    ) -> oneshot::Receiver<Result<Bytes, StorageError>> {
        let (reply, answer) = oneshot::channel();
        self.lease.0.put(Job::Read(Arc::clone(&self.owner), Read { piece, begin, length, reply }));
        answer
    }

    /// Jobs that no worker has begun yet, those of other torrents among them.
    pub fn queued(&self) -> usize {
        self.lease.0.queued()
    }

    /// How the disk keeps up.
    pub fn load(&self) -> Load {
        let pace = &self.owner.pace;
        Load {
            pending_bytes: pace.pending_bytes(),
            written_bytes: pace.written_bytes(),
            write_takes: pace.average(),
            lags: pace.lags(),
        }
    }

    /// From now on nothing of this torrent is hashed or written until that is allowed: what is handed in waits. Pieces that
    /// are on the disk are read.
    pub fn hold_writes(&self) -> HeldWrites {
        self.lease.0.hold_writes(&self.owner);
        HeldWrites { workers: Arc::clone(&self.lease.0), owner: Arc::clone(&self.owner) }
    }

    /// What is handed in is written from now on, where it was held.
    pub fn allow_writes(&self) {
        self.lease.0.allow_writes(&self.owner);
    }

    /// Waits until everything handed in is written, unless that is held, and drops reads and checks. Blocks.
    pub fn stop(self) {
        let owner = Arc::clone(&self.owner);
        drop(self);
        owner.wait_until_written();
    }
}

impl Drop for TorrentDisk {
    fn drop(&mut self) {
        self.lease.0.leave(&self.owner);
    }
}

/// What is handed in to be written waits.
#[derive(Debug)]
pub struct HeldWrites {
    workers: Arc<Workers>,
    owner: Arc<Owner>,
}

impl HeldWrites {
    /// From now on it is written.
    pub fn allow(&self) {
        self.workers.allow_writes(&self.owner);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests;
