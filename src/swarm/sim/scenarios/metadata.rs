//! A torrent that is known by its info-hash alone at first.

use super::*;

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
    world.at_mut(client).knows_only_the_hash(At::ZERO, secs(5));
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
