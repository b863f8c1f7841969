//! The beginning of a download: what is on disk, what of it can be trusted, and whose it is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::created::CreatedFile;
use super::error::StorageError;
use super::journal::{self, Journal, JournalFile, boot_id};
use super::layout::{pieces_in, pieces_of};
use super::record::{FileStamp, Record};
use super::resume::{Loaded, ResumeFile};
use super::system::{Access, FileStat, next_data};
use super::{Check, Options, Storage, check, side};
use crate::metainfo::{Bitfield, Choice, PieceIndex, Torrent};

/// What a download begins with.
pub struct Start<'a> {
    /// What is downloaded.
    pub torrent: Arc<Torrent>,
    /// The folder the files lie in.
    pub output_dir: &'a Path,
    /// The folder resume files lie in.
    pub state_dir: &'a Path,
    /// How to treat the disk.
    pub options: Options,
    /// Which files are wanted, where the last run was told this; `None`: those, or all where nothing is remembered.
    pub choice: &'a dyn Fn(Option<&Choice>) -> Option<Choice>,
    /// Threads to hash on.
    pub threads: usize,
    /// Called with (pieces looked at, pieces to look at) while hashing, from any of the threads.
    pub progress: &'a (dyn Fn(u32, u32) + Sync),
    /// Set to end it early.
    pub cancel: &'a AtomicBool,
}

/// A download that can go on from where it was.
#[derive(Debug)]
pub struct Started {
    /// The files.
    pub storage: Arc<Storage>,
    /// Where it is remembered.
    pub resume: ResumeFile,
    /// What the last run left, with pieces and files as they were found now: clean until something is written.
    pub record: Record,
    /// The pieces that are here: synced and unsynced ones.
    pub have: Bitfield,
    /// Where blocks of unfinished pieces are remembered.
    pub journal: JournalFile,
    /// Those that the runs before left.
    pub unfinished: Journal,
    /// The disk has no room for what is missing: says so.
    pub no_room: Option<StorageError>,
    /// Whether an earlier run was told which files are wanted.
    pub is_known: bool,
    /// How many pieces had to be hashed.
    pub hashed: u32,
    /// Lines for the user.
    pub notes: Vec<String>,
    /// False when it was cancelled: then `have` is not complete and nothing was changed.
    pub finished: bool,
}

/// Opens the output folder, takes the lock, reads the resume file, hashes what cannot be trusted, and looks whether there is
/// room for the rest. Writes to no file of the torrent, and waits for the disk only to read.
///
/// Pieces that were synced are trusted, unless their file is gone or too short; or the last run ended cleanly and the
/// file has another length or time than it had then; or it did not, and the file is another one now. After a run that did not end cleanly everything else
/// that is on disk is hashed; without a usable record all of it is.
///
/// # Errors
/// [`StorageError::Locked`], [`StorageError::Foreign`], [`StorageError::TooLong`], or any refusal of the system.
pub fn start(start: Start<'_>) -> Result<Started, StorageError> {
    let overwrite = start.options.overwrite;
    let storage = Storage::open(start.torrent, start.output_dir, start.options)?;
    let (resume, loaded) =
        ResumeFile::open(start.state_dir, storage.torrent().info_hash, storage.output_dir())?;
    // Nothing else sets it: the storage was opened a moment ago.
    let _ = storage.created.set(CreatedFile::beside(resume.path()));

    let torrent = Arc::clone(storage.torrent());
    let torrent = &*torrent;
    let (pieces, files) = (torrent.geometry.piece_count(), torrent.files.len());
    let mut notes = Vec::new();
    let (mut ours, mut worked_here) = (false, false);
    let mut record = Record::new(torrent.info_hash, pieces, files);
    match loaded {
        Loaded::Absent => {}
        Loaded::Unusable(line) => {
            // What a power cut left of ours: the files are no stranger's, whatever they hold.
            worked_here = true;
            notes.push(line);
        }
        Loaded::Found(last) if last.fits(torrent.info_hash, pieces, files) => {
            ours = true;
            record = *last;
        }
        Loaded::Found(_) => notes.push(format!(
            "ignoring the resume file {}: it is about another torrent; what is on disk is hashed again",
            resume.path().display()
        )),
    }
    if let Some(choice) = (start.choice)(ours.then_some(&record.choice)) {
        record.choice = choice;
    }
    storage.set_aside(resume.path(), &record)?;
    record.files = side::remembered(&record, torrent);
    let found = storage.survey()?;
    if !overwrite {
        refuse_longer(&storage, &found, &record)?;
    }

    let journal = JournalFile::beside(resume.path());
    let boot = boot_id();
    let mut unfinished = if ours || worked_here {
        journal::load(&journal.read(), torrent.info_hash, torrent.geometry, boot)
    } else {
        Journal::new(torrent.info_hash, boot)
    };
    let stands = in_place(torrent, &found, &record);
    let to_check = if ours { distrust(torrent, &found, &mut record) } else { Bitfield::full(pieces) };
    let checked = check(
        &storage,
        &found,
        &Check { pieces: &to_check, threads: start.threads, progress: start.progress, cancel: start.cancel },
    )?;
    if !ours && !worked_here && !overwrite && checked.finished {
        refuse_foreign(&storage, &found, &checked.good)?;
    }
    let hashed = checked.good.count() + checked.bad.count();
    let mut have = record.synced.clone();
    checked.good.numbers().filter_map(|number| torrent.geometry.piece(number)).for_each(|piece| {
        have.set(piece);
    });
    unfinished.retain(|piece, number| !have.has(piece) && stands(piece, number));
    record.unsynced = checked.good;
    record.clean = true;
    storage.describe(&found, &mut record)?;
    let finished = checked.finished;
    let no_room = storage.refuse_small(&record.choice.settled(torrent, &have), &found).err();
    let storage = Arc::new(storage);
    let is_known = ours;
    Ok(Started {
        storage,
        resume,
        record,
        have,
        journal,
        unfinished,
        no_room,
        is_known,
        hashed,
        notes,
        finished,
    })
}

