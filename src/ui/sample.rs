//! Views made by hand, for tests of whole screens and for pictures of them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{
    AnnounceKind, Announced, At, Attempt, BlockRun, BlockState, Cause, Direction, Encryption, PeerKey,
    PeerSample, Phase, Sample, Severity, Source, TrackerError, TrackerKey, Transport,
};
use crate::ledger::{
    FileFacts, Flags, Funnel, Group, GroupIndex, Groups, History, IncomingCounts, LogLine, Look, LookOn,
    Loss, PeerRecord, PieceMap, PieceState, Series, Stage, TorrentFacts, TrackerRecord, TrackerStatus,
    Verdict, VerdictCode, View,
};
use crate::metainfo::{Bitfield, Geometry, InfoHash, PeerId};

use super::words::Standing;

const MIB: u64 = 1 << 20;
const PIECES: u32 = 15_104;
/// How long the sample runs have gone on.
const NOW: At = Duration::from_secs(182);
/// When they began: two o'clock on some day of 2023.
pub(crate) const STARTED: Duration = Duration::from_millis(1_697_378_461_204);

fn ago(seconds: u64) -> At {
    NOW.saturating_sub(Duration::from_secs(seconds))
}

fn after(at: At, ms: u64) -> At {
    at + Duration::from_millis(ms)
}

/// A handshake of 68 bytes.
fn handshake(reserved: [u8; 8], hash: [u8; 20], id: [u8; 20]) -> Vec<u8> {
    let mut bytes = b"\x13BitTorrent protocol".to_vec();
    bytes.extend(reserved);
    bytes.extend(hash);
    bytes.extend(id);
    bytes
}

const HASH: [u8; 20] = [
    0x26, 0x7d, 0x63, 0xff, 0xd3, 0x17, 0x70, 0xe4, 0x0c, 0x99, 0x2b, 0x1f, 0x6e, 0x55, 0xa0, 0x31, 0x8d,
    0x7e, 0x44, 0x19,
];
const OUR_RESERVED: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0x05];
const OUR_ID: &[u8; 20] = b"-Tu0100-7f3kQ0xWm2Lp";

fn attempt(number: u32, began: At, encryption: Encryption) -> Attempt {
    Attempt {
        number,
        direction: Direction::Out,
        transport: Transport::Tcp,
        encryption,
        began,
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
    }
}

fn failed_attempt(number: u32, began: At, encryption: Encryption, cause: Cause, took_ms: u64) -> Attempt {
    let opened =
        !matches!(cause, Cause::ConnectTimeout | Cause::ConnectionRefused | Cause::NetworkUnreachable);
    let mut attempt = attempt(number, began, encryption);
    if opened {
        attempt.connected = Some(after(began, 62));
        attempt.handshake_sent = Some(after(began, 62));
        attempt.sent = handshake(OUR_RESERVED, HASH, *OUR_ID);
        attempt.bytes_out = 68;
    }
    attempt.ended = Some(after(began, took_ms));
    attempt.cause = Some(cause);
    attempt
}

/// A peer nobody has dialled yet.
fn peer(key: u32, addr: &str) -> PeerRecord {
    PeerRecord {
        key: PeerKey(key),
        addr: addr.parse::<SocketAddr>().unwrap(),
        sources: vec![Source::Tracker(TrackerKey(0))],
        stage: Stage::Queued,
        group: Group::Queued,
        cause: None,
        attempts: Vec::new(),
        client: None,
        calls_itself: None,
        peer_id: None,
        reserved: None,
        extensions: Vec::new(),
        reqq: None,
        has: None,
        flags: Flags::default(),
        sample: PeerSample::default(),
        down_bytes: 0,
        up_bytes: 0,
        last_block: None,
        failed_pieces: 0,
        held: false,
        dropped: false,
        banned: None,
        next_try: None,
        since: ago(181),
    }
}

struct Live {
    addr: &'static str,
    id: &'static [u8; 8],
    client: &'static str,
    ms: u64,
    encrypted: bool,
    percent: u32,
    down: u64,
    up: u64,
    since: u64,
}

