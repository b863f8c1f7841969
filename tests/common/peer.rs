//! Peers that behave as a script says and remember what they were asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use ttui::engine::mse::Carrier;
use ttui::metainfo::PeerId;
use ttui::swarm::EncryptionPolicy;
use ttui::wire::{BlockSpec, HANDSHAKE_BYTES, Handshake, Message, PROTOCOL, Reserved};

use super::script::{Act, Scripted};
use super::{Heard, Payload, Script, Wire, answer, some_peer_id, soon};

/// What is said and heard on loopback does not cross for longer, however busy the machine is.
const CROSSING: Duration = Duration::from_secs(10);

/// What a peer saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Connections it took.
    pub(crate) connections: u32,
    /// Connections open now.
    pub(crate) open: u32,
    /// Whole handshakes that came.
    pub(crate) handshakes: u32,
    /// What it was asked for, in order.
    pub(crate) requests: Vec<BlockSpec>,
    /// Requests it has not answered.
    pub(crate) unanswered: usize,
    /// When it sent which block.
    pub(crate) sent: Vec<(Instant, BlockSpec)>,
    /// Every other message.
    pub(crate) messages: Vec<Message>,
}

/// A scripted peer; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Seed {
    pub(crate) addr: SocketAddr,
    seen: watch::Receiver<Seen>,
    allowed: watch::Sender<u64>,
    _task: JoinSet<()>,
}

struct Host {
    payload: Arc<Payload>,
    script: Script,
    peer_id: PeerId,
    seen: watch::Sender<Seen>,
    allowed: watch::Receiver<u64>,
}

/// An address at which nobody listens, nor will: its port is none of those that the system gives to whoever asks for any.
/// Each is another one.
pub(crate) async fn nobody_at() -> SocketAddr {
    static FIRST: LazyLock<u16> = LazyLock::new(|| fastrand::u16(..12_000));
    static ASKED: AtomicU16 = AtomicU16::new(0);
    loop {
        let next = ASKED.fetch_add(1, Ordering::Relaxed) % 12_000;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 20_000 + (*FIRST + next) % 12_000));
        if TcpListener::bind(addr).await.is_ok() {
            return addr;
        }
    }
}

impl Seed {
    /// One that has everything and sends it.
    pub(crate) async fn honest(payload: &Arc<Payload>) -> Self {
        Self::start(payload, Script::default()).await
    }

    pub(crate) async fn start(payload: &Arc<Payload>, script: Script) -> Self {
        let listener = TcpListener::bind((script.ip, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (seen_to, seen) = watch::channel(Seen::default());
        let (allowed, allowed_from) = watch::channel(script.allowed);
        let host = Arc::new(Host {
            payload: Arc::clone(payload),
            script,
            peer_id: some_peer_id(),
            seen: seen_to,
            allowed: allowed_from,
        });
        let mut task = JoinSet::new();
        task.spawn(host.accept(listener));
        Self { addr, seen, allowed, _task: task }
    }

    /// Lets it send so many blocks in all.
    pub(crate) fn allow(&self, blocks: u64) {
        self.allowed.send_replace(blocks);
    }

    /// What it has seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// How many blocks it has sent so far.
    pub(crate) fn blocks_sent(&self) -> u64 {
        self.seen.borrow().sent.len() as u64
    }

    /// Pieces it was asked for, each once.
    pub(crate) fn pieces_asked(&self) -> std::collections::BTreeSet<u32> {
        self.seen.borrow().requests.iter().map(|spec| spec.index).collect()
    }

    /// Waits until it has seen something.
    pub(crate) async fn until(&self, what: &str, found: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.clone();
        soon(what, async { seen.wait_for(found).await.unwrap().clone() }).await
    }
}

impl Host {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut served = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            self.see(|seen| {
                seen.connections += 1;
                seen.open += 1;
            });
            let host = Arc::clone(&self);
            served.spawn(async move {
                host.serve(stream).await;
                host.see(|seen| seen.open -= 1);
            });
        }
    }

    fn see(&self, change: impl FnOnce(&mut Seen)) {
        self.seen.send_modify(change);
    }

