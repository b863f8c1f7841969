//! A download on the screen: the only place that knows both the engine and the screen.

mod begun;
mod goodbye;
mod options;
mod replayed;

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crossterm::event::EventStream;
use tokio::sync::{mpsc, watch};

use self::begun::Begun;
use self::options::{is_first_run, options_of};
pub(super) use self::replayed::replay;
use super::chosen::Selection;
use super::signals::{asked_to_end, interrupted};
use super::time::{since_1970, time_of_day};
use super::{Failure, Status, columns, home, leaving, librarian, runtime};
use crate::command::{Addition, Command, SessionCommand, Stood, What};
use crate::config::Settings;
use crate::engine::{Control, Options, Recording, Session, TorrentHandle, TorrentOptions, Wanted};
use crate::ledger::{Standing, Torrents};
use crate::metainfo::{InfoHash, NamedFiles};
use crate::ui::{self, Left, Link, Reason, terminal};

/// How it is shown, and when it ends.
#[derive(Clone, Debug)]
pub(super) struct Style {
    pub(super) settings: Settings,
    /// End when complete.
    pub(super) no_seed: bool,
    /// Nothing of it is kept, so there is nothing to say where it is.
    pub(super) demo: bool,
}

/// Downloads until the user leaves, a signal comes, or, where that is wanted, everything is here. What could not be read is
/// told, and the others run; of one torrent that was named the failure is returned.
pub(super) fn run(selection: Selection, options: Options, style: Style) -> Result<Status, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(Box::pin(show(selection, options, style)));
    runtime.shutdown_background();
    ended
}

async fn show(selection: Selection, options: Options, style: Style) -> Result<Status, Failure> {
    let Selection { shelf, running, resting, waiting, is_all, joining } = selection;
    let signals = asked_to_end()?;
    let (started, most_connections) = (since_1970(), options.max_peers);
    let (of_session, of_torrent) = options.parts();
    let mut session = Session::start(of_session)?;
    let is_one = running.len() == 1 && resting.is_empty();
    let Begun { torrents, abouts, status } =
        Begun::of(running, &session, &of_torrent, most_connections, is_one && !is_all)?;
    if torrents.is_empty() && resting.is_empty() && !is_all {
        return Ok(status);
    }
    let folder = of_torrent.output.clone();
    let control = session.control(for_others(of_torrent));
    let (mut control, librarian) = match &shelf {
        Some(shelf) => librarian::attend(control, Arc::clone(shelf), resting, time_of_day),
        None => (control, tokio::spawn(async {})),
    };
    if let Some(first) = torrents.first() {
        let _ = control.commands.send(SessionCommand::Look(first.info_hash()));
        // The first frame shows what there is; the session answers as long as it is there.
        let _ = control.view.wait_for(Option::is_some).await;
    }
    if let Some(joining) = joining {
        tokio::spawn(add(joining, control.commands.clone()));
    }
    let mut guard = terminal()?;
    let alone = torrents.first().filter(|_| is_one).cloned();
    let awaited = (style.no_seed && !torrents.is_empty()).then_some(torrents);
    let complete = complete(awaited, &session, control.torrents.clone());
    let stop = either(signals, either(complete, failed(alone, &session)));
    let options = ui::Options {
        welcome: is_first_run(!style.demo),
        // Nothing more is known of those that are added.
        about: Arc::new(ui::About { most_connections, ..ui::About::new(None, None) }),
        abouts,
        surroundings: Arc::new(ui::Surroundings {
            home: home(),
            folder,
            waiting,
            is_file: Some(Path::is_file),
        }),
        ..options_of(&style.settings, started)
    };
    let chosen = options.columns.clone();
    let Control { torrents: rows, view, commands } = control;
    let link = Link::Session { torrents: rows, view, commands };
    let left = ui::run(&mut guard.terminal, EventStream::new(), link, options, stop).await;
    // With the terminal given back Ctrl-C is a signal, and must not be lost before anybody waits for it.
    let interrupted = interrupted();
    drop(guard);
    if let Ok(left) = &left
        && !style.demo
    {
        columns::keep(&chosen, &left.columns);
    }
    end_all(left, &session);
    let mut torrents = session.torrents();
    goodbye::wait_for(&mut torrents, librarian, interrupted).await;
    session.farewell().await;
    torrents.iter().for_each(|torrent| goodbye::settle(shelf.as_deref(), torrent, style.no_seed));
    if is_one && let [torrent] = &torrents[..] {
        leaving::outcome(torrent)?;
    }
    goodbye::farewell(&torrents, style.demo)?;
    Ok(status.max(goodbye::status(&torrents)))
}

