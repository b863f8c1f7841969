//! A small swarm on loopback inside the process: a tracker, a DHT, seeds, and peers that misbehave in known ways.
//!
//! Nothing here talks to any other machine. Every address is of 127.0.0.0/8, so that the rows of the screen
//! differ; where the system knows only 127.0.0.1, that is used for all.

mod behaviour;
mod content;
mod dht;
mod serve;
mod swarm;
mod tracker;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::swarm::{FIRST, LINKED, SECOND, Swarm};
use crate::engine::Wanted;
use crate::engine::clock::Clock;
use crate::metainfo::{InfoHash, Magnet, PeerName, Torrent};

/// When the others join, and when they do in a fast demonstration.
const JOIN_AFTER: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(5));
/// Torrents that join.
const JOINING: usize = 2;
/// Nodes that are named to who joins the DHT.
const NAMED_NODES: usize = 2;

/// A running demonstration; its peers and its trackers end when it is dropped.
pub struct Demo {
    first: Swarm,
    _others: JoinSet<()>,
}

impl Demo {
    /// Starts the swarm of one torrent. `fast` makes the whole download a matter of seconds. Two more join later, where
    /// what is returned beside it is still there then: a torrent, and one as a magnet link.
    ///
    /// # Errors
    ///
    /// When no port of loopback can be listened on.
    pub async fn start(fast: bool) -> io::Result<(Self, mpsc::Receiver<Wanted>)> {
        let clock = Clock::start();
        let first = Swarm::start(FIRST, fast, clock).await?;
        let (join, joining) = mpsc::channel(JOINING);
        let mut others = JoinSet::new();
        others.spawn(join_later(join, fast, clock));
        Ok((Self { first, _others: others }, joining))
    }

    /// The bytes of the torrent file that it begins with.
    pub fn torrent(&self) -> &[u8] {
        &self.first.torrent
    }

    /// Nodes of its DHT to ask first: they name the others.
    pub fn nodes(&self) -> Vec<PeerName> {
        let addrs = self.first.nodes.iter().flat_map(|nodes| &nodes.addrs);
        addrs.take(NAMED_NODES).copied().map(PeerName::Address).collect()
    }
}

/// Starts the swarms of those that join, and keeps them.
async fn join_later(join: mpsc::Sender<Wanted>, fast: bool, clock: Clock) {
    sleep(if fast { JOIN_AFTER.1 } else { JOIN_AFTER.0 }).await;
    let mut swarms = Vec::new();
    for part in [SECOND, LINKED] {
        if join.is_closed() {
            return;
        }
        match Swarm::start(part, fast, clock).await {
            Ok(swarm) => {
                let torrent =
                    Torrent::from_bytes(&swarm.torrent).expect("torrents of the demonstration are sound");
                let wanted = if part.is_link { Magnet::of(&torrent).into() } else { Wanted::from(torrent) };
                // The screen was left a moment ago.
                let _ = join.send(wanted).await;
                swarms.push(swarm);
            }
            Err(error) => tracing::warn!(%error, "a torrent of the demo cannot listen on loopback"),
        }
    }
    std::future::pending().await
}

/// Where the peer of this number listens: far apart, as the peers of a real swarm are.
fn address(n: usize) -> Ipv4Addr {
    let [_, a, b, c] = (n as u32 + 1).wrapping_mul(0x9e37_79b1).to_be_bytes();
    Ipv4Addr::new(127, a | 1, b, c | 1)
}

/// Listens on a free port of this loopback address, or of 127.0.0.1 where the system has no other.
async fn listen(ip: Ipv4Addr) -> io::Result<TcpListener> {
    match TcpListener::bind((ip, 0)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// What differs from the torrent's own: the hash of a torrent nobody asked for.
fn other(info_hash: InfoHash) -> InfoHash {
    InfoHash(info_hash.0.map(|byte| !byte))
}

#[cfg(test)]
mod tests;
