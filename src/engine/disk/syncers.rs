//! Threads that sync what was written, for all torrents.
//!
//! There are few as long as they get on. A disk that hangs keeps those that wait for it, so that what others have to sync
//! would wait for ever: who waits for longer than a second gets a thread more, up to a bound in all, and up to a lower one
//! for each disk.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::alarm::{Alarm, Wakes};
use crate::engine::clock::Clock;

/// Threads that begin at once.
const FIRST: usize = 2;
/// Threads in all.
const MOST: usize = 64;
/// Threads that wait for one disk: where it hangs, there are some for three others.
const MOST_A_DISK: usize = 16;
/// Who has waited for this long gets a thread more.
const PATIENCE: Duration = Duration::from_secs(1);
/// A thread without work waits this long for more.
const LINGERS: Duration = Duration::from_secs(2);

/// Who has something to sync.
pub(super) trait Turns: Wakes {
    /// The disk that it would wait for.
    fn disk(&self) -> u64;

    /// Whether what it does is over soon on a disk that works.
    fn is_quick(&self) -> bool;

    /// Does what is due.
    fn take_turn(self: Arc<Self>);

    /// Its turn ended in a panic.
    fn panicked(&self);
}

/// The threads, which begin when they are first wanted and end a while after they were last. Copies are the same.
#[derive(Clone, Debug)]
pub struct Syncers(Arc<Owner>);

#[derive(Debug)]
struct Owner(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    alarm: Alarm,
    /// Threads in all, at most.
    most: usize,
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct State {
    disks: BTreeMap<u64, Disk>,
    threads: usize,
    /// Threads without work.
    idle: usize,
    /// It will be looked at whether anybody waits for too long.
    is_watched: bool,
    ended: bool,
}

/// What is to be done for one disk.
#[derive(Debug, Default)]
struct Disk {
    quick: VecDeque<Waiting>,
    slow: VecDeque<Waiting>,
    /// Threads that are at it.
    threads: usize,
}

struct Waiting {
    since: Duration,
    whom: Weak<dyn Turns>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("since", &self.since).finish_non_exhaustive()
    }
}

impl Disk {
    /// Since when the first waits that may be begun.
    fn waits_since(&self) -> Option<Duration> {
        let fronts = [self.quick.front(), self.slow.front()];
        fronts.into_iter().flatten().map(|first| first.since).min().filter(|_| self.threads < MOST_A_DISK)
    }
}

impl State {
    /// Since when the first waits of all that may be begun.
    fn waits_since(&self) -> Option<Duration> {
        self.disks.values().filter_map(Disk::waits_since).min()
    }

    fn put(&mut self, now: Duration, whom: &Arc<dyn Turns>) {
        let waiting = Waiting { since: now, whom: Arc::downgrade(whom) };
        let disk = self.disks.entry(whom.disk()).or_default();
        if whom.is_quick() { &mut disk.quick } else { &mut disk.slow }.push_back(waiting);
    }

    /// Whose turn it is, and at which disk: what is quick first, so that names of blocks wait for no sync that is not
    /// begun, then where the fewest threads are, which hang least.
    fn take(&mut self) -> Option<(u64, Weak<dyn Turns>)> {
        let open = self.disks.iter_mut().filter(|(_, disk)| disk.waits_since().is_some());
        let order = |disk: &Disk| (disk.quick.is_empty(), disk.threads, disk.waits_since());
        let (number, disk) = open.min_by_key(|(_, disk)| order(disk))?;
        let first = disk.quick.pop_front().or_else(|| disk.slow.pop_front())?;
        disk.threads += 1;
        Some((*number, first.whom))
    }

    /// A turn at this disk is over.
    fn done(&mut self, number: u64) {
        if let Some(disk) = self.disks.get_mut(&number) {
            disk.threads -= 1;
            if disk.threads == 0 && disk.quick.is_empty() && disk.slow.is_empty() {
                self.disks.remove(&number);
            }
        }
    }
}

