//! One peer of the demonstration, talking over a real socket.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::behaviour::{Behaviour, Client};
use super::content::Content;
use super::{listen, other};
use crate::metainfo::{BLOCK_LENGTH, Bitfield, InfoHash, PeerId};
use crate::wire::{
    BlockSpec, ExtensionHandshake, HANDSHAKE_BYTES, Handshake, MAX_FRAME, Message, PieceHeader, Reserved,
};

/// Blocks a peer that falls silent sends before.
const FEW_BLOCKS: u32 = 24;
/// How long a peer that leaves stays.
const STAY: Duration = Duration::from_secs(20);
/// Requests a caller keeps out.
const CALLER_REQUESTS: usize = 8;

/// A peer: what it has, what it does, who it says it is.
pub(super) struct Host {
    pub(super) content: Arc<Content>,
    pub(super) info_hash: InfoHash,
    pub(super) behaviour: Behaviour,
    pub(super) client: Client,
    /// Payload it sends (or, calling, asks for), bytes a second.
    pub(super) bps: u64,
    /// Its place in the cast, for every choice that is to differ from peer to peer.
    pub(super) number: u64,
}

/// What a peer does as long as the demonstration lasts.
pub(super) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Host {
    /// Takes a place on loopback: its address, and what it does there.
    pub(super) async fn settle(self, ip: Ipv4Addr) -> io::Result<(SocketAddr, Serving)> {
        let listener = listen(ip).await?;
        let addr = listener.local_addr()?;
        let serving: Serving = match self.behaviour {
            Behaviour::Refuses => Box::pin(async {}),
            Behaviour::NoAnswer => {
                drop(listener);
                Box::pin(FullQueue::at(addr).await?.keep())
            }
            _ => Box::pin(Arc::new(self).accept(listener)),
        };
        Ok((addr, serving))
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut served = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let host = Arc::clone(&self);
            served.spawn(async move {
                // However a connection ends, the peer waits for the next.
                let _ = host.serve(stream).await;
            });
            while served.try_join_next().is_some() {}
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut theirs = [0; HANDSHAKE_BYTES];
        if self.behaviour == Behaviour::SaysNothing {
            sleep(Duration::from_secs(60)).await;
            return Ok(());
        }
        stream.read_exact(&mut theirs).await?;
        // A network's delay, so that the times on the screen are not all zero.
        sleep(Duration::from_millis(12 + self.number * 31 % 140)).await;
        match self.behaviour {
            Behaviour::HangsUp => return Ok(()),
            Behaviour::Web => {
                return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
            }
            Behaviour::Resets => return stream.set_zero_linger(),
            Behaviour::CutsShort => return stream.write_all(&self.handshake(self.info_hash)[..40]).await,
            Behaviour::OtherTorrent => return stream.write_all(&self.handshake(other(self.info_hash))).await,
            _ => stream.write_all(&self.handshake(self.info_hash)).await?,
        }
        let mut out = BytesMut::new();
        Message::Bitfield(self.pieces().to_bytes().into()).encode(&mut out);
        self.extension_handshake().encode(&mut out);
        if self.behaviour == Behaviour::Shares {
            Message::Interested.encode(&mut out);
        }
        stream.write_all(&out).await?;
        let talk = self.talk(&mut stream);
        if self.behaviour == Behaviour::Leaves {
            return timeout(STAY, talk).await.unwrap_or(Ok(()));
        }
        talk.await
    }

    /// Serves requests at its pace, as far as its behaviour goes.
    async fn talk(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut random = fastrand::Rng::with_seed(self.number);
        let mut block = vec![0; BLOCK_LENGTH as usize];
        let mut sent = 0;
        let mut next = Instant::now();
        loop {
            match read_message(stream).await? {
                Message::Interested if self.behaviour != Behaviour::Chokes => {
                    sleep(Duration::from_millis(random.u64(100..1500))).await;
                    send(stream, &Message::Unchoke).await?;
                }
                Message::Request(wanted) => {
                    if self.behaviour == Behaviour::FallsSilent && sent >= FEW_BLOCKS {
                        continue;
                    }
                    let length = wanted.length.min(BLOCK_LENGTH) as usize;
                    let Some(piece) = self.content.geometry.piece(wanted.index) else { return Ok(()) };
                    // Not a steady flow: a graph of one would be dull, and no network is steady.
                    let pace = self.bps as f64 * (0.55 + 0.9 * random.f64());
                    next = next.max(Instant::now()) + Duration::from_secs_f64(length as f64 / pace.max(1.0));
                    sleep_until(next).await;
                    self.content.fill(
                        self.content.geometry.offset_of(piece) + u64::from(wanted.begin),
                        &mut block[..length],
                    );
                    let header =
                        PieceHeader { index: wanted.index, begin: wanted.begin, length: length as u32 };
                    stream.write_all(&header.to_bytes()).await?;
                    stream.write_all(&block[..length]).await?;
                    sent += 1;
                }
                _ => {}
            }
        }
    }

    /// Connects to us and asks for what we have.
    pub(super) async fn call(&self, to: SocketAddr) {
        if let Ok(stream) = TcpStream::connect(to).await {
            // When we close it, it has had what it came for.
            let _ = self.ask(stream).await;
        }
    }

    async fn ask(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(&self.handshake(self.info_hash)).await?;
        let mut theirs = [0; HANDSHAKE_BYTES];
        stream.read_exact(&mut theirs).await?;
        let mut out = BytesMut::new();
        self.extension_handshake().encode(&mut out);
        Message::Interested.encode(&mut out);
        stream.write_all(&out).await?;
        let mut random = fastrand::Rng::with_seed(self.number);
        let mut has: Vec<u32> = Vec::new();
        let (mut unchoked, mut requests_out) = (false, 0);
        let mut next = Instant::now();
        loop {
            while unchoked && requests_out < CALLER_REQUESTS && !has.is_empty() {
                let index = has[random.usize(..has.len())];
                let Some(piece) = self.content.geometry.piece(index) else { break };
                let begin = random.u32(..self.content.geometry.blocks_in(piece)) * BLOCK_LENGTH;
                let length = self.content.geometry.length_of(piece).saturating_sub(begin).min(BLOCK_LENGTH);
                next = next.max(Instant::now())
                    + Duration::from_secs_f64(f64::from(length) / self.bps.max(1) as f64);
                sleep_until(next).await;
                send(&mut stream, &Message::Request(BlockSpec { index, begin, length })).await?;
                requests_out += 1;
            }
            match read_message(&mut stream).await? {
                Message::Unchoke => unchoked = true,
                Message::Choke => (unchoked, requests_out) = (false, 0),
                Message::Have(piece) => has.push(piece),
                Message::Bitfield(bits) => {
                    let pieces = Bitfield::from_bytes(&bits, self.content.geometry.piece_count());
                    has.extend(pieces.iter().flat_map(Bitfield::numbers));
                }
                Message::Piece(_) => requests_out -= 1,
                _ => {}
            }
        }
    }

    fn handshake(&self, info_hash: InfoHash) -> [u8; HANDSHAKE_BYTES] {
        let mut peer_id = PeerId::ours(self.number + 1);
        peer_id.0[..8].copy_from_slice(self.client.prefix);
        Handshake { reserved: Reserved([0, 0, 0, 0, 0, 0x10, 0, 0]), info_hash, peer_id }.to_bytes()
    }

    fn extension_handshake(&self) -> Message {
        let handshake = ExtensionHandshake {
            messages: vec![("ut_pex".to_owned(), 1)],
            client: Some(self.client.name.to_owned()),
            reqq: Some(250),
            ..ExtensionHandshake::default()
        };
        Message::Extended { id: 0, payload: handshake.encode().into() }
    }

    fn pieces(&self) -> Bitfield {
        let geometry = self.content.geometry;
        if self.behaviour != Behaviour::Shares {
            return Bitfield::full(geometry.piece_count());
        }
        let mut random = fastrand::Rng::with_seed(self.number);
        let mut some = Bitfield::empty(geometry.piece_count());
        for piece in geometry.pieces().filter(|_| random.f64() < 0.61) {
            some.set(piece);
        }
        some
    }
}

