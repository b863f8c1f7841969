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
        world.run_until(SOON, |world| world.ends.iter().all(|end| end.streams() == 0));
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
