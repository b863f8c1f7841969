//! Peers name peers (BEP 11).

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::one::{One, addr};
use super::*;
use crate::event::{Event, Finder, FinderStatus, PeerInfo, PeerKey, Source, TrackerKey};
use crate::metainfo::address::Scope;
use crate::peer::News;
use crate::swarm::{ConnKey, Input};
use crate::wire::{MOST_FIRST_PEX_ENTRIES, PEX_NAME, Pex, PexFlags};

/// Six clients with a part each, all of which know the first one alone.
fn strangers(settings: &Settings) -> (World, Vec<NodeKey>) {
    let mut world = World::new(24 * MIB, 256 * 1024, 1);
    let clients: Vec<NodeKey> = (0..6)
        .map(|n| {
            let geometry = world.geometry;
            let mut have = Bitfield::empty(geometry.piece_count());
            for piece in geometry.pieces().filter(|piece| piece.number() % 6 == n) {
                have.set(piece);
            }
            world.client_with(MIB, settings.clone(), have)
        })
        .collect();
    for other in &clients[1..] {
        world.introduce(*other, clients[0]);
    }
    (world, clients)
}

#[test]
fn who_knows_one_peer_finds_the_others_through_it() {
    let (mut world, clients) = strangers(&settings());
    world.until(secs(90), "everybody knows everybody", |world| {
        clients.iter().all(|client| world.neighbours(*client).len() == clients.len() - 1)
    });
    world.complete(secs(600), &clients);
}

#[test]
fn in_a_private_torrent_and_where_it_is_switched_off_nobody_is_named() {
    for settings in
        [Settings { private: true, ..settings() }, Settings { finders: BTreeSet::new(), ..settings() }]
    {
        let (mut world, clients) = strangers(&settings);
        world.run(secs(180));
        let only_first = BTreeSet::from([clients[0]]);
        assert!(clients[1..].iter().all(|client| world.neighbours(*client).is_subset(&only_first)));
        let told = world.at(clients[1]).events.iter().find_map(|(_, event)| match event {
            Event::Finder { finder: Finder::Pex, status, .. } => Some(*status),
            _ => None,
        });
        assert_eq!(told, Some(FinderStatus::Off));
    }
}

/// A client, and a peer far away that called it and takes part.
fn called_from_afar() -> One {
    let mut one = One::new(MIB, 256 * 1024, tcp_only());
    one.shaken(1, None, "198.51.100.1:50000".parse().unwrap(), 9);
    let info = PeerInfo { extensions: vec![PEX_NAME.to_owned()], ..PeerInfo::default() };
    one.news(ConnKey(1), News::Introduced(info));
    one
}

fn named<const N: usize>(addrs: [(&str, PexFlags); N]) -> News {
    let added = addrs.map(|(addr, flags)| (addr.parse().unwrap(), flags));
    News::Named(Pex { added: added.into(), dropped: Vec::new() })
}

#[test]
fn a_stranger_names_nobody_here_and_nobody_twice() {
    let mut one = called_from_afar();
    let plain = PexFlags::default();
    let far = "203.0.113.5:6881";
    one.news(
        ConnKey(1),
        named([
            ("127.0.0.1:22", plain),
            ("192.168.0.1:80", plain),
            ("10.0.0.1:6881", plain),
            ("0.0.0.0:1", plain),
            ("203.0.113.5:0", plain),
            (far, plain),
            (far, plain),
        ]),
    );
    one.run(secs(1));
    let learned: Vec<_> = one
        .events()
        .filter_map(|event| match event {
            Event::PeerLearned { addr, source: Source::Pex(by), .. } => Some((*addr, *by)),
            _ => None,
        })
        .collect();
    assert_eq!(learned, [(far.parse().unwrap(), PeerKey(0))]);
    assert!(one.events().any(|event| *event == Event::Named { peer: PeerKey(0), named: 7, new: 1 }));
    assert_eq!(one.dials().iter().map(|(_, addr)| *addr).collect::<Vec<_>>(), [far.parse().unwrap()]);
}

#[test]
fn other_ways_to_find_peers_name_none_nearer_than_who_named_them_and_none_of_a_private_torrent() {
    let addrs: Vec<_> =
        ["127.0.0.1:22", "192.168.0.1:80", "203.0.113.5:6881"].map(|addr| addr.parse().unwrap()).into();
    for (source, finder) in [(Source::Dht, Finder::Dht), (Source::Lsd, Finder::Lsd)] {
        for (scope, private, named) in [
            (Scope::Public, false, &addrs[2..]),
            (Scope::Private, false, &addrs[1..]),
            (Scope::Loopback, false, &addrs[..]),
            (Scope::Public, true, &addrs[3..]),
        ] {
            let finders = BTreeSet::from([finder]);
            let mut one = One::new(MIB, 256 * 1024, Settings { private, finders, ..settings() });
            one.tell(Input::Found { source, scope, addrs: addrs.clone() });
            one.tell(Input::Found { source, scope, addrs: addrs.clone() });
            let learned: Vec<_> = one
                .events()
                .filter_map(|event| match event {
                    Event::PeerLearned { addr, source: by, .. } => Some((*addr, *by)),
                    _ => None,
                })
                .collect();
            assert_eq!(learned, named.iter().map(|addr| (*addr, source)).collect::<Vec<_>>(), "{scope:?}");
            let told: Vec<_> =
                one.events().filter(|event| matches!(event, Event::Found { .. })).cloned().collect();
            let found = |new| Event::Found { finder, named: 3, new };
            let all = named.len() as u32;
            assert_eq!(told, if private { vec![] } else { vec![found(all), found(0)] });
        }
    }
}

