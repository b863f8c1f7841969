//! `ttui handshake`

use std::sync::atomic::{AtomicBool, Ordering};

use super::args::HandshakeArgs;
use super::check::Waiting;
use super::output::Stdout;
use super::signals::asked_to_end;
use super::{Failure, Status, open_wanted, peers, runtime};
use crate::{engine, report};

pub(super) fn run(args: &HandshakeArgs) -> Result<Status, Failure> {
    let wanted = open_wanted(&args.torrent)?;
    let peer = peers::address(&args.peer)?;
    let waiting = Waiting::begin(&format!("Shaking hands with {}. Ctrl-C ends it now.", args.peer));
    let interrupted = AtomicBool::new(false);
    let runtime = runtime()?;
    let shaken = runtime.block_on(async {
        let asked = asked_to_end()?;
        let stop = async {
            asked.await;
            interrupted.store(true, Ordering::Relaxed);
        };
        Ok::<_, Failure>(engine::shake_hands(&wanted, peer, args.encryption.policy(), stop).await?)
    });
    runtime.shutdown_background();
    drop(waiting);
    let engine::HandsShaken { view, wire } = shaken?;
    let shown = match args.json {
        true => report::handshake::json(&view, &wire) + "\n",
        false => report::handshake::text(&view, &wire),
    };
    Stdout.write(shown.as_bytes())?;
    let achieved = view.funnel.handshaken > 0 && !interrupted.load(Ordering::Relaxed);
    Ok(if achieved { Status::Done } else { Status::NotAchieved })
}
