//! What once went wrong, or nearly.

use std::collections::{BTreeMap, BTreeSet};

use super::one::{One, addr};
use super::*;
use crate::event::{Event, PeerKey, Source, TrackerKey};
use crate::metainfo::PeerId;
use crate::metainfo::address::Scope;
use crate::peer::News;
use crate::swarm::{ConnKey, Input, Known, Way};

#[test]
fn a_peer_that_never_sends_a_block_loses_its_requests() {
    let mut one = One::new(MIB, 256 * 1024, Settings::default());
    one.add(1, Script { silent_after: Some(0), ..one.seed(MIB) });
    one.run(secs(13));
    let owes = |conn: &conn::Conn| conn.protocol.window().owed().count();
    assert!(one.client().conns.values().all(|conn| owes(conn) <= 1), "they were taken back");
}

#[test]
fn whoever_hung_up_while_we_stood_still_is_dialled_again_soon() {
    let mut one = One::new(8 * MIB, 256 * 1024, Settings::default());
    one.add(1, one.seed(64 * 1024));
    one.run(secs(5));
    one.tell(Input::StoodStill(secs(300)));
    let told =
        |event: &Event| matches!(event, Event::Note { text, .. } if text.starts_with("stood still for 5m"));
    assert!(one.events().any(told));
    one.hang_up(1);
    one.run(secs(11));
    assert_eq!(one.dials().len(), 2);
    one.until_complete(secs(150));
}

#[test]
fn who_is_lost_with_an_address_of_ours_is_dialled_at_once() {
    let mut one = One::new(64 * MIB, 256 * 1024, Settings::default());
    for n in 1..=3 {
        one.add(n, one.seed(64 * 1024));
    }
    one.run(secs(5));
    let lost = vec![one.conn_with(1), one.conn_with(2)];
    one.tell(Input::AddressesChanged { lost, way: Way::Other });
    one.run(ms(500));
    let again: Vec<SocketAddr> = one.dials()[3..].iter().map(|(_, there)| *there).collect();
    assert_eq!(again, [addr(1), addr(2)]);
    assert_eq!(one.ended(), [(addr(1), Cause::ConnectionLost), (addr(2), Cause::ConnectionLost)]);
    assert_eq!(one.connections(), 3);
}

#[test]
fn when_there_is_a_way_again_the_last_live_go_first_and_nobody_is_blamed_for_the_time_without() {
    let mut one = One::new(64 * MIB, 256 * 1024, Settings::default());
    one.add(2, one.seed(64 * 1024));
    one.run(secs(2));
    // Nobody can be reached any more, and some were never there.
    one.all_refuse();
    (3..=9).for_each(|n| one.learn(n));
    let lost = vec![one.conn_with(2)];
    one.tell(Input::AddressesChanged { lost, way: Way::None });
    one.run(secs(1000));
    let before = one.dials().len();
    one.answers(2);
    one.tell(Input::AddressesChanged { lost: Vec::new(), way: Way::Again });
    one.run(ms(500));
    let dialled: Vec<SocketAddr> = one.dials()[before..].iter().map(|(_, there)| *there).collect();
    assert_eq!(dialled[0], addr(2), "the last live first");
    let all: BTreeSet<SocketAddr> = dialled.into_iter().collect();
    assert_eq!(all, (2..=9).map(addr).collect());
}

#[test]
fn another_way_than_before_brings_back_those_that_were_connected_and_no_others() {
    let mut one = One::new(64 * MIB, 256 * 1024, Settings::default());
    one.add(1, one.seed(64 * 1024));
    one.learn(2);
    one.run(secs(40));
    one.hang_up(1);
    let before = one.dials().len();
    one.tell(Input::AddressesChanged { lost: Vec::new(), way: Way::Other });
    let dialled: Vec<SocketAddr> = one.dials()[before..].iter().map(|(_, there)| *there).collect();
    assert_eq!(dialled, [addr(1)]);
}

