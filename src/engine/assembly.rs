//! Pieces on their way: which blocks are here, who sent each, and when the disk workers get them.
//!
//! Sans-io: blocks and results go in, jobs come out. A piece of at most 1 MiB is handed over when it is complete;
//! of a larger one, whenever the blocks that follow what was handed over before make a run of 256 or 512 KiB, or end
//! the piece. A piece has one job at a time, because its hash runs in order.

use std::collections::HashMap;

use super::disk::Advance;
use super::pool::BlockBuf;
use crate::hash::PieceHash;
use crate::metainfo::{BLOCK_LENGTH, BlockRef, Geometry, PieceIndex};
use crate::swarm::{ConnKey, RUN_BYTES};

/// Pieces up to this length are handed over whole, bytes.
const WHOLE: u32 = 1 << 20;
/// Blocks of a larger piece are handed over in runs of this length.
const RUN_BLOCKS: u32 = RUN_BYTES / BLOCK_LENGTH;
/// Or, where as many wait, of this length. Runs hashed side by side should be equally long: what is left of the
/// longest when the others are at their end is hashed alone.
const LONGEST_RUN_BLOCKS: u32 = 2 * RUN_BLOCKS;

/// All pieces of one torrent that are on their way.
#[derive(Debug)]
pub struct Assembly {
    geometry: Geometry,
    pieces: HashMap<PieceIndex, Piece>,
    held_bytes: u64,
}

/// What became of a block that was put in.
#[derive(Debug, Default)]
pub struct Put {
    /// Whether it was not here yet.
    pub fresh: bool,
    /// Bytes of memory it gave back at once, because it was here already.
    pub freed_bytes: u64,
    /// What the disk workers can do now.
    pub job: Option<Advance>,
}

/// A job that ended, and what follows.
#[derive(Debug, Default)]
pub struct Advanced {
    /// Bytes of memory it gave back.
    pub freed_bytes: u64,
    /// What the disk workers can do next.
    pub job: Option<Advance>,
}

/// A piece that is no longer on its way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settled {
    /// Bytes of memory it gave back.
    pub freed_bytes: u64,
    /// Who sent how many of its blocks, by connection.
    pub contributors: Vec<(ConnKey, u32)>,
}

#[derive(Debug)]
struct Piece {
    slots: Vec<Slot>,
    /// Blocks here or handed over.
    received: u32,
    /// Blocks handed over: all before this number.
    handed: u32,
    /// Blocks in order from the first: all before this number are here or handed over.
    prefix: u32,
    work: Work,
}

#[derive(Debug)]
enum Slot {
    Empty,
    Here(BlockBuf, ConnKey),
    Handed(ConnKey),
}

#[derive(Debug)]
enum Work {
    /// Nothing is under way; the hash of what was handed over.
    Idle(PieceHash),
    /// A job with this many bytes is under way.
    Busy(u64),
    /// The disk refused this job.
    Stuck(Box<Advance>),
    /// A job with this many bytes is under way that belongs to the piece as it was before it was given up: what
    /// comes of it means nothing, and until then nothing else of the piece may be written.
    Stale(u64),
}

impl Assembly {
    /// Nothing is on its way.
    pub fn new(geometry: Geometry) -> Self {
        Self { geometry, pieces: HashMap::new(), held_bytes: 0 }
    }

    /// Takes a block of a piece that is not here yet.
    pub fn put(&mut self, block: BlockRef, bytes: BlockBuf, from: ConnKey) -> Put {
        let count = self.geometry.blocks_in(block.piece());
        let piece = self.pieces.entry(block.piece()).or_insert_with(|| Piece::new(count));
        let length = bytes.len() as u64;
        let slot = &mut piece.slots[block.number() as usize];
        if !matches!(slot, Slot::Empty) || length != u64::from(self.geometry.block_length(block)) {
            return Put { freed_bytes: length, ..Put::default() };
        }
        *slot = Slot::Here(bytes, from);
        piece.received += 1;
        while piece.slots.get(piece.prefix as usize).is_some_and(|slot| !matches!(slot, Slot::Empty)) {
            piece.prefix += 1;
        }
        self.held_bytes += length;
        Put { fresh: true, freed_bytes: 0, job: self.next_job(block.piece()) }
    }

    /// A job of this piece was hashed and written.
    pub fn advanced(&mut self, index: PieceIndex, hasher: PieceHash) -> Advanced {
        if let Some(job) = self.end_stale(index) {
            return Advanced { freed_bytes: 0, job };
        }
        let Some(piece) = self.pieces.get_mut(&index) else { return Advanced::default() };
        let freed_bytes = match std::mem::replace(&mut piece.work, Work::Idle(hasher)) {
            Work::Busy(bytes) => bytes,
            Work::Idle(_) | Work::Stuck(_) | Work::Stale(_) => 0,
        };
        self.held_bytes -= freed_bytes;
        Advanced { freed_bytes, job: self.next_job(index) }
    }

