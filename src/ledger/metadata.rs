//! What each peer did about the metadata of a magnet, and how much of them is here (BEP 9).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::parts::{Inspect, Parts};
use crate::event::validate::{Holds, bounded};
use crate::event::{At, Cause, MetadataStep};
use crate::units;

/// Moments kept of one peer.
const MOST_MOMENTS: usize = 32;
/// Parts that a peer is asked for at once, as far as their times are kept.
const MOST_WAITING: usize = 16;

/// What a peer did about the metadata.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MetadataTalk {
    /// How long it says that they are, bytes.
    pub offered_bytes: Option<u32>,
    /// Requests for a part.
    pub asked: u32,
    /// Parts it gave.
    pub gave: u32,
    /// The lowest and the highest number of those.
    pub parts: Option<(u32, u32)>,
    /// How long it took for all of them together.
    pub took: Duration,
    /// Requests it refused.
    pub refused: u32,
    /// Requests it did not answer in time.
    pub silent: u32,
    /// What was wrong with what it gave.
    pub wrong: Option<String>,
    /// What happened, in order; of many the oldest go.
    #[serde(deserialize_with = "bounded::<_, _, MOST_MOMENTS>")]
    pub moments: Vec<MetadataMoment>,
    /// Parts it is asked for, and since when.
    #[serde(deserialize_with = "bounded::<_, _, MOST_WAITING>")]
    waiting: Vec<(u32, At)>,
}

/// Steps of one kind in a row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MetadataMoment {
    /// When the first of them was.
    pub since: At,
    /// When the last of them was.
    pub until: At,
    /// How many.
    pub count: u32,
    /// The last of them.
    pub step: MetadataStep,
}

/// Where a peer stands with the metadata.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MetadataAnswer {
    /// It gives them.
    Gives,
    /// It was asked, and has time left to answer.
    Asked,
    /// It says that it has them, and was not asked.
    Offers,
    /// It refuses.
    Refuses,
    /// It was asked and says nothing.
    Silent,
    /// What it gave is wrong.
    Wrong,
}

/// How much of the metadata is here, and what the peers did about them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MetadataProgress {
    /// Parts that are here.
    pub got: u32,
    /// Parts of the whole; 0: nobody offers it.
    pub of: u32,
    /// Bytes of the whole, as most peers that offer it say.
    pub bytes: u32,
    /// Peers that ever offered it.
    pub offered: u32,
    /// Peers that were asked for a part.
    pub asked: u32,
    /// Those of them whose last answer was a part.
    pub gave: u32,
    /// Those of them whose last answer was a refusal.
    pub refused: u32,
    /// Those of them that did not answer in time.
    pub silent: u32,
    /// Those of them whose parts were wrong.
    pub wrong: u32,
}

impl MetadataTalk {
    /// Takes in a step.
    pub(super) fn take(&mut self, at: At, step: &MetadataStep) {
        match step {
            MetadataStep::Offered { bytes } => self.offered_bytes = Some(*bytes),
            MetadataStep::Asked { part } => {
                bump(&mut self.asked);
                if self.waiting.len() < MOST_WAITING {
                    self.waiting.push((*part, at));
                }
            }
            MetadataStep::Gave { part } => {
                bump(&mut self.gave);
                let (first, last) = self.parts.unwrap_or((*part, *part));
                self.parts = Some((first.min(*part), last.max(*part)));
                if let Some(asked) = self.waits_no_more(*part) {
                    self.took = self.took.saturating_add(at.saturating_sub(asked));
                }
            }
            MetadataStep::Refused { part } => {
                bump(&mut self.refused);
                self.waits_no_more(*part);
            }
            MetadataStep::Silent { part } => {
                bump(&mut self.silent);
                self.waits_no_more(*part);
            }
            MetadataStep::Wrong { reason } => self.wrong = Some(reason.clone()),
        }
        self.note(at, step);
    }

    /// Takes a part off those it is asked for; returns since when it was.
    fn waits_no_more(&mut self, part: u32) -> Option<At> {
        let place = self.waiting.iter().position(|(waiting, _)| *waiting == part)?;
        Some(self.waiting.remove(place).1)
    }

    /// Its connection ended: what it was asked for does not come any more.
    pub(super) fn end(&mut self) {
        self.waiting.clear();
    }

    fn note(&mut self, at: At, step: &MetadataStep) {
        let kind = std::mem::discriminant(step);
        if let Some(last) = self.moments.last_mut()
            && std::mem::discriminant(&last.step) == kind
        {
            (last.until, last.step) = (at, step.clone());
            bump(&mut last.count);
            return;
        }
        if self.moments.len() == MOST_MOMENTS {
            self.moments.remove(0);
        }
        self.moments.push(MetadataMoment { since: at, until: at, count: 1, step: step.clone() });
    }

