//! What decisions keep of peers that shook hands.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::ConnKey;
use super::choker::{self, Candidate};
use crate::event::{At, PeerKey, PeerSample, Transport};
use crate::metainfo::{BLOCK_LENGTH, PeerId};
use crate::wire::PexFlags;

/// Every live peer, by its connection.
#[derive(Debug, Default)]
pub(super) struct Connected {
    peers: BTreeMap<ConnKey, Live>,
    /// How many were told to close.
    closing: usize,
}

impl Connected {
    pub(super) fn get(&self, conn: ConnKey) -> Option<&Live> {
        self.peers.get(&conn)
    }

    pub(super) fn get_mut(&mut self, conn: ConnKey) -> Option<&mut Live> {
        self.peers.get_mut(&conn)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ConnKey, &Live)> {
        self.peers.iter()
    }

    pub(super) fn conns(&self) -> Vec<ConnKey> {
        self.peers.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    /// Those that were not told to close.
    pub(super) fn staying(&self) -> usize {
        self.peers.len() - self.closing
    }

    /// A peer shook hands.
    pub(super) fn joined(&mut self, conn: ConnKey, live: Live) {
        self.peers.insert(conn, live);
    }

    /// The connection is to close; whether that is news.
    pub(super) fn close(&mut self, conn: ConnKey) -> bool {
        // One that is gone already is told all the same.
        let news = self.peers.get_mut(&conn).map(|live| !std::mem::replace(&mut live.closing, true));
        self.closing += usize::from(news == Some(true));
        news != Some(false)
    }

    /// The connection is over.
    pub(super) fn left(&mut self, conn: ConnKey) -> Option<Live> {
        let live = self.peers.remove(&conn)?;
        self.closing -= usize::from(live.closing);
        Some(live)
    }

    /// Those that may go, the least used first: none that is held, or that `rank` has none for.
    pub(super) fn least_used(&self, rank: impl Fn(ConnKey, &Live) -> Option<u8>) -> Vec<ConnKey> {
        let may_go = self.iter().filter(|(_, live)| !live.closing && !live.held);
        let mut ranked: Vec<_> = may_go
            .filter_map(|(conn, live)| Some((rank(*conn, live)?, live.down_bps, live.used, *conn)))
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(.., conn)| conn).collect()
    }
}

/// A live peer.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) peer: PeerKey,
    pub(super) addr: SocketAddr,
    pub(super) peer_id: PeerId,
    /// We opened the connection.
    pub(super) outgoing: bool,
    /// Over what.
    pub(super) transport: Transport,
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
    turn_began_bytes: u64,
    pub(super) am_choking: bool,
    pub(super) am_interested: bool,
    pub(super) peer_choking: bool,
    pub(super) peer_interested: bool,
    /// It wants nothing any more (BEP 21), whatever its interest.
    pub(super) upload_only: bool,
    /// It takes part in holepunch (BEP 55).
    pub(super) punches: bool,
    pub(super) held: bool,
    /// It was told to close, and has not said yet that it did.
    pub(super) closing: bool,
    /// A block of it came on this connection.
    sent_block: bool,
    /// What it sends, smoothed over about ten seconds, bytes a second.
    down_bps: u64,
    pub(super) up_bytes: u64,
}

impl Live {
    pub(super) fn new(
        peer: PeerKey,
        addr: SocketAddr,
        peer_id: PeerId,
        (outgoing, transport): (bool, Transport),
        now: At,
    ) -> Self {
        Self {
            peer,
            addr,
            peer_id,
            outgoing,
            transport,
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
            punches: false,
            held: false,
            closing: false,
            sent_block: false,
            down_bps: 0,
            up_bytes: 0,
        }
    }

    /// What others are told of it, which is dialled encrypted or not, and has everything or not.
    pub(super) fn flags(&self, encrypts: bool, is_seed: bool) -> PexFlags {
        PexFlags::default()
            .with(PexFlags::ENCRYPTED, encrypts)
            .with(PexFlags::SEED, self.upload_only || is_seed)
            .with(PexFlags::UTP, self.transport == Transport::Utp)
            .with(PexFlags::HOLEPUNCH, self.punches)
            .with(PexFlags::REACHABLE, self.outgoing)
    }

    /// Whether it takes part in the choice of whom to serve.
    pub(super) fn wants_to_be_served(&self) -> bool {
        self.peer_interested && !self.upload_only && !self.held
    }

    /// What the choice of whom to serve looks at; while we seed what it sends is worth nothing.
    pub(super) fn candidate(&self, conn: ConnKey, seeding: bool) -> Candidate {
        Candidate {
            conn,
            worth_bps: if seeding { 0 } else { self.down_bps },
            since: self.waits_since,
            unchoked: !self.am_choking,
            given_bytes: self.up_bytes.saturating_sub(self.turn_began_bytes),
        }
    }

    /// It is choked from now on, or served; whether that is news.
    pub(super) fn choke(&mut self, now: At, choking: bool) -> bool {
        if self.am_choking == choking {
            return false;
        }
        // A peer that had a turn and let it pass has no use for the next.
        let whole_turn = choking && now.saturating_sub(self.waits_since) >= choker::ROUND;
        self.wasted_its_turn |= whole_turn && self.used < self.waits_since && self.peer_interested;
        (self.am_choking, self.waits_since, self.turn_began_bytes) = (choking, now, self.up_bytes);
        true
    }

    /// A block of it came; whether it is the first.
    pub(super) fn sent(&mut self, now: At) -> bool {
        (self.used, self.sent_at) = (now, now);
        !std::mem::replace(&mut self.sent_block, true)
    }

    /// Takes one second into account: whether it was of use, and the smoothed rate.
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
        self.down_bps = match self.down_bps {
            0 => sample.down_bps,
            known => (known * 9 + sample.down_bps) / 10,
        };
    }
}
