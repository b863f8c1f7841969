//! Moves the files of a torrent to another folder, for a user who wants that, or takes what lies there.
//!
//! First every file gets its name at the new place: on one device a second one, between devices a copy does that was synced
//! and compared. Then what is remembered of the torrent goes along; then the names at the old place are taken away. So
//! all of it is at the old place until all of it is at the new one, and the same move done again goes on wherever it was
//! stopped. What stands at the new place already is never written over: it is the torrent's from then on, and hashed.

mod copy;
mod error;
mod notes;
mod places;
mod survey;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::error::RelocateError;
use self::notes::Notes;
use self::places::Places;
use self::survey::Survey;
use super::error::{Operation, StorageError};
use super::open::Near;
use super::record::Record;
use super::system::{Access, FileStat, look_at};
use crate::metainfo::Torrent;

/// A torrent whose files are to be in another folder.
#[derive(Clone, Copy, Debug)]
pub struct Relocation<'a> {
    /// Whose files they are. Nobody writes to them.
    pub torrent: &'a Torrent,
    /// The folder they are in.
    pub from: &'a Path,
    /// The folder they are to be in.
    pub to: &'a Path,
    /// The folder resume files lie in.
    pub state_dir: &'a Path,
    /// An earlier run began it: what it brought there is known.
    pub begun: bool,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Relocated {
    /// Files that are at the new place for it.
    pub moved: usize,
    /// Files that were there before, and are the torrent's now.
    pub adopted: usize,
    /// Files that stay at the old place, because there was one at the new.
    pub left: usize,
    /// What could not be taken away at the old place.
    pub refused: Vec<StorageError>,
}

/// Told of what is done, and of how much.
type Told<'a> = dyn FnMut(u64, u64) + 'a;

impl Relocation<'_> {
    /// Looks whether it can be done, while the torrent may go on.
    ///
    /// # Errors
    /// What is in the way.
    pub fn check(&self, cancel: &AtomicBool) -> Result<(), RelocateError> {
        let places = self.places()?;
        let checked = self.record(&places).and_then(|(record, _)| {
            let survey = Survey::of(&places, &record, Default::default())?;
            survey.refuse(&places, &record, cancel)
        });
        // It is created again when its time has come.
        places.leave();
        checked
    }

    /// Does it, telling what is done and of how much. `None` where it was cancelled: the same done again goes on. Once that is
    /// remembered where the torrent is kept, [`Self::finish`] is to be called.
    ///
    /// # Errors
    /// What is in the way: then all files are where they were, unless it [is torn](RelocateError::is_torn).
    pub fn run(
        &self,
        told: &mut dyn FnMut(u64, u64),
        cancel: &AtomicBool,
    ) -> Result<Option<Relocated>, RelocateError> {
        let places = self.places()?;
        let run = self.run_in(&places, told, cancel);
        if run.is_err() {
            places.leave();
        }
        run
    }

    /// Forgets what was remembered of the torrent at the old place.
    ///
    /// # Errors
    /// The system refuses; what stays is a bother to nobody.
    pub fn finish(&self) -> Result<(), StorageError> {
        notes::forget(self.state_dir, self.torrent.info_hash, (self.from, self.to))
    }

    fn places(&self) -> Result<Places<'_>, RelocateError> {
        let is_needed = self.begun && notes::has_brought(self.state_dir, self.torrent.info_hash, self.to)?;
        Places::open(self.torrent, self.from, self.to, is_needed)
    }

    /// What is remembered, or nothing; and whether it is.
    fn record(&self, places: &Places<'_>) -> Result<(Record, bool), RelocateError> {
        let record = notes::record_at(self.state_dir, places, self.from)?;
        let is_known = record.is_some();
        let (pieces, files) = (self.torrent.geometry.piece_count(), self.torrent.files.len());
        Ok((record.unwrap_or_else(|| Record::new(self.torrent.info_hash, pieces, files)), is_known))
    }

    fn run_in(
        &self,
        places: &Places<'_>,
        told: &mut Told<'_>,
        cancel: &AtomicBool,
    ) -> Result<Option<Relocated>, RelocateError> {
        let notes = Notes::open(self.state_dir, self.torrent.info_hash, (self.from, self.to), self.begun)?;
        let (record, is_known) = self.record(places)?;
        let survey = Survey::of(places, &record, notes.across.read()?.files)?;
        if survey.crosses && self.begun {
            // What was being copied when it was stopped takes room, and a whole copy may still have its name of before beside
            // its own.
            (0..self.torrent.files.len()).for_each(|number| {
                let _ = places.to.remove_file(&places.temporary_name(Some(number)));
            });
        }
        survey.refuse(places, &record, cancel)?;
        let mut moving = Moving { places, notes, survey };
        let brought = moving.bring_all(told, cancel);
        let handed_over = brought.and_then(|is_whole| {
            if is_whole {
                let files = moving.survey.across.keys().map(|number| places.path(*number));
                places.to.sync_folders(files)?;
                moving.notes.hand_over(places, &moving.survey, is_known.then_some(record))?;
            }
            Ok(is_whole)
        });
        match handed_over {
            Ok(false) => Ok(None),
            Ok(true) => Ok(Some(moving.take_away())),
            Err(why) => Err(moving.take_back(why)),
        }
    }
}

