//! Peers that lost their row because there were too many: still counted, and remembered well enough to come back.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::peer::{Group, PeerRecord, Stage};
use super::tally::{Place, SavedTally, Tally};
use crate::event::validate::{bounded, ensure};
use crate::event::{At, Cause, Invalid, PeerKey, Source};

/// Folded peers that can come back. Those beyond it stay counted and can not.
const MOST_REMEMBERED: usize = 100_000;

/// What is kept of a peer without a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lost {
    pub(super) addr: SocketAddr,
    pub(super) stage: Stage,
    pub(super) group: Group,
    pub(super) cause: Option<Cause>,
    pub(super) sources: Box<[Source]>,
}

impl Lost {
    fn place(&self) -> Place<'_> {
        let stage_now = self.stage.min(Stage::Handshaken);
        Place { stage: self.stage, stage_now, group: self.group, loss: self.cause, sources: &self.sources }
    }
}

/// All the peers that have no row any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Folded {
    remembered: BTreeMap<PeerKey, Lost>,
    tally: Tally,
}

/// The same, written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SavedFolded {
    #[serde(deserialize_with = "bounded::<_, _, MOST_REMEMBERED>")]
    remembered: Vec<(PeerKey, Lost)>,
    /// All of them, also those that are only counted.
    tally: SavedTally,
}

impl Folded {
    pub(super) fn snapshot(&self) -> SavedFolded {
        SavedFolded {
            remembered: self.remembered.iter().map(|(key, lost)| (*key, lost.clone())).collect(),
            tally: self.tally.snapshot(),
        }
    }

    pub(super) fn restore(kept: SavedFolded) -> Result<Self, Invalid> {
        ensure(kept.remembered.len() <= MOST_REMEMBERED, "more peers than are remembered")?;
        Ok(Self { remembered: kept.remembered.into_iter().collect(), tally: Tally::restore(kept.tally)? })
    }

    pub(super) fn remembers(&self, key: PeerKey) -> bool {
        self.remembered.contains_key(&key)
    }

    /// The counts over all of them.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Takes a peer in. Of all of them, `most` at most can come back.
    pub(super) fn take(&mut self, record: &PeerRecord, now: At, most: usize) {
        if Place::of(record, now).is_none() {
            return;
        }
        let lost = Lost {
            addr: record.addr,
            stage: record.stage,
            group: record.group,
            cause: record.cause,
            sources: record.sources.clone().into_boxed_slice(),
        };
        self.tally.add(&lost.place());
        self.remembered.insert(record.key, lost);
        if self.remembered.len() > most.min(MOST_REMEMBERED) {
            self.remembered.pop_first();
        }
    }

    /// Gives a peer back, if it is one of them and still remembered.
    pub(super) fn give_back(&mut self, key: PeerKey) -> Option<Lost> {
        let lost = self.remembered.remove(&key)?;
        self.tally.remove(&lost.place());
        Some(lost)
    }
}
