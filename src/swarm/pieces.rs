//! The pieces being fetched: which block was granted to whom, and which is here.

use std::collections::{BTreeMap, BTreeSet};

use super::ConnKey;
use crate::event::{At, BlockRun, BlockState, PeerKey};
use crate::metainfo::{BLOCK_LENGTH, BlockRef, Geometry, PieceIndex};

/// Pieces up to this length are charged to memory whole when opened, and hashed and written when complete.
/// Longer ones are charged by the block, but never less than a run, and written as their beginning grows.
const WHOLE_PIECE_BYTES: u32 = 1024 * 1024;

/// Pieces longer than a MiB are written in runs of this many bytes, and one run at least of every open one has its
/// place in memory: else many could be open of which none can be written, and none go on.
pub const RUN_BYTES: u32 = 256 * 1024;
const RUN_BLOCKS: u32 = RUN_BYTES / BLOCK_LENGTH;

/// Peers so far away that they would run dry get this part of the memory beyond it.
pub(super) const FAR_PART: u64 = 4;

/// The most peers that are asked for the same block.
const MOST_ASKED: usize = 3;

#[derive(Clone, PartialEq, Eq, Debug)]
enum Slot {
    Free,
    Granted([Option<ConnKey>; MOST_ASKED]),
    Here(PeerKey),
    /// It is here from an earlier run.
    Kept,
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
    /// When it was opened, or we last went on after a pause.
    pub(super) since: At,
    /// When a block of it last came.
    pub(super) touched: At,
    /// When its blocks were last told of.
    told: At,
    /// Whether any of them changed since.
    changed: bool,
    /// Bytes granted or here, and not written.
    unwritten: u64,
    /// What it is charged with at least.
    reserved: u64,
}

/// What became of a block that arrived.
pub(super) enum Arrived {
    /// It was missing; these others were asked for it too.
    Wanted { cancel: Vec<ConnKey> },
    /// It is here already, or nothing of its piece is wanted.
    Useless,
}

impl OpenPiece {
    fn new(blocks: u32, reserved: u64, now: At) -> Self {
        let slots = vec![Slot::Free; blocks as usize];
        Self {
            slots,
            free: blocks,
            here: 0,
            first_free: 0,
            high: 0,
            owner: None,
            alone: false,
            since: now,
            touched: now,
            told: now,
            changed: false,
            unwritten: 0,
            reserved,
        }
    }

    /// Bytes of memory it is charged with.
    fn charged(&self) -> u64 {
        self.unwritten.max(self.reserved)
    }

    pub(super) fn has_free(&self) -> bool {
        self.free > 0
    }

    /// Whether blocks were given back below others that are granted or here.
    pub(super) fn has_gap(&self) -> bool {
        self.first_free < self.high
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
                Slot::Kept => BlockState::Kept,
            };
            runs.push(BlockRun { count: alike.len() as u32, state });
        }
        runs
    }

    /// Who sent each of its blocks that is here, in order; `None` for those of an earlier run.
    pub(super) fn senders(&self) -> Vec<Option<PeerKey>> {
        let sender = |slot: &Slot| match slot {
            Slot::Here(peer) => Some(Some(*peer)),
            Slot::Kept => Some(None),
            Slot::Free | Slot::Granted(_) => None,
        };
        self.slots.iter().filter_map(sender).collect()
    }
}

/// Every piece being fetched, and the memory they are charged with.
pub(super) struct OpenPieces {
    geometry: Geometry,
    open: BTreeMap<PieceIndex, OpenPiece>,
    /// Those of them with blocks nobody was granted: few, where many pieces are open.
    with_free: BTreeSet<PieceIndex>,
    charged: u64,
    high_mark: u64,
}

impl OpenPieces {
    /// `high_mark`: bytes that may be charged before nothing more is opened.
    pub(super) fn new(geometry: Geometry, high_mark: u64) -> Self {
        Self { geometry, open: BTreeMap::new(), with_free: BTreeSet::new(), charged: 0, high_mark }
    }

    pub(super) fn high_mark(&self) -> u64 {
        self.high_mark
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PieceIndex, &OpenPiece)> {
        self.open.iter().map(|(piece, open)| (*piece, open))
    }

    /// Whether any open piece has a block nobody was granted.
    pub(super) fn has_free(&self) -> bool {
        !self.with_free.is_empty()
    }

    /// The open pieces with blocks nobody was granted.
    pub(super) fn with_free(&self) -> impl Iterator<Item = (PieceIndex, &OpenPiece)> {
        self.with_free.iter().filter_map(|piece| Some((*piece, self.open.get(piece)?)))
    }

    pub(super) fn piece(&mut self, piece: PieceIndex) -> Option<&mut OpenPiece> {
        self.open.get_mut(&piece)
    }

