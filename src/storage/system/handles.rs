//! Folders opened from folders: nothing that is renamed or replaced meanwhile leads anywhere else.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::retry_on_intr;

use super::{Access, FileStat, Found, Kind};

/// Slices the system takes in one call (`IOV_MAX`).
const MOST_SLICES: usize = 1024;

#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder, held open.
#[derive(Debug)]
pub(in crate::storage) struct Folder(OwnedFd);

impl Folder {
    /// Opens a folder; links on the way are followed.
    pub(in crate::storage) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(fs::open(path, FOLDER, Mode::empty())?))
    }

    /// Opens the folder of this name in it, and follows no link.
    pub(in crate::storage) fn folder(&self, name: &OsStr) -> io::Result<Self> {
        Ok(Self(fs::openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?))
    }

    /// Opens a folder beneath it in one call that follows no link; `None` where the system has no such call.
    #[cfg(target_os = "linux")]
    pub(in crate::storage) fn beneath(&self, folders: &[&OsStr]) -> Option<io::Result<Self>> {
        use std::path::PathBuf;

        use rustix::fs::ResolveFlags;
        use rustix::io::Errno;

        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let path: PathBuf = folders.iter().collect();
        match fs::openat2(&self.0, &path, FOLDER, Mode::empty(), beneath) {
            // Old kernels do not know the call, and some sandboxes forbid it.
            Err(Errno::NOSYS | Errno::PERM) => None,
            opened => Some(opened.map(Self).map_err(io::Error::from)),
        }
    }

    /// There is no such call.
    #[cfg(not(target_os = "linux"))]
    pub(in crate::storage) fn beneath(&self, _folders: &[&OsStr]) -> Option<io::Result<Self>> {
        None
    }

    /// Creates a folder in it.
    pub(in crate::storage) fn create_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::mkdirat(&self.0, name, Mode::from_raw_mode(0o777))?)
    }

    /// Opens what has this name in it, and follows no link. Nothing is truncated.
    pub(in crate::storage) fn file(&self, name: &OsStr, access: Access) -> io::Result<File> {
        // A pipe or a device in the way must not make the open wait.
        let common = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = match access {
            Access::Read => OFlags::RDONLY,
            Access::Change => OFlags::RDWR,
            Access::Write => OFlags::RDWR | OFlags::CREATE,
            Access::New => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
        };
        Ok(fs::openat(&self.0, name, flags | common, Mode::from_raw_mode(0o666))?.into())
    }

    /// Looks at what has this name in it, and follows no link.
    pub(in crate::storage) fn look(&self, name: &OsStr) -> io::Result<Found> {
        Ok(found(&fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Gives what has this name in it a second one in another folder, where nothing may stand.
    pub(in crate::storage) fn link(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        Ok(fs::linkat(&self.0, name, &to.0, new, AtFlags::empty())?)
    }

    /// Gives what has this name in it another one in another folder.
    pub(in crate::storage) fn rename(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        Ok(fs::renameat(&self.0, name, &to.0, new)?)
    }

    /// Deletes the file of this name in it; a link is deleted itself.
    pub(in crate::storage) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Deletes the folder of this name in it, if that is empty.
    pub(in crate::storage) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Waits until the disk has the names of all that is in it.
    pub(in crate::storage) fn sync(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = fs::openat(&self.0, ".", flags, Mode::empty())?;
        Ok(retry_on_intr(|| fs::fsync(&readable))?)
    }
}

/// Looks at what is open.
pub(in crate::storage) fn look_at(file: impl AsFd) -> io::Result<Found> {
    Ok(found(&fs::fstat(file)?))
}

#[allow(clippy::unnecessary_cast, reason = "not the same types on every system")]
fn found(stat: &Stat) -> Found {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        FileType::Fifo => Kind::Pipe,
        FileType::Socket => Kind::Socket,
        _ => Kind::Device,
    };
    let stat_of = FileStat {
        bytes: u64::try_from(stat.st_size).unwrap_or(0),
        allocated_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
        modified: (stat.st_mtime as i64, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        identity: (stat.st_dev as u64, stat.st_ino as u64),
    };
    Found { kind, stat: stat_of, is_named: stat.st_nlink > 0 }
}

/// Writes some of the slices at this offset: how many bytes.
pub(in crate::storage) fn write_at(file: &File, slices: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
    let now = slices.len().min(MOST_SLICES);
    Ok(retry_on_intr(|| rustix::io::pwritev(file, &slices[..now], at))?)
}

/// Reads some of what stands at this offset: how many bytes; 0 at the end of the file.
pub(in crate::storage) fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    Ok(retry_on_intr(|| rustix::io::pread(file, &mut *into, at))?)
}
