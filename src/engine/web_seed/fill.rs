//! Bytes of a run in the order of the torrent, made into its blocks.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::pool::{BlockBuf, BlockPool};
use crate::metainfo::{BlockRef, Geometry};

/// The blocks of a run that are still to come.
pub(super) struct Fill {
    geometry: Geometry,
    pool: Arc<BlockPool>,
    /// In order; whether each is still wanted.
    blocks: VecDeque<(BlockRef, bool)>,
    begun: Option<BlockBuf>,
    filled: usize,
    ready: Vec<(BlockRef, BlockBuf)>,
}

impl Fill {
    pub(super) fn new(
        geometry: Geometry,
        pool: Arc<BlockPool>,
        blocks: impl IntoIterator<Item = BlockRef>,
    ) -> Self {
        let blocks = blocks.into_iter().map(|block| (block, true)).collect();
        Self { geometry, pool, blocks, begun: None, filled: 0, ready: Vec::new() }
    }

    /// Takes the next bytes; those behind the last block are left.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        while let Some((block, wanted)) = self.blocks.front().copied().filter(|_| !bytes.is_empty()) {
            let length = self.geometry.block_length(block);
            let taken = bytes.len().min(length as usize - self.filled);
            if wanted {
                let buffer = self.begun.get_or_insert_with(|| self.pool.take(length));
                buffer[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            }
            (self.filled, bytes) = (self.filled + taken, &bytes[taken..]);
            if self.filled == length as usize {
                let buffer = self.begun.take().filter(|_| wanted);
                self.ready.extend(buffer.map(|buffer| (block, buffer)));
                self.blocks.pop_front();
                self.filled = 0;
            }
        }
    }

    /// What is whole, since this was last asked.
    pub(super) fn ready(&mut self) -> Vec<(BlockRef, BlockBuf)> {
        std::mem::take(&mut self.ready)
    }

    /// These are wanted no more.
    pub(super) fn revoke(&mut self, revoked: &[BlockRef]) {
        for (block, wanted) in &mut self.blocks {
            *wanted &= !revoked.contains(block);
        }
        // Nothing has to be read for the last of them.
        while self.blocks.back().is_some_and(|(_, wanted)| !wanted) {
            self.blocks.pop_back();
        }
        if self.blocks.is_empty() {
            (self.begun, self.filled) = (None, 0);
        }
    }

    /// Blocks that are still to come and wanted.
    pub(super) fn left(&self) -> usize {
        self.blocks.iter().filter(|(_, wanted)| *wanted).count()
    }

    /// Bytes that are here of the block under way.
    pub(super) fn begun_bytes(&self) -> u32 {
        self.filled as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_come_to_their_blocks_however_they_are_cut(
            cuts in proptest::collection::vec(1usize..30_000, 1..40),
            revoked in proptest::collection::btree_set(0usize..7, 0..7),
        ) {
            let geometry = Geometry::new(100_000, 40_000).unwrap();
            let blocks: Vec<BlockRef> = geometry.pieces().flat_map(|piece| geometry.blocks_of(piece)).collect();
            let data: Vec<u8> = (0..100_000u32).map(|byte| (byte % 251) as u8).collect();
            let mut fill = Fill::new(geometry, BlockPool::new(4), blocks.clone());
            let gone: Vec<BlockRef> = revoked.iter().filter_map(|place| blocks.get(*place)).copied().collect();
            fill.revoke(&gone);
            let (mut left, mut came) = (&data[..], Vec::new());
            for cut in cuts.iter().cycle() {
                if left.is_empty() {
                    break;
                }
                let (now, rest) = left.split_at((*cut).min(left.len()));
                fill.take(now);
                came.extend(fill.ready());
                left = rest;
            }
            prop_assert_eq!(fill.left(), 0);
            let wanted: Vec<BlockRef> = blocks.into_iter().filter(|block| !gone.contains(block)).collect();
            prop_assert_eq!(came.iter().map(|(block, _)| *block).collect::<Vec<_>>(), wanted);
            for (block, bytes) in came {
                let from = (geometry.offset_of(block.piece()) + u64::from(block.begin())) as usize;
                prop_assert_eq!(&bytes[..], &data[from..from + bytes.len()]);
            }
        }
    }
}
