//! Throughput over time.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::event::parts::harmless;
use crate::event::validate::{bounded, check, ensure, times};
use crate::event::{At, Invalid, Sample};

/// One sample a second for the last hour, and one a minute for the whole run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Series {
    /// The last hour at most, newest last, one a second.
    #[serde(deserialize_with = "few_samples::<_, MOST_SECONDS>")]
    pub seconds: VecDeque<Sample>,
    /// The run at most four weeks back, newest last: the mean of each whole minute.
    #[serde(deserialize_with = "few_samples::<_, MOST_MINUTES>")]
    pub minutes: VecDeque<Sample>,
    /// Seconds there ever were: the number of the newest one, so that averages can begin at fixed moments.
    pub pushed: u64,
}

/// Seconds kept.
const MOST_SECONDS: usize = 3600;
/// Minutes kept: four weeks.
const MOST_MINUTES: usize = 4 * 7 * 24 * 60;
/// Seconds kept of each connection.
pub const RECENT_SECONDS: usize = 30;
/// Seconds over which a rate is averaged for showing.
pub(super) const MEAN_SECONDS: usize = 3;

fn few_samples<'de, D: Deserializer<'de>, const MOST: usize>(from: D) -> Result<VecDeque<Sample>, D::Error> {
    bounded::<_, _, MOST>(from).map(VecDeque::from)
}

/// Takes in one sample a second and keeps the sums.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SeriesFold {
    series: Arc<Series>,
    last: Option<At>,
    minute: (u64, u64, u64),
}

impl SeriesFold {
    pub(super) fn series(&self) -> &Arc<Series> {
        &self.series
    }

    /// Takes in one second. Seconds that nobody sampled (the process slept) count as silent ones, so that the
    /// axis stays true.
    pub(super) fn push(&mut self, at: At, sample: Sample) {
        let gap = self.last.map_or(0, |last| at.saturating_sub(last).as_millis().saturating_add(500) / 1000);
        self.last = Some(at);
        if gap >= 3 {
            for _ in 0..gap.min(MOST_SECONDS as u128) - 1 {
                self.push_second(Sample::default());
            }
        }
        self.push_second(sample);
    }

    fn push_second(&mut self, sample: Sample) {
        let series = Arc::make_mut(&mut self.series);
        push_bounded(&mut series.seconds, sample, MOST_SECONDS);
        series.pushed += 1;
        let (down, up, seconds) = self.minute;
        self.minute = (down.saturating_add(sample.down_bps), up.saturating_add(sample.up_bps), seconds + 1);
        if self.minute.2 == 60 {
            let mean = Sample { down_bps: self.minute.0 / 60, up_bps: self.minute.1 / 60 };
            push_bounded(&mut series.minutes, mean, MOST_MINUTES);
            self.minute = (0, 0, 0);
        }
    }

    /// The same, if it is one that any run can have.
    pub(super) fn checked(self) -> Result<Self, Invalid> {
        let Series { seconds, minutes, pushed } = &*self.series;
        seconds.iter().chain(minutes).try_for_each(|sample| check(&mut { *sample }, None))?;
        let ran = (seconds.len() as u64..u64::MAX / 2).contains(pushed);
        ensure(ran, "another number of seconds than there were")?;
        ensure(self.minute.2 < 60, "a minute of more than 60 seconds")?;
        times([self.last])?;
        Ok(self)
    }

    /// The mean of the last three seconds; zero when nothing was sampled in them.
    pub(super) fn rates(&self, now: At) -> Sample {
        if self.last.is_none_or(|last| now.saturating_sub(last).as_secs() >= MEAN_SECONDS as u64) {
            return Sample::default();
        }
        self.mean(MEAN_SECONDS)
    }

    /// The same, over no second that had passed before `since`.
    pub(super) fn rates_since(&self, since: At, now: At) -> Sample {
        match now.saturating_sub(since).as_secs() {
            0 => Sample::default(),
            whole if whole < MEAN_SECONDS as u64 && self.rates(now) != Sample::default() => {
                self.mean(whole as usize)
            }
            _ => self.rates(now),
        }
    }

    /// Whether data came for as long as a mean is taken over, in the seconds that ended after `since`: before that a mean
    /// tells more of how it began than of how it goes.
    pub(super) fn has_flowed(&self, since: At, now: At) -> bool {
        let whole = now.saturating_sub(since).as_secs();
        let seconds = self.series.seconds.iter().rev();
        let seconds = seconds.take(usize::try_from(whole).unwrap_or(usize::MAX));
        seconds.skip(MEAN_SECONDS - 1).any(|second| second.down_bps > 0)
    }

    /// The mean of the last so many seconds, or of as many as there are.
    pub(super) fn mean(&self, seconds: usize) -> Sample {
        let taken = self.series.seconds.len().min(seconds);
        let (mut down, mut up) = (0u64, 0u64);
        for sample in self.series.seconds.iter().rev().take(taken) {
            down = down.saturating_add(sample.down_bps);
            up = up.saturating_add(sample.up_bps);
        }
        let count = taken.max(1) as u64;
        Sample { down_bps: down / count, up_bps: up / count }
    }
}

/// What a connection moved in each of its last seconds, [`RECENT_SECONDS`] at most, newest last. It is empty where nothing
/// moved in any of them, so that idle peers take no room.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Recent(#[serde(deserialize_with = "few_samples::<_, RECENT_SECONDS>")] VecDeque<Sample>);

harmless!(Recent);

impl Recent {
    /// Them, newest last.
    pub fn seconds(&self) -> &VecDeque<Sample> {
        &self.0
    }

