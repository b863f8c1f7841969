//! How fast peers are dialled.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::event::At;

const NANOS_A_SECOND: u64 = 1_000_000_000;

/// Allows so many dials a second, and after a rest as many at once. A router at home, or a provider, takes thousands of
/// connections opened within a second for an attack.
///
/// Copies count together: one pacer and its copies pace all torrents of a program.
#[derive(Clone, Debug)]
pub struct DialPacer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The time a dial costs, nanoseconds.
    cost: u64,
    /// Costs that may be due at once, nanoseconds.
    burst: u64,
    /// When every dial so far is paid for, nanoseconds since the start of the run.
    paid_at: AtomicU64,
}

impl DialPacer {
    /// Paces dials at a rate, dials a second.
    pub fn new(per_second: NonZeroU32) -> Self {
        Self::with_burst(per_second, per_second.get())
    }

    /// Paces dials at a rate, dials a second, with a burst of dials at once after a rest.
    pub fn with_burst(per_second: NonZeroU32, at_once: u32) -> Self {
        let cost = NANOS_A_SECOND / u64::from(per_second.get());
        let burst = cost * u64::from(at_once.saturating_sub(1));
        Self { shared: Arc::new(Shared { cost, burst, paid_at: AtomicU64::new(0) }) }
    }

    /// When the next dial may begin; in the past where it might have begun earlier.
    pub fn next(&self) -> At {
        let paid_at = self.shared.paid_at.load(Ordering::Relaxed);
        Duration::from_nanos(paid_at.saturating_sub(self.shared.burst))
    }

    /// Counts a dial that begins now. Where two torrents begin one in the same moment both are counted, and the next
    /// waits for both.
    pub fn count(&self, now: At) {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let paid = |at: u64| Some(at.max(now).saturating_add(self.shared.cost));
        // The function always gives a value, so this cannot fail.
        let _ = self.shared.paid_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid);
    }
}

impl Default for DialPacer {
    /// 30 dials a second.
    fn default() -> Self {
        Self::new(DEFAULT_PER_SECOND)
    }
}

/// Dials a second where nothing else is asked for.
pub const DEFAULT_PER_SECOND: NonZeroU32 = NonZeroU32::new(30).expect("30 is not 0");

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins as many dials as it may until then, and says how many.
    fn dials_until(pacer: &DialPacer, from: At, until: At) -> u32 {
        let mut dials = 0;
        loop {
            let at = pacer.next().max(from);
            if at > until {
                return dials;
            }
            pacer.count(at);
            dials += 1;
        }
    }

    #[test]
    fn a_second_s_dials_go_at_once_and_then_so_many_a_second() {
        let second = Duration::from_secs(1);
        for per_second in [1, 7, 30, 1000] {
            let pacer = DialPacer::new(NonZeroU32::new(per_second).unwrap());
            assert_eq!(dials_until(&pacer, At::ZERO, At::ZERO), per_second);
            let in_ten = dials_until(&pacer, At::ZERO, 10 * second);
            assert!(in_ten.abs_diff(10 * per_second) <= 1, "{in_ten} of {per_second} a second");
        }
    }

    #[test]
    fn a_rest_saves_up_one_second_and_no_more() {
        let pacer = DialPacer::default();
        dials_until(&pacer, At::ZERO, At::ZERO);
        let later = Duration::from_secs(100);
        assert_eq!(dials_until(&pacer, later, later), 30);
    }

    #[test]
    fn copies_count_together() {
        let pacer = DialPacer::default();
        let other = pacer.clone();
        assert_eq!(dials_until(&pacer, At::ZERO, At::ZERO), 30);
        assert_eq!(dials_until(&other, At::ZERO, At::ZERO), 0);
    }
}
