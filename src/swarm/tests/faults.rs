//! What once went wrong, or nearly.

use super::*;

#[test]
fn a_peer_that_never_sends_a_block_loses_its_requests() {
    let mut world = World::new(MIB, 256 * 1024, Settings::default());
    let mut silent = world.seed(MIB);
    silent.silent_after = Some(0);
    world.add(1, silent);
    world.run(secs(13));
    assert!(world.live.values().all(|(_, fake)| fake.queue.len() <= 1), "they were taken back");
}

#[test]
fn three_silent_peers_do_not_keep_the_last_blocks_from_a_fourth() {
    let mut world = World::new(10_000, 16_384, Settings::default());
    for n in 1..=3 {
        world.add(n, Script { silent_after: Some(0), ..world.seed(MIB) });
    }
    world.run(secs(30));
    world.add(4, world.seed(MIB));
    world.until_complete(secs(15));
}

/// Two peers that together sent a wrong piece, the only one: the first of them is left to send it alone.
fn suspected() -> World {
    let mut world = World::new(256 * 1024, 256 * 1024, Settings::default());
    for n in 1..=2 {
        world.add(n, Script { lies: true, silent_after: Some(8 + 4), ..world.seed(64 * 1024) });
    }
    world.until(secs(60), |world| {
        world.events.iter().any(|event| matches!(event, Event::PieceFailed { from, .. } if from.len() == 2))
    });
    world
}

#[test]
fn a_suspect_piece_is_not_left_to_a_peer_that_is_gone() {
    let mut world = suspected();
    world.run(secs(1));
    let all: Vec<ConnKey> = world.live.keys().copied().collect();
    for conn in all {
        world.close(conn, Cause::ClosedByPeer);
    }
    world.add(3, world.seed(MIB));
    world.until_complete(secs(5));
}

#[test]
fn a_suspect_piece_is_not_left_to_a_peer_that_sends_nothing() {
    let mut world = suspected();
    world.add(3, world.seed(MIB));
    world.until_complete(secs(150));
}

#[test]
fn what_is_here_is_not_given_up_while_there_is_memory() {
    let mut world = World::new(8 * MIB, MIB as u32, Settings::default());
    world.add(1, Script { silent_after: Some(10), ..world.seed(MIB) });
    world.run(secs(200));
    world.add(2, world.seed(MIB));
    world.until_complete(secs(30));
    assert!(!world.events.iter().any(|event| matches!(event, Event::PieceClosed { .. })));
}
