//! Endpoints of our own on simulated lines, in virtual time: the same seed is the same run.
//!
//! A [`World`](world::World) is a heap of what happens next. Its hosts are real endpoints with applications that send
//! what can be checked byte by byte; between them are [`Way`](line::Way)s that lose, delay, reorder, double and refuse
//! packets. Liars and flows of other protocols share the lines. A random run that fails names its seed: with
//! `TTUI_SEED=n` in the environment random runs take that seed alone, with `TTUI_SIM_RUNS=n` this many, from a seed of
//! the moment on.

mod aimd;
mod app;
mod clock;
mod liar;
mod line;
mod lying;
mod random;
#[expect(unreachable_pub, reason = "the fuzz targets reach it")]
#[path = "../../tests/common/raw_utp.rs"]
mod raw;
#[path = "../../tests/common/runs.rs"]
mod runs;
mod sharing;
mod world;

use std::time::Duration;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
