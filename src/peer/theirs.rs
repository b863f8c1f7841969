//! What a peer has, as far as it said.

use super::News;
use crate::metainfo::{Bitfield, Geometry, PieceIndex};

#[derive(Debug)]
enum Known {
    /// Nothing was said yet.
    Unsaid,
    Some(Bitfield),
    /// Everything; kept apart because of what a bitfield takes.
    All,
}

/// What it has, and what of that was not told of.
#[derive(Debug)]
pub(super) struct Theirs {
    known: Known,
    gained: Vec<PieceIndex>,
}

impl Theirs {
    /// It has not said anything.
    pub(super) fn new() -> Self {
        Self { known: Known::Unsaid, gained: Vec::new() }
    }

    pub(super) fn has(&self, piece: PieceIndex) -> bool {
        match &self.known {
            Known::Unsaid => false,
            Known::Some(pieces) => pieces.has(piece),
            Known::All => true,
        }
    }

    /// It says what it has. Only the first time is that news.
    pub(super) fn says(&mut self, geometry: Geometry, pieces: Bitfield) -> Option<News> {
        if matches!(self.known, Known::Unsaid) {
            self.known = if pieces.is_full() { Known::All } else { Known::Some(pieces.clone()) };
            return Some(News::Has(pieces));
        }
        // Late or again, as aria2 does in place of many HAVEs: what it adds counts.
        pieces.numbers().filter_map(|number| geometry.piece(number)).for_each(|piece| self.gains(piece));
        None
    }

    /// A peer that has not said what it has by now has nothing.
    pub(super) fn nothing_unless_said(&mut self, geometry: Geometry) -> Option<News> {
        let is_unsaid = matches!(self.known, Known::Unsaid);
        is_unsaid.then(|| self.says(geometry, Bitfield::empty(geometry.piece_count()))).flatten()
    }

    /// It has this piece more.
    pub(super) fn gains(&mut self, piece: PieceIndex) {
        if let Known::Some(pieces) = &mut self.known {
            if pieces.set(piece) {
                self.gained.push(piece);
            }
            if pieces.is_full() {
                self.known = Known::All;
            }
        }
    }

    /// The pieces it has more than was told.
    pub(super) fn news(&mut self) -> Option<News> {
        let gained = std::mem::take(&mut self.gained);
        (!gained.is_empty()).then_some(News::Have(gained))
    }
}
