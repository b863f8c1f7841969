//! A run told in a few words, for tests: events in, views out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{FileFacts, Ledger, Metadata, PeerRecord, TorrentFacts, Verdict, VerdictCode, View};
use crate::event::{
    Announced, At, Cause, Direction, Encryption, Event, PeerKey, PeerSample, Phase, Sample, Side, Source,
    TrackerError, TrackerKey, Transport,
};
use crate::metainfo::{Bitfield, Geometry, InfoHash, PieceIndex};

/// Bytes in a piece of a script's torrent.
pub(crate) const PIECE_BYTES: u32 = 16 * 1024;

/// What a torrent of so many pieces is called by.
pub(crate) fn facts(pieces: u32) -> Arc<TorrentFacts> {
    facts_of(Geometry::new(u64::from(pieces) * u64::from(PIECE_BYTES), PIECE_BYTES).unwrap())
}

/// The facts of a torrent of these lengths.
pub(crate) fn facts_of(geometry: Geometry) -> Arc<TorrentFacts> {
    let length_bytes = geometry.total_bytes();
    Arc::new(TorrentFacts {
        info_hash: InfoHash([7; 20]),
        metadata: Some(Metadata {
            name: "debian.iso".to_owned(),
            geometry,
            private: false,
            files: vec![FileFacts {
                path: "debian.iso".to_owned(),
                offset_bytes: 0,
                length_bytes,
                number: 0,
            }],
        }),
        magnet_name: None,
        output: "/home/me/iso".into(),
        peer_id: "-Tu0100-0123456789ab".to_owned(),
    })
}

/// The facts of the torrent of [`facts`] as long as only its magnet is known.
pub(crate) fn magnet() -> Arc<TorrentFacts> {
    let known = (*facts(1)).clone();
    Arc::new(TorrentFacts { metadata: None, magnet_name: Some("debian".to_owned()), ..known })
}

/// A ledger, the time, and the events that were told.
pub(crate) struct Script {
    pub(crate) ledger: Ledger,
    pub(crate) at: At,
    geometry: Geometry,
    next_peer: u32,
}

impl Script {
    /// A torrent of so many pieces, already past its check and downloading.
    pub(crate) fn downloading(pieces: u32) -> Self {
        let mut script = Self::with_ledger(pieces, Ledger::new(facts(pieces)));
        script.phase(Phase::Downloading);
        script
    }

    /// A magnet whose metadata are not known.
    pub(crate) fn magnet() -> Self {
        let mut script = Self::with_ledger(100, Ledger::new(magnet()));
        script.phase(Phase::Metadata);
        script
    }

    pub(crate) fn with_ledger(pieces: u32, ledger: Ledger) -> Self {
        let geometry = facts(pieces).geometry().unwrap();
        Self { ledger, at: At::ZERO, geometry, next_peer: 0 }
    }

    #[allow(clippy::needless_pass_by_value, reason = "events are told as they are written down")]
    pub(crate) fn tell(&mut self, event: Event) -> &mut Self {
        self.ledger.apply(self.at, &event);
        self
    }

    /// Lets time pass, in milliseconds, with nothing happening in it.
    pub(crate) fn wait_ms(&mut self, ms: u64) -> &mut Self {
        self.at += Duration::from_millis(ms);
        self
    }

    /// Lets seconds pass with nothing happening in them; everything is judged once in each.
    pub(crate) fn wait(&mut self, seconds: u64) -> &mut Self {
        for _ in 0..seconds {
            self.wait_ms(1000);
            self.ledger.judge(self.at);
        }
        self
    }

    pub(crate) fn phase(&mut self, phase: Phase) -> &mut Self {
        self.tell(Event::Phase { phase, reason: None })
    }

    pub(crate) fn piece(&self, number: u32) -> PieceIndex {
        self.geometry.piece(number).unwrap()
    }

    /// A peer that a tracker named.
    pub(crate) fn peer(&mut self, addr: &str) -> PeerKey {
        self.peer_from(addr, Source::Tracker(TrackerKey(0)))
    }

    pub(crate) fn peer_from(&mut self, addr: &str, source: Source) -> PeerKey {
        let peer = PeerKey(self.next_peer);
        self.next_peer += 1;
        let addr: SocketAddr = addr.parse().unwrap();
        self.tell(Event::PeerLearned { peer, addr, source });
        peer
    }

