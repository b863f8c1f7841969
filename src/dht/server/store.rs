//! The peers that others announced to us.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::event::At;
use crate::metainfo::InfoHash;
use crate::metainfo::address::Family;

/// Torrents that are kept; the one that nobody announced for longest makes room.
const MOST_TORRENTS: usize = 2000;
/// Peers of one of them; the one that announced itself longest ago makes room.
const MOST_PEERS: usize = 500;
/// For so long a peer is kept that does not announce itself again.
const KEPT: Duration = Duration::from_secs(45 * 60);
/// Peers in an answer, as many as fit into a datagram that no router cuts.
const V4_VALUES: usize = 90;
const V6_VALUES: usize = 35;

/// Peers by torrent, each with when it announced itself last; those that did so last stand last.
#[derive(Debug, Default)]
pub(super) struct Store(BTreeMap<InfoHash, Vec<(At, SocketAddr)>>);

impl Store {
    pub(super) fn announce(&mut self, now: At, info_hash: InfoHash, peer: SocketAddr) {
        if self.0.len() >= MOST_TORRENTS && !self.0.contains_key(&info_hash) {
            let last = |peers: &[(At, SocketAddr)]| peers.last().map(|(at, _)| *at);
            let oldest = self.0.iter().min_by_key(|(_, peers)| last(peers)).map(|(hash, _)| *hash);
            oldest.map(|oldest| self.0.remove(&oldest));
        }
        let peers = self.0.entry(info_hash).or_default();
        peers.retain(|(at, other)| *other != peer && *at + KEPT > now);
        if peers.len() >= MOST_PEERS {
            peers.remove(0);
        }
        peers.push((now, peer));
    }

    /// Some of the peers of a torrent, any of them.
    pub(super) fn peers(
        &mut self,
        now: At,
        info_hash: InfoHash,
        family: Family,
        rng: &mut fastrand::Rng,
    ) -> Vec<SocketAddr> {
        let Some(peers) = self.0.get_mut(&info_hash) else { return Vec::new() };
        peers.retain(|(at, _)| *at + KEPT > now);
        if peers.is_empty() {
            self.0.remove(&info_hash);
            return Vec::new();
        }
        let of_family = peers.iter().map(|(_, peer)| *peer).filter(|peer| Family::of(peer.ip()) == family);
        rng.choose_multiple(of_family, if family == Family::V4 { V4_VALUES } else { V6_VALUES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u16) -> SocketAddr {
        let [high, low] = number.to_be_bytes();
        SocketAddr::from(([11, 0, high, low], 6881))
    }

    fn hash(number: u16) -> InfoHash {
        let mut hash = [0; 20];
        hash[..2].copy_from_slice(&number.to_be_bytes());
        InfoHash(hash)
    }

    #[test]
    fn peers_go_after_three_quarters_of_an_hour_and_few_are_kept() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut store = Store::default();
        for number in 0..600 {
            store.announce(At::from_secs(u64::from(number)), hash(1), peer(number));
        }
        assert_eq!(store.0[&hash(1)].len(), MOST_PEERS);
        assert_eq!(store.peers(At::from_secs(600), hash(1), Family::V4, &mut rng).len(), V4_VALUES);
        assert!(store.peers(At::from_secs(600), hash(1), Family::V6, &mut rng).is_empty());
        let late = At::from_secs(599) + KEPT;
        store.announce(At::from_secs(1000), hash(1), peer(9));
        assert_eq!(store.peers(late, hash(1), Family::V4, &mut rng), [peer(9)]);
        assert!(store.peers(late + KEPT, hash(1), Family::V4, &mut rng).is_empty() && store.0.is_empty());
    }

    #[test]
    fn the_torrent_that_nobody_announced_for_longest_makes_room() {
        let mut store = Store::default();
        for number in 0..2500 {
            store.announce(At::from_secs(u64::from(number)), hash(number), peer(1));
            store.announce(At::from_secs(u64::from(number)), hash(0), peer(2));
        }
        assert_eq!(store.0.len(), MOST_TORRENTS);
        assert!(store.0.contains_key(&hash(0)) && !store.0.contains_key(&hash(1)));
    }
}
