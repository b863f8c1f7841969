//! The pieces that were begun, and the memory that their blocks take.
//!
//! A piece too long to be kept whole is hashed as its beginning comes, in order, and the hash of one piece alone is the
//! slowest. Where a peer sends several such pieces in a second, it is asked for some of each in turn: they grow side by
//! side.

use std::collections::{BTreeMap, BTreeSet};

use super::piece::Piece;
use super::{ConnKey, RUN_BYTES};
use crate::event::{At, BlockRun, PeerKey};
use crate::metainfo::{BLOCK_LENGTH, BlockRef, Geometry, PieceIndex};

/// Pieces up to this length are hashed and written when they are complete; longer ones as their beginning grows.
const WHOLE_PIECE_BYTES: u32 = 1024 * 1024;
const RUN_BLOCKS: u32 = RUN_BYTES / BLOCK_LENGTH;
/// Pieces that grow at a time, of all peers together: as many are hashed for little more than one.
const GROWING: usize = 8;

/// Every piece that was begun.
#[derive(Debug)]
pub(super) struct Begun {
    geometry: Geometry,
    pieces: BTreeMap<PieceIndex, Piece>,
    /// Those of them with blocks nobody is asked for.
    with_free: BTreeSet<PieceIndex>,
    /// Bytes that are here and not written, of all pieces.
    unwritten: u64,
    /// Those of them whose piece is whole: the disk has them.
    in_hand: u64,
}

impl Begun {
    pub(super) fn new(geometry: Geometry) -> Self {
        Self { geometry, pieces: BTreeMap::new(), with_free: BTreeSet::new(), unwritten: 0, in_hand: 0 }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PieceIndex, &Piece)> {
        self.pieces.iter().map(|(piece, begun)| (*piece, begun))
    }

    /// The pieces with blocks nobody is asked for.
    pub(super) fn with_free(&self) -> impl Iterator<Item = (PieceIndex, &Piece)> {
        self.with_free.iter().filter_map(|piece| Some((*piece, self.pieces.get(piece)?)))
    }

    /// How many pieces have blocks nobody is asked for.
    pub(super) fn count_with_free(&self) -> usize {
        self.with_free.len()
    }

    /// Whether the pieces that were begun take more than these bytes until they are whole. Long ones are written as they
    /// grow, and never do.
    pub(super) fn outgrows(&self, bytes: u64) -> bool {
        let piece_bytes = self.geometry.piece_bytes();
        piece_bytes <= WHOLE_PIECE_BYTES && self.pieces.len() as u64 * u64::from(piece_bytes) > bytes
    }

    pub(super) fn get(&self, piece: PieceIndex) -> Option<&Piece> {
        self.pieces.get(&piece)
    }

    /// Bytes of the piece.
    pub(super) fn length_of(&self, piece: PieceIndex) -> u64 {
        u64::from(self.geometry.length_of(piece))
    }

    /// Bytes that are here and not written.
    pub(super) fn unwritten(&self) -> u64 {
        self.unwritten
    }

    /// Bytes of whole pieces that are not written: they are out of memory soon, whatever comes of their hash.
    pub(super) fn in_hand(&self) -> u64 {
        self.in_hand
    }

    pub(super) fn begin(&mut self, piece: PieceIndex, now: At) -> &mut Piece {
        let blocks = self.geometry.blocks_in(piece);
        self.with_free.insert(piece);
        self.pieces.entry(piece).or_insert_with(|| Piece::new(blocks, now))
    }

    /// Asks the connection for up to `most` free blocks of the piece, the lowest first, but none that it `refuses`.
    pub(super) fn ask(
        &mut self,
        piece: PieceIndex,
        of: ConnKey,
        most: u32,
        refuses: impl Fn(BlockRef) -> bool,
    ) -> Vec<BlockRef> {
        let geometry = self.geometry;
        let block = |number| geometry.block(piece, number);
        let Some(begun) = self.pieces.get_mut(&piece) else { return Vec::new() };
        let asked = begun.ask(of, most, |number| block(number).is_some_and(&refuses));
        if !begun.has_free() {
            self.with_free.remove(&piece);
        }
        asked.into_iter().filter_map(block).collect()
    }

