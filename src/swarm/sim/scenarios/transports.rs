//! Dials over TCP and uTP.

use TransportPolicy::{Both, Tcp as OnlyTcp, Utp as OnlyUtp};

use super::one::{One, addr};
use super::*;
use crate::event::Transport::{self, Tcp, Utp};
use crate::event::{Event, PeerKey};
use crate::metainfo::PeerId;
use crate::swarm::{ConnKey, Input};

const TIMES_OUT: Cause = Cause::ConnectTimeout;
const REFUSES: Cause = Cause::ConnectionRefused;

/// A client that knows a peer.
fn knowing(transport: TransportPolicy, reach: Reach) -> One {
    let mut one = One::new(MIB, 16384, Settings { transport, ..Settings::default() });
    let peer = one.listen(1, one.seed(MIB));
    one.reach(peer, reach);
    one.learn(1);
    one
}

/// The same, of a peer that is connected over TCP so much later.
fn knowing_slow(by: Duration) -> One {
    let mut one = One::new(MIB, 16384, Settings { transport: Both, ..Settings::default() });
    let peer = one.listen(1, one.seed(MIB));
    one.slow_over_tcp(peer, by);
    one.learn(1);
    one
}

fn over(one: &One) -> Vec<Transport> {
    one.tried_over(1).into_iter().map(|(_, over)| over).collect()
}

/// What is told of the attempts.
fn story(one: &One) -> Vec<String> {
    let told = one.events().filter_map(|event| match event {
        Event::AttemptBegan { transport, .. } => Some(format!("{} began", transport.name())),
        Event::RivalBegan { transport, .. } => Some(format!("{} races", transport.name())),
        Event::AttemptEnded { cause, .. } => Some(cause.info().code.to_owned()),
        Event::RivalEnded { cause, .. } => Some(format!("rival: {}", cause.info().code)),
        Event::Connected { .. } => Some("connected".to_owned()),
        Event::Handshaken { .. } => Some("shaken".to_owned()),
        _ => None,
    });
    told.collect()
}

#[test]
fn every_setting_meets_every_peer_that_it_can() {
    let table: &[(TransportPolicy, Reach, &[Transport], bool)] = &[
        (Both, Reach::Answers, &[Tcp], true),
        (Both, Reach::Over(Tcp, TIMES_OUT), &[Tcp], true),
        (Both, Reach::Over(Utp, TIMES_OUT), &[Tcp, Utp], true),
        (Both, Reach::Over(Utp, REFUSES), &[Tcp, Utp], true),
        (Both, Reach::Dark, &[Tcp, Utp], false),
        (Both, Reach::Refuses, &[Tcp, Utp], false),
        (OnlyTcp, Reach::Answers, &[Tcp], true),
        (OnlyTcp, Reach::Over(Utp, TIMES_OUT), &[Tcp], false),
        (OnlyTcp, Reach::Over(Utp, REFUSES), &[Tcp], false),
        (OnlyUtp, Reach::Answers, &[Utp], true),
        (OnlyUtp, Reach::Over(Tcp, REFUSES), &[Utp], false),
        (OnlyUtp, Reach::Over(Utp, TIMES_OUT), &[Utp], true),
    ];
    for (policy, reach, dials, met) in table {
        let mut one = knowing(*policy, *reach);
        one.run(secs(12));
        assert_eq!(over(&one), *dials, "{policy:?} {dials:?}");
        assert_eq!(one.swarm().have().unwrap().is_full(), *met, "{policy:?} {dials:?}");
    }
}

