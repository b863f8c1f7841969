//! A peer's way: learned, dialled, shaken hands, heard of, gone.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::live::Live;
use super::peer_table::{Ban, Learned, Standing};
use super::{Action, Closed, ConnKey, Order, Swarm};
use crate::event::{
    At, Cause, Direction, Encryption, Event, PeerInfo, PeerKey, PeerSample, Side, Source, Transport,
};
use crate::metainfo::{Bitfield, PeerId, PieceIndex};
use crate::peer::{News, Step};

impl Swarm {
    /// A source names an address.
    pub(super) fn learn(&mut self, now: At, addr: SocketAddr, source: Source) {
        let Some(Learned { peer, new, valid, redeemed }) = self.peer_table.learn(now, addr, source) else {
            return self.tell_left_out(now, addr);
        };
        self.emit(now, Event::PeerLearned { peer, addr, source });
        if redeemed || (new && !valid) {
            let cause = (!valid).then_some(Cause::InvalidAddress);
            self.emit(now, Event::NotDialled { peer, cause });
        }
        // One that calls is told by the refusal.
        let told = new && valid && source.info().listens;
        if let Some(Ban { until, reason }) = self.peer_table.ban_of(now, addr).filter(|_| told) {
            self.emit(now, Event::Banned { peer, until: Some(until), reason });
        }
    }

    pub(super) fn may_dial(&self) -> bool {
        let dialling = self.peer_table.dialling();
        self.is_active()
            && dialling < self.settings.max_dials
            && (self.staying() + dialling < self.settings.max_peers || dialling < self.spare_dials())
    }

    pub(super) fn dial_due(&mut self, now: At) {
        while self.may_dial() && self.settings.dial_pacer.next() <= now {
            let Some((peer, addr, encryption)) = self.peer_table.take_due(now) else { break };
            self.settings.dial_pacer.count(now);
            self.emit(now, attempt_began(peer, Direction::Out, encryption));
            self.actions.push_back(Action::Dial { peer, addr, encryption });
        }
        let due = self.peer_table.next_due().is_some_and(|due| due <= now);
        if self.check.is_some() && self.is_active() && due && self.settings.dial_pacer.next() <= now {
            self.make_room_for_a_try(now);
        }
    }

    /// The dial of the peer came a step further.
    pub(super) fn step(&mut self, peer: PeerKey, at: At, step: Step) {
        self.peer_table.step(peer, at, &step);
        self.emit(at, step.event(peer));
    }

    pub(super) fn dial_failed(&mut self, now: At, peer: PeerKey, end: Closed) {
        let Some(row) = self.peer_table.row(peer).filter(|row| row.standing == Standing::Dialling) else {
            return;
        };
        let addr = row.addr;
        if let Some(caller) = self.check.as_mut().and_then(|check| check.caller_at(addr)) {
            // It called us meanwhile: whether it can be reached as well is known now.
            self.attempt_ended(now, peer, end);
            return self.listens(now, caller, addr);
        }
        if self.leaving || !self.peer_table.dial_failed(now, peer, end.cause) {
            return self.attempt_ended(now, peer, end);
        }
        self.tell_end(now, peer, end);
        if self.check.is_none() {
            self.emit(now, Event::NextTry { peer, at: Some(now) });
        }
    }

    /// The run ends before these could answer; whatever comes of them comes too late.
    pub(super) fn end_dials(&mut self, now: At) {
        for (peer, bytes_out) in self.peer_table.dials() {
            self.attempt_ended(now, peer, Closed { bytes_out, ..Closed::because(Cause::NotAnswered) });
        }
    }

    pub(super) fn tell_end(&mut self, now: At, peer: PeerKey, end: Closed) {
        self.emit(now, end.event(peer));
    }

    pub(super) fn attempt_ended(&mut self, now: At, peer: PeerKey, end: Closed) {
        let cause = end.cause;
        self.tell_end(now, peer, end);
        let at = self.peer_table.ended(now, peer, cause, self.have.is_full(), &mut self.random);
        self.emit(now, Event::NextTry { peer, at });
    }

