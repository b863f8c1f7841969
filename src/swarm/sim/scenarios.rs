//! One behaviour a test: what a swarm must come through.

mod choice;
mod company;
mod dials;
mod encryption;
mod exchange;
mod fast;
mod faults;
mod flow;
mod metadata;
mod one;
mod punches;
mod recheck;
mod replaced;
mod starving;
mod swarms;
mod transports;
mod turns;

use super::super::fallback::{EncryptionPolicy, TransportPolicy};
use super::world::Reach;
use super::*;
use crate::command::Command;
use crate::event::{AnnounceKind, Phase};

fn settings() -> Settings {
    Settings { encryption: EncryptionPolicy::default(), ..Settings::default() }
}

/// Dials over TCP alone, so that a dial in vain is one dial.
fn tcp_only() -> Settings {
    Settings { transport: TransportPolicy::Tcp, ..settings() }
}

/// A client of a torrent of `total` bytes that knows a fake for each script.
fn with_peers(
    total: u64,
    piece: u32,
    settings: Settings,
    scripts: &[fn(Geometry) -> Script],
) -> (World, NodeKey, Vec<NodeKey>) {
    let mut world = World::new(total, piece, 1);
    let client = world.client(MIB, settings);
    let fakes: Vec<NodeKey> = scripts.iter().map(|script| world.fake(script(world.geometry))).collect();
    for fake in &fakes {
        world.introduce(client, *fake);
    }
    (world, client, fakes)
}

fn causes_of(world: &World, client: NodeKey, peer: NodeKey) -> Vec<Cause> {
    let addr = world.addr(peer);
    world.at(client).ended.iter().filter(|(there, _)| *there == addr).map(|(_, cause)| *cause).collect()
}

#[test]
fn completes_from_one_seed() {
    let (mut world, client, fakes) =
        with_peers(16 * MIB + 777, 256 * 1024, settings(), &[|geometry| Script::seed(geometry, 2 * MIB)]);
    let took = world.complete(secs(60), &[client]);
    assert!(took < secs(10), "{took:?}");
    world.run(secs(2));
    assert_eq!((world.at(client).useless_blocks, world.at(client).granted_twice), (0, 0));
    assert_eq!(causes_of(&world, client, fakes[0]), [Cause::BothSeeds]);
    assert_eq!(world.connections(client), 0);
}

#[test]
fn completes_when_no_peer_has_everything() {
    let scripts: [fn(Geometry) -> Script; 4] = [
        |geometry| Script::with(geometry, MIB, |piece| piece.number() % 4 == 0),
        |geometry| Script::with(geometry, MIB, |piece| piece.number() % 4 == 1),
        |geometry| Script::with(geometry, MIB, |piece| piece.number() % 4 == 2),
        |geometry| Script {
            gains: Some((secs(2), 8)),
            ..Script::with(geometry, MIB, |piece| piece.number() % 4 == 3 && piece.number() < 32)
        },
    ];
    let (mut world, client, _) = with_peers(8 * MIB, 128 * 1024, settings(), &scripts);
    world.complete(secs(60), &[client]);
}

#[test]
fn rarest_piece_is_spread_first() {
    let mut world = World::new(8 * MIB, 128 * 1024, 4);
    let seed = world.fake(Script::seed(world.geometry, 512 * KIB));
    let clients: Vec<NodeKey> = (0..5).map(|_| world.client(512 * KIB, settings())).collect();
    for client in &clients {
        world.introduce(*client, seed);
        for other in &clients {
            world.introduce(*client, *other);
        }
    }
    let blocks = world.geometry.total_bytes() / u64::from(crate::metainfo::BLOCK_LENGTH);
    let everything_left = |world: &World| {
        let mut somewhere = Bitfield::empty(world.geometry.piece_count());
        for client in &clients {
            let have = world.at(*client).swarm.have().unwrap();
            for piece in have.numbers().filter_map(|number| world.geometry.piece(number)) {
                somewhere.set(piece);
            }
        }
        somewhere.is_full()
    };
    world.until(secs(200), "every piece left the seed", everything_left);
    let sent = world.fake_at(seed).sent_blocks;
    assert!(sent < blocks * 3 / 2, "the seed sent {sent} blocks of {blocks} before each was out once");
    world.complete(secs(200), &clients);
}

