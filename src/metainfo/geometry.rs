//! Pieces and blocks as numbers: how long each is and where it begins.
//!
//! A [`PieceIndex`] or [`BlockRef`] comes only from a [`Geometry`], so one that exists is in range.

use serde::{Deserialize, Serialize};

/// Bytes in a block, the unit of a request (BEP 3 as all clients practise it): 16 KiB.
pub const BLOCK_LENGTH: u32 = 16 * 1024;

/// A piece that exists in the torrent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PieceIndex(u32);

impl PieceIndex {
    /// The index as messages carry it.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The index for use with slices.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A block that exists in the torrent: a piece and the block's number within it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct BlockRef {
    piece: PieceIndex,
    number: u32,
}

impl BlockRef {
    /// The piece the block lies in.
    pub fn piece(self) -> PieceIndex {
        self.piece
    }

    /// Its number within the piece, from 0.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Its first byte within the piece.
    pub fn begin(self) -> u32 {
        self.number * BLOCK_LENGTH
    }
}

/// Total length and piece length of a torrent, and all that follows from them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "(u64, u32)", into = "(u64, u32)")]
pub struct Geometry {
    total_bytes: u64,
    piece_bytes: u32,
}

impl From<Geometry> for (u64, u32) {
    fn from(geometry: Geometry) -> Self {
        (geometry.total_bytes, geometry.piece_bytes)
    }
}

impl TryFrom<(u64, u32)> for Geometry {
    type Error = &'static str;

    fn try_from((total_bytes, piece_bytes): (u64, u32)) -> Result<Self, Self::Error> {
        Self::new(total_bytes, piece_bytes).ok_or("lengths that no torrent can have")
    }
}

impl Geometry {
    /// The most pieces a torrent may have.
    pub const MAX_PIECES: u64 = 2_097_152;
    /// The longest piece a torrent may have, in bytes.
    pub const MAX_PIECE_BYTES: u32 = 512 * 1024 * 1024;

    /// `None` unless both lengths are positive, the piece at most 512 MiB and the pieces at most 2 097 152.
    pub fn new(total_bytes: u64, piece_bytes: u32) -> Option<Self> {
        let possible = total_bytes > 0
            && (1..=Self::MAX_PIECE_BYTES).contains(&piece_bytes)
            && total_bytes.div_ceil(u64::from(piece_bytes)) <= Self::MAX_PIECES;
        possible.then_some(Self { total_bytes, piece_bytes })
    }

    /// Bytes in the whole torrent, pad files included.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Bytes in every piece but, perhaps, the last.
    pub fn piece_bytes(&self) -> u32 {
        self.piece_bytes
    }

    /// How many pieces there are.
    pub fn piece_count(&self) -> u32 {
        self.total_bytes.div_ceil(u64::from(self.piece_bytes)) as u32
    }

    /// The piece of this number, if there is one.
    pub fn piece(&self, number: u32) -> Option<PieceIndex> {
        (number < self.piece_count()).then_some(PieceIndex(number))
    }

    /// Every piece, in order.
    pub fn pieces(&self) -> impl DoubleEndedIterator<Item = PieceIndex> + ExactSizeIterator + use<> {
        (0..self.piece_count()).map(PieceIndex)
    }

    /// Where the piece begins in the torrent, in bytes.
    pub fn offset_of(&self, piece: PieceIndex) -> u64 {
        u64::from(piece.0) * u64::from(self.piece_bytes)
    }

    /// Bytes in this piece.
    pub fn length_of(&self, piece: PieceIndex) -> u32 {
        (self.total_bytes - self.offset_of(piece)).min(u64::from(self.piece_bytes)) as u32
    }

    /// Blocks in this piece.
    pub fn blocks_in(&self, piece: PieceIndex) -> u32 {
        self.length_of(piece).div_ceil(BLOCK_LENGTH)
    }

    /// The block of this number in the piece, if there is one.
    pub fn block(&self, piece: PieceIndex, number: u32) -> Option<BlockRef> {
        (number < self.blocks_in(piece)).then_some(BlockRef { piece, number })
    }

    /// Every block of the piece, in order.
    pub fn blocks_of(&self, piece: PieceIndex) -> impl DoubleEndedIterator<Item = BlockRef> + use<> {
        (0..self.blocks_in(piece)).map(move |number| BlockRef { piece, number })
    }

    /// The block that a message names by piece number and begin, if it is exactly one of ours.
    pub fn block_at(&self, piece: u32, begin: u32) -> Option<BlockRef> {
        let piece = self.piece(piece)?;
        if !begin.is_multiple_of(BLOCK_LENGTH) {
            return None;
        }
        self.block(piece, begin / BLOCK_LENGTH)
    }

    /// Bytes in this block.
    pub fn block_length(&self, block: BlockRef) -> u32 {
        (self.length_of(block.piece) - block.begin()).min(BLOCK_LENGTH)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_lengths_no_torrent_can_have() {
        assert!(Geometry::new(0, 16384).is_none());
        assert!(Geometry::new(1, 0).is_none());
        assert!(Geometry::new(1, Geometry::MAX_PIECE_BYTES + 1).is_none());
        assert!(Geometry::new(Geometry::MAX_PIECES + 1, 1).is_none());
        assert!(Geometry::new(Geometry::MAX_PIECES, 1).is_some());
    }

    #[test]
    fn finds_only_blocks_that_begin_where_blocks_begin() {
        let geometry = Geometry::new(100_000, 40_000).unwrap();
        assert_eq!(geometry.block_at(0, 16384).map(BlockRef::number), Some(1));
        assert!(geometry.block_at(0, 16385).is_none());
        assert!(geometry.block_at(0, 49152).is_none());
        assert!(geometry.block_at(3, 0).is_none());
    }

    proptest! {
        #[test]
        fn pieces_and_blocks_cover_every_byte_once(total in 1u64..5_000_000, piece in 1u32..300_000) {
            prop_assume!(total.div_ceil(u64::from(piece)) < 3000);
            let geometry = Geometry::new(total, piece).unwrap();
            let mut at = 0;
            for piece in geometry.pieces() {
                prop_assert_eq!(geometry.offset_of(piece), at);
                let mut within = 0;
                for block in geometry.blocks_of(piece) {
                    prop_assert_eq!(block.begin(), within);
                    within += geometry.block_length(block);
                }
                prop_assert_eq!(within, geometry.length_of(piece));
                at += u64::from(within);
            }
            prop_assert_eq!(at, total);
        }
    }
}
