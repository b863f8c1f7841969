//! Which row stands at which address: that of its connection, and where it says it listens.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::event::PeerKey;
use crate::metainfo::address::{all_of, answers_for};

/// Rows by address and port.
#[derive(Debug, Default)]
pub(super) struct Addresses(BTreeMap<SocketAddr, PeerKey>);

impl Addresses {
    pub(super) fn find(&self, addr: SocketAddr) -> Option<PeerKey> {
        self.0.get(&addr).copied()
    }

    pub(super) fn insert(&mut self, addr: SocketAddr, peer: PeerKey) {
        self.0.insert(addr, peer);
    }

    /// Takes the peer away from this address, unless another stands there by now.
    pub(super) fn remove(&mut self, addr: SocketAddr, peer: PeerKey) {
        if self.find(addr) == Some(peer) {
            self.0.remove(&addr);
        }
    }

    /// Rows of this address, whatever the port, each once.
    pub(super) fn at(&self, addr: IpAddr) -> Vec<PeerKey> {
        let ports = SocketAddr::new(addr, 0)..=SocketAddr::new(addr, u16::MAX);
        each_once(self.0.range(ports).map(|(_, peer)| *peer))
    }

    /// Rows of the peer that holds this address, each once.
    pub(super) fn of_holder(&self, addr: IpAddr) -> Vec<PeerKey> {
        each_once(self.of_holder_with_addresses(addr).map(|(_, peer)| peer))
    }

    /// The same, each with every address it stands at.
    pub(super) fn of_holder_with_addresses(
        &self,
        addr: IpAddr,
    ) -> impl Iterator<Item = (SocketAddr, PeerKey)> + '_ {
        self.0.range(all_of(answers_for(addr))).map(|(addr, peer)| (*addr, *peer))
    }
}

fn each_once(peers: impl Iterator<Item = PeerKey>) -> Vec<PeerKey> {
    let mut peers: Vec<PeerKey> = peers.collect();
    peers.sort_unstable();
    peers.dedup();
    peers
}

#[cfg(test)]
impl Addresses {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SocketAddr, PeerKey)> + '_ {
        self.0.iter().map(|(addr, peer)| (*addr, *peer))
    }
}