/// A move under way.
struct Moving<'a> {
    places: &'a Places<'a>,
    notes: Notes,
    survey: Survey,
}

impl Moving<'_> {
    /// Has every file at the new place. False where it was cancelled.
    fn bring_all(&mut self, told: &mut Told<'_>, cancel: &AtomicBool) -> Result<bool, RelocateError> {
        let files: Vec<(usize, FileStat)> = self.survey.to_bring().collect();
        // Each byte is copied, and compared.
        let weight = |old| 1 + 2 * self.survey.bytes_to_copy(old);
        let of = files.iter().map(|(_, old)| weight(*old)).sum();
        let mut done = 0;
        for (number, old) in files {
            told(done, of);
            if cancel.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let after = done + 1 + 2 * self.survey.bytes_to_copy(old);
            let mut so_far = done;
            let mut told = |bytes| {
                so_far += bytes;
                told(so_far.min(after), of);
            };
            if !self.bring(number, old, &mut told, cancel)? {
                return Ok(false);
            }
            done = after;
        }
        told(of, of);
        Ok(true)
    }

    /// Has one file at the new place.
    fn bring(
        &mut self,
        number: usize,
        old: FileStat,
        told: &mut dyn FnMut(u64),
        cancel: &AtomicBool,
    ) -> Result<bool, RelocateError> {
        let (places, path) = (self.places, self.places.path(number));
        let Some(from) = places.from.as_ref().filter(|_| !self.survey.crosses) else {
            return self.copy(number, told, cancel);
        };
        self.is_across(number, old.identity.1);
        match from.link(path, &places.to, path)? {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::CrossesDevices => return self.copy(number, told, cancel),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Err(self.appeared(number)),
            // Some file systems know no second names.
            Err(_) => {
                self.refuse_appeared(number)?;
                match from.rename(path, &places.to, path)? {
                    Ok(()) => {}
                    Err(e) if e.kind() == ErrorKind::CrossesDevices => {
                        return self.copy(number, told, cancel);
                    }
                    Err(e) => return Err(StorageError::io(from.full(path), Operation::Rename, &e).into()),
                }
            }
        }
        self.note_folders(number);
        Ok(true)
    }

    /// Copies a file, which has its name once it is whole.
    fn copy(
        &mut self,
        number: usize,
        told: &mut dyn FnMut(u64),
        cancel: &AtomicBool,
    ) -> Result<bool, RelocateError> {
        let places = self.places;
        let Some(from) = &places.from else { return Ok(true) };
        let (path, temporary) = (places.path(number), places.temporary_name(Some(number)));
        let file = from.file(path, Access::Read)?;
        // An earlier one was left by a crash.
        let _ = places.to.remove_file(&temporary);
        let copy = places.to.file(&temporary, Access::New)?;
        self.note_folders(number);
        let (old_path, new_path) = (from.full(path), places.to.full(path));
        let found = look_at(&copy).map_err(|e| StorageError::io(&new_path, Operation::Stat, &e))?;
        let copied = copy::copy((&file, &old_path), (&copy, &new_path), told, cancel);
        drop(copy);
        let named = copied.and_then(|is_whole| {
            if is_whole {
                self.is_across(number, found.stat.identity.1);
                self.name(number, &temporary)?;
            }
            Ok(is_whole)
        });
        if !matches!(named, Ok(true)) {
            let _ = places.to.remove_file(&temporary);
        }
        named
    }

    /// Gives a whole copy its name.
    fn name(&self, number: usize, temporary: &Path) -> Result<(), RelocateError> {
        let (to, path) = (&self.places.to, self.places.path(number));
        match to.link(temporary, to, path)? {
            Ok(()) => Ok(to.remove_file(temporary)?),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(self.appeared(number)),
            Err(_) => {
                self.refuse_appeared(number)?;
                let renamed = to.rename(temporary, to, path)?;
                renamed.map_err(|e| StorageError::io(to.full(path), Operation::Rename, &e).into())
            }
        }
    }

    fn is_across(&mut self, number: usize, inode: u64) {
        self.survey.across.insert(number, inode);
        self.notes.across.note(number, Some(inode), &[]);
    }

    /// The folders that were created on the way to this file are ours.
    fn note_folders(&self, number: usize) {
        let made = self.places.to.take_made();
        let depths: Vec<usize> = made.iter().map(|folder| folder.components().count()).collect();
        self.notes.created.note(number, None, &depths);
    }

    fn appeared(&self, number: usize) -> RelocateError {
        RelocateError::Appeared(self.places.to.full(self.places.path(number)))
    }

    fn refuse_appeared(&self, number: usize) -> Result<(), RelocateError> {
        match self.places.to.stat(self.places.path(number), &mut Near::default())? {
            Some(_) => Err(self.appeared(number)),
            None => Ok(()),
        }
    }

    /// Whether the file at the new place is the one that was brought.
    fn is_there(&self, number: usize, inode: u64) -> bool {
        let found = self.places.to.stat(self.places.path(number), &mut Near::default());
        matches!(found, Ok(Some(found)) if found.identity.1 == inode)
    }

    /// Takes away what was brought, at the old place.
    fn take_away(self) -> Relocated {
        let Self { places, notes, survey } = &self;
        let adopted: Vec<usize> = survey.adopted().map(|(number, _)| number).collect();
        let left = adopted.iter().filter(|number| survey.old[**number].is_some()).count();
        let mut relocated = Relocated { adopted: adopted.len(), left, ..Relocated::default() };
        for (number, inode) in &survey.across {
            // What is not there after all stays where it is.
            if !self.is_there(*number, *inode) {
                continue;
            }
            relocated.moved += 1;
            let (Some(from), path) = (&places.from, places.path(*number)) else { continue };
            if matches!(from.stat(path, &mut Near::default()), Ok(Some(_)))
                && let Err(error) = from.remove_file(path)
            {
                relocated.refused.push(error);
            }
        }
        for folder in notes.created_folders(places).unwrap_or_default() {
            // One that holds something is somebody's.
            let _ = places.from.as_ref().map(|from| from.remove_folder(&folder));
        }
        relocated
    }

    /// Has all that was brought at the old place again.
    fn take_back(self, why: RelocateError) -> RelocateError {
        let Self { places, notes, survey } = &self;
        let mut torn = None;
        for (number, inode) in survey.across.iter().filter(|(number, inode)| self.is_there(**number, **inode))
        {
            if let Err(back) = self.take_one_back(*number) {
                tracing::debug!(number, inode, "stays at the new place");
                torn.get_or_insert(back);
            }
        }
        let made: Vec<PathBuf> = notes.created.read().unwrap_or_default().folder_paths(places.torrent);
        for folder in made {
            let _ = places.to.remove_folder(&folder);
        }
        match torn {
            None => {
                // What they say is wrong by now, and found to be so.
                let _ = notes.clear();
                why
            }
            Some(back) => RelocateError::Torn { to: places.to.path().to_owned(), why: Box::new(why), back },
        }
    }

    fn take_one_back(&self, number: usize) -> Result<(), StorageError> {
        let (to, path) = (&self.places.to, self.places.path(number));
        let Some(from) = &self.places.from else { return Ok(()) };
        if from.stat(path, &mut Near::default())?.is_none() {
            let back = to.rename(path, from, path)?;
            return back.map_err(|e| StorageError::io(to.full(path), Operation::Rename, &e));
        }
        to.remove_file(path)
    }
}