    /// Whether it offered them, or was asked.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.offered_bytes.is_some() || self.asked > 0
    }

    /// Which parts it gave, or how many: people count from 1.
    #[must_use]
    pub fn parts_given(&self) -> String {
        match self.parts {
            Some((first, last)) if first == last => format!("part {}", u64::from(first) + 1),
            Some((first, last)) if last - first == self.gave.saturating_sub(1) => {
                format!("parts {}–{}", u64::from(first) + 1, u64::from(last) + 1)
            }
            _ if self.gave == 1 => "1 part".to_owned(),
            _ => format!("{} parts", units::count(self.gave.into())),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn answer(&self) -> MetadataAnswer {
        if self.wrong.is_some() {
            return MetadataAnswer::Wrong;
        }
        let answers = self.moments.iter().rev().find_map(|moment| match moment.step {
            MetadataStep::Gave { .. } => Some(MetadataAnswer::Gives),
            MetadataStep::Refused { .. } => Some(MetadataAnswer::Refuses),
            MetadataStep::Silent { .. } => Some(MetadataAnswer::Silent),
            MetadataStep::Offered { .. } | MetadataStep::Asked { .. } | MetadataStep::Wrong { .. } => None,
        });
        let unanswered = if self.asked > 0 { MetadataAnswer::Asked } else { MetadataAnswer::Offers };
        answers.unwrap_or(unanswered)
    }
}

impl MetadataAnswer {
    /// Why the peer does not give the metadata; `None`: it does, or may yet.
    #[must_use]
    pub fn cause(self) -> Option<Cause> {
        match self {
            Self::Gives | Self::Asked | Self::Offers => None,
            Self::Refuses => Some(Cause::MetadataRefused),
            Self::Silent => Some(Cause::MetadataSilent),
            Self::Wrong => Some(Cause::MetadataWrong),
        }
    }
}

impl MetadataProgress {
    /// Counts what a peer did.
    pub(super) fn count(&mut self, talk: &MetadataTalk) {
        bump_if(&mut self.offered, talk.offered_bytes.is_some());
        bump_if(&mut self.asked, talk.asked > 0);
        let answer = match talk.answer() {
            MetadataAnswer::Gives => &mut self.gave,
            MetadataAnswer::Refuses => &mut self.refused,
            MetadataAnswer::Silent => &mut self.silent,
            MetadataAnswer::Wrong => &mut self.wrong,
            MetadataAnswer::Asked | MetadataAnswer::Offers => return,
        };
        bump(answer);
    }
}

impl Parts for MetadataTalk {
    fn each(&mut self, inspect: &mut dyn Inspect) {
        let Self { offered_bytes: _, asked: _, gave: _, parts: _, took, refused: _, silent: _, .. } = self;
        inspect.time(*took);
        let Self { wrong, moments, waiting, .. } = self;
        wrong.each(inspect);
        for MetadataMoment { since, until, count: _, step } in moments {
            inspect.time(*since);
            inspect.time(*until);
            step.each(inspect);
        }
        waiting.iter().for_each(|(_, since)| inspect.time(*since));
    }
}

impl Holds for MetadataTalk {
    fn bytes(&self) -> usize {
        let moments = self.moments.capacity() * size_of::<MetadataMoment>();
        size_of::<Self>() + moments + self.waiting.capacity() * size_of::<(u32, At)>()
    }
}

fn bump(count: &mut u32) {
    *count = count.saturating_add(1);
}

fn bump_if(count: &mut u32, when: bool) {
    if when {
        bump(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> At {
        Duration::from_millis(ms)
    }

    fn told(steps: &[(u64, MetadataStep)]) -> MetadataTalk {
        let mut talk = MetadataTalk::default();
        steps.iter().for_each(|(at, step)| talk.take(ms(*at), step));
        talk
    }

    #[test]
    fn where_a_peer_stands_is_what_it_answered_last() {
        use MetadataStep::{Asked, Gave, Offered, Refused, Silent, Wrong};
        let answer = |steps: &[MetadataStep]| {
            let timed: Vec<_> = (1..).zip(steps.iter().cloned()).collect();
            told(&timed).answer()
        };
        let reason = || "its hash".to_owned();
        for (steps, expected) in [
            (vec![Offered { bytes: 9 }], MetadataAnswer::Offers),
            (vec![Offered { bytes: 9 }, Asked { part: 0 }], MetadataAnswer::Asked),
            (vec![Asked { part: 0 }, Refused { part: 0 }], MetadataAnswer::Refuses),
            (vec![Asked { part: 0 }, Refused { part: 0 }, Asked { part: 1 }], MetadataAnswer::Refuses),
            (vec![Asked { part: 0 }, Silent { part: 0 }], MetadataAnswer::Silent),
            (vec![Asked { part: 0 }, Silent { part: 0 }, Gave { part: 0 }], MetadataAnswer::Gives),
            (vec![Asked { part: 0 }, Gave { part: 0 }, Wrong { reason: reason() }], MetadataAnswer::Wrong),
        ] {
            assert_eq!(answer(&steps), expected, "{steps:?}");
        }
    }

    #[test]
    fn steps_alike_are_one_moment_and_many_moments_are_bounded() {
        let asked = |at, part| (at, MetadataStep::Asked { part });
        let gave = |at, part| (at, MetadataStep::Gave { part });
        let talk = told(&[asked(10, 3), asked(12, 1), gave(40, 3), gave(52, 1), asked(60, 7)]);
        let spans: Vec<_> =
            talk.moments.iter().map(|moment| (moment.since, moment.until, moment.count)).collect();
        assert_eq!(spans, [(ms(10), ms(12), 2), (ms(40), ms(52), 2), (ms(60), ms(60), 1)]);
        assert_eq!((talk.gave, talk.parts, talk.took), (2, Some((1, 3)), ms(70)));
        assert_eq!(talk.parts_given(), "2 parts");
        assert_eq!(told(&[gave(1, 3)]).parts_given(), "part 4");
        assert_eq!(told(&[gave(1, 3), gave(2, 2)]).parts_given(), "parts 3–4");
        assert_eq!(talk.waiting, [(7, ms(60))]);

        let many: Vec<_> = (0..100).flat_map(|part| [asked(1, part), gave(2, part)]).collect();
        let talk = told(&many);
        assert_eq!((talk.moments.len(), talk.asked, talk.gave), (MOST_MOMENTS, 100, 100));
        let waits: Vec<_> = (0..100).map(|part| asked(1, part)).collect();
        assert_eq!(told(&waits).waiting.len(), MOST_WAITING);
    }
}