fn live(key: u32, live: &Live) -> PeerRecord {
    let began = ago(live.since + 1);
    let encryption = if live.encrypted { Encryption::Mse } else { Encryption::Plain };
    let mut attempts = Vec::new();
    if live.encrypted {
        let mut first =
            failed_attempt(1, ago(live.since + 12), Encryption::Plain, Cause::ClosedBeforeHandshake, 123);
        first.received = Vec::new();
        attempts.push(first);
    }
    let mut id = [b'0'; 20];
    id[..8].copy_from_slice(live.id);
    for (at, byte) in id[8..].iter_mut().enumerate() {
        *byte = b"9K_O3ddtJwp3"[(at + key as usize) % 12];
    }
    let reserved = [0, 0, 0, 0, 0, 0x18, 0, 0x05];
    let mut last = attempt(attempts.len() as u32 + 1, began, encryption);
    last.connected = Some(after(began, live.ms / 3));
    last.handshake_sent = last.connected;
    last.handshaken = Some(after(began, live.ms));
    last.sent = handshake(OUR_RESERVED, HASH, *OUR_ID);
    last.received = handshake(reserved, HASH, id);
    last.bytes_out = if live.encrypted { 375 } else { 68 };
    if live.down > 0 {
        last.unchoked = Some(after(began, live.ms + 40));
        last.first_block = Some(after(began, live.ms + 120));
    }
    attempts.push(last);
    let mut has = Bitfield::empty(PIECES);
    let geometry = Geometry::new(u64::from(PIECES) * 256 * 1024, 256 * 1024).unwrap();
    for piece in geometry.pieces().filter(|piece| (piece.number() * 7 + key) % 100 < live.percent) {
        has.set(piece);
    }
    PeerRecord {
        stage: if live.down > 0 { Stage::Transferring } else { Stage::Handshaken },
        group: Group::Live,
        attempts,
        client: Some(live.client.to_owned()),
        calls_itself: Some(live.client.replace(' ', "/")),
        peer_id: Some(PeerId(id)),
        reserved: Some(reserved),
        extensions: vec!["ut_pex".to_owned(), "ut_metadata".to_owned()],
        reqq: Some(500),
        has: Some(Arc::new(has)),
        flags: Flags {
            am_choking: live.up == 0,
            am_interested: true,
            peer_choking: live.down == 0,
            peer_interested: live.percent < 100,
        },
        sample: PeerSample {
            down_bps: live.down,
            up_bps: live.up,
            down_bytes: live.down * live.since,
            up_bytes: live.up * live.since,
            requests_out: if live.down > 0 { 64 } else { 0 },
            request_target: if live.down > 0 { 64 } else { 0 },
            oldest_request_ms: 80,
            latency_ms: live.ms as u32,
        },
        down_bytes: live.down * live.since,
        up_bytes: live.up * live.since,
        last_block: (live.down > 0).then_some(NOW),
        since: ago(live.since),
        ..peer(key, live.addr)
    }
}

#[rustfmt::skip]
const LIVES: &[Live] = &[
    Live { addr: "83.148.245.186:51414", id: b"-TR4040-", client: "Transmission 4.0.4", ms: 61, encrypted: false, percent: 100, down: 6_400_000, up: 0, since: 130 },
    Live { addr: "66.56.80.113:36787", id: b"-TR4050-", client: "Transmission 4.0.5", ms: 48, encrypted: false, percent: 100, down: 5_030_000, up: 0, since: 118 },
    Live { addr: "[2a01:4f8:c17:1234::2]:51413", id: b"-qB4620-", client: "qBittorrent 4.6.2", ms: 112, encrypted: true, percent: 88, down: 4_090_000, up: 206_000, since: 118 },
    Live { addr: "188.40.62.7:6881", id: b"-lt0D80-", client: "libTorrent 0.13.8", ms: 70, encrypted: false, percent: 100, down: 2_730_000, up: 0, since: 91 },
    Live { addr: "95.216.12.80:6889", id: b"-DE211s-", client: "Deluge 2.1.1", ms: 55, encrypted: false, percent: 100, down: 1_200_000, up: 0, since: 80 },
    Live { addr: "78.47.200.13:51413", id: b"-TR4040-", client: "Transmission 4.0.4", ms: 64, encrypted: false, percent: 94, down: 640_000, up: 88_000, since: 75 },
    Live { addr: "51.15.40.21:45682", id: b"-qB4650-", client: "qBittorrent 4.6.5", ms: 90, encrypted: true, percent: 100, down: 300_000, up: 0, since: 60 },
    Live { addr: "5.9.97.44:6881", id: b"-UT2210-", client: "µTorrent 2.2.1", ms: 130, encrypted: false, percent: 100, down: 1, up: 0, since: 72 },
    Live { addr: "144.76.14.3:6881", id: b"-AZ5770-", client: "Vuze 5.7.7", ms: 122, encrypted: false, percent: 71, down: 1, up: 0, since: 66 },
    Live { addr: "115.45.201.66:51412", id: b"-TR3000-", client: "Transmission 3.00", ms: 88, encrypted: false, percent: 61, down: 0, up: 90_000, since: 100 },
    Live { addr: "37.194.168.90:59627", id: b"-qB4620-", client: "qBittorrent 4.6.2", ms: 191, encrypted: true, percent: 61, down: 0, up: 0, since: 100 },
    Live { addr: "91.121.7.45:6881", id: b"-KT5110-", client: "KTorrent 5.1.1", ms: 77, encrypted: false, percent: 12, down: 0, up: 38_000, since: 99 },
    Live { addr: "24.88.10.9:31022", id: b"-BT7a00-", client: "BitTorrent 7.10", ms: 140, encrypted: false, percent: 44, down: 0, up: 0, since: 88 },
    Live { addr: "198.51.100.77:6889", id: b"-FD51W0-", client: "Free Download Manager 5.1", ms: 210, encrypted: false, percent: 30, down: 0, up: 0, since: 70 },
    Live { addr: "203.0.113.200:50413", id: b"-lt20B0-", client: "libtorrent 2.0.11", ms: 98, encrypted: true, percent: 75, down: 0, up: 0, since: 64 },
    Live { addr: "80.101.55.2:6881", id: b"-TR4060-", client: "Transmission 4.0.6", ms: 52, encrypted: false, percent: 9, down: 0, up: 0, since: 45 },
    Live { addr: "62.210.9.9:51413", id: b"-WW0102-", client: "WebTorrent 1.2", ms: 66, encrypted: false, percent: 3, down: 0, up: 0, since: 30 },
];

