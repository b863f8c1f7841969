//! What is on the disk is verified while the torrent runs.

use super::*;

const PIECE: u32 = 256 * 1024;

/// All pieces but these.
fn all_but(world: &World, wrong: &[u32]) -> Bitfield {
    let mut good = Bitfield::full(world.geometry.piece_count());
    for piece in wrong.iter().filter_map(|number| world.geometry.piece(*number)) {
        good.clear(piece);
    }
    good
}

#[test]
fn what_is_wrong_is_fetched_again_and_seeds_that_were_let_go_are_called_back() {
    let mut world = World::new(4 * MIB, PIECE, Settings::default());
    world.add(1, world.seed(4 * MIB));
    world.until_complete(secs(6));
    world.run(secs(1));
    assert_eq!(world.closed, vec![(addr(1), Cause::BothSeeds)]);
    world.tell(Input::Command(Command::Recheck));
    assert_eq!(world.swarm.phase(), Phase::Checking);
    world.run(secs(60));
    assert_eq!(world.swarm.phase(), Phase::Checking, "until it is answered");
    let good = all_but(&world, &[3, 9]);
    world.tell(Input::Rechecked(Ok(good)));
    assert_eq!((world.swarm.phase(), world.swarm.have().count()), (Phase::Downloading, 14));
    world.until_complete(secs(6));
    assert_eq!(world.swarm.phase(), Phase::Seeding);
}

#[test]
fn nothing_is_asked_for_while_it_is_verified_and_who_is_connected_stays() {
    let mut world = World::new(16 * MIB, PIECE, Settings::default());
    world.add(1, world.seed(2 * MIB));
    world.run(secs(3));
    let had = world.swarm.have().clone();
    assert!(!had.is_empty() && !had.is_full());
    world.tell(Input::Command(Command::Recheck));
    world.run(secs(2));
    let granted = world.granted;
    world.run(secs(40));
    assert_eq!(world.granted, granted);
    world.tell(Input::Rechecked(Ok(world.swarm.have().clone())));
    assert_eq!(world.swarm.phase(), Phase::Downloading);
    world.until_complete(secs(10));
    assert_eq!(world.dials.len(), 1);
}

#[test]
fn afterwards_it_rests_where_it_rested_or_was_told_to_or_the_disk_refused() {
    let mut world = World::new(4 * MIB, PIECE, Settings::default());
    let none = Bitfield::empty(world.geometry.piece_count());
    let check = |world: &mut World, meanwhile: Option<Input>, answer: Result<Bitfield, String>| {
        world.tell(Input::Command(Command::Recheck));
        meanwhile.into_iter().for_each(|input| world.tell(input));
        assert_eq!(world.swarm.phase(), Phase::Checking);
        world.tell(Input::Rechecked(answer));
        world.swarm.phase()
    };
    assert_eq!(check(&mut world, None, Ok(none.clone())), Phase::Downloading);
    let pause = Input::Command(Command::Pause);
    assert_eq!(check(&mut world, Some(pause), Ok(none.clone())), Phase::Paused);
    assert!(world.swarm.is_paused());
    assert_eq!(check(&mut world, None, Ok(none.clone())), Phase::Paused);
    world.tell(Input::Command(Command::Resume));
    let full = Input::DiskFailed { piece: None, reason: "full".to_owned() };
    assert_eq!(check(&mut world, Some(full), Ok(none)), Phase::Stopped);
    assert_eq!(check(&mut world, None, Err("it cannot be read".to_owned())), Phase::Stopped);
    // An answer that nobody waits for changes nothing.
    let everything = all_but(&world, &[]);
    world.tell(Input::Rechecked(Ok(everything)));
    assert!(world.swarm.have().is_empty());
}

#[test]
fn what_was_on_the_disk_all_the_time_is_not_asked_for() {
    let mut world = World::new(4 * MIB, PIECE, Settings::default());
    world.tell(Input::Command(Command::Recheck));
    let good = all_but(&world, &[5]);
    world.tell(Input::Rechecked(Ok(good)));
    world.add(1, world.seed(4 * MIB));
    world.until_complete(secs(6));
    assert_eq!(world.granted, (PIECE / BLOCK_LENGTH) as usize);
}

#[test]
fn who_calls_while_it_is_verified_stays_and_is_served_afterwards() {
    let mut world = World::new(4 * MIB, PIECE, Settings::default());
    let good = all_but(&world, &[5]);
    world.tell(Input::Command(Command::Recheck));
    let (conn, so_far) = (ConnKey(700), vec![(world.now, Step::Connected)]);
    world.tell(Input::Handshaken { conn, peer: None, addr: addr(9), peer_id: PeerId::ours(9), so_far });
    world.tell(Input::News(conn, News::Has(Bitfield::empty(world.geometry.piece_count()))));
    world.tell(Input::News(conn, News::Interested(true)));
    world.run(secs(15));
    let served = |world: &World| world.swarm.live.get(&conn).map(|live| !live.am_choking && !live.closing);
    assert_eq!(served(&world), Some(false));
    world.tell(Input::Rechecked(Ok(good)));
    world.run(secs(11));
    assert_eq!(served(&world), Some(true));
}
