//! Hashes what is on disk, on several threads, and reads no hole.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{OsKind, StorageError};
use super::layout::{pieces_in, pieces_of};
use super::{Options, Storage, files};
use crate::hash::{self, PieceHash};
use crate::metainfo::{Bitfield, PieceIndex, Torrent};

/// Bytes read and hashed at once, by each thread.
const CHUNK: usize = 256 * 1024;
/// Threads at most, so that the files they have in hand stay few.
const MOST_THREADS: usize = 16;

/// What to check, and how.
pub struct Check<'a> {
    /// The pieces to look at.
    pub pieces: &'a Bitfield,
    /// Threads to hash on.
    pub threads: usize,
    /// Called with (pieces looked at, pieces to look at) after each, from any of the threads.
    pub progress: &'a (dyn Fn(u32, u32) + Sync),
    /// Set by whoever wants it to end early.
    pub cancel: &'a AtomicBool,
}

/// What a check found. Every piece looked at is in exactly one set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdicts {
    /// The hash is right.
    pub good: Bitfield,
    /// All bytes are there, and the hash is wrong.
    pub bad: Bitfield,
    /// Nothing to hash: a file it lies in is absent or too short to hold its part, or nothing was ever written
    /// to its place (all of it is a hole or zeros, and the piece is not all zeros in the torrent).
    pub missing: Bitfield,
    /// False when the check was cancelled: then pieces are in no set.
    pub finished: bool,
}

#[derive(Clone, Copy)]
enum Verdict {
    Good,
    Bad,
    Missing,
}

/// Checks everything under `output_dir` without writing anything.
///
/// # Errors
/// The folder cannot be opened, or the system refuses to read a file.
pub fn verify(
    torrent: Arc<Torrent>,
    output_dir: &Path,
    threads: usize,
    progress: &(dyn Fn(u32, u32) + Sync),
    cancel: &AtomicBool,
) -> Result<Verdicts, StorageError> {
    let storage = Storage::open(torrent, output_dir, Options { writable: false, preallocate: false })?;
    let pieces = Bitfield::full(storage.torrent().geometry.piece_count());
    check(&storage, &Check { pieces: &pieces, threads, progress, cancel })
}

/// Hashes the pieces asked for. A device that cannot read a piece makes it bad.
///
/// # Errors
/// Something is in the way of a file, or the system refuses to open or read it.
pub fn check(storage: &Storage, what: &Check<'_>) -> Result<Verdicts, StorageError> {
    let geometry = storage.torrent().geometry;
    let count = geometry.piece_count();
    let of = what.pieces.count();
    let none = Bitfield::empty(count);
    let mut found = Verdicts { good: none.clone(), bad: none.clone(), missing: none, finished: true };

    let mut zeros = ZeroHashes::default();
    let mut to_hash = Vec::new();
    let written = written_pieces(storage, what.pieces, &mut found.missing)?;
    for piece in pieces(storage, what.pieces) {
        if found.missing.has(piece) {
            continue;
        }
        if written.has(piece) {
            to_hash.push(piece);
        } else if storage.torrent().piece_hash(piece) == zeros.of(geometry.length_of(piece)) {
            found.good.set(piece);
        } else {
            found.missing.set(piece);
        }
    }

    let done = AtomicU32::new(of - to_hash.len() as u32);
    (what.progress)(done.load(Ordering::Relaxed), of);
    let next = AtomicUsize::new(0);
    let shared = Mutex::new((found, None));
    let work = || {
        let mut buffer = vec![0; CHUNK];
        while let Some(&piece) = to_hash.get(next.fetch_add(1, Ordering::Relaxed)) {
            let verdict = if what.cancel.load(Ordering::Relaxed) {
                Ok(None)
            } else {
                hash_piece(storage, what, piece, &mut buffer)
            };
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (found, failed) = &mut *shared;
            match verdict {
                Ok(Some(Verdict::Good)) => found.good.set(piece),
                Ok(Some(Verdict::Bad)) => found.bad.set(piece),
                Ok(Some(Verdict::Missing)) => found.missing.set(piece),
                Ok(None) => {
                    found.finished = false;
                    return;
                }
                Err(error) => {
                    failed.get_or_insert(error);
                    next.store(to_hash.len(), Ordering::Relaxed);
                    return;
                }
            };
            drop(shared);
            (what.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, of);
        }
    };
    let threads = what.threads.clamp(1, MOST_THREADS).min(to_hash.len());
    if threads > 0 {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
    }
    let (found, failed) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(found), Err)
}

