//! The limit of all uploads together: who waits for it, and who may send next. Torrents take turns, and within each its
//! peers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::clock::Clock;
use crate::event::At;
use crate::swarm::{RoundRobin, Turn};

/// Those who are not first look too, this often: the task of the first may be busy with something else.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A rate limit for the tasks of one torrent and, through others [beside](Self::beside) it, for those of all torrents,
/// which take turns. Without a limit, asking costs one atomic load.
#[derive(Debug)]
pub struct Limit {
    all: Arc<All>,
    /// The torrent whose tasks ask here.
    torrent: u64,
    /// It has a limit of its own.
    own: AtomicBool,
}

#[derive(Debug)]
struct All {
    limited: AtomicBool,
    line: Mutex<Line>,
}

/// Who waits. The first looks when its turn comes, and wakes the next.
#[derive(Debug)]
struct Line {
    turns: RoundRobin,
    waiting: HashMap<u64, Waiting>,
    /// Who was first when somebody last looked.
    first: Option<u64>,
    next: u64,
}

#[derive(Debug)]
struct Waiting {
    wake: Arc<Notify>,
    /// Its turn came, and it has not taken it yet.
    turn_bytes: Option<u64>,
}

/// What somebody who waits finds.
enum Look {
    /// Its turn: bytes.
    Turn(u64),
    /// It is first, and may send from then on.
    First(At),
    Behind,
}

impl Limit {
    /// A limit in bytes a second; `None`: no limit.
    pub fn new(rate_bps: Option<u64>) -> Self {
        let turns = RoundRobin::new(rate_bps);
        let line = Line { turns, waiting: HashMap::new(), first: None, next: 0 };
        let limited = AtomicBool::new(rate_bps.is_some());
        Self {
            all: Arc::new(All { limited, line: Mutex::new(line) }),
            torrent: 0,
            own: AtomicBool::new(false),
        }
    }

    /// The same limit for the tasks of another torrent, which get as much as those of this one together.
    #[must_use]
    pub fn beside(&self) -> Self {
        let mut line = self.line();
        line.next += 1;
        Self { all: Arc::clone(&self.all), torrent: line.next, own: AtomicBool::new(false) }
    }

    /// The limit, bytes a second.
    pub fn rate_bps(&self) -> Option<u64> {
        self.line().turns.rate_bps()
    }

    /// Changes the limit of all from `now` on, also for those who wait.
    pub fn set(&self, now: At, rate_bps: Option<u64>) {
        let mut line = self.line();
        line.turns.set_rate(now, rate_bps);
        self.all.limited.store(rate_bps.is_some(), Ordering::Relaxed);
        line.serve(now);
        line.wake_first();
    }

    /// Changes the limit that this torrent has of its own from `now` on, also for those who wait; `None`: it has none.
    pub fn set_own(&self, now: At, rate_bps: Option<u64>) {
        let mut line = self.line();
        line.turns.set_own_rate(now, self.torrent, rate_bps);
        self.own.store(rate_bps.is_some(), Ordering::Relaxed);
        line.serve(now);
        line.wake_first();
    }

    /// Whether there is a limit.
    pub fn is_limited(&self) -> bool {
        self.all.limited.load(Ordering::Relaxed) || self.own.load(Ordering::Relaxed)
    }

    /// Asks for up to `wanted` bytes, more than none. Returns what may be sent now.
    ///
    /// # Errors
    ///
    /// A place in the line, where others wait or nothing is left.
    pub fn take(self: &Arc<Self>, clock: Clock, wanted: u64) -> Result<u64, Place> {
        if !self.is_limited() {
            return Ok(wanted);
        }
        let now = clock.now();
        let mut line = self.line();
        let (who, wake) = (line.next, Arc::new(Notify::new()));
        line.next += 1;
        line.waiting.insert(who, Waiting { wake: Arc::clone(&wake), turn_bytes: None });
        line.turns.join(self.torrent, who, wanted);
        line.serve(now);
        line.take_turn(who).ok_or_else(|| Place { limit: Arc::clone(self), clock, who, wake })
    }

