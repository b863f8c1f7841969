//! What is wanted, and what becomes of pieces: right, wrong, given up, refused by the disk, verified once more.

use std::sync::Arc;

use super::recheck::{self, Recheck};
use super::{Action, BlockDigest, ConnKey, Order, Phase, Swarm};
use crate::event::{At, Cause, Event, PeerKey, Severity, Side};
use crate::metainfo::{Bitfield, PieceIndex};

impl Swarm {
    pub(super) fn has(&mut self, now: At, conn: ConnKey, pieces: Bitfield) {
        let Some(live) = self.live.get(conn) else { return };
        let wanted = pieces.count_missing_from(&self.have);
        self.out.emit(now, Event::Has { peer: live.peer, pieces: Arc::new(pieces.clone()) });
        self.allowed_fast.offer(conn, live.addr.ip(), &pieces);
        self.picker.has(conn, pieces, wanted);
        self.allow_fast(conn);
        self.update_interest(now, conn);
        self.close_if_both_seeds(conn);
        self.ask_for_a_piece(conn);
    }

    pub(super) fn has_more(&mut self, now: At, conn: ConnKey, pieces: &[PieceIndex]) {
        let Some(peer) = self.live.get(conn).map(|live| live.peer) else { return };
        for piece in self.picker.have(conn, pieces, |piece| !self.have.has(piece)) {
            self.out.emit(now, Event::Have { peer, piece });
        }
        if self.picker.pieces_of(conn).is_some_and(|has| self.allowed_fast.ends(conn, has)) {
            self.out.order(conn, Order::AllowFast(Vec::new()));
        }
        self.update_interest(now, conn);
        self.picker.request(now, conn);
        self.close_if_both_seeds(conn);
        self.ask_for_a_piece(conn);
    }

    /// Tells the peer what it may ask for in spite of a choke.
    pub(super) fn allow_fast(&mut self, conn: ConnKey) {
        let have = self.is_active().then_some(&self.have);
        if let Some(order) = self.allowed_fast.order(conn, have) {
            self.out.order(conn, order);
        }
    }

    /// Neither end has a use for a connection between two that want nothing any more.
    pub(super) fn close_if_both_seeds(&mut self, conn: ConnKey) {
        let wants_nothing =
            self.picker.is_seed(conn) || self.live.get(conn).is_some_and(|live| live.upload_only);
        if self.have.is_full() && wants_nothing {
            self.close(conn, Cause::BothSeeds);
        }
    }

    pub(super) fn update_interest(&mut self, now: At, conn: ConnKey) {
        let interested = self.check.is_some() || (self.is_active() && self.picker.wanted_of(conn) > 0);
        let Some(live) = self.live.get_mut(conn) else { return };
        if std::mem::replace(&mut live.am_interested, interested) != interested {
            self.out.order(conn, Order::Interested(interested));
            self.out.emit(now, Event::Interested { peer: live.peer, by: Side::Us, interested });
        }
        self.update_usable(now, conn);
    }

    /// Tells the picker whether the peer can be asked when it does not choke us.
    pub(super) fn update_usable(&mut self, now: At, conn: ConnKey) {
        if let Some(live) = self.live.get(conn) {
            self.picker.set_usable(now, conn, live.am_interested && !live.held && !live.closing);
        }
    }

    /// In a check the connection is given its piece, or what is left of it.
    pub(super) fn ask_for_a_piece(&mut self, conn: ConnKey) {
        let Some(check) = &mut self.check else { return };
        if self.live.get(conn).is_none_or(|live| live.peer_choking || live.closing) {
            return;
        }
        let has = self.picker.pieces_of(conn);
        let blocks = check.blocks_for(conn, self.geometry, has, &mut self.random);
        if !blocks.is_empty() {
            self.out.order(conn, Order::Grant(blocks));
        }
    }

