use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::event::{
    Announced, Direction, Encryption, Event, LimitedBy, LooksLike, OsError, PeerInfo, PeerSample, Phase,
    Sample, Side, Source, StreamFigures, TrackerError, TrackerKey, Transport,
};
use crate::ledger::{Ledger, Metadata, Stage, TorrentFacts};
use crate::metainfo::{Bitfield, Geometry, InfoHash};

/// A run told event by event.
struct Scene {
    ledger: Ledger,
    now: At,
    peers: u32,
}

impl Scene {
    fn new() -> Self {
        let facts = TorrentFacts {
            info_hash: InfoHash([7; 20]),
            metadata: Some(Metadata {
                name: "debian-12.2.0-amd64-DVD-1.iso".to_owned(),
                geometry: Geometry::new(1 << 20, 1 << 14).unwrap(),
                private: false,
                files: Vec::new(),
            }),
            magnet_name: None,
            output: "".into(),
            peer_id: String::new(),
        };
        let mut scene = Self { ledger: Ledger::new(Arc::new(facts)), now: At::ZERO, peers: 0 };
        scene.tell(Event::Phase { phase: Phase::Downloading, reason: None });
        scene.tell(Event::Probing);
        for (key, url) in [(0, "http://bttracker.example:6969"), (1, "udp://old.example:80")] {
            scene.tell(Event::TrackerKnown { tracker: TrackerKey(key), tier: key, url: url.to_owned() });
        }
        let answer = Announced { peers: 50, seeders: Some(41), leechers: Some(9), ..Announced::default() };
        scene.tell(Event::AnnounceAnswered { tracker: TrackerKey(0), answer });
        let (tracker, text) = (TrackerKey(1), "old.example has no address".to_owned());
        scene.tell(Event::AnnounceFailed { tracker, error: TrackerError::DnsFailed, text });
        scene
    }

