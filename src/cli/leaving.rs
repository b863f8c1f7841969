//! Waiting for the end of downloads.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::command::Command;
use crate::engine::{EngineError, TorrentHandle};

/// What is saved at once takes no longer; what hangs is left behind.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Waits for the end of torrents that were asked to end: their state is saved, and trackers are told. Once `interrupted`,
/// trackers are not waited for.
pub(super) async fn ended(torrents: &mut [TorrentHandle], interrupted: impl Future<Output = ()>) {
    tokio::select! {
        () = all_ended(torrents) => return,
        () = interrupted => torrents.iter().for_each(|torrent| torrent.send(Command::Quit)),
    }
    // What it hangs on is told nowhere: nobody waits for it.
    let _ = timeout(AT_ONCE, all_ended(torrents)).await;
}

async fn all_ended(torrents: &mut [TorrentHandle]) {
    for torrent in torrents {
        // What came of it is asked for later.
        let _ = torrent.ended().await;
    }
}

/// What came of a torrent; one that hangs is left behind.
pub(super) fn outcome(torrent: &TorrentHandle) -> Result<(), EngineError> {
    torrent.outcome().unwrap_or(Ok(()))
}
