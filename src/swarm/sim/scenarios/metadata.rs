//! A torrent that is known by its info-hash alone at first.

use std::collections::BTreeSet;

use bytes::Bytes;
use sha1::{Digest, Sha1};

use super::super::script::Gives;
use super::one::{One, addr};
use super::*;
use crate::event::{Event, MetadataStep, PeerKey, Source, TrackerKey};
use crate::metainfo::InfoHash;
use crate::swarm::metadata::Parts;
use crate::swarm::{ConnKey, Input, Known};

/// The bytes of `info`, as far as the decisions care.
fn info() -> Bytes {
    (0..100_000u32).map(|n| (n * 7 / 5 % 251) as u8).collect()
}

/// A client that knows the hash of the metadata alone, and seeds that give them so.
fn magnet(gives: &[Gives]) -> (World, NodeKey, Vec<NodeKey>) {
    let mut world = World::new(4 * MIB, 128 * 1024, 1);
    let settings = Settings { info_hash: InfoHash(Sha1::digest(info()).into()), ..settings() };
    let client = world.client(MIB, settings);
    world.at_mut(client).knows_only_the_hash(At::ZERO, None);
    let fakes = gives.iter().map(|gives| gives_so(&mut world, client, *gives)).collect();
    (world, client, fakes)
}

/// Another seed that the client is told of.
fn gives_so(world: &mut World, client: NodeKey, gives: Gives) -> NodeKey {
    let script = Script { metadata: Some((info(), gives)), ..Script::seed(world.geometry, MIB) };
    let fake = world.fake(script);
    world.introduce(client, fake);
    fake
}

/// What was told of the metadata by each peer.
fn steps(world: &World, client: NodeKey) -> Vec<(u32, MetadataStep)> {
    let told = world.at(client).events.iter().filter_map(|(_, event)| match event {
        Event::Metadata { peer, step } => Some((peer.0, step.clone())),
        _ => None,
    });
    told.collect()
}

/// How much of them is here, as it was told last.
fn parts(world: &World, client: NodeKey) -> Parts {
    let told = world.at(client).events.iter().rev().find_map(|(_, event)| match event {
        Event::MetadataParts { got, of, bytes } => Some(Parts { got: *got, of: *of, bytes: *bytes }),
        _ => None,
    });
    told.unwrap_or_default()
}

fn who(steps: &[(u32, MetadataStep)], is: impl Fn(&MetadataStep) -> bool) -> BTreeSet<u32> {
    steps.iter().filter(|(_, step)| is(step)).map(|(peer, _)| *peer).collect()
}

#[test]
fn metadata_come_first_and_then_the_pieces_on_the_same_connections() {
    let (mut world, client, fakes) = magnet(&[Gives::Right; 3]);
    let known = world.until(secs(5), "the metadata are here", |world| world.at(client).info.is_some());
    assert!(known < secs(1), "a handshake, and a few ways there and back: {known:?}");
    assert_eq!(world.at(client).info, Some(info()));
    assert_eq!(parts(&world, client), Parts { got: 7, of: 7, bytes: 100_000 });
    world.complete(secs(30), &[client]);
    assert_eq!(world.at(client).dials.len(), fakes.len(), "nobody is dialled twice");
    let phases = world.at(client).events.iter().filter_map(|(_, event)| match event {
        Event::Phase { phase, .. } => Some(*phase),
        _ => None,
    });
    // The first is that of the torrent's file, with which every client of the simulator begins.
    assert_eq!(phases.skip(1).collect::<Vec<_>>(), [Phase::Metadata, Phase::Downloading, Phase::Seeding]);
}