#[test]
fn snubbed_peer_loses_its_requests() {
    let scripts: [fn(Geometry) -> Script; 2] = [
        |geometry| Script { silent_after: Some(3), ..Script::seed(geometry, MIB) },
        |geometry| Script::seed(geometry, MIB),
    ];
    let (mut world, client, fakes) = with_peers(40 * MIB, 256 * 1024, settings(), &scripts);
    world.complete(secs(60), &[client]);
    assert_eq!(world.at(client).granted_twice, 0, "others got its blocks before the end, and not besides it");
    assert_eq!(causes_of(&world, client, fakes[0]), [], "it stays: it may yet send");
}

#[test]
fn the_end_does_not_wait_for_the_slowest() {
    let scripts: [fn(Geometry) -> Script; 3] = [
        |geometry| Script::seed(geometry, 64 * KIB),
        |geometry| Script::seed(geometry, MIB),
        |geometry| Script::seed(geometry, MIB),
    ];
    let (mut world, client, fakes) = with_peers(8 * MIB, 512 * 1024, settings(), &scripts);
    let took = world.complete(secs(60), &[client]);
    assert!(took < ms(4500), "the end waits for the slowest: {took:?}");
    let cancelled: u64 = fakes.iter().map(|fake| world.fake_at(*fake).cancelled).sum();
    assert!(cancelled > 0);
    assert!(world.at(client).useless_blocks <= 3, "{}", world.at(client).useless_blocks);
}

/// What was asked before the choke was heard of comes after it, and what is asked anew comes, too: nobody's fault.
#[test]
fn a_pause_shorter_than_the_way_is_no_fault() {
    let mut world = World::new(4 * MIB, 256 * 1024, 1);
    let client = world.client(MIB, settings());
    let script = Script { flickers: Some((secs(3), ms(100))), ..Script::seed(world.geometry, 512 * KIB) };
    let fake = world.fake_over(script, Link { latency: ms(300), ..Link::good() });
    world.introduce(client, fake);
    world.complete(secs(60), &[client]);
    world.run(secs(2));
    assert_eq!(causes_of(&world, client, fake), [Cause::BothSeeds]);
}

#[test]
fn choke_releases_requests() {
    let scripts: [fn(Geometry) -> Script; 2] = [
        |geometry| Script { flickers: Some((ms(1500), secs(600))), ..Script::seed(geometry, 128 * KIB) },
        |geometry| Script::seed(geometry, MIB),
    ];
    let (mut world, client, fakes) = with_peers(8 * MIB, 256 * 1024, settings(), &scripts);
    world.run(secs(2));
    assert_eq!(world.connections(fakes[0]), 1);
    let owes = |conn: &&conn::Conn| conn.protocol.window().owed().next().is_some();
    let owing = world.at(client).conns.values().filter(owes).count();
    assert_eq!(owing, 1, "only who unchokes us owes blocks");
    world.complete(secs(15), &[client]);
}

#[test]
fn reconnect_backs_off() {
    let (mut world, client, fakes) = with_peers(
        MIB,
        16384,
        tcp_only(),
        &[|geometry| Script::seed(geometry, MIB), |geometry| Script::seed(geometry, MIB)],
    );
    world.reach(fakes[0], Reach::Refuses);
    world.reach(fakes[1], Reach::Dark);
    world.run(secs(2 * 3600));
    for fake in fakes {
        let addr = world.addr(fake);
        let dials: Vec<At> =
            world.at(client).dials.iter().filter(|(_, to, _)| *to == addr).map(|(at, ..)| *at).collect();
        assert!((6..=10).contains(&dials.len()), "{dials:?}");
        let waits: Vec<At> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let grows = waits.windows(2).all(|pair| pair[1] > pair[0].mul_f64(0.8));
        assert!(grows && waits.iter().all(|wait| *wait < secs(40 * 60)), "{waits:?}");
    }
}

