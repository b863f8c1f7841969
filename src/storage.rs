//! Files on disk: where the bytes of a torrent lie, safely opened, written, read, verified and remembered.
//!
//! A piece is *verified* (its hash is right), then *written* (the system has it), then *synced* (the disk has
//! it). [`Record`] keeps the last two apart over restarts: synced pieces are trusted, the others are hashed again.
//!
//! Nothing here truncates a file, follows a symbolic link inside the output folder, or opens a path outside it.

mod created;
mod dirty;
mod error;
mod files;
mod identity;
mod journal;
mod layout;
mod lock;
mod metadata;
mod open;
mod overlap;
mod piece_hasher;
mod prepare;
mod record;
mod relocate;
mod remove;
mod resume;
mod side;
mod start;
mod state_file;
mod system;
mod verify;

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

pub use dirty::DirtySet;
pub use error::{Operation, OsKind, StorageError};
pub use journal::{Batch, BootId, Journal, JournalFile, OnDisk, boot_id};
pub use lock::{NotLocked, ProcessLock};
pub use metadata::{KeptMetadata, keep_metadata, kept_metadata, kept_torrents, save_metadata};
pub use open::without_links;
pub use overlap::common_file;
pub use record::{FileStamp, Record, RecordError};
pub use relocate::{RelocateError, Relocated, Relocation};
pub use remove::{Removal, Removed};
pub use resume::{HOME, Loaded, ResumeFile, forget_record, recorded_torrents, state_dir};
pub use start::{Start, Started, start};
pub use state_file::{create_state_folder, read_state_file, replace_state_file, sync_state_files};
pub use system::FileStat;
pub use verify::{Check, Verdicts, check, check_piece, verify};

use self::created::CreatedFile;
pub use self::files::OpenFiles;
use self::files::TorrentFiles;
use self::identity::Identities;
use self::open::{Near, Root};
use self::side::Side;
use self::system::{Access, Found, look_at};
use crate::metainfo::{File, PieceHashes, PieceIndex, Torrent};

/// Files kept open at most; with those that threads have in hand, never more than 256 are.
const MOST_OPEN_FILES: usize = 240;

/// How a [`Storage`] treats the disk.
#[derive(Clone, Debug)]
pub struct Options {
    /// Create what is missing. Without it nothing is written, and a missing output folder is an error.
    pub writable: bool,
    /// Reserve disk for a file when it is first written to.
    pub preallocate: bool,
    /// Write into files that are not ours, too.
    pub overwrite: bool,
    /// How many files may be open.
    pub open_files: OpenFiles,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            writable: true,
            preallocate: true,
            overwrite: false,
            open_files: OpenFiles::new(MOST_OPEN_FILES),
        }
    }
}

/// The files of one torrent in one output folder. Shared by threads without a lock around reads and writes.
#[derive(Debug)]
pub struct Storage {
    torrent: Arc<Torrent>,
    options: Options,
    root: Root,
    open: TorrentFiles,
    /// By file: whether room for all of it was asked for in this run.
    allocated: Vec<AtomicBool>,
    /// By file: how far it reaches at least: what it had at the start, and what was written since.
    reach_bytes: Vec<AtomicU64>,
    /// By file: which one it is, since it was first met.
    identities: Identities,
    /// By file: whether the disk has its name, as it is in this run.
    named: Vec<AtomicBool>,
    /// Whether a file was found to have lost what was written to it.
    disturbed: AtomicBool,
    /// Where it is written down what is created, once that is known.
    created: OnceLock<CreatedFile>,
    /// What stands aside, once it is known where.
    side: OnceLock<Side>,
}

impl Storage {
    /// Opens the output folder, creating it where it is to be written to. No file is touched yet.
    ///
    /// # Errors
    /// The folder cannot be opened or created.
    pub fn open(torrent: Arc<Torrent>, output_dir: &Path, options: Options) -> Result<Self, StorageError> {
        let root = Root::open(output_dir, options.writable)?;
        let allocated = torrent.files.iter().map(|_| AtomicBool::new(false)).collect();
        let reach_bytes = torrent.files.iter().map(|_| AtomicU64::new(0)).collect();
        let named = torrent.files.iter().map(|_| AtomicBool::new(false)).collect();
        let identities = Identities::new(torrent.files.len());
        let (open, disturbed) = (options.open_files.of_torrent(), AtomicBool::new(false));
        let (created, side) = (OnceLock::new(), OnceLock::new());
        Ok(Self {
            torrent,
            options,
            root,
            open,
            allocated,
            reach_bytes,
            identities,
            named,
            disturbed,
            created,
            side,
        })
    }