/// Whether the hash of what is on disk for this piece is right; what cannot be read for lack of bytes is not.
///
/// # Errors
/// The system refuses to open or read a file.
pub fn check_piece(storage: &Storage, piece: PieceIndex) -> Result<bool, StorageError> {
    match judge_piece(storage, piece, &mut vec![0; CHUNK], || true) {
        Ok(verdict) => Ok(matches!(verdict, Some(Verdict::Good))),
        Err(StorageError::TooShort { .. } | StorageError::Os { kind: OsKind::NotFound, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Hashes a piece on disk, `buffer` being room to read into; `None` when it was told not to go on.
///
/// Reserved room reads as zeros, and some file systems call it data once it was read: a wrong piece of nothing but
/// zeros was never written.
fn judge_piece(
    storage: &Storage,
    piece: PieceIndex,
    buffer: &mut [u8],
    go_on: impl Fn() -> bool,
) -> Result<Option<Verdict>, StorageError> {
    let length = storage.torrent().geometry.length_of(piece);
    let mut hash = PieceHash::new();
    let mut zeros = true;
    let mut begin = 0;
    while begin < length {
        if !go_on() {
            return Ok(None);
        }
        let step = (length - begin).min(buffer.len() as u32);
        let chunk = &mut buffer[..step as usize];
        storage.read(piece, begin, chunk)?;
        hash.update(chunk);
        zeros = zeros && chunk.iter().all(|byte| *byte == 0);
        begin += step;
    }
    Ok(Some(match hash.verify(storage.torrent().piece_hash(piece)) {
        true => Verdict::Good,
        false if zeros => Verdict::Missing,
        false => Verdict::Bad,
    }))
}

/// `None` when the check was cancelled.
fn hash_piece(
    storage: &Storage,
    what: &Check<'_>,
    piece: PieceIndex,
    buffer: &mut [u8],
) -> Result<Option<Verdict>, StorageError> {
    match judge_piece(storage, piece, buffer, || !what.cancel.load(Ordering::Relaxed)) {
        Ok(verdict) => Ok(verdict),
        // Somebody took it away while we were reading.
        Err(StorageError::TooShort { .. } | StorageError::Os { kind: OsKind::NotFound, .. }) => {
            Ok(Some(Verdict::Missing))
        }
        Err(StorageError::Os { kind: OsKind::Device, .. }) => Ok(Some(Verdict::Bad)),
        Err(error) => Err(error),
    }
}

/// Of the pieces asked for, those with a byte on disk that is not in a hole. Those that lie in a file that is
/// absent or too short are put into `missing`.
fn written_pieces(
    storage: &Storage,
    which: &Bitfield,
    missing: &mut Bitfield,
) -> Result<Bitfield, StorageError> {
    let torrent = &**storage.torrent();
    let geometry = torrent.geometry;
    let mut written = Bitfield::empty(geometry.piece_count());
    for (number, file) in torrent.files.iter().enumerate() {
        if file.pad || !pieces_of(torrent, number).any(|piece| which.has(piece)) {
            continue;
        }
        let handle = match storage.handle(number) {
            Ok(handle) => handle,
            Err(StorageError::Os { kind: OsKind::NotFound, .. }) => {
                pieces_of(torrent, number).filter(|&piece| which.has(piece)).for_each(|piece| {
                    missing.set(piece);
                });
                continue;
            }
            Err(error) => return Err(error),
        };
        let bytes = handle
            .metadata()
            .map_err(|e| StorageError::io(storage.path_of(number), super::Operation::Stat, &e))?
            .len();
        if bytes < file.length {
            let cut = pieces_in(torrent, number, bytes, file.length - bytes);
            cut.filter(|&piece| which.has(piece)).for_each(|piece| {
                missing.set(piece);
            });
        }
        let mut data = Some((0, 0));
        for piece in pieces_of(torrent, number).filter(|&piece| which.has(piece)) {
            let begins = geometry.offset_of(piece).saturating_sub(file.offset);
            let ends = geometry.offset_of(piece) + u64::from(geometry.length_of(piece)) - file.offset;
            if data.is_some_and(|(_, end)| end <= begins) {
                data = files::next_data(&handle, begins, bytes);
            }
            let Some((start, _)) = data else { break };
            if start < ends {
                written.set(piece);
            }
        }
    }
    Ok(written)
}

fn pieces<'a>(storage: &'a Storage, set: &'a Bitfield) -> impl Iterator<Item = PieceIndex> + 'a {
    set.numbers().filter_map(|number| storage.torrent().geometry.piece(number))
}

/// SHA-1 of zeros, by length; a torrent has at most two lengths of pieces.
#[derive(Default)]
struct ZeroHashes(Vec<(u32, [u8; 20])>);

impl ZeroHashes {
    fn of(&mut self, length: u32) -> &[u8; 20] {
        let known = self.0.iter().position(|&(known, _)| known == length).unwrap_or_else(|| {
            self.0.push((length, hash::sha1_of_zeros(u64::from(length))));
            self.0.len() - 1
        });
        &self.0[known].1
    }
}
