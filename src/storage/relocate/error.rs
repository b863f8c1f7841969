//! Why the files of a torrent stay where they are.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::storage::error::StorageError;
use crate::text;
use crate::units::{self, Units};

/// What keeps files from being moved, in words for the person who has to put it right.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RelocateError {
    /// They are there.
    #[error("its files are in {} already", shown(.0))]
    Same(PathBuf),
    /// The new folder lies in the torrent's own, or the other way round, so that one of its files would take the place of another.
    #[error("{} would take the place of another of its files: choose another folder", shown(.0))]
    Within(PathBuf),
    /// What stands at the new place is somebody else's.
    #[error("{} is there and holds no piece of this torrent: move it away, or choose another folder", shown(.0))]
    Foreign(PathBuf),
    /// What stands at the new place is longer than the file in the torrent.
    #[error(
        "{} is there and has {found_bytes} bytes, but {expected_bytes} in the torrent: move it away, or choose another folder",
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
    /// The disk of the new folder has too little room.
    #[error(
        "{} has {} free, but the files take {}: make room, or choose another folder",
        shown(.path), units::bytes(*.free_bytes, Units::Binary), units::bytes(*.needed_bytes, Units::Binary)
    )]
    NoRoom {
        /// The new folder.
        path: PathBuf,
        /// What the files take.
        needed_bytes: u64,
        /// What is free.
        free_bytes: u64,
    },
    /// A file appeared at the new place meanwhile.
    #[error("{} is there since a moment ago: it is not written over", shown(.0))]
    Appeared(PathBuf),
    /// A copy reads as something else than what was copied.
    #[error("{} does not read as it was written: the copy is not used", shown(.0))]
    Differs(PathBuf),
    /// Some files are at the new place, and could not be brought back.
    #[error("{why}; and some of its files are in {} now, as {back}", shown(.to))]
    Torn {
        /// The new folder.
        to: PathBuf,
        /// What kept the rest from being moved.
        why: Box<Self>,
        /// What kept these from being brought back.
        back: StorageError,
    },
    /// The new folder has some of the files, and is not there any more.
    #[error("some of its files are in {}, which is not there now", shown(.0))]
    Gone(PathBuf),
    /// The system refuses.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl RelocateError {
    /// Whether files are at both places: only the same move done again brings them together.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        matches!(self, Self::Torn { .. } | Self::Gone(_))
    }
}

fn shown(path: &Path) -> String {
    text::clean(&path.to_string_lossy(), 1000)
}
