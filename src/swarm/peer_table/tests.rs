//! Rows, their addresses, and when each is dialled.

use super::bans::{BAN, MANY_ADDRESSES, MANY_PORTS};
use super::*;
use crate::event::{DialWay, Encryption, Transport};
use crate::swarm::ConnKey;

const PLAIN: DialWay = DialWay { transport: Transport::Tcp, encryption: Encryption::Plain };

fn addr(n: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], n))
}

fn secs(n: u64) -> At {
    At::from_secs(n)
}

#[test]
fn a_refused_peer_is_dialled_less_and_less() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut table = PeerTable::new(&Settings::default());
    let Learned { peer, new, .. } = table.learn(At::ZERO, addr(1), Source::Manual).unwrap();
    assert!(new);
    let mut now = At::ZERO;
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(table.take_due(now), Some((peer, addr(1), PLAIN)));
        assert_eq!(table.take_due(now), None);
        let next = table.ended(now, peer, Cause::ConnectionRefused, false, &mut random).unwrap();
        waits.push((next - now).as_secs());
        assert_eq!(table.take_due(now), None);
        now = next;
    }
    assert!(waits[0] >= 14 && waits[1] >= 55 && waits[4] > 440, "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 1900), "{waits:?}");
}

#[test]
fn a_probe_begins_with_the_way_that_goes_before_all_others_whatever_is_said_of_the_peer() {
    let mut table = PeerTable::new(&Settings::of_check(secs(30), 10));
    let peer = table.learn(At::ZERO, addr(1), Source::Manual).unwrap().peer;
    table.is_said(peer, PexFlags::UTP);
    table.is_said(peer, PexFlags::ENCRYPTED);
    assert_eq!(table.take_due(At::ZERO), Some((peer, addr(1), PLAIN)));
}

#[test]
fn a_seed_that_was_let_go_is_called_back_when_something_is_missing_again() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut table = PeerTable::new(&Settings::default());
    let peer = table.learn(At::ZERO, addr(1), Source::Manual).unwrap().peer;
    assert_eq!(table.take_due(At::ZERO), Some((peer, addr(1), PLAIN)));
    assert_eq!(table.ended(secs(1), peer, Cause::BothSeeds, true, &mut random), None);
    assert_eq!(table.call_back(), [peer]);
    assert_eq!(table.call_back(), [], "once is enough");
    assert_eq!(table.take_due(secs(1)), Some((peer, addr(1), PLAIN)));
    // Where its connection closes only when that is known already, it is dialled at once.
    assert_eq!(table.ended(secs(2), peer, Cause::BothSeeds, false, &mut random), Some(secs(2)));
}

#[test]
fn who_goes_while_we_stood_still_is_dialled_again_soon_and_not_blamed() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut table = PeerTable::new(&Settings::default());
    let peers = [1, 2, 3].map(|port| table.learn(At::ZERO, addr(port), Source::Manual).unwrap().peer);
    let take_all = |table: &mut PeerTable, now| std::iter::from_fn(|| table.take_due(now)).count();
    assert_eq!(take_all(&mut table, At::ZERO), 3);
    table.live(peers[0], ConnKey(1));
    table.live(peers[1], ConnKey(2));
    // The third failed often: it is not due for long.
    let mut now = At::ZERO;
    for _ in 0..8 {
        now = table.ended(now, peers[2], Cause::ConnectTimeout, false, &mut random).unwrap();
        assert_eq!(take_all(&mut table, now), 1);
    }
    let due = table.ended(now, peers[2], Cause::ConnectTimeout, false, &mut random).unwrap();
    assert!(due - now > secs(1600));
    let sooner = table.stood_still(now, secs(300), &mut random);
    assert_eq!(sooner, [(peers[2], due - secs(300))]);
    let sooner = table.stood_still(now, secs(3 * 3600), &mut random);
    assert!(sooner.len() == 1 && sooner[0].1 > now && sooner[0].1 <= now + SPREAD, "{sooner:?}");
    table.assert_consistent();
    // One goes because we were silent for long; it was connected, and is dialled again at once.
    let next = table.ended(now, peers[0], Cause::ClosedByPeer, false, &mut random).unwrap();
    assert_eq!(next, now);
    assert_eq!(table.row(peers[0]).unwrap().failures, 0);
    // The other goes much later, of its own accord.
    let later = now + FORGIVING;
    let next = table.ended(later, peers[1], Cause::ClosedByPeer, false, &mut random).unwrap();
    assert!(next > later + SPREAD, "{next:?}");
    assert_eq!(table.row(peers[1]).unwrap().failures, 1);
}

