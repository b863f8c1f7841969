//! Counts peers: how far they got, where they stand, and why they went no further.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::peer::{Group, PeerRecord, Stage};
use super::view::{Funnel, Groups, Loss, Serving};
use crate::event::validate::ensure;
use crate::event::{At, Cause, Finder, Invalid, Source, TrackerKey};

/// Every cause, and one place more for peers that are still on their way.
const REASONS: usize = Cause::ALL.len() + 1;
const ON_ITS_WAY: usize = Cause::ALL.len();

/// What is counted of a peer.
pub(super) struct Place<'a> {
    pub(super) stage: Stage,
    /// At which step of the way it counts now.
    pub(super) stage_now: Stage,
    pub(super) group: Group,
    /// Why it got no further; `None`: it is still on its way.
    pub(super) loss: Option<Cause>,
    pub(super) sources: &'a [Source],
}

impl<'a> Place<'a> {
    /// Where a peer stands; `None` for ourselves, who count nowhere.
    pub(super) fn of(record: &'a PeerRecord, now: At) -> Option<Self> {
        if record.cause == Some(Cause::SelfConnection) {
            return None;
        }
        let loss = record.held_back_by(now);
        let (stage, stage_now, group) = (record.stage, record.stage_now(now), record.group);
        Some(Self { stage, stage_now, group, loss, sources: &record.sources })
    }
}

/// Counts over many peers.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    stages: [u32; 7],
    serving: Serving,
    groups: Groups,
    losses: [[u32; REASONS]; 5],
    /// Peers that each tracker named, and those of them that shook hands.
    trackers: BTreeMap<TrackerKey, (u32, u32)>,
    /// The same of other ways to find peers.
    finders: BTreeMap<Finder, (u32, u32)>,
}

/// The same, written down: what is zero is left out, and reasons go by their code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SavedTally {
    stages: [u32; 7],
    groups: Groups,
    losses: Vec<(u8, Option<Cause>, u32)>,
    trackers: Vec<(TrackerKey, u32, u32)>,
    #[serde(default)]
    finders: Vec<(Finder, u32, u32)>,
    /// What earlier versions know in place of [`Self::finders`]: of those that peers named.
    #[serde(default)]
    pex: (u32, u32),
}

/// More than so many peers are never counted, so that sums cannot overflow.
const MOST_COUNTED: u32 = 1 << 24;

impl Default for Tally {
    fn default() -> Self {
        Self {
            stages: [0; 7],
            serving: Serving::default(),
            groups: Groups::default(),
            losses: [[0; REASONS]; 5],
            trackers: BTreeMap::new(),
            finders: BTreeMap::new(),
        }
    }
}

impl Tally {
    pub(super) fn add(&mut self, place: &Place<'_>) {
        self.change(place, true);
    }

    pub(super) fn remove(&mut self, place: &Place<'_>) {
        self.change(place, false);
    }

    fn change(&mut self, place: &Place<'_>, more: bool) {
        bump(&mut self.stages[place.stage as usize], more);
        let groups = &mut self.groups;
        let group = match place.group {
            Group::Live => &mut groups.live,
            Group::Trying => &mut groups.trying,
            Group::Failed => &mut groups.failed,
            Group::Left => &mut groups.left,
            Group::Queued => &mut groups.queued,
            Group::Banned => &mut groups.banned,
        };
        bump(group, more);
        if place.stage_now >= Stage::Unchoked {
            bump(&mut self.serving.unchoked, more);
        }
        if place.stage_now >= Stage::Transferring {
            bump(&mut self.serving.sending, more);
        }
        if let Some(step) = step_after(place.stage_now) {
            bump(&mut self.losses[step][place.loss.map_or(ON_ITS_WAY, |cause| cause as usize)], more);
        }
        for source in place.sources {
            let (named, handshaken) = match (source.tracker(), source.finder()) {
                (Some(tracker), _) => self.trackers.entry(tracker).or_default(),
                (None, Some(finder)) => self.finders.entry(finder).or_default(),
                (None, None) => continue,
            };
            bump(named, more);
            if place.stage >= Stage::Handshaken {
                bump(handshaken, more);
            }
        }
    }

    pub(super) fn snapshot(&self) -> SavedTally {
        let losses = self.losses.iter().zip(0u8..).flat_map(|(counts, step)| {
            reasons()
                .zip(counts)
                .filter(|(_, count)| **count > 0)
                .map(move |(why, count)| (step, why, *count))
        });
        SavedTally {
            stages: self.stages,
            groups: self.groups,
            losses: losses.collect(),
            trackers: self.trackers.iter().map(|(key, (named, shaken))| (*key, *named, *shaken)).collect(),
            finders: self
                .finders
                .iter()
                .map(|(finder, (named, shaken))| (*finder, *named, *shaken))
                .collect(),
            pex: self.found_by(Finder::Pex),
        }
    }