    /// Why a peer that just shook hands is not kept, if so. A connection it replaces is closed here.
    fn refusal(
        &mut self,
        now: At,
        peer: Option<PeerKey>,
        addr: SocketAddr,
        peer_id: PeerId,
    ) -> Option<Cause> {
        if peer_id == self.settings.peer_id {
            return Some(Cause::SelfConnection);
        }
        let known = peer.or_else(|| self.peer_table.find(addr));
        if known.and_then(|known| self.peer_table.row(known)).is_some_and(|row| row.dropped) {
            return Some(Cause::DroppedByUser);
        }
        if self.peer_table.banned_until(now, addr).is_some() {
            return Some(Cause::Banned);
        }
        if self.leaving {
            return Some(Cause::Shutdown);
        }
        if let Some(cause) = self.rests() {
            return Some(cause);
        }
        let outgoing = peer.is_some();
        match self.is_duplicate(addr, peer_id, outgoing) {
            Some(true) => return Some(Cause::DuplicatePeerId),
            // It takes the other's place: no limit is in its way. In a check there is none.
            Some(false) => return None,
            None if self.check.is_some() => return None,
            None => {}
        }
        if !outgoing && self.peer_table.crowded(addr.ip()) {
            return Some(Cause::TooManyFromAddress);
        }
        // Others may have called while it was being dialled.
        if self.staying() >= self.settings.max_peers && !self.make_room(now) {
            return Some(Cause::ConnectionLimit);
        }
        None
    }

    pub(super) fn shaken(
        &mut self,
        now: At,
        conn: ConnKey,
        dialled: Option<PeerKey>,
        addr: SocketAddr,
        peer_id: PeerId,
        so_far: Vec<(At, Step)>,
    ) {
        let dialled_row = dialled.and_then(|peer| self.peer_table.row(peer));
        let received_at = dialled_row.and_then(|row| row.came.received_at);
        let called_at = so_far.last().map(|(at, _)| *at);
        let shaken_at = received_at.or(called_at).unwrap_or(now);
        let (row, refusal) = match self.twin_of_one_client(addr, peer_id, dialled.is_some()) {
            Some(twin) => match self.one_row(now, shaken_at, dialled, addr, twin) {
                Some(peer) => (Some(peer), None),
                None => (None, Some(Cause::DuplicatePeerId)),
            },
            None => {
                let refusal = self.refusal(now, dialled, addr, peer_id);
                (dialled.or_else(|| self.incoming_row(now, addr, refusal)), refusal)
            }
        };
        let Some(peer) = row else {
            self.order(conn, Order::Close(refusal.unwrap_or(Cause::ConnectionLimit)));
            return;
        };
        if dialled.is_none() {
            self.tell_call(now, peer, so_far);
        }
        if refusal != Some(Cause::SelfConnection) {
            self.emit(shaken_at, Event::Handshaken { peer });
        }
        self.peer_table.live(peer, conn);
        self.live.insert(conn, Live::new(peer, addr, peer_id, dialled.is_some(), now));
        self.picker.joined(now, conn, peer);
        if let Some(check) = &mut self.check {
            check.joined(conn, shaken_at);
            self.update_interest(now, conn);
        }
        if let Some(cause) = refusal {
            self.order(conn, Order::Close(cause));
        }
    }

    /// The row of a peer that called; `None` where it gets none.
    fn incoming_row(&mut self, now: At, addr: SocketAddr, refusal: Option<Cause>) -> Option<PeerKey> {
        let ours = matches!(
            refusal,
            Some(
                Cause::SelfConnection
                    | Cause::TorrentPaused
                    | Cause::DiskError
                    | Cause::ConnectionLimit
                    | Cause::Shutdown
            )
        );
        let busy =
            |peer: &PeerKey| self.peer_table.row(*peer).is_some_and(|row| row.standing != Standing::Idle);
        if ours || self.peer_table.find(addr).is_some_and(|peer| busy(&peer)) {
            return None;
        }
        self.learn(now, addr, Source::Incoming);
        self.peer_table.find(addr)
    }

    /// Tells the attempt of a peer that called, as far as it came.
    fn tell_call(&mut self, now: At, peer: PeerKey, so_far: Vec<(At, Step)>) {
        let began = match so_far.first() {
            Some((at, Step::Connected)) => *at,
            _ => now,
        };
        self.emit(began, attempt_began(peer, Direction::In, Step::encryption(&so_far)));
        for (at, step) in so_far {
            self.emit(at, step.event(peer));
        }
    }

    pub(super) fn closed(&mut self, now: At, conn: ConnKey, end: Closed) {
        self.picker.left(conn);
        let Some(live) = self.live.remove(&conn) else { return };
        self.closing -= usize::from(live.closing);
        if let Some(check) = &mut self.check {
            check.left(conn);
            if check.is_ending() && end.cause == Cause::Shutdown {
                // It was live to the end; only what went over its connection is news.
                let Closed { bytes_in, bytes_out, .. } = end;
                return self.emit(now, Event::Traffic { peer: live.peer, bytes_in, bytes_out });
            }
        }
        if live.held {
            self.emit(now, Event::Held { peer: live.peer, held: false });
        }
        self.attempt_ended(now, live.peer, end);
        self.rechoke_if_room(now);
    }

