//! The pieces being fetched: which block was granted to whom, and which is here.

use std::collections::BTreeMap;

use super::ConnKey;
use crate::event::{At, BlockRun, BlockState, PeerKey};
use crate::metainfo::{BLOCK_LENGTH, BlockRef, Geometry, PieceIndex};

/// Pieces up to this length are charged to memory whole when opened, and hashed and written when complete.
/// Longer ones are charged by the block, and written as their beginning grows.
const WHOLE_PIECE_BYTES: u32 = 1024 * 1024;

/// The most peers that are asked for the same block.
const MOST_ASKED: usize = 3;

#[derive(Clone, PartialEq, Eq, Debug)]
enum Slot {
    Free,
    Granted([Option<ConnKey>; MOST_ASKED]),
    Here(PeerKey),
}

/// A piece being fetched.
pub(super) struct OpenPiece {
    slots: Vec<Slot>,
    free: u32,
    here: u32,
    /// No block below this one is free.
    first_free: u32,
    /// One more than the highest block ever granted.
    pub(super) high: u32,
    /// Whose piece it is while that peer is quick.
    pub(super) owner: Option<ConnKey>,
    /// Only its owner may send any of it: it failed before, and this shows who sends wrong data.
    pub(super) alone: bool,
    /// When a block of it last came.
    pub(super) touched: At,
    /// When its blocks were last told of.
    told: At,
    /// Whether any of them changed since.
    changed: bool,
    /// Bytes of memory it is charged with.
    charged: u64,
}

/// What became of a block that arrived.
pub(super) enum Arrived {
    /// It was missing; these others were asked for it too.
    Wanted { cancel: Vec<ConnKey> },
    /// It is here already, or nothing of its piece is wanted.
    Useless,
}

impl OpenPiece {
    fn new(blocks: u32, now: At) -> Self {
        let slots = vec![Slot::Free; blocks as usize];
        Self {
            slots,
            free: blocks,
            here: 0,
            first_free: 0,
            high: 0,
            owner: None,
            alone: false,
            touched: now,
            told: now,
            changed: false,
            charged: 0,
        }
    }

    pub(super) fn has_free(&self) -> bool {
        self.free > 0
    }

    pub(super) fn missing(&self) -> u32 {
        self.slots.len() as u32 - self.here
    }

    /// The lowest block nobody was granted.
    fn next_free(&mut self) -> Option<u32> {
        while let Some(slot) = self.slots.get(self.first_free as usize) {
            if *slot == Slot::Free {
                return Some(self.first_free);
            }
            self.first_free += 1;
        }
        None
    }

    /// How its blocks stand, those that stand alike together.
    fn runs(&self, peer_of: impl Fn(ConnKey) -> Option<PeerKey>) -> Vec<BlockRun> {
        let mut runs: Vec<BlockRun> = Vec::new();
        for alike in self.slots.chunk_by(|one, next| one == next) {
            let state = match &alike[0] {
                Slot::Free => BlockState::Free,
                Slot::Granted(owners) => {
                    BlockState::Asked(owners.iter().flatten().filter_map(|owner| peer_of(*owner)).collect())
                }
                Slot::Here(peer) => BlockState::Here(*peer),
            };
            runs.push(BlockRun { count: alike.len() as u32, state });
        }
        runs
    }

    /// Who sent blocks of it, each once.
    pub(super) fn senders(&self) -> Vec<PeerKey> {
        let mut senders: Vec<PeerKey> = self
            .slots
            .iter()
            .filter_map(|slot| if let Slot::Here(peer) = slot { Some(*peer) } else { None })
            .collect();
        senders.sort_unstable();
        senders.dedup();
        senders
    }
}

/// Every piece being fetched, and the memory they are charged with.
pub(super) struct OpenPieces {
    geometry: Geometry,
    open: BTreeMap<PieceIndex, OpenPiece>,
    charged: u64,
    high_mark: u64,
}

impl OpenPieces {
    /// `high_mark`: bytes that may be charged before nothing more is opened.
    pub(super) fn new(geometry: Geometry, high_mark: u64) -> Self {
        Self { geometry, open: BTreeMap::new(), charged: 0, high_mark }
    }

    pub(super) fn high_mark(&self) -> u64 {
        self.high_mark
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PieceIndex, &OpenPiece)> {
        self.open.iter().map(|(piece, open)| (*piece, open))
    }

    pub(super) fn piece(&mut self, piece: PieceIndex) -> Option<&mut OpenPiece> {
        self.open.get_mut(&piece)
    }

