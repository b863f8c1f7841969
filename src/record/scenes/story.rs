//! What a scene tells: events with their times, in the order in which it is easiest to tell them, and who sends how
//! fast when.

use std::sync::Arc;
use std::time::Duration;

use crate::event::{
    AnnounceKind, Announced, At, Cause, Direction, Encryption, Event, LooksLike, PeerInfo, PeerKey, Phase,
    Severity, Side, Source, TrackerError, TrackerKey, Transport,
};
use crate::ledger::TorrentFacts;
use crate::metainfo::{Bitfield, Geometry};

/// How long a dial waits, and a handshake.
const GIVES_UP_MS: u64 = 10_000;
/// What our handshake says of us.
const OUR_RESERVED: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0x05];

/// What a peer sends us and gets from us, for some time.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) peer: PeerKey,
    /// The seconds in which it flows.
    pub(super) seconds: std::ops::Range<u64>,
    /// Bytes a second: what it sends, what it gets.
    pub(super) down_bps: u64,
    pub(super) up_bps: u64,
    /// From which second on it climbs to its full rate, and for how many.
    pub(super) climb: (u64, u64),
}

/// A peer as it introduces itself.
#[derive(Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) addr: &'a str,
    pub(super) id: &'a [u8; 8],
    pub(super) calls_itself: &'a str,
    /// From our handshake to its own, milliseconds.
    pub(super) answers_ms: u64,
    /// It hangs up on a plain handshake.
    pub(super) encrypted: bool,
    /// It is met over this.
    pub(super) over: Transport,
    /// How many of a hundred pieces it has.
    pub(super) percent: u32,
}

/// A scene while it is told.
pub(super) struct Story {
    pub(super) facts: Arc<TorrentFacts>,
    pub(super) events: Vec<(At, Event)>,
    pub(super) flows: Vec<Flow>,
    /// When it ends.
    pub(super) end_ms: u64,
    peers: u32,
}

impl Story {
    pub(super) fn new(facts: TorrentFacts, end_ms: u64) -> Self {
        Self { facts: Arc::new(facts), events: Vec::new(), flows: Vec::new(), end_ms, peers: 0 }
    }

    pub(super) fn tell(&mut self, ms: u64, event: Event) -> &mut Self {
        self.events.push((Duration::from_millis(ms), event));
        self
    }

    pub(super) fn phase(&mut self, ms: u64, phase: Phase) -> &mut Self {
        self.tell(ms, Event::Phase { phase, reason: None })
    }

    /// What a command is answered.
    pub(super) fn answer(&mut self, ms: u64, text: &str) -> &mut Self {
        self.tell(ms, Event::Note { severity: Severity::Info, text: text.to_owned(), answer: true })
    }

    /// Looks at what is on disk, and finds the first so many pieces good.
    pub(super) fn check(&mut self, until_ms: u64, good: u32) -> &mut Self {
        let geometry = self.facts.geometry().unwrap();
        let of = geometry.piece_count();
        self.phase(0, Phase::Checking);
        for tenth in 1..=10 {
            self.tell(until_ms * u64::from(tenth) / 10, Event::Checked { done: of * tenth / 10, of });
        }
        let mut pieces = Bitfield::empty(of);
        for piece in geometry.pieces().take(good as usize) {
            pieces.set(piece);
        }
        self.tell(until_ms, Event::Had { pieces: Arc::new(pieces) })
    }

    pub(super) fn tracker(&mut self, number: u16, url: &str) -> TrackerKey {
        let tracker = TrackerKey(number);
        self.tell(0, Event::TrackerKnown { tracker, tier: number, url: url.to_owned() });
        self.tell(0, Event::AnnounceBegan { tracker, kind: AnnounceKind::Started });
        tracker
    }

    pub(super) fn tracker_answers(
        &mut self,
        tracker: TrackerKey,
        ms: u64,
        (peers, seeders, leechers): (u32, u32, u32),
    ) -> &mut Self {
        let answer = Announced {
            peers,
            seeders: Some(seeders),
            leechers: Some(leechers),
            interval_s: 1800,
            warning: None,
        };
        let next = Some(Duration::from_millis(ms + 1_800_000));
        self.tell(ms, Event::AnnounceAnswered { tracker, answer })
            .tell(ms, Event::NextAnnounce { tracker, at: next })
    }

