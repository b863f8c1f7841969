//! The files of a kept torrent on their way to another folder.
//!
//! Where they go stands in the entry from before the first is moved until all are there: whatever stops it, the next run
//! knows where to go on.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::{Entry, Library, LibraryError, Shelf};
use crate::metainfo::{InfoHash, Torrent};
use crate::storage::{Relocated, Relocation, common_file, kept_metadata, without_links};

impl Library {
    /// That no other torrent that is kept has one of this one's files, where they are or where they are to go.
    fn refuse_common(&self, entry: &Entry, torrent: &Torrent, to: &Path) -> Result<(), LibraryError> {
        for other in self.list()?.entries.iter().filter(|other| other.info_hash != entry.info_hash) {
            let Some(theirs) = kept_metadata(&self.state, other.info_hash) else { continue };
            let folders = [Some(&other.output), other.moving_to.as_ref()].into_iter().flatten();
            let common = |folder: &PathBuf| {
                [&*entry.output, to]
                    .into_iter()
                    .find_map(|mine| common_file((torrent, mine), (&theirs, folder)))
            };
            if let Some(path) = folders.into_iter().find_map(common) {
                return Err(LibraryError::Common { path, other: other.title() });
            }
        }
        Ok(())
    }
}

impl Shelf {
    /// Looks whether the files of a torrent can be moved to this folder; it may run meanwhile.
    ///
    /// # Errors
    /// What is in the way.
    pub fn check_move(
        &self,
        info_hash: InfoHash,
        to: &Path,
        cancel: &AtomicBool,
    ) -> Result<(), LibraryError> {
        let entry = self.to_move(info_hash, to)?;
        let library = self.library();
        let Some(torrent) = kept_metadata(&library.state, info_hash) else { return Ok(()) };
        library.refuse_common(&entry, &torrent, to)?;
        if entry.moving_to.is_none() {
            relocation(library, &entry, &torrent, to).check(cancel)?;
        }
        Ok(())
    }

    /// Moves the files of a torrent that does not run to this folder, telling what is done and of how much; `None` where it was
    /// cancelled: the next run goes on. A move that was begun is gone on with.
    ///
    /// # Errors
    /// What is in the way: then its files are where they were, but for [`LibraryError::is_torn`].
    pub fn move_files(
        &self,
        info_hash: InfoHash,
        to: &Path,
        told: &mut dyn FnMut(u64, u64),
        cancel: &AtomicBool,
    ) -> Result<Option<Relocated>, LibraryError> {
        let entry = self.to_move(info_hash, to)?;
        let to = without_links(to);
        let library = self.library();
        let Some(torrent) = kept_metadata(&library.state, info_hash) else {
            // There are no files yet.
            self.change(info_hash, |entry| entry.output = to)?;
            return Ok(Some(Relocated::default()));
        };
        library.refuse_common(&entry, &torrent, &to)?;
        self.change(info_hash, |entry| entry.moving_to = Some(to.clone()))?;
        library.sync()?;
        let relocation = relocation(library, &entry, &torrent, &to);
        match relocation.run(told, cancel) {
            Ok(Some(done)) => {
                self.change(info_hash, |entry| (entry.output, entry.moving_to) = (to.clone(), None))?;
                library.sync()?;
                if let Err(error) = relocation.finish() {
                    tracing::warn!(%error, "what was remembered at the old place stays");
                }
                Ok(Some(done))
            }
            Ok(None) => Ok(None),
            Err(why) => {
                if !why.is_torn() {
                    self.change(info_hash, |entry| entry.moving_to = None)?;
                }
                Err(why.into())
            }
        }
    }

    /// What is kept of a torrent that is to be moved there.
    fn to_move(&self, info_hash: InfoHash, to: &Path) -> Result<Entry, LibraryError> {
        let entry = self.entry(info_hash).ok_or_else(|| LibraryError::Absent(info_hash.to_string()))?;
        match &entry.moving_to {
            Some(before) if *before != without_links(to) => {
                Err(LibraryError::OnItsWay { name: entry.title(), to: before.clone() })
            }
            _ => Ok(entry),
        }
    }
}

