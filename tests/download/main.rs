//! Downloads over real sockets on loopback, from peers that behave as a script says.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod commands;
mod control;
mod faults;
mod flow;
mod lsd;
mod magnet;
mod metadata;
mod network;
mod payloads;
mod peers;
mod recheck;
mod session;
#[path = "../common/support.rs"]
mod support;
mod way_in;
mod web_seeds;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use support::{
    Heard, Lab, Recipe, Script, Seed, Wire, is_empty, key_of, nobody_at, peer_at, plain_handshake, soon,
    until,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use ttui::command::Command;
use ttui::engine::{Download, EngineError, Options};
use ttui::event::{Cause, Phase, Source};
use ttui::ledger::{Flags, Group, PeerRecord, Stage, View};
use ttui::metainfo::InfoHash;
use ttui::wire::{BlockSpec, Message};

const KIB: usize = 1024;

/// Where the download listens.
async fn own_address(download: &Download) -> SocketAddr {
    let port = until(download, "a port is listened on", |view| view.port).await;
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn phase_is(phase: Phase) -> impl FnMut(&View) -> Option<()> {
    move |view| (view.phase == phase).then_some(())
}

/// Waits until a peer's last attempt ended by this cause.
async fn until_ended(download: &Download, addr: SocketAddr, cause: Cause) {
    until(download, &format!("{addr} ends by {cause:?}"), |view| {
        peer_at(view, addr)?.attempts.iter().any(|attempt| attempt.cause == Some(cause)).then_some(())
    })
    .await;
}

async fn finish(lab: &Lab, payload: &support::Payload, mut download: Download) {
    soon("the download completes", download.completed()).await.unwrap();
    payload.assert_at(&lab.out());
    soon("the download stops", download.stop()).await.unwrap();
}
