//! Handshakes with one peer, over each transport, plain and encrypted, as the settings say.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::task::JoinSet;

use crate::engine::EngineError;
use crate::engine::clock::Clock;
use crate::engine::handshake::{Over, Steps, call, connect};
use crate::engine::line::Line;
use crate::engine::listen::Listener;
use crate::engine::mailbox;
use crate::engine::mse::{Carrier, Mse};
use crate::engine::session::random_seed;
use crate::engine::tap::{Tap, Tapped};
use crate::engine::utp::Utp;
use crate::engine::wanted::Wanted;
use crate::event::{At, Cause, DialWay, Direction, Event, PeerKey, Phase, Source, Transport, WireBytes};
use crate::ledger::{Ledger, View};
use crate::metainfo::PeerId;
use crate::metainfo::address::{Scope, is_allowed};
use crate::peer::{Closed, ConnKey, MOST_STEPS, Step};
use crate::swarm::DialPolicy;
use crate::wire::{Handshake, Reserved};

const PEER: PeerKey = PeerKey(0);
/// How long a peer has to hang up when we do, and what it may still send until then.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: u64 = 64 * 1024;

/// What came of one handshake.
#[derive(Clone, Debug)]
pub struct HandsShaken {
    /// What is known of the peer.
    pub view: Arc<View>,
    /// What every attempt of its sent and received, in order.
    pub wire: Vec<WireBytes>,
}

/// Dials one peer, shakes hands and hangs up, over each transport that the setting allows; encrypted too, or plain,
/// where that may help. The view is that of the end, or of
/// the moment at which `stop` was ready.
///
/// # Errors
///
/// When this machine gives no random numbers. That the peer does not shake hands is no error: the view says why.
pub async fn shake_hands(
    wanted: &Wanted,
    addr: SocketAddr,
    policy: DialPolicy,
    stop: impl Future<Output = ()>,
) -> Result<HandsShaken, EngineError> {
    let mut stop = pin!(stop);
    let mut once = Once::begin(wanted, addr, policy)?;
    let mut way = is_allowed(Scope::Loopback, addr, &[]).then(|| policy.first());
    if way.is_none() {
        once.tell_now(Event::NotDialled { peer: PEER, cause: Some(Cause::InvalidAddress) });
    }
    let mut wire = Vec::new();
    while let Some(tried) = way {
        let (told, steps) = once.attempt(tried);
        let tap = Tap::default();
        let outcome = {
            let dialled = async {
                let over = Over::by(tried.transport, once.utp.as_ref());
                let stream = tap.on(connect(addr, over, &told).await?);
                call(stream, &once.ours, tried.encryption, &once.mse, &told).await
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
        way = match outcome {
            Some(Ok((stream, _))) => {
                once.tell(came.last, &Event::Handshaken { peer: PEER });
                let next = policy.after(tried, came.opened, None);
                if next.is_some() {
                    once.hang_up(stream).await;
                }
                once.tell_now(Event::HungUp { peer: PEER, bytes_in, bytes_out });
                next
            }
            Some(Err(end)) => {
                let next = policy.after(tried, came.opened, Some(end.cause));
                once.tell_now(Closed { bytes_in, bytes_out, ..*end }.event(PEER));
                next
            }
            None => {
                let end = Closed::because(Cause::NotAnswered);
                once.tell_now(Closed { bytes_in, bytes_out, ..end }.event(PEER));
                None
            }
        };
    }
    Ok(HandsShaken { view: once.ledger.view(once.clock.now()), wire })
}

/// How far one attempt came.
struct Came {
    opened: bool,
    last: At,
}

struct Once {
    clock: Clock,
    /// Where the policy has it, driven by the tasks.
    utp: Option<Utp>,
    _tasks: JoinSet<()>,
    ours: Handshake,
    mse: Mse,
    ledger: Ledger,
}

impl Once {
    fn begin(wanted: &Wanted, addr: SocketAddr, policy: DialPolicy) -> Result<Self, EngineError> {
        let (seed, clock, mut tasks) = (random_seed()?, Clock::start(), JoinSet::new());
        let mut utp = None;
        if policy.transport.uses(Transport::Utp) {
            let udp = Listener::bind(Some(0))?.udp();
            let streams = Utp::over(udp.clone(), clock, seed);
            streams.hear();
            tasks.spawn(udp.run());
            tasks.spawn(streams.clone().run());
            utp = Some(streams);
        }
        let peer_id = PeerId::ours(seed);
        let mut once = Self {
            clock,
            utp,
            _tasks: tasks,
            ours: Handshake { reserved: Reserved::OURS, info_hash: wanted.info_hash(), peer_id },
            mse: Mse::new(policy.encryption, seed),
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

    fn attempt(&mut self, way: DialWay) -> (Steps, mailbox::Receiver<(ConnKey, At, Step)>) {
        self.tell_now(way.began(PEER, Direction::Out));
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

    /// Closes a connection, and waits until the peer has done so too: one that still holds it may refuse a second one.
    async fn hang_up(&self, stream: Carrier<Tapped<Line>>) {
        let closed = async {
            match stream {
                Carrier::Bare(stream) => close(stream).await,
                Carrier::Encrypted(stream) => close(stream).await,
            }
        };
        // It is dropped whatever comes of that.
        let _ = self.clock.within(self.clock.now() + FAREWELL, closed).await;
    }
}

/// Closes our side, and reads until the peer has closed its own.
async fn close(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<u64> {
    stream.shutdown().await?;
    copy(&mut stream.take(FAREWELL_BYTES), &mut sink()).await
}
