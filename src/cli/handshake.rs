//! `ttui handshake`

use super::args::HandshakeArgs;
use super::output::Stdout;
use super::waiting::{Waited, wait_for};
use super::{Failure, Status, open_wanted, peers};
use crate::swarm::DialPolicy;
use crate::{engine, report};

pub(super) fn run(args: &HandshakeArgs) -> Result<Status, Failure> {
    let wanted = open_wanted(&args.torrent)?;
    let peer = peers::address(&args.peer)?;
    let policy = DialPolicy { transport: args.transport.policy(), encryption: args.encryption.policy() };
    let words = format!("Shaking hands with {}. Ctrl-C ends it now.", args.peer);
    let Waited { outcome: engine::HandsShaken { view, wire }, interrupted } =
        wait_for(&words, async |stop| engine::shake_hands(&wanted, peer, policy, stop).await)?;
    let shown = match args.json {
        true => report::handshake::json(&view, &wire) + "\n",
        false => report::handshake::text(&view, &wire),
    };
    Stdout.write(shown.as_bytes())?;
    let achieved = view.funnel.handshaken > 0 && !interrupted;
    Ok(if achieved { Status::Done } else { Status::NotAchieved })
}
