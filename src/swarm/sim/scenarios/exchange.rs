//! Peers name peers (BEP 11).

use std::collections::BTreeSet;

use super::one::{One, addr};
use super::*;
use crate::event::{Event, Finder, FinderStatus, PeerInfo, PeerKey, Source};
use crate::peer::News;
use crate::swarm::ConnKey;
use crate::wire::{PEX_NAME, Pex, PexFlags};

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
    for settings in [Settings { private: true, ..settings() }, Settings { pex: false, ..settings() }] {
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
    let mut one = One::new(MIB, 256 * 1024, settings());
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
fn what_is_said_of_a_peer_decides_how_it_is_dialled() {
    let mut one = called_from_afar();
    one.news(ConnKey(1), named([("203.0.113.5:6881", PexFlags::ENCRYPTED)]));
    one.run(secs(1));
    let how: Vec<_> = one.client().dials.iter().map(|(.., how)| *how).collect();
    assert_eq!(how, [crate::event::Encryption::Mse]);
}

#[test]
fn a_seed_is_not_dialled_by_one_that_has_everything() {
    let mut one = One::new(MIB, 256 * 1024, settings());
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
