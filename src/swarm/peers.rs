//! A peer's way: learned, dialled, shaken hands, heard of, gone.

use std::net::SocketAddr;

use super::admission::{Admission, Door, Newcomer, Place};
use super::eviction::SPARE_DIALS;
use super::exchange::{Exchange, Other};
use super::live::Live;
use super::peer_table::{Ban, Learned};
use super::twins::Twin;
use super::{Action, Closed, ConnKey, Order, Swarm, Way, announce, holepunch, network};
use crate::event::{
    At, Cause, Direction, Event, Finder, PeerInfo, PeerKey, PeerSample, PunchFailure, Severity, Side, Source,
    Transport,
};
use crate::metainfo::address::Scope;
use crate::peer::{News, Step};
use crate::wire::{Holepunch, HolepunchKind, Pex, PexFlags};

impl Swarm {
    /// A source names an address.
    pub(super) fn learn(&mut self, now: At, addr: SocketAddr, source: Source) {
        let Some(Learned { peer, new, valid, redeemed }) = self.peer_table.learn(now, addr, source) else {
            let left_out = self.peer_table.is_full() && self.peer_table.find(addr).is_none();
            if let Some(check) = self.check.as_mut().filter(|_| left_out) {
                check.left_out(now, self.settings.max_rows, &mut self.out);
            }
            return;
        };
        self.out.emit(now, Event::PeerLearned { peer, addr, source });
        if redeemed || (new && !valid) {
            let cause = (!valid).then_some(Cause::InvalidAddress);
            self.out.emit(now, Event::NotDialled { peer, cause });
        }
        // One that calls is told by the refusal.
        let told = new && valid && source.info().listens;
        if let Some(Ban { until, reason }) = self.peer_table.ban_of(now, addr).filter(|_| told) {
            self.out.emit(now, Event::Banned { peer, until: Some(until), reason });
        }
    }

    /// When the next peer may be dialled.
    pub(super) fn next_dial(&self) -> Option<At> {
        let due = self.peer_table.next_due().filter(|_| self.may_dial());
        due.map(|due| due.max(self.settings.dial_pacer.next()))
    }

    fn may_dial(&self) -> bool {
        let dialling = self.peer_table.dialling();
        self.is_active()
            && dialling < self.settings.max_dials
            && (self.staying() + dialling < self.most_peers() || dialling < self.idle.min(SPARE_DIALS))
    }

    pub(super) fn dial_due(&mut self, now: At) {
        while self.may_dial() && self.settings.dial_pacer.next() <= now {
            let Some((peer, addr, way)) = self.peer_table.take_due(now) else { break };
            self.settings.dial_pacer.count(now);
            self.out.emit(now, way.began(peer, Direction::Out));
            self.out.act(Action::Dial { peer, addr, way });
        }
        let active = self.is_active();
        let Some(check) = self.check.as_mut().filter(|_| active) else { return };
        let next = self.peer_table.next_due().map(|due| due.max(self.settings.dial_pacer.next()));
        if next.is_some_and(|next| next <= now)
            && let Some(conn) = check.make_room(now, &self.live, self.settings.max_peers, &mut self.out)
        {
            self.close(conn, Cause::ConnectionLimit);
        }
    }

    /// Dials that take long are tried over the other transport as well.
    pub(super) fn race(&mut self, now: At) {
        let may_dial = self.is_active();
        self.peer_table.race(now, may_dial, &mut self.out);
    }

    /// A dial of the peer came a step further.
    pub(super) fn step(&mut self, peer: PeerKey, transport: Transport, at: At, step: Step) {
        if self.peer_table.step(peer, transport, (at, &step), &mut self.out) {
            self.out.emit(at, step.event(peer));
        }
    }

    pub(super) fn dial_failed(&mut self, now: At, peer: PeerKey, transport: Transport, end: Closed) {
        let (of, may_dial) = ((peer, transport), self.is_active());
        let Some(end) = self.peer_table.one_failed(now, of, end, may_dial, &mut self.out) else { return };
        let Some(addr) = self.peer_table.row(peer).map(|row| row.addr) else { return };
        if let Some(caller) = self.check.as_mut().and_then(|check| check.caller_at(addr)) {
            // It called us meanwhile: whether it can be reached as well is known now.
            self.attempt_ended(now, peer, end);
            return self.listens(now, caller, addr);
        }
        if self.leaving || !self.peer_table.dial_failed(now, peer, end.cause) {
            let table = &mut self.peer_table;
            if !may_dial || !table.ask_a_relay(now, peer, &end, &self.live, &mut self.out) {
                self.attempt_ended(now, peer, end);
            }
            return;
        }
        self.out.emit(now, end.event(peer));
        if self.check.is_none() {
            self.out.emit(now, Event::NextTry { peer, at: Some(now) });
        }
    }

