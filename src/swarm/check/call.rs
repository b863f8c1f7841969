//! Whose connection it is: one peer may be dialled and call us at once, and then has one row.

use std::net::SocketAddr;

use super::{Check, Standing, began};
use crate::event::{At, Cause, Direction, Event, PeerKey, Source};
use crate::metainfo::PeerId;
use crate::peer::{Closed, ConnKey, Order, Step};

/// A connection with the same peer id.
struct Twin {
    conn: ConnKey,
    peer: PeerKey,
    /// One of the two was dialled, the other called, and both are at one address: they are one client.
    same_client: bool,
    /// Whether it stays and the new one goes: of two connections between two clients, the one that was opened by
    /// the greater peer id.
    stays: bool,
}

impl Check {
    fn twin(&self, addr: SocketAddr, peer_id: PeerId, outgoing: bool) -> Option<Twin> {
        let (conn, live) = self.live.iter().find(|(_, live)| live.peer_id == peer_id && !live.closing)?;
        let there = self.rows.get(&live.peer)?.addr.ip();
        let both_ways = live.outgoing != outgoing;
        Some(Twin {
            conn: *conn,
            peer: live.peer,
            same_client: both_ways && there.to_canonical() == addr.ip().to_canonical(),
            stays: !both_ways || live.outgoing == (self.settings.peer_id > peer_id),
        })
    }

    /// A dial ended in a valid handshake.
    pub(super) fn dialled(
        &mut self,
        now: At,
        conn: ConnKey,
        peer: PeerKey,
        addr: SocketAddr,
        peer_id: PeerId,
    ) {
        let Some(dial) = self.end_dial(peer) else {
            return self.order(conn, Order::Close(Cause::NotAnswered));
        };
        let shaken_at = dial.received_at.unwrap_or(now);
        let twin = self.twin(addr, peer_id, true);
        self.go_live(now, conn, peer, peer_id, true, shaken_at);
        match twin {
            None => {}
            Some(Twin { same_client: false, stays: false, conn: other, .. }) => {
                self.close(other, Cause::Replaced)
            }
            Some(Twin { same_client: false, .. }) => self.close(conn, Cause::DuplicatePeerId),
            Some(Twin { stays: true, peer: caller, .. }) => {
                self.drop_now(now, conn, Cause::DuplicatePeerId);
                self.merge(now, caller, peer);
            }
            Some(Twin { conn: other, peer: caller, .. }) => {
                self.drop_now(now, other, Cause::Replaced);
                self.merge(now, caller, peer);
                if let Some(row) = self.rows.get_mut(&peer) {
                    row.standing = Standing::Live(conn);
                }
            }
        }
    }

    /// Somebody called and shook hands.
    pub(super) fn called(
        &mut self,
        now: At,
        conn: ConnKey,
        addr: SocketAddr,
        peer_id: PeerId,
        so_far: Vec<(At, Step)>,
    ) {
        if self.ending.is_some() || peer_id == self.settings.peer_id {
            return self.order(conn, Order::Close(Cause::Shutdown));
        }
        let twin = self.twin(addr, peer_id, false);
        let row = match &twin {
            Some(Twin { same_client: true, stays: true, peer, .. }) => {
                self.it_called(now, *peer);
                return self.order(conn, Order::Close(Cause::DuplicatePeerId));
            }
            Some(Twin { same_client: true, peer, conn: other, .. }) => {
                self.drop_now(now, *other, Cause::Replaced);
                self.it_called(now, *peer);
                Some(*peer)
            }
            _ => self.new_row(now, addr, Source::Incoming),
        };
        let Some(peer) = row else { return self.order(conn, Order::Close(Cause::ConnectionLimit)) };
        let mut times = so_far.iter().map(|(at, _)| *at);
        let first = times.next().unwrap_or(now);
        let last = times.next_back().unwrap_or(now);
        self.emit(first, began(peer, Direction::In, Step::encryption(&so_far)));
        so_far.into_iter().for_each(|(at, step)| self.emit(at, step.event(peer)));
        self.go_live(now, conn, peer, peer_id, false, last);
        match twin {
            Some(Twin { same_client: false, stays: true, .. }) => self.close(conn, Cause::DuplicatePeerId),
            Some(Twin { same_client: false, conn: other, .. }) => self.close(other, Cause::Replaced),
            _ => {}
        }
    }

    /// A peer that called says where it listens: if that address is known, the two are one.
    pub(super) fn listens(&mut self, now: At, conn: ConnKey, port: Option<u16>) {
        let Some(live) = self.live.get(&conn).filter(|live| !live.outgoing) else { return };
        let (peer, Some(port)) = (live.peer, port.filter(|port| *port != 0)) else { return };
        let Some(row) = self.rows.get(&peer) else { return };
        let addr = SocketAddr::new(row.addr.ip(), port);
        let Some(&into) = self.by_addr.get(&addr) else {
            self.listens.entry(addr).or_insert(peer);
            return;
        };
        match self.rows.get(&into).map(|row| row.standing) {
            Some(Standing::Queued | Standing::Invalid | Standing::Over) if into != peer => {
                self.merge(now, peer, into)
            }
            // Its dial tells when it is over.
            Some(Standing::Dialling(_)) => {
                self.listens.entry(addr).or_insert(peer);
            }
            _ => {}
        }
    }

    /// Two rows are one peer. The connection of the one that called goes on under the other.
    pub(super) fn merge(&mut self, now: At, gone: PeerKey, into: PeerKey) {
        let Some(row) = self.rows.remove(&gone) else { return };
        self.by_addr.retain(|_, peer| *peer != gone);
        self.listens.retain(|_, peer| *peer != gone);
        self.queue.retain(|(peer, _)| *peer != into);
        if let Standing::Live(conn) = row.standing
            && let Some(live) = self.live.get_mut(&conn)
        {
            live.peer = into;
        }
        if let Some(other) = self.rows.get_mut(&into) {
            other.standing = row.standing;
            other.sources.extend(row.sources);
        }
        self.emit(now, Event::PeerMerged { gone, into });
    }

    /// A peer that is known called as well.
    fn it_called(&mut self, now: At, peer: PeerKey) {
        let Some(row) = self.rows.get_mut(&peer) else { return };
        if !row.sources.contains(&Source::Incoming) {
            row.sources.push(Source::Incoming);
            let addr = row.addr;
            self.emit(now, Event::PeerLearned { peer, addr, source: Source::Incoming });
        }
    }

    /// Closes a connection whose row goes on with another one: its end is told now, not when it comes.
    fn drop_now(&mut self, now: At, conn: ConnKey, cause: Cause) {
        self.order(conn, Order::Close(cause));
        let end = Closed { cause, error: None, detail: None, bytes_in: 0, bytes_out: 0 };
        self.closed(now, conn, end);
    }
}
