//! Keeps the piece map and its sums true, one change at a time.

use std::sync::Arc;

use super::history::GroupIndex;
use super::{Availability, History, PieceMap, PieceState};
use crate::event::validate::ensure;
use crate::event::{At, BlockRun, Invalid, PeerKey};
use crate::ledger::{FileFacts, TorrentFacts};
use crate::metainfo::{Bitfield, Choice, FilePriority, Geometry, PieceIndex};

/// The piece map with what follows from it.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Pieces {
    map: Arc<PieceMap>,
    /// `None` before the metadata of a magnet are known.
    geometry: Option<Geometry>,
    /// Files that are wanted, where some are skipped.
    wanted_files: Option<usize>,
    /// Bytes of all pieces that are wanted.
    wanted_bytes: u64,
    /// Those of them in good pieces.
    have_bytes: u64,
    /// Pieces that are wanted and not good.
    missing: u32,
    /// Those of them that no live peer holds, seeds left out.
    unheld: u32,
    /// How many peers that are gone held each piece, where that is kept; empty before the first of them.
    gone: Vec<u32>,
    /// One set for all the peers that have everything.
    full: Arc<Bitfield>,
    groups: GroupIndex,
}

impl Pieces {
    pub(in crate::ledger) fn new(geometry: Option<Geometry>) -> Self {
        let count = geometry.map_or(0, |geometry| geometry.piece_count());
        let map = PieceMap {
            states: vec![PieceState::Missing; count as usize],
            held_by: vec![0; count as usize],
            history: History::new(count),
            ..PieceMap::default()
        };
        Self {
            map: Arc::new(map),
            geometry,
            wanted_files: None,
            wanted_bytes: geometry.map_or(0, |geometry| geometry.total_bytes()),
            have_bytes: 0,
            missing: count,
            unheld: count,
            gone: Vec::new(),
            full: Arc::new(Bitfield::full(count)),
            groups: GroupIndex::new(),
        }
    }

    /// The pieces again, from a map that was written down; nobody holds any yet.
    pub(in crate::ledger) fn restore(geometry: Option<Geometry>, kept: &PieceMap) -> Result<Self, Invalid> {
        let count = geometry.map_or(0, |geometry| geometry.piece_count());
        let alike = kept.states.len() == count as usize;
        ensure(alike, "another number of pieces than the torrent has")?;
        ensure(kept.generation <= u64::MAX / 2, "more changes than any run has")?;
        let mut pieces = Self::new(geometry);
        for (piece, state) in geometry.iter().flat_map(Geometry::pieces).zip(&kept.states) {
            pieces.set(piece, *state);
        }
        let map = Arc::make_mut(&mut pieces.map);
        map.failures = kept.failures;
        if let Some(geometry) = geometry {
            map.history = kept.history.clone().checked(&geometry)?;
        }
        pieces.groups = map.history.index();
        Ok(pieces)
    }

    /// Counts changes on from here.
    pub(in crate::ledger) fn count_from(&mut self, generation: u64) {
        Arc::make_mut(&mut self.map).generation = generation;
    }

    pub(in crate::ledger) fn map(&self) -> &Arc<PieceMap> {
        &self.map
    }

    /// How many files are wanted, where some are skipped.
    pub(in crate::ledger) fn wanted_files(&self) -> Option<usize> {
        self.wanted_files
    }

    /// Bytes of what is wanted, once that is known.
    pub(in crate::ledger) fn wanted_bytes(&self) -> Option<u64> {
        self.geometry.map(|_| self.wanted_bytes)
    }

    /// Bytes of what is wanted in good pieces.
    pub(in crate::ledger) fn have_bytes(&self) -> u64 {
        self.have_bytes
    }

    /// These files of the torrent are wanted from now on; none: all are.
    pub(in crate::ledger) fn choose(&mut self, facts: &TorrentFacts, choice: Option<&Choice>) {
        let Some(geometry) = self.geometry else { return };
        let skips = choice.filter(|choice| !choice.is_everything());
        if skips.is_none() && self.map.wanted_bytes.is_none() {
            return;
        }
        let is_wanted =
            |choice: &Choice, file: &FileFacts| choice.of(file.number as usize) != FilePriority::Skip;
        let wanted = |choice| facts.files().iter().filter(|file| is_wanted(choice, file)).count();
        self.wanted_files = skips.map(wanted);
        let map = Arc::make_mut(&mut self.map);
        map.generation += 1;
        map.wanted_bytes = skips.map(|choice| wanted_bytes(geometry, facts, choice));
        (self.wanted_bytes, self.have_bytes, self.missing, self.unheld) = (0, 0, 0, 0);
        for piece in geometry.pieces() {
            let bytes = self.wanted_of(piece);
            self.wanted_bytes += bytes;
            if self.map.states[piece.index()] == PieceState::Good {
                self.have_bytes += bytes;
            } else if bytes > 0 {
                self.missing += 1;
                self.unheld += u32::from(self.map.held_by[piece.index()] == 0);
            }
        }
    }

