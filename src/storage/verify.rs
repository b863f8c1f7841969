//! Hashes what is on disk, on several threads, and reads no hole.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{OsKind, StorageError};
use super::journal::{self, JournalFile};
use super::layout::{pieces_in, pieces_of};
use super::piece_hasher::{PieceHasher, SIDE_BY_SIDE, Verdict};
use super::system::{FileStat, next_data};
use super::{Options, Storage, resume};
use crate::hash;
use crate::metainfo::{Bitfield, PieceIndex, Torrent};

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
    /// Set to end it early.
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
    /// to its place (all of it is a hole or zeros, and the piece is not all zeros in the torrent), or a download has
    /// not finished it.
    pub missing: Bitfield,
    /// False when the check was cancelled: then pieces are in no set.
    pub finished: bool,
}

/// Checks these pieces under `output_dir` without writing anything. What of them a download put aside, as its record in
/// `state_dir` says, is read there; a piece that it has not finished, as its journal says, is missing, and not bad.
///
/// # Errors
/// The folder cannot be opened, or the system refuses to read a file.
pub fn verify(
    torrent: Arc<Torrent>,
    output_dir: &Path,
    state_dir: Option<&Path>,
    pieces: &Bitfield,
    threads: usize,
    progress: &(dyn Fn(u32, u32) + Sync),
    cancel: &AtomicBool,
) -> Result<Verdicts, StorageError> {
    let storage = Storage::open(torrent, output_dir, Options { writable: false, ..Options::default() })?;
    let torrent = Arc::clone(storage.torrent());
    let place = state_dir.map(|state| resume::place(state, torrent.info_hash, storage.output_dir()));
    if let Some(place) = &place
        && let Some(record) = resume::of_torrent(place, &torrent)?
    {
        storage.set_aside(place, &record)?;
    }
    let found = storage.survey()?;
    let mut verdicts = check(&storage, &found, &Check { pieces, threads, progress, cancel })?;
    if let Some(place) = place.filter(|_| !verdicts.bad.is_empty()) {
        let journal = JournalFile::beside(&place).read();
        let (_, unfinished) = journal::parse(&journal, torrent.info_hash, torrent.geometry);
        for piece in torrent.geometry.pieces().filter(|piece| unfinished.names(*piece)) {
            if verdicts.bad.clear(piece) {
                verdicts.missing.set(piece);
            }
        }
    }
    Ok(verdicts)
}

/// Hashes the pieces asked for, in files that a survey has `found` like this. A device that cannot read a piece makes
/// it bad.
///
/// # Errors
/// Something is in the way of a file, or the system refuses to open or read it.
pub fn check(
    storage: &Storage,
    found: &[Option<FileStat>],
    what: &Check<'_>,
) -> Result<Verdicts, StorageError> {
    let geometry = storage.torrent().geometry;
    let count = geometry.piece_count();
    let of = what.pieces.count();
    let none = Bitfield::empty(count);
    let mut verdicts = Verdicts { good: none.clone(), bad: none.clone(), missing: none, finished: true };

    let mut zeros = ZeroHashes::default();
    let mut to_hash = Vec::new();
    // Where nothing is to be looked at none is needed.
    let hashes = (of > 0).then(|| storage.hashes()).transpose()?;
    let written = written_pieces(storage, found, what.pieces, &mut verdicts.missing)?;
    for piece in pieces(storage, what.pieces) {
        if verdicts.missing.has(piece) {
            continue;
        }
        if written.has(piece) {
            to_hash.push(piece);
        } else if hashes.as_ref().is_some_and(|all| all.of(piece) == zeros.of(geometry.length_of(piece))) {
            verdicts.good.set(piece);
        } else {
            verdicts.missing.set(piece);
        }
    }

    let done = AtomicU32::new(of - to_hash.len() as u32);
    (what.progress)(done.load(Ordering::Relaxed), of);
    let threads = what.threads.clamp(1, MOST_THREADS).min(to_hash.len());
    let batches = batches(&to_hash, threads);
    let next = AtomicUsize::new(0);
    let shared = Mutex::new((verdicts, None));
    let work = || {
        let judge = PieceHasher::new(storage);
        let Ok(mut judge) = judge.map_err(|error| {
            shared.lock().unwrap_or_else(PoisonError::into_inner).1.get_or_insert(error);
        }) else {
            return;
        };
        let settled = |piece, verdict| {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (verdicts, _) = &mut *shared;
            match verdict {
                Verdict::Good => verdicts.good.set(piece),
                Verdict::Bad => verdicts.bad.set(piece),
                Verdict::Missing => verdicts.missing.set(piece),
            };
            drop(shared);
            (what.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, of);
        };
        while let Some(&batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            batch.iter().for_each(|&piece| judge.begin(piece));
            while !judge.is_idle() {
                if what.cancel.load(Ordering::Relaxed) {
                    shared.lock().unwrap_or_else(PoisonError::into_inner).0.finished = false;
                    return;
                }
                if let Err(error) = judge.step(settled) {
                    shared.lock().unwrap_or_else(PoisonError::into_inner).1.get_or_insert(error);
                    next.store(batches.len(), Ordering::Relaxed);
                    return;
                }
            }
        }
    };
    if threads > 0 {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
    }
    let (verdicts, failed) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(verdicts), Err)
}

