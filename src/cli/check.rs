//! `ttui check` and `ttui handshake`

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::args::{CheckArgs, HandshakeArgs, recording};
use super::output::Stdout;
use super::signals::asked_to_end;
use super::{Failure, Status, open_torrent, runtime};
use crate::engine::{self, CheckOptions};
use crate::report;
use crate::units;

pub(super) fn run(args: &CheckArgs) -> Result<Status, Failure> {
    let torrent = open_torrent(&args.torrent)?;
    let options = CheckOptions {
        port: args.port,
        peers: args.peer.clone(),
        encryption: args.encryption.policy(),
        time: args.time,
        recording: recording(args.record.as_ref(), args.privacy),
        ..CheckOptions::default()
    };
    let waiting = Waiting::begin(args);
    let interrupted = AtomicBool::new(false);
    let runtime = runtime()?;
    let view = runtime.block_on(async {
        let asked = asked_to_end()?;
        let stop = async {
            asked.await;
            interrupted.store(true, Ordering::Relaxed);
        };
        Ok::<_, Failure>(engine::check(torrent, options, stop).await?)
    });
    runtime.shutdown_background();
    drop(waiting);
    let view = view?;
    let form = args.form;
    let shown = match () {
        () if form.json => report::check::json(&view) + "\n",
        () if form.csv => report::check::csv(&view),
        () if form.markdown => report::check::markdown(&view),
        () => report::check::text(&view),
    };
    Stdout.write(shown.as_bytes())?;
    let achieved = view.funnel.handshaken > 0 && !interrupted.load(Ordering::Relaxed);
    Ok(if achieved { Status::Done } else { Status::NotAchieved })
}

/// A word on a terminal while nothing else is written.
struct Waiting(bool);

impl Waiting {
    fn begin(args: &CheckArgs) -> Self {
        let shown = io::stderr().is_terminal();
        if shown {
            let most = units::duration(args.time.max(Duration::from_secs(1)));
            let _ = write!(io::stderr(), "Trying every peer, for {most} at most. Ctrl-C ends it now.");
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

pub(super) fn handshake(args: &HandshakeArgs) -> Result<Status, Failure> {
    let torrent = open_torrent(&args.torrent)?;
    let runtime = runtime()?;
    let view = runtime.block_on(engine::shake_hands(&torrent, args.peer));
    runtime.shutdown_background();
    let view = view?;
    let shown =
        if args.json { report::handshake::json(&view) + "\n" } else { report::handshake::text(&view) };
    Stdout.write(shown.as_bytes())?;
    Ok(if view.funnel.handshaken > 0 { Status::Done } else { Status::NotAchieved })
}
