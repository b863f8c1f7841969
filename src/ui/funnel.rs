//! Where peers drop off: the steps from a peer whose address is known to one that sends, and once everything is here,
//! to one that takes.

use crate::event::{At, Cause, Phase};
use crate::ledger::{Group, PeerRecord, View};

use super::theme::STEPS;
use super::words;

/// Rows that the steps take.
pub(crate) const ROWS: u16 = 6;

/// Which way data goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Funnel {
    /// To us.
    Fetching,
    /// To others: everything is here.
    Giving,
}

impl Funnel {
    /// The one that tells how the torrent fares now.
    pub(crate) fn of(view: &View) -> Self {
        match view.phase {
            Phase::Seeding => Self::Giving,
            phase if phase.rests() && view.is_whole() => Self::Giving,
            _ => Self::Fetching,
        }
    }

    /// Its steps.
    pub(crate) fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Fetching => &words::STEPS,
            Self::Giving => &["known", "connected", "interested", "unchoked", "taking"],
        }
    }

    /// The name of a step.
    pub(crate) fn step(self, at: usize) -> &'static str {
        let steps = self.steps();
        steps[at.min(steps.len() - 1)]
    }

    /// How many peers are at each step, or beyond it.
    pub(crate) fn counts(self, view: &View) -> Vec<u32> {
        match self {
            Self::Fetching => view.way().to_vec(),
            Self::Giving => {
                let mut counts = vec![0; self.steps().len()];
                for peer in &view.peers {
                    counts[..=self.reached(peer, view.at)].iter_mut().for_each(|count| *count += 1);
                }
                // Of those that have no row any more, only this is known.
                counts[0] = view.funnel.known;
                counts
            }
        }
    }

    /// The furthest step at which the peer counts.
    pub(crate) fn reached(self, peer: &PeerRecord, now: At) -> usize {
        match self {
            Self::Fetching => words::step_of(peer.stage_now(now)),
            Self::Giving => match () {
                () if peer.group != Group::Live => 0,
                () if peer.is_taking() => 4,
                () if !peer.flags.peer_interested => 1,
                () if peer.flags.am_choking || peer.held => 2,
                () => 3,
            },
        }
    }

    /// What keeps a peer from the step after those it has reached.
    pub(crate) fn lost(self, peer: &PeerRecord, now: At) -> &'static str {
        let step = self.reached(peer, now) + 1;
        match (self, step) {
            (Self::Fetching, _) => words::loss_word(step, peer.held_back_by(now)),
            (Self::Giving, 1) => words::state_word(peer, now),
            (Self::Giving, 2) if peer.has.as_ref().is_some_and(|has| has.is_full()) => "both complete",
            (Self::Giving, 2) => "not interested",
            (Self::Giving, 3) if peer.held => "held",
            (Self::Giving, 3) => "choked",
            (Self::Giving, _) => "ask for nothing",
        }
    }

    /// How many peers each phrase keeps from this step; what reads the same is counted together.
    pub(crate) fn losses(self, view: &View, step: usize) -> Vec<Loss> {
        let mut counted: Vec<Loss> = Vec::new();
        let mut add = |word: &'static str, count: u32, (fate, cause): (Fate, Option<Cause>)| match counted
            .iter_mut()
            .find(|other| other.word == word)
        {
            Some(other) => other.count = other.count.saturating_add(count),
            None => counted.push(Loss { word, count, fate, tint: tint(cause) }),
        };
        match self {
            Self::Fetching => {
                let causes = step
                    .checked_sub(1)
                    .and_then(|at| view.losses.get(at))
                    .map_or(&[][..], |loss| &loss.causes);
                causes.iter().for_each(|(cause, count)| {
                    add(words::loss_word(step, *cause), *count, (Fate::of(*cause), *cause))
                });
            }
            Self::Giving => {
                for peer in view.peers.iter().filter(|peer| counts(peer)) {
                    if self.reached(peer, view.at) + 1 == step {
                        // Those that are connected only want nothing at this moment.
                        let cause = peer.held_back_by(view.at);
                        let fate = if step == 1 { Fate::of(cause) } else { Fate::Waits };
                        add(self.lost(peer, view.at), 1, (fate, cause));
                    }
                }
                counted.sort_by_key(|loss| (std::cmp::Reverse(loss.count), loss.word));
            }
        }
        differ(&mut counted);
        counted
    }
}

