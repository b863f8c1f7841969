//! A download on the screen: the only place that knows both the engine and the screen.

use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossterm::event::EventStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::chosen::{Chosen, Selection};
use super::output::Stdout;
use super::signals::{asked_to_end, interrupted, woken};
use super::{Failure, Status, columns, export, keeping, leaving, librarian, runtime};
use crate::command::{Command, SessionCommand};
use crate::config::Settings;
use crate::engine::clock::Clock;
use crate::engine::{Control, Options, Recording, Session, TorrentHandle, TorrentOptions, Wanted};
use crate::ledger::View;
use crate::library::Shelf;
use crate::metainfo::NamedFiles;
use crate::record::{Player, Replay};
use crate::report::progress;
use crate::storage;
use crate::ui::{self, Colours, Ground, Link, Look, Question, Reason, Replayed, terminal};

/// How long the end may take without a word.
const UNEXPLAINED: Duration = Duration::from_millis(500);

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
/// told, and the others run; of one torrent the failure is returned.
pub(super) fn run(selection: Selection, options: Options, style: Style) -> Result<Status, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(Box::pin(show(selection, options, style)));
    runtime.shutdown_background();
    ended
}

async fn show(selection: Selection, options: Options, style: Style) -> Result<Status, Failure> {
    let Selection { shelf, running, resting, .. } = selection;
    let signals = asked_to_end()?;
    let started = since_1970();
    let most_connections = options.max_peers;
    let (of_session, of_torrent) = options.parts();
    let mut session = Session::start(of_session)?;
    let is_one = running.len() == 1;
    let (mut abouts, mut torrents, mut status) = (HashMap::new(), Vec::new(), Status::Done);
    for chosen in running {
        let added = chosen.and_then(|Chosen { wanted, output, paused }| {
            abouts.insert(wanted.info_hash(), Arc::new(about(&wanted, most_connections)));
            Ok(session.add(
                wanted,
                TorrentOptions { output, paused: paused || of_torrent.paused, ..of_torrent.clone() },
            )?)
        });
        match added {
            Ok(torrent) => torrents.push(torrent),
            Err(failure) if is_one => return Err(failure),
            Err(failure) => {
                super::complain(&failure);
                status = status.max(Status::Told(failure.status()));
            }
        }
    }
    let Some(first) = torrents.first() else { return Ok(status) };
    // What is named for one is not for those that come later.
    let added = TorrentOptions {
        peers: Vec::new(),
        files: NamedFiles::default(),
        recording: Recording::default(),
        ..of_torrent
    };
    let control = session.control(added);
    let mut control = match &shelf {
        Some(shelf) => librarian::attend(control, Arc::clone(shelf), resting, time_of_day),
        None => control,
    };
    let _ = control.commands.send(SessionCommand::Look(first.info_hash()));
    // The first frame shows what there is; the session answers as long as it is there.
    let _ = control.view.wait_for(Option::is_some).await;
    let alone = torrents.first().filter(|_| is_one).cloned();
    let refused = |error: io::Error| Failure::Machine(format!("the terminal: {error}"));
    let mut guard = terminal::Guard::take().map_err(refused)?;
    let ends = either(complete(style.no_seed.then(|| torrents.clone())), failed(alone, &session));
    let stop = either(signals, ends);
    let welcome = is_first_run(!style.demo);
    // Nothing more is known of those that are added.
    let about = Arc::new(ui::About { most_connections, ..ui::About::new(None, None) });
    let options = ui::Options { welcome, about, abouts, ..options_of(&style.settings, started) };
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
    let mut torrents = session.torrents();
    explained(leaving::ended(&mut torrents, interrupted)).await;
    torrents.iter().for_each(|torrent| settle(shelf.as_deref(), torrent, style.no_seed));
    if is_one && let [torrent] = &torrents[..] {
        leaving::outcome(torrent)?;
    }
    farewell(&torrents, style.demo)?;
    for torrent in &torrents {
        match leaving::outcome(torrent).map_err(Failure::Engine) {
            Err(failure) => {
                super::complain(&failure);
                status = status.max(Status::Told(failure.status()));
            }
            Ok(()) if progress::is_complete(&torrent.view()) => {}
            Ok(()) => status = status.max(Status::NotAchieved),
        }
    }
    Ok(status)
}

/// Remembers what a torrent came to.
fn settle(shelf: Option<&Shelf>, torrent: &TorrentHandle, no_seed: bool) {
    let view = torrent.view();
    if no_seed && progress::is_complete(&view) {
        keeping::change(shelf, torrent.info_hash(), |entry| entry.done = true);
    }
    keeping::settle(shelf, &view, leaving::outcome(torrent).is_err());
}

/// The time since 1970.
fn time_of_day() -> Duration {
    since_1970().unwrap_or_default()
}

