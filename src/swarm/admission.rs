//! Who of those that shook hands is kept, and which row a caller gets.
//!
//! The door only looks. What follows is the swarm's: a connection that gives way is closed, a caller becomes a row.

use std::net::SocketAddr;

use super::eviction::Holders;
use super::peer_table::Standing;
use super::twins::{Twin, our_dial_stays};
use super::{ConnKey, Settings};
use crate::event::{Cause, PeerKey, Transport};
use crate::metainfo::PeerId;

/// A peer that just shook hands.
#[derive(Clone, Copy)]
pub(super) struct Newcomer {
    /// `None`: it calls, from `addr`.
    pub(super) dialled: Option<PeerKey>,
    pub(super) transport: Transport,
    pub(super) addr: SocketAddr,
    pub(super) peer_id: PeerId,
}

/// Whether it is kept.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    Kept,
    /// In place of the other connection with its peer id.
    Replaces(ConnKey),
    /// All places are taken, and this connection gives way.
    Evicts(ConnKey),
    Refused(Cause),
}

/// Where a caller stands among the peers.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    /// It gets no row, and is sent away.
    None(Cause),
    /// On the row of a peer that is being dialled. Of the two connections the dialled one may be the one that stays.
    BesideDial { peer: PeerKey, dial_stays: bool },
    /// On the row that this connection had.
    InPlaceOf(ConnKey),
    /// On a row that nobody uses.
    Own,
}

/// What is looked at before somebody is let in.
pub(super) struct Door<'a> {
    pub(super) settings: &'a Settings,
    pub(super) holders: Holders<'a>,
    /// Why nobody is let in now.
    pub(super) closed: Option<Cause>,
    /// All places are taken.
    pub(super) full: bool,
}

impl Door<'_> {
    /// Whether a peer is kept that may have a twin.
    pub(super) fn admits(&self, newcomer: &Newcomer, twin: Option<Twin>) -> Admission {
        use Admission::{Evicts, Kept, Refused, Replaces};
        let &Newcomer { dialled, addr, peer_id, .. } = newcomer;
        let table = self.holders.peer_table;
        let row = |peer: Option<PeerKey>| peer.and_then(|peer| table.row(peer));
        if peer_id == self.settings.peer_id {
            Refused(Cause::SelfConnection)
        } else if row(dialled).is_some_and(|row| row.sources.is_empty()) {
            Refused(Cause::PrivateTorrent)
        } else if row(dialled.or_else(|| table.find(addr))).is_some_and(|row| row.dropped) {
            Refused(Cause::DroppedByUser)
        } else if table.banned_until(self.holders.now, addr).is_some() {
            Refused(Cause::Banned)
        } else if let Some(cause) = self.closed {
            Refused(cause)
        } else if let Some(Twin { conn, stays, .. }) = twin {
            // Where it takes the other's place no limit is in its way.
            if stays { Refused(Cause::DuplicatePeerId) } else { Replaces(conn) }
        } else if self.checks() {
            Kept
        } else if dialled.is_none() && table.crowded(addr.ip()) {
            Refused(Cause::TooManyFromAddress)
        } else if !self.full {
            Kept
        } else {
            // Others may have called while it was being dialled.
            let gives_way = self.holders.giving_way().min();
            gives_way.map_or(Refused(Cause::ConnectionLimit), |(_, _, conn)| Evicts(conn))
        }
    }

    /// Where a caller stands that is refused for this, if it is.
    pub(super) fn place(&self, caller: &Newcomer, refusal: Option<Cause>) -> Place {
        use Cause::{ConnectionLimit, DiskError, SelfConnection, Shutdown, TorrentPaused};
        let ours = [SelfConnection, TorrentPaused, DiskError, ConnectionLimit, Shutdown];
        if let Some(cause) = refusal.filter(|cause| ours.contains(cause)) {
            return Place::None(cause);
        }
        let Holders { live, peer_table, .. } = &self.holders;
        let row = peer_table.find(caller.addr).and_then(|peer| Some((peer, peer_table.row(peer)?.standing)));
        match (row, refusal) {
            (Some((_, Standing::Live(_) | Standing::Dialling)), Some(cause)) => Place::None(cause),
            // A check is to know whether it can be reached.
            (Some((_, Standing::Dialling)), None) if self.checks() => Place::None(Cause::DuplicatePeerId),
            (Some((peer, Standing::Dialling)), None) => {
                let dial_stays = our_dial_stays(self.settings.peer_id, caller.peer_id);
                Place::BesideDial { peer, dial_stays }
            }
            (Some((_, Standing::Live(conn))), None) => {
                // One that closes, or over uTP, where a program calls from where it listens, another one that was there.
                let before = live.get(conn).filter(|live| !live.closing).map(|live| live.transport);
                let twice = before
                    .is_some_and(|before| (before, caller.transport) != (Transport::Utp, Transport::Utp));
                if twice { Place::None(ConnectionLimit) } else { Place::InPlaceOf(conn) }
            }
            (Some((_, Standing::Idle)) | None, _) => Place::Own,
        }
    }

    /// Whether peers are only tried: then there is no limit.
    fn checks(&self) -> bool {
        self.settings.check_until.is_some()
    }
}
