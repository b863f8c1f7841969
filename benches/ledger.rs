//! What knowing costs: the events of a download of a gibibyte, folded, judged and published.
//!
//! `cargo bench --bench ledger` tells a ledger what two seeds and a crowd of dead addresses do while 1 GiB arrives in
//! pieces of 1 MiB, at full speed (2 s) and at 100 MiB/s (10 s), with samples every second and a view four times a
//! second. It prints CPU time in µs, and its share of the CPU that the whole download takes at full speed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

#[path = "common/cost.rs"]
mod cost;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ttui::event::{
    AnnounceKind, Announced, Cause, Direction, Encryption, Event, OsError, PeerKey, PeerSample, Phase,
    Sample, Side, Source, TrackerKey, Transport,
};
use ttui::ledger::{FileFacts, Ledger, Metadata, TorrentFacts};
use ttui::metainfo::{Bitfield, Geometry, InfoHash};

const GIB: u64 = 1 << 30;
const PIECE_BYTES: u32 = 1 << 20;
/// What a download of 1 GiB takes of the processor at full speed, with everything, seconds.
const WHOLE_CPU_S: f64 = 1.1;
/// Runs of which the mean is told.
const RUNS: u32 = 100;

fn main() {
    for (name, others, seconds) in [
        ("full speed, 2 seeds", 0, 2),
        ("full speed, 2 seeds, 50 dead addresses", 50, 2),
        ("100 MiB/s, 2 seeds, 50 dead addresses", 50, 10),
        ("100 MiB/s, 2 seeds, 5 000 dead addresses", 5000, 10),
    ] {
        let events = download(others, seconds);
        let began = cost::thread_cpu_seconds();
        let mut views = 0;
        for _ in 0..RUNS {
            views += replay(&events);
        }
        let each = (cost::thread_cpu_seconds() - began) / f64::from(RUNS);
        println!(
            "{name}: {} events, {} views: {:.0} µs a GiB, {:.3} % of {WHOLE_CPU_S} CPU s",
            events.len(),
            views / RUNS,
            each * 1e6,
            each / WHOLE_CPU_S * 100.0
        );
    }
}

/// Feeds the events to a new ledger and takes a view four times a second. Returns how many.
fn replay(events: &[(Duration, Event)]) -> u32 {
    let mut ledger = Ledger::new(Arc::new(TorrentFacts {
        info_hash: InfoHash([7; 20]),
        metadata: Some(Metadata {
            name: "debian.iso".to_owned(),
            geometry: geometry(),
            private: false,
            files: vec![FileFacts {
                path: "debian.iso".to_owned(),
                offset_bytes: 0,
                length_bytes: GIB,
                number: 0,
            }],
        }),
        magnet_name: None,
        output: "/tmp".into(),
        peer_id: "-Tu0100-0123456789ab".to_owned(),
    }));
    let (mut looks, mut view) = (0, ledger.view(Duration::ZERO));
    for (at, event) in events {
        while view.at + Duration::from_millis(250) <= *at {
            view = ledger.view(view.at + Duration::from_millis(250));
            looks += 1;
        }
        ledger.apply(*at, event);
    }
    assert_eq!(ledger.view(view.at).have_bytes, GIB, "it arrived");
    looks
}

fn geometry() -> Geometry {
    Geometry::new(GIB, PIECE_BYTES).unwrap()
}

/// Everything that happens, in order of time.
fn download(others: u32, seconds: u64) -> Vec<(Duration, Event)> {
    let tracker = TrackerKey(0);
    let mut events = vec![(Duration::ZERO, Event::Phase { phase: Phase::Downloading, reason: None })];
    let mut tell = |ms: u64, event: Event| events.push((Duration::from_millis(ms), event));
    tell(0, Event::TrackerKnown { tracker, tier: 0, url: "http://t.example:6969".to_owned() });
    tell(0, Event::AnnounceBegan { tracker, kind: AnnounceKind::Started });
    let answer = Announced { peers: others + 2, interval_s: 1800, ..Announced::default() };
    tell(5, Event::AnnounceAnswered { tracker, answer });
    for number in 0..others + 2 {
        let peer = PeerKey(number);
        let addr = SocketAddr::from(([80, 1, (number >> 8) as u8, number as u8], 6881));
        tell(5, Event::PeerLearned { peer, addr, source: Source::Tracker(tracker) });
        let (direction, transport, encryption) = (Direction::Out, Transport::Tcp, Encryption::Plain);
        tell(6, Event::AttemptBegan { peer, direction, transport, encryption });
    }
    let seeds = [PeerKey(0), PeerKey(1)];
    for peer in seeds {
        let mut bytes = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05".to_vec();
        bytes.extend([7; 20]);
        bytes.extend(b"-TR4060-abcdefghijkl");
        tell(7, Event::Connected { peer });
        tell(7, Event::HandshakeSent { peer, sent: bytes.clone() });
        tell(8, Event::HandshakeBytes { peer, received: bytes });
        tell(8, Event::Handshaken { peer });
        tell(9, Event::Has { peer, pieces: Arc::new(Bitfield::full(geometry().piece_count())) });
        tell(9, Event::Interested { peer, by: Side::Us, interested: true });
        tell(9, Event::Choking { peer, by: Side::Them, choking: false });
        tell(10, Event::FirstBlock { peer });
    }
    let mut later = Vec::new();
    for number in 2..others + 2 {
        let error = Some(OsError { code: Some(111), text: "Connection refused (os error 111)".to_owned() });
        let (peer, cause) = (PeerKey(number), Cause::ConnectionRefused);
        let ended = Event::AttemptEnded { peer, cause, error, detail: None, bytes_in: 0, bytes_out: 0 };
        later.push((u64::from(number) * 20 % (seconds * 1000), ended));
    }
    let pieces = geometry().piece_count();
    for (piece, number) in geometry().pieces().zip(0u64..) {
        let at = 10 + number * (seconds * 1000 - 20) / u64::from(pieces);
        later.push((at, Event::PieceOpened { piece }));
        later.push((at + 4, Event::PieceVerified { piece, from: seeds.to_vec() }));
    }
    let bps = GIB / seconds / 2;
    for second in 1..=seconds {
        for peer in seeds {
            let sample = PeerSample {
                down_bps: bps,
                down_bytes: bps * second,
                requests_out: 250,
                request_target: 250,
                oldest_request_ms: 20,
                latency_ms: 2,
                ..PeerSample::default()
            };
            later.push((second * 1000, Event::PeerSample { peer, sample }));
            later.push((second * 1000, Event::Traffic { peer, bytes_in: bps * second, bytes_out: 9000 }));
        }
        later.push((second * 1000, Event::Sample(Sample { down_bps: 2 * bps, up_bps: 0 })));
    }
    later.sort_by_key(|(ms, _)| *ms);
    for (ms, event) in later {
        tell(ms, event);
    }
    events
}
