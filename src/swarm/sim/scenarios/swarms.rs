//! Swarms as they are: most peers are slow, partial, choking or gone. A download takes little longer than the peers allow.

use super::*;

/// Bytes of a block.
const BLOCK: u64 = crate::metainfo::BLOCK_LENGTH as u64;

/// A swarm, and what its download is held to.
struct Case {
    total: u64,
    piece: u64,
    scripts: Vec<Script>,
    /// Seconds that the rates of the peers allow at best.
    ideal: f64,
}

impl Case {
    fn new(total: u64, piece: u64, ideal: f64, scripts: impl FnOnce(Geometry) -> Vec<Script>) -> Self {
        let geometry = Geometry::new(total, piece as u32).expect("lengths of a torrent");
        Self { total, piece, scripts: scripts(geometry), ideal }
    }

    /// Runs it, and holds it to so many times the ideal and a second, and to the waste that the end of a download costs.
    fn takes_at_most(self, times: f64) {
        let mut world = World::new(self.total, self.piece as u32, 5);
        let client = world.client(MIB, settings());
        let peers = self.scripts.len() as u64;
        for script in self.scripts {
            let fake = world.fake(script);
            world.introduce(client, fake);
        }
        let limit = Duration::from_secs_f64(self.ideal * times + 1.0);
        let took = world.complete(limit, &[client]);
        let useless = u64::from(world.at(client).useless_blocks);
        let most = (self.total / BLOCK / 50).max(peers);
        assert!(useless <= most, "{useless} blocks came for nothing in {took:?}");
    }
}

/// What a peer of a log-normal swarm sends, bytes a second: the median is `median`.
fn log_normal(random: &mut fastrand::Rng, median: f64) -> u64 {
    let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
    (median * normal.exp()) as u64 + 1
}

fn seeds(geometry: Geometry, rates: &[(usize, u64)]) -> Vec<Script> {
    rates.iter().flat_map(|(count, bps)| (0..*count).map(|_| Script::seed(geometry, *bps))).collect()
}

#[test]
fn peers_that_trickle_do_not_hold_up_a_seed() {
    let sum = (30 * KIB + 3_000_000) as f64;
    let total = 40 * MIB;
    Case::new(total, MIB, total as f64 / sum, |geometry| seeds(geometry, &[(30, KIB), (1, 3_000_000)]))
        .takes_at_most(1.08);
}

#[test]
fn peers_that_are_slow_do_not_hold_up_a_seed() {
    let sum = (25 * 8 * KIB + 3_000_000) as f64;
    let total = 40 * MIB;
    Case::new(total, MIB, total as f64 / sum, |geometry| seeds(geometry, &[(25, 8 * KIB), (1, 3_000_000)]))
        .takes_at_most(1.08);
}

#[test]
fn long_pieces_are_not_held_up_by_peers_that_trickle() {
    let sum = (30 * 2 * KIB + 4_000_000) as f64;
    let total = 64 * MIB;
    Case::new(total, 4 * MIB, total as f64 / sum, |geometry| {
        seeds(geometry, &[(30, 2 * KIB), (1, 4_000_000)])
    })
    .takes_at_most(1.08);
}

#[test]
fn every_sole_holder_sends_at_its_rate() {
    let scripts = |geometry| {
        (0..60).map(|n| Script::with(geometry, 100_000, move |piece| piece.number() == n)).collect()
    };
    Case::new(60 * MIB, MIB, MIB as f64 / 100_000.0, scripts).takes_at_most(1.05);
}

#[test]
fn the_end_takes_no_longer_than_the_rest() {
    let sum = (10 * 2 * KIB + 3_000_000) as f64;
    let total = 10 * MIB;
    Case::new(total, 256 * KIB, total as f64 / sum, |geometry| {
        seeds(geometry, &[(10, 2 * KIB), (1, 3_000_000)])
    })
    .takes_at_most(1.05);
}

