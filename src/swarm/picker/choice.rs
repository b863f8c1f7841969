//! Which piece a peer is asked for blocks of.

use std::time::Duration;

use super::piece::Piece;
use super::sender::Sender;
use super::{At, ConnKey, Pick, Picker, PieceIndex};

/// Pieces that are picked at random before the rarest come first.
const FIRST_AT_RANDOM: u32 = 4;
/// A peer is quick for a piece if it can send it whole within this time.
const QUICK: Duration = Duration::from_secs(20);
/// A peer that sends a whole piece in less than this shares pieces where memory does not hold one for each peer.
const AT_ONCE: Duration = Duration::from_secs(1);

impl Picker {
    /// The piece to ask the connection for its next blocks of: one of the most wanted. Begins one where that is best.
    pub(super) fn next_piece(&mut self, now: At, conn: ConnKey, side_by_side: usize) -> Option<PieceIndex> {
        self.rarity.classes.each().find_map(|class| self.next_of_class(now, conn, class, side_by_side))
    }

    /// The same among the pieces of a class; there is none in the classes before it.
    fn next_of_class(
        &mut self,
        now: At,
        conn: ConnKey,
        class: usize,
        side_by_side: usize,
    ) -> Option<PieceIndex> {
        let current = self.senders.get(&conn)?.current;
        let current = current.filter(|piece| self.is_of(class, *piece) && self.goes_on(conn, *piece));
        // What no other has takes longest: it begins first, and others finish what was begun.
        if !current.is_some_and(|piece| self.is_sole(conn, piece))
            && let Some(piece) = self.begin_sole(now, conn, class)
        {
            return Some(piece);
        }
        let next = if side_by_side > 1 { self.next_in_turn(now, conn, class, side_by_side) } else { current };
        if next.is_some() {
            return next;
        }
        // Pieces that others left behind are finished first where there are many of them.
        let crowded = self.begun.count_with_free() > self.senders.len();
        // Many such peers that grow a piece each fill memory with halves, which are written, and read back to be hashed.
        if self.begun.outgrows(self.memory_bytes / 2) && self.sends_a_piece_within(conn, AT_ONCE) {
            return self.join(conn, class, true).or_else(|| self.begin(now, conn, class, true));
        }
        if self.is_quick(conn) && !crowded {
            return self
                .begin(now, conn, class, true)
                .or_else(|| self.join(conn, class, false))
                .or_else(|| self.join(conn, class, true));
        }
        self.join(conn, class, false)
            .or_else(|| self.begin(now, conn, class, false))
            .or_else(|| self.join(conn, class, true))
    }

    /// Whether the piece is of this class.
    fn is_of(&self, class: usize, piece: PieceIndex) -> bool {
        self.rarity.classes.of(piece) == Some(class)
    }

    /// Of the long pieces of a class that the connection lets grow side by side, the one whose turn it is; begins one where there is
    /// room for it.
    fn next_in_turn(
        &mut self,
        now: At,
        conn: ConnKey,
        class: usize,
        side_by_side: usize,
    ) -> Option<PieceIndex> {
        let last = self.senders.get(&conn)?.current;
        let amid_turn = last
            .filter(|piece| self.is_of(class, *piece) && self.begun.is_within_turn(*piece))
            .filter(|piece| self.goes_on(conn, *piece));
        if amid_turn.is_some() {
            return amid_turn;
        }
        let own = self.begun.with_free().filter(|(_, begun)| begun.owner == Some(conn));
        let mut growing: Vec<PieceIndex> = own.map(|(piece, _)| piece).collect();
        growing.retain(|piece| self.is_of(class, *piece) && self.goes_on(conn, *piece));
        // What came behind a gap stays in memory until the gap is filled.
        let gap = growing.iter().find(|piece| self.begun.get(**piece).is_some_and(Piece::has_gap));
        if gap.is_some() {
            return gap.copied();
        }
        if growing.len() < side_by_side
            && let Some(piece) = self.begin(now, conn, class, true)
        {
            return Some(piece);
        }
        growing.iter().find(|piece| Some(**piece) > last).or_else(|| growing.first()).copied()
    }

    /// Whether no other peer has the piece.
    pub(super) fn is_sole(&self, conn: ConnKey, piece: PieceIndex) -> bool {
        let is_seed = self.senders.get(&conn).is_some_and(Sender::is_seed);
        self.rarity.is_sole(piece, is_seed, self.seeds)
    }

