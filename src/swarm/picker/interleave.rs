//! Long pieces that grow side by side.
//!
//! A piece too long to be kept whole is hashed as its beginning comes, in order, and the hash of one piece alone is the
//! slowest. Where a peer sends several such pieces in a second, it is asked for some of each in turn.

use super::piece::Piece;
use super::{At, ConnKey, Picker, PieceIndex};

/// Pieces that grow at a time, of all peers together: as many are hashed for little more than one.
const GROWING: usize = 8;

impl Picker {
    /// Long pieces the connection lets grow side by side: one, but where it sends several in a second as many as are
    /// hashed for little more than one, all peers together.
    pub(super) fn side_by_side(&self, conn: ConnKey) -> usize {
        let Some(sender) = self.senders.get(&conn).filter(|_| !self.begun.whole()) else { return 1 };
        let a_second = sender.window.down_bps / u64::from(self.geometry.piece_bytes());
        let sending =
            self.senders.values().filter(|sender| sender.can_be_asked() && sender.sent_block).count();
        usize::try_from(a_second).unwrap_or(usize::MAX).min(GROWING.div_ceil(sending.max(1))).max(1)
    }

    /// The piece whose turn it is.
    pub(super) fn next_in_turn(&mut self, now: At, conn: ConnKey, side_by_side: usize) -> Option<PieceIndex> {
        let last = self.senders.get(&conn)?.current;
        let begun = last.filter(|piece| self.begun.is_within_turn(*piece) && self.goes_on(conn, *piece));
        if begun.is_some() {
            return begun;
        }
        let own = self.begun.with_free().filter(|(_, begun)| begun.owner == Some(conn));
        let mut growing: Vec<PieceIndex> = own.map(|(piece, _)| piece).collect();
        growing.retain(|piece| self.goes_on(conn, *piece));
        // What came behind a gap stays in memory until the gap is filled.
        let gap = growing.iter().find(|piece| self.begun.get(**piece).is_some_and(Piece::has_gap));
        if gap.is_some() {
            return gap.copied();
        }
        if growing.len() < side_by_side
            && let Some(piece) = self.begin(now, conn, true)
        {
            return Some(piece);
        }
        growing.iter().find(|piece| Some(**piece) > last).or_else(|| growing.first()).copied()
    }
}
