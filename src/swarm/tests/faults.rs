//! What once went wrong, or nearly.

use super::*;
use crate::event::PeerInfo;
use crate::swarm::address::Scope;

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
fn whoever_hung_up_while_we_stood_still_is_dialled_again_soon() {
    let mut world = World::new(8 * MIB, 256 * 1024, Settings::default());
    world.add(1, world.seed(64 * 1024));
    world.run(secs(5));
    world.tell(Input::StoodStill(secs(300)));
    let told =
        |event: &Event| matches!(event, Event::Note { text, .. } if text.starts_with("stood still for 5m"));
    assert!(world.events.iter().any(told));
    let conn = *world.live.keys().next().unwrap();
    world.close(conn, Cause::ClosedByPeer);
    world.run(secs(11));
    assert_eq!(world.dials.len(), 2);
    world.until_complete(secs(150));
}

/// Connections by the address of the peer.
fn conn_with(world: &World, n: u16) -> ConnKey {
    *world.live.iter().find(|(_, (there, _))| *there == addr(n)).unwrap().0
}

#[test]
fn who_is_lost_with_an_address_of_ours_is_dialled_at_once() {
    let mut world = World::new(64 * MIB, 256 * 1024, Settings::default());
    for n in 1..=3 {
        world.add(n, world.seed(64 * 1024));
    }
    world.run(secs(5));
    let lost = vec![conn_with(&world, 1), conn_with(&world, 2)];
    world.tell(Input::AddressesChanged { lost, way: Way::Other });
    world.run(SECOND / 2);
    let again: Vec<SocketAddr> = world.dials[3..].iter().map(|(_, there)| *there).collect();
    assert_eq!(again, [addr(1), addr(2)]);
    assert_eq!(world.closed, [(addr(1), Cause::ConnectionLost), (addr(2), Cause::ConnectionLost)]);
    assert_eq!(world.live.len(), 3);
}

#[test]
fn when_there_is_a_way_again_the_last_live_go_first_and_nobody_is_blamed_for_the_time_without() {
    let mut world = World::new(64 * MIB, 256 * 1024, Settings::default());
    let seed = world.seed(64 * 1024);
    world.add(2, seed.clone());
    world.run(secs(2));
    // Nobody can be reached any more, and some were never there.
    world.listeners.clear();
    (3..=9).for_each(|n| world.learn(n));
    let lost = vec![conn_with(&world, 2)];
    world.tell(Input::AddressesChanged { lost, way: Way::None });
    world.run(secs(1000));
    let before = world.dials.len();
    world.listeners.insert(addr(2), seed);
    world.tell(Input::AddressesChanged { lost: Vec::new(), way: Way::Again });
    world.run(SECOND / 2);
    let dialled: Vec<SocketAddr> = world.dials[before..].iter().map(|(_, there)| *there).collect();
    assert_eq!(dialled[0], addr(2), "the last live first");
    let all: BTreeSet<SocketAddr> = dialled.into_iter().collect();
    assert_eq!(all, (2..=9).map(addr).collect());
}

