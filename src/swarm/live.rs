//! What decisions keep of a peer that shook hands.

use std::net::SocketAddr;

use crate::event::{At, PeerKey, PeerSample};
use crate::metainfo::{BLOCK_LENGTH, PeerId, PieceIndex};

/// A live peer.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) peer: PeerKey,
    pub(super) addr: SocketAddr,
    pub(super) peer_id: PeerId,
    /// We opened the connection.
    pub(super) outgoing: bool,
    /// When it last had sent or taken as much as a block; before, when it connected.
    pub(super) used: At,
    /// Bytes that passed since.
    passed_bytes: u64,
    /// When it last had sent as much as a block; before, when it connected.
    pub(super) sent_at: At,
    /// Bytes it sent since.
    sent_bytes: u64,
    /// It was served and took no block, since it last took one.
    pub(super) wasted_its_turn: bool,
    /// When it connected, or we last changed between serving it and not.
    pub(super) waits_since: At,
    /// What it had taken by then, bytes.
    pub(super) turn_began_bytes: u64,
    pub(super) am_choking: bool,
    pub(super) am_interested: bool,
    pub(super) peer_choking: bool,
    pub(super) peer_interested: bool,
    /// It wants nothing any more (BEP 21), whatever its interest.
    pub(super) upload_only: bool,
    /// Pieces that it may ask for while we choke it, once we have them (BEP 6).
    pub(super) offered: Vec<PieceIndex>,
    pub(super) held: bool,
    /// It was told to close, and has not said yet that it did.
    pub(super) closing: bool,
    /// A block of it came on this connection.
    pub(super) sent_block: bool,
    /// Smoothed over about ten seconds, bytes a second: what it sends, what it takes.
    pub(super) down_bps: u64,
    pub(super) up_bps: u64,
    pub(super) up_bytes: u64,
}

impl Live {
    pub(super) fn new(peer: PeerKey, addr: SocketAddr, peer_id: PeerId, outgoing: bool, now: At) -> Self {
        Self {
            peer,
            addr,
            peer_id,
            outgoing,
            used: now,
            passed_bytes: 0,
            sent_at: now,
            sent_bytes: 0,
            wasted_its_turn: false,
            waits_since: now,
            turn_began_bytes: 0,
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            upload_only: false,
            offered: Vec::new(),
            held: false,
            closing: false,
            sent_block: false,
            down_bps: 0,
            up_bps: 0,
            up_bytes: 0,
        }
    }

    /// Whether it takes part in the choice of whom to serve.
    pub(super) fn wants_to_be_served(&self) -> bool {
        self.peer_interested && !self.upload_only && !self.held
    }

    /// Takes one second into account: whether it was of use, and the smoothed rates.
    pub(super) fn sampled(&mut self, now: At, sample: &PeerSample) {
        self.passed_bytes += sample.down_bps + sample.up_bps;
        if self.passed_bytes >= u64::from(BLOCK_LENGTH) {
            (self.used, self.passed_bytes) = (now, 0);
            self.wasted_its_turn &= sample.up_bps == 0;
        }
        self.sent_bytes += sample.down_bps;
        if self.sent_bytes >= u64::from(BLOCK_LENGTH) {
            (self.sent_at, self.sent_bytes) = (now, 0);
        }
        let blend = |old: u64, new: u64| if old == 0 { new } else { (old * 9 + new) / 10 };
        self.down_bps = blend(self.down_bps, sample.down_bps);
        self.up_bps = blend(self.up_bps, sample.up_bps);
    }
}
