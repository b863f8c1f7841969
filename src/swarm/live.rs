//! What decisions keep of a peer that shook hands.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::WindowState;
use crate::event::{At, PeerKey, PeerSample};
use crate::metainfo::{BLOCK_LENGTH, Bitfield, BlockRef, PeerId, PieceIndex};

/// A round trip that is not that of a peer nearby, however busy both ends are.
const FAR_MS: u64 = 50;

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
    /// Since when it owes us a block: it was asked for some, and none came, however often it choked or refused us.
    pub(super) owes_since: Option<At>,
    /// It was served and took no block, since it last took one.
    pub(super) wasted_its_turn: bool,
    /// When it connected, or we last changed between serving it and not.
    pub(super) waits_since: At,
    /// What it had taken by then, bytes.
    pub(super) turn_began_bytes: u64,
    pub(super) has: Option<Bitfield>,
    /// Pieces it has and we have not.
    pub(super) wanted: u32,
    pub(super) am_choking: bool,
    pub(super) am_interested: bool,
    pub(super) peer_choking: bool,
    pub(super) peer_interested: bool,
    /// It wants nothing any more (BEP 21), whatever its interest.
    pub(super) upload_only: bool,
    /// Pieces that it may ask for while we choke it, once we have them (BEP 6).
    pub(super) offered: Vec<PieceIndex>,
    /// Pieces that it sends even while it chokes us (BEP 6).
    pub(super) fast: BTreeSet<PieceIndex>,
    pub(super) held: bool,
    /// It was told to close, and has not said yet that it did.
    pub(super) closing: bool,
    /// Blocks granted to it and not here yet.
    pub(super) blocks: BTreeSet<BlockRef>,
    /// The last piece it was granted blocks of.
    pub(super) current: Option<PieceIndex>,
    pub(super) window: WindowState,
    /// When its last block came, or, before, when it was first granted some after having none.
    pub(super) progress: At,
    /// It has not sent anything for long while asked: it gets one block at a time.
    pub(super) snubbed: bool,
    /// A block of it came on this connection.
    pub(super) sent_block: bool,
    /// Smoothed over about ten seconds, bytes a second: what it sends, what it takes.
    pub(super) down_bps: u64,
    pub(super) up_bps: u64,
    /// The most that `down_bps` was.
    pub(super) best_bps: u64,
    pub(super) up_bytes: u64,
    /// There was nothing to pick for it when the swarm's generation was this.
    pub(super) dry_at: Option<u64>,
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
            owes_since: None,
            wasted_its_turn: false,
            waits_since: now,
            turn_began_bytes: 0,
            has: None,
            wanted: 0,
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            upload_only: false,
            offered: Vec::new(),
            fast: BTreeSet::new(),
            held: false,
            closing: false,
            blocks: BTreeSet::new(),
            current: None,
            window: WindowState::default(),
            progress: now,
            snubbed: false,
            sent_block: false,
            down_bps: 0,
            up_bps: 0,
            best_bps: 0,
            up_bytes: 0,
            dry_at: None,
        }
    }

    pub(super) fn has_piece(&self, piece: PieceIndex) -> bool {
        self.has.as_ref().is_some_and(|has| has.has(piece))
    }

    pub(super) fn is_seed(&self) -> bool {
        self.has.as_ref().is_some_and(Bitfield::is_full)
    }

    /// Whether it can be counted on to have sent all it was asked for by then: it sends, and fast enough.
    pub(super) fn is_done_by(&self, now: At, then: At) -> bool {
        let within = then.saturating_sub(now);
        let takes_ms =
            self.blocks.len() as u64 * u64::from(BLOCK_LENGTH) * 1000 / self.window.down_bps.max(1);
        !self.snubbed
            && now.saturating_sub(self.progress) < within
            && u128::from(takes_ms) < within.as_millis()
    }

    /// Whether it is far away, and will have sent all it was asked for before much more than a round trip is over: what
    /// it is asked for now may come too late to keep it busy.
    pub(super) fn runs_dry(&self) -> bool {
        let round_trip_ms = u64::from(self.window.round_trip_ms);
        let sent = self.window.down_bps.saturating_mul(2 * round_trip_ms) / 1000;
        round_trip_ms >= FAR_MS && !self.snubbed && self.blocks.len() as u64 * u64::from(BLOCK_LENGTH) < sent
    }

    /// What it sends, bytes a second: of the last moments or smoothed, whichever is more.
    pub(super) fn rate(&self) -> u64 {
        self.window.down_bps.max(self.down_bps)
    }

    /// Whether blocks can be asked of it.
    pub(super) fn can_be_asked(&self) -> bool {
        !self.peer_choking && self.am_interested && !self.held && !self.closing
    }

    /// Whether it takes part in the choice of whom to serve.
    pub(super) fn wants_to_be_served(&self) -> bool {
        self.peer_interested && !self.upload_only && !self.held
    }

    /// Whether blocks of some pieces can be asked of it though it chokes us.
    pub(super) fn can_be_asked_choking(&self) -> bool {
        self.peer_choking && !self.fast.is_empty() && self.am_interested && !self.held && !self.closing
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
        self.best_bps = self.best_bps.max(self.down_bps);
    }
}