#[test]
fn three_silent_peers_do_not_keep_the_last_blocks_from_a_fourth() {
    let mut one = One::new(10_000, 16_384, Settings::default());
    for n in 1..=3 {
        one.add(n, Script { silent_after: Some(0), ..one.seed(MIB) });
    }
    one.run(secs(30));
    one.add(4, one.seed(MIB));
    one.until_complete(secs(15));
}

/// Two peers that together sent a wrong piece, the only one: the first of them is left to send it alone.
fn suspected() -> One {
    let mut one = One::new(256 * 1024, 256 * 1024, Settings::default());
    for n in 1..=2 {
        one.add(n, Script { lies_every: Some(1), silent_after: Some(8 + 4), ..one.seed(64 * 1024) });
    }
    one.wait_for(secs(60), |one| {
        one.events().any(|event| matches!(event, Event::PieceFailed { from, .. } if from.len() == 2))
    });
    one
}

#[test]
fn a_suspect_piece_is_not_left_to_a_peer_that_is_gone() {
    let mut one = suspected();
    one.run(secs(1));
    one.all_refuse();
    (1..=2).for_each(|n| one.hang_up(n));
    one.add(3, one.seed(MIB));
    one.until_complete(secs(5));
}

#[test]
fn a_suspect_piece_is_not_left_to_a_peer_that_sends_nothing() {
    let mut one = suspected();
    one.add(3, one.seed(MIB));
    one.until_complete(secs(150));
}

/// The same; from now on they send what is right, and little of it: 256 s for the piece.
fn suspected_and_slow() -> One {
    let mut one = suspected();
    for n in 1..=2 {
        one.change(n, |script| {
            *script = Script { lies_every: None, silent_after: None, bps: 1024, ..script.clone() };
        });
    }
    one
}

#[test]
fn a_suspect_piece_is_not_left_to_a_slow_peer_while_another_has_nothing_to_do() {
    let mut one = suspected_and_slow();
    one.run(secs(5));
    one.add(3, one.seed(MIB));
    // Tries of 20 and 40 s by the two, then it is the turn of the third.
    one.until_complete(secs(65));
    let banned = |event: &&Event| matches!(event, Event::Banned { until: Some(_), .. });
    assert_eq!(one.events().filter(banned).count(), 2, "both lied, and it shows");
}

#[test]
fn a_suspect_piece_comes_to_a_seed_however_many_come_and_go() {
    let mut one = suspected_and_slow();
    one.add(3, one.seed(MIB));
    for n in 4..34 {
        // Each stays for 8 s and sends nothing: one that was here for less is always there.
        one.run(secs(4));
        one.add(n, Script { silent_after: Some(0), ..one.seed(MIB) });
        if n > 5 {
            one.hang_up(n - 2);
        }
    }
    assert!(one.client().is_complete());
}

/// Whoever has blocks of the suspect piece to send refuses the last of them.
fn refuse(one: &mut One) {
    let end = one.now + secs(20);
    while !(1..=2).any(|n| one.refuses(n)) {
        assert!(one.now < end, "nobody is asked");
        one.run(ms(100));
    }
}

#[test]
fn a_suspect_piece_is_kept_by_one_that_refuses_a_block_where_nobody_else_has_it() {
    let mut one = suspected_and_slow();
    one.all_refuse();
    one.hang_up(2);
    for _ in 0..3 {
        one.run(secs(40));
        refuse(&mut one);
    }
    one.until_complete(secs(256 - 3 * 40 + 60));
}

#[test]
fn a_suspect_piece_goes_from_one_that_refuses_a_block_to_another_at_once() {
    let mut one = suspected_and_slow();
    one.all_refuse();
    one.hang_up(2);
    one.add(3, one.seed(MIB));
    one.run(secs(1));
    refuse(&mut one);
    one.until_complete(secs(2));
}

