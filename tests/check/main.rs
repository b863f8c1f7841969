//! `check` and `handshake` over real sockets: every cause provoked by a peer that behaves so, and the contract of
//! what is written.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says why")]

mod calls;
mod causes;
mod contract;
mod crowds;
mod dht;
mod exchange;
mod handshake;
mod magnets;
mod peers;
#[path = "../common/pty.rs"]
mod pty;
mod sicknesses;
#[path = "../common/stage.rs"]
mod stage;
#[path = "../common/support.rs"]
mod support;
mod surfaces;
mod swarms;
mod verdicts;
