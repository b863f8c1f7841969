//! Files in the state folder: each is there as a whole or not at all.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::error::{Operation, StorageError};
use super::open::{NewFolders, create_folders};
use super::system::{open_to_read, sync_folder};

/// Creates the state folder, or one in it, for nobody else to read.
///
/// # Errors
/// The system refuses.
pub fn create_state_folder(folder: &Path) -> Result<(), StorageError> {
    create_dir(folder).map(drop)
}

/// Puts these bytes in the place of a file. Waits for no disk: [`sync_state_files`] does.
///
/// # Errors
/// The system refuses; what was there before stays.
pub fn replace_state_file(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    replace(path, bytes).map(drop)
}

/// Waits until the disk has these files of a folder, and their names.
///
/// # Errors
/// The system refuses. One that is gone by now is none.
pub fn sync_state_files<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<(), StorageError> {
    for path in files {
        match open_to_read(path).and_then(|file| file.sync_all()) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(StorageError::io(path, Operation::Sync, &e));
            }
            _ => {}
        }
    }
    sync_folder(folder).map_err(|e| StorageError::io(folder, Operation::Sync, &e))
}

/// What a file holds, up to `most_bytes` and one; `None` where there is none.
///
/// # Errors
/// The system refuses.
pub fn read_state_file(path: &Path, most_bytes: u64) -> Result<Option<Vec<u8>>, StorageError> {
    let failed = |operation| move |e: std::io::Error| StorageError::io(path, operation, &e);
    let file = match open_to_read(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed(Operation::Open))?,
    };
    // With room for all of it there is one read, and one that finds the end: a thousand are read before the first frame.
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = Vec::with_capacity(length.min(most_bytes) as usize + 1);
    file.take(most_bytes + 1).read_to_end(&mut bytes).map_err(failed(Operation::Read))?;
    Ok(Some(bytes))
}

/// Creates the folder of a state file.
pub(super) fn create_dir(folder: &Path) -> Result<NewFolders, StorageError> {
    create_folders(folder, true).map_err(|e| StorageError::io(folder, Operation::CreateFolder, &e))
}

/// Writes a new file in the state folder, or over the one there is.
pub(super) fn write(path: &Path, bytes: &[u8], wait_for_disk: bool) -> Result<File, StorageError> {
    let failed = |operation| move |e: std::io::Error| StorageError::io(path, operation, &e);
    let mut created = File::create(path);
    if let (Err(error), Some(folder)) = (&created, path.parent())
        && error.kind() == ErrorKind::NotFound
    {
        // Somebody tidied up while it was running.
        let new = create_dir(folder)?;
        if wait_for_disk {
            new.sync();
        }
        created = File::create(path);
    }
    let mut file = created.map_err(failed(Operation::Create))?;
    file.write_all(bytes).map_err(failed(Operation::Write))?;
    if wait_for_disk {
        file.sync_all().map_err(failed(Operation::Sync))?;
    }
    Ok(file)
}

/// The same in the place of a file; returns the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<File, StorageError> {
    let mut temporary = OsString::from(path);
    temporary.push(".new");
    let file = write(temporary.as_ref(), bytes, false)?;
    std::fs::rename(&temporary, path).map_err(|e| StorageError::io(path, Operation::Rename, &e))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_as_a_whole_and_what_cannot_be_replaced_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ttui/it");
        assert_eq!(read_state_file(&path, 10), Ok(None));
        replace_state_file(&path, b"one").unwrap();
        replace_state_file(&path, b"two").unwrap();
        sync_state_files(path.parent().unwrap(), &[path.clone(), dir.path().join("gone")]).unwrap();
        // A folder where the new file belongs makes it fail, also for root.
        std::fs::create_dir(dir.path().join("ttui/it.new")).unwrap();
        assert!(replace_state_file(&path, b"three").is_err());
        assert_eq!(read_state_file(&path, 10), Ok(Some(b"two".to_vec())));
        assert_eq!(read_state_file(&path, 1).unwrap().unwrap().len(), 2, "one more tells that it is longer");
    }
}
