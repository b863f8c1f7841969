//! Opens files beneath the output folder, and nowhere else.
//!
//! A torrent names paths, and anybody may have put symbolic links into the output folder. Neither leads outside:
//! the kernel is asked to resolve the folders of a path beneath the output folder without following a link
//! (`openat2`, Linux 5.6), or, where it cannot, each folder is opened from the one before it; the last element is
//! opened without following a link. Nothing is ever truncated.

mod names;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::{Operation, OsKind, StorageError};
use super::system::{
    self, Access, FileStat, Folder, Found, Free, Kind, folder_builder, look_at, sync_folder,
};

/// The output folder, held open.
#[derive(Debug)]
pub(super) struct Root {
    dir: Folder,
    path: PathBuf,
    /// Whether the system cannot open many folders in one call.
    walks: AtomicBool,
    /// The new folders that lead to it.
    new: NewFolders,
    /// Folders beneath it that were created, and not told yet.
    made: Mutex<Vec<PathBuf>>,
}

/// Folders that were created, of which the disk may not have the names yet.
#[derive(Debug, Default)]
pub(super) struct NewFolders {
    /// The folders that they stand in.
    parents: Mutex<Vec<PathBuf>>,
}

/// The folder of the file last looked at in one go through the files: the next one mostly lies there too, and all that
/// leads to it need not be resolved again.
#[derive(Debug, Default)]
pub(super) struct Near(Option<(PathBuf, Option<Folder>)>);