    /// How many bytes of the piece are wanted.
    fn wanted_of(&self, piece: PieceIndex) -> u64 {
        let length = self.geometry.map_or(0, |geometry| geometry.length_of(piece));
        u64::from(self.map.wanted_bytes.as_ref().map_or(length, |bytes| bytes[piece.index()]))
    }

    /// Pieces that are wanted, not good, and that no live peer holds.
    pub(in crate::ledger) fn unheld(&self) -> u32 {
        if self.map.seeds > 0 { 0 } else { self.unheld }
    }

    /// Keeps what a peer held that goes away, for [`Self::availability`].
    pub(in crate::ledger) fn keep_gone(&mut self, has: &Bitfield) {
        self.gone.resize(self.count() as usize, 0);
        for (piece, held) in self.geometry.iter().flat_map(Geometry::pieces).zip(&mut self.gone) {
            *held = held.saturating_add(u32::from(has.has(piece)));
        }
    }

    /// How many peers hold each piece, those that are gone included where they are kept.
    fn met(&self) -> impl Iterator<Item = u32> {
        let gone = self.gone.iter().copied().chain(std::iter::repeat(0));
        let seeds = self.map.seeds;
        self.map.held_by.iter().zip(gone).map(move |(held, gone)| u32::from(*held) + seeds + gone)
    }

    /// Pieces that no peer held that told us what it has.
    pub(in crate::ledger) fn unmet(&self) -> u32 {
        self.met().filter(|held| *held == 0).count() as u32
    }

    /// What the peers hold together that told us what they have.
    pub(in crate::ledger) fn availability(&self) -> Availability {
        let pieces = self.count();
        let rarest = self.met().min().unwrap_or_default();
        let more = self.met().filter(|held| *held > rarest).count() as u32;
        Availability { pieces, held: pieces - self.unmet(), whole_copies: rarest, more }
    }

    /// Pieces that are wanted and not good.
    pub(in crate::ledger) fn missing(&self) -> u32 {
        self.missing
    }

    pub(in crate::ledger) fn state(&self, piece: PieceIndex) -> Option<PieceState> {
        self.map.states.get(piece.index()).copied()
    }

    pub(in crate::ledger) fn set(&mut self, piece: PieceIndex, to: PieceState) {
        let Some(from) = self.state(piece).filter(|from| *from != to) else { return };
        let bytes = self.wanted_of(piece);
        let missing = u32::from(bytes > 0);
        let map = Arc::make_mut(&mut self.map);
        map.generation += 1;
        map.states[piece.index()] = to;
        if let Some(count) = counter(map, from) {
            *count -= 1;
        }
        if let Some(count) = counter(map, to) {
            *count += 1;
        }
        let unheld = if map.held_by[piece.index()] == 0 { missing } else { 0 };
        if from == PieceState::Good {
            self.have_bytes -= bytes;
            self.missing += missing;
            self.unheld += unheld;
        } else if to == PieceState::Good {
            self.have_bytes += bytes;
            self.missing -= missing;
            self.unheld -= unheld;
        }
    }

    /// Changes what is known of where pieces came from.
    fn note<R>(&mut self, change: impl FnOnce(&mut History, &mut GroupIndex) -> R) -> R {
        let map = Arc::make_mut(&mut self.map);
        map.generation += 1;
        change(&mut map.history, &mut self.groups)
    }

    pub(in crate::ledger) fn open(&mut self, at: At, piece: PieceIndex) {
        if self.state(piece).is_some_and(|state| state != PieceState::Good) {
            self.set(piece, PieceState::Arriving);
            self.note(|history, _| history.opened(at, piece));
        }
    }

    pub(in crate::ledger) fn close(&mut self, piece: PieceIndex) {
        if self.state(piece) == Some(PieceState::Arriving) {
            self.set(piece, PieceState::Missing);
            self.note(|history, _| history.closed(piece));
        }
    }