    /// Begins a piece of the class that no other peer has, where there are others, and where it does not go in order.
    fn begin_sole(&mut self, now: At, conn: ConnKey, class: usize) -> Option<PieceIndex> {
        let mixed = |sender: &&Sender| !sender.choking && !self.rarity.classes.in_order;
        let sender = self.senders.get(&conn).filter(mixed)?;
        let has = sender.not_refused(self.geometry)?;
        let piece = self.rarity.rarest(class, &has, sender.is_seed(), sender.current)?;
        if self.senders.len() < 2 || !self.is_sole(conn, piece) {
            return None;
        }
        Some(self.begin_piece(now, conn, piece, true))
    }

    /// Whether the connection may be asked for more blocks of this piece.
    pub(super) fn goes_on(&self, conn: ConnKey, piece: PieceIndex) -> bool {
        let Some(begun) = self.begun.get(piece).filter(|begun| begun.has_free()) else { return false };
        let Some(sender) = self.senders.get(&conn) else { return false };
        let may = !begun.alone || begun.owner == Some(conn);
        may && sender.sends(piece) && self.takes_any(sender, piece)
    }

    /// Whether the peer would send any of the free blocks of the piece: it has not refused all of them.
    fn takes_any(&self, sender: &Sender, piece: PieceIndex) -> bool {
        if !sender.refuses_any() {
            return true;
        }
        let free = self.begun.get(piece).into_iter().flat_map(Piece::free_blocks);
        free.filter_map(|number| self.geometry.block(piece, number)).any(|block| !sender.refuses(block))
    }

    /// A begun piece of the class with free blocks that the peer has: the nearest to completion, or in order the first.
    /// Pieces of quick owners are left to them unless `any`.
    pub(super) fn join(&self, conn: ConnKey, class: usize, any: bool) -> Option<PieceIndex> {
        let mut best: Option<(u32, PieceIndex)> = None;
        for (piece, begun) in self.begun.with_free().filter(|(piece, _)| self.is_of(class, *piece)) {
            let left_alone = match begun.owner {
                Some(owner) if owner != conn => begun.alone || (!any && self.is_quick(owner)),
                _ => false,
            };
            let missing = if self.rarity.classes.in_order { 0 } else { begun.missing() };
            let nearer = best.is_none_or(|(least, _)| missing < least);
            if !left_alone && nearer && self.goes_on(conn, piece) {
                best = Some((missing, piece));
            }
        }
        best.map(|(_, piece)| piece)
    }

    /// Begins a piece of the class that the peer has; it is the peer's `own` while it is quick.
    fn begin(&mut self, now: At, conn: ConnKey, class: usize, own: bool) -> Option<PieceIndex> {
        let sender = self.senders.get(&conn)?;
        if sender.exhausted_at == Some(self.generation) {
            return None;
        }
        let has = sender.not_refused(self.geometry);
        let first = self.verified < FIRST_AT_RANDOM;
        let picked = match (has.as_deref(), sender.choking) {
            (None, _) => None,
            (Some(has), true) => {
                let may = |piece: &PieceIndex| has.has(*piece) && !self.parole.contains(*piece);
                self.rarity.rarest_of(class, sender.allowed_fast.iter().copied().filter(may))
            }
            (Some(has), false) if first => self.rarity.any(class, has, &mut self.random),
            (Some(has), false) => self.rarity.rarest(class, has, sender.is_seed(), sender.current),
        };
        let Some(piece) = picked else {
            // In the classes before it there is nothing either.
            if self.rarity.classes.is_last(class) {
                self.senders.get_mut(&conn)?.exhausted_at = Some(self.generation);
            }
            return None;
        };
        Some(self.begin_piece(now, conn, piece, own))
    }

    pub(super) fn begin_piece(&mut self, now: At, conn: ConnKey, piece: PieceIndex, own: bool) -> PieceIndex {
        self.rarity.remove(piece);
        let alone = self.parole.contains(piece);
        let begun = self.begun.begin(piece, now);
        begun.owner = (own || alone).then_some(conn);
        begun.alone = alone;
        self.picks.push_back(Pick::Begun(piece));
        piece
    }

    /// Whether the peer can be left a whole piece: it sends one quickly.
    fn is_quick(&self, conn: ConnKey) -> bool {
        self.sends_a_piece_within(conn, QUICK)
    }

    fn sends_a_piece_within(&self, conn: ConnKey, time: Duration) -> bool {
        let Some(sender) = self.senders.get(&conn) else { return false };
        if sender.snubbed || !sender.can_be_asked() || sender.choking {
            return false;
        }
        let rate = sender.rate();
        rate > 0 && u64::from(self.geometry.piece_bytes()) / rate < time.as_secs()
    }
}
