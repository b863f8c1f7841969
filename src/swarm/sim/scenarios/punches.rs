//! Peers that nobody can call, met through a third one (BEP 55).

use HolepunchError::{NoSelf, NoSuchPeer, NoSupport, NotConnected};
use HolepunchKind::{Connect, Failed, Rendezvous};

use super::one::{One, addr};
use super::*;
use crate::event::{Event, PeerInfo, PeerKey, PunchStep, Source};
use crate::peer::News;
use crate::swarm::{ConnKey, Input};
use crate::wire::{HOLEPUNCH_NAME, Holepunch, HolepunchError, HolepunchKind, PEX_NAME, Pex, PexFlags};

const RELAY: ConnKey = ConnKey(100);

/// A client to which a peer is connected that takes part in these extensions; it called, and listens at its address.
fn with_a_peer(settings: Settings, extensions: &[&str]) -> One {
    let mut one = One::new(MIB, 256 * 1024, settings);
    called_by(&mut one, RELAY, 1, extensions);
    one
}

fn called_by(one: &mut One, conn: ConnKey, n: u16, extensions: &[&str]) {
    one.shaken(conn.0, None, addr(n), u64::from(n) + 900);
    let extensions = extensions.iter().map(|name| (*name).to_owned()).collect();
    one.news(conn, News::Introduced(PeerInfo { extensions, ..PeerInfo::default() }));
}

fn says(one: &mut One, conn: ConnKey, kind: HolepunchKind, n: u16) {
    one.news(conn, News::Punch(Holepunch { kind, addr: addr(n) }));
}

/// What connections were told to say.
fn said(one: &One) -> Vec<(ConnKey, HolepunchKind, SocketAddr)> {
    one.client().punches.iter().map(|(conn, said)| (*conn, said.kind, said.addr)).collect()
}

/// The relay names the peer, which is dialled in vain.
fn names(one: &mut One, n: u16) {
    let added = vec![(addr(n), PexFlags::default())];
    one.news(RELAY, News::Named(Pex { added, dropped: Vec::new() }));
}

fn steps(world: &World, client: NodeKey) -> Vec<PunchStep> {
    let told = world.at(client).events.iter().filter_map(|(_, event)| match event {
        Event::Punch { step, .. } => Some(step.clone()),
        _ => None,
    });
    told.collect()
}

fn ends(one: &One) -> Vec<(Cause, Option<String>)> {
    let ends = one.events().filter_map(|event| match event {
        Event::AttemptEnded { cause, detail, .. } => Some((*cause, detail.clone())),
        _ => None,
    });
    ends.collect()
}

const BOTH: &[&str] = &[PEX_NAME, HOLEPUNCH_NAME];

#[test]
fn two_behind_routers_meet_through_the_one_that_both_are_connected_to() {
    let mut world = World::new(8 * MIB, 64 * 1024, 3);
    let full = Bitfield::full(world.geometry.piece_count());
    let relay = world.client_with(200 * KIB, settings(), full);
    let hidden = [world.client(MIB, settings()), world.client(MIB, settings())];
    for (client, after) in hidden.into_iter().zip([0, 20]) {
        world.reach(client, Reach::BehindNat);
        world.run(secs(after));
        world.introduce(client, relay);
    }
    world.until(secs(60), "they meet", |world| hidden.iter().all(|client| world.connections(*client) == 2));
    let relayed = steps(&world, relay);
    assert!(relayed.iter().all(|step| matches!(step, PunchStep::Relayed { .. })) && !relayed.is_empty());
    let told = hidden.map(|client| steps(&world, client));
    let is_told = |steps: &Vec<PunchStep>| matches!(steps.last(), Some(PunchStep::Told { .. }));
    assert!(told.iter().all(is_told), "{told:?}");
    assert!(told.iter().flatten().any(|step| matches!(step, PunchStep::Asked { .. })), "{told:?}");
    world.complete(secs(120), &hidden);
}

#[test]
fn a_relay_is_asked_when_every_way_of_calling_was_in_vain() {
    let mut one = with_a_peer(Settings::default(), BOTH);
    let dark = one.listen(7, one.seed(MIB));
    one.reach(dark, Reach::Dark);
    names(&mut one, 7);
    one.run(secs(9));
    assert_eq!(said(&one), []);
    one.run(secs(2));
    assert_eq!(said(&one), [(RELAY, Rendezvous, addr(7))]);
    let before = one.dials().len();
    says(&mut one, RELAY, Connect, 7);
    assert_eq!(one.dials()[before..].iter().map(|(_, to)| *to).collect::<Vec<_>>(), [addr(7)]);
    says(&mut one, RELAY, Connect, 7);
    assert_eq!(one.dials().len(), before + 1, "it is dialled already");
    one.run(secs(11));
    assert_eq!(ends(&one).last(), Some(&(Cause::ConnectTimeout, None)));
    assert_eq!(one.swarm().peer_table.dialling(), 0);
}

