//! Files that get another name, beneath the same folder or another.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::{Root, StorageError, split};
use crate::storage::system::Folder;

/// What the system said to a new name.
pub(in crate::storage) type Named = io::Result<()>;

impl Root {
    /// Gives a file a second name beneath another root, with the folders that lead to it. What stands there stays: then
    /// it is refused.
    pub(in crate::storage) fn link(
        &self,
        relative: &Path,
        to: &Self,
        new: &Path,
    ) -> Result<Named, StorageError> {
        self.name_anew(relative, to, new, Folder::link)
    }

    /// Gives a file another name beneath another root, as [`Self::link`] does, in place of the one it had. It is to be
    /// looked at before whether something stands there: that might be gone.
    pub(in crate::storage) fn rename(
        &self,
        relative: &Path,
        to: &Self,
        new: &Path,
    ) -> Result<Named, StorageError> {
        self.name_anew(relative, to, new, Folder::rename)
    }

    fn name_anew(
        &self,
        relative: &Path,
        to: &Self,
        new: &Path,
        call: fn(&Folder, &OsStr, &Folder, &OsStr) -> Named,
    ) -> Result<Named, StorageError> {
        let ((folders, name), (new_folders, new_name)) = (split(relative)?, split(new)?);
        let (held, new_held) = (self.folder(&folders, false)?, to.folder(&new_folders, true)?);
        let (folder, new_folder) = (held.as_ref().unwrap_or(&self.dir), new_held.as_ref().unwrap_or(&to.dir));
        Ok(call(folder, name, new_folder, new_name))
    }
}
