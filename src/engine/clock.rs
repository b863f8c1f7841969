//! The run's clock: the only place from which time enters.
//!
//! It counts the time in which the program runs. While the program stands still (stopped by Ctrl-Z or a signal, or
//! asleep with the machine) no time passes here: nobody could be heard then, so nobody is blamed for having been
//! silent, nothing times out, and no rate is counted over it.

mod standstill;

use std::pin::pin;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout_at};

use self::standstill::{Standstill, SystemTimes};
use crate::event::At;

/// Counts from the start of the run. Copies agree; under tokio's paused clock it stands still with it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    /// As long-lived as the process; there is one for a run.
    standstill: &'static Standstill,
}

impl Clock {
    /// A clock whose run starts now.
    pub fn start() -> Self {
        Self { start: Instant::now(), standstill: Box::leak(Box::new(Standstill::new(SystemTimes::now()))) }
    }

    /// From now on somebody looks at this clock several times a second: a long time without a look is one in which
    /// the program stood still, and is not counted.
    pub fn attend(&self) {
        self.standstill.attend(SystemTimes::now());
    }

    /// For how long the program stood still so far, as others counted it.
    pub fn stood_still(&self) -> Duration {
        self.standstill.total()
    }

    /// Time since the start of the run in which it ran.
    pub fn now(&self) -> At {
        loop {
            let left_out = self.standstill.left_out();
            let at = self.start.elapsed();
            self.standstill.look(SystemTimes::now());
            // A thread that was stopped between these lines reads once more.
            if self.standstill.left_out() == left_out {
                return at.saturating_sub(left_out);
            }
        }
    }

    /// Waits for it until that moment and no longer; `None`: it took longer. Time in which the program stood still
    /// does not count, and what came meanwhile is looked at first.
    pub async fn within<F: Future>(&self, until: At, what: F) -> Option<F::Output> {
        let mut what = pin!(what);
        loop {
            if let Ok(came) = timeout_at(self.instant(until), &mut what).await {
                return Some(came);
            }
            if self.now() >= until {
                return None;
            }
        }
    }

    /// The moment that is `at` after the start, for tokio's timers. A standstill moves it: after that they fire too
    /// early, and have to be set anew.
    pub fn instant(&self, at: At) -> Instant {
        self.start + at + self.standstill.left_out()
    }
}

/// The time of day, milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "recordings tell when they were made")]
pub(super) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run's clock that noticed a standstill of so long, of which tokio's timers counted everything.
    fn after_a_standstill(clock: &Clock, time: Duration) {
        let began = SystemTimes::now();
        clock.standstill.attend(began);
        let later = SystemTimes { awake: began.awake + time, all: began.all + time };
        clock.standstill.look(later);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_has_its_whole_time_whatever_time_stood_still() {
        let clock = Clock::start();
        let (until, minute) = (Duration::from_secs(10), Duration::from_secs(60));
        let waits = tokio::spawn(async move {
            clock.within(until, std::future::pending::<()>()).await;
            clock.now()
        });
        tokio::time::sleep(Duration::from_secs(4)).await;
        after_a_standstill(&clock, minute);
        tokio::time::advance(minute).await;
        // Its timer fired, and there are six seconds more to wait.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!waits.is_finished());
        assert_eq!(waits.await.unwrap().as_secs(), 10);
        let came = clock.within(clock.now(), std::future::ready(7)).await;
        assert_eq!(came, Some(7), "what is here already is never too late");
    }
}
