//! What a host takes for the time.

use std::time::Duration;

use crate::event::At;

/// A clock that began at another time and runs too fast.
#[derive(Clone, Copy, Default)]
pub(super) struct Clock {
    pub(super) began: Duration,
    /// By this many millionths.
    pub(super) fast_ppm: u32,
}

impl Clock {
    /// What it shows at this time.
    pub(super) fn shows(self, now: At) -> At {
        let gained = now.as_nanos() as u64 / 1_000_000 * u64::from(self.fast_ppm);
        self.began + now + Duration::from_nanos(gained)
    }

    /// The first time at which it shows this, or more.
    pub(super) fn when(self, shown: At) -> At {
        let shown = shown.saturating_sub(self.began);
        let scaled = shown.as_nanos() * 1_000_000 / (1_000_000 + u128::from(self.fast_ppm));
        let mut at = Duration::from_nanos(scaled as u64);
        while self.shows(at) < shown + self.began {
            at += Duration::from_nanos(500);
        }
        at
    }
}

#[test]
fn shows_every_time_no_later_than_asked_for() {
    let clock = Clock { began: Duration::from_secs(4_000_000), fast_ppm: 300 };
    for us in [0, 1, 999, 1_000_000, 86_400_000_007] {
        let shown = clock.began + Duration::from_micros(us);
        let at = clock.when(shown);
        assert!(clock.shows(at) >= shown && clock.shows(at) - shown < Duration::from_micros(3), "{us}");
    }
}
