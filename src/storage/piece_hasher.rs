//! Hashes pieces on disk, many side by side, in little memory at any piece length.

use super::Storage;
use super::error::{OsKind, StorageError};
use crate::hash::{PieceHash, Run, advance};
use crate::metainfo::{PieceHashes, PieceIndex};

/// Pieces read side by side at most: the lanes of the widest hash.
pub(super) const SIDE_BY_SIDE: usize = 16;
/// Room to read into: what stays in the cache of a core until it is hashed.
const BUFFER_BYTES: usize = 512 * 1024;
/// Bytes of one piece read at once, however few there are.
const MOST_CHUNK_BYTES: usize = 256 * 1024;
/// Chunks are whole pages.
const PAGE_BYTES: usize = 4096;
/// The system is told this far ahead what will be read: a disk with one head must not go to and fro between
/// pieces for every chunk.
const AHEAD_BYTES: u32 = 1 << 20;

/// What is on disk for a piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Good,
    Bad,
    Missing,
}

/// Hashes pieces side by side, a chunk of each at a time.
pub(super) struct PieceHasher<'a> {
    storage: &'a Storage,
    hashes: PieceHashes,
    buffer: Box<[u8]>,
    pieces: Vec<OnDisk>,
}

/// A piece that is being read.
struct OnDisk {
    piece: PieceIndex,
    length: u32,
    /// Bytes read and hashed.
    begin: u32,
    /// Bytes the system was told of.
    told: u32,
    hash: PieceHash,
    /// Reserved room reads as zeros, and some file systems call it data once it was read: a wrong piece of nothing
    /// but zeros was never written.
    zeros: bool,
}

impl<'a> PieceHasher<'a> {
    /// Nothing is being read.
    ///
    /// # Errors
    /// Those of [`Storage::hashes`].
    pub(super) fn new(storage: &'a Storage) -> Result<Self, StorageError> {
        let (hashes, buffer) = (storage.hashes()?, vec![0; BUFFER_BYTES].into_boxed_slice());
        Ok(Self { storage, hashes, buffer, pieces: Vec::new() })
    }

    /// Begins a piece; no more than [`SIDE_BY_SIDE`] at a time.
    pub(super) fn begin(&mut self, piece: PieceIndex) {
        debug_assert!(self.pieces.len() < SIDE_BY_SIDE);
        let length = self.storage.torrent().geometry.length_of(piece);
        let hash = PieceHash::new();
        self.pieces.push(OnDisk { piece, length, begin: 0, told: 0, hash, zeros: true });
    }

    /// Whether no piece is being read.
    pub(super) fn is_idle(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Reads and hashes the next chunk of every piece; what became known is told to `settled`.
    ///
    /// # Errors
    /// The system refuses to open or read a file. That a file is absent or too short, or that the device fails, is
    /// no error but a verdict.
    pub(super) fn step(&mut self, mut settled: impl FnMut(PieceIndex, Verdict)) -> Result<(), StorageError> {
        let Self { storage, hashes, buffer, pieces } = self;
        let room = buffer.len() / pieces.len().max(1);
        let chunk_bytes = (room - room % PAGE_BYTES).min(MOST_CHUNK_BYTES);
        let mut chunks = buffer.chunks_exact_mut(chunk_bytes);
        let mut read: Vec<[&[u8]; 1]> = Vec::with_capacity(pieces.len());
        let mut refused = None;
        pieces.retain_mut(|on_disk| {
            let Some(chunk) = chunks.next().filter(|_| refused.is_none()) else { return true };
            match on_disk.read(storage, chunk) {
                Ok(bytes) => {
                    read.push([bytes]);
                    true
                }
                Err(error) => {
                    match error {
                        // Somebody took it away while we were reading.
                        StorageError::TooShort { .. } | StorageError::Os { kind: OsKind::NotFound, .. } => {
                            settled(on_disk.piece, Verdict::Missing);
                        }
                        StorageError::Os { kind: OsKind::Device, .. } => settled(on_disk.piece, Verdict::Bad),
                        error => refused = Some(error),
                    }
                    false
                }
            }
        });
        if let Some(error) = refused {
            return Err(error);
        }
        let runs =
            pieces.iter_mut().zip(&read).map(|(on_disk, read)| Run { hash: &mut on_disk.hash, slices: read });
        advance(&mut runs.collect::<Vec<_>>());
        pieces.retain(|on_disk| {
            let done = on_disk.begin == on_disk.length;
            if done {
                settled(on_disk.piece, on_disk.verdict(hashes.of(on_disk.piece)));
            }
            !done
        });
        Ok(())
    }
}

impl OnDisk {
    fn read<'b>(&mut self, storage: &Storage, chunk: &'b mut [u8]) -> Result<&'b [u8], StorageError> {
        if self.begin == self.told {
            let ahead = AHEAD_BYTES.min(self.length - self.told);
            if ahead as usize > chunk.len() {
                storage.will_read(self.piece, self.told, ahead);
            }
            self.told += ahead;
        }
        let step = (self.told - self.begin).min(chunk.len() as u32);
        let chunk = &mut chunk[..step as usize];
        storage.read(self.piece, self.begin, chunk)?;
        self.begin += step;
        self.zeros = self.zeros && chunk.iter().all(|byte| *byte == 0);
        Ok(chunk)
    }

    fn verdict(&self, expected: &[u8; 20]) -> Verdict {
        match self.hash.clone().verify(expected) {
            true => Verdict::Good,
            false if self.zeros => Verdict::Missing,
            false => Verdict::Bad,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::torrent;
    use super::super::{Options, Storage};
    use super::*;
    use crate::hash::sha1;

    /// Pieces longer than all of the buffer, fewer than lanes, one of them short, one wrong, one never written and
    /// one cut off.
    #[test]
    fn pieces_of_all_lengths_are_judged_side_by_side() {
        for piece_bytes in [70_000, 3 << 20] {
            let length = u64::from(piece_bytes) * 5 - 1234;
            let mut bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8 + 1).collect();
            let of = |piece: u32| {
                let begin = (piece * piece_bytes) as usize;
                begin..bytes.len().min(begin + piece_bytes as usize)
            };
            let torrent = torrent(&[length as i64], piece_bytes, |piece| sha1(&bytes[of(piece)]));
            let (wrong, unwritten) = (of(1).start + 65_000, of(2));
            bytes[wrong] ^= 1;
            bytes[unwritten].fill(0);
            bytes.pop();
            let dir = tempfile::tempdir().unwrap();
            let options = Options { preallocate: false, ..Options::default() };
            let storage = Storage::open(torrent, dir.path(), options).unwrap();
            fs::create_dir_all(storage.path_of(0).parent().unwrap()).unwrap();
            fs::write(storage.path_of(0), &bytes).unwrap();
            let mut judge = PieceHasher::new(&storage).unwrap();
            storage.torrent().geometry.pieces().for_each(|piece| judge.begin(piece));
            let mut verdicts = Vec::new();
            while !judge.is_idle() {
                judge.step(|piece, verdict| verdicts.push((piece.number(), verdict))).unwrap();
            }
            verdicts.sort_unstable_by_key(|&(piece, _)| piece);
            let expected = [Verdict::Good, Verdict::Bad, Verdict::Missing, Verdict::Good, Verdict::Missing];
            assert_eq!(verdicts, (0..).zip(expected).collect::<Vec<_>>());
        }
    }
}
