//! What the peers of `benches/swarm.rs` do, and when: read from JSON, in bytes and milliseconds.

use serde::Deserialize;

/// A time that never comes.
pub(crate) const NEVER: u64 = u64::MAX;
/// Bytes of a block.
const BLOCK_BYTES: u64 = 16 * 1024;

/// A payload and its peers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwarmScript {
    pub(crate) mib: usize,
    pub(crate) piece_kib: usize,
    pub(crate) peers: Vec<PeerScript>,
}

/// One peer. Times count from the first announce.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerScript {
    /// What it sends, in bytes a second.
    pub(crate) rate: u64,
    /// What it has from the beginning; without a list everything.
    #[serde(default)]
    pub(crate) pieces: Option<Vec<u32>>,
    /// What it gets later: pieces and times, in the order of the times.
    #[serde(default)]
    pub(crate) gains: Vec<(u32, u64)>,
    /// How much later than it was asked it answers.
    #[serde(default)]
    pub(crate) latency_ms: u64,
    /// When it is there and listens.
    #[serde(default)]
    pub(crate) here: Turns,
    /// Whether the tracker names it.
    #[serde(default = "yes")]
    pub(crate) named: bool,
    /// Whether it dials the downloader when it comes late or comes back: real peers learn of us from the tracker.
    #[serde(default)]
    pub(crate) dials: bool,
    /// When it unchokes.
    #[serde(default)]
    pub(crate) serves: Turns,
    /// It refuses every request of this number (BEP 6); zero: none.
    #[serde(default)]
    pub(crate) refuses_every: u64,
    /// Whether it answers requests in random order.
    #[serde(default)]
    pub(crate) shuffles: bool,
}

fn yes() -> bool {
    true
}

/// On for a while, off for a while, and so on.
#[derive(Deserialize, Clone, Copy, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turns {
    /// When it is on for the first time.
    #[serde(default)]
    pub(crate) from_ms: u64,
    /// How long it stays on; nothing: for ever.
    #[serde(default)]
    pub(crate) on_ms: Option<u64>,
    /// How long it stays off; nothing: for ever.
    #[serde(default)]
    pub(crate) off_ms: Option<u64>,
}

impl Turns {
    /// Whether it is on, and when that changes.
    pub(crate) fn at(&self, now_ms: u64) -> (bool, u64) {
        let Some(since) = now_ms.checked_sub(self.from_ms) else { return (false, self.from_ms) };
        let Some(on) = self.on_ms else { return (true, NEVER) };
        let (began, into) = match self.off_ms {
            Some(off) => (now_ms - since % (on + off), since % (on + off)),
            None => (self.from_ms, since),
        };
        if into < on {
            (true, began + on)
        } else {
            (false, self.off_ms.map_or(NEVER, |off| began + on + off))
        }
    }
}

impl PeerScript {
    /// How long it may have sent between two times, in ms. It finishes the block it is at before it chokes.
    pub(crate) fn sending_ms(&self, from: u64, to: u64) -> u64 {
        let block_ms = BLOCK_BYTES * 1000 / self.rate + 1;
        let (mut at, mut sum, mut finishing) = (0, 0, 0);
        while at < to {
            let ((here, here_until), (serves, serves_until)) = (self.here.at(at), self.serves.at(at));
            let (serving, until) = (here && serves, here_until.min(serves_until));
            let end = if !serving && here && finishing > at { until.min(finishing) } else { until };
            let end = end.min(to);
            if serving || (here && finishing > at) {
                sum += end.saturating_sub(at.max(from));
            }
            if serving {
                finishing = end + block_ms;
            } else if !here {
                finishing = 0;
            }
            at = end;
        }
        sum
    }
}
