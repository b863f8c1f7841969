//! The kept torrents that this process runs, for all who change what is kept of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Entry, Forgotten, Kept, Library, LibraryError, Named, Source, Totals};
use crate::metainfo::InfoHash;
use crate::storage::{Removal, StorageError};

/// What is kept of the torrents that this process runs. A torrent that is not kept is passed over.
#[derive(Debug)]
pub struct Shelf {
    library: Library,
    /// The folder where no other is named.
    usual: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    kept: BTreeMap<InfoHash, Kept>,
    forgotten: BTreeMap<InfoHash, Forgotten>,
}

impl Shelf {
    /// Nothing of the library runs yet.
    #[must_use]
    pub fn new(library: Library, usual: &Path) -> Self {
        Self { library, usual: usual.to_owned(), held: Mutex::default() }
    }

    /// Where it is kept.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// Keeps a torrent that is to run; returns the folder its files go to.
    ///
    /// # Errors
    /// Those of [`Library::keep`].
    pub fn keep(
        &self,
        named: Named<'_>,
        output: Option<&Path>,
        now: Duration,
    ) -> Result<PathBuf, LibraryError> {
        let mut held = self.held();
        // What was forgotten a moment ago is new; its last run may still be about to end.
        if let Some(forgotten) = held.forgotten.remove(&named.info_hash()) {
            forgotten.let_go()?;
        }
        let kept = self.library.keep(named, output, &self.usual, now)?;
        let output = kept.entry().output.clone();
        held.kept.insert(kept.entry().info_hash, kept);
        Ok(output)
    }

    /// Has a kept torrent, to run it; what `rests` takes for one that is not to run is left alone.
    ///
    /// # Errors
    /// Those of [`Library::take`] and [`Library::source`].
    pub fn take<T>(
        &self,
        entry: &Entry,
        rests: impl FnOnce(&Entry) -> Option<T>,
    ) -> Result<Result<(Source, PathBuf), T>, LibraryError> {
        let kept = self.library.take(entry)?;
        if let Some(rests) = rests(kept.entry()) {
            return Ok(Err(rests));
        }
        let source = self.library.source(kept.entry())?;
        let output = kept.entry().output.clone();
        self.held().kept.insert(entry.info_hash, kept);
        Ok(Ok((source, output)))
    }

    /// What a kept torrent runs from and the folder of its files, to run it whether it was to run or not.
    ///
    /// # Errors
    /// Those of [`Library::take`] and [`Library::source`].
    pub fn begin(&self, info_hash: InfoHash) -> Result<(Source, PathBuf), LibraryError> {
        if self.entry(info_hash).is_none() {
            let kept = self.library.take(&self.library.find(info_hash)?)?;
            self.held().kept.insert(info_hash, kept);
        }
        let entry = self.entry(info_hash).ok_or_else(|| LibraryError::Absent(info_hash.to_string()))?;
        Ok((self.library.source(&entry)?, entry.output))
    }

    /// What is kept of a torrent that runs.
    pub fn entry(&self, info_hash: InfoHash) -> Option<Entry> {
        self.held().kept.get(&info_hash).map(|kept| kept.entry().clone())
    }

    /// Changes what is kept of a torrent.
    ///
    /// # Errors
    /// Those of [`Kept::change`].
    pub fn change(&self, info_hash: InfoHash, change: impl FnOnce(&mut Entry)) -> Result<(), StorageError> {
        self.held().kept.get_mut(&info_hash).map_or(Ok(()), |kept| kept.change(change))
    }

    /// Lets two torrents change places in the queue.
    ///
    /// # Errors
    /// Those of [`Kept::change`].
    pub fn swap(&self, one: InfoHash, other: InfoHash) -> Result<(), StorageError> {
        let order = |hash| self.entry(hash).map(|entry| entry.order);
        let (Some(first), Some(second)) = (order(one), order(other)) else { return Ok(()) };
        self.change(one, |entry| entry.order = second)?;
        self.change(other, |entry| entry.order = first)
    }

    /// Whether a torrent was not kept before this run.
    pub fn is_new(&self, info_hash: InfoHash) -> bool {
        self.held().kept.get(&info_hash).is_some_and(Kept::is_new)
    }

    /// What the runs before this one came to.
    pub fn before(&self, info_hash: InfoHash) -> Totals {
        self.held().kept.get(&info_hash).map(Kept::before).unwrap_or_default()
    }

    /// What it came to before this moment counts as that of runs before. Bytes received and sent.
    pub fn came_to(&self, info_hash: InfoHash, downloaded_bytes: u64, uploaded_bytes: u64) {
        if let Some(kept) = self.held().kept.get_mut(&info_hash) {
            kept.before = Totals { downloaded_bytes, uploaded_bytes, ..kept.before };
        }
    }

