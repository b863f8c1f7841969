use Cause::{
    ClosedBeforeHandshake, ConnectTimeout, ConnectionRefused, EncryptionFailed, EncryptionMismatch,
    HandshakeTimeout, HandshakeTruncated, HostUnreachable, InfoHashMismatch, LocalError, NetworkUnreachable,
    NotBittorrent, ResetBeforeHandshake, SelfConnection,
};
use Encryption::{Mse, Plain};
use EncryptionPolicy::{Off, Prefer, PreferPlain, Require};
use Transport::{Tcp, Utp};

use super::*;

const POLICIES: [EncryptionPolicy; 4] = [PreferPlain, Prefer, Require, Off];
const TCP_PLAIN: DialWay = DialWay { transport: Tcp, encryption: Plain };
const TCP_MSE: DialWay = DialWay { transport: Tcp, encryption: Mse };
const UTP_PLAIN: DialWay = DialWay { transport: Utp, encryption: Plain };
const UTP_MSE: DialWay = DialWay { transport: Utp, encryption: Mse };

fn over(transport: TransportPolicy, encryption: EncryptionPolicy) -> DialPolicy {
    DialPolicy { transport, encryption }
}

fn tcp(encryption: EncryptionPolicy) -> DialPolicy {
    over(TransportPolicy::Tcp, encryption)
}

/// How far a dial came that was open, or was not.
fn came(opened: bool) -> Came {
    let mut came = Came::default();
    if opened {
        came.step(At::ZERO, &Step::Connected);
    }
    came
}

/// The dial that is due fails; whether another way is tried.
fn fails(fallback: &mut Fallback, policy: DialPolicy, cause: Cause, came: Came) -> bool {
    fallback.failed(policy, fallback.way(policy), cause, came, false)
}

/// The ways that are tried where they end so, in order.
fn climb(policy: DialPolicy, ends: &[(Cause, bool)]) -> Vec<DialWay> {
    let mut fallback = Fallback::default();
    let mut ways = vec![fallback.way(policy)];
    for (cause, opened) in ends {
        if !fails(&mut fallback, policy, *cause, came(*opened)) {
            assert_eq!(fallback.way(policy), policy.first(), "the next climb begins below");
            break;
        }
        ways.push(fallback.way(policy));
    }
    ways
}

#[test]
fn begins_as_the_setting_says() {
    let table = [(PreferPlain, Plain), (Prefer, Mse), (Require, Mse), (Off, Plain)];
    for (policy, first) in table {
        for (transport, over_first) in
            [(TransportPolicy::Both, Tcp), (TransportPolicy::Tcp, Tcp), (TransportPolicy::Utp, Utp)]
        {
            let way = Fallback::default().way(over(transport, policy));
            assert_eq!(way, DialWay { transport: over_first, encryption: first }, "{policy:?}");
        }
    }
}

#[test]
fn climbs_once_where_the_other_encryption_may_help() {
    for policy in POLICIES {
        for cause in [ClosedBeforeHandshake, ResetBeforeHandshake, HandshakeTimeout] {
            let mut fallback = Fallback::default();
            let first = fallback.way(tcp(policy));
            let climbs = matches!(policy, PreferPlain | Prefer);
            assert_eq!(fails(&mut fallback, tcp(policy), cause, came(true)), climbs, "{policy:?} {cause:?}");
            assert_eq!(fallback.way(tcp(policy)) != first, climbs);
            assert!(!fails(&mut fallback, tcp(policy), cause, came(true)), "there are two ways");
            assert_eq!(fallback.way(tcp(policy)), first, "the next climb begins below");
        }
    }
}

#[test]
fn other_ends_have_nothing_to_do_with_encryption() {
    let ends = [ConnectionRefused, ConnectTimeout, InfoHashMismatch, HandshakeTruncated, NotBittorrent];
    for cause in ends {
        for policy in [PreferPlain, Prefer] {
            assert!(!fails(&mut Fallback::default(), tcp(policy), cause, came(true)), "{cause:?}");
        }
    }
    for cause in [EncryptionFailed, EncryptionMismatch] {
        assert!(fails(&mut Fallback::default(), tcp(Prefer), cause, came(true)));
    }
}