    pub(super) fn restore(kept: SavedTally) -> Result<Self, Invalid> {
        let SavedTally { stages, groups, losses: kept_losses, trackers, mut finders, pex } = kept;
        let Groups { live, trying, failed, left, queued, banned } = groups;
        let counts = stages.into_iter().chain([live, trying, failed, left, queued, banned]);
        let counts = counts.chain(kept_losses.iter().map(|(_, _, count)| *count));
        let counts = counts.chain(trackers.iter().flat_map(|(_, named, shaken)| [*named, *shaken]));
        if finders.is_empty() {
            finders.push((Finder::Pex, pex.0, pex.1));
        }
        let counts = counts.chain(finders.iter().flat_map(|(_, named, shaken)| [*named, *shaken]));
        ensure(counts.into_iter().all(|count| count <= MOST_COUNTED), "more peers than any run meets")?;
        let mut losses = [[0; REASONS]; 5];
        for (step, why, count) in kept_losses {
            let step =
                losses.get_mut(usize::from(step)).ok_or(Invalid("a step that the funnel does not have"))?;
            step[why.map_or(ON_ITS_WAY, |cause| cause as usize)] = count;
        }
        let trackers = trackers.into_iter().map(|(key, named, shaken)| (key, (named, shaken)));
        let finders = finders.into_iter().map(|(finder, named, shaken)| (finder, (named, shaken))).collect();
        // Who has no row is not connected.
        let serving = Serving::default();
        Ok(Self { stages, serving, groups, losses, trackers: trackers.collect(), finders })
    }

    pub(super) fn groups(&self) -> Groups {
        self.groups
    }

    pub(super) fn funnel(&self) -> Funnel {
        let from = |stage: Stage| self.stages[stage as usize..].iter().sum();
        Funnel {
            known: from(Stage::Queued),
            dialled: from(Stage::Dialling),
            connected: from(Stage::Connected),
            handshaken: from(Stage::Handshaken),
            unchoked: from(Stage::Unchoked),
            transferring: from(Stage::Transferring),
        }
    }

    pub(super) fn serving(&self) -> Serving {
        self.serving
    }

    pub(super) fn losses(&self) -> [Loss; 5] {
        self.losses.map(|counts| {
            let mut causes: Vec<_> = reasons().zip(counts).filter(|(_, count)| *count > 0).collect();
            causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            Loss { causes }
        })
    }

    /// Peers in the table that the tracker named, and those of them that shook hands.
    pub(super) fn named_by(&self, tracker: TrackerKey) -> (u32, u32) {
        self.trackers.get(&tracker).copied().unwrap_or_default()
    }

    /// The same of peers that were found in another way.
    pub(super) fn found_by(&self, finder: Finder) -> (u32, u32) {
        self.finders.get(&finder).copied().unwrap_or_default()
    }
}

/// Every place of a step's counts, in order.
fn reasons() -> impl Iterator<Item = Option<Cause>> {
    Cause::ALL.iter().copied().map(Some).chain([None])
}

/// The step of the way that a peer which counts at this stage did not take.
fn step_after(stage: Stage) -> Option<usize> {
    match stage {
        Stage::Queued => Some(0),
        Stage::Dialling => Some(1),
        Stage::Connected | Stage::HandshakeSent => Some(2),
        Stage::Handshaken => Some(3),
        Stage::Unchoked => Some(4),
        Stage::Transferring => None,
    }
}

fn bump(count: &mut u32, more: bool) {
    *count = if more { count.saturating_add(1) } else { count.saturating_sub(1) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_recordings_of_before_counted_of_other_peers_is_counted_of_their_way_to_find_peers() {
        let mut old = serde_json::to_value(Tally::default().snapshot()).unwrap();
        let fields = old.as_object_mut().unwrap();
        assert!(fields.remove("finders").is_some());
        fields.insert("pex".to_owned(), serde_json::json!([7, 2]));
        let tally = Tally::restore(serde_json::from_value(old).unwrap()).unwrap();
        assert_eq!((tally.found_by(Finder::Pex), tally.found_by(Finder::Dht)), ((7, 2), (0, 0)));
        let new = serde_json::to_value(tally.snapshot()).unwrap();
        let tally = Tally::restore(serde_json::from_value(new).unwrap()).unwrap();
        assert_eq!(tally.found_by(Finder::Pex), (7, 2));
    }
}
