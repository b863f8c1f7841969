//! Peer exchange (BEP 11): what each peer is told of the others, and how much is heard of what it names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::ConnKey;
use crate::event::At;
use crate::metainfo::address::{Scope, scope_of};
use crate::wire::{MOST_FIRST_PEX_ENTRIES, MOST_PEX_ENTRIES, Pex, PexFlags};

/// How often a peer is told of others.
const EVERY: Duration = Duration::from_secs(60);
/// The same while there is nothing to tell.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Addresses that one peer may name in all.
const MOST_OF_ONE: usize = 2_000;
/// Addresses that all of them may name in a minute: a crowd that names strangers is not followed faster.
const MOST_A_MINUTE: usize = 1_000;

/// Peers that take part, and what each was told.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    partners: BTreeMap<ConnKey, Partner>,
    /// When the first of them is due, or earlier.
    next: Option<At>,
    /// Addresses taken since then.
    taken: (At, usize),
}

#[derive(Debug)]
struct Partner {
    /// How far it is from us: of those that are nearer it is not told.
    scope: Scope,
    /// The peers it was told of.
    told: BTreeSet<SocketAddr>,
    due: At,
    began: bool,
    /// Addresses it named.
    named: usize,
}

/// A peer that others may be told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Other {
    /// Its connection with us.
    pub(super) conn: ConnKey,
    /// Where it listens.
    pub(super) addr: SocketAddr,
    /// What is said of it.
    pub(super) flags: PexFlags,
}

impl Exchange {
    /// The peer takes such messages.
    pub(super) fn joined(&mut self, now: At, conn: ConnKey, addr: IpAddr) {
        self.partners.entry(conn).or_insert_with(|| Partner {
            scope: scope_of(addr),
            told: BTreeSet::new(),
            due: now,
            began: false,
            named: 0,
        });
        self.next = Some(self.next.map_or(now, |next| next.min(now)));
    }

    /// The connection is over.
    pub(super) fn left(&mut self, conn: ConnKey) {
        self.partners.remove(&conn);
        if self.partners.is_empty() {
            self.next = None;
        }
    }

    /// When [`tell`](Self::tell) is wanted.
    pub(super) fn deadline(&self) -> Option<At> {
        self.next
    }

    /// The messages that are due; `others` are all peers that may be named.
    pub(super) fn tell(&mut self, now: At, others: &[Other]) -> Vec<(ConnKey, Pex)> {
        let mut messages = Vec::new();
        for (conn, partner) in self.partners.iter_mut().filter(|(_, partner)| partner.due <= now) {
            let news = partner.news(*conn, others);
            partner.due = now + if news.is_empty() { LOOK_AGAIN } else { EVERY };
            if !news.is_empty() {
                messages.push((*conn, news));
            }
        }
        self.next = self.partners.values().map(|partner| partner.due).min();
        messages
    }

    /// The peer names others: as many of them as are taken.
    pub(super) fn heard(&mut self, now: At, conn: ConnKey, mut named: Pex) -> Vec<(SocketAddr, PexFlags)> {
        let Some(partner) = self.partners.get_mut(&conn) else { return Vec::new() };
        if now.saturating_sub(self.taken.0) >= EVERY {
            self.taken = (now, 0);
        }
        let left = MOST_OF_ONE.saturating_sub(partner.named).min(MOST_A_MINUTE.saturating_sub(self.taken.1));
        named.added.truncate(left);
        let gone: BTreeSet<SocketAddr> = named.dropped.into_iter().collect();
        named.added.retain(|(addr, _)| !gone.contains(addr));
        partner.named += named.added.len();
        self.taken.1 += named.added.len();
        named.added
    }
}

