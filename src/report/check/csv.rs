//! For spreadsheets: one line a peer (RFC 4180).

use super::{
    cause, chosen, code, connect_ms, encryption, handshake_ms, has_percent, peer_object, resolved, sources,
};
use crate::event::PeerKey;
use crate::ledger::{PeerRecord, View};
use crate::report::{csv_cell, hex};
use crate::wire::LooksLike;

const COLUMNS: &[&str] = &[
    "addr",
    "source",
    "stage",
    "live",
    "group",
    "cause",
    "detail",
    "looks_like",
    "client",
    "peer_id_hex",
    "reserved_hex",
    "extensions",
    "attempts",
    "encryption",
    "resolved",
    "connect_ms",
    "handshake_ms",
    "bytes_in",
    "bytes_out",
    "error",
    "down_bps",
    "up_bps",
    "received_bytes",
    "sent_bytes",
    "has_percent",
];

/// One line a peer, under a line of names. Bytes are those of all its attempts that are kept.
pub fn csv(view: &View) -> String {
    rows(view.peers.iter().map(|peer| &**peer), view)
}

/// Some of the peers, one line each, under a line of names.
pub fn peers_csv(view: &View, keys: &[PeerKey]) -> String {
    rows(chosen(view, keys), view)
}

fn rows<'a>(peers: impl Iterator<Item = &'a PeerRecord>, view: &View) -> String {
    let mut out = COLUMNS.join(",") + "\r\n";
    for peer in peers {
        let object = peer_object(peer, view);
        let attempt = peer.telling_attempt();
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let cells = [
            object.addr,
            sources(peer, view).join(" "),
            stage_name(object.stage),
            peer.is_live().to_string(),
            peer.group.name().to_owned(),
            cause(peer, view.at).map(code).unwrap_or_default().to_owned(),
            object.detail.unwrap_or_default().to_owned(),
            object.looks_like.map(LooksLike::name).unwrap_or_default().to_owned(),
            peer.client.clone().unwrap_or_default(),
            peer.peer_id.map(|id| hex(&id.0)).unwrap_or_default(),
            peer.reserved.map(|reserved| hex(&reserved)).unwrap_or_default(),
            peer.info.extensions.join(" "),
            peer.attempts.len().to_string(),
            attempt.map(|attempt| encryption(attempt.encryption)).unwrap_or_default().to_owned(),
            resolved(peer).map(code).unwrap_or_default().to_owned(),
            number(attempt.and_then(connect_ms)),
            number(attempt.and_then(handshake_ms)),
            peer.attempts.iter().map(|attempt| peer.bytes_of(attempt).0).sum::<u64>().to_string(),
            peer.attempts.iter().map(|attempt| peer.bytes_of(attempt).1).sum::<u64>().to_string(),
            attempt
                .and_then(|attempt| attempt.error.as_ref())
                .map(|error| error.text.clone())
                .unwrap_or_default(),
            peer.rates.down_bps.to_string(),
            peer.rates.up_bps.to_string(),
            peer.down_bytes.to_string(),
            peer.up_bytes.to_string(),
            number(has_percent(peer)),
        ];
        out += &cells.map(|cell| csv_cell(&cell)).join(",");
        out += "\r\n";
    }
    out
}

fn stage_name(stage: crate::ledger::Stage) -> String {
    serde_json::to_value(stage).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
