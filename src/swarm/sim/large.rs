//! Numbers no test over sockets reaches.

use super::*;

/// Time of the processor that ten simulated seconds of the largest swarm may take, built without optimisation. On the
/// slowest machine that was met it took half of it, on others a tenth.
const BUDGET: Duration = secs(40);

#[test]
fn swarm_of_500_peers_and_100k_pieces_stays_under_budget() {
    let took = stopwatch();
    let pieces = 100_000u32;
    let mut world = World::new(u64::from(pieces) * 16 * KIB, 16 * KIB as u32, 7);
    world.thorough = false;
    let client = world.client(MIB, Settings { max_peers: 500, max_dials: 500, ..Settings::default() });
    for n in 0..500u32 {
        let geometry = world.geometry;
        let script = match n % 10 {
            0 => Script::seed(geometry, 100 * KIB),
            1 => Script { unchokes: None, ..Script::seed(geometry, 0) },
            2 => Script { silent_after: Some(n), ..Script::seed(geometry, 50 * KIB) },
            3 => Script::taker(geometry),
            4 => Script { flickers: Some((secs(7), secs(5))), ..Script::seed(geometry, 50 * KIB) },
            5 => Script { leaves_after: Some(secs(20)), ..Script::seed(geometry, 50 * KIB) },
            _ => Script::with(geometry, 20 * KIB, move |piece| (piece.number() * 7 + n) % 10 < 6),
        };
        let fake = world.fake(script);
        world.introduce(client, fake);
    }
    world.run(secs(10));
    let have = world.at(client).swarm.have().unwrap().count();
    assert!(have > 3_000, "{have} pieces in ten seconds");
    let took = took();
    assert!(took < BUDGET, "{took:?} for ten seconds, {} happenings", world.happenings);
}
