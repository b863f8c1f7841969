//! Each rule provoked, and nearly.

mod answers;
mod check;
mod dials;
mod metadata;
mod service;
mod sources;
mod transports;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use super::{Verdict, VerdictCode};
use crate::event::{
    Cause, Direction, DiskSample, Encryption, Event, LooksLike, PeerKey, Phase, Severity, Side, Source,
    TrackerError,
};
use crate::ledger::script::Script;
use crate::metainfo::Bitfield;

fn evidence(verdict: &Verdict, name: &str) -> u64 {
    verdict.evidence.iter().find(|(known, _)| *known == name).map(|(_, number)| *number).unwrap()
}

/// A run in which so many of two live peers send at this rate, for so long.
fn flowing(bps: u64, seconds: u64) -> Script {
    let mut run = Script::downloading(10_000);
    let peers = run.peers(2);
    run.seed(peers[0]).seed(peers[1]).unchoke(peers[0]);
    run.send(&peers[..1], bps, seconds);
    run
}