    /// Whether memory lets another piece be opened.
    pub(super) fn may_open(&self, piece: PieceIndex) -> bool {
        let charge = if self.whole() { u64::from(self.geometry.length_of(piece)) } else { 0 };
        self.charged == 0 || self.charged + charge < self.high_mark
    }

    /// Whether memory lets any other piece be opened, the shortest last one at least.
    pub(super) fn may_open_any(&self) -> bool {
        self.geometry.piece(self.geometry.piece_count() - 1).is_none_or(|last| self.may_open(last))
    }

    /// Whether memory is what keeps others from being asked for more.
    pub(super) fn is_tight(&self) -> bool {
        let least = if self.whole() { self.geometry.piece_bytes() } else { BLOCK_LENGTH };
        self.charged + u64::from(least) >= self.high_mark
    }

    /// The time while nothing was asked for does not count against any piece.
    pub(super) fn touch_all(&mut self, now: At) {
        self.open.values_mut().for_each(|open| open.touched = now);
    }

    pub(super) fn open(&mut self, piece: PieceIndex, now: At) -> &mut OpenPiece {
        let charge = if self.whole() { u64::from(self.geometry.length_of(piece)) } else { 0 };
        self.charged += charge;
        let blocks = self.geometry.blocks_in(piece);
        let open = self.open.entry(piece).or_insert_with(|| OpenPiece::new(blocks, now));
        open.charged += charge;
        open
    }

    /// Gives up to `most` free blocks of the piece to the connection, lowest first. Where blocks are charged
    /// one by one, memory ends it too, but never for a block below one already granted: the gap it fills is
    /// what frees memory.
    pub(super) fn grant(&mut self, piece: PieceIndex, to: ConnKey, most: u32) -> Vec<BlockRef> {
        let whole = self.whole();
        let Some(open) = self.open.get_mut(&piece) else { return Vec::new() };
        let mut granted = Vec::new();
        while granted.len() < most as usize
            && let Some(number) = open.next_free()
            && let Some(block) = self.geometry.block(piece, number)
        {
            let charge = u64::from(self.geometry.block_length(block));
            if !whole {
                if number >= open.high && self.charged > 0 && self.charged + charge > self.high_mark {
                    break;
                }
                self.charged += charge;
                open.charged += charge;
            }
            open.slots[number as usize] = Slot::Granted([Some(to), None, None]);
            open.free -= 1;
            open.high = open.high.max(number + 1);
            granted.push(block);
        }
        open.changed |= !granted.is_empty();
        granted
    }

    /// Up to `most` blocks that were granted to others and not to this connection, for the end of a download.
    pub(super) fn share(&mut self, piece: PieceIndex, to: ConnKey, most: usize) -> Vec<BlockRef> {
        let Some(open) = self.open.get_mut(&piece) else { return Vec::new() };
        if open.alone {
            return Vec::new();
        }
        let mut shared = Vec::new();
        // From the end: its first owner works from the beginning.
        for (number, slot) in open.slots.iter_mut().enumerate().rev() {
            if shared.len() == most {
                break;
            }
            if let Slot::Granted(owners) = slot
                && !owners.contains(&Some(to))
                && let Some(vacant) = owners.iter_mut().find(|owner| owner.is_none())
                && let Some(block) = self.geometry.block(piece, number as u32)
            {
                *vacant = Some(to);
                shared.push(block);
            }
        }
        open.changed |= !shared.is_empty();
        shared
    }

    /// The connection gives the block back: it was choked, refused, or closed.
    pub(super) fn release(&mut self, block: BlockRef, from: ConnKey) {
        let whole = self.whole();
        let Some(open) = self.open.get_mut(&block.piece()) else { return };
        let slot = &mut open.slots[block.number() as usize];
        let Slot::Granted(owners) = slot else { return };
        for owner in owners.iter_mut().filter(|owner| **owner == Some(from)) {
            *owner = None;
        }
        open.changed = true;
        if owners.iter().all(Option::is_none) {
            *slot = Slot::Free;
            open.free += 1;
            open.first_free = open.first_free.min(block.number());
            if !whole {
                let charge = u64::from(self.geometry.block_length(block));
                self.charged -= charge;
                open.charged -= charge;
            }
        }
    }

