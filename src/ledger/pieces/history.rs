//! Where pieces came from: who sent them and when, how often they failed, and how far those under way are.
//!
//! All of it is shared with the views: a change copies the chunk it falls into, if a view holds that, and no more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::event::validate::{Holds, bounded, bounded_entries, ensure, times};
use crate::event::{At, BlockRun, BlockState, Invalid, MOST_RUNS, PeerKey};
use crate::metainfo::{Geometry, PieceIndex};

/// Pieces in a chunk.
const CHUNK: usize = 4096;
/// Chunks of the largest torrent.
const MOST_CHUNKS: usize = Geometry::MAX_PIECES as usize / CHUNK;
/// Different groups of senders that are kept apart; the pieces of any others have no known sender.
const MOST_GROUPS: usize = 1 << 16;
/// Senders of a piece kept by name.
const MOST_NAMED: usize = 8;
/// Pieces whose failures are kept.
const MOST_FAILED: usize = 4096;
/// Failures kept of a piece.
const MOST_TRIES: usize = 4;
/// Pieces under way whose blocks are kept.
const MOST_UNDER_WAY: usize = 4096;
/// What all that is told of pieces under way, and of failures, may come to in memory: far more than it ever does.
const MOST_TOLD_BYTES: usize = 64 << 20;
/// Peers that are asked for a block at once, as far as they are kept.
const MOST_ASKED: usize = 4;

/// Who sent blocks of a piece.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Senders {
    /// At most eight of them.
    #[serde(deserialize_with = "bounded::<_, _, MOST_NAMED>")]
    pub named: Vec<PeerKey>,
    /// How many more there were.
    pub more: u32,
}

impl Senders {
    fn of(from: &[PeerKey]) -> Self {
        let (named, more) = from.split_at(from.len().min(MOST_NAMED));
        Self { named: named.to_vec(), more: u32::try_from(more.len()).unwrap_or(u32::MAX) }
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.named.len() + self.more as usize
    }

    /// The one that sent all of it.
    pub fn only(&self) -> Option<PeerKey> {
        match (&self.named[..], self.more) {
            ([only], 0) => Some(*only),
            _ => None,
        }
    }

    fn rename(&mut self, gone: PeerKey, into: PeerKey) {
        self.named.iter_mut().filter(|peer| **peer == gone).for_each(|peer| *peer = into);
    }
}

/// Those that sent a piece, and how many pieces were sent by just these.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SenderGroup {
    /// Who.
    pub senders: Senders,
    /// How many pieces.
    pub pieces: u32,
}

/// What is known of how a good piece came here. Compact: there can be two million of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Origin {
    /// One more than the place of its senders; 0: not known.
    group: u32,
    /// One more than the second of the run it was verified in; 0: it was here before.
    second: u32,
}

/// A time a piece failed its check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FailedTry {
    /// When.
    pub at: At,
    /// Who had sent blocks of it.
    pub from: Senders,
}

/// The failures of a piece.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// The last four at most, newest last.
    #[serde(deserialize_with = "bounded::<_, _, MOST_TRIES>")]
    pub tries: Vec<FailedTry>,
}

/// A piece under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UnderWay {
    /// Since when.
    pub since: At,
    /// When its blocks were last told of.
    pub told: Option<At>,
    /// Its blocks, as they were then.
    #[serde(deserialize_with = "bounded::<_, _, MOST_RUNS>")]
    pub blocks: Vec<BlockRun>,
}

/// Where all pieces came from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// By chunks; one without entries is one of which nothing is known.
    #[serde(deserialize_with = "bounded::<_, _, MOST_CHUNKS>")]
    origins: Vec<Chunk>,
    #[serde(deserialize_with = "few_groups")]
    groups: Arc<Vec<SenderGroup>>,
    #[serde(deserialize_with = "few_failures")]
    failures: FailuresOf,
    #[serde(deserialize_with = "few_under_way")]
    under_way: UnderWayOf,
}

impl Holds for Failures {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.tries.capacity() * size_of::<FailedTry>()
    }
}

impl Holds for Arc<UnderWay> {
    fn bytes(&self) -> usize {
        let asked = self.blocks.iter().map(|run| match &run.state {
            BlockState::Asked(peers) => peers.capacity() * size_of::<PeerKey>(),
            BlockState::Free | BlockState::Here(_) | BlockState::Kept => 0,
        });
        size_of::<UnderWay>() + self.blocks.capacity() * size_of::<BlockRun>() + asked.sum::<usize>()
    }
}

/// Origins of pieces that follow each other, shared with the views.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Chunk(#[serde(deserialize_with = "few_origins")] Arc<Vec<Origin>>);

fn few_origins<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Vec<Origin>>, D::Error> {
    bounded::<_, _, CHUNK>(from).map(Arc::new)
}

type FailuresOf = Arc<BTreeMap<u32, Failures>>;

fn few_failures<'de, D: Deserializer<'de>>(from: D) -> Result<FailuresOf, D::Error> {
    bounded_entries::<_, _, _, MOST_FAILED, MOST_TOLD_BYTES>(from).map(Arc::new)
}

