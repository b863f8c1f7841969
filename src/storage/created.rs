//! Which files and folders of a torrent this program created: no other may be deleted for its user.
//!
//! A file beside the resume file that is only ever appended to, a line for each: `file NUMBER INODE`, by the number of the
//! file in the torrent, and `folder NUMBER DEPTH`, which is the folder that many elements deep on the way to that file.
//! A line of another form says nothing: then less is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::{Operation, StorageError};
use super::path;
use super::state_file::read_state_file;
use crate::metainfo::Torrent;

/// Bytes of it that are read: a line for each of three million files.
const MOST_BYTES: u64 = 128 << 20;

/// Writes down what is created.
#[derive(Debug)]
pub(super) struct CreatedFile {
    path: PathBuf,
    /// Open from the first line on.
    file: Mutex<Option<File>>,
}

/// What was created, as far as it is known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Created {
    /// By number of the file: the number it had on its device.
    pub(super) files: BTreeMap<usize, u64>,
    /// Folders: how many elements of the path of which file.
    pub(super) folders: BTreeSet<(usize, usize)>,
}

impl CreatedFile {
    /// The one that belongs to a resume file.
    pub(super) fn beside(resume: &Path) -> Self {
        Self::at(resume.with_extension("created"))
    }

    /// Of a move that is under way: the files that it brought to the folder of this resume file.
    pub(super) fn of_move_to(resume: &Path) -> Self {
        Self::at(resume.with_extension("moving"))
    }

    fn at(path: PathBuf) -> Self {
        Self { path, file: Mutex::default() }
    }

    /// Nothing is noted any more.
    pub(super) fn clear(&self) -> Result<(), StorageError> {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match std::fs::remove_file(&self.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(StorageError::io(&self.path, Operation::Remove, &e))
            }
            _ => Ok(()),
        }
    }

    /// The folders of `depths` elements on the way to this file were created, and the file with this number on its device.
    /// What cannot be written down is as if a stranger had created it.
    pub(super) fn note(&self, number: usize, inode: Option<u64>, depths: &[usize]) {
        let mut lines: String = depths.iter().map(|depth| format!("folder {number} {depth}\n")).collect();
        lines.extend(inode.map(|inode| format!("file {number} {inode}\n")));
        if lines.is_empty() {
            return;
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = OpenOptions::new().create(true).append(true).open(&self.path).ok();
        }
        let _ = file.as_mut().map(|file| file.write_all(lines.as_bytes()));
    }

    /// What was noted.
    pub(super) fn read(&self) -> Result<Created, StorageError> {
        let bytes = read_state_file(&self.path, MOST_BYTES)?.unwrap_or_default();
        Ok(Created::parse(&String::from_utf8_lossy(&bytes)))
    }
}

impl Created {
    /// The folders by their paths in the output folder, those within others first.
    pub(super) fn folder_paths(&self, torrent: &Torrent) -> Vec<PathBuf> {
        let folder = |(number, depth): &(usize, usize)| {
            let elements: Vec<_> = path(torrent.files.file(*number)?).components().collect();
            // The last element is the file.
            (1..elements.len()).contains(depth).then(|| elements[..*depth].iter().collect::<PathBuf>())
        };
        let mut folders: Vec<PathBuf> = self.folders.iter().filter_map(folder).collect();
        folders.sort_by_key(|folder| std::cmp::Reverse(folder.components().count()));
        folders.dedup();
        folders
    }

    fn parse(text: &str) -> Self {
        let mut created = Self::default();
        // The last line may have been cut, to another number.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            let mut words = line.split(' ');
            let (kind, number) = (words.next(), words.next().and_then(|word| word.parse().ok()));
            let value = words.next().and_then(|word| word.parse::<u64>().ok());
            let (Some(kind), Some(number), Some(value), None) = (kind, number, value, words.next()) else {
                continue;
            };
            match kind {
                // Created again, it is another.
                "file" => _ = created.files.insert(number, value),
                "folder" => created.folders.extend(usize::try_from(value).map(|depth| (number, depth))),
                _ => {}
            }
        }
        created
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let file = CreatedFile::beside(&dir.path().join("it.resume"));
        assert_eq!(file.read(), Ok(Created::default()));
        file.note(0, None, &[]);
        assert!(!file.path.exists());
        file.note(3, Some(70), &[1, 2]);
        file.note(3, Some(71), &[]);
        let expected = Created { files: [(3, 71)].into(), folders: [(3, 1), (3, 2)].into() };
        assert_eq!(file.read(), Ok(expected));
        assert_eq!(Created::parse("file 1 2"), Created::default(), "it may be cut");
        assert_eq!(Created::parse("file 1\nfile x 1\nfile 1 2 3\nlink 1 1\n\n"), Created::default());
    }
}