    /// In a check the connection's piece is whole, and this is known of it.
    pub(super) fn hashed(&mut self, now: At, conn: ConnKey, good: bool) {
        let piece = self.check.as_mut().and_then(|check| check.hashed(conn));
        let Some((piece, live)) = piece.zip(self.live.get(conn)).filter(|_| !good) else { return };
        self.out.emit(now, Event::PieceFailed { piece, from: vec![live.peer] });
        self.close(conn, Cause::HashFailures);
    }

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
            return self.out.emit(now, Event::PieceFailed { piece, from: Vec::new() });
        };
        self.out.emit(now, Event::PieceFailed { piece, from: from.clone() });
        if let [only] = *from {
            let reason = format!("It alone sent piece {}, and it was wrong.", piece.number());
            self.ban_peer(now, only, Cause::HashFailures, &reason);
        } else {
            self.smart_ban.failed(piece, senders, blocks);
        }
    }

    fn piece_good(&mut self, now: At, piece: PieceIndex, from: Vec<PeerKey>) {
        self.have.set(piece);
        self.out.emit(now, Event::PieceVerified { piece, from });
        self.out.act(Action::Have(piece));
        for conn in self.allowed_fast.meant_for(piece) {
            self.allow_fast(conn);
        }
        if self.smart_ban.knows(piece) {
            self.out.act(Action::Digest(piece));
        }
        let interested = self.live.iter().filter(|(_, live)| live.am_interested).map(|(conn, _)| *conn);
        let done_with: Vec<ConnKey> = interested.filter(|conn| self.picker.wanted_of(*conn) == 0).collect();
        for conn in done_with {
            self.update_interest(now, conn);
        }
        self.completed |= self.have.is_full();
        if self.have.is_full() && self.phase == Phase::Downloading {
            self.complete(now);
        }
    }

    /// What the blocks of a piece are that failed before and is right now.
    pub(super) fn digested(&mut self, now: At, piece: PieceIndex, blocks: &[BlockDigest]) {
        for liar in self.smart_ban.liars(piece, blocks) {
            if self.peer_table.row(liar).is_some_and(|row| self.peer_table.ban_of(now, row.addr).is_some()) {
                continue;
            }
            let reason = format!("It sent wrong data in piece {}.", piece.number());
            self.ban_peer(now, liar, Cause::HashFailures, &reason);
        }
    }

    pub(super) fn disk_failed(&mut self, now: At, reason: String) {
        match &mut self.recheck {
            Some(recheck) => recheck.rest_afterwards(Phase::Stopped, Some(reason)),
            None if self.phase == Phase::Stopped => {}
            None => self.rest(now, Phase::Stopped, Some(reason)),
        }
    }

    /// What is on the disk is to be verified once more. Meanwhile nothing is asked for, and nothing served that may be
    /// wrong.
    pub(super) fn recheck(&mut self, now: At) {
        if self.recheck.is_some() {
            return self.out.answer(now, "It is being verified already.".to_owned());
        }
        let rests = matches!(self.phase, Phase::Paused | Phase::Stopped);
        let rests = rests.then(|| (self.phase, self.phase_reason.clone()));
        self.rest(now, Phase::Checking, None);
        // Pieces of which something came are verified when they are complete.
        self.picker.give_up_empty();
        let mut pieces = Bitfield::empty(self.geometry.piece_count());
        for piece in self.geometry.pieces().filter(|piece| !self.picker.has_begun(*piece)) {
            pieces.set(piece);
        }
        self.recheck = Some(Recheck::new(pieces.clone(), rests));
        self.out.act(Action::Recheck(pieces));
    }

    pub(super) fn rechecked(&mut self, now: At, good: Result<Bitfield, String>) {
        let Some(recheck) = self.recheck.take() else { return };
        let rests = match &good {
            Ok(_) => recheck.rests().cloned(),
            Err(reason) => Some((Phase::Stopped, Some(reason.clone()))),
        };
        let lost = good.is_ok_and(|good| self.take_in(now, &recheck, &good));
        if lost {
            for peer in self.peer_table.call_back() {
                self.out.emit(now, Event::NextTry { peer, at: Some(now) });
            }
        }
        match rests {
            Some((phase, reason)) => self.rest(now, phase, reason),
            None => self.go_on(now, lost),
        }
    }

    /// Takes in which pieces are good, says so, and returns whether there are some that we have no more.
    fn take_in(&mut self, now: At, recheck: &Recheck, good: &Bitfield) -> bool {
        let (lost, mut found) = recheck.compare(self.geometry, &self.have, good);
        found.retain(|piece| self.picker.found(*piece));
        for piece in &lost {
            self.have.clear(*piece);
            self.picker.lost_whole(*piece);
        }
        found.iter().for_each(|piece| _ = self.have.set(*piece));
        let severity = if lost.is_empty() { Severity::Good } else { Severity::Warn };
        let text = recheck::said(self.have.count(), self.geometry.piece_count(), lost.len(), found.len());
        let any_lost = !lost.is_empty();
        if any_lost || !found.is_empty() {
            self.out.emit(now, Event::Had { pieces: Arc::new(self.have.clone()) });
        }
        self.out.emit(now, Event::Note { severity, text, answer: true });
        self.out.act(Action::Lose(lost));
        self.out.act(Action::Found(found));
        any_lost
    }
}
