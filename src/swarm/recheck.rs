//! What is on the disk is verified once more, while the torrent runs: meanwhile nothing is asked for, and nothing served
//! that may be wrong.

use crate::event::Phase;
use crate::metainfo::{Bitfield, Geometry, PieceIndex};
use crate::units;

/// A recheck under way.
#[derive(Debug)]
pub(super) struct Recheck {
    /// The pieces that are looked at.
    pieces: Bitfield,
    /// Where the torrent rests afterwards, and why; `None`: it goes on.
    rests: Option<(Phase, Option<String>)>,
}

impl Recheck {
    /// These pieces are looked at; afterwards it rests so, or goes on.
    pub(super) fn new(pieces: Bitfield, rests: Option<(Phase, Option<String>)>) -> Self {
        Self { pieces, rests }
    }

    /// The torrent is to rest from now on, once it was verified.
    pub(super) fn rest_afterwards(&mut self, phase: Phase, reason: Option<String>) {
        self.rests = Some((phase, reason));
    }

    /// How it rests afterwards; `None`: it goes on.
    pub(super) fn rests(&self) -> Option<&(Phase, Option<String>)> {
        self.rests.as_ref()
    }

    /// Those of the pieces with which it is otherwise than we have them, now that these are `good`: those that are wrong
    /// or gone, and those that are right.
    pub(super) fn compare(
        &self,
        geometry: Geometry,
        have: &Bitfield,
        good: &Bitfield,
    ) -> (Vec<PieceIndex>, Vec<PieceIndex>) {
        let looked_at = geometry.pieces().filter(|piece| self.pieces.has(*piece));
        let differs = looked_at.filter(|piece| have.has(*piece) != good.has(*piece));
        differs.partition(|piece| have.has(*piece))
    }
}

/// What was found, in a sentence or two.
pub(super) fn said(have: u32, of: u32, lost: usize, found: usize) -> String {
    let pieces = |count: usize| match count {
        1 => "1 piece".to_owned(),
        count => format!("{} pieces", units::count(count as u64)),
    };
    let here = match have {
        have if have == of => format!("all {} pieces are here", units::count(u64::from(of))),
        have => {
            format!("{} of {} pieces are here", units::count(u64::from(have)), units::count(u64::from(of)))
        }
    };
    match (lost, found) {
        (0, 0) => format!("Verified: {here}, and every one is right."),
        (lost, 0) => {
            let was = if lost == 1 { "was damaged or gone, and is" } else { "were damaged or gone, and are" };
            format!("Verified: {} {was} fetched again; {here}.", pieces(lost))
        }
        (0, found) => format!("Verified: {} more than was known; {here}.", pieces(found)),
        (lost, found) => format!(
            "Verified: {} damaged or gone, {} more than was known; {here}.",
            pieces(lost),
            pieces(found)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn what_was_found_is_a_sentence() {
        assert_eq!(said(99, 99, 0, 0), "Verified: all 99 pieces are here, and every one is right.");
        assert_eq!(
            said(98, 99, 1, 0),
            "Verified: 1 piece was damaged or gone, and is fetched again; 98 of 99 pieces are here."
        );
        assert_eq!(
            said(97, 99, 2, 0),
            "Verified: 2 pieces were damaged or gone, and are fetched again; 97 of 99 pieces are here."
        );
        assert_eq!(said(99, 99, 0, 9), "Verified: 9 pieces more than was known; all 99 pieces are here.");
    }
}