fn failed(key: u32, addr: &str, cause: Cause, tries: u32, since: u64, again: u64) -> PeerRecord {
    let took = if cause == Cause::ConnectTimeout { 10_000 } else { 140 };
    let encryption = |n: u32| if n == 1 { Encryption::Plain } else { Encryption::Mse };
    let ladder = matches!(cause, Cause::ClosedBeforeHandshake | Cause::HandshakeTimeout);
    let attempts: Vec<_> = (1..=tries)
        .map(|n| {
            let began = ago(since + u64::from((tries - n) * 15) + took / 1000);
            failed_attempt(n, began, if ladder { encryption(n) } else { Encryption::Plain }, cause, took)
        })
        .collect();
    let opened = attempts.iter().any(|attempt| attempt.connected.is_some());
    PeerRecord {
        stage: if opened { Stage::HandshakeSent } else { Stage::Dialling },
        group: Group::Failed,
        cause: Some(cause),
        attempts,
        next_try: Some(NOW + Duration::from_secs(again)),
        since: ago(since),
        ..peer(key, addr)
    }
}

/// The fifty peers of a healthy download.
fn fifty_peers() -> Vec<PeerRecord> {
    let mut peers: Vec<PeerRecord> = LIVES.iter().enumerate().map(|(i, each)| live(i as u32, each)).collect();
    for (at, seconds) in [(7, 34), (8, 50)] {
        let silent = &mut peers[at];
        silent.last_block = Some(ago(seconds));
        silent.stage = Stage::Unchoked;
        silent.sample.down_bps = 0;
    }
    let key = peers.len() as u32;
    let mut waiting = peer(key, "102.129.252.107:51413");
    let mut under_way = attempt(1, ago(3), Encryption::Plain);
    under_way.connected = Some(ago(3));
    under_way.handshake_sent = Some(ago(3));
    waiting.attempts = vec![under_way];
    (waiting.stage, waiting.group, waiting.since) = (Stage::HandshakeSent, Group::Trying, ago(3));
    peers.push(waiting);
    peers.push(failed(key + 1, "213.239.217.8:51413", Cause::ClosedBeforeHandshake, 2, 8, 240));
    peers.push(failed(key + 2, "188.165.230.19:33721", Cause::ConnectTimeout, 2, 12, 252));
    peers.push(failed(key + 3, "192.0.2.80:80", Cause::NotBittorrent, 1, 20, 900));
    for n in 0..16 {
        let addr = format!("198.18.{}.{}:{}", n * 13 % 256, 200 - n * 7, 6881 + n * 311);
        peers.push(failed(
            key + 4 + n,
            &addr,
            Cause::ConnectTimeout,
            1,
            30 + u64::from(n),
            200 + u64::from(n) * 9,
        ));
    }
    for (n, cause) in [
        (0, Cause::ConnectionRefused),
        (1, Cause::ConnectionRefused),
        (2, Cause::ConnectionRefused),
        (3, Cause::ClosedBeforeHandshake),
        (4, Cause::ClosedBeforeHandshake),
        (5, Cause::ClosedBeforeHandshake),
        (6, Cause::HandshakeTimeout),
        (7, Cause::HandshakeTimeout),
        (8, Cause::InfoHashMismatch),
    ] {
        let addr = format!("203.0.113.{}:{}", 10 + n * 3, 51413 + n);
        peers.push(failed(key + 20 + n, &addr, cause, 1, 60 + u64::from(n), 300));
    }
    for n in 0..2 {
        let mut left =
            live(key + 29 + n, &Live { addr: "80.6.7.8:6881", since: 90 + u64::from(n), ..LIVES[13] });
        left.addr.set_port(7000 + n as u16);
        left.group = Group::Left;
        left.cause = Some(Cause::ClosedByPeer);
        if let Some(last) = left.attempts.last_mut() {
            (last.ended, last.cause) = (Some(ago(90)), Some(Cause::ClosedByPeer));
        }
        left.sample = PeerSample::default();
        left.next_try = Some(NOW + Duration::from_secs(600));
        peers.push(left);
    }
    for n in 0..2 {
        peers.push(PeerRecord {
            cause: Some(Cause::Queued),
            ..peer(key + 31 + n, &format!("100.64.7.{}:6881", 9 + n))
        });
    }
    peers
}