    /// The piece was verified, or its hash was wrong: it is no longer on its way.
    pub fn settled(&mut self, index: PieceIndex) -> Settled {
        let Some(piece) = self.pieces.remove(&index) else { return Settled::default() };
        let freed_bytes = piece.held_bytes();
        self.held_bytes -= freed_bytes;
        Settled { freed_bytes, contributors: piece.contributors() }
    }

    /// The disk refused this job; it is kept for [`Assembly::retry`]. One of a piece that was given up is
    /// forgotten instead, and the piece's next is returned.
    pub fn stuck(&mut self, job: Box<Advance>) -> Option<Advance> {
        if let Some(next) = self.end_stale(job.piece) {
            return next;
        }
        if let Some(piece) = self.pieces.get_mut(&job.piece) {
            piece.work = Work::Stuck(job);
        }
        None
    }

    /// Ends the stale job of the piece, if there is one. Returns what the disk workers can do next.
    fn end_stale(&mut self, index: PieceIndex) -> Option<Option<Advance>> {
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
        let stuck = self.pieces.values_mut().filter(|piece| matches!(piece.work, Work::Stuck(_)));
        stuck
            .filter_map(|piece| {
                let bytes = if let Work::Stuck(job) = &piece.work { job.bytes() } else { 0 };
                match std::mem::replace(&mut piece.work, Work::Busy(bytes)) {
                    Work::Stuck(job) => Some(*job),
                    Work::Idle(_) | Work::Busy(_) | Work::Stale(_) => None,
                }
            })
            .collect()
    }

    /// Lets go of all that is here of a piece and returns the bytes of memory given back; what a worker has of it
    /// follows when the worker is done. The piece can be begun anew at once.
    pub fn abandon(&mut self, index: PieceIndex) -> u64 {
        let Some(piece) = self.pieces.get_mut(&index) else { return 0 };
        let (Work::Busy(bytes) | Work::Stale(bytes)) = piece.work else {
            return self.settled(index).freed_bytes;
        };
        let freed_bytes = piece.held_bytes() - bytes;
        *piece = Piece::new(self.geometry.blocks_in(index));
        piece.work = Work::Stale(bytes);
        self.held_bytes -= freed_bytes;
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

    fn next_job(&mut self, index: PieceIndex) -> Option<Advance> {
        let length = self.geometry.length_of(index);
        self.pieces.get_mut(&index)?.next_job(index, length)
    }
}

impl Piece {
    fn new(blocks: u32) -> Self {
        let slots = std::iter::repeat_with(|| Slot::Empty).take(blocks as usize).collect();
        Self { slots, received: 0, handed: 0, prefix: 0, work: Work::Idle(PieceHash::new()) }
    }

    fn next_job(&mut self, index: PieceIndex, length: u32) -> Option<Advance> {
        let (end, last) = self.end_of_next_job(length)?;
        let Work::Idle(hasher) = &mut self.work else { return None };
        let hasher = std::mem::take(hasher);
        let run = self.handed as usize..end as usize;
        let mut blocks = Vec::with_capacity(run.len());
        for slot in &mut self.slots[run] {
            if let Slot::Here(_, from) = slot {
                let from = *from;
                if let Slot::Here(block, _) = std::mem::replace(slot, Slot::Handed(from)) {
                    blocks.push(block);
                }
            }
        }
        let job = Advance::new(index, hasher, self.handed * BLOCK_LENGTH, blocks, last);
        self.handed = end;
        self.work = Work::Busy(job.bytes());
        Some(job)
    }

