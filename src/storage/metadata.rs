//! The metadata of a magnet, kept beside the resume record: the same magnet begins with it at once.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::error::{Operation, StorageError};
use super::open::create_folders;
use super::resume::replace;
use crate::metainfo::{InfoHash, Torrent};

/// The torrent file that was kept for this info-hash, if one is there and is right; what is wrong with it is no matter: it
/// is fetched again.
#[must_use]
pub fn kept_metadata(state_dir: &Path, info_hash: InfoHash) -> Option<Torrent> {
    let torrent = Torrent::from_file(place(state_dir, info_hash)).ok()?;
    (torrent.info_hash == info_hash).then_some(torrent)
}

/// Keeps a torrent file for the next run, and waits until the disk has it.
///
/// # Errors
/// The system refuses; what was kept before stays.
pub fn keep_metadata(state_dir: &Path, info_hash: InfoHash, file: &[u8]) -> Result<(), StorageError> {
    replace(&place(state_dir, info_hash), file)
}

/// Writes a torrent file where none is, in a folder that is created if it is missing.
///
/// # Errors
/// There is a file of that name, which stays as it is; or the system refuses.
pub fn save_metadata(path: &Path, file: &[u8]) -> Result<(), StorageError> {
    let failed = |operation| move |error: std::io::Error| StorageError::io(path, operation, &error);
    if let Some(folder) = path.parent() {
        create_folders(folder, false)
            .map_err(|error| StorageError::io(folder, Operation::CreateFolder, &error))?;
    }
    let mut created = File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => StorageError::Exists { path: path.to_owned() },
        _ => failed(Operation::Create)(error),
    })?;
    created.write_all(file).map_err(failed(Operation::Write))?;
    created.sync_all().map_err(failed(Operation::Sync))
}

fn place(state_dir: &Path, info_hash: InfoHash) -> PathBuf {
    state_dir.join(format!("{info_hash}.torrent"))
}