    /// Whether a second more changes it.
    pub(super) fn would_take(&self, moved: Sample) -> bool {
        !self.0.is_empty() || moved != Sample::default()
    }

    /// Takes in one second.
    pub(super) fn push(&mut self, moved: Sample) {
        push_bounded(&mut self.0, moved, RECENT_SECONDS);
        if self.0.iter().all(|second| *second == Sample::default()) {
            self.0 = VecDeque::new();
        }
    }

    /// The mean of the last `seconds`; those that are not kept were silent.
    pub(super) fn mean(&self, seconds: usize) -> Sample {
        let sum = |of: fn(&Sample) -> u64| {
            self.0.iter().rev().take(seconds).map(of).fold(0, u64::saturating_add) / seconds.max(1) as u64
        };
        Sample { down_bps: sum(|second| second.down_bps), up_bps: sum(|second| second.up_bps) }
    }
}

fn push_bounded(ring: &mut VecDeque<Sample>, sample: Sample, most: usize) {
    if ring.len() == most {
        ring.pop_front();
    }
    ring.push_back(sample);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn down(down_bps: u64) -> Sample {
        Sample { down_bps, up_bps: 0 }
    }

    fn s(seconds: u64) -> At {
        Duration::from_secs(seconds)
    }

    #[test]
    fn averages_three_seconds_and_falls_silent_with_its_source() {
        let mut fold = SeriesFold::default();
        assert_eq!(fold.rates(s(0)), down(0));
        for (second, rate) in [(1, 900), (2, 100), (3, 200), (4, 300)] {
            fold.push(s(second), down(rate));
        }
        assert_eq!(fold.rates(s(4)), down(200));
        assert_eq!(fold.rates(s(7)), down(0));
    }

    #[test]
    fn leaves_out_the_seconds_before_something_began() {
        let mut fold = SeriesFold::default();
        for (second, rate) in [(1, 0), (2, 0), (3, 0), (4, 600), (5, 400), (6, 500)] {
            fold.push(s(second), down(rate));
            let rates: u64 = fold.rates_since(s(3), s(second)).down_bps;
            let expected = [0, 0, 0, 600, 500, 500][second as usize - 1];
            assert_eq!(rates, expected, "{second}");
        }
        assert_eq!(fold.rates_since(s(3), s(9)), down(0), "it fell silent");
    }

    #[test]
    fn data_have_flowed_once_a_mean_is_made_of_them_alone() {
        let mut fold = SeriesFold::default();
        for (second, rate) in [(1, 900), (2, 0), (3, 0), (4, 600), (5, 400), (6, 500)] {
            fold.push(s(second), down(rate));
            assert_eq!(fold.has_flowed(s(0), s(second)), second >= 3, "{second}");
            assert_eq!(
                fold.has_flowed(s(3), s(second)),
                second >= 6,
                "{second}: what came before is another matter"
            );
        }
    }

    #[test]
    fn keeps_an_hour_of_seconds_and_the_means_of_whole_minutes() {
        let mut fold = SeriesFold::default();
        for second in 1..=3700 {
            fold.push(s(second), down(second));
        }
        assert_eq!(fold.series().seconds.len(), 3600);
        assert_eq!(fold.series().seconds.back(), Some(&down(3700)));
        assert_eq!(fold.series().minutes.len(), 61);
        assert_eq!(fold.series().minutes[0], down(30));
    }

    #[test]
    fn fills_a_gap_with_silence() {
        let mut fold = SeriesFold::default();
        fold.push(s(1), down(5));
        fold.push(Duration::from_millis(2400), down(6));
        fold.push(s(6), down(7));
        let rates: Vec<u64> = fold.series().seconds.iter().map(|sample| sample.down_bps).collect();
        assert_eq!(rates, [5, 6, 0, 0, 0, 7]);
        fold.push(s(1_000_000), down(8));
        assert_eq!(fold.series().seconds.len(), 3600);
    }

    #[test]
    fn the_recent_seconds_are_few_and_gone_when_all_were_silent() {
        let mut recent = Recent::default();
        assert!(!recent.would_take(down(0)) && recent.would_take(down(1)));
        recent.push(down(900));
        recent.push(down(0));
        assert_eq!((recent.mean(1), recent.mean(2), recent.mean(3)), (down(0), down(450), down(300)));
        for second in 0..100 {
            recent.push(down(second));
        }
        let kept: Vec<u64> = recent.seconds().iter().map(|second| second.down_bps).collect();
        assert_eq!(kept, (70..100).collect::<Vec<u64>>());
        for _ in 0..RECENT_SECONDS - 1 {
            recent.push(down(0));
        }
        assert_eq!(recent.seconds().len(), RECENT_SECONDS);
        recent.push(down(0));
        assert_eq!(recent, Recent::default());
        recent.push(Sample { down_bps: u64::MAX, up_bps: 1 });
        recent.push(down(u64::MAX));
        assert_eq!(recent.mean(1), down(u64::MAX), "what a stranger wrote does not overflow");
    }

    #[test]
    fn a_list_longer_than_any_run_writes_is_not_even_read() {
        let read = |seconds: usize, minutes: usize| {
            let kept = |count| VecDeque::from(vec![Sample::default(); count]);
            let written = Series { seconds: kept(seconds), minutes: kept(minutes), pushed: seconds as u64 };
            postcard::from_bytes::<Series>(&postcard::to_stdvec(&written).unwrap()).is_ok()
        };
        assert!(read(MOST_SECONDS, MOST_MINUTES));
        assert!(!read(MOST_SECONDS + 1, 0) && !read(0, MOST_MINUTES + 1));
    }
}
