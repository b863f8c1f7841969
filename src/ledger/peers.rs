//! Every peer's row, and the folding of rows that are too many.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::folded::{Folded, SavedFolded};
use super::peer::{Group, PeerRecord};
use super::pieces::Pieces;
use super::row::{MOST_ATTEMPTS, Row, SavedRow};
use super::tally::{Place, Tally};
use crate::event::validate::{bounded_within, ensure};
use crate::event::{At, Cause, Invalid, PeerKey, Source};

/// Folded peers that can come back, for each row there may be.
const REMEMBERED_A_ROW: usize = 16;
/// Rows up to which much is kept of each.
const FEW_ROWS: usize = 256;
/// Rows taken from what was written down: far more than there ever are.
const MOST_KEPT: usize = 100_000;
/// What they may come to in memory, but for their words: about three kilobytes each.
const MOST_KEPT_BYTES: usize = 256 << 20;

/// The rows, by key: the order of everything that is published, so that two runs over the same events agree.
#[derive(Clone, Debug)]
pub(super) struct Peers {
    rows: BTreeMap<PeerKey, Row>,
    folded: Folded,
    most_rows: usize,
    /// Rows at which folding is tried next.
    fold_at: usize,
    /// Why nothing is asked of anybody now.
    rests: Option<Cause>,
    /// The metadata of the torrent are not known.
    lacks_metadata: bool,
}

/// The rows, written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SavedPeers {
    #[serde(deserialize_with = "bounded_within::<_, _, MOST_KEPT, MOST_KEPT_BYTES>")]
    rows: Vec<SavedRow>,
    folded: SavedFolded,
    most_rows: u32,
    fold_at: u32,
}

impl Peers {
    pub(super) fn new(most_rows: usize, lacks_metadata: bool) -> Self {
        let (rows, folded) = (BTreeMap::new(), Folded::default());
        Self { rows, folded, most_rows, fold_at: most_rows + 1, rests: None, lacks_metadata }
    }

    /// What there is to write down.
    pub(super) fn snapshot(&self) -> SavedPeers {
        SavedPeers {
            rows: self.rows.values().map(Row::snapshot).collect(),
            folded: self.folded.snapshot(),
            most_rows: self.most_rows as u32,
            fold_at: self.fold_at as u32,
        }
    }

    /// The rows again; counts the pieces of those that are live.
    pub(super) fn restore(kept: SavedPeers, pieces: &mut Pieces) -> Result<Self, Invalid> {
        let SavedPeers { rows: kept_rows, folded, most_rows, fold_at } = kept;
        let mut rows = BTreeMap::new();
        for kept in kept_rows {
            let row = Row::restore(kept, pieces)?;
            rows.insert(row.record().key, row);
        }
        let folded = Folded::restore(folded)?;
        ensure(rows.keys().all(|key| !folded.remembers(*key)), "a peer with and without a row")?;
        let (most_rows, fold_at) = (most_rows as usize, fold_at as usize);
        Ok(Self { rows, folded, most_rows, fold_at, rests: None, lacks_metadata: false })
    }

    pub(super) fn learn(&mut self, at: At, key: PeerKey, addr: SocketAddr, source: Source) {
        self.unfold(at, key);
        let row = self.rows.entry(key).or_insert_with(|| Row::new(key, addr, at));
        if row.record().addr != addr {
            row.edit().addr = addr;
        }
        row.lack_metadata(self.lacks_metadata);
        row.rest(at, self.rests);
        row.add_source(source);
        if self.rows.len() >= self.fold_at {
            self.fold(at, key);
        }
    }

    /// The row of a peer that was learned.
    pub(super) fn row(&mut self, at: At, key: PeerKey) -> Option<&mut Row> {
        self.unfold(at, key);
        let few = self.rows.len() <= FEW_ROWS;
        let row = self.rows.get_mut(&key)?;
        row.most_attempts = if few { MOST_ATTEMPTS.0 } else { MOST_ATTEMPTS.1 };
        row.end_ban(at);
        Some(row)
    }

    /// The row of a peer with an attempt under way.
    pub(super) fn connected(&mut self, key: PeerKey) -> Option<&mut Row> {
        self.rows.get_mut(&key).filter(|row| row.open().is_some())
    }

    pub(super) fn record(&self, key: PeerKey) -> Option<&PeerRecord> {
        self.rows.get(&key).map(|row| &**row.record())
    }

    pub(super) fn remove(&mut self, at: At, key: PeerKey) -> Option<Row> {
        self.row(at, key)?;
        self.rows.remove(&key)
    }

    pub(super) fn contains(&mut self, at: At, key: PeerKey) -> bool {
        self.row(at, key).is_some()
    }

    /// From now on nothing is asked of anybody, for this reason; `None`: it is again.
    pub(super) fn rest(&mut self, at: At, why: Option<Cause>) {
        self.rests = why;
        for row in self.rows.values_mut() {
            row.rest(at, why);
        }
    }

    /// The same of rows that were written down so: how they stood then is known.
    pub(super) fn rested(&mut self, why: Option<Cause>) {
        self.rests = why;
        self.rows.values_mut().for_each(|row| row.edit().rests = why);
    }

    /// From now on the torrent lacks its metadata, or does no more.
    pub(super) fn lack_metadata(&mut self, lacks: bool) {
        self.lacks_metadata = lacks;
        self.rows.values_mut().for_each(|row| row.lack_metadata(lacks));
    }

    /// Brings what follows from the time alone up to date. Rates are means over `mean_of` seconds.
    pub(super) fn tick(&mut self, now: At, mean_of: usize) {
        for row in self.rows.values_mut().filter(|row| row.record().group == Group::Live) {
            row.end_second(mean_of);
            row.refresh(now);
        }
    }

    /// Every row as it stands now, and the counts over all peers, with and without a row: in one go, for rows are
    /// many, and reading one is what it costs.
    pub(super) fn publish(&mut self, now: At) -> (Vec<Arc<PeerRecord>>, Tally) {
        let mut tally = self.folded.tally().clone();
        let mut records = Vec::with_capacity(self.rows.len());
        for row in self.rows.values_mut() {
            row.end_ban(now);
            let record = row.record();
            if let Some(place) = Place::of(record, now) {
                tally.add(&place);
            }
            records.push(Arc::clone(record));
        }
        (records, tally)
    }

    fn unfold(&mut self, at: At, key: PeerKey) {
        if let Some(lost) = self.folded.give_back(key) {
            let mut row = Row::come_back(key, lost, at);
            row.lack_metadata(self.lacks_metadata);
            row.rest(at, self.rests);
            self.rows.insert(key, row);
        }
    }

    /// Folds the oldest rows that never shook hands, a sixteenth more than needed so that it is rarely done; then the
    /// oldest of those that did and are gone: a caller with ever new ports shakes hands as often as it likes.
    fn fold(&mut self, now: At, spare: PeerKey) {
        let target = self.most_rows - self.most_rows / 16;
        let surplus = self.rows.len().saturating_sub(target);
        let others = || self.rows.iter().filter(|(key, _)| **key != spare);
        let foldable = others().filter(|(_, row)| row.is_foldable());
        let gone = others().filter(|(_, row)| row.is_at_rest() && !row.is_foldable());
        let keys: Vec<PeerKey> = foldable.chain(gone).map(|(key, _)| *key).take(surplus).collect();
        for key in keys {
            if let Some(row) = self.rows.remove(&key) {
                self.folded.take(row.record(), now, self.most_rows * REMEMBERED_A_ROW);
            }
        }
        self.fold_at = (self.most_rows + 1).max(self.rows.len() + self.most_rows / 16 + 1);
    }
}