    /// A block came from this connection. It counts also if it was granted to somebody else by now.
    pub(super) fn arrived(&mut self, block: BlockRef, from: ConnKey, peer: PeerKey, now: At) -> Arrived {
        let whole = self.whole();
        let Some(open) = self.open.get_mut(&block.piece()) else { return Arrived::Useless };
        if open.alone && open.owner != Some(from) {
            return Arrived::Useless;
        }
        let slot = &mut open.slots[block.number() as usize];
        let mut cancel = Vec::new();
        match slot {
            Slot::Here(_) => return Arrived::Useless,
            Slot::Free => {
                open.free -= 1;
                if !whole {
                    let charge = u64::from(self.geometry.block_length(block));
                    self.charged += charge;
                    open.charged += charge;
                }
            }
            Slot::Granted(owners) => cancel.extend(owners.iter().flatten().filter(|owner| **owner != from)),
        }
        *slot = Slot::Here(peer);
        open.here += 1;
        open.high = open.high.max(block.number() + 1);
        open.touched = now;
        open.changed = true;
        Arrived::Wanted { cancel }
    }

    /// Bytes of an open piece were written and are out of memory. A piece charged whole stays so to its end.
    pub(super) fn written(&mut self, piece: PieceIndex, bytes: u64) {
        if !self.whole()
            && let Some(open) = self.open.get_mut(&piece)
        {
            let freed = bytes.min(open.charged);
            open.charged -= freed;
            self.charged -= freed;
        }
    }

    /// The piece is done with, or given up: it is charged no more.
    pub(super) fn close(&mut self, piece: PieceIndex) -> Option<OpenPiece> {
        let open = self.open.remove(&piece)?;
        self.charged -= open.charged;
        Some(open)
    }

    /// The connections asked for blocks of the piece, with those blocks.
    pub(super) fn asked(&self, piece: PieceIndex) -> Vec<(ConnKey, BlockRef)> {
        let Some(open) = self.open.get(&piece) else { return Vec::new() };
        let mut asked = Vec::new();
        for (number, slot) in open.slots.iter().enumerate() {
            if let (Slot::Granted(owners), Some(block)) = (slot, self.geometry.block(piece, number as u32)) {
                asked.extend(owners.iter().flatten().map(|owner| (*owner, block)));
            }
        }
        asked
    }

    /// The blocks of at most so many pieces: of those that changed since, the ones told of longest ago.
    pub(super) fn tell(
        &mut self,
        now: At,
        most: usize,
        peer_of: impl Fn(ConnKey) -> Option<PeerKey>,
    ) -> Vec<(PieceIndex, Vec<BlockRun>)> {
        let changed = self.open.iter().filter(|(_, open)| open.changed);
        let mut due: Vec<(At, PieceIndex)> = changed.map(|(piece, open)| (open.told, *piece)).collect();
        due.sort_unstable();
        due.truncate(most);
        let mut told = Vec::new();
        for (_, piece) in due {
            if let Some(open) = self.open.get_mut(&piece) {
                (open.told, open.changed) = (now, false);
                told.push((piece, open.runs(&peer_of)));
            }
        }
        told
    }

    /// Whether pieces are charged whole when they are opened.
    pub(super) fn whole(&self) -> bool {
        self.geometry.piece_bytes() <= WHOLE_PIECE_BYTES
    }
}

#[cfg(test)]
impl OpenPiece {
    pub(super) fn assert_consistent(&self) {
        let count = |wanted: fn(&Slot) -> bool| self.slots.iter().filter(|slot| wanted(slot)).count() as u32;
        assert_eq!(self.free, count(|slot| *slot == Slot::Free));
        assert_eq!(self.here, count(|slot| matches!(slot, Slot::Here(_))));
        let first = self.slots.iter().position(|slot| *slot == Slot::Free).unwrap_or(self.slots.len());
        assert!(self.first_free as usize <= first, "a free block is not found");
        let high = self.slots.iter().rposition(|slot| *slot != Slot::Free).map_or(0, |at| at + 1);
        assert!(self.high as usize >= high);
    }
}

