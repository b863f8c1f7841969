//! The raw bytes of `info`, the hashes of the pieces among them: most of what there is to a torrent, and needed now and then.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use sha1::{Digest, Sha1};

use crate::metainfo::{InfoHash, PieceIndex};

/// The bytes of `info`: in memory, or in a file that is kept, from which they are read when they are needed. Copies are the
/// same.
#[derive(Clone, Debug)]
pub struct Info(Arc<Held>);

#[derive(Debug)]
struct Held {
    info_hash: InfoHash,
    /// Where they stand in their torrent file.
    place: Range<u64>,
    /// Where the hashes of the pieces stand in them.
    hashes: Range<usize>,
    here: Mutex<Option<Bytes>>,
    kept_at: OnceLock<PathBuf>,
}

/// SHA-1 of every piece.
#[derive(Clone, Debug)]
pub struct PieceHashes(Bytes);

impl Info {
    /// Those that stand in a torrent file from `begin` on, in which the hashes of pieces are there.
    pub(super) fn new(bytes: Bytes, info_hash: InfoHash, begin: u64, hashes: Range<usize>) -> Self {
        let place = begin..begin + bytes.len() as u64;
        let here = Mutex::new(Some(bytes));
        Self(Arc::new(Held { info_hash, place, hashes, here, kept_at: OnceLock::new() }))
    }

    /// How many there are.
    #[must_use]
    pub fn length_bytes(&self) -> u64 {
        self.0.place.end - self.0.place.start
    }

    /// The bytes, where they are in memory.
    #[must_use]
    pub fn here(&self) -> Option<Bytes> {
        self.lock().clone()
    }

    /// The bytes, which are in memory from now on. Waits for the disk where they were not.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds something else by now.
    pub fn read(&self) -> io::Result<Bytes> {
        let mut here = self.lock();
        if let Some(bytes) = &*here {
            return Ok(bytes.clone());
        }
        let bytes = Bytes::from(self.read_file()?);
        *here = Some(bytes.clone());
        Ok(bytes)
    }

    /// The hashes of the pieces, as [`Self::read`] has them.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn hashes(&self) -> io::Result<PieceHashes> {
        self.read().map(|bytes| PieceHashes(bytes.slice(self.0.hashes.clone())))
    }

    /// This file is the torrent's, and is kept for as long as the torrent may be needed: memory need not hold what is in it.
    pub fn kept_at(&self, path: &Path) {
        self.0.kept_at.get_or_init(|| path.to_owned());
    }

    /// Where they are kept, if they are.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.0.kept_at.get().map_or_else(|| Path::new(""), PathBuf::as_path)
    }

    /// They are not needed for now: only the file holds them, where one does.
    pub fn let_go(&self) {
        if self.0.kept_at.get().is_some() {
            *self.lock() = None;
        }
    }

    fn read_file(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.place())?;
        file.seek(SeekFrom::Start(self.0.place.start))?;
        let mut bytes = vec![0; self.length_bytes() as usize];
        file.read_exact(&mut bytes)?;
        if self.0.info_hash.0[..] != Sha1::digest(&bytes)[..] {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is another torrent by now"));
        }
        Ok(bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Bytes>> {
        self.0.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that stand in no file.
impl From<Bytes> for Info {
    fn from(bytes: Bytes) -> Self {
        let info_hash = InfoHash(Sha1::digest(&bytes).into());
        Self::new(bytes, info_hash, 0, 0..0)
    }
}

impl PartialEq for Info {
    fn eq(&self, other: &Self) -> bool {
        self.0.info_hash == other.0.info_hash
    }
}

impl Eq for Info {}

impl PieceHashes {
    /// That of the piece.
    #[must_use]
    pub fn of(&self, piece: PieceIndex) -> &[u8; 20] {
        &self.all()[piece.index()]
    }

    /// All of them, in order.
    #[must_use]
    pub fn all(&self) -> &[[u8; 20]] {
        self.0.as_chunks().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::{NewTorrent, Torrent};

    #[test]
    fn what_a_file_holds_memory_need_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("it.torrent");
        let file = NewTorrent::of_files("it", 16_384, &[("a", &[7; 40_000])]).to_bytes();
        std::fs::write(&path, &file).unwrap();
        let torrent = Torrent::from_bytes(&file).unwrap();
        let (bytes, hashes) = (torrent.info().here().unwrap(), torrent.info().hashes().unwrap());
        torrent.info().let_go();
        assert_eq!(torrent.info().here(), Some(bytes.clone()), "nothing else has them");
        torrent.info().kept_at(&path);
        torrent.info().let_go();
        assert_eq!(torrent.info().here(), None);
        assert_eq!(torrent.info().length_bytes(), bytes.len() as u64);
        assert_eq!(torrent.info().hashes().unwrap().all(), hashes.all());
        assert_eq!(torrent.info().here(), Some(bytes), "they are needed");
        torrent.info().let_go();
        assert_eq!(torrent.info().here(), None);
        for wrong in [b"another".to_vec(), vec![0; file.len()]] {
            std::fs::write(&path, wrong).unwrap();
            assert!(torrent.info().read().is_err(), "it is another");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(torrent.info().read().unwrap_err().kind(), ErrorKind::NotFound);
    }
}
