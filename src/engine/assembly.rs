//! Pieces on their way: which blocks are here, and when the disk workers get them.
//!
//! Sans-io: blocks and results go in, jobs come out. A piece of at most 1 MiB is handed over when it is complete;
//! of a larger one, whenever the blocks that follow what was handed over before make a run of 256 or 512 KiB, or end
//! the piece. Such a run is hashed and written from memory.
//!
//! Blocks that wait too long for that, or for which memory is short, are *spilled*: written to their place in the
//! file without being hashed, and read back when the run they belong to is complete. A piece has one job at a time,
//! because its hash runs in order.

mod piece;

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use self::piece::{Piece, Slot, Stamp, Work};
use super::disk::{Advance, Spill, WriteJob};
use super::pool::BlockBuf;
use crate::event::At;
use crate::hash::PieceHash;
use crate::metainfo::{BLOCK_LENGTH, BlockRef, Geometry, PieceIndex};
use crate::storage::OnDisk;
use crate::swarm::RUN_BYTES;

/// A block is spilled when it has waited this long: with the time it takes to notice and to write, it is on its way to
/// the disk within five seconds.
pub const SPILL_AFTER: Duration = Duration::from_secs(4);

/// All pieces of one torrent that are on their way.
#[derive(Debug)]
pub struct Assembly {
    geometry: Geometry,
    pieces: HashMap<PieceIndex, Piece>,
    /// Bytes of blocks held, with the workers or not.
    held_bytes: u64,
    /// Those that no worker has.
    waiting_bytes: u64,
    /// Above so many of them, blocks are spilled.
    most_waiting_bytes: u64,
    /// More waits than may, although all that could be spilled is: what comes to wait is spilled as soon as it can be.
    short: bool,
    /// The disk refused a job that waits for [`Assembly::retry`]: nothing is spilled until then.
    refused: bool,
    /// The end is near: everything is handed over as soon as it can be.
    flushing: bool,
}

/// What became of a block that was put in.
#[derive(Debug, Default)]
pub struct Put {
    /// Whether it was not here yet.
    pub fresh: bool,
    /// Bytes of memory it gave back at once, because it was here already.
    pub freed_bytes: u64,
    /// What the disk workers can do now.
    pub job: Option<WriteJob>,
}

/// A job that ended, and what follows.
#[derive(Debug, Default)]
pub struct Ended {
    /// Whether the piece is still that of the job; what was written for one that was given up means nothing.
    pub current: bool,
    /// Bytes of memory it gave back.
    pub freed_bytes: u64,
    /// The blocks that are hashed and written now.
    pub hashed: Range<u32>,
    /// What the disk workers can do next.
    pub job: Option<WriteJob>,
}

impl Assembly {
    /// Nothing is on its way. Blocks are spilled while more than `most_waiting_bytes` wait for the rest of their run.
    pub fn new(geometry: Geometry, most_waiting_bytes: u64) -> Self {
        Self {
            geometry,
            pieces: HashMap::new(),
            held_bytes: 0,
            waiting_bytes: 0,
            most_waiting_bytes,
            short: false,
            refused: false,
            flushing: false,
        }
    }

    /// Takes up blocks that stand on disk already, of pieces that are not on their way yet. Returns what the disk
    /// workers can do with them.
    pub fn restore(&mut self, kept: impl IntoIterator<Item = (PieceIndex, OnDisk)>) -> Vec<WriteJob> {
        let mut restored = Vec::new();
        for (index, block) in kept {
            let count = self.geometry.blocks_in(index);
            let piece = self.pieces.entry(index).or_insert_with(|| Piece::new(count));
            if piece.restore(block) && restored.last() != Some(&index) {
                restored.push(index);
            }
        }
        restored.into_iter().filter_map(|index| self.next_job(index)).collect()
    }

    /// Takes a block of a piece that is not here yet.
    pub fn put(&mut self, block: BlockRef, bytes: BlockBuf, now: At) -> Put {
        let count = self.geometry.blocks_in(block.piece());
        let piece = self.pieces.entry(block.piece()).or_insert_with(|| Piece::new(count));
        let length = bytes.len() as u64;
        if length != u64::from(self.geometry.block_length(block))
            || !piece.put(block.number(), bytes, Stamp::of(now))
        {
            return Put { freed_bytes: length, ..Put::default() };
        }
        self.held_bytes += length;
        self.waiting_bytes += length;
        Put { fresh: true, freed_bytes: 0, job: self.next_run_or_spill(block.piece(), false) }
    }

