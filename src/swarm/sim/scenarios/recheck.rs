//! What is on the disk is verified while the torrent runs.

use super::one::{One, addr};
use super::*;
use crate::metainfo::BLOCK_LENGTH;
use crate::peer::News;
use crate::swarm::{ConnKey, Input};

const PIECE: u32 = 256 * 1024;

/// All pieces but these.
fn all_but(one: &One, wrong: &[u32]) -> Bitfield {
    let mut good = Bitfield::full(one.geometry.piece_count());
    for piece in wrong.iter().filter_map(|number| one.geometry.piece(*number)) {
        good.clear(piece);
    }
    good
}

#[test]
fn what_is_wrong_is_fetched_again_and_seeds_that_were_let_go_are_called_back() {
    let mut one = One::new(4 * MIB, PIECE, Settings::default());
    one.add(1, one.seed(4 * MIB));
    one.until_complete(secs(6));
    one.run(secs(1));
    assert_eq!(one.ended(), [(addr(1), Cause::BothSeeds)]);
    one.wish(Command::Recheck);
    assert_eq!(one.swarm().phase(), Phase::Checking);
    one.run(secs(60));
    assert_eq!(one.swarm().phase(), Phase::Checking, "until it is answered");
    let good = all_but(&one, &[3, 9]);
    one.tell(Input::Rechecked(Ok(good)));
    assert_eq!((one.swarm().phase(), one.swarm().have().unwrap().count()), (Phase::Downloading, 14));
    one.until_complete(secs(6));
    assert_eq!(one.swarm().phase(), Phase::Seeding);
}

#[test]
fn nothing_is_asked_for_while_it_is_verified_and_who_is_connected_stays() {
    let mut one = One::new(16 * MIB, PIECE, Settings::default());
    one.add(1, one.seed(2 * MIB));
    one.run(secs(3));
    let had = one.swarm().have().unwrap().clone();
    assert!(!had.is_empty() && !had.is_full());
    one.wish(Command::Recheck);
    one.run(secs(2));
    let granted = one.client().granted;
    one.run(secs(40));
    assert_eq!(one.client().granted, granted);
    let all_good = one.swarm().have().unwrap().clone();
    one.tell(Input::Rechecked(Ok(all_good)));
    assert_eq!(one.swarm().phase(), Phase::Downloading);
    one.until_complete(secs(10));
    assert_eq!(one.dials().len(), 1);
}

#[test]
fn afterwards_it_rests_where_it_rested_or_was_told_to_or_the_disk_refused() {
    let mut one = One::new(4 * MIB, PIECE, Settings::default());
    let none = Bitfield::empty(one.geometry.piece_count());
    let check = |one: &mut One, meanwhile: Option<Input>, answer: Result<Bitfield, String>| {
        one.wish(Command::Recheck);
        meanwhile.into_iter().for_each(|input| one.tell(input));
        assert_eq!(one.swarm().phase(), Phase::Checking);
        one.tell(Input::Rechecked(answer));
        one.swarm().phase()
    };
    assert_eq!(check(&mut one, None, Ok(none.clone())), Phase::Downloading);
    let pause = Input::Command(Command::Pause);
    assert_eq!(check(&mut one, Some(pause), Ok(none.clone())), Phase::Paused);
    assert!(one.swarm().is_paused());
    assert_eq!(check(&mut one, None, Ok(none.clone())), Phase::Paused);
    one.wish(Command::Resume);
    let full = Input::DiskFailed("full".to_owned());
    assert_eq!(check(&mut one, Some(full), Ok(none)), Phase::Stopped);
    assert_eq!(check(&mut one, None, Err("it cannot be read".to_owned())), Phase::Stopped);
    // An answer that nobody waits for changes nothing.
    let everything = all_but(&one, &[]);
    one.tell(Input::Rechecked(Ok(everything)));
    assert!(one.swarm().have().unwrap().is_empty());
}

#[test]
fn what_was_on_the_disk_all_the_time_is_not_asked_for() {
    let mut one = One::new(4 * MIB, PIECE, Settings::default());
    one.wish(Command::Recheck);
    let good = all_but(&one, &[5]);
    one.tell(Input::Rechecked(Ok(good)));
    one.add(1, one.seed(4 * MIB));
    one.until_complete(secs(6));
    assert_eq!(one.client().granted, (PIECE / BLOCK_LENGTH) as usize);
}

#[test]
fn who_calls_while_it_is_verified_stays_and_is_served_afterwards() {
    let mut one = One::new(4 * MIB, PIECE, Settings::default());
    let good = all_but(&one, &[5]);
    one.wish(Command::Recheck);
    let conn = ConnKey(700);
    one.shaken(conn.0, None, addr(9), 9);
    let nothing = Bitfield::empty(one.geometry.piece_count());
    one.news(conn, News::Has(nothing));
    one.news(conn, News::Interested(true));
    one.run(secs(15));
    let served = |one: &One| one.swarm().live.get(conn).map(|live| !live.am_choking && !live.closing);
    assert_eq!(served(&one), Some(false));
    one.tell(Input::Rechecked(Ok(good)));
    one.run(secs(11));
    assert_eq!(served(&one), Some(true));
}