/// What is said on the ordinary screen: what was done, and where it is.
fn farewell(torrents: &[TorrentHandle], is_demo: bool) -> Result<(), Failure> {
    let views: Vec<Arc<View>> = torrents.iter().map(TorrentHandle::view).collect();
    let said = match &views[..] {
        _ if is_demo => {
            "That was the demo; nothing of it is kept. `ttui FILE.torrent` downloads for real.\n".to_owned()
        }
        [view] => ui::summary(view),
        views => ui::summary_of_several(views),
    };
    if terminal::is_heard() {
        Stdout.write(said.as_bytes())?;
    }
    Ok(())
}

/// Shows a recording until the user leaves or a signal comes.
pub(super) fn replay(player: Player<File>, name: String, settings: &Settings) -> Result<Status, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(Box::pin(show_again(player, name, settings)));
    runtime.shutdown_background();
    ended
}

async fn show_again(player: Player<File>, name: String, settings: &Settings) -> Result<Status, Failure> {
    let signals = asked_to_end()?;
    let started = Duration::from_millis(player.wall_ms());
    let clock = Clock::start();
    let replay = Arc::new(Replay::start(player, move || clock.now()));
    let views = replay.views();
    // A recording takes no commands; they are let go with it.
    let (commands, _unheard) = mpsc::unbounded_channel();
    let refused = |error: io::Error| Failure::Machine(format!("the terminal: {error}"));
    let mut guard = terminal::Guard::take().map_err(refused)?;
    let options = ui::Options {
        replayed: Some(Replayed { name, replay }),
        bell: None,
        time_of_day: None,
        ..options_of(settings, Some(started))
    };
    let chosen = options.columns.clone();
    let link = Link::One { views, commands };
    let left = ui::run(&mut guard.terminal, EventStream::new(), link, options, signals).await;
    drop(guard);
    match left {
        Ok(left) => columns::keep(&chosen, &left.columns),
        Err(error) => tracing::warn!(%error, "the terminal is gone"),
    }
    Ok(Status::Done)
}

/// What the screen is told of a torrent beside its views.
fn about(wanted: &Wanted, most_connections: usize) -> ui::About {
    let magnet = wanted.magnet();
    let Wanted::Torrent(torrent) = wanted else {
        return ui::About { most_connections, magnet, ..ui::About::new(None, None) };
    };
    ui::About {
        created_s: torrent.creation_date,
        hybrid: torrent.info_hash_v2.is_some(),
        most_connections,
        magnet,
        ..ui::About::new(torrent.comment.as_deref(), torrent.created_by.as_deref())
    }
}

/// Whether nobody of this home was here before. That somebody was is remembered, if it is to be, by an empty file
/// beside those of downloads; where none can be written, nobody is welcomed again and again.
fn is_first_run(remember: bool) -> bool {
    let env = |name| std::env::var_os(name);
    let Some(folder) = storage::state_dir(env("XDG_STATE_HOME"), env(storage::HOME)) else {
        return false;
    };
    let mark = folder.join("welcomed");
    let written = || std::fs::create_dir_all(&folder).and_then(|()| File::create_new(&mark)).is_ok();
    if remember { written() } else { !mark.exists() }
}

/// The time of day, for times that a person compares with others.
#[expect(clippy::disallowed_methods, reason = "the one place where the time of day enters")]
pub(super) fn since_1970() -> Option<Duration> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()
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

/// Ready when everything is here or has failed; never where nobody asks.
async fn complete(torrents: Option<Vec<TorrentHandle>>) {
    let Some(torrents) = torrents else { return std::future::pending().await };
    for mut torrent in torrents {
        // What ended it is told in its row, and in the end.
        let _ = torrent.completed().await;
    }
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

fn options_of(settings: &Settings, started: Option<Duration>) -> ui::Options {
    let screen = &settings.screen;
    let env = |name: &str| std::env::var(name).ok();
    let look = Look::detect(screen.theme.look(), &screen.palettes, screen.color.choice(), screen.ascii, env);
    let light = *screen.palettes.of(screen.theme.look().scheme(Ground::Light));
    // With few colours they are the terminal's own; and elsewhere its answer would be read as keys one by one.
    let has_grounds = cfg!(unix) && matches!(look.colours, Colours::True | Colours::Indexed);
    let asks = has_grounds && screen.theme.look().follows_the_ground();
    ui::Options {
        look: Look { units: screen.units.units(), ..look },
        background: asks.then_some(Question { ask: terminal::ask_background, light }),
        keys: Arc::new(settings.keys.clone()),
        columns: columns::to_begin_with(settings),
        log_by_day: screen.clock,
        frames_per_second: u16::from(screen.fps),
        suspend: Some(terminal::suspend),
        taken: Some(terminal::taken()),
        retake: Some(terminal::retake),
        woken: woken(),
        mouse: Some(terminal::set_mouse),
        mouse_taken: screen.mouse,
        welcome: false,
        title: screen.title.then_some(terminal::set_title),
        bell: screen.bell.then_some(terminal::ring),
        export: Some(export::write),
        copy: Some(terminal::copy),
        home: super::home(),
        started,
        about: Arc::default(),
        abouts: HashMap::new(),
        time_of_day: Some(since_1970),
        replayed: None,
    }
}