    /// What has waited too long, or must make room, to be written to its place now.
    pub fn spills(&mut self, now: At) -> Vec<Spill> {
        if self.refused {
            return Vec::new();
        }
        let stamp = Stamp::of(now);
        let is_due = |piece: &mut Piece| piece.waiting_since(stamp).is_some_and(|age| age >= SPILL_AFTER);
        let due: Vec<PieceIndex> =
            self.pieces.iter_mut().filter_map(|(index, piece)| is_due(piece).then_some(*index)).collect();
        due.into_iter().filter_map(|index| self.spill(index)).collect()
    }

    /// From now on blocks are spilled while more than so many bytes wait for the rest of their run.
    pub fn limit_waiting(&mut self, most_waiting_bytes: u64) {
        self.most_waiting_bytes = most_waiting_bytes;
    }

    /// What has to be written to its place because memory is short: first of the pieces that no block came of for
    /// longest, until a quarter is free again.
    pub fn relieve(&mut self, now: At) -> Vec<Spill> {
        self.short &= self.is_above_relief();
        // Where it is short already, nothing more can be spilled than what came since, which is.
        if self.waiting_bytes <= self.most_waiting_bytes || self.refused || self.short {
            return Vec::new();
        }
        let stamp = Stamp::of(now);
        let idle = self.pieces.iter().filter(|(_, piece)| piece.can_spill());
        let mut by_rest: Vec<(Duration, PieceIndex)> =
            idle.map(|(index, piece)| (piece.touched.age(stamp), *index)).collect();
        by_rest.sort_unstable_by(|a, b| b.cmp(a));
        let mut spills = Vec::new();
        for (_, index) in by_rest {
            if !self.is_above_relief() {
                break;
            }
            spills.extend(self.spill(index));
        }
        self.short = self.is_above_relief();
        spills
    }

    fn is_above_relief(&self) -> bool {
        self.waiting_bytes > self.most_waiting_bytes / 4 * 3
    }

    /// Everything that waits, to be written to its place: the end is near. What follows from jobs under way comes from
    /// their ends.
    pub fn flush(&mut self) -> Vec<Spill> {
        self.flushing = true;
        let waiting: Vec<PieceIndex> = self.pieces.keys().copied().collect();
        waiting.into_iter().filter_map(|index| self.spill(index)).collect()
    }

    /// Whether workers have something of it, or are to get it once the job before it ends.
    pub fn is_writing(&self) -> bool {
        self.pieces
            .values()
            .any(|piece| matches!(piece.work, Work::Busy(_) | Work::Spilling(..) | Work::Stale(_)))
    }

    /// A run of this piece was hashed and written.
    pub fn advanced(&mut self, index: PieceIndex, hasher: PieceHash) -> Ended {
        if let Some(job) = self.end_stale(index) {
            return Ended { job, ..Ended::default() };
        }
        let Some(piece) = self.pieces.get_mut(&index) else { return Ended::default() };
        let hashed = piece.hashed..piece.handed;
        let freed_bytes = piece.advanced(hasher);
        self.held_bytes -= freed_bytes;
        Ended { current: true, freed_bytes, hashed, job: self.next_job(index) }
    }

    /// These blocks of the piece were written to their places.
    pub fn spilled(&mut self, index: PieceIndex, blocks: &[OnDisk]) -> Ended {
        if let Some(job) = self.end_stale(index) {
            return Ended { job, ..Ended::default() };
        }
        let Some(piece) = self.pieces.get_mut(&index) else { return Ended::default() };
        let freed_bytes = piece.spilled(blocks);
        self.held_bytes -= freed_bytes;
        Ended { current: true, freed_bytes, hashed: 0..0, job: self.next_job(index) }
    }

    /// The disk refused to take these blocks: they wait as before, until [`Assembly::retry`].
    pub fn unspilled(&mut self, spill: Spill) -> Option<WriteJob> {
        self.refused = true;
        let index = spill.piece;
        if let Some(next) = self.end_stale(index) {
            return next;
        }
        if let Some(piece) = self.pieces.get_mut(&index) {
            self.waiting_bytes += spill.bytes();
            piece.take_back_spill(spill);
        }
        self.next_job(index)
    }

    /// Blocks of this run that had been written are on disk no more, or not as they were: these are missing again.
    /// The others are kept.
    pub fn lost(&mut self, job: Advance, numbers: &[u32]) -> (Vec<BlockRef>, Option<WriteJob>) {
        let index = job.piece;
        if let Some(next) = self.end_stale(index) {
            return (Vec::new(), next);
        }
        let Some(piece) = self.pieces.get_mut(&index) else { return (Vec::new(), None) };
        self.waiting_bytes += job.bytes();
        piece.take_back_run(job, numbers);
        let lost = numbers.iter().filter_map(|number| self.geometry.block(index, *number)).collect();
        (lost, self.next_job(index))
    }

