//! A lock that a process has while it runs: nobody else works on the same meanwhile.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::error::{Operation, StorageError};
use super::system::{knows_no_locks, look_at};

/// How often a lock is taken that its holder removed at that moment.
const MOST_TRIES: usize = 16;

/// A file that one process has at a time. It is let go when this is dropped, however the process ends.
#[derive(Debug)]
pub struct ProcessLock(File);

/// Why a lock is not ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotLocked {
    /// Another process has it: this one, where known.
    Held(Option<u32>),
    /// The system refuses.
    Refused(StorageError),
}

impl ProcessLock {
    /// Takes the lock, and leaves the number of this process for those who want it too.
    ///
    /// # Errors
    /// Another has it, or the file cannot be created.
    pub fn take(path: &Path) -> Result<Self, NotLocked> {
        let refused =
            |operation| move |e: std::io::Error| NotLocked::Refused(StorageError::io(path, operation, &e));
        let mut tries = 0;
        loop {
            let mut options = OpenOptions::new();
            let mut file = options
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(refused(Operation::Create))?;
            match file.try_lock() {
                Ok(()) => {}
                // Some network file systems know no locks; that must not keep anybody from downloading.
                Err(TryLockError::Error(e)) if knows_no_locks(&e) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // Whose it is, is only told; not knowing changes nothing. Windows lets nobody read what is locked.
                    let _ = file.take(20).read_to_string(&mut holder);
                    return Err(NotLocked::Held(holder.trim().parse().ok()));
                }
                Err(TryLockError::Error(e)) => return Err(refused(Operation::Lock)(e)),
            }
            tries += 1;
            // Its last holder may have removed it between our opening and locking it: then nobody else sees ours.
            if look_at(&file).is_ok_and(|found| !found.is_named) && tries < MOST_TRIES {
                continue;
            }
            // On a full disk the number of the process is missing; the lock holds all the same.
            let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
            return Ok(Self(file));
        }
    }

    /// Lets it go before it is dropped.
    pub(super) fn release(&self) {
        // Where it cannot be let go now, it is when the file is closed.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_at_a_time_and_who_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("it.lock");
        let held = ProcessLock::take(&path).unwrap();
        assert_eq!(ProcessLock::take(&path).unwrap_err(), NotLocked::Held(Some(std::process::id())));
        drop(held);
        let again = ProcessLock::take(&path).unwrap();
        again.release();
        ProcessLock::take(&path).unwrap();
    }

    #[test]
    fn where_it_cannot_be_created_that_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let refused = ProcessLock::take(&dir.path().join("none/it.lock")).unwrap_err();
        assert!(matches!(refused, NotLocked::Refused(StorageError::Os { .. })), "{refused:?}");
    }
}
