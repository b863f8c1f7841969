//! A torrent of a session, as those hold it who look at it and ask things of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::command::{Command, SessionCommand};
use crate::engine::EngineError;
use crate::engine::clock::Clock;
use crate::engine::torrent::Asked;
use crate::event::{At, Phase, Queued};
use crate::ledger::{Torrents, View};
use crate::metainfo::InfoHash;

/// A view that is older says the time wrong.
const STALE: Duration = Duration::from_secs(1);

/// How a torrent ended, once it has.
pub(super) type Outcome = Option<Result<(), EngineError>>;

/// What a session keeps of a torrent under way.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) commands: mpsc::UnboundedSender<Command>,
    /// What is asked of it for the sake of others.
    pub(super) asked: Arc<watch::Sender<Asked>>,
    pub(super) clock: Clock,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) task: AbortHandle,
    pub(super) outcome: watch::Receiver<Outcome>,
    /// How long it seeded in this session, milliseconds.
    pub(super) seeded: Arc<AtomicU64>,
}

impl Running {
    pub(super) fn send(&self, command: Command) {
        if command == Command::Quit {
            self.cancel.store(true, Ordering::Relaxed);
        }
        // A torrent that is over takes no more wishes.
        let _ = self.commands.send(command);
    }

    /// Its turn comes, or it has to wait.
    pub(super) fn take_turn(&self, waits: Option<Queued>) {
        self.asked.send_if_modified(|asked| std::mem::replace(&mut asked.waits, waits) != waits);
    }

    /// Somebody watches it from now on, or nobody.
    pub(super) fn watch(&self, watched: bool) {
        self.asked.send_if_modified(|asked| std::mem::replace(&mut asked.watched, watched) != watched);
    }

    /// Has it show how it stands.
    pub(super) fn show(&self) {
        self.asked.send_modify(|_| ());
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

/// Whether everything is here and good, be it given on or not.
fn is_complete(view: &View) -> bool {
    let is_here = view.phase == Phase::Seeding || matches!(view.phase, Phase::Queued(_)) && view.is_whole();
    is_here && !view.wants_nothing()
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
        let (view, until) = self.known();
        if until == view.at { view } else { Arc::new(View { at: until, ..(*view).clone() }) }
    }

    /// What became known last, and until when it is right: where nothing happened since, only time went on.
    pub fn known(&self) -> (Arc<View>, At) {
        let view = Arc::clone(&self.views.borrow());
        let now = self.running.clock.now();
        let is_new = self.outcome().is_some() || now.saturating_sub(view.at) < STALE;
        let until = if is_new { view.at } else { now };
        (view, until)
    }

    /// What is known, whenever it changes: four times a second at most, and at once after a command.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.views.clone()
    }

    /// Has its views go on with time from now on, also where nothing happens.
    pub fn watch(&self) {
        self.running.watch(true);
    }

    /// Asks for something.
    pub fn send(&self, command: Command) {
        self.running.send(command);
    }

    /// Where commands go, for callers that send many.
    pub fn commands(&self) -> mpsc::UnboundedSender<Command> {
        self.running.commands.clone()
    }

    /// For how long it seeded in this session, up to its last pause or its end.
    pub fn seeded(&self) -> Duration {
        Duration::from_millis(self.running.seeded.load(Ordering::Relaxed))
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
            if is_complete(&self.views.borrow_and_update()) {
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