    /// The run ends before these could answer; whatever comes of them comes too late.
    pub(super) fn end_dials(&mut self, now: At) {
        for (peer, bytes_out) in self.peer_table.dials() {
            self.peer_table.end_rival(now, peer, Cause::NotAnswered, &mut self.out);
            self.attempt_ended(now, peer, Closed { bytes_out, ..Closed::because(Cause::NotAnswered) });
        }
    }

    pub(super) fn attempt_ended(&mut self, now: At, peer: PeerKey, end: Closed) {
        let cause = end.cause;
        self.out.emit(now, end.event(peer));
        let complete = self.is_complete();
        let at = self.peer_table.ended(now, peer, cause, complete, &mut self.random);
        self.out.emit(now, Event::NextTry { peer, at });
    }

    /// Why a peer that just shook hands is not kept, if so. A connection it replaces is closed here.
    fn refusal(&mut self, now: At, newcomer: &Newcomer, twin: Option<Twin>) -> Option<Cause> {
        match self.door(now).admits(newcomer, twin) {
            Admission::Kept => {}
            Admission::Replaces(conn) => self.close(conn, Cause::Replaced),
            Admission::Evicts(conn) => {
                self.idle = self.idle.saturating_sub(1);
                self.close(conn, self.withholds_metadata(conn).unwrap_or(Cause::Replaced));
            }
            Admission::Refused(cause) => return Some(cause),
        }
        None
    }

