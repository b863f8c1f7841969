//! A token bucket: bytes that may pass in a second, for all connections of a direction together.

use crate::event::At;

/// What may be saved up, as a fraction of a second.
const BURST_PARTS: u64 = 10;
const LEAST_BURST: u64 = 16 * 1024;

/// Holds a flow of bytes to a rate. It may be overdrawn by one take, which the next pays for; so a take larger
/// than what is ever saved up still passes, and the rate holds over time.
#[derive(Clone, Debug)]
pub struct Bucket {
    rate_bps: Option<u64>,
    /// Bytes times a million: a level that loses nothing to rounding.
    level: i128,
    filled: At,
    /// What passed since it was last asked for, bytes.
    passed_bytes: u64,
    /// Whether more would have passed.
    refused: bool,
}

const MICRO: i128 = 1_000_000;

impl Bucket {
    /// A full bucket; `None`: no limit. A rate of zero is taken for one byte a second.
    pub fn new(rate_bps: Option<u64>) -> Self {
        let mut bucket = Self {
            rate_bps: rate_bps.map(|rate| rate.max(1)),
            level: 0,
            filled: At::ZERO,
            passed_bytes: 0,
            refused: false,
        };
        bucket.level = bucket.burst();
        bucket
    }

    /// The limit, bytes a second.
    pub fn rate_bps(&self) -> Option<u64> {
        self.rate_bps
    }

    /// Changes the limit. Debts made under the old one are forgotten.
    pub fn set_rate(&mut self, now: At, rate_bps: Option<u64>) {
        self.rate_bps = rate_bps.map(|rate| rate.max(1));
        self.level = 0;
        self.filled = now;
    }

    /// Changes the limit. What is saved up or owed stays, as far as the new limit saves up.
    pub fn adjust_rate(&mut self, now: At, rate_bps: u64) {
        if let Some(rate) = self.rate_bps {
            self.fill(now, rate);
            self.rate_bps = Some(rate_bps.max(1));
            self.level = self.level.min(self.burst());
        } else {
            self.set_rate(now, Some(rate_bps));
        }
    }

    /// What passed since this was last asked, bytes, and whether more would have.
    pub fn take_demand(&mut self) -> (u64, bool) {
        (std::mem::take(&mut self.passed_bytes), std::mem::take(&mut self.refused))
    }

    /// Lets `bytes` pass now.
    ///
    /// # Errors
    ///
    /// When nothing is left: the time from which something is. Nothing was taken.
    pub fn take(&mut self, now: At, bytes: u64) -> Result<(), At> {
        let Some(rate) = self.rate_bps else { return Ok(()) };
        self.fill(now, rate);
        if self.level <= 0 {
            self.refused = true;
            let wait_us = (-self.level) / i128::from(rate) + 1;
            return Err(now + At::from_micros(u64::try_from(wait_us).unwrap_or(u64::MAX / 2)));
        }
        self.level -= i128::from(bytes) * MICRO;
        self.passed_bytes += bytes;
        Ok(())
    }

    /// Bytes that may pass now without overdrawing; `None`: no limit.
    pub fn left(&mut self, now: At) -> Option<u64> {
        let rate = self.rate_bps?;
        self.fill(now, rate);
        Some((self.level / MICRO).clamp(0, i128::from(u64::MAX)) as u64)
    }

    /// Gives bytes back that were taken and did not pass.
    pub fn give_back(&mut self, bytes: u64) {
        if self.rate_bps.is_some() {
            self.level = (self.level + i128::from(bytes) * MICRO).min(self.burst());
            self.passed_bytes = self.passed_bytes.saturating_sub(bytes);
        }
    }

    fn burst(&self) -> i128 {
        i128::from(self.rate_bps.map_or(0, |rate| (rate / BURST_PARTS).max(LEAST_BURST.min(rate)))) * MICRO
    }

    fn fill(&mut self, now: At, rate: u64) {
        let passed_us = now.saturating_sub(self.filled).as_micros() as i128;
        self.filled = self.filled.max(now);
        self.level = (self.level + passed_us * i128::from(rate)).min(self.burst());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `chunk` bytes as often as it may for ten seconds, asking again when told to.
    fn passed(bucket: &mut Bucket, chunk: u64) -> u64 {
        let end = At::from_secs(10);
        let (mut now, mut sum) = (At::ZERO, 0);
        while now < end {
            match bucket.take(now, chunk) {
                Ok(()) => sum += chunk,
                Err(at) => {
                    assert!(at > now);
                    now = at;
                }
            }
        }
        sum
    }

    #[test]
    fn holds_the_rate_within_a_tenth() {
        for (rate, chunk) in [(100_000, 16_384), (1_000_000, 16_384), (50_000_000, 262_144), (1_000_000, 100)]
        {
            let bytes = passed(&mut Bucket::new(Some(rate)), chunk);
            let (least, most) = (rate * 9, rate * 11);
            assert!((least..=most).contains(&bytes), "{rate} by {chunk}: {bytes}");
        }
    }

    #[test]
    fn saves_up_no_more_than_a_tenth_of_a_second() {
        let mut bucket = Bucket::new(Some(1_000_000));
        assert_eq!(bucket.left(At::from_secs(100)), Some(100_000));
    }

    #[test]
    fn is_never_empty_without_a_limit() {
        let mut bucket = Bucket::new(None);
        for _ in 0..1000 {
            assert_eq!(bucket.take(At::ZERO, u64::MAX), Ok(()));
        }
    }

    #[test]
    fn a_new_limit_holds_from_now_on() {
        let mut bucket = Bucket::new(Some(1000));
        assert_eq!(bucket.take(At::ZERO, 1_000_000), Ok(()));
        assert!(bucket.take(At::ZERO, 1).is_err());
        bucket.set_rate(At::ZERO, None);
        assert_eq!(bucket.take(At::ZERO, 1_000_000), Ok(()));
        bucket.set_rate(At::from_secs(1), Some(10));
        assert!(bucket.take(At::from_secs(1), 1).is_err());
        assert_eq!(bucket.take(At::from_secs(2), 1), Ok(()));
    }

    #[test]
    fn an_adjusted_limit_forgets_no_debt_and_tells_what_was_wanted() {
        let mut bucket = Bucket::new(Some(100_000));
        assert_eq!(bucket.take(At::ZERO, 50_000), Ok(()));
        assert_eq!(bucket.take_demand(), (50_000, false));
        // 33 616 bytes are owed.
        bucket.adjust_rate(At::ZERO, 10_000);
        assert!(bucket.take(At::from_secs(3), 1).is_err());
        assert_eq!(bucket.take(At::from_secs(4), 1), Ok(()));
        assert_eq!(bucket.take_demand(), (1, true));
        assert_eq!(
            bucket.left(At::from_secs(100)),
            Some(10_000),
            "no more is saved up than the new limit lets"
        );
    }

    #[test]
    fn takes_back_what_did_not_pass() {
        let mut bucket = Bucket::new(Some(100_000));
        assert_eq!(bucket.take(At::ZERO, 50_000), Ok(()));
        assert!(bucket.take(At::ZERO, 1).is_err());
        bucket.give_back(50_000);
        assert_eq!(bucket.take(At::ZERO, 1), Ok(()));
    }
}
