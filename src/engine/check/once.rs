//! One handshake with one peer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::engine::EngineError;
use crate::engine::clock::Clock;
use crate::engine::download::{facts, random_seed};
use crate::engine::handshake::{HandshakeStep, MOST_STEPS, Steps, dial};
use crate::engine::mse::Mse;
use crate::event::{At, Direction, Encryption, Event, PeerKey, Phase, Source, Transport};
use crate::ledger::{Ledger, View};
use crate::metainfo::{PeerId, Torrent};
use crate::swarm::{Closed, ConnKey, EncryptionPolicy};
use crate::wire::{HANDSHAKE_BYTES, Handshake, Reserved};

/// Dials one peer, shakes hands and hangs up. The view is that of the moment before hanging up.
///
/// # Errors
///
/// When this machine gives no random numbers. That the peer does not shake hands is no error: the view says why.
pub async fn shake_hands(torrent: &Torrent, addr: SocketAddr) -> Result<Arc<View>, EngineError> {
    let seed = random_seed()?;
    let clock = Clock::start();
    let ours =
        Handshake { reserved: Reserved::OURS, info_hash: torrent.info_hash, peer_id: PeerId::ours(seed) };
    let mut ledger = Ledger::new(Arc::new(facts(torrent, Path::new(""), ours.peer_id)));
    let (peer, encryption) = (PeerKey(0), Encryption::Plain);
    let mut tell = |at: At, event: Event| ledger.apply(at, &event);
    tell(clock.now(), Event::Phase { phase: Phase::Downloading, reason: None });
    tell(clock.now(), Event::Probing);
    tell(clock.now(), Event::PeerLearned { peer, addr, source: Source::Manual });
    let (direction, transport) = (Direction::Out, Transport::Tcp);
    tell(clock.now(), Event::AttemptBegan { peer, direction, transport, encryption });
    let (to, mut steps) = mpsc::channel(MOST_STEPS);
    let told = Steps::new(ConnKey(0), clock, to);
    let mse = Mse::new(EncryptionPolicy::Off, seed);
    let outcome = dial(addr, &ours, encryption, &mse, &told).await;
    drop(told);
    let mut last = clock.now();
    while let Some((_, at, step)) = steps.recv().await {
        last = at;
        tell(
            at,
            match step {
                HandshakeStep::Connected => Event::Connected { peer },
                HandshakeStep::Agreed(payload) => Event::Agreed { peer, payload },
                HandshakeStep::Sent(sent) => Event::HandshakeSent { peer, sent: sent.to_vec() },
                HandshakeStep::Received(received) => {
                    Event::HandshakeBytes { peer, received: received.to_vec() }
                }
                HandshakeStep::LooksLike(what) => Event::LooksLike { peer, what },
            },
        );
    }
    match &outcome {
        Ok(_) => {
            let bytes = HANDSHAKE_BYTES as u64;
            tell(last, Event::Handshaken { peer });
            tell(last, Event::Traffic { peer, bytes_in: bytes, bytes_out: bytes });
        }
        Err(end) => {
            let Closed { cause, error, detail, bytes_in, bytes_out } = (**end).clone();
            tell(clock.now(), Event::AttemptEnded { peer, cause, error, detail, bytes_in, bytes_out });
        }
    }
    Ok(ledger.view(clock.now()))
}
