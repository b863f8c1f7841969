//! The files of a torrent, open as far as they are needed, and reads and writes that go to the end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::StorageError;
use super::system::{Access, read_at, write_at};

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
            && (access == Access::Read || held.access == Access::Write || held.access == access)
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
pub(super) fn write_all(file: &File, mut at: u64, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    let mut left = slices;
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        let written = write_at(file, left, at)?;
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        at += written as u64;
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(())
}

/// Fills the buffer from this offset of the file; false when the file ends before that.
pub(super) fn read_all(file: &File, mut at: u64, mut into: &mut [u8]) -> io::Result<bool> {
    while !into.is_empty() {
        let read = read_at(file, into, at)?;
        if read == 0 {
            return Ok(false);
        }
        at += read as u64;
        into = &mut into[read..];
    }
    Ok(true)
}