#[test]
fn a_standstill_excuses_nobody_who_lied() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut table = PeerTable::new(&Settings::default());
    let peer = table.learn(At::ZERO, addr(1), Source::Manual).unwrap().peer;
    table.live(peer, ConnKey(1));
    table.stood_still(secs(5), secs(300), &mut random);
    let next = table.ended(secs(6), peer, Cause::BadMessage, false, &mut random).unwrap();
    assert!(next > secs(6) + SPREAD, "{next:?}");
}

#[test]
fn three_banned_ports_ban_the_address() {
    let mut table = PeerTable::new(&Settings::default());
    table.bans.ban(At::ZERO, addr(1), "");
    table.bans.ban(At::ZERO, addr(2), "");
    assert!(table.banned_until(At::ZERO, addr(3)).is_none());
    assert_eq!(table.bans.ban(secs(5), addr(3), ""), (secs(5) + BAN, true));
    assert_eq!(table.banned_until(secs(5), addr(4)), Some(secs(5) + BAN));
    assert!(table.banned_until(secs(6) + BAN, addr(4)).is_none());
}

/// An address of one /64, whose port does not matter.
fn in_network(network: u16, low: u16) -> SocketAddr {
    SocketAddr::from((std::net::Ipv6Addr::new(0x2001, 0xdb9, 0, network, 0, 0, 0, low), 6881))
}

#[test]
fn three_banned_addresses_ban_the_network_they_share() {
    let mut table = PeerTable::new(&Settings::default());
    let there = table.learn(At::ZERO, in_network(7, 4), Source::Resume).unwrap().peer;
    assert!(
        !table.bans.ban(At::ZERO, in_network(7, 1), "").1
            && !table.bans.ban(At::ZERO, in_network(7, 2), "").1
    );
    assert!(table.banned_until(At::ZERO, in_network(7, 4)).is_none());
    assert!(table.bans.ban(At::ZERO, in_network(7, 3), "").1);
    let banned = Ban { until: At::ZERO + BAN, reason: MANY_ADDRESSES.to_owned() };
    assert_eq!(table.ban_of(At::ZERO, in_network(7, 4)), Some(banned));
    assert_eq!(table.take_due(secs(1)), None, "nobody is dialled there");
    assert!(
        table.banned_until(At::ZERO, in_network(8, 4)).is_none()
            && table.of_holder(in_network(7, 9).ip()) == [there]
    );
    assert!(table.expired_bans(secs(1)).is_empty());
    assert_eq!(table.expired_bans(secs(1) + BAN), [there]);
}

#[test]
fn lifting_a_ban_in_a_network_lifts_that_of_all_of_it() {
    let mut table = PeerTable::new(&Settings::default());
    let peers =
        [1, 2, 3, 4].map(|low| table.learn(At::ZERO, in_network(7, low), Source::Manual).unwrap().peer);
    for low in 1..=3 {
        table.bans.ban(At::ZERO, in_network(7, low), "it lied");
    }
    let lifted: Vec<PeerKey> = table
        .unban(secs(1), peers[3])
        .into_iter()
        .filter(|(_, ban)| ban.is_none())
        .map(|(peer, _)| peer)
        .collect();
    assert_eq!(lifted, [peers[3]], "what the others did is theirs");
    assert!(table.banned_until(secs(1), in_network(7, 1)).is_some());
}

