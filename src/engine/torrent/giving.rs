//! How much a torrent was given on, and whether that is enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::event::At;
use crate::ledger::Before;

/// What is enough of seeding: the first that is reached counts; `None`: nothing is.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Give {
    /// So often its length was sent.
    pub ratio: Option<f64>,
    /// For so long it was seeded.
    pub time: Option<Duration>,
}

/// Counts the time in which it seeds.
#[derive(Debug)]
pub(super) struct Giving {
    give: Give,
    counted: Duration,
    /// It seeds since then.
    since: Option<At>,
    /// What is counted is added to it, milliseconds.
    told: Arc<AtomicU64>,
}

impl Giving {
    pub(super) fn new(give: Give, told: Arc<AtomicU64>) -> Self {
        Self { give, counted: Duration::ZERO, since: None, told }
    }

    /// It seeds, or does not.
    pub(super) fn seeds(&mut self, now: At, seeds: bool) {
        match (self.since, seeds) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                let seeded = now.saturating_sub(since);
                self.counted += seeded;
                self.since = None;
                self.told.fetch_add(u64::try_from(seeded.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Time in which it seeded in this run.
    fn seeded(&self, now: At) -> Duration {
        self.counted + self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Whether it is enough, where this was sent in this run, and that came before; its length is `total_bytes`.
    pub(super) fn is_enough(&self, now: At, total_bytes: u64, sent_bytes: u64, before: Before) -> bool {
        let uploaded = before.uploaded_bytes.saturating_add(sent_bytes) as f64;
        let by_ratio = self.give.ratio.is_some_and(|ratio| uploaded >= ratio * total_bytes as f64);
        by_ratio || self.give.time.is_some_and(|time| before.seeded + self.seeded(now) >= time)
    }

    /// When it is enough by time alone, as long as it seeds.
    pub(super) fn deadline(&self, before: Before) -> Option<At> {
        let left = self.give.time?.saturating_sub(before.seeded + self.counted);
        Some(self.since?.saturating_add(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn it_is_enough_when_its_length_was_sent_so_often_in_all_runs() {
        let giving = Giving::new(Give { ratio: Some(1.5), time: None }, Arc::default());
        let before = Before { uploaded_bytes: 900, ..Before::default() };
        assert!(!giving.is_enough(S(9), 1000, 599, before));
        assert!(giving.is_enough(S(9), 1000, 600, before));
        assert!(!Giving::new(Give::default(), Arc::default()).is_enough(S(1_000_000), 1, u64::MAX, before));
    }

    #[test]
    fn only_time_in_which_it_seeds_counts() {
        let mut giving = Giving::new(Give { ratio: None, time: Some(S(60)) }, Arc::default());
        let before = Before { seeded: S(10), ..Before::default() };
        assert_eq!(giving.deadline(before), None);
        giving.seeds(S(100), true);
        giving.seeds(S(120), true);
        assert_eq!(giving.deadline(before), Some(S(150)));
        giving.seeds(S(130), false);
        assert!(!giving.is_enough(S(1000), 1, 0, before), "it rested since then");
        assert_eq!(giving.told.load(Ordering::Relaxed), 30_000);
        giving.seeds(S(2000), true);
        assert_eq!(giving.deadline(before), Some(S(2020)));
        assert!(!giving.is_enough(S(2019), 1, 0, before) && giving.is_enough(S(2020), 1, 0, before));
    }
}
