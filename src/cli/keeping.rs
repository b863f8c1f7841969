//! What is remembered of a torrent that ran here.

use super::warn;
use crate::event::Phase;
use crate::ledger::View;
use crate::library::{Entry, Kept, Totals};

/// Changes what is kept of a torrent. Where that cannot be written, it is written with the next change.
pub(super) fn change(kept: &mut Kept, change: impl FnOnce(&mut Entry)) {
    if let Err(error) = kept.change(change) {
        warn(&format!("what {} came to is not kept: {error}", kept.entry().title()));
    }
}

/// Keeps what a torrent came to in the run that ends. One that was new, and failed before anything of it was here, is not
/// kept: it may be named with another folder.
pub(super) fn settle(mut kept: Kept, view: &View, failed: bool) {
    if failed && kept.is_new() && view.have_bytes == 0 {
        let title = kept.entry().title();
        let forgotten = kept.forget().map_err(|(_, error)| error.into());
        if let Err(error) = forgotten.and_then(|forgotten| forgotten.for_good()) {
            warn(&format!("{title} is still kept: {error}"));
        }
        return;
    }
    // What it has is not known before the disk was looked at.
    if view.phase == Phase::Checking {
        return;
    }
    let before = kept.before();
    let seeded_s =
        if view.phase == Phase::Seeding { view.at.saturating_sub(view.phase_since).as_secs() } else { 0 };
    change(&mut kept, |entry| {
        entry.name = view.torrent.name().map(str::to_owned).or(entry.name.take());
        entry.paused = view.phase == Phase::Paused;
        entry.totals = Totals {
            total_bytes: view.torrent.total_bytes(),
            have_bytes: view.have_bytes,
            downloaded_bytes: before.downloaded_bytes.saturating_add(view.down_bytes),
            uploaded_bytes: before.uploaded_bytes.saturating_add(view.up_bytes),
            seeded_s: before.seeded_s.saturating_add(seeded_s),
        };
    });
}
