//! Whom to serve.
//!
//! While we download: those that send us most (tit for tat, BEP 3, "Choking and Optimistic Unchoking"), and beside them
//! those that take turns. While we seed, all take turns, and so do those that send us nothing: the longest waiting is
//! next, and a turn ends after half a minute, or sooner with a peer that was given much in it. So what is given spreads.

use std::cmp::Reverse;
use std::time::Duration;

use super::ConnKey;
use super::slots::Slots;
use crate::event::At;

/// How often the choice is made anew.
pub(super) const ROUND: Duration = Duration::from_secs(10);
/// How long a turn lasts where others wait.
const TURN: Duration = Duration::from_secs(30);
/// A turn is over when so many pieces were given in it, and as many bytes.
const GIVEN_PIECES: u64 = 4;
const GIVEN_BYTES: u64 = 4 << 20;

/// What the choice looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    pub(super) conn: ConnKey,
    /// What it sends us while we download, bytes a second; nothing while we seed.
    pub(super) worth_bps: u64,
    /// When it connected, or we last changed between serving it and not.
    pub(super) since: At,
    pub(super) unchoked: bool,
    /// What it was given in its turn, bytes.
    pub(super) given_bytes: u64,
}

/// How it is with a candidate's turn; among equals the first are served first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Turn {
    /// It is served; changing at once would cost both a round trip.
    Has,
    Waits,
    Had,
}

/// Chooses whom to serve.
#[derive(Debug)]
pub(super) struct Choker {
    slots: Slots,
    piece_bytes: u64,
    next_round: At,
    /// Bytes sent in all until the last round.
    sent_bytes: u64,
    /// Somebody was not chosen, last time.
    waited: bool,
}

impl Choker {
    /// Counts rounds from `now` on.
    pub(super) fn new(now: At, slots: Slots) -> Self {
        Self { slots, piece_bytes: 0, next_round: now.saturating_add(ROUND), sent_bytes: 0, waited: false }
    }

    /// The length of pieces is known.
    pub(super) fn know(&mut self, piece_bytes: u32) {
        self.piece_bytes = u64::from(piece_bytes);
    }

    /// When [`Self::on_time`] is wanted.
    pub(super) fn deadline(&self) -> At {
        self.next_round
    }

    /// Whether a round is over, so that peers are chosen again; takes the bytes sent in all.
    pub(super) fn on_time(&mut self, now: At, sent_bytes: u64, limit_bps: Option<u64>) -> bool {
        if now < self.next_round {
            return false;
        }
        self.next_round = now + ROUND;
        let sent = sent_bytes.saturating_sub(std::mem::replace(&mut self.sent_bytes, sent_bytes));
        self.slots.round(sent, limit_bps, self.waited);
        true
    }

    /// Whether one more would be served, where `served` are of those that want to be.
    pub(super) fn has_room(&self, served: usize, wanting: usize) -> bool {
        served < self.slots.for_turns(0, wanting)
    }

    /// The connections to serve.
    pub(super) fn choose(&mut self, now: At, candidates: &[Candidate]) -> Vec<ConnKey> {
        let order = |candidate: &Candidate| (self.turn(now, candidate), candidate.since, candidate.conn);
        let (mut ranked, mut turns): (Vec<&Candidate>, Vec<&Candidate>) =
            candidates.iter().partition(|candidate| candidate.worth_bps > 0);
        ranked.sort_by_key(|candidate| (Reverse(candidate.worth_bps), order(candidate)));
        turns.extend(ranked.drain(self.slots.regular().min(ranked.len())..));
        let places = self.slots.for_turns(ranked.len(), turns.len());
        turns.sort_by_key(|candidate| order(candidate));
        self.waited = turns.len() > places;
        turns.truncate(places);
        self.slots.hold(ranked.len() + turns.len(), candidates.len());
        ranked.iter().chain(&turns).map(|candidate| candidate.conn).collect()
    }

    fn turn(&self, now: At, candidate: &Candidate) -> Turn {
        if !candidate.unchoked {
            return Turn::Waits;
        }
        let served = now.saturating_sub(candidate.since);
        let enough = GIVEN_BYTES.max(GIVEN_PIECES.saturating_mul(self.piece_bytes));
        match served >= TURN || (served >= ROUND && candidate.given_bytes >= enough) {
            true => Turn::Had,
            false => Turn::Has,
        }
    }
}

#[cfg(test)]
mod tests;