#[test]
fn peers_far_away_are_kept_busy() {
    let mut world = World::new(384 * MIB, MIB as u32, 1);
    world.thorough = false;
    let client = world.client(MIB, settings());
    for _ in 0..8 {
        let link = Link { latency: ms(100) - Link::good().latency, ..Link::good() };
        let fake = world.fake_over(Script::seed(world.geometry, 4 * MIB), link);
        world.introduce(client, fake);
    }
    world.run(secs(5));
    let before = world.at(client).written.count();
    world.run(secs(5));
    let written = world.at(client).written.count() - before;
    assert!(written >= 5 * 30, "{written} MiB in 5 s of 8 x 4 MiB/s");
}

#[test]
fn slow_disk_shrinks_pipeline_not_memory() {
    let limits = Settings { memory_bytes: 4 * MIB, ..settings() };
    let (mut world, client, _) = with_peers(
        64 * MIB,
        MIB as u32,
        limits,
        &[|geometry| Script::seed(geometry, 20 * MIB), |geometry| Script::seed(geometry, 20 * MIB)],
    );
    world.at_mut(client).disk = Disk::slow(2 * MIB);
    let mut most = 0;
    for _ in 0..20 {
        world.run(secs(1));
        most = most.max(world.at(client).held_bytes());
    }
    assert!(most <= 5 * MIB, "{most}");
    let written = u64::from(world.at(client).written.count());
    assert!((35..=41).contains(&written), "{written} MiB written in 20 s by a disk of 2 MiB/s");
    world.complete(secs(20), &[client]);
}

#[test]
fn who_trickles_does_not_keep_the_memory_others_could_use() {
    let limits = Settings { memory_bytes: 256 * KIB, ..settings() };
    let mut world = World::new(4 * MIB, 64 * 1024, 3);
    let client = world.client(MIB, limits);
    for _ in 0..8 {
        let trickle = world.fake(Script::seed(world.geometry, 1));
        world.introduce(client, trickle);
    }
    world.run(secs(10));
    let seed = world.fake(Script::seed(world.geometry, MIB));
    world.introduce(client, seed);
    world.complete(secs(180), &[client]);
}

#[test]
fn long_pieces_go_on_however_little_of_each_is_here() {
    // Each peer leaves a bit of a piece behind, not enough to be written, until memory is full of them.
    let mut world = World::new(128 * MIB, 2 * MIB as u32, 3);
    let client = world.client(MIB, Settings { memory_bytes: 4 * MIB, ..settings() });
    for n in 0..40u32 {
        let script = Script {
            silent_after: Some(9),
            leaves_after: Some(secs(6)),
            ..Script::with(world.geometry, 256 * KIB, move |piece| piece.number() % 40 == n)
        };
        let fake = world.fake(script);
        world.introduce(client, fake);
    }
    world.run(secs(8));
    world.thorough = false;
    let seed = world.fake(Script::seed(world.geometry, 8 * MIB));
    world.introduce(client, seed);
    let took = world.complete(secs(60), &[client]);
    assert!(took < secs(30), "{took:?}");
}

/// Else a piece could end, right or wrong, while its beginning waits for room on the disk.
#[test]
fn a_run_the_disk_refused_is_written_before_the_end_of_its_piece() {
    let mut world = World::new(16 * MIB, 2 * MIB as u32, 3);
    let client = world.client(MIB, Settings { memory_bytes: 4 * MIB, ..settings() });
    for lies_every in [None, Some(50)] {
        let script = Script { lies_every, ..Script::seed(world.geometry, 512 * KIB) };
        let fake = world.fake(script);
        world.introduce(client, fake);
    }
    for _ in 0..20 {
        let until = world.now + ms(300);
        world.at_mut(client).disk.fails_until = until;
        world.run(ms(400));
        world.wish(client, Command::Resume);
        world.run(ms(500));
    }
    assert!(world.at(client).disk.refused > 3);
    world.complete(secs(60), &[client]);
}

#[test]
fn tracker_down_then_up_announces_once() {
    let mut world = World::new(MIB, 16384, 3);
    world.trackers.push(tracker::Tracker { up: false, ..tracker::Tracker::naming(Vec::new()) });
    let client = world.client(MIB, settings());
    let seed = world.fake(Script::seed(world.geometry, MIB));
    let addr = world.addr(seed);
    world.run(secs(300));
    assert!(world.trackers[0].missed.len() > 1 && world.trackers[0].heard.is_empty());
    world.trackers[0].peers.push(addr);
    world.trackers[0].up = true;
    world.complete(secs(3600), &[client]);
    world.run(secs(600));
    let heard: Vec<AnnounceKind> = world.trackers[0].heard.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(heard, [AnnounceKind::Started, AnnounceKind::Completed]);
}

