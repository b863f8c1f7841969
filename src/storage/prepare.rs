//! Before the first byte: whether there is room for what is missing, and the files that are created ahead.

use std::sync::atomic::Ordering;

use super::Storage;
use super::error::StorageError;
use super::system::{Access, FileStat};
use crate::metainfo::Bitfield;

/// Files created before the first byte, beside those of no length: a folder that nobody may write to, or a name that
/// the file system does not take, is told then, and not in the middle. What a torrent has beyond that is created when
/// it is first written to: a hundred thousand files take seconds.
pub(super) const CREATED_AHEAD: usize = 1000;
/// Files after which it is told how many are ready.
const TELL_EVERY: u32 = 64;

impl Storage {
    /// Makes ready to write what is missing from `have`, pieces that nobody wants among it: compares it with the free
    /// space, then creates files and folders that do not exist and do not stand aside: those of no length, and a thousand of
    /// the others. Called before the first byte, and again when a full disk got room. Returns what was found of each file.
    ///
    /// # Errors
    /// [`StorageError::NoRoom`] and [`StorageError::NoRoomForFiles`] when the disk is too small, and
    /// [`StorageError::Appeared`], before anything was created. Any refusal to create.
    pub fn prepare(&self, have: &Bitfield) -> Result<Vec<Option<FileStat>>, StorageError> {
        self.prepare_telling(have, &|_, _| {})
    }

    /// The same, telling now and then how many files are ready, of how many.
    ///
    /// # Errors
    /// Those of [`Self::prepare`].
    pub fn prepare_telling(
        &self,
        have: &Bitfield,
        told: &dyn Fn(u32, u32),
    ) -> Result<Vec<Option<FileStat>>, StorageError> {
        let found = self.look()?;
        self.refuse_appeared(&found)?;
        self.meet_all(&found);
        self.refuse_small(have, &found)?;
        self.tidy_aside()?;
        let of = u32::try_from(self.torrent.files.len()).unwrap_or(u32::MAX);
        let mut ahead = CREATED_AHEAD;
        for ((number, file), done) in self.torrent.files.iter().enumerate().zip(0u32..) {
            if done > 0 && done.is_multiple_of(TELL_EVERY) {
                told(done, of);
            }
            match &found[number] {
                _ if self.is_aside(number) => {}
                Some(found) => _ = self.reach_bytes[number].fetch_max(found.bytes, Ordering::Relaxed),
                None if file.pad || (file.length > 0 && ahead == 0) => {}
                None => {
                    self.open_file(number, Access::Write)?;
                    ahead -= usize::from(file.length > 0);
                }
            }
        }
        if of > TELL_EVERY {
            told(of, of);
        }
        Ok(found)
    }

    /// What came to be since the files were looked at first is not ours, unless there is nothing in it.
    fn refuse_appeared(&self, found: &[Option<FileStat>]) -> Result<(), StorageError> {
        let is_strange = |(number, found): &(usize, &Option<FileStat>)| {
            found.is_some_and(|found| found.bytes > 0)
                && self.identities.first_of(*number).is_none()
                && !self.is_aside(*number)
        };
        let strange = found.iter().enumerate().filter(|_| !self.options.overwrite).find(is_strange);
        strange.map_or(Ok(()), |(number, _)| Err(StorageError::Appeared { path: self.path_of(number) }))
    }

    /// Whether there is room for the bytes that are missing and the files that do not exist, as far as the system says.
    pub(super) fn refuse_small(
        &self,
        have: &Bitfield,
        found: &[Option<FileStat>],
    ) -> Result<(), StorageError> {
        let Some(free) = self.root.free() else { return Ok(()) };
        let path = || self.root.path().to_owned();
        let needed_bytes = self.still_to_write(have, found);
        if needed_bytes > free.bytes {
            return Err(StorageError::NoRoom { path: path(), needed_bytes, free_bytes: free.bytes });
        }
        let files = self.torrent.files.iter().zip(found).enumerate();
        let absent = files.filter(|(_, (file, found))| !file.pad && found.is_none());
        let needed = absent.filter(|(number, _)| !self.is_aside(*number)).count() as u64;
        match free.files {
            Some(free) if needed > free => Err(StorageError::NoRoomForFiles { path: path(), needed, free }),
            _ => Ok(()),
        }
    }

    /// Bytes the disk has to find room for: what is missing, less what the files already take.
    fn still_to_write(&self, have: &Bitfield, found: &[Option<FileStat>]) -> u64 {
        let mut missing = vec![0u64; self.torrent.files.len()];
        for piece in self.torrent.geometry.pieces().filter(|&piece| !have.has(piece)) {
            let spans = self.torrent.spans_of(piece);
            for span in spans.filter(|span| !self.file(span.file).pad && !self.is_aside(span.file)) {
                missing[span.file] += span.length;
            }
        }
        let files = self.torrent.files.iter().zip(found).zip(missing);
        files
            .map(|((file, found), missing)| {
                let taken = found.map_or(0, |found| found.allocated_bytes);
                missing.min(file.length.saturating_sub(taken))
            })
            .sum()
    }
}
