//! Opens files beneath the output folder, and nowhere else.
//!
//! A torrent names paths, and anybody may have put symbolic links into the output folder. Neither leads outside:
//! the kernel is asked to resolve the folders of a path beneath the output folder without following a link
//! (`openat2`, Linux 5.6), or, where it cannot, each folder is opened from the one before it; the last element is
//! opened without following a link. Nothing is ever truncated.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};
#[cfg(all(target_os = "linux", not(feature = "portable")))]
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::error::{Operation, StorageError};

/// The output folder, held open.
#[derive(Debug)]
pub(super) struct Root {
    dir: OwnedFd,
    path: PathBuf,
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    walks: AtomicBool,
}

/// The folder of the file last looked at in one go through the files: the next one mostly lies there too, and all that
/// leads to it need not be resolved again.
#[derive(Debug, Default)]
pub(super) struct Near(Option<(PathBuf, Option<OwnedFd>)>);

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// Existing, to read.
    Read,
    /// To read and write; created, with its folders, where it does not exist.
    Write,
    /// The same, where nothing is expected: a file with something in it is not opened.
    New,
}

/// Room on a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Free {
    pub(super) bytes: u64,
    /// Files that can still be created; `None` where the file system knows no bound.
    pub(super) files: Option<u64>,
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileStat {
    /// Its length in bytes.
    pub bytes: u64,
    /// Bytes of disk it takes; less than its length where it has holes.
    pub allocated_bytes: u64,
    /// When it was last changed: seconds since 1970 and nanoseconds.
    pub modified: (i64, u32),
    /// Which file it is: the device and the number there. Another file at the same path has another one.
    pub identity: (u64, u64),
}

