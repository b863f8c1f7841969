use std::io::IoSliceMut;
use std::time::Duration;

use super::line::{Way, World};
use crate::utp::{Event, Settings};

#[test]
fn a_stream_opens_carries_bytes_both_ways_and_ends() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    world.transfer(0, ids, 3_000_000, Duration::from_secs(20));
    world.transfer(1, ids, 3_000_000, Duration::from_secs(20));
    for (end, id) in ids.into_iter().enumerate() {
        world.ends[end].finish(world.now, id);
    }
    world.run_until(Duration::from_secs(2), |world| {
        (0..2).all(|end| world.ends[end].end_of(ids[end]).is_some())
    });
}

#[test]
fn what_is_lost_late_or_comes_twice_is_made_good() {
    for loss in [0.02, 0.1] {
        let way = Way { loss, jitter: Duration::from_millis(3), twice: 0.01, ..Way::default() };
        let mut world = World::new(Settings::default()).ways(way);
        let ids = world.open();
        world.transfer(0, ids, 3_000_000, Duration::from_secs(30));
        let figures = world.ends[0].figures(world.now, ids[0]).unwrap();
        assert!(figures.resent_fast > 10 * figures.resent_timeout, "{figures:?}");
    }
}

#[test]
fn who_read_just_what_there_was_hears_of_what_comes_next() {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    for asked_for in [1_000, 2_000] {
        let (from, now) = (ids[0], world.now);
        assert_eq!(world.ends[0].write(now, from, &[7; 1_000]), 1_000);
        world.run(Duration::from_secs(1));
        let heard = std::mem::take(&mut world.events[1]);
        assert!(heard.contains(&(ids[1], Event::Readable)), "{asked_for}: {heard:?}");
        let (mut bytes, now) = (vec![0; asked_for], world.now);
        assert_eq!(world.ends[1].read(now, ids[1], &mut [IoSliceMut::new(&mut bytes)]), 1_000);
    }
    let now = world.now;
    world.ends[0].write(now, ids[0], b"more");
    world.run(Duration::from_secs(1));
    assert!(world.events[1].contains(&(ids[1], Event::Readable)));
}

#[test]
fn what_came_together_is_acknowledged_once_for_each_stream() {
    let mut world = World::new(Settings::default());
    let streams = [world.open(), world.open()];
    for ids in streams {
        world.transfer(0, ids, 500_000, Duration::from_secs(20));
    }
    for ids in streams {
        world.ends[0].write(world.now, ids[0], &[0; 40_000]);
    }
    let (mut buffer, mut packets) = (Vec::new(), 0);
    let (now, from) = (world.now, world.addrs[0]);
    while let Some(sent) = world.ends[0].transmit(now, 44, &mut buffer) {
        for packet in buffer.chunks(sent.segment) {
            world.ends[1].hear(now, from, packet);
            packets += 1;
        }
    }
    assert!(packets > 20, "{packets} packets");
    world.ends[1].flush(now);
    let answers = std::iter::from_fn(|| world.ends[1].transmit(now, 44, &mut buffer)).count();
    assert_eq!(answers, streams.len());
}
