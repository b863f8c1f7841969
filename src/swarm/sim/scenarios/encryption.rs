//! Plain and encrypted dials.

use EncryptionPolicy::{Off, Prefer, PreferPlain, Require};

use super::super::client::end;
use super::one::{One, addr};
use super::*;
use crate::event::Encryption::{self, Mse, Plain};
use crate::event::{Direction, Event, LooksLike, Payload, PeerKey, Transport};
use crate::metainfo::PeerId;
use crate::peer::Step;
use crate::swarm::{ConnKey, Input};

const EITHER: &[Encryption] = &[Plain, Mse];
const NEITHER: &[Encryption] = &[];
const HANGS_UP: Cause = Cause::ClosedBeforeHandshake;

/// A client that knows a peer, which shakes hands only so.
fn knowing(policy: EncryptionPolicy, takes: &'static [Encryption], otherwise: Cause) -> One {
    let mut one = One::new(MIB, 16384, Settings { encryption: policy, ..Settings::default() });
    let peer = one.add(1, one.seed(MIB));
    one.reach(peer, Reach::Only(takes, otherwise));
    one
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
        let mut one = knowing(*policy, takes, HANGS_UP);
        one.run(secs(5));
        assert_eq!(one.tried(1), *dials, "{policy:?}, peer {takes:?}");
        let met = dials.last().is_some_and(|last| takes.contains(last));
        assert_eq!(one.swarm().have().unwrap().is_full(), met, "{policy:?}, peer {takes:?}");
    }
}

#[test]
fn a_peer_that_hangs_up_is_tried_encrypted_at_once_and_each_try_is_told() {
    let mut one = knowing(PreferPlain, &[Mse], HANGS_UP);
    one.run(secs(1));
    let story: Vec<String> = one
        .events()
        .filter_map(|event| match event {
            Event::AttemptBegan { encryption, .. } => Some(format!("{encryption:?}")),
            Event::AttemptEnded { cause, .. } => Some(format!("{cause:?}")),
            Event::Handshaken { .. } => Some("shaken".to_owned()),
            Event::NextTry { at: Some(_), .. } => Some("next".to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(story, ["Plain", "ClosedBeforeHandshake", "next", "Mse", "shaken"]);
}

#[test]
fn a_peer_that_wanted_encryption_is_dialled_encrypted_ever_after() {
    let mut one = knowing(PreferPlain, &[Mse], Cause::HandshakeTimeout);
    one.run(secs(1));
    one.hang_up(1);
    one.run(secs(100));
    assert_eq!(one.tried(1), [Plain, Mse, Mse]);
}

#[test]
fn both_ways_failing_waits_longer_and_longer() {
    let mut one = knowing(PreferPlain, NEITHER, HANGS_UP);
    one.run(secs(180));
    assert_eq!(one.tried(1), [Plain, Mse, Plain, Mse, Plain, Mse], "{:?}", one.dials());
    let climbs: Vec<u64> = one.dials().iter().step_by(2).map(|(at, _)| at.as_secs()).collect();
    assert!(climbs[1] >= 14 && climbs[2] - climbs[1] >= 55, "{climbs:?}");
    let pairs = one.dials().chunks(2).all(|pair| pair[1].0 - pair[0].0 < SECOND);
    assert!(pairs, "the second follows the first at once: {:?}", one.dials());
}

#[test]
fn what_has_nothing_to_do_with_encryption_is_not_tried_twice() {
    for cause in [Cause::InfoHashMismatch, Cause::NotBittorrent, Cause::HandshakeTruncated] {
        let mut one = knowing(PreferPlain, &[Mse], cause);
        one.run(secs(5));
        assert_eq!(one.tried(1), [Plain], "{cause:?}");
    }
}

#[test]
fn an_answer_that_looks_encrypted_is_a_reason_to_try() {
    let (peer, transport) = (PeerKey(0), Transport::Tcp);
    let mut one = knowing(PreferPlain, EITHER, HANGS_UP);
    let (at, step) = (one.now, Step::LooksLike(LooksLike::Encrypted));
    one.tell(Input::Step { peer, transport, at, step });
    one.tell(Input::DialFailed { peer, transport, end: end(Cause::NotBittorrent) });
    assert_eq!(one.tried(1), [Plain, Mse]);
    one.tell(Input::DialFailed { peer, transport, end: end(Cause::EncryptionFailed) });
    assert_eq!(one.tried(1), [Plain, Mse]);
}

#[test]
fn an_encrypted_call_is_told_as_such() {
    let mut one = knowing(PreferPlain, EITHER, HANGS_UP);
    let so_far = vec![(At::ZERO, Step::Connected), (SECOND, Step::Agreed(Payload::Rc4))];
    let (conn, peer_id) = (ConnKey(900), PeerId::ours(900));
    let transport = Transport::Tcp;
    one.tell(Input::Handshaken { conn, peer: None, transport, addr: addr(7), peer_id, so_far });
    let began = |event: &Event| {
        matches!(event, Event::AttemptBegan { encryption: Mse, direction: Direction::In, .. })
    };
    assert!(one.events().any(began));
    let agreed = Event::Agreed { peer: PeerKey(1), payload: Payload::Rc4 };
    assert!(one.events().any(|event| *event == agreed));
}
