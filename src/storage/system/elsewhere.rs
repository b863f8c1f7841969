//! What other systems have in place of what only Linux has: nothing is known ahead, and nothing is reserved.

use std::fs::File;
use std::io;

/// Nobody tells what is in memory: what is wanted is read by those who may wait.
pub(in crate::storage) fn read_cached(_file: &File, _at: u64, _into: &mut [u8]) -> bool {
    false
}

/// There is no such hint.
pub(in crate::storage) fn will_read(_file: &File, _at: u64, _length: u64) {}

/// There is no such hint.
pub(in crate::storage) fn forget_cached(_file: &File) {}

/// The file grows as it is written.
pub(in crate::storage) fn allocate(_file: &File, _bytes: u64) -> io::Result<()> {
    Ok(())
}

/// It is kept.
pub(in crate::storage) fn give_back(_file: &File, _at: u64, _bytes: u64) {}

/// All of the file from there on: holes read as zeros.
pub(in crate::storage) fn next_data(_file: &File, from: u64, file_bytes: u64) -> Option<(u64, u64)> {
    (from < file_bytes).then_some((from, file_bytes))
}

/// The machine does not tell its runs apart.
pub(in crate::storage) fn boot_id() -> Option<u128> {
    None
}
