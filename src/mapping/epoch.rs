//! Whether a router's clock began again (RFC 6887 §8.5, RFC 6886 §3.6): then it has forgotten what it mapped.

use std::time::Duration;

use crate::event::At;

/// How far a router's clock may be from ours, seconds, beside a sixteenth of the time that passed.
const ALLOWED_S: u64 = 2;

/// The router's clock as its last answer had it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Epoch(Option<(At, u32)>);

impl Epoch {
    /// Takes the time in an answer. Returns whether it does not go on from the one before.
    pub(super) fn began_again(&mut self, now: At, epoch_s: u32) -> bool {
        let Some((at, before)) = self.0.replace((now, epoch_s)) else { return false };
        if epoch_s.saturating_add(1) < before {
            return true;
        }
        let theirs = u64::from(epoch_s.saturating_sub(before));
        let ours = now.saturating_sub(at).saturating_add(Duration::from_millis(500)).as_secs();
        ours + ALLOWED_S < theirs - theirs / 16 || theirs + ALLOWED_S < ours - ours / 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of the second of two answers.
    fn second((at, epoch_s): (u64, u32), (later, then_s): (u64, u32)) -> bool {
        let mut epoch = Epoch::default();
        assert!(!epoch.began_again(At::from_secs(at), epoch_s), "nothing is known before the first");
        epoch.began_again(At::from_secs(later), then_s)
    }

    #[test]
    fn a_clock_that_goes_on_may_be_a_little_fast_or_slow() {
        for (first, then) in [
            ((10, 1000), (10, 1000)),
            ((10, 1000), (10, 999)),
            ((10, 1000), (610, 1600)),
            ((10, 1000), (610, 1639)),
            ((10, 1000), (610, 1563)),
            ((10, 0), (12, 0)),
        ] {
            assert!(!second(first, then), "{first:?} {then:?}");
        }
    }

    #[test]
    fn one_that_goes_back_stands_or_leaps_has_begun_again() {
        for (first, then) in [
            ((10, 1000), (610, 0)),
            ((10, 1000), (10, 998)),
            ((10, 1000), (610, 1000)),
            ((10, 1000), (610, 1500)),
            ((10, 1000), (610, 1700)),
            ((10, 1000), (20, u32::MAX)),
        ] {
            assert!(second(first, then), "{first:?} {then:?}");
        }
    }
}