/// Adds what joins.
async fn add(mut joining: mpsc::Receiver<Wanted>, to: mpsc::UnboundedSender<SessionCommand>) {
    while let Some(wanted) = joining.recv().await {
        let what = match wanted {
            Wanted::Torrent(torrent) => What::Torrent(torrent),
            Wanted::Magnet(magnet) => What::Magnet(magnet),
        };
        let addition = Addition { ticket: None, what, output: None, paused: false, stood: Stood::default() };
        // A session that is over takes none any more.
        let _ = to.send(SessionCommand::Add(Box::new(addition)));
    }
}

/// What holds for torrents that come later: not what is named for one.
fn for_others(options: TorrentOptions) -> TorrentOptions {
    TorrentOptions {
        peers: Vec::new(),
        files: NamedFiles::default(),
        recording: Recording::default(),
        ..options
    }
}

/// Takes the terminal.
fn terminal() -> Result<terminal::Guard, Failure> {
    terminal::Guard::take().map_err(|error: io::Error| Failure::Machine(format!("the terminal: {error}")))
}

/// Asks all torrents to end, where the screen has not.
fn end_all(left: io::Result<Left>, session: &Session) {
    match left.map(|left| left.reason) {
        // The screen has asked for the end already: asking again would mean that nobody waits for trackers.
        Ok(Reason::Quit) => {}
        Ok(Reason::Ended | Reason::Stopped | Reason::InputClosed) => session.send_all(Command::Quit),
        // The terminal is gone, as when its window is closed: that is a way to leave, too.
        Err(error) => {
            tracing::warn!(%error, "the terminal is gone");
            session.send_all(Command::Quit);
        }
    }
}

/// Ready when everything is here or has failed; never where nobody asks.
async fn complete(
    torrents: Option<Vec<TorrentHandle>>,
    session: &Session,
    rows: watch::Receiver<Arc<Torrents>>,
) {
    let Some(torrents) = torrents else { return std::future::pending().await };
    for mut torrent in torrents {
        // What ended it is told in its row, and in the end.
        while torrent.completed().await.is_err()
            && let Some(next) = next_run(torrent.info_hash(), session, rows.clone()).await
        {
            torrent = next;
        }
    }
}

/// The run after one that ended: there is one when its files were moved.
async fn next_run(
    id: InfoHash,
    session: &Session,
    mut rows: watch::Receiver<Arc<Torrents>>,
) -> Option<TorrentHandle> {
    let next = || {
        let runs = |run: &TorrentHandle| run.info_hash() == id && run.outcome().is_none();
        session.torrents().into_iter().find(runs)
    };
    let is_settled = |all: &Arc<Torrents>| match all.row(id).map(|row| &row.standing) {
        None | Some(Standing::Failed(_)) => true,
        Some(Standing::Moving { .. }) => false,
        Some(_) => next().is_some(),
    };
    rows.wait_for(is_settled).await.is_ok().then(next).flatten()
}

/// Ready when the one torrent that was named has failed, and there is no other; then there is nothing to look at.
async fn failed(alone: Option<TorrentHandle>, session: &Session) {
    if let Some(mut torrent) = alone
        && torrent.ended().await.is_err()
        && session.torrents().len() <= 1
    {
        return;
    }
    std::future::pending().await
}

async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! {
        () = one => {}
        () = other => {}
    }
}
