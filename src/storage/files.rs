//! The files of a torrent, open as far as they are needed, and reads and writes that go to the end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::error::StorageError;
use super::system::{Access, read_at, write_at};

/// How many files are kept open, those of every torrent that has a copy of it.
#[derive(Clone, Debug)]
pub struct OpenFiles(Arc<All>);

#[derive(Debug)]
struct All {
    most: usize,
    kept: AtomicUsize,
    /// Counts uses, to find the file unused for longest.
    uses: AtomicU64,
    torrents: Mutex<Vec<Weak<Mutex<Open>>>>,
}

/// The files of one torrent that are open: those used last.
#[derive(Debug)]
pub(super) struct TorrentFiles {
    all: Arc<All>,
    open: Arc<Mutex<Open>>,
}

/// By file: what is open of it.
type Open = HashMap<usize, Held>;

#[derive(Debug)]
struct Held {
    file: Arc<File>,
    access: Access,
    last_use: u64,
}

impl OpenFiles {
    /// Keeps at most `most` files open, those in use by a thread at the moment apart.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(All {
            most: most.max(1),
            kept: AtomicUsize::new(0),
            uses: AtomicU64::new(0),
            torrents: Mutex::default(),
        }))
    }

    /// Those of a torrent.
    pub(super) fn of_torrent(&self) -> TorrentFiles {
        let open = Arc::default();
        let mut torrents = lock(&self.0.torrents);
        torrents.retain(|torrent| torrent.strong_count() > 0);
        torrents.push(Arc::downgrade(&open));
        TorrentFiles { all: Arc::clone(&self.0), open }
    }
}

impl All {
    fn use_number(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    fn is_full(&self) -> bool {
        self.kept.load(Ordering::Relaxed) >= self.most
    }

    /// Closes the file unused for longest, one of `own` where there are any; false where none can be closed. Whose files
    /// are being looked for is left alone: nobody waits for another torrent's disk.
    fn close_oldest(&self, own: &mut Open) -> bool {
        let oldest = |open: &Open| open.iter().map(|(number, held)| (held.last_use, *number)).min();
        if let Some((_, number)) = oldest(own) {
            self.close(own, number);
            return true;
        }
        let torrents: Vec<_> = lock(&self.torrents).iter().filter_map(Weak::upgrade).collect();
        let unused = |open: &Arc<Mutex<Open>>| oldest(&*open.try_lock().ok()?);
        let longest =
            torrents.iter().filter_map(|open| Some((unused(open)?, open))).min_by_key(|(age, _)| *age);
        let Some(((_, number), open)) = longest else { return false };
        open.try_lock().is_ok_and(|mut open| self.close(&mut open, number))
    }

    /// Closes a file, if it is kept open.
    fn close(&self, open: &mut Open, number: usize) -> bool {
        let was_open = open.remove(&number).is_some();
        self.kept.fetch_sub(usize::from(was_open), Ordering::Relaxed);
        was_open
    }
}

impl TorrentFiles {
    /// The open file `number`; where it is not open for this access, `opened` has to open it. Nobody else opens any of this
    /// torrent meanwhile.
    pub(super) fn file(
        &self,
        number: usize,
        access: Access,
        opened: impl FnOnce() -> Result<File, StorageError>,
    ) -> Result<Arc<File>, StorageError> {
        let mut open = lock(&self.open);
        let now = self.all.use_number();
        if let Some(held) = open.get_mut(&number)
            && (access == Access::Read || held.access == Access::Write || held.access == access)
        {
            held.last_use = now;
            return Ok(Arc::clone(&held.file));
        }
        self.all.close(&mut open, number);
        while self.all.is_full() && self.all.close_oldest(&mut open) {}
        let file = Arc::new(opened()?);
        open.insert(number, Held { file: Arc::clone(&file), access, last_use: now });
        self.all.kept.fetch_add(1, Ordering::Relaxed);
        Ok(file)
    }

    /// The file, where it is open and can be had at once.
    pub(super) fn open_file(&self, number: usize) -> Option<Arc<File>> {
        let mut open = self.open.try_lock().ok()?;
        let held = open.get_mut(&number)?;
        held.last_use = self.all.use_number();
        Some(Arc::clone(&held.file))
    }

    /// Closes file `number`, if it is kept open: the next use opens what stands at its path then.
    pub(super) fn forget(&self, number: usize) {
        self.all.close(&mut lock(&self.open), number);
    }

    /// How many are kept open.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        lock(&self.open).len()
    }
}

impl Drop for TorrentFiles {
    fn drop(&mut self) {
        let kept = std::mem::take(&mut *lock(&self.open)).len();
        self.all.kept.fetch_sub(kept, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