#[test]
fn bytes_that_look_encrypted_open_it() {
    let (mut fallback, mut came) = (Fallback::default(), came(true));
    came.step(At::ZERO, &Step::LooksLike(LooksLike::Encrypted));
    assert!(fails(&mut fallback, tcp(PreferPlain), NotBittorrent, came));
    assert_eq!(fallback.way(tcp(PreferPlain)), TCP_MSE);
    assert!(!fails(&mut fallback, tcp(PreferPlain), EncryptionFailed, Came::default()));
    assert!(!fails(&mut fallback, tcp(PreferPlain), NotBittorrent, Came::default()));
}

#[test]
fn what_works_comes_first_and_is_given_up_when_it_works_no_more() {
    let mut fallback = Fallback::default();
    fallback.works(TCP_MSE);
    assert_eq!((fallback.way(tcp(PreferPlain)), fallback.way(tcp(Off))), (TCP_MSE, TCP_PLAIN));
    assert!(fails(&mut fallback, tcp(PreferPlain), HandshakeTimeout, came(true)));
    assert_eq!(fallback.way(tcp(PreferPlain)), TCP_PLAIN);
    fallback.works(TCP_PLAIN);
    assert_eq!((fallback.way(tcp(PreferPlain)), fallback.way(tcp(Prefer))), (TCP_PLAIN, TCP_PLAIN));
    let both = over(TransportPolicy::Both, PreferPlain);
    fallback.works(UTP_MSE);
    assert_eq!((fallback.way(both), fallback.way(tcp(PreferPlain))), (UTP_MSE, TCP_PLAIN));
    assert_eq!(fallback.rival(both), None, "it is known over what the peer is reached");
    assert!(fails(&mut fallback, both, ConnectTimeout, came(false)));
    assert_eq!(fallback.way(both), TCP_MSE);
}

#[test]
fn ends_that_may_be_due_to_the_transport_open_the_other() {
    let both = over(TransportPolicy::Both, PreferPlain);
    for cause in Cause::ALL.iter().filter(|cause| cause.info().other_transport) {
        let mut fallback = Fallback::default();
        fallback.failed_beside(TCP_MSE);
        assert!(fails(&mut fallback, both, *cause, came(false)), "{cause:?}");
        assert_eq!(fallback.way(both).transport, Utp);
        for policy in [TransportPolicy::Tcp, TransportPolicy::Utp] {
            let mut fallback = Fallback::default();
            let policy = over(policy, Off);
            assert!(!fails(&mut fallback, policy, *cause, came(false)), "{cause:?} {policy:?}");
        }
    }
    for cause in
        [InfoHashMismatch, SelfConnection, NetworkUnreachable, ClosedBeforeHandshake, HandshakeTimeout]
    {
        assert!(!cause.info().other_transport, "{cause:?}");
    }
}

/// The setting, how each dial ended and whether it was open by then, and the ways that follow.
type Climb<'a> = (DialPolicy, &'a [(Cause, bool)], &'a [DialWay]);

#[test]
fn each_way_is_tried_once_as_far_as_its_end_says_that_another_may_help() {
    let both = over(TransportPolicy::Both, PreferPlain);
    let shut = (ConnectTimeout, false);
    let table: &[Climb<'_>] = &[
        (both, &[shut, shut], &[TCP_PLAIN, UTP_PLAIN]),
        (both, &[(HostUnreachable, false), (LocalError, false)], &[TCP_PLAIN, UTP_PLAIN]),
        (
            both,
            &[shut, (ClosedBeforeHandshake, true), (ClosedBeforeHandshake, true)],
            &[TCP_PLAIN, UTP_PLAIN, UTP_MSE],
        ),
        (both, &[(ClosedBeforeHandshake, true), (ClosedBeforeHandshake, true)], &[TCP_PLAIN, TCP_MSE]),
        (both, &[(ResetBeforeHandshake, true); 4], &[TCP_PLAIN, TCP_MSE, UTP_PLAIN, UTP_MSE]),
        (both, &[(InfoHashMismatch, true)], &[TCP_PLAIN]),
        (over(TransportPolicy::Both, Require), &[shut, shut], &[TCP_MSE, UTP_MSE]),
        (over(TransportPolicy::Both, Off), &[(ResetBeforeHandshake, true); 2], &[TCP_PLAIN, UTP_PLAIN]),
        (over(TransportPolicy::Utp, Prefer), &[shut], &[UTP_MSE]),
        (over(TransportPolicy::Utp, Prefer), &[(ResetBeforeHandshake, true); 2], &[UTP_MSE, UTP_PLAIN]),
    ];
    for (policy, ends, ways) in table {
        assert_eq!(climb(*policy, ends), *ways, "{policy:?} {ends:?}");
    }
}

