//! What is asked of whom, how much of it, and when nothing is.

use super::one::{One, addr};
use super::*;

#[test]
fn what_comes_soon_is_asked_of_one_at_the_end() {
    let mut one = One::new(64 * MIB, MIB as u32, Settings::default());
    for n in 1..=2 {
        one.add(n, one.seed(200 * MIB));
    }
    one.until_complete(ms(1500));
    assert_eq!((one.client().granted, one.client().useless_blocks), (64 * 64, 0));
}

#[test]
fn who_falls_silent_at_the_end_is_not_waited_for() {
    let mut one = One::new(64 * MIB, MIB as u32, Settings::default());
    one.add(1, one.seed(200 * MIB));
    one.add(2, Script { silent_after: Some(1800), ..one.seed(200 * MIB) });
    // The silent one is found out soon, and has half a thousand blocks, of which a few at a time are asked of the other.
    one.until_complete(secs(5));
    assert!(one.client().granted > 64 * 64);
}

#[test]
fn the_end_does_not_wait_for_as_many_silent_peers_as_a_block_is_asked_of() {
    let mut one = One::new(2 * MIB, 64 * 1024, Settings::default());
    for n in 1..=10 {
        one.add(n, Script { silent_after: Some(u32::from(n % 2 == 0)), ..one.seed(MIB) });
    }
    one.run(secs(1));
    one.add(11, one.seed(4 * MIB));
    one.until_complete(secs(6));
}

#[test]
fn long_pieces_grow_side_by_side_where_much_comes() {
    let open = |bps| {
        let mut one = One::new(512 * MIB, 4 * MIB as u32, Settings::default());
        for n in 1..=2 {
            one.add(n, one.seed(bps));
        }
        one.run(ms(700));
        one.swarm().picker().begun_count()
    };
    assert!((1..=4).contains(&open(MIB)), "{}", open(MIB));
    assert!((8..=16).contains(&open(200 * MIB)), "{}", open(200 * MIB));
}

#[test]
fn two_hundred_peers_complete_together() {
    let mut one = One::new(128 * MIB, MIB as u32, Settings::default());
    one.thorough = false;
    for n in 1..=200 {
        one.add(n, one.seed(100 * 1024));
    }
    one.until_complete(secs(16));
    assert!(one.client().useless_blocks < 800, "{}", one.client().useless_blocks);
}

#[test]
fn a_download_limit_holds_within_a_tenth() {
    let settings = Settings { down_bps: Some(500_000), ..Settings::default() };
    let mut one = One::new(64 * MIB, 256 * 1024, settings);
    one.add(1, one.seed(8 * MIB));
    one.add(2, one.seed(8 * MIB));
    one.run(secs(20));
    let (down, _) = one.swarm().transferred();
    assert!((9_000_000..=11_000_000).contains(&down), "{down}");
    one.wish(Command::Limit { down_bps: None, up_bps: None });
    one.until_complete(secs(8));
}

#[test]
fn where_the_disk_stopped_it_connections_end_because_of_the_disk() {
    let mut one = One::new(8 * MIB, 256 * 1024, Settings::default()).with_disk(Disk::with_room(MIB));
    one.add(1, one.seed(MIB));
    one.run(secs(40));
    assert_eq!(one.ended(), [(addr(1), Cause::DiskError)]);
}

#[test]
fn pausing_stops_everything_and_resuming_goes_on() {
    let mut one = One::new(8 * MIB, 256 * 1024, Settings::default());
    one.add(1, one.seed(MIB));
    one.run(secs(2));
    one.wish(Command::Pause);
    one.run(ms(100));
    let had = one.swarm().have().unwrap().count();
    one.run(secs(29));
    assert_eq!((one.swarm().have().unwrap().count(), one.connections()), (had, 1));
    one.run(secs(3));
    assert_eq!(one.ended(), [(addr(1), Cause::TorrentPaused)]);
    one.run(secs(600));
    assert_eq!(one.dials().len(), 1, "nobody is dialled while paused");
    one.wish(Command::Resume);
    one.until_complete(secs(9));
}