#[test]
fn log_normal_peers_send_nearly_all_they_can() {
    let mut random = fastrand::Rng::with_seed(3);
    let rates: Vec<(usize, u64)> = (0..80).map(|_| (1, log_normal(&mut random, 4000.0))).collect();
    let sum: u64 = rates.iter().map(|(_, bps)| bps).sum();
    let total = 8 * MIB;
    Case::new(total, 512 * KIB, total as f64 / sum as f64, |geometry| seeds(geometry, &rates))
        .takes_at_most(1.15);
}

#[test]
fn what_one_slow_peer_alone_has_begins_first() {
    let scripts = |geometry: Geometry| {
        let mut scripts: Vec<Script> =
            (0..20).map(|_| Script::with(geometry, 100_000, |piece| piece.number() >= 2)).collect();
        scripts.push(Script::seed(geometry, 100_000));
        scripts
    };
    Case::new(40 * MIB, MIB, 2.0 * MIB as f64 / 100_000.0, scripts).takes_at_most(1.1);
}

#[test]
fn peers_that_answer_cancels_send_little_that_comes_for_nothing() {
    // The first to come are asked for much, most of which goes to others, and near the end comes back to some of them
    // while their answers to the cancels are on their way.
    let mut useless = 0;
    for seed in 0..5 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new(5 * MIB, 256 * KIB as u32, seed);
        let client = world.client(MIB, settings());
        for _ in 0..35 {
            let (share, bps) = (random.u32(2..20), 7_000 + random.u64(..6_000));
            let some: Vec<u32> = (0..20).filter(|_| random.u32(..20) < share).collect();
            let script = Script::with(world.geometry, bps, |piece| some.contains(&piece.number()));
            let fake = world.fake(script);
            world.introduce(client, fake);
        }
        world.complete(secs(60), &[client]);
        useless += world.at(client).useless_blocks;
    }
    assert!(useless <= 5, "{useless} blocks came for nothing");
}

#[test]
fn peers_that_choke_in_turns_are_used_while_they_serve() {
    // A third of the time each.
    let scripts = |geometry| {
        let choking = |n: u64| Script {
            unchokes: Some(secs(n % 30)),
            flickers: Some((secs(10), secs(20))),
            ..Script::seed(geometry, 40_000)
        };
        (0..40).map(choking).collect()
    };
    let total = 16 * MIB;
    Case::new(total, 512 * KIB, total as f64 / (40.0 * 40_000.0 / 3.0), scripts).takes_at_most(1.25);
}

#[test]
fn a_seed_that_comes_late_takes_over() {
    let scripts = |geometry| {
        let mut scripts = seeds(geometry, &[(20, 20_000)]);
        scripts.push(Script { unchokes: Some(secs(8)), ..Script::seed(geometry, 5_000_000) });
        scripts
    };
    let total = 64 * MIB;
    let ideal = 8.0 + (total as f64 - 8.0 * 400_000.0) / 5_400_000.0;
    Case::new(total, 2 * MIB, ideal, scripts).takes_at_most(1.08);
}

#[test]
fn peers_that_refuse_every_second_request_are_used() {
    let scripts = |geometry| {
        (0..20).map(|_| Script { rejects_every: Some(2), ..Script::seed(geometry, 100_000) }).collect()
    };
    let total = 24 * MIB;
    Case::new(total, MIB, total as f64 / 2_000_000.0, scripts).takes_at_most(1.25);
}

#[test]
fn a_peer_that_unchokes_and_chokes_ten_times_a_second_holds_nothing_up() {
    let scripts = |geometry| {
        let mut scripts = seeds(geometry, &[(5, 200_000)]);
        scripts.push(Script { flickers: Some((ms(50), ms(50))), ..Script::seed(geometry, 200_000) });
        scripts
    };
    let total = 16 * MIB;
    Case::new(total, MIB, total as f64 / 1_000_000.0, scripts).takes_at_most(1.08);
}
