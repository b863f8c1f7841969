//! Where nobody is dialled or let in, until when, and why.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{PeerTable, Row, Standing};
use crate::event::{At, PeerKey};
use crate::metainfo::address::{all_of, answers_for};

/// How long an automatic ban, or one by the user, lasts.
pub(in crate::swarm) const BAN: Duration = Duration::from_secs(3600);
/// Banned ports of one holder after which all that it holds is banned: its address, or its /64 of IPv6, in which the
/// next address costs nothing.
const BANNED_PORTS: usize = 3;
/// Why the others there are banned, too.
pub(super) const MANY_PORTS: &str = "Three peers of this address are banned";
pub(super) const MANY_ADDRESSES: &str = "Three peers of this IPv6 network (/64) are banned";
/// Bans remembered, of addresses, of ports and of holders each: beyond it the one that ends first makes room. A
/// peer with more addresses than that is kept out by no list.
const MOST: usize = 20_000;

/// Until when nobody is dialled or let in there, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::swarm) struct Ban {
    pub(in crate::swarm) until: At,
    pub(in crate::swarm) reason: String,
}

/// Bans by address and port, by address, and by who holds it.
#[derive(Debug, Default)]
pub(super) struct Bans {
    ports: BTreeMap<SocketAddr, Ban>,
    /// By the user's wish: just this address.
    addresses: BTreeMap<IpAddr, Ban>,
    /// Because of what several there did.
    holders: BTreeMap<IpAddr, Ban>,
}

impl Bans {
    /// Bans the address and port; after three of one holder, all that it holds. Returns until when, and whether all of
    /// it is banned since now.
    pub(super) fn ban(&mut self, now: At, addr: SocketAddr, reason: &str) -> (At, bool) {
        let until = now + BAN;
        insert(&mut self.ports, addr, Ban { until, reason: reason.to_owned() });
        let holder = answers_for(addr.ip());
        let there = self.ports.range(all_of(holder));
        let whole = there.filter(|(_, ban)| ban.until > now).count() >= BANNED_PORTS;
        if whole {
            let reason = if holder == addr.ip().to_canonical() { MANY_PORTS } else { MANY_ADDRESSES };
            insert(&mut self.holders, holder, Ban { until, reason: reason.to_owned() });
        }
        (until, whole)
    }

    /// Bans the whole address. Returns until when.
    pub(super) fn ban_address(&mut self, now: At, addr: IpAddr, reason: &str) -> At {
        let until = now + BAN;
        insert(&mut self.addresses, addr, Ban { until, reason: reason.to_owned() });
        until
    }

    /// Lifts the ban of an address, that of all its holder has, and those of these ports.
    pub(super) fn lift(&mut self, addr: IpAddr, ports: [Option<SocketAddr>; 2]) {
        self.addresses.remove(&addr);
        self.holders.remove(&answers_for(addr));
        for port in ports.into_iter().flatten() {
            self.ports.remove(&port);
        }
    }

    /// The ban that keeps the address out for longest, if there is one.
    pub(super) fn longest(&self, now: At, addr: SocketAddr) -> Option<&Ban> {
        self.of(addr).filter(|ban| ban.until > now).max_by_key(|ban| ban.until)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.ports.is_empty() && self.addresses.is_empty() && self.holders.is_empty()
    }

    /// Whether any ban has run out.
    pub(super) fn any_over(&self, now: At) -> bool {
        let addresses = self.addresses.values().chain(self.holders.values());
        self.ports.values().chain(addresses).any(|ban| ban.until <= now)
    }

    /// Whether a ban of this address has run out.
    pub(super) fn is_over(&self, now: At, addr: SocketAddr) -> bool {
        self.of(addr).any(|ban| ban.until <= now)
    }

    /// Forgets the bans that ran out.
    pub(super) fn forget_over(&mut self, now: At) {
        self.ports.retain(|_, ban| ban.until > now);
        self.addresses.retain(|_, ban| ban.until > now);
        self.holders.retain(|_, ban| ban.until > now);
    }

    fn of(&self, addr: SocketAddr) -> impl Iterator<Item = &Ban> {
        let holder = self.holders.get(&answers_for(addr.ip()));
        [self.ports.get(&addr), self.addresses.get(&addr.ip()), holder].into_iter().flatten()
    }
}

