//! A copy of a file on another device, that reads as the file does.

use std::fs::{File, FileTimes};
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::RelocateError;
use crate::storage::error::{Operation, StorageError};
use crate::storage::files::{read_all, write_all};
use crate::storage::system::{forget_cached, next_data, sync_content};

/// Bytes copied or compared at a time.
const AT_ONCE: usize = 1 << 20;

/// One of two files, and where it lies.
pub(super) type Opened<'a> = (&'a File, &'a Path);

/// Copies what was written to a file into a new one, waits until the disk has it, and compares what stands there then. Holes
/// stay holes. Told of bytes that were copied and of bytes that were compared. False where it was cancelled.
pub(super) fn copy(
    (from, from_path): Opened<'_>,
    (to, to_path): Opened<'_>,
    told: &mut dyn FnMut(u64),
    cancel: &AtomicBool,
) -> Result<bool, RelocateError> {
    let failed = |path: &Path, operation| {
        let path = path.to_owned();
        move |e: io::Error| StorageError::io(path, operation, &e)
    };
    let found = from.metadata().map_err(failed(from_path, Operation::Stat))?;
    let length = found.len();
    let (mut buffer, mut other) = (vec![0; AT_ONCE], vec![0; AT_ONCE]);
    for is_copied in [false, true] {
        let mut at = 0;
        while let Some((start, end)) = next_data(from, at, length) {
            at = start;
            while at < end {
                if cancel.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let now = (end - at).min(AT_ONCE as u64) as usize;
                let part = &mut buffer[..now];
                if !read_all(from, at, part).map_err(failed(from_path, Operation::Read))? {
                    return Err(StorageError::TooShort { path: from_path.to_owned() }.into());
                }
                if is_copied {
                    let there = &mut other[..now];
                    let is_there = read_all(to, at, there).map_err(failed(to_path, Operation::Read))?;
                    if !is_there || part != there {
                        return Err(RelocateError::Differs(to_path.to_owned()));
                    }
                } else {
                    write_all(to, at, &mut [IoSlice::new(part)])
                        .map_err(failed(to_path, Operation::Write))?;
                }
                at += now as u64;
                told(now as u64);
            }
        }
        if !is_copied {
            to.set_len(length).map_err(failed(to_path, Operation::Write))?;
            sync_content(to).map_err(failed(to_path, Operation::Sync))?;
            // What is compared comes from the disk.
            forget_cached(to);
        }
    }
    // Where a file system keeps neither, it is as good as it gets: what seems changed is hashed again.
    let _ = to.set_permissions(found.permissions());
    let _ = found.modified().and_then(|modified| to.set_times(FileTimes::new().set_modified(modified)));
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn files(content: &[u8]) -> (tempfile::TempDir, File, File) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("old"), content).unwrap();
        let from = File::open(dir.path().join("old")).unwrap();
        let mut options = File::options();
        let to = options.read(true).write(true).create_new(true).open(dir.path().join("new")).unwrap();
        (dir, from, to)
    }

    fn copied(
        from: &File,
        to: &File,
        told: &mut dyn FnMut(u64),
        cancel: bool,
    ) -> Result<bool, RelocateError> {
        copy((from, Path::new("old")), (to, Path::new("new")), told, &AtomicBool::new(cancel))
    }

    #[test]
    fn the_copy_has_the_bytes_the_length_and_the_time_of_the_file() {
        let content: Vec<u8> = (0..3 * AT_ONCE / 2).map(|at| (at % 251) as u8).collect();
        let (dir, from, to) = files(&content);
        let grown = File::options().write(true).open(dir.path().join("old")).unwrap();
        // What follows was never written to.
        grown.set_len(5 << 20).unwrap();
        let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        grown.set_times(FileTimes::new().set_modified(then)).unwrap();
        let mut bytes = 0;
        assert_eq!(copied(&from, &to, &mut |now| bytes += now, false), Ok(true));
        assert_eq!(fs::read(dir.path().join("new")).unwrap(), fs::read(dir.path().join("old")).unwrap());
        assert_eq!(to.metadata().unwrap().modified().unwrap(), then);
        assert!(bytes >= 2 * content.len() as u64, "each byte is copied and compared: {bytes}");
    }

    #[test]
    fn what_reads_as_something_else_is_refused() {
        let (_dir, from, to) = files(&[7; 3000]);
        // Somebody writes to it between the copying and the comparing.
        let meddle = to.try_clone().unwrap();
        let mut is_first = true;
        let mut told = |_| {
            if std::mem::take(&mut is_first) {
                write_all(&meddle, 2000, &mut [IoSlice::new(b"x")]).unwrap();
            }
        };
        assert_eq!(copied(&from, &to, &mut told, false), Err(RelocateError::Differs("new".into())));
        assert_eq!(copied(&from, &to, &mut |_| {}, true), Ok(false), "cancelled");
    }
}