#[test]
fn the_user_bans_an_address_and_nobody_beside_it() {
    let mut table = PeerTable::new(&Settings::default());
    table.ban_address(At::ZERO, in_network(7, 1).ip(), "by you");
    assert!(table.banned_until(At::ZERO, in_network(7, 1)).is_some());
    assert!(table.banned_until(At::ZERO, in_network(7, 2)).is_none());
}

#[test]
fn in_a_network_of_ones_own_everybody_stands_for_itself() {
    let mut table = PeerTable::new(&Settings::default());
    let near = |low: u16| SocketAddr::from((std::net::Ipv6Addr::new(0xfd00, 0, 0, 7, 0, 0, 0, low), 6881));
    assert!((0..3).all(|low| !table.bans.ban(At::ZERO, near(low), "").1));
    assert!(table.banned_until(At::ZERO, near(3)).is_none());
}

#[test]
fn lifting_a_ban_leaves_those_of_other_ports() {
    let mut table = PeerTable::new(&Settings::default());
    let ban = |reason: &str| Some(Ban { until: secs(5) + BAN, reason: reason.to_owned() });
    let peers = [1, 2, 3, 4].map(|port| table.learn(At::ZERO, addr(port), Source::Manual).unwrap().peer);
    for port in 1..=3 {
        table.bans.ban(secs(5), addr(port), "it lied");
    }
    assert_eq!(table.ban_of(secs(6), addr(4)), ban(MANY_PORTS));
    let lifted = table.unban(secs(6), peers[0]);
    let theirs = ban("it lied");
    assert_eq!(lifted, [(peers[0], None), (peers[1], theirs.clone()), (peers[2], theirs), (peers[3], None)]);
    assert_eq!(table.take_due(secs(6)), Some((peers[0], addr(1), PLAIN)));
    assert_eq!(table.take_due(secs(6)), Some((peers[3], addr(4), PLAIN)));
    assert_eq!(table.take_due(secs(6)), None);
}

#[test]
fn an_address_that_one_source_may_not_name_is_dialled_when_another_names_it() {
    let mut table = PeerTable::new(&Settings::default());
    let addr = |port| SocketAddr::from(([10, 0, 0, 1], port));
    table.reached(TrackerKey(0), Scope::Public, None);
    let (far, near) = (Source::Tracker(TrackerKey(0)), Source::Manual);
    let Learned { peer, new, valid, .. } = table.learn(At::ZERO, addr(1), far).unwrap();
    assert!(new && !valid);
    assert_eq!((table.learn(secs(1), addr(1), far), table.take_due(secs(1))), (None, None));
    let redeemed = Learned { peer, new: false, valid: true, redeemed: true };
    assert_eq!(table.learn(secs(1), addr(1), near), Some(redeemed));
    assert_eq!(table.take_due(secs(1)), Some((peer, addr(1), PLAIN)));
    let caller = table.learn(secs(1), addr(2), Source::Incoming).unwrap().peer;
    table.live(caller, ConnKey(1));
    let again = Learned { peer: caller, new: false, valid: false, redeemed: false };
    assert_eq!(table.learn(secs(1), addr(2), far), Some(again));
    let mut random = fastrand::Rng::with_seed(1);
    assert_eq!(table.ended(secs(2), caller, Cause::ClosedByPeer, false, &mut random), None);
}

#[test]
fn a_dropped_peer_is_not_dialled() {
    let mut table = PeerTable::new(&Settings::default());
    let peer = table.learn(At::ZERO, addr(1), Source::Manual).unwrap().peer;
    assert!(table.set_dropped(peer, true));
    assert_eq!(table.take_due(secs(1)), None);
}

#[test]
fn an_incoming_peer_joins_the_row_of_its_listening_port() {
    let mut table = PeerTable::new(&Settings::default());
    let known = table.learn(At::ZERO, addr(6881), Source::Resume).unwrap().peer;
    let called = table.learn(At::ZERO, addr(40_000), Source::Incoming).unwrap().peer;
    table.live(called, ConnKey(3));
    assert_eq!(table.listens(called, addr(6881)), Some(known));
    assert_eq!(table.row(known).unwrap().standing, Standing::Live(ConnKey(3)));
    assert!(table.row(called).is_none());
    assert_eq!(table.take_due(secs(9)), None, "it is connected");
}

