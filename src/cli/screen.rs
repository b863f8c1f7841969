//! A download on the screen: the only place that knows both the engine and the screen.

use std::fs::File;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossterm::event::EventStream;
use tokio::sync::{mpsc, watch};

use super::args::{Color, ScreenArgs};
use super::output::Stdout;
use super::signals::{asked_to_end, interrupted};
use super::{Failure, Status, runtime};
use crate::engine::clock::Clock;
use crate::engine::{Download, EngineError, Options};
use crate::event::Phase;
use crate::metainfo::Torrent;
use crate::record::{Player, Replay};
use crate::report::progress;
use crate::ui::{self, ColourChoice, Colours, Look, Reason, Replayed, terminal};

/// How it is shown, and when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) screen: ScreenArgs,
    /// End when complete.
    pub(super) no_seed: bool,
    /// Nothing of it is kept, so there is nothing to say where it is.
    pub(super) demo: bool,
}

/// Downloads until the user leaves, a signal comes, or, where that is wanted, everything is here.
pub(super) fn run(torrent: Torrent, options: Options, style: Style) -> Result<Status, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(Box::pin(show(torrent, options, style)));
    runtime.shutdown_background();
    ended
}

async fn show(torrent: Torrent, options: Options, style: Style) -> Result<Status, Failure> {
    let signals = asked_to_end()?;
    let started = since_1970();
    let download = Download::start(torrent, options)?;
    let views = download.views();
    let refused = |error: io::Error| Failure::Machine(format!("the terminal: {error}"));
    let mut guard = terminal::Guard::take().map_err(refused)?;
    let stop = either(signals, complete(style.no_seed.then(|| download.views())));
    let options = options_of(style.screen, started);
    let left = ui::run(
        &mut guard.terminal,
        EventStream::new(),
        download.views(),
        download.commands(),
        options,
        stop,
    )
    .await;
    drop(guard);
    let ended = match left.map(|left| left.reason) {
        Ok(Reason::Ended) => over(download).await,
        Ok(Reason::Quit | Reason::Stopped | Reason::InputClosed) => goodbye(download).await,
        // The terminal is gone, as when its window is closed: that is a way to leave, too.
        Err(error) => {
            tracing::warn!(%error, "the terminal is gone");
            goodbye(download).await
        }
    };
    ended?;
    let view = views.borrow().clone();
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
pub(super) fn replay(player: Player<File>, name: String, screen: ScreenArgs) -> Result<Status, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(Box::pin(show_again(player, name, screen)));
    runtime.shutdown_background();
    ended
}

async fn show_again(player: Player<File>, name: String, screen: ScreenArgs) -> Result<Status, Failure> {
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
        ..options_of(screen, Some(started))
    };
    let left = ui::run(&mut guard.terminal, EventStream::new(), views, commands, options, signals).await;
    drop(guard);
    if let Err(error) = left {
        tracing::warn!(%error, "the terminal is gone");
    }
    Ok(Status::Done)
}

/// The time of day, for times that a person compares with others.
#[expect(clippy::disallowed_methods, reason = "the one place where the time of day enters")]
fn since_1970() -> Option<Duration> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()
}

async fn over(mut download: Download) -> Result<(), EngineError> {
    download.ended().await
}

/// Says goodbye to trackers and peers; who asks a second time does not want to wait for that.
async fn goodbye(download: Download) -> Result<(), EngineError> {
    tokio::select! {
        ended = download.stop() => ended,
        () = interrupted() => Ok(()),
    }
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

fn options_of(screen: ScreenArgs, started: Option<Duration>) -> ui::Options {
    let choice = match screen.color {
        Color::Auto => ColourChoice::Auto,
        Color::Never => ColourChoice::Never,
        Color::Ansi16 => ColourChoice::Exactly(Colours::Sixteen),
        Color::Indexed256 => ColourChoice::Exactly(Colours::Indexed),
        Color::True => ColourChoice::Exactly(Colours::True),
    };
    ui::Options {
        look: Look::detect(choice, screen.ascii, |name| std::env::var(name).ok()),
        frames_per_second: u16::from(screen.fps),
        suspend: Some(terminal::suspend),
        taken: Some(terminal::taken()),
        title: Some(terminal::set_title),
        bell: Some(terminal::ring),
        started,
        replayed: None,
    }
}
