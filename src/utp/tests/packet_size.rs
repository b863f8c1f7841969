//! Lines that are narrower than packets.

use std::time::Duration;

use super::line::{Way, World};
use crate::utp::{Settings, StreamId};

const MINUTE: Duration = Duration::from_secs(60);

/// UDP payload of the packets of a stream that fills this line, after some megabytes.
fn found(mtu: usize) -> u16 {
    let mut world = World::new(Settings::default()).ways(Way { mtu, ..Way::default() });
    let ids = world.open();
    world.transfer(0, ids, 3_000_000, 2 * MINUTE);
    size(&world, ids)
}

fn size(world: &World, ids: [StreamId; 2]) -> u16 {
    world.ends[0].figures(world.now, ids[0]).unwrap().mtu_bytes
}

#[test]
fn packets_become_as_long_as_the_line_lets_through_though_nothing_says_so() {
    for mtu in [1_472, 1_464, 1_400, 1_300, 1_252] {
        let found = usize::from(found(mtu));
        assert!(found <= mtu && mtu - found < 40, "{found} of {mtu}");
    }
}

#[test]
fn a_line_that_swallows_even_usual_packets_is_found_out() {
    let found = found(1_100);
    assert!((1_060..=1_100).contains(&found), "{found}");
}

#[test]
fn a_line_that_becomes_narrower_in_mid_stream_loses_nothing() {
    for narrow in [1_300, 600] {
        let mut world = World::new(Settings::default());
        let ids = world.open();
        world.transfer(0, ids, 2_000_000, MINUTE);
        assert_eq!(size(&world, ids), 1_472);
        world.ways.iter_mut().for_each(|way| way.mtu = narrow);
        world.transfer(0, ids, 2_000_000, 2 * MINUTE);
        assert!(usize::from(size(&world, ids)) <= narrow);
    }
}

#[test]
fn what_the_system_says_of_the_line_is_believed_at_once() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    world.transfer(0, ids, 2_000_000, MINUTE);
    world.ways.iter_mut().for_each(|way| way.mtu = 1_300);
    world.ends[0].too_big(world.now, world.addrs[1], Some(1_300));
    assert_eq!(size(&world, ids), 1_300);
    let took = world.transfer(0, ids, 2_000_000, MINUTE);
    assert!(took < Duration::from_secs(5), "{took:?}");
    // Nobody makes packets shorter than every line lets through.
    world.ends[0].too_big(world.now, world.addrs[1], Some(0));
    assert_eq!(size(&world, ids), 548);
}

#[test]
fn what_the_system_does_not_let_leave_is_of_every_stream_to_that_address() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    let elsewhere = std::net::SocketAddr::from(([192, 0, 2, 77], 0));
    world.ends[0].too_big(world.now, elsewhere, Some(900));
    assert_eq!(size(&world, ids), 1_252);
    let mut to = world.addrs[1];
    to.set_port(0);
    world.ends[0].too_big(world.now, to, Some(900));
    assert_eq!(size(&world, ids), 900);
}

#[test]
fn packets_that_time_outs_made_short_are_long_again_soon() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    world.transfer(0, ids, 2_000_000, MINUTE);
    // Nothing gets through for some seconds, whatever its length.
    world.ways[0].loss = 1.0;
    world.ends[0].write(world.now, ids[0], &[0; 100_000]);
    world.run(Duration::from_secs(3));
    world.ways[0].loss = 0.0;
    world.run_until(MINUTE, |world| world.read(1, ids[1]).is_empty() && world.ends[0].is_flushed(ids[0]));
    world.transfer(0, ids, 200_000, MINUTE);
    assert_eq!(size(&world, ids), 1_472);
}

#[test]
fn a_line_that_swallows_all_but_short_packets_from_the_first_on_is_found_out_after_two_time_outs() {
    let mut world = World::new(Settings::default()).ways(Way { mtu: 1_000, ..Way::default() });
    let ids = world.open();
    let took = world.transfer(0, ids, 1_000_000, MINUTE);
    assert!(took < Duration::from_secs(3), "{took:?}");
    let found = usize::from(size(&world, ids));
    assert!(found <= 1_000 && 1_000 - found < 40, "{found}");
}