#[test]
fn a_suspect_piece_is_complete_some_time_however_slow_all_are() {
    let mut one = suspected_and_slow();
    one.add(3, one.seed(1024));
    // Tries of 20, 40, 80, 160 s, and one that ends.
    one.until_complete(secs(20 + 40 + 80 + 160 + 256 + 30));
}

#[test]
fn what_is_here_is_not_given_up_while_there_is_memory() {
    let mut one = One::new(8 * MIB, MIB as u32, Settings::default());
    one.add(1, Script { silent_after: Some(10), ..one.seed(MIB) });
    one.run(secs(200));
    one.add(2, one.seed(MIB));
    one.until_complete(secs(30));
    assert!(!one.events().any(|event| matches!(event, Event::PieceClosed { .. })));
}

/// Lets a peer that calls shake hands.
fn call(one: &mut One, conn: u32, port: u16, peer_id: u64) {
    one.shaken(conn, None, SocketAddr::new(addr(1).ip(), port), peer_id);
}

#[test]
fn a_connection_that_replaces_another_is_kept_at_the_limit_too() {
    let settings = Settings { max_peers: 1, peer_id: PeerId::ours(1), ..Settings::default() };
    let mut kept = 0;
    for theirs in 2..30 {
        let mut one = One::new(MIB, 16384, settings.clone());
        one.learn(1);
        one.shaken(100, Some(PeerKey(0)), addr(1), theirs);
        call(&mut one, 101, 40_000, theirs);
        assert_eq!(one.closes(100) + one.closes(101), 1);
        kept += one.closes(100);
    }
    assert!(kept > 0, "one replaced the other at least once");
}

#[test]
fn a_connection_is_replaced_only_once() {
    let settings = Settings { max_peers: 2, peer_id: PeerId::ours(1), ..Settings::default() };
    for theirs in 2..30 {
        let mut one = One::new(MIB, 16384, settings.clone());
        one.learn(1);
        one.shaken(100, Some(PeerKey(0)), addr(1), theirs);
        for n in 0..3 {
            call(&mut one, 101 + n, 40_000 + n as u16, theirs);
        }
        let kept = (100..104).filter(|conn| one.closes(*conn) == 0).count();
        assert_eq!(kept, 1);
    }
}

#[test]
fn dials_that_come_late_do_not_exceed_the_most_peers() {
    let mut one = One::new(MIB, 16384, Settings { max_peers: 2, ..Settings::default() });
    one.learn(9);
    for n in 0..2 {
        call(&mut one, 200 + n, 40_000 + n as u16, 50 + u64::from(n));
    }
    one.shaken(300, Some(PeerKey(0)), addr(9), 70);
    assert_eq!(one.closes(300), 1);
    one.over(300, Cause::ConnectionLimit);
    assert_eq!(one.swarm().live.len(), 2);
}

#[test]
fn nobody_is_dialled_or_let_in_once_it_ends() {
    let mut one = One::new(MIB, 16384, Settings::default());
    one.add(1, one.seed(0));
    one.wish(Command::Quit);
    let dials = one.dials().len();
    one.learn(2);
    one.run(secs(2));
    assert_eq!(one.dials().len(), dials);
    call(&mut one, 500, 40_000, 9);
    assert_eq!(one.closes(500), 1);
}

#[test]
fn a_dropped_or_banned_peer_does_not_come_back_from_another_port() {
    for banned in [false, true] {
        let mut one = One::new(MIB, 16384, Settings::default());
        call(&mut one, 500, 40_000, 9);
        one.listens(500, 6881);
        let peer = one.swarm().live.get(ConnKey(500)).unwrap().peer;
        if banned {
            one.ban(peer);
        } else {
            one.wish(Command::Drop(peer));
        }
        one.over(500, Cause::DroppedByUser);
        call(&mut one, 501, 40_001, 9);
        assert_eq!(one.closes(501), 0, "not known yet");
        one.listens(501, 6881);
        assert_eq!(one.closes(501), 1);
    }
}