fn public(port: u16) -> SocketAddr {
    SocketAddr::from(([1, 2, 3, 4], port))
}

#[test]
fn one_public_address_is_not_dialled_on_more_than_eight_ports_at_once() {
    let mut table = PeerTable::new(&Settings::default());
    for port in 1..=20 {
        table.learn(At::ZERO, public(port), Source::Manual);
    }
    assert_eq!(std::iter::from_fn(|| table.take_due(secs(1))).count(), MOST_PER_ADDRESS);
    assert_eq!(table.next_due(), Some(secs(61)));
}

#[test]
fn a_holder_of_many_addresses_is_one_holder() {
    let mut table = PeerTable::new(&Settings::default());
    let at = |n: u32, low: u32| {
        let [a, b] = [n >> 16, n & 0xffff].map(|half| half as u16);
        SocketAddr::from((std::net::Ipv6Addr::new(0x2001, 0xdb9, a, b, 0, 0, 0, low as u16), 6881))
    };
    for n in 0..MOST_PER_ADDRESS as u32 {
        let peer = table.learn(At::ZERO, at(7, n), Source::Incoming).unwrap().peer;
        assert!(!table.crowded(at(7, 99).ip()));
        table.live(peer, ConnKey(n));
    }
    assert!(table.crowded(at(7, 99).ip()) && !table.crowded(at(8, 0).ip()) && !table.crowded(at(6, 99).ip()));
}

#[test]
fn a_peer_that_comes_again_from_another_port_keeps_its_row() {
    let mut table = PeerTable::new(&Settings::default());
    let mut random = fastrand::Rng::with_seed(1);
    let first = table.learn(At::ZERO, addr(40_000), Source::Incoming).unwrap().peer;
    table.live(first, ConnKey(1));
    assert_eq!(table.listens(first, addr(6881)), None);
    table.ended(secs(1), first, Cause::ClosedByPeer, false, &mut random);
    for port in 40_001..40_010 {
        let again = table.learn(secs(2), addr(port), Source::Incoming).unwrap().peer;
        table.live(again, ConnKey(u32::from(port)));
        assert_eq!(table.listens(again, addr(6881)), Some(first));
        table.ended(secs(3), first, Cause::ClosedByPeer, false, &mut random);
    }
    assert_eq!((table.rows.len(), table.by_addr.len()), (1, 2));
    assert_eq!(table.row(first).unwrap().sources.len(), 1);
}

#[test]
fn a_peer_that_called_is_dialled_once_a_tracker_names_it() {
    let mut table = PeerTable::new(&Settings::default());
    let mut random = fastrand::Rng::with_seed(1);
    let peer = table.learn(At::ZERO, addr(6881), Source::Incoming).unwrap().peer;
    table.live(peer, ConnKey(1));
    assert_eq!(table.ended(secs(1), peer, Cause::ClosedByPeer, false, &mut random), None);
    let again = Learned { peer, new: false, valid: true, redeemed: false };
    assert_eq!(table.learn(secs(2), addr(6881), Source::Resume), Some(again));
    assert_eq!(table.take_due(secs(2)), Some((peer, addr(6881), PLAIN)));
}

#[test]
fn callers_that_cannot_be_dialled_make_room() {
    let mut table = PeerTable::new(&Settings::default());
    let mut random = fastrand::Rng::with_seed(1);
    for n in 0..MOST_ROWS as u32 {
        let addr = SocketAddr::from((std::net::Ipv4Addr::from(0x0100_0000 + n), 6881));
        let peer = table.learn(At::ZERO, addr, Source::Incoming).unwrap().peer;
        table.live(peer, ConnKey(n));
        table.ended(secs(1), peer, Cause::DuplicatePeerId, false, &mut random);
    }
    assert!(table.learn(secs(2), addr(1), Source::Resume).is_some());
    assert_eq!(table.rows.len(), MOST_ROWS);
}

