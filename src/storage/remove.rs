//! Deletes what this program created of a torrent, for a user who wants that, and nothing else.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::created::CreatedFile;
use super::error::StorageError;
use super::open::{Near, Root, without_links};
use super::path;
use super::resume::place;
use crate::metainfo::Torrent;

/// What of a torrent this program created and stands where it was created.
#[derive(Debug)]
pub struct Removal {
    root: Root,
    /// Each with its bytes.
    files: Vec<(PathBuf, u64)>,
    /// Those within others first.
    folders: Vec<PathBuf>,
    /// Files of the torrent that stay: somebody else put them there, or another torrent has them too.
    pub foreign: usize,
}

/// What was deleted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Removed {
    /// How many files.
    pub files: usize,
    /// What they held.
    pub bytes: u64,
    /// What the system refuses to delete.
    pub refused: Vec<StorageError>,
}

impl Removal {
    /// Looks at what of a torrent in this output folder may be deleted: files that this program created, and that are
    /// still those.
    ///
    /// # Errors
    /// The folder is not there, or the system refuses to look.
    pub fn of(state_dir: &Path, torrent: &Torrent, output_dir: &Path) -> Result<Self, StorageError> {
        let root = Root::open(output_dir, false)?;
        let resume = place(state_dir, torrent.info_hash, root.path());
        let created = CreatedFile::beside(&resume).read()?;
        let (mut files, mut foreign, mut near) = (Vec::new(), 0, Near::default());
        for (number, file) in torrent.files.iter().enumerate().filter(|(_, file)| !file.pad) {
            // What is no file, or behind a link, is not ours.
            let Ok(Some(found)) = root.stat(path(file), &mut near) else { continue };
            if created.files.get(&number) == Some(&found.identity.1) {
                files.push((path(file).to_owned(), found.bytes));
            } else {
                foreign += 1;
            }
        }
        Ok(Self { root, files, folders: created.folder_paths(torrent), foreign })
    }

    /// Leaves files alone that are those of another torrent, too, in the folder of that.
    pub fn spare(&mut self, other: &Torrent, output_dir: &Path) {
        let output_dir = without_links(output_dir);
        let theirs: HashSet<PathBuf> =
            other.files.iter().filter(|file| !file.pad).map(|file| output_dir.join(path(file))).collect();
        let before = self.files.len();
        let root = self.root.path();
        self.files.retain(|(file, _)| !theirs.contains(&root.join(file)));
        self.foreign += before - self.files.len();
    }

    /// The output folder.
    pub fn folder(&self) -> &Path {
        self.root.path()
    }

    /// The files that would be deleted, by their paths in the output folder, each with its bytes.
    pub fn files(&self) -> &[(PathBuf, u64)] {
        &self.files
    }

    /// What they hold.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Deletes them, and the folders that this program created and that are empty then.
    #[must_use]
    pub fn remove(self) -> Removed {
        let mut removed = Removed::default();
        for (file, bytes) in &self.files {
            match self.root.remove_file(file) {
                Ok(()) => {
                    removed.files += 1;
                    removed.bytes += bytes;
                }
                Err(error) => removed.refused.push(error),
            }
        }
        for folder in &self.folders {
            // One that holds something is somebody's, or goes with what is refused.
            let _ = self.root.remove_folder(folder);
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::IoSlice;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::super::{Options, Start, start};
    use super::*;
    use crate::metainfo::{Bitfield, NewTorrent};

    struct Lab {
        dir: tempfile::TempDir,
        torrent: Arc<Torrent>,
    }

    impl Lab {
        fn new() -> Self {
            let content: [(&str, &[u8]); 4] =
                [("one", &[1; 10]), ("deep/er/two", &[2; 20]), ("deep/three", &[3; 30]), ("none", &[])];
            let file = NewTorrent::of_files("it", 16_384, &content).to_bytes();
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("out")).unwrap();
            Self { dir, torrent: Arc::new(Torrent::from_bytes(&file).unwrap()) }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        /// Begins a download, and writes everything.
        fn download(&self, overwrite: bool) {
            let started = start(Start {
                torrent: Arc::clone(&self.torrent),
                output_dir: &self.path("out"),
                state_dir: &self.path("state"),
                options: Options { overwrite, ..Options::default() },
                choice: &|_| None,
                threads: 1,
                progress: &|_, _| {},
                cancel: &AtomicBool::new(false),
            });
            let storage = started.unwrap().storage;
            storage.prepare(&Bitfield::empty(1)).unwrap();
            let content = [&[1; 10][..], &[2; 20], &[3; 30]].concat();
            let piece = self.torrent.geometry.piece(0).unwrap();
            storage.write(piece, 0, &[IoSlice::new(&content)]).unwrap();
        }

        fn removal(&self) -> Removal {
            Removal::of(&self.path("state"), &self.torrent, &self.path("out")).unwrap()
        }
    }

    #[test]
    fn what_was_created_goes_with_its_folders() {
        let lab = Lab::new();
        lab.download(false);
        let removal = lab.removal();
        assert_eq!((removal.files().len(), removal.bytes(), removal.foreign), (4, 60, 0));
        assert_eq!(removal.folder(), lab.path("out").canonicalize().unwrap());
        assert_eq!(removal.remove(), Removed { files: 4, bytes: 60, refused: Vec::new() });
        assert_eq!(fs::read_dir(lab.path("out")).unwrap().count(), 0);
    }

    #[test]
    fn what_somebody_else_put_there_stays_and_so_does_its_folder() {
        let lab = Lab::new();
        fs::create_dir_all(lab.path("out/it")).unwrap();
        // Written into, and not created by us.
        fs::write(lab.path("out/it/one"), [9; 10]).unwrap();
        lab.download(true);
        fs::write(lab.path("out/it/deep/mine"), b"precious").unwrap();
        // In the place of one of ours.
        fs::rename(lab.path("out/it/deep/three"), lab.path("out/moved")).unwrap();
        fs::write(lab.path("out/it/deep/three"), b"mine").unwrap();
        let removal = lab.removal();
        assert_eq!((removal.files().len(), removal.foreign), (2, 2));
        assert_eq!(removal.remove().files, 2);
        for stays in ["one", "deep/mine", "deep/three"] {
            assert!(lab.path("out/it").join(stays).exists(), "{stays}");
        }
        assert!(!lab.path("out/it/deep/er").exists() && lab.path("out/moved").exists());
    }

    #[cfg(unix)]
    #[test]
    fn nothing_behind_a_link_is_deleted() {
        let lab = Lab::new();
        lab.download(false);
        fs::rename(lab.path("out/it/deep"), lab.path("out/elsewhere")).unwrap();
        std::os::unix::fs::symlink(lab.path("out/elsewhere"), lab.path("out/it/deep")).unwrap();
        assert_eq!(lab.removal().remove().files, 2);
        assert!(lab.path("out/elsewhere/er/two").exists() && lab.path("out/elsewhere/three").exists());
    }
}