/// Peers that got no further than the step before, for what a phrase says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Loss {
    /// The phrase, to stand behind the count.
    pub(crate) word: &'static str,
    /// How many.
    pub(crate) count: u32,
    /// What became of them.
    pub(crate) fate: Fate,
    /// Which of the [`STEPS`] tints is that of their cause.
    pub(crate) tint: u8,
}

/// What became of peers that got no further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// That is still going on.
    UnderWay,
    /// Nothing is wrong: they, or we, wait for something, or have no need.
    Waits,
    /// They failed.
    Failed,
    /// The user, or what they did, keeps them out.
    Barred,
}

impl Fate {
    /// What becomes of a peer for this cause; `None`: something is under way.
    fn of(cause: Option<Cause>) -> Self {
        match cause {
            None => Self::UnderWay,
            Some(Cause::DroppedByUser | Cause::Held | Cause::Banned | Cause::Blocked) => Self::Barred,
            Some(cause) if cause.info().fault => Self::Failed,
            Some(_) => Self::Waits,
        }
    }
}

/// How far apart the tints of causes are that follow each other in the life of a connection: as far as is seen, and none is
/// left out.
const TINTS_APART: u8 = 3;

/// The tint of a cause, the same at every step where no other has it.
fn tint(cause: Option<Cause>) -> u8 {
    cause.map_or(0, |cause| (cause as usize * usize::from(TINTS_APART) % usize::from(STEPS)) as u8)
}

/// Gives what has the tint of a larger loss at the same step another one.
fn differ(losses: &mut [Loss]) {
    for at in 1..losses.len().min(usize::from(STEPS)) {
        while losses[..at].iter().any(|other| other.tint == losses[at].tint) {
            losses[at].tint = (losses[at].tint + TINTS_APART) % STEPS;
        }
    }
}

/// Ourselves, whom somebody named, count nowhere.
pub(crate) fn counts(peer: &PeerRecord) -> bool {
    peer.cause != Some(Cause::SelfConnection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::model::Shown;
    use crate::ui::sample;

    #[test]
    fn a_step_of_the_funnel_lists_whom_it_counts_and_so_does_every_loss() {
        for (name, ..) in sample::MOMENTS {
            let view = sample::moment(name);
            let listed = |shown: Shown| view.peers.iter().filter(|peer| shown.takes(peer, view.at)).count();
            for funnel in [Funnel::Fetching, Funnel::Giving] {
                for (pair, step) in funnel.counts(&view).windows(2).zip(1..) {
                    let said = format!("{name}: {}", funnel.step(step));
                    assert_eq!(listed(Shown::Reached(funnel, step)), pair[1] as usize, "{said}");
                    let counted = funnel.losses(&view, step);
                    for Loss { word, count, .. } in &counted {
                        assert_eq!(
                            listed(Shown::Lost(funnel, step, word)),
                            *count as usize,
                            "{said}: {word}"
                        );
                    }
                    let lost: u32 = counted.iter().map(|loss| loss.count).sum();
                    assert_eq!(pair[0] - lost, pair[1], "{said}: everybody between two steps");
                }
            }
        }
    }

    #[test]
    fn what_keeps_peers_from_a_step_for_different_causes_has_different_tints() {
        let mut tinted = 0;
        for (name, ..) in sample::MOMENTS {
            let view = sample::moment(name);
            let funnel = Funnel::of(&view);
            for losses in (1..funnel.steps().len()).map(|step| funnel.losses(&view, step)) {
                for (at, loss) in losses.iter().enumerate() {
                    let same = losses[..at].iter().find(|other| other.tint == loss.tint);
                    assert_eq!(same, None, "{name}: {loss:?}");
                    tinted += usize::from(at > 0);
                }
            }
        }
        assert!(tinted > 10, "{tinted}");
    }

    #[test]
    fn once_everything_is_here_it_ends_in_those_that_take() {
        let view = sample::seeding();
        let funnel = Funnel::of(&view);
        assert_eq!(funnel, Funnel::Giving);
        assert_eq!(funnel.counts(&view), [14, 7, 6, 5, 5]);
        let waits = |step: usize| match funnel.losses(&view, step)[..] {
            [Loss { word, count: 1, fate: Fate::Waits, .. }] => word,
            ref other => panic!("{step}: {other:?}"),
        };
        assert_eq!((waits(2), waits(3)), ("both complete", "choked"));
        assert_eq!(Funnel::of(&sample::healthy()), Funnel::Fetching);
        let mut paused = view;
        paused.phase = Phase::Paused;
        assert_eq!(Funnel::of(&paused), Funnel::Giving);
        assert_eq!(Funnel::of(&sample::paused()), Funnel::Fetching);
    }
}