    pub(super) fn get(&self, piece: PieceIndex) -> Option<&OpenPiece> {
        self.open.get(&piece)
    }

    /// Blocks to grant until what was granted of the piece makes whole runs.
    pub(super) fn left_of_turn(&self, piece: PieceIndex) -> u32 {
        self.open.get(&piece).map_or(RUN_BLOCKS, |open| RUN_BLOCKS - open.first_free % RUN_BLOCKS)
    }

    /// Whether what was granted of the piece does not make whole runs.
    pub(super) fn is_within_turn(&self, piece: PieceIndex) -> bool {
        self.left_of_turn(piece) < RUN_BLOCKS
    }

    /// Whether memory lets another piece be opened; for a peer that is `far`, one of those kept whole a quarter beyond
    /// the mark.
    pub(super) fn may_open(&self, piece: PieceIndex, far: bool) -> bool {
        // Long ones are left half of it to go on beyond their first run.
        let most = if self.whole() { u64::MAX } else { self.high_mark / u64::from(2 * RUN_BYTES) };
        let mark = self.high_mark + if far && self.whole() { self.high_mark / FAR_PART } else { 0 };
        let room = self.charged + self.reserve(piece) < mark && (self.open.len() as u64) < most;
        self.open.is_empty() || room
    }

    /// What a piece is charged with when it is opened.
    fn reserve(&self, piece: PieceIndex) -> u64 {
        let length = self.geometry.length_of(piece);
        u64::from(if self.whole() { length } else { length.min(RUN_BYTES) })
    }

    /// Whether memory lets any other piece be opened, the shortest last one at least.
    pub(super) fn may_open_any(&self, far: bool) -> bool {
        self.geometry.piece(self.geometry.piece_count() - 1).is_none_or(|last| self.may_open(last, far))
    }

    /// Whether memory is what keeps others from being asked for more.
    pub(super) fn is_tight(&self) -> bool {
        self.geometry.piece(0).is_some_and(|usual| !self.may_open(usual, false))
    }

    /// The time while nothing was asked for does not count against any piece.
    pub(super) fn touch_all(&mut self, now: At) {
        self.open.values_mut().for_each(|open| (open.since, open.touched) = (now, now));
    }

    pub(super) fn open(&mut self, piece: PieceIndex, now: At) -> &mut OpenPiece {
        let (blocks, reserved) = (self.geometry.blocks_in(piece), self.reserve(piece));
        self.with_free.insert(piece);
        self.open.entry(piece).or_insert_with(|| {
            self.charged += reserved;
            OpenPiece::new(blocks, reserved, now)
        })
    }

