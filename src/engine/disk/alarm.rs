//! Wakes who asked for it, when it is time: one thread for all torrents, so that none needs one that waits.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::engine::clock::Clock;

/// Who can be woken. It must not take long.
pub(super) trait Wakes: Send + Sync {
    /// It is time.
    fn wake(self: Arc<Self>);
}

/// The thread, which begins when it is first wanted and ends with the last copy of this.
#[derive(Clone, Debug)]
pub(super) struct Alarm(Arc<Owner>);

#[derive(Debug)]
struct Owner(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By when, and numbered.
    waiting: BTreeMap<(Duration, u64), Weak<dyn Wakes>>,
    set: u64,
    /// Its thread runs.
    runs: bool,
    ended: bool,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Alarm {
    /// One that goes by this clock.
    pub(super) fn new(clock: Clock) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Owner(Arc::new(Shared { clock, state, changed }))))
    }

    /// Wakes it at `due`, by the run's clock, if it is still there.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(super) fn set(&self, due: Duration, whom: Weak<dyn Wakes>) -> io::Result<()> {
        let shared = &self.0.0;
        let mut state = shared.lock();
        state.set += 1;
        let key = (due, state.set);
        state.waiting.insert(key, whom);
        if !state.runs {
            let worker = Arc::clone(shared);
            std::thread::Builder::new().name("alarm".to_owned()).spawn(move || worker.work())?;
            state.runs = true;
        } else if state.waiting.first_key_value().is_some_and(|(first, _)| *first == key) {
            shared.changed.notify_one();
        }
        Ok(())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        while !state.ended {
            let now = self.clock.now();
            state = match state.waiting.first_entry() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(first) if first.key().0 > now => {
                    let wait = first.key().0 - now;
                    self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                Some(first) => {
                    let whom = first.remove();
                    drop(state);
                    whom.upgrade().into_iter().for_each(Wakes::wake);
                    self.lock()
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    struct Sleeper(Mutex<mpsc::Sender<u32>>, u32);

    impl Wakes for Sleeper {
        fn wake(self: Arc<Self>) {
            self.0.lock().unwrap().send(self.1).unwrap();
        }
    }

    #[tokio::test]
    async fn who_is_due_first_is_woken_first_and_who_is_gone_is_not() {
        let alarm = Alarm::new(Clock::start());
        let (to, woken) = mpsc::channel();
        let sleepers: Vec<Arc<dyn Wakes>> = (0..4)
            .map(|number| Arc::new(Sleeper(Mutex::new(to.clone()), number)) as Arc<dyn Wakes>)
            .collect();
        drop(to);
        for (sleeper, due) in sleepers.iter().zip([80, 40, 10, 0]) {
            alarm.set(MS(due), Arc::downgrade(sleeper)).unwrap();
        }
        let [late, sooner, gone, first] = <[_; 4]>::try_from(sleepers).ok().unwrap();
        drop(gone);
        let patience = Duration::from_secs(20);
        let came: Vec<u32> = (0..3).map(|_| woken.recv_timeout(patience).unwrap()).collect();
        assert_eq!(came, [3, 1, 0]);
        drop((late, sooner, first, alarm));
        assert!(woken.recv_timeout(patience).is_err(), "nobody is left");
    }
}
