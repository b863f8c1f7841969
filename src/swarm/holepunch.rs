//! Holepunch (BEP 55) as a third peer: two that are connected to us, and cannot call each other, are told to dial each
//! other at once. And how much of it is heard of one peer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::live::{Connected, Live};
use super::outbox::Outbox;
use super::peer_table::{PeerTable, Standing};
use super::{ConnKey, Order};
use crate::event::{At, Event, PeerKey, PunchStep, Transport};
use crate::metainfo::address::{Scope, is_allowed};
use crate::wire::{Holepunch, HolepunchError, HolepunchKind};

/// Messages of one peer that are heard in [`WINDOW`]: each may have us, and another, dial an address of its choice.
const MOST_OF_ONE: u32 = 30;
/// The time they are counted over.
const WINDOW: Duration = Duration::from_secs(60);

/// What was heard of each peer since when.
#[derive(Debug, Default)]
pub(super) struct Heard(BTreeMap<ConnKey, (At, u32)>);

impl Heard {
    /// The peer says something; false where it says too much.
    pub(super) fn takes(&mut self, now: At, conn: ConnKey) -> bool {
        let (since, count) = self.0.entry(conn).or_insert((now, 0));
        if now.saturating_sub(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= MOST_OF_ONE
    }

    /// The connection is over.
    pub(super) fn left(&mut self, conn: ConnKey) {
        self.0.remove(&conn);
    }
}

/// A peer asks us to have it and the one at this address dial each other.
pub(super) fn relay(
    now: At,
    conn: ConnKey,
    addr: SocketAddr,
    (table, live): (&PeerTable, &Connected),
    out: &mut Outbox,
) {
    let Some(asker) = live.get(conn) else { return };
    let tell = |kind, addr| Order::Punch(Holepunch { kind, addr });
    match other(asker.peer, addr, table, live) {
        Ok((there, other)) => {
            out.order(there, tell(HolepunchKind::Connect, called_at(asker, table)));
            out.order(conn, tell(HolepunchKind::Connect, addr));
            out.emit(now, Event::Punch { peer: asker.peer, step: PunchStep::Relayed { to: other } });
        }
        Err(error) => out.order(conn, tell(HolepunchKind::Failed(error), addr)),
    }
}

/// The connection with the peer that is asked for.
fn other(
    asker: PeerKey,
    addr: SocketAddr,
    table: &PeerTable,
    live: &Connected,
) -> Result<(ConnKey, PeerKey), HolepunchError> {
    if !is_allowed(Scope::Loopback, addr, &[]) {
        return Err(HolepunchError::NoSuchPeer);
    }
    let found = table.find(addr);
    if found == Some(asker) || table.is_ours(addr) {
        return Err(HolepunchError::NoSelf);
    }
    let standing = found.and_then(|peer| Some((peer, table.row(peer)?.standing)));
    let Some((peer, Standing::Live(conn))) = standing else { return Err(HolepunchError::NotConnected) };
    match live.get(conn).filter(|live| !live.closing) {
        Some(live) if live.punches => Ok((conn, peer)),
        Some(_) => Err(HolepunchError::NoSupport),
        None => Err(HolepunchError::NotConnected),
    }
}

/// Where others are to dial a peer that is connected to us: over uTP that is where we see it, whatever it says of itself.
fn called_at(live: &Live, table: &PeerTable) -> SocketAddr {
    let listens = table.row(live.peer).and_then(|row| row.listens);
    match live.transport {
        Transport::Tcp if !live.outgoing => listens.unwrap_or(live.addr),
        Transport::Tcp | Transport::Utp => live.addr,
    }
}