    /// The block before which the next job ends, and whether that is the end of the piece.
    fn end_of_next_job(&self, length: u32) -> Option<(u32, bool)> {
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

    fn held_bytes(&self) -> u64 {
        let here =
            self.slots.iter().map(|slot| if let Slot::Here(block, _) = slot { block.len() } else { 0 });
        let with_worker = match &self.work {
            Work::Idle(_) => 0,
            Work::Busy(bytes) | Work::Stale(bytes) => *bytes,
            Work::Stuck(job) => job.bytes(),
        };
        here.sum::<usize>() as u64 + with_worker
    }

    fn contributors(&self) -> Vec<(ConnKey, u32)> {
        let mut from: Vec<ConnKey> = self
            .slots
            .iter()
            .filter_map(|slot| match slot {
                Slot::Empty => None,
                Slot::Here(_, from) | Slot::Handed(from) => Some(*from),
            })
            .collect();
        from.sort_unstable();
        from.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::pool::BlockPool;

    const US: ConnKey = ConnKey(1);

    struct Case {
        geometry: Geometry,
        assembly: Assembly,
        pool: Arc<BlockPool>,
    }

    impl Case {
        fn new(total: u64, piece_bytes: u32) -> Self {
            let geometry = Geometry::new(total, piece_bytes).unwrap();
            Self { geometry, assembly: Assembly::new(geometry), pool: BlockPool::new(0) }
        }

        fn block(&self, piece: u32, number: u32) -> BlockRef {
            self.geometry.block(self.geometry.piece(piece).unwrap(), number).unwrap()
        }

        fn put(&mut self, piece: u32, number: u32, from: ConnKey) -> Put {
            let block = self.block(piece, number);
            let bytes = self.pool.take(self.geometry.block_length(block));
            self.assembly.put(block, bytes, from)
        }
    }

    #[test]
    fn a_small_piece_is_handed_over_whole() {
        let mut case = Case::new(200_000, 100_000);
        for number in [6, 0, 1, 2, 4, 5] {
            assert!(case.put(1, number, US).job.is_none());
        }
        assert_eq!(
            case.assembly.missing(case.geometry.piece(1).unwrap()).map(BlockRef::number).collect::<Vec<_>>(),
            [3]
        );
        let job = case.put(1, 3, US).job.unwrap();
        assert_eq!((job.offset, job.blocks.len(), job.bytes(), job.last), (0, 7, 100_000, true));
        assert_eq!(case.assembly.held_bytes(), 100_000);
        let settled = case.assembly.settled(job.piece);
        assert_eq!((settled.freed_bytes, case.assembly.held_bytes()), (100_000, 0));
        assert_eq!(settled.contributors, [(US, 7)]);
    }

    #[test]
    fn a_large_piece_is_handed_over_in_runs_one_at_a_time() {
        let mut case = Case::new(2 << 20, 2 << 20);
        let piece = case.geometry.piece(0).unwrap();
        for number in 0..15 {
            assert!(case.put(0, number, US).job.is_none());
        }
        let job = case.put(0, 15, US).job.unwrap();
        assert_eq!((job.offset, job.blocks.len(), job.last), (0, 16, false));
        for number in 16..60 {
            assert!(case.put(0, number, US).job.is_none(), "one at a time");
        }
        let next = case.assembly.advanced(piece, PieceHash::new());
        assert_eq!(next.freed_bytes, 256 << 10);
        let job = next.job.unwrap();
        assert_eq!((job.offset, job.blocks.len(), job.last), (256 << 10, 32, false), "whole runs");
        let next = case.assembly.advanced(piece, PieceHash::new());
        assert!(next.job.is_none());
        for number in 60..128 {
            let job = case.put(0, number, US).job;
            assert_eq!(job.map(|job| job.blocks.len()), (number == 63).then_some(16));
        }
        for (offset, blocks, last) in [(1 << 20, 32, false), (3 << 19, 32, true)] {
            let job = case.assembly.advanced(piece, PieceHash::new()).job.unwrap();
            assert_eq!(
                (job.offset, job.blocks.len(), job.last),
                (offset, blocks, last),
                "none longer than two"
            );
        }
    }

    #[test]
    fn a_block_that_is_here_gives_its_memory_back() {
        let mut case = Case::new(2 << 20, 2 << 20);
        assert!(case.put(0, 3, US).fresh);
        for again in [US, ConnKey(2)] {
            let put = case.put(0, 3, again);
            assert_eq!((put.fresh, put.freed_bytes), (false, u64::from(BLOCK_LENGTH)));
        }
        for number in 0..16 {
            case.put(0, number, US);
        }
        let put = case.put(0, 5, ConnKey(2));
        assert!(!put.fresh, "also when it was handed over");
        assert_eq!(case.assembly.settled(case.geometry.piece(0).unwrap()).contributors, [(US, 16)]);
    }

    #[test]
    fn a_block_of_the_wrong_length_is_not_taken() {
        let mut case = Case::new(100_000, 100_000);
        let bytes = case.pool.take(100);
        let put = case.assembly.put(case.block(0, 0), bytes, US);
        assert_eq!((put.fresh, put.freed_bytes), (false, 100));
    }

    #[test]
    fn remembers_who_sent_each_block() {
        let mut case = Case::new(100_000, 100_000);
        for number in 0..7 {
            case.put(0, number, ConnKey(number % 3));
        }
        let settled = case.assembly.settled(case.geometry.piece(0).unwrap());
        assert_eq!(settled.contributors, [(ConnKey(0), 3), (ConnKey(1), 2), (ConnKey(2), 2)]);
    }

    #[test]
    fn a_refused_job_waits_and_is_handed_in_again() {
        let mut case = Case::new(32_768, 32_768);
        case.put(0, 0, US);
        let job = case.put(0, 1, US).job.unwrap();
        let piece = job.piece;
        assert!(case.assembly.stuck(Box::new(job)).is_none());
        assert_eq!(case.assembly.held_bytes(), 32_768);
        let again = case.assembly.retry();
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].bytes(), 32_768);
        assert!(case.assembly.retry().is_empty());
        assert_eq!(case.assembly.settled(piece).freed_bytes, 32_768);
    }

