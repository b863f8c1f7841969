//! The distributed hash table (BEP 5, 32, 42, 43): finds peers without a tracker, and answers others who look for some.
//!
//! One [`Dht`] serves all torrents of a session. It has no socket, no clock and no randomness but its seed: [`Dht::handle`]
//! takes what came, [`Dht::poll`] says what to do, [`Dht::deadline`] when [`Input::Tick`] is wanted. Who drives it sends
//! and hears datagrams over one socket a family, resolves bootstrap names when it is asked to, and never names a private
//! torrent to it.
//!
//! A table a family (`table`) holds the nodes that answered. A lookup (`lookup`) asks nodes nearer and nearer to an
//! info-hash for peers, then announces us to the nearest; `torrents` says which torrent is looked up when. `queries`
//! knows which answers are awaited, `server` answers others. `node_id` and `seen_at` make our id fit our address. What comes
//! is taken apart in `incoming`, lookups are begun and ended in `searches`, and what time brings stands in `upkeep`.

mod diversity;
mod incoming;
mod lookup;
mod network;
mod node_id;
mod queries;
mod saved;
mod searches;
mod seen_at;
mod server;
mod table;
mod torrents;
mod upkeep;

#[cfg(test)]
mod sim;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use lookup::{Lookup, LookupKey};
use network::Network;
use queries::Queries;
use server::Server;
use torrents::Torrents;
use upkeep::Bootstrap;

use crate::event::{At, DhtFact, LookupFact};
use crate::metainfo::InfoHash;
use crate::metainfo::address::Family;

pub use saved::Saved;

/// How a [`Dht`] is to behave.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where its random numbers come from: ids, tokens, transaction ids.
    pub seed: u64,
    /// Asks, and answers nothing (BEP 43): for a run too short to be of use to others.
    pub read_only: bool,
    /// Whether there is a socket for IPv4.
    pub v4: bool,
    /// Whether there is one for IPv6.
    pub v6: bool,
    /// The port that is announced: where peers reach us over TCP. [`Input::Port`] changes it.
    pub port: u16,
    /// Has nodes take the port they see us at instead: right where peers reach us over UDP, too (uTP).
    pub implied_port: bool,
    /// What the last run left.
    pub saved: Option<Saved>,
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram came that begins with `d`.
    Datagram {
        /// From where; never an IPv4 address written as IPv6.
        from: SocketAddr,
        /// What came.
        bytes: &'a [u8],
    },
    /// The system said that nothing can be sent there.
    Unreachable {
        /// Where to.
        to: SocketAddr,
    },
    /// Where bootstrap nodes are: asked at once. The answer to [`Action::Bootstrap`], in as many parts as they come.
    Bootstrap {
        /// The addresses.
        addrs: Vec<SocketAddr>,
    },
    /// A peer says that a node is at its address (the Port message): pinged, and taken into the table if it answers.
    Node {
        /// Where.
        addr: SocketAddr,
    },
    /// A torrent wants peers from now on: looked up at once, and every 15 minutes. Again for a torrent that is known, it
    /// only changes whether it is announced.
    Add {
        /// The torrent, which is not private.
        info_hash: InfoHash,
        /// Whether we are announced as a peer of it.
        announce: bool,
    },
    /// A torrent is to be looked up again now, unless that is under way.
    LookUp {
        /// The torrent.
        info_hash: InfoHash,
    },
    /// A torrent wants no peers any more.
    Remove {
        /// The torrent.
        info_hash: InfoHash,
    },
    /// Peers reach us at this port from now on.
    Port(u16),
    /// Time passed.
    Tick,
}

/// What to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Send a datagram.
    Send {
        /// Where to.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Resolve the bootstrap names and hand in [`Input::Bootstrap`]: no kept node answers, or there is none. Asked again
    /// after a minute while that stays so.
    Bootstrap,
    /// A node named peers of a torrent.
    Peers {
        /// The torrent.
        info_hash: InfoHash,
        /// The node.
        from: SocketAddr,
        /// The peers, each once in a lookup, none that this node may not name (`metainfo::address`).
        peers: Vec<SocketAddr>,
    },
    /// Something became known of the DHT as a whole.
    Told(At, DhtFact),
    /// Something became known of the lookup of a torrent.
    Lookup(At, InfoHash, LookupFact),
}

/// The DHT of a session.
#[derive(Debug)]
pub struct Dht {
    now: At,
    rng: fastrand::Rng,
    read_only: bool,
    port: u16,
    implied_port: bool,
    /// One or two, each of a family of its own.
    networks: Vec<Network>,
    queries: Queries,
    lookups: BTreeMap<LookupKey, Lookup>,
    next_lookup: u32,
    torrents: Torrents,
    server: Server,
    bootstrap: Bootstrap,
    out: VecDeque<Action>,
}

impl Dht {
    /// Nothing is sent before the first call of [`handle`](Self::handle).
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut rng = fastrand::Rng::with_seed(settings.seed);
        let families: Vec<Family> = [(Family::V4, settings.v4), (Family::V6, settings.v6)]
            .into_iter()
            .filter_map(|(family, there)| there.then_some(family))
            .collect();
        let saved = settings.saved.as_ref();
        let networks = families.iter().map(|family| Network::new(*family, saved, &mut rng)).collect();
        Self {
            now: At::ZERO,
            server: Server::new(rng.u64(..)),
            rng,
            read_only: settings.read_only,
            port: settings.port,
            implied_port: settings.implied_port,
            networks,
            queries: Queries::default(),
            lookups: BTreeMap::new(),
            next_lookup: 0,
            torrents: Torrents::new(families),
            bootstrap: Bootstrap::default(),
            out: VecDeque::new(),
        }
    }

    /// Feeds one thing that happened. Afterwards empty [`poll`](Self::poll) and read [`deadline`](Self::deadline) again.
    pub fn handle(&mut self, now: At, input: Input<'_>) {
        self.now = now.max(self.now);
        match input {
            Input::Datagram { from, bytes } => self.datagram(from, bytes),
            Input::Unreachable { to } => self.unreachable(to),
            Input::Bootstrap { addrs } => self.ask_bootstrap(addrs),
            Input::Node { addr } => self.ping(addr),
            Input::Add { info_hash, announce } => self.torrents.add(self.now, info_hash, announce),
            Input::LookUp { info_hash } => self.look_up_again(info_hash),
            Input::Remove { info_hash } => self.remove(info_hash),
            Input::Port(port) => self.port = port,
            Input::Tick => {}
        }
        self.on_time();
    }

    /// What to do next; empty it after every call of [`handle`](Self::handle).
    #[must_use]
    pub fn poll(&mut self) -> Option<Action> {
        self.out.pop_front()
    }

    /// What the next run is to begin with.
    #[must_use]
    pub fn saved(&self) -> Saved {
        let id = |family| self.networks.iter().find(|network| network.family == family);
        Saved {
            v4: id(Family::V4).map(|network| network.table.own()),
            v6: id(Family::V6).map(|network| network.table.own()),
            nodes: self.networks.iter().flat_map(|network| network.to_save(self.networks.len())).collect(),
        }
    }
}
