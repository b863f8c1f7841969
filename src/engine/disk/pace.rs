//! How long the disk takes for a write, and how much it takes.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Where every write takes this long, others can be written meanwhile. A system that takes writes into its memory and
/// is held up now and then, by its disk or by other programs, does most of them far quicker.
const LONG: Duration = Duration::from_millis(10);
/// A disk is slow after this many long writes in a row.
const IN_A_ROW: u32 = 8;
/// A write that takes no longer than this ends the row.
const QUICK: Duration = Duration::from_millis(5);
/// A disk that takes this long on average may be the limit.
const LAGS: Duration = Duration::from_millis(20);
/// A write counts as one in so many.
const WEIGHT: u64 = 8;

/// What is known of the disk. Counted by several threads without a lock: a write that gets lost in a race changes
/// nothing that matters.
#[derive(Debug, Default)]
pub(super) struct Pace {
    average_us: AtomicU64,
    written_bytes: AtomicU64,
    pending_bytes: AtomicU64,
    /// Writes in a row that took long.
    long_writes: AtomicU32,
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
        let limit = if self.is_slow() { QUICK } else { LONG };
        let long_writes = if took < limit.as_micros() as u64 {
            0
        } else {
            self.long_writes.load(Ordering::Relaxed).saturating_add(1)
        };
        self.long_writes.store(long_writes, Ordering::Relaxed);
        self.is_slow()
    }

    /// Whether every write takes long, so that others are better begun meanwhile.
    pub(super) fn is_slow(&self) -> bool {
        self.long_writes.load(Ordering::Relaxed) >= IN_A_ROW
    }

    /// Whether writes take long on average.
    pub(super) fn lags(&self) -> bool {
        self.average() >= LAGS
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

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_disk_is_slow_when_every_write_takes_long_and_quick_again_when_one_does_not() {
        let pace = Pace::default();
        assert!((0..7).all(|_| !pace.wrote(1, 30 * MS)));
        assert!(pace.wrote(1, 30 * MS), "eight in a row");
        assert!((0..100).all(|_| pace.wrote(1, 7 * MS)), "it takes more to end it than to begin it");
        assert!(!pace.wrote(1, MS));
        assert!((0..100).all(|_| !pace.wrote(1, 7 * MS)));
        assert_eq!(pace.written_bytes(), 209);
    }

    #[test]
    fn a_disk_that_is_held_up_now_and_then_lags_and_is_not_slow() {
        let pace = Pace::default();
        for write in 0..200 {
            let took = if write % 5 == 0 { MS } else { 60 * MS };
            assert!(!pace.wrote(1, took));
        }
        assert!(pace.lags());
        (0..40).for_each(|_| _ = pace.wrote(1, 2 * MS));
        assert!(!pace.lags());
    }
}