    pub(in crate::ledger) fn take_blocks(&mut self, at: At, piece: PieceIndex, blocks: &[BlockRun]) {
        if self.state(piece) == Some(PieceState::Arriving)
            && let Some(geometry) = self.geometry
        {
            let most = geometry.blocks_in(piece);
            self.note(|history, _| history.blocks(at, piece, blocks, most));
        }
    }

    pub(in crate::ledger) fn verify(&mut self, at: At, piece: PieceIndex, from: &[PeerKey]) {
        if self.state(piece).is_some() {
            self.set(piece, PieceState::Good);
            self.note(|history, groups| history.verified_at(at, piece, from, groups));
        }
    }

    pub(in crate::ledger) fn fail(&mut self, at: At, piece: PieceIndex, from: &[PeerKey]) {
        self.set(piece, PieceState::Failed);
        let map = Arc::make_mut(&mut self.map);
        map.failures = map.failures.saturating_add(1);
        self.note(|history, _| history.failed(at, piece, from));
    }

    /// The piece was on disk, or is not there.
    pub(in crate::ledger) fn had(&mut self, piece: PieceIndex, good: bool) {
        let to = match (good, self.state(piece)) {
            (true, Some(from)) if from != PieceState::Good => PieceState::Good,
            (false, Some(PieceState::Good)) => PieceState::Missing,
            _ => return,
        };
        self.set(piece, to);
        self.note(|history, _| history.forget(piece));
    }

    /// Two rows became one.
    pub(in crate::ledger) fn merge(&mut self, gone: PeerKey, into: PeerKey) {
        self.note(|history, groups| history.rename(gone, into, groups));
    }

    /// The same set, shared with the others where it is full; `None` when it is not one of this torrent.
    pub(in crate::ledger) fn adopt(&self, pieces: &Arc<Bitfield>) -> Option<Arc<Bitfield>> {
        if self.geometry.is_none() || pieces.len() != self.count() {
            return None;
        }
        Some(Arc::clone(if pieces.is_full() { &self.full } else { pieces }))
    }

    /// A set of all pieces, shared with the others like it; `None` before it is known how many there are.
    pub(in crate::ledger) fn all(&self) -> Option<Arc<Bitfield>> {
        self.geometry.is_some().then(|| Arc::clone(&self.full))
    }

    /// A set without pieces.
    pub(in crate::ledger) fn none(&self) -> Arc<Bitfield> {
        Arc::new(Bitfield::empty(self.count()))
    }

    /// How many pieces there are: none before the metadata are known.
    fn count(&self) -> u32 {
        self.geometry.map_or(0, |geometry| geometry.piece_count())
    }

    /// Counts the pieces of a peer that became live.
    pub(in crate::ledger) fn count_in(&mut self, pieces: &Bitfield) {
        self.count_holder(pieces, true);
    }

    /// Counts the pieces of a live peer no more.
    pub(in crate::ledger) fn count_out(&mut self, pieces: &Bitfield) {
        self.count_holder(pieces, false);
    }

    /// Counts one more piece of a peer that is counted. It must not become a seed by it.
    pub(in crate::ledger) fn count_one(&mut self, piece: PieceIndex) {
        let map = Arc::make_mut(&mut self.map);
        map.generation += 1;
        self.unheld -= held(map, piece.index(), true);
    }

    fn count_holder(&mut self, pieces: &Bitfield, more: bool) {
        if pieces.is_empty() {
            return;
        }
        let map = Arc::make_mut(&mut self.map);
        map.generation += 1;
        if pieces.is_full() {
            map.seeds = if more { map.seeds.saturating_add(1) } else { map.seeds.saturating_sub(1) };
            return;
        }
        for number in pieces.numbers() {
            let turned = held(map, number as usize, more);
            if more {
                self.unheld -= turned;
            } else {
                self.unheld += turned;
            }
        }
    }
}

/// How many bytes of each piece are of files that are wanted. Files that a recording tells of may lie over each other.
fn wanted_bytes(geometry: Geometry, facts: &TorrentFacts, choice: &Choice) -> Arc<[u32]> {
    let (count, piece_bytes) = (geometry.piece_count() as usize, u64::from(geometry.piece_bytes()));
    let mut ends = vec![0u64; count];
    // How many more files than the piece before it a piece lies in with all its bytes.
    let mut within = vec![0i64; count + 1];
    let is_wanted =
        |file: &&FileFacts| file.length_bytes > 0 && choice.of(file.number as usize) != FilePriority::Skip;
    for file in facts.files().iter().filter(is_wanted) {
        let end = file.offset_bytes + file.length_bytes;
        let (first, last) = (file.offset_bytes / piece_bytes, (end - 1) / piece_bytes);
        if first == last {
            ends[first as usize] += file.length_bytes;
            continue;
        }
        ends[first as usize] += (first + 1) * piece_bytes - file.offset_bytes;
        ends[last as usize] += end - last * piece_bytes;
        within[first as usize + 1] += 1;
        within[last as usize] -= 1;
    }
    let mut whole = 0;
    let pieces = geometry.pieces().zip(ends).zip(within).map(|((piece, bytes), more)| {
        whole += more;
        let length = geometry.length_of(piece);
        if whole > 0 { length } else { u32::try_from(bytes).unwrap_or(length).min(length) }
    });
    pieces.collect()
}

