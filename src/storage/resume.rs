//! The resume file: one [`Record`] per torrent and output folder, and the lock that goes with it.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::{Operation, OsKind, StorageError};
use super::lock::{NotLocked, ProcessLock};
use super::open::NewFolders;
use super::record::Record;
use super::state_file::{create_dir, write};
use super::system::{open_to_read, sync_folder};
use crate::hash::sha1;
use crate::metainfo::{InfoHash, Torrent};

/// Bytes a resume file may have; three million files make 63 MB.
const MOST_BYTES: u64 = 128 << 20;

/// Where a download is remembered. Holding it keeps every other ttui off the same data.
#[derive(Debug)]
pub struct ResumeFile {
    path: PathBuf,
    /// Whether the last record of this run was saved. Held while a record takes its place.
    ended: Mutex<bool>,
    /// Held by who writes a record beside it: there is one place for that.
    saving: Mutex<()>,
    lock: ProcessLock,
    /// The new folders that lead to it.
    new: NewFolders,
}

/// What was found where a download is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Loaded {
    /// Nothing: it is new here.
    Absent,
    /// What the last run left.
    Found(Box<Record>),
    /// Something that cannot be used; the line says what and that it is ignored.
    Unusable(String),
}

/// The variable that names the home folder.
pub const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// `$XDG_STATE_HOME/ttui`, else `~/.local/state/ttui`, from the values of `XDG_STATE_HOME` and [`HOME`]. Relative
/// paths do not count. `None` when neither is set.
pub fn state_dir(xdg_state_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(xdg_state_home)
        .or_else(|| absolute(home).map(|home| home.join(".local/state")))
        .map(|state| state.join("ttui"))
}

impl ResumeFile {
    /// Locks the place of this torrent in this output folder (absolute, without links) and reads what is there.
    ///
    /// # Errors
    /// [`StorageError::Locked`] when another ttui has it; `state_dir` cannot be created or written to.
    pub fn open(
        state_dir: &Path,
        info_hash: InfoHash,
        output_dir: &Path,
    ) -> Result<(Self, Loaded), StorageError> {
        let new = create_dir(state_dir)?;
        let path = place(state_dir, info_hash, output_dir);
        // A file of its own, because the resume file is another one after each save.
        let lock = ProcessLock::take(&path.with_extension("lock")).map_err(|not| match not {
            NotLocked::Held(pid) => StorageError::Locked { path: output_dir.to_owned(), pid },
            NotLocked::Refused(error) => error,
        })?;
        let loaded = load(&path)?;
        Ok((Self { path, ended: Mutex::new(false), saving: Mutex::new(()), lock, new }, loaded))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the record, and waits until the disk has it. Does nothing after [`ResumeFile::save_last`].
    ///
    /// # Errors
    /// The system refuses; the record before it stays.
    pub fn save(&self, record: &Record) -> Result<(), StorageError> {
        if *self.ended.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(());
        }
        let _alone = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let temporary = self.path.with_extension("new");
        write(&temporary, &record.to_bytes(), true)?;
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if *ended {
            return Ok(());
        }
        self.put(&temporary)?;
        drop(ended);
        self.sync_dir()
    }

    fn sync_dir(&self) -> Result<(), StorageError> {
        self.new.sync();
        let Some(dir) = self.path.parent() else { return Ok(()) };
        sync_folder(dir).map_err(|e| StorageError::io(dir, Operation::Sync, &e))
    }

    /// Replaces the record for the last time in this run. Does not wait for a [`ResumeFile::save`] that is
    /// under way, nor, unless told to, for the disk: a record that a power failure cuts is noticed by its
    /// checksum, and everything is hashed again.
    ///
    /// From then on another may work on the same data: nothing waits until the last thread that knows this file
    /// has ended.
    ///
    /// # Errors
    /// The system refuses; the record before it stays.
    pub fn save_last(&self, record: &Record, wait_for_disk: bool) -> Result<(), StorageError> {
        let temporary = self.path.with_extension("last");
        write(&temporary, &record.to_bytes(), wait_for_disk)?;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended = true;
        self.put(&temporary)?;
        let synced = if wait_for_disk { self.sync_dir() } else { Ok(()) };
        self.lock.release();
        synced
    }

