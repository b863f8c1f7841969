//! What of a torrent stands at the old place and at the new one, and whether it can be moved.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::RelocateError;
use super::places::Places;
use crate::hash::PieceHash;
use crate::metainfo::PieceIndex;
use crate::storage::error::{Operation, StorageError};
use crate::storage::files;
use crate::storage::layout::pieces_of;
use crate::storage::open::{Near, Root};
use crate::storage::record::{FileStamp, Record};
use crate::storage::system::{Access, FileStat, next_data};

/// Bytes read of a file at a time.
const READ_AT_ONCE: usize = 256 << 10;

/// The files of a torrent at two places. One that stands aside counts as at neither.
#[derive(Debug)]
pub(super) struct Survey {
    /// By file: what stands at the old place.
    pub(super) old: Vec<Option<FileStat>>,
    /// By file: what stands at the new one.
    pub(super) new: Vec<Option<FileStat>>,
    /// By number of a file that was brought across: its number on the device there.
    pub(super) across: BTreeMap<usize, u64>,
    /// Whether the two are on different devices.
    pub(super) crosses: bool,
}

impl Survey {
    /// Looks at both places. What stands at the new one and in `across` was brought there.
    ///
    /// # Errors
    /// The system refuses to look, or to write to the new place.
    pub(super) fn of(
        places: &Places<'_>,
        record: &Record,
        across: BTreeMap<usize, u64>,
    ) -> Result<Self, StorageError> {
        let look = |root: &Root| -> Result<Vec<Option<FileStat>>, StorageError> {
            let mut near = Near::default();
            let files = places.torrent.files.iter().zip(&record.aside).enumerate();
            let mut at_home = |number| root.stat(places.path(number), &mut near);
            files
                .map(|(number, (file, aside))| if file.pad || *aside { Ok(None) } else { at_home(number) })
                .collect()
        };
        let old = places.from.as_ref().map_or_else(|| Ok(vec![None; record.files.len()]), look)?;
        let new = look(&places.to)?;
        let there = places.device()?;
        let crosses = old.iter().flatten().next().is_some_and(|found| found.identity.0 != there);
        Ok(Self { old, new, across, crosses })
    }

    /// Whether the file at the new place was brought there.
    pub(super) fn is_across(&self, number: usize) -> bool {
        self.new[number].is_some_and(|found| self.across.get(&number) == Some(&found.identity.1))
    }

    /// Those that are still to be brought.
    pub(super) fn to_bring(&self) -> impl Iterator<Item = (usize, FileStat)> {
        let both = self.old.iter().zip(&self.new).enumerate();
        both.filter_map(|(number, (old, new))| Some((number, (*old).filter(|_| new.is_none())?)))
    }

    /// Those that somebody else put at the new place.
    pub(super) fn adopted(&self) -> impl Iterator<Item = (usize, FileStat)> {
        let found = self.new.iter().enumerate().filter_map(|(number, found)| Some((number, (*found)?)));
        found.filter(|(number, _)| !self.is_across(*number))
    }

    /// What is to be copied of a file, bytes.
    pub(super) fn bytes_to_copy(&self, old: FileStat) -> u64 {
        if self.crosses { old.allocated_bytes.min(old.bytes) } else { 0 }
    }

    /// That nothing at the new place is in the way, and that there is room.
    pub(super) fn refuse(
        &self,
        places: &Places<'_>,
        record: &Record,
        cancel: &AtomicBool,
    ) -> Result<(), RelocateError> {
        for (number, found) in self.adopted() {
            let (expected_bytes, path) = (places.file(number).length, places.to.full(places.path(number)));
            if found.bytes > expected_bytes {
                return Err(RelocateError::TooLong { path, found_bytes: found.bytes, expected_bytes });
            }
            // It looks as it did when it was ours: somebody moved it by hand.
            let is_known =
                record.files[number].is_some_and(|then| FileStamp::from(found).is_unchanged(&then));
            if !is_known && self.is_foreign(places, number, found, cancel)? {
                return Err(RelocateError::Foreign(path));
            }
        }
        let needed_bytes = self.to_bring().map(|(_, old)| self.bytes_to_copy(old)).sum();
        match places.to.free() {
            Some(free) if free.bytes < needed_bytes => {
                let path = places.to.path().to_owned();
                Err(RelocateError::NoRoom { path, needed_bytes, free_bytes: free.bytes })
            }
            _ => Ok(()),
        }
    }

    /// Whether a file at the new place has something in it, and no piece in it is right.
    fn is_foreign(
        &self,
        places: &Places<'_>,
        number: usize,
        found: FileStat,
        cancel: &AtomicBool,
    ) -> Result<bool, StorageError> {
        let file = places.to.file(places.path(number), Access::Read)?;
        if next_data(&file, 0, found.bytes).is_none() {
            return Ok(false);
        }
        let mut buffer = vec![0; READ_AT_ONCE];
        for piece in pieces_of(places.torrent, number) {
            // Who ends it does not wait for the answer.
            if cancel.load(Ordering::Relaxed) || self.is_right(places, piece, &mut buffer)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a piece is right as it is going to stand at the new place.
    fn is_right(
        &self,
        places: &Places<'_>,
        piece: PieceIndex,
        buffer: &mut [u8],
    ) -> Result<bool, StorageError> {
        let mut hash = PieceHash::new();
        for span in places.torrent.spans_of(piece) {
            let root = match (self.new[span.file], self.old[span.file], &places.from) {
                _ if places.file(span.file).pad => None,
                (Some(_), ..) => Some(&places.to),
                (None, Some(_), Some(from)) => Some(from),
                // It is at neither.
                _ => return Ok(false),
            };
            let path = places.path(span.file);
            let open = root.map(|root| Ok((root.file(path, Access::Read)?, root))).transpose()?;
            let mut read_bytes = 0;
            while read_bytes < span.length {
                let now = (span.length - read_bytes).min(buffer.len() as u64);
                let part = &mut buffer[..now as usize];
                match &open {
                    None => part.fill(0),
                    Some((file, root)) => {
                        let failed = |e: io::Error| StorageError::io(root.full(path), Operation::Read, &e);
                        if !files::read_all(file, span.offset + read_bytes, part).map_err(failed)? {
                            return Ok(false);
                        }
                    }
                }
                hash.update(part);
                read_bytes += now;
            }
        }
        let info = places.torrent.info();
        let hashes =
            info.hashes().map_err(|e| StorageError::io(info.place().to_owned(), Operation::Read, &e))?;
        Ok(hash.verify(hashes.of(piece)))
    }
}