    /// The piece was verified, or its hash was wrong: it is no longer on its way. Returns the bytes of memory it gave
    /// back.
    pub fn settled(&mut self, index: PieceIndex) -> u64 {
        let Some(piece) = self.pieces.remove(&index) else { return 0 };
        let freed_bytes = piece.held_bytes();
        self.held_bytes -= freed_bytes;
        self.waiting_bytes -= piece.waiting_bytes;
        freed_bytes
    }

    /// The disk refused this job; it is kept for [`Assembly::retry`]. One of a piece that was given up is
    /// forgotten instead, and the piece's next is returned.
    pub fn stuck(&mut self, job: Box<Advance>) -> Option<WriteJob> {
        if let Some(next) = self.end_stale(job.piece) {
            return next;
        }
        self.refused = true;
        if let Some(piece) = self.pieces.get_mut(&job.piece) {
            piece.work = Work::Stuck(job);
        }
        None
    }

    /// Ends the stale job of the piece, if there is one. Returns what the disk workers can do next.
    fn end_stale(&mut self, index: PieceIndex) -> Option<Option<WriteJob>> {
        let piece = self.pieces.get_mut(&index)?;
        let Work::Stale(bytes) = piece.work else { return None };
        piece.work = Work::Idle(PieceHash::new());
        self.held_bytes -= bytes;
        if piece.received == 0 {
            self.pieces.remove(&index);
        }
        Some(self.next_job(index))
    }

    /// All jobs the disk refused, to be handed in again.
    pub fn retry(&mut self) -> Vec<Advance> {
        // What the disk refused is not spilled yet.
        (self.refused, self.short) = (false, false);
        self.pieces.values_mut().filter_map(Piece::unstick).collect()
    }

    /// Lets go of all that is here of a piece and returns the bytes of memory given back; what a worker has of it
    /// follows when the worker is done. The piece can be begun anew at once.
    pub fn abandon(&mut self, index: PieceIndex) -> u64 {
        let Some(piece) = self.pieces.get_mut(&index) else { return 0 };
        let (Work::Busy(bytes) | Work::Spilling(_, bytes) | Work::Stale(bytes)) = piece.work else {
            return self.settled(index);
        };
        let freed_bytes = piece.waiting_bytes;
        *piece = Piece::new(self.geometry.blocks_in(index));
        piece.work = Work::Stale(bytes);
        self.held_bytes -= freed_bytes;
        self.waiting_bytes -= freed_bytes;
        freed_bytes
    }

    /// Whether the block is here, or was and is handed over.
    pub fn has(&self, block: BlockRef) -> bool {
        let slot = self.pieces.get(&block.piece()).and_then(|piece| piece.slots.get(block.number() as usize));
        slot.is_some_and(|slot| !matches!(slot, Slot::Empty))
    }

    /// The blocks of the piece that are not here, in order.
    pub fn missing(&self, index: PieceIndex) -> impl Iterator<Item = BlockRef> + '_ {
        self.geometry.blocks_of(index).filter(|&block| !self.has(block))
    }

    /// Blocks of the piece that are here, or were and are handed over.
    pub fn received(&self, index: PieceIndex) -> u32 {
        self.pieces.get(&index).map_or(0, |piece| piece.received)
    }

    /// The pieces on their way, in no order.
    pub fn pieces(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        self.pieces.keys().copied()
    }

    /// Bytes of blocks held, with the workers or not.
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// What follows a job that ended: where memory is short no block may come any more that would bring room about.
    fn next_job(&mut self, index: PieceIndex) -> Option<WriteJob> {
        let spills = self.flushing || self.waiting_bytes > self.most_waiting_bytes;
        self.next_run_or_spill(index, spills)
    }

    fn next_run_or_spill(&mut self, index: PieceIndex, spills: bool) -> Option<WriteJob> {
        if let Some(run) = self.next_run(index) {
            return Some(WriteJob::Advance(run));
        }
        self.short &= self.is_above_relief();
        if (spills || self.short) && !self.refused { self.spill(index).map(WriteJob::Spill) } else { None }
    }

    fn next_run(&mut self, index: PieceIndex) -> Option<Advance> {
        let length = self.geometry.length_of(index);
        let run = self.pieces.get_mut(&index)?.next_run(index, length)?;
        self.waiting_bytes -= run.bytes();
        Some(run)
    }

    fn spill(&mut self, index: PieceIndex) -> Option<Spill> {
        let spill = self.pieces.get_mut(&index)?.spill(index)?;
        self.waiting_bytes -= spill.bytes();
        Some(spill)
    }
}

#[cfg(test)]
mod tests;
