//! The round-trip time, and how long an acknowledgement is waited for.

use super::seq::{MILLISECOND, Micros, SECOND};

/// Waited for at least: other sides may hold acknowledgements back.
const LEAST_TIMEOUT: Micros = 500 * MILLISECOND;
/// Before anything was measured.
pub(super) const FIRST_TIMEOUT: Micros = SECOND;
const MOST_TIMEOUT: Micros = 60 * SECOND;

/// What was measured, smoothed.
#[derive(Debug)]
pub(super) struct Rtt {
    mean: Micros,
    deviation: Micros,
    least: Micros,
    measured: bool,
}

impl Rtt {
    pub(super) fn new() -> Self {
        Self { mean: 0, deviation: 0, least: Micros::MAX, measured: false }
    }

    /// One packet, sent once, was acknowledged after this time.
    pub(super) fn sample(&mut self, took: Micros) {
        self.least = self.least.min(took);
        self.follow(took);
    }

    /// The same where word of it may have come before and be lost: it may have taken less, and is no bound from below.
    pub(super) fn sample_late(&mut self, took: Micros) {
        self.follow(took.min(self.timeout()));
    }

    /// Before anything was measured: how long a packet each way took, by what both ends say.
    pub(super) fn guess(&mut self, took: Micros) {
        if !self.measured && took < FIRST_TIMEOUT {
            self.follow(took);
        }
    }

    fn follow(&mut self, took: Micros) {
        if self.measured {
            let off = self.mean.abs_diff(took);
            self.deviation = (self.deviation * 3 + off) / 4;
            self.mean = (self.mean * 7 + took) / 8;
        } else {
            (self.mean, self.deviation, self.measured) = (took, took / 2, true);
        }
    }

    /// The mean; `None` before the first measurement.
    pub(super) fn mean(&self) -> Option<Micros> {
        self.measured.then_some(self.mean)
    }

    /// The least of all; `None` before the first that was not late.
    pub(super) fn least(&self) -> Option<Micros> {
        (self.least < Micros::MAX).then_some(self.least)
    }

    /// A round trip hardly ever takes longer; `None` before the first measurement.
    pub(super) fn most(&self) -> Option<Micros> {
        self.measured.then_some(self.mean + 4 * self.deviation)
    }

    /// After this time what the peer still misses, or says nothing of, is not only late; `None` before the first measurement.
    pub(super) fn patience(&self) -> Option<Micros> {
        self.most().map(|most| self.mean + most)
    }

    /// How long an acknowledgement is waited for.
    pub(super) fn timeout(&self) -> Micros {
        self.most().map_or(FIRST_TIMEOUT, |most| most.clamp(LEAST_TIMEOUT, MOST_TIMEOUT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_come_before_moves_the_mean_and_is_never_the_least() {
        let mut rtt = Rtt::new();
        rtt.sample_late(7 * SECOND);
        assert_eq!((rtt.mean(), rtt.least()), (Some(SECOND), None));
        rtt.sample(80 * MILLISECOND);
        rtt.sample_late(60 * MILLISECOND);
        assert_eq!(rtt.least(), Some(80 * MILLISECOND));
        // Where round trips grow beyond what is waited for, that follows them.
        (0..20).for_each(|_| rtt.sample_late(20 * SECOND));
        assert!(rtt.timeout() > 20 * SECOND, "{rtt:?}");
    }
}