fn relocation<'a>(
    library: &'a Library,
    entry: &'a Entry,
    torrent: &'a Torrent,
    to: &'a Path,
) -> Relocation<'a> {
    Relocation {
        torrent,
        from: &entry.output,
        to,
        state_dir: &library.state,
        begun: entry.moving_to.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::library::Named;
    use crate::library::tests::{Lab, file, hash};
    use crate::storage::RelocateError;

    fn shelf(lab: &Lab, names: &[&str]) -> Shelf {
        let shelf = Shelf::new(lab.library.clone(), &lab.path("out"));
        for (name, at_s) in names.iter().zip(1..) {
            let file = file(name);
            let torrent = Torrent::from_bytes(&file).unwrap();
            let now = std::time::Duration::from_secs(at_s);
            shelf.keep(Named::Torrent(&torrent, &file), None, now).unwrap();
            fs::create_dir_all(lab.path("out").join(name)).unwrap();
            fs::write(lab.path("out").join(name).join("x"), [7; 10]).unwrap();
        }
        shelf
    }

    fn moved(shelf: &Shelf, name: &str, to: &Path, cancel: bool) -> Result<Option<Relocated>, LibraryError> {
        let cancel = AtomicBool::new(cancel);
        shelf.check_move(hash(name), to, &AtomicBool::new(false))?;
        shelf.move_files(hash(name), to, &mut |_, _| {}, &cancel)
    }

    #[test]
    fn where_it_goes_is_kept_until_it_is_there() {
        let lab = Lab::new();
        let shelf = shelf(&lab, &["it"]);
        let to = lab.path("there");
        assert_eq!(moved(&shelf, "it", &to, true), Ok(None));
        let entry = shelf.entry(hash("it")).unwrap();
        assert_eq!((&entry.output, &entry.moving_to), (&lab.path("out"), &Some(to.clone())));
        let elsewhere = moved(&shelf, "it", &lab.path("elsewhere"), false).unwrap_err();
        assert_eq!(elsewhere, LibraryError::OnItsWay { name: "it".to_owned(), to: to.clone() });
        drop(shelf);
        // The next run goes on.
        let entry = lab.library.list().unwrap().entries.remove(0);
        let next = Shelf::new(lab.library.clone(), &lab.path("out"));
        next.begin(entry.info_hash).unwrap();
        assert_eq!(moved(&next, "it", &entry.moving_to.unwrap(), false).unwrap().unwrap().moved, 1);
        let entry = lab.library.list().unwrap().entries.remove(0);
        assert_eq!((&entry.output, &entry.moving_to), (&to, &None));
        assert_eq!(fs::read(to.join("it/x")).unwrap(), [7; 10]);
        // Named again it goes on there.
        drop(next);
        assert_eq!(lab.keep("it", None, 9).unwrap().entry().output, to);
    }

    #[test]
    fn what_cannot_be_moved_stays_kept_where_it_is() {
        let lab = Lab::new();
        let shelf = shelf(&lab, &["it"]);
        let (here, inside) = (lab.path("out"), lab.path("out/it/x"));
        assert_eq!(moved(&shelf, "it", &here, false), Err(RelocateError::Same(here.clone()).into()));
        // It went wrong only while it was moved.
        let refused = shelf.move_files(hash("it"), &inside, &mut |_, _| {}, &AtomicBool::new(false));
        assert_eq!(refused.unwrap_err().exit_status(), 2);
        let entry = shelf.entry(hash("it")).unwrap();
        assert_eq!((&entry.output, &entry.moving_to), (&here, &None));
    }

    #[test]
    fn what_another_torrent_has_too_is_not_moved_there_or_away() {
        let lab = Lab::new();
        let shelf = shelf(&lab, &["it"]);
        // Another torrent with the same file, in the other folder.
        let file = crate::metainfo::NewTorrent::of_files("it", 16_384, &[("x", &[9; 10][..])]).to_bytes();
        let other = Torrent::from_bytes(&file).unwrap();
        let there = lab.path("there");
        let now = std::time::Duration::from_secs(5);
        lab.library.keep(Named::Torrent(&other, &file), Some(&there), &there, now).unwrap();
        let refused = moved(&shelf, "it", &there, false).unwrap_err();
        assert_eq!(refused, LibraryError::Common { path: there.join("it/x"), other: "it".to_owned() });
        assert_eq!(moved(&shelf, "it", &lab.path("elsewhere"), false).unwrap().unwrap().moved, 1);
    }
}