fn pieces() -> PieceMap {
    let mut random = fastrand::Rng::with_seed(7);
    let mut map = PieceMap { generation: 1, seeds: 3, ..PieceMap::default() };
    let mut run = 0;
    for number in 0..PIECES {
        // Seeds are asked for whole runs of pieces, so good pieces stand together.
        if number % 132 == 0 {
            run = if random.u32(..100) < 21 { random.u32(30..=132) } else { 0 };
        }
        let state = if number % 132 < run {
            PieceState::Good
        } else if map.arriving < 41 && random.u32(..360) == 0 {
            PieceState::Arriving
        } else {
            PieceState::Missing
        };
        map.good += u32::from(state == PieceState::Good);
        map.arriving += u32::from(state == PieceState::Arriving);
        map.states.push(state);
        map.held_by.push((number % 5) as u16);
    }
    map.history = history(&map.states);
    map
}

/// A piece of the sample that is under way.
pub(crate) fn arriving_piece() -> u32 {
    pieces().states.iter().position(|state| *state == PieceState::Arriving).unwrap_or_default() as u32
}

/// Where good pieces came from, how far others are, and one that failed.
fn history(states: &[PieceState]) -> History {
    let geometry = facts().geometry;
    let mut history = History::new(PIECES);
    let mut index = GroupIndex::new();
    let mut good = 0;
    for (piece, state) in geometry.pieces().zip(states) {
        match state {
            PieceState::Good => {
                good += 1;
                // The first were there before; of the others some came from two.
                let from: &[u32] = &[[0, 1, 0, 3, 2, 0, 1, 6][good / 40 % 8], 4];
                let from: Vec<PeerKey> = from.iter().copied().map(PeerKey).collect();
                let several = usize::from(good % 23 == 0);
                if good > 300 {
                    let at = NOW.saturating_sub(Duration::from_secs(180 - good as u64 * 180 / 3300));
                    history.verified_at(at, piece, &from[..1 + several], &mut index);
                }
            }
            PieceState::Arriving => {
                history.opened(ago(4), piece);
                let run = |count, state| BlockRun { count, state };
                let blocks = [
                    run(9, BlockState::Here(PeerKey(0))),
                    run(3, BlockState::Asked(vec![PeerKey(0)])),
                    run(1, BlockState::Here(PeerKey(2))),
                    run(1, BlockState::Asked(vec![PeerKey(2)])),
                    run(2, BlockState::Free),
                ];
                history.blocks(ago(1), piece, &blocks, 16);
            }
            PieceState::Missing | PieceState::Failed => {}
        }
    }
    history
}

fn series(seconds: u64, peak: f64) -> Series {
    let mut random = fastrand::Rng::with_seed(3);
    let mut series = Series::default();
    for second in 0..seconds {
        let rise = (second.saturating_sub(seconds.saturating_sub(55)) as f64 / 16.0).min(1.0);
        let down = peak * rise * (0.82 + random.f64() * 0.18);
        let up = if rise > 0.3 { 380_000.0 + 60_000.0 * (second as f64 / 9.0).sin() } else { 0.0 };
        series.seconds.push_back(Sample { down_bps: down as u64, up_bps: up as u64 });
    }
    series
}