    /// Whose files they are.
    pub fn torrent(&self) -> &Arc<Torrent> {
        &self.torrent
    }

    /// The hashes of the pieces.
    ///
    /// # Errors
    /// They are kept in a file that cannot be read, or holds something else by now.
    pub fn hashes(&self) -> Result<PieceHashes, StorageError> {
        let info = self.torrent.info();
        info.hashes().map_err(|e| StorageError::io(info.place().to_owned(), Operation::Read, &e))
    }

    /// The output folder, absolute and without links.
    pub fn output_dir(&self) -> &Path {
        self.root.path()
    }

    /// Where a file of the torrent lies.
    pub fn path_of(&self, file: usize) -> PathBuf {
        self.torrent.files.file(file).map(|file| self.root.full(path(file))).unwrap_or_default()
    }

    /// Looks at every file without opening it; `None` for one that does not exist, and for pad files. One that stands aside
    /// reaches as far as the side file does. One that is another than it was is noticed.
    ///
    /// # Errors
    /// Something that is no plain file is in the way, or the system refuses to look.
    pub fn survey(&self) -> Result<Vec<Option<FileStat>>, StorageError> {
        let found = self.look()?;
        self.meet_all(&found);
        Ok(found)
    }

    fn look(&self) -> Result<Vec<Option<FileStat>>, StorageError> {
        let (mut near, aside) = (Near::default(), self.parts_aside()?);
        let look = |(number, file): (usize, &File)| match aside(number) {
            _ if file.pad => Ok(None),
            Some(part) => Ok(part),
            None => self.root.stat(path(file), &mut near),
        };
        self.torrent.files.iter().enumerate().map(look).collect()
    }

    /// From here on what stands on the disk now is what counts: files are opened again, and reach as far as they do.
    ///
    /// # Errors
    /// Those of [`Self::survey`].
    pub fn renew(&self) -> Result<Vec<Option<FileStat>>, StorageError> {
        (0..self.reach_bytes.len()).for_each(|number| self.open.forget(number));
        self.forget_side();
        let found = self.survey()?;
        for (number, (reach, found)) in self.reach_bytes.iter().zip(&found).enumerate() {
            let at_home = found.filter(|_| !self.is_aside(number));
            reach.store(at_home.map_or(0, |found| found.bytes), Ordering::Relaxed);
        }
        Ok(found)
    }

    fn meet_all(&self, found: &[Option<FileStat>]) {
        for (number, found) in found.iter().enumerate() {
            if let Some(found) = found.filter(|_| !self.is_aside(number)) {
                self.meet(number, found.identity);
            }
        }
    }

    /// Notices a file that is another than it was.
    fn meet(&self, number: usize, identity: (u64, u64)) {
        if !self.identities.meet(number, identity) {
            self.disturbed.store(true, Ordering::Relaxed);
        }
    }

    /// The number that this file has on its device, once it was met.
    pub fn inode_of(&self, file: usize) -> Option<u64> {
        self.identities.first_of(file).map(|(_, inode)| inode)
    }

