use std::time::Duration;

use super::line::World;
use crate::utp::{End, Event, Settings, StreamId};
use crate::wire::utp::CloseReason;

const REASON: CloseReason = CloseReason(17);

/// Where what was asked to end is over within this time.
const SOON: Duration = Duration::from_secs(5);

fn open() -> (World, [StreamId; 2]) {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    (world, ids)
}

#[test]
fn why_either_side_closes_reaches_the_other_and_nothing_is_left() {
    for closes in 0..2 {
        let (mut world, ids) = open();
        world.transfer(0, ids, 10_000, SOON);
        world.ends[closes].close(world.now, ids[closes], REASON);
        let (other, id) = (1 - closes, ids[1 - closes]);
        world.run_until(SOON, |world| world.ends[other].at_end(id));
        assert_eq!(world.ends[other].close_reason(id), Some(REASON));
        world.ends[other].close(world.now, id, CloseReason::NONE);
        // What comes twice is answered for a while.
        world.run_until(2 * SOON, |world| world.ends.iter().all(|end| end.streams() == 0));
    }
}

#[test]
fn no_reason_is_none() {
    let (mut world, ids) = open();
    world.ends[0].close(world.now, ids[0], CloseReason::NONE);
    world.run_until(SOON, |world| world.ends[1].at_end(ids[1]));
    assert_eq!(world.ends[1].close_reason(ids[1]), None);
}

#[test]
fn a_stream_that_nobody_uses_lives_on_and_says_so_twice_a_minute() {
    let (mut world, ids) = open();
    world.keeps = true;
    world.run(Duration::from_secs(600));
    for (end, id) in ids.into_iter().enumerate() {
        assert_eq!(world.ends[end].end_of(id), None);
        assert!((15..50).contains(&world.sent[end].len()), "{} packets", world.sent[end].len());
    }
    world.transfer(1, ids, 10_000, SOON);
}

#[test]
fn who_sends_to_somebody_who_is_gone_hears_so() {
    let (mut world, ids) = open();
    // As after a crash: the other end knows nothing of it.
    world.ends[1] = crate::utp::Endpoint::new(Settings::default(), 9);
    world.ends[0].write(world.now, ids[0], &[1; 10_000]);
    world.run_until(SOON, |world| world.events[0].contains(&(ids[0], Event::Ended)));
    assert_eq!(world.ends[0].end_of(ids[0]), Some(&End::Reset(None)));
}

/// Both ends are done, and all that they sent came, as the first knows; of that the second is not to hear.
fn one_end_knows_that_both_are_done() -> (World, [StreamId; 2]) {
    let (mut world, ids) = open();
    world.transfer(0, ids, 10_000, SOON);
    world.ends[0].finish(world.now, ids[0]);
    world.run_until(SOON, |world| world.ends[0].is_flushed(ids[0]));
    world.ends[1].finish(world.now, ids[1]);
    world.transmit();
    world.ways[0].loss = 1.0;
    world.run_until(SOON, |world| world.ends[0].end_of(ids[0]) == Some(&End::Finished));
    world.ends[0].close(world.now, ids[0], CloseReason::NONE);
    (world, ids)
}

#[test]
fn who_is_done_says_so_for_as_long_as_it_is_asked_again() {
    let (mut world, ids) = one_end_knows_that_both_are_done();
    world.run(Duration::from_secs(8));
    world.ways[0].loss = 0.0;
    world.run_until(2 * SOON, |world| world.ends[1].end_of(ids[1]).is_some());
    assert_eq!(world.ends[1].end_of(ids[1]), Some(&End::Finished));
    assert_eq!(world.ends[0].counters().resets_sent, 0);
    world.ends[1].close(world.now, ids[1], CloseReason::NONE);
    // It is not asked for ever.
    world.run_until(2 * SOON, |world| world.ends.iter().all(|end| end.streams() == 0));
}

#[test]
fn who_is_asked_for_ever_whether_it_is_done_is_gone_after_a_minute() {
    let (mut world, ids) = one_end_knows_that_both_are_done();
    world.keeps = true;
    world.run(SOON);
    let end = world.sent[1].iter().rfind(|packet| packet[0] >> 4 == 1).cloned().expect("it asks again");
    world.ends[1].close(world.now, ids[1], CloseReason::NONE);
    let asks_for = |world: &mut World, seconds| {
        (0..seconds).for_each(|_| {
            let (from, now) = (world.addrs[1], world.now);
            world.ends[0].hear(now, from, &end);
            world.run(Duration::from_secs(1));
        });
        world.ends[0].streams()
    };
    assert_eq!(asks_for(&mut world, 40), 1);
    assert_eq!(asks_for(&mut world, 20), 0);
}

#[test]
fn where_all_bytes_of_both_came_it_is_finished_whatever_becomes_of_the_other_end() {
    let (mut world, ids) = one_end_knows_that_both_are_done();
    // As after a crash.
    world.ends[0] = crate::utp::Endpoint::new(Settings::default(), 9);
    world.ways[0].loss = 0.0;
    world.run_until(SOON, |world| world.ends[1].end_of(ids[1]).is_some());
    assert_eq!(world.ends[1].end_of(ids[1]), Some(&End::Finished));
    assert!(world.ends[0].counters().resets_sent > 0);
}
