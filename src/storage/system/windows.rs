//! Files as Windows has them.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::error::OsKind;
use super::{Access, FileStat, Found, Free, Kind};

/// How a file is opened that is to be synced: through one that may not be written to, nothing is.
pub(in crate::storage) const TO_SYNC: Access = Access::Change;

/// `FILE_SHARE_READ | FILE_SHARE_WRITE`: as long as it is open nobody renames or removes it.
const STAYS_IN_PLACE: u32 = 0x1 | 0x2;
/// `FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT`: opens folders too, and links instead of following them.
const AS_IT_STANDS: u32 = 0x0200_0000 | 0x0020_0000;
/// `FILE_ATTRIBUTE_DEVICE`
const DEVICE: u32 = 0x40;
/// Seconds from 1601, where times of files begin, to 1970.
const FROM_1601_TO_1970_S: i64 = 11_644_473_600;
/// Such times count tenths of a microsecond.
const TICKS_PER_S: u64 = 10_000_000;

/// Opens what the user named, to read.
pub(in crate::storage) fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Creates folders. Whose they are follows from the folder they are in: that of a user's data is private.
pub(in crate::storage) fn folder_builder(_private: bool) -> DirBuilder {
    DirBuilder::new()
}

/// The path as people write it. What the system resolved begins with `\\?\`, which lets it be longer than 260
/// characters.
pub(in crate::storage) fn plain(path: PathBuf) -> PathBuf {
    let Some(rest) = path.to_str().and_then(|path| path.strip_prefix(r"\\?\")) else { return path };
    match rest.strip_prefix(r"UNC\") {
        Some(share) => PathBuf::from(format!(r"\\{share}")),
        None => PathBuf::from(rest),
    }
}

/// There is no such call: the journal of the file system keeps names in order.
pub(in crate::storage) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Brings the content of a file to the disk.
pub(in crate::storage) fn sync_content(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// The standard library does not ask: a disk that is too small is told when it is full.
pub(in crate::storage) fn free(_path: &Path) -> Option<Free> {
    None
}

/// Whether the file system has no locks: `ERROR_INVALID_FUNCTION`, `ERROR_NOT_SUPPORTED`.
pub(in crate::storage) fn knows_no_locks(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(1 | 50))
}

/// What the number of an error stands for.
pub(in crate::storage) fn refusal(number: i32) -> OsKind {
    match number {
        // ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND
        2 | 3 => OsKind::NotFound,
        // ERROR_TOO_MANY_OPEN_FILES
        4 => OsKind::TooManyOpenFiles,
        // ERROR_ACCESS_DENIED
        5 => OsKind::Permission,
        // ERROR_WRITE_PROTECT
        19 => OsKind::ReadOnly,
        // ERROR_CRC, ERROR_SECTOR_NOT_FOUND, ERROR_WRITE_FAULT, ERROR_READ_FAULT, ERROR_GEN_FAILURE,
        // ERROR_DEVICE_HARDWARE_ERROR, ERROR_IO_DEVICE
        23 | 27 | 29 | 30 | 31 | 483 | 1117 => OsKind::Device,
        // ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED
        39 | 112 | 1295 => OsKind::DiskFull,
        // ERROR_FILENAME_EXCED_RANGE
        206 => OsKind::NameTooLong,
        // ERROR_FILE_TOO_LARGE
        223 => OsKind::FileTooLarge,
        // ERROR_DIRECTORY
        267 => OsKind::NotAFolder,
        other => OsKind::Other(other),
    }
}

/// Opens whatever stands there as it stands, and keeps it there.
pub(super) fn to_hold(options: &mut OpenOptions) -> &mut OpenOptions {
    options.share_mode(STAYS_IN_PLACE).custom_flags(AS_IT_STANDS)
}

/// A file takes the room of its length: what is skipped is filled up. Files are told apart by when they were created.
pub(super) fn found(metadata: &Metadata) -> Found {
    let kind = match metadata.file_type() {
        kind if kind.is_symlink() => Kind::Link,
        kind if kind.is_dir() => Kind::Folder,
        _ if metadata.file_attributes() & DEVICE != 0 => Kind::Device,
        _ => Kind::File,
    };
    let changed = metadata.last_write_time();
    let (seconds, ticks) = (changed / TICKS_PER_S, changed % TICKS_PER_S);
    let stat = FileStat {
        bytes: metadata.len(),
        allocated_bytes: metadata.len(),
        modified: (seconds.cast_signed() - FROM_1601_TO_1970_S, ticks as u32 * 100),
        identity: (0, metadata.creation_time()),
    };
    // One that is open is not removed, and one that is looked at has a name.
    Found { kind, stat, is_named: true }
}

pub(super) fn write_bytes_at(file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
    file.seek_write(bytes, at)
}

pub(super) fn read_bytes_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    file.seek_read(into, at)
}
