//! Two connections with one peer id, and which of them stays.

use super::ConnKey;
use super::admission::Newcomer;
use super::live::{Connected, Live};
use crate::event::PeerKey;
use crate::metainfo::PeerId;

/// The connection that was there before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twin {
    pub(super) conn: ConnKey,
    pub(super) peer: PeerKey,
    /// One of the two was dialled, the other called, and both are at one address.
    pub(super) one_client: bool,
    /// It stays, and the new one goes. Both ends may have dialled at once, and must agree: the connection stays that was
    /// opened by the greater peer id.
    pub(super) stays: bool,
}

impl Twin {
    /// The live connection with the newcomer's peer id, if there is one; ours is `our_id`.
    pub(super) fn find(live: &Connected, our_id: PeerId, newcomer: &Newcomer) -> Option<Self> {
        let &Newcomer { dialled, addr, peer_id, .. } = newcomer;
        let is_twin = |(_, live): &(&ConnKey, &Live)| live.peer_id == peer_id && !live.closing;
        let (conn, live) = live.iter().find(is_twin)?;
        let both_ways = live.outgoing != dialled.is_some();
        Some(Self {
            conn: *conn,
            peer: live.peer,
            one_client: both_ways && live.addr.ip().to_canonical() == addr.ip().to_canonical(),
            stays: !both_ways || live.outgoing == our_dial_stays(our_id, peer_id),
        })
    }
}

/// Of two connections that both ends of which dialled, whether the one stays that we did.
pub(super) fn our_dial_stays(our_id: PeerId, peer_id: PeerId) -> bool {
    our_id > peer_id
}
