//! What the ledger costs in memory, asked of the allocator. One test, as others beside it would be counted too.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::alloc::System;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use ttui::event::{
    Cause, Direction, Encryption, Event, OsError, PeerInfo, PeerKey, Phase, Sample, Source, TrackerKey,
    Transport,
};
use ttui::ledger::{Ledger, Metadata, TorrentFacts};
use ttui::metainfo::{Bitfield, Geometry, InfoHash};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MIB: usize = 1 << 20;
/// What an allocator may add to each allocation for itself.
const OVERHEAD_BYTES: usize = 16;
const PIECES: u32 = 15_000;
/// Peers connected at once.
const LIVE: u32 = 200;

fn ledger() -> Ledger {
    let mut ledger = Ledger::new(Arc::new(TorrentFacts {
        info_hash: InfoHash([7; 20]),
        metadata: Some(Metadata {
            name: "debian.iso".to_owned(),
            geometry: Geometry::new(u64::from(PIECES) << 18, 1 << 18).unwrap(),
            private: false,
            files: Vec::new(),
        }),
        magnet_name: None,
        output: "/tmp".into(),
        peer_id: "-Tu0100-0123456789ab".to_owned(),
    }));
    ledger.apply(Duration::ZERO, &Event::Phase { phase: Phase::Downloading, reason: None });
    ledger
}

fn handshake(number: u32) -> Vec<u8> {
    let mut bytes = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05".to_vec();
    bytes.extend([7; 20]);
    bytes.extend(b"-TR4060-");
    bytes.extend(format!("{number:012}").bytes());
    bytes
}

/// A peer, tried so often: each time it opens, shakes hands, names itself, and fails with what the system says.
fn meet(ledger: &mut Ledger, number: u32, attempts: u32, pieces: &Bitfield) {
    let peer = PeerKey(number);
    let [_, a, b, c] = number.to_be_bytes();
    let addr = SocketAddr::from(([80, a, b, c], 6881));
    let at = |attempt: u32, ms: u64| Duration::from_secs(u64::from(attempt) * 60) + Duration::from_millis(ms);
    for source in [Source::Tracker(TrackerKey(0)), Source::Tracker(TrackerKey(1))] {
        ledger.apply(at(0, 0), &Event::PeerLearned { peer, addr, source });
    }
    for attempt in 0..attempts {
        let encryption = if attempt % 2 == 0 { Encryption::Plain } else { Encryption::Mse };
        let mut tell = |ms, event: &Event| ledger.apply(at(attempt, ms), event);
        tell(
            1,
            &Event::AttemptBegan { peer, direction: Direction::Out, transport: Transport::Tcp, encryption },
        );
        tell(60, &Event::Connected { peer });
        tell(61, &Event::HandshakeSent { peer, sent: handshake(0) });
        tell(130, &Event::HandshakeBytes { peer, received: handshake(number) });
        tell(130, &Event::Handshaken { peer });
        tell(
            190,
            &Event::Introduced {
                peer,
                info: PeerInfo {
                    calls_itself: Some(format!("Transmission 4.0.6 (build {number})")),
                    extensions: ["ut_pex", "ut_metadata", "ut_holepunch", "upload_only"]
                        .map(str::to_owned)
                        .into(),
                    reqq: Some(500),
                    listen_port: Some(6881),
                    ..PeerInfo::default()
                },
            },
        );
        if number < LIVE {
            tell(200, &Event::Has { peer, pieces: Arc::new(pieces.clone()) });
        }
        if attempt + 1 < attempts || number >= LIVE {
            let ended = Event::AttemptEnded {
                peer,
                cause: Cause::ConnectionLost,
                error: Some(OsError {
                    code: Some(110),
                    text: "Connection timed out (os error 110)".to_owned(),
                }),
                detail: Some("while it owed us 12 blocks".to_owned()),
                bytes_in: 5000,
                bytes_out: 700,
            };
            tell(900, &ended);
            tell(900, &Event::NextTry { peer, at: Some(at(attempt + 1, 0)) });
        }
    }
}

/// Bytes in use for a ledger of so many peers and the view of it, the allocator's own share included.
fn cost(peers: u32, attempts: u32) -> (usize, Ledger) {
    let mut pieces = Bitfield::empty(PIECES);
    for piece in Geometry::new(u64::from(PIECES), 1).unwrap().pieces().step_by(3) {
        pieces.set(piece);
    }
    let region = Region::new(ALLOCATOR);
    let mut ledger = ledger();
    for number in 0..peers {
        meet(&mut ledger, number, attempts, &pieces);
    }
    let now = Duration::from_secs(600);
    let view = ledger.view(now);
    ledger.apply(now, &Event::Sample(Sample::default()));
    let used = region.change();
    let bytes = used.bytes_allocated - used.bytes_deallocated;
    let blocks = used.allocations - used.deallocations;
    assert_eq!(view.groups.live, LIVE.min(peers));
    assert_eq!(view.peers.len(), peers.min(20_000) as usize);
    drop(view);
    (bytes + blocks * OVERHEAD_BYTES, ledger)
}

#[test]
fn five_thousand_peers_cost_less_than_sixteen_mebibytes() {
    let (three, ledger) = cost(5000, 3);
    drop(ledger);
    let (many, ledger) = cost(5000, 9);
    drop(ledger);
    println!("5 000 peers: {three} bytes with three attempts each, {many} with nine");
    assert!(three < 16 * MIB && many < 16 * MIB, "{three}, {many} bytes");

    // Whoever is learned and never answers folds away above 20 000 rows; what they cost then is bounded.
    let region = Region::new(ALLOCATOR);
    let mut ledger = ledger_of_strangers(100_000);
    let used = region.change();
    let all = used.bytes_allocated - used.bytes_deallocated;
    let view = ledger.view(Duration::from_secs(1));
    println!("100 000 strangers: {all} bytes in {} rows", view.peers.len());
    assert!(view.peers.len() <= 20_000 && view.funnel.known == 100_000);
    assert!(all < 40 * MIB, "{all} bytes");
}

fn ledger_of_strangers(count: u32) -> Ledger {
    let mut ledger = ledger();
    for number in 0..count {
        let [_, a, b, c] = number.to_be_bytes();
        let (peer, addr) = (PeerKey(number), SocketAddr::from(([80, a, b, c], 6881)));
        let source = Source::Tracker(TrackerKey(0));
        ledger.apply(Duration::ZERO, &Event::PeerLearned { peer, addr, source });
    }
    ledger
}
