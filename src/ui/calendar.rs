//! Which time of day a moment of the run was. The run's clock leaves out the time in which the program stood still, so
//! the two drift apart whenever it does.

use std::time::Duration;

use crate::event::At;

/// Less is the difference between two looks at two clocks.
const LEAST: Duration = Duration::from_secs(2);

/// The time of day at which the run would have begun, had it never stood still: now, and at moments before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Calendar {
    /// Since 1970 (UTC), each from a moment of the run on, in order.
    began: Vec<(At, Duration)>,
}

impl From<Option<Duration>> for Calendar {
    /// Of a run that began so long after 1970; `None`: nobody knows when.
    fn from(began: Option<Duration>) -> Self {
        Self { began: began.into_iter().map(|began| (At::ZERO, began)).collect() }
    }
}

impl Calendar {
    /// Whether times of day are known.
    pub(crate) fn is_known(&self) -> bool {
        !self.began.is_empty()
    }

    /// The time of day of a moment, since 1970 (UTC).
    pub(crate) fn day_time(&self, at: At) -> Option<Duration> {
        let (_, began) = self.began.iter().rev().find(|(from, _)| *from <= at)?;
        Some(began.saturating_add(at))
    }

    /// It is so late now, at this moment of the run.
    pub(crate) fn set(&mut self, at: At, now: Duration) {
        if let Some(shown) = self.day_time(at)
            && shown.abs_diff(now) >= LEAST
        {
            self.began.push((at, now.saturating_sub(at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_standstill_moves_what_comes_after_it() {
        let mut calendar = Calendar::from(Some(secs(1_000_000)));
        calendar.set(secs(10), secs(1_000_011));
        assert_eq!(calendar.day_time(secs(10)), Some(secs(1_000_010)));
        calendar.set(secs(20), secs(1_000_320));
        assert_eq!(calendar.day_time(secs(19)), Some(secs(1_000_019)));
        assert_eq!(calendar.day_time(secs(20)), Some(secs(1_000_320)));
        assert_eq!(calendar.day_time(secs(25)), Some(secs(1_000_325)));
        calendar.set(secs(30), secs(1_000_330));
        assert_eq!(calendar.day_time(secs(30)), Some(secs(1_000_330)));
        assert_eq!(calendar.began.len(), 2);
    }

    #[test]
    fn nothing_is_known_where_nobody_knows_when_it_began() {
        let mut calendar = Calendar::default();
        calendar.set(secs(20), secs(1_000_320));
        assert_eq!((calendar.is_known(), calendar.day_time(secs(20))), (false, None));
    }
}
