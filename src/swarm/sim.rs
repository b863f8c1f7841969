//! Whole swarms in virtual time: real decisions, scripted peers, links, disks and trackers, one seed.
//!
//! A [`World`] is a heap of timed happenings. Its nodes are clients (the real [`Swarm`](super::Swarm), connections and
//! announces, with a simulated disk) and fakes that follow a [`Script`], as the peers of the tests over sockets do. Nothing in it knows of a
//! clock or a socket, and all chance comes from one seed, so a run can be repeated exactly.
//!
//! What must always hold is checked after every happening, on both sides of a connection: a fake notices what no
//! peer should ever be sent. A random run that fails names its seed. With `TTUI_SEED=n` in the environment the
//! random runs take that seed alone, and with `TTUI_SIM_RUNS=n` so many of them, from a seed of the moment on.

mod always;
mod churn;
mod client;
mod conn;
mod disk;
mod fake;
mod invariants;
mod large;
mod lines;
mod random;
#[allow(
    clippy::duplicate_mod,
    reason = "the streams of uTP in virtual time take their seeds in the same way"
)]
#[path = "../../tests/common/runs.rs"]
mod runs;
mod scenarios;
#[allow(dead_code, reason = "peers over sockets behave in more ways")]
#[path = "../../tests/common/script.rs"]
mod script;
mod tracker;
mod world;

use std::net::SocketAddr;
use std::time::Duration;

pub(crate) use self::churn::Churn;
use self::disk::Disk;
pub(crate) use self::random::{RandomRun, TURNS, seeds};
use self::script::{Script, Step};
use self::world::{Link, NodeKey, World};
use super::{Settings, Swarm};
use crate::event::{At, Cause};
use crate::metainfo::{Bitfield, BlockRef, Geometry, PieceIndex};
use crate::wire::Message;

const MIB: u64 = 1 << 20;
const KIB: u64 = 1 << 10;
const SECOND: Duration = Duration::from_secs(1);

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What a simulation costs: time of the processor spent on this thread, whatever else the machine does. Where the
/// system does not tell, the real clock.
#[expect(clippy::disallowed_methods, reason = "what a simulation costs is no matter of simulated time")]
fn stopwatch() -> impl Fn() -> Duration {
    let spent = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        stat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    let (began, spent_before) = (std::time::Instant::now(), spent());
    move || match (spent(), spent_before) {
        (Some(now), Some(before)) => now.saturating_sub(before),
        _ => began.elapsed(),
    }
}

/// What one end says to the other, in one go.
#[derive(Clone, Debug)]
enum Said {
    Messages(Vec<Message>),
    /// A block, and whether its bytes are the right ones: nobody sends them.
    Block(BlockRef, bool),
}
