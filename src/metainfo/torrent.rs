//! What a torrent file says (BEP 3, 12, 19, 27, 47, and the first half of a BEP 52 hybrid).

mod error;
mod info;
mod read;

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::{FileSpan, Files, Geometry, InfoHash, PieceIndex};

pub use error::{Fault, TorrentError};
pub use info::{Info, PieceHashes};

/// Bytes a torrent file may have.
pub const MOST_TORRENT_BYTES: u64 = 64 * 1024 * 1024;

/// A torrent file, read and found sound.
///
/// ```no_run
/// use ttui::metainfo::Torrent;
///
/// let torrent = Torrent::from_file("debian.iso.torrent")?;
/// println!("{} {} in {} pieces", torrent.info_hash, torrent.name, torrent.geometry.piece_count());
/// # Ok::<(), ttui::metainfo::TorrentError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torrent {
    /// The name, made safe as a path element: the file, or the folder of the files, that is created.
    pub name: String,
    /// SHA-1 over the raw bytes of `info`.
    pub info_hash: InfoHash,
    /// SHA-256 over the same bytes, where the torrent is a hybrid of both versions (BEP 52).
    pub info_hash_v2: Option<[u8; 32]>,
    /// Lengths of the torrent and its pieces.
    pub geometry: Geometry,
    /// Its files; in a multi-file torrent every path begins with the name.
    pub files: Files,
    /// Announce URLs by tier, no tier empty and no URL twice.
    pub trackers: Vec<Vec<String>>,
    /// Addresses of web seeds (BEP 19).
    pub web_seeds: Vec<String>,
    /// What its author says about it.
    pub comment: Option<String>,
    /// The program that made it.
    pub created_by: Option<String>,
    /// When it was made, in seconds since 1970.
    pub creation_date: Option<i64>,
    /// Only trackers may name peers (BEP 27).
    pub private: bool,
    /// What is odd about the file and does not matter enough to refuse it.
    pub warnings: Vec<Warning>,
    info: Info,
}

/// Something odd in a torrent file or magnet link that was still taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Warning {
    /// Bytes follow the torrent.
    TrailingBytes(usize),
    /// Keys are not sorted, or stand twice: here first, as a byte of the file.
    KeysOutOfOrder(usize),
    /// So many files share a path with another and were numbered.
    FilesRenamed(usize),
    /// So many symbolic links are not created.
    SymlinksLeftOut(usize),
    /// So many entries of `announce-list` or `url-list` are no usable URLs.
    BadUrls(usize),
    /// More trackers than are used.
    TrackersLeftOut(usize),
    /// This many entries of a magnet link are no address of a peer.
    BadPeers(usize),
    /// More peers than are taken from a magnet link.
    PeersLeftOut(usize),
    /// This many entries of a magnet link are no numbers of files.
    BadFileNumbers(usize),
}

impl Torrent {
    /// Reads a torrent file.
    ///
    /// # Errors
    /// When the file cannot be read, is longer than 64 MiB, or is no torrent of version 1 (or a hybrid); the
    /// error names file, field or offset, and what was expected. A magnet link or web address is told from a
    /// path.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TorrentError> {
        Self::with_bytes(path).map(|(torrent, _)| torrent)
    }

    /// The same with the bytes of the file: what a pipe gives can be read once.
    ///
    /// # Errors
    /// As [`Torrent::from_file`].
    pub fn with_bytes(path: impl AsRef<Path>) -> Result<(Self, Vec<u8>), TorrentError> {
        let path = path.as_ref();
        if let Some(fault) = Fault::of_address(path) {
            return Err(TorrentError { file: None, fault });
        }
        let in_file = |fault| TorrentError { file: Some(path.to_owned()), fault };
        let bytes = read_file(path).map_err(in_file)?;
        let torrent = read::torrent(&bytes).map_err(in_file)?;
        Ok((torrent, bytes))
    }

    /// Reads the content of a torrent file.
    ///
    /// # Errors
    /// As [`Torrent::from_file`], without the name of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TorrentError> {
        read::torrent(bytes).map_err(|fault| TorrentError { file: None, fault })
    }

    /// The raw bytes of `info`, over which the info-hash is taken, and the hashes of the pieces.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The raw bytes of `info`, where peers may have them that ask for them (BEP 9): a private torrent is for those alone that
    /// its trackers name (BEP 27).
    pub fn public_info(&self) -> Option<Info> {
        (!self.private).then(|| self.info.clone())
    }

    /// The stretches of files the piece falls on, padding included.
    pub fn spans_of(&self, piece: PieceIndex) -> impl Iterator<Item = FileSpan> + '_ {
        self.files.spans(self.geometry.offset_of(piece), u64::from(self.geometry.length_of(piece)))
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Fault> {
    let unreadable = |error: io::Error| Fault::Unreadable { kind: error.kind(), reason: error.to_string() };
    if waits_for_a_writer(path) {
        return Err(Fault::Pipe);
    }
    let file = fs::File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = Vec::with_capacity(length.min(MOST_TORRENT_BYTES) as usize);
    file.take(MOST_TORRENT_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_TORRENT_BYTES { Err(Fault::TooLong) } else { Ok(bytes) }
}

/// Whether opening it could take for ever. What a shell or a descriptor stands for (`/dev/stdin`) has its writer.
fn waits_for_a_writer(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let itself = fs::canonicalize(path).and_then(fs::symlink_metadata);
        itself.is_ok_and(|metadata| metadata.file_type().is_fifo())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrailingBytes(count) => write!(f, "bytes follow the torrent ({count}) and are ignored"),
            Self::KeysOutOfOrder(offset) => {
                write!(
                    f,
                    "keys are not sorted (byte {offset}); the info-hash is taken over them as they stand"
                )
            }
            Self::FilesRenamed(count) => write!(f, "files that share a path are numbered ({count})"),
            Self::SymlinksLeftOut(count) => write!(f, "symbolic links are not created ({count})"),
            Self::BadUrls(count) => write!(f, "entries that are no usable URL are ignored ({count})"),
            Self::TrackersLeftOut(count) => write!(f, "more trackers than are used ({count} ignored)"),
            Self::BadPeers(count) => write!(f, "entries that are no peer's address are ignored ({count})"),
            Self::PeersLeftOut(count) => write!(f, "more peers than are taken from a link ({count} ignored)"),
            Self::BadFileNumbers(count) => {
                write!(f, "entries that are no numbers of files are ignored ({count})")
            }
        }
    }
}

#[cfg(test)]
mod tests;
