//! A download on the screen: the only place that knows both the engine and the screen.

use std::fs::File;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossterm::event::EventStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::chosen::Chosen;
use super::output::Stdout;
use super::signals::{asked_to_end, interrupted, woken};
use super::{Failure, Status, columns, export, keeping, leaving, runtime};
use crate::command::Command;
use crate::config::Settings;
use crate::engine::clock::Clock;
use crate::engine::{Download, Options, Wanted};
use crate::event::Phase;
use crate::library::Shelf;
use crate::record::{Player, Replay};
use crate::report::progress;
use crate::storage;
use crate::ui::{self, Colours, Ground, Look, Question, Reason, Replayed, terminal};

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

/// Downloads until the user leaves, a signal comes, or, where that is wanted, everything is here.
pub(super) fn run(
    chosen: Chosen,
    shelf: Option<&Shelf>,
    options: Options,
    style: Style,
) -> Result<Status, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(Box::pin(show(chosen, shelf, options, style)));
    runtime.shutdown_background();
    ended
}

async fn show(
    chosen: Chosen,
    shelf: Option<&Shelf>,
    options: Options,
    style: Style,
) -> Result<Status, Failure> {
    let Chosen { wanted, output } = chosen;
    let options = Options { output, ..options };
    let signals = asked_to_end()?;
    let started = since_1970();
    let about = Arc::new(about(&wanted, &options));
    let download = Download::start(wanted, options)?;
    let views = download.views();
    let refused = |error: io::Error| Failure::Machine(format!("the terminal: {error}"));
    let mut guard = terminal::Guard::take().map_err(refused)?;
    let stop = either(signals, complete(style.no_seed.then(|| download.views())));
    let welcome = is_first_run(!style.demo);
    let options = ui::Options { welcome, about, ..options_of(&style.settings, started) };
    let chosen = options.columns.clone();
    let left = ui::run(
        &mut guard.terminal,
        EventStream::new(),
        download.views(),
        download.commands(),
        options,
        stop,
    )
    .await;
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
        Ok(Reason::Ended | Reason::Quit) => {}
        Ok(Reason::Stopped | Reason::InputClosed) => download.send(Command::Quit),
        // The terminal is gone, as when its window is closed: that is a way to leave, too.
        Err(error) => {
            tracing::warn!(%error, "the terminal is gone");
            download.send(Command::Quit);
        }
    }
    let torrent = download.torrent();
    explained(leaving::ended(&mut [torrent.clone()], interrupted)).await;
    let (outcome, view) = (leaving::outcome(&torrent), views.borrow().clone());
    if style.no_seed && progress::is_complete(&view) {
        keeping::change(shelf, torrent.info_hash(), |entry| entry.done = true);
    }
    keeping::settle(shelf, &view, outcome.is_err());
    outcome?;
    let farewell = if style.demo {
        "That was the demo; nothing of it is kept. `ttui FILE.torrent` downloads for real.\n".to_owned()
    } else {
        ui::summary(&view)
    };
    if terminal::is_heard() {
        Stdout.write(farewell.as_bytes())?;
    }
    Ok(if progress::is_complete(&view) { Status::Done } else { Status::NotAchieved })
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
    let left = ui::run(&mut guard.terminal, EventStream::new(), views, commands, options, signals).await;
    drop(guard);
    match left {
        Ok(left) => columns::keep(&chosen, &left.columns),
        Err(error) => tracing::warn!(%error, "the terminal is gone"),
    }
    Ok(Status::Done)
}

/// What the screen is told beside views.
fn about(wanted: &Wanted, options: &Options) -> ui::About {
    let Wanted::Torrent(torrent) = wanted else {
        let magnet = wanted.magnet();
        return ui::About { most_connections: options.max_peers, magnet, ..ui::About::new(None, None) };
    };
    ui::About {
        created_s: torrent.creation_date,
        hybrid: torrent.info_hash_v2.is_some(),
        most_connections: options.max_peers,
        magnet: wanted.magnet(),
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

/// Ready when everything is here; never where nobody asks.
async fn complete(views: Option<watch::Receiver<Arc<crate::ledger::View>>>) {
    if let Some(mut views) = views
        && views.wait_for(|view| view.phase == Phase::Seeding).await.is_ok()
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
        started,
        about: Arc::default(),
        time_of_day: Some(since_1970),
        replayed: None,
    }
}
