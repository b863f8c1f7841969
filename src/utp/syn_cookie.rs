//! Answers to SYNs that nothing is kept of: the number that our packets would begin with is a hash that only we can
//! make, and the caller's second packet brings it back.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use super::seq::{Micros, SECOND, distance};

/// A cookie is good to the end of one of these, and some seconds longer.
const SLOT: Micros = 64 * SECOND;
/// As long as a second packet may take. Not longer: each slot that is looked at makes it likelier that a packet of no call
/// seems to be of one, by one in 65 536.
const SECONDS_LATER: Micros = 16 * SECOND;
/// Packets after the second that may overtake it.
const OVERTAKING: i32 = 64;
/// So far apart are the SYNs that a packet would be of by two slots in a row. Nobody sends as many packets before the first
/// answer: that of a call of one slot never seems to be of another call of the other.
const SLOT_APART: u16 = 1 << 10;

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
        self.hash(from, id).wrapping_add(syn.wrapping_add(mark(slot)).wrapping_mul(self.factor))
    }

    /// Whether somebody who called with `id` now sends `seq` and acknowledges `ack`.
    pub(super) fn claim(&self, now: Micros, from: SocketAddr, id: u16, seq: u16, ack: u16) -> Claim {
        let slot = now / SLOT;
        let marked = ack.wrapping_add(1).wrapping_sub(self.hash(from, id)).wrapping_mul(self.inverse);
        let before = slot.checked_sub(1).filter(|_| now % SLOT < SECONDS_LATER);
        let answered = |slot: &u64| self.answered.contains(&Some(*slot));
        for slot in [Some(slot), before].into_iter().flatten().filter(answered) {
            match distance(marked.wrapping_sub(mark(slot)), seq) {
                1 => return Claim::Call,
                0 | 2..=OVERTAKING => return Claim::LaterOfCall,
                _ => {}
            }
        }
        Claim::None
    }

    fn hash(&self, from: SocketAddr, id: u16) -> u16 {
        let mut hasher = DefaultHasher::new();
        (self.secret, from, id).hash(&mut hasher);
        #[expect(clippy::cast_possible_truncation, reason = "16 bits are what a packet has room for")]
        let hash = hasher.finish() as u16;
        hash
    }
}

/// What is added to the number of a SYN that is answered in this slot.
fn mark(slot: u64) -> u16 {
    #[expect(clippy::cast_possible_truncation, reason = "it comes again after 64 slots")]
    let slot = slot as u16;
    slot.wrapping_mul(SLOT_APART)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: ([u8; 4], u16) = ([192, 0, 2, 7], 6881);

    #[test]
    fn of_a_call_no_packet_but_the_second_seems_to_be_that_whenever_it_was_answered() {
        let mut rng = fastrand::Rng::with_seed(3);
        for call in 0..2_000 {
            let mut cookies = SynCookies::new(&mut rng);
            let (id, syn, answered) = (rng.u16(..), rng.u16(..), rng.u64(..1_000) * SECOND);
            // Others are answered all the time.
            let ours = cookies.first_seq(answered, FROM.into(), id, syn);
            cookies.first_seq(answered + SLOT, FROM.into(), !id, syn);
            let heard = answered + rng.u64(..16) * SECOND;
            let claim = |seq: u16| cookies.claim(heard, FROM.into(), id, seq, ours.wrapping_sub(1));
            assert_eq!(claim(syn.wrapping_add(1)), Claim::Call, "call {call}");
            for later in 2..=64 {
                assert_eq!(claim(syn.wrapping_add(later)), Claim::LaterOfCall, "call {call}, {later}");
            }
            for beyond in [65, 66, 1_000, 10_000] {
                assert_eq!(claim(syn.wrapping_add(beyond)), Claim::None, "call {call}, {beyond}");
            }
        }
    }

    #[test]
    fn what_was_answered_long_ago_is_no_call_any_more() {
        let mut cookies = SynCookies::new(&mut fastrand::Rng::with_seed(4));
        let ours = cookies.first_seq(SLOT - SECOND, FROM.into(), 9, 100);
        let claim = |cookies: &SynCookies, at| cookies.claim(at, FROM.into(), 9, 101, ours.wrapping_sub(1));
        assert_eq!(claim(&cookies, SLOT + SECONDS_LATER - 1), Claim::Call);
        assert_eq!(claim(&cookies, SLOT + SECONDS_LATER), Claim::None);
        // Nor where others are answered in the slots that follow.
        for slots in 1..9 {
            cookies.first_seq(slots * SLOT, FROM.into(), 8, 1);
            assert_eq!(claim(&cookies, slots * SLOT + SECONDS_LATER), Claim::None, "{slots} slots later");
        }
    }
}
