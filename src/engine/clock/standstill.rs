//! Times in which the program stood still.
//!
//! A process is not told that it was stopped, and sees nothing of a machine that slept but clocks that disagree. So
//! what is watched is how often somebody looks: a run does so four times a second, and the first look after a
//! long time knows.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A machine with too much to do makes a run wait a second or two; whatever takes longer is taken for a standstill.
const LEAST: Duration = Duration::from_secs(3);

/// The system's clocks since some moment in the past.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemTimes {
    /// The one that timers go by: it rests while the machine sleeps.
    pub(super) awake: Duration,
    /// The one that goes on while the machine sleeps.
    pub(super) all: Duration,
}

impl SystemTimes {
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    pub(super) fn now() -> Self {
        use rustix::time::{ClockId, clock_gettime};
        let read = |clock| {
            let time = clock_gettime(clock);
            Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
        };
        Self { awake: read(ClockId::Monotonic), all: read(ClockId::Boottime) }
    }

    /// Elsewhere a machine that slept goes unnoticed; a process that was stopped does not.
    #[cfg(any(not(target_os = "linux"), feature = "portable"))]
    #[expect(clippy::disallowed_methods, reason = "part of the one place from which time enters")]
    pub(super) fn now() -> Self {
        static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        let since = FIRST.get_or_init(std::time::Instant::now).elapsed();
        Self { awake: since, all: since }
    }
}

/// What is known of standstills; times are in nanoseconds.
#[derive(Debug)]
pub(super) struct Standstill {
    /// Somebody looks all the time.
    attended: AtomicBool,
    /// When somebody last looked.
    looked: AtomicU64,
    /// What the timers' clock counted of standstills.
    left_out: AtomicU64,
    /// How long they were.
    total: AtomicU64,
    /// How long the machine had slept when that was last looked at.
    slept: Mutex<Duration>,
}

impl Standstill {
    pub(super) fn new(now: SystemTimes) -> Self {
        Self {
            attended: AtomicBool::new(false),
            looked: AtomicU64::new(nanos(now.all)),
            left_out: AtomicU64::new(0),
            total: AtomicU64::new(0),
            slept: Mutex::new(asleep(now)),
        }
    }

    /// From now on a long time without a look is a standstill.
    pub(super) fn attend(&self, now: SystemTimes) {
        self.look(now);
        self.attended.store(true, Ordering::SeqCst);
    }

    /// What is to be taken from the time that the timers' clock counts.
    pub(super) fn left_out(&self) -> Duration {
        Duration::from_nanos(self.left_out.load(Ordering::SeqCst))
    }

    /// How long all standstills were together.
    pub(super) fn total(&self) -> Duration {
        Duration::from_nanos(self.total.load(Ordering::SeqCst))
    }

    /// Somebody looks now.
    pub(super) fn look(&self, now: SystemTimes) {
        let since = |looked: u64| nanos(now.all).saturating_sub(looked);
        let is_long = |since: u64| since >= nanos(LEAST) && self.attended.load(Ordering::SeqCst);
        if !is_long(since(self.looked.load(Ordering::SeqCst))) {
            self.looked.fetch_max(nanos(now.all), Ordering::SeqCst);
            return;
        }
        // Several may notice at once, and one of them notes it.
        let mut slept = self.slept.lock().unwrap_or_else(PoisonError::into_inner);
        let gap = since(self.looked.load(Ordering::SeqCst));
        if !is_long(gap) {
            return;
        }
        let asleep = asleep(now);
        let rested = nanos(asleep.saturating_sub(*slept)).min(gap);
        *slept = asleep;
        self.total.fetch_add(gap, Ordering::SeqCst);
        self.left_out.fetch_add(gap - rested, Ordering::SeqCst);
        self.looked.fetch_max(nanos(now.all), Ordering::SeqCst);
    }
}

/// How long the machine has slept.
fn asleep(now: SystemTimes) -> Duration {
    now.all.saturating_sub(now.awake)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn times(awake_ms: u64, all_ms: u64) -> SystemTimes {
        SystemTimes { awake: ms(awake_ms), all: ms(all_ms) }
    }

    #[test]
    fn who_is_looked_at_all_the_time_never_stands_still() {
        let standstill = Standstill::new(times(5000, 9000));
        standstill.attend(times(5000, 9000));
        for look in (0..20_000).step_by(250) {
            standstill.look(times(5000 + look, 9000 + look));
        }
        // A machine with too much to do, and one that dozed for a second.
        standstill.look(times(27_000, 31_500));
        assert_eq!((standstill.left_out(), standstill.total()), (ms(0), ms(0)));
    }

    #[test]
    fn a_process_that_was_stopped_counts_nothing_of_it() {
        let standstill = Standstill::new(times(0, 0));
        standstill.attend(times(100, 100));
        standstill.look(times(300_100, 300_100));
        assert_eq!((standstill.left_out(), standstill.total()), (ms(300_000), ms(300_000)));
        standstill.look(times(300_200, 300_200));
        assert_eq!(standstill.left_out(), ms(300_000), "once");
    }

    #[test]
    fn a_machine_that_slept_counted_nothing_of_it_anyway() {
        let standstill = Standstill::new(times(0, 50_000));
        standstill.attend(times(100, 50_100));
        standstill.look(times(200, 3_650_200));
        // But for the tenth of a second in which nobody looked before it fell asleep.
        assert_eq!((standstill.left_out(), standstill.total()), (ms(100), ms(3_600_100)));
        // Stopped for ten seconds, of which it slept four.
        standstill.look(times(6200, 3_660_200));
        assert_eq!((standstill.left_out(), standstill.total()), (ms(6100), ms(3_610_100)));
    }

    #[test]
    fn who_is_looked_at_now_and_then_is_not_watched() {
        let standstill = Standstill::new(times(0, 0));
        standstill.look(times(60_000, 60_000));
        standstill.attend(times(90_000, 90_000));
        standstill.look(times(90_250, 90_250));
        assert_eq!(standstill.total(), ms(0));
    }

    #[test]
    fn who_read_the_time_before_and_looks_after_it_changes_nothing() {
        let standstill = Standstill::new(times(0, 0));
        standstill.attend(times(100, 100));
        standstill.look(times(60_100, 60_100));
        standstill.look(times(120, 120));
        standstill.look(times(60_200, 60_200));
        assert_eq!(standstill.total(), ms(60_000));
    }
}
