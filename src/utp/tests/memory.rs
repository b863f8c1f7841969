use std::time::Duration;

use super::line::World;
use crate::utp::{Counters, Settings};

/// What a stream may cost that nothing goes through.
const MOST_IDLE_BYTES: usize = 2_048;

#[test]
fn an_idle_stream_costs_at_most_2_kib() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    let memory = |world: &World, end: usize| world.ends[end].streams.get(ids[end]).unwrap().memory();
    assert!((0..2).all(|end| memory(&world, end) <= MOST_IDLE_BYTES));
    world.transfer(0, ids, 5_000_000, Duration::from_secs(20));
    assert!(memory(&world, 0) > 100_000 && memory(&world, 1) > 10_000);
    world.run(Duration::from_secs(5));
    for end in 0..2 {
        assert!(memory(&world, end) <= MOST_IDLE_BYTES, "{}", memory(&world, end));
    }
}

#[test]
fn who_does_not_read_is_sent_no_more_than_the_window() {
    let settings = Settings { receive_window: 100_000, ..Settings::default() };
    let mut world = World::new(settings);
    let ids = world.open();
    world.run_until(Duration::from_secs(20), |world| {
        let now = world.now;
        world.ends[0].write(now, ids[0], &[7; 10_000]);
        world.ends[1].readable(ids[1]) > 98_000
    });
    world.run(Duration::from_secs(60));
    assert!(world.ends[1].readable(ids[1]) <= 100_000);
    assert_eq!(world.ends[0].end_of(ids[0]), None);
    assert_eq!(world.ends[0].counters(), Counters::default());
    // There is room again.
    let mut read = 0;
    world.run_until(Duration::from_secs(30), |world| {
        read += world.read(1, ids[1]).len();
        world.ends[0].is_flushed(ids[0])
    });
    assert!(read > 100_000);
}
