//! What can go wrong with files, in words for the person who has to put it right.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::system;
use crate::text;
use crate::units::{self, Units};

/// What failed on disk. Names the file; says what was expected and what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused.
    #[error("cannot {operation} {}: {kind}", shown(.path))]
    Os {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        operation: Operation,
        /// What kind of refusal it was.
        kind: OsKind,
    },
    /// There is less room than the missing pieces need.
    #[error(
        "{} has {} free, but {} are still to be written; make room, or choose another folder with -o",
        shown(.path), units::bytes(*.free_bytes, Units::Binary), units::bytes(*.needed_bytes, Units::Binary)
    )]
    NoRoom {
        /// The output folder.
        path: PathBuf,
        /// What is still to be written.
        needed_bytes: u64,
        /// What is free.
        free_bytes: u64,
    },
    /// The file system takes fewer files than are missing.
    #[error(
        "{} has room for {free} more files, but {needed} are still to be created; make room, or choose another folder with -o",
        shown(.path)
    )]
    NoRoomForFiles {
        /// The output folder.
        path: PathBuf,
        /// Files that do not exist yet.
        needed: u64,
        /// Files that can be created.
        free: u64,
    },
    /// A file stands where ours belongs, and nothing says it is ours.
    #[error(
        "{} exists and holds no piece of this torrent; move it away, choose another folder with -o, or replace its content with --overwrite",
        shown(.path)
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A file with something in it stands where there was none when the download began.
    #[error(
        "{} exists, and did not when the download began; move it away, choose another folder with -o, or replace its content with --overwrite",
        shown(.path)
    )]
    Appeared {
        /// The file.
        path: PathBuf,
    },
    /// A file stands where a new one is to be written.
    #[error("{} exists; move it away, or choose another folder with -o", shown(.path))]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file is longer than the torrent says.
    #[error(
        "{} has {found_bytes} bytes, but {expected_bytes} in the torrent; move it away, choose another folder with -o, or write into it with --overwrite",
        shown(.path)
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        found_bytes: u64,
        /// Its length in the torrent.
        expected_bytes: u64,
    },
    /// A file is shorter than what was to be read from it.
    #[error("{} is shorter than it was; something else has changed it", shown(.path))]
    TooShort {
        /// The file.
        path: PathBuf,
    },
    /// A file we write to is no longer the one at its path, or lost what was written to it.
    #[error("{} was removed, replaced or cut while it was written to", shown(.path))]
    Lost {
        /// The file.
        path: PathBuf,
    },
    /// Something that is no plain file or folder stands where one belongs.
    #[error(
        "{} is {found}, where the torrent needs {wanted}; move it away or choose another folder with -o",
        shown(.path)
    )]
    InTheWay {
        /// What stands there.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// The torrent names a path that cannot lie beneath the output folder.
    #[error("{} cannot lie in the output folder; the torrent is refused", shown(.path))]
    Unsafe {
        /// The path as the torrent has it.
        path: PathBuf,
    },
    /// Another ttui works on the same data.
    #[error("another ttui{} is working on this torrent in {}; end it first, or choose another folder with -o", by(.pid), shown(.path))]
    Locked {
        /// The output folder.
        path: PathBuf,
        /// Its process, where known.
        pid: Option<u32>,
    },
}

/// What was tried with a file; reads as a verb.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is the verb it shows")]
pub enum Operation {
    Open,
    Create,
    CreateFolder,
    Stat,
    Read,
    Write,
    Allocate,
    Sync,
    Rename,
    Remove,
    Lock,
}

/// Why the operating system refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OsKind {
    /// No space, or the quota is used up.
    DiskFull,
    /// Not allowed.
    Permission,
    /// The file system is mounted read-only.
    ReadOnly,
    /// Not there.
    NotFound,
    /// Something on the way is no folder.
    NotAFolder,
    /// No file can be opened any more.
    TooManyOpenFiles,
    /// The file system does not take files this large.
    FileTooLarge,
    /// The name is longer than the file system takes.
    NameTooLong,
    /// The device failed.
    Device,
    /// Anything else: the error number.
    Other(i32),
}

impl StorageError {
    pub(crate) fn io(path: impl Into<PathBuf>, operation: Operation, error: &io::Error) -> Self {
        Self::Os { path: path.into(), operation, kind: error.into() }
    }