fn heard(world: &World) -> Vec<u64> {
    world.trackers[0].heard.iter().map(|(at, _)| at.as_secs()).collect()
}

#[test]
fn a_starving_download_asks_its_trackers_again_every_minute_and_finds_who_came_meanwhile() {
    let mut world = World::new(512 * MIB, 256 * KIB as u32, 4);
    world.thorough = false;
    for _ in 0..2 {
        world.trackers.push(tracker::Tracker::naming(Vec::new()));
    }
    let client = world.client(MIB, settings());
    let seeds: Vec<NodeKey> = (0..3).map(|_| world.fake(Script::seed(world.geometry, 4 * MIB))).collect();
    for dead in &seeds {
        world.reach(*dead, Reach::Refuses);
        let addr = world.addr(*dead);
        world.trackers[0].peers.push(addr);
    }
    world.run(secs(150));
    assert_eq!(heard(&world), [0, 60, 120], "the tracker's interval is half an hour");
    let newcomer = world.fake(Script::seed(world.geometry, 4 * MIB));
    let addr = world.addr(newcomer);
    world.trackers[1].peers.push(addr);
    world.run(secs(40));
    assert!(world.neighbours(client).contains(&newcomer), "another tracker is asked as well");
    world.complete(secs(300), &[client]);
    world.run(secs(5));
    let asked = heard(&world).len();
    world.run(secs(1500));
    assert_eq!(heard(&world).len(), asked, "complete, it wants nobody");
}

#[test]
fn a_download_that_goes_well_asks_no_tracker_before_its_interval() {
    let mut world = World::new(512 * MIB, 256 * KIB as u32, 4);
    world.thorough = false;
    world.trackers.push(tracker::Tracker::naming(Vec::new()));
    let seeds: Vec<NodeKey> = (0..8).map(|_| world.fake(Script::seed(world.geometry, 128 * KIB))).collect();
    let addrs: Vec<SocketAddr> = seeds.iter().map(|seed| world.addr(*seed)).collect();
    world.trackers[0].peers.extend(addrs);
    let client = world.client(MIB, settings());
    world.complete(secs(900), &[client]);
    world.run(secs(5));
    let kinds: Vec<AnnounceKind> = world.trackers[0].heard.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds, [AnnounceKind::Started, AnnounceKind::Completed]);
}

#[test]
fn pause_resume_keeps_partial_pieces() {
    let (mut world, client, fakes) =
        with_peers(16 * MIB, 2 * MIB as u32, settings(), &[|geometry| Script::seed(geometry, MIB)]);
    world.run(secs(5));
    world.wish(client, Command::Pause);
    let before: u64 = world.at(client).arriving.len() as u64;
    assert!(before > 0);
    let sent = world.fake_at(fakes[0]).sent_blocks;
    world.run(secs(600));
    assert_eq!(world.connections(client), 0);
    assert_eq!(world.at(client).arriving.len() as u64, before, "what is here is kept");
    world.wish(client, Command::Resume);
    world.complete(secs(30), &[client]);
    let blocks = world.geometry.total_bytes() / u64::from(crate::metainfo::BLOCK_LENGTH);
    let again = world.fake_at(fakes[0]).sent_blocks - blocks;
    assert!(again <= 8, "{again} blocks came twice, {sent} before the pause");
}

#[test]
fn have_flood_of_100k_is_linear() {
    let busy = |pieces: u32| {
        let mut world = World::new(u64::from(pieces) * 1024, 1024, 5);
        world.thorough = false;
        let client = world.client(MIB, settings());
        let script = Script {
            gains: Some((ms(10), pieces / 100)),
            unchokes: None,
            ..Script::with(world.geometry, 0, |_| false)
        };
        let fake = world.fake(script);
        world.introduce(client, fake);
        let took = stopwatch();
        world.run(secs(2));
        let swarm = &world.at(client).swarm;
        assert!(swarm.live.iter().any(|(conn, _)| swarm.picker().is_seed(*conn)));
        took()
    };
    busy(10_000);
    let (tenth, whole) = (busy(10_000), busy(100_000));
    assert!(whole < tenth * 40 + ms(200), "{tenth:?} for a tenth, {whole:?} for all");
}

