//! What a swarm decides about pieces with: it is there once the torrent's geometry is known.

use std::sync::Arc;

use super::allowed_fast::AllowedFast;
use super::picker::Picker;
use super::recheck::Recheck;
use super::starving::Needs;
use super::web_seeds::WebSeeds;
use super::{ConnKey, DownShare, Known};
use crate::event::{At, Phase};
use crate::metainfo::{Bitfield, Choice, FilePriority, Geometry, PieceChoice, PieceIndex};

/// Memory for blocks that are not written, of all torrents that download, and of one at least.
const ALL_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
const LEAST_MEMORY_BYTES: u64 = 1024 * 1024;

/// The pieces of a torrent, which of them are here and which are wanted, and the machines that deal with them.
pub(super) struct Content {
    pub(super) geometry: Geometry,
    pub(super) have: Bitfield,
    /// The pieces that are here or skipped: all others are missing.
    done_with: Bitfield,
    /// Which files the user wants. What that means for pieces is worked out where the files are known.
    pub(super) choice: Arc<Choice>,
    pieces: PieceChoice,
    pub(super) picker: Picker,
    pub(super) allowed_fast: AllowedFast,
    pub(super) web_seeds: WebSeeds,
    /// What is on the disk is being verified once more.
    pub(super) recheck: Option<Recheck>,
}

impl Content {
    /// The content of a torrent that the picker knows already.
    pub(super) fn new(known: Known, picker: Picker, allowed_fast: AllowedFast) -> Self {
        let Known { geometry, have, choice, pieces, .. } = known;
        let done_with = with_skipped(geometry, &have, &pieces);
        let web_seeds = WebSeeds::default();
        Self { geometry, have, done_with, choice, pieces, picker, allowed_fast, web_seeds, recheck: None }
    }

    /// Whether everything that is wanted is here.
    pub(super) fn is_complete(&self) -> bool {
        self.done_with.is_full()
    }

    /// Bytes of the pieces that are missing.
    pub(super) fn missing_bytes(&self) -> u64 {
        missing_bytes(self.geometry, &self.done_with)
    }

    /// How many of these pieces are wanted and not here.
    pub(super) fn missing_of(&self, pieces: &Bitfield) -> u32 {
        pieces.count_missing_from(&self.done_with)
    }

    /// The peer has these pieces more; returns those it was not known to have.
    pub(super) fn peer_has(&mut self, conn: ConnKey, pieces: &[PieceIndex]) -> Vec<PieceIndex> {
        let done_with = &self.done_with;
        self.picker.have(conn, pieces, |piece| !done_with.has(piece))
    }

    /// The piece is here.
    pub(super) fn here(&mut self, piece: PieceIndex) {
        self.have.set(piece);
        self.done_with.set(piece);
    }

    /// The piece is here no more.
    pub(super) fn lost(&mut self, piece: PieceIndex) {
        self.have.clear(piece);
        if self.pieces.of(piece) != FilePriority::Skip {
            self.done_with.clear(piece);
        }
        self.picker.lost_whole(piece);
    }

    /// Pieces are wanted so from now on.
    pub(super) fn choose(&mut self, pieces: PieceChoice) {
        self.done_with = with_skipped(self.geometry, &self.have, &pieces);
        self.picker.choose(&pieces, &self.done_with);
        self.pieces = pieces;
    }

    /// When web seeds want to be told the time.
    pub(super) fn web_seeds_deadline(&self) -> Option<At> {
        self.web_seeds.deadline().filter(|_| self.picker.is_active())
    }

    /// What it takes to finish, for finding out whether there are too few to give it.
    pub(super) fn needs(&self) -> Needs {
        Needs {
            limit_bps: self.picker.limit_bps(),
            missing_bytes: self.missing_bytes(),
            useful: self.picker.useful_count(),
        }
    }

    /// Whether it rests by the user's will once what is on the disk is verified.
    pub(super) fn is_paused_after_recheck(&self) -> bool {
        let after = self.recheck.as_ref().and_then(Recheck::rests);
        after.is_some_and(|(phase, _)| *phase == Phase::Paused)
    }

    /// Bytes of memory that blocks may take.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.picker.memory_bytes()
    }

    /// Takes this torrent's share of memory, `most_memory` bytes at most, and of the download limit, of this by what it
    /// used in the last second; one that begins could use any.
    pub(super) fn take_shares(&mut self, now: At, begins: bool, share: &DownShare, most_memory: u64) {
        let (used_bytes, more) = self.picker.take_demand();
        if let Some(share_bps) = share.take(used_bytes, more || begins) {
            self.picker.adjust_limit(now, share_bps);
        }
        let share_bytes = ALL_MEMORY_BYTES / share.downloading();
        self.picker.set_memory(most_memory.min(share_bytes.max(LEAST_MEMORY_BYTES)));
    }
}

/// The pieces that are here, and those that are skipped.
fn with_skipped(geometry: Geometry, have: &Bitfield, choice: &PieceChoice) -> Bitfield {
    let mut done_with = have.clone();
    if !choice.is_plain() {
        let skipped = geometry.pieces().filter(|piece| choice.of(*piece) == FilePriority::Skip);
        skipped.for_each(|piece| _ = done_with.set(piece));
    }
    done_with
}

/// Bytes of the pieces we are not done with: without a look at every piece, of which there may be millions.
fn missing_bytes(geometry: Geometry, done_with: &Bitfield) -> u64 {
    let missing = u64::from(done_with.len() - done_with.count()) * u64::from(geometry.piece_bytes());
    let last = geometry.piece(geometry.piece_count().saturating_sub(1)).filter(|last| !done_with.has(*last));
    missing - last.map_or(0, |last| u64::from(geometry.piece_bytes() - geometry.length_of(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted_to_the_byte() {
        for (total, piece_bytes) in [(1, 16384), (100_000, 16384), (65536, 16384), (10, 3)] {
            let geometry = Geometry::new(total, piece_bytes).unwrap();
            let mut have = Bitfield::empty(geometry.piece_count());
            let mut missing = total;
            assert_eq!(missing_bytes(geometry, &have), missing);
            for piece in geometry.pieces().rev() {
                have.set(piece);
                missing -= u64::from(geometry.length_of(piece));
                assert_eq!(missing_bytes(geometry, &have), missing);
            }
            assert_eq!(missing, 0);
        }
    }
}