    /// Takes a torrent from what is kept. Its data stay, and it can be brought back until [`Self::end`].
    ///
    /// # Errors
    /// Those of [`Kept::forget`].
    pub fn forget(&self, info_hash: InfoHash) -> Result<(), StorageError> {
        let mut held = self.held();
        let Some(kept) = held.kept.remove(&info_hash) else { return Ok(()) };
        match kept.forget() {
            Ok(forgotten) => _ = held.forgotten.insert(info_hash, forgotten),
            Err(refused) => {
                let (kept, error) = *refused;
                held.kept.insert(info_hash, kept);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Brings back what was forgotten.
    ///
    /// # Errors
    /// Those of [`Forgotten::revive`].
    pub fn revive(&self, info_hash: InfoHash) -> Result<(), StorageError> {
        let mut held = self.held();
        let Some(forgotten) = held.forgotten.remove(&info_hash) else { return Ok(()) };
        match forgotten.revive() {
            Ok(kept) => _ = held.kept.insert(info_hash, kept),
            Err(refused) => {
                let (forgotten, error) = *refused;
                held.forgotten.insert(info_hash, forgotten);
                return Err(error);
            }
        }
        Ok(())
    }

    /// What of a torrent's data this program created, and may delete; `None` where its files are not known.
    ///
    /// # Errors
    /// Those of [`Library::removal`], and nothing is kept of it.
    pub fn removal(&self, info_hash: InfoHash) -> Result<Option<Removal>, LibraryError> {
        let held = self.held();
        let here = held.kept.get(&info_hash).map(Kept::entry);
        let here = here.or_else(|| held.forgotten.get(&info_hash).map(Forgotten::entry)).cloned();
        drop(held);
        let entry = here.map_or_else(|| self.library.find(info_hash), Ok)?;
        self.library.removal(&entry)
    }

    /// Removes all that is remembered of a torrent that was forgotten and does not run any more.
    ///
    /// # Errors
    /// Those of [`Forgotten::for_good`].
    pub fn forget_for_good(&self, info_hash: InfoHash) -> Result<(), LibraryError> {
        let forgotten = self.held().forgotten.remove(&info_hash);
        forgotten.map_or(Ok(()), Forgotten::for_good)
    }

    /// Removes all that is remembered of what was forgotten. To be called when none of it runs any more.
    ///
    /// # Errors
    /// Those of [`Forgotten::for_good`].
    pub fn end(&self) -> Result<(), LibraryError> {
        let forgotten = std::mem::take(&mut self.held().forgotten);
        forgotten.into_values().try_for_each(Forgotten::for_good)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::tests::{Lab, file, hash};
    use crate::metainfo::Torrent;

    fn keep(lab: &Lab, shelf: &Shelf, name: &str, at_s: u64) -> PathBuf {
        let file = file(name);
        let torrent = Torrent::from_bytes(&file).unwrap();
        shelf
            .keep(Named::Torrent(&torrent, &file), Some(&lab.path("out")), Duration::from_secs(at_s))
            .unwrap()
    }

    #[test]
    fn what_runs_is_changed_forgotten_and_brought_back_by_its_info_hash() {
        let lab = Lab::new();
        let shelf = Shelf::new(lab.library.clone(), &lab.path("usual"));
        assert_eq!(keep(&lab, &shelf, "one", 1), lab.path("out"));
        keep(&lab, &shelf, "two", 2);
        assert_eq!(lab.names(), ["one", "two"]);
        shelf.swap(hash("one"), hash("two")).unwrap();
        assert_eq!(lab.names(), ["two", "one"]);
        shelf.change(hash("one"), |entry| entry.paused = true).unwrap();
        shelf.forget(hash("one")).unwrap();
        assert_eq!((lab.names(), shelf.entry(hash("one"))), (vec!["two".to_owned()], None));
        shelf.revive(hash("one")).unwrap();
        assert!(shelf.entry(hash("one")).unwrap().paused);
        shelf.forget(hash("one")).unwrap();
        // Added again it is new.
        keep(&lab, &shelf, "one", 3);
        assert!(!shelf.entry(hash("one")).unwrap().paused);
        shelf.forget(hash("two")).unwrap();
        shelf.end().unwrap();
        assert_eq!((lab.names(), lab.files().len()), (vec!["one".to_owned()], 3));
        // What is not kept is passed over.
        shelf.change(hash("none"), |entry| entry.done = true).unwrap();
        shelf.forget(hash("none")).unwrap();
        assert!(matches!(shelf.removal(hash("none")), Err(LibraryError::Absent(_))));
    }

    #[test]
    fn one_that_is_not_to_run_is_let_go_at_once() {
        let lab = Lab::new();
        let shelf = Shelf::new(lab.library.clone(), &lab.path("usual"));
        drop(lab.keep("it", None, 1).unwrap());
        let entry = lab.library.list().unwrap().entries.remove(0);
        assert_eq!(shelf.take(&entry, |_| Some("rests")), Ok(Err("rests")));
        let (_, output) = shelf.take(&entry, |_| None::<()>).unwrap().unwrap();
        assert_eq!(output, lab.path("usual"));
        assert!(matches!(lab.library.take(&entry), Err(LibraryError::Elsewhere { .. })));
    }
}
