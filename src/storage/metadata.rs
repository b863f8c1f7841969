//! The torrent files that are kept: a magnet whose metadata came once begins with it at once.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::error::{Operation, StorageError};
use super::open::{NewFolders, create_folders};
use super::state_file::{create_dir, replace};
use super::system::sync_folder;
use crate::metainfo::{InfoHash, Torrent};

/// The torrent file that was kept for this info-hash, if one is there and is right; what is wrong with it is no matter: it
/// is fetched again.
#[must_use]
pub fn kept_metadata(state_dir: &Path, info_hash: InfoHash) -> Option<Torrent> {
    // The version before kept them beside the resume records.
    let places = [place(state_dir, info_hash), state_dir.join(name(info_hash))];
    places.iter().find_map(|path| {
        let torrent = Torrent::from_file(path).ok().filter(|torrent| torrent.info_hash == info_hash)?;
        torrent.info().kept_at(path);
        torrent.info().let_go();
        Some(torrent)
    })
}

/// The folder in the state folder where torrents are kept.
#[must_use]
pub fn kept_torrents(state_dir: &Path) -> PathBuf {
    state_dir.join("torrents")
}

/// A torrent file that is kept, and that the disk may not have yet: what a power cut makes of it is not right, and is
/// fetched again.
#[derive(Debug)]
pub struct KeptMetadata {
    path: PathBuf,
    file: File,
    /// The new folders that lead to it.
    new: NewFolders,
}

/// Keeps a torrent file for the next run. Waits for no disk.
///
/// # Errors
/// The system refuses; what was kept before stays.
pub fn keep_metadata(
    state_dir: &Path,
    info_hash: InfoHash,
    file: &[u8],
) -> Result<KeptMetadata, StorageError> {
    let new = create_dir(&kept_torrents(state_dir))?;
    let path = place(state_dir, info_hash);
    let file = replace(&path, file)?;
    Ok(KeptMetadata { path, file, new })
}

impl KeptMetadata {
    /// It is the file of this torrent, which need not hold in memory for ever what is kept here.
    pub fn holds(&self, torrent: &Torrent) {
        torrent.info().kept_at(&self.path);
    }

    /// Waits until the disk has it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn sync(self) -> Result<(), StorageError> {
        let failed = |error: &std::io::Error| StorageError::io(&self.path, Operation::Sync, error);
        self.file.sync_all().map_err(|error| failed(&error))?;
        self.new.sync();
        self.path.parent().map_or(Ok(()), sync_folder).map_err(|error| failed(&error))
    }
}

/// Writes a torrent file where none is, in a folder that is created if it is missing.
///
/// # Errors
/// There is a file of that name, which stays as it is; or the system refuses.
pub fn save_metadata(path: &Path, file: &[u8]) -> Result<(), StorageError> {
    let failed = |operation| move |error: std::io::Error| StorageError::io(path, operation, &error);
    let new = path.parent().map(|folder| {
        create_folders(folder, false)
            .map_err(|error| StorageError::io(folder, Operation::CreateFolder, &error))
    });
    let new = new.transpose()?.unwrap_or_default();
    let mut created = File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => StorageError::Exists { path: path.to_owned() },
        _ => failed(Operation::Create)(error),
    })?;
    created.write_all(file).map_err(failed(Operation::Write))?;
    created.sync_all().map_err(failed(Operation::Sync))?;
    new.sync();
    Ok(())
}

fn place(state_dir: &Path, info_hash: InfoHash) -> PathBuf {
    kept_torrents(state_dir).join(name(info_hash))
}

fn name(info_hash: InfoHash) -> String {
    format!("{info_hash}.torrent")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] =
        b"d4:infod6:lengthi4e4:name2:it12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";

    #[test]
    fn what_is_kept_is_there_before_the_disk_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let (state, torrent) = (dir.path().join("new/ttui"), Torrent::from_bytes(FILE).unwrap());
        let hash = torrent.info_hash;
        assert!(kept_metadata(&state, hash).is_none());
        let kept = keep_metadata(&state, hash, FILE).unwrap();
        assert_eq!(kept_metadata(&state, hash).map(|torrent| torrent.info_hash), Some(hash));
        kept.sync().unwrap();
        keep_metadata(&state, hash, FILE).unwrap().sync().unwrap();
        assert_eq!(std::fs::read_dir(kept_torrents(&state)).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_a_power_cut_left_of_it_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let hash = Torrent::from_bytes(FILE).unwrap().info_hash;
        std::fs::create_dir(kept_torrents(dir.path())).unwrap();
        for length in [0, 10, FILE.len() - 1] {
            std::fs::write(place(dir.path(), hash), &FILE[..length]).unwrap();
            assert!(kept_metadata(dir.path(), hash).is_none(), "{length} bytes");
        }
    }

    #[test]
    fn what_the_version_before_kept_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let hash = Torrent::from_bytes(FILE).unwrap().info_hash;
        std::fs::write(dir.path().join(name(hash)), FILE).unwrap();
        assert_eq!(kept_metadata(dir.path(), hash).map(|torrent| torrent.info_hash), Some(hash));
    }
}
