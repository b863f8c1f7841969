//! Buffers of one size that are used again instead of allocated anew.
//!
//! Memory that was given back to the system has to be found, cleared and mapped again by it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use crate::metainfo::BLOCK_LENGTH;

/// Keeps freed buffers for the next use, up to a number.
pub struct BlockPool {
    free: Mutex<Vec<Box<[u8]>>>,
    keep: usize,
    buffer_bytes: usize,
}

/// The bytes of one block, or of several; goes back to its pool when dropped.
pub struct BlockBuf {
    bytes: Box<[u8]>,
    len: usize,
    pool: Arc<BlockPool>,
}

impl BlockPool {
    /// A pool that keeps at most `keep` free buffers of 16 KiB each.
    pub fn new(keep: usize) -> Arc<Self> {
        Self::of(keep, BLOCK_LENGTH as usize)
    }

    /// A pool that keeps at most `keep` free buffers of this many bytes each.
    pub fn of(keep: usize, buffer_bytes: usize) -> Arc<Self> {
        Arc::new(Self { free: Mutex::new(Vec::new()), keep, buffer_bytes })
    }

    /// A buffer of `len` bytes (no more than those of the pool have) with unspecified content.
    pub fn take(self: &Arc<Self>, len: u32) -> BlockBuf {
        let kept = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = kept.unwrap_or_else(|| vec![0; self.buffer_bytes].into_boxed_slice());
        BlockBuf { len: (len as usize).min(bytes.len()), bytes, pool: Arc::clone(self) }
    }
}

impl BlockBuf {
    /// Makes it a buffer of `len` bytes (no more than those of the pool have); their content is unspecified.
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

impl AsRef<[u8]> for BlockBuf {
    fn as_ref(&self) -> &[u8] {
        self
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
    use bytes::Bytes;

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

    #[test]
    fn long_buffers_are_used_again_when_the_last_slice_of_them_is_gone() {
        let pool = BlockPool::of(4, 100_000);
        let bytes = Bytes::from_owner(pool.take(70_000));
        assert_eq!(bytes.len(), 70_000);
        let slice = bytes.slice(50_000..60_000);
        drop(bytes);
        assert_eq!(pool.free.lock().unwrap().len(), 0);
        drop(slice);
        assert_eq!(pool.take(100_000).len(), 100_000);
        assert_eq!(pool.free.lock().unwrap().len(), 1);
    }
}