    pub(super) fn news(&mut self, now: At, conn: ConnKey, news: News) {
        match news {
            News::Window { window, .. } => self.picker.window(now, conn, window),
            News::Choked => self.peer_chokes(now, conn, true),
            News::Unchoked => self.peer_chokes(now, conn, false),
            News::Interested(interested) => self.interested(now, conn, interested),
            News::Has(pieces) => self.has(now, conn, pieces),
            News::Have(pieces) => self.has_more(now, conn, &pieces),
            News::AllowedFast(piece) => self.picker.allowed_fast(now, conn, piece),
            News::Rejected(blocks) => self.picker.rejected(now, conn, &blocks),
            News::Introduced(info) => self.introduced(now, conn, info),
            News::Sample(sample) => self.peer_sample(now, conn, sample),
            News::Traffic { bytes_in, bytes_out } => self.traffic(now, conn, bytes_in, bytes_out),
        }
    }

    fn peer_chokes(&mut self, now: At, conn: ConnKey, choking: bool) {
        if let Some(live) = self.live.get_mut(&conn) {
            live.peer_choking = choking;
            let peer = live.peer;
            self.emit(now, Event::Choking { peer, by: Side::Them, choking });
            self.picker.choked(now, conn, choking);
            if let Some(check) = self.check.as_mut().filter(|_| !choking) {
                check.unchoked(now, conn);
            }
            self.ask_for_a_piece(conn);
        }
    }

    fn interested(&mut self, now: At, conn: ConnKey, interested: bool) {
        let Some(live) = self.live.get_mut(&conn) else { return };
        live.peer_interested = interested;
        let peer = live.peer;
        self.emit(now, Event::Interested { peer, by: Side::Them, interested });
        self.rechoke_if_room(now);
    }

    fn has(&mut self, now: At, conn: ConnKey, pieces: Bitfield) {
        let Some(peer) = self.live.get(&conn).map(|live| live.peer) else { return };
        let wanted = pieces.count_missing_from(&self.have);
        self.emit(now, Event::Has { peer, pieces: Arc::new(pieces.clone()) });
        self.picker.has(conn, pieces, wanted);
        self.offer_fast(conn);
        self.update_interest(now, conn);
        self.close_if_both_seeds(conn);
        self.ask_for_a_piece(conn);
    }

    fn has_more(&mut self, now: At, conn: ConnKey, pieces: &[PieceIndex]) {
        let Some(peer) = self.live.get(&conn).map(|live| live.peer) else { return };
        let have = &self.have;
        for piece in self.picker.have(conn, pieces, |piece| !have.has(piece)) {
            self.emit(now, Event::Have { peer, piece });
        }
        self.end_fast(conn);
        self.update_interest(now, conn);
        self.picker.request(now, conn);
        self.close_if_both_seeds(conn);
        self.ask_for_a_piece(conn);
    }

    /// Neither end has a use for a connection between two that want nothing any more.
    pub(super) fn close_if_both_seeds(&mut self, conn: ConnKey) {
        let wants_nothing =
            self.picker.is_seed(conn) || self.live.get(&conn).is_some_and(|live| live.upload_only);
        if self.have.is_full() && wants_nothing {
            self.order(conn, Order::Close(Cause::BothSeeds));
        }
    }

    pub(super) fn update_interest(&mut self, now: At, conn: ConnKey) {
        let interested = self.check.is_some() || (self.is_active() && self.picker.wanted_of(conn) > 0);
        let Some(live) = self.live.get_mut(&conn) else { return };
        if live.am_interested != interested {
            live.am_interested = interested;
            let peer = live.peer;
            self.order(conn, Order::Interested(interested));
            self.emit(now, Event::Interested { peer, by: Side::Us, interested });
        }
        self.update_usable(now, conn);
    }

    /// Tells the picker whether the peer can be asked when it does not choke us.
    pub(super) fn update_usable(&mut self, now: At, conn: ConnKey) {
        if let Some(live) = self.live.get(&conn) {
            self.picker.set_usable(now, conn, live.am_interested && !live.held && !live.closing);
        }
    }