impl Syncers {
    /// Those of a run with this clock.
    pub fn new(clock: Clock) -> Self {
        Self::at_most(MOST, clock)
    }

    fn at_most(most: usize, clock: Clock) -> Self {
        let (state, ready, alarm) = (Mutex::default(), Condvar::new(), Alarm::new(clock));
        Self(Arc::new(Owner(Arc::new(Shared { clock, alarm, most, state, ready }))))
    }

    /// Wakes it at `due`, by the run's clock, if it is still there.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(super) fn wake(&self, due: Duration, whom: Weak<dyn Wakes>) -> io::Result<()> {
        self.0.0.alarm.set(due, whom)
    }

    /// Gives it a turn as soon as there is a thread for it, if it is still there then.
    ///
    /// # Errors
    ///
    /// There is no thread, and the system gives none: it gets no turn.
    pub(super) fn give_turn(&self, whom: &Arc<dyn Turns>) -> io::Result<()> {
        let shared = &self.0.0;
        let mut state = shared.lock();
        if state.threads < FIRST && state.idle == 0 {
            let refused = shared.spawn(&mut state).err();
            refused.filter(|_| state.threads == 0).map_or(Ok(()), Err)?;
        }
        state.put(shared.clock.now(), whom);
        shared.ready.notify_one();
        shared.watch(&mut state);
        Ok(())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.ready.notify_all();
    }
}

