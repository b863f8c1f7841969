//! One piece on its way.

use std::time::Duration;

use super::{BLOCK_LENGTH, RUN_BYTES};
use crate::engine::disk::{Advance, Spill};
use crate::engine::pool::BlockBuf;
use crate::event::At;
use crate::hash::PieceHash;
use crate::metainfo::PieceIndex;
use crate::storage::OnDisk;

/// Pieces up to this length are handed over whole, bytes.
const WHOLE: u32 = 1 << 20;
/// Blocks of a larger piece are handed over in runs of this length.
const RUN_BLOCKS: u32 = RUN_BYTES / BLOCK_LENGTH;
/// Or, where as many wait, of this length. Runs hashed side by side should be equally long: what is left of the
/// longest when the others are at their end is hashed alone.
const LONGEST_RUN_BLOCKS: u32 = 2 * RUN_BLOCKS;

/// When a block came: milliseconds, which may wrap. Small, because there are very many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp(u32);

#[derive(Debug)]
pub(super) struct Piece {
    pub(super) slots: Vec<Slot>,
    /// Blocks here, handed over or on disk.
    pub(super) received: u32,
    /// Blocks handed over to be hashed: all before this number.
    pub(super) handed: u32,
    /// Blocks hashed and written: all before this number.
    pub(super) hashed: u32,
    /// Blocks in order from the first: all before this number were received.
    prefix: u32,
    /// Bytes of blocks that are here.
    pub(super) waiting_bytes: u64,
    /// No block that is here came before this.
    oldest: Stamp,
    /// When a block came last.
    pub(super) touched: Stamp,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Slot {
    Empty,
    Here(BlockBuf, Stamp),
    /// A worker has it, or it was hashed and written.
    Handed,
    /// It was spilled.
    OnDisk(Option<u32>),
}

#[derive(Debug)]
pub(super) enum Work {
    /// Nothing is under way; the hash of what was handed over.
    Idle(PieceHash),
    /// A run with this many bytes is under way.
    Busy(u64),
    /// So many bytes are being spilled; the hash waits here.
    Spilling(PieceHash, u64),
    /// The disk refused this job.
    Stuck(Box<Advance>),
    /// A job with this many bytes is under way that belongs to the piece as it was before it was given up: what
    /// comes of it means nothing, and until then nothing else of the piece may be written.
    Stale(u64),
}

impl Stamp {
    pub(super) fn of(at: At) -> Self {
        // Wraps after seven weeks, which no block waits.
        Self(at.as_millis() as u32)
    }

    /// How long ago it was.
    pub(super) fn age(self, now: Self) -> Duration {
        Duration::from_millis(u64::from(now.0.wrapping_sub(self.0)))
    }
}

impl Piece {
    pub(super) fn new(blocks: u32) -> Self {
        let slots = std::iter::repeat_with(|| Slot::Empty).take(blocks as usize).collect();
        let (work, never) = (Work::Idle(PieceHash::new()), Stamp(0));
        let (oldest, touched) = (never, never);
        Self { slots, received: 0, handed: 0, hashed: 0, prefix: 0, waiting_bytes: 0, oldest, touched, work }
    }

    /// A block stands on disk. False if there is none like it, or it is known.
    pub(super) fn restore(&mut self, block: OnDisk) -> bool {
        let Some(slot @ Slot::Empty) = self.slots.get_mut(block.number as usize) else { return false };
        *slot = Slot::OnDisk(block.crc);
        self.received += 1;
        self.grow_prefix();
        true
    }

    /// A block came. False if it is here already.
    pub(super) fn put(&mut self, number: u32, bytes: BlockBuf, now: Stamp) -> bool {
        let Some(slot @ Slot::Empty) = self.slots.get_mut(number as usize) else { return false };
        if self.waiting_bytes == 0 {
            self.oldest = now;
        }
        self.waiting_bytes += bytes.len() as u64;
        *slot = Slot::Here(bytes, now);
        self.touched = now;
        self.received += 1;
        self.grow_prefix();
        true
    }

    fn grow_prefix(&mut self) {
        while self.slots.get(self.prefix as usize).is_some_and(|slot| !matches!(slot, Slot::Empty)) {
            self.prefix += 1;
        }
    }

    /// The next run to hash and write.
    pub(super) fn next_run(&mut self, index: PieceIndex, length: u32) -> Option<Advance> {
        let (end, last) = self.end_of_next_run(length)?;
        let Work::Idle(hasher) = &mut self.work else { return None };
        let hasher = std::mem::take(hasher);
        let (begin, count) = (self.handed, (end - self.handed) as usize);
        let (mut blocks, mut back) = (Vec::with_capacity(count), Vec::new());
        for (slot, number) in self.slots[begin as usize..end as usize].iter_mut().zip(begin..) {
            match std::mem::replace(slot, Slot::Handed) {
                Slot::Here(block, _) => blocks.push(block),
                Slot::OnDisk(crc) => back.push(OnDisk { number, crc }),
                Slot::Empty | Slot::Handed => {}
            }
        }
        let job = Advance::new(index, hasher, begin * BLOCK_LENGTH, blocks, last).reading_back(back);
        self.handed = end;
        self.waiting_bytes -= job.bytes();
        self.work = Work::Busy(job.bytes());
        Some(job)
    }