/// Tells whether a block lies in files that reach that far, and are those that were written to.
fn in_place<'a>(
    torrent: &'a Torrent,
    found: &[Option<FileStat>],
    record: &Record,
) -> impl Fn(PieceIndex, u32) -> bool + use<'a> {
    let same = |(found, then): (&Option<FileStat>, &Option<FileStamp>)| {
        let now = found.map(FileStamp::from);
        let another = now.zip(*then).is_some_and(|(now, then)| now.is_another(&then));
        if another { 0 } else { found.map_or(0, |found| found.bytes) }
    };
    // Of a file that is another one now, nothing counts.
    let reach: Vec<u64> = found.iter().zip(&record.files).map(same).collect();
    move |piece, number| {
        let geometry = torrent.geometry;
        geometry.block(piece, number).is_some_and(|block| {
            let from = geometry.offset_of(piece) + u64::from(block.begin());
            torrent.files.spans(from, u64::from(geometry.block_length(block))).all(|span| {
                let pad = torrent.files.file(span.file).is_some_and(|file| file.pad);
                pad || reach[span.file] >= span.offset + span.length
            })
        })
    }
}

/// Takes out of `synced` what cannot be trusted, and tells which pieces have to be hashed.
fn distrust(torrent: &Torrent, found: &[Option<FileStat>], record: &mut Record) -> Bitfield {
    let geometry = torrent.geometry;
    let mut to_check = std::mem::replace(&mut record.unsynced, Bitfield::empty(geometry.piece_count()));
    for (number, (file, found)) in torrent.files.iter().zip(found).enumerate() {
        if file.pad {
            continue;
        }
        let there = found.map_or(0, |found| found.bytes);
        if there < file.length {
            for piece in pieces_in(torrent, number, there, file.length - there) {
                record.synced.clear(piece);
            }
        }
        let (now, then) = (found.map(FileStamp::from), record.files[number]);
        let is_changed = match now.zip(then) {
            // Times go on while it is written to, so they only tell what happened after a clean end.
            Some((now, then)) if record.clean => !now.is_unchanged(&then),
            Some((now, then)) => now.is_another(&then),
            None => record.clean && now.is_some() != then.is_some(),
        };
        if is_changed {
            for piece in pieces_of(torrent, number) {
                record.synced.clear(piece);
                to_check.set(piece);
            }
        }
    }
    for piece in geometry.pieces() {
        if record.synced.has(piece) {
            to_check.clear(piece);
        } else if !record.clean {
            to_check.set(piece);
        }
    }
    to_check
}

/// A file longer than in the torrent is somebody else's, unless it was that long when we last had it.
fn refuse_longer(storage: &Storage, found: &[Option<FileStat>], record: &Record) -> Result<(), StorageError> {
    for (number, (file, found)) in storage.torrent().files.iter().zip(found).enumerate() {
        let known = record.files[number].map(|stamp| stamp.bytes);
        if let Some(found) = found
            && found.bytes > file.length
            && known != Some(found.bytes)
        {
            return Err(StorageError::TooLong {
                path: storage.path_of(number),
                found_bytes: found.bytes,
                expected_bytes: file.length,
            });
        }
    }
    Ok(())
}

/// A file with content of which no piece is right is somebody else's.
fn refuse_foreign(
    storage: &Storage,
    found: &[Option<FileStat>],
    good: &Bitfield,
) -> Result<(), StorageError> {
    for (number, found) in found.iter().enumerate() {
        let at_home = found.filter(|found| found.bytes > 0 && !storage.is_aside(number));
        let Some(found) = at_home else { continue };
        if pieces_of(storage.torrent(), number).any(|piece| good.has(piece)) {
            continue;
        }
        // Reserved but never written: there is nothing to lose.
        if next_data(&*storage.handle(number, Access::Read)?, 0, found.bytes).is_some() {
            return Err(StorageError::Foreign { path: storage.path_of(number) });
        }
    }
    Ok(())
}
