//! The old folder of a torrent and the new one.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::RelocateError;
use crate::metainfo::{File, Torrent};
use crate::storage::error::{Operation, OsKind, StorageError};
use crate::storage::open::{Root, without_links};
use crate::storage::overlap::common_file;
use crate::storage::path;
use crate::storage::system::{Access, look_at};

/// The two folders, held open.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) torrent: &'a Torrent,
    /// `None`: it is not there any more.
    pub(super) from: Option<Root>,
    pub(super) to: Root,
    /// Folders that were created to lead to the new one, and it; those within others first.
    made: Vec<PathBuf>,
}

impl<'a> Places<'a> {
    /// Opens them. The new one is created, but where the files that are in it are `needed`.
    pub(super) fn open(
        torrent: &'a Torrent,
        from: &Path,
        to: &Path,
        needed: bool,
    ) -> Result<Self, RelocateError> {
        if without_links(from) == without_links(to) {
            return Err(RelocateError::Same(without_links(to)));
        }
        let from = match Root::open(from, false) {
            Err(StorageError::Os { kind: OsKind::NotFound, .. }) => None,
            opened => Some(opened?),
        };
        let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let made = to.ancestors().take_while(is_new).map(Path::to_owned).collect();
        let to = match Root::open(to, !needed) {
            Err(StorageError::Os { kind: OsKind::NotFound, .. }) if needed => {
                return Err(RelocateError::Gone(to.to_owned()));
            }
            opened => opened?,
        };
        let places = Self { torrent, from, to, made };
        places.refuse_within()?;
        Ok(places)
    }

    pub(super) fn file(&self, number: usize) -> &'a File {
        &self.torrent.files.as_slice()[number]
    }

    pub(super) fn path(&self, number: usize) -> &'a Path {
        path(self.file(number))
    }

    /// That no file would take the place of another of the same torrent.
    fn refuse_within(&self) -> Result<(), RelocateError> {
        let Some(from) = &self.from else { return Ok(()) };
        // A file where another needs a folder is refused by the system.
        let both = common_file((self.torrent, self.to.path()), (self.torrent, from.path()));
        both.map_or(Ok(()), |path| Err(RelocateError::Within(path)))
    }

    /// The device of the new folder: that of a file which is created there, so that one that cannot be written to is told by
    /// that.
    pub(super) fn device(&self) -> Result<u64, StorageError> {
        let (to, name) = (&self.to, self.temporary_name(None));
        // An earlier one was left by a crash.
        let _ = to.remove_file(&name);
        let file = to.file(&name, Access::New)?;
        let found = look_at(&file).map_err(|e| StorageError::io(to.full(&name), Operation::Stat, &e));
        drop(file);
        to.remove_file(&name)?;
        Ok(found?.stat.identity.0)
    }

    /// What a file is called until it is whole, beside where it belongs: nobody else calls a file so.
    pub(super) fn temporary_name(&self, number: Option<usize>) -> PathBuf {
        let (folder, count) = match number {
            Some(number) => (self.path(number).parent(), format!("-{number}")),
            None => (None, String::new()),
        };
        folder
            .unwrap_or_else(|| Path::new(""))
            .join(format!(".ttui-{}{count}.moving", self.torrent.info_hash))
    }

    /// Removes the folders that were created to lead to the new one, as far as they are empty: nothing came of it.
    pub(super) fn leave(&self) {
        for folder in &self.made {
            // One that holds something is somebody's.
            let _ = fs::remove_dir(folder);
        }
    }
}
