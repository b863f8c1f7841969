//! Networks of nodes in virtual time: many of this program's own, and some that lie.

mod any;
mod liar;
mod scenarios;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use liar::Liar;

use super::{Action, Dht, Input, Settings};
use crate::event::{At, DhtFact, LookupFact};
use crate::metainfo::InfoHash;

/// The torrent that everybody is after.
const TORRENT: InfoHash = InfoHash([0x5a; 20]);

/// A node of ours, and what it told.
struct Honest {
    dht: Dht,
    peers: BTreeSet<SocketAddr>,
    facts: Vec<DhtFact>,
    lookups: Vec<(At, LookupFact)>,
    first_peer: Option<At>,
    bootstraps: usize,
    sent: usize,
}

/// Nodes by address, and the datagrams that are on their way.
struct Net {
    now: At,
    rng: fastrand::Rng,
    honest: BTreeMap<SocketAddr, Honest>,
    liars: BTreeMap<SocketAddr, Liar>,
    under_way: BTreeMap<(At, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    sent: u64,
    /// Addresses given to nodes that ask for bootstrap nodes.
    bootstrap: Vec<SocketAddr>,
    /// One of this many datagrams is lost.
    lost_one_in: u32,
}

/// An address in a network of its own.
fn public(number: usize) -> SocketAddr {
    SocketAddr::from(([11, (number / 200) as u8, (number % 200) as u8, 7], 6881))
}

impl Net {
    fn new(seed: u64) -> Self {
        Self {
            now: At::from_secs(1),
            rng: fastrand::Rng::with_seed(seed),
            honest: BTreeMap::new(),
            liars: BTreeMap::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            bootstrap: Vec::new(),
            lost_one_in: 50,
        }
    }

    /// This many nodes of ours, each of which knows the first, and this many liars, whom some of them know.
    fn of(honest: usize, liars: usize, seed: u64) -> Self {
        let mut net = Self::new(seed);
        net.bootstrap = vec![public(0)];
        for number in 0..honest {
            net.join(public(number), Settings::default());
            net.run_for(Duration::from_millis(200));
        }
        for number in honest..honest + liars {
            let addr = public(number);
            net.liars.insert(addr, Liar::new(number - honest, addr, &mut net.rng));
            let knows_it = public(net.rng.usize(..honest));
            net.input(knows_it, Input::Node { addr });
        }
        net.run_for(Duration::from_secs(120));
        net
    }

    fn join(&mut self, addr: SocketAddr, settings: Settings) {
        let seed = self.rng.u64(..);
        let settings =
            Settings { seed, v4: addr.is_ipv4(), v6: addr.is_ipv6(), port: addr.port(), ..settings };
        self.add(addr, Dht::new(settings));
    }

    fn add(&mut self, addr: SocketAddr, dht: Dht) {
        let (peers, facts, lookups) = (BTreeSet::new(), Vec::new(), Vec::new());
        let node = Honest { dht, peers, facts, lookups, first_peer: None, bootstraps: 0, sent: 0 };
        self.honest.insert(addr, node);
        self.input(addr, Input::Tick);
    }

    fn node(&self, addr: SocketAddr) -> &Honest {
        &self.honest[&addr]
    }

    /// Feeds a node, and carries out what it wants.
    fn input(&mut self, addr: SocketAddr, input: Input<'_>) {
        let Some(node) = self.honest.get_mut(&addr) else { return };
        node.dht.handle(self.now, input);
        let mut wants_bootstrap = false;
        let mut datagrams = Vec::new();
        while let Some(action) = node.dht.poll() {
            match action {
                Action::Send { to, bytes } => {
                    assert!(bytes.len() < 1400, "{} bytes are cut on their way", bytes.len());
                    node.sent += 1;
                    datagrams.push((addr, to, bytes));
                }
                Action::Bootstrap => wants_bootstrap = true,
                Action::Peers { peers, .. } => {
                    node.first_peer.get_or_insert(self.now);
                    node.peers.extend(peers);
                }
                Action::Told(_, fact) => node.facts.push(fact),
                Action::Lookup(at, _, fact) => node.lookups.push((at, fact)),
            }
        }
        node.bootstraps += usize::from(wants_bootstrap);
        datagrams.into_iter().for_each(|(from, to, bytes)| self.send(from, to, bytes));
        if wants_bootstrap {
            let addrs = self.bootstrap.iter().copied().filter(|other| *other != addr).collect();
            self.input(addr, Input::Bootstrap { addrs });
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        if self.rng.u32(..self.lost_one_in) == 0 {
            return;
        }
        self.sent += 1;
        let arrives = self.now + Duration::from_millis(self.rng.u64(10..90));
        self.under_way.insert((arrives, self.sent), (from, to, bytes));
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.run_until(end, |_| false);
    }

    /// Runs until it holds, or to the end; tells which.
    fn run_until(&mut self, end: At, holds: impl Fn(&Self) -> bool) -> bool {
        while !holds(self) {
            let due = self.honest.iter().map(|(addr, node)| (node.dht.deadline(), *addr)).min();
            let arrival = self.under_way.keys().next().map(|(at, _)| *at);
            let (at, ticks) = match (due, arrival) {
                (Some((at, addr)), arrival) if arrival.is_none_or(|arrival| at < arrival) => (at, Some(addr)),
                (_, Some(arrival)) => (arrival, None),
                _ => return false,
            };
            if at > end {
                self.now = end;
                return holds(self);
            }
            self.now = self.now.max(at);
            if let Some(addr) = ticks {
                self.input(addr, Input::Tick);
                assert!(self.honest[&addr].dht.deadline() > at, "a deadline that stays");
            } else if let Some((_, (from, to, bytes))) = self.under_way.pop_first() {
                self.arrive(from, to, &bytes);
            }
        }
        true
    }

    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if let Some(liar) = self.liars.get_mut(&to) {
            if let Some((seen_from, bytes)) = liar.answer(from, bytes, &mut self.rng) {
                self.send(seen_from, from, bytes);
            }
        } else {
            self.input(to, Input::Datagram { from, bytes });
        }
    }
}
