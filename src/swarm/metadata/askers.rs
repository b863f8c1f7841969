//! A peer that offers metadata, and what it was asked for.

use std::time::Duration;

use crate::event::{At, PeerKey};

/// What was asked for is late after this time; for a peer that was late before, after twice that, and so on.
const PATIENCE: Duration = Duration::from_secs(3);
/// Patience is doubled this often at most.
const MOST_DOUBLED: u32 = 4;

/// What a peer offers.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) peer: PeerKey,
    /// The length it claims.
    pub(super) bytes: u32,
    /// What it owes. One that is late is asked for nothing else before it answers.
    pub(super) asks: Vec<Ask>,
    /// It was asked for something.
    pub(super) is_tried: bool,
    /// How often it was late.
    pub(super) lates: u32,
    /// It refused, and is not asked again.
    pub(super) refuses: bool,
    pub(super) held: bool,
}

/// A part that was asked for.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) part: u32,
    late_at: At,
    pub(super) is_late: bool,
}

impl Ask {
    pub(super) fn new(now: At, part: u32, lates: u32) -> Self {
        Self { part, late_at: now + patience(lates), is_late: false }
    }
}

fn patience(lates: u32) -> Duration {
    PATIENCE * (1 << lates.min(MOST_DOUBLED))
}

impl Offer {
    pub(super) fn new(peer: PeerKey, bytes: u32) -> Self {
        Self { peer, bytes, asks: Vec::new(), is_tried: false, lates: 0, refuses: false, held: false }
    }

    pub(super) fn may_be_asked(&self) -> bool {
        !self.held && !self.refuses
    }

    /// It says once more that it has them: it may have had none before, and is asked again.
    pub(super) fn renewed(mut self) -> Self {
        self.refuses = false;
        self.asks.retain(|ask| !ask.is_late);
        self
    }

    /// Whether it owes something for too long.
    pub(super) fn is_silent(&self) -> bool {
        self.asks.iter().any(|ask| ask.is_late)
    }

    /// When it is late with something.
    pub(super) fn deadline(&self) -> Option<At> {
        self.asks.iter().map(|ask| ask.late_at).min()
    }

    /// Time went by; the parts that are late now, and were not before.
    pub(super) fn on_time(&mut self, now: At) -> Vec<u32> {
        let mut late = Vec::new();
        for ask in self.asks.iter_mut().filter(|ask| ask.late_at <= now) {
            self.lates += 1;
            ask.late_at = now + patience(self.lates);
            if !std::mem::replace(&mut ask.is_late, true) {
                late.push(ask.part);
            }
        }
        late
    }
}