type UnderWayOf = Arc<BTreeMap<u32, Arc<UnderWay>>>;

fn few_under_way<'de, D: Deserializer<'de>>(from: D) -> Result<UnderWayOf, D::Error> {
    bounded_entries::<_, _, _, MOST_UNDER_WAY, MOST_TOLD_BYTES>(from).map(Arc::new)
}

fn few_groups<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Vec<SenderGroup>>, D::Error> {
    bounded::<_, _, MOST_GROUPS>(from).map(Arc::new)
}

/// Where each group of senders stands.
pub(crate) type GroupIndex = BTreeMap<Senders, u32>;

impl History {
    pub(crate) fn new(pieces: u32) -> Self {
        Self { origins: vec![Chunk::default(); (pieces as usize).div_ceil(CHUNK)], ..Self::default() }
    }

    /// The same, if it is one that a run of this torrent can have.
    pub(super) fn checked(self, geometry: &Geometry) -> Result<Self, Invalid> {
        let Self { origins, groups: _, failures, under_way } = &self;
        let chunks = (geometry.piece_count() as usize).div_ceil(CHUNK);
        let whole = |chunk: &Chunk| chunk.0.is_empty() || chunk.0.len() == CHUNK;
        ensure(origins.len() == chunks && origins.iter().all(whole), "origins of other pieces")?;
        for failed in failures.values() {
            times(failed.tries.iter().map(|tried| Some(tried.at)))?;
        }
        for (number, piece) in under_way.iter() {
            times([Some(piece.since), piece.told])?;
            let blocks = geometry.piece(*number).map_or(0, |piece| u64::from(geometry.blocks_in(piece)));
            let told: u64 = piece.blocks.iter().map(|run| u64::from(run.count)).sum();
            let whole = told <= blocks && piece.blocks.iter().all(|run| run.count > 0);
            ensure(whole, "more blocks than a piece has")?;
        }
        Ok(self)
    }

    fn origin(&self, index: usize) -> Origin {
        let chunk = self.origins.get(index / CHUNK);
        chunk.and_then(|chunk| chunk.0.get(index % CHUNK)).copied().unwrap_or_default()
    }

    /// The second of the run in which the piece was verified; `None`: it is not good, or was here before.
    pub fn verified(&self, index: usize) -> Option<Duration> {
        let second = self.origin(index).second.checked_sub(1)?;
        Some(Duration::from_secs(u64::from(second)))
    }

    /// The pieces that were verified in this second of the run or later, lowest first.
    pub fn verified_since(&self, second: u64) -> Vec<usize> {
        let least = u32::try_from(second.saturating_add(1)).unwrap_or(u32::MAX);
        let mut verified = Vec::new();
        for (chunk, number) in self.origins.iter().zip(0..) {
            let lately = chunk.0.iter().enumerate().filter(|(_, origin)| origin.second >= least);
            verified.extend(lately.map(|(at, _)| number * CHUNK + at));
        }
        verified
    }

    /// The place of the piece's senders among [`Self::groups`], where they are known.
    pub fn group_of(&self, index: usize) -> Option<usize> {
        self.origin(index).group.checked_sub(1).map(|group| group as usize)
    }

    /// Who sent the piece, where that is known.
    pub fn senders(&self, index: usize) -> Option<&Senders> {
        Some(&self.groups.get(self.group_of(index)?)?.senders)
    }

    /// Every group of peers that sent pieces.
    pub fn groups(&self) -> &[SenderGroup] {
        &self.groups
    }

    /// The failures of the piece.
    pub fn failures(&self, piece: PieceIndex) -> Option<&Failures> {
        self.failures.get(&piece.number())
    }

    /// How far the piece is, while it is under way.
    pub fn under_way(&self, piece: PieceIndex) -> Option<&UnderWay> {
        self.under_way.get(&piece.number()).map(|under_way| &**under_way)
    }

    pub(crate) fn opened(&mut self, at: At, piece: PieceIndex) {
        let under_way = Arc::make_mut(&mut self.under_way);
        if under_way.len() < MOST_UNDER_WAY {
            let fresh = || Arc::new(UnderWay { since: at, told: None, blocks: Vec::new() });
            under_way.entry(piece.number()).or_insert_with(fresh);
        }
    }

    pub(crate) fn closed(&mut self, piece: PieceIndex) {
        if self.under_way.contains_key(&piece.number()) {
            Arc::make_mut(&mut self.under_way).remove(&piece.number());
        }
    }

    /// Takes in how the blocks of a piece under way stand, as far as the piece has so many; whether that is news.
    pub(crate) fn blocks(&mut self, at: At, piece: PieceIndex, blocks: &[BlockRun], most: u32) -> bool {
        if !self.under_way.contains_key(&piece.number()) {
            return false;
        }
        let Some(under_way) = Arc::make_mut(&mut self.under_way).get_mut(&piece.number()) else {
            return false;
        };
        let under_way = Arc::make_mut(under_way);
        under_way.told = Some(at);
        under_way.blocks.clear();
        let mut left = most;
        for run in blocks {
            let count = run.count.min(left);
            if count == 0 {
                continue;
            }
            left -= count;
            let mut state = run.state.clone();
            if let BlockState::Asked(peers) = &mut state {
                peers.truncate(MOST_ASKED);
            }
            under_way.blocks.push(BlockRun { count, state });
        }
        true
    }

