//! `ttui replay`

use std::fs::File;
use std::io::{self, IsTerminal};

use super::args::ReplayArgs;
use super::output::Stdout;
use super::{Failure, Status, screen, warn};
use crate::config::Settings;
use crate::event::At;
use crate::record::{Player, RecordError, Recording};
use crate::report::{check, progress};

pub(super) fn run(args: &ReplayArgs, settings: &Settings) -> Result<Status, Failure> {
    let refused = |error: RecordError| Failure::Recording { file: args.file.clone(), error };
    let file = File::open(&args.file).map_err(|error| refused(error.into()))?;
    let recording = Recording::open(file).map_err(refused)?;
    let player = Player::new(recording).map_err(refused)?;
    if let Some(damage) = player.damage() {
        warn(&format!("{}: {damage}", args.file.display()));
    }
    if let Some(left_out) = player.left_out() {
        warn(&format!("{}: {left_out}", args.file.display()));
    }
    if args.headless || args.json || !io::stdout().is_terminal() {
        return last(player, args.json);
    }
    let name = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    screen::replay(player, name, settings)
}

/// How the run ended, in the words of a run without a screen; of a check, its report.
fn last(mut player: Player<File>, json: bool) -> Result<Status, Failure> {
    player.go_to(At::MAX);
    let view = player.view();
    let shown = match (view.probing, json) {
        (true, true) => check::json(&view) + "\n",
        (true, false) => check::text(&view),
        (false, true) => progress::last_json(&view, view.phase_reason.clone()) + "\n",
        (false, false) => format!("{}\n{}\n", progress::text(&view), progress::last_text(&view)),
    };
    Stdout.write(shown.as_bytes()).map(|_| Status::Done)
}
