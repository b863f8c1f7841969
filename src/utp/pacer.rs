//! Spreads what is sent over the round trip: a whole window at once, after an acknowledgement of much, overflows what
//! holds less, such as the socket of a peer.
//!
//! Where a round trip is shorter than what a timer can tell apart nothing is spread.

use super::seq::{MILLISECOND, Micros};

/// Over a shorter way, when it is idle, all is sent at once.
const LEAST_ROUND_TRIP: Micros = 5 * MILLISECOND;
/// As much as leaves in this time may leave at once: timers come no more often.
const AT_ONCE: Micros = 2 * MILLISECOND;
/// Packets that may leave at once however slow it goes.
const PACKETS_AT_ONCE: u32 = 10;
/// More than what fills the window, so that it is the window that bounds what is under way.
const PACE: f64 = 1.25;
/// The same while the window doubles in each round trip.
const PACE_OF_SLOW_START: f64 = 2.0;

/// How fast it may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The congestion window, bytes.
    pub(super) window: u32,
    pub(super) is_slow_start: bool,
    /// Bytes of payload of a packet.
    pub(super) packet: u32,
    /// The mean round trip, and the least of all.
    pub(super) round_trip: Micros,
    pub(super) least_round_trip: Micros,
}

/// What may leave now.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    /// Bytes that may leave; below 0 where more did.
    credit: f64,
    /// When that was.
    counted: Micros,
    /// Nothing leaves before there is credit worth the while.
    is_shut: bool,
    /// Bytes in a microsecond; 0: all that the window allows.
    rate: f64,
    /// Bytes that may leave at once.
    at_once: f64,
}

impl Pacer {
    /// Counts what may leave by now.
    pub(super) fn count(&mut self, now: Micros, pace: Pace) {
        if pace.least_round_trip < LEAST_ROUND_TRIP {
            (self.rate, self.is_shut) = (0.0, false);
            return;
        }
        let gain = if pace.is_slow_start { PACE_OF_SLOW_START } else { PACE };
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a round trip")]
        let round_trip = pace.round_trip.max(1) as f64;
        self.rate = gain * f64::from(pace.window.max(pace.packet)) / round_trip;
        self.at_once = (self.rate * AT_ONCE as f64).max(f64::from(PACKETS_AT_ONCE * pace.packet));
        #[expect(
            clippy::cast_precision_loss,
            reason = "more than a second or two is bounded by what leaves at once"
        )]
        let passed = now.saturating_sub(self.counted) as f64;
        self.credit = (self.credit + passed * self.rate).min(self.at_once);
        self.counted = now;
        self.is_shut &= self.wanting() > 0.0;
    }

    /// The credit that is wanting until more leaves: half of what may leave at once, so that it is worth the while.
    fn wanting(&self) -> f64 {
        self.at_once / 2.0 - self.credit
    }

    /// Whether something may leave, by what was counted last.
    pub(super) fn is_open(&self) -> bool {
        !self.is_shut
    }

    /// When something may leave, where nothing may now and nothing changes.
    pub(super) fn opens(&self) -> Micros {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "more than nothing, and bounded"
        )]
        let wait = (self.wanting() / self.rate).ceil() as Micros;
        self.counted + wait.max(1)
    }

    /// These bytes left.
    pub(super) fn left(&mut self, bytes: u32) {
        if self.rate == 0.0 {
            return;
        }
        self.credit -= f64::from(bytes);
        self.is_shut |= self.credit <= 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::seq::SECOND;
    use super::*;

    const PACKET: u32 = 1_000;

    fn pace(round_trip: Micros) -> Pace {
        let (least_round_trip, packet) = (round_trip, PACKET);
        Pace { window: 1_000_000, is_slow_start: false, packet, round_trip, least_round_trip }
    }

    /// Packets that leave in so long, looked at every so often.
    fn leave(time: Micros, every: Micros, pace: Pace) -> Vec<u32> {
        let mut pacer = Pacer::default();
        let look = |now| {
            pacer.count(now, pace);
            let mut packets = 0;
            while pacer.is_open() && packets < 10_000 {
                pacer.left(PACKET);
                packets += 1;
            }
            packets
        };
        (0..time).step_by(usize::try_from(every).unwrap()).map(look).collect()
    }

    #[test]
    fn a_window_leaves_spread_over_the_round_trip() {
        for every in [100, MILLISECOND, 3 * MILLISECOND / 2] {
            let packets = leave(100 * MILLISECOND, every, pace(100 * MILLISECOND));
            let sum: u32 = packets.iter().sum();
            assert!((1_200..=1_280).contains(&sum), "{sum} packets, looked at every {every} us");
            let most = packets.iter().max().unwrap();
            assert!(*most <= 26, "{most} packets at once");
        }
    }

    #[test]
    fn over_a_short_way_all_leaves_at_once() {
        assert_eq!(leave(1, 1, pace(MILLISECOND)), [10_000]);
    }

    #[test]
    fn what_waits_for_a_small_window_leaves_when_that_grows() {
        let mut pacer = Pacer::default();
        let (small, large) = (Pace { window: 10, ..pace(100 * MILLISECOND) }, pace(100 * MILLISECOND));
        pacer.count(SECOND, small);
        while pacer.is_open() {
            pacer.left(PACKET);
        }
        assert!(pacer.opens() > SECOND + 300 * MILLISECOND);
        pacer.count(SECOND + MILLISECOND, large);
        assert!(pacer.is_open() || pacer.opens() < SECOND + 2 * MILLISECOND);
    }
}
