//! One scripted peer: it listens, comes and goes, and serves one connection at a time as its script says.

use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use ttui::wire::{BlockSpec, HANDSHAKE_BYTES, Message, PIECE_HEADER_BYTES, PROTOCOL, PieceHeader};

use super::payload::Payload;
use super::script::{NEVER, PeerScript, SwarmScript};
use super::swarm_ledger::Ledger;

/// Requests that a peer says it queues, and those it does queue: some clients send a few too many.
const REQQ: usize = 500;
const MOST_QUEUED: usize = 2000;
/// The reserved bits of the extension protocol and the fast extension.
const RESERVED: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0x04];
/// A peer that could not send in time (the machine was busy) catches up on this much.
const CATCH_UP: Duration = Duration::from_millis(250);
/// The least a socket buffers, in bytes.
const LEAST_BUFFER: usize = 8 * 1024;

/// What the peers of a swarm share.
pub(crate) struct Swarm {
    pub(crate) payload: Payload,
    pub(crate) info_hash: [u8; 20],
    pub(crate) script: SwarmScript,
    pub(crate) clock: Clock,
    pub(crate) ledger: RefCell<Ledger>,
    /// Where the downloader listens, once it has announced.
    pub(crate) downloader: OnceCell<SocketAddr>,
}

/// Time since the first announce.
#[derive(Default)]
pub(crate) struct Clock {
    began: OnceCell<Instant>,
    begins: Notify,
}

impl Clock {
    /// Starts it; whether it did not run before.
    pub(crate) fn start(&self) -> bool {
        let starts = self.began.set(Instant::now()).is_ok();
        self.begins.notify_waiters();
        starts
    }

    /// How long it has run.
    pub(crate) fn now(&self) -> Duration {
        self.began.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    fn now_ms(&self) -> u64 {
        self.now().as_millis() as u64
    }

    /// The instant of this time; `None` before the clock runs, and for a time that never comes.
    fn instant(&self, ms: u64) -> Option<Instant> {
        let began = self.began.get()?;
        (ms != NEVER).then(|| *began + Duration::from_millis(ms))
    }

    /// Returns at this time.
    async fn reaches(&self, ms: u64) {
        while self.began.get().is_none() {
            self.begins.notified().await;
        }
        match self.instant(ms) {
            Some(instant) => sleep_until(instant).await,
            None => pending().await,
        }
    }
}

/// A peer and the address it has, listening or not.
pub(crate) struct Peer {
    swarm: Rc<Swarm>,
    number: usize,
    addr: SocketAddr,
}

impl Peer {
    /// Takes an address for it, and returns what serves there.
    pub(crate) fn start(swarm: &Rc<Swarm>, number: usize, ip: Ipv4Addr) -> (SocketAddr, impl Future + use<>) {
        let socket = socket(SocketAddr::from((ip, 0)));
        let addr = socket.local_addr().unwrap();
        let peer = Self { swarm: Rc::clone(swarm), number, addr };
        // A peer that is there from the beginning listens before anybody can ask.
        let listener = peer.script().here.at(0).0.then(|| listen(socket));
        (addr, peer.run(listener))
    }

    fn script(&self) -> &PeerScript {
        &self.swarm.script.peers[self.number]
    }

    async fn run(self, mut listener: Option<TcpListener>) {
        loop {
            let now = self.swarm.clock.now_ms();
            let (here, until) = self.script().here.at(now);
            if here {
                let comes = now > 0 && self.script().dials;
                let there = listener.take().unwrap_or_else(|| listen(socket(self.addr)));
                tokio::select! {
                    () = self.serve(&there, comes) => {}
                    () = self.swarm.clock.reaches(until) => {}
                }
            } else {
                self.swarm.clock.reaches(until).await;
            }
        }
    }

    /// Serves one connection after another.
    async fn serve(&self, listener: &TcpListener, dials: bool) {
        let mut serving: Option<Pin<Box<dyn Future<Output = io::Result<()>> + '_>>> = None;
        if dials && let Some(downloader) = self.swarm.downloader.get() {
            serving = Some(Box::pin(self.dial(*downloader)));
        }
        loop {
            let ended = async {
                match &mut serving {
                    Some(connection) => connection.await,
                    None => pending().await,
                }
            };
            let accepted = tokio::select! {
                // Nothing is amiss when the other end closes.
                _ = ended => None,
                accepted = listener.accept() => Some(accepted),
            };
            serving = match (accepted, serving) {
                (Some(Ok((stream, _))), None) => Some(Box::pin(self.accepted(stream))),
                // A second connection is closed at once.
                (Some(_), connection) => connection,
                (None, _) => None,
            };
        }
    }

    async fn dial(&self, downloader: SocketAddr) -> io::Result<()> {
        let mut from = self.addr;
        from.set_port(0);
        let mut stream = socket(from).connect(downloader).await?;
        stream.write_all(&self.handshake()).await?;
        let fast = self.their_handshake(&mut stream).await?;
        Connection::new(self, stream, fast)?.run().await
    }

