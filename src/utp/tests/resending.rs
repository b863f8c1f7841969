//! Losses, and what is taken for them.

use std::time::Duration;

use super::line::{Way, World};
use crate::utp::Settings;

const MINUTE: Duration = Duration::from_secs(60);
const BYTES: usize = 4_000_000;

/// How long it takes over this line, at 4 MB/s.
fn takes(way: Way) -> Duration {
    let mut world = World::new(Settings::default()).ways(Way { rate: 4_000_000, ..way });
    let ids = world.open();
    world.transfer(0, ids, BYTES, 5 * MINUTE)
}

#[test]
fn what_comes_twice_or_late_costs_little() {
    let (delay, jitter) = (Duration::from_millis(25), Duration::from_millis(12));
    let clean = takes(Way { delay, ..Way::default() });
    let twice = takes(Way { delay, twice: 0.1, ..Way::default() });
    assert!(twice < clean * 11 / 10, "{twice:?}, not {clean:?}");
    let late = takes(Way { delay, jitter, ..Way::default() });
    assert!(late < clean * 3, "{late:?}, not {clean:?}");
}

#[test]
fn one_loss_costs_no_time_out() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    world.transfer(0, ids, 500_000, MINUTE);
    // All that is sent now is lost, and one packet at the end of it alone.
    for lost in [1_000, 40_000] {
        let before = world.ends[0].figures(world.now, ids[0]).unwrap();
        world.ways[0].loss = 1.0;
        world.ends[0].write(world.now, ids[0], &vec![0; lost]);
        world.transmit();
        world.ways[0].loss = 0.0;
        if lost > 1_000 {
            world.ends[0].write(world.now, ids[0], &[0; 100]);
        }
        let began = world.now;
        world.run_until(MINUTE, |world| world.ends[0].is_flushed(ids[0]));
        let took = world.now - began;
        assert!(took < Duration::from_millis(400), "{took:?} after {lost} bytes were lost");
        let after = world.ends[0].figures(world.now, ids[0]).unwrap();
        assert_eq!(after.resent_timeout, before.resent_timeout);
        world.read(1, ids[1]);
    }
}

#[test]
fn what_overflows_a_small_socket_costs_no_time_out_though_few_of_the_lost_are_named() {
    // Of a host next door, which reads 50 MB/s and keeps some 90 packets.
    let (rate, delay) = (50_000_000, Duration::from_micros(50));
    let way = Way { rate, delay, queue: Duration::from_micros(2_600), ..Way::default() };
    let mut world = World::new(Settings::default());
    world.ways = [way, Way { delay, ..Way::default() }];
    world.names_few = true;
    let ids = world.open();
    let took = world.transfer(0, ids, 50_000_000, MINUTE);
    assert!(took < Duration::from_millis(1_250), "{took:?}");
    let figures = world.ends[0].figures(world.now, ids[0]).unwrap();
    assert_eq!(figures.resent_timeout, 0);
    assert!(figures.resent_fast * 20 < figures.sent, "{figures:?}");
}

#[test]
fn next_door_a_fifth_of_all_packets_may_be_lost_and_hardly_any_time_out_is_waited_for() {
    let (mut took, mut resent_timeout) = (Duration::ZERO, 0);
    for seed in 0..30 {
        let (rate, delay, queue) = (50_000_000, Duration::from_micros(60), Duration::from_micros(2_600));
        let mut world = World::new(Settings::default()).ways(Way { rate, delay, queue, ..Way::default() });
        (world.names_few, world.rng) = (true, fastrand::Rng::with_seed(seed));
        let ids = world.open();
        world.ways.iter_mut().for_each(|way| way.loss = 0.2);
        took += world.transfer(0, ids, 1_000_000, MINUTE);
        resent_timeout += world.ends[0].figures(world.now, ids[0]).unwrap().resent_timeout;
    }
    assert!(took < Duration::from_secs(3), "{took:?}, {resent_timeout} sent again after a time-out");
}

#[test]
fn the_first_packet_of_who_was_called_is_sent_again_as_soon_as_any_other() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    world.ways[1].loss = 1.0;
    world.ends[1].write(world.now, ids[1], &[0; 100]);
    world.transmit();
    world.ways[1].loss = 0.0;
    let began = world.now;
    world.run_until(MINUTE, |world| world.ends[0].readable(ids[0]) == 100);
    let took = world.now - began;
    assert!(took < Duration::from_millis(150), "{took:?}");
}

#[test]
fn an_acknowledgement_that_was_lost_makes_no_round_trip_longer() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    world.transfer(0, ids, 500_000, MINUTE);
    let round_trip = |world: &World| world.ends[0].figures(world.now, ids[0]).unwrap().rtt_us.unwrap();
    let before = round_trip(&world);
    world.ways[1].loss = 1.0;
    world.ends[0].write(world.now, ids[0], &[0; 20_000]);
    world.run(Duration::from_millis(30));
    world.ways[1].loss = 0.0;
    world.run_until(MINUTE, |world| world.ends[0].is_flushed(ids[0]));
    let after = round_trip(&world);
    assert!(after < before * 5 / 4, "{after} us, {before} before");
}

#[test]
fn a_resend_that_is_lost_too_is_resent_before_its_time_out() {
    let way = Way { delay: Duration::from_millis(50), ..Way::default() };
    let mut world = World::new(Settings::default()).ways(way);
    let ids = world.open();
    world.ways[0].loss = 0.3;
    world.transfer(0, ids, 300_000, 5 * MINUTE);
    let figures = world.ends[0].figures(world.now, ids[0]).unwrap();
    assert!(figures.resent_fast > 3 * figures.resent_timeout, "{figures:?}");
}

#[test]
fn a_line_that_loses_all_for_some_seconds_is_taken_up_again() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    world.transfer(0, ids, 500_000, MINUTE);
    let loses = |world: &mut World, loss| world.ways.iter_mut().for_each(|way| way.loss = loss);
    loses(&mut world, 1.0);
    world.ends[0].write(world.now, ids[0], &[0; 100_000]);
    world.run(Duration::from_secs(5));
    loses(&mut world, 0.0);
    let began = world.now;
    world.run_until(MINUTE, |world| world.ends[0].is_flushed(ids[0]));
    assert!(world.now - began < Duration::from_secs(5));
}
