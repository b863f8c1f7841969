//! The run's clock: the only place from which time enters.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::event::At;

/// Counts from the start of the run. Copies agree; under tokio's paused clock it stands still with it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose run starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the start of the run.
    pub fn now(&self) -> At {
        self.start.elapsed()
    }

    /// The moment that is `at` after the start, for tokio's timers.
    pub fn instant(&self, at: At) -> Instant {
        self.start + at
    }
}

/// The time of day, milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "recordings tell when they were made")]
pub(super) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
