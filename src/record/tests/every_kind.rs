//! One event of every kind that version 1 had, and every value that kinds hold.

use crate::event::validate::check;
use crate::event::{
    AnnounceKind, Announced, At, Attempt, BlockRun, BlockState, Cause, Direction, Encryption, Event,
    LooksLike, OsError, Payload, PeerInfo, PeerKey, PeerSample, Phase, Sample, Severity, Side, Source,
    TrackerError, TrackerKey, Transport,
};
use crate::ledger::script::facts;
use crate::metainfo::{Bitfield, PieceIndex};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn piece(number: u32) -> PieceIndex {
    facts(30).piece(number).unwrap()
}

/// In an order in which a run could tell them.
pub(super) fn events() -> Vec<Event> {
    let peer = PeerKey(3);
    let (tracker, other) = (TrackerKey(0), TrackerKey(1));
    let mut had = Bitfield::empty(30);
    had.set(piece(0));
    let mut has = Bitfield::empty(30);
    [1, 2, 8, 29].map(piece).into_iter().for_each(|piece| {
        has.set(piece);
    });
    let note = |severity, answer| Event::Note { severity, text: format!("a note: {severity:?}"), answer };
    let phase = |phase, reason: Option<&str>| Event::Phase { phase, reason: reason.map(String::from) };
    let learned = |peer, addr: &str, source| Event::PeerLearned { peer, addr: addr.parse().unwrap(), source };
    let mut events = vec![
        phase(Phase::Checking, None),
        Event::Checked { done: 7, of: 30 },
        Event::Had { pieces: Arc::new(had) },
        Event::Listening { port: 6881 },
        Event::Limits { down_bps: Some(1 << 20), up_bps: None },
        phase(Phase::Downloading, None),
        Event::TrackerKnown { tracker, tier: 0, url: "http://tracker.example:6969".to_owned() },
        Event::TrackerKnown { tracker: other, tier: 1, url: "udp://other.example:80".to_owned() },
        Event::AnnounceBegan { tracker, kind: AnnounceKind::Started },
        Event::AnnounceAnswered {
            tracker,
            answer: Announced {
                peers: 5,
                seeders: Some(4),
                leechers: None,
                interval_s: 1800,
                warning: Some("slow down".to_owned()),
            },
        },
        Event::NextAnnounce { tracker, at: Some(Duration::from_secs(1800)) },
        learned(peer, "192.0.2.7:6881", Source::Tracker(tracker)),
        learned(PeerKey(4), "[2001:db8::7]:51413", Source::Manual),
        learned(PeerKey(5), "192.0.2.8:40000", Source::Incoming),
        learned(PeerKey(6), "192.0.2.9:6881", Source::Resume),
        Event::NotDialled { peer: PeerKey(6), cause: Some(Cause::ConnectionLimit) },
        began(peer, Direction::Out, Transport::Tcp, Encryption::Plain),
        Event::Connected { peer },
        Event::HandshakeSent { peer, sent: vec![0x13; 68] },
        Event::HandshakeBytes { peer, received: [&b"\x13BitTorrent protocol"[..], &[7; 48]].concat() },
        Event::Handshaken { peer },
        Event::Introduced {
            peer,
            info: PeerInfo {
                calls_itself: Some("Transmission 4.0.6".to_owned()),
                extensions: vec!["ut_pex".to_owned(), "ut_metadata".to_owned()],
                reqq: Some(512),
                listen_port: Some(6881),
                ..PeerInfo::default()
            },
        },
        Event::Has { peer, pieces: Arc::new(has) },
        Event::Have { peer, piece: piece(3) },
        Event::Interested { peer, by: Side::Us, interested: true },
        Event::Choking { peer, by: Side::Them, choking: false },
        Event::PieceOpened { piece: piece(3) },
        Event::FirstBlock { peer },
        Event::PeerSample { peer, sample: sample(1) },
        Event::Sample(Sample { down_bps: 70_000, up_bps: 800 }),
        Event::PieceVerified { piece: piece(3), from: vec![peer] },
        Event::PieceOpened { piece: piece(8) },
        Event::PieceClosed { piece: piece(8) },
        Event::PieceFailed { piece: piece(8), from: vec![peer, PeerKey(4)] },
        Event::PeerSample { peer, sample: sample(2) },
        Event::Held { peer, held: true },
        began(PeerKey(5), Direction::In, Transport::Utp, Encryption::Mse),
        Event::PeerMerged { gone: PeerKey(5), into: PeerKey(4) },
        Event::IncomingFailed { addr: "192.0.2.44".parse().unwrap(), cause: Cause::UnknownInfoHash },
        Event::Dropped { peer: PeerKey(6), dropped: true },
        Event::Banned { peer, until: Some(Duration::from_secs(3600)), reason: "it lied".to_owned() },
        Event::NextTry { peer, at: Some(Duration::from_secs(60)) },
    ];
    events.extend(
        [Severity::Good, Severity::Info, Severity::Warn, Severity::Error]
            .map(|weight| note(weight, weight == Severity::Info)),
    );
    let kinds = [AnnounceKind::Interval, AnnounceKind::Completed, AnnounceKind::Stopped];
    events.extend(kinds.map(|kind| Event::AnnounceBegan { tracker: other, kind }));
    let errors = [
        TrackerError::DnsFailed,
        TrackerError::ConnectFailed,
        TrackerError::Timeout,
        TrackerError::TlsFailed,
        TrackerError::HttpStatus,
        TrackerError::NotATracker,
        TrackerError::BadAnswer,
        TrackerError::Refused,
        TrackerError::RedirectRefused,
        TrackerError::UnsupportedUrl,
    ];
    events.extend(errors.map(|error| Event::AnnounceFailed {
        tracker: other,
        error,
        text: "so it is".to_owned(),
    }));
    events.extend([Payload::Plain, Payload::Rc4].map(|payload| Event::Agreed { peer, payload }));
    events.push(Event::Traffic { peer, bytes_in: 5000, bytes_out: 600 });
    let likes = [
        LooksLike::Http,
        LooksLike::Tls,
        LooksLike::Ssh,
        LooksLike::Smtp,
        LooksLike::Ftp,
        LooksLike::Encrypted,
        LooksLike::Zeros,
        LooksLike::Unknown,
    ];
    events.extend(likes.map(|what| Event::LooksLike { peer, what }));
    events.push(Event::AttemptEnded {
        peer,
        cause: Cause::ClosedByPeer,
        error: Some(OsError { code: Some(104), text: "Connection reset by peer".to_owned() }),
        detail: Some("in the middle of a block".to_owned()),
        bytes_in: 123_456,
        bytes_out: 789,
    });
    // Every cause there was when this was written, ended so by a peer of its own. New ones go by their code.
    for (number, code) in (100..).zip(CAUSES) {
        let (peer, cause) =
            (PeerKey(number), serde_json::from_value(serde_json::Value::from(*code)).unwrap());
        events.push(learned(peer, &format!("198.51.100.{}:6881", number - 99), Source::Manual));
        events.push(began(peer, Direction::Out, Transport::Tcp, Encryption::Plain));
        events.push(Event::AttemptEnded {
            peer,
            cause,
            error: None,
            detail: None,
            bytes_in: 0,
            bytes_out: 68,
        });
    }
    events.extend([false, true].map(|on| Event::Recording { on }));
    events.push(Event::Preparing { done: 64, of: 200 });
    events.push(Event::PieceOpened { piece: piece(9) });
    let run = |state| BlockRun { count: 1, state };
    let states = [BlockState::Here(peer), BlockState::Asked(vec![peer, PeerKey(4)]), BlockState::Free];
    events.push(Event::PieceBlocks { piece: piece(9), blocks: states.map(run).to_vec() });
    events.push(Event::Probing);
    events.push(phase(Phase::Paused, None));
    events.push(phase(Phase::Stopped, Some("the disk is full")));
    events.push(phase(Phase::Seeding, None));
    events
}