    pub(crate) fn verified_at(
        &mut self,
        at: At,
        piece: PieceIndex,
        from: &[PeerKey],
        index: &mut GroupIndex,
    ) {
        self.closed(piece);
        let group = self.group(from, index);
        let second = u32::try_from(at.as_secs()).unwrap_or(u32::MAX - 1).saturating_add(1);
        self.set(piece, Origin { group, second });
    }

    pub(crate) fn failed(&mut self, at: At, piece: PieceIndex, from: &[PeerKey]) {
        self.closed(piece);
        let failures = Arc::make_mut(&mut self.failures);
        if failures.len() >= MOST_FAILED && !failures.contains_key(&piece.number()) {
            return;
        }
        let failures = failures.entry(piece.number()).or_default();
        failures.count = failures.count.saturating_add(1);
        if failures.tries.len() == MOST_TRIES {
            failures.tries.remove(0);
        }
        failures.tries.push(FailedTry { at, from: Senders::of(from) });
    }

    /// Nothing is known of how the piece came here, or it is here no more.
    pub(crate) fn forget(&mut self, piece: PieceIndex) {
        self.closed(piece);
        if self.origin(piece.index()) != Origin::default() {
            self.set(piece, Origin::default());
        }
    }

    /// Where each group stands; of two that are alike the last.
    pub(super) fn index(&self) -> GroupIndex {
        self.groups.iter().map(|group| group.senders.clone()).zip(1..).collect()
    }

    /// What one peer sent, another row stands for from now on.
    pub(super) fn rename(&mut self, gone: PeerKey, into: PeerKey, index: &mut GroupIndex) {
        let tells = |senders: &Senders| senders.named.contains(&gone);
        if self.groups.iter().any(|group| tells(&group.senders)) {
            Arc::make_mut(&mut self.groups).iter_mut().for_each(|group| group.senders.rename(gone, into));
            *index = self.index();
        }
        if self.failures.values().flat_map(|failures| &failures.tries).any(|tried| tells(&tried.from)) {
            let failures = Arc::make_mut(&mut self.failures).values_mut();
            failures.flat_map(|failures| &mut failures.tries).for_each(|tried| tried.from.rename(gone, into));
        }
        let told = self.under_way.iter().filter(|(_, piece)| piece.blocks.iter().any(|run| names(run, gone)));
        for number in told.map(|(number, _)| *number).collect::<Vec<_>>() {
            if let Some(piece) = Arc::make_mut(&mut self.under_way).get_mut(&number) {
                Arc::make_mut(piece).blocks.iter_mut().for_each(|run| rename_in(run, gone, into));
            }
        }
    }

    fn set(&mut self, piece: PieceIndex, origin: Origin) {
        let (at, within) = (piece.index() / CHUNK, piece.index() % CHUNK);
        let before = self.origin(piece.index());
        let groups = &mut self.groups;
        let mut count = |group: u32, change: fn(u32) -> u32| {
            if let Some(at) = group.checked_sub(1)
                && let Some(group) = Arc::make_mut(groups).get_mut(at as usize)
            {
                group.pieces = change(group.pieces);
            }
        };
        count(before.group, |pieces| pieces.saturating_sub(1));
        count(origin.group, |pieces| pieces.saturating_add(1));
        if let Some(chunk) = self.origins.get_mut(at) {
            let chunk = Arc::make_mut(&mut chunk.0);
            if chunk.len() <= within {
                chunk.resize(CHUNK, Origin::default());
            }
            chunk[within] = origin;
        }
    }

    /// One more than the place of these senders; 0 where there is none for them.
    fn group(&mut self, from: &[PeerKey], index: &mut GroupIndex) -> u32 {
        if from.is_empty() {
            return 0;
        }
        let senders = Senders::of(from);
        if let Some(place) = index.get(&senders) {
            return *place;
        }
        if self.groups.len() == MOST_GROUPS {
            return 0;
        }
        let groups = Arc::make_mut(&mut self.groups);
        groups.push(SenderGroup { senders: senders.clone(), pieces: 0 });
        let place = groups.len() as u32;
        index.insert(senders, place);
        place
    }
}

fn names(run: &BlockRun, peer: PeerKey) -> bool {
    match &run.state {
        BlockState::Free | BlockState::Kept => false,
        BlockState::Asked(peers) => peers.contains(&peer),
        BlockState::Here(sender) => *sender == peer,
    }
}

fn rename_in(run: &mut BlockRun, gone: PeerKey, into: PeerKey) {
    let peers = match &mut run.state {
        BlockState::Free | BlockState::Kept => return,
        BlockState::Asked(peers) => peers.as_mut_slice(),
        BlockState::Here(sender) => std::slice::from_mut(sender),
    };
    peers.iter_mut().filter(|peer| **peer == gone).for_each(|peer| *peer = into);
}

#[cfg(test)]
mod tests;
