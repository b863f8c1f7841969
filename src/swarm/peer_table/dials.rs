//! Dials under way. One of a peer of which nothing is known may be two: when it is not connected over the one transport
//! within [`RACE_AFTER`], it is dialled over the other as well, and what is connected first goes on. Both are one dial
//! where dials are counted.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::fallback::Came;
use super::super::outbox::Outbox;
use super::super::{Action, ConnKey};
use super::{PeerTable, Row, Standing};
use crate::event::{At, Cause, DialWay, Direction, Event, PeerKey, Transport};
use crate::peer::{Closed, Step};
use crate::wire::PexFlags;

/// How long the first transport has for itself.
pub(super) const RACE_AFTER: Duration = Duration::from_millis(300);

/// A peer that we hang up on has closed its end by then.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

/// A dial under way, or the last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::swarm) struct Dial {
    way: DialWay,
    /// How far it came.
    pub(in crate::swarm) came: Came,
    rival: Rival,
    pub(super) through: Through,
}

/// Through whom a dial is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Through {
    /// Nobody: the peer is called.
    Nobody,
    /// This relay is asked to have us dial each other, and is waited for until then: nothing is dialled yet.
    Asked(ConnKey, At),
    /// A relay has us dial each other.
    Told,
}

/// What races a dial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rival {
    None,
    /// A dial that begins then, unless the other is connected by that time.
    Due(At, DialWay),
    UnderWay(DialWay),
}

impl Dial {
    fn alone(way: DialWay) -> Self {
        Self::through(way, Through::Nobody)
    }

    pub(super) fn through(way: DialWay, through: Through) -> Self {
        Self { way, came: Came::default(), rival: Rival::None, through }
    }
}

impl Row {
    /// Its dial, if one is under way.
    pub(super) fn dialling(&mut self) -> Option<&mut Dial> {
        self.dial.as_mut().filter(|_| self.standing == Standing::Dialling)
    }
}

impl PeerTable {
    /// The next peer to dial now, where, and how. It is dialling from here on.
    pub(in crate::swarm) fn take_due(&mut self, now: At) -> Option<(PeerKey, SocketAddr, DialWay)> {
        while let Some(peer) = self.due.next(now) {
            self.schedule(peer, None);
            let Some(row) = self.rows.get(&peer) else { continue };
            let addr = row.dialled_at();
            if self.crowded(addr.ip()) {
                let later = now + Duration::from_secs(60);
                self.schedule(peer, Some(later));
                // All of them at once: one holder may be named with thousands of ports and addresses.
                for other in self.of_holder(addr.ip()) {
                    if self.due.of(other).is_some_and(|next| next <= now) {
                        self.schedule(other, Some(later));
                    }
                }
                continue;
            }
            let banned_until = self.banned_until(now, addr);
            if banned_until.is_some() {
                self.schedule(peer, banned_until);
                continue;
            }
            if let Some(row) = self.rows.get_mut(&peer)
                && row.standing == Standing::Idle
                && !row.dropped
            {
                let way = row.fallback.way(self.policy);
                let mut dial = Dial::alone(way);
                if let Some(rival) = row.fallback.rival(self.policy).filter(|_| !self.once) {
                    dial.rival = Rival::Due(now + RACE_AFTER, rival);
                    self.races.insert((now + RACE_AFTER, peer));
                }
                row.standing = Standing::Dialling;
                row.dial = Some(dial);
                self.dialling += 1;
                return Some((peer, addr, way));
            }
        }
        None
    }

    /// Who is being dialled, each with the bytes that were sent.
    pub(in crate::swarm) fn dials(&self) -> Vec<(PeerKey, u64)> {
        let dials = self.rows.iter().filter(|(_, row)| row.standing == Standing::Dialling);
        dials.map(|(peer, row)| (*peer, row.dial.map_or(0, |dial| dial.came.sent_bytes))).collect()
    }

    /// When a second transport is to be tried.
    pub(in crate::swarm) fn next_race(&self) -> Option<At> {
        self.races.first().map(|(at, _)| *at)
    }

    /// Dials those over the other transport as well that were not connected in time; nobody where no dial may begin.
    pub(in crate::swarm) fn race(&mut self, now: At, may_dial: bool, out: &mut Outbox) {
        while let Some((at, peer)) = self.races.first().copied().filter(|(at, _)| *at <= now) {
            self.races.remove(&(at, peer));
            let Some(row) = self.rows.get_mut(&peer) else { continue };
            let (addr, dropped) = (row.dialled_at(), row.dropped);
            let Some(dial) = row.dialling() else { continue };
            let Rival::Due(_, way) = dial.rival else { continue };
            dial.rival = Rival::None;
            if may_dial && !dropped {
                dial.rival = Rival::UnderWay(way);
                let DialWay { transport, encryption } = way;
                out.emit(now, Event::RivalBegan { peer, transport, encryption });
                out.act(Action::Dial { peer, addr, way });
            }
        }
    }

