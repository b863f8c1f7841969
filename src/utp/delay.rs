//! How much longer packets take one way than at best. The two clocks do not agree: only differences count.

use super::seq::{Micros, SECOND};

/// Minutes that the least delay is remembered for. Clocks drift: what was the least before may never come again.
const MINUTES: usize = 13;
const MINUTE: Micros = 60 * SECOND;
/// Of this many of the last measurements the least counts: one packet that was late says nothing of a queue.
const LAST: usize = 3;
/// A base that the other direction shows to be wrong is corrected by at most this, microseconds.
const MOST_CORRECTION: u32 = 10_000;

/// Measurements of one direction. They wrap, and so does the base.
#[derive(Debug)]
pub(super) struct DelayHistory {
    base: u32,
    minutes: [u32; MINUTES],
    minute: usize,
    minute_began: Micros,
    last: [u32; LAST],
    next: usize,
    measured: bool,
}

/// Whether `one` is before `other`, as numbers that wrap.
fn less(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

impl DelayHistory {
    pub(super) fn new() -> Self {
        Self {
            base: 0,
            minutes: [0; MINUTES],
            minute: 0,
            minute_began: 0,
            last: [u32::MAX; LAST],
            next: 0,
            measured: false,
        }
    }

    /// One packet took this long by the two clocks. Says by how much the base fell, where that is no more than a clock that
    /// drifts accounts for.
    pub(super) fn sample(&mut self, now: Micros, took: u32) -> Option<u32> {
        let mut fell = None;
        if !self.measured {
            (self.base, self.minutes, self.minute_began, self.measured) = (took, [took; MINUTES], now, true);
        }
        if less(took, self.minutes[self.minute]) {
            self.minutes[self.minute] = took;
        }
        if less(took, self.base) {
            fell = Some(self.base.wrapping_sub(took)).filter(|by| *by <= MOST_CORRECTION);
            self.base = took;
        }
        self.last[self.next] = took.wrapping_sub(self.base);
        self.next = (self.next + 1) % LAST;
        if now.saturating_sub(self.minute_began) > MINUTE {
            self.minute_began = now;
            self.minute = (self.minute + 1) % MINUTES;
            self.minutes[self.minute] = took;
            self.base =
                self.minutes.into_iter().fold(took, |base, one| if less(one, base) { one } else { base });
        }
        fell
    }

    /// The base is this much higher than it was thought to be.
    pub(super) fn raise_base(&mut self, by: u32) {
        self.base = self.base.wrapping_add(by);
        for minute in &mut self.minutes {
            *minute = minute.wrapping_add(by);
        }
        for last in &mut self.last {
            *last = if *last == u32::MAX { u32::MAX } else { last.saturating_sub(by) };
        }
    }

    /// The delay over the base, microseconds; `None` before the first measurement.
    pub(super) fn over_base(&self) -> Option<u32> {
        self.measured.then(|| self.last.into_iter().min().unwrap_or(0))
    }
}