impl Root {
    /// Opens the output folder. The user named it, so links on the way to it are followed.
    pub(super) fn open(path: &Path, create: bool) -> Result<Self, StorageError> {
        let new = if create { create_folders(path, false) } else { Ok(NewFolders::default()) };
        let new = new.map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => {
                StorageError::io(path, Operation::CreateFolder, &ErrorKind::NotADirectory.into())
            }
            _ => StorageError::io(path, Operation::CreateFolder, &e),
        })?;
        let failed = |e: io::Error| StorageError::io(path, Operation::Open, &e);
        let real = path.canonicalize().map_err(failed)?;
        let dir = Folder::open(&real).map_err(failed)?;
        Ok(Self {
            dir,
            path: system::plain(real),
            walks: AtomicBool::new(false),
            new,
            made: Mutex::default(),
        })
    }

    /// The output folder, absolute and without links.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where this file of the torrent lies.
    pub(super) fn full(&self, relative: &Path) -> PathBuf {
        self.path.join(relative)
    }

    /// Opens a file of the torrent. Its folders are created with it, where it is.
    pub(super) fn file(&self, relative: &Path, access: Access) -> Result<File, StorageError> {
        let (folders, name) = split(relative)?;
        let create = matches!(access, Access::Write | Access::New);
        let held = self.folder(&folders, create)?;
        let folder = held.as_ref().unwrap_or(&self.dir);
        let operation = if create { Operation::Create } else { Operation::Open };
        let refused = |e| self.refused(folder, name, relative, (Kind::File, operation), &e);
        let file = folder.file(name, access).map_err(refused)?;
        self.is_file(relative, &file).map(|_| file)
    }

    /// Opens a file of the torrent to write to; whether it was created. Where one stands that has something in it, that is
    /// opened if `takes_others`.
    pub(super) fn file_or_new(
        &self,
        relative: &Path,
        takes_others: bool,
    ) -> Result<(File, bool), StorageError> {
        let (folders, name) = split(relative)?;
        let held = self.folder(&folders, true)?;
        let folder = held.as_ref().unwrap_or(&self.dir);
        let opened = folder.file(name, Access::New);
        let is_taken = matches!(&opened, Err(e) if e.kind() == ErrorKind::AlreadyExists);
        // What is there has to be looked at to tell what it is.
        let opened = if is_taken { folder.file(name, Access::Write) } else { opened };
        let wanted = (Kind::File, Operation::Create);
        let file = opened.map_err(|e| self.refused(folder, name, relative, wanted, &e))?;
        let found = self.is_file(relative, &file)?;
        if is_taken && found.bytes > 0 && !takes_others {
            return Err(StorageError::Appeared { path: self.full(relative) });
        }
        Ok((file, !is_taken))
    }

    /// What is known of what was opened, if that is a file.
    fn is_file(&self, relative: &Path, file: &File) -> Result<FileStat, StorageError> {
        let found = look_at(file).map_err(|e| StorageError::io(self.full(relative), Operation::Stat, &e))?;
        match found.kind {
            Kind::File => Ok(found.stat),
            other => Err(self.in_the_way(relative, other, Kind::File)),
        }
    }

    /// Folders that were created since this was asked last.
    pub(super) fn take_made(&self) -> Vec<PathBuf> {
        std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Deletes a file of the torrent.
    pub(super) fn remove_file(&self, relative: &Path) -> Result<(), StorageError> {
        self.remove(relative, Folder::remove_file)
    }

    /// Deletes a folder that is empty.
    pub(super) fn remove_folder(&self, relative: &Path) -> Result<(), StorageError> {
        self.remove(relative, Folder::remove_folder)
    }

    fn remove(
        &self,
        relative: &Path,
        remove: fn(&Folder, &OsStr) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        let (folders, name) = split(relative)?;
        let held = self.folder(&folders, false)?;
        remove(held.as_ref().unwrap_or(&self.dir), name)
            .map_err(|e| StorageError::io(self.full(relative), Operation::Remove, &e))
    }

    /// Looks at a file of the torrent without opening it; `None` where it does not exist.
    pub(super) fn stat(&self, relative: &Path, near: &mut Near) -> Result<Option<FileStat>, StorageError> {
        let (folders, name) = split(relative)?;
        let parent = relative.parent().unwrap_or_else(|| Path::new(""));
        if !matches!(&near.0, Some((last, _)) if last == parent) {
            near.0 = None;
            let held = match self.folder(&folders, false) {
                Ok(held) => held,
                Err(StorageError::Os { kind: OsKind::NotFound, .. }) => None,
                Err(error) => return Err(error),
            };
            near.0 = Some((parent.to_owned(), held));
        }
        let folder = match &near.0 {
            Some((_, Some(held))) => held,
            _ if folders.is_empty() => &self.dir,
            // There is no such folder.
            _ => return Ok(None),
        };
        match folder.look(name) {
            Ok(Found { kind: Kind::File, stat, .. }) => Ok(Some(stat)),
            Ok(Found { kind, .. }) => Err(self.in_the_way(relative, kind, Kind::File)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StorageError::io(self.full(relative), Operation::Stat, &e)),
        }
    }

    /// Waits until the disk has the names of everything in these folders, and theirs; the output folder is the empty
    /// path. A file that is synced can still be lost with its name.
    pub(super) fn sync_folders<'a>(&self, of: impl Iterator<Item = &'a Path>) -> Result<(), StorageError> {
        self.new.sync();
        let folders: BTreeSet<&Path> = of.flat_map(|path| path.ancestors().skip(1)).collect();
        for path in folders {
            let held = self.folder(&path.iter().collect::<Vec<_>>(), false)?;
            let synced = held.as_ref().unwrap_or(&self.dir).sync();
            // Some may be written to and not read, and some file systems sync no folders.
            if let Err(e) = synced
                && matches!(OsKind::from(&e), OsKind::Device | OsKind::DiskFull)
            {
                return Err(StorageError::io(self.full(path), Operation::Sync, &e));
            }
        }
        Ok(())
    }

    /// What is free for us on the disk of the output folder; `None` where the system does not say.
    pub(super) fn free(&self) -> Option<Free> {
        system::free(&self.path)
    }

    /// The folder at the end of these elements; `None` is the output folder itself.
    fn folder(&self, folders: &[&OsStr], create: bool) -> Result<Option<Folder>, StorageError> {
        if folders.is_empty() {
            return Ok(None);
        }
        match self.resolve(folders) {
            Some(Ok(folder)) => Ok(Some(folder)),
            // Everything else is found again, and named exactly, one folder at a time.
            _ => self.walk(folders, create).map(Some),
        }
    }

    /// All folders in one call; `None` where the system has no such call.
    fn resolve(&self, folders: &[&OsStr]) -> Option<io::Result<Folder>> {
        if self.walks.load(Ordering::Relaxed) {
            return None;
        }
        let resolved = self.dir.beneath(folders);
        if resolved.is_none() {
            self.walks.store(true, Ordering::Relaxed);
        }
        resolved
    }

    /// One folder after the other, each opened from the one before it without following a link.
    fn walk(&self, folders: &[&OsStr], create: bool) -> Result<Folder, StorageError> {
        let mut at: Option<Folder> = None;
        let mut path = PathBuf::new();
        for name in folders {
            path.push(name);
            let parent = at.as_ref().unwrap_or(&self.dir);
            let opened = match parent.folder(name) {
                Err(e) if create && e.kind() == ErrorKind::NotFound => match parent.create_folder(name) {
                    Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                        return Err(StorageError::io(self.full(&path), Operation::CreateFolder, &e));
                    }
                    made => {
                        if made.is_ok() {
                            self.made.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
                        }
                        parent.folder(name)
                    }
                },
                opened => opened,
            };
            let wanted = (Kind::Folder, Operation::Open);
            let folder = opened.map_err(|e| self.refused(parent, name, &path, wanted, &e))?;
            at = Some(folder);
        }
        at.ok_or(StorageError::Unsafe { path })
    }

    /// Why something could not be opened: what stands there, if it is not what is wanted, else what the system said.
    fn refused(
        &self,
        folder: &Folder,
        name: &OsStr,
        relative: &Path,
        (wanted, operation): (Kind, Operation),
        error: &io::Error,
    ) -> StorageError {
        match folder.look(name) {
            Ok(found) if found.kind != wanted => self.in_the_way(relative, found.kind, wanted),
            _ => StorageError::io(self.full(relative), operation, error),
        }
    }

    fn in_the_way(&self, relative: &Path, found: Kind, wanted: Kind) -> StorageError {
        StorageError::InTheWay { path: self.full(relative), found: found.named(), wanted: wanted.named() }
    }
}

