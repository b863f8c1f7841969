//! What each block of a piece is, to find out who sent a wrong one.

use std::ops::Deref;

use super::Advance;
use crate::hash::sha1;
use crate::metainfo::{BLOCK_LENGTH, PieceIndex};
use crate::storage::{Storage, StorageError};
use crate::swarm::BlockDigest;

/// The blocks of a piece that ends with this run, which has these; those before it were written.
pub(super) fn of_run<B: Deref<Target = [u8]>>(
    storage: &Storage,
    run: &Advance,
    has: &[B],
) -> Vec<BlockDigest> {
    let Ok(mut blocks) = read_back(storage, run.piece, run.offset) else { return Vec::new() };
    blocks.extend(has.iter().map(|block| digest(block)));
    blocks
}

/// The blocks of a piece as it is on disk.
pub(super) fn on_disk(storage: &Storage, piece: PieceIndex) -> Vec<BlockDigest> {
    let length = storage.torrent().geometry.length_of(piece);
    read_back(storage, piece, length).unwrap_or_default()
}

fn read_back(storage: &Storage, piece: PieceIndex, length: u32) -> Result<Vec<BlockDigest>, StorageError> {
    let mut block = vec![0; BLOCK_LENGTH as usize];
    (0..length)
        .step_by(BLOCK_LENGTH as usize)
        .map(|begin| {
            let block = &mut block[..(length - begin).min(BLOCK_LENGTH) as usize];
            storage.read(piece, begin, block)?;
            Ok(digest(block))
        })
        .collect()
}

fn digest(block: &[u8]) -> BlockDigest {
    let mut half = BlockDigest::default();
    let bytes = half.0.len();
    half.0.copy_from_slice(&sha1(block)[..bytes]);
    half
}