#[test]
fn what_a_relay_refuses_and_its_silence_end_the_attempt_by_name() {
    for (answer, detail) in
        [(Some(NotConnected), "not_connected"), (Some(NoSupport), "no_support"), (None, "silent")]
    {
        let mut one = with_a_peer(Settings::default(), BOTH);
        names(&mut one, 7);
        one.run(secs(1));
        assert_eq!(
            said(&one),
            [(RELAY, Rendezvous, addr(7))],
            "nobody is there: both transports are refused"
        );
        if let Some(error) = answer {
            says(&mut one, RELAY, Failed(error), 7);
        }
        one.run(secs(8));
        assert_eq!(ends(&one).last(), Some(&(Cause::PunchFailed, Some(detail.to_owned()))));
        says(&mut one, RELAY, Failed(NotConnected), 7);
        assert_eq!(one.swarm().peer_table.dialling(), 0);
        one.run(secs(60));
        assert_eq!(said(&one).len(), 2, "it is asked again when the peer is dialled again");
    }
}

#[test]
fn nobody_is_asked_who_does_not_take_part_or_is_gone_or_where_it_is_not_for_us() {
    let private = Settings { private: true, ..Settings::default() };
    for (settings, extensions) in
        [(Settings::default(), &[PEX_NAME][..]), (tcp_only(), BOTH), (private, BOTH)]
    {
        let mut one = with_a_peer(settings, extensions);
        names(&mut one, 7);
        says(&mut one, RELAY, Rendezvous, 1);
        one.run(secs(30));
        assert_eq!(said(&one), []);
    }
    let mut one = with_a_peer(Settings::default(), BOTH);
    names(&mut one, 7);
    one.over(RELAY.0, Cause::ClosedByPeer);
    one.run(secs(30));
    assert_eq!(said(&one), []);
}

#[test]
fn a_peer_that_dials_us_through_a_relay_is_dialled_over_utp_at_once() {
    let mut one = with_a_peer(Settings::default(), BOTH);
    let hidden = one.listen(7, one.seed(MIB));
    one.reach(hidden, Reach::Over(crate::event::Transport::Utp, Cause::ConnectTimeout));
    says(&mut one, RELAY, Connect, 7);
    assert_eq!(one.tried_over(7), [(At::ZERO, crate::event::Transport::Utp)]);
    one.until_complete(secs(10));
    assert!(one.events().any(|event| matches!(event, Event::PeerLearned { source: Source::Pex(_), .. })));
    let told = PunchStep::Told { relay: PeerKey(0) };
    assert!(one.events().any(|event| matches!(event, Event::Punch { step, .. } if *step == told)));
}

#[test]
fn who_asks_for_what_cannot_be_is_told_why_and_who_asks_too_much_is_not_heard() {
    let mut one = with_a_peer(Settings::default(), BOTH);
    called_by(&mut one, ConnKey(101), 2, BOTH);
    called_by(&mut one, ConnKey(102), 3, &[PEX_NAME]);
    for (n, answer) in [(1, NoSelf), (3, NoSupport), (9, NotConnected)] {
        says(&mut one, RELAY, Rendezvous, n);
        assert_eq!(said(&one).last(), Some(&(RELAY, Failed(answer), addr(n))));
    }
    let nowhere = SocketAddr::new(addr(2).ip(), 0);
    one.news(RELAY, News::Punch(Holepunch { kind: Rendezvous, addr: nowhere }));
    assert_eq!(said(&one).last(), Some(&(RELAY, Failed(NoSuchPeer), nowhere)));
    says(&mut one, RELAY, Rendezvous, 2);
    assert_eq!(said(&one)[4..], [(ConnKey(101), Connect, addr(1)), (RELAY, Connect, addr(2))]);
    (0..100).for_each(|_| says(&mut one, RELAY, Rendezvous, 9));
    assert_eq!(said(&one).len(), 4 + 2 + 25);
    one.run(secs(61));
    says(&mut one, RELAY, Rendezvous, 9);
    assert_eq!(said(&one).len(), 4 + 2 + 26);
}

#[test]
fn a_dial_that_waits_for_a_relay_ends_with_the_run_and_gives_way_to_a_call() {
    let waiting = || {
        let mut one = with_a_peer(Settings::default(), BOTH);
        names(&mut one, 7);
        one.run(secs(1));
        assert_eq!(one.swarm().peer_table.dialling(), 1);
        one
    };
    let mut one = waiting();
    one.wish(Command::Quit);
    one.run(secs(20));
    assert_eq!(ends(&one).last(), Some(&(Cause::NotAnswered, None)));
    assert_eq!(one.swarm().peer_table.dialling(), 0);
    let mut one = waiting();
    let (conn, peer_id) = (ConnKey(900), crate::metainfo::PeerId::ours(900));
    let (peer, transport, so_far) = (None, crate::event::Transport::Utp, Vec::new());
    one.tell(Input::Handshaken { conn, peer, transport, addr: addr(7), peer_id, so_far });
    assert!(one.swarm().live.get(conn).is_some());
    assert_eq!(one.swarm().peer_table.dialling(), 0);
}
