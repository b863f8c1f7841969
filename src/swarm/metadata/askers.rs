//! A peer that offers metadata, and what it was asked for.

use std::time::Duration;

use crate::event::{At, PeerKey};

/// What was asked for is late after this time; for a peer that was late before, after twice that, and so on.
const PATIENCE: Duration = Duration::from_secs(3);
/// Patience is doubled this often at most.
const MOST_DOUBLED: u32 = 4;
/// What was asked for and did not come by then is asked for again.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// What a peer offers.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) peer: PeerKey,
    /// The length it claims.
    pub(super) bytes: u32,
    pub(super) asks: Vec<Ask>,
    /// It was asked for something.
    pub(super) is_tried: bool,
    /// How often it was late.
    pub(super) lates: u32,
    /// It refused, and is not asked until then.
    pub(super) refused_until: Option<At>,
    pub(super) held: bool,
}

/// A part that was asked for.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) part: u32,
    since: At,
    late_at: At,
    pub(super) is_late: bool,
}

impl Ask {
    pub(super) fn new(now: At, part: u32, lates: u32) -> Self {
        Self { part, since: now, late_at: now + patience(lates), is_late: false }
    }
}

fn patience(lates: u32) -> Duration {
    PATIENCE * (1 << lates.min(MOST_DOUBLED))
}

impl Offer {
    pub(super) fn new(peer: PeerKey, bytes: u32) -> Self {
        Self { peer, bytes, asks: Vec::new(), is_tried: false, lates: 0, refused_until: None, held: false }
    }

    pub(super) fn may_be_asked(&self) -> bool {
        !self.held && self.refused_until.is_none()
    }

    /// Whether it owes something for too long.
    pub(super) fn is_silent(&self) -> bool {
        self.asks.iter().any(|ask| ask.is_late)
    }

    /// When it is late with something, given up for it, or asked again after a refusal.
    pub(super) fn deadline(&self) -> Option<At> {
        let asks = self.asks.iter().map(|ask| ask.late_at.min(ask.since + GIVEN_UP));
        asks.chain(self.refused_until).min()
    }

    /// Time went by; the parts that are late now, and were not before.
    pub(super) fn on_time(&mut self, now: At) -> Vec<u32> {
        self.refused_until.take_if(|until| *until <= now);
        self.asks.retain(|ask| now < ask.since + GIVEN_UP);
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
