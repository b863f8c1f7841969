//! What a swarm decides about pieces with: it is there once the torrent's geometry is known.

use super::allowed_fast::AllowedFast;
use super::picker::Picker;
use super::recheck::Recheck;
use crate::metainfo::{Bitfield, Geometry};

/// The pieces of a torrent, which of them are here, and the machines that deal with them.
pub(super) struct Content {
    pub(super) geometry: Geometry,
    pub(super) have: Bitfield,
    pub(super) picker: Picker,
    pub(super) allowed_fast: AllowedFast,
    /// What is on the disk is being verified once more.
    pub(super) recheck: Option<Recheck>,
}

impl Content {
    /// Whether everything is here.
    pub(super) fn is_complete(&self) -> bool {
        self.have.is_full()
    }

    /// Bytes of the pieces that are missing.
    pub(super) fn missing_bytes(&self) -> u64 {
        missing_bytes(self.geometry, &self.have)
    }
}

/// Bytes of the pieces that are not good: without a look at every piece, of which there may be millions.
fn missing_bytes(geometry: Geometry, have: &Bitfield) -> u64 {
    let missing = u64::from(have.len() - have.count()) * u64::from(geometry.piece_bytes());
    let last = geometry.piece(geometry.piece_count().saturating_sub(1)).filter(|last| !have.has(*last));
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
