//! What only Linux has.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZero;

use rustix::fs::{Advice, FallocateFlags, SeekFrom, fadvise, fallocate, seek};
use rustix::io::{Errno, ReadWriteFlags, preadv2, retry_on_intr};

/// Fills the buffer from what the system has in memory; false when that is not all of it.
pub(in crate::storage) fn read_cached(file: &File, mut at: u64, mut into: &mut [u8]) -> bool {
    while !into.is_empty() {
        let read = preadv2(file, &mut [IoSliceMut::new(into)], at, ReadWriteFlags::NOWAIT);
        match read {
            Ok(read) if read > 0 => {
                at += read as u64;
                into = &mut into[read..];
            }
            // What is not there, or a file system that cannot tell.
            _ => return false,
        }
    }
    true
}

/// Tells the system that this range will be read soon. Only a hint.
pub(in crate::storage) fn will_read(file: &File, at: u64, length: u64) {
    let _ = fadvise(file, at, NonZero::new(length), Advice::WillNeed);
}

/// Lets go of what the system holds of the file in memory, so that what is read next comes from the disk. Only a hint.
pub(in crate::storage) fn forget_cached(file: &File) {
    let _ = fadvise(file, 0, None, Advice::DontNeed);
}

/// Reserves disk for all of the file. Where the file system cannot, the file grows as it is written.
pub(in crate::storage) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, bytes)) {
        Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::IO)) => Err(errno.into()),
        _ => Ok(()),
    }
}

/// Gives back the disk that this range of the file takes; it reads as zeros then. Only a hint.
pub(in crate::storage) fn give_back(file: &File, at: u64, bytes: u64) {
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let _ = retry_on_intr(|| fallocate(file, hole, at, bytes));
}

/// The next range of the file at or after `from` that something was written to; `None` when nothing follows.
/// Where the file system does not know, all of the file.
pub(in crate::storage) fn next_data(file: &File, from: u64, file_bytes: u64) -> Option<(u64, u64)> {
    if from >= file_bytes {
        return None;
    }
    match seek(file, SeekFrom::Data(from)) {
        Ok(start) if start < file_bytes => {
            let end = seek(file, SeekFrom::Hole(start)).unwrap_or(file_bytes);
            Some((start, end.clamp(start + 1, file_bytes)))
        }
        Ok(_) | Err(Errno::NXIO) => None,
        Err(_) => Some((from, file_bytes)),
    }
}

/// The id of this run of the machine.
pub(in crate::storage) fn boot_id() -> Option<u128> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.trim().chars().filter(|digit| *digit != '-').collect();
    u128::from_str_radix(&digits, 16).ok()
}