impl PeerTable {
    /// Bans the peer's address and port, and where it listens; after three of one holder, all that it holds. Returns who
    /// is banned by that: the peer, and then those that wait there to be dialled. Who is connected there stays.
    pub(in crate::swarm) fn ban_peer(&mut self, now: At, peer: PeerKey, reason: &str) -> Vec<(PeerKey, Ban)> {
        let Some(&Row { addr, listens, .. }) = self.rows.get(&peer) else { return Vec::new() };
        let (until, mut whole) = self.bans.ban(now, addr, reason);
        if let Some(listens) = listens {
            whole |= self.bans.ban(now, listens, reason).1;
        }
        let waiting = if whole { self.of_holder(addr.ip()) } else { Vec::new() };
        let waiting = waiting.into_iter().filter_map(|peer| {
            let row = self.rows.get(&peer).filter(|row| row.standing == Standing::Idle)?;
            Some((peer, self.ban_of(now, row.addr)?))
        });
        std::iter::once((peer, Ban { until, reason: reason.to_owned() })).chain(waiting).collect()
    }

    /// Bans the whole address. Returns who is there.
    pub(in crate::swarm) fn ban_address(
        &mut self,
        now: At,
        addr: IpAddr,
        reason: &str,
    ) -> Vec<(PeerKey, Ban)> {
        let until = self.bans.ban_address(now, addr, reason);
        let there = self.by_addr.at(addr).into_iter();
        there.map(|peer| (peer, Ban { until, reason: reason.to_owned() })).collect()
    }

    /// Lifts the ban of the peer, that of its address, and that of all its holder has. Returns what now holds, bans of
    /// other ports, for each row there for which that is another than before.
    pub(in crate::swarm) fn unban(&mut self, now: At, peer: PeerKey) -> Vec<(PeerKey, Option<Ban>)> {
        let Some(row) = self.rows.get(&peer) else { return Vec::new() };
        let (addr, listens) = (row.addr, row.listens);
        let bans = |peer_table: &Self| -> Vec<(PeerKey, Option<Ban>)> {
            let there = peer_table.of_holder(addr.ip()).into_iter();
            there
                .filter_map(|peer| Some((peer, peer_table.ban_of(now, peer_table.rows.get(&peer)?.addr))))
                .collect()
        };
        let before = bans(self);
        self.bans.lift(addr.ip(), [Some(addr), listens]);
        bans(self).into_iter().zip(before).filter(|(now, before)| now != before).map(|(now, _)| now).collect()
    }

    /// Until when the address is banned, if it is.
    pub(in crate::swarm) fn banned_until(&self, now: At, addr: SocketAddr) -> Option<At> {
        self.bans.longest(now, addr).map(|ban| ban.until)
    }

    /// The ban that keeps the address out for longest, if there is one.
    pub(in crate::swarm) fn ban_of(&self, now: At, addr: SocketAddr) -> Option<Ban> {
        self.bans.longest(now, addr).cloned()
    }

    /// The bans that ran out, each told once.
    pub(in crate::swarm) fn expired_bans(&mut self, now: At) -> Vec<PeerKey> {
        if !self.bans.any_over(now) {
            return Vec::new();
        }
        let rows = self.rows.iter();
        let was: Vec<PeerKey> =
            rows.filter(|(_, row)| self.bans.is_over(now, row.addr)).map(|(peer, _)| *peer).collect();
        self.bans.forget_over(now);
        was.into_iter()
            .filter(|peer| self.rows.get(peer).is_some_and(|row| self.banned_until(now, row.addr).is_none()))
            .collect()
    }
}

#[cfg(test)]
impl Bans {
    pub(super) fn len(&self) -> usize {
        self.ports.len() + self.addresses.len() + self.holders.len()
    }
}

fn insert<K: Ord + Copy>(bans: &mut BTreeMap<K, Ban>, key: K, ban: Ban) {
    if bans.len() >= MOST
        && !bans.contains_key(&key)
        && let Some(first) = bans.iter().min_by_key(|(_, ban)| ban.until).map(|(key, _)| *key)
    {
        bans.remove(&first);
    }
    bans.insert(key, ban);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_bans_is_bounded() {
        let mut bans = Bans::default();
        let addr = |n: u32| SocketAddr::from((std::net::Ipv4Addr::from(0x0100_0000 + n), 6881));
        for n in 0..MOST as u32 + 5 {
            bans.ban(At::from_millis(u64::from(n)), addr(n), "");
            bans.ban_address(At::from_millis(u64::from(n)), addr(n).ip(), "");
        }
        assert_eq!((bans.ports.len(), bans.addresses.len()), (MOST, MOST));
        let now = At::from_secs(60);
        assert!(bans.longest(now, addr(4)).is_none() && bans.longest(now, addr(5)).is_some());
    }
}