    #[test]
    fn an_abandoned_piece_begins_anew() {
        let mut case = Case::new(32_768, 32_768);
        case.put(0, 1, US);
        let piece = case.geometry.piece(0).unwrap();
        assert_eq!(case.assembly.abandon(piece), 16_384);
        assert_eq!((case.assembly.held_bytes(), case.assembly.received(piece)), (0, 0));
        assert!(case.put(0, 1, US).fresh);
    }

    #[test]
    fn a_piece_given_up_while_a_worker_has_a_part_takes_blocks_and_waits_for_the_worker() {
        let mut case = Case::new(2 << 20, 2 << 20);
        let piece = case.geometry.piece(0).unwrap();
        for number in 0..16 {
            case.put(0, number, US);
        }
        case.put(0, 20, US);
        assert_eq!(case.assembly.abandon(piece), 16_384);
        for number in 0..128 {
            let put = case.put(0, number, ConnKey(2));
            assert!(put.fresh && put.job.is_none(), "what is written first must not be written last");
        }
        let next = case.assembly.advanced(piece, PieceHash::new());
        assert_eq!(next.freed_bytes, 0, "given back when it was given up");
        let job = next.job.unwrap();
        assert_eq!((job.offset, job.blocks.len(), job.last), (0, 32, false));
        assert_eq!(case.assembly.settled(piece).contributors, [(ConnKey(2), 128)]);
        assert_eq!(case.assembly.held_bytes(), 0);
    }

    #[test]
    fn nothing_is_left_of_a_piece_given_up_and_not_begun_anew() {
        for refused in [false, true] {
            let mut case = Case::new(2 << 20, 2 << 20);
            let piece = case.geometry.piece(0).unwrap();
            let job = (0..16).find_map(|number| case.put(0, number, US).job).unwrap();
            assert_eq!(case.assembly.abandon(piece), 0);
            let next = if refused {
                case.assembly.stuck(Box::new(job))
            } else {
                case.assembly.advanced(piece, PieceHash::new()).job
            };
            assert!(next.is_none());
            assert_eq!((case.assembly.held_bytes(), case.assembly.pieces().count()), (0, 0));
        }
    }

    proptest! {
        #[test]
        fn blocks_in_any_order_are_handed_over_once_and_in_order(
            total in 1u64..5_000_000,
            piece_bytes in prop_oneof![1u32..100_000, 1_000_000u32..4_000_000],
            seed: u64,
        ) {
            prop_assume!(total / u64::from(piece_bytes) < 60);
            let mut case = Case::new(total, piece_bytes);
            let mut random = fastrand::Rng::with_seed(seed);
            let mut order: Vec<BlockRef> =
                case.geometry.pieces().flat_map(|piece| case.geometry.blocks_of(piece)).collect();
            random.shuffle(&mut order);
            let mut running: Vec<Advance> = Vec::new();
            let mut reached: HashMap<PieceIndex, u64> = HashMap::new();
            let mut charged = 0;
            let mut finish = |case: &mut Case, charged: &mut u64, job: Advance, running: &mut Vec<Advance>| {
                let at = reached.entry(job.piece).or_default();
                assert_eq!(*at, u64::from(job.offset));
                *at += job.bytes();
                let (piece, last) = (job.piece, job.last);
                assert_eq!(last, *at == u64::from(case.geometry.length_of(piece)));
                drop(job);
                if last {
                    *charged -= case.assembly.settled(piece).freed_bytes;
                } else {
                    let next = case.assembly.advanced(piece, PieceHash::new());
                    *charged -= next.freed_bytes;
                    running.extend(next.job);
                }
            };
            for block in order {
                let length = case.geometry.block_length(block);
                charged += u64::from(length);
                let put = case.assembly.put(block, case.pool.take(length), US);
                prop_assert!(put.fresh);
                running.extend(put.job);
                if !running.is_empty() && random.bool() {
                    let job = running.swap_remove(random.usize(..running.len()));
                    finish(&mut case, &mut charged, job, &mut running);
                }
                prop_assert_eq!(case.assembly.held_bytes(), charged);
            }
            while let Some(job) = running.pop() {
                finish(&mut case, &mut charged, job, &mut running);
            }
            prop_assert_eq!((charged, case.assembly.held_bytes(), case.assembly.pieces().count()), (0, 0, 0));
        }
    }
}