    fn introduced(&mut self, now: At, conn: ConnKey, info: PeerInfo) {
        let Some(live) = self.live.get_mut(&conn) else { return };
        let (peer, called_from) = (live.peer, (!live.outgoing).then_some(live.addr.ip()));
        let upload_only = info.upload_only.unwrap_or(live.upload_only);
        let changes = std::mem::replace(&mut live.upload_only, upload_only) != upload_only;
        let port = info.listen_port.filter(|port| *port != 0);
        self.emit(now, Event::Introduced { peer, info });
        if let Some((ip, port)) = called_from.zip(port) {
            self.listens(now, peer, SocketAddr::new(ip, port));
        }
        if changes {
            self.close_if_both_seeds(conn);
            self.rechoke_if_room(now);
        }
    }

    /// A peer that called listens there.
    pub(super) fn listens(&mut self, now: At, peer: PeerKey, listens: SocketAddr) {
        let conn = self.conn_of(peer);
        if let Some(into) = self.peer_table.listens(peer, listens) {
            self.emit(now, Event::PeerMerged { gone: peer, into });
            self.smart_ban.rename(peer, into);
            let Some((conn, live)) = conn.and_then(|conn| Some((conn, self.live.get_mut(&conn)?))) else {
                return;
            };
            live.peer = into;
            self.picker.rename(conn, peer, into);
            if self.peer_table.row(into).is_some_and(|row| row.dropped) {
                return self.order(conn, Order::Close(Cause::DroppedByUser));
            }
        } else if let Some(check) = &mut self.check {
            check.called(listens, peer);
        }
        // What was banned is known by where it listens, whatever port it calls from.
        if let Some(conn) = conn.filter(|_| self.peer_table.banned_until(now, listens).is_some()) {
            self.order(conn, Order::Close(Cause::Banned));
        }
    }

    fn peer_sample(&mut self, now: At, conn: ConnKey, sample: PeerSample) {
        self.picker.sampled(now, conn, &sample);
        let Some(live) = self.live.get_mut(&conn) else { return };
        live.sampled(now, &sample);
        self.meter.sent(sample.up_bytes.saturating_sub(live.up_bytes));
        live.up_bytes = sample.up_bytes;
        let peer = live.peer;
        self.emit(now, Event::PeerSample { peer, sample });
    }

    fn traffic(&mut self, now: At, conn: ConnKey, bytes_in: u64, bytes_out: u64) {
        if let Some(peer) = self.live.get(&conn).map(|live| live.peer) {
            self.emit(now, Event::Traffic { peer, bytes_in, bytes_out });
        }
    }

    /// Bans the peer's address and port for an hour and closes it.
    pub(super) fn ban_peer(&mut self, now: At, peer: PeerKey, cause: Cause, reason: String) {
        let Some(row) = self.peer_table.row(peer) else { return };
        let (addr, listens, standing) = (row.addr, row.listens, row.standing);
        let (until, mut whole) = self.peer_table.ban(now, addr, &reason);
        if let Some(listens) = listens {
            whole |= self.peer_table.ban(now, listens, &reason).1;
        }
        self.after_ban(now, peer, standing, until, cause, reason);
        if whole {
            self.tell_bans_of_waiting(now, addr.ip());
        }
    }

    /// All that a holder has was banned: a peer that waits there to be dialled is banned with it. Who is connected stays.
    fn tell_bans_of_waiting(&mut self, now: At, addr: IpAddr) {
        for peer in self.peer_table.of_holder(addr) {
            let Some(row) = self.peer_table.row(peer).filter(|row| row.standing == Standing::Idle) else {
                continue;
            };
            if let Some(Ban { until, reason }) = self.peer_table.ban_of(now, row.addr) {
                self.emit(now, Event::Banned { peer, until: Some(until), reason });
            }
        }
    }

    /// Bans the whole address for an hour and closes every peer there.
    pub(super) fn ban_address(&mut self, now: At, addr: IpAddr, reason: &str) {
        let until = self.peer_table.ban_address(now, addr, reason);
        for peer in self.peer_table.at_address(addr) {
            if let Some(standing) = self.peer_table.row(peer).map(|row| row.standing) {
                self.after_ban(now, peer, standing, until, Cause::Banned, reason.to_owned());
            }
        }
    }

    fn after_ban(
        &mut self,
        now: At,
        peer: PeerKey,
        standing: Standing,
        until: At,
        cause: Cause,
        reason: String,
    ) {
        self.emit(now, Event::Banned { peer, until: Some(until), reason });
        if let Standing::Live(conn) = standing {
            self.order(conn, Order::Close(cause));
        }
    }
}

fn attempt_began(peer: PeerKey, direction: Direction, encryption: Encryption) -> Event {
    Event::AttemptBegan { peer, direction, transport: Transport::Tcp, encryption }
}
