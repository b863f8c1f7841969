//! Shakes hands with every peer of a torrent at once and prints each answer:
//! `cargo run --example probe -- file.torrent [IP:PORT …]`
//!
//! Peers are those its trackers name, and those given.
#![allow(clippy::print_stdout, reason = "a program may print")]

use std::collections::BTreeSet;
use std::error::Error;
use std::net::SocketAddr;

use tokio::task::JoinSet;
use ttui::engine::clock::Clock;
use ttui::engine::handshake::{Over, Steps, dial};
use ttui::engine::listen::Listener;
use ttui::engine::mse::Mse;
use ttui::engine::tracker::{Client, Settings};
use ttui::event::{AnnounceKind, Encryption};
use ttui::ledger::client_name;
use ttui::metainfo::{PeerId, Torrent};
use ttui::swarm::EncryptionPolicy;
use ttui::wire::{AnnounceParams, Handshake, Reserved};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let torrent = Torrent::from_file(args.next().ok_or("usage: probe FILE.torrent [IP:PORT …]")?)?;
    let mut peers = args.map(|peer| peer.parse()).collect::<Result<BTreeSet<SocketAddr>, _>>()?;
    let ours = Handshake {
        reserved: Reserved::OURS,
        info_hash: torrent.info_hash,
        peer_id: PeerId::ours(u64::from(std::process::id())),
    };

    // The port that UDP trackers are asked from.
    let udp = Listener::bind(None)?.udp();
    tokio::spawn(udp.clone().run());
    let client = Client::new(Settings::default(), udp);
    for url in torrent.trackers.iter().flatten() {
        match client.announce(url, &question(&torrent, &ours)).await {
            Ok(answer) => peers.extend(answer.peers),
            Err(failure) => println!("tracker: {failure}"),
        }
    }

    let mse = Mse::new(EncryptionPolicy::default(), u64::from(std::process::id()));
    let steps = Steps::untold(Clock::start());
    let mut dials = JoinSet::new();
    for addr in peers {
        let (mse, steps) = (mse.clone(), steps.clone());
        let dial = async move { dial(addr, Over::Tcp, &ours, Encryption::Plain, &mse, &steps).await };
        dials.spawn(async move { (addr, dial.await) });
    }
    while let Some(dialled) = dials.join_next().await {
        let (addr, outcome) = dialled?;
        match outcome {
            Ok((_, shaken)) => {
                println!("{addr} {} {}", shaken.peer_id, client_name(&shaken.peer_id).unwrap_or_default())
            }
            Err(end) => println!("{addr} {}: {}", end.cause.info().code, end.cause.info().sentence),
        }
    }
    Ok(())
}

/// An announce that asks for peers without joining the swarm.
fn question(torrent: &Torrent, ours: &Handshake) -> AnnounceParams {
    AnnounceParams {
        info_hash: torrent.info_hash,
        peer_id: ours.peer_id,
        port: 6881,
        uploaded_bytes: 0,
        downloaded_bytes: 0,
        left_bytes: torrent.geometry.total_bytes(),
        kind: AnnounceKind::Interval,
        key: std::process::id(),
        numwant: 200,
        tracker_id: None,
    }
}