    async fn serve(&self, stream: TcpStream) {
        let script = &self.script;
        let info_hash = script.info_hash.unwrap_or_else(|| self.payload.info_hash());
        let reserved = Reserved([0, 0, 0, 0, 0, 0x10, 0, if script.fast { 4 } else { 0 }]);
        let ours = Handshake { reserved, info_hash, peer_id: self.peer_id };
        if script.is_silent || script.hangs_up || script.dribbles || script.info_hash.is_some() {
            return self.shake_by_hand(Wire::new(stream), &ours.to_bytes()).await;
        }
        let mut first = [0; HANDSHAKE_BYTES];
        let came = stream.peek(&mut first).await;
        if script.encrypted.is_some() && (came.is_err() || first.starts_with(&PROTOCOL[..1])) {
            // Read, so that the end is a close and no reset.
            _ = Wire::new(stream).handshake().await;
            return;
        }
        sleep(script.shakes_after).await;
        let encryption = script.encrypted.unwrap_or(EncryptionPolicy::Off);
        let Some(carrier) = answer(stream, &ours, encryption).await else { return };
        self.see(|seen| seen.handshakes += 1);
        match carrier {
            Carrier::Bare(stream) => self.talk(Wire::new(stream)).await,
            Carrier::Encrypted(stream) => self.talk(Wire::new(*stream)).await,
        }
    }

    /// Handshakes that are not as they should be.
    async fn shake_by_hand(&self, mut wire: Wire, ours: &[u8; HANDSHAKE_BYTES]) {
        if self.script.is_silent {
            // Until the other side has had enough.
            _ = wire.stream.read_to_end(&mut Vec::new()).await;
        } else if wire.handshake().await.is_some() {
            self.see(|seen| seen.handshakes += 1);
            if !self.script.hangs_up {
                wire.dribble(ours).await;
                self.talk(wire).await;
            }
        }
    }

    /// Carries the script out, until it or the other side ends the connection.
    async fn talk<T: AsyncRead + AsyncWrite + Unpin>(&self, mut wire: Wire<T>) {
        let (script, geometry) = (&self.script, self.payload.torrent.geometry);
        let mut peer = Scripted::new(script, geometry, CROSSING);
        let mut random = fastrand::Rng::new();
        let (began, mut next) = (Instant::now(), Instant::now());
        let mut says = Some(&script.says);
        let mut later = Vec::new();
        loop {
            while let Some(act) = peer.acts.pop_front() {
                match act {
                    Act::Say(messages) => wire.say(&messages).await,
                    Act::Later(after, step) => later.push((Instant::now() + after, step)),
                    Act::HangUp => return,
                }
            }
            if let Some(says) = says.take() {
                wire.raw(says).await;
            }
            let soonest = (0..later.len()).min_by_key(|nth| later[*nth].0);
            let due = soonest.map_or(next, |nth| later[nth].0);
            tokio::select! {
                biased;
                () = sleep_until(due), if soonest.is_some() => {
                    let (_, step) = later.swap_remove(soonest.unwrap());
                    peer.step(began.elapsed(), script, step);
                }
                () = self.may_send(next), if peer.would_send(script) => {
                    let (block, is_right) = peer.take(began.elapsed(), script).unwrap();
                    let spec = peer.spec_of(block);
                    next = next.max(Instant::now()) + Duration::from_secs_f64(f64::from(spec.length) / script.bps as f64);
                    let mut content = self.payload.block(spec.index, spec.begin, spec.length).to_vec();
                    if !is_right {
                        content.iter_mut().for_each(|byte| *byte = !*byte);
                    }
                    self.see(|seen| {
                        seen.sent.push((Instant::now(), spec));
                        seen.unanswered = peer.owes();
                    });
                    wire.send_block(spec, &content).await;
                }
                heard = wire.read() => match heard {
                    Heard::End => return,
                    Heard::Block(header, _) => {
                        peer.block(geometry.block_at(header.index, header.begin).unwrap());
                        peer.want(script, &mut random);
                    }
                    Heard::Message(message) => {
                        peer.hear(began.elapsed(), script, std::slice::from_ref(&message));
                        peer.want(script, &mut random);
                        self.see(|seen| {
                            seen.unanswered = peer.owes();
                            match message {
                                Message::Request(spec) => seen.requests.push(spec),
                                other => seen.messages.push(other),
                            }
                        });
                    }
                },
            }
        }
    }

    /// Waits until another block may be sent.
    async fn may_send(&self, next: Instant) {
        sleep_until(next).await;
        let sent = self.seen.borrow().sent.len() as u64;
        if self.allowed.clone().wait_for(|allowed| sent < *allowed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