/// Until when each peer was last told to be banned.
fn bans_told(one: &One) -> BTreeMap<PeerKey, Option<At>> {
    let told = one.events().filter_map(|event| match event {
        Event::Banned { peer, until, .. } => Some((*peer, *until)),
        _ => None,
    });
    told.collect()
}

#[test]
fn taking_back_a_ban_leaves_those_of_other_ports() {
    let mut one = One::new(MIB, 16384, Settings::default());
    let learn = |one: &mut One, port: u16, source| {
        one.tell(Input::Learned { addr: SocketAddr::new(addr(1).ip(), port), source });
    };
    (1..=4).for_each(|port| learn(&mut one, port, Source::Manual));
    one.run(ms(100));
    (0..3).for_each(|peer| one.ban(PeerKey(peer)));
    let until = Some(one.now + secs(3600));
    let all = |bans: [Option<At>; 4]| (0..).map(PeerKey).zip(bans).collect::<BTreeMap<_, _>>();
    assert_eq!(bans_told(&one), all([until; 4]), "three ports ban the address");
    one.wish(Command::Retry(PeerKey(0)));
    assert_eq!(bans_told(&one), all([None, until, until, None]));
    learn(&mut one, 2, Source::Resume);
    assert_eq!(bans_told(&one), all([None, until, until, None]));
}

