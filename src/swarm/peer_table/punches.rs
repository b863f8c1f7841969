//! Dials through a third peer that is connected to both (BEP 55): whom to ask, and what comes of it.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::fallback::TransportPolicy;
use super::super::live::Connected;
use super::super::outbox::Outbox;
use super::super::{Action, ConnKey, Order};
use super::dials::{Dial, Through};
use super::{PeerTable, Standing};
use crate::event::{At, Cause, Direction, Event, PeerKey, PunchStep, Source, Transport};
use crate::peer::Closed;
use crate::wire::{Holepunch, HolepunchKind};

/// How long a relay has to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(8);

impl PeerTable {
    /// The dial of the peer was in vain. Where that may be because nobody can call it, a peer that is connected to it is
    /// asked to have us dial each other: the end is told then, and the dial goes on. True where it does.
    pub(in crate::swarm) fn ask_a_relay(
        &mut self,
        now: At,
        peer: PeerKey,
        end: &Closed,
        live: &Connected,
        out: &mut Outbox,
    ) -> bool {
        let silent =
            matches!(end.cause, Cause::ConnectTimeout | Cause::ConnectionRefused | Cause::HostUnreachable);
        if !silent || !self.punches() {
            return false;
        }
        let Some((relay, conn)) = self.relay_of(peer, live) else { return false };
        let policy = self.policy;
        let Some(row) = self.rows.get_mut(&peer).filter(|row| !row.dropped && !row.invalid) else {
            return false;
        };
        let (addr, way) = (row.dialled_at(), row.fallback.way_over(policy, Transport::Utp));
        let Some(dial) = row.dialling().filter(|dial| dial.through == Through::Nobody) else { return false };
        let until = now + ANSWERS_WITHIN;
        *dial = Dial::through(way, Through::Asked(conn, until));
        self.punches.insert((until, peer));
        out.emit(now, end.clone().event(peer));
        out.emit(now, way.began(peer, Direction::Out));
        out.emit(now, Event::Punch { peer, step: PunchStep::Asked { relay } });
        out.order(conn, Order::Punch(Holepunch { kind: HolepunchKind::Rendezvous, addr }));
        true
    }

    /// A live peer that named this one and takes part; another one each time.
    fn relay_of(&self, peer: PeerKey, live: &Connected) -> Option<(PeerKey, ConnKey)> {
        let row = self.rows.get(&peer)?;
        let relays = row.sources.iter().filter_map(|source| {
            let Source::Pex(by) = *source else { return None };
            let Standing::Live(conn) = self.rows.get(&by)?.standing else { return None };
            live.get(conn).filter(|live| live.punches && !live.closing).map(|_| (by, conn))
        });
        let relays: Vec<(PeerKey, ConnKey)> = relays.collect();
        relays.get(row.failures as usize % relays.len().max(1)).copied()
    }

    /// A relay says that the peer there dials us now: it is dialled as well, where it is not already, and may be. The
    /// address was [learned](Self::learn).
    pub(in crate::swarm) fn told_to_dial(
        &mut self,
        now: At,
        addr: SocketAddr,
        (relay, conn): (PeerKey, ConnKey),
        may_dial: bool,
        out: &mut Outbox,
    ) {
        let Some(peer) = self.find(addr) else { return };
        let kept_out = self.crowded(addr.ip()) || self.banned_until(now, addr).is_some();
        let policy = self.policy;
        let Some(row) = self.rows.get_mut(&peer).filter(|row| !row.dropped && !row.invalid) else { return };
        let way = row.fallback.way_over(policy, Transport::Utp);
        let told = Dial::through(way, Through::Told);
        match row.standing {
            Standing::Idle if may_dial && !kept_out => {
                row.standing = Standing::Dialling;
                row.dial = Some(told);
                self.dialling += 1;
                self.schedule(peer, None);
                out.emit(now, way.began(peer, Direction::Out));
            }
            Standing::Dialling => {
                let Some(dial) = row.dial.as_mut() else { return };
                let Through::Asked(asked, until) = dial.through else { return };
                if asked != conn {
                    return;
                }
                *dial = told;
                self.punches.remove(&(until, peer));
            }
            Standing::Idle | Standing::Live(_) => return,
        }
        out.emit(now, Event::Punch { peer, step: PunchStep::Told { relay } });
        out.act(Action::Dial { peer, addr, way });
    }

    /// The peer of this address, if this relay was asked to bring us together and did not answer yet.
    pub(in crate::swarm) fn asked_about(&self, relay: ConnKey, addr: SocketAddr) -> Option<PeerKey> {
        let peer = self.find(addr)?;
        let dial = self.rows.get(&peer).filter(|row| row.standing == Standing::Dialling)?.dial?;
        matches!(dial.through, Through::Asked(asked, _) if asked == relay).then_some(peer)
    }

    /// A peer whose relay has not answered by now, if there is one.
    pub(in crate::swarm) fn unanswered(&self, now: At) -> Option<PeerKey> {
        self.punches.first().filter(|(until, _)| *until <= now).map(|(_, peer)| *peer)
    }

    /// When the first relay is not waited for any longer.
    pub(in crate::swarm) fn next_unanswered(&self) -> Option<At> {
        self.punches.first().map(|(until, _)| *until)
    }

    /// Whether we take part in holepunch: it is for uTP, and tells of peers what those of a private torrent do not hear.
    pub(in crate::swarm) fn punches(&self) -> bool {
        self.policy.transport != TransportPolicy::Tcp && !self.once && !self.sources.is_private()
    }
}

#[cfg(test)]
impl PeerTable {
    /// Relays that are waited for are those the clock is to wake for.
    pub(super) fn assert_punches(&self) {
        let asked = self.rows.iter().filter_map(|(peer, row)| match row.dial?.through {
            Through::Asked(_, until) if row.standing == Standing::Dialling => Some((until, *peer)),
            _ => None,
        });
        assert_eq!(asked.collect::<std::collections::BTreeSet<_>>(), self.punches, "relays asked");
    }
}