    /// Writes these bytes at this offset of the piece, and beyond its end into the pieces that follow: one `pwritev` per
    /// file. What falls into pad files is not written.
    ///
    /// # Errors
    /// The system refuses to open, reserve or write; on a full disk some of the bytes may have been written.
    pub fn write(&self, piece: PieceIndex, offset: u32, slices: &[IoSlice<'_>]) -> Result<(), StorageError> {
        let length: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
        let from = self.torrent.geometry.offset_of(piece) + u64::from(offset);
        debug_assert!(from + length <= self.torrent.geometry.total_bytes());
        let mut rest = Cutter { slices, within: 0 };
        for span in self.torrent.files.spans(from, length) {
            let mut part = rest.take(span.length);
            let file = self.file(span.file);
            if file.pad {
                continue;
            }
            let _stays = self.stays_to_write(span.file);
            if self.write_aside(span.file, span.offset, &mut part)? {
                continue;
            }
            let handle = self.handle(span.file, Access::Write)?;
            self.still_ours(span.file, &handle)?;
            if self.options.preallocate
                && span.length < file.length
                && !self.allocated[span.file].swap(true, Ordering::Relaxed)
            {
                system::allocate(&handle, file.length).map_err(|e| {
                    self.allocated[span.file].store(false, Ordering::Relaxed);
                    StorageError::io(self.root.full(path(file)), Operation::Allocate, &e)
                })?;
            }
            files::write_all(&handle, span.offset, &mut part)
                .map_err(|e| StorageError::io(self.root.full(path(file)), Operation::Write, &e))?;
            self.reach_bytes[span.file].fetch_max(span.offset + span.length, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Makes sure that every file that does not stand aside stands at its path in its full length, and that one which is another than it was
    /// holds the same: the torrent is about to be called complete.
    ///
    /// # Errors
    /// [`StorageError::Lost`], or something else is in the way.
    pub fn confirm(&self) -> Result<(), StorageError> {
        let found = self.survey().inspect_err(|_| self.disturbed.store(true, Ordering::Relaxed))?;
        let lost = self
            .torrent
            .files
            .iter()
            .zip(found)
            .enumerate()
            .filter(|(number, (file, _))| !file.pad && !self.is_aside(*number))
            .find(|(_, (file, found))| found.is_none_or(|found| found.bytes < file.length));
        if let Some((number, _)) = lost {
            return Err(self.lost(number));
        }
        // Some file systems give a file another number now and then: what it holds decides.
        for number in self.identities.changed() {
            self.open.forget(number);
            for piece in layout::pieces_of(&self.torrent, number) {
                if !check_piece(self, piece)? {
                    return Err(self.lost(number));
                }
            }
        }
        Ok(())
    }

    /// Whether a file was found to have lost what was written to it: nothing that was written can be trusted
    /// without being hashed again.
    pub fn is_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::Relaxed)
    }

    /// The number of the disk where its files are, 0 before any was looked at.
    pub fn disk(&self) -> u64 {
        self.identities.device().unwrap_or_default()
    }

    fn lost(&self, number: usize) -> StorageError {
        self.disturbed.store(true, Ordering::Relaxed);
        StorageError::Lost { path: self.path_of(number) }
    }

    /// That the file was not removed, replaced or cut since we write to it.
    fn still_ours(&self, number: usize, handle: &std::fs::File) -> Result<(), StorageError> {
        let reach_bytes = self.reach_bytes[number].load(Ordering::Relaxed);
        let path = path(self.file(number));
        let held = self.look_at(handle, path)?;
        self.meet(number, held.stat.identity);
        if held.stat.bytes < reach_bytes {
            return Err(self.lost(number));
        }
        // Some file systems do not count links: there the path decides.
        if !held.is_named {
            let named = self.root.file(path, Access::Read).and_then(|named| self.look_at(&named, path));
            if named.is_ok_and(|named| named.stat.identity == held.stat.identity) {
                return Ok(());
            }
            return Err(self.lost(number));
        }
        Ok(())
    }

    fn look_at(&self, file: &std::fs::File, path: &Path) -> Result<Found, StorageError> {
        look_at(file).map_err(|e| StorageError::io(self.root.full(path), Operation::Stat, &e))
    }

    /// Fills `into` from this offset of the piece. Pad files read as zeros.
    ///
    /// # Errors
    /// A file is absent, shorter than what is asked for, or the system refuses.
    pub fn read(&self, piece: PieceIndex, begin: u32, into: &mut [u8]) -> Result<(), StorageError> {
        let from = self.torrent.geometry.offset_of(piece) + u64::from(begin);
        let mut rest = into;
        for span in self.torrent.files.spans(from, rest.len() as u64) {
            let (part, after) = rest.split_at_mut(span.length as usize);
            rest = after;
            let file = self.file(span.file);
            if file.pad {
                part.fill(0);
                continue;
            }
            let _stays = self.stays_to_read(span.file);
            let (handle, begin) = self.source(span.file)?;
            let whole = files::read_all(&handle, begin + span.offset, part)
                .map_err(|e| StorageError::io(self.source_path(span.file), Operation::Read, &e))?;
            if !whole {
                return Err(StorageError::TooShort { path: self.source_path(span.file) });
            }
        }
        debug_assert!(rest.is_empty(), "the range lies in the torrent");
        Ok(())
    }

    /// Fills `into` as [`Self::read`] does, but only from what the system has in memory of files that are open:
    /// whether it could. Never waits for a disk.
    pub fn read_cached(&self, piece: PieceIndex, begin: u32, into: &mut [u8]) -> bool {
        let from = self.torrent.geometry.offset_of(piece) + u64::from(begin);
        let mut rest = into;
        self.torrent.files.spans(from, rest.len() as u64).all(|span| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(span.length as usize);
            rest = after;
            if self.file(span.file).pad {
                part.fill(0);
                return true;
            }
            self.open_source(span.file).is_some_and(|(_stays, handle, begin)| {
                system::read_cached(&handle, begin + span.offset, part)
            })
        })
    }

    /// Tells the system that this range of the piece will be read soon. Only a hint: nothing comes of its failure.
    fn will_read(&self, piece: PieceIndex, begin: u32, length: u32) {
        let from = self.torrent.geometry.offset_of(piece) + u64::from(begin);
        for span in self.torrent.files.spans(from, u64::from(length)) {
            let _stays = self.stays_to_read(span.file);
            if !self.file(span.file).pad
                && let Ok((handle, begin)) = self.source(span.file)
            {
                system::will_read(&handle, begin + span.offset, span.length);
            }
        }
    }

    /// Waits until the disk has everything that was written to the files of these pieces, and their names. Slow:
    /// seconds.
    ///
    /// # Errors
    /// The system refuses, or the disk failed: then these pieces must not be trusted at the next start. A disk that
    /// failed says so once: the next sync succeeds, though what was written is lost. So from then on nothing is
    /// trusted, see [`Storage::is_disturbed`].
    pub fn sync(&self, pieces: &[PieceIndex]) -> Result<(), StorageError> {
        let spans = pieces.iter().flat_map(|&piece| self.torrent.spans_of(piece));
        let mut files: Vec<usize> =
            spans.map(|span| span.file).filter(|&file| !self.file(file).pad).collect();
        files.sort_unstable();
        files.dedup();
        let all = files.len();
        files.retain(|&file| !self.is_aside(file));
        let aside = if files.len() < all { self.sync_side() } else { Ok(()) };
        let synced = self.sync_files(&files).and(aside);
        if synced.as_ref().is_err_and(StorageError::loses_data) {
            self.disturbed.store(true, Ordering::Relaxed);
            // What the system still holds in memory is not what the disk has; the next start is to see the disk.
            files
                .iter()
                .filter_map(|&number| self.handle(number, Access::Read).ok())
                .for_each(|file| system::forget_cached(&file));
        }
        synced
    }

    fn sync_files(&self, numbers: &[usize]) -> Result<(), StorageError> {
        for &number in numbers {
            let path = path(self.file(number));
            let handle = self.handle(number, system::TO_SYNC)?;
            system::sync_content(&handle)
                .map_err(|e| StorageError::io(self.root.full(path), Operation::Sync, &e))?;
        }
        let new = || numbers.iter().filter(|&&number| !self.named[number].load(Ordering::Relaxed));
        self.root.sync_folders(new().map(|&number| path(self.file(number))))?;
        new().for_each(|&number| self.named[number].store(true, Ordering::Relaxed));
        Ok(())
    }

    fn file(&self, number: usize) -> &File {
        &self.torrent.files.as_slice()[number]
    }

    /// A file of the torrent, from those that are open or opened now.
    fn handle(&self, number: usize, access: Access) -> Result<Arc<std::fs::File>, StorageError> {
        self.open.file(number, access, || self.open_file(number, access))
    }

    /// Opens a file of the torrent. One that was never met is created where it is to be written to: what somebody
    /// put in its place since it was looked for is theirs.
    fn open_file(&self, number: usize, access: Access) -> Result<std::fs::File, StorageError> {
        let path = path(self.file(number));
        if access != Access::Write {
            return self.root.file(path, access);
        }
        let is_met = self.options.overwrite || self.identities.first_of(number).is_some();
        let opened = self.root.file_or_new(path, is_met);
        let depths: Vec<usize> =
            self.root.take_made().iter().map(|folder| folder.components().count()).collect();
        let inode = match &opened {
            Ok((file, is_new)) if *is_new || !is_met => {
                let identity = self.look_at(file, path)?.stat.identity;
                if !is_met {
                    self.meet(number, identity);
                }
                is_new.then_some(identity.1)
            }
            _ => None,
        };
        if let Some(created) = self.created.get() {
            created.note(number, inode, &depths);
        }
        opened.map(|(file, _)| file)
    }
}

fn path(file: &File) -> &Path {
    Path::new(file.path.as_str())
}

/// Cuts a list of slices into lists of given lengths.
struct Cutter<'a> {
    slices: &'a [IoSlice<'a>],
    within: usize,
}

impl<'a> Cutter<'a> {
    fn take(&mut self, length: u64) -> Vec<IoSlice<'a>> {
        let mut left = length as usize;
        let mut part = Vec::with_capacity(self.slices.len().min(left / 4096 + 2));
        while left > 0
            && let Some(first) = self.slices.first()
        {
            let bytes: &'a [u8] = &first[self.within..];
            if bytes.len() <= left {
                part.push(IoSlice::new(bytes));
                left -= bytes.len();
                self.slices = &self.slices[1..];
                self.within = 0;
            } else {
                part.push(IoSlice::new(&bytes[..left]));
                self.within += left;
                left = 0;
            }
        }
        part
    }
}

#[cfg(test)]
mod tests;