#[cfg(test)]
impl OpenPieces {
    pub(super) fn assert_charged(&self) {
        assert_eq!(self.charged, self.open.values().map(|open| open.charged).sum::<u64>());
        for (piece, open) in &self.open {
            let length = u64::from(self.geometry.length_of(*piece));
            let granted = |(number, slot): (usize, &Slot)| match slot {
                Slot::Granted(_) => self.geometry.block(*piece, number as u32),
                _ => None,
            };
            let blocks = open.slots.iter().enumerate().filter_map(granted);
            let least: u64 = blocks.map(|block| u64::from(self.geometry.block_length(block))).sum();
            assert!(if self.whole() {
                open.charged == length
            } else {
                (least..=length).contains(&open.charged)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConnKey = ConnKey(1);
    const B: ConnKey = ConnKey(2);
    const NOW: At = At::ZERO;

    fn pieces(total: u64, piece: u32, mark: u64) -> (Geometry, OpenPieces) {
        let geometry = Geometry::new(total, piece).unwrap();
        (geometry, OpenPieces::new(geometry, mark))
    }

    #[test]
    fn gives_a_released_block_to_the_next_who_asks() {
        let (geometry, mut open) = pieces(4 * u64::from(BLOCK_LENGTH), 4 * BLOCK_LENGTH, 1 << 20);
        let piece = geometry.piece(0).unwrap();
        open.open(piece, NOW);
        let granted = open.grant(piece, A, 3);
        assert_eq!(granted.len(), 3);
        open.release(granted[1], A);
        assert_eq!(open.grant(piece, B, 9), vec![granted[1], geometry.block(piece, 3).unwrap()]);
        assert!(!open.piece(piece).unwrap().has_free());
    }

    #[test]
    fn a_shared_block_is_cancelled_at_the_others_when_it_comes() {
        let (geometry, mut open) = pieces(2 * u64::from(BLOCK_LENGTH), 2 * BLOCK_LENGTH, 1 << 20);
        let piece = geometry.piece(0).unwrap();
        open.open(piece, NOW);
        let granted = open.grant(piece, A, 2);
        assert_eq!(open.share(piece, B, 9), vec![granted[1], granted[0]]);
        assert!(open.share(piece, B, 9).is_empty(), "not twice to the same");
        let Arrived::Wanted { cancel } = open.arrived(granted[0], B, PeerKey(7), NOW) else { panic!() };
        assert_eq!(cancel, vec![A]);
        assert!(matches!(open.arrived(granted[0], A, PeerKey(8), NOW), Arrived::Useless));
        assert!(matches!(open.arrived(granted[1], A, PeerKey(8), NOW), Arrived::Wanted { .. }));
        assert_eq!(open.piece(piece).unwrap().missing(), 0);
        assert_eq!(open.close(piece).unwrap().senders(), vec![PeerKey(7), PeerKey(8)]);
        assert_eq!(open.charged, 0);
    }

    #[test]
    fn tells_of_the_blocks_that_changed_and_of_the_piece_told_longest_ago_first() {
        let block = u64::from(BLOCK_LENGTH);
        let (geometry, mut open) = pieces(12 * block, 4 * BLOCK_LENGTH, 1 << 20);
        let all: Vec<PieceIndex> = geometry.pieces().collect();
        let peer_of = |conn: ConnKey| Some(PeerKey(10 + conn.0));
        let second = |n| At::from_secs(n);
        for piece in &all {
            open.open(*piece, second(0));
        }
        assert!(open.tell(second(1), 9, peer_of).is_empty(), "nothing changed");
        let granted = open.grant(all[0], A, 2);
        let _ = open.arrived(granted[0], A, PeerKey(11), second(1));
        open.share(all[0], B, 1);
        let run = |count, state| BlockRun { count, state };
        let expected = vec![
            run(1, BlockState::Here(PeerKey(11))),
            run(1, BlockState::Asked(vec![PeerKey(11), PeerKey(12)])),
            run(2, BlockState::Free),
        ];
        assert_eq!(open.tell(second(1), 9, peer_of), vec![(all[0], expected)]);
        open.grant(all[0], A, 1);
        open.grant(all[2], B, 1);
        let numbers = |told: Vec<(PieceIndex, Vec<BlockRun>)>| -> Vec<u32> {
            told.iter().map(|(piece, _)| piece.number()).collect()
        };
        assert_eq!(numbers(open.tell(second(2), 1, peer_of)), [2]);
        assert_eq!(numbers(open.tell(second(3), 1, peer_of)), [0]);
        assert!(open.tell(second(4), 1, peer_of).is_empty());
    }

    #[test]
    fn at_the_mark_only_gaps_of_a_long_piece_are_granted() {
        let block = u64::from(BLOCK_LENGTH);
        let (geometry, mut open) = pieces(8 << 20, 4 << 20, 4 * block);
        let piece = geometry.piece(0).unwrap();
        open.open(piece, NOW);
        let granted = open.grant(piece, A, 100);
        assert_eq!(granted.len(), 4, "memory ends it");
        for block in &granted[1..] {
            let _ = open.arrived(*block, A, PeerKey(1), NOW);
        }
        open.release(granted[0], A);
        assert_eq!(open.grant(piece, B, 100), granted[..1], "the gap, and nothing above it");
        let _ = open.arrived(granted[0], B, PeerKey(2), NOW);
        open.written(piece, 4 * block);
        assert_eq!(open.charged, 0);
        assert_eq!(open.grant(piece, B, 100).len(), 4);
    }
}