/// A listener whose queue is full, so that the system drops every further try to connect.
struct FullQueue {
    _listener: std::net::TcpListener,
    _fillers: Vec<TcpStream>,
}

impl FullQueue {
    async fn at(addr: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, None)?;
        socket.bind(&addr.into())?;
        socket.listen(0)?;
        socket.set_nonblocking(true)?;
        let mut fillers = Vec::new();
        // How many fit differs from system to system; the first that hangs says that it is full.
        while let Ok(Ok(filler)) = timeout(Duration::from_millis(60), TcpStream::connect(addr)).await {
            fillers.push(filler);
            if fillers.len() > 16 {
                break;
            }
        }
        Ok(Self { _listener: socket.into(), _fillers: fillers })
    }

    async fn keep(self) {
        std::future::pending::<()>().await;
    }
}

async fn send(stream: &mut TcpStream, message: &Message) -> io::Result<()> {
    let mut out = BytesMut::new();
    message.encode(&mut out);
    stream.write_all(&out).await
}

async fn read_message(stream: &mut TcpStream) -> io::Result<Message> {
    let length = stream.read_u32().await? as usize;
    if length == 0 {
        return Ok(Message::KeepAlive);
    }
    if length > MAX_FRAME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Message::decode(&frame).map_err(|_| io::ErrorKind::InvalidData.into())
}
