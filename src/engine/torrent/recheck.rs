//! Hashes what is on the disk once more while the torrent runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::super::disk::Keeper;
use super::super::mailbox;
use super::inbox::Rechecking;
use crate::metainfo::Bitfield;

/// Hashes these pieces on threads of its own, until that is done or `cancel` is set; `told` hears how far it is.
pub(super) async fn recheck(
    keeper: Arc<Keeper>,
    pieces: Bitfield,
    cancel: Arc<AtomicBool>,
    told: mailbox::UnboundedSender<Rechecking>,
) {
    // In whole percent: a message for every piece would be thousands.
    let percent = AtomicU32::new(u32::MAX);
    let progress = {
        let told = told.clone();
        move |done: u32, of: u32| {
            let now = (u64::from(done) * 100 / u64::from(of.max(1))) as u32;
            if percent.swap(now, Ordering::Relaxed) != now {
                // Nobody listens only when the run is over.
                let _ = told.send(Rechecking::Progress(done, of));
            }
        }
    };
    let hashing = tokio::task::spawn_blocking(move || keeper.recheck(&pieces, &progress, &cancel));
    if let Ok(found) = hashing.await {
        let _ = told.send(Rechecking::Done(found));
    }
}