    /// So many peers on the open internet.
    pub(crate) fn peers(&mut self, count: u32) -> Vec<PeerKey> {
        (0..count)
            .map(|_| {
                let n = self.next_peer;
                self.peer(&format!("80.{}.{}.1:6881", n / 256 % 256, n % 256))
            })
            .collect()
    }

    pub(crate) fn dial(&mut self, peer: PeerKey) -> &mut Self {
        self.begin(peer, Direction::Out, Encryption::Plain)
    }

    /// Dials over TCP or uTP.
    pub(crate) fn dial_over(&mut self, peer: PeerKey, transport: Transport) -> &mut Self {
        let (direction, encryption) = (Direction::Out, Encryption::Plain);
        self.tell(Event::AttemptBegan { peer, direction, transport, encryption })
    }

    pub(crate) fn begin(&mut self, peer: PeerKey, direction: Direction, encryption: Encryption) -> &mut Self {
        self.tell(Event::AttemptBegan { peer, direction, transport: Transport::Tcp, encryption })
    }

    pub(crate) fn connect(&mut self, peer: PeerKey) -> &mut Self {
        self.dial(peer)
            .tell(Event::Connected { peer })
            .tell(Event::HandshakeSent { peer, sent: vec![0x13; 68] })
    }

    /// A handshake with this peer id.
    pub(crate) fn handshake(&mut self, peer: PeerKey, id: &[u8; 20]) -> &mut Self {
        let mut received = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05".to_vec();
        received.extend([7; 20]);
        received.extend(id);
        self.tell(Event::HandshakeBytes { peer, received }).tell(Event::Handshaken { peer })
    }

    /// Dials, connects and shakes hands.
    pub(crate) fn live(&mut self, peer: PeerKey) -> &mut Self {
        self.connect(peer).handshake(peer, b"-TR4060-abcdefghijkl")
    }

    /// Is called by, and shakes hands with, a peer from outside.
    pub(crate) fn called_by(&mut self, addr: &str) -> PeerKey {
        let peer = self.peer_from(addr, Source::Incoming);
        self.begin(peer, Direction::In, Encryption::Plain).tell(Event::Connected { peer });
        self.handshake(peer, b"-qB4620-abcdefghijkl");
        peer
    }

    pub(crate) fn has_all(&mut self, peer: PeerKey) -> &mut Self {
        let pieces = Arc::new(Bitfield::full(self.geometry.piece_count()));
        self.tell(Event::Has { peer, pieces })
    }

    pub(crate) fn has(&mut self, peer: PeerKey, numbers: &[u32]) -> &mut Self {
        let mut pieces = Bitfield::empty(self.geometry.piece_count());
        for number in numbers {
            pieces.set(self.piece(*number));
        }
        self.tell(Event::Has { peer, pieces: Arc::new(pieces) })
    }

    /// Live, with everything, and we want it.
    pub(crate) fn seed(&mut self, peer: PeerKey) -> &mut Self {
        self.live(peer).has_all(peer).want(peer)
    }

    pub(crate) fn want(&mut self, peer: PeerKey) -> &mut Self {
        self.tell(Event::Interested { peer, by: Side::Us, interested: true })
    }

    pub(crate) fn unchoke(&mut self, peer: PeerKey) -> &mut Self {
        self.tell(Event::Choking { peer, by: Side::Them, choking: false })
    }

    /// One second in which these peers sent at this rate each. Samples the torrent too.
    pub(crate) fn second(&mut self, senders: &[PeerKey], down_bps: u64) -> &mut Self {
        self.wait(1);
        for &peer in senders {
            let view = self.ledger.view(self.at);
            let before = find(&view, peer).sample.down_bytes;
            let sample =
                PeerSample { down_bps, down_bytes: before + down_bps, requests_out: 8, ..Default::default() };
            self.tell(Event::PeerSample { peer, sample });
        }
        self.tell(Event::Sample(Sample { down_bps: down_bps * senders.len() as u64, up_bps: 0 }))
    }

    /// So many seconds in which these peers sent at this rate each.
    pub(crate) fn send(&mut self, senders: &[PeerKey], down_bps: u64, seconds: u64) -> &mut Self {
        for _ in 0..seconds {
            self.second(senders, down_bps);
        }
        self
    }

    /// The peer has requests of ours and does not answer them.
    pub(crate) fn asked_in_vain(&mut self, peer: PeerKey) -> &mut Self {
        let view = self.ledger.view(self.at);
        let sample = PeerSample { down_bps: 0, requests_out: 8, ..find(&view, peer).sample };
        self.tell(Event::PeerSample { peer, sample })
    }

