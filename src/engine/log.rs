//! One structured line a step, for `--log` and `RUST_LOG`. Announces are logged where they are made.

use tracing::{debug, info, warn};

use crate::event::{At, Direction, Event, PeerKey};
use crate::ledger::Ledger;
use crate::wire::{Handshake, Judged};

/// Writes the event's line, if it is a step somebody may want to follow, with addresses in place of keys. The ledger
/// has taken the event in.
pub(super) fn write(ledger: &Ledger, at: At, event: &Event) {
    let t = at.as_millis() as u64;
    let peer_of = |peer: PeerKey| ledger.peer(peer).map(|record| record.addr.to_string()).unwrap_or_default();
    match event {
        Event::PeerLearned { addr, source, .. } => debug!(t, %addr, ?source, "peer learned"),
        Event::Phase { phase, reason } => info!(t, ?phase, reason, "phase"),
        Event::Listening { port } => info!(t, port, "listening"),
        Event::AttemptBegan { peer, direction: Direction::Out, transport, encryption } => {
            info!(t, peer = peer_of(*peer), ?transport, ?encryption, "dial");
        }
        Event::AttemptBegan { peer, direction: Direction::In, transport, encryption } => {
            info!(t, peer = peer_of(*peer), ?transport, ?encryption, "called by");
        }
        Event::RivalBegan { peer, transport, encryption } => {
            info!(t, peer = peer_of(*peer), ?transport, ?encryption, "dial beside");
        }
        Event::RivalEnded { peer, cause, error, .. } => {
            let (cause, error) = (cause.info().code, error.as_ref().map(|error| error.text.as_str()));
            info!(t, peer = peer_of(*peer), cause, error, "closed beside");
        }
        Event::Connected { peer } => debug!(t, peer = peer_of(*peer), "connected"),
        Event::Agreed { peer, payload } => {
            debug!(t, peer = peer_of(*peer), payload = payload.name(), "encryption agreed");
        }
        Event::HandshakeSent { peer, .. } => info!(t, peer = peer_of(*peer), "handshake sent"),
        Event::HandshakeBytes { peer, received } => {
            let peer_id = match Handshake::judge(received) {
                Judged::Whole(theirs) => theirs.peer_id.printable(),
                _ => String::new(),
            };
            info!(t, peer = peer_of(*peer), bytes = received.len(), peer_id, "handshake received");
        }
        Event::Handshaken { peer } => info!(t, peer = peer_of(*peer), "handshake valid"),
        Event::Choking { peer, by, choking } => debug!(t, peer = peer_of(*peer), ?by, choking, "choke"),
        Event::AttemptEnded { peer, cause, error, detail, bytes_in, bytes_out } => {
            let (cause, error) = (cause.info().code, error.as_ref().map(|error| error.text.as_str()));
            info!(t, peer = peer_of(*peer), cause, error, detail, bytes_in, bytes_out, "closed");
        }
        Event::HungUp { peer, bytes_in, bytes_out } => {
            info!(t, peer = peer_of(*peer), bytes_in, bytes_out, "hung up");
        }
        Event::IncomingFailed { addr, cause } => {
            info!(t, %addr, cause = cause.info().code, "incoming failed")
        }
        Event::Banned { peer, until: Some(_), reason } => {
            warn!(t, peer = peer_of(*peer), reason, "banned")
        }
        Event::PieceFailed { piece, from } => {
            let from: Vec<String> = from.iter().map(|peer| peer_of(*peer)).collect();
            warn!(t, piece = piece.number(), ?from, "piece failed its hash");
        }
        Event::Metadata { peer, step } => debug!(t, peer = peer_of(*peer), ?step, "metadata"),
        Event::Punch { peer, step } => debug!(t, peer = peer_of(*peer), ?step, "holepunch"),
        // What belongs to no torrent is told to each.
        Event::Dht(fact) => debug!(t, ?fact, "DHT"),
        Event::Lookup(fact) => debug!(t, ?fact, "DHT lookup"),
        Event::Note { text, .. } => info!(t, text, "note"),
        _ => {}
    }
}
