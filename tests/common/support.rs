//! What the tests over real sockets share: payloads made from a seed, scripted peers and trackers on loopback, the
//! library and the program run on folders of their own, and waiting with deadlines.

#![allow(dead_code, unused_imports, reason = "every file of tests uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod caller;
mod lab;
pub(crate) mod namespace;
pub(crate) mod overview;
mod payload;
mod peer;
mod percent;
pub(crate) mod program;
mod script;
mod several;
mod tracker;
mod web;
mod wire;

pub(crate) use caller::{answer, call, plain_handshake, some_peer_id};
pub(crate) use lab::{Lab, is_empty, key_of, peer_at, until};
pub(crate) use payload::{Payload, Recipe};
pub(crate) use peer::{Seed, Seen, nobody_at};
pub(crate) use program::Program;
pub(crate) use script::{Gives, Script};
pub(crate) use several::{Several, finals};
pub(crate) use tracker::{Asked, Certificate, Reply, Tracker};
pub(crate) use web::{Serves, Web};
pub(crate) use wire::{Heard, PATIENCE, Wire, soon};
