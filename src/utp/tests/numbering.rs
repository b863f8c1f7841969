//! Numbers of 16 bits that begin again at 0.

use std::time::Duration;

use super::line::{Way, World};
use crate::utp::{Endpoint, Settings};
use crate::wire::utp::Packet;

/// Packets begin to be numbered from here at least.
const NEAR_THE_END: u16 = 65_000;

/// A world in which the first packet of this end has a number near the last there is.
fn world(end: usize) -> World {
    for seed in 0.. {
        let mut world = World::new(Settings::default());
        world.keeps = true;
        world.ends[end] = Endpoint::new(Settings::default(), seed);
        world.ends[0].connect(world.now, world.addrs[1]).unwrap();
        world.run(Duration::from_millis(40));
        let first = Packet::read(&world.sent[end][0]).unwrap().header.seq;
        if first >= NEAR_THE_END {
            // What it would be next.
            world = World::new(Settings::default());
            world.ends[end] = Endpoint::new(Settings::default(), seed);
            return world;
        }
    }
    unreachable!("one of all seeds has it")
}

#[test]
fn numbers_begin_again_at_0_in_mid_stream() {
    for end in 0..2 {
        let way = Way { loss: 0.01, jitter: Duration::from_millis(2), twice: 0.01, ..Way::default() };
        let mut world = world(end).ways(way);
        let ids = world.open();
        world.transfer(end, ids, 2_000_000, Duration::from_secs(60));
        let next = world.ends[end].streams.get(ids[end]).unwrap().numbers().0;
        assert!(next < NEAR_THE_END, "the next packet has number {next}");
    }
}
