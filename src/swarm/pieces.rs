//! What is wanted, and what becomes of pieces: right, wrong, given up, refused by the disk, verified once more. Before, of the
//! metadata that tell what pieces there are: their machine (`metadata`) hears what peers say, and what it wants is done.

use std::sync::Arc;

use super::allowed_fast::AllowedFast;
use super::content::Content;
use super::metadata::{Fetch, Metadata, Parts};
use super::picker::Picker;
use super::recheck::{self, Recheck};
use super::web_seeds::{Output, WebSeeds};
use super::{Action, BlockDigest, ConnKey, Known, Order, Phase, Settings, Swarm};
use crate::event::{At, Cause, Event, MetadataStep, PeerInfo, PeerKey, Severity, Side};
use crate::metainfo::{Bitfield, BlockRef, PieceChoice, PieceIndex};
use crate::peer::{MetadataNews, News};
use crate::wire::METADATA_NAME;

impl Swarm {
    /// The geometry of the torrent is known from now on, and what of it is on the disk.
    pub(super) fn know(&mut self, now: At, mut known: Known) {
        if self.content.is_some() {
            return;
        }
        let Known { geometry, private, .. } = known;
        if private && !self.settings.private {
            self.turn_private(now);
        }
        if self.check.is_none() {
            self.out.emit(now, Event::Had { pieces: Arc::new(known.have.clone()) });
        }
        if !known.choice.is_plain() {
            self.out.emit(now, Event::Chosen { choice: Arc::clone(&known.choice) });
        }
        let chance = fastrand::Rng::with_seed(self.random.u64(..));
        let Settings { memory_bytes, info_hash, .. } = self.settings;
        let (down_bps, _) = self.settings.limits();
        let Known { have, pieces, kept, .. } = &known;
        let mut picker = Picker::new(geometry, pieces, have, memory_bytes, down_bps, chance);
        let kept: Vec<BlockRef> = kept.iter().copied().filter(|block| !have.has(block.piece())).collect();
        picker.keep(now, &kept);
        for (conn, live) in self.live.iter() {
            picker.joined(now, *conn, live.peer);
            picker.choked(now, *conn, live.peer_choking);
        }
        self.choker.know(geometry.piece_bytes());
        let allowed_fast = AllowedFast::new(geometry, info_hash);
        self.metadata = None;
        self.settings.paused |= known.paused || known.unmatched.is_some();
        let (stopped, unmatched) = (known.stopped.clone(), known.unmatched.clone());
        let web_seeds = std::mem::take(&mut known.web_seeds);
        self.content = Some(Content::new(known, picker, allowed_fast));
        if self.check.is_none() {
            self.web_seeds(now, |seeds, _| seeds.know(&web_seeds));
        }
        self.carry_out_picks(now);
        for conn in self.live.conns() {
            self.out.order(conn, Order::Learn);
        }
        if let Some(text) = unmatched.clone() {
            self.out.emit(now, Event::Note { severity: Severity::Warn, text, answer: true });
        }
        let phase = if stopped.is_some() { Phase::Stopped } else { self.next_phase() };
        self.enter(now, phase, stopped.or(unmatched));
    }

    pub(super) fn has(&mut self, now: At, conn: ConnKey, pieces: Bitfield) {
        let Some((live, content)) = self.live.get(conn).zip(self.content.as_mut()) else { return };
        let wanted = content.missing_of(&pieces);
        self.out.emit(now, Event::Has { peer: live.peer, pieces: Arc::new(pieces.clone()) });
        content.allowed_fast.offer(conn, live.addr.ip(), &pieces);
        content.picker.has(conn, pieces, wanted);
        self.allow_fast(conn);
        self.update_interest(now, conn);
        self.close_if_both_seeds(conn);
        self.ask_for_a_piece(conn);
    }

    pub(super) fn has_more(&mut self, now: At, conn: ConnKey, pieces: &[PieceIndex]) {
        let Some((live, content)) = self.live.get(conn).zip(self.content.as_mut()) else { return };
        let peer = live.peer;
        for piece in content.peer_has(conn, pieces) {
            self.out.emit(now, Event::Have { peer, piece });
        }
        let Content { picker, allowed_fast, .. } = content;
        if picker.pieces_of(conn).is_some_and(|has| allowed_fast.ends(conn, has)) {
            self.out.order(conn, Order::AllowFast(Vec::new()));
        }
        self.update_interest(now, conn);
        self.content.iter_mut().for_each(|content| content.picker.request(now, conn));
        self.close_if_both_seeds(conn);
        self.ask_for_a_piece(conn);
    }