fn began(peer: PeerKey, direction: Direction, transport: Transport, encryption: Encryption) -> Event {
    Event::AttemptBegan { peer, direction, transport, encryption }
}

fn sample(second: u64) -> PeerSample {
    PeerSample {
        down_bps: 70_000 + second,
        up_bps: 800,
        down_bytes: 70_000 * second,
        up_bytes: 801 * second,
        requests_out: 8,
        request_target: 9,
        oldest_request_ms: 40 / second as u32,
        latency_ms: 61,
    }
}

const CAUSES: &[&str] = &[
    "queued",
    "backing_off",
    "connection_limit",
    "blocked",
    "invalid_address",
    "duplicate_connection",
    "connect_timeout",
    "connection_refused",
    "host_unreachable",
    "network_unreachable",
    "permission_denied",
    "no_local_ports",
    "too_many_open_files",
    "closed_before_handshake",
    "reset_before_handshake",
    "handshake_timeout",
    "handshake_truncated",
    "not_bittorrent",
    "info_hash_mismatch",
    "unknown_info_hash",
    "self_connection",
    "duplicate_peer_id",
    "encryption_required",
    "encryption_failed",
    "encryption_mismatch",
    "message_too_large",
    "bad_message",
    "bad_bitfield",
    "piece_out_of_range",
    "unrequested_block",
    "bad_extension_message",
    "request_flood",
    "never_unchoked",
    "snubbed",
    "not_interesting",
    "both_seeds",
    "idle_timeout",
    "hash_failures",
    "closed_after_handshake",
    "closed_by_peer",
    "reset_by_peer",
    "connection_lost",
    "dropped_by_user",
    "banned",
    "replaced",
    "too_many_from_address",
    "torrent_paused",
    "shutdown",
    "not_answered",
    "disk_error",
    "local_error",
];

#[test]
fn is_every_kind() {
    let name = |event: &Event| format!("{event:?}").split([' ', '(']).next().unwrap().to_owned();
    let names: BTreeSet<String> = events().iter().map(name).collect();
    assert_eq!(names.len(), 44, "kinds of version 1");
}

#[test]
fn is_sound() {
    for mut event in events() {
        let before = event.clone();
        event.check(facts(30).geometry().as_ref()).unwrap();
        assert_eq!(event, before);
    }
    let mut attempt: Attempt = Attempt {
        number: 1,
        direction: Direction::Out,
        transport: Transport::Tcp,
        encryption: Encryption::Plain,
        began: At::MAX,
        connected: None,
        handshake_sent: None,
        handshaken: None,
        unchoked: None,
        first_block: None,
        ended: None,
        sent: Vec::new(),
        received: Vec::new(),
        bytes_in: 0,
        bytes_out: 0,
        cause: None,
        error: None,
        detail: None,
        looks_like: None,
        payload: None,
        relay: None,
    };
    assert!(check(&mut attempt, None).is_err());
    attempt.began = At::ZERO;
    assert!(check(&mut attempt, None).is_ok());
    attempt.sent = vec![0; 69];
    assert!(check(&mut attempt, None).is_err());
}
