//! The files of a torrent, open as far as they are needed, and reads and writes that go to the end.

use std::collections::HashMap;
use std::fs::File;
use std::io::IoSlice;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::{Errno, retry_on_intr};

#[cfg(all(target_os = "linux", not(feature = "portable")))]
use super::error::Operation;
use super::error::StorageError;
use super::open::Access;

/// Slices the system takes in one call (`IOV_MAX`).
const MOST_SLICES: usize = 1024;

/// Keeps the files used last open.
#[derive(Debug)]
pub(super) struct OpenFiles {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    files: HashMap<usize, Held>,
    /// Counts uses, to find the file unused for longest.
    uses: u64,
}

#[derive(Debug)]
struct Held {
    file: Arc<File>,
    access: Access,
    last_use: u64,
}

impl OpenFiles {
    /// Keeps at most `most` files open, those in use by a thread at the moment apart.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), open: Mutex::default() }
    }

    /// The open file `number`; where it is not open for this access, `opened` has to open it. Nobody else opens any
    /// meanwhile.
    pub(super) fn file(
        &self,
        number: usize,
        access: Access,
        opened: impl FnOnce() -> Result<File, StorageError>,
    ) -> Result<Arc<File>, StorageError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.uses += 1;
        let now = open.uses;
        if let Some(held) = open.files.get_mut(&number)
            && (access == Access::Read || held.access == Access::Write)
        {
            held.last_use = now;
            return Ok(Arc::clone(&held.file));
        }
        open.files.remove(&number);
        while open.files.len() >= self.most {
            let oldest = open.files.iter().min_by_key(|(_, held)| held.last_use).map(|(&number, _)| number);
            let Some(oldest) = oldest else { break };
            open.files.remove(&oldest);
        }
        let file = Arc::new(opened()?);
        open.files.insert(number, Held { file: Arc::clone(&file), access, last_use: now });
        Ok(file)
    }

    /// The file, where it is open and can be had at once.
    pub(super) fn open_file(&self, number: usize) -> Option<Arc<File>> {
        let mut open = self.open.try_lock().ok()?;
        open.uses += 1;
        let now = open.uses;
        let held = open.files.get_mut(&number)?;
        held.last_use = now;
        Some(Arc::clone(&held.file))
    }

    /// Closes file `number`, if it is kept open: the next use opens what stands at its path then.
    pub(super) fn forget(&self, number: usize) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).files.remove(&number);
    }

    /// How many are kept open.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.open.lock().unwrap().files.len()
    }
}

/// Writes all of the slices at this offset of the file.
pub(super) fn write_all(file: &File, mut at: u64, slices: &mut [IoSlice<'_>]) -> Result<(), Errno> {
    let mut left = slices;
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        let now = left.len().min(MOST_SLICES);
        let written = retry_on_intr(|| rustix::io::pwritev(file, &left[..now], at))?;
        if written == 0 {
            return Err(Errno::IO);
        }
        at += written as u64;
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(())
}

/// Fills the buffer from this offset of the file; false when the file ends before that.
pub(super) fn read_all(file: &File, mut at: u64, mut into: &mut [u8]) -> Result<bool, Errno> {
    while !into.is_empty() {
        let read = retry_on_intr(|| rustix::io::pread(file, &mut *into, at))?;
        if read == 0 {
            return Ok(false);
        }
        at += read as u64;
        into = &mut into[read..];
    }
    Ok(true)
}

/// The same from what the system has in memory; false when that is not all of it.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(super) fn read_cached(file: &File, mut at: u64, mut into: &mut [u8]) -> bool {
    use std::io::IoSliceMut;

    use rustix::io::{ReadWriteFlags, preadv2};

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

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
pub(super) fn read_cached(_file: &File, _at: u64, _into: &mut [u8]) -> bool {
    false
}

/// Brings the content of a file to the disk.
pub(super) fn sync_content(file: &File) -> Result<(), Errno> {
    #[cfg(not(target_vendor = "apple"))]
    let sync = rustix::fs::fdatasync::<&File>;
    // There is no call for the content alone.
    #[cfg(target_vendor = "apple")]
    let sync = rustix::fs::fsync::<&File>;
    retry_on_intr(|| sync(file))
}

/// Tells the system that this range will be read soon.
pub(super) fn will_read(file: &File, at: u64, length: u64) {
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    {
        use std::num::NonZero;

        use rustix::fs::{Advice, fadvise};

        let _ = fadvise(file, at, NonZero::new(length), Advice::WillNeed);
    }
    let _ = (file, at, length);
}

/// Lets go of what the system holds of the file in memory, so that what is read next comes from the disk. Only a hint.
pub(super) fn forget_cached(file: &File) {
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    {
        use rustix::fs::{Advice, fadvise};

        let _ = fadvise(file, 0, None, Advice::DontNeed);
    }
    let _ = file;
}

/// Reserves disk for all of the file. Where the file system cannot, the file grows as it is written.
pub(super) fn allocate(file: &File, bytes: u64, path: &Path) -> Result<(), StorageError> {
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    {
        use rustix::fs::{FallocateFlags, fallocate};

        if let Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::IO)) =
            retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, bytes))
        {
            return Err(StorageError::os(path, Operation::Allocate, errno));
        }
    }
    let _ = (file, bytes, path);
    Ok(())
}

/// The next range of the file at or after `from` that something was written to; `None` when nothing follows.
/// Where the file system does not know, all of the file.
pub(super) fn next_data(file: &File, from: u64, file_bytes: u64) -> Option<(u64, u64)> {
    if from >= file_bytes {
        return None;
    }
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    {
        use rustix::fs::{SeekFrom, seek};

        match seek(file, SeekFrom::Data(from)) {
            Ok(start) if start < file_bytes => {
                let end = seek(file, SeekFrom::Hole(start)).unwrap_or(file_bytes);
                return Some((start, end.clamp(start + 1, file_bytes)));
            }
            Ok(_) | Err(Errno::NXIO) => return None,
            Err(_) => {}
        }
    }
    let _ = file;
    Some((from, file_bytes))
}
