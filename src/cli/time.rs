//! The time of day.

use std::time::{Duration, SystemTime};

/// The time of day, for times that a person compares with others.
#[expect(clippy::disallowed_methods, reason = "the one place where the time of day enters")]
pub(super) fn since_1970() -> Option<Duration> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()
}

/// The same; where the system does not know it, the year 1970 begins.
pub(super) fn time_of_day() -> Duration {
    since_1970().unwrap_or_default()
}