    /// Where those that shook hands are let in or not.
    fn door(&self, now: At) -> Door<'_> {
        Door {
            settings: &self.settings,
            holders: self.holders(now),
            closed: if self.leaving { Some(Cause::Shutdown) } else { self.doing.rests() },
            full: self.staying() >= self.most_peers(),
        }
    }

    /// Another connection takes the place of this one, whose end is told now, not when it comes.
    fn replace(&mut self, now: At, conn: ConnKey) {
        self.close(conn, Cause::Replaced);
        self.closed(now, conn, Closed::because(Cause::Replaced));
    }

    /// In a check: the row of two connections with one client, of which one was dialled and the other is the twin. It
    /// goes on with the one that stays; `None`: that is the twin, and the new connection is to be closed.
    fn one_row(&mut self, now: At, shaken_at: At, newcomer: &Newcomer, twin: Twin) -> Option<PeerKey> {
        if !twin.stays {
            self.replace(now, twin.conn);
        }
        let Some(peer) = newcomer.dialled else {
            let addr = self.peer_table.row(twin.peer).map_or(newcomer.addr, |row| row.addr);
            self.learn(now, addr, Source::Incoming);
            return (!twin.stays).then_some(twin.peer);
        };
        if twin.stays {
            self.out.emit(shaken_at, Event::Handshaken { peer });
            self.attempt_ended(now, peer, Closed::because(Cause::DuplicatePeerId));
        } else {
            self.peer_table.end_dial(peer);
        }
        self.listens(now, twin.peer, newcomer.addr);
        (!twin.stays).then_some(peer)
    }

    /// A peer shook hands on this connection.
    pub(super) fn shaken(&mut self, now: At, conn: ConnKey, newcomer: Newcomer, so_far: Vec<(At, Step)>) {
        let Newcomer { dialled, transport, addr, peer_id } = newcomer;
        if let Some(peer) = dialled {
            self.peer_table.connected(now, peer, transport, &mut self.out);
        }
        let dial = dialled.and_then(|peer| self.peer_table.row(peer)?.dial);
        let received_at = dial.and_then(|dial| dial.came.received_at);
        let called_at = so_far.last().map(|(at, _)| *at);
        let shaken_at = received_at.or(called_at).unwrap_or(now);
        let asks = self.check.is_some() && !self.leaving;
        let twin = Twin::find(&self.live, self.settings.peer_id, &newcomer);
        let (row, refusal) = match twin.filter(|twin| asks && twin.one_client) {
            Some(twin) => match self.one_row(now, shaken_at, &newcomer, twin) {
                Some(peer) => (Some(peer), None),
                None => (None, Some(Cause::DuplicatePeerId)),
            },
            None => {
                let refusal = self.refusal(now, &newcomer, twin);
                match dialled {
                    Some(peer) => (Some(peer), refusal),
                    None => self.incoming_row(now, &newcomer, refusal),
                }
            }
        };
        let Some(peer) = row else {
            self.close(conn, refusal.unwrap_or(Cause::ConnectionLimit));
            return;
        };
        if dialled.is_none() {
            self.peer_table.called(now, peer, transport, so_far, &mut self.out);
        }
        if refusal != Some(Cause::SelfConnection) {
            self.out.emit(shaken_at, Event::Handshaken { peer });
        }
        let again = self.peer_table.live(peer, conn);
        self.live.joined(conn, Live::new(peer, addr, peer_id, (dialled.is_some(), transport), now));
        self.content.iter_mut().for_each(|content| content.picker.joined(now, conn, peer));
        if let Some(check) = &mut self.check {
            check.joined(conn, shaken_at, again);
            self.update_interest(now, conn);
        }
        if let Some(cause) = refusal {
            self.close(conn, cause);
        }
    }

    /// The row of a peer that called, `None` where it gets none, and why the call is refused, if it is.
    fn incoming_row(
        &mut self,
        now: At,
        caller: &Newcomer,
        refusal: Option<Cause>,
    ) -> (Option<PeerKey>, Option<Cause>) {
        match self.door(now).place(caller, refusal) {
            Place::None(cause) => return (None, Some(cause)),
            Place::BesideDial { peer, dial_stays } => {
                if !self.peer_table.calls(now, peer, dial_stays, &mut self.out) {
                    return (None, Some(Cause::DuplicatePeerId));
                }
            }
            Place::InPlaceOf(conn) => self.replace(now, conn),
            Place::Own => {}
        }
        self.learn(now, caller.addr, Source::Incoming);
        (self.peer_table.find(caller.addr), refusal)
    }

    pub(super) fn closed(&mut self, now: At, conn: ConnKey, end: Closed) {
        if let Some(content) = &mut self.content {
            content.picker.left(conn);
            content.allowed_fast.left(conn);
        }
        self.exchange.left(conn);
        self.punches_heard.left(conn);
        self.fetch(now, |metadata| metadata.left(now, conn));
        let Some(live) = self.live.left(conn) else { return };
        if live.held {
            self.out.emit(now, Event::Held { peer: live.peer, held: false });
        }
        let cause = end.cause;
        match self.check.as_mut().and_then(|check| check.left(conn, live.peer, &end)) {
            Some(told) => self.out.emit(now, told),
            None => self.attempt_ended(now, live.peer, end),
        }
        self.peer_table.probe_on(now, live.peer, conn, cause);
        self.rechoke_if_room(now);
    }

    pub(super) fn news(&mut self, now: At, conn: ConnKey, news: News) {
        match news {
            News::Choked => self.peer_chokes(now, conn, true),
            News::Unchoked => self.peer_chokes(now, conn, false),
            News::Interested(interested) => self.interested(now, conn, interested),
            News::Has(pieces) => self.has(now, conn, pieces),
            News::Have(pieces) => self.has_more(now, conn, &pieces),
            News::Window { .. } | News::AllowedFast(_) | News::Rejected(_) => {
                self.of_requests(now, conn, news)
            }
            News::SeenAt(at) => self.peer_table.seen_at(&self.live, conn, at),
            News::Introduced(info) => self.introduced(now, conn, info),
            News::Node { port } => {
                if let Some(live) = self.live.get(conn).filter(|_| self.uses(Finder::Dht) && port != 0) {
                    self.out.act(Action::Node(SocketAddr::new(live.addr.ip(), port)));
                }
            }
            News::Punch(said) => self.punch(now, conn, said),
            News::Named(pex) => self.named(now, conn, pex),
            News::Metadata(news) => self.answers_metadata(now, conn, news),
            News::Sample(sample) => self.peer_sample(now, conn, sample),
            News::Traffic { .. } | News::Stream(_) => {
                let told = self.live.get(conn).and_then(|live| news.event(live.peer));
                told.into_iter().for_each(|event| self.out.emit(now, event));
            }
        }
    }

    /// The peer asks us to bring it together with another one, or answers that we asked it (BEP 55).
    fn punch(&mut self, now: At, conn: ConnKey, Holepunch { kind, addr }: Holepunch) {
        let Some(from) = self.live.get(conn).filter(|live| live.punches).map(|live| live.peer) else {
            return;
        };
        if !self.peer_table.punches() || !self.is_active() || !self.punches_heard.takes(now, conn) {
            return;
        }
        match kind {
            HolepunchKind::Rendezvous => {
                holepunch::relay(now, conn, addr, (&self.peer_table, &self.live), &mut self.out);
            }
            HolepunchKind::Connect => {
                self.learn(now, addr, Source::Pex(from));
                let may_dial = self.may_dial();
                self.peer_table.told_to_dial(now, addr, (from, conn), may_dial, &mut self.out);
            }
            HolepunchKind::Failed(error) => {
                if let Some(peer) = self.peer_table.asked_about(conn, addr) {
                    self.not_brought_together(now, peer, error.into());
                }
            }
        }
    }

    /// Relays that do not answer are not waited for.
    pub(super) fn expire_punches(&mut self, now: At) {
        while let Some(peer) = self.peer_table.unanswered(now) {
            self.not_brought_together(now, peer, PunchFailure::Silent);
        }
    }

    fn not_brought_together(&mut self, now: At, peer: PeerKey, why: PunchFailure) {
        let detail = Some(why.code().to_owned());
        self.attempt_ended(now, peer, Closed { detail, ..Closed::because(Cause::PunchFailed) });
    }

    fn interested(&mut self, now: At, conn: ConnKey, interested: bool) {
        let Some(live) = self.live.get_mut(conn) else { return };
        live.peer_interested = interested;
        self.out.emit(now, Event::Interested { peer: live.peer, by: Side::Them, interested });
        self.rechoke_if_room(now);
    }

    fn introduced(&mut self, now: At, conn: ConnKey, info: PeerInfo) {
        let exchanges = self.exchanges();
        let Some(live) = self.live.get_mut(conn) else { return };
        live.punches = info.punches();
        let (peer, called_from) = (live.peer, (!live.outgoing).then_some(live.addr.ip()));
        let upload_only = info.upload_only.unwrap_or(live.upload_only);
        let changes = std::mem::replace(&mut live.upload_only, upload_only) != upload_only;
        let port = info.listen_port.filter(|port| *port != 0);
        if exchanges && info.exchanges_peers() {
            self.exchange.joined(now, conn, live.addr.ip());
        }
        self.out.emit(now, Event::Introduced { peer, info: info.clone() });
        self.offers_metadata(now, conn, peer, &info);
        if let Some((ip, port)) = called_from.zip(port) {
            self.listens(now, peer, SocketAddr::new(ip, port));
        }
        if changes {
            self.close_if_both_seeds(conn);
            self.rechoke_if_room(now);
        }
    }

    /// The torrent turns out to be private (BEP 27): peers that neither a tracker nor the user named, and that did not call,
    /// are let go, and peers name no others any more.
    pub(super) fn turn_private(&mut self, now: At) {
        self.settings.private = true;
        self.exchange = Exchange::default();
        self.tell_finders(now);
        for peer in self.peer_table.turn_private() {
            match self.conn_of(peer) {
                Some(conn) => self.close(conn, Cause::PrivateTorrent),
                None => self.out.emit(now, Event::NotDialled { peer, cause: Some(Cause::PrivateTorrent) }),
            }
        }
        self.announcer.turn_private(now);
        self.announce_due(now);
    }

    /// A way to find peers named addresses, by one so far away.
    pub(super) fn found(&mut self, now: At, source: Source, scope: Scope, addrs: &[SocketAddr]) {
        let Some(finder) = source.finder().filter(|_| !addrs.is_empty() && !self.settings.private) else {
            return;
        };
        self.peer_table.found_by(finder, scope);
        let mut new = 0;
        for addr in addrs {
            let known = self.peer_table.find(*addr).is_some();
            self.learn(now, *addr, source);
            new += u32::from(!known && self.peer_table.find(*addr).is_some());
        }
        self.out.emit(now, Event::Found { finder, named: addrs.len() as u32, new });
    }

    /// The peer names others.
    fn named(&mut self, now: At, conn: ConnKey, pex: Pex) {
        let Some(by) = self.live.get(conn).map(|live| live.peer) else { return };
        let (named, mut new) = (pex.added.len() as u32, 0);
        let complete = self.is_complete();
        for (addr, flags) in self.exchange.heard(now, conn, pex) {
            // Two seeds have nothing for each other.
            if complete && flags.has(PexFlags::SEED) {
                continue;
            }
            let known = self.peer_table.find(addr).is_some();
            self.learn(now, addr, Source::Pex(by));
            let Some(peer) = self.peer_table.find(addr).filter(|_| !known) else { continue };
            new += 1;
            self.peer_table.is_said(peer, flags);
        }
        if named > 0 {
            self.out.emit(now, Event::Named { peer: by, named, new });
        }
    }

    /// Tells those whose turn it is of others that are connected.
    pub(super) fn tell_of_others(&mut self, now: At) {
        if !self.serves() || self.exchange.deadline().is_none_or(|at| now < at) {
            return;
        }
        let stays = self.live.iter().filter(|(_, live)| !live.closing);
        let others = stays.filter_map(|(conn, live)| {
            let row = self.peer_table.row(live.peer)?;
            let is_seed = self.content.as_ref().is_some_and(|content| content.picker.is_seed(*conn));
            Some(Other {
                conn: *conn,
                addr: row.lasting_address()?,
                flags: live.flags(row.encrypts(), is_seed),
            })
        });
        let others: Vec<Other> = others.collect();
        for (conn, pex) in self.exchange.tell(now, &others) {
            self.out.order(conn, Order::Name(pex));
        }
    }

    /// A peer that called listens there.
    pub(super) fn listens(&mut self, now: At, peer: PeerKey, listens: SocketAddr) {
        let conn = self.conn_of(peer);
        if let Some(into) = self.peer_table.listens(peer, listens) {
            self.out.emit(now, Event::PeerMerged { gone: peer, into });
            self.smart_ban.rename(peer, into);
            self.fetch(now, |metadata| metadata.rename(peer, into));
            let Some((conn, live)) = conn.and_then(|conn| Some((conn, self.live.get_mut(conn)?))) else {
                return;
            };
            live.peer = into;
            self.content.iter_mut().for_each(|content| content.picker.rename(conn, peer, into));
            if self.peer_table.row(into).is_some_and(|row| row.dropped) {
                return self.close(conn, Cause::DroppedByUser);
            }
        } else if let Some(check) = &mut self.check {
            check.called(listens, peer);
        }
        // What was banned is known by where it listens, whatever port it calls from.
        if let Some(conn) = conn.filter(|_| self.peer_table.banned_until(now, listens).is_some()) {
            self.close(conn, Cause::Banned);
        }
    }

    fn peer_sample(&mut self, now: At, conn: ConnKey, sample: PeerSample) {
        self.content.iter_mut().for_each(|content| content.picker.sampled(now, conn, &sample));
        let Some(live) = self.live.get_mut(conn) else { return };
        live.sampled(now, &sample);
        self.meter.sent(sample.up_bytes.saturating_sub(live.up_bytes));
        live.up_bytes = sample.up_bytes;
        self.out.emit(now, Event::PeerSample { peer: live.peer, sample });
    }

    /// Bans the peer's address and port for an hour and closes it.
    pub(super) fn ban_peer(&mut self, now: At, peer: PeerKey, cause: Cause, reason: &str) {
        let banned = self.peer_table.ban_peer(now, peer, reason);
        self.tell_bans(now, banned, cause);
    }

    /// These are banned from now on: who of them is connected is closed.
    pub(super) fn tell_bans(&mut self, now: At, banned: Vec<(PeerKey, Ban)>, cause: Cause) {
        for (peer, Ban { until, reason }) in banned {
            self.out.emit(now, Event::Banned { peer, until: Some(until), reason });
            if let Some(conn) = self.conn_of(peer) {
                self.close(conn, cause);
            }
        }
    }

    /// The machine's addresses changed, and these connections are over one that is gone. Who is lost with it is dialled
    /// again at once; where there is another way to others, so are those that were connected before.
    pub(super) fn addresses_changed(&mut self, now: At, lost: &[ConnKey], way: Way) {
        for conn in lost {
            if let Some(live) = self.live.get(*conn) {
                self.peer_table.redial_at_once(live.peer);
                self.close(*conn, Cause::ConnectionLost);
            }
        }
        let text = network::said(lost.len(), way);
        self.out.emit(now, Event::Note { severity: Severity::Info, text, answer: false });
        if matches!(way, Way::Other | Way::Again) {
            self.announce(now, announce::Input::Moved);
            // Without a way to anybody everybody failed, which says nothing of them.
            for peer in self.peer_table.retry(now, way == Way::Again) {
                self.out.emit(now, Event::NextTry { peer, at: Some(now) });
            }
        }
    }
}
