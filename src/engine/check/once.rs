//! One handshake with one peer, plain and encrypted as the setting says.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use crate::engine::EngineError;
use crate::engine::clock::Clock;
use crate::engine::handshake::{Over, Steps, call, connect};
use crate::engine::mailbox;
use crate::engine::mse::Mse;
use crate::engine::session::random_seed;
use crate::engine::tap::Tap;
use crate::engine::wanted::Wanted;
use crate::event::{At, Cause, Direction, Encryption, Event, PeerKey, Phase, Source, Transport, WireBytes};
use crate::ledger::{Ledger, View};
use crate::metainfo::PeerId;
use crate::metainfo::address::{Scope, is_allowed};
use crate::peer::{Closed, ConnKey, MOST_STEPS, Step};
use crate::swarm::EncryptionPolicy;
use crate::wire::{Handshake, Reserved};

const PEER: PeerKey = PeerKey(0);

/// What came of one handshake.
#[derive(Clone, Debug)]
pub struct HandsShaken {
    /// What is known of the peer.
    pub view: Arc<View>,
    /// What every attempt of its sent and received, in order.
    pub wire: Vec<WireBytes>,
}

/// Dials one peer, shakes hands and hangs up; again the other way where that may help and the setting allows it. The
/// view is that of the moment before hanging up, or of that at which `stop` was ready.
///
/// # Errors
///
/// When this machine gives no random numbers. That the peer does not shake hands is no error: the view says why.
pub async fn shake_hands(
    wanted: &Wanted,
    addr: SocketAddr,
    encryption: EncryptionPolicy,
    stop: impl Future<Output = ()>,
) -> Result<HandsShaken, EngineError> {
    let mut stop = pin!(stop);
    let mut once = Once::begin(wanted, addr, encryption)?;
    let mut way = is_allowed(Scope::Loopback, addr, &[]).then(|| encryption.first());
    if way.is_none() {
        once.tell_now(Event::NotDialled { peer: PEER, cause: Some(Cause::InvalidAddress) });
    }
    let (mut shaken, mut wire) = (None, Vec::new());
    while let Some(encrypted) = way {
        let (told, steps) = once.attempt(encrypted);
        let tap = Tap::default();
        let outcome = {
            let dialled = async {
                let stream = tap.on(connect(addr, Over::Tcp, &told).await?);
                call(stream, &once.ours, encrypted, &once.mse, &told).await
            };
            tokio::select! {
                biased;
                outcome = dialled => Some(outcome),
                () = &mut stop => None,
            }
        };
        drop(told);
        let came = once.follow(steps).await;
        let passed = tap.bytes();
        let (bytes_in, bytes_out) = (passed.received.len() as u64, passed.sent.len() as u64);
        wire.push(passed);
        way = None;
        match outcome {
            Some(Ok(outcome)) => {
                once.tell(came.last, &Event::Handshaken { peer: PEER });
                once.tell(came.last, &Event::Traffic { peer: PEER, bytes_in, bytes_out });
                shaken = Some(outcome);
            }
            Some(Err(end)) => {
                way = encryption.after(encrypted, came.opened, end.cause);
                once.ended(Closed { bytes_in, bytes_out, ..*end });
            }
            None => once.ended(Closed { bytes_in, bytes_out, ..Closed::because(Cause::NotAnswered) }),
        }
    }
    let view = once.ledger.view(once.clock.now());
    // Hung up on after the view was taken, in which it is connected.
    drop(shaken);
    Ok(HandsShaken { view, wire })
}

/// How far one attempt came.
struct Came {
    opened: bool,
    last: At,
}

struct Once {
    clock: Clock,
    ours: Handshake,
    mse: Mse,
    ledger: Ledger,
}

impl Once {
    fn begin(wanted: &Wanted, addr: SocketAddr, encryption: EncryptionPolicy) -> Result<Self, EngineError> {
        let seed = random_seed()?;
        let peer_id = PeerId::ours(seed);
        let mut once = Self {
            clock: Clock::start(),
            ours: Handshake { reserved: Reserved::OURS, info_hash: wanted.info_hash(), peer_id },
            mse: Mse::new(encryption, seed),
            ledger: Ledger::new(Arc::new(wanted.facts(Path::new(""), peer_id))),
        };
        once.tell_now(Event::Phase { phase: Phase::Downloading, reason: None });
        once.tell_now(Event::Probing);
        once.tell_now(Event::PeerLearned { peer: PEER, addr, source: Source::Manual });
        Ok(once)
    }

    fn tell(&mut self, at: At, event: &Event) {
        self.ledger.apply(at, event);
    }

    fn tell_now(&mut self, event: Event) {
        self.tell(self.clock.now(), &event);
    }

    fn attempt(&mut self, encryption: Encryption) -> (Steps, mailbox::Receiver<(ConnKey, At, Step)>) {
        let (direction, transport) = (Direction::Out, Transport::Tcp);
        self.tell_now(Event::AttemptBegan { peer: PEER, direction, transport, encryption });
        let (to, steps) = mailbox::channel(MOST_STEPS);
        (Steps::new(ConnKey(0), self.clock, to), steps)
    }

    /// Tells the steps of an attempt that is over.
    async fn follow(&mut self, mut steps: mailbox::Receiver<(ConnKey, At, Step)>) -> Came {
        let mut came = Came { opened: false, last: self.clock.now() };
        while let Some((_, at, step)) = steps.recv().await {
            came.last = at;
            came.opened |= step == Step::Connected;
            self.tell(at, &step.event(PEER));
        }
        came
    }

    fn ended(&mut self, end: Closed) {
        self.tell_now(end.event(PEER));
    }
}
