//! What becomes of an open piece: right, wrong, given up, or refused by the disk.

use super::{Action, BlockDigest, Order, Phase, Swarm};
use crate::event::{At, Cause, Event, PeerKey};
use crate::metainfo::PieceIndex;

impl Swarm {
    /// Forgets what is here of an open piece; it can be picked anew.
    pub(super) fn abandon(&mut self, now: At, piece: PieceIndex) {
        for (conn, block) in self.open.asked(piece) {
            if let Some(live) = self.live.get_mut(&conn) {
                live.blocks.remove(&block);
                self.order(conn, Order::Revoke(vec![block]));
            }
        }
        self.close_piece(piece);
        self.actions.push_back(Action::Discard(piece));
        self.tell(now, Event::PieceClosed { piece });
        self.reopen(piece);
    }

    fn reopen(&mut self, piece: PieceIndex) {
        if !self.have.has(piece) {
            self.rarity.insert(piece);
            self.pick_generation += 1;
            self.all_hungry();
        }
    }

    /// Takes the piece off the open ones; returns who sent each of its blocks that were here.
    fn close_piece(&mut self, piece: PieceIndex) -> Vec<PeerKey> {
        self.open.close(piece).map(|open| open.senders()).unwrap_or_default()
    }

    pub(super) fn piece_done(&mut self, now: At, piece: PieceIndex, good: bool, blocks: Vec<BlockDigest>) {
        if self.open.piece(piece).is_none() {
            return;
        }
        let senders = self.close_piece(piece);
        let mut from = senders.clone();
        from.sort_unstable();
        from.dedup();
        self.all_hungry();
        if good {
            self.piece_good(now, piece, from);
        } else {
            self.piece_bad(now, piece, &from);
            if from.len() > 1 {
                self.blame.failed(piece, senders, blocks);
            }
        }
    }

    /// What the blocks of a piece are that failed before and is right now.
    pub(super) fn digested(&mut self, now: At, piece: PieceIndex, blocks: &[BlockDigest]) {
        for liar in self.blame.liars(piece, blocks) {
            if self.book.row(liar).is_some_and(|row| self.book.ban_of(now, row.addr).is_some()) {
                continue;
            }
            let reason = format!("It sent wrong data in piece {}.", piece.number());
            self.ban_peer(now, liar, Cause::HashFailures, reason);
        }
    }

    fn piece_good(&mut self, now: At, piece: PieceIndex, from: Vec<PeerKey>) {
        self.suspects.remove(piece);
        self.have.set(piece);
        self.tell(now, Event::PieceVerified { piece, from });
        self.actions.push_back(Action::Have(piece));
        self.offer_fast_piece(piece);
        if self.blame.knows(piece) {
            self.actions.push_back(Action::Digest(piece));
        }
        let mut done_with = Vec::new();
        for (conn, live) in &mut self.live {
            if live.has.as_ref().is_some_and(|has| has.has(piece)) {
                live.wanted = live.wanted.saturating_sub(1);
                if live.wanted == 0 {
                    done_with.push(*conn);
                }
            }
        }
        for conn in done_with {
            self.update_interest(now, conn);
        }
        if self.have.is_full() && self.phase == Phase::Downloading {
            self.complete(now);
        }
    }

    fn piece_bad(&mut self, now: At, piece: PieceIndex, from: &[PeerKey]) {
        self.tell(now, Event::PieceFailed { piece, from: from.to_vec() });
        if let [only] = *from {
            self.ban_peer(
                now,
                only,
                Cause::HashFailures,
                format!("It alone sent piece {}, and it was wrong.", piece.number()),
            );
        } else {
            self.suspects.insert(piece);
        }
        self.reopen(piece);
    }

    pub(super) fn disk_failed(&mut self, now: At, piece: Option<PieceIndex>, reason: String) {
        if let Some(piece) = piece
            && self.open.piece(piece).is_some()
        {
            self.abandon(now, piece);
        }
        if self.phase != Phase::Stopped {
            self.rest(now, Phase::Stopped, Some(reason));
        }
    }
}