    /// A dial of the peer came a step further; false where it is not under way any more.
    pub(in crate::swarm) fn step(
        &mut self,
        peer: PeerKey,
        transport: Transport,
        (at, step): (At, &Step),
        out: &mut Outbox,
    ) -> bool {
        if *step == Step::Connected && !self.connected(at, peer, transport, out) {
            return false;
        }
        let dial = self.rows.get_mut(&peer).and_then(Row::dialling);
        let dial = dial.filter(|dial| dial.way.transport == transport);
        dial.map(|dial| dial.came.step(at, step)).is_some()
    }

    /// The peer is connected over this transport: if two raced, the other is called off. False where it was not dialled so.
    pub(in crate::swarm) fn connected(
        &mut self,
        at: At,
        peer: PeerKey,
        transport: Transport,
        out: &mut Outbox,
    ) -> bool {
        let Some(dial) = self.rows.get_mut(&peer).and_then(Row::dialling) else { return false };
        let first = dial.way.transport;
        match std::mem::replace(&mut dial.rival, Rival::None) {
            Rival::UnderWay(way) if way.transport == transport => {
                *dial = Dial::alone(way);
                out.act(Action::CallOff { peer, transport: first });
                out.emit(at, Closed::because(Cause::LostRace).event(peer));
            }
            Rival::UnderWay(way) => {
                out.act(Action::CallOff { peer, transport: way.transport });
                out.emit(at, rival_ended(peer, Closed::because(Cause::LostRace)));
            }
            Rival::Due(due, _) => drop(self.races.remove(&(due, peer))),
            Rival::None => {}
        }
        transport == first
            || self
                .rows
                .get(&peer)
                .and_then(|row| row.dial)
                .is_some_and(|dial| dial.way.transport == transport)
    }

    /// One of two dials of the peer ended without a handshake, or the first of two before the other began: what is left
    /// goes on. Returns the end where nothing is left.
    pub(in crate::swarm) fn one_failed(
        &mut self,
        now: At,
        (peer, transport): (PeerKey, Transport),
        end: Closed,
        may_dial: bool,
        out: &mut Outbox,
    ) -> Option<Closed> {
        let row = self.rows.get_mut(&peer)?;
        let (addr, goes_on) = (row.dialled_at(), may_dial && !row.dropped);
        let Dial { way, rival, .. } = *row.dialling()?;
        let lost = end.cause == Cause::LostRace;
        let next = match rival {
            Rival::UnderWay(rival) if rival.transport == transport => {
                if !lost {
                    row.fallback.failed_beside(rival);
                }
                row.dial = row.dial.map(|dial| Dial { rival: Rival::None, ..dial });
                out.emit(now, rival_ended(peer, end));
                return None;
            }
            _ if way.transport != transport => return None,
            Rival::UnderWay(rival) => {
                out.emit(now, end.event(peer));
                rival
            }
            Rival::Due(due, rival) => {
                self.races.remove(&(due, peer));
                row.dial = Some(Dial { rival: Rival::None, ..row.dial? });
                if !goes_on || !end.cause.info().other_transport {
                    return Some(end);
                }
                out.emit(now, end.event(peer));
                out.emit(now, rival.began(peer, Direction::Out));
                out.act(Action::Dial { peer, addr, way: rival });
                rival
            }
            Rival::None => return Some(end),
        };
        if !lost {
            row.fallback.failed_beside(way);
        }
        row.dial = Some(Dial::alone(next));
        None
    }

    /// The dial ended without a handshake. True: the peer is dialled another way as soon as there is room for a dial,
    /// before others where not all are tried.
    pub(in crate::swarm) fn dial_failed(&mut self, now: At, peer: PeerKey, cause: Cause) -> bool {
        let (policy, once) = (self.policy, self.once);
        let Some(row) = self.rows.get_mut(&peer) else { return false };
        let Some(Dial { way, came, through, .. }) = row.dialling().copied() else { return false };
        // What a relay brings about is one way, beside those that are tried in turn.
        if row.dropped || through != Through::Nobody || !row.fallback.failed(policy, way, cause, came, once) {
            return false;
        }
        self.end_dial(peer);
        self.schedule(peer, Some(if self.once { now } else { At::ZERO }));
        true
    }

    /// Whether a peer that shook hands with a probe is to be tried another way.
    pub(in crate::swarm) fn can_probe_on(&self, peer: PeerKey) -> bool {
        let row = self.rows.get(&peer).filter(|row| self.once && row.is_reachable() && !row.dropped);
        row.is_some_and(|row| row.fallback.after_success(self.policy).is_some())
    }

