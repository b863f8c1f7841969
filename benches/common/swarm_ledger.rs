//! What the peers of `benches/swarm.rs` sent, and when it became enough.

use std::time::Duration;

use serde::Serialize;
use ttui::wire::BlockSpec;

const BLOCK_BYTES: u64 = 16 * 1024;

/// What all peers sent.
#[derive(Serialize)]
pub(crate) struct Ledger {
    /// The first announce, in seconds of the system's monotonic clock.
    began_s: f64,
    /// Seconds from the first announce until 1 %, 2 % and so on of the bytes had been sent at least once.
    crossed_s: Vec<f64>,
    /// Bytes of blocks that were sent in full, each counted once.
    useful_bytes: u64,
    /// Bytes of blocks in all.
    sent_bytes: u64,
    peers: Vec<PeerLedger>,
    #[serde(skip)]
    total_bytes: u64,
    #[serde(skip)]
    piece_bytes: u64,
    #[serde(skip)]
    served: Vec<bool>,
}

/// What one peer was asked and sent.
#[derive(Serialize, Clone, Default)]
pub(crate) struct PeerLedger {
    pub(crate) connections: u64,
    pub(crate) requests: u64,
    pub(crate) cancels: u64,
    pub(crate) refused: u64,
    /// Bytes of blocks.
    pub(crate) sent_bytes: u64,
    /// Those that nobody had sent before.
    pub(crate) useful_bytes: u64,
}

impl Ledger {
    pub(crate) fn new(total_bytes: u64, piece_bytes: u64, peers: usize) -> Self {
        Self {
            began_s: 0.0,
            crossed_s: Vec::new(),
            useful_bytes: 0,
            sent_bytes: 0,
            peers: vec![PeerLedger::default(); peers],
            total_bytes,
            piece_bytes,
            served: vec![false; total_bytes.div_ceil(BLOCK_BYTES) as usize],
        }
    }

    /// The first announce comes.
    pub(crate) fn begins_at(&mut self, monotonic_s: f64) {
        self.began_s = monotonic_s;
    }

    pub(crate) fn peer(&mut self, number: usize) -> &mut PeerLedger {
        &mut self.peers[number]
    }

    /// Some bytes of a block left a peer.
    pub(crate) fn sent(&mut self, peer: usize, bytes: u64) {
        self.sent_bytes += bytes;
        self.peers[peer].sent_bytes += bytes;
    }

    /// The last byte of a block left a peer.
    pub(crate) fn completed(&mut self, peer: usize, block: BlockSpec, now: Duration) {
        let at = u64::from(block.index) * self.piece_bytes + u64::from(block.begin);
        let served = &mut self.served[(at / BLOCK_BYTES) as usize];
        if std::mem::replace(served, true) {
            return;
        }
        self.useful_bytes += u64::from(block.length);
        self.peers[peer].useful_bytes += u64::from(block.length);
        while (self.crossed_s.len() as u64 + 1) * self.total_bytes <= self.useful_bytes * 100 {
            self.crossed_s.push(now.as_secs_f64());
        }
    }
}
