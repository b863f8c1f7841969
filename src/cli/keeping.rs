//! What is remembered of the torrents that ran here.

use super::warn;
use crate::engine::TorrentHandle;
use crate::event::Phase;
use crate::library::{Entry, Shelf, Totals};
use crate::metainfo::InfoHash;

/// Changes what is kept of a torrent, where it is kept. What cannot be written now is written with the next change.
pub(super) fn change(shelf: Option<&Shelf>, info_hash: InfoHash, change: impl FnOnce(&mut Entry)) {
    if let Some(Err(error)) = shelf.map(|shelf| shelf.change(info_hash, change)) {
        warn(&format!("what a torrent came to is not kept: {error}"));
    }
}

/// Keeps what a torrent came to in the run that ends. One that was new, and failed before anything of it was here, is not
/// kept: it may be named with another folder.
pub(super) fn settle(shelf: Option<&Shelf>, torrent: &TorrentHandle, failed: bool) {
    let Some(shelf) = shelf else { return };
    let view = torrent.view();
    let info_hash = view.torrent.info_hash;
    if failed && shelf.is_new(info_hash) && view.have_bytes == 0 && view.down_bytes == 0 {
        if let Err(error) = shelf.forget(info_hash) {
            warn(&format!("what failed is still kept: {error}"));
        }
        return;
    }
    // What it has is not known before the disk was looked at.
    if view.phase == Phase::Checking {
        return;
    }
    let before = shelf.before(info_hash);
    change(Some(shelf), info_hash, |entry| {
        entry.name = view.torrent.name().map(str::to_owned).or_else(|| entry.name.take());
        // A magnet that is to wait fetches its metadata first.
        entry.paused = view.phase == Phase::Paused || (entry.paused && view.phase == Phase::Metadata);
        entry.totals = Totals {
            total_bytes: view.torrent.total_bytes(),
            have_bytes: view.have_bytes,
            downloaded_bytes: before.downloaded_bytes.saturating_add(view.down_bytes),
            uploaded_bytes: before.uploaded_bytes.saturating_add(view.up_bytes),
            seeded_s: before.seeded_s.saturating_add(torrent.seeded().as_secs()),
        };
    });
}

/// What is left to do when nothing runs any more: what was forgotten is so for good.
pub(super) fn end(shelf: &Shelf) {
    if let Err(error) = shelf.end() {
        warn(&format!("the rest of what was forgotten goes with the next run: {error}"));
    }
}
