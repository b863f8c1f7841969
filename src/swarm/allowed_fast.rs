//! What may be asked for in spite of a choke (BEP 6, allowed fast).
//!
//! A peer that has next to nothing waits long for its turn, for it has nothing to give in return. It may ask us for a
//! few pieces at once. What another names to us so, we ask it for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{ConnKey, Order};
use crate::metainfo::{Bitfield, Geometry, InfoHash, PieceIndex};
use crate::wire::allowed_fast_set;

/// Pieces a peer may ask for while we choke it, until it has as many.
const MOST_PIECES: u64 = 10;
/// Bytes of them, where pieces are long; but one piece at least.
const MOST_BYTES: u64 = 16 << 20;

/// Which pieces each peer is offered.
#[derive(Debug)]
pub(super) struct AllowedFast {
    geometry: Geometry,
    info_hash: InfoHash,
    /// To those that begin, whether we have them or not.
    offered: BTreeMap<ConnKey, Vec<PieceIndex>>,
}

impl AllowedFast {
    pub(super) fn new(geometry: Geometry, info_hash: InfoHash) -> Self {
        Self { geometry, info_hash, offered: BTreeMap::new() }
    }

    /// The peer said what it has: if that is next to nothing, a few pieces are for it.
    pub(super) fn offer(&mut self, conn: ConnKey, addr: IpAddr, has: &Bitfield) {
        if self.is_starting(has) {
            let most = (MOST_BYTES / u64::from(self.geometry.piece_bytes())).clamp(1, MOST_PIECES);
            let set = allowed_fast_set(addr, &self.info_hash, self.geometry.piece_count(), most as usize);
            let pieces: Vec<PieceIndex> =
                set.into_iter().filter_map(|piece| self.geometry.piece(piece)).collect();
            // For some addresses there is none.
            if !pieces.is_empty() {
                self.offered.insert(conn, pieces);
            }
        }
    }

    /// The peer has more than it had: whether nothing is for it any more that was.
    pub(super) fn ends(&mut self, conn: ConnKey, has: &Bitfield) -> bool {
        !self.is_starting(has) && self.left(conn)
    }

    /// The connection is over, or its peer has enough; whether anything was for it.
    pub(super) fn left(&mut self, conn: ConnKey) -> bool {
        self.offered.remove(&conn).is_some()
    }

    /// For whom the piece is meant.
    pub(super) fn meant_for(&self, piece: PieceIndex) -> Vec<ConnKey> {
        let meant_for = self.offered.iter().filter(|(_, pieces)| pieces.contains(&piece));
        meant_for.map(|(conn, _)| *conn).collect()
    }

    /// What the peer is told: of what is offered to it, it may ask for what we `have`; for nothing in a pause (`None`).
    pub(super) fn order(&self, conn: ConnKey, have: Option<&Bitfield>) -> Option<Order> {
        let offered = self.offered.get(&conn)?.iter().copied();
        let pieces: Vec<PieceIndex> =
            offered.filter(|piece| have.is_some_and(|have| have.has(*piece))).collect();
        (have.is_none() || !pieces.is_empty()).then_some(Order::AllowFast(pieces))
    }

    /// Whether a peer that has this has next to nothing.
    fn is_starting(&self, has: &Bitfield) -> bool {
        u64::from(has.count()) <= MOST_PIECES && has.count() < self.geometry.piece_count()
    }
}

#[cfg(test)]
impl AllowedFast {
    pub(super) fn len(&self) -> usize {
        self.offered.len()
    }
}
