//! A torrent among others: it waits for its turn, and nothing is due by time where nothing goes on.

use super::one::One;
use super::*;
use crate::event::{At, Queued};
use crate::swarm::Input;
use crate::swarm::queue::Doing;

const PIECE: u32 = 256 * 1024;
const WAITS: Queued = Queued::Downloading { most: 5 };

fn one(waits: Option<Queued>) -> One {
    One::new(4 * MIB, PIECE, Settings { waits, ..Settings::default() })
}

#[test]
fn one_that_waits_dials_nobody_until_its_turn_comes() {
    let mut one = one(Some(WAITS));
    one.add(1, one.seed(4 * MIB));
    one.run(secs(60));
    assert_eq!((one.swarm().phase(), one.dials().len()), (Phase::Queued(WAITS), 0));
    assert_eq!(one.swarm().doing(At::ZERO, false), Doing::Downloading { stalled: false });
    one.tell(Input::Turn(None));
    assert_eq!(one.swarm().phase(), Phase::Downloading);
    one.until_complete(secs(10));
    assert_eq!(one.swarm().doing(At::ZERO, true), Doing::Seeding { enough: true });
    one.tell(Input::Turn(Some(Queued::Enough)));
    assert_eq!(one.swarm().phase(), Phase::Queued(Queued::Enough));
}

#[test]
fn what_the_user_wants_goes_before_a_turn_and_holds_after_it() {
    let mut one = one(None);
    one.wish(Command::Pause);
    one.tell(Input::Turn(Some(WAITS)));
    assert_eq!((one.swarm().phase(), one.swarm().is_paused()), (Phase::Paused, true));
    assert_eq!(one.swarm().doing(At::ZERO, false), Doing::Resting);
    one.wish(Command::Resume);
    assert_eq!(one.swarm().phase(), Phase::Queued(WAITS), "it goes on, and that is to wait");
    one.wish(Command::Recheck);
    one.tell(Input::Turn(None));
    assert_eq!(one.swarm().phase(), Phase::Checking);
    let none = Bitfield::empty(one.geometry.piece_count());
    one.tell(Input::Rechecked(Ok(none)));
    assert_eq!(one.swarm().phase(), Phase::Downloading);
    one.tell(Input::Turn(Some(WAITS)));
    one.wish(Command::Pause);
    one.tell(Input::Turn(None));
    assert_eq!(one.swarm().phase(), Phase::Paused);
}

#[test]
fn one_for_which_nothing_comes_is_stalled_after_half_a_minute_and_no_more_when_something_comes() {
    let mut one = one(None);
    let stalled = |at: At, one: &One| one.swarm().doing(at, false) == Doing::Downloading { stalled: true };
    assert!(!stalled(secs(29), &one) && stalled(secs(30), &one));
    one.run(secs(100));
    one.add(1, one.seed(MIB / 4));
    one.run(secs(5));
    assert!(!stalled(secs(105), &one) && stalled(secs(140), &one));
}

#[test]
fn where_nothing_goes_on_nothing_is_due() {
    for phase in [Phase::Paused, Phase::Queued(WAITS)] {
        let mut one = one(None);
        one.add(1, one.seed(MIB / 4));
        one.run(secs(5));
        assert!(!one.swarm().is_quiet());
        match phase {
            Phase::Paused => one.wish(Command::Pause),
            _ => one.tell(Input::Turn(Some(WAITS))),
        }
        one.run(secs(60));
        assert_eq!(one.swarm().phase(), phase);
        assert!(one.swarm().is_quiet(), "the last connection is closed");
        assert_eq!(one.swarm().deadline(), At::MAX);
        one.wish(Command::Resume);
        one.tell(Input::Turn(None));
        one.until_complete(secs(60));
        assert_eq!(one.swarm().phase(), Phase::Seeding);
    }
}
