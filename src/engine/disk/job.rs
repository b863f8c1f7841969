//! What the workers write.

use crate::engine::pool::BlockBuf;
use crate::hash::PieceHash;
use crate::metainfo::{BLOCK_LENGTH, PieceIndex};
use crate::storage::OnDisk;

/// What the workers write.
#[derive(Debug)]
pub enum WriteJob {
    /// Hash in order, and write.
    Advance(Advance),
    /// Write only.
    Spill(Spill),
}

/// A run of blocks to hash and write, in order.
#[derive(Debug)]
pub struct Advance {
    /// Of which piece.
    pub piece: PieceIndex,
    /// The hash of the piece up to `offset`.
    pub hasher: PieceHash,
    /// Where in the piece the first of them begins, bytes.
    pub offset: u32,
    /// Those that are in memory, in order.
    pub blocks: Vec<BlockBuf>,
    /// Those that were spilled and are read back, in order.
    pub back: Vec<OnDisk>,
    /// Whether they end the piece.
    pub last: bool,
    /// Set once the blocks went into the hash (and, where they end the piece, it was right).
    pub(super) hashed: bool,
}

/// Blocks of a piece to write to their places as they are.
#[derive(Debug)]
pub struct Spill {
    /// Of which piece.
    pub piece: PieceIndex,
    /// The blocks with their numbers, in order.
    pub blocks: Vec<(u32, BlockBuf)>,
}

impl Advance {
    /// A run of blocks that begins at `offset` in the piece, the hash of what is before it being `hasher`.
    pub fn new(piece: PieceIndex, hasher: PieceHash, offset: u32, blocks: Vec<BlockBuf>, last: bool) -> Self {
        Self { piece, hasher, offset, blocks, back: Vec::new(), last, hashed: false }
    }

    /// The same, of which these blocks are read back.
    #[must_use]
    pub fn reading_back(self, back: Vec<OnDisk>) -> Self {
        Self { back, ..self }
    }

    /// Bytes in its blocks that are in memory.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.len() as u64).sum()
    }

    /// Whether it begins where the other ends, and both are in memory.
    pub(super) fn follows(&self, other: &Self) -> bool {
        let in_memory = self.back.is_empty() && other.back.is_empty();
        let next_piece = other.last && self.offset == 0 && self.piece.number() == other.piece.number() + 1;
        in_memory && next_piece
    }

    /// Bytes in those that are read back, or a few more.
    pub(super) fn bytes_back(&self) -> u64 {
        self.back.len() as u64 * u64::from(BLOCK_LENGTH)
    }
}

impl Spill {
    /// Bytes in its blocks.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|(_, block)| block.len() as u64).sum()
    }
}