    fn tell(&mut self, event: Event) {
        self.ledger.apply(self.now, &event);
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn dial(&mut self) -> PeerKey {
        let peer = PeerKey(self.peers);
        self.peers += 1;
        let addr = format!("203.0.113.{}:{}", self.peers, 6881 + self.peers % 9).parse().unwrap();
        self.tell(Event::PeerLearned { peer, addr, source: Source::Tracker(TrackerKey(0)) });
        self.tell(Event::AttemptBegan {
            peer,
            direction: Direction::Out,
            transport: Transport::Tcp,
            encryption: Encryption::Plain,
        });
        peer
    }

    fn open(&mut self) -> PeerKey {
        let peer = self.dial();
        self.wait(7);
        self.tell(Event::Connected { peer });
        self.tell(Event::HandshakeSent { peer, sent: vec![0; 68] });
        self.wait(9);
        peer
    }

    fn shake(&mut self, id: &[u8; 8]) -> PeerKey {
        let peer = self.open();
        let mut received = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05".to_vec();
        received.extend([7; 20]);
        received.extend(id);
        received.extend(format!("{peer:012?}").bytes().take(12));
        self.tell(Event::HandshakeBytes { peer, received });
        self.tell(Event::Handshaken { peer });
        self.tell(Event::Interested { peer, by: Side::Us, interested: true });
        peer
    }

    fn serve(&mut self, id: &[u8; 8]) {
        let peer = self.shake(id);
        let pieces = Arc::new(Bitfield::full(64));
        self.tell(Event::Has { peer, pieces });
        self.tell(Event::Choking { peer, by: Side::Them, choking: false });
        self.tell(Event::FirstBlock { peer });
        let sample = PeerSample { down_bytes: 16_384, ..PeerSample::default() };
        self.tell(Event::PeerSample { peer, sample });
    }

    fn end(&mut self, peer: PeerKey, cause: Cause, error: Option<&str>, detail: Option<&str>) {
        let error = error.map(|text| OsError { code: Some(111), text: text.to_owned() });
        let detail = detail.map(str::to_owned);
        self.tell(Event::AttemptEnded { peer, cause, error, detail, bytes_in: 0, bytes_out: 0 });
    }

    fn view(&mut self) -> Arc<View> {
        self.ledger.view(self.now)
    }
}

/// Fifty addresses, a third of which shake hands, the rest failing in eight ways.
fn founding_scene() -> Arc<View> {
    let mut scene = Scene::new();
    for id in [b"-TR4060-", b"-qB4620-", b"-lt0D80-", b"-DE13F0-", b"-UT2210-", b"-TR3000-", b"-qB5000-"] {
        scene.serve(id);
    }
    for id in [b"-TR4060-", b"-BI3500-", b"-KT5220-", b"-qB4620-", b"-??\x1b[2J-", b"-LT20A0-", b"-WW0007-"] {
        scene.shake(id);
    }
    for _ in 0..3 {
        let peer = scene.shake(b"-TR2940-");
        scene.end(peer, Cause::ClosedAfterHandshake, None, None);
    }
    for _ in 0..9 {
        let peer = scene.dial();
        scene.end(peer, Cause::ConnectionRefused, Some("Connection refused (os error 111)"), None);
    }
    for (cause, detail) in [
        (Cause::ClosedBeforeHandshake, None),
        (Cause::ClosedBeforeHandshake, None),
        (Cause::ClosedBeforeHandshake, None),
        (Cause::ResetBeforeHandshake, None),
        (Cause::HandshakeTruncated, Some("40 of 68 bytes, then it closed")),
        (Cause::InfoHashMismatch, Some("it said 0909090909090909090909090909090909090909")),
    ] {
        let peer = scene.open();
        scene.end(peer, cause, None, detail);
    }
    let web = scene.open();
    let received = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n".to_vec();
    scene.tell(Event::HandshakeBytes { peer: web, received });
    scene.tell(Event::LooksLike { peer: web, what: LooksLike::Http });
    scene.end(web, Cause::NotBittorrent, None, Some("byte 0 is none of a handshake's; looks like http"));
    let silent = [scene.open(), scene.open()];
    let lost: Vec<PeerKey> = (0..15).map(|_| scene.dial()).collect();
    scene.wait(10_000);
    lost.into_iter().for_each(|peer| scene.end(peer, Cause::ConnectTimeout, None, None));
    silent.into_iter().for_each(|peer| scene.end(peer, Cause::HandshakeTimeout, None, None));
    scene.view()
}

#[test]
fn the_founding_scene_is_a_screen_of_readable_text() {
    let view = founding_scene();
    let text = text(&view);
    assert!(text.lines().count() <= 80, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    let peers = text.lines().filter(|line| line.contains("203.0.113.")).count();
    assert_eq!(peers, 50, "one line a peer:\n{text}");
    for part in [
        "debian-12.2.0-amd64-DVD-1.iso: 50 peers tried in 10.",
        "Transmission 4.0.6: sends data",
        "Deluge 1.3.15: sends data",
        "BiglyBT 3.5.0.0: choking us",
        "not BT, http: \"HTTP/1.1 400 Bad Request\\r\\n",
        "cut short: 40 of 68 bytes, then it closed",
        "7 ms",
        "9 ms",
        "   15  no answer  Nothing answered: they are offline,",
        "    9  refused    The machines are up, but nothing listens",
        "known 50 > dialled 50 > connected 26 > handshaken 17 > unchoked 7 > sending 7",
        "http://bttracker.example:6969: 50 peers, 17 shook hands; it counts 41 with everything",
        "udp://old.example:80: old.example has no address (dns_failed)",
        "Who shook hands holds 100.0 % of it, in 7.00 copies (1.00 is just one).",
        "It works: 17 of the 50 known peers shook hands, and 7 sent data.",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    let causes: std::collections::BTreeSet<Cause> = view
        .peers
        .iter()
        .filter(|peer| peer.stage < Stage::Handshaken)
        .filter_map(|peer| peer.cause)
        .collect();
    assert!(causes.len() >= 7, "{causes:?}");
    let first = text.lines().position(|line| line.contains("sends data")).unwrap();
    let last = text.lines().position(|line| line.contains("no answer")).unwrap();
    assert!(first < last, "those that serve us come first");
}

#[test]
fn a_live_peer_that_does_not_serve_us_has_a_cause_after_ten_seconds() {
    let mut scene = Scene::new();
    let (chokes, silent) = (scene.shake(b"-TR4060-"), scene.shake(b"-TR4060-"));
    scene.serve(b"-TR4060-");
    scene.tell(Event::Choking { peer: silent, by: Side::Them, choking: false });
    let causes = |scene: &mut Scene| -> Vec<Option<Cause>> {
        let view = scene.view();
        view.peers.iter().map(|peer| cause(peer, view.at)).collect()
    };
    assert_eq!(causes(&mut scene), [None, None, None]);
    scene.wait(10_000);
    assert_eq!(causes(&mut scene), [Some(Cause::NeverUnchoked), Some(Cause::Snubbed), None]);
    scene.end(chokes, Cause::ClosedByPeer, None, None);
    assert_eq!(causes(&mut scene)[0], Some(Cause::ClosedByPeer));
}

#[test]
fn peers_of_a_screen_have_rates_and_what_went_over_all_their_connections() {
    let mut scene = Scene::new();
    scene.serve(b"-TR4060-");
    let peer = PeerKey(0);
    let (cause, error, detail) = (Cause::ConnectionLost, None, None);
    scene.tell(Event::AttemptEnded { peer, cause, error, detail, bytes_in: 20_000, bytes_out: 700 });
    let (direction, transport, encryption) = (Direction::Out, Transport::Tcp, Encryption::Plain);
    scene.tell(Event::AttemptBegan { peer, direction, transport, encryption });
    scene.tell(Event::Connected { peer });
    scene.tell(Event::Handshaken { peer });
    let sample = PeerSample { down_bps: 1000, down_bytes: 1000, up_bytes: 50, ..PeerSample::default() };
    scene.tell(Event::PeerSample { peer, sample });
    scene.tell(Event::Sample(Sample { down_bps: 1000, up_bps: 50 }));
    let view = scene.view();
    let value: serde_json::Value =
        serde_json::from_str(&peers_json(&view, &[peer], Rows::default())).unwrap();
    let told = &value["peers"][0];
    assert_eq!(
        (&told["down_bps"], &told["received_bytes"], &told["sent_bytes"]),
        (&1000.into(), &17_384.into(), &50.into())
    );
    assert_eq!(told["attempts"][1]["bytes_in"], 1000, "live, and not nothing");
    let csv = csv(&view, &[peer], Rows::default());
    let (names, cells) = csv.trim().split_once("\r\n").unwrap();
    let cell = |name| {
        let at = names.split(',').position(|column| column == name).unwrap();
        cells.split(',').nth(at).unwrap().to_owned()
    };
    assert_eq!((cell("bytes_in"), cell("bytes_out")), ("21000".to_owned(), "750".to_owned()), "{csv}");
    assert_eq!((cell("down_bps"), cell("received_bytes")), ("1000".to_owned(), "17384".to_owned()), "{csv}");
}

#[test]
fn a_peer_with_two_names_is_shown_with_both() {
    let mut scene = Scene::new();
    let (liar, honest) = (scene.shake(b"-TR4060-"), scene.shake(b"-qB5010-"));
    for peer in [liar, honest] {
        let calls_itself = Some("qBittorrent/5.0.1".to_owned());
        let info = PeerInfo { calls_itself, ..PeerInfo::default() };
        scene.tell(Event::Introduced { peer, info });
    }
    let text = text(&scene.view());
    for part in ["203.0.113.1:6882  Transmission 4.0.6 (?) ", "203.0.113.2:6883  qBittorrent 5.0.1  "] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let told = "203.0.113.1:6882 is Transmission 4.0.6 by its peer id and calls itself qBittorrent/5.0.1: one is not true.";
    assert!(words.join(" ").contains(told), "{text}");
    assert_eq!(text.matches("calls itself").count(), 1, "{text}");
}

#[test]
fn a_plain_try_says_when_only_encryption_helped() {
    let mut scene = Scene::new();
    let peer = scene.open();
    scene.end(peer, Cause::ClosedBeforeHandshake, None, None);
    scene.tell(Event::AttemptBegan {
        peer,
        direction: Direction::Out,
        transport: Transport::Tcp,
        encryption: Encryption::Mse,
    });
    scene.tell(Event::Connected { peer });
    scene.tell(Event::Handshaken { peer });
    let view = scene.view();
    let value: serde_json::Value = serde_json::from_str(&json(&view)).unwrap();
    let attempts = &value["peers"][0]["attempts"];
    assert_eq!(attempts[0]["cause"], "closed_before_handshake");
    assert_eq!(attempts[0]["resolved"], "encryption_required");
    assert!(attempts[1].get("resolved").is_none());
    assert_eq!(attempts[1]["encryption"], "mse");
    assert_eq!(value["peers"][0]["cause"], serde_json::Value::Null);
    assert!(text(&view).contains("unknown client, encrypted only"), "{}", text(&view));
    let csv = csv(&view, &[peer], Rows::default());
    assert!(csv.contains(",mse,encryption_required,"), "{csv}");
    assert!(markdown(&view).contains("| encryption_required |"), "{}", markdown(&view));
}

#[test]
fn json_says_how_a_stream_over_utp_goes_and_nothing_of_tcp() {
    let mut scene = Scene::new();
    let (over_tcp, over_utp) = (scene.shake(b"-TR4060-"), scene.dial());
    let (direction, transport, encryption) = (Direction::Out, Transport::Utp, Encryption::Plain);
    scene.tell(Event::AttemptBegan { peer: over_utp, direction, transport, encryption });
    scene.tell(Event::Handshaken { peer: over_utp });
    let figures = StreamFigures {
        rtt_us: Some(41_700),
        sent: 12,
        limited_by: LimitedBy::DelayTarget,
        ..StreamFigures::default()
    };
    for peer in [over_tcp, over_utp] {
        scene.tell(Event::Stream { peer, figures });
    }
    let value: serde_json::Value = serde_json::from_str(&json(&scene.view())).unwrap();
    assert!(value["peers"][0].get("stream").is_none(), "{value:#}");
    let stream = &value["peers"][1]["stream"];
    assert_eq!((&stream["rtt_us"], &stream["sent"]), (&41_700.into(), &12.into()));
    assert_eq!(
        (&stream["our_delay_us"], &stream["limited_by"]),
        (&serde_json::Value::Null, &"delay_target".into())
    );
}
