//! Two connections with one peer id: which of them stays, and, where peers are only tried, under which row.

use std::net::SocketAddr;

use super::{Closed, ConnKey, Order, Swarm};
use crate::event::{At, Cause, Event, PeerKey, Source};
use crate::metainfo::PeerId;

/// The connection that was there before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twin {
    conn: ConnKey,
    peer: PeerKey,
    /// One of the two was dialled, the other called, and both are at one address.
    one_client: bool,
    /// It stays, and the new one goes. Both ends may have dialled at once, and must agree: the connection stays that was
    /// opened by the greater peer id.
    pub(super) stays: bool,
}

impl Swarm {
    /// The live connection with this peer id, if there is one.
    fn twin(&self, addr: SocketAddr, peer_id: PeerId, outgoing: bool) -> Option<Twin> {
        let (conn, live) = self.live.iter().find(|(_, live)| live.peer_id == peer_id && !live.closing)?;
        let both_ways = live.outgoing != outgoing;
        Some(Twin {
            conn: *conn,
            peer: live.peer,
            one_client: both_ways && live.addr.ip().to_canonical() == addr.ip().to_canonical(),
            stays: !both_ways || live.outgoing == (self.settings.peer_id > peer_id),
        })
    }

    /// Whether a new connection is one too many. One that it replaces is closed here; `None`: there is none.
    pub(super) fn is_duplicate(&mut self, addr: SocketAddr, peer_id: PeerId, outgoing: bool) -> Option<bool> {
        let twin = self.twin(addr, peer_id, outgoing)?;
        if !twin.stays {
            self.order(twin.conn, Order::Close(Cause::Replaced));
        }
        Some(twin.stays)
    }

    /// In a check: the connection from the other end with the same client, which has one row.
    pub(super) fn twin_of_one_client(
        &self,
        addr: SocketAddr,
        peer_id: PeerId,
        outgoing: bool,
    ) -> Option<Twin> {
        let asks = self.check.is_some() && !self.leaving;
        self.twin(addr, peer_id, outgoing).filter(|twin| asks && twin.one_client)
    }

    /// The row of two connections with one client, of which one was `dialled` and the other is the twin. It goes on with
    /// the one that stays; `None`: that is the twin, and the new connection is to be closed.
    pub(super) fn one_row(
        &mut self,
        now: At,
        shaken_at: At,
        dialled: Option<PeerKey>,
        addr: SocketAddr,
        twin: Twin,
    ) -> Option<PeerKey> {
        // The end of the one that goes is told now, not when it comes.
        if !twin.stays {
            self.order(twin.conn, Order::Close(Cause::Replaced));
            self.closed(now, twin.conn, Closed::because(Cause::Replaced));
        }
        let Some(peer) = dialled else {
            let addr = self.peer_table.row(twin.peer).map_or(addr, |row| row.addr);
            self.learn(now, addr, Source::Incoming);
            return (!twin.stays).then_some(twin.peer);
        };
        if twin.stays {
            self.emit(shaken_at, Event::Handshaken { peer });
            self.attempt_ended(now, peer, Closed::because(Cause::DuplicatePeerId));
        } else {
            self.peer_table.end_dial(peer);
        }
        self.listens(now, twin.peer, addr);
        (!twin.stays).then_some(peer)
    }
}
