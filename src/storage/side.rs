//! The side file: what is here of files that the user does not want.
//!
//! A piece that reaches into a file that is wanted and into one that is not is kept whole, and the other file is not created
//! for it: its bytes stand in the side file, beside the resume file, each at its offset in the torrent. The rest of it is
//! holes. Once the file is wanted they are moved to it.
//!
//! Which files stand aside changes while they are written to. Who writes to a file that may change its place, or reads one
//! that stands aside, keeps it where it is meanwhile; a file that stands at its path stays there, and costs nothing of that.

use std::fs::{File, OpenOptions};
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::created::CreatedFile;
use super::error::{Operation, StorageError};
use super::open::Near;
use super::record::{FileStamp, Record};
use super::system::{self, Access, FileStat, look_at, next_data, open_to_read};
use super::{Storage, files, path};
use crate::metainfo::{self, FilePriority, Torrent};

/// Bytes moved at a time.
const MOVED_AT_ONCE: u64 = 256 << 10;

/// What stands aside, and where.
#[derive(Debug)]
pub(super) struct Side {
    path: PathBuf,
    /// By file of the torrent: whether its bytes stand here, and not at its path.
    aside: Vec<AtomicBool>,
    /// Held alone while files change their places.
    places: RwLock<()>,
    /// Whether the disk has its name.
    named: AtomicBool,
}

/// While it is held, no file changes its place.
pub(super) type Stays<'a> = Option<RwLockReadGuard<'a, ()>>;

impl Side {
    /// The one that belongs to a resume file. No file stands aside yet.
    pub(super) fn beside(resume: &Path, files: usize) -> Self {
        Self {
            path: resume.with_extension("side"),
            aside: std::iter::repeat_with(AtomicBool::default).take(files).collect(),
            places: RwLock::default(),
            named: AtomicBool::new(false),
        }
    }

    fn has(&self, number: usize) -> bool {
        self.aside[number].load(Ordering::Acquire)
    }

    fn set(&self, number: usize, aside: bool) {
        self.aside[number].store(aside, Ordering::Release);
    }

    fn stays(&self) -> RwLockReadGuard<'_, ()> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, operation: Operation) -> impl Fn(std::io::Error) -> StorageError + '_ {
        move |e| StorageError::io(&self.path, operation, &e)
    }

    fn open(&self, access: Access) -> Result<File, StorageError> {
        match access {
            Access::Read => open_to_read(&self.path).map_err(self.failed(Operation::Open)),
            _ => {
                let mut options = OpenOptions::new();
                let opened = options.read(true).write(true).create(true).truncate(false).open(&self.path);
                opened.map_err(self.failed(Operation::Create))
            }
        }
    }

