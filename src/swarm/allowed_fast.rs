//! What may be asked for in spite of a choke (BEP 6, allowed fast).
//!
//! A peer that has next to nothing waits long for its turn, for it has nothing to give in return. It may ask us for a
//! few pieces at once. What another names to us so, we ask it for.

use super::{ConnKey, Order, Swarm};
use crate::metainfo::{Bitfield, PieceIndex};
use crate::wire::allowed_fast_set;

/// Pieces a peer may ask for while we choke it, until it has as many.
const MOST_PIECES: u64 = 10;
/// Bytes of them, where pieces are long; but one piece at least.
const MOST_BYTES: u64 = 16 << 20;

impl Swarm {
    /// The peer said what it has: if that is next to nothing, a few pieces are for it.
    pub(super) fn offer_fast(&mut self, conn: ConnKey) {
        let most = (MOST_BYTES / u64::from(self.geometry.piece_bytes())).clamp(1, MOST_PIECES);
        let (count, geometry) = (self.geometry.piece_count(), self.geometry);
        if !self.is_starting(conn) {
            return;
        }
        let Some(live) = self.live.get_mut(&conn) else { return };
        let set = allowed_fast_set(live.addr.ip(), &self.settings.info_hash, count, most as usize);
        live.offered = set.into_iter().filter_map(|piece| geometry.piece(piece)).collect();
        self.allow_fast(conn);
    }

    /// The peer has more than it had.
    pub(super) fn end_fast(&mut self, conn: ConnKey) {
        if !self.is_starting(conn)
            && let Some(live) = self.live.get_mut(&conn)
        {
            let had_any = !std::mem::take(&mut live.offered).is_empty();
            if had_any {
                self.order(conn, Order::AllowFast(Vec::new()));
            }
        }
    }

    /// We have this piece now: those it was meant for may ask for it.
    pub(super) fn offer_fast_piece(&mut self, piece: PieceIndex) {
        let meant_for = self.live.iter().filter(|(_, live)| live.offered.contains(&piece));
        for conn in meant_for.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            self.allow_fast(conn);
        }
    }

    /// Of what is offered to the peer it may ask for what we have; for nothing in a pause.
    pub(super) fn allow_fast(&mut self, conn: ConnKey) {
        let Some(live) = self.live.get(&conn).filter(|live| !live.offered.is_empty()) else { return };
        let active = self.is_active();
        let pieces = live.offered.iter().copied().filter(|piece| active && self.have.has(*piece));
        let pieces: Vec<PieceIndex> = pieces.collect();
        if !active || !pieces.is_empty() {
            self.order(conn, Order::AllowFast(pieces));
        }
    }

    /// Whether the peer has next to nothing.
    fn is_starting(&self, conn: ConnKey) -> bool {
        let has = self.picker.pieces_of(conn).map(Bitfield::count);
        has.is_some_and(|count| u64::from(count) <= MOST_PIECES && count < self.geometry.piece_count())
    }
}
