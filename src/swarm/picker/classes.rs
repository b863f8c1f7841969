//! Which pieces come before which: those of one class are picked before those of the next.

use crate::metainfo::{FilePriority, Geometry, PieceChoice, PieceIndex};

/// Stands for the class of a piece that is skipped.
const SKIPPED: u8 = u8::MAX;

/// The class of each piece. Only classes with pieces in them count.
#[derive(Debug)]
pub(super) struct Classes {
    /// By piece; none: all are in the first.
    of: Box<[u8]>,
    count: usize,
    /// Within a class it goes in the order of the torrent.
    pub(super) in_order: bool,
}

impl Classes {
    pub(super) fn new(geometry: Geometry, choice: &PieceChoice) -> Self {
        if choice.is_plain() {
            return Self { of: Box::default(), count: 1, in_order: false };
        }
        let rank = |piece| match (choice.of(piece), choice.is_early(piece)) {
            (FilePriority::Skip, _) => SKIPPED,
            (priority, early) => 2 * (FilePriority::High as u8 - priority as u8) + u8::from(!early),
        };
        let mut of: Box<[u8]> = geometry.pieces().map(rank).collect();
        let used: Vec<u8> = (0..6).filter(|rank| of.contains(rank)).collect();
        for rank in &mut of {
            *rank = used.iter().position(|used| used == rank).map_or(SKIPPED, |class| class as u8);
        }
        Self { of, count: used.len(), in_order: choice.is_in_order() }
    }

    /// The class of the piece; `None`: it is skipped.
    pub(super) fn of(&self, piece: PieceIndex) -> Option<usize> {
        let class = self.of.get(piece.index()).copied().unwrap_or_default();
        (class != SKIPPED).then_some(usize::from(class))
    }

    /// All of them, the first to be picked from first.
    pub(super) fn each(&self) -> std::ops::Range<usize> {
        0..self.count
    }

    /// Whether no other class is picked from after this one.
    pub(super) fn is_last(&self, class: usize) -> bool {
        class + 1 >= self.count
    }
}