#[test]
fn another_way_than_before_brings_back_those_that_were_connected_and_no_others() {
    let mut world = World::new(64 * MIB, 256 * 1024, Settings::default());
    world.add(1, world.seed(64 * 1024));
    world.learn(2);
    world.run(secs(40));
    let conn = conn_with(&world, 1);
    world.close(conn, Cause::ClosedByPeer);
    let before = world.dials.len();
    world.tell(Input::AddressesChanged { lost: Vec::new(), way: Way::Other });
    let dialled: Vec<SocketAddr> = world.dials[before..].iter().map(|(_, there)| *there).collect();
    assert_eq!(dialled, [addr(1)]);
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

/// The same; from now on they send what is right, and little of it: 256 s for the piece.
fn suspected_and_slow() -> World {
    let mut world = suspected();
    for (_, fake) in world.live.values_mut() {
        fake.script = Script { lies: false, silent_after: None, bps: 1024, ..fake.script.clone() };
    }
    world
}

#[test]
fn a_suspect_piece_is_not_left_to_a_slow_peer_while_another_has_nothing_to_do() {
    let mut world = suspected_and_slow();
    world.run(secs(5));
    world.add(3, world.seed(MIB));
    world.until_complete(secs(25));
    let banned = |event: &&Event| matches!(event, Event::Banned { until: Some(_), .. });
    assert_eq!(world.events.iter().filter(banned).count(), 2, "both lied, and it shows");
}

/// Whoever has blocks of the suspect piece to send refuses the last of them.
fn refuse(world: &mut World) {
    let owes = |(conn, (_, fake)): (&ConnKey, &mut (SocketAddr, Fake))| Some((*conn, fake.queue.pop_back()?));
    let (conn, block) = world.live.iter_mut().find_map(owes).unwrap();
    world.tell(Input::News(conn, News::Rejected(vec![block])));
}

#[test]
fn a_suspect_piece_is_kept_by_one_that_refuses_a_block_where_nobody_else_has_it() {
    let mut world = suspected_and_slow();
    let other = *world.live.keys().next_back().unwrap();
    world.close(other, Cause::ClosedByPeer);
    world.listeners.clear();
    for _ in 0..3 {
        world.run(secs(40));
        refuse(&mut world);
    }
    world.until_complete(secs(256 - 3 * 40 + 10));
}

#[test]
fn a_suspect_piece_goes_from_one_that_refuses_a_block_to_another_at_once() {
    let mut world = suspected_and_slow();
    world.add(3, world.seed(MIB));
    world.run(secs(1));
    refuse(&mut world);
    world.until_complete(secs(2));
}

#[test]
fn a_suspect_piece_is_complete_some_time_however_slow_all_are() {
    let mut world = suspected_and_slow();
    world.add(3, world.seed(1024));
    // Tries of 20, 40, 80, 160 s, and one that ends.
    world.until_complete(secs(20 + 40 + 80 + 160 + 256 + 30));
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

/// Lets a peer that calls shake hands.
fn call(world: &mut World, conn: u32, port: u16, peer_id: u64) {
    let called = SocketAddr::new(addr(1).ip(), port);
    let peer_id = PeerId::ours(peer_id);
    let so_far = vec![(world.now, Step::Connected)];
    world.tell(Input::Handshaken { conn: ConnKey(conn), peer: None, addr: called, peer_id, so_far });
}

fn listens(world: &mut World, conn: u32, port: u16) {
    let info = PeerInfo { listen_port: Some(port), ..PeerInfo::default() };
    world.tell(Input::News(ConnKey(conn), News::Introduced(info)));
}

/// Closes ordered so far on the connection.
fn ordered_closes(world: &World, conn: u32) -> usize {
    let order = format!("Order(ConnKey({conn}), Close(");
    world.trace.iter().filter(|line| line.contains(&order)).count()
}

fn end(cause: Cause) -> Closed {
    Closed { cause, error: None, detail: None, bytes_in: 0, bytes_out: 0 }
}

#[test]
fn a_connection_that_replaces_another_is_kept_at_the_limit_too() {
    let settings = Settings { max_peers: 1, peer_id: PeerId::ours(1), ..Settings::default() };
    let mut kept = 0;
    for theirs in 2..30 {
        let mut world = World::new(MIB, 16384, settings.clone());
        let dialled = addr(1);
        world.swarm.handle(world.now, Input::Learned { addr: dialled, source: Source::Manual });
        let peer_id = PeerId::ours(theirs);
        let (conn, peer) = (ConnKey(100), Some(PeerKey(0)));
        world
            .swarm
            .handle(world.now, Input::Handshaken { conn, peer, addr: dialled, peer_id, so_far: Vec::new() });
        while world.swarm.poll().is_some() {}
        call(&mut world, 101, 40_000, theirs);
        assert_eq!(ordered_closes(&world, 100) + ordered_closes(&world, 101), 1);
        kept += ordered_closes(&world, 100);
    }
    assert!(kept > 0, "one replaced the other at least once");
}

#[test]
fn dials_that_come_late_do_not_exceed_the_most_peers() {
    let settings = Settings { max_peers: 2, ..Settings::default() };
    let mut world = World::new(MIB, 16384, settings);
    world.swarm.handle(world.now, Input::Learned { addr: addr(9), source: Source::Manual });
    while world.swarm.poll().is_some() {}
    for n in 0..2 {
        call(&mut world, 200 + n, 40_000 + n as u16, 50 + u64::from(n));
    }
    let (conn, peer, peer_id) = (ConnKey(300), Some(PeerKey(0)), PeerId::ours(70));
    world.tell(Input::Handshaken { conn, peer, addr: addr(9), peer_id, so_far: Vec::new() });
    assert_eq!(ordered_closes(&world, 300), 1);
    world.tell(Input::Closed(conn, end(Cause::ConnectionLimit)));
    assert_eq!(world.swarm.live.len(), 2);
}

#[test]
fn nobody_is_dialled_or_let_in_once_it_ends() {
    let mut world = World::new(MIB, 16384, Settings::default());
    world.add(1, world.seed(0));
    world.tell(Input::Command(Command::Quit));
    let dials = world.dials.len();
    world.learn(2);
    world.run(secs(2));
    assert_eq!(world.dials.len(), dials);
    call(&mut world, 500, 40_000, 9);
    assert_eq!(ordered_closes(&world, 500), 1);
}

#[test]
fn a_dropped_or_banned_peer_does_not_come_back_from_another_port() {
    for banned in [false, true] {
        let mut world = World::new(MIB, 16384, Settings::default());
        call(&mut world, 500, 40_000, 9);
        listens(&mut world, 500, 6881);
        let peer = world.swarm.live[&ConnKey(500)].peer;
        if banned {
            world.swarm.ban_peer(world.now, peer, Cause::HashFailures, String::new());
            world.act();
        } else {
            world.tell(Input::Command(Command::Drop(peer)));
        }
        world.tell(Input::Closed(ConnKey(500), end(Cause::DroppedByUser)));
        call(&mut world, 501, 40_001, 9);
        assert_eq!(ordered_closes(&world, 501), 0, "not known yet");
        listens(&mut world, 501, 6881);
        assert_eq!(ordered_closes(&world, 501), 1);
    }
}

/// Until when each peer was last told to be banned.
fn bans_told(world: &World) -> BTreeMap<PeerKey, Option<At>> {
    let told = world.events.iter().filter_map(|event| match event {
        Event::Banned { peer, until, .. } => Some((*peer, *until)),
        _ => None,
    });
    told.collect()
}

#[test]
fn taking_back_a_ban_leaves_those_of_other_ports() {
    let mut world = World::new(MIB, 16384, Settings::default());
    for port in 1..=4 {
        let addr = SocketAddr::new(addr(1).ip(), port);
        world.swarm.handle(world.now, Input::Learned { addr, source: Source::Manual });
    }
    world.act();
    for peer in 0..3 {
        world.swarm.ban_peer(world.now, PeerKey(peer), Cause::HashFailures, "it lied".to_owned());
    }
    world.act();
    let until = Some(world.now + secs(3600));
    let all = |bans: [Option<At>; 4]| (0..).map(PeerKey).zip(bans).collect::<BTreeMap<_, _>>();
    assert_eq!(bans_told(&world), all([until; 4]), "three ports ban the address");
    world.tell(Input::Command(Command::Retry(PeerKey(0))));
    assert_eq!(bans_told(&world), all([None, until, until, None]));
    world.tell(Input::Learned { addr: SocketAddr::new(addr(1).ip(), 2), source: Source::Resume });
    assert_eq!(bans_told(&world), all([None, until, until, None]));
}

#[test]
fn an_address_invalid_from_one_source_is_dialled_when_another_may_name_it() {
    let mut world = World::new(MIB, 16384, Settings::default());
    let source = Source::Tracker(TrackerKey(0));
    world.tell(Input::Reached { tracker: TrackerKey(0), scope: Scope::Public, seen_at: None });
    world.tell(Input::Learned { addr: addr(1), source });
    world.run(secs(100));
    assert_eq!(world.dials, []);
    world.add(1, world.seed(MIB));
    assert_eq!(world.dials, [(secs(100), addr(1))]);
    let told = world.events.iter().filter_map(|event| match event {
        Event::NotDialled { cause, .. } => Some(*cause),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [Some(Cause::InvalidAddress), None]);
}

#[test]
fn a_drop_taken_back_before_the_connection_ended_is_dialled_again() {
    for wish in [Command::Drop(PeerKey(0)), Command::Ban(PeerKey(0))] {
        let mut world = World::new(MIB, 16384, Settings::default());
        world.add(1, world.seed(0));
        // The connection has not heard of it yet.
        for command in [wish, Command::Undo] {
            world.swarm.handle(world.now, Input::Command(command));
        }
        world.act();
        world.run(secs(2));
        assert_eq!(world.dials.len(), 2);
    }
}

#[test]
fn a_hold_ends_with_the_connection() {
    let mut world = World::new(MIB, 16384, Settings::default());
    world.add(1, world.seed(0));
    world.tell(Input::Command(Command::Hold(PeerKey(0))));
    world.close(ConnKey(0), Cause::ClosedByPeer);
    world.act();
    let held: Vec<bool> = world
        .events
        .iter()
        .filter_map(|event| if let Event::Held { held, .. } = event { Some(*held) } else { None })
        .collect();
    assert_eq!(held, [true, false]);
}

#[test]
fn a_pause_does_not_make_it_forget_that_the_disk_refused() {
    let mut world = World::new(MIB, 16384, Settings::default());
    world.tell(Input::DiskFailed { piece: None, reason: "full".to_owned() });
    world.tell(Input::Command(Command::Pause));
    assert_eq!(world.swarm.phase(), Phase::Stopped);
}

#[test]
fn seeds_are_let_go_when_the_last_piece_came_during_a_pause() {
    let mut world = World::new(16384, 16384, Settings::default());
    world.add(1, world.seed(MIB));
    let piece = world.geometry.piece(0).unwrap();
    let block = world.geometry.block(piece, 0).unwrap();
    assert!(world.swarm.block_arrived(world.now, ConnKey(0), block));
    world.tell(Input::Command(Command::Pause));
    world.tell(Input::PieceDone { piece, good: true, blocks: Vec::new() });
    world.tell(Input::Command(Command::Resume));
    assert_eq!(world.closed, [(addr(1), Cause::BothSeeds)]);
    assert_eq!(world.swarm.phase(), Phase::Seeding);
}

#[test]
fn two_hundred_peers_complete_together() {
    // Nothing is written here before its piece is whole, and each peer begins one.
    let settings = Settings { memory_bytes: 40 * MIB, ..Settings::default() };
    let mut world = World::new(128 * MIB, MIB as u32, settings);
    for n in 1..=200 {
        world.add(n, world.seed(100 * 1024));
    }
    world.until_complete(secs(12));
    assert!(world.duplicates < 800, "{}", world.duplicates);
}

#[test]
fn a_connection_is_replaced_only_once() {
    let settings = Settings { max_peers: 2, peer_id: PeerId::ours(1), ..Settings::default() };
    for theirs in 2..30 {
        let mut world = World::new(MIB, 16384, settings.clone());
        world.swarm.handle(world.now, Input::Learned { addr: addr(1), source: Source::Manual });
        let (conn, peer, peer_id) = (ConnKey(100), Some(PeerKey(0)), PeerId::ours(theirs));
        world
            .swarm
            .handle(world.now, Input::Handshaken { conn, peer, addr: addr(1), peer_id, so_far: Vec::new() });
        while world.swarm.poll().is_some() {}
        for n in 0..3 {
            call(&mut world, 101 + n, 40_000 + n as u16, theirs);
        }
        let kept = (100..104).filter(|conn| ordered_closes(&world, *conn) == 0).count();
        assert_eq!(kept, 1);
    }
}

#[test]
fn a_liar_that_changes_its_row_is_banned_all_the_same() {
    let mut world = World::new(64 * 1024, 64 * 1024, Settings::default());
    let listening = SocketAddr::new(addr(1).ip(), 7000);
    world.tell(Input::Learned { addr: listening, source: Source::Resume });
    call(&mut world, 300, 40_000, 77);
    let conn = ConnKey(300);
    world.tell(Input::News(conn, News::Has(Bitfield::full(1))));
    world.tell(Input::News(conn, News::Unchoked));
    let granted: Vec<BlockRef> = world.swarm.picker.asked_of(conn);
    assert_eq!(granted.len(), 4);
    for block in granted {
        assert!(world.swarm.block_arrived(world.now, conn, block));
    }
    // Between the lie and its discovery it says that it is somebody else.
    listens(&mut world, 300, 7000);
    let piece = world.geometry.piece(0).unwrap();
    world.tell(Input::PieceDone { piece, good: false, blocks: Vec::new() });
    assert_eq!(ordered_closes(&world, 300), 1);
    assert!(world.swarm.peer_table.banned_until(world.now, listening).is_some());
}

/// Of three pieces the second has every third block from an earlier run; they are `right` or not.
fn kept(right: bool) -> World {
    let geometry = Geometry::new(MIB, 256 * 1024).unwrap();
    let piece = geometry.piece(1).unwrap();
    let kept: Vec<BlockRef> =
        geometry.blocks_of(piece).filter(|block| block.number().is_multiple_of(3)).collect();
    let mut world = World::new(MIB, 256 * 1024, Settings { kept: kept.clone(), ..Settings::default() });
    world.arrived.insert(piece, kept.iter().map(|block| (block.number(), right)).collect());
    world
}

#[test]
fn blocks_of_an_earlier_run_are_not_asked_for_again() {
    let mut world = kept(true);
    world.add(1, world.seed(MIB));
    world.until_complete(secs(10));
    assert_eq!((world.granted, world.duplicates), (64 - 6, 0));
    assert!(!world.events.iter().any(|event| matches!(event, Event::PieceFailed { .. })));
    let opened = |event: &&Event| matches!(event, Event::PieceOpened { .. });
    assert_eq!(world.events.iter().filter(opened).count(), 4);
}

#[test]
fn nobody_is_banned_for_a_piece_with_blocks_of_an_earlier_run() {
    for peers in [1, 2] {
        let mut world = kept(false);
        for n in 1..=peers {
            world.add(n, world.seed(256 * 1024));
        }
        world.until_complete(secs(30));
        let failed = |event: &&Event| matches!(event, Event::PieceFailed { from, .. } if from.is_empty());
        assert_eq!(world.events.iter().filter(failed).count(), 1, "nobody knows who sent it");
        assert!(!world.events.iter().any(|event| matches!(event, Event::Banned { .. })));
        assert!(!world.closed.iter().any(|(_, cause)| *cause == Cause::HashFailures));
    }
}