#[cfg(all(target_os = "linux", not(feature = "portable")))]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Root {
    /// Opens the output folder. The user named it, so links on the way to it are followed.
    pub(super) fn open(path: &Path, create: bool) -> Result<Self, StorageError> {
        if create {
            create_folders(path, 0o777).map_err(|e| match Errno::from_io_error(&e) {
                Some(Errno::EXIST) => StorageError::os(path, Operation::CreateFolder, Errno::NOTDIR),
                _ => StorageError::io(path, Operation::CreateFolder, &e),
            })?;
        }
        let real = path.canonicalize().map_err(|e| StorageError::io(path, Operation::Open, &e))?;
        let dir = fs::open(&real, FOLDER, Mode::empty())
            .map_err(|errno| StorageError::os(path, Operation::Open, errno))?;
        #[cfg(all(target_os = "linux", not(feature = "portable")))]
        return Ok(Self { dir, path: real, walks: AtomicBool::new(false) });
        #[cfg(any(not(target_os = "linux"), feature = "portable"))]
        return Ok(Self { dir, path: real });
    }

    /// The output folder, absolute and without links.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where this file of the torrent lies.
    pub(super) fn full(&self, relative: &Path) -> PathBuf {
        self.path.join(relative)
    }

    /// Opens a file of the torrent.
    pub(super) fn file(&self, relative: &Path, access: Access) -> Result<File, StorageError> {
        let (folders, name) = split(relative)?;
        let create = access != Access::Read;
        let held = self.folder(&folders, create)?;
        let folder = held.as_ref().unwrap_or(&self.dir);
        // A pipe or a device in the way must not make the open wait.
        let common = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write | Access::New => OFlags::RDWR | OFlags::CREATE,
        };
        let open = |flags| fs::openat(folder, name, flags | common, Mode::from_raw_mode(0o666));
        let opened = match access {
            Access::New => open(flags | OFlags::EXCL),
            Access::Read | Access::Write => open(flags),
        };
        let is_taken = matches!(opened, Err(Errno::EXIST));
        // What is there has to be looked at to tell what it is.
        let opened = if is_taken { open(flags) } else { opened };
        let fd = opened.map_err(|errno| {
            let in_the_way = || self.in_the_way(folder, name, relative, true);
            let operation = if create { Operation::Create } else { Operation::Open };
            match errno {
                Errno::LOOP | Errno::ISDIR | Errno::NXIO => in_the_way(),
                _ => None,
            }
            .unwrap_or_else(|| StorageError::os(self.full(relative), operation, errno))
        })?;
        let stat =
            fs::fstat(&fd).map_err(|errno| StorageError::os(self.full(relative), Operation::Stat, errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if is_taken && stat.st_size > 0 => {
                Err(StorageError::Appeared { path: self.full(relative) })
            }
            FileType::RegularFile => Ok(File::from(fd)),
            other => Err(StorageError::InTheWay {
                path: self.full(relative),
                found: named(other),
                wanted: "a file",
            }),
        }
    }

    /// Looks at a file of the torrent without opening it; `None` where it does not exist.
    pub(super) fn stat(&self, relative: &Path, near: &mut Near) -> Result<Option<FileStat>, StorageError> {
        let (folders, name) = split(relative)?;
        let parent = relative.parent().unwrap_or_else(|| Path::new(""));
        if !matches!(&near.0, Some((last, _)) if last == parent) {
            near.0 = None;
            let held = match self.folder(&folders, false) {
                Ok(held) => held,
                Err(StorageError::Os { kind: super::OsKind::NotFound, .. }) => None,
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
        let stat = match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(StorageError::os(self.full(relative), Operation::Stat, errno)),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(FileStat {
                bytes: u64::try_from(stat.st_size).unwrap_or(0),
                allocated_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
                modified: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
                identity: identity(&stat),
            })),
            other => Err(StorageError::InTheWay {
                path: self.full(relative),
                found: named(other),
                wanted: "a file",
            }),
        }
    }

    /// Waits until the disk has the names of everything in these folders, and theirs; the output folder is the empty
    /// path. A file that is synced can still be lost with its name.
    pub(super) fn sync_folders<'a>(&self, of: impl Iterator<Item = &'a Path>) -> Result<(), StorageError> {
        let folders: BTreeSet<&Path> = of.flat_map(|path| path.ancestors().skip(1)).collect();
        for path in folders {
            let held = self.folder(&path.iter().collect::<Vec<_>>(), false)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = held.as_ref().unwrap_or(&self.dir);
            // Some may be written to and not read, and some file systems sync no folders.
            let Ok(folder) = fs::openat(folder, ".", flags, Mode::empty()) else { continue };
            if let Err(errno @ (Errno::IO | Errno::NOSPC | Errno::DQUOT)) =
                retry_on_intr(|| fs::fsync(&folder))
            {
                return Err(StorageError::os(self.full(path), Operation::Sync, errno));
            }
        }
        Ok(())
    }

    /// What is free for us on the disk of the output folder; `None` where the file system does not say.
    pub(super) fn free(&self) -> Option<Free> {
        let stat = fs::statvfs(&self.path).ok()?;
        (stat.f_blocks > 0).then(|| Free {
            bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            files: (stat.f_files > 0).then_some(stat.f_favail),
        })
    }

    /// The folder at the end of these elements; `None` is the output folder itself.
    fn folder(&self, folders: &[&OsStr], create: bool) -> Result<Option<OwnedFd>, StorageError> {
        if folders.is_empty() {
            return Ok(None);
        }
        match self.resolve(folders) {
            Some(Ok(fd)) => Ok(Some(fd)),
            // Everything else is found again, and named exactly, one folder at a time.
            _ => self.walk(folders, create).map(Some),
        }
    }

    /// All folders in one call; `None` where the system has no such call.
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    fn resolve(&self, folders: &[&OsStr]) -> Option<Result<OwnedFd, Errno>> {
        use rustix::fs::ResolveFlags;

        if self.walks.load(Ordering::Relaxed) {
            return None;
        }
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let path: PathBuf = folders.iter().collect();
        let opened = fs::openat2(&self.dir, &path, FOLDER, Mode::empty(), beneath);
        // Old kernels do not know the call, and some sandboxes forbid it.
        if matches!(opened, Err(Errno::NOSYS | Errno::PERM)) {
            self.walks.store(true, Ordering::Relaxed);
            return None;
        }
        Some(opened)
    }

    #[cfg(any(not(target_os = "linux"), feature = "portable"))]
    fn resolve(&self, _folders: &[&OsStr]) -> Option<Result<OwnedFd, Errno>> {
        None
    }

    /// One folder after the other, each opened from the one before it without following a link.
    fn walk(&self, folders: &[&OsStr], create: bool) -> Result<OwnedFd, StorageError> {
        let mut at: Option<OwnedFd> = None;
        let mut path = PathBuf::new();
        for name in folders {
            path.push(name);
            let parent = at.as_ref().unwrap_or(&self.dir);
            let open = || fs::openat(parent, *name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
            let opened = match open() {
                Err(Errno::NOENT) if create => match fs::mkdirat(parent, *name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => open(),
                    Err(errno) => {
                        return Err(StorageError::os(self.full(&path), Operation::CreateFolder, errno));
                    }
                },
                opened => opened,
            };
            let fd = opened.map_err(|errno| {
                match errno {
                    Errno::LOOP | Errno::NOTDIR => self.in_the_way(parent, name, &path, false),
                    _ => None,
                }
                .unwrap_or_else(|| StorageError::os(self.full(&path), Operation::Open, errno))
            })?;
            at = Some(fd);
        }
        at.ok_or(StorageError::Unsafe { path })
    }

    fn in_the_way(
        &self,
        folder: impl AsFd,
        name: &OsStr,
        relative: &Path,
        file: bool,
    ) -> Option<StorageError> {
        let stat = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(StorageError::InTheWay {
            path: self.full(relative),
            found: named(FileType::from_raw_mode(stat.st_mode)),
            wanted: if file { "a file" } else { "a folder" },
        })
    }
}

