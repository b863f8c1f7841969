//! One tier: the order its trackers are asked in, and when the next round of asking begins.

use std::time::Duration;

use crate::event::{At, TrackerError};

/// The first pause after a round in which nobody could be reached.
const PAUSE_UNREACHED: Duration = Duration::from_secs(15);
/// The first pause after a round in which somebody answered, and said no.
const PAUSE_REFUSED: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// How soon after an answer without `min interval` a tracker is asked again because peers are wanted.
const SOONEST: Duration = Duration::from_secs(60);
/// The same where the tracker names a `min interval` that is shorter than anybody can mean.
const LEAST: Duration = Duration::from_secs(5);
/// After so many announces in a row that were made because peers are wanted, the next is put off twice as long: what
/// so many answers did not bring will hardly come with the next.
const HURRIED_IN_A_ROW: u32 = 10;

/// Within how long trackers are asked whose time came while the program stood still: not all tiers, nor all machines
/// of a house that wake together, in the same moment.
const SPREAD: Duration = Duration::from_secs(15);

/// When a tracker answered, and what it said of being asked again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) at: At,
    pub(super) interval: Duration,
    pub(super) min: Option<Duration>,
}

/// The time between two rounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// When the next round begins if nothing else comes.
    regular: At,
    /// When it begins because somebody asked for it.
    sooner: Option<At>,
    /// What ended the last round; `None`: all failed.
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Nothing is asked: not begun, paused, or nobody to ask.
    Resting,
    /// A round is under way: the first `asked` of the order have been asked, and when the last of them counts as
    /// silent.
    Asking {
        asked: usize,
        silent_at: Option<At>,
    },
    Waiting(Waiting),
}

pub(super) struct Tier {
    /// Trackers in the order they are asked.
    pub(super) order: Vec<usize>,
    pub(super) state: State,
    /// The download was finished in this run, and no tracker here has heard of it.
    pub(super) completed_due: bool,
    /// Rounds failed in a row.
    failures: u32,
    /// Somebody answered in this round, with a refusal or nonsense.
    refused: bool,
    /// Peers are wanted: it is asked as soon as the last answer allows.
    pub(super) wanted: bool,
    /// Times in a row it was asked sooner than its interval.
    hurried: u32,
    /// The torrent is private: one tracker at a time, in the order of the list.
    one_at_a_time: bool,
}

impl Tier {
    pub(super) fn new(order: Vec<usize>) -> Self {
        Self {
            order,
            state: State::Resting,
            completed_due: false,
            failures: 0,
            refused: false,
            wanted: false,
            hurried: 0,
            one_at_a_time: false,
        }
    }

    /// The only tier of a private torrent (BEP 27): the next tracker is asked when one fails, and one that answered is
    /// asked again until it fails.
    pub(super) fn one_at_a_time(order: Vec<usize>) -> Self {
        Self { one_at_a_time: true, ..Self::new(order) }
    }

    pub(super) fn front(&self) -> Option<usize> {
        self.order.first().copied()
    }

    /// The tracker asked last in this round.
    pub(super) fn newest(&self) -> Option<usize> {
        match self.state {
            State::Asking { asked, .. } => self.order.get(asked.checked_sub(1)?).copied(),
            _ => None,
        }
    }