    async fn accepted(&self, mut stream: TcpStream) -> io::Result<()> {
        let fast = self.their_handshake(&mut stream).await?;
        stream.write_all(&self.handshake()).await?;
        Connection::new(self, stream, fast)?.run().await
    }

    fn handshake(&self) -> Vec<u8> {
        let mut ours = PROTOCOL.to_vec();
        ours.extend(RESERVED);
        ours.extend(self.swarm.info_hash);
        ours.extend(format!("-XX0001-{:06}{:06}", self.number, self.addr.port()).bytes());
        ours
    }

    /// Reads it; whether both ends take the fast extension.
    async fn their_handshake(&self, stream: &mut TcpStream) -> io::Result<bool> {
        stream.set_nodelay(true)?;
        let mut theirs = [0; HANDSHAKE_BYTES];
        stream.read_exact(&mut theirs).await?;
        if &theirs[..20] != PROTOCOL || theirs[28..48] != self.swarm.info_hash {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(theirs[27] & RESERVED[7] != 0)
    }
}

/// A socket at an address that may have been used before.
fn socket(addr: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(addr).unwrap();
    socket
}

fn listen(socket: TcpSocket) -> TcpListener {
    socket.listen(16).unwrap()
}

/// A block under way.
struct Sending {
    block: BlockSpec,
    bytes: Vec<u8>,
    sent: usize,
}

/// A connection after its handshakes.
struct Connection<'a> {
    peer: &'a Peer,
    stream: TcpStream,
    fast: bool,
    interested: bool,
    choking: bool,
    /// What the other end has sent and nobody has looked at.
    unread: BytesMut,
    /// What is to be written before anything else, and what follows when the block under way is complete.
    out: BytesMut,
    later: BytesMut,
    /// Requests, and when they are answered at the earliest.
    queue: VecDeque<(Instant, BlockSpec)>,
    sending: Option<Sending>,
    /// When the line is free for more.
    free_at: Instant,
    /// How many of the script's gains were announced.
    gained: usize,
    random: fastrand::Rng,
}

impl<'a> Connection<'a> {
    fn new(peer: &'a Peer, stream: TcpStream, fast: bool) -> io::Result<Self> {
        let script = peer.script();
        // What waits in a socket cannot be taken back, and has left for the ledger.
        SockRef::from(&stream).set_send_buffer_size(LEAST_BUFFER.max(2 * step_bytes(script.rate)))?;
        peer.swarm.ledger.borrow_mut().peer(peer.number).connections += 1;
        Ok(Self {
            peer,
            stream,
            fast,
            interested: false,
            choking: true,
            unread: BytesMut::new(),
            out: BytesMut::new(),
            later: BytesMut::new(),
            queue: VecDeque::new(),
            sending: None,
            free_at: Instant::now(),
            gained: 0,
            random: fastrand::Rng::with_seed(peer.number as u64),
        })
    }

