//! What is remembered of a torrent in the state folder, on its way from one output folder to another.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::places::Places;
use super::survey::Survey;
use crate::metainfo::InfoHash;
use crate::storage::created::{Created, CreatedFile};
use crate::storage::error::{Operation, StorageError};
use crate::storage::layout::pieces_of;
use crate::storage::open::{Near, without_links};
use crate::storage::record::{FileStamp, Record};
use crate::storage::resume::{self, ResumeFile, forget_record};

/// What goes along as it is: bytes of files that stand aside, and the names of unfinished blocks.
const GO_ALONG: [&str; 2] = ["side", "journal"];

/// Both places in the state folder. While it is held, no other works on the torrent at either.
#[derive(Debug)]
pub(super) struct Notes {
    old: ResumeFile,
    new: ResumeFile,
    /// Which files were brought across.
    pub(super) across: CreatedFile,
    /// What this program created at the new place.
    pub(super) created: CreatedFile,
}

impl Notes {
    /// Takes both places; where no move is `begun`, what an earlier one left is forgotten.
    pub(super) fn open(
        state_dir: &Path,
        info_hash: InfoHash,
        (from, to): (&Path, &Path),
        begun: bool,
    ) -> Result<Self, StorageError> {
        let (old, _) = ResumeFile::open(state_dir, info_hash, &without_links(from))?;
        let (new, _) = ResumeFile::open(state_dir, info_hash, &without_links(to))?;
        let notes = Self {
            across: CreatedFile::of_move_to(new.path()),
            created: CreatedFile::beside(new.path()),
            old,
            new,
        };
        if !begun {
            notes.clear()?;
        }
        Ok(notes)
    }

    /// Nothing was brought to the new place.
    pub(super) fn clear(&self) -> Result<(), StorageError> {
        self.across.clear()?;
        self.created.clear()
    }

    /// Remembers at the new place what is so at the old one: nothing of what was adopted is trusted, and what was created by
    /// this program before is so still. Waits for the disk.
    pub(super) fn hand_over(
        &self,
        places: &Places<'_>,
        survey: &Survey,
        mut record: Option<Record>,
    ) -> Result<(), StorageError> {
        let (before, here) = (CreatedFile::beside(self.old.path()).read()?, self.created.read()?);
        let is_created = |created: &Created, number, inode| created.files.get(&number) == Some(&inode);
        let mut near = Near::default();
        for number in 0..places.torrent.files.len() {
            let Some(inode) = survey.across.get(&number).copied() else { continue };
            let Some(now) = places.to.stat(places.path(number), &mut near)? else { continue };
            let old = survey.old[number];
            if let Some(record) = &mut record {
                // One that was changed since keeps the look it had, and is hashed again by that.
                let is_known = record.files[number].zip(old).is_some_and(|(then, old)| {
                    let old = FileStamp::from(old);
                    if record.clean { old.is_unchanged(&then) } else { !old.is_another(&then) }
                });
                if is_known {
                    record.files[number] = Some(now.into());
                }
            }
            let was_created = old.is_some_and(|old| is_created(&before, number, old.identity.1));
            if !is_created(&here, number, inode) && (was_created || is_created(&before, number, inode)) {
                self.created.note(number, Some(inode), &[]);
            }
        }
        if let Some(mut record) = record {
            for (number, _) in survey.adopted() {
                record.files[number] = None;
                for piece in pieces_of(places.torrent, number) {
                    record.synced.clear(piece);
                    record.unsynced.set(piece);
                }
            }
            self.new.save(&record)?;
        }
        self.take_along()
    }

    /// Takes along what goes along as it is.
    fn take_along(&self) -> Result<(), StorageError> {
        for extension in GO_ALONG {
            let (from, to) =
                (self.old.path().with_extension(extension), self.new.path().with_extension(extension));
            match fs::rename(&from, to) {
                Err(e) if e.kind() != ErrorKind::NotFound => {
                    return Err(StorageError::io(from, Operation::Rename, &e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The folders of the torrent at the old place that this program created, those within others first.
    pub(super) fn created_folders(&self, places: &Places<'_>) -> Result<Vec<PathBuf>, StorageError> {
        Ok(CreatedFile::beside(self.old.path()).read()?.folder_paths(places.torrent))
    }
}

/// What the last run remembers of the torrent at the old place. Takes no lock.
pub(super) fn record_at(
    state_dir: &Path,
    places: &Places<'_>,
    from: &Path,
) -> Result<Option<Record>, StorageError> {
    let place = resume::place(state_dir, places.torrent.info_hash, &without_links(from));
    resume::of_torrent(&place, places.torrent)
}

/// Whether a move brought files to this place, and was not finished.
pub(super) fn has_brought(state_dir: &Path, info_hash: InfoHash, to: &Path) -> Result<bool, StorageError> {
    let place = resume::place(state_dir, info_hash, &without_links(to));
    Ok(!CreatedFile::of_move_to(&place).read()?.files.is_empty())
}

/// Forgets what was remembered at the old place, and how far the move was. What stays is a bother to nobody.
pub(super) fn forget(
    state_dir: &Path,
    info_hash: InfoHash,
    (from, to): (&Path, &Path),
) -> Result<(), StorageError> {
    CreatedFile::of_move_to(&resume::place(state_dir, info_hash, &without_links(to))).clear()?;
    forget_record(state_dir, info_hash, &without_links(from))
}
