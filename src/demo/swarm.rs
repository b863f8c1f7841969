//! The swarm of one torrent: its trackers and its peers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::task::{JoinSet, spawn_blocking};

use super::behaviour::{Behaviour, CAST, IN_DHT, LINK_CAST, NAMED, Role, SECOND_CAST};
use super::content::{Album, Content, LECTURES, MAPS, RECORDINGS};
use super::dht::Nodes;
use super::serve::Host;
use super::{address, listen, tracker};
use crate::engine::clock::Clock;
use crate::metainfo::InfoHash;

/// A torrent, and who has it.
pub(super) struct Part {
    album: Album,
    cast: &'static [Role],
    /// Who has it and is known to no tracker: the first of the cast names it.
    named: Option<Role>,
    /// Who has it and is known to the DHT alone.
    in_dht: Option<Role>,
    /// It has a tracker more, that refuses connections.
    has_silent_tracker: bool,
    /// The number of the first of its cast among all.
    number: usize,
    /// It joins as a magnet link.
    pub(super) is_link: bool,
}

/// The demonstration begins with it.
pub(super) const FIRST: &Part = &Part {
    album: RECORDINGS,
    cast: CAST,
    named: Some(NAMED),
    in_dht: Some(IN_DHT),
    has_silent_tracker: true,
    number: 0,
    is_link: false,
};

/// It joins.
pub(super) const SECOND: &Part = &Part {
    album: MAPS,
    cast: SECOND_CAST,
    named: None,
    in_dht: None,
    has_silent_tracker: false,
    number: 40,
    is_link: false,
};

/// It joins as a magnet link.
pub(super) const LINKED: &Part = &Part {
    album: LECTURES,
    cast: LINK_CAST,
    named: None,
    in_dht: None,
    has_silent_tracker: false,
    number: 60,
    is_link: true,
};

/// A running swarm; it ends when it is dropped.
pub(super) struct Swarm {
    /// The bytes of its torrent file.
    pub(super) torrent: Vec<u8>,
    /// Its DHT.
    pub(super) nodes: Option<Nodes>,
    _tasks: JoinSet<()>,
}

impl Swarm {
    /// Starts its tracker and its peers.
    ///
    /// # Errors
    ///
    /// When no port of loopback can be listened on.
    pub(super) async fn start(part: &'static Part, fast: bool, clock: Clock) -> io::Result<Self> {
        let mut tasks = JoinSet::new();
        let tracker = listen(Ipv4Addr::LOCALHOST).await?;
        let mut trackers = vec![tracker.local_addr()?];
        if part.has_silent_tracker {
            // Closed at once: an announce there is refused.
            trackers.push(listen(Ipv4Addr::LOCALHOST).await?.local_addr()?);
        }
        let (content, torrent, info_hash) = made(part, fast, &trackers).await;
        let content = Arc::new(content);
        let host = |n: usize, (behaviour, client, bps): Role, names| Host {
            content: Arc::clone(&content),
            info_hash,
            behaviour,
            client,
            bps: if fast { bps * 16 } else { bps },
            names,
            number: (part.number + n) as u64,
            clock,
        };
        let mut names = Vec::new();
        if let Some(role) = part.named {
            let n = part.cast.len();
            let (addr, serving) = host(n, role, Vec::new()).settle(address(part.number + n)).await?;
            tasks.spawn(serving);
            names.push(addr);
        }
        let mut nodes = None;
        if let Some(role) = part.in_dht {
            let n = part.cast.len() + 1;
            let (addr, serving) = host(n, role, Vec::new()).settle(address(part.number + n)).await?;
            tasks.spawn(serving);
            nodes = Some(Nodes::start(info_hash, addr, clock).await?);
        }
        let mut settling = JoinSet::new();
        let mut callers = Vec::new();
        for (n, role) in part.cast.iter().enumerate() {
            let host = host(n, *role, if n == 0 { names.clone() } else { Vec::new() });
            if host.behaviour == Behaviour::Calls {
                callers.push(host);
                continue;
            }
            settling.spawn(host.settle(address(part.number + n)));
        }
        // Side by side, for filling a queue takes its time.
        let mut named = Vec::new();
        while let Some(settled) = settling.join_next().await {
            let (addr, serving) = settled??;
            tasks.spawn(serving);
            named.push(addr);
        }
        tasks.spawn(tracker::run(tracker, named, callers));
        Ok(Self { torrent, nodes, _tasks: tasks })
    }
}

/// The torrent, hashed where that keeps nobody waiting.
async fn made(part: &'static Part, fast: bool, trackers: &[SocketAddr]) -> (Content, Vec<u8>, InfoHash) {
    let urls: Vec<String> = trackers.iter().map(|addr| format!("http://{addr}/announce")).collect();
    let made = spawn_blocking(move || Content::with_torrent(&part.album, fast, &urls));
    made.await.expect("hashing does not panic")
}
