//! Answers to SYNs that nothing is kept of: the number that our packets would begin with is a hash that only we can
//! make, and the caller's second packet brings it back.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use super::seq::{Micros, SECOND, distance};

/// A cookie is good to the end of one of these, and some seconds longer.
const SLOT: Micros = 64 * SECOND;
/// As long as a second packet may take. Not longer: each slot that is looked at makes it likelier that a packet that is none
/// seems to be one, by one in 65 536.
const SECONDS_LATER: Micros = 16 * SECOND;
/// Packets after the second that may overtake it.
const OVERTAKING: i32 = 64;

/// What an acknowledgement from an unknown address says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Claim {
    /// It is the second packet of a call that we answered.
    Call,
    /// It belongs to a call that we answered, but is not the second packet.
    LaterOfCall,
    /// We answered no such call.
    None,
}

/// The secret that cookies are made with.
#[derive(Debug)]
pub(super) struct SynCookies {
    secret: [u64; 4],
    /// An odd number that the number of a SYN is multiplied by, and the one that takes that back.
    factor: u16,
    inverse: u16,
    /// Of this slot and the one before, by the parity of their numbers: which slot it is, if a call was answered in it.
    answered: [Option<u64>; 2],
}

impl SynCookies {
    pub(super) fn new(rng: &mut fastrand::Rng) -> Self {
        let factor = rng.u16(..) | 1;
        // Each step doubles the bits that are right, of which three are at first.
        let inverse = (0..3).fold(factor, |inverse: u16, _| {
            inverse.wrapping_mul(2_u16.wrapping_sub(factor.wrapping_mul(inverse)))
        });
        Self { secret: std::array::from_fn(|_| rng.u64(..)), factor, inverse, answered: [None; 2] }
    }

    /// The number of our first packet to who called from there with this id, by a SYN of this number.
    pub(super) fn first_seq(&mut self, now: Micros, from: SocketAddr, id: u16, syn: u16) -> u16 {
        // The number of the SYN is added, not hashed: any packet of the call then tells it. It is multiplied first: a packet
        // that says more is acknowledged, and is as much further on itself, must not seem to be the second.
        let slot = now / SLOT;
        self.answered[usize::from(slot % 2 == 1)] = Some(slot);
        self.hash(slot, from, id).wrapping_add(syn.wrapping_mul(self.factor))
    }

    /// Whether somebody who called with `id` now sends `seq` and acknowledges `ack`.
    pub(super) fn claim(&self, now: Micros, from: SocketAddr, id: u16, seq: u16, ack: u16) -> Claim {
        let slot = now / SLOT;
        let mut claim = Claim::None;
        let before = slot.checked_sub(1).filter(|_| now % SLOT < SECONDS_LATER);
        let answered = |slot: &u64| self.answered.contains(&Some(*slot));
        for slot in [Some(slot), before].into_iter().flatten().filter(answered) {
            let added = ack.wrapping_add(1).wrapping_sub(self.hash(slot, from, id));
            let syn = added.wrapping_mul(self.inverse);
            match distance(syn, seq) {
                1 => return Claim::Call,
                0 | 2..=OVERTAKING => claim = Claim::LaterOfCall,
                _ => {}
            }
        }
        claim
    }

    fn hash(&self, slot: u64, from: SocketAddr, id: u16) -> u16 {
        let mut hasher = DefaultHasher::new();
        (self.secret, slot, from, id).hash(&mut hasher);
        #[expect(clippy::cast_possible_truncation, reason = "16 bits are what a packet has room for")]
        let hash = hasher.finish() as u16;
        hash
    }
}
