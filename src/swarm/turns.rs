//! Long pieces that grow side by side.
//!
//! A piece too long to be kept whole is hashed as its beginning comes, in order, and the hash of one piece alone is the
//! slowest. Where a peer sends several such pieces in a second, it is asked for some of each in turn.

use super::pieces::OpenPiece;
use super::{ConnKey, Swarm};
use crate::event::At;
use crate::metainfo::PieceIndex;

/// Pieces that grow at a time, of all peers together: as many are hashed for little more than one.
const GROWING: usize = 8;

impl Swarm {
    /// Long pieces the connection lets grow side by side: one, but where it sends several in a second as many as are
    /// hashed for little more than one, all peers together.
    pub(super) fn side_by_side(&self, conn: ConnKey) -> usize {
        let Some(live) = self.live.get(&conn).filter(|_| !self.open.whole()) else { return 1 };
        let a_second = live.window.down_bps / u64::from(self.geometry.piece_bytes());
        let senders = self.live.values().filter(|live| live.can_be_asked() && live.sent_block).count();
        usize::try_from(a_second).unwrap_or(usize::MAX).min(GROWING.div_ceil(senders.max(1))).max(1)
    }

    /// Whether the connection may be given more blocks of this open piece.
    pub(super) fn goes_on(&self, conn: ConnKey, piece: PieceIndex) -> bool {
        let open = self.open.get(piece);
        open.is_some_and(|open| open.has_free() && (!open.alone || open.owner == Some(conn)))
            && self.live.get(&conn).is_some_and(|live| live.has_piece(piece))
    }

    /// The piece whose turn it is.
    pub(super) fn next_in_turn(&mut self, now: At, conn: ConnKey, side_by_side: usize) -> Option<PieceIndex> {
        let last = self.live.get(&conn)?.current;
        let begun = last.filter(|piece| self.open.is_within_turn(*piece) && self.goes_on(conn, *piece));
        if begun.is_some() {
            return begun;
        }
        let open = self.open.with_free().filter(|(_, open)| open.owner == Some(conn));
        let mut growing: Vec<PieceIndex> = open.map(|(piece, _)| piece).collect();
        growing.retain(|piece| self.goes_on(conn, *piece));
        // What came behind a gap stays in memory until the gap is filled.
        let gap = growing.iter().find(|piece| self.open.get(**piece).is_some_and(OpenPiece::has_gap));
        if gap.is_some() {
            return gap.copied();
        }
        if growing.len() < side_by_side
            && let Some(piece) = self.open_piece(now, conn, true)
        {
            return Some(piece);
        }
        growing.iter().find(|piece| Some(**piece) > last).or_else(|| growing.first()).copied()
    }
}