impl Wakes for Shared {
    fn wake(self: Arc<Self>) {
        let mut state = self.lock();
        state.is_watched = false;
        let now = self.clock.now();
        if state.waits_since().is_some_and(|since| now.saturating_sub(since) >= PATIENCE) {
            // Where the system gives none, it is asked again as long as somebody waits.
            let _ = self.spawn(&mut state);
        }
        self.watch(&mut state);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        if state.threads >= self.most {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let shared = Arc::clone(self);
        std::thread::Builder::new().name("sync".to_owned()).spawn(move || shared.work())?;
        state.threads += 1;
        Ok(())
    }

    /// Looks in a while whether anybody waits for too long, where a thread more could help.
    fn watch(self: &Arc<Self>, state: &mut State) {
        if state.is_watched || state.threads >= self.most || state.waits_since().is_none() {
            return;
        }
        let this: Arc<dyn Wakes> = Arc::clone(self) as Arc<dyn Wakes>;
        state.is_watched = self.alarm.set(self.clock.now() + PATIENCE, Arc::downgrade(&this)).is_ok();
    }

    fn work(self: Arc<Self>) {
        let mut state = self.lock();
        while !state.ended {
            if let Some((disk, whom)) = state.take() {
                drop(state);
                whom.upgrade().into_iter().for_each(guarded);
                state = self.lock();
                state.done(disk);
                continue;
            }
            state.idle += 1;
            let waited = self.ready.wait_timeout(state, LINGERS).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            state.idle -= 1;
            if waited.1.timed_out() && state.waits_since().is_none() {
                break;
            }
        }
        state.threads -= 1;
    }
}

/// A panic ends the torrent it befell, and no thread.
fn guarded(whom: Arc<dyn Turns>) {
    let turn = Arc::clone(&whom);
    if catch_unwind(AssertUnwindSafe(|| turn.take_turn())).is_err() {
        whom.panicked();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENT: Duration = Duration::from_secs(60);

    /// Tells of its turn, and then hangs where it is to.
    struct Writer {
        disk: u64,
        quick: bool,
        told: Mutex<mpsc::Sender<u64>>,
        hangs: Option<Mutex<mpsc::Receiver<()>>>,
    }

    impl Wakes for Writer {
        fn wake(self: Arc<Self>) {}
    }

    impl Turns for Writer {
        fn disk(&self) -> u64 {
            self.disk
        }

        fn is_quick(&self) -> bool {
            self.quick
        }

        fn take_turn(self: Arc<Self>) {
            self.told.lock().unwrap().send(self.disk).unwrap();
            if let Some(hangs) = &self.hangs {
                // Until the other end is dropped.
                let _ = hangs.lock().unwrap().recv();
            }
        }

        fn panicked(&self) {}
    }

    fn writer(disk: u64, told: &mpsc::Sender<u64>, hangs: Option<mpsc::Receiver<()>>) -> Arc<dyn Turns> {
        Arc::new(Writer { disk, quick: false, told: Mutex::new(told.clone()), hangs: hangs.map(Mutex::new) })
    }

    #[tokio::test]
    async fn a_few_threads_serve_many() {
        let clock = Clock::start();
        let syncers = Syncers::new(clock);
        let (told, turns) = mpsc::channel();
        let writers: Vec<_> = (0..500).map(|disk| writer(disk % 7, &told, None)).collect();
        for writer in &writers {
            syncers.give_turn(writer).unwrap();
        }
        writers.iter().for_each(|_| _ = turns.recv_timeout(PATIENT).unwrap());
        let threads = syncers.0.0.lock().threads;
        let more = clock.now().as_secs() as usize;
        assert!((1..=FIRST + more).contains(&threads), "{threads} threads");
    }

    #[tokio::test]
    async fn a_disk_that_hangs_holds_up_no_other() {
        let syncers = Syncers::new(Clock::start());
        let (told, turns) = mpsc::channel();
        let (ends, hung): (Vec<_>, Vec<_>) = (0..FIRST + 3)
            .map(|_| {
                let (end, hangs) = mpsc::channel();
                (end, writer(1, &told, Some(hangs)))
            })
            .unzip();
        for writer in &hung {
            syncers.give_turn(writer).unwrap();
        }
        for _ in 0..FIRST {
            assert_eq!(turns.recv_timeout(PATIENT), Ok(1));
        }
        let other = writer(2, &told, None);
        syncers.give_turn(&other).unwrap();
        assert_eq!(turns.recv_timeout(PATIENT), Ok(2), "the next thread is not for the disk that hangs");
        // Those behind it get their threads, too.
        for _ in 0..3 {
            assert_eq!(turns.recv_timeout(PATIENT), Ok(1));
        }
        drop(ends);
    }

    #[test]
    fn one_disk_has_some_of_the_threads_and_what_is_quick_goes_first() {
        let (told, _turns) = mpsc::channel();
        let mut state = State::default();
        let slow: Vec<_> = (0..MOST_A_DISK + 5).map(|_| writer(1, &told, None)).collect();
        slow.iter().for_each(|writer| state.put(Duration::ZERO, writer));
        let told = Mutex::new(told.clone());
        let quick: Arc<dyn Turns> = Arc::new(Writer { disk: 1, quick: true, told, hangs: None });
        state.put(PATIENCE, &quick);
        let is_quick = |whom: Weak<dyn Turns>| whom.upgrade().unwrap().is_quick();
        let taken: Vec<bool> = std::iter::from_fn(|| state.take()).map(|(_, whom)| is_quick(whom)).collect();
        assert_eq!((taken.len(), taken.iter().filter(|quick| **quick).count()), (MOST_A_DISK, 1));
        assert!(taken[0] && state.waits_since().is_none(), "what waits for this disk gets no thread more");
        state.put(PATIENCE, &writer(2, &mpsc::channel().0, None));
        assert_eq!(state.take().map(|(disk, _)| disk), Some(2));
        state.done(1);
        assert_eq!(state.take().map(|(disk, _)| disk), Some(1));
        (0..MOST_A_DISK).for_each(|_| state.done(1));
        assert_eq!(std::iter::from_fn(|| state.take()).count(), 5);
    }

    #[tokio::test]
    async fn where_the_system_gives_no_thread_there_is_no_turn_and_nothing_waits() {
        let syncers = Syncers::at_most(0, Clock::start());
        let (told, turns) = mpsc::channel();
        let writer = writer(1, &told, None);
        assert!(syncers.give_turn(&writer).is_err());
        let state = syncers.0.0.lock();
        assert!(state.waits_since().is_none() && !state.is_watched);
        assert!(turns.try_recv().is_err());
    }
}