#[test]
fn one_honest_of_five_is_enough_where_three_poison_it_and_they_are_named_and_let_go() {
    let gives = [Gives::Wrong, Gives::Wrong, Gives::Right, Gives::Wrong, Gives::Nothing];
    let (mut world, client, fakes) = magnet(&gives);
    let known = world.until(secs(60), "the metadata are here", |world| world.at(client).info.is_some());
    assert!(known < secs(3), "a liar costs a few ways there and back, and a silent one nothing: {known:?}");
    assert_eq!(world.at(client).info, Some(info()));
    world.run(secs(1));
    for (fake, gives) in fakes.iter().zip(gives) {
        let expected: &[Cause] = if gives == Gives::Wrong { &[Cause::MetadataWrong] } else { &[] };
        assert_eq!(causes_of(&world, client, *fake), expected, "{gives:?}");
    }
    let steps = steps(&world, client);
    assert_eq!(who(&steps, |step| matches!(step, MetadataStep::Wrong { .. })), BTreeSet::from([0, 1, 3]));
    world.complete(secs(60), &[client]);
}

#[test]
fn where_all_refuse_each_is_named_stays_and_is_not_asked_again() {
    let (mut world, client, fakes) = magnet(&[Gives::Refuses; 4]);
    world.run(secs(600));
    assert_eq!(world.at(client).swarm.phase(), Phase::Metadata);
    let told = steps(&world, client);
    let refused = |step: &MetadataStep| matches!(step, MetadataStep::Refused { .. });
    assert_eq!(who(&told, refused).len(), 4);
    let asked = |told: &[(u32, MetadataStep)]| {
        told.iter().filter(|(_, step)| matches!(step, MetadataStep::Asked { .. })).count()
    };
    assert_eq!(asked(&told), 4, "{told:?}");
    assert_eq!(world.connections(client), fakes.len());
    let withholds = |n: &u32| world.at(client).swarm.withholds_metadata(ConnKey(*n));
    assert_eq!((0..100).filter(|n| withholds(n) == Some(Cause::MetadataRefused)).count(), 4);
    gives_so(&mut world, client, Gives::Right);
    world.complete(secs(60), &[client]);
}

#[test]
fn where_all_are_silent_each_is_named_and_not_asked_again() {
    let (mut world, client, fakes) = magnet(&[Gives::Nothing; 4]);
    world.run(secs(600));
    let told = steps(&world, client);
    assert_eq!(who(&told, |step| matches!(step, MetadataStep::Silent { .. })).len(), 4);
    let asked = told.iter().filter(|(_, step)| matches!(step, MetadataStep::Asked { .. })).count();
    assert_eq!(asked, 4, "{told:?}");
    assert_eq!((world.connections(client), parts(&world, client).got), (fakes.len(), 0));
    let before = world.now;
    gives_so(&mut world, client, Gives::Right);
    world.until(secs(10), "the metadata are here", |world| world.at(client).info.is_some());
    assert!(world.now - before < secs(2), "nobody waits for the silent ones");
    world.complete(secs(60), &[client]);
}

#[test]
fn what_one_gave_before_it_left_is_kept_and_the_rest_comes_from_the_next() {
    let (mut world, client, fakes) = magnet(&[Gives::First(4)]);
    world.run(secs(1));
    world.reach(fakes[0], Reach::Refuses);
    world.run(secs(20));
    assert_eq!(parts(&world, client), Parts { got: 4, of: 7, bytes: 100_000 });
    assert_eq!(world.at(client).swarm.phase(), Phase::Metadata);
    gives_so(&mut world, client, Gives::Right);
    world.until(secs(10), "the metadata are here", |world| world.at(client).info.is_some());
    let gave =
        steps(&world, client).into_iter().filter(|(_, step)| matches!(step, MetadataStep::Gave { .. }));
    assert!(gave.count() <= 9, "what was here is not asked for again");
    world.complete(secs(60), &[client]);
}

#[test]
fn one_that_got_them_from_a_peer_gives_them_to_the_next() {
    let (mut world, first, _) = magnet(&[Gives::Right]);
    world.complete(secs(60), &[first]);
    let settings = Settings { info_hash: InfoHash(Sha1::digest(info()).into()), ..settings() };
    let second = world.client(MIB, settings);
    let now = world.now;
    world.at_mut(second).knows_only_the_hash(now, None);
    world.introduce(second, first);
    world.complete(secs(60), &[second]);
    assert_eq!(world.at(second).info, Some(info()));
}

