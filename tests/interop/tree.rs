//! Comparing folders byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, WrapErr, bail, ensure};

/// Checks that `actual` holds every file of `expected` with the same bytes, and nothing else.
pub(crate) fn ensure_equal(expected: &Path, actual: &Path) -> Result<()> {
    ensure_holds(expected, actual)?;
    let expected = files(expected)?;
    for name in files(actual)?.keys() {
        ensure!(expected.contains_key(name), "{} is in the download and not in the torrent", name.display());
    }
    Ok(())
}

/// Checks that `actual` holds every file of `expected` with the same bytes. Some clients keep notes beside them.
pub(crate) fn ensure_holds(expected: &Path, actual: &Path) -> Result<()> {
    let copies = files(actual)?;
    for (name, path) in &files(expected)? {
        let Some(copy) = copies.get(name) else { bail!("{} is missing in the download", name.display()) };
        ensure_same_bytes(path, copy)?;
    }
    Ok(())
}

/// Copies what stands below `from`, but not what stands in the folder `without`.
pub(crate) fn copy(from: &Path, to: &Path, without: &Path) -> Result<()> {
    for (name, path) in files(from)?.iter().filter(|(name, _)| !name.starts_with(without)) {
        let copy = to.join(name);
        copy.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::copy(path, copy)?;
    }
    Ok(())
}

/// How many files that are not empty stand below `root`.
pub(crate) fn count_filled(root: &Path) -> Result<usize> {
    let mut count = 0;
    for path in files(root)?.values() {
        count += usize::from(fs::metadata(path)?.len() > 0);
    }
    Ok(count)
}

fn ensure_same_bytes(expected: &Path, actual: &Path) -> Result<()> {
    let (left, right) = (read(expected)?, read(actual)?);
    ensure!(
        left.len() == right.len(),
        "{}: {} bytes, expected {}",
        actual.display(),
        right.len(),
        left.len()
    );
    if let Some(at) = left.iter().zip(&right).position(|(left, right)| left != right) {
        bail!("{}: byte {at} differs", actual.display());
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).wrap_err_with(|| format!("cannot read {}", path.display()))
}

/// Every file below `root`, by its path relative to it. Empty folders do not count: torrents know no folders.
fn files(root: &Path) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).wrap_err_with(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(root)?.to_owned(), entry.path());
            }
        }
    }
    Ok(found)
}