fn trackers() -> Vec<TrackerRecord> {
    let answer =
        Announced { peers: 50, seeders: Some(212), leechers: Some(31), interval_s: 1800, warning: None };
    vec![
        TrackerRecord {
            key: TrackerKey(0),
            tier: 0,
            url: "http://bttracker.debian.org:6969".to_owned(),
            status: TrackerStatus::Ok(answer),
            asking: None,
            answered: Some(ago(180)),
            failures: 0,
            next: Some(NOW + Duration::from_secs(1620)),
            peers: 50,
            handshaken: 19,
        },
        TrackerRecord {
            key: TrackerKey(1),
            tier: 1,
            url: "udp://tracker.opentrackr.org:1337".to_owned(),
            status: TrackerStatus::Failed(TrackerError::Timeout, "no answer within 15 s".to_owned()),
            asking: Some(AnnounceKind::Started),
            answered: Some(ago(165)),
            failures: 2,
            next: Some(NOW + Duration::from_secs(48)),
            peers: 0,
            handshaken: 0,
        },
    ]
}

fn verdict(severity: Severity, code: VerdictCode, text: &str, advice: &str) -> Verdict {
    let look = Look { on: LookOn::Every(10), at: Some(NOW + Duration::from_secs(7)) };
    Verdict {
        severity,
        code,
        text: text.to_owned(),
        advice: advice.to_owned(),
        evidence: vec![("live", 17)],
        look,
    }
}

fn groups_of(peers: &[PeerRecord]) -> Groups {
    let count = |group: Group| peers.iter().filter(|peer| peer.group == group).count() as u32;
    Groups {
        live: count(Group::Live),
        trying: count(Group::Trying),
        failed: count(Group::Failed),
        left: count(Group::Left),
        queued: count(Group::Queued),
        banned: count(Group::Banned),
    }
}

fn facts() -> TorrentFacts {
    let geometry = Geometry::new(u64::from(PIECES) * 256 * 1024, 256 * 1024).unwrap();
    let name = "debian-12.2.0-amd64-DVD-1.iso".to_owned();
    TorrentFacts {
        name: name.clone(),
        info_hash: InfoHash(HASH),
        geometry,
        private: false,
        files: vec![FileFacts { path: name, offset_bytes: 0, length_bytes: geometry.total_bytes() }],
        output: PathBuf::from("/home/me/iso"),
        peer_id: String::from_utf8_lossy(OUR_ID).into_owned(),
    }
}

/// The same download, of many files in folders.
pub(crate) fn many_files() -> View {
    let mut view = healthy();
    let total = view.torrent.geometry.total_bytes();
    let facts = Arc::make_mut(&mut view.torrent);
    facts.name = "Nature documentaries".to_owned();
    let mut offset_bytes = 0;
    let mut file = |path: &str, share: u64| {
        let length_bytes = total * share / 1000;
        let file = FileFacts { path: format!("Nature documentaries/{path}"), offset_bytes, length_bytes };
        offset_bytes += length_bytes;
        file
    };
    facts.files = vec![
        file("Season 1/01 From Pole to Pole.mkv", 120),
        file("Season 1/02 Mountains.mkv", 110),
        file("Season 1/03 Fresh Water.mkv", 90),
        file("Season 1/Subtitles/01 English.srt", 0),
        file("Season 1/Subtitles/02 English.srt", 0),
        file("Season 2/01 Caves.mkv", 150),
        file("Season 2/02 Deserts, with a title that is a good deal longer than there is room for.mkv", 160),
        file("Season 2/03 冰の世界.mkv", 170),
        file("Extras/Making of.mkv", 200 - 1),
        file("Extras/Stills/cover.jpg", 1),
        file("README.txt", 0),
    ];
    view
}

