//! What is kept of torrents from run to run, under `torrents/` in the state folder.
//!
//! A torrent has an entry (`HASH.entry`), its torrent file where that is known (`HASH.torrent`), and a lock
//! (`HASH.lock`) that the process holds that runs it: to all others it is *elsewhere*, and they neither run nor change it.
//! An entry that cannot be read is named and left alone.

mod entry;
mod error;
mod kept;
mod moving;
mod shelf;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use self::entry::{Entry, EntryError, Totals};
pub use self::error::LibraryError;
pub use self::kept::{Forgotten, Kept};
pub use self::shelf::Shelf;
use crate::metainfo::{InfoHash, Magnet, Torrent};
use crate::storage::{
    KeptMetadata, NotLocked, Operation, ProcessLock, Removal, StorageError, create_state_folder,
    keep_metadata, kept_metadata, kept_torrents, read_state_file, recorded_torrents, replace_state_file,
    sync_state_files, without_links,
};

const ENTRY: &str = "entry";
const FORGOTTEN: &str = "forgotten";
const LOCK: &str = "lock";
const TORRENT: &str = "torrent";
/// Bytes an entry may have: a magnet link has a megabyte at most.
const MOST_ENTRY_BYTES: u64 = 4 << 20;

/// The torrents that are kept. Copies are the same.
#[derive(Clone, Debug)]
pub struct Library {
    /// The state folder.
    state: PathBuf,
    /// Where entries lie.
    folder: PathBuf,
    unsynced: Arc<Mutex<Unsynced>>,
}

/// What was written, and the disk may not have.
#[derive(Debug, Default)]
struct Unsynced {
    entries: BTreeSet<PathBuf>,
    torrents: Vec<KeptMetadata>,
}

/// What is kept.
#[derive(Debug, Default)]
pub struct Listing {
    /// Entries in the order of the queue, those that other processes run among them.
    pub entries: Vec<Entry>,
    /// What cannot be used, a line each.
    pub unusable: Vec<LibraryError>,
}

/// A torrent to be kept.
#[derive(Clone, Copy, Debug)]
pub enum Named<'a> {
    /// With the bytes of its file.
    Torrent(&'a Torrent, &'a [u8]),
    /// By a link.
    Magnet(&'a Magnet),
}

/// What a kept torrent runs from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// All is known of it.
    Torrent(Box<Torrent>),
    /// Its metadata are still to be fetched.
    Magnet(Box<Magnet>),
}