#[test]
fn callers_that_say_where_they_listen_and_never_answer_there_make_room() {
    let mut table = PeerTable::new(&Settings { max_rows: 100, ..Settings::default() });
    let mut random = fastrand::Rng::with_seed(1);
    for n in 0..100 {
        let peer = table.learn(At::ZERO, addr(1000 + n), Source::Incoming).unwrap().peer;
        table.live(peer, ConnKey(u32::from(n)));
        table.listens(peer, addr(20_000 + n));
        table.ended(secs(1), peer, Cause::ClosedByPeer, false, &mut random);
    }
    let next = table.take_due(secs(100)).unwrap();
    table.ended(secs(101), next.0, Cause::ConnectionRefused, false, &mut random);
    assert!(table.learn(secs(102), addr(1), Source::Resume).is_some());
    assert!(table.row(next.0).is_none() && table.rows.len() == 100);
}

#[test]
fn a_failing_disk_is_no_reason_to_dial_at_once_for_ever() {
    let mut table = PeerTable::new(&Settings::default());
    let mut random = fastrand::Rng::with_seed(1);
    let peer = table.learn(At::ZERO, addr(1), Source::Resume).unwrap().peer;
    for cause in [Cause::DiskError, Cause::DuplicatePeerId] {
        table.live(peer, ConnKey(1));
        let next = table.ended(secs(1), peer, cause, true, &mut random);
        assert!(next.is_some_and(|next| next > secs(10)), "{next:?}");
    }
}

#[test]
fn the_oldest_that_never_shook_hands_makes_room() {
    let mut table = PeerTable::new(&Settings::default());
    for n in 0..MOST_ROWS as u32 + 10 {
        let addr = SocketAddr::from((std::net::Ipv4Addr::from(0x0100_0000 + n), 6881));
        assert!(
            table.learn(At::ZERO, addr, Source::Manual).is_some() == (n < MOST_ROWS as u32),
            "manual ones stay"
        );
    }
}

#[test]
fn of_those_that_are_due_the_one_of_the_highest_priority_is_dialled_first() {
    let mut table = PeerTable::new(&Settings::default());
    let tracker = Source::Tracker(TrackerKey(0));
    let at = |addr: &str| -> SocketAddr { addr.parse().unwrap() };
    table.reached(TrackerKey(0), Scope::Public, Some(at("123.213.32.10:6881")));
    // The examples of BEP 40: the later one has the higher priority.
    let (near, far) = (at("123.213.32.234:6881"), at("98.76.54.32:6881"));
    table.learn(secs(1), near, tracker);
    table.learn(secs(2), far, tracker);
    table.learn(secs(2), at("5.6.7.8:1"), Source::Manual);
    table.learn(secs(9), at("98.76.54.33:6881"), tracker);
    assert_eq!(table.next_due(), Some(At::ZERO));
    let order: Vec<SocketAddr> =
        std::iter::from_fn(|| table.take_due(secs(3))).map(|(_, addr, _)| addr).collect();
    assert_eq!(order, [at("5.6.7.8:1"), far, near], "who was chosen goes before all");
    assert_eq!(table.next_due(), Some(secs(9)), "nobody is dialled before its time");
    table.assert_consistent();
}

#[test]
fn who_is_ready_and_put_off_waits_again() {
    let mut due = Due::default();
    let (one, two) = (PeerKey(1), PeerKey(2));
    due.set(one, Some(secs(1)), Some(7));
    due.set(two, Some(secs(1)), Some(9));
    assert_eq!((due.next(secs(0)), due.next(secs(1))), (None, Some(two)));
    due.set(two, Some(secs(5)), Some(9));
    assert_eq!((due.next(secs(2)), due.first()), (Some(one), Some(secs(1))));
    due.set(one, None, None);
    assert_eq!((due.next(secs(2)), due.first()), (None, Some(secs(5))));
    assert_eq!(due.until(secs(5)).collect::<Vec<_>>(), [two]);
    assert_eq!(due.peers().count(), 1);
}
