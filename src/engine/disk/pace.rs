//! How long the disk takes for a write, and how much it takes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A disk that takes this long for a write on average is slow: others can be written meanwhile.
const SLOW: Duration = Duration::from_millis(10);
/// It is no more when a write takes no longer than this.
const QUICK: Duration = Duration::from_millis(5);
/// A write counts as one in so many.
const WEIGHT: u64 = 8;

/// What is known of the disk. Counted by several threads without a lock: a write that gets lost in a race changes
/// nothing that matters.
#[derive(Debug, Default)]
pub(super) struct Pace {
    average_us: AtomicU64,
    written_bytes: AtomicU64,
    pending_bytes: AtomicU64,
    slow: AtomicBool,
}

impl Pace {
    /// So many bytes wait to be written.
    pub(super) fn waits(&self, bytes: u64) {
        self.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes wait no more, whatever became of them.
    pub(super) fn ended(&self, bytes: u64) {
        self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// One write took this long. Returns whether the disk is slow.
    pub(super) fn wrote(&self, bytes: u64, took: Duration) -> bool {
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX / WEIGHT);
        let average = self.average_us.load(Ordering::Relaxed);
        let average = (average * (WEIGHT - 1) + took) / WEIGHT;
        self.average_us.store(average, Ordering::Relaxed);
        let limit = if self.is_slow() { QUICK } else { SLOW };
        let slow = average > limit.as_micros() as u64;
        self.slow.store(slow, Ordering::Relaxed);
        slow
    }

    pub(super) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    /// What a write takes on average.
    pub(super) fn average(&self) -> Duration {
        Duration::from_micros(self.average_us.load(Ordering::Relaxed))
    }

    /// Bytes written so far.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that wait to be written, or are under way.
    pub(super) fn pending_bytes(&self) -> u64 {
        self.pending_bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_slow_when_writes_take_long_for_a_while_and_quick_again_when_they_do_not() {
        let pace = Pace::default();
        let ms = Duration::from_millis;
        assert!(!pace.wrote(1, ms(60)), "once is nothing");
        assert!((0..100).all(|_| !pace.wrote(1, ms(7))));
        assert!((0..20).filter(|_| pace.wrote(1, ms(30))).count() > 15);
        assert!((0..100).all(|_| pace.wrote(1, ms(7))), "it takes more to end it than to begin it");
        let writes = (1..40).find(|_| !pace.wrote(1, ms(1)));
        assert_eq!(pace.written_bytes(), 221 + writes.unwrap());
    }
}
