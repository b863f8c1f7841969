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