    /// Takes bytes back that were not sent.
    pub fn give_back(&self, bytes: u64) {
        if self.is_limited() {
            let mut line = self.line();
            line.turns.give_back(self.torrent, bytes);
            line.wake_first();
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.all.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if *self.own.get_mut() {
            self.line().turns.set_own_rate(At::ZERO, self.torrent, None);
        }
    }
}

impl Line {
    /// Gives everybody whose turn it is what it may send, and wakes it, and the one that is first now.
    fn serve(&mut self, now: At) {
        while let Some(Turn { who, bytes }) = self.turns.poll(now) {
            if let Some(waiting) = self.waiting.get_mut(&who) {
                waiting.turn_bytes = Some(bytes);
                waiting.wake.notify_one();
            }
        }
        let first = self.turns.first(now);
        if first != self.first {
            self.first = first;
            self.wake_first();
        }
    }

    fn wake_first(&self) {
        if let Some(waiting) = self.first.and_then(|who| self.waiting.get(&who)) {
            waiting.wake.notify_one();
        }
    }

    /// What it may send, if its turn came; it waits no more then.
    fn take_turn(&mut self, who: u64) -> Option<u64> {
        let bytes = self.waiting.get(&who)?.turn_bytes?;
        self.waiting.remove(&who);
        Some(bytes)
    }

