//! A torrent of a session, as those hold it who look at it and ask things of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::command::{Command, SessionCommand};
use crate::engine::EngineError;
use crate::event::Phase;
use crate::ledger::{Torrents, View};
use crate::metainfo::InfoHash;

/// How a torrent ended, once it has.
pub(super) type Outcome = Option<Result<(), EngineError>>;

/// What a session keeps of a torrent under way.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) task: AbortHandle,
    pub(super) outcome: watch::Receiver<Outcome>,
}

impl Running {
    pub(super) fn send(&self, command: Command) {
        if command == Command::Quit {
            self.cancel.store(true, Ordering::Relaxed);
        }
        // A torrent that is over takes no more wishes.
        let _ = self.commands.send(command);
    }

    pub(super) fn is_over(&self) -> bool {
        self.outcome.borrow().is_some()
    }

    /// Waits for the end, whatever brings it about.
    pub(super) async fn ended(&mut self) -> Result<(), EngineError> {
        let ended = self.outcome.wait_for(Option::is_some).await;
        // Only a runtime that goes down takes the other end away.
        ended.ok().and_then(|outcome| outcome.clone()).unwrap_or(Err(EngineError::Internal))
    }

    /// Ends it at once, without goodbye.
    pub(super) fn abort(&self) {
        self.cancel.store(true, Ordering::Relaxed);
        self.task.abort();
    }
}

/// A torrent under way. Dropping it changes nothing: the session has the torrent.
#[derive(Clone, Debug)]
pub struct TorrentHandle {
    pub(super) info_hash: InfoHash,
    pub(super) views: watch::Receiver<Arc<View>>,
    pub(super) running: Running,
}

impl TorrentHandle {
    /// Which one it is.
    pub fn info_hash(&self) -> InfoHash {
        self.info_hash
    }

    /// What is known now.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.views.borrow())
    }

    /// What is known, whenever it changes: four times a second, and at once after a command.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.views.clone()
    }

    /// Asks for something.
    pub fn send(&self, command: Command) {
        self.running.send(command);
    }

    /// Where commands go, for callers that send many.
    pub fn commands(&self) -> mpsc::UnboundedSender<Command> {
        self.running.commands.clone()
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<Result<(), EngineError>> {
        self.running.outcome.borrow().clone()
    }

    /// Waits until everything is here and good.
    ///
    /// # Errors
    ///
    /// What ended the torrent before, be it the user.
    pub async fn completed(&mut self) -> Result<(), EngineError> {
        loop {
            if self.views.borrow_and_update().phase == Phase::Seeding {
                return Ok(());
            }
            if self.views.changed().await.is_err() {
                return self.ended().await.and(Err(EngineError::Ended));
            }
        }
    }

    /// Waits for the end, whatever brings it about.
    ///
    /// # Errors
    ///
    /// What brought it about, if not the user.
    pub async fn ended(&mut self) -> Result<(), EngineError> {
        self.running.ended().await
    }
}

/// What those hold who look at all torrents of a session, and ask things of them.
#[derive(Debug)]
pub struct Control {
    /// All torrents, whenever one changes, four times a second at most, and at once after a wish.
    pub torrents: watch::Receiver<Arc<Torrents>>,
    /// The views of the torrent that [`SessionCommand::Look`] named last; `None` before.
    pub view: watch::Receiver<Option<Arc<View>>>,
    /// Takes wishes; when it is dropped, nobody looks any more.
    pub commands: mpsc::UnboundedSender<SessionCommand>,
}