#[test]
fn an_address_invalid_from_one_source_is_dialled_when_another_may_name_it() {
    let mut one = One::new(MIB, 16384, Settings::default());
    let source = Source::Tracker(TrackerKey(0));
    one.tell(Input::Reached { tracker: TrackerKey(0), scope: Scope::Public, seen_at: None });
    one.tell(Input::Learned { addr: addr(1), source });
    one.run(secs(100));
    assert_eq!(one.dials(), []);
    one.learn(1);
    assert_eq!(one.dials(), [(secs(100), addr(1))]);
    let told = one.events().filter_map(|event| match event {
        Event::NotDialled { cause, .. } => Some(*cause),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [Some(Cause::InvalidAddress), None]);
}

#[test]
fn a_drop_taken_back_before_the_connection_ended_is_dialled_again() {
    for wish in [Command::Drop(PeerKey(0)), Command::Ban(PeerKey(0))] {
        let mut one = One::new(MIB, 16384, Settings::default());
        one.add(1, one.seed(0));
        one.run(secs(1));
        // The connection has not heard of it yet.
        one.wish(wish);
        one.wish(Command::Undo);
        one.run(secs(2));
        assert_eq!(one.dials().len(), 2);
    }
}

#[test]
fn a_hold_ends_with_the_connection() {
    let mut one = One::new(MIB, 16384, Settings::default());
    one.add(1, one.seed(0));
    one.run(secs(1));
    one.wish(Command::Hold(PeerKey(0)));
    one.hang_up(1);
    let held = one.events().filter_map(|event| match event {
        Event::Held { held, .. } => Some(*held),
        _ => None,
    });
    assert_eq!(held.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_pause_does_not_make_it_forget_that_the_disk_refused() {
    let mut one = One::new(MIB, 16384, Settings::default());
    one.tell(Input::DiskFailed("full".to_owned()));
    one.wish(Command::Pause);
    assert_eq!(one.swarm().phase(), Phase::Stopped);
}

#[test]
fn seeds_are_let_go_when_the_last_piece_came_during_a_pause() {
    // Its only block is written for sixteen seconds.
    let mut one = One::new(16384, 16384, Settings::default()).with_disk(Disk::slow(1024));
    one.add(1, one.seed(MIB));
    one.run(secs(1));
    one.wish(Command::Pause);
    one.run(secs(20));
    assert!(one.swarm().have().unwrap().is_full() && one.ended().is_empty());
    one.wish(Command::Resume);
    one.run(secs(1));
    assert_eq!(one.ended(), [(addr(1), Cause::BothSeeds)]);
    assert_eq!(one.swarm().phase(), Phase::Seeding);
}

#[test]
fn a_liar_that_changes_its_row_is_banned_all_the_same() {
    let mut one = One::new(64 * 1024, 64 * 1024, Settings::default());
    let listening = SocketAddr::new(addr(1).ip(), 7000);
    one.tell(Input::Learned { addr: listening, source: Source::Resume });
    one.run(ms(100));
    call(&mut one, 300, 40_000, 77);
    let conn = ConnKey(300);
    one.news(conn, News::Has(Bitfield::full(1)));
    one.news(conn, News::Unchoked);
    let granted: Vec<BlockRef> = one.swarm().picker().asked_of(conn);
    assert_eq!(granted.len(), 4);
    for block in granted {
        one.tell(Input::Block(conn, block));
        assert_eq!(one.client_mut().kept.take(), Some(block));
    }
    // Between the lie and its discovery it says that it is somebody else.
    one.listens(300, 7000);
    let piece = one.geometry.piece(0).unwrap();
    one.tell(Input::PieceDone { piece, good: false, blocks: Vec::new() });
    assert_eq!(one.closes(300), 1);
    assert!(one.swarm().peer_table.banned_until(one.now, listening).is_some());
}

#[test]
fn a_lone_liar_is_banned_and_the_piece_fetched_again() {
    let mut one = One::new(4 * MIB, 256 * 1024, Settings::default());
    one.add(1, Script { lies_every: Some(1), ..one.seed(4 * MIB) });
    one.wait_for(secs(5), |one| one.ended().contains(&(addr(1), Cause::HashFailures)));
    assert_eq!(one.swarm().have().unwrap().count(), 0);
    one.add(2, one.seed(4 * MIB));
    one.until_complete(secs(5));
    assert!(one.events().any(|event| matches!(event, Event::Banned { until: Some(_), .. })));
    assert!(!one.ended().contains(&(addr(2), Cause::HashFailures)));
}

/// Of four pieces the second has every third block from an earlier run; they are `right` or not.
fn kept(right: bool) -> One {
    let geometry = Geometry::new(MIB, 256 * 1024).unwrap();
    let piece = geometry.piece(1).unwrap();
    let kept = geometry.blocks_of(piece).filter(|block| block.number().is_multiple_of(3)).collect();
    let mut one = One::new(MIB, 256 * 1024, Settings::default());
    let known = Known { kept, ..Known::everything(geometry, Bitfield::empty(4)) };
    *one.client_mut() = client::Client::of(At::ZERO, known, Settings::default(), 0);
    if !right {
        one.client_mut().spoil(piece);
    }
    one
}

#[test]
fn blocks_of_an_earlier_run_are_not_asked_for_again() {
    let mut one = kept(true);
    one.add(1, one.seed(MIB));
    one.until_complete(secs(10));
    assert_eq!((one.client().granted, one.client().useless_blocks), (64 - 6, 0));
    assert!(!one.events().any(|event| matches!(event, Event::PieceFailed { .. })));
    let opened = |event: &&Event| matches!(event, Event::PieceOpened { .. });
    assert_eq!(one.events().filter(opened).count(), 4);
}

#[test]
fn nobody_is_banned_for_a_piece_with_blocks_of_an_earlier_run() {
    for peers in [1, 2] {
        let mut one = kept(false);
        for n in 1..=peers {
            one.add(n, one.seed(256 * 1024));
        }
        one.until_complete(secs(30));
        let failed = |event: &&Event| matches!(event, Event::PieceFailed { from, .. } if from.is_empty());
        assert_eq!(one.events().filter(failed).count(), 1, "nobody knows who sent it");
        assert!(!one.events().any(|event| matches!(event, Event::Banned { .. })));
        assert!(!one.ended().iter().any(|(_, cause)| *cause == Cause::HashFailures));
    }
}