#[test]
fn shutdown_announces_stopped_within_deadline() {
    let mut world = World::new(MIB, 16384, 3);
    world.trackers.push(tracker::Tracker::naming(Vec::new()));
    world.trackers.push(tracker::Tracker { up: false, ..tracker::Tracker::naming(Vec::new()) });
    let client = world.client(MIB, settings());
    let seed = world.fake(Script::seed(world.geometry, 16 * KIB));
    world.introduce(client, seed);
    world.run(secs(5));
    world.wish(client, Command::Quit);
    world.until(secs(2), "goodbye said", |world| !world.at(client).is_saying_goodbye());
    world.until(secs(2), "connections closed", |world| world.connections(client) == 0);
    let heard: Vec<AnnounceKind> = world.trackers[0].heard.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(heard, [AnnounceKind::Started, AnnounceKind::Stopped]);
    assert!(world.trackers[1].heard.is_empty(), "who never heard of us is told nothing");
}

#[test]
fn same_seed_same_trace() {
    let trace = |seed| {
        let mut world = World::new(4 * MIB, 128 * 1024, seed);
        let client = world.client(MIB, settings());
        world.at_mut(client).trace = Some(Vec::new());
        for n in 1..5 {
            let link = Link { breaks: Some(secs(3)), ..Link::good() };
            let script =
                Script { lies_every: Some(40 * n), ..Script::seed(world.geometry, u64::from(n) * 100 * KIB) };
            let fake = world.fake_over(script, link);
            world.introduce(client, fake);
        }
        world.run(secs(20));
        world.at_mut(client).trace.take()
    };
    assert_eq!(trace(5), trace(5));
    assert_ne!(trace(5), trace(6));
}

#[test]
fn a_full_disk_stops_it_and_room_lets_it_go_on() {
    let (mut world, client, _) =
        with_peers(16 * MIB, 512 * 1024, settings(), &[|geometry| Script::seed(geometry, 4 * MIB)]);
    world.at_mut(client).disk = Disk::with_room(5 * MIB);
    world.until(secs(20), "it stopped", |world| world.at(client).swarm.phase() == Phase::Stopped);
    world.run(secs(60));
    assert_eq!(world.at(client).written.count(), 10);
    world.wish(client, Command::Resume);
    assert_eq!(world.at(client).swarm.phase(), Phase::Stopped, "there is still no room");
    world.at_mut(client).disk.room_bytes = u64::MAX;
    world.wish(client, Command::Resume);
    world.complete(secs(20), &[client]);
}

#[test]
fn a_disk_that_fails_for_a_while_loses_nothing() {
    let (mut world, client, fakes) =
        with_peers(16 * MIB, 512 * 1024, settings(), &[|geometry| Script::seed(geometry, 2 * MIB)]);
    world.run(secs(2));
    world.at_mut(client).disk.fails_until = world.now + secs(30);
    world.until(secs(10), "it stopped", |world| world.at(client).swarm.phase() == Phase::Stopped);
    world.run(secs(40));
    world.wish(client, Command::Resume);
    world.complete(secs(20), &[client]);
    let blocks = world.geometry.total_bytes() / u64::from(crate::metainfo::BLOCK_LENGTH);
    assert!(world.fake_at(fakes[0]).sent_blocks <= blocks + 8, "what the disk refused is kept");
}

#[test]
fn lines_that_break_all_the_time_delay_and_do_not_end_it() {
    let mut world = World::new(8 * MIB, 256 * 1024, 9);
    let client = world.client(MIB, settings());
    for _ in 0..4 {
        let link = Link { breaks: Some(secs(5)), latency: ms(100), bps: 256 * KIB };
        let fake = world.fake_over(Script::seed(world.geometry, MIB), link);
        world.introduce(client, fake);
    }
    world.complete(secs(600), &[client]);
}
