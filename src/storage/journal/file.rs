//! The journal on disk.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;

use super::{Batch, BootId};
use crate::storage::error::{Operation, StorageError};

/// Bytes read of a journal; the blocks of 100 GB of unfinished pieces take fewer.
const MOST_BYTES: u64 = 64 << 20;

/// The file that a journal is written down in. Whoever writes to it holds the lock of the resume file beside it.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<Arc<File>>,
    /// Whether the disk may not have the name of the file.
    unnamed: bool,
    ended: bool,
}

impl JournalFile {
    /// The journal that belongs to this resume file. Nothing is opened yet.
    pub fn beside(resume: &Path) -> Self {
        Self { path: resume.with_extension("journal"), state: Mutex::default() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands in the file: nothing, where there is none, or none that can be read.
    pub fn read(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A pipe in its place must not make the open wait.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        let opened = OpenOptions::new().read(true).custom_flags(flags as i32).open(&self.path);
        if let Ok(file) = opened
            && file.metadata().is_ok_and(|found| found.is_file())
            // What it names beyond what can be read is fetched again.
            && file.take(MOST_BYTES).read_to_end(&mut bytes).is_err()
        {
            bytes.clear();
        }
        bytes
    }

    /// Writes this down. Does nothing after [`Self::end`]. Does not wait for the disk, unless all has to be replaced:
    /// what was safe must not be lost for it.
    ///
    /// # Errors
    /// The system refuses; the file may end with half an entry then, and has to be replaced.
    pub fn write(&self, batch: &Batch) -> Result<(), StorageError> {
        let replacement = match batch {
            Batch::Replace(all) => Some(self.replacement(all, self.path.exists())?),
            Batch::Append(_) | Batch::Remove => None,
        };
        let mut state = self.lock();
        if state.ended {
            return Ok(());
        }
        self.put(&mut state, batch, replacement)
    }

    /// Writes this down, and nothing after it. Waits for no disk.
    ///
    /// # Errors
    /// The system refuses.
    pub fn end(&self, batch: Option<&Batch>) -> Result<(), StorageError> {
        let mut state = self.lock();
        state.ended = true;
        let Some(batch) = batch else { return Ok(()) };
        let replacement = match batch {
            Batch::Replace(all) => Some(self.replacement(all, false)?),
            Batch::Append(_) | Batch::Remove => None,
        };
        self.put(&mut state, batch, replacement)
    }

    /// Waits until the disk has what was written.
    ///
    /// # Errors
    /// The system refuses.
    pub fn sync(&self) -> Result<(), StorageError> {
        let (file, unnamed) = {
            let state = self.lock();
            let Some(file) = &state.file else { return Ok(()) };
            (Arc::clone(file), state.unnamed)
        };
        let failed = |e: &std::io::Error| StorageError::io(&self.path, Operation::Sync, e);
        file.sync_data().map_err(|e| failed(&e))?;
        if unnamed && let Some(dir) = self.path.parent() {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| failed(&e))?;
            self.lock().unnamed = false;
        }
        Ok(())
    }

    fn replacement(&self, all: &[u8], sync: bool) -> Result<(PathBuf, File), StorageError> {
        let path = self.path.with_extension("journal-new");
        let failed = |operation| {
            let path = path.clone();
            move |e: std::io::Error| StorageError::io(path, operation, &e)
        };
        let mut file = File::create(&path).map_err(failed(Operation::Create))?;
        file.write_all(all).map_err(failed(Operation::Write))?;
        if sync {
            file.sync_all().map_err(failed(Operation::Sync))?;
        }
        Ok((path, file))
    }

    fn put(
        &self,
        state: &mut State,
        batch: &Batch,
        replacement: Option<(PathBuf, File)>,
    ) -> Result<(), StorageError> {
        let failed = |operation| move |e: std::io::Error| StorageError::io(&self.path, operation, &e);
        match batch {
            Batch::Append(entries) => {
                let Some(file) = &state.file else { return Ok(()) };
                (&**file).write_all(entries).map_err(failed(Operation::Write))?;
            }
            Batch::Replace(_) => {
                let Some((path, file)) = replacement else { return Ok(()) };
                std::fs::rename(&path, &self.path).map_err(failed(Operation::Rename))?;
                state.file = Some(Arc::new(file));
                state.unnamed = true;
            }
            Batch::Remove => {
                state.file = None;
                match std::fs::remove_file(&self.path) {
                    Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed(Operation::Write)(e)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of this run of the machine. Where the system gives none, no two are the same.
pub fn boot_id() -> BootId {
    let read = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let parsed = read.and_then(|text| {
        let digits: String = text.trim().chars().filter(|digit| *digit != '-').collect();
        u128::from_str_radix(&digits, 16).ok()
    });
    match parsed {
        Some(id) => id.to_be_bytes(),
        None => fastrand::u128(..).to_be_bytes(),
    }
}