    /// The block before which the next run ends, and whether that is the end of the piece.
    fn end_of_next_run(&self, length: u32) -> Option<(u32, bool)> {
        let count = self.slots.len() as u32;
        let ready = self.prefix - self.handed;
        let end = if self.prefix == count && (length <= WHOLE || ready <= LONGEST_RUN_BLOCKS) {
            count
        } else if length <= WHOLE {
            return None;
        } else {
            self.handed + (ready - ready % RUN_BLOCKS).min(LONGEST_RUN_BLOCKS)
        };
        (end > self.handed).then_some((end, end == count))
    }

    /// How long the oldest block that is here has waited, where it can be spilled.
    pub(super) fn waiting_since(&mut self, now: Stamp) -> Option<Duration> {
        if !self.can_spill() {
            return None;
        }
        // The oldest may have been handed over since: only one that seems too old is worth looking for.
        if self.oldest.age(now) >= super::SPILL_AFTER {
            let came = self.slots.iter().filter_map(|slot| match slot {
                Slot::Here(_, came) => Some(*came),
                _ => None,
            });
            self.oldest = came.max_by_key(|came| came.age(now))?;
        }
        Some(self.oldest.age(now))
    }

    pub(super) fn can_spill(&self) -> bool {
        self.waiting_bytes > 0 && matches!(self.work, Work::Idle(_))
    }

    /// All that is here, to be written to its place.
    pub(super) fn spill(&mut self, index: PieceIndex) -> Option<Spill> {
        if !self.can_spill() {
            return None;
        }
        let Work::Idle(hasher) = &mut self.work else { return None };
        let hasher = std::mem::take(hasher);
        let mut blocks = Vec::new();
        for (slot, number) in self.slots.iter_mut().zip(0..) {
            if matches!(slot, Slot::Here(..))
                && let Slot::Here(block, _) = std::mem::replace(slot, Slot::Handed)
            {
                blocks.push((number, block));
            }
        }
        let bytes = std::mem::take(&mut self.waiting_bytes);
        self.work = Work::Spilling(hasher, bytes);
        Some(Spill { piece: index, blocks })
    }

    /// The spill under way is done. Returns the bytes of memory it gave back.
    pub(super) fn spilled(&mut self, blocks: &[OnDisk]) -> u64 {
        for block in blocks {
            self.slots[block.number as usize] = Slot::OnDisk(block.crc);
        }
        self.end_spill()
    }

    pub(super) fn take_back_spill(&mut self, spill: Spill) {
        self.end_spill();
        for (number, block) in spill.blocks {
            self.put_back(number, block);
        }
    }

    fn end_spill(&mut self) -> u64 {
        match std::mem::replace(&mut self.work, Work::Idle(PieceHash::new())) {
            Work::Spilling(hasher, bytes) => {
                self.work = Work::Idle(hasher);
                bytes
            }
            other => {
                self.work = other;
                0
            }
        }
    }

    fn put_back(&mut self, number: u32, block: BlockBuf) {
        self.waiting_bytes += block.len() as u64;
        self.slots[number as usize] = Slot::Here(block, self.oldest);
    }

    /// The run under way is done. Returns the bytes of memory it gave back.
    pub(super) fn advanced(&mut self, hasher: PieceHash) -> u64 {
        self.hashed = self.handed;
        match std::mem::replace(&mut self.work, Work::Idle(hasher)) {
            Work::Busy(bytes) => bytes,
            Work::Idle(_) | Work::Spilling(..) | Work::Stuck(_) | Work::Stale(_) => 0,
        }
    }

    /// The run was not hashed, because these of its blocks are on disk no more.
    pub(super) fn take_back_run(&mut self, job: Advance, lost: &[u32]) {
        let begin = job.offset / BLOCK_LENGTH;
        let (mut blocks, mut back) = (job.blocks.into_iter(), job.back.into_iter().peekable());
        for number in begin..self.handed {
            if let Some(on_disk) = back.next_if(|on_disk| on_disk.number == number) {
                let is_lost = lost.contains(&number);
                self.received -= u32::from(is_lost);
                self.slots[number as usize] = if is_lost { Slot::Empty } else { Slot::OnDisk(on_disk.crc) };
            } else if let Some(block) = blocks.next() {
                self.put_back(number, block);
            }
        }
        self.work = Work::Idle(job.hasher);
        (self.handed, self.prefix) = (begin, begin);
        self.grow_prefix();
    }

    /// The job the disk refused, to be handed in again.
    pub(super) fn unstick(&mut self) -> Option<Advance> {
        let Work::Stuck(job) = &self.work else { return None };
        let bytes = job.bytes();
        match std::mem::replace(&mut self.work, Work::Busy(bytes)) {
            Work::Stuck(job) => Some(*job),
            Work::Idle(_) | Work::Busy(_) | Work::Spilling(..) | Work::Stale(_) => None,
        }
    }

    /// Bytes of its blocks, with a worker or not.
    pub(super) fn held_bytes(&self) -> u64 {
        let with_worker = match &self.work {
            Work::Idle(_) => 0,
            Work::Busy(bytes) | Work::Spilling(_, bytes) | Work::Stale(bytes) => *bytes,
            Work::Stuck(job) => job.bytes(),
        };
        self.waiting_bytes + with_worker
    }
}
