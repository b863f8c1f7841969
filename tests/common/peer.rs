//! Peers that behave as a script says and remember what they were asked.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use ttui::metainfo::{Bitfield, InfoHash, PeerId};
use ttui::wire::{BlockSpec, Handshake, Message, Reserved};

use super::wire::{Heard, Wire, some_peer_id};
use super::{Payload, soon};

/// How a peer behaves. By default it has everything, unchokes whoever is interested, and sends at once.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Where it listens.
    pub(crate) ip: IpAddr,
    /// Takes connections, and says nothing.
    pub(crate) is_silent: bool,
    /// Closes a connection once it has our handshake.
    pub(crate) hangs_up: bool,
    /// Answers with this info-hash.
    pub(crate) info_hash: Option<InfoHash>,
    /// Sends its handshake byte by byte.
    pub(crate) dribbles: bool,
    /// Sends every so many blocks twice.
    pub(crate) repeats_every: Option<u64>,
    /// The pieces it has; none given: all of them.
    pub(crate) has: Option<Vec<u32>>,
    /// Pieces of which it sends wrong bytes.
    pub(crate) lies_about: Vec<u32>,
    /// Every so many blocks it sends is a wrong one.
    pub(crate) lies_every: Option<u64>,
    /// Never unchokes.
    pub(crate) chokes: bool,
    /// Chokes after every so many blocks, forgets what it was asked, and unchokes.
    pub(crate) chokes_every: Option<u64>,
    /// Blocks it sends before [`Seed::allow`] is called.
    pub(crate) allowed: u64,
    /// Payload it sends, bytes a second.
    pub(crate) bps: Option<u64>,
    /// What it sends behind its first messages.
    pub(crate) says: Vec<u8>,
    /// Sends its handshake this long after ours.
    pub(crate) shakes_after: Duration,
    /// Closes every connection this long after the handshake.
    pub(crate) leaves_after: Option<Duration>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            is_silent: false,
            hangs_up: false,
            info_hash: None,
            dribbles: false,
            repeats_every: None,
            has: None,
            lies_about: Vec::new(),
            lies_every: None,
            chokes: false,
            chokes_every: None,
            allowed: u64::MAX,
            bps: None,
            says: Vec::new(),
            shakes_after: Duration::ZERO,
            leaves_after: None,
        }
    }
}

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
        let mut wire = Wire::new(stream);
        if script.is_silent {
            // Until the other side has had enough.
            while wire.handshake().await.is_some() {}
            return;
        }
        if wire.handshake().await.is_none() {
            return;
        }
        self.see(|seen| seen.handshakes += 1);
        if script.hangs_up {
            return;
        }
        sleep(script.shakes_after).await;
        let info_hash = script.info_hash.unwrap_or_else(|| self.payload.info_hash());
        let reserved = Reserved([0, 0, 0, 0, 0, 0x10, 0, 0]);
        let handshake = Handshake { reserved, info_hash, peer_id: self.peer_id }.to_bytes();
        if script.dribbles {
            wire.dribble(&handshake).await;
        } else {
            wire.raw(&handshake).await;
        }
        wire.say(&[Message::Bitfield(self.pieces().to_bytes().into())]).await;
        wire.raw(&script.says).await;
        let stays = self.script.leaves_after.unwrap_or(Duration::MAX);
        // Whether it left or was left makes no difference here.
        let _ = timeout(stays, self.talk(&mut wire)).await;
    }

    fn pieces(&self) -> Bitfield {
        let geometry = self.payload.torrent.geometry;
        let Some(has) = &self.script.has else { return Bitfield::full(geometry.piece_count()) };
        let mut pieces = Bitfield::empty(geometry.piece_count());
        has.iter().for_each(|piece| {
            pieces.set(geometry.piece(*piece).unwrap());
        });
        pieces
    }

    async fn talk(&self, wire: &mut Wire) {
        let mut queue = VecDeque::new();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = self.may_send(next), if !queue.is_empty() => {
                    let spec: BlockSpec = queue.pop_front().unwrap();
                    if let Some(bps) = self.script.bps {
                        next = next.max(Instant::now()) + Duration::from_secs_f64(f64::from(spec.length) / bps as f64);
                    }
                    let mut content = self.payload.block(spec.index, spec.begin, spec.length).to_vec();
                    let nth = self.seen.borrow().sent.len() as u64 + 1;
                    let lies_now = self.script.lies_every.is_some_and(|every| nth.is_multiple_of(every));
                    if lies_now || self.script.lies_about.contains(&spec.index) {
                        content.iter_mut().for_each(|byte| *byte = !*byte);
                    }
                    self.see(|seen| {
                        seen.sent.push((Instant::now(), spec));
                        seen.unanswered = queue.len();
                    });
                    wire.send_block(spec, &content).await;
                    if self.script.repeats_every.is_some_and(|every| nth.is_multiple_of(every)) {
                        wire.send_block(spec, &content).await;
                    }
                    let sent = self.seen.borrow().sent.len() as u64;
                    if self.script.chokes_every.is_some_and(|every| sent.is_multiple_of(every)) {
                        queue.clear();
                        wire.say(&[Message::Choke, Message::Unchoke]).await;
                    }
                }
                heard = wire.read() => match heard {
                    Heard::End => return,
                    Heard::Block(..) => {}
                    Heard::Message(Message::Request(spec)) => {
                        queue.push_back(spec);
                        self.see(|seen| {
                            seen.requests.push(spec);
                            seen.unanswered = queue.len();
                        });
                    }
                    Heard::Message(message) => {
                        match &message {
                            Message::Interested if !self.script.chokes => wire.say(&[Message::Unchoke]).await,
                            Message::Cancel(spec) => queue.retain(|asked| asked != spec),
                            _ => {}
                        }
                        self.see(|seen| {
                            seen.messages.push(message);
                            seen.unanswered = queue.len();
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
