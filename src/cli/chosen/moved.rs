//! Torrents whose files an earlier run left on their way to another folder.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use crate::cli::{Failure, warn};
use crate::library::{Entry, LibraryError, Shelf};
use crate::text;

/// Brings the files of a torrent together that does not run yet: returns the folder they are in. What keeps them from the new
/// one is told, and it goes on in the old.
pub(super) fn finish(shelf: &Shelf, entry: &Entry, output: PathBuf) -> Result<PathBuf, Failure> {
    let Some(to) = &entry.moving_to else { return Ok(output) };
    let shown = |text: &str| text::clean(text, 300);
    let (name, folder) = (shown(&entry.title()), shown(&to.to_string_lossy()));
    warn(&format!("{name} is on its way to {folder}: that is gone on with first"));
    let moved = shelf.move_files(entry.info_hash, to, &mut |_, _| {}, &AtomicBool::new(false));
    match moved {
        Ok(_) => {}
        Err(error @ LibraryError::Move(_)) if error.is_torn() => return Err(error.into()),
        Err(error) => warn(&format!("{name} is not moved: {error}")),
    }
    Ok(shelf.entry(entry.info_hash).map_or(output, |entry| entry.output))
}
