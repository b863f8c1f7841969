//! How fast data came over a whole recording, in few numbers.

use std::time::Duration;

use crate::event::At;

/// Steps of a curve, at most; no screen shows more of them.
const MOST_STEPS: u32 = 2048;
/// The shortest step: samples are a second apart.
const LEAST_STEP: Duration = Duration::from_secs(1);
/// A sample tells of the time since the one before it, and of this much at most: nothing is known of a time in which the
/// process slept.
const LONGEST_SAMPLE: Duration = Duration::from_secs(2);

/// The down rate over a whole recording: the means of equal steps, from its beginning on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Curve {
    /// How long a step is.
    a_step: Duration,
    /// Bytes a second in every step.
    rates_bps: Vec<u64>,
}

impl Curve {
    /// The rates of this many equal parts of a time as long as `whole`, bytes a second. Parts after the end of the
    /// curve have none.
    pub fn parts(&self, whole: Duration, parts: usize) -> Vec<u64> {
        let a_step = self.a_step.as_nanos().max(1);
        let begins = |part: usize| whole.as_nanos() * part as u128 / parts as u128;
        let mean = |part: usize| {
            let first = (begins(part) / a_step) as usize;
            let end = (begins(part + 1).div_ceil(a_step) as usize).max(first + 1).min(self.rates_bps.len());
            let rates = self.rates_bps.get(first..end).unwrap_or_default();
            let sum: u128 = rates.iter().map(|rate| u128::from(*rate)).sum();
            (sum / rates.len().max(1) as u128) as u64
        };
        (0..parts).map(mean).collect()
    }

    /// The highest rate of any step, bytes a second.
    pub fn most_bps(&self) -> u64 {
        self.rates_bps.iter().copied().max().unwrap_or(0)
    }
}

/// Makes a curve of samples, one after the other.
#[derive(Debug)]
pub(super) struct Drawing {
    begin: At,
    a_step: Duration,
    /// Bytes in every step, times a thousand million.
    sums: Vec<u128>,
    /// Up to when samples told.
    told: At,
}

impl Drawing {
    /// The curve of a recording from `begin` to `end`.
    pub(super) fn new(begin: At, end: At) -> Self {
        let a_step = (end.saturating_sub(begin) / MOST_STEPS).max(LEAST_STEP);
        Self { begin, a_step, sums: Vec::new(), told: begin }
    }

    /// Takes in the rate that was sampled at this time.
    pub(super) fn take(&mut self, at: At, down_bps: u64) {
        let mut from = self.told.max(at.saturating_sub(LONGEST_SAMPLE));
        self.told = self.told.max(at);
        while from < at {
            let step = from.saturating_sub(self.begin).as_nanos() / self.a_step.as_nanos();
            // There are some more than `MOST_STEPS` at most: the recording ends.
            let step = step as u32;
            let until = at.min(self.begin + self.a_step * (step + 1));
            if self.sums.len() <= step as usize {
                self.sums.resize(step as usize + 1, 0);
            }
            self.sums[step as usize] += u128::from(down_bps) * (until - from).as_nanos();
            from = until;
        }
    }

    /// The curve of what was taken in.
    pub(super) fn curve(self) -> Curve {
        let Self { begin, a_step, sums, told } = self;
        let length = |step: usize| {
            let from = begin + a_step * step as u32;
            told.saturating_sub(from).min(a_step).as_nanos().max(1)
        };
        let mean = |(step, sum): (usize, &u128)| u64::try_from(sum / length(step)).unwrap_or(u64::MAX);
        Curve { a_step, rates_bps: sums.iter().enumerate().map(mean).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn curve(end: At, samples: impl IntoIterator<Item = (At, u64)>) -> Curve {
        let mut drawing = Drawing::new(s(100), end);
        samples.into_iter().for_each(|(at, rate)| drawing.take(at, rate));
        drawing.curve()
    }

    #[test]
    fn a_steady_rate_is_a_level_line_however_the_samples_fall() {
        let early = |at: u64| Duration::from_millis(if at.is_multiple_of(3) { 1 } else { 400 });
        let curve = curve(s(160), (101..=160).map(|at| (s(at) - early(at), 500)));
        assert_eq!(curve.most_bps(), 500);
        for parts in [1, 7, 59, 60, 61, 240] {
            let rates = curve.parts(s(60), parts);
            assert_eq!(rates.len(), parts);
            assert!(rates[..parts - 1].iter().all(|rate| *rate == 500), "{parts}: {rates:?}");
        }
    }

    #[test]
    fn what_came_when_stands_where_it_belongs() {
        let rate = |at: u64| if (130..140).contains(&at) { 900 } else { 0 };
        let curve = curve(s(160), (101..=160).map(|at| (s(at), rate(at - 1))));
        assert_eq!(curve.parts(s(60), 6), [0, 0, 0, 900, 0, 0]);
        assert_eq!(curve.parts(s(60), 3), [0, 450, 0]);
        assert_eq!(curve.parts(s(120), 4), [0, 300, 0, 0], "nothing is known after its end");
    }

    #[test]
    fn while_the_process_slept_nothing_came() {
        let curve = curve(s(200), [(s(101), 10), (s(150), 10), (s(151), 10)]);
        let rates = curve.parts(s(100), 100);
        assert_eq!((rates[0], rates[1], rates[20], rates[48], rates[49], rates[50]), (10, 0, 0, 10, 10, 10));
    }

    #[test]
    fn a_long_run_and_an_empty_one_are_as_short() {
        let year = s(365 * 86_400);
        let curve = curve(s(100) + year, (0..4000).map(|at| (s(100) + year / 4000 * at, u64::MAX)));
        assert!(curve.rates_bps.len() <= MOST_STEPS as usize + 1, "{}", curve.rates_bps.len());
        assert!(curve.most_bps() < u64::MAX, "each sample tells of two seconds at most");
        assert_eq!(Curve::default().parts(s(0), 3), [0, 0, 0]);
        assert!(Curve::default().parts(s(9), 0).is_empty());
    }
}
