//! Why a file is not taken as a torrent.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::MOST_TORRENT_BYTES;
use crate::metainfo::Geometry;
use crate::metainfo::bencode::BencodeError;
use crate::metainfo::paths::MOST_DUPLICATES;
use crate::text;

/// Why a torrent could not be had: the file, where one was named, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{}{fault}", file_shown(file.as_deref()))]
pub struct TorrentError {
    /// The file.
    pub file: Option<PathBuf>,
    /// What is wrong.
    pub fault: Fault,
}

fn file_shown(file: Option<&Path>) -> String {
    file.map(|file| format!("{}: ", text::clean(&file.to_string_lossy(), 300))).unwrap_or_default()
}

/// What is wrong with a torrent file.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Fault {
    /// The file cannot be opened or read.
    #[error("{}", unreadable_shown(*kind, reason))]
    Unreadable {
        /// The kind of failure.
        kind: io::ErrorKind,
        /// The system's own words.
        reason: String,
    },
    /// It is a named pipe, which may never have a writer.
    #[error("is a named pipe, expected the path of a torrent file")]
    Pipe,
    /// The file is too long.
    #[error("longer than {} MiB, expected a torrent file", MOST_TORRENT_BYTES >> 20)]
    TooLong,
    /// A magnet link was given for a path.
    #[error("is a magnet link, expected the path of a torrent file")]
    Magnet,
    /// A web address was given for a path.
    #[error("a web address is not read, expected the path of a torrent file: download it first")]
    WebAddress,
    /// It holds nothing.
    #[error("the file is empty, expected a torrent file")]
    Empty,
    /// It is a web page, as servers send instead of a torrent when a login has run out.
    #[error("this is a web page, not a torrent file: byte 0: expected `d`, found `<`")]
    WebPage,
    /// It is no bencode.
    #[error("not a torrent file: {0}")]
    Bencode(#[from] BencodeError),
    /// A field is missing, or is not what it must be.
    #[error("`{field}`{}: {}expected {expected}{}", at_shown(*offset), missing_shown(found.as_deref()), found_shown(found.as_deref()))]
    Field {
        /// Its name, with those of the fields around it.
        field: String,
        /// Where its value begins in the file.
        offset: Option<usize>,
        /// What it must be.
        expected: String,
        /// What it is; `None`: missing.
        found: Option<String>,
    },
    /// The files hold nothing to download.
    #[error("`info`: all files together are empty, expected at least one byte")]
    NoContent,
    /// Lengths of files overflow.
    #[error("`info.files`: the lengths sum up to more than 64 bits can count")]
    Overflow,
    /// More pieces than a torrent may have.
    #[error(
        "`info`: {total_bytes} bytes in pieces of {piece_bytes} are {pieces} pieces, expected at most {}",
        Geometry::MAX_PIECES
    )]
    TooManyPieces {
        /// Bytes of all files.
        total_bytes: u64,
        /// Bytes in a piece.
        piece_bytes: u32,
        /// How many pieces that makes.
        pieces: u64,
    },
    /// The list of hashes has not one for each piece.
    #[error(
        "`info.pieces`: {found} hashes, expected {expected} for {total_bytes} bytes in pieces of {piece_bytes}"
    )]
    HashCount {
        /// Hashes in the list.
        found: u64,
        /// Pieces.
        expected: u64,
        /// Bytes of all files.
        total_bytes: u64,
        /// Bytes in a piece.
        piece_bytes: u32,
    },
    /// Too many files share a path.
    #[error("`info.files`: more than {MOST_DUPLICATES} files share a path with another")]
    TooManyDuplicates,
    /// Only version 2 of the protocol.
    #[error("BitTorrent v2 only, not supported yet")]
    V2Only,
}

impl Fault {
    /// Whether what was given for a path is a magnet link or web address.
    pub(super) fn of_address(path: &Path) -> Option<Self> {
        let (scheme, _) = path.to_str()?.split_once(':')?;
        match scheme.to_ascii_lowercase().as_str() {
            "magnet" => Some(Self::Magnet),
            "http" | "https" => Some(Self::WebAddress),
            _ => None,
        }
    }
}

fn unreadable_shown(kind: io::ErrorKind, reason: &str) -> String {
    match kind {
        io::ErrorKind::NotFound => "no such file, expected the path of a torrent file".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder, expected the path of a torrent file".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
        _ => format!("cannot be read: {reason}"),
    }
}

fn at_shown(offset: Option<usize>) -> String {
    offset.map(|offset| format!(" (byte {offset})")).unwrap_or_default()
}

fn missing_shown(found: Option<&str>) -> &'static str {
    if found.is_none() { "missing, " } else { "" }
}

fn found_shown(found: Option<&str>) -> String {
    found.map(|found| format!(", found {found}")).unwrap_or_default()
}
