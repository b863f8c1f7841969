//! A small swarm on loopback inside the process: a tracker, seeds, and peers that misbehave in known ways.
//!
//! Nothing here talks to any other machine. Every address is of 127.0.0.0/8, so that the rows of the screen
//! differ; where the system knows only 127.0.0.1, that is used for all.

mod behaviour;
mod content;
mod serve;
mod tracker;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::behaviour::{Behaviour, CAST, Client, NAMED};
use self::content::Content;
use self::serve::Host;
use crate::engine::clock::Clock;
use crate::metainfo::InfoHash;

/// A running demonstration; its peers and its tracker end when it is dropped.
pub struct Demo {
    torrent: Vec<u8>,
    _tasks: JoinSet<()>,
}

impl Demo {
    /// Starts tracker and peers. `fast` makes the whole download a matter of seconds.
    ///
    /// # Errors
    ///
    /// When no port of loopback can be listened on.
    pub async fn start(fast: bool) -> io::Result<Self> {
        let mut tasks = JoinSet::new();
        let tracker = listen(Ipv4Addr::LOCALHOST).await?;
        let silent_tracker = listen(Ipv4Addr::LOCALHOST).await?;
        let trackers = [tracker.local_addr()?, silent_tracker.local_addr()?]
            .map(|addr| format!("http://{addr}/announce"));
        // Closed at once: an announce there is refused.
        drop(silent_tracker);

        let (content, torrent, info_hash) = Content::with_torrent(fast, &trackers);
        let (content, clock) = (Arc::new(content), Clock::start());
        let host = |n: usize, (behaviour, client, bps): (Behaviour, Client, u64), names| Host {
            content: Arc::clone(&content),
            info_hash,
            behaviour,
            client,
            bps: if fast { bps * 16 } else { bps },
            names,
            number: n as u64,
            clock,
        };
        let (unknown, serving) = host(CAST.len(), NAMED, Vec::new()).settle(address(CAST.len())).await?;
        tasks.spawn(serving);
        let mut settling = JoinSet::new();
        let mut callers = Vec::new();
        for (n, cast) in CAST.iter().enumerate() {
            let host = host(n, *cast, if n == 0 { vec![unknown] } else { Vec::new() });
            if host.behaviour == Behaviour::Calls {
                callers.push(host);
                continue;
            }
            settling.spawn(host.settle(address(n)));
        }
        // Side by side, for filling a queue takes its time.
        let mut named = Vec::new();
        while let Some(settled) = settling.join_next().await {
            let (addr, serving) = settled??;
            tasks.spawn(serving);
            named.push(addr);
        }
        tasks.spawn(tracker::run(tracker, named, callers));
        Ok(Self { torrent, _tasks: tasks })
    }

    /// The bytes of the demonstration's torrent file.
    pub fn torrent(&self) -> &[u8] {
        &self.torrent
    }
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