impl Partner {
    /// The peers it was not told of, and those that are gone.
    fn news(&mut self, conn: ConnKey, others: &[Other]) -> Pex {
        let most = if self.began { MOST_PEX_ENTRIES } else { MOST_FIRST_PEX_ENTRIES };
        let there =
            others.iter().filter(|other| other.conn != conn && scope_of(other.addr.ip()) >= self.scope);
        let added: Vec<_> = there
            .clone()
            .filter(|other| !self.told.contains(&other.addr))
            .map(|other| (other.addr, other.flags))
            .take(most)
            .collect();
        let there: BTreeSet<SocketAddr> = there.map(|other| other.addr).collect();
        let dropped: Vec<_> = self.told.difference(&there).copied().take(MOST_PEX_ENTRIES).collect();
        self.told.extend(added.iter().map(|(addr, _)| *addr));
        for addr in &dropped {
            self.told.remove(addr);
        }
        self.began |= !added.is_empty();
        Pex { added, dropped }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));

    fn other(conn: u32) -> Other {
        let addr = SocketAddr::from(([10, 0, 0, 1], 1000 + conn as u16));
        Other { conn: ConnKey(conn), addr, flags: PexFlags::SEED }
    }

    fn others(conns: std::ops::Range<u32>) -> Vec<Other> {
        conns.map(other).collect()
    }

    fn added(message: &(ConnKey, Pex)) -> Vec<u16> {
        message.1.added.iter().map(|(addr, _)| addr.port() - 1000).collect()
    }

    #[test]
    fn a_peer_is_told_of_the_others_and_then_of_what_changes() {
        let mut exchange = Exchange::default();
        assert_eq!(exchange.deadline(), None);
        exchange.joined(At::ZERO, ConnKey(0), NEAR);
        let first = exchange.tell(At::ZERO, &others(0..3));
        assert_eq!((first.len(), added(&first[0])), (1, vec![1, 2]));
        assert_eq!(exchange.deadline(), Some(EVERY));
        let changed: Vec<Other> = [0, 2, 3].map(other).into();
        assert!(exchange.tell(EVERY - SECOND, &changed).is_empty(), "not before a minute went by");
        let second = exchange.tell(EVERY, &changed);
        assert_eq!(added(&second[0]), [3]);
        assert_eq!(second[0].1.dropped, [other(1).addr]);
        assert!(exchange.tell(2 * EVERY, &changed).is_empty(), "nothing changed");
        exchange.left(ConnKey(0));
        assert_eq!(exchange.deadline(), None);
    }

    #[test]
    fn nobody_far_away_is_told_of_machines_here() {
        let mut exchange = Exchange::default();
        exchange.joined(At::ZERO, ConnKey(0), "203.0.113.7".parse().unwrap());
        let far = Other { addr: "198.51.100.1:6881".parse().unwrap(), ..other(2) };
        let told = exchange.tell(At::ZERO, &[other(1), far]);
        assert_eq!(told[0].1.added, [(far.addr, far.flags)]);
    }

    #[test]
    fn who_came_first_hears_of_the_second_soon() {
        let mut exchange = Exchange::default();
        exchange.joined(At::ZERO, ConnKey(0), NEAR);
        assert!(exchange.tell(At::ZERO, &others(0..1)).is_empty());
        let due = exchange.deadline().unwrap();
        assert_eq!(due, LOOK_AGAIN);
        assert_eq!(added(&exchange.tell(due, &others(0..2))[0]), [1]);
    }

    #[test]
    fn a_message_is_bounded_and_the_rest_follows() {
        let mut exchange = Exchange::default();
        exchange.joined(At::ZERO, ConnKey(0), NEAR);
        let mut told = 0;
        for (minute, most) in (0..).zip([MOST_FIRST_PEX_ENTRIES, MOST_PEX_ENTRIES, 49]) {
            let messages = exchange.tell(EVERY * minute, &others(0..300));
            assert_eq!(messages[0].1.added.len(), most);
            told += most;
        }
        assert_eq!(told, 299);
        let gone = exchange.tell(3 * EVERY, &[]);
        assert_eq!(gone[0].1.dropped.len(), MOST_PEX_ENTRIES);
    }

    #[test]
    fn what_peers_name_is_bounded_by_the_peer_and_in_all() {
        let named = |count: u32| Pex {
            added: others(0..count).iter().map(|other| (other.addr, other.flags)).collect(),
            dropped: Vec::new(),
        };
        let mut exchange = Exchange::default();
        assert!(
            exchange.heard(At::ZERO, ConnKey(0), named(3)).is_empty(),
            "it never said that it takes part"
        );
        for conn in 0..30 {
            exchange.joined(At::ZERO, ConnKey(conn), NEAR);
        }
        let a_minute: usize =
            (0..30).map(|conn| exchange.heard(At::ZERO, ConnKey(conn), named(50)).len()).sum();
        assert_eq!(a_minute, MOST_A_MINUTE);
        let one: usize =
            (1..100).map(|minute| exchange.heard(EVERY * minute, ConnKey(0), named(50)).len()).sum();
        assert_eq!(one + 50, MOST_OF_ONE);
    }

    #[test]
    fn who_is_dropped_in_the_same_breath_is_not_taken() {
        let mut exchange = Exchange::default();
        exchange.joined(At::ZERO, ConnKey(0), NEAR);
        let both = Pex {
            added: [1, 2].map(|conn| (other(conn).addr, PexFlags::default())).into(),
            dropped: vec![other(1).addr],
        };
        assert_eq!(exchange.heard(At::ZERO, ConnKey(0), both), [(other(2).addr, PexFlags::default())]);
    }
}