/// Counts one holder of a piece more or less. Returns 1 when a piece that is missing turned from unheld to held
/// or back, else 0.
fn held(map: &mut PieceMap, index: usize, more: bool) -> u32 {
    let Some(holders) = map.held_by.get_mut(index) else { return 0 };
    let was_held = *holders > 0;
    *holders = if more { holders.saturating_add(1) } else { holders.saturating_sub(1) };
    let turned = was_held != (*holders > 0);
    u32::from(turned && map.states[index] != PieceState::Good && !map.is_skipped(index))
}

fn counter(map: &mut PieceMap, state: PieceState) -> Option<&mut u32> {
    match state {
        PieceState::Missing => None,
        PieceState::Arriving => Some(&mut map.arriving),
        PieceState::Failed => Some(&mut map.failed),
        PieceState::Good => Some(&mut map.good),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(count: u64) -> (Pieces, Vec<PieceIndex>) {
        let geometry = Geometry::new(count * 10 - 3, 10).unwrap();
        (Pieces::new(Some(geometry)), geometry.pieces().collect())
    }

    #[test]
    fn copies_the_map_once_for_a_view_that_holds_it() {
        let (mut pieces, all) = pieces(4);
        let view = Arc::clone(pieces.map());
        pieces.set(all[0], PieceState::Good);
        let second = Arc::as_ptr(pieces.map());
        pieces.set(all[1], PieceState::Good);
        pieces.count_one(all[2]);
        assert_eq!(second, Arc::as_ptr(pieces.map()));
        assert_eq!((view.good, pieces.map().good), (0, 2));
        assert!(pieces.map().generation > view.generation);
    }

    #[test]
    fn counts_the_short_last_piece_by_its_length() {
        let (mut pieces, all) = pieces(4);
        for piece in all {
            pieces.set(piece, PieceState::Good);
        }
        assert_eq!((pieces.have_bytes(), pieces.missing(), pieces.unheld()), (37, 0, 0));
    }

    proptest! {
        #[test]
        fn sums_stay_what_counting_again_gives(steps in proptest::collection::vec((0u8..4, 0usize..20, any::<u32>()), 0..200)) {
            let (mut pieces, all) = pieces(20);
            let mut peers: Vec<Bitfield> = Vec::new();
            for (kind, index, bits) in steps {
                match kind {
                    0 => pieces.set(all[index], [PieceState::Missing, PieceState::Arriving, PieceState::Good, PieceState::Failed][bits as usize % 4]),
                    1 => pieces.fail(At::ZERO, all[index], &[PeerKey(bits)]),
                    2 => {
                        let mut set = Bitfield::empty(20);
                        for piece in all.iter().filter(|piece| bits % 5 == 0 || bits >> piece.number() & 1 == 1) {
                            set.set(*piece);
                        }
                        pieces.count_in(&set);
                        peers.push(set);
                    }
                    _ if index < peers.len() => pieces.count_out(&peers.swap_remove(index)),
                    _ => {}
                }
            }
            let map = pieces.map();
            let count = |state| map.states.iter().filter(|s| **s == state).count() as u32;
            prop_assert_eq!(map.good, count(PieceState::Good));
            prop_assert_eq!(map.arriving, count(PieceState::Arriving));
            prop_assert_eq!(map.failed, count(PieceState::Failed));
            prop_assert_eq!(map.seeds as usize, peers.iter().filter(|set| set.is_full()).count());
            let mut unheld = 0;
            for piece in &all {
                let holders = peers.iter().filter(|set| !set.is_full() && set.has(*piece)).count();
                prop_assert_eq!(usize::from(map.held_by[piece.index()]), holders);
                unheld += u32::from(holders == 0 && map.states[piece.index()] != PieceState::Good);
            }
            prop_assert_eq!(pieces.unheld(), if map.seeds > 0 { 0 } else { unheld });
        }
    }
}