/// Cuts the pieces into batches to be read side by side: as many batches for every thread, as full as they can be.
fn batches(pieces: &[PieceIndex], threads: usize) -> Vec<&[PieceIndex]> {
    let count = pieces.len().div_ceil(SIDE_BY_SIDE).next_multiple_of(threads.max(1));
    pieces.chunks(pieces.len().div_ceil(count.max(1)).max(1)).collect()
}

/// Whether the hash of what is on disk for this piece is right; what cannot be read is not.
///
/// # Errors
/// The system refuses to open or read a file.
pub fn check_piece(storage: &Storage, piece: PieceIndex) -> Result<bool, StorageError> {
    let mut judge = PieceHasher::new(storage)?;
    judge.begin(piece);
    let mut good = false;
    while !judge.is_idle() {
        judge.step(|_, verdict| good = verdict == Verdict::Good)?;
    }
    Ok(good)
}

/// Of the pieces asked for, those with a byte on disk that is not in a hole. Those that lie in a file that is
/// absent or too short are put into `missing`.
fn written_pieces(
    storage: &Storage,
    found: &[Option<FileStat>],
    which: &Bitfield,
    missing: &mut Bitfield,
) -> Result<Bitfield, StorageError> {
    let torrent = &**storage.torrent();
    let geometry = torrent.geometry;
    let mut written = Bitfield::empty(geometry.piece_count());
    if which.is_empty() {
        return Ok(written);
    }
    for ((number, file), found) in torrent.files.iter().enumerate().zip(found) {
        if file.pad || !pieces_of(torrent, number).any(|piece| which.has(piece)) {
            continue;
        }
        let _stays = storage.stays_to_read(number);
        // Most of many are not there at the start of a download, or empty: they need not be opened to know.
        let (handle, origin) = match found.filter(|found| found.bytes > 0).map(|_| storage.source(number)) {
            Some(Ok(source)) => source,
            None | Some(Err(StorageError::Os { kind: OsKind::NotFound, .. })) => {
                pieces_of(torrent, number).filter(|&piece| which.has(piece)).for_each(|piece| {
                    missing.set(piece);
                });
                continue;
            }
            Some(Err(error)) => return Err(error),
        };
        let bytes = handle
            .metadata()
            .map_err(|e| StorageError::io(storage.source_path(number), super::Operation::Stat, &e))?
            .len()
            .saturating_sub(origin);
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
                let next = next_data(&handle, origin + begins, origin + bytes);
                data = next.map(|(start, end)| (start - origin, end - origin));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metainfo::Geometry;

    proptest! {
        #[test]
        fn batches_are_even_and_leave_nothing_out(count in 1u32..2000, threads in 1usize..17) {
            let geometry = Geometry::new(u64::from(count), 1).unwrap();
            let pieces: Vec<PieceIndex> = geometry.pieces().collect();
            let batches = batches(&pieces, threads);
            prop_assert_eq!(&batches.concat(), &pieces);
            prop_assert!(batches.iter().all(|batch| batch.len() <= SIDE_BY_SIDE));
            let rounds = batches.len().div_ceil(threads);
            prop_assert!(rounds <= (count as usize).div_ceil(SIDE_BY_SIDE * threads));
        }
    }
}
