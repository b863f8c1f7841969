//! Whether two torrents have a file in common, where each lies.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::open::without_links;
use super::path;
use crate::metainfo::Torrent;

/// A file that both have, each in its output folder; `None`: they are apart. Looks at folders, not at files.
#[must_use]
pub fn common_file(
    (one, output): (&Torrent, &Path),
    (other, other_output): (&Torrent, &Path),
) -> Option<PathBuf> {
    if output == other_output && one.name != other.name {
        return None;
    }
    let (mine, theirs) = (without_links(output), without_links(other_output));
    let (root, their_root) = (mine.join(&one.name), theirs.join(&other.name));
    // Everything of a torrent lies at or below its name.
    if !root.starts_with(&their_root) && !their_root.starts_with(&root) {
        return None;
    }
    let written: HashSet<PathBuf> = paths(other, theirs).collect();
    paths(one, mine).find(|path| written.contains(path))
}

/// Where the files of a torrent lie in this folder.
pub(super) fn paths(torrent: &Torrent, output: PathBuf) -> impl Iterator<Item = PathBuf> {
    torrent.files.iter().filter(|file| !file.pad).map(move |file| output.join(path(file)))
}