/// A download that goes well: fifty peers, of which seven send.
pub(crate) fn healthy() -> View {
    let peers = fifty_peers();
    let pieces = pieces();
    let have_bytes = u64::from(pieces.good) * 256 * 1024;
    let log = [
        (181, Severity::Info, "Listening on port 6881.", None),
        (180, Severity::Good, "bttracker.debian.org:6969 named 50 peers.", None),
        (165, Severity::Warn, "tracker.opentrackr.org:1337 does not answer: no answer within 15 s.", None),
        (130, Severity::Good, "Shook hands with 83.148.245.186:51414 (Transmission 4.0.4).", Some(0)),
        (126, Severity::Good, "83.148.245.186:51414 lets us download.", Some(0)),
        (20, Severity::Info, "192.0.2.80:80 is not a BitTorrent client.", Some(20)),
        (12, Severity::Info, "188.165.230.19:33721 does not answer.", Some(19)),
        (8, Severity::Info, "213.239.217.8:51413 hung up after our handshake.", Some(18)),
    ];
    let log = log.map(|(seconds, severity, text, peer)| LogLine {
        at: ago(seconds),
        severity,
        text: text.to_owned(),
        peer: peer.map(PeerKey),
    });
    let loss = |causes: &[(Option<Cause>, u32)]| Loss { causes: causes.to_vec() };
    View {
        at: NOW,
        torrent: Arc::new(facts()),
        phase: Phase::Downloading,
        phase_since: ago(181),
        phase_reason: None,
        checked: None,
        preparing: None,
        have_bytes,
        rates: Sample { down_bps: 20_340_000, up_bps: 422_000 },
        down_bytes: 540 * MIB,
        up_bytes: 31 * MIB,
        eta: Some(Duration::from_secs(168)),
        last_block: Some(NOW),
        limits: (None, None),
        port: Some(6881),
        incoming: IncomingCounts::default(),
        failed_calls: Arc::default(),
        groups: groups_of(&peers),
        peers: peers.into_iter().map(Arc::new).collect(),
        funnel: Funnel {
            known: 50,
            dialled: 48,
            connected: 28,
            handshaken: 19,
            unchoked: 9,
            transferring: 7,
        },
        losses: [
            loss(&[(Some(Cause::Queued), 2)]),
            loss(&[(Some(Cause::ConnectTimeout), 17), (Some(Cause::ConnectionRefused), 3)]),
            loss(&[
                (Some(Cause::ClosedBeforeHandshake), 4),
                (Some(Cause::HandshakeTimeout), 2),
                (Some(Cause::NotBittorrent), 1),
                (Some(Cause::InfoHashMismatch), 1),
                (None, 1),
            ]),
            loss(&[(Some(Cause::NeverUnchoked), 8), (Some(Cause::ClosedByPeer), 2)]),
            loss(&[(Some(Cause::Snubbed), 2)]),
        ],
        trackers: trackers().into_iter().map(Arc::new).collect(),
        pieces: Arc::new(pieces),
        series: Arc::new(series(180, 21_000_000.0)),
        verdicts: vec![
            verdict(
                Severity::Good,
                VerdictCode::Healthy,
                "Going well: 7 of the 17 live peers are sending. The rest of the file arrives in about 3 minutes.",
                "",
            ),
            verdict(
                Severity::Info,
                VerdictCode::DialsTimeOut,
                "28 of 50 peers failed, most of them simply offline. That is usual, and costs nothing while others send.",
                "",
            ),
            verdict(
                Severity::Warn,
                VerdictCode::PortUnreached,
                "Nobody has reached us on port 6881 in 3 minutes. It may be closed; opening it can bring more peers.",
                "Forward TCP port 6881 in the router, or allow it in the firewall.",
            ),
        ],
        log: Arc::new(log.to_vec()),
        answer: None,
        probing: false,
        recording: false,
    }
}

/// Nothing arrives any more.
pub(crate) fn stalled() -> View {
    let mut view = healthy();
    let kept: Vec<_> =
        view.peers.iter().filter(|peer| !peer.is_live() || (9..12).contains(&peer.key.0)).cloned().collect();
    view.peers = kept;
    let gone = |n: u32, addr: String| Arc::new(failed(100 + n, &addr, Cause::ConnectTimeout, 3, 100, 200));
    let more = (0..14).map(|n| gone(n, format!("198.19.{n}.7:6881")));
    view.peers.extend(more);
    let peers: Vec<PeerRecord> = view.peers.iter().map(|peer| (**peer).clone()).collect();
    view.groups = groups_of(&peers);
    view.funnel =
        Funnel { known: 50, dialled: 48, connected: 12, handshaken: 5, unchoked: 0, transferring: 0 };
    view.rates = Sample::default();
    view.eta = None;
    view.last_block = Some(ago(130));
    let mut series = (*view.series).clone();
    series.seconds.iter_mut().skip(50).for_each(|sample| *sample = Sample::default());
    view.series = Arc::new(series);
    let stalled = "Nothing arrives: 41 of the 48 peers we dialled never answered. Either they are gone (an old swarm), \
                   or something near us blocks us: VPN down, firewall, provider. From here both look the same.";
    view.verdicts = vec![
        verdict(
            Severity::Error,
            VerdictCode::DialsTimeOut,
            stalled,
            "ttui check with another torrent. It fails too: it is near us.",
        ),
        verdict(
            Severity::Warn,
            VerdictCode::AllChokeUs,
            "The 3 live peers make us wait (they choke us). That often ends by itself.",
            "",
        ),
    ];
    view
}

