//! `ttui check`

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::args::{CheckArgs, recording};
use super::export::peers_csv;
use super::output::Stdout;
use super::signals::asked_to_end;
use super::{Failure, Status, open_wanted, peers, runtime, warn};
use crate::config::Settings;
use crate::engine::{self, CheckOptions};
use crate::report;
use crate::ui::export::Peers;
use crate::units;

pub(super) fn run(args: &CheckArgs, settings: &Settings) -> Result<Status, Failure> {
    let wanted = open_wanted(&args.torrent)?;
    let options = CheckOptions {
        port: args.port,
        peers: peers::addresses(&args.peer)?,
        encryption: args.encryption.unwrap_or(settings.encryption).policy(),
        pex: settings.pex && !args.no_pex,
        time: args.time,
        recording: recording(args.record.as_ref(), args.privacy),
        ..CheckOptions::default()
    };
    let most = units::duration(args.time.max(Duration::from_secs(1)));
    let waiting = Waiting::begin(&format!("Trying every peer, for {most} at most. Ctrl-C ends it now."));
    let interrupted = AtomicBool::new(false);
    let runtime = runtime()?;
    let view = runtime.block_on(async {
        let asked = asked_to_end()?;
        let stop = async {
            asked.await;
            interrupted.store(true, Ordering::Relaxed);
        };
        Ok::<_, Failure>(engine::check(wanted, options, stop).await?)
    });
    runtime.shutdown_background();
    drop(waiting);
    let view = view?;
    let form = args.form;
    let shown = match () {
        () if form.json => report::check::json(&view) + "\n",
        () if form.csv => peers_csv(&Peers::all(&view), &view),
        () if form.markdown => report::check::markdown(&view),
        () => report::check::text(&view),
    };
    // Text and Markdown have it.
    if let Some((_, note)) = view.answer.as_ref().filter(|_| form.json || form.csv) {
        warn(note);
    }
    Stdout.write(shown.as_bytes())?;
    let achieved = view.funnel.handshaken > 0 && !interrupted.load(Ordering::Relaxed);
    Ok(if achieved { Status::Done } else { Status::NotAchieved })
}

/// A word on a terminal while nothing else is written.
pub(super) struct Waiting(bool);

impl Waiting {
    pub(super) fn begin(words: &str) -> Self {
        let shown = io::stderr().is_terminal();
        if shown {
            let _ = write!(io::stderr(), "{words}");
        }
        Self(shown)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0 {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