#[test]
fn nobody_is_asked_while_it_is_paused_and_it_goes_on_afterwards() {
    let (mut world, client, _) = magnet(&[]);
    world.wish(client, Command::Pause);
    gives_so(&mut world, client, Gives::Right);
    world.run(secs(20));
    assert!(steps(&world, client).is_empty());
    world.wish(client, Command::Resume);
    world.complete(secs(60), &[client]);
}

#[test]
fn what_peers_say_before_the_geometry_is_known_counts_once_it_is() {
    let scripts: [fn(Geometry) -> Script; 6] = [
        |geometry| Script { fast: false, ..Script::with(geometry, MIB, |piece| piece.number() < 20) },
        |geometry| Script::with(geometry, MIB, |piece| piece.number() >= 10 && piece.number() < 40),
        |geometry| Script {
            gains: Some((secs(1), 2)),
            ..Script::with(geometry, MIB, |piece| piece.number() >= 40)
        },
        Script::taker,
        |geometry| Script::with(geometry, MIB, |_| false),
        |geometry| Script::with(geometry, MIB, |_| false),
    ];
    let mut world = World::new(8 * MIB, 128 * 1024, 1);
    let client = world.client(MIB, settings());
    world.at_mut(client).knows_only_the_hash(At::ZERO, Some(secs(5)));
    let fakes: Vec<NodeKey> = scripts.iter().map(|script| world.fake(script(world.geometry))).collect();
    fakes.iter().for_each(|fake| world.introduce(client, *fake));
    world.run(secs(2));
    let (liar, endless) = (fakes[4], fakes[5]);
    world.say(liar, &Message::Have(64));
    (0..10_000).for_each(|_| world.say(endless, &Message::Have(3)));
    world.run(secs(2));
    assert_eq!(causes_of(&world, client, endless), [Cause::BadMessage], "what is kept is bounded");
    assert_eq!((world.connections(client), world.at(client).asked_most), (5, 0), "nobody is asked yet");
    world.run(secs(2));
    assert_eq!(causes_of(&world, client, liar), [Cause::PieceOutOfRange], "what it said is checked now");
    assert!(world.at(client).asked_most > 0);
    world.complete(secs(30), &[client]);
    assert!(world.fake_at(fakes[3]).got_bytes > 0, "who asked is served");
}

#[test]
fn where_the_metadata_say_private_peers_that_no_tracker_named_are_forgotten() {
    let mut one = One::new(4 * MIB, 128 * 1024, settings());
    one.client_mut().knows_only_the_hash(At::ZERO, None);
    for (n, source) in [(1, Source::Tracker(TrackerKey(0))), (2, Source::Magnet), (3, Source::Magnet)] {
        // Nobody is at the third.
        if n < 3 {
            let seed = one.seed(MIB);
            one.listen(n, seed);
        }
        one.tell(Input::Learned { addr: addr(n), source });
    }
    one.run(secs(1));
    let (geometry, have) = (one.geometry, Bitfield::empty(one.geometry.piece_count()));
    let known = Known { private: true, ..Known::everything(geometry, have) };
    one.tell(Input::Known(Box::new(known)));
    one.run(secs(1));
    let ended = one.ended();
    assert!(ended.contains(&(addr(2), Cause::PrivateTorrent)), "{ended:?}");
    assert!(ended.iter().all(|(at, _)| *at != addr(1)), "{ended:?}");
    let dials = one.client().dials.len();
    one.tell(Input::Learned { addr: addr(4), source: Source::Pex(PeerKey(0)) });
    one.tell(Input::Learned { addr: addr(5), source: Source::Magnet });
    one.run(secs(600));
    let again = one.client().dials[dials..].iter().filter(|(_, at, _)| *at != addr(1)).count();
    assert_eq!(again, 0, "{:?}", one.client().dials);
}