    /// Charges a long piece anew: blocks of it were granted, given back, or written. One charged whole stays so.
    fn recharge(&mut self, piece: PieceIndex, unwritten: impl FnOnce(u64) -> u64) {
        if !self.whole()
            && let Some(open) = self.open.get_mut(&piece)
        {
            self.charged -= open.charged();
            open.unwritten = unwritten(open.unwritten);
            self.charged += open.charged();
        }
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
            if !whole {
                let before = open.charged();
                let unwritten = open.unwritten + u64::from(self.geometry.block_length(block));
                let more = unwritten.max(open.reserved) - before;
                if number >= open.high && more > 0 && self.charged + more > self.high_mark {
                    break;
                }
                open.unwritten = unwritten;
                self.charged += more;
            }
            open.slots[number as usize] = Slot::Granted([Some(to), None, None]);
            open.first_free = number + 1;
            open.free -= 1;
            open.high = open.high.max(number + 1);
            granted.push(block);
        }
        open.changed |= !granted.is_empty();
        if !open.has_free() {
            self.with_free.remove(&piece);
        }
        granted
    }

    /// Up to `most` blocks that were granted to others and not to this connection, for the end of a download.
    /// None that one of those asked for it has sent `soon`.
    pub(super) fn share(
        &mut self,
        piece: PieceIndex,
        to: ConnKey,
        most: usize,
        soon: impl Fn(ConnKey) -> bool,
    ) -> Vec<BlockRef> {
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
                && !owners.iter().flatten().any(|owner| soon(*owner))
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
            self.with_free.insert(block.piece());
            let length = u64::from(self.geometry.block_length(block));
            self.recharge(block.piece(), |unwritten| unwritten - length);
        }
    }

    /// A block came from this connection. It counts also if it was granted to somebody else by now.
    pub(super) fn arrived(&mut self, block: BlockRef, from: ConnKey, peer: PeerKey, now: At) -> Arrived {
        let Some(open) = self.open.get_mut(&block.piece()) else { return Arrived::Useless };
        if open.alone && open.owner != Some(from) {
            return Arrived::Useless;
        }
        let slot = &mut open.slots[block.number() as usize];
        let mut cancel = Vec::new();
        let mut ungranted = 0;
        match slot {
            Slot::Here(_) | Slot::Kept => return Arrived::Useless,
            Slot::Free => {
                open.free -= 1;
                if open.free == 0 {
                    self.with_free.remove(&block.piece());
                }
                ungranted = u64::from(self.geometry.block_length(block));
            }
            Slot::Granted(owners) => cancel.extend(owners.iter().flatten().filter(|owner| **owner != from)),
        }
        *slot = Slot::Here(peer);
        open.here += 1;
        open.high = open.high.max(block.number() + 1);
        open.touched = now;
        open.changed = true;
        self.recharge(block.piece(), |unwritten| unwritten + ungranted);
        Arrived::Wanted { cancel }
    }

    /// Two rows turned out to be one peer.
    pub(super) fn rename(&mut self, gone: PeerKey, into: PeerKey) {
        for slot in self.open.values_mut().flat_map(|open| &mut open.slots) {
            if *slot == Slot::Here(gone) {
                *slot = Slot::Here(into);
            }
        }
    }

    /// Bytes of an open piece were written and are out of memory. A piece charged whole stays so to its end.
    pub(super) fn written(&mut self, piece: PieceIndex, bytes: u64) {
        self.recharge(piece, |unwritten| unwritten.saturating_sub(bytes));
    }

    /// Blocks of an open piece are here from an earlier run.
    pub(super) fn keep(&mut self, piece: PieceIndex, blocks: &[BlockRef]) {
        let Some(open) = self.open.get_mut(&piece) else { return };
        for block in blocks {
            let slot = &mut open.slots[block.number() as usize];
            if *slot == Slot::Free {
                *slot = Slot::Kept;
                open.free -= 1;
                open.here += 1;
                open.high = open.high.max(block.number() + 1);
                open.changed = true;
            }
        }
        if !open.has_free() {
            self.with_free.remove(&piece);
        }
    }

    /// Blocks that were here are missing again.
    pub(super) fn lost(&mut self, piece: PieceIndex, blocks: &[BlockRef]) {
        let Some(open) = self.open.get_mut(&piece) else { return };
        for block in blocks {
            let slot = &mut open.slots[block.number() as usize];
            if matches!(slot, Slot::Here(_) | Slot::Kept) {
                *slot = Slot::Free;
                open.here -= 1;
                open.free += 1;
                open.first_free = open.first_free.min(block.number());
                open.changed = true;
            }
        }
        if open.has_free() {
            self.with_free.insert(piece);
        }
    }

    /// The piece is done with, or given up: it is charged no more.
    pub(super) fn close(&mut self, piece: PieceIndex) -> Option<OpenPiece> {
        let open = self.open.remove(&piece)?;
        self.with_free.remove(&piece);
        self.charged -= open.charged();
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
    pub(super) fn describe(&self) -> String {
        let Self { free, here, owner, alone, since, touched, unwritten, .. } = self;
        format!(
            "{free} free, {here} here of {}, {unwritten} bytes unwritten, owner {owner:?}, alone {alone}, since {since:?}, touched {touched:?}",
            self.slots.len()
        )
    }

    pub(super) fn assert_consistent(&self) {
        let count = |wanted: fn(&Slot) -> bool| self.slots.iter().filter(|slot| wanted(slot)).count() as u32;
        assert_eq!(self.free, count(|slot| *slot == Slot::Free));
        assert_eq!(self.here, count(|slot| matches!(slot, Slot::Here(_) | Slot::Kept)));
        let first = self.slots.iter().position(|slot| *slot == Slot::Free).unwrap_or(self.slots.len());
        assert!(self.first_free as usize <= first, "a free block is not found");
        let high = self.slots.iter().rposition(|slot| *slot != Slot::Free).map_or(0, |at| at + 1);
        assert!(self.high as usize >= high);
    }
}

#[cfg(test)]
impl OpenPieces {
    pub(super) fn assert_charged(&self) {
        assert!(self.with_free.iter().all(|piece| self.open.contains_key(piece)));
        assert_eq!(self.charged, self.open.values().map(OpenPiece::charged).sum::<u64>());
        for (piece, open) in &self.open {
            assert_eq!(self.with_free.contains(piece), open.has_free());
            let length = u64::from(self.geometry.length_of(*piece));
            let granted = |(number, slot): (usize, &Slot)| match slot {
                Slot::Granted(_) => self.geometry.block(*piece, number as u32),
                _ => None,
            };
            let blocks = open.slots.iter().enumerate().filter_map(granted);
            let least: u64 = blocks.map(|block| u64::from(self.geometry.block_length(block))).sum();
            assert!(if self.whole() {
                open.charged() == length
            } else {
                (least..=length).contains(&open.unwritten)
            });
        }
    }
}

#[cfg(test)]
mod tests;