/// Paused by the user.
pub(crate) fn paused() -> View {
    let mut view = healthy();
    view.phase = Phase::Paused;
    view.phase_since = ago(12);
    view.rates = Sample::default();
    view.eta = None;
    view.verdicts = vec![verdict(Severity::Info, VerdictCode::Paused, "Paused by you. p goes on.", "")];
    view.answer = Some((ago(1), "Paused. Connections close after 30 s; p goes on.".to_owned()));
    view
}

/// The disk is full.
pub(crate) fn stopped() -> View {
    let mut view = healthy();
    view.phase = Phase::Stopped;
    view.phase_since = ago(40);
    view.phase_reason = Some("The disk is full: /home/me/iso".to_owned());
    view.rates = Sample::default();
    view.eta = None;
    view.verdicts = vec![verdict(
        Severity::Error,
        VerdictCode::DiskTrouble,
        "The disk is full: /home/me/iso needs 3.2 GiB more. What is verified stays.",
        "make room, then press p.",
    )];
    view
}

/// Everything is here.
pub(crate) fn seeding() -> View {
    let mut view = healthy();
    view.phase = Phase::Seeding;
    view.phase_since = ago(50);
    let map = Arc::make_mut(&mut view.pieces);
    map.states.fill(PieceState::Good);
    (map.good, map.arriving) = (PIECES, 0);
    view.have_bytes = view.torrent.geometry.total_bytes();
    view.rates = Sample { down_bps: 0, up_bps: 3_100_000 };
    view.eta = None;
    for peer in &mut view.peers {
        let peer = Arc::make_mut(peer);
        if peer.is_live() {
            peer.flags.am_interested = false;
            peer.last_block = Some(ago(50));
            peer.sample.down_bps = 0;
            peer.cause = None;
        }
    }
    view.verdicts = vec![verdict(
        Severity::Good,
        VerdictCode::Complete,
        "Complete: everything is here and good, in /home/me/iso. We go on serving others until you quit.",
        "",
    )];
    view
}

/// The first moment: what is on disk is looked at, nobody is known.
pub(crate) fn checking() -> View {
    let mut view = healthy();
    view.at = Duration::from_secs(2);
    view.phase = Phase::Checking;
    view.phase_since = Duration::ZERO;
    view.checked = Some((6_193, PIECES));
    view.have_bytes = 0;
    view.pieces = Arc::new(PieceMap {
        states: vec![PieceState::Missing; PIECES as usize],
        held_by: vec![0; PIECES as usize],
        ..PieceMap::default()
    });
    view.rates = Sample::default();
    (view.down_bytes, view.up_bytes) = (0, 0);
    view.eta = None;
    view.last_block = None;
    view.port = None;
    view.peers = Vec::new();
    view.funnel = Funnel::default();
    view.groups = Groups::default();
    view.losses = Default::default();
    let mut asked = trackers();
    for tracker in &mut asked {
        (tracker.status, tracker.answered, tracker.next) = (TrackerStatus::Pending, None, None);
        (tracker.asking, tracker.failures, tracker.peers, tracker.handshaken) =
            (Some(AnnounceKind::Started), 0, 0, 0);
    }
    view.trackers = asked.into_iter().map(Arc::new).collect();
    view.series = Arc::new(Series::default());
    view.verdicts = vec![verdict(Severity::Info, VerdictCode::Unknown, "Looking at what is on disk.", "")];
    view.log = Arc::new(Vec::new());
    view
}

/// The moment after: files are made.
pub(crate) fn preparing() -> View {
    let mut view = checking();
    (view.checked, view.preparing) = (Some((PIECES, PIECES)), Some((41_000, 100_000)));
    view
}

