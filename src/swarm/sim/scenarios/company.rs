//! Who is with whom: turns, places, addresses, and who is sent away for lies.

use std::collections::BTreeSet;

use super::*;
use crate::event::{Event, PeerKey};
use crate::swarm::UploadSlots;

fn banned(world: &World, client: NodeKey) -> usize {
    let bans = |(_, event): &&(At, Event)| matches!(event, Event::Banned { until: Some(_), .. });
    world.at(client).events.iter().filter(bans).count()
}

#[test]
fn everybody_who_asks_gets_a_turn() {
    let geometry = Geometry::new(4 * MIB, 64 * 1024).unwrap();
    let mut world = World::new(4 * MIB, 64 * 1024, 2);
    world.thorough = false;
    let full = Bitfield::full(geometry.piece_count());
    let limits = Settings { upload_slots: UploadSlots::Fixed(3), ..settings() };
    let client = world.client_with(MIB, limits, full);
    let takers: Vec<NodeKey> = (0..16).map(|_| world.fake(Script::taker(geometry))).collect();
    for taker in &takers {
        world.call(*taker, client);
    }
    world.run(secs(1200));
    let got: Vec<u64> = takers.iter().map(|taker| world.fake_at(*taker).got_bytes).collect();
    assert!(got.iter().all(|bytes| *bytes > 4 * MIB), "{got:?}");
    let served =
        takers.iter().filter(|taker| world.fake_at(**taker).served.last().is_some_and(|(_, on)| *on));
    assert_eq!(served.count(), 4);
}

#[test]
fn of_forty_that_want_to_be_served_nobody_waits_longer_than_two_minutes() {
    let mut world = World::new(4 * MIB, 64 * 1024, 2);
    world.thorough = false;
    let full = Bitfield::full(world.geometry.piece_count());
    let client = world.client_with(200 * KIB, settings(), full);
    let takers: Vec<NodeKey> = (0..40).map(|_| world.fake(Script::taker(world.geometry))).collect();
    takers.iter().for_each(|taker| world.call(*taker, client));
    let end = world.now + secs(600);
    world.run(secs(600));
    for taker in &takers {
        let changes = &world.fake_at(*taker).served;
        let mut waits_since = Some(At::ZERO);
        for (at, served) in changes.iter().copied().chain([(end, true)]) {
            let waited = waits_since.map_or(Duration::ZERO, |since| at.saturating_sub(since));
            assert!(waited <= secs(120), "{waited:?}");
            waits_since = (!served).then_some(at);
        }
        assert!(world.fake_at(*taker).got_bytes > 0);
    }
}

#[test]
fn peers_of_one_address_are_not_taken_for_one() {
    let mut world = World::new(2 * MIB, 64 * 1024, 2);
    let client = world.client(MIB, settings());
    let ports: Vec<NodeKey> = (0..3u32)
        .map(|n| {
            let geometry = world.geometry;
            let node = world.fake(Script::with(geometry, MIB, move |piece| piece.number() % 3 == n));
            world.move_to(node, SocketAddr::from(([8, 8, 4, 4], 7000 + n as u16)));
            world.introduce(client, node);
            node
        })
        .collect();
    world.complete(secs(30), &[client]);
    assert_eq!(world.neighbours(client), ports.into_iter().collect::<BTreeSet<_>>());
}

#[test]
fn a_client_that_learns_its_own_address_is_not_its_own_peer() {
    let mut world = World::new(MIB, 64 * 1024, 2);
    let client = world.client(MIB, settings());
    world.introduce(client, client);
    world.run(secs(3600));
    assert_eq!((world.at(client).dials.len(), world.connections(client)), (1, 0));
}

#[test]
fn five_clients_and_a_seed_complete_together() {
    let mut world = World::new(8 * MIB, 256 * 1024, 11);
    let seed = world.fake(Script::seed(world.geometry, MIB));
    let clients: Vec<NodeKey> = (0..5).map(|_| world.client(MIB, settings())).collect();
    for client in &clients {
        world.introduce(*client, seed);
        clients.iter().for_each(|other| world.introduce(*client, *other));
    }
    let took = world.complete(secs(120), &clients);
    assert!(took < secs(30), "{took:?}: the seed alone would need 40 s");
    assert_eq!(banned(&world, clients[0]), 0);
}

#[test]
fn hold_and_drop_hold_in_a_busy_swarm() {
    let (mut world, client, fakes) = with_peers(
        16 * MIB,
        256 * 1024,
        settings(),
        &[|geometry| Script::seed(geometry, 512 * KIB), |geometry| Script::seed(geometry, 512 * KIB)],
    );
    world.run(secs(2));
    world.wish(client, Command::Drop(PeerKey(1)));
    world.wish(client, Command::Hold(PeerKey(0)));
    world.run(secs(2));
    let sent: Vec<u64> = fakes.iter().map(|fake| world.fake_at(*fake).sent_blocks).collect();
    world.run(secs(600));
    let after: Vec<u64> = fakes.iter().map(|fake| world.fake_at(*fake).sent_blocks).collect();
    assert_eq!(sent, after);
    assert_eq!((world.connections(fakes[0]), world.connections(fakes[1])), (1, 0));
    world.wish(client, Command::Undo);
    world.wish(client, Command::Retry(PeerKey(1)));
    world.run(secs(2));
    assert_eq!((world.connections(fakes[0]), world.connections(fakes[1])), (1, 1));
    world.complete(secs(20), &[client]);
}

