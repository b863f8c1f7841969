//! A torrent that this process runs, as it is kept.

use std::fs;
use std::path::PathBuf;

use super::entry::{Entry, Totals};
use super::{Library, LibraryError};
use crate::metainfo::InfoHash;
use crate::storage::{Operation, ProcessLock, StorageError, forget_record};

/// What is kept of a torrent that this process runs: no other changes it until this is dropped.
#[derive(Debug)]
pub struct Kept {
    pub(super) library: Library,
    pub(super) entry: Entry,
    pub(super) lock: ProcessLock,
    /// It was not kept before this run.
    pub(super) is_new: bool,
    /// What the runs before came to.
    pub(super) before: Totals,
}

/// A torrent that was forgotten, and can be brought back until [`Forgotten::for_good`].
#[derive(Debug)]
pub struct Forgotten(Kept);

impl Kept {
    /// What is kept.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Whether it was not kept before this run.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// What the runs before this one came to.
    pub fn before(&self) -> Totals {
        self.before
    }

    /// Changes what is kept; writes where that makes a difference, and waits for no disk.
    ///
    /// # Errors
    /// The system refuses: what was kept before stays, and the change is written with the next.
    pub fn change(&mut self, change: impl FnOnce(&mut Entry)) -> Result<(), StorageError> {
        let before = self.entry.clone();
        change(&mut self.entry);
        if self.entry == before { Ok(()) } else { self.library.write(&self.entry) }
    }

    /// Takes it from what is kept. Its data stay, and so does what is needed to bring it back.
    ///
    /// # Errors
    /// The system refuses: then it is kept as it was, until the next run at least.
    pub fn forget(self) -> Result<Forgotten, Box<(Self, StorageError)>> {
        let (from, to) = self.paths();
        match moved(&from, &to) {
            Ok(()) => Ok(Forgotten(self)),
            Err(error) => Err(Box::new((self, error))),
        }
    }

    /// Where it is kept, and where it is forgotten.
    fn paths(&self) -> (PathBuf, PathBuf) {
        let hash = self.entry.info_hash;
        (self.library.path(hash, super::ENTRY), self.library.path(hash, super::FORGOTTEN))
    }
}

impl Forgotten {
    /// What was kept.
    pub fn entry(&self) -> &Entry {
        &self.0.entry
    }

    /// Brings it back.
    ///
    /// # Errors
    /// The system refuses: it stays forgotten.
    pub fn revive(self) -> Result<Kept, Box<(Self, StorageError)>> {
        let (to, from) = self.0.paths();
        match moved(&from, &to) {
            Ok(()) => Ok(self.0),
            Err(error) => Err(Box::new((self, error))),
        }
    }

    /// Can be brought back no more; what is remembered of its data stays.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn let_go(self) -> Result<(), StorageError> {
        let Kept { library, entry, .. } = self.0;
        library.unlink(entry.info_hash, super::FORGOTTEN)
    }

    /// Removes all that is remembered of it. Its data stay.
    ///
    /// # Errors
    /// The system refuses; the rest is removed when what is kept is listed next.
    pub fn for_good(self) -> Result<(), LibraryError> {
        let Kept { library, entry, lock, .. } = self.0;
        library.remove(&entry, lock)
    }
}

impl Library {
    /// Removes all that is remembered of a torrent that was forgotten; `lock` says that nobody runs it.
    pub(super) fn remove(&self, entry: &Entry, lock: ProcessLock) -> Result<(), LibraryError> {
        let hash = entry.info_hash;
        forget_record(&self.state, hash, &entry.output)?;
        // What says that it was forgotten goes last but for the lock: whatever stops this, it is gone on with.
        for kind in [super::TORRENT, super::FORGOTTEN] {
            self.unlink(hash, kind)?;
        }
        self.unlink(hash, super::LOCK)?;
        drop(lock);
        Ok(())
    }

    fn unlink(&self, info_hash: InfoHash, kind: &str) -> Result<(), StorageError> {
        let path = self.path(info_hash, kind);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(StorageError::io(path, Operation::Remove, &e))
            }
            _ => Ok(()),
        }
    }
}

fn moved(from: &std::path::Path, to: &std::path::Path) -> Result<(), StorageError> {
    fs::rename(from, to).map_err(|e| StorageError::io(from, Operation::Rename, &e))
}
