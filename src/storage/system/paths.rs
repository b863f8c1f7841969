//! Folders by their paths, each held open while something beneath it is opened.
//!
//! On Windows nobody can rename or remove a folder that is held, or one in which something is: what a path leads to
//! stays what it was when it was looked at. On Unix, where this is only tested, somebody could.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice};
use std::path::{Path, PathBuf};

use super::own::{found, read_bytes_at, to_hold, write_bytes_at};
use super::{Access, Found, Kind, sync_folder};

/// A folder, held open.
#[derive(Debug)]
pub(in crate::storage) struct Folder {
    path: PathBuf,
    _held: File,
}

impl Folder {
    /// Opens a folder, of which the path has no links.
    pub(in crate::storage) fn open(path: &Path) -> io::Result<Self> {
        let held = to_hold(OpenOptions::new().read(true)).open(path)?;
        match look_at(&held)?.kind {
            Kind::Folder => Ok(Self { path: path.to_owned(), _held: held }),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// Opens the folder of this name in it, and follows no link.
    pub(in crate::storage) fn folder(&self, name: &OsStr) -> io::Result<Self> {
        Self::open(&self.path.join(name))
    }

    /// There is no call for many at once.
    pub(in crate::storage) fn beneath(&self, _folders: &[&OsStr]) -> Option<io::Result<Self>> {
        None
    }

    /// Creates a folder in it.
    pub(in crate::storage) fn create_folder(&self, name: &OsStr) -> io::Result<()> {
        fs::create_dir(self.path.join(name))
    }

    /// Opens what has this name in it, and follows no link. Nothing is truncated.
    pub(in crate::storage) fn file(&self, name: &OsStr, access: Access) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(access != Access::Read);
        options.create(access == Access::Write).create_new(access == Access::New);
        to_hold(&mut options).open(self.path.join(name))
    }

    /// Looks at what has this name in it, and follows no link.
    pub(in crate::storage) fn look(&self, name: &OsStr) -> io::Result<Found> {
        Ok(found(&fs::symlink_metadata(self.path.join(name))?))
    }

    /// Gives what has this name in it a second one in another folder, where nothing may stand.
    pub(in crate::storage) fn link(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        fs::hard_link(self.path.join(name), to.path.join(new))
    }

    /// Gives what has this name in it another one in another folder.
    pub(in crate::storage) fn rename(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        fs::rename(self.path.join(name), to.path.join(new))
    }

    /// Deletes the file of this name in it; a link is deleted itself.
    pub(in crate::storage) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    /// Deletes the folder of this name in it, if that is empty.
    pub(in crate::storage) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    /// Waits until the disk has the names of all that is in it.
    pub(in crate::storage) fn sync(&self) -> io::Result<()> {
        sync_folder(&self.path)
    }
}

/// Looks at what is open.
pub(in crate::storage) fn look_at(file: &File) -> io::Result<Found> {
    Ok(found(&file.metadata()?))
}

/// Writes some of the slices at this offset: how many bytes.
pub(in crate::storage) fn write_at(file: &File, slices: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
    let first = slices.iter().find(|slice| !slice.is_empty());
    first.map_or(Ok(0), |bytes| again_if_interrupted(|| write_bytes_at(file, bytes, at)))
}

/// Reads some of what stands at this offset: how many bytes; 0 at the end of the file.
pub(in crate::storage) fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    again_if_interrupted(|| read_bytes_at(file, into, at))
}

fn again_if_interrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
