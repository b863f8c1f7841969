//! What may be asked for in spite of a choke (BEP 6, allowed fast).
//!
//! A peer that has next to nothing waits long for its turn, for it has nothing to give in return. It may ask us for a
//! few pieces at once. What another names to us so, we ask it for.

use super::live::Live;
use super::{ConnKey, Order, Phase, Swarm};
use crate::event::{At, Event};
use crate::metainfo::{BlockRef, PieceIndex};
use crate::wire::allowed_fast_set;

/// Pieces a peer may ask for while we choke it, until it has as many.
const MOST_PIECES: u64 = 10;
/// Bytes of them, where pieces are long; but one piece at least.
const MOST_BYTES: u64 = 16 << 20;
/// Blocks asked for while a peer chokes us.
const ASKED: u32 = 32;

impl Swarm {
    /// The peer said what it has: if that is next to nothing, a few pieces are for it.
    pub(super) fn offer_fast(&mut self, conn: ConnKey) {
        let most = (MOST_BYTES / u64::from(self.geometry.piece_bytes())).clamp(1, MOST_PIECES);
        let (count, geometry) = (self.geometry.piece_count(), self.geometry);
        let Some(live) = self.live.get_mut(&conn).filter(|live| is_starting(live)) else { return };
        let set = allowed_fast_set(live.addr.ip(), &self.settings.info_hash, count, most as usize);
        live.offered = set.into_iter().filter_map(|piece| geometry.piece(piece)).collect();
        self.allow_fast(conn);
    }

    /// The peer has more than it had.
    pub(super) fn end_fast(&mut self, conn: ConnKey) {
        if let Some(live) = self.live.get_mut(&conn).filter(|live| !is_starting(live)) {
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

    /// The peer says that it sends this piece even while it chokes us.
    pub(super) fn allowed_fast(&mut self, now: At, conn: ConnKey, piece: PieceIndex) {
        if let Some(live) = self.live.get_mut(&conn) {
            live.fast.insert(piece);
            self.refill(now, conn);
        }
    }

    /// The peer refused these blocks. If it chokes us, it does not send their pieces after all.
    pub(super) fn fast_refused(&mut self, conn: ConnKey, refused: &[BlockRef]) {
        let Some(live) = self.live.get_mut(&conn).filter(|live| live.peer_choking) else { return };
        let of_them = |block: &BlockRef| refused.iter().any(|other| other.piece() == block.piece());
        let rest: Vec<BlockRef> = live.blocks.iter().copied().filter(of_them).collect();
        refused.iter().for_each(|block| _ = live.fast.remove(&block.piece()));
        if !rest.is_empty() {
            self.release(conn, &rest);
            self.order(conn, Order::Revoke(rest));
        }
    }

    /// Grants a connection that chokes us blocks of the pieces it sends all the same.
    pub(super) fn refill_choked(&mut self, now: At, conn: ConnKey) {
        let Some(live) = self.live.get(&conn).filter(|live| live.can_be_asked_choking()) else { return };
        let has = live.blocks.len() as u32;
        if self.phase != Phase::Downloading || self.leaving || live.snubbed || has > ASKED / 2 {
            return;
        }
        let wanted = |piece: &PieceIndex| {
            live.has_piece(*piece) && !self.have.has(*piece) && !self.suspects.contains(*piece)
        };
        let pieces: Vec<PieceIndex> = live.fast.iter().copied().filter(wanted).collect();
        let mut left = self.affordable(now, ASKED - has);
        let mut granted = Vec::new();
        for piece in pieces {
            if left > 0 && self.is_open_to_all(now, piece) {
                granted.extend(self.open.grant(piece, conn, left));
                left = (ASKED - has).saturating_sub(granted.len() as u32).min(left);
            }
        }
        if let Some(live) = self.live.get_mut(&conn).filter(|_| !granted.is_empty()) {
            if live.blocks.is_empty() {
                live.progress = now;
            }
            live.blocks.extend(granted.iter().copied());
            // Asked for only when something was left, so this cannot fail.
            let _ = self.down_bucket.take(now, self.bytes_of(&granted));
            self.order(conn, Order::Grant(granted));
        }
    }

    /// Whether the piece is under way, and not one that a single peer has to prove; opens it if memory lets it.
    fn is_open_to_all(&mut self, now: At, piece: PieceIndex) -> bool {
        if let Some(open) = self.open.get(piece) {
            return !open.alone;
        }
        let may = self.open.may_open(piece, false);
        if may {
            self.rarity.remove(piece);
            self.open.open(piece, now);
            self.tell(now, Event::PieceOpened { piece });
        }
        may
    }
}

fn is_starting(live: &Live) -> bool {
    live.has.as_ref().is_some_and(|has| u64::from(has.count()) <= MOST_PIECES && !has.is_full())
}
