//! How many peers are served at once.
//!
//! By itself the number follows what the line is seen to carry. It begins with what is usual for the limit; while
//! others wait, one more in eight is tried, and stays where more is sent for it. So slow takers do not leave the line
//! idle, and a line that is full is not cut into slices that are of use to nobody.

use super::choker::ROUND;
use super::places::Places;

/// How many peers are served at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UploadSlots {
    /// As many as the line carries, and as it takes to serve everybody within two minutes.
    #[default]
    Auto,
    /// This many, those of all torrents of a program together; in each one more gets its chance.
    Fixed(usize),
}

/// Where nothing is known of the line.
const START: usize = 8;
const LEAST: usize = 4;
const MOST: usize = 100;
/// A slot that carries less than this, bytes a second, is of little use to anybody.
const LEAST_BPS: u64 = 4000;
/// Rounds until more are tried again after it did not help.
const REST: u32 = 6;

/// Follows what the line carries.
#[derive(Debug)]
pub(super) struct Slots {
    setting: UploadSlots,
    /// Its part of a fixed number.
    places: Places,
    regular: usize,
    /// How many it were before more were tried, and what was sent in a round then.
    tried: Option<(usize, u64)>,
    rest: u32,
}

impl Slots {
    pub(super) fn new(setting: UploadSlots, limit_bps: Option<u64>) -> Self {
        let regular = limit_bps.map_or(START, usual);
        Self { setting, places: Places::default(), regular, tried: None, rest: 0 }
    }

    /// The same as part of those that all torrents have.
    pub(super) fn among(self, places: Places) -> Self {
        Self { places, ..self }
    }

    /// So many are served now for what they are worth or because it is their turn, where so many want to be.
    pub(super) fn hold(&self, served: usize, wanting: usize) {
        self.places.hold(served, wanting > 0);
    }

    /// Peers served for what they are worth; others get their chance beside them.
    pub(super) fn regular(&self) -> usize {
        match self.setting {
            UploadSlots::Auto => self.regular,
            UploadSlots::Fixed(slots) => self.places.most(slots),
        }
    }

    /// Places for `waiting` peers that take turns, beside `ranked` that are served for what they are worth.
    pub(super) fn for_turns(&self, ranked: usize, waiting: usize) -> usize {
        let left = (self.regular() + 1).saturating_sub(ranked);
        match self.setting {
            // Three others at most are served before it, each for half a minute.
            UploadSlots::Auto => left.max(waiting.div_ceil(4)),
            UploadSlots::Fixed(_) => left,
        }
    }

    /// A round is over in which `sent_bytes` were sent. `waited`: somebody was not served for want of a slot.
    pub(super) fn round(&mut self, sent_bytes: u64, limit_bps: Option<u64>, waited: bool) {
        let sent_bps = sent_bytes / ROUND.as_secs();
        let tried = self.tried.take();
        if !waited {
            return;
        }
        if limit_bps.is_some_and(|limit| sent_bps >= limit / 10 * 9) {
            // The limit is what holds it: as many as are usual for it.
            let usual = usual(limit_bps.unwrap_or(sent_bps));
            self.regular = self.regular.saturating_sub(1).max(usual);
            return;
        }
        let before = self.regular;
        match tried {
            Some((fewer, sent)) if sent_bytes < sent + sent / fewer as u64 / 2 * (before - fewer) as u64 => {
                self.regular = fewer;
                self.rest = REST;
            }
            _ if self.rest > 0 => self.rest -= 1,
            _ if sent_bps < self.regular as u64 * LEAST_BPS => {
                self.regular = (self.regular - 1).max(LEAST);
            }
            _ => {
                self.regular = (self.regular + self.regular.div_ceil(8)).max(usual(sent_bps)).min(MOST);
                self.tried = (self.regular > before).then_some((before, sent_bytes));
            }
        }
    }
}

/// How many are usually served by a line of this rate: the square root of six tenths of its kilobytes a second.
fn usual(rate_bps: u64) -> usize {
    usize::try_from((rate_bps.saturating_mul(6) / 10_000).isqrt()).unwrap_or(MOST).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent in a round over a line that carries so much, to peers of which each takes so much.
    fn sent(slots: &Slots, line_bps: u64, each_bps: u64) -> u64 {
        line_bps.min((slots.regular() + 1) as u64 * each_bps) * ROUND.as_secs()
    }

    fn after(rounds: u32, line_bps: u64, each_bps: u64, limit_bps: Option<u64>) -> usize {
        let mut slots = Slots::new(UploadSlots::Auto, limit_bps);
        for _ in 0..rounds {
            slots.round(sent(&slots, line_bps, each_bps), limit_bps, true);
        }
        slots.regular()
    }

    #[test]
    fn torrents_share_a_fixed_number_of_slots() {
        let all = Places::default();
        let slots = |places: &Places| Slots::new(UploadSlots::Fixed(8), None).among(places.beside());
        let (one, other) = (slots(&all), slots(&all));
        one.hold(8, 20);
        assert_eq!((one.regular(), other.regular()), (8, 0), "as long as nobody else wants any");
        other.hold(0, 20);
        for _ in 0..10 {
            [&one, &other].into_iter().for_each(|slots| slots.hold(slots.regular(), 20));
        }
        assert_eq!(one.regular() + other.regular(), 8);
        assert!(one.regular() >= 3 && other.regular() >= 3, "{} and {}", one.regular(), other.regular());
        other.hold(0, 0);
        one.hold(one.regular(), 20);
        assert_eq!(one.regular(), 8);
    }

    #[test]
    fn slow_takers_do_not_leave_the_line_idle() {
        let slots = after(60, 1_000_000, 15_000, None);
        assert!((60..=85).contains(&slots), "{slots} of which 66 fill the line");
        assert!((8..=10).contains(&after(60, 1_000_000, 500_000, None)), "two fill it");
    }

    #[test]
    fn a_full_line_is_not_cut_into_slices() {
        assert!((4..=6).contains(&after(60, 20_000, 20_000, None)));
        assert_eq!(after(60, 20_000, 20_000, Some(20_000)), 4);
        for (limit, expected) in [(60_000, 6), (200_000, 10), (400_000, 15), (10_000_000, 77)] {
            assert_eq!(after(60, limit, limit, Some(limit)), expected, "{limit}");
        }
    }

    #[test]
    fn a_limit_that_is_not_used_up_does_not_hold_it() {
        let slots = after(60, 1_000_000, 20_000, Some(1_000_000));
        assert!((40..=60).contains(&slots), "{slots} of which 50 fill the limit");
    }

    #[test]
    fn it_stays_as_it_is_while_nobody_waits() {
        let mut slots = Slots::new(UploadSlots::Auto, None);
        (0..100).for_each(|n| slots.round(n * 100_000_000, None, false));
        assert_eq!(slots.regular(), START);
    }

    #[test]
    fn a_number_is_a_number() {
        let mut slots = Slots::new(UploadSlots::Fixed(3), None);
        (0..100).for_each(|n| slots.round(n * 100_000_000, None, true));
        assert_eq!((slots.regular(), slots.for_turns(3, 50), slots.for_turns(0, 50)), (3, 1, 4));
        let auto = Slots::new(UploadSlots::Auto, None);
        assert_eq!((auto.for_turns(8, 2), auto.for_turns(8, 40), auto.for_turns(0, 40)), (1, 10, 10));
    }
}