impl Library {
    /// The library of a state folder. Nothing is created yet.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        Self { state: state_dir.to_owned(), folder: kept_torrents(state_dir), unsynced: Arc::default() }
    }

    /// Whether the state folder is there.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.state.is_dir()
    }

    /// All that is kept. What was forgotten in a run that did not end well is removed.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn list(&self) -> Result<Listing, LibraryError> {
        let failed = |operation| move |e: std::io::Error| StorageError::io(&self.folder, operation, &e);
        let found = match fs::read_dir(&self.folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Listing::default()),
            found => found.map_err(failed(Operation::Open))?,
        };
        let mut listing = Listing::default();
        for found in found {
            let name = found.map_err(failed(Operation::Read))?.file_name();
            let Some((digits, kind)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
            let Some(info_hash) = InfoHash::from_hex(digits) else { continue };
            match kind {
                ENTRY => match self.read(info_hash, ENTRY) {
                    Ok(entry) => listing.entries.extend(entry),
                    Err(error) => listing.unusable.push(error),
                },
                FORGOTTEN => self.remove_leftover(info_hash),
                _ => {}
            }
        }
        listing.entries.sort_by_key(|entry| (entry.order, entry.info_hash));
        Ok(listing)
    }

    /// How many downloads an earlier version left that are not kept: they go on when their torrent is named with its
    /// folder.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let is_kept = |hash: &&InfoHash| self.path(**hash, ENTRY).exists();
        recorded_torrents(&self.state).iter().filter(|hash| !is_kept(hash)).count()
    }

    /// Keeps a torrent that was named, at this time since 1970, and has it: it goes on where it is kept, else in the folder
    /// named, else in the usual one. Having been named it is neither paused nor done.
    ///
    /// # Errors
    /// Another process runs it; it is kept in another folder than the one named; what is kept of it cannot be used; or
    /// the system refuses.
    pub fn keep(
        &self,
        named: Named<'_>,
        output: Option<&Path>,
        usual: &Path,
        now: Duration,
    ) -> Result<Kept, LibraryError> {
        let info_hash = named.info_hash();
        create_state_folder(&self.folder)?;
        let lock = self.lock(info_hash, || named.title())?;
        let kept = self.read(info_hash, ENTRY)?;
        let before = kept.clone();
        let mut entry = match (kept, output) {
            (Some(kept), Some(output)) if !kept.is_in(&without_links(output)) => {
                let (name, kept) = (kept.title(), kept.output);
                return Err(LibraryError::OtherFolder { name, kept, named: without_links(output) });
            }
            (Some(kept), _) => Entry { paused: false, done: false, ..kept },
            (None, output) => Entry {
                info_hash,
                magnet: None,
                name: None,
                output: without_links(output.unwrap_or(usual)),
                moving_to: None,
                added_s: now.as_secs(),
                order: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
                paused: false,
                done: false,
                down_bps: None,
                up_bps: None,
                totals: Totals::default(),
            },
        };
        match named {
            Named::Torrent(torrent, file) => {
                // First the torrent: an entry without one means nothing.
                let kept = keep_metadata(&self.state, info_hash, file)?;
                kept.holds(torrent);
                torrent.info().let_go();
                self.unsynced().torrents.push(kept);
                entry.name = Some(torrent.name.clone());
                entry.totals.total_bytes.get_or_insert_with(|| torrent.geometry.total_bytes());
            }
            Named::Magnet(magnet) => {
                entry.magnet = Some(magnet.to_string());
                entry.name = entry.name.or_else(|| magnet.name.clone());
            }
        }
        if before.as_ref() != Some(&entry) {
            self.write(&entry)?;
        }
        let totals = before.as_ref().map(|entry| entry.totals).unwrap_or_default();
        Ok(Kept { library: self.clone(), entry, lock, is_new: before.is_none(), before: totals })
    }

    /// What is kept of a torrent, also where another process runs it.
    ///
    /// # Errors
    /// Nothing is, or it cannot be used.
    pub fn find(&self, info_hash: InfoHash) -> Result<Entry, LibraryError> {
        self.read(info_hash, ENTRY)?.ok_or_else(|| LibraryError::Absent(info_hash.to_string()))
    }

    /// Has a torrent that is kept, to run it.
    ///
    /// # Errors
    /// Another process runs it, it is not kept any more, or the system refuses.
    pub fn take(&self, entry: &Entry) -> Result<Kept, LibraryError> {
        let lock = self.lock(entry.info_hash, || entry.title())?;
        // It may have been changed, or forgotten, since it was listed.
        let kept = self.read(entry.info_hash, ENTRY)?;
        let entry = kept.ok_or_else(|| LibraryError::Absent(entry.title()))?;
        let before = entry.totals;
        Ok(Kept { library: self.clone(), entry, lock, is_new: false, before })
    }

    /// What it runs from.
    ///
    /// # Errors
    /// Neither its torrent file nor its magnet link is right.
    pub fn source(&self, entry: &Entry) -> Result<Source, LibraryError> {
        let name = || entry.title();
        if let Some(magnet) = &entry.magnet {
            // Where its metadata came, the session finds them, and knows the trackers of both.
            let magnet = magnet.parse().map_err(|why| LibraryError::Magnet { name: name(), why })?;
            return Ok(Source::Magnet(Box::new(magnet)));
        }
        if let Some(torrent) = kept_metadata(&self.state, entry.info_hash) {
            return Ok(Source::Torrent(Box::new(torrent)));
        }
        let path = self.path(entry.info_hash, TORRENT);
        let read = Torrent::from_file(&path)
            .map_err(|why| LibraryError::Torrent { name: name(), why: Box::new(why) })?;
        Err(LibraryError::Entry { path, why: EntryError::Another(read.info_hash) })
    }

    /// What of a torrent's data this program created, and may delete: not what another torrent that is kept has too.
    /// `None` where its files are not known, or their folder is gone.
    ///
    /// # Errors
    /// Those of [`Removal::of`], and of [`Self::list`].
    pub fn removal(&self, entry: &Entry) -> Result<Option<Removal>, LibraryError> {
        let torrent = kept_metadata(&self.state, entry.info_hash).filter(|_| entry.output.is_dir());
        let Some(torrent) = torrent else { return Ok(None) };
        let mut removal = Removal::of(&self.state, &torrent, &entry.output)?;
        for other in self.list()?.entries.iter().filter(|other| other.info_hash != entry.info_hash) {
            if let Some(theirs) = kept_metadata(&self.state, other.info_hash) {
                removal.spare(&theirs, &other.output);
            }
        }
        Ok(Some(removal))
    }

    /// Waits until the disk has all that was kept so far. Slow.
    ///
    /// # Errors
    /// The system refuses.
    pub fn sync(&self) -> Result<(), LibraryError> {
        let Unsynced { entries, torrents } = std::mem::take(&mut *self.unsynced());
        for torrent in torrents {
            torrent.sync()?;
        }
        if !entries.is_empty() {
            sync_state_files(&self.folder, &entries)?;
        }
        Ok(())
    }

    fn lock(&self, info_hash: InfoHash, name: impl FnOnce() -> String) -> Result<ProcessLock, LibraryError> {
        ProcessLock::take(&self.path(info_hash, LOCK)).map_err(|not| match not {
            NotLocked::Held(process) => LibraryError::Elsewhere { name: name(), process },
            NotLocked::Refused(error) => error.into(),
        })
    }

    fn read(&self, info_hash: InfoHash, kind: &str) -> Result<Option<Entry>, LibraryError> {
        let path = self.path(info_hash, kind);
        let bytes = read_state_file(&path, MOST_ENTRY_BYTES)?;
        let entry = bytes.map(|bytes| Entry::from_bytes(&bytes, info_hash)).transpose();
        entry.map_err(|why| LibraryError::Entry { path, why })
    }

    fn write(&self, entry: &Entry) -> Result<(), StorageError> {
        let path = self.path(entry.info_hash, ENTRY);
        replace_state_file(&path, &entry.to_bytes())?;
        self.unsynced().entries.insert(path);
        Ok(())
    }

    /// Goes on removing what was forgotten, where nobody may bring it back any more.
    fn remove_leftover(&self, info_hash: InfoHash) {
        // What stands in the way is met again by the next run.
        let Ok(lock) = self.lock(info_hash, String::new) else { return };
        if let Ok(Some(entry)) = self.read(info_hash, FORGOTTEN) {
            let _ = self.remove(&entry, lock);
        }
    }

    fn path(&self, info_hash: InfoHash, kind: &str) -> PathBuf {
        self.folder.join(format!("{info_hash}.{kind}"))
    }

    fn unsynced(&self) -> std::sync::MutexGuard<'_, Unsynced> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Named<'_> {
    /// Which torrent.
    #[must_use]
    pub fn info_hash(&self) -> InfoHash {
        match self {
            Self::Torrent(torrent, _) => torrent.info_hash,
            Self::Magnet(magnet) => magnet.info_hash,
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Torrent(torrent, _) => torrent.name.clone(),
            Self::Magnet(magnet) => magnet.name.clone().unwrap_or_else(|| magnet.info_hash.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