    /// Asks one more connection for a block that others are asked for.
    pub(super) fn ask_too(&mut self, block: BlockRef, of: ConnKey) {
        if let Some(begun) = self.pieces.get_mut(&block.piece()) {
            begun.ask_too(block.number(), of);
        }
    }

    /// Who is asked for the block.
    pub(super) fn owners(&self, block: BlockRef) -> Vec<ConnKey> {
        self.pieces.get(&block.piece()).map_or_else(Vec::new, |begun| begun.owners(block.number()).collect())
    }

    /// The connections that are asked for blocks of the piece, with those blocks.
    pub(super) fn asked(&self, piece: PieceIndex) -> Vec<(ConnKey, BlockRef)> {
        let Some(begun) = self.pieces.get(&piece) else { return Vec::new() };
        let block = |(number, conn)| Some((conn, self.geometry.block(piece, number)?));
        begun.asked().filter_map(block).collect()
    }

    /// The connection is asked for the block no more.
    pub(super) fn release(&mut self, block: BlockRef, from: ConnKey) {
        if let Some(begun) = self.pieces.get_mut(&block.piece())
            && begun.release(block.number(), from)
            && begun.has_free()
        {
            self.with_free.insert(block.piece());
        }
    }

    /// A block came from this connection. It counts also where somebody else is asked for it by now. Returns who was
    /// asked for it, or `None` where it is of no use.
    pub(super) fn arrived(
        &mut self,
        block: BlockRef,
        from: ConnKey,
        peer: PeerKey,
        now: At,
    ) -> Option<Vec<ConnKey>> {
        let begun = self.pieces.get_mut(&block.piece())?;
        if begun.alone && begun.owner != Some(from) {
            return None;
        }
        let owners = begun.arrived(block.number(), peer, now)?;
        if !begun.has_free() {
            self.with_free.remove(&block.piece());
        }
        let bytes = u64::from(self.geometry.block_length(block));
        begun.unwritten += bytes;
        self.unwritten += bytes;
        self.in_hand += begun.in_hand();
        Some(owners)
    }

    /// Blocks of a piece are here from an earlier run.
    pub(super) fn keep(&mut self, piece: PieceIndex, blocks: &[BlockRef]) {
        let Some(begun) = self.pieces.get_mut(&piece) else { return };
        self.in_hand -= begun.in_hand();
        blocks.iter().for_each(|block| begun.keep(block.number()));
        self.in_hand += begun.in_hand();
        if !begun.has_free() {
            self.with_free.remove(&piece);
        }
    }

    /// Blocks that were here and written are missing again.
    pub(super) fn lost(&mut self, piece: PieceIndex, blocks: &[BlockRef]) {
        let Some(begun) = self.pieces.get_mut(&piece) else { return };
        self.in_hand -= begun.in_hand();
        for block in blocks {
            begun.lost(block.number());
        }
        self.in_hand += begun.in_hand();
        if begun.has_free() {
            self.with_free.insert(piece);
        }
    }

    /// Nothing of the piece is asked for while it is shelved.
    pub(super) fn shelve(&mut self, piece: PieceIndex, shelved: bool) {
        let Some(begun) = self.pieces.get_mut(&piece) else { return };
        begun.shelved = shelved;
        if begun.has_free() {
            self.with_free.insert(piece);
        } else {
            self.with_free.remove(&piece);
        }
    }

    /// Bytes of a piece were written and are out of memory.
    pub(super) fn written(&mut self, piece: PieceIndex, bytes: u64) {
        if let Some(begun) = self.pieces.get_mut(&piece) {
            let bytes = bytes.min(begun.unwritten);
            self.in_hand -= begun.in_hand();
            begun.unwritten -= bytes;
            self.unwritten -= bytes;
            self.in_hand += begun.in_hand();
        }
    }

