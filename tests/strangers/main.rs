//! Words of strangers, put into every place that takes words from outside, and everything the program writes: nothing
//! that acts on a terminal comes out, no line is forged, and each is seen where it belongs, so that none is fed in vain.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod fields;
mod outputs;
#[path = "../common/pty.rs"]
mod pty;
mod run;
#[path = "../common/support.rs"]
mod support;
mod swarm;