/// Which file it is, as far as the file system keeps its numbers.
#[allow(clippy::unnecessary_cast, reason = "not the same types on every system")]
pub(super) fn identity(stat: &fs::Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// Creates a folder with all that lead to it, and waits until the disk has the names of the new ones.
pub(super) fn create_folders(path: &Path, mode: u32) -> std::io::Result<()> {
    let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let new: Vec<&Path> = path.ancestors().take_while(is_new).collect();
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    for parent in new.into_iter().filter_map(Path::parent) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        // What cannot be synced is as good as it gets.
        let _ = File::open(parent).and_then(|parent| parent.sync_all());
    }
    Ok(())
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

fn named(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        _ => "a device",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Every test runs with the kernel's resolution and with our own.
    fn both_ways(test: impl Fn(&Path, &Root)) {
        for walks in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let root = Root::open(&dir.path().join("out"), true).unwrap();
            #[cfg(all(target_os = "linux", not(feature = "portable")))]
            root.walks.store(walks, Ordering::Relaxed);
            let _ = walks;
            test(dir.path(), &root);
        }
    }

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

    #[test]
    fn names_whatever_else_is_in_the_way() {
        both_ways(|_, root| {
            std::fs::create_dir(root.full(Path::new("folder"))).unwrap();
            std::fs::write(root.full(Path::new("file")), b"").unwrap();
            let pipe = root.full(Path::new("pipe"));
            fs::mknodat(fs::CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
            assert_eq!(blocked(root.file(Path::new("folder"), Access::Write)).1, "a folder");
            assert_eq!(blocked(root.file(Path::new("folder"), Access::Read)).1, "a folder");
            assert_eq!(blocked(root.file(Path::new("pipe"), Access::Write)).1, "a pipe");
            assert_eq!(blocked(root.file(Path::new("pipe"), Access::Read)).1, "a pipe");
            assert_eq!(blocked(root.file(Path::new("file/x"), Access::Write)).1, "a file");
        });
    }

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