    /// What is known of it; `None` where nothing was ever put aside.
    fn stat(&self) -> Result<Option<FileStat>, StorageError> {
        match self.open(Access::Read) {
            Ok(file) => Ok(Some(look_at(&file).map_err(self.failed(Operation::Stat))?.stat)),
            Err(StorageError::Os { kind: super::OsKind::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What a file that stands aside looks like: as far as the side file reaches into it.
fn part_of(side: FileStat, file: &metainfo::File) -> FileStat {
    let bytes = side.bytes.saturating_sub(file.offset).min(file.length);
    FileStat { bytes, allocated_bytes: 0, ..side }
}

/// By file: what it looked like when this was remembered, at its path or aside.
pub(super) fn remembered(record: &Record, torrent: &Torrent) -> Vec<Option<FileStamp>> {
    let part = |file: &metainfo::File| {
        let side = record.side?;
        Some(FileStamp { bytes: side.bytes.saturating_sub(file.offset).min(file.length), ..side })
    };
    let files = torrent.files.iter().zip(&record.files).zip(&record.aside);
    files.map(|((file, stamp), aside)| if *aside { part(file) } else { *stamp }).collect()
}

impl Storage {
    /// Has those files stand aside that did so when this was remembered, and those that are not wanted and do not exist.
    ///
    /// # Errors
    /// What was created cannot be read.
    pub(super) fn set_aside(&self, resume: &Path, record: &Record) -> Result<(), StorageError> {
        let side = Side::beside(resume, self.torrent.files.len());
        let (mut near, mut created) = (Near::default(), None);
        for (number, file) in self.torrent.files.iter().enumerate().filter(|(_, file)| !file.pad) {
            let was_aside = record.aside[number];
            if !was_aside && record.choice.of(number) != FilePriority::Skip {
                continue;
            }
            // What is in the way is of no matter before the file is wanted.
            let at_home = self.root.stat(path(file), &mut near).ok().flatten();
            side.set(number, was_aside || at_home.is_none());
            if let Some(at_home) = at_home.filter(|_| was_aside) {
                if created.is_none() {
                    created = self.created.get().map(CreatedFile::read).transpose()?;
                }
                // It was created to be moved to, and the move did not come to its end.
                let inode = created.as_ref().and_then(|created| created.files.get(&number));
                if inode == Some(&at_home.identity.1) {
                    self.meet(number, at_home.identity);
                }
            }
        }
        // Nothing else sets it: the storage was opened a moment ago.
        let _ = self.side.set(side);
        Ok(())
    }

    /// The side file, where this file stands aside.
    fn aside(&self, number: usize) -> Option<&Side> {
        self.side.get().filter(|side| side.has(number))
    }

    /// Whether the bytes of this file stand in the side file, and not at its path.
    pub fn is_aside(&self, number: usize) -> bool {
        self.aside(number).is_some()
    }

    /// To be held while this file is written to.
    pub(super) fn stays_to_write(&self, number: usize) -> Stays<'_> {
        // One that was met stands at its path for good.
        let may_move = |side: &&Side| side.has(number) || self.identities.first_of(number).is_none();
        self.side.get().filter(may_move).map(Side::stays)
    }

    /// To be held while this file is read.
    pub(super) fn stays_to_read(&self, number: usize) -> Stays<'_> {
        self.aside(number).map(Side::stays)
    }

    /// The number of the side file among those that are open.
    fn side_number(&self) -> usize {
        self.torrent.files.len()
    }

    fn side_handle(&self, side: &Side, access: Access) -> Result<Arc<File>, StorageError> {
        self.open.file(self.side_number(), access, || side.open(access))
    }

    /// Where the bytes of a file are read: what is open, and where the file begins in it. The file is to stay meanwhile.
    pub(super) fn source(&self, number: usize) -> Result<(Arc<File>, u64), StorageError> {
        match self.aside(number) {
            Some(side) => Ok((self.side_handle(side, Access::Read)?, self.file(number).offset)),
            None => Ok((self.handle(number, Access::Read)?, 0)),
        }
    }

    /// The same, as far as it is open and can be had at once, with what keeps the file where it is.
    pub(super) fn open_source(&self, number: usize) -> Option<(Stays<'_>, Arc<File>, u64)> {
        let Some(side) = self.aside(number) else { return Some((None, self.open.open_file(number)?, 0)) };
        let stays = side.places.try_read().ok()?;
        // It may have been moved the moment before.
        let begin = side.has(number).then(|| self.file(number).offset)?;
        Some((Some(stays), self.open.open_file(self.side_number())?, begin))
    }

    /// The path of what the bytes of a file are read from.
    pub(super) fn source_path(&self, number: usize) -> PathBuf {
        self.aside(number).map_or_else(|| self.path_of(number), |side| side.path.clone())
    }

    /// Writes at this offset of a file that stands aside; false where it stands at its path. It is to stay meanwhile.
    pub(super) fn write_aside(
        &self,
        number: usize,
        at: u64,
        slices: &mut [IoSlice<'_>],
    ) -> Result<bool, StorageError> {
        let Some(side) = self.aside(number) else { return Ok(false) };
        let handle = self.side_handle(side, Access::Write)?;
        if !look_at(&handle).map_err(side.failed(Operation::Stat))?.is_named {
            self.disturbed.store(true, Ordering::Relaxed);
            return Err(StorageError::Lost { path: side.path.clone() });
        }
        files::write_all(&handle, self.file(number).offset + at, slices)
            .map_err(side.failed(Operation::Write))?;
        Ok(true)
    }

    /// What the file looks like that stands aside; the outer `None`: it stands at its path.
    pub(super) fn parts_aside(&self) -> Result<impl Fn(usize) -> Option<Option<FileStat>>, StorageError> {
        let is_used = |side: &&Side| side.aside.iter().any(|aside| aside.load(Ordering::Acquire));
        let found = self.side.get().filter(is_used).map_or(Ok(None), Side::stat)?;
        Ok(move |number: usize| {
            self.is_aside(number).then(|| found.map(|side| part_of(side, self.file(number))))
        })
    }

    /// Writes into the record what was found of each file, and which of them stand aside.
    ///
    /// # Errors
    /// The system refuses to look at the side file.
    pub fn describe(&self, found: &[Option<FileStat>], record: &mut Record) -> Result<(), StorageError> {
        record.aside = (0..found.len()).map(|number| self.is_aside(number)).collect();
        let files = found.iter().zip(&record.aside);
        record.files = files.map(|(found, aside)| found.filter(|_| !aside).map(FileStamp::from)).collect();
        record.side = self.side.get().map_or(Ok(None), Side::stat)?.map(FileStamp::from);
        Ok(())
    }

    /// Waits until the disk has what stands aside, and its name.
    pub(super) fn sync_side(&self) -> Result<(), StorageError> {
        let Some(side) = self.side.get() else { return Ok(()) };
        let _stays = side.stays();
        if side.stat()?.is_none() {
            // All of it was moved meanwhile, and synced where it is now.
            return Ok(());
        }
        let handle = self.side_handle(side, Access::Write)?;
        system::sync_content(&handle).map_err(side.failed(Operation::Sync))?;
        if !side.named.swap(true, Ordering::Relaxed)
            && let Some(folder) = side.path.parent()
        {
            system::sync_folder(folder).map_err(side.failed(Operation::Sync))?;
        }
        Ok(())
    }

    /// The side file is opened again when it is used next.
    pub(super) fn forget_side(&self) {
        self.open.forget(self.side_number());
    }

    /// Has these files stand aside, as far as they do not exist: returns those that do so from now on.
    pub fn leave_out(&self, files: impl Iterator<Item = usize>) -> Vec<usize> {
        let Some(side) = self.side.get() else { return Vec::new() };
        let _alone = side.places.write().unwrap_or_else(PoisonError::into_inner);
        let mut near = Near::default();
        let may_leave = |number: &usize| {
            !self.file(*number).pad && !side.has(*number) && self.identities.first_of(*number).is_none()
        };
        let absent =
            |number: &usize| !matches!(self.root.stat(path(self.file(*number)), &mut near), Ok(Some(_)));
        let left: Vec<usize> = files.filter(may_leave).filter(absent).collect();
        left.iter().for_each(|number| side.set(*number, true));
        left
    }

    /// Has these files stand at their paths. What is here of them is copied there, and is on the disk when `remember` is
    /// called with those files, before anything else is written to them: it has to be remembered from then on that they
    /// stand there. Nobody writes to a file that stands aside meanwhile.
    ///
    /// # Errors
    /// A file cannot be created, copied or synced, or cannot be remembered: then all of them stand aside as before.
    pub fn bring_home(
        &self,
        files: &[usize],
        remember: impl FnOnce(&[(usize, FileStat)]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let Some(side) = self.side.get() else { return Ok(()) };
        let _alone = side.places.write().unwrap_or_else(PoisonError::into_inner);
        let mut moved = Vec::new();
        if let Some(there) = side.stat()? {
            let from = self.side_handle(side, Access::Write)?;
            for &number in files {
                let file = self.file(number);
                let end = (file.offset + file.length).min(there.bytes);
                // One of which nothing is here is created when it is written to, as any other.
                if next_data(&from, file.offset, end).is_some() {
                    self.copy_home(side, &from, number, end)?;
                    moved.push(number);
                }
            }
        }
        self.sync_files(&moved)?;
        let look = |&number: &usize| {
            let handle = self.handle(number, Access::Write)?;
            Ok((number, self.look_at(&handle, path(self.file(number)))?.stat))
        };
        let stats: Vec<(usize, FileStat)> = moved.iter().map(look).collect::<Result<_, StorageError>>()?;
        remember(&stats)?;
        for (number, stat) in stats {
            self.reach_bytes[number].store(stat.bytes, Ordering::Relaxed);
        }
        files.iter().for_each(|number| side.set(*number, false));
        self.shrink_side(side, &moved);
        Ok(())
    }

    /// Copies what stands aside of a file, up to `end` of the side file, to its path.
    fn copy_home(&self, side: &Side, from: &File, number: usize, end: u64) -> Result<(), StorageError> {
        let file = self.file(number);
        let to = self.handle(number, Access::Write)?;
        let mut at = file.offset;
        let mut buffer = Vec::new();
        while let Some((begin, until)) = next_data(from, at, end) {
            let length = (until - begin).min(MOVED_AT_ONCE);
            buffer.resize(length as usize, 0);
            if !files::read_all(from, begin, &mut buffer).map_err(side.failed(Operation::Read))? {
                return Err(StorageError::TooShort { path: side.path.clone() });
            }
            files::write_all(&to, begin - file.offset, &mut [IoSlice::new(&buffer)])
                .map_err(|e| StorageError::io(self.path_of(number), Operation::Write, &e))?;
            at = begin + length;
        }
        Ok(())
    }

    /// Gives back what files take in the side file that stand at their paths: a move may have been ended before it was.
    pub(super) fn tidy_aside(&self) -> Result<(), StorageError> {
        let Some(side) = self.side.get() else { return Ok(()) };
        let _alone = side.places.write().unwrap_or_else(PoisonError::into_inner);
        if side.stat()?.is_some() {
            let at_home: Vec<usize> = (0..side.aside.len()).filter(|number| !side.has(*number)).collect();
            self.shrink_side(side, &at_home);
        }
        Ok(())
    }

    /// Gives back what files took that stand at their paths now. What cannot be given back is in nobody's way.
    fn shrink_side(&self, side: &Side, moved: &[usize]) {
        if (0..side.aside.len()).any(|number| side.has(number)) {
            if let Ok(handle) = self.side_handle(side, Access::Write) {
                for file in moved.iter().map(|&number| self.file(number)) {
                    system::give_back(&handle, file.offset, file.length);
                }
            }
            return;
        }
        self.forget_side();
        side.named.store(false, Ordering::Relaxed);
        let _ = std::fs::remove_file(&side.path);
    }
}
