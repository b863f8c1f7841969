//! What the tests over real sockets share: payloads made from a seed, scripted peers and trackers on loopback, the
//! library and the program run on folders of their own, and waiting with deadlines.

#![allow(dead_code, unused_imports, reason = "every file of tests uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod lab;
mod mse;
pub(crate) mod namespace;
pub(crate) mod overview;
mod payload;
mod peer;
pub(crate) mod program;
mod tracker;
mod wire;

use std::future::Future;
use std::time::Duration;

pub(crate) use lab::{Lab, is_empty, key_of, peer_at, until};
pub(crate) use mse::{encrypted_only, negotiate};
pub(crate) use payload::{Payload, Recipe};
pub(crate) use peer::{Script, Seed, Seen, nobody_at};
pub(crate) use program::Program;
pub(crate) use tracker::{Asked, Certificate, Reply, Tracker};
pub(crate) use wire::{Heard, Wire, some_peer_id};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what must happen soon.
#[track_caller]
pub(crate) fn soon<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    let what = what.to_owned();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(value) => value,
            Err(_) => panic!("{place}: waited in vain: {what}"),
        }
    }
}