    fn put(&self, temporary: &Path) -> Result<(), StorageError> {
        std::fs::rename(temporary, &self.path)
            .map_err(|e| StorageError::io(&self.path, Operation::Rename, &e))
    }
}

/// The torrents of which there are resume records, one for each output folder, however they read.
#[must_use]
pub fn recorded_torrents(state_dir: &Path) -> Vec<InfoHash> {
    let names = std::fs::read_dir(state_dir).into_iter().flatten().flatten().map(|found| found.file_name());
    let hash = |name: OsString| {
        let (hash, _) = name.to_str()?.strip_suffix(".resume")?.split_once('-')?;
        InfoHash::from_hex(hash)
    };
    names.filter_map(hash).collect()
}

/// Removes what is remembered of a torrent in this output folder. The files of the torrent stay.
///
/// # Errors
/// The system refuses.
pub fn forget_record(state_dir: &Path, info_hash: InfoHash, output_dir: &Path) -> Result<(), StorageError> {
    let place = place(state_dir, info_hash, output_dir);
    let Some(stem) = place.file_stem() else { return Ok(()) };
    for found in std::fs::read_dir(state_dir).into_iter().flatten().flatten() {
        let path = found.path();
        if path.file_stem() == Some(stem) {
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StorageError::io(path, Operation::Remove, &e));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Where a torrent in this output folder is remembered.
pub(super) fn place(state_dir: &Path, info_hash: InfoHash, output_dir: &Path) -> PathBuf {
    let place = sha1(output_dir.as_os_str().as_encoded_bytes());
    let place: String = place[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    state_dir.join(format!("{info_hash}-{place}.resume"))
}

/// What the resume file at this path says of a torrent, if it can be used. Takes no lock.
pub(super) fn of_torrent(path: &Path, torrent: &Torrent) -> Result<Option<Record>, StorageError> {
    let (pieces, files) = (torrent.geometry.piece_count(), torrent.files.len());
    Ok(match load(path)? {
        Loaded::Found(record) if record.fits(torrent.info_hash, pieces, files) => Some(*record),
        _ => None,
    })
}

fn load(path: &Path) -> Result<Loaded, StorageError> {
    let unusable = |why: &dyn std::fmt::Display| {
        let path = path.display();
        Ok(Loaded::Unusable(format!(
            "ignoring the resume file {path}: {why}; what is on disk is hashed again"
        )))
    };
    let file = match open_to_read(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Loaded::Absent),
        Err(e) => return Err(StorageError::io(path, Operation::Open, &e)),
    };
    let found = file.metadata().map_err(|e| StorageError::io(path, Operation::Stat, &e))?;
    if !found.is_file() {
        return unusable(&"it is no file");
    }
    if found.len() > MOST_BYTES {
        return unusable(&format_args!("it has {} bytes, where at most {MOST_BYTES} are read", found.len()));
    }
    // With room for all of it there is one read, and one that finds the end.
    let mut bytes = Vec::with_capacity(found.len() as usize + 1);
    match file.take(MOST_BYTES).read_to_end(&mut bytes) {
        Ok(_) => {}
        // The disk lost it. What it was about is still there to be hashed.
        Err(e) if OsKind::from(&e) == OsKind::Device => return unusable(&e),
        Err(e) => return Err(StorageError::io(path, Operation::Read, &e)),
    }
    Record::from_bytes(&bytes)
        .map_or_else(|error| unusable(&error), |record| Ok(Loaded::Found(Box::new(record))))
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::sample;
    use super::*;

    fn open(state: &Path, output: &str) -> Result<(ResumeFile, Loaded), StorageError> {
        ResumeFile::open(state, InfoHash([7; 20]), Path::new(output))
    }

    #[test]
    fn follows_the_base_directory_specification() {
        let dir =
            |xdg: Option<&str>, home: Option<&str>| state_dir(xdg.map(Into::into), home.map(Into::into));
        assert_eq!(dir(Some("/s"), Some("/h")), Some("/s/ttui".into()));
        assert_eq!(dir(None, Some("/h")), Some("/h/.local/state/ttui".into()));
        assert_eq!(dir(Some("relative"), Some("/h")), Some("/h/.local/state/ttui".into()));
        assert_eq!(dir(Some(""), None), None);
    }

    #[test]
    fn remembers_by_torrent_and_output_folder() {
        let state = tempfile::tempdir().unwrap();
        let (file, loaded) = open(state.path(), "/data").unwrap();
        assert_eq!(loaded, Loaded::Absent);
        file.save(&sample(50)).unwrap();
        drop(file);
        assert_eq!(open(state.path(), "/data").unwrap().1, Loaded::Found(Box::new(sample(50))));
        assert_eq!(open(state.path(), "/elsewhere").unwrap().1, Loaded::Absent);
        let other = ResumeFile::open(state.path(), InfoHash([8; 20]), Path::new("/data")).unwrap();
        assert_eq!(other.1, Loaded::Absent);
    }

    #[test]
    fn is_held_by_one_at_a_time() {
        let state = tempfile::tempdir().unwrap();
        let (held, _) = open(state.path(), "/data").unwrap();
        held.save(&sample(10)).unwrap();
        let error = open(state.path(), "/data").unwrap_err();
        assert_eq!(error, StorageError::Locked { path: "/data".into(), pid: Some(std::process::id()) });
        assert!(error.to_string().contains("another ttui"), "{error}");
        drop(open(state.path(), "/elsewhere").unwrap());
        drop(held);
        let (ended, _) = open(state.path(), "/data").unwrap();
        ended.save_last(&sample(10), false).unwrap();
        open(state.path(), "/data").unwrap();
        drop(ended);
    }

    #[test]
    fn a_damaged_one_is_told_and_ignored() {
        let state = tempfile::tempdir().unwrap();
        let (file, _) = open(state.path(), "/data").unwrap();
        file.save(&sample(50)).unwrap();
        let path = file.path().to_owned();
        drop(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 1;
        for damaged in [&bytes[..], &bytes[..30], &[]] {
            std::fs::write(&path, damaged).unwrap();
            let Loaded::Unusable(line) = open(state.path(), "/data").unwrap().1 else {
                panic!("it was used")
            };
            assert!(line.contains(&path.display().to_string()) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn nothing_is_saved_after_the_last() {
        let state = tempfile::tempdir().unwrap();
        let (file, _) = open(state.path(), "/data").unwrap();
        file.save_last(&Record { clean: true, ..sample(50) }, false).unwrap();
        file.save(&sample(50)).unwrap();
        drop(file);
        let Loaded::Found(record) = open(state.path(), "/data").unwrap().1 else { panic!("not found") };
        assert!(record.clean);
    }

    /// The thread that syncs saves, and so does who asks a full disk again.
    #[test]
    fn saves_at_the_same_time_do_not_take_each_others_place() {
        let state = tempfile::tempdir().unwrap();
        let (file, _) = open(state.path(), "/data").unwrap();
        std::thread::scope(|scope| {
            for pieces in [10, 20_000] {
                let file = &file;
                scope.spawn(move || (0..100).for_each(|_| file.save(&sample(pieces)).unwrap()));
            }
        });
        drop(file);
        assert!(matches!(open(state.path(), "/data").unwrap().1, Loaded::Found(_)));
    }

    #[test]
    fn a_failed_save_leaves_the_record_before_it() {
        let state = tempfile::tempdir().unwrap();
        let (file, _) = open(state.path(), "/data").unwrap();
        file.save(&sample(50)).unwrap();
        // A folder where the temporary file belongs makes the save fail, also for root.
        std::fs::create_dir(file.path().with_extension("new")).unwrap();
        assert!(file.save(&sample(60)).is_err());
        drop(file);
        assert_eq!(open(state.path(), "/data").unwrap().1, Loaded::Found(Box::new(sample(50))));
    }
}