    /// The pieces that this connection alone may send, and has not sent whole.
    pub(super) fn alone_of(&self, conn: ConnKey) -> Vec<PieceIndex> {
        self.alone().filter(|(_, begun)| begun.owner == Some(conn)).map(|(piece, _)| piece).collect()
    }

    /// The pieces that one peer alone may send, and has not sent whole.
    pub(super) fn alone(&self) -> impl Iterator<Item = (PieceIndex, &Piece)> {
        self.iter().filter(|(_, begun)| begun.alone && begun.missing() > 0)
    }

    /// The piece is done with, or given up.
    pub(super) fn close(&mut self, piece: PieceIndex) -> Option<Piece> {
        let begun = self.pieces.remove(&piece)?;
        self.with_free.remove(&piece);
        self.unwritten -= begun.unwritten;
        self.in_hand -= begun.in_hand();
        Some(begun)
    }

    /// The time while nothing was asked for does not count against any piece.
    pub(super) fn touch_all(&mut self, now: At) {
        self.pieces.values_mut().for_each(|begun| (begun.since, begun.touched) = (now, now));
    }

    /// Two rows turned out to be one peer.
    pub(super) fn rename(&mut self, gone: PeerKey, into: PeerKey) {
        self.pieces.values_mut().for_each(|begun| begun.rename(gone, into));
    }

    /// How many pieces a peer that sends so much lets grow side by side: one, but of long pieces, where it sends several
    /// in a second, as many as are hashed for little more than one, those of all that are `sending` together.
    pub(super) fn side_by_side(&self, down_bps: u64, sending: impl FnOnce() -> usize) -> usize {
        if self.geometry.piece_bytes() <= WHOLE_PIECE_BYTES {
            return 1;
        }
        let a_second = down_bps / u64::from(self.geometry.piece_bytes());
        usize::try_from(a_second).unwrap_or(usize::MAX).min(GROWING.div_ceil(sending().max(1))).max(1)
    }

    /// Blocks to ask for until what was asked for of the piece makes whole runs.
    pub(super) fn left_of_turn(&self, piece: PieceIndex) -> u32 {
        self.pieces.get(&piece).map_or(RUN_BLOCKS, |begun| RUN_BLOCKS - begun.first_free() % RUN_BLOCKS)
    }

    /// Whether what was asked for of the piece does not make whole runs.
    pub(super) fn is_within_turn(&self, piece: PieceIndex) -> bool {
        self.left_of_turn(piece) < RUN_BLOCKS
    }

    /// The blocks of at most so many pieces: of those that changed since, the ones told of longest ago.
    pub(super) fn emit(
        &mut self,
        now: At,
        most: usize,
        peer_of: impl Fn(ConnKey) -> Option<PeerKey>,
    ) -> Vec<(PieceIndex, Vec<BlockRun>)> {
        let changed = self.pieces.iter().filter(|(_, begun)| begun.changed);
        let mut due: Vec<(At, PieceIndex)> = changed.map(|(piece, begun)| (begun.told, *piece)).collect();
        due.sort_unstable();
        due.truncate(most);
        let mut told = Vec::new();
        for (_, piece) in due {
            if let Some(begun) = self.pieces.get_mut(&piece) {
                (begun.told, begun.changed) = (now, false);
                told.push((piece, begun.runs(&peer_of)));
            }
        }
        told
    }
}

#[cfg(test)]
impl Begun {
    pub(super) fn assert_consistent(&self) {
        for (piece, begun) in &self.pieces {
            begun.assert_consistent();
            assert_eq!(self.with_free.contains(piece), begun.has_free());
        }
        assert!(self.with_free.iter().all(|piece| self.pieces.contains_key(piece)));
        assert_eq!(self.unwritten, self.pieces.values().map(|begun| begun.unwritten).sum::<u64>());
        assert_eq!(self.in_hand, self.pieces.values().map(Piece::in_hand).sum::<u64>());
    }
}

#[cfg(test)]
mod tests;