    fn look(&mut self, now: At, who: u64) -> Look {
        self.serve(now);
        match self.take_turn(who) {
            Some(bytes) => Look::Turn(bytes),
            None if self.first == Some(who) => Look::First(self.turns.deadline(now)),
            None => Look::Behind,
        }
    }
}

/// A place in the line. Dropping it leaves the line.
#[derive(Debug)]
pub struct Place {
    limit: Arc<Limit>,
    clock: Clock,
    who: u64,
    wake: Arc<Notify>,
}

impl Place {
    /// Waits until it may send, and returns how many bytes. A limit that is changed or lifted counts at once.
    pub async fn turn(self) -> u64 {
        loop {
            // A wake that comes before it is waited for is kept.
            let woken = self.wake.notified();
            let now = self.clock.now();
            let look = self.limit.line().look(now, self.who);
            let again = match look {
                Look::Turn(bytes) => return bytes,
                Look::First(at) => at.min(now + LOOK_EVERY),
                Look::Behind => now + LOOK_EVERY,
            };
            // Woken or not, it looks again.
            let _ = timeout_at(self.clock.instant(again), woken).await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = self.clock.now();
        let mut line = self.limit.line();
        let Some(waiting) = line.waiting.remove(&self.who) else { return };
        line.turns.leave(self.who);
        line.turns.give_back(self.limit.torrent, waiting.turn_bytes.unwrap_or(0));
        line.first = line.turns.first(now);
        line.wake_first();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::{sleep, timeout};

    use super::*;

    const BLOCK: u64 = 16 * 1024;

    fn waits(limit: &Arc<Limit>, clock: Clock) -> Place {
        loop {
            if let Err(place) = limit.take(clock, BLOCK) {
                return place;
            }
        }
    }

    /// What somebody gets in 30 s who always wants more.
    async fn taken(limit: Arc<Limit>, clock: Clock) -> u64 {
        let mut sum = 0;
        while clock.now() < At::from_secs(30) {
            sum += match limit.take(clock, BLOCK) {
                Ok(bytes) => bytes,
                Err(place) => place.turn().await,
            };
        }
        sum
    }

    #[tokio::test(start_paused = true)]
    async fn a_torrent_with_a_limit_of_its_own_leaves_the_rest_to_the_others() {
        let (first, clock) = (Arc::new(Limit::new(Some(200_000))), Clock::start());
        let slow = Arc::new(first.beside());
        slow.set_own(clock.now(), Some(20_000));
        let (slow_sum, sum) = tokio::join!(taken(Arc::clone(&slow), clock), taken(Arc::clone(&first), clock));
        assert!((560_000..640_000).contains(&slow_sum), "{slow_sum}");
        assert!((5_200_000..5_700_000).contains(&sum), "{sum}");
        // Without a limit of all its own still holds, and for it alone.
        first.set(clock.now(), None);
        assert!(slow.is_limited() && !first.is_limited());
        slow.set_own(clock.now(), None);
        assert_eq!(slow.take(clock, 1 << 40).unwrap(), 1 << 40);
    }

    #[tokio::test(start_paused = true)]
    async fn many_tasks_get_the_same_of_a_limit_and_use_it_up() {
        let (limit, clock) = (Arc::new(Limit::new(Some(200_000))), Clock::start());
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            tasks.spawn(taken(Arc::clone(&limit), clock));
        }
        let sums = tasks.join_all().await;
        let (least, most) = (sums.iter().min().unwrap(), sums.iter().max().unwrap());
        // The first to come takes what was saved up.
        assert!(most - least <= 3 * BLOCK, "{sums:?}");
        let sum: u64 = sums.iter().sum();
        assert!((5_820_000..6_300_000).contains(&sum), "{sum}");
    }

    #[tokio::test(start_paused = true)]
    async fn torrents_get_the_same_however_many_each_serves() {
        let (first, clock) = (Limit::new(Some(1_000_000)), Clock::start());
        let mut tasks = JoinSet::new();
        for (torrent, peers) in [1, 50, 3, 20, 1].into_iter().enumerate() {
            let limit = Arc::new(first.beside());
            for _ in 0..peers {
                let limit = Arc::clone(&limit);
                tasks.spawn(async move {
                    let mut sum = 0;
                    while clock.now() < At::from_secs(30) {
                        let bytes = match limit.take(clock, 64 * BLOCK) {
                            Ok(bytes) => bytes,
                            Err(place) => place.turn().await,
                        };
                        // All who wait at the end have their turn, however late.
                        sum += if clock.now() < At::from_secs(30) { bytes } else { 0 };
                    }
                    (torrent, sum)
                });
            }
        }
        let mut sums = [0; 5];
        tasks.join_all().await.into_iter().for_each(|(torrent, sum)| sums[torrent] += sum);
        let even = 30 * 1_000_000 / 5;
        assert!(sums.iter().all(|sum: &u64| sum.abs_diff(even) < even / 10), "{sums:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_hears_at_once_that_the_limit_is_another_or_none() {
        let (limit, clock) = (Arc::new(Limit::new(Some(1))), Clock::start());
        let places: Vec<Place> = (0..3).map(|_| waits(&limit, clock)).collect();
        let mut tasks = JoinSet::new();
        places.into_iter().for_each(|place| _ = tasks.spawn(place.turn()));
        assert!(timeout(Duration::from_secs(1000), tasks.join_next()).await.is_err());
        limit.set(clock.now(), Some(BLOCK));
        let began = clock.now();
        tasks.join_next().await.unwrap().unwrap();
        assert!(clock.now() - began < At::from_millis(10), "what was owed under the old limit is forgotten");
        limit.set(clock.now(), None);
        let began = clock.now();
        tasks.join_all().await;
        assert!(clock.now() - began < At::from_millis(10));
        assert_eq!(limit.take(clock, 1 << 40).unwrap(), 1 << 40);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_the_line_holds_up_nobody() {
        let (limit, clock) = (Arc::new(Limit::new(Some(4 * BLOCK))), Clock::start());
        let (first, second, third) = (waits(&limit, clock), waits(&limit, clock), waits(&limit, clock));
        let third = tokio::spawn(third.turn());
        sleep(Duration::from_millis(1)).await;
        // The second never looks, the first goes.
        drop(second);
        drop(first);
        let began = clock.now();
        assert_eq!(third.await.unwrap(), BLOCK);
        assert!(clock.now() - began <= At::from_millis(1100));
        assert!(limit.line().waiting.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_first_and_never_looks_holds_up_nobody_for_long() {
        let (limit, clock) = (Arc::new(Limit::new(Some(4 * BLOCK))), Clock::start());
        let (busy, next) = (waits(&limit, clock), waits(&limit, clock));
        let began = clock.now();
        assert_eq!(next.turn().await, BLOCK);
        assert!(clock.now() - began <= At::from_millis(3100));
        // Its own turn was kept for it.
        assert_eq!(timeout(Duration::ZERO, busy.turn()).await.unwrap(), BLOCK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_nobody_takes_and_bytes_that_are_not_sent_go_to_the_next() {
        let (limit, clock) = (Arc::new(Limit::new(Some(4000))), Clock::start());
        let gone = waits(&limit, clock);
        let next = tokio::spawn(waits(&limit, clock).turn());
        sleep(Duration::from_millis(5500)).await;
        assert!(!next.is_finished() && limit.line().waiting.values().any(|waits| waits.turn_bytes.is_some()));
        drop(gone);
        assert_eq!(timeout(Duration::from_millis(10), next).await.unwrap().unwrap(), BLOCK);
        let last = waits(&limit, clock);
        limit.give_back(2 * BLOCK);
        assert_eq!(timeout(Duration::from_millis(10), last.turn()).await.unwrap(), BLOCK);
    }
}
