//! Files as Unix has them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::{Errno, retry_on_intr};

use super::super::error::OsKind;
use super::{Access, Free};

#[cfg(feature = "portable")]
pub(super) use self::by_paths::{found, read_bytes_at, to_hold, write_bytes_at};

/// How a file is opened that is to be synced.
pub(in crate::storage) const TO_SYNC: Access = Access::Read;

/// Opens what the user named, to read. A pipe in its place does not make the open wait.
pub(in crate::storage) fn open_to_read(path: &Path) -> io::Result<File> {
    let wait_for_nobody = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    OpenOptions::new().read(true).custom_flags(wait_for_nobody as i32).open(path)
}

/// Creates folders that are nobody else's business, or such as everybody makes.
pub(in crate::storage) fn folder_builder(private: bool) -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(if private { 0o700 } else { 0o777 });
    builder
}

/// The path as people write it: as it is.
pub(in crate::storage) fn plain(path: PathBuf) -> PathBuf {
    path
}

/// Waits until the disk has the names of all that is in a folder.
pub(in crate::storage) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Brings the content of a file to the disk.
pub(in crate::storage) fn sync_content(file: &File) -> io::Result<()> {
    #[cfg(not(target_vendor = "apple"))]
    let sync = rustix::fs::fdatasync::<&File>;
    // There is no call for the content alone.
    #[cfg(target_vendor = "apple")]
    let sync = rustix::fs::fsync::<&File>;
    Ok(retry_on_intr(|| sync(file))?)
}

/// What is free for us on the disk of a folder; `None` where the file system does not say.
pub(in crate::storage) fn free(path: &Path) -> Option<Free> {
    let stat = rustix::fs::statvfs(path).ok()?;
    (stat.f_blocks > 0).then(|| Free {
        bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        files: (stat.f_files > 0).then_some(stat.f_favail),
    })
}

/// Whether the file system has no locks, as some of networks.
pub(in crate::storage) fn knows_no_locks(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP))
}

/// What the number of an error stands for.
pub(in crate::storage) fn refusal(number: i32) -> OsKind {
    match Errno::from_raw_os_error(number) {
        Errno::NOSPC | Errno::DQUOT => OsKind::DiskFull,
        Errno::ACCESS | Errno::PERM => OsKind::Permission,
        Errno::ROFS => OsKind::ReadOnly,
        Errno::NOENT => OsKind::NotFound,
        Errno::NOTDIR => OsKind::NotAFolder,
        Errno::MFILE | Errno::NFILE => OsKind::TooManyOpenFiles,
        Errno::FBIG => OsKind::FileTooLarge,
        Errno::NAMETOOLONG => OsKind::NameTooLong,
        Errno::IO => OsKind::Device,
        other => OsKind::Other(other.raw_os_error()),
    }
}

/// What Unix has for [`super::paths`].
#[cfg(feature = "portable")]
mod by_paths {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};

    use rustix::fs::OFlags;

    use super::super::{FileStat, Found, Kind};

    /// Follows no link, and waits for nobody.
    pub(in super::super) fn to_hold(options: &mut OpenOptions) -> &mut OpenOptions {
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32)
    }

    pub(in super::super) fn found(metadata: &Metadata) -> Found {
        let kind = match metadata.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Folder,
            kind if kind.is_symlink() => Kind::Link,
            kind if kind.is_fifo() => Kind::Pipe,
            kind if kind.is_socket() => Kind::Socket,
            _ => Kind::Device,
        };
        let stat = FileStat {
            bytes: metadata.len(),
            allocated_bytes: metadata.blocks().saturating_mul(512),
            modified: (metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0)),
            identity: (metadata.dev(), metadata.ino()),
        };
        Found { kind, stat, is_named: metadata.nlink() > 0 }
    }

    pub(in super::super) fn write_bytes_at(file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
        file.write_at(bytes, at)
    }

    pub(in super::super) fn read_bytes_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
        file.read_at(into, at)
    }
}