    async fn run(mut self) -> io::Result<()> {
        self.greet();
        loop {
            let wake_at = self.write()?;
            let wakes = async {
                match wake_at {
                    Some(instant) => sleep_until(instant).await,
                    None => pending().await,
                }
            };
            let blocked = !self.out.is_empty();
            tokio::select! {
                readable = self.stream.readable() => {
                    readable?;
                    match self.stream.try_read_buf(&mut self.unread) {
                        Ok(0) => return Ok(()),
                        Ok(_) => self.read()?,
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                writable = self.stream.writable(), if blocked => writable?,
                () = wakes => {}
            }
        }
    }

    /// What it has, and where it listens.
    fn greet(&mut self) {
        let Peer { swarm, addr, .. } = self.peer;
        let port = addr.port();
        let payload = format!("d1:mde1:pi{port}e4:reqqi{REQQ}e1:v8:scriptede");
        self.say(&Message::Extended { id: 0, payload: Bytes::from(payload) });
        let pieces = swarm.payload.piece_count();
        let now = swarm.clock.now_ms();
        let script = self.peer.script();
        let mut bits = vec![0_u8; pieces.div_ceil(8)];
        let mut set = |piece: usize| bits[piece / 8] |= 0x80 >> (piece % 8);
        match &script.pieces {
            Some(some) => some.iter().for_each(|piece| set(*piece as usize)),
            None => (0..pieces).for_each(&mut set),
        }
        self.gained = script.gains.partition_point(|(_, at)| *at <= now);
        script.gains[..self.gained].iter().for_each(|(piece, _)| set(*piece as usize));
        self.say(&Message::Bitfield(Bytes::from(bits)));
    }

    /// Between the blocks.
    fn say(&mut self, message: &Message) {
        message.encode(&mut self.later);
    }

    /// Looks at all messages that have come.
    fn read(&mut self) -> io::Result<()> {
        while let Some(length) = self.unread.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
        {
            if self.unread.len() < 4 + length {
                break;
            }
            let frame = self.unread.split_to(4 + length);
            let message = Message::decode(&frame[4..]).map_err(io::Error::other)?;
            self.hear(&message);
        }
        Ok(())
    }

    fn hear(&mut self, message: &Message) {
        match message {
            Message::Interested => self.interested = true,
            Message::Request(block) => self.asked(*block),
            Message::Cancel(block) => {
                self.peer.swarm.ledger.borrow_mut().peer(self.peer.number).cancels += 1;
                if let Some(at) = self.queue.iter().position(|(_, queued)| queued == block) {
                    self.queue.remove(at);
                    self.refuse(*block);
                }
            }
            _ => {}
        }
    }

    fn asked(&mut self, block: BlockSpec) {
        let script = self.peer.script();
        let mut ledger = self.peer.swarm.ledger.borrow_mut();
        let mine = ledger.peer(self.peer.number);
        mine.requests += 1;
        let unwilling =
            self.fast && script.refuses_every > 0 && mine.requests.is_multiple_of(script.refuses_every);
        mine.refused += u64::from(unwilling);
        drop(ledger);
        if unwilling || self.choking || self.queue.len() >= MOST_QUEUED {
            self.refuse(block);
        } else {
            self.queue.push_back((Instant::now() + Duration::from_millis(script.latency_ms), block));
        }
    }

    /// Says that this block will not come, if the other end understands that.
    fn refuse(&mut self, block: BlockSpec) {
        if self.fast {
            self.say(&Message::Reject(block));
        }
    }

    /// Does what is due by the script; when there is more.
    fn follow_script(&mut self) -> Option<Instant> {
        let (clock, script) = (&self.peer.swarm.clock, self.peer.script());
        let now = clock.now_ms();
        let gains = &script.gains[self.gained..];
        let due = gains.iter().take_while(|(_, at)| *at <= now).count();
        gains[..due].iter().for_each(|(piece, _)| self.say(&Message::Have(*piece)));
        self.gained += due;
        let next_gain = gains.get(due).map_or(NEVER, |(_, at)| *at);
        let (serves, until) = script.serves.at(now);
        if self.choking && serves && self.interested {
            self.choking = false;
            self.say(&Message::Unchoke);
        } else if !self.choking && !serves {
            self.choking = true;
            self.say(&Message::Choke);
            for (_, block) in std::mem::take(&mut self.queue) {
                self.refuse(block);
            }
        }
        clock.instant(until.min(next_gain))
    }

    /// Writes all that is due; when there is more to do.
    fn write(&mut self) -> io::Result<Option<Instant>> {
        let next = self.follow_script();
        let rate = self.peer.script().rate as f64;
        loop {
            while !self.out.is_empty() {
                match self.stream.try_write(&self.out) {
                    Ok(n) => drop(self.out.split_to(n)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(next),
                    Err(error) => return Err(error),
                }
            }
            let now = Instant::now();
            let Some(sending) = &mut self.sending else {
                if !self.later.is_empty() {
                    self.out = self.later.split();
                } else if let Some(at) = self.begin(now)? {
                    return Ok(earlier(next, at));
                }
                continue;
            };
            if now < self.free_at {
                return Ok(earlier(next, Some(self.free_at)));
            }
            let end = sending.bytes.len().min(sending.sent + step_bytes(self.peer.script().rate));
            let some = &sending.bytes[sending.sent..end];
            self.out.extend_from_slice(some);
            self.free_at =
                self.free_at.max(now - CATCH_UP) + Duration::from_secs_f64(some.len() as f64 / rate);
            let Swarm { ledger, clock, .. } = &*self.peer.swarm;
            let of_block =
                end.saturating_sub(PIECE_HEADER_BYTES) - sending.sent.saturating_sub(PIECE_HEADER_BYTES);
            ledger.borrow_mut().sent(self.peer.number, of_block as u64);
            sending.sent = end;
            if end == sending.bytes.len() {
                ledger.borrow_mut().completed(self.peer.number, sending.block, clock.now());
                self.sending = None;
            }
        }
    }

    /// Begins with the next block; where there is none, when there may be.
    fn begin(&mut self, now: Instant) -> io::Result<Option<Option<Instant>>> {
        let due = self.queue.partition_point(|(at, _)| *at <= now);
        if due == 0 {
            return Ok(Some(self.queue.front().map(|(at, _)| *at)));
        }
        let at = if self.peer.script().shuffles { self.random.usize(..due) } else { 0 };
        let Some((asked_for, block)) = self.queue.remove(at) else { return Ok(Some(None)) };
        let header = PieceHeader { index: block.index, begin: block.begin, length: block.length };
        let (beginning, rest) = self.peer.swarm.payload.block(header)?;
        self.sending = Some(Sending { block, bytes: [&beginning[..], rest].concat(), sent: 0 });
        // The line was idle before somebody asked.
        self.free_at = self.free_at.max(asked_for);
        Ok(None)
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}

/// How much of a block leaves at once: a tenth of a second's worth, at most 2 KiB, and no less than 5 ms' worth.
fn step_bytes(rate: u64) -> usize {
    (rate / 10).clamp(64, 2048).max(rate / 200) as usize
}