/// The folder as it is known by: absolute, and without links as far as it exists.
#[must_use]
pub fn without_links(folder: &Path) -> PathBuf {
    let Ok(folder) = std::path::absolute(folder) else { return folder.to_owned() };
    let found = folder.ancestors().find_map(|ancestor| Some((ancestor, ancestor.canonicalize().ok()?)));
    let Some((ancestor, real)) = found else { return folder };
    let rest = folder.strip_prefix(ancestor).unwrap_or_else(|_| Path::new(""));
    // A path that ends in nothing would end in a separator.
    if rest.as_os_str().is_empty() { system::plain(real) } else { system::plain(real).join(rest) }
}

/// Creates a folder with all that lead to it. Waits for no disk: [`NewFolders::sync`] does.
pub(super) fn create_folders(path: &Path, private: bool) -> io::Result<NewFolders> {
    let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let new: Vec<&Path> = path.ancestors().take_while(is_new).collect();
    folder_builder(private).recursive(true).create(path)?;
    let parents = new.into_iter().filter_map(Path::parent);
    let named =
        |parent: &Path| if parent.as_os_str().is_empty() { Path::new(".") } else { parent }.to_owned();
    Ok(NewFolders { parents: Mutex::new(parents.map(named).collect()) })
}

impl NewFolders {
    /// Waits until the disk has their names; does nothing the next time.
    pub(super) fn sync(&self) {
        let parents = std::mem::take(&mut *self.parents.lock().unwrap_or_else(PoisonError::into_inner));
        for parent in parents {
            // What cannot be synced is as good as it gets.
            let _ = sync_folder(&parent);
        }
    }
}

