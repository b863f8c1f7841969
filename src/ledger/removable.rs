//! What of a torrent can be deleted, told before anything is.

use std::path::PathBuf;

use crate::metainfo::InfoHash;

/// What of a torrent can be deleted; looked at for one who may want that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removable {
    /// Which torrent.
    pub id: InfoHash,
    /// What was found, or why nothing can be deleted, in words.
    pub found: Result<Found, String>,
}

/// What of a torrent this program created, and stands where it was created.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// The folder of the files.
    pub folder: PathBuf,
    /// The first files by their paths in it, safe to show, each with its bytes.
    pub files: Vec<(String, u64)>,
    /// How many files there are.
    pub count: usize,
    /// What all of them hold.
    pub bytes: u64,
    /// Files of the torrent that stay: somebody else put them there, or another torrent has them too.
    pub foreign: usize,
}
