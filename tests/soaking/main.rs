//! Long runs against what strangers do, and short ones of the same in every `cargo test`: a flood of connections,
//! a crowd of hostile peers, connects without end. `tests/soak` runs the long ones, and says how.
//!
//! Each runs in a network namespace of its own, in which every address of 11.0.0.0/8 is this machine: so callers
//! come from as many public addresses as they like. The seeds count what they send; the program is another process,
//! and is asked of the kernel what it costs.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]
#![allow(clippy::print_stdout, reason = "figures are printed")]
#![allow(clippy::disallowed_methods, reason = "what is measured is real time")]

mod connects;
mod figures;
mod flood;
mod hostile;
mod kinds;
mod seeds;
mod subject;
#[path = "../common/support.rs"]
mod support;

/// Every address of 11.0.0.0/8 is ours.
const NETWORK: &str = "ip link set lo up && ip route add local 11.0.0.0/8 dev lo";

/// A number from the environment, where `tests/soak` puts what is asked of it.
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
