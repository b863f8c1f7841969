//! Bytes a second over the last two seconds.

use crate::event::At;

const BUCKET_MS: u64 = 200;
const BUCKETS: usize = 10;
/// Rates are not taken over less than this, so that one full socket buffer does not look like a fast peer.
const SHORTEST_MS: u64 = 50;

/// Measures a rate from bytes and times handed in.
#[derive(Clone, Debug, Default)]
pub(super) struct RateMeter {
    bytes: [u64; BUCKETS],
    /// Number of the bucket that is being filled, counted from the start of the run.
    bucket: u64,
    began_ms: u64,
    running: bool,
}

impl RateMeter {
    /// Something is expected from now on: idle time before `now` does not count. Does nothing while bytes of the
    /// last two seconds are known.
    pub(super) fn begin(&mut self, now: At) {
        self.roll(now);
        if !self.running || self.bytes.iter().all(|&bytes| bytes == 0) {
            self.began_ms = millis(now);
            self.running = true;
        }
    }

    /// So many bytes came.
    pub(super) fn add(&mut self, now: At, bytes: u64) {
        if !self.running {
            self.begin(now);
        }
        self.roll(now);
        self.bytes[(self.bucket as usize) % BUCKETS] += bytes;
    }

    /// Bytes a second over two seconds, or since it began.
    pub(super) fn bps(&self, now: At) -> u64 {
        self.over(BUCKETS as u64, now)
    }

    /// The greater of the rates over two seconds and over the last half: rises fast, falls slowly.
    pub(super) fn recent_bps(&self, now: At) -> u64 {
        self.bps(now).max(self.over(3, now))
    }

    fn over(&self, buckets: u64, now: At) -> u64 {
        let current = millis(now) / BUCKET_MS;
        let first = (current + 1).saturating_sub(buckets);
        let bytes: u64 = (first..=current)
            .filter(|&bucket| bucket <= self.bucket && bucket + BUCKETS as u64 > self.bucket)
            .map(|bucket| self.bytes[(bucket as usize) % BUCKETS])
            .sum();
        let since = (first * BUCKET_MS).max(self.began_ms);
        bytes.saturating_mul(1000) / millis(now).saturating_sub(since).max(SHORTEST_MS)
    }

    fn roll(&mut self, now: At) {
        let current = millis(now) / BUCKET_MS;
        for bucket in (self.bucket + 1..=current).take(BUCKETS) {
            self.bytes[(bucket as usize) % BUCKETS] = 0;
        }
        if current > self.bucket + BUCKETS as u64 {
            self.bytes = [0; BUCKETS];
        }
        self.bucket = self.bucket.max(current);
    }
}

fn millis(at: At) -> u64 {
    at.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_a_steady_rate() {
        let mut meter = RateMeter::default();
        for tick in 0..500u64 {
            meter.add(At::from_millis(tick * 10), 1000);
        }
        let bps = meter.bps(At::from_millis(5000));
        assert!((90_000..=110_000).contains(&bps), "{bps}");
    }

    #[test]
    fn falls_to_nothing_two_seconds_after_the_last_byte() {
        let mut meter = RateMeter::default();
        meter.add(At::from_millis(100), 1_000_000);
        assert!(meter.bps(At::from_millis(200)) > 0);
        assert_eq!(meter.bps(At::from_millis(2300)), 0);
        meter.add(At::from_secs(100), 10);
        assert!(meter.bps(At::from_secs(100)) < 1000);
    }

    #[test]
    fn does_not_count_idle_time_before_it_begins() {
        let mut meter = RateMeter::default();
        meter.begin(At::from_secs(50));
        meter.add(At::from_millis(50_100), 100_000);
        assert!(meter.bps(At::from_millis(50_100)) >= 900_000);
    }
}