    /// Tells the peer what it may ask for in spite of a choke.
    pub(super) fn allow_fast(&mut self, conn: ConnKey) {
        let Some(content) = &self.content else { return };
        let have = self.is_active().then_some(&content.have);
        if let Some(order) = content.allowed_fast.order(conn, have) {
            self.out.order(conn, order);
        }
    }

    /// Neither end has a use for a connection between two that want nothing any more.
    pub(super) fn close_if_both_seeds(&mut self, conn: ConnKey) {
        let Some(content) = self.content.as_ref().filter(|content| content.is_complete()) else { return };
        let upload_only = self.live.get(conn).is_some_and(|live| live.upload_only);
        if upload_only || content.picker.is_seed(conn) {
            self.close(conn, Cause::BothSeeds);
        }
    }

    pub(super) fn update_interest(&mut self, now: At, conn: ConnKey) {
        let has_wanted = self.content.as_ref().is_some_and(|content| content.picker.wanted_of(conn) > 0);
        let interested = self.check.is_some() || (self.is_active() && has_wanted);
        let Some(live) = self.live.get_mut(conn) else { return };
        if std::mem::replace(&mut live.am_interested, interested) != interested {
            self.out.order(conn, Order::Interested(interested));
            self.out.emit(now, Event::Interested { peer: live.peer, by: Side::Us, interested });
        }
        self.update_usable(now, conn);
    }

    /// Tells the picker whether the peer can be asked when it does not choke us.
    pub(super) fn update_usable(&mut self, now: At, conn: ConnKey) {
        if let Some((live, content)) = self.live.get(conn).zip(self.content.as_mut()) {
            content.picker.set_usable(now, conn, live.am_interested && !live.held && !live.closing);
        }
    }

    /// What became of what the peer was asked for, and what it may be asked for.
    pub(super) fn of_requests(&mut self, now: At, conn: ConnKey, news: News) {
        let Some(Content { picker, .. }) = &mut self.content else { return };
        match news {
            News::Window { blocks, window } if conn.web_seed().is_some() => {
                self.web_seeds(now, |seeds, picker| seeds.window(now, conn, blocks, window, picker));
            }
            News::Window { window, .. } => picker.window(now, conn, window),
            News::AllowedFast(piece) => picker.allowed_fast(now, conn, piece),
            News::Rejected(blocks) => picker.rejected(now, conn, &blocks),
            _ => {}
        }
    }

    /// The peer chokes us, or does so no more.
    pub(super) fn peer_chokes(&mut self, now: At, conn: ConnKey, choking: bool) {
        if let Some(live) = self.live.get_mut(conn) {
            live.peer_choking = choking;
            self.out.emit(now, Event::Choking { peer: live.peer, by: Side::Them, choking });
            self.content.iter_mut().for_each(|content| content.picker.choked(now, conn, choking));
            if let Some(check) = self.check.as_mut().filter(|_| !choking) {
                check.unchoked(now, conn);
            }
            self.ask_for_a_piece(conn);
        }
    }