/// Who is learned from messages of a stranger, one after the other as they come off the wire.
fn learned_from(messages: &[Pex]) -> Vec<String> {
    let mut one = called_from_afar();
    let seen_at = Some("203.0.113.9:6881".parse().unwrap());
    one.tell(Input::Reached { tracker: TrackerKey(0), scope: Scope::Public, seen_at });
    for pex in messages {
        let read = Pex::decode(&pex.encode(), MOST_FIRST_PEX_ENTRIES).unwrap();
        one.news(ConnKey(1), News::Named(read));
        one.run(secs(60));
    }
    let learned = one.events().filter_map(|event| match event {
        Event::PeerLearned { addr, source: Source::Pex(_), .. } => Some(addr.to_string()),
        _ => None,
    });
    learned.collect()
}

#[test]
fn of_what_a_stranger_makes_up_little_counts() {
    let plain = |addr: SocketAddr| (addr, PexFlags::default());
    let some = |addrs: &[&str]| Pex {
        added: addrs.iter().map(|addr| plain(addr.parse().unwrap())).collect(),
        dropped: Vec::new(),
    };
    let far = "203.0.113.5:6881";
    let many = (1..=10_000u16).map(|n| plain(SocketAddr::from(([198, 51, 100, (n % 250) as u8], n))));
    let gone = Pex { added: Vec::new(), dropped: vec![far.parse().unwrap()] };
    let both = Pex { dropped: gone.dropped.clone(), ..some(&[far]) };
    for (what, messages, learned) in [
        ("10 000 addresses", vec![Pex { added: many.collect(), dropped: Vec::new() }], 200),
        ("our own address", vec![some(&["203.0.113.9:6881"])], 0),
        ("another port of ours", vec![some(&["203.0.113.9:22"])], 0),
        ("loopback", vec![some(&["127.0.0.1:6881", "[::1]:6881"])], 0),
        ("our network", vec![some(&["192.168.0.1:80", "10.0.0.1:6881", "[fd00::1]:80"])], 0),
        ("no address and no port", vec![some(&["0.0.0.0:1", "203.0.113.5:0", "[::]:6881"])], 0),
        ("many", vec![some(&["224.0.0.1:6881", "255.255.255.255:6881", "[ff02::1]:6881"])], 0),
        ("one a thousand times", vec![some(&[far; 1000])], 1),
        ("one in message after message", vec![some(&[far]); 20], 1),
        ("dropped before it was added", vec![gone.clone()], 0),
        ("dropped and added at once", vec![both], 0),
        ("dropped, and then added", vec![gone, some(&[far])], 1),
    ] {
        let found = learned_from(&messages);
        assert_eq!(found.len(), learned, "{what}: {found:?}");
    }
}

#[test]
fn what_is_said_of_a_peer_decides_how_it_is_dialled() {
    let mut one = called_from_afar();
    one.news(ConnKey(1), named([("203.0.113.5:6881", PexFlags::ENCRYPTED)]));
    one.run(secs(1));
    let how: Vec<_> = one.client().dials.iter().map(|(.., how)| how.encryption).collect();
    assert_eq!(how, [crate::event::Encryption::Mse]);
}

#[test]
fn a_seed_is_not_dialled_by_one_that_has_everything() {
    let mut one = One::new(MIB, 256 * 1024, tcp_only());
    one.add(1, one.seed(4 * MIB));
    one.until_complete(secs(30));
    one.shaken(100, None, addr(7), 9);
    let info = PeerInfo { extensions: vec![PEX_NAME.to_owned()], ..PeerInfo::default() };
    one.news(ConnKey(100), News::Introduced(info));
    let before = one.dials().len();
    one.news(
        ConnKey(100),
        named([("10.0.0.50:6881", PexFlags::SEED), ("10.0.0.51:6881", PexFlags::default())]),
    );
    one.run(secs(1));
    let dialled: Vec<_> = one.dials()[before..].iter().map(|(_, addr)| addr.to_string()).collect();
    assert_eq!(dialled, ["10.0.0.51:6881"]);
}