/// The folders and the name of a path that stays beneath where it begins.
fn split(relative: &Path) -> Result<(Vec<&OsStr>, &OsStr), StorageError> {
    let mut elements = Vec::new();
    for component in relative.components() {
        match component {
            Component::Normal(name) => elements.push(name),
            _ => return Err(StorageError::Unsafe { path: relative.to_owned() }),
        }
    }
    let name = elements.pop().ok_or_else(|| StorageError::Unsafe { path: relative.to_owned() })?;
    Ok((elements, name))
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::os::unix::fs::symlink;

    #[cfg(unix)]
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// Every test runs with the kernel's resolution and with our own.
    fn both_ways(test: impl Fn(&Path, &Root)) {
        for walks in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let root = Root::open(&dir.path().join("out"), true).unwrap();
            root.walks.store(walks, Ordering::Relaxed);
            test(dir.path(), &root);
        }
    }

    #[cfg(unix)]
    fn blocked(result: Result<File, StorageError>) -> (PathBuf, &'static str) {
        match result {
            Err(StorageError::InTheWay { path, found, .. }) => (path, found),
            other => panic!("expected something in the way, got {other:?}"),
        }
    }

    #[test]
    fn creates_folders_and_never_truncates() {
        both_ways(|_, root| {
            let path = Path::new("a/b/c/file");
            assert_eq!(root.stat(path, &mut Near::default()).unwrap(), None);
            assert!(matches!(root.file(path, Access::Read), Err(StorageError::Os { .. })));
            drop(root.file(path, Access::Write).unwrap());
            std::fs::write(root.full(path), b"content").unwrap();
            drop(root.file(path, Access::Write).unwrap());
            assert_eq!(std::fs::read(root.full(path)).unwrap(), b"content");
            assert_eq!(root.stat(path, &mut Near::default()).unwrap().unwrap().bytes, 7);
        });
    }

    #[cfg(unix)]
    #[test]
    fn follows_no_link_to_a_file() {
        both_ways(|dir, root| {
            let outside = dir.join("outside");
            std::fs::write(&outside, b"precious").unwrap();
            symlink(&outside, root.full(Path::new("file"))).unwrap();
            symlink(dir.join("not there"), root.full(Path::new("dangling"))).unwrap();
            for name in ["file", "dangling"] {
                for access in [Access::Read, Access::Write] {
                    let (path, found) = blocked(root.file(Path::new(name), access));
                    assert_eq!((path, found), (root.full(Path::new(name)), "a symbolic link"));
                }
                assert!(matches!(
                    root.stat(Path::new(name), &mut Near::default()),
                    Err(StorageError::InTheWay { .. })
                ));
            }
            assert_eq!(std::fs::read(&outside).unwrap(), b"precious");
            assert!(!dir.join("not there").exists());
        });
    }

    #[cfg(unix)]
    #[test]
    fn follows_no_link_to_a_folder() {
        both_ways(|dir, root| {
            let outside = dir.join("outside");
            std::fs::create_dir(&outside).unwrap();
            std::fs::create_dir(root.full(Path::new("a"))).unwrap();
            symlink(&outside, root.full(Path::new("a/link"))).unwrap();
            // Even one that stays inside is not followed: where it leads may change under us.
            symlink("a", root.full(Path::new("inner"))).unwrap();
            for (path, at) in [("a/link/x", "a/link"), ("a/link/deep/x", "a/link"), ("inner/x", "inner")] {
                let (named, found) = blocked(root.file(Path::new(path), Access::Write));
                assert_eq!((named, found), (root.full(Path::new(at)), "a symbolic link"));
                assert!(root.stat(Path::new(path), &mut Near::default()).is_err());
            }
            assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
            assert_eq!(std::fs::read_dir(root.full(Path::new("a"))).unwrap().count(), 1);
        });
    }

    #[test]
    fn refuses_paths_that_lead_out() {
        both_ways(|dir, root| {
            std::fs::write(dir.join("outside"), b"").unwrap();
            for path in ["../outside", "a/../../outside", "/etc/passwd", "..", ".", "", "./x", "a/.."] {
                for access in [Access::Read, Access::Write] {
                    let result = root.file(Path::new(path), access);
                    assert!(matches!(result, Err(StorageError::Unsafe { .. })), "{path}: {result:?}");
                }
                assert!(matches!(
                    root.stat(Path::new(path), &mut Near::default()),
                    Err(StorageError::Unsafe { .. })
                ));
            }
        });
    }

    #[cfg(unix)]
    #[test]
    fn names_whatever_else_is_in_the_way() {
        both_ways(|_, root| {
            std::fs::create_dir(root.full(Path::new("folder"))).unwrap();
            std::fs::write(root.full(Path::new("file")), b"").unwrap();
            let pipe = root.full(Path::new("pipe"));
            mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
            assert_eq!(blocked(root.file(Path::new("folder"), Access::Write)).1, "a folder");
            assert_eq!(blocked(root.file(Path::new("folder"), Access::Read)).1, "a folder");
            assert_eq!(blocked(root.file(Path::new("pipe"), Access::Write)).1, "a pipe");
            assert_eq!(blocked(root.file(Path::new("pipe"), Access::Read)).1, "a pipe");
            assert_eq!(blocked(root.file(Path::new("file/x"), Access::Write)).1, "a file");
        });
    }

    // By their paths systems take 4 096 bytes, and Windows 32 767 characters.
    #[cfg(not(feature = "portable"))]
    #[test]
    fn reaches_paths_longer_than_the_system_takes_at_once() {
        both_ways(|_, root| {
            let path: PathBuf = std::iter::repeat_n("d".repeat(200), 30).collect();
            drop(root.file(&path.join("file"), Access::Write).unwrap());
            assert_eq!(root.stat(&path.join("file"), &mut Near::default()).unwrap().unwrap().bytes, 0);
        });
    }

    #[test]
    fn says_when_the_output_folder_is_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"").unwrap();
        let error = Root::open(&path, true).unwrap_err();
        assert_eq!(error.exit_status(), 2, "{error}");
        let error = Root::open(&path.join("below"), true).unwrap_err();
        assert_eq!(error.exit_status(), 2, "{error}");
        let error = Root::open(&dir.path().join("none"), false).unwrap_err();
        assert_eq!(error.exit_status(), 2, "{error}");
    }
}