/// Strings that came from outside at their worst (after cleaning), and odd numbers.
pub(crate) fn hostile() -> View {
    let mut view = healthy();
    let facts = Arc::make_mut(&mut view.torrent);
    facts.name = "日本語のとても長い名前のファイル…".repeat(40);
    facts.files = vec![
        FileFacts {
            path: "名前/e\u{301}\u{301}\u{301}\u{301}/مرحبا/👩‍👩‍👧‍👦.bin".repeat(30),
            offset_bytes: 0,
            length_bytes: 0,
        },
        FileFacts { path: "a".repeat(10_000), offset_bytes: u64::MAX - 5, length_bytes: u64::MAX },
    ];
    for (at, peer) in view.peers.iter_mut().enumerate() {
        let peer = Arc::make_mut(peer);
        peer.client = Some(match at % 3 {
            0 => "漢".repeat(at + 1),
            1 => "a\u{300}\u{301}\u{302}".repeat(10_000),
            _ => "🇩🇪👨‍👩‍👧 العربية".to_owned(),
        });
        peer.sample.down_bps = u64::MAX;
        peer.sample.latency_ms = u32::MAX;
        peer.since = Duration::from_secs(u64::MAX >> at);
        for attempt in &mut peer.attempts {
            attempt.detail = Some("詳".repeat(500));
            attempt.received = vec![0x1b; at % 69];
            attempt.number = u32::MAX;
        }
    }
    for tracker in &mut view.trackers {
        let tracker = Arc::make_mut(tracker);
        tracker.url = "http://例え.テスト".repeat(20);
        tracker.status = TrackerStatus::Failed(TrackerError::Refused, "否".repeat(2000));
    }
    view.rates = Sample { down_bps: u64::MAX, up_bps: u64::MAX };
    view.have_bytes = u64::MAX;
    view.eta = Some(Duration::MAX);
    view.verdicts =
        vec![verdict(Severity::Error, VerdictCode::Unknown, &"文字列 ".repeat(2000), &"x".repeat(5000))];
    view.answer = Some((view.at, "答".repeat(1000)));
    view
}

/// For every standing a view and a peer of that standing.
pub(crate) fn one_of_each() -> Vec<(View, PeerKey)> {
    let mut found: Vec<(View, PeerKey)> = Vec::new();
    let mut barred = healthy();
    let change =
        |view: &mut View, at: usize, change: fn(&mut PeerRecord)| change(Arc::make_mut(&mut view.peers[at]));
    change(&mut barred, 0, |peer| peer.held = true);
    change(&mut barred, 30, |peer| {
        (peer.dropped, peer.cause) = (true, Some(Cause::DroppedByUser));
    });
    change(&mut barred, 31, |peer| {
        (peer.group, peer.cause) = (Group::Banned, Some(Cause::Banned));
        peer.banned = Some((NOW + Duration::from_secs(3000), "by you".to_owned()));
    });
    for standing in Standing::ALL {
        for view in [healthy(), seeding(), barred.clone()] {
            let key =
                view.peers.iter().find(|peer| Standing::of(peer, view.at) == standing).map(|peer| peer.key);
            if let Some(key) = key {
                found.push((view, key));
                break;
            }
        }
    }
    assert_eq!(found.len(), Standing::ALL.len());
    found
}

/// A view in which nothing fits together, from a seed.
pub(crate) fn random(seed: u64) -> View {
    let mut random = fastrand::Rng::with_seed(seed);
    let bases: [fn() -> View; 9] =
        [healthy, stalled, paused, stopped, seeding, checking, preparing, many_files, hostile];
    let mut view = bases[random.usize(..bases.len())]();
    view.peers.retain(|_| random.u32(..4) > 0);
    for peer in &mut view.peers {
        let peer = Arc::make_mut(peer);
        if random.bool() {
            let groups =
                [Group::Live, Group::Trying, Group::Failed, Group::Left, Group::Queued, Group::Banned];
            peer.group = groups[random.usize(..groups.len())];
            peer.cause = Some(Cause::ALL[random.usize(..Cause::ALL.len())]);
            peer.held = random.u32(..5) == 0;
            peer.dropped = random.u32(..5) == 0;
        }
        if random.u32(..4) == 0 {
            peer.attempts.clear();
        }
    }
    if random.bool() {
        let map = Arc::make_mut(&mut view.pieces);
        let count = random.usize(..300);
        map.states.truncate(count);
        map.held_by.truncate(random.usize(..300));
        map.seeds = random.u32(..2);
        map.failures = random.u32(..);
        map.generation += random.u64(..5);
        if random.bool() {
            map.history = History::default();
        }
    }
    if random.u32(..4) == 0 {
        view.trackers.clear();
    }
    if random.u32(..6) == 0 {
        view.verdicts.clear();
    }
    view.at = Duration::from_millis(random.u64(..1 << 40));
    view.eta = random.bool().then(|| Duration::from_secs(random.u64(..)));
    view.funnel.known = random.u32(..);
    view.rates.down_bps = random.u64(..);
    view
}
