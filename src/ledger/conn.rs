//! What the events of one connection do to its peer's row and to the piece map.

use std::net::IpAddr;
use std::sync::Arc;

use super::client::client_name;
use super::pieces::Pieces;
use super::row::Row;
use crate::event::validate::HANDSHAKE_BYTES;
use crate::event::{At, Side};
use crate::metainfo::{Bitfield, PeerId, PieceIndex};

pub(super) fn first_bytes(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len().min(HANDSHAKE_BYTES)].to_vec()
}

pub(super) fn take_handshake(row: &mut Row, received: &[u8]) {
    if !row.advance(|attempt| attempt.received = first_bytes(received)) {
        return;
    }
    if let (Some(reserved), Some(id)) = (received.get(20..28), received.get(48..HANDSHAKE_BYTES)) {
        let record = row.edit();
        record.reserved = reserved.try_into().ok();
        record.peer_id = id.try_into().ok().map(PeerId);
        record.client = record.peer_id.as_ref().and_then(client_name);
    }
}

pub(super) fn choke(at: At, row: &mut Row, by: Side, choking: bool) {
    if row.open().is_none() {
        return;
    }
    let flags = &mut row.edit().flags;
    match by {
        Side::Us => flags.am_choking = choking,
        Side::Them => {
            flags.peer_choking = choking;
            if !choking && row.is_live() {
                row.advance(|attempt| attempt.unchoked = attempt.unchoked.or(Some(at)));
            }
        }
    }
}

pub(super) fn take_pieces(row: &mut Row, map: &mut Pieces, pieces: &Arc<Bitfield>) {
    let (true, Some(adopted)) = (row.open().is_some(), map.adopt(pieces)) else { return };
    uncount(row, map);
    row.edit().has = Some(adopted);
    count(row, map);
}

pub(super) fn take_piece(row: &mut Row, map: &mut Pieces, piece: PieceIndex) {
    if row.open().is_none() || row.record().has.as_ref().is_some_and(|has| has.has(piece)) {
        return;
    }
    let mut has = row.edit().has.take().unwrap_or_else(|| map.none());
    let set = Arc::make_mut(&mut has);
    let becomes_seed = set.count() + 1 == set.len();
    if becomes_seed && row.counted {
        map.count_out(set);
    }
    let fresh = set.set(piece);
    match (row.counted, becomes_seed) {
        (true, true) => map.count_in(set),
        (true, false) if fresh => map.count_one(piece),
        _ => {}
    }
    row.edit().has = Some(map.adopt(&has).unwrap_or(has));
    count(row, map);
}

pub(super) fn count(row: &mut Row, map: &mut Pieces) {
    if row.is_live()
        && !row.counted
        && let Some(has) = &row.record().has
    {
        map.count_in(has);
        row.counted = true;
    }
}

pub(super) fn uncount(row: &mut Row, map: &mut Pieces) {
    if std::mem::take(&mut row.counted)
        && let Some(has) = &row.record().has
    {
        map.count_out(has);
    }
}

/// Whether an address is one of the open internet, so that its call proves our port reachable.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let carrier = first == 100 && (64..128).contains(&second);
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_multicast()
                || first == 0
                || carrier)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
    }
}
