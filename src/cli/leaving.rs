//! Waiting for the end of a download.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::command::Command;
use crate::engine::{Download, EngineError};

/// What is saved at once takes no longer; what hangs is left behind.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Waits for the end of a download that was asked to end: its state is saved, and trackers are told. Once `interrupted`,
/// trackers are not waited for.
pub(super) async fn ended(
    mut download: Download,
    interrupted: impl Future<Output = ()>,
) -> Result<(), EngineError> {
    tokio::select! {
        ended = download.ended() => return ended,
        () = interrupted => download.send(Command::Quit),
    }
    timeout(AT_ONCE, download.ended()).await.unwrap_or(Ok(()))
}