    pub(super) fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking { .. })
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    pub(super) fn is_waiting_after_answer(&self) -> bool {
        matches!(self.state, State::Waiting(Waiting { answer: Some(_), .. }))
    }

    pub(super) fn has_asked_all(&self) -> bool {
        matches!(self.state, State::Asking { asked, .. } if asked >= self.order.len())
    }

    /// When time alone makes something happen here.
    pub(super) fn due(&self) -> Option<At> {
        match self.state {
            State::Resting => None,
            State::Asking { asked, silent_at } => silent_at.filter(|_| asked < self.order.len()),
            State::Waiting(waiting) => Some(self.until(waiting)),
        }
    }

    /// When the next round begins.
    fn until(&self, waiting: Waiting) -> At {
        let wanted = waiting.answer.filter(|_| self.wanted).map(|answer| answer.at + self.gap(answer));
        [waiting.sooner, wanted].into_iter().flatten().fold(waiting.regular, At::min)
    }

    /// How long after this answer trackers may be asked for more peers.
    fn gap(&self, answer: Answer) -> Duration {
        let allowed = answer.min.map_or(SOONEST, |min| min.max(LEAST));
        allowed.saturating_mul(1 << (self.hurried / HURRIED_IN_A_ROW).min(10))
    }

    /// When the next round begins, while it is waited for.
    pub(super) fn next_round(&self) -> Option<At> {
        match self.state {
            State::Waiting(waiting) => Some(self.until(waiting)),
            State::Resting | State::Asking { .. } => None,
        }
    }

    pub(super) fn rest(&mut self) {
        self.state = State::Resting;
        self.failures = 0;
        self.hurried = 0;
    }

    /// Begins a round; false when there is nobody to ask.
    pub(super) fn begin(&mut self) -> bool {
        if let State::Waiting(waiting) = self.state
            && waiting.answer.is_some()
        {
            self.hurried = if self.until(waiting) < waiting.regular { self.hurried + 1 } else { 0 };
        }
        self.refused = false;
        let anybody = !self.order.is_empty();
        self.state = if anybody { State::Asking { asked: 0, silent_at: None } } else { State::Resting };
        anybody
    }

    /// The next tracker of the round; it counts as silent at `silent_at`, where silence is reason enough to ask another.
    pub(super) fn next_to_ask(&mut self, silent_at: At) -> Option<usize> {
        let State::Asking { asked, .. } = self.state else { return None };
        let index = self.order.get(asked).copied()?;
        let silent_at = Some(silent_at).filter(|_| !self.one_at_a_time);
        self.state = State::Asking { asked: asked + 1, silent_at };
        Some(index)
    }

    pub(super) fn move_up(&mut self, index: usize) {
        if self.one_at_a_time {
            // The tracker that was in front before goes back to its place in the list.
            self.order.sort_unstable();
        }
        if let Some(place) = self.order.iter().position(|&other| other == index) {
            self.order[..=place].rotate_right(1);
        }
    }

    /// Never asks this tracker again.
    pub(super) fn leave_out(&mut self, index: usize) {
        let Some(place) = self.order.iter().position(|&other| other == index) else { return };
        self.order.remove(place);
        if let State::Asking { asked, .. } = &mut self.state
            && place < *asked
        {
            *asked -= 1;
        }
    }

    pub(super) fn note_failure(&mut self, error: TrackerError) {
        self.refused |= error.is_answer();
    }

    /// Ends the round with an answer.
    pub(super) fn answered(&mut self, answer: Answer) {
        self.failures = 0;
        let regular = answer.at + answer.interval;
        self.state = State::Waiting(Waiting { regular, sooner: None, answer: Some(answer) });
    }

    /// Ends the round without one: the pauses double, and vary so that clients do not come back in step.
    pub(super) fn failed(&mut self, now: At, random: &mut fastrand::Rng) {
        if self.order.is_empty() {
            self.state = State::Resting;
            return;
        }
        let first = if self.refused { PAUSE_REFUSED } else { PAUSE_UNREACHED };
        let pause = first.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures += 1;
        let regular = now + pause.mul_f64(0.8 + 0.4 * random.f64());
        self.state = State::Waiting(Waiting { regular, sooner: None, answer: None });
    }

    /// Our address changed: the trackers that failed may be reached now, and the one that answered is asked after
    /// `patience` where it names no `min interval`.
    pub(super) fn moved(&mut self, now: At, patience: Duration) {
        let State::Waiting(Waiting { answer, .. }) = self.state else { return };
        self.failures = 0;
        let allowed = answer.map_or(now, |answer| answer.at + answer.min.unwrap_or(patience));
        self.ask_at(allowed.max(now));
    }

    /// Its trackers' clocks went on for so long while ours stood still: what is due is due so much sooner, and what
    /// came due meanwhile is due soon.
    pub(super) fn stood_still(&mut self, now: At, time: Duration, random: &mut fastrand::Rng) {
        let State::Waiting(waiting) = &mut self.state else { return };
        let soon = now + SPREAD.mul_f64(random.f64());
        for at in [Some(&mut waiting.regular), waiting.sooner.as_mut()].into_iter().flatten() {
            *at = at.saturating_sub(time).max(soon).min(*at);
        }
        if let Some(answer) = &mut waiting.answer {
            earlier(&mut answer.at, &mut answer.min, time);
        }
    }

    /// Brings the next round forward to `at`, if it is later.
    pub(super) fn ask_at(&mut self, at: At) {
        if let State::Waiting(waiting) = &mut self.state {
            waiting.sooner = Some(waiting.sooner.map_or(at, |sooner| sooner.min(at)));
        }
    }
}

/// Moves an answer into the past; where that is before the run began, what is left of it is taken from the time that
/// it wants to pass.
pub(super) fn earlier(at: &mut At, min: &mut Option<Duration>, by: Duration) {
    let left = by.saturating_sub(*at);
    *at = at.saturating_sub(by);
    *min = min.map(|min| min.saturating_sub(left));
}
