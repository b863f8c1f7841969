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

    /// Bytes of the pieces that are missing, as if the last were as long as the others.
    pub(super) fn missing_bytes(&self) -> u64 {
        let missing = u64::from(self.have.len() - self.have.count());
        missing * u64::from(self.geometry.piece_bytes())
    }
}
