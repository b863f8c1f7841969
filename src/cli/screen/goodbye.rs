//! The end of a run on the screen, once the terminal is given back: what is kept, said, and returned.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::cli::output::Stdout;
use crate::cli::{Failure, Status, complain, keeping, leaving};
use crate::engine::TorrentHandle;
use crate::ledger::View;
use crate::library::Shelf;
use crate::report::progress;
use crate::ui::{self, terminal};

/// How long the end waits for files that are being deleted.
const LONGEST_REMOVAL: Duration = Duration::from_secs(5);
/// How long the end may take without a word.
const UNEXPLAINED: Duration = Duration::from_millis(500);

/// Waits for the end of torrents that were asked to end; once `interrupted`, not for trackers. What is waited for is said
/// where it takes longer than a person expects. Then what is being deleted has a while to end.
pub(super) async fn wait_for(
    torrents: &mut [TorrentHandle],
    librarian: JoinHandle<()>,
    interrupted: impl Future<Output = ()>,
) {
    explained(leaving::ended(torrents, interrupted)).await;
    // What is not deleted by then stays; the torrent is forgotten all the same.
    let _ = timeout(LONGEST_REMOVAL, librarian).await;
}

/// Remembers what a torrent came to; without seeding, what is complete is done.
pub(super) fn settle(shelf: Option<&Shelf>, torrent: &TorrentHandle, no_seed: bool) {
    let view = torrent.view();
    if no_seed && progress::is_complete(&view) {
        keeping::change(shelf, torrent.info_hash(), |entry| entry.done = true);
    }
    keeping::settle(shelf, torrent, leaving::outcome(torrent).is_err());
}

/// What is said on the ordinary screen: what was done, and where it is.
pub(super) fn farewell(torrents: &[TorrentHandle], is_demo: bool) -> Result<(), Failure> {
    let views: Vec<Arc<View>> = torrents.iter().map(TorrentHandle::view).collect();
    let said = match &views[..] {
        _ if is_demo => {
            "That was the demo: nothing of it is kept. `ttui FILE.torrent` downloads yours.\n".to_owned()
        }
        [] => String::new(),
        [view] => ui::summary(view),
        views => ui::summary_of_several(views),
    };
    if terminal::is_heard() {
        Stdout.write(said.as_bytes())?;
    }
    Ok(())
}

/// The highest status of those that ended: what failed is told, and what is not complete is not achieved.
pub(super) fn status(torrents: &[TorrentHandle]) -> Status {
    let of = |torrent: &TorrentHandle| match leaving::outcome(torrent).map_err(Failure::Engine) {
        Err(failure) => {
            complain(&failure);
            Status::Told(failure.status())
        }
        Ok(()) if progress::is_complete(&torrent.view()) => Status::Done,
        Ok(()) => Status::NotAchieved,
    };
    torrents.iter().map(of).max().unwrap_or(Status::Done)
}

/// Says what is waited for where the end takes longer than a person expects.
async fn explained(end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    if timeout(UNEXPLAINED, &mut end).await.is_ok() {
        return;
    }
    if terminal::is_heard() {
        // A terminal that takes no line does not keep the download from ending.
        let _ = Stdout.write(b"Telling trackers that we are gone; Ctrl-C ends that.\n");
    }
    end.await;
}