    /// Whether room on the disk would make it go away: the download pauses, and nothing is lost.
    pub fn is_disk_full(&self) -> bool {
        matches!(
            self,
            Self::NoRoom { .. } | Self::NoRoomForFiles { .. } | Self::Os { kind: OsKind::DiskFull, .. }
        )
    }

    /// Whether what was written may be lost: the disk failed, and did not merely refuse to be asked.
    pub fn loses_data(&self) -> bool {
        matches!(self, Self::Os { kind: OsKind::Device | OsKind::DiskFull | OsKind::ReadOnly, .. })
    }

    /// The exit status of a program that ends because of it: 2 when what was asked for cannot be done with what
    /// is there, 3 when the machine failed.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Foreign { .. }
            | Self::Appeared { .. }
            | Self::Exists { .. }
            | Self::TooLong { .. }
            | Self::InTheWay { .. }
            | Self::Unsafe { .. } => 2,
            Self::Os { kind: OsKind::NotFound | OsKind::NotAFolder | OsKind::NameTooLong, .. } => 2,
            Self::Os { .. }
            | Self::NoRoom { .. }
            | Self::NoRoomForFiles { .. }
            | Self::TooShort { .. }
            | Self::Lost { .. }
            | Self::Locked { .. } => 3,
        }
    }

    /// The file or folder it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::Os { path, .. }
            | Self::NoRoom { path, .. }
            | Self::NoRoomForFiles { path, .. }
            | Self::Foreign { path }
            | Self::Appeared { path }
            | Self::Exists { path }
            | Self::TooLong { path, .. }
            | Self::TooShort { path }
            | Self::Lost { path }
            | Self::InTheWay { path, .. }
            | Self::Unsafe { path }
            | Self::Locked { path, .. } => path,
        }
    }
}

impl From<&io::Error> for OsKind {
    fn from(error: &io::Error) -> Self {
        match (error.raw_os_error(), error.kind()) {
            (Some(number), _) => system::refusal(number),
            (None, ErrorKind::NotADirectory) => Self::NotAFolder,
            (None, ErrorKind::StorageFull) => Self::DiskFull,
            // A device that takes nothing, and does not say why.
            (None, _) => Self::Device,
        }
    }
}

impl fmt::Display for OsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiskFull => "the disk is full, or its quota is used up",
            Self::Permission => "permission denied",
            Self::ReadOnly => "the file system is read-only",
            Self::NotFound => "it does not exist",
            Self::NotAFolder => "something on the way is not a folder",
            Self::TooManyOpenFiles => "too many files are open (see ulimit -n)",
            Self::FileTooLarge => {
                "the file system, or a limit of this process (ulimit -f), does not take files this large"
            }
            Self::NameTooLong => "the file system does not take names this long",
            Self::Device => "the device reports an input/output error",
            Self::Other(number) => return write!(f, "{}", io::Error::from_raw_os_error(*number)),
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Create => "create",
            Self::CreateFolder => "create the folder",
            Self::Stat => "look at",
            Self::Read => "read",
            Self::Write => "write",
            Self::Allocate => "reserve room for",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Lock => "lock",
        })
    }
}

fn shown(path: &Path) -> String {
    text::clean(&path.to_string_lossy(), 1000)
}

fn by(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_failed_where_and_why() {
        let error = StorageError::io("/data/a\x1b[31m.iso", Operation::Write, &ErrorKind::StorageFull.into());
        assert_eq!(
            error.to_string(),
            "cannot write /data/a·[31m.iso: the disk is full, or its quota is used up"
        );
        assert!(error.is_disk_full());
        assert_eq!(error.exit_status(), 3);
        assert_eq!(StorageError::Foreign { path: "x".into() }.exit_status(), 2);
        let room = StorageError::NoRoom { path: "/data".into(), needed_bytes: 3 << 30, free_bytes: 1 << 20 };
        assert!(room.to_string().starts_with("/data has 1.0 MiB free, but 3.0 GiB are"));
        assert!(room.is_disk_full());
    }

    #[test]
    fn an_unknown_error_keeps_its_number() {
        let error = StorageError::io("x", Operation::Sync, &io::Error::from_raw_os_error(11));
        assert!(matches!(error, StorageError::Os { kind: OsKind::Other(11), .. }));
        assert!(!error.to_string().is_empty());
    }
}
