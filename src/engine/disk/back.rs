//! Blocks that were spilled, read back to be hashed.

use std::sync::Arc;

use super::Advance;
use crate::engine::pool::{BlockBuf, BlockPool};
use crate::metainfo::BLOCK_LENGTH;
use crate::storage::{OnDisk, OsKind, Storage, StorageError};

/// Why blocks could not be read back.
#[derive(Debug)]
pub(super) enum Unread {
    /// These are in the file no more, or others are in their place.
    Lost(Vec<u32>),
    /// The system refuses now.
    Refused(StorageError),
}

/// The blocks of the run that were spilled, in order; neighbours stand in one buffer.
pub(super) fn read(storage: &Storage, room: &Arc<BlockPool>, run: &Advance) -> Result<Vec<BlockBuf>, Unread> {
    let longest = super::MOST_READ_BYTES / BLOCK_LENGTH;
    let mut read = Vec::new();
    let mut lost = Vec::new();
    for neighbours in run.back.chunk_by(|one, next| one.number + 1 == next.number) {
        for stretch in neighbours.chunks(longest as usize) {
            match read_stretch(storage, room, run, stretch) {
                Ok(bytes) if is_intact(stretch, &bytes) => read.push(bytes),
                Ok(bytes) => lost.extend(changed(stretch, &bytes)),
                Err(error) if is_loss(&error) => {
                    lost.extend(unreadable(storage, room, run, stretch).map_err(Unread::Refused)?);
                }
                Err(error) => return Err(Unread::Refused(error)),
            }
        }
    }
    if lost.is_empty() { Ok(read) } else { Err(Unread::Lost(lost)) }
}

/// All blocks of the run in order, those in memory and those read back.
pub(super) fn in_order<'a>(run: &'a Advance, read: &'a [BlockBuf]) -> Vec<&'a [u8]> {
    let mut here = run.blocks.iter().map(|block| &**block);
    let mut there = read.iter().flat_map(|bytes| bytes.chunks(BLOCK_LENGTH as usize));
    let mut back = run.back.iter().peekable();
    let begin = run.offset / BLOCK_LENGTH;
    let count = (run.blocks.len() + run.back.len()) as u32;
    (begin..begin + count)
        .filter_map(|number| match back.next_if(|block| block.number == number) {
            Some(_) => there.next(),
            None => here.next(),
        })
        .collect()
}

fn read_stretch(
    storage: &Storage,
    room: &Arc<BlockPool>,
    run: &Advance,
    stretch: &[OnDisk],
) -> Result<BlockBuf, StorageError> {
    let begin = stretch.first().map_or(0, |block| block.number) * BLOCK_LENGTH;
    let rest = storage.torrent().geometry.length_of(run.piece).saturating_sub(begin);
    let mut bytes = room.take(rest.min(stretch.len() as u32 * BLOCK_LENGTH));
    storage.read(run.piece, begin, &mut bytes)?;
    Ok(bytes)
}

fn is_intact(stretch: &[OnDisk], bytes: &[u8]) -> bool {
    changed(stretch, bytes).next().is_none()
}

/// The numbers of the blocks that are not what was written.
fn changed<'a>(stretch: &'a [OnDisk], bytes: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
    let blocks = stretch.iter().zip(bytes.chunks(BLOCK_LENGTH as usize));
    blocks
        .filter(|(block, bytes)| block.crc.is_some_and(|crc| crc != crc32fast::hash(bytes)))
        .map(|(block, _)| block.number)
}

/// Some of these cannot be read: the numbers of those, and of those that are not what was written.
fn unreadable(
    storage: &Storage,
    room: &Arc<BlockPool>,
    run: &Advance,
    stretch: &[OnDisk],
) -> Result<Vec<u32>, StorageError> {
    let mut lost = Vec::new();
    for block in stretch {
        let block = std::slice::from_ref(block);
        match read_stretch(storage, room, run, block) {
            Ok(bytes) => lost.extend(changed(block, &bytes)),
            Err(error) if is_loss(&error) => lost.extend(block.iter().map(|block| block.number)),
            Err(error) => return Err(error),
        }
    }
    Ok(lost)
}

/// Whether what was written is gone, and not only out of reach.
fn is_loss(error: &StorageError) -> bool {
    let gone = |kind: &OsKind| matches!(kind, OsKind::NotFound | OsKind::Device);
    match error {
        StorageError::TooShort { .. } => true,
        StorageError::Os { kind, .. } => gone(kind),
        _ => false,
    }
}
