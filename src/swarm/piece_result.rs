//! What becomes of an open piece: right, wrong, given up, or refused by the disk.

use super::live::Live;
use super::{Action, BlockDigest, ConnKey, Phase, Swarm};
use crate::event::{At, Cause, Event, PeerKey};
use crate::metainfo::PieceIndex;

impl Swarm {
    pub(super) fn piece_done(&mut self, now: At, piece: PieceIndex, good: bool, blocks: Vec<BlockDigest>) {
        let Some(senders) = self.picker.finished(piece, good) else { return };
        let mut from: Vec<PeerKey> = senders.iter().copied().flatten().collect();
        from.sort_unstable();
        from.dedup();
        if good {
            return self.piece_good(now, piece, from);
        }
        // With blocks of which nobody knows who sent them, nobody is to blame.
        let Some(senders) = senders.into_iter().collect::<Option<Vec<PeerKey>>>() else {
            return self.piece_bad(now, piece, &[]);
        };
        self.piece_bad(now, piece, &from);
        if from.len() > 1 {
            self.smart_ban.failed(piece, senders, blocks);
        }
    }

    /// What the blocks of a piece are that failed before and is right now.
    pub(super) fn digested(&mut self, now: At, piece: PieceIndex, blocks: &[BlockDigest]) {
        for liar in self.smart_ban.liars(piece, blocks) {
            if self.peer_table.row(liar).is_some_and(|row| self.peer_table.ban_of(now, row.addr).is_some()) {
                continue;
            }
            let reason = format!("It sent wrong data in piece {}.", piece.number());
            self.ban_peer(now, liar, Cause::HashFailures, reason);
        }
    }

    fn piece_good(&mut self, now: At, piece: PieceIndex, from: Vec<PeerKey>) {
        self.have.set(piece);
        self.emit(now, Event::PieceVerified { piece, from });
        self.actions.push_back(Action::Have(piece));
        self.offer_fast_piece(piece);
        if self.smart_ban.knows(piece) {
            self.actions.push_back(Action::Digest(piece));
        }
        let done_with = |(conn, live): (&ConnKey, &Live)| {
            (live.am_interested && self.picker.wanted_of(*conn) == 0).then_some(*conn)
        };
        let done_with: Vec<ConnKey> = self.live.iter().filter_map(done_with).collect();
        for conn in done_with {
            self.update_interest(now, conn);
        }
        if self.have.is_full() && self.phase == Phase::Downloading {
            self.complete(now);
        }
    }

    fn piece_bad(&mut self, now: At, piece: PieceIndex, from: &[PeerKey]) {
        self.emit(now, Event::PieceFailed { piece, from: from.to_vec() });
        if let [only] = *from {
            self.ban_peer(
                now,
                only,
                Cause::HashFailures,
                format!("It alone sent piece {}, and it was wrong.", piece.number()),
            );
        }
    }

    pub(super) fn disk_failed(&mut self, now: At, piece: Option<PieceIndex>, reason: String) {
        if let Some(piece) = piece
            && self.picker.has_begun(piece)
        {
            self.picker.give_up(piece);
        }
        if self.phase != Phase::Stopped && !self.rests_after_recheck(Phase::Stopped, Some(reason.clone())) {
            self.rest(now, Phase::Stopped, Some(reason));
        }
    }
}
