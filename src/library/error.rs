//! Why a torrent cannot be kept, or what is kept of it cannot be used.

use std::path::PathBuf;

use thiserror::Error;

use super::entry::EntryError;
use crate::metainfo::{MagnetError, TorrentError};
use crate::storage::StorageError;
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
    /// Nothing is kept of this torrent.
    #[error("{} is not kept", shown(.0))]
    Absent(String),
    /// The system refuses.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl LibraryError {
    /// The exit status it is worth: 2 for what was asked for, 3 for this machine.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Elsewhere { .. } => 3,
            Self::OtherFolder { .. }
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
