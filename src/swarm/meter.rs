//! Counts payload, and says every second what passed.

use super::SECOND;
use crate::event::{At, Sample};

/// Payload of a run, and when its next second is over.
#[derive(Debug)]
pub(super) struct Meter {
    next_second: At,
    last_received: At,
    down_bytes: u64,
    up_bytes: u64,
    /// Both until the last second was over.
    counted: (u64, u64),
}

impl Meter {
    /// Counts seconds from `now` on.
    pub(super) fn new(now: At) -> Self {
        Self {
            next_second: now.saturating_add(SECOND),
            last_received: At::ZERO,
            down_bytes: 0,
            up_bytes: 0,
            counted: (0, 0),
        }
    }

    /// When [`Self::on_time`] is wanted.
    pub(super) fn deadline(&self) -> At {
        self.next_second
    }

    /// Counts what came.
    pub(super) fn received(&mut self, now: At, bytes: u64) {
        self.last_received = now;
        self.down_bytes += bytes;
    }

    /// When something came last.
    pub(super) fn last_received(&self) -> At {
        self.last_received
    }

    /// Counts what went out.
    pub(super) fn sent(&mut self, bytes: u64) {
        self.up_bytes += bytes;
    }

    /// Received and sent so far, bytes.
    pub(super) fn totals(&self) -> (u64, u64) {
        (self.down_bytes, self.up_bytes)
    }

    /// Whether all that came and went was told.
    pub(super) fn has_told_all(&self) -> bool {
        self.counted == self.totals()
    }

    /// What passed since the last time, where a second is over.
    pub(super) fn on_time(&mut self, now: At) -> Option<Sample> {
        if now < self.next_second {
            return None;
        }
        // After a gap (a suspended machine) the missed seconds are not made up for.
        self.next_second = (self.next_second + SECOND).max(now + SECOND / 2);
        let totals = self.totals();
        let (down, up) = std::mem::replace(&mut self.counted, totals);
        Some(Sample { down_bps: self.down_bytes - down, up_bps: self.up_bytes - up })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_second_tells_what_passed_in_it_and_a_gap_is_one_second() {
        let ms = Duration::from_millis;
        let mut meter = Meter::new(At::ZERO);
        meter.received(ms(1), 100);
        meter.sent(7);
        assert_eq!(meter.on_time(ms(999)), None);
        assert_eq!(meter.on_time(ms(1000)), Some(Sample { down_bps: 100, up_bps: 7 }));
        meter.received(ms(1500), 5);
        assert_eq!(meter.last_received(), ms(1500));
        assert_eq!((meter.on_time(ms(1999)), meter.deadline()), (None, ms(2000)));
        assert_eq!(meter.on_time(ms(60_000)), Some(Sample { down_bps: 5, up_bps: 0 }));
        assert_eq!((meter.deadline(), meter.totals()), (ms(60_500), (105, 7)));
    }
}