#[test]
fn a_way_that_failed_beside_another_is_not_tried_again() {
    let both = over(TransportPolicy::Both, PreferPlain);
    let mut fallback = Fallback::default();
    assert_eq!(fallback.rival(both), Some(UTP_PLAIN));
    fallback.failed_beside(UTP_PLAIN);
    assert!(!fails(&mut fallback, both, ConnectTimeout, came(false)));
    assert_eq!((fallback.way(both), fallback.rival(both)), (TCP_PLAIN, Some(UTP_PLAIN)), "the next climb");
}

#[test]
fn what_is_said_of_a_peer_comes_first_where_nothing_is_known() {
    let both = over(TransportPolicy::Both, PreferPlain);
    let mut fallback = Fallback::default();
    fallback.is_said_to_speak_utp();
    assert_eq!((fallback.way(both), fallback.rival(both)), (UTP_PLAIN, Some(TCP_PLAIN)));
    assert_eq!(fallback.way(tcp(PreferPlain)), TCP_PLAIN);
    fallback.is_said_to_encrypt();
    assert_eq!((fallback.way(both), fallback.way(over(TransportPolicy::Both, Off))), (UTP_MSE, UTP_PLAIN));
    assert!(fallback.works_encrypted());
    fallback.works(TCP_PLAIN);
    assert_eq!(fallback.way(both), TCP_PLAIN);
    assert!(!fallback.works_encrypted());
}

#[test]
fn a_probe_tries_every_way_to_its_end() {
    let both = over(TransportPolicy::Both, PreferPlain);
    let table: &[(DialWay, bool, Cause, Option<DialWay>)] = &[
        (TCP_PLAIN, true, HandshakeTimeout, Some(TCP_MSE)),
        (TCP_PLAIN, true, NotBittorrent, Some(TCP_MSE)),
        (TCP_PLAIN, false, ConnectionRefused, Some(UTP_PLAIN)),
        (TCP_PLAIN, true, InfoHashMismatch, None),
        (TCP_PLAIN, true, SelfConnection, None),
        (TCP_MSE, true, EncryptionFailed, Some(UTP_PLAIN)),
        (TCP_MSE, false, ConnectTimeout, Some(UTP_PLAIN)),
        (UTP_PLAIN, true, ClosedBeforeHandshake, Some(UTP_MSE)),
        (UTP_PLAIN, false, ConnectTimeout, None),
        (UTP_MSE, true, HandshakeTimeout, None),
    ];
    for (tried, opened, cause, next) in table {
        let cause = Some(*cause);
        assert_eq!(both.after(*tried, *opened, cause), *next, "{tried:?} {cause:?}");
        let of_tcp = next.filter(|way| way.transport == Tcp);
        if tried.transport == Tcp {
            assert_eq!(tcp(PreferPlain).after(*tried, *opened, cause), of_tcp, "{tried:?} {cause:?}");
        }
    }
    let after = |encryption, tried, opened, cause| {
        over(TransportPolicy::Both, encryption).after(tried, opened, Some(cause))
    };
    assert_eq!(after(Off, TCP_PLAIN, true, HandshakeTimeout), Some(UTP_PLAIN));
    assert_eq!(after(Prefer, TCP_MSE, false, ConnectTimeout), Some(UTP_MSE));
}

#[test]
fn a_probe_that_shook_hands_over_tcp_goes_on_over_utp() {
    for (encryption, ways) in [
        (PreferPlain, [TCP_PLAIN, TCP_MSE, UTP_PLAIN, UTP_MSE]),
        (Prefer, [TCP_MSE, TCP_PLAIN, UTP_MSE, UTP_PLAIN]),
    ] {
        let both = over(TransportPolicy::Both, encryption);
        let next = ways.map(|way| both.after(way, true, None));
        assert_eq!(next, [Some(ways[2]), Some(ways[2]), None, None], "{encryption:?}");
        for (policy, ways) in [(TransportPolicy::Tcp, &ways[..2]), (TransportPolicy::Utp, &ways[2..])] {
            assert!(ways.iter().all(|way| over(policy, encryption).after(*way, true, None).is_none()));
        }
    }
}
