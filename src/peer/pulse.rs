//! When a connection was heard and when it spoke, and what went over it from one second to the next.

use super::output::Output;
use super::{News, WindowState};
use crate::event::{At, PeerSample};

/// A connection looks this often at what went by.
const TICK: At = At::from_secs(1);
/// We say something at least this often.
const KEEP_ALIVE_AFTER: At = At::from_secs(100);

/// The times and counters of one connection.
#[derive(Debug)]
pub(super) struct Pulse {
    /// When a whole message came, or more of a block: the bytes of a message that never ends are as good as silence.
    heard: At,
    spoke: At,
    spoken_bytes: u64,
    /// Bytes of blocks that came, those of a block under way as well.
    down_bytes: u64,
    sampled: Sampled,
}

/// Where the counters stood at the last sample.
#[derive(Debug)]
struct Sampled {
    at: At,
    down_bytes: u64,
    up_bytes: u64,
}

impl Pulse {
    /// The connection begins.
    pub(super) fn new(now: At) -> Self {
        let sampled = Sampled { at: now, down_bytes: 0, up_bytes: 0 };
        Self { heard: now, spoke: now, spoken_bytes: 0, down_bytes: 0, sampled }
    }

    /// A message came, or these bytes of blocks.
    pub(super) fn hears(&mut self, now: At, down_bytes: u64) {
        self.heard = now;
        self.down_bytes += down_bytes;
    }

    /// How long nothing was heard.
    pub(super) fn silence(&self, now: At) -> At {
        now.saturating_sub(self.heard)
    }

    /// When a second will have gone by.
    pub(super) fn deadline(&self) -> At {
        self.sampled.at + TICK
    }

    /// Whether it is time to say that we are still here.
    pub(super) fn keeps_alive(&mut self, now: At, output: &Output) -> bool {
        if std::mem::replace(&mut self.spoken_bytes, output.bytes()) != output.bytes() {
            self.spoke = now;
        }
        output.is_empty() && now.saturating_sub(self.spoke) >= KEEP_ALIVE_AFTER
    }

    /// Whether anything went over the line since the last sample.
    pub(super) fn is_uncounted(&self, output: &Output) -> bool {
        (self.sampled.down_bytes, self.sampled.up_bytes) != (self.down_bytes, output.payload_bytes())
    }

    /// Counts what went over the line since the last sample.
    pub(super) fn sample(&mut self, now: At, output: &Output, window: WindowState) -> News {
        let (down_bytes, up_bytes) = (self.down_bytes, output.payload_bytes());
        let passed_ms = now.saturating_sub(self.sampled.at).as_millis().max(1) as u64;
        let bps = |bytes: u64| bytes.saturating_mul(1000) / passed_ms;
        let (down_bps, up_bps) =
            (bps(down_bytes - self.sampled.down_bytes), bps(up_bytes - self.sampled.up_bytes));
        self.sampled = Sampled { at: now, down_bytes, up_bytes };
        News::Sample(PeerSample {
            down_bps,
            up_bps,
            down_bytes,
            up_bytes,
            requests_out: window.outstanding,
            request_target: window.target,
            oldest_request_ms: window.oldest_request_ms,
            latency_ms: window.round_trip_ms,
        })
    }
}