    /// It fails, and is asked again after some time.
    pub(super) fn tracker_fails(
        &mut self,
        tracker: TrackerKey,
        ms: u64,
        (error, text): (TrackerError, &str),
        again_ms: u64,
    ) -> &mut Self {
        self.tell(ms, Event::AnnounceFailed { tracker, error, text: text.to_owned() });
        let next = Some(Duration::from_millis(ms + again_ms));
        self.tell(ms, Event::NextAnnounce { tracker, at: next })
    }

    /// An address is learned, and gets the next row.
    pub(super) fn learn(&mut self, ms: u64, addr: &str, source: Source) -> PeerKey {
        let peer = PeerKey(self.peers);
        self.peers += 1;
        let addr = addr.parse().unwrap();
        self.tell(ms, Event::PeerLearned { peer, addr, source });
        peer
    }

    pub(super) fn dial(&mut self, peer: PeerKey, ms: u64, encryption: Encryption) -> &mut Self {
        self.dial_over(peer, ms, Transport::Tcp, encryption)
    }

    fn dial_over(
        &mut self,
        peer: PeerKey,
        ms: u64,
        transport: Transport,
        encryption: Encryption,
    ) -> &mut Self {
        let direction = Direction::Out;
        self.tell(ms, Event::AttemptBegan { peer, direction, transport, encryption })
    }

    /// The connection opens, and our handshake goes out.
    pub(super) fn open(&mut self, peer: PeerKey, ms: u64) -> &mut Self {
        let sent = handshake(OUR_RESERVED, &self.facts, self.facts.peer_id.as_bytes());
        self.tell(ms, Event::Connected { peer }).tell(ms, Event::HandshakeSent { peer, sent })
    }

    pub(super) fn end(
        &mut self,
        peer: PeerKey,
        ms: u64,
        cause: Cause,
        detail: Option<&str>,
        bytes: (u64, u64),
    ) -> &mut Self {
        let detail = detail.map(str::to_owned);
        let (bytes_in, bytes_out) = bytes;
        self.tell(ms, Event::AttemptEnded { peer, cause, error: None, detail, bytes_in, bytes_out })
    }

    pub(super) fn again(&mut self, peer: PeerKey, ms: u64, at_ms: u64) -> &mut Self {
        self.tell(ms, Event::NextTry { peer, at: Some(Duration::from_millis(at_ms)) })
    }

    /// A dial that comes to nothing in the way that this cause means, and ends at that time; `again_ms` is when the
    /// next one is due.
    pub(super) fn fails(
        &mut self,
        peer: PeerKey,
        ended_ms: u64,
        encryption: Encryption,
        cause: Cause,
        again_ms: u64,
    ) -> &mut Self {
        let opens = !matches!(
            cause,
            Cause::ConnectTimeout
                | Cause::ConnectionRefused
                | Cause::NetworkUnreachable
                | Cause::HostUnreachable
        );
        let patient = matches!(cause, Cause::ConnectTimeout | Cause::HandshakeTimeout);
        let took = if patient { GIVES_UP_MS } else { 61 };
        let began = ended_ms.saturating_sub(took + if opens { 62 } else { 0 });
        self.dial(peer, began, encryption);
        if opens {
            self.open(peer, began + 62);
        }
        match cause {
            Cause::NotBittorrent => {
                let received = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec();
                self.tell(ended_ms, Event::HandshakeBytes { peer, received })
                    .tell(ended_ms, Event::LooksLike { peer, what: LooksLike::Http })
                    .end(peer, ended_ms, cause, None, (47, 68));
            }
            Cause::InfoHashMismatch => {
                let mut received =
                    handshake([0, 0, 0, 0, 0, 0x10, 0, 0], &self.facts, b"-BC0172-9K_O3ddtJwp3");
                received[28..48].fill(0xa5);
                self.tell(ended_ms, Event::HandshakeBytes { peer, received }).end(
                    peer,
                    ended_ms,
                    cause,
                    None,
                    (68, 68),
                );
            }
            _ => {
                self.end(peer, ended_ms, cause, None, (0, if opens { 68 } else { 0 }));
            }
        }
        self.again(peer, ended_ms, again_ms)
    }

    /// It is dialled so that it shakes hands at that time, plain or, after it hung up on that, encrypted; then it tells
    /// what it has, and we want it.
    pub(super) fn joins(&mut self, peer: PeerKey, ms: u64, who: &Who<'_>) -> &mut Self {
        if who.encrypted {
            let cause = Cause::ClosedBeforeHandshake;
            self.fails(peer, ms.saturating_sub(9000), Encryption::Plain, cause, ms - who.answers_ms);
        }
        self.meets(peer, ms, who);
        let us = Side::Us;
        self.tell(ms + 2, Event::Interested { peer, by: us, interested: true });
        if who.percent < 100 {
            self.tell(ms + 3, Event::Interested { peer, by: Side::Them, interested: true });
        }
        self
    }

