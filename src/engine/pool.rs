//! Block-sized buffers that are used again instead of allocated anew.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use crate::metainfo::BLOCK_LENGTH;

/// Keeps freed block buffers for the next block, up to a number.
pub struct BlockPool {
    free: Mutex<Vec<Box<[u8]>>>,
    keep: usize,
}

/// The bytes of one block; goes back to its pool when dropped.
pub struct BlockBuf {
    bytes: Box<[u8]>,
    len: usize,
    pool: Arc<BlockPool>,
}

impl BlockPool {
    /// A pool that keeps at most `keep` free buffers of 16 KiB each.
    pub fn new(keep: usize) -> Arc<Self> {
        Arc::new(Self { free: Mutex::new(Vec::new()), keep })
    }

    /// A buffer of `len` bytes (16 KiB at most) with unspecified content.
    pub fn take(self: &Arc<Self>, len: u32) -> BlockBuf {
        let kept = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = kept.unwrap_or_else(|| vec![0; BLOCK_LENGTH as usize].into_boxed_slice());
        BlockBuf { len: (len as usize).min(bytes.len()), bytes, pool: Arc::clone(self) }
    }
}

impl BlockBuf {
    /// Makes it a buffer of `len` bytes (16 KiB at most); their content is unspecified.
    pub fn set_len(&mut self, len: u32) {
        self.len = (len as usize).min(self.bytes.len());
    }
}

impl Deref for BlockBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl DerefMut for BlockBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }
}

impl Drop for BlockBuf {
    fn drop(&mut self) {
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.pool.keep {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

impl fmt::Debug for BlockPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockPool(keeps {})", self.keep)
    }
}

impl fmt::Debug for BlockBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockBuf({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_no_more_than_it_is_told_to() {
        let pool = BlockPool::new(2);
        let taken: Vec<BlockBuf> = (0..5).map(|_| pool.take(100)).collect();
        assert!(taken.iter().all(|buffer| buffer.len() == 100));
        drop(taken);
        assert_eq!(pool.free.lock().unwrap().len(), 2);
        let _again = pool.take(BLOCK_LENGTH);
        assert_eq!(pool.free.lock().unwrap().len(), 1);
    }
}