#[test]
fn lying_peer_is_banned_after_hash_failure_and_innocent_co_senders_are_not() {
    let mut banned_good = 0;
    for seed in 0..10 {
        let mut world = World::new(8 * MIB, 256 * 1024, seed);
        let client = world.client(MIB, settings());
        let good: Vec<NodeKey> =
            (0..4).map(|_| world.fake(Script::seed(world.geometry, 512 * KIB))).collect();
        let liar = world.fake(Script { lies_every: Some(1), ..Script::seed(world.geometry, 512 * KIB) });
        for fake in good.iter().chain([&liar]) {
            world.introduce(client, *fake);
        }
        world.complete(secs(200), &[client]);
        assert!(causes_of(&world, client, liar).contains(&Cause::HashFailures), "seed {seed}");
        banned_good += good
            .iter()
            .filter(|good| causes_of(&world, client, **good).contains(&Cause::HashFailures))
            .count();
    }
    assert_eq!(banned_good, 0);
}

/// A client, good peers and liars that send so slowly that every piece comes from several of them.
fn shared_pieces(seed: u64, liars: &[u32]) -> (World, NodeKey, Vec<NodeKey>, Vec<NodeKey>) {
    let mut world = World::new(6 * MIB, MIB as u32, seed);
    let client = world.client(MIB, settings());
    let good: Vec<NodeKey> = (0..4).map(|_| world.fake(Script::seed(world.geometry, 30 * KIB))).collect();
    let lying = |world: &mut World, every: &u32| {
        world.fake(Script { lies_every: Some(*every), ..Script::seed(world.geometry, 30 * KIB) })
    };
    let liars: Vec<NodeKey> = liars.iter().map(|every| lying(&mut world, every)).collect();
    for fake in good.iter().chain(&liars) {
        world.introduce(client, *fake);
    }
    (world, client, good, liars)
}

/// Whether it was banned; the connection may have been over by then.
fn is_a_liar(world: &World, client: NodeKey, peer: NodeKey) -> bool {
    let there = world.addr(peer);
    let events = || world.at(client).events.iter().map(|(_, event)| event);
    let is_it = |key: PeerKey| {
        events().any(
            |event| matches!(event, Event::PeerLearned { peer, addr, .. } if *peer == key && *addr == there),
        )
    };
    events().any(|event| matches!(event, Event::Banned { peer, until: Some(_), .. } if is_it(*peer)))
}

#[test]
fn who_lies_now_and_then_is_found_among_those_it_shares_pieces_with() {
    let mut shared = 0;
    for (seed, liars) in (0..6).flat_map(|seed| [(seed, &[9][..]), (seed, &[5, 11][..]), (seed, &[1, 1][..])])
    {
        let (mut world, client, good, liars) = shared_pieces(seed, liars);
        world.complete(secs(600), &[client]);
        world.run(secs(1));
        assert!(!good.iter().any(|good| is_a_liar(&world, client, *good)), "seed {seed}");
        let found = liars.iter().filter(|liar| is_a_liar(&world, client, **liar)).count();
        assert_eq!(found, liars.len(), "seed {seed}");
        let several =
            |(_, event): &&(At, Event)| matches!(event, Event::PieceFailed { from, .. } if from.len() > 1);
        shared += world.at(client).events.iter().filter(several).count();
    }
    assert!(shared > 10, "{shared} wrong pieces had several senders");
}

#[test]
fn a_crowd_that_only_holds_places_gives_way_to_who_sends() {
    for calls in [true, false] {
        let limits = Settings { max_peers: 20, ..settings() };
        let mut world = World::new(8 * MIB, 64 * 1024, 5);
        let client = world.client(MIB, limits);
        let idle = |geometry| Script { unchokes: None, ..Script::with(geometry, 0, |_| false) };
        let crowd: Vec<NodeKey> = (0..30).map(|_| world.fake(idle(world.geometry))).collect();
        crowd.iter().for_each(|one| world.call(*one, client));
        world.run(secs(5));
        assert_eq!(world.connections(client), 20);
        let seed = world.fake(Script::seed(world.geometry, MIB));
        for _ in 0..3 {
            // They go on trying, as the good one does.
            crowd.iter().for_each(|one| world.call(*one, client));
            if calls {
                world.call(seed, client);
            } else {
                world.introduce(client, seed);
            }
            world.run(secs(40));
        }
        world.complete(secs(30), &[client]);
    }
}