    /// It is dialled so that it shakes hands at that time.
    pub(super) fn meets(&mut self, peer: PeerKey, ms: u64, who: &Who<'_>) -> &mut Self {
        let began = ms.saturating_sub(who.answers_ms);
        let encryption = if who.encrypted { Encryption::Mse } else { Encryption::Plain };
        self.dial_over(peer, began, who.over, encryption).open(peer, began + who.answers_ms / 3);
        let sent = if who.encrypted { 375 } else { 68 };
        self.introduces(peer, ms, who).tell(ms, Event::Traffic { peer, bytes_in: 68, bytes_out: sent })
    }

    /// Its handshake, its extensions and, where it is known how many there are, its pieces come.
    fn introduces(&mut self, peer: PeerKey, ms: u64, who: &Who<'_>) -> &mut Self {
        let mut id = *b"--------9K_O3ddtJwp3";
        id[..8].copy_from_slice(who.id);
        id[8..].rotate_left(peer.0 as usize % 12);
        let received = handshake([0, 0, 0, 0, 0, 0x18, 0, 0x05], &self.facts, &id);
        let info = PeerInfo {
            calls_itself: (!who.calls_itself.is_empty()).then(|| who.calls_itself.to_owned()),
            extensions: vec!["ut_pex".to_owned(), "ut_metadata".to_owned()],
            reqq: Some(500),
            ..PeerInfo::default()
        };
        self.tell(ms, Event::HandshakeBytes { peer, received })
            .tell(ms, Event::Handshaken { peer })
            .tell(ms + 1, Event::Introduced { peer, info });
        if let Some(geometry) = self.facts.geometry() {
            let pieces = Arc::new(pieces_of(geometry, who.percent, peer.0));
            self.tell(ms + 1, Event::Has { peer, pieces });
        }
        self
    }

    /// It calls us, and shakes hands.
    pub(super) fn calls(&mut self, ms: u64, who: &Who<'_>) -> PeerKey {
        let peer = self.learn(ms, who.addr, Source::Incoming);
        let (direction, transport) = (Direction::In, who.over);
        let encryption = Encryption::Plain;
        self.tell(ms, Event::AttemptBegan { peer, direction, transport, encryption });
        self.introduces(peer, ms + 40, who);
        self.tell(ms + 42, Event::Interested { peer, by: Side::Them, interested: who.percent < 100 });
        peer
    }

    /// It unchokes us, or chokes us again.
    pub(super) fn choke(&mut self, peer: PeerKey, ms: u64, choking: bool) -> &mut Self {
        self.tell(ms, Event::Choking { peer, by: Side::Them, choking })
    }

    /// It lets us download, and sends for so many seconds at that rate.
    pub(super) fn sends(&mut self, flow: Flow) -> &mut Self {
        let (peer, begin_ms) = (flow.peer, flow.seconds.start * 1000);
        self.choke(peer, begin_ms + 10, false).tell(begin_ms + 90, Event::FirstBlock { peer });
        self.flows.push(flow);
        self
    }

    /// We let it download, and send at that rate.
    pub(super) fn takes(&mut self, peer: PeerKey, seconds: std::ops::Range<u64>, up_bps: u64) -> &mut Self {
        let unchoke = Event::Choking { peer, by: Side::Us, choking: false };
        self.tell(seconds.start * 1000 + 20, unchoke);
        let climb = (seconds.start, 1);
        self.flows.push(Flow { peer, seconds, down_bps: 0, up_bps, climb });
        self
    }
}

/// A handshake of 68 bytes.
fn handshake(reserved: [u8; 8], facts: &TorrentFacts, id: &[u8]) -> Vec<u8> {
    [&b"\x13BitTorrent protocol"[..], &reserved, &facts.info_hash.0, id].concat()
}

/// So many of a hundred pieces, others for each `turn`.
fn pieces_of(geometry: Geometry, percent: u32, turn: u32) -> Bitfield {
    let mut pieces = Bitfield::empty(geometry.piece_count());
    for piece in geometry.pieces().filter(|piece| (piece.number() * 7 + turn * 31) % 100 < percent) {
        pieces.set(piece);
    }
    pieces
}
