//! A recording in the same screens.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::EventStream;
use tokio::sync::mpsc;

use super::options::options_of;
use crate::cli::signals::asked_to_end;
use crate::cli::{Failure, Status, columns, runtime};
use crate::config::Settings;
use crate::engine::clock::Clock;
use crate::record::{Player, Replay};
use crate::ui::{self, Link, Replayed};

/// Shows a recording until the user leaves or a signal comes.
pub(in crate::cli) fn replay(
    player: Player<File>,
    name: String,
    settings: &Settings,
) -> Result<Status, Failure> {
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
    let mut guard = super::terminal()?;
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
