//! Plain and encrypted dials, in virtual time.

use super::*;
use EncryptionPolicy::{Off, Prefer, PreferPlain, Require};

use crate::event::Direction;
use crate::event::Encryption::{Mse, Plain};

const NEITHER: &[Encryption] = &[];
const HANGS_UP: Cause = Cause::ClosedBeforeHandshake;

fn world(policy: EncryptionPolicy) -> World {
    World::new(MIB, 16384, Settings { encryption: policy, ..Settings::default() })
}

fn only(world: &World, takes: &'static [Encryption], otherwise: Cause) -> Script {
    Script { takes, otherwise, ..world.seed(MIB) }
}

/// How the peer was dialled.
fn tried(world: &World, n: u16) -> Vec<Encryption> {
    world.tried.iter().filter(|(at, _)| *at == addr(n)).map(|(_, how)| *how).collect()
}

#[test]
fn every_setting_meets_every_peer() {
    let table: &[(EncryptionPolicy, &'static [Encryption], &[Encryption])] = &[
        (PreferPlain, EITHER, &[Plain]),
        (PreferPlain, &[Plain], &[Plain]),
        (PreferPlain, &[Mse], &[Plain, Mse]),
        (PreferPlain, NEITHER, &[Plain, Mse]),
        (Prefer, EITHER, &[Mse]),
        (Prefer, &[Plain], &[Mse, Plain]),
        (Prefer, &[Mse], &[Mse]),
        (Prefer, NEITHER, &[Mse, Plain]),
        (Require, EITHER, &[Mse]),
        (Require, &[Plain], &[Mse]),
        (Require, &[Mse], &[Mse]),
        (Off, EITHER, &[Plain]),
        (Off, &[Plain], &[Plain]),
        (Off, &[Mse], &[Plain]),
    ];
    for (policy, takes, dials) in table {
        let mut world = world(*policy);
        world.add(1, only(&world, takes, HANGS_UP));
        world.run(secs(5));
        assert_eq!(tried(&world, 1), *dials, "{policy:?}, peer {takes:?}");
        let met = dials.last().is_some_and(|last| takes.contains(last));
        assert_eq!(world.swarm.have().is_full(), met, "{policy:?}, peer {takes:?}");
    }
}

#[test]
fn a_peer_that_hangs_up_is_tried_encrypted_at_once_and_each_try_is_told() {
    let mut world = world(PreferPlain);
    world.add(1, only(&world, &[Mse], HANGS_UP));
    assert!(world.dials.iter().all(|(at, _)| *at == At::ZERO), "{:?}", world.dials);
    let story: Vec<String> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::AttemptBegan { encryption, .. } => Some(format!("{encryption:?}")),
            Event::AttemptEnded { cause, .. } => Some(format!("{cause:?}")),
            Event::Handshaken { .. } => Some("shaken".to_owned()),
            Event::NextTry { at, .. } => Some(format!("next {at:?}")),
            _ => None,
        })
        .collect();
    assert_eq!(story, ["Plain", "ClosedBeforeHandshake", "next Some(0ns)", "Mse", "shaken"]);
}

#[test]
fn a_peer_that_wanted_encryption_is_dialled_encrypted_ever_after() {
    let mut world = world(PreferPlain);
    world.add(1, only(&world, &[Mse], Cause::HandshakeTimeout));
    world.run(secs(1));
    let conn = *world.live.keys().next().unwrap();
    world.close(conn, Cause::ClosedByPeer);
    world.run(secs(100));
    assert_eq!(tried(&world, 1), [Plain, Mse, Mse]);
}

#[test]
fn both_ways_failing_waits_longer_and_longer() {
    let mut world = world(PreferPlain);
    world.add(1, only(&world, NEITHER, HANGS_UP));
    world.run(secs(180));
    assert_eq!(tried(&world, 1), [Plain, Mse, Plain, Mse, Plain, Mse], "{:?}", world.dials);
    let climbs: Vec<u64> = world.dials.iter().step_by(2).map(|(at, _)| at.as_secs()).collect();
    assert!(climbs[1] >= 14 && climbs[2] - climbs[1] >= 55, "{climbs:?}");
    let pairs = world.dials.chunks(2).all(|pair| pair[0].0 == pair[1].0);
    assert!(pairs, "the second follows the first at once: {:?}", world.dials);
}

#[test]
fn what_has_nothing_to_do_with_encryption_is_not_tried_twice() {
    for cause in [Cause::InfoHashMismatch, Cause::NotBittorrent, Cause::HandshakeTruncated] {
        let mut world = world(PreferPlain);
        world.add(1, only(&world, &[Mse], cause));
        world.run(secs(5));
        assert_eq!(tried(&world, 1), [Plain], "{cause:?}");
    }
}

#[test]
fn an_answer_that_looks_encrypted_is_a_reason_to_try() {
    let mut world = world(PreferPlain);
    world.swarm.handle(world.now, Input::Learned { addr: addr(1), source: Source::Manual });
    while world.swarm.poll().is_some() {}
    let peer = PeerKey(0);
    let dialled = |world: &mut World| {
        std::iter::from_fn(|| world.swarm.poll())
            .filter_map(
                |action| if let Action::Dial { encryption, .. } = action { Some(encryption) } else { None },
            )
            .collect::<Vec<_>>()
    };
    let end = |cause| Closed { cause, error: None, detail: None, bytes_in: 0, bytes_out: 0 };
    let step = Step::LooksLike(LooksLike::Encrypted);
    world.swarm.handle(world.now, Input::Step { peer, at: world.now, step });
    world.swarm.handle(world.now, Input::DialFailed { peer, end: end(Cause::NotBittorrent) });
    assert_eq!(dialled(&mut world), [Mse]);
    world.swarm.handle(world.now, Input::DialFailed { peer, end: end(Cause::EncryptionFailed) });
    assert_eq!(dialled(&mut world), []);
}

#[test]
fn an_encrypted_call_is_told_as_such() {
    let mut world = world(PreferPlain);
    let so_far = vec![(At::ZERO, Step::Connected), (secs(1), Step::Agreed(Payload::Rc4))];
    let (conn, peer_id) = (ConnKey(900), PeerId::ours(900));
    world.tell(Input::Handshaken { conn, peer: None, addr: addr(7), peer_id, so_far });
    let began = |event: &Event| {
        matches!(event, Event::AttemptBegan { encryption: Mse, direction: Direction::In, .. })
    };
    assert!(world.events.iter().any(began));
    assert!(world.events.contains(&Event::Agreed { peer: PeerKey(0), payload: Payload::Rc4 }));
}
