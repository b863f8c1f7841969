//! How much slower than ours the other side's clock runs. One that runs much slower makes every delay look as if it fell:
//! its stream would never give way.

use super::seq::{Micros, SECOND};

const SLOT: Micros = 5 * SECOND;
/// Microseconds that the delay may fall in five seconds without any doubt. No honest clock comes near.
const TOLERATED: i64 = 200_000;

/// The slope of the measured delay.
#[derive(Debug)]
pub(super) struct Drift {
    base: u32,
    sum: i64,
    samples: i64,
    mean: Option<i64>,
    slot_ends: Micros,
    per_slot: i64,
}

impl Drift {
    pub(super) fn new() -> Self {
        Self { base: 0, sum: 0, samples: 0, mean: None, slot_ends: 0, per_slot: 0 }
    }

    /// One packet took this long by the two clocks.
    pub(super) fn sample(&mut self, now: Micros, took: u32) {
        if self.slot_ends == 0 {
            (self.base, self.slot_ends) = (took, now + SLOT);
        }
        self.sum += i64::from(took.wrapping_sub(self.base).cast_signed());
        self.samples += 1;
        if now < self.slot_ends {
            return;
        }
        let mean = self.sum / self.samples;
        if let Some(before) = self.mean {
            self.per_slot = (self.per_slot * 7 + (mean - before)) / 8;
        }
        // From here on the numbers are near to 0 again: what wraps stays far away.
        #[expect(clippy::cast_possible_truncation, reason = "the mean of numbers of 32 bits is one")]
        let moved = mean as i32;
        self.base = self.base.wrapping_add(moved.cast_unsigned());
        (self.mean, self.sum, self.samples, self.slot_ends) = (Some(0), 0, 0, now + SLOT);
    }

    /// Added to the delay, microseconds.
    pub(super) fn penalty(&self) -> u32 {
        u32::try_from((-self.per_slot - TOLERATED).max(0) / 7).unwrap_or(u32::MAX)
    }
}
