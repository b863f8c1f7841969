//! Why a torrent cannot be kept, or what is kept of it cannot be used.

use std::path::PathBuf;

use thiserror::Error;

use super::entry::EntryError;
use crate::metainfo::{MagnetError, TorrentError};
use crate::storage::{RelocateError, StorageError};
use crate::text;

/// What is wrong, in one line.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LibraryError {
    /// Another process runs it.
    #[error("{} is in another ttui{}: it is neither run nor changed here", shown(.name), by(*.process))]
    Elsewhere {
        /// What it is called.
        name: String,
        /// The process, where known.
        process: Option<u32>,
    },
    /// It is kept in one folder and named with another.
    #[error(
        "{} is kept in {}, and -o names {}: leave -o out to go on there, or forget it first",
        shown(.name), shown(&.kept.to_string_lossy()), shown(&.named.to_string_lossy())
    )]
    OtherFolder {
        /// What it is called.
        name: String,
        /// The folder of what is kept.
        kept: PathBuf,
        /// The folder that was named.
        named: PathBuf,
    },
    /// The file in which it is kept cannot be used, and is left as it is.
    #[error("{}: {why}; it is left as it is", shown(&.path.to_string_lossy()))]
    Entry {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: EntryError,
    },
    /// The torrent file of what is kept cannot be used.
    #[error("{} is kept, but not its torrent: {why}; name the torrent file again", shown(.name))]
    Torrent {
        /// What it is called.
        name: String,
        /// What is wrong with it.
        why: Box<TorrentError>,
    },
    /// The magnet link of what is kept cannot be used.
    #[error("{} is kept by a magnet link that cannot be used: {why}", shown(.name))]
    Magnet {
        /// What it is called.
        name: String,
        /// What is wrong with it.
        why: MagnetError,
    },
    /// It is being moved to another folder than the one named.
    #[error("{} is on its way to {}: it can be moved elsewhere once it is there", shown(.name), shown(&.to.to_string_lossy()))]
    OnItsWay {
        /// What it is called.
        name: String,
        /// Where it goes.
        to: PathBuf,
    },
    /// Another torrent that is kept has one of its files.
    #[error("{} is a file of {}, too: nothing is moved there or away", shown(&.path.to_string_lossy()), shown(.other))]
    Common {
        /// The file.
        path: PathBuf,
        /// What the other is called.
        other: String,
    },
    /// Its files stay where they are.
    #[error(transparent)]
    Move(#[from] RelocateError),
    /// Nothing is kept of this torrent.
    #[error("{} is not kept", shown(.0))]
    Absent(String),
    /// The system refuses.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl LibraryError {
    /// Whether some files of a torrent are in one folder and some in another, until its move is gone on with.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        matches!(self, Self::Move(why) if why.is_torn())
    }

    /// The exit status it is worth: 2 for what was asked for, 3 for this machine.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Elsewhere { .. } => 3,
            Self::Move(RelocateError::Storage(error)) => error.exit_status(),
            Self::Move(
                RelocateError::NoRoom { .. } | RelocateError::Differs(_) | RelocateError::Torn { .. },
            ) => 3,
            Self::Move(_)
            | Self::OnItsWay { .. }
            | Self::Common { .. }
            | Self::OtherFolder { .. }
            | Self::Entry { .. }
            | Self::Torrent { .. }
            | Self::Magnet { .. }
            | Self::Absent(_) => 2,
            Self::Storage(error) => error.exit_status(),
        }
    }
}

fn by(process: Option<u32>) -> String {
    process.map(|process| format!(" (process {process})")).unwrap_or_default()
}

fn shown(name: &str) -> String {
    text::clean(name, 1000)
}
