//! One tier: the order its trackers are asked in, and when the next round of asking begins.

use std::time::Duration;

use crate::event::{At, TrackerError};

/// The first pause after a round in which nobody could be reached.
const PAUSE_UNREACHED: Duration = Duration::from_secs(15);
/// The first pause after a round in which somebody answered, and said no.
const PAUSE_REFUSED: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// The shortest time between an answer and asking sooner than its interval; doubled with every time it was done.
const SOONEST: Duration = Duration::from_secs(60);

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
    /// When it begins because somebody wants it sooner.
    sooner: Option<At>,
    /// What ended the last round; `None`: all failed.
    answer: Option<Answer>,
}

impl Waiting {
    pub(super) fn until(&self) -> At {
        self.sooner.map_or(self.regular, |sooner| sooner.min(self.regular))
    }
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
    /// Times in a row it was asked sooner than its interval because peers were wanted.
    hurried: u32,
}

impl Tier {
    pub(super) fn new(order: Vec<usize>) -> Self {
        Self { order, state: State::Resting, completed_due: false, failures: 0, refused: false, hurried: 0 }
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
            State::Waiting(waiting) => Some(waiting.until()),
        }
    }

    pub(super) fn rest(&mut self) {
        self.state = State::Resting;
        self.failures = 0;
        self.hurried = 0;
    }

    /// Begins a round; false when there is nobody to ask.
    pub(super) fn begin(&mut self) -> bool {
        if let State::Waiting(Waiting { regular, sooner: Some(sooner), answer: Some(_) }) = self.state
            && sooner < regular
        {
            self.hurried += 1;
        }
        self.refused = false;
        let anybody = !self.order.is_empty();
        self.state = if anybody { State::Asking { asked: 0, silent_at: None } } else { State::Resting };
        anybody
    }

    /// The next tracker of the round; it counts as silent at `silent_at`.
    pub(super) fn next_to_ask(&mut self, silent_at: At) -> Option<usize> {
        let State::Asking { asked, .. } = self.state else { return None };
        let index = self.order.get(asked).copied()?;
        self.state = State::Asking { asked: asked + 1, silent_at: Some(silent_at) };
        Some(index)
    }

    pub(super) fn move_up(&mut self, index: usize) {
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
        use TrackerError::{BadAnswer, HttpStatus, NotATracker, RedirectRefused, Refused};
        self.refused |= matches!(error, Refused | HttpStatus | NotATracker | BadAnswer | RedirectRefused);
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

    /// Peers are wanted: brings the next round forward as far as the last answer allows. True when that changed
    /// anything.
    pub(super) fn ask_sooner(&mut self) -> bool {
        let State::Waiting(Waiting { answer: Some(answer), .. }) = self.state else { return false };
        let gap = SOONEST.saturating_mul(1 << self.hurried.min(10)).max(answer.min.unwrap_or_default());
        self.ask_at(answer.at + gap)
    }

    /// Its trackers' clocks went on for so long while ours stood still: what is due is due so much sooner, and what
    /// came due meanwhile is due soon. True when that changed anything.
    pub(super) fn stood_still(&mut self, now: At, time: Duration, random: &mut fastrand::Rng) -> bool {
        let State::Waiting(waiting) = &mut self.state else { return false };
        let before = waiting.until();
        let soon = now + SPREAD.mul_f64(random.f64());
        for at in [Some(&mut waiting.regular), waiting.sooner.as_mut()].into_iter().flatten() {
            *at = at.saturating_sub(time).max(soon).min(*at);
        }
        if let Some(answer) = &mut waiting.answer {
            earlier(&mut answer.at, &mut answer.min, time);
        }
        waiting.until() != before
    }

    /// Brings the next round forward to `at`; false when it is not later anyway.
    pub(super) fn ask_at(&mut self, at: At) -> bool {
        let State::Waiting(waiting) = &mut self.state else { return false };
        let sooner = at < waiting.until();
        if sooner {
            waiting.sooner = Some(at);
        }
        sooner
    }
}

/// Moves an answer into the past; where that is before the run began, what is left of it is taken from the time that
/// it wants to pass.
pub(super) fn earlier(at: &mut At, min: &mut Option<Duration>, by: Duration) {
    let left = by.saturating_sub(*at);
    *at = at.saturating_sub(by);
    *min = min.map(|min| min.saturating_sub(left));
}
