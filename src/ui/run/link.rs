//! What the screen looks at, and where wishes go: one torrent, or a session of them.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::command::{Command, SessionCommand};
use crate::event::At;
use crate::ledger::{Before, Ledger, TorrentFacts, TorrentRow, Torrents, Totals, View};
use crate::metainfo::{InfoHash, PeerName};

/// What is looked at, and where wishes go.
#[derive(Debug)]
pub enum Link {
    /// One torrent, and no other beside it.
    One {
        /// Its views.
        views: watch::Receiver<Arc<View>>,
        /// Takes what is asked of it.
        commands: mpsc::UnboundedSender<Command>,
    },
    /// Those of a session.
    Session {
        /// A row of each.
        torrents: watch::Receiver<Arc<Torrents>>,
        /// The views of the one that [`SessionCommand::Look`] named last.
        view: watch::Receiver<Option<Arc<View>>>,
        /// Takes what is asked.
        commands: mpsc::UnboundedSender<SessionCommand>,
    },
}

/// What is new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// A view.
    View,
    /// The rows of all torrents.
    Torrents,
    /// There will be nothing new any more.
    Over,
}

impl Link {
    /// Waits for something new.
    pub(super) async fn changed(&mut self) -> News {
        let of = |news| move |changed: Result<(), _>| if changed.is_ok() { news } else { News::Over };
        match self {
            Self::One { views, .. } => of(News::View)(views.changed().await),
            Self::Session { torrents, view, .. } => tokio::select! {
                biased;
                changed = torrents.changed() => of(News::Torrents)(changed),
                changed = view.changed() => of(News::View)(changed),
            },
        }
    }

    /// The newest view, where there is one.
    pub(super) fn view(&mut self) -> Option<Arc<View>> {
        match self {
            Self::One { views, .. } => Some(Arc::clone(&views.borrow_and_update())),
            Self::Session { view, .. } => view.borrow_and_update().clone(),
        }
    }

    /// The newest rows; of one torrent that of its view.
    pub(super) fn torrents(&mut self, view: &View) -> Arc<Torrents> {
        match self {
            Self::One { .. } => Arc::new(alone(view)),
            Self::Session { torrents, .. } => Arc::clone(&torrents.borrow_and_update()),
        }
    }

    /// Asks something of a torrent. Nobody takes wishes when the engine is gone; then there is nothing new either.
    pub(super) fn send(&self, to: InfoHash, command: Command) {
        match (self, command) {
            (Self::One { commands, .. }, command) => _ = commands.send(command),
            (Self::Session { .. }, Command::Quit) => self.wish(SessionCommand::Quit),
            // Limits hold for all of them.
            (Self::Session { .. }, Command::Limit { down_bps, up_bps }) => {
                self.wish(SessionCommand::Limit { down_bps, up_bps });
            }
            (Self::Session { .. }, command) => self.wish(SessionCommand::To(to, command)),
        }
    }

    /// Asks something of the session; of one torrent what can be asked of that.
    pub(super) fn wish(&self, wish: SessionCommand) {
        match (self, wish) {
            (Self::Session { commands, .. }, wish) => _ = commands.send(wish),
            (Self::One { commands, .. }, SessionCommand::To(_, command) | SessionCommand::ToAll(command)) => {
                _ = commands.send(command);
            }
            (Self::One { commands, .. }, SessionCommand::AddPeer { peer: PeerName::Address(addr), .. }) => {
                _ = commands.send(Command::AddPeer(addr));
            }
            (Self::One { .. }, _) => {}
        }
    }
}

/// The row of a torrent that has no other beside it.
fn alone(view: &View) -> Torrents {
    let rows = vec![Arc::new(TorrentRow::of(view, Before::default()))];
    let totals = Totals::of(&rows);
    Torrents {
        at: view.at,
        port: view.port.unwrap_or_default(),
        limits: view.limits,
        totals,
        rows,
        ..Torrents::default()
    }
}

/// What is shown before there is anything to look at.
pub(super) fn nothing() -> Arc<View> {
    let facts = TorrentFacts {
        info_hash: InfoHash([0; 20]),
        metadata: None,
        magnet_name: None,
        output: ".".into(),
        peer_id: String::new(),
    };
    Ledger::new(Arc::new(facts)).view(At::ZERO)
}