#[test]
fn utp_begins_when_tcp_is_not_connected_within_300_ms_and_at_once_where_it_is_refused() {
    let began = |reach| {
        let mut one = knowing(Both, reach);
        one.run(secs(2));
        one.tried_over(1).iter().map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!(began(Reach::Over(Utp, TIMES_OUT)), [At::ZERO, ms(300)]);
    let refused = began(Reach::Over(Utp, REFUSES));
    assert!(refused[1] < ms(200), "{refused:?}");
}

#[test]
fn what_is_connected_first_goes_on_and_the_other_is_called_off() {
    // Over TCP it takes a round trip of 80 ms, and over uTP the same from 300 ms on.
    let table: &[(Duration, &[&str])] = &[
        (ms(200), &["tcp began", "connected", "shaken"]),
        (ms(250), &["tcp began", "utp races", "rival: lost_race", "connected", "shaken"]),
        (ms(400), &["tcp began", "utp races", "lost_race", "connected", "shaken"]),
    ];
    for (slower, told) in table {
        let mut one = knowing_slow(*slower);
        one.run(ms(800));
        assert_eq!(story(&one), *told, "{slower:?}");
        assert_eq!(one.swarm().peer_table.dialling(), 0);
    }
}

#[test]
fn the_way_that_worked_is_taken_first_ever_after() {
    let mut one = One::new(MIB, 16384, Settings { transport: Both, ..Settings::default() });
    let node = one.listen(1, one.seed(KIB));
    one.reach(node, Reach::Over(Utp, TIMES_OUT));
    one.learn(1);
    one.run(secs(1));
    one.hang_up(1);
    one.run(secs(60));
    assert_eq!(over(&one), [Tcp, Utp, Utp]);
    // No more so: the other is tried once it failed, and not before.
    one.reach(node, Reach::Over(Tcp, REFUSES));
    one.hang_up(1);
    one.run(secs(120));
    assert_eq!(over(&one)[3..], [Utp, Tcp], "{:?}", one.tried_over(1));
}

#[test]
fn two_that_race_are_one_dial_and_end_as_one_failure() {
    let settings = Settings { transport: Both, max_dials: 1, ..Settings::default() };
    let mut one = One::new(MIB, 16384, settings);
    for n in [1, 2] {
        let peer = one.listen(n, one.seed(MIB));
        one.reach(peer, Reach::Dark);
        one.learn(n);
    }
    one.run(secs(9));
    assert_eq!((over(&one), one.tried_over(2)), (vec![Tcp, Utp], vec![]), "there is room for one dial");
    one.run(secs(2));
    assert_eq!(
        story(&one)[..5],
        ["tcp began", "utp races", "connect_timeout", "connect_timeout", "tcp began"]
    );
    let waits =
        one.events().filter(|event| matches!(event, Event::NextTry { peer: PeerKey(0), at: Some(_) }));
    assert_eq!(waits.count(), 1, "it waits once for both");
}

#[test]
fn thousands_that_refuse_cost_no_more_of_the_dials_than_over_tcp() {
    let mut one = One::new(1 << 20, 1 << 18, Settings { seed: 12, transport: Both, ..Settings::default() });
    one.thorough = false;
    (0..3000).for_each(|n| one.learn(n));
    one.run(secs(10));
    let began = one.client().dials.iter().filter(|(.., way)| way.transport == Tcp).count();
    assert!((300..=332).contains(&began), "{began} in ten seconds");
}

#[test]
fn nothing_races_once_it_rests_or_ends() {
    let mut one = knowing(Both, Reach::Dark);
    one.wish(Command::Pause);
    one.run(secs(20));
    assert_eq!(over(&one), [Tcp]);
    let mut one = knowing(Both, Reach::Dark);
    one.run(secs(1));
    one.wish(Command::Quit);
    one.run(secs(20));
    assert_eq!(story(&one), ["tcp began", "utp races", "rival: not_answered", "not_answered"]);
}

#[test]
fn a_peer_that_called_over_utp_is_dialled_over_utp_first_and_over_tcp_beside_it() {
    let mut one = One::new(MIB, 16384, Settings { transport: Both, ..Settings::default() });
    let node = one.listen(1, one.seed(MIB));
    one.reach(node, Reach::Over(Tcp, TIMES_OUT));
    let (conn, peer_id) = (ConnKey(900), PeerId::ours(900));
    let called_from = SocketAddr::new(addr(1).ip(), 40_000);
    one.tell(Input::Handshaken {
        conn,
        peer: None,
        transport: Utp,
        addr: called_from,
        peer_id,
        so_far: Vec::new(),
    });
    one.listens(900, 6881);
    one.over(900, Cause::ClosedByPeer);
    one.run(secs(30));
    assert!(story(&one)[0] == "utp began", "{:?}", story(&one));
    assert_eq!(over(&one), [Utp, Tcp]);
    let began: Vec<At> = one.tried_over(1).iter().map(|(at, _)| *at).collect();
    assert_eq!(began[1] - began[0], ms(300));
}

/// Two clients, each with half of the torrent, of which the second hears of the first so much later than the first of it.
fn two_that_dial_each_other(
    transport: TransportPolicy,
    reach: Reach,
    later: Duration,
    seed: u64,
) -> (World, [NodeKey; 2]) {
    let mut world = World::new(2 * MIB, 64 * 1024, seed);
    let geometry = world.geometry;
    let ids = if seed.is_multiple_of(2) { [1, 2] } else { [2, 1] };
    let clients = [0, 1].map(|which| {
        let mut have = Bitfield::empty(geometry.piece_count());
        for piece in geometry.pieces().filter(|piece| piece.number() % 2 == which) {
            have.set(piece);
        }
        let peer_id = PeerId::ours(ids[which as usize]);
        let client = world.client_of(100 * KIB, Settings { transport, peer_id, ..settings() }, have);
        world.reach(client, reach);
        client
    });
    let [first, second] = clients;
    world.introduce(first, second);
    world.run(later);
    world.introduce(second, first);
    (world, clients)
}

#[test]
fn two_that_dial_each_other_at_once_keep_one_connection() {
    let ways = [
        (OnlyUtp, Reach::Answers),
        (Both, Reach::Answers),
        (Both, Reach::Over(Utp, TIMES_OUT)),
        (Both, Reach::Over(Utp, REFUSES)),
        (Both, Reach::Over(Tcp, TIMES_OUT)),
    ];
    for ((policy, reach), seed) in ways.into_iter().flat_map(|way| [(way, 1), (way, 2)]) {
        for later in (0..400).step_by(10) {
            let (mut world, clients) = two_that_dial_each_other(policy, reach, ms(later), seed);
            world.run(secs(1));
            let connections = clients.map(|client| world.connections(client));
            assert_eq!(connections, [1, 1], "{policy:?} {seed} {later} ms");
            world.complete(secs(30), &clients);
        }
    }
}

/// It calls from where it listens, under another peer id.
fn calls_again(one: &mut One, conn: ConnKey) {
    let (peer, transport, addr, so_far) = (None, Utp, addr(1), Vec::new());
    let peer_id = PeerId::ours(u64::from(conn.0));
    one.tell(Input::Handshaken { conn, peer, transport, addr, peer_id, so_far });
}

#[test]
fn a_peer_that_begins_again_at_its_address_takes_the_place_of_the_one_before() {
    let mut one = knowing(OnlyUtp, Reach::Answers);
    one.run(secs(1));
    let before = one.conn_with(1);
    let conn = ConnKey(900);
    calls_again(&mut one, conn);
    assert_eq!((one.closes(before.0), one.closes(conn.0)), (1, 0));
    assert_eq!(one.swarm().live.conns(), [conn]);
}

#[test]
fn when_the_other_end_closes_that_of_two_connections_that_we_keep_it_is_dialled_again_soon() {
    for (cause, after, dialled) in [
        (Cause::ClosedAfterHandshake, ms(200), true),
        (Cause::ClosedByPeer, secs(2), true),
        (Cause::ClosedByPeer, secs(4), false),
        (Cause::BadMessage, ms(200), false),
    ] {
        let mut one = knowing(OnlyUtp, Reach::Answers);
        one.run(ms(100));
        calls_again(&mut one, ConnKey(900));
        one.run(after);
        let before = one.dials().len();
        one.over(900, cause);
        one.run(secs(2));
        assert_eq!(one.dials().len() - before, usize::from(dialled), "{cause:?} after {after:?}");
    }
}
