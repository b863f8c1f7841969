//! One structured line a step, for `--log` and `RUST_LOG`. Announces are logged where they are made.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tracing::{debug, info, warn};

use crate::event::{At, Direction, Event, PeerKey};
use crate::wire::{Handshake, Judged};

/// Writes events as log lines, with addresses in place of keys.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    peers: BTreeMap<PeerKey, SocketAddr>,
}

impl EventLog {
    /// Writes the event's line, if it is a step somebody may want to follow.
    pub(super) fn write(&mut self, at: At, event: &Event) {
        let t = at.as_millis() as u64;
        match event {
            Event::PeerLearned { peer, addr, source } => {
                self.peers.insert(*peer, *addr);
                debug!(t, %addr, ?source, "peer learned");
            }
            Event::Phase { phase, reason } => info!(t, ?phase, reason, "phase"),
            Event::Listening { port } => info!(t, port, "listening"),
            Event::AttemptBegan { peer, direction: Direction::Out, encryption, .. } => {
                info!(t, peer = self.peer(*peer), ?encryption, "dial");
            }
            Event::AttemptBegan { peer, direction: Direction::In, encryption, .. } => {
                info!(t, peer = self.peer(*peer), ?encryption, "called by");
            }
            Event::Connected { peer } => debug!(t, peer = self.peer(*peer), "connected"),
            Event::Agreed { peer, payload } => {
                debug!(t, peer = self.peer(*peer), payload = payload.name(), "encryption agreed");
            }
            Event::HandshakeSent { peer, .. } => info!(t, peer = self.peer(*peer), "handshake sent"),
            Event::HandshakeBytes { peer, received } => {
                let peer_id = match Handshake::judge(received) {
                    Judged::Whole(theirs) => theirs.peer_id.printable(),
                    _ => String::new(),
                };
                info!(t, peer = self.peer(*peer), bytes = received.len(), peer_id, "handshake received");
            }
            Event::Handshaken { peer } => info!(t, peer = self.peer(*peer), "handshake valid"),
            Event::Choking { peer, by, choking } => debug!(t, peer = self.peer(*peer), ?by, choking, "choke"),
            Event::AttemptEnded { peer, cause, error, detail, bytes_in, bytes_out } => {
                let (cause, error) = (cause.info().code, error.as_ref().map(|error| error.text.as_str()));
                info!(t, peer = self.peer(*peer), cause, error, detail, bytes_in, bytes_out, "closed");
            }
            Event::IncomingFailed { addr, cause } => {
                info!(t, %addr, cause = cause.info().code, "incoming failed")
            }
            Event::Banned { peer, until: Some(_), reason } => {
                warn!(t, peer = self.peer(*peer), reason, "banned")
            }
            Event::PieceFailed { piece, from } => {
                let from: Vec<String> = from.iter().map(|peer| self.peer(*peer)).collect();
                warn!(t, piece = piece.number(), ?from, "piece failed its hash");
            }
            Event::Note { text, .. } => info!(t, text, "note"),
            _ => {}
        }
    }

    fn peer(&self, peer: PeerKey) -> String {
        self.peers.get(&peer).map(SocketAddr::to_string).unwrap_or_default()
    }
}
