//! The journal on disk.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{Batch, BootId};
use crate::storage::error::{Operation, StorageError};
use crate::storage::system::{self, open_to_read, sync_folder};

/// Bytes read of a journal; the blocks of 100 GB of unfinished pieces take fewer.
const MOST_BYTES: u64 = 64 << 20;

/// The file that a journal is written down in. A writer holds the lock of the resume file beside it.
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
        if let Ok(file) = open_to_read(&self.path)
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
            sync_folder(dir).map_err(|e| failed(&e))?;
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

/// The id of this run of the machine. Where the system gives none, each process has another.
pub fn boot_id() -> BootId {
    static OF_PROCESS: OnceLock<u128> = OnceLock::new();
    let id = system::boot_id().unwrap_or_else(|| *OF_PROCESS.get_or_init(|| fastrand::u128(..)));
    id.to_be_bytes()
}
