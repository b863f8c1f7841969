//! How streams share a line: with nobody, with each other, and with what gives way to losses alone.

use std::net::SocketAddr;
use std::time::Duration;

use super::aimd::Aimd;
use super::app::Transfer;
use super::line::{Line, Way};
use super::world::World;
use super::{MIB, ms, secs};
use crate::utp::Settings;

/// 20 Mbit/s.
const BPS: u64 = 20_000_000 / 8;
/// What nobody comes to the end of.
const ENDLESS: u64 = 4096 * MIB;

/// Hosts in pairs, of which the first of each sends to the second, over one line with a queue that lasts this long.
fn world(pairs: u8, queue: Duration) -> World {
    let mut world = World::new(7);
    world.ways.push(Way::new(Line::clean(BPS, ms(20), queue)));
    world.ways.push(Way::new(Line::clean(BPS, ms(20), queue)));
    for pair in 0..pairs {
        let hosts = [1, 2].map(|which| {
            let addr = SocketAddr::from(([10, pair, 0, which], 6881));
            world.host(addr, Settings::default())
        });
        world.route(hosts[0], hosts[1], 0);
        world.route(hosts[1], hosts[0], 1);
    }
    world
}

/// What happened in a stretch of time.
struct Stretch {
    /// The part of the line that was used.
    used: f64,
    /// The mean time that a packet waited.
    waited: Duration,
    /// The most that one waited.
    most_waited: Duration,
    /// Bytes that arrived, by transfer, and by the other flow.
    arrived: Vec<u64>,
    foreign: u64,
}

/// Lets some time go by, and tells what happened in it.
fn watch(world: &mut World, time: Duration) -> Stretch {
    let arrived = |world: &World| world.transfers.iter().map(|transfer| transfer.got[1]).collect::<Vec<_>>();
    let foreign = |world: &World| world.aimd.as_ref().map_or(0, |flow| flow.arrived);
    let (carried, before, foreign_before) = (world.ways[0].carried, arrived(world), foreign(world));
    let (mut waited, mut most_waited, mut looks) = (Duration::ZERO, Duration::ZERO, 0);
    let end = world.now + time;
    while world.now < end {
        let next = world.now + ms(10);
        world.run_until(next, |_| false);
        let now = world.ways[0].waiting(world.now);
        (waited, most_waited, looks) = (waited + now, most_waited.max(now), looks + 1);
    }
    Stretch {
        used: (world.ways[0].carried - carried) as f64 / (BPS as f64 * time.as_secs_f64()),
        waited: waited / looks,
        most_waited,
        arrived: arrived(world).iter().zip(before).map(|(after, before)| after - before).collect(),
        foreign: foreign(world) - foreign_before,
    }
}

#[test]
fn alone_a_stream_fills_the_line_and_keeps_its_queue_near_the_target() {
    let mut world = world(1, ms(1000));
    world.dial(0, 1, Transfer::new(ENDLESS, 0));
    let start = watch(&mut world, secs(15));
    assert!(start.used > 0.8, "used {:.2} of the line in its first seconds", start.used);
    let steady = watch(&mut world, secs(60));
    assert!(steady.used >= 0.95, "used {:.3} of the line", steady.used);
    let near = ms(50)..ms(150);
    assert!(near.contains(&steady.waited), "packets waited for {:?}", steady.waited);
    assert!(steady.most_waited < ms(250), "a packet waited for {:?}", steady.most_waited);
}

#[test]
fn a_stream_fills_a_line_whose_queue_is_short() {
    let mut world = world(1, ms(40));
    world.dial(0, 1, Transfer::new(ENDLESS, 0));
    watch(&mut world, secs(15));
    let steady = watch(&mut world, secs(60));
    assert!(steady.used >= 0.9, "used {:.3} of the line", steady.used);
}

/// What happens in the first minute in which two streams have a line, the second begun this much later.
fn two(later: Duration) -> Stretch {
    let mut world = world(2, ms(1000));
    world.dial(0, 1, Transfer::new(ENDLESS, 0));
    world.run_until(later, |_| false);
    world.dial(2, 3, Transfer::new(ENDLESS, 0));
    watch(&mut world, secs(60))
}

#[test]
fn two_streams_share_a_line_whenever_the_second_begins() {
    for later in [secs(0), ms(500), secs(3), secs(8), secs(20)] {
        let shared = two(later);
        let parts = shared.arrived.iter().map(|bytes| *bytes as f64 / (BPS as f64 * 60.0));
        for (which, part) in parts.enumerate() {
            assert!(part >= 0.35, "begun {later:?} later, number {which} has {part:.2} of the line");
        }
        assert!(shared.used >= 0.95, "used {:.3} of the line", shared.used);
        // A queue that is taken for a part of the line adds to the target, until it is emptied.
        assert!(shared.waited < ms(120), "packets waited for {:?}", shared.waited);
        assert!(shared.most_waited < ms(250), "a packet waited for {:?}", shared.most_waited);
    }
}

#[test]
fn beside_what_gives_way_to_losses_alone_a_stream_keeps_little_and_takes_the_line_back_after_it() {
    let mut world = world(1, ms(1000));
    world.dial(0, 1, Transfer::new(ENDLESS, 0));
    watch(&mut world, secs(20));
    world.begin_aimd(Aimd::new([0, 1]));
    watch(&mut world, secs(20));
    let shared = watch(&mut world, secs(60));
    let part = shared.foreign as f64 / (BPS as f64 * 60.0);
    assert!(part > 0.8, "the other has {part:.2} of the line");
    assert!(shared.arrived[0] > 0, "nothing arrives any more");
    world.aimd = None;
    watch(&mut world, secs(20));
    let alone = watch(&mut world, secs(30));
    assert!(alone.used >= 0.95, "used {:.3} of the line when the other was gone", alone.used);
}