    pub(crate) fn end(&mut self, peer: PeerKey, cause: Cause) -> &mut Self {
        self.tell(Event::AttemptEnded { peer, cause, error: None, detail: None, bytes_in: 0, bytes_out: 68 })
    }

    /// A dial that ends so before a connection.
    pub(crate) fn fail(&mut self, peer: PeerKey, cause: Cause) -> &mut Self {
        self.dial(peer).end(peer, cause)
    }

    pub(crate) fn tracker(&mut self, number: u16) -> TrackerKey {
        let tracker = TrackerKey(number);
        self.tell(Event::TrackerKnown { tracker, tier: 0, url: format!("http://t{number}.example:6969") });
        tracker
    }

    pub(crate) fn answer(&mut self, tracker: TrackerKey, peers: u32) -> &mut Self {
        let answer = Announced { peers, interval_s: 1800, ..Default::default() };
        self.tell(Event::AnnounceAnswered { tracker, answer })
    }

    pub(crate) fn refuse(&mut self, tracker: TrackerKey, error: TrackerError) -> &mut Self {
        self.refuse_saying(tracker, error, "so it is")
    }

    pub(crate) fn refuse_saying(
        &mut self,
        tracker: TrackerKey,
        error: TrackerError,
        text: &str,
    ) -> &mut Self {
        self.tell(Event::AnnounceFailed { tracker, error, text: text.to_owned() })
    }

    pub(crate) fn limit_down(&mut self, down_bps: u64) -> &mut Self {
        self.tell(Event::Limits { down_bps: Some(down_bps), up_bps: None })
    }

    /// All of these fail so before a connection.
    pub(crate) fn fail_all(&mut self, peers: &[PeerKey], cause: Cause) -> &mut Self {
        peers.iter().fold(self, |run, peer| run.fail(*peer, cause))
    }

    /// All of these take the connection and then our handshake ends so.
    pub(crate) fn refuse_hands(&mut self, peers: &[PeerKey], cause: Cause) -> &mut Self {
        peers.iter().fold(self, |run, peer| run.connect(*peer).end(*peer, cause))
    }

    /// All of these have everything, and we want it.
    pub(crate) fn seeds(&mut self, count: u32) -> Vec<PeerKey> {
        let peers = self.peers(count);
        for peer in &peers {
            self.seed(*peer);
        }
        peers
    }

    /// The same, and they let us download.
    pub(crate) fn open_seeds(&mut self, count: u32) -> Vec<PeerKey> {
        let peers = self.seeds(count);
        for peer in &peers {
            self.unchoke(*peer);
        }
        peers
    }

    /// We have all pieces but these.
    pub(crate) fn have_all_but(&mut self, numbers: &[u32]) -> &mut Self {
        let mut pieces = Bitfield::empty(self.geometry.piece_count());
        for number in (0..self.geometry.piece_count()).filter(|number| !numbers.contains(number)) {
            pieces.set(self.piece(number));
        }
        self.tell(Event::Had { pieces: Arc::new(pieces) })
    }

    pub(crate) fn view(&mut self) -> Arc<View> {
        self.ledger.view(self.at)
    }

    pub(crate) fn record(&mut self, peer: PeerKey) -> PeerRecord {
        find(&self.view(), peer).clone()
    }

    /// What there is to say now: everything is judged at this moment.
    pub(crate) fn verdicts(&mut self) -> Vec<Verdict> {
        if !self.ledger.run.probing {
            self.ledger.judge(self.at);
        }
        self.view().verdicts.clone()
    }

    /// What judges the whole now.
    pub(crate) fn first(&mut self) -> Verdict {
        self.verdicts().swap_remove(0)
    }

    /// What this rule says now.
    pub(crate) fn verdict(&mut self, code: VerdictCode) -> Option<Verdict> {
        self.verdicts().into_iter().find(|verdict| verdict.code == code)
    }

    /// The codes of all there is to say now, in their order.
    pub(crate) fn codes(&mut self) -> Vec<VerdictCode> {
        self.verdicts().iter().map(|verdict| verdict.code).collect()
    }
}

/// The peer's record in this view.
pub(crate) fn find(view: &View, peer: PeerKey) -> &PeerRecord {
    view.peers.iter().find(|record| record.key == peer).unwrap()
}
