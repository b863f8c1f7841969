//! When trackers are asked for more peers.

use super::*;

/// A download of more than comes in any of these tests.
fn large(settings: Settings) -> World {
    World::new(2048 * MIB, MIB as u32, settings)
}

fn wants(world: &World) -> Vec<(u64, bool)> {
    world.wants.iter().map(|(at, wanted)| (at.as_secs(), *wanted)).collect()
}

#[test]
fn peers_are_wanted_when_those_known_have_failed_twice() {
    let mut world = large(Settings::default());
    (0..3).for_each(|n| world.learn(n));
    world.run(secs(14));
    assert_eq!(wants(&world), [], "they are dialled again after 15 s");
    world.run(secs(60));
    let [(at, true)] = wants(&world)[..] else { panic!("{:?}", world.wants) };
    assert!((19..=24).contains(&at), "wanted at {at} s, and for as long as nobody answers");
    world.learn(3);
    world.run(secs(2));
    assert_eq!(world.wants.last().map(|(_, wanted)| *wanted), Some(false), "there is somebody to dial");
    world.run(secs(40));
    for n in 4..6 {
        world.add(n, world.seed(MIB));
    }
    world.run(secs(10));
    assert_eq!(world.wants.last().map(|(_, wanted)| *wanted), Some(true), "two are not enough");
    for n in 6..10 {
        world.add(n, world.seed(MIB));
    }
    world.run(secs(60));
    assert_eq!(world.wants.last().map(|(_, wanted)| *wanted), Some(false), "six are");
}

#[test]
fn peers_are_wanted_when_the_last_one_goes_or_falls_silent() {
    let mut world = large(Settings::default());
    (0..6).for_each(|n| world.add(n, Script { silent_after: Some(200), ..world.seed(MIB) }));
    world.run(secs(10));
    assert_eq!(wants(&world), []);
    world.run(secs(40));
    assert_eq!(world.wants.last().map(|(_, wanted)| *wanted), Some(true), "{:?}", world.wants);
}

#[test]
fn no_more_peers_are_wanted_where_they_would_not_help() {
    // It is complete within the time that asking takes.
    let mut world = World::new(40 * MIB, MIB as u32, Settings::default());
    world.add(1, world.seed(MIB));
    world.run(secs(38));
    assert_eq!(wants(&world), []);
    world.until_complete(secs(20));
    world.run(secs(600));
    assert_eq!(wants(&world), [], "seeding");
    // Our own limit is used in full.
    let mut world = large(Settings { down_bps: Some(200_000), ..Settings::default() });
    world.add(1, world.seed(MIB));
    world.run(secs(4));
    world.wants.clear();
    world.run(secs(60));
    assert_eq!(wants(&world), []);
    // There is no place for another.
    let mut world = large(Settings { max_peers: 1, ..Settings::default() });
    world.add(1, world.seed(100_000));
    world.run(secs(60));
    assert_eq!(wants(&world), []);
    // It is paused, or ends.
    for command in [Command::Pause, Command::Quit] {
        let mut world = large(Settings::default());
        world.add(1, world.seed(MIB));
        world.run(secs(20));
        assert_eq!(world.wants.last().map(|(_, wanted)| *wanted), Some(true));
        world.tell(Input::Command(command));
        world.run(secs(60));
        assert_eq!(world.wants.last().map(|(_, wanted)| *wanted), Some(false));
    }
}