    /// The connection with a peer that shook hands with a probe is over: it is dialled the way that is left, once it has
    /// closed its end, too. One that still holds a connection may refuse a second one.
    pub(in crate::swarm) fn probe_on(&mut self, now: At, peer: PeerKey, conn: ConnKey, cause: Cause) {
        let is_another = !matches!(cause, Cause::SelfConnection | Cause::DuplicatePeerId);
        let goes_on = is_another && self.can_probe_on(peer);
        let Some(row) = self.rows.get_mut(&peer).filter(|_| self.once) else { return };
        if row.standing == Standing::Live(conn) {
            row.standing = Standing::Idle;
        }
        if goes_on && row.standing == Standing::Idle {
            row.fallback.probe_on(self.policy);
            self.schedule(peer, Some(now + CLOSES_WITHIN));
        }
    }

    /// The peer is live on this connection. Says whether it was on another one before.
    pub(in crate::swarm) fn live(&mut self, peer: PeerKey, conn: ConnKey) -> bool {
        if let Some(row) = self.rows.get_mut(&peer)
            && let Some(way) = row.dialling().map(|dial| dial.way)
        {
            row.fallback.works(way);
        }
        self.end_dial(peer);
        self.schedule(peer, None);
        let Some(row) = self.rows.get_mut(&peer) else { return false };
        row.standing = Standing::Live(conn);
        row.failures = 0;
        std::mem::replace(&mut row.shook_hands, true)
    }

    /// The dial of the peer is over.
    pub(in crate::swarm) fn end_dial(&mut self, peer: PeerKey) {
        let Some(row) = self.rows.get_mut(&peer) else { return };
        if let Some(Dial { rival, through, .. }) = row.dialling().copied() {
            if let Rival::Due(due, _) = rival {
                self.races.remove(&(due, peer));
            }
            if let Through::Asked(_, until) = through {
                self.punches.remove(&(until, peer));
            }
        }
        if row.standing == Standing::Dialling {
            row.standing = Standing::Idle;
            self.dialling -= 1;
        }
    }

    /// The peer calls. One that is dialled may have dialled us at the same time, and over uTP both connections are of one
    /// pair of addresses: the dial goes on if it is `ours_stays` and open, and the call is to be closed. Else the dial is
    /// called off. Returns whether the call goes on.
    pub(in crate::swarm) fn calls(
        &mut self,
        now: At,
        peer: PeerKey,
        ours_stays: bool,
        out: &mut Outbox,
    ) -> bool {
        let Some(row) = self.rows.get_mut(&peer) else { return true };
        let Some(Dial { way, came, rival, through }) = row.dialling().copied() else { return true };
        row.kept_one_at = Some(now);
        // What is not open yet may never be, and nobody shook hands over it at the other end.
        if ours_stays && came.opened {
            return false;
        }
        if let Rival::UnderWay(rival) = rival {
            out.act(Action::CallOff { peer, transport: rival.transport });
        }
        if !matches!(through, Through::Asked(..)) {
            out.act(Action::CallOff { peer, transport: way.transport });
        }
        self.end_rival(now, peer, Cause::Replaced, out);
        out.emit(now, Closed { bytes_out: came.sent_bytes, ..Closed::because(Cause::Replaced) }.event(peer));
        self.end_dial(peer);
        true
    }

    /// A peer called and shook hands: its attempt is told as far as it came.
    pub(in crate::swarm) fn called(
        &mut self,
        now: At,
        peer: PeerKey,
        transport: Transport,
        so_far: Vec<(At, Step)>,
        out: &mut Outbox,
    ) {
        let began = match so_far.first() {
            Some((at, Step::Connected)) => *at,
            _ => now,
        };
        let way = DialWay { transport, encryption: Step::encryption(&so_far) };
        out.emit(began, way.began(peer, Direction::In));
        if transport == Transport::Utp {
            self.is_said(peer, PexFlags::UTP);
        }
        for (at, step) in so_far {
            out.emit(at, step.event(peer));
        }
    }

    /// What races the dial of the peer is over as well, for this reason.
    pub(in crate::swarm) fn end_rival(&mut self, now: At, peer: PeerKey, cause: Cause, out: &mut Outbox) {
        let Some(dial) = self.rows.get_mut(&peer).and_then(Row::dialling) else { return };
        if let Rival::UnderWay(_) = dial.rival {
            dial.rival = Rival::None;
            out.emit(now, rival_ended(peer, Closed::because(cause)));
        }
    }
}

fn rival_ended(peer: PeerKey, end: Closed) -> Event {
    let Closed { cause, error, detail, .. } = end;
    Event::RivalEnded { peer, cause, error, detail }
}

#[cfg(test)]
impl PeerTable {
    /// Dials that wait for their rival to begin are those the clock is to wake for.
    pub(super) fn assert_races(&self) {
        let due = self.rows.iter().filter_map(|(peer, row)| match row.dial?.rival {
            Rival::Due(at, _) if row.standing == Standing::Dialling => Some((at, *peer)),
            _ => None,
        });
        assert_eq!(due.collect::<std::collections::BTreeSet<_>>(), self.races, "races");
    }
}