    /// In a check the connection is given its piece, or what is left of it.
    pub(super) fn ask_for_a_piece(&mut self, conn: ConnKey) {
        let Some((check, content)) = self.check.as_mut().zip(self.content.as_ref()) else { return };
        if self.live.get(conn).is_none_or(|live| live.peer_choking || live.closing) {
            return;
        }
        let has = content.picker.pieces_of(conn);
        let blocks = check.blocks_for(conn, content.geometry, has, &mut self.random);
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
        let finished = self.content.as_mut().and_then(|content| content.picker.finished(piece, good));
        let Some(senders) = finished else { return };
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
            self.blame(now, only, &reason);
        } else {
            self.smart_ban.failed(piece, senders, blocks);
        }
    }

    fn piece_good(&mut self, now: At, piece: PieceIndex, from: Vec<PeerKey>) {
        let Some(content) = &mut self.content else { return };
        content.here(piece);
        self.out.emit(now, Event::PieceVerified { piece, from });
        self.out.act(Action::Have(piece));
        for conn in content.allowed_fast.meant_for(piece) {
            self.allow_fast(conn);
        }
        if self.smart_ban.knows(piece) {
            self.out.act(Action::Digest(piece));
        }
        let interested = self.live.iter().filter(|(_, live)| live.am_interested).map(|(conn, _)| *conn);
        let content = self.content.as_ref();
        let wants_none = |conn: &ConnKey| content.is_none_or(|content| content.picker.wanted_of(*conn) == 0);
        let done_with: Vec<ConnKey> = interested.filter(wants_none).collect();
        for conn in done_with {
            self.update_interest(now, conn);
        }
        let complete = self.is_complete();
        self.completed |= complete;
        if complete && self.doing.phase == Phase::Downloading {
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
            self.blame(now, liar, &reason);
        }
    }

    /// It sent wrong data: a peer is banned, a web seed asked no more.
    fn blame(&mut self, now: At, sender: PeerKey, reason: &str) {
        match sender.web_seed() {
            Some(seed) => self.web_seeds(now, |seeds, picker| seeds.drop_liar(seed, reason, picker)),
            None => self.ban_peer(now, sender, Cause::HashFailures, reason),
        }
    }

    /// Asks web seeds for what is due.
    pub(super) fn web_seeds_due(&mut self, now: At) {
        self.web_seeds(now, |seeds, picker| seeds.on_time(now, picker));
    }

    /// Tells the web seeds something, where they take part, and does what they want then.
    pub(super) fn web_seeds(&mut self, now: At, tell: impl FnOnce(&mut WebSeeds, &mut Picker)) {
        let Some(Content { web_seeds, picker, .. }) = &mut self.content else { return };
        tell(web_seeds, picker);
        while let Some(output) = web_seeds.poll() {
            match output {
                Output::Close(conn, cause) => self.out.order(conn, Order::Close(cause)),
                Output::Told(seed, step) => self.out.emit(now, Event::WebSeed { seed, step }),
            }
        }
        self.carry_out_picks(now);
    }

    /// Bytes of an open piece were written and are out of memory.
    pub(super) fn written(&mut self, piece: PieceIndex, bytes: u64) {
        self.content.iter_mut().for_each(|content| content.picker.written(piece, bytes));
    }

    /// Blocks of an open piece are in its file no more.
    pub(super) fn blocks_lost(&mut self, piece: PieceIndex, blocks: &[BlockRef]) {
        self.content.iter_mut().for_each(|content| content.picker.lost(piece, blocks));
    }

    pub(super) fn disk_failed(&mut self, now: At, reason: String) {
        match self.content.as_mut().and_then(|content| content.recheck.as_mut()) {
            Some(recheck) => recheck.rest_afterwards(Phase::Stopped, Some(reason)),
            None if self.doing.phase == Phase::Stopped => {}
            None => self.rest(now, Phase::Stopped, Some(reason)),
        }
    }

    /// What is on the disk is to be verified once more. Meanwhile nothing is asked for, and nothing served that may be
    /// wrong.
    pub(super) fn recheck(&mut self, now: At) {
        let Some(content) = &self.content else {
            return self
                .out
                .answer(now, "There is nothing to verify before the metadata is known.".to_owned());
        };
        if content.recheck.is_some() {
            return self.out.answer(now, "It is being verified already.".to_owned());
        }
        let rests = self.doing.at_rest();
        self.rest(now, Phase::Checking, None);
        // Pieces of which something came are verified when they are complete.
        let Some(Content { geometry, picker, recheck, .. }) = &mut self.content else { return };
        picker.give_up_empty();
        let mut pieces = Bitfield::empty(geometry.piece_count());
        for piece in geometry.pieces().filter(|piece| !picker.has_begun(*piece)) {
            pieces.set(piece);
        }
        *recheck = Some(Recheck::new(pieces.clone(), rests));
        self.out.act(Action::Recheck(pieces));
    }

    pub(super) fn rechecked(&mut self, now: At, good: Result<Bitfield, String>) {
        let Some(recheck) = self.content.as_mut().and_then(|content| content.recheck.take()) else { return };
        let rests = match &good {
            Ok(_) => recheck.rests().cloned(),
            Err(reason) => Some((Phase::Stopped, Some(reason.clone()))),
        };
        let lost = good.is_ok_and(|good| self.take_in(now, &recheck, &good));
        if lost {
            self.call_back(now);
        }
        match rests {
            Some((phase, reason)) => self.rest(now, phase, reason),
            None => self.go_on(now, lost),
        }
    }

    /// Takes in which pieces are good, says so, and returns whether there are some that we have no more.
    fn take_in(&mut self, now: At, recheck: &Recheck, good: &Bitfield) -> bool {
        let Some(content) = &mut self.content else { return false };
        let (lost, mut found) = recheck.compare(content.geometry, &content.have, good);
        found.retain(|piece| content.picker.found(*piece));
        lost.iter().for_each(|piece| content.lost(*piece));
        found.iter().for_each(|piece| content.here(*piece));
        let Content { geometry, have, .. } = content;
        let severity = if lost.is_empty() { Severity::Good } else { Severity::Warn };
        let text = recheck::said(have.count(), geometry.piece_count(), lost.len(), found.len());
        let any_lost = !lost.is_empty();
        if any_lost || !found.is_empty() {
            self.out.emit(now, Event::Had { pieces: Arc::new(have.clone()) });
        }
        self.out.emit(now, Event::Note { severity, text, answer: true });
        self.out.act(Action::Lose(lost));
        self.out.act(Action::Found(found));
        any_lost
    }

    /// What the user chose means this for pieces, and the disk is ready for it.
    pub(super) fn chosen(&mut self, now: At, pieces: PieceChoice) {
        let Some(content) = &mut self.content else { return };
        content.choose(pieces);
        for conn in self.live.conns() {
            self.update_interest(now, conn);
        }
        let complete = self.is_complete();
        self.completed &= complete;
        match (self.doing.phase, complete) {
            (Phase::Downloading, true) => self.complete(now),
            (Phase::Seeding, false) => {
                self.call_back(now);
                self.go_on(now, true);
            }
            _ => {}
        }
    }

    /// Those that were let go because nothing was missing are of use again.
    fn call_back(&mut self, now: At) {
        for peer in self.peer_table.call_back() {
            self.out.emit(now, Event::NextTry { peer, at: Some(now) });
        }
    }

    /// The peer introduces itself.
    pub(super) fn offers_metadata(&mut self, now: At, conn: ConnKey, peer: PeerKey, info: &PeerInfo) {
        let takes = info.extensions.iter().any(|name| name == METADATA_NAME);
        let bytes = info.metadata_bytes.filter(|_| takes);
        self.fetch(now, |metadata| metadata.introduced(now, conn, peer, bytes));
    }

    /// The peer answers what it was asked of the metadata.
    pub(super) fn answers_metadata(&mut self, now: At, conn: ConnKey, news: MetadataNews) {
        if let (Some(live), MetadataNews::Part { .. }) = (self.live.get_mut(conn), &news) {
            live.used = now;
        }
        self.fetch(now, |metadata| metadata.news(now, conn, news));
    }

    /// Asks for the metadata in the phase of them, and only then.
    pub(super) fn set_fetching(&mut self, now: At) {
        let active = self.doing.phase == Phase::Metadata && !self.leaving;
        self.fetch(now, |metadata| metadata.set_active(now, active));
    }

    /// Does what is due by the clock.
    pub(super) fn fetch_due(&mut self, now: At) {
        self.fetch(now, |metadata| metadata.on_time(now));
    }

    /// Why the peer is of no use while the metadata are missing, if so.
    pub(super) fn withholds_metadata(&self, conn: ConnKey) -> Option<Cause> {
        self.metadata.as_ref()?.withholds(conn)
    }

    /// Tells the machine something, and does what it wants then.
    pub(super) fn fetch(&mut self, now: At, tell: impl FnOnce(&mut Metadata)) {
        let Some(metadata) = &mut self.metadata else { return };
        tell(metadata);
        let wanted: Vec<Fetch> = std::iter::from_fn(|| metadata.poll()).collect();
        for fetch in wanted {
            match fetch {
                Fetch::Ask(conn, part) => self.out.order(conn, Order::AskMetadata { part }),
                Fetch::Told(peer, step) => {
                    let answers = matches!(step, MetadataStep::Gave { .. } | MetadataStep::Refused { .. });
                    let conn = self.conn_of(peer).filter(|_| answers);
                    self.check.iter_mut().zip(conn).for_each(|(check, conn)| check.answered(conn));
                    self.out.emit(now, Event::Metadata { peer, step });
                }
                Fetch::Wrong(peer, conn, reason) => {
                    self.out.emit(now, Event::Metadata { peer, step: MetadataStep::Wrong { reason } });
                    conn.into_iter().for_each(|conn| self.close(conn, Cause::MetadataWrong));
                }
                Fetch::Parts(Parts { got, of, bytes }) => {
                    self.out.emit(now, Event::MetadataParts { got, of, bytes });
                }
                Fetch::Known(info) => self.out.act(Action::Metadata(info)),
            }
        }
    }
}
