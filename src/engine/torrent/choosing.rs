//! The user wants other files: the disk is made ready for it before anybody is asked for them.

use std::sync::Arc;

use super::super::disk::Keeper;
use super::super::mailbox;
use crate::metainfo::Bitfield;
use crate::storage::StorageError;

/// Has files stand where they belong, and says what came of it. Where writing has begun, what is missing from `have` and
/// wanted is made ready for writing, too; else that follows with the files that are wanted then.
pub(super) async fn place(
    keeper: Arc<Keeper>,
    begun: Option<Bitfield>,
    told: mailbox::UnboundedSender<Result<(), StorageError>>,
) {
    let place = move || begun.map_or_else(|| keeper.place(), |have| keeper.prepare(&have));
    if let Ok(placed) = tokio::task::spawn_blocking(place).await {
        // Nobody listens only when the run is over.
        let _ = told.send(placed);
    }
}
