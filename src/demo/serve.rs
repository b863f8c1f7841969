//! One peer of the demonstration: a connection of the engine over a real socket, and what the peer does with it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::behaviour::{Behaviour, Client};
use super::content::Content;
use super::{listen, other};
use crate::engine::clock::Clock;
use crate::engine::handshake::{Over, Steps, accept, dial};
use crate::engine::limit::Limit;
use crate::engine::line::Line;
use crate::engine::link::Report;
use crate::engine::mailbox;
use crate::engine::mse::{Carrier, Mse};
use crate::engine::peer::{Common, run_over};
use crate::engine::pool::BlockPool;
use crate::engine::upload::{BlockSource, ReadFuture};
use crate::engine::utp::Utp;
use crate::event::Encryption;
use crate::metainfo::{BLOCK_LENGTH, Bitfield, BlockRef, InfoHash, PeerId, PieceIndex};
use crate::peer::{ConnKey, Handshaken, Holdings, METADATA_MESSAGE, News, Order, Ours, PEX_MESSAGE};
use crate::wire::{
    ExtensionHandshake, HANDSHAKE_BYTES, Handshake, METADATA_NAME, PEX_NAME, Pex, PexFlags, Reserved,
};

/// Blocks a peer that falls silent sends before.
const FEW_BLOCKS: u32 = 24;
/// How long a peer that leaves stays.
const STAY: Duration = Duration::from_secs(20);
/// Requests a caller keeps out.
const CALLER_REQUESTS: u32 = 8;
/// Every connection has its own channels, and needs no other name.
const CONN: ConnKey = ConnKey(0);

/// A peer: what it has, what it does, who it says it is.
pub(super) struct Host {
    pub(super) content: Arc<Content>,
    pub(super) info_hash: InfoHash,
    pub(super) behaviour: Behaviour,
    pub(super) client: Client,
    /// Payload it sends (or, calling, asks for), bytes a second.
    pub(super) bps: u64,
    /// The peers that it names to others (BEP 11).
    pub(super) names: Vec<SocketAddr>,
    /// Its place in the cast, for every choice that is to differ from peer to peer.
    pub(super) number: u64,
    pub(super) clock: Clock,
}

/// What a peer does as long as the demonstration lasts.
pub(super) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Host {
    /// Takes a place on loopback: its address, and what it does there.
    pub(super) async fn settle(self, ip: Ipv4Addr) -> io::Result<(SocketAddr, Serving)> {
        if self.behaviour == Behaviour::SeedsOverUtp {
            return self.settle_over_utp(ip);
        }
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

    /// The same, where nothing listens over TCP.
    fn settle_over_utp(self, ip: Ipv4Addr) -> io::Result<(SocketAddr, Serving)> {
        let at = |ip: Ipv4Addr| Utp::alone((ip, 0).into(), self.clock, self.number);
        let (utp, addr, driving) = at(ip).or_else(|_| at(Ipv4Addr::LOCALHOST))?;
        let host = Arc::new(self);
        let accepting = async move {
            let mut served = JoinSet::new();
            loop {
                let (stream, _) = utp.accept().await;
                let host = Arc::clone(&host);
                served.spawn(async move { host.shake_and_talk(Line::Utp(stream)).await });
                while served.try_join_next().is_some() {}
            }
        };
        let serving = async {
            tokio::select! {
                () = driving => {}
                () = accepting => {}
            }
        };
        Ok((addr, Box::pin(serving)))
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
        if self.behaviour == Behaviour::SaysNothing {
            sleep(Duration::from_secs(60)).await;
            return Ok(());
        }
        // A network's delay, so that the times on the screen are not all zero.
        sleep(Duration::from_millis(12 + self.number * 31 % 140)).await;
        let wrong = match self.behaviour {
            Behaviour::HangsUp | Behaviour::Resets => Vec::new(),
            Behaviour::Web => b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec(),
            Behaviour::CutsShort => self.handshake(self.info_hash).to_bytes()[..40].to_vec(),
            Behaviour::OtherTorrent => self.handshake(other(self.info_hash)).to_bytes().to_vec(),
            _ => {
                self.shake_and_talk(Line::from(stream)).await;
                return Ok(());
            }
        };
        stream.read_exact(&mut [0; HANDSHAKE_BYTES]).await?;
        if self.behaviour == Behaviour::Resets {
            stream.set_zero_linger()?;
        }
        stream.write_all(&wrong).await
    }

    async fn shake_and_talk(&self, line: Line) {
        let (mse, steps) = self.privacy();
        if let Ok((carrier, peer)) = accept(line, self.handshake(self.info_hash).into(), &mse, &steps).await {
            let stays = if self.behaviour == Behaviour::Leaves { STAY } else { Duration::MAX };
            // Whether it left or was left makes no difference here.
            let _ = timeout(stays, self.talk(carrier, peer)).await;
        }
    }

    /// Connects to us and asks for what we have.
    pub(super) async fn call(&self, to: SocketAddr) {
        let (mse, steps) = self.privacy();
        let ours = self.handshake(self.info_hash);
        if let Ok((carrier, peer)) = dial(to, Over::Tcp, &ours, Encryption::Plain, &mse, &steps).await {
            // When we close it, it has had what it came for.
            self.talk(carrier, peer).await;
        }
    }

    /// Plain or encrypted, as the caller likes; nobody is told the steps.
    fn privacy(&self) -> (Mse, Steps) {
        (Mse::new(Default::default(), self.number), Steps::untold(self.clock))
    }

    /// Has the engine carry the connection, and says what to do on it, to its end.
    async fn talk(&self, carrier: Carrier, peer: Handshaken) {
        let source: Arc<dyn BlockSource> = Arc::new(Source {
            content: Arc::clone(&self.content),
            falls_silent: self.behaviour == Behaviour::FallsSilent,
            sent: AtomicU32::new(0),
        });
        let common = Arc::new(Common {
            ours: Arc::new(Ours::with(
                self.introduction(),
                Holdings::new(self.content.geometry, self.pieces())
                    .with_info(Some(self.content.info.clone())),
            )),
            clock: self.clock,
            pool: BlockPool::new(CALLER_REQUESTS as usize),
            source: source.into(),
            up: Arc::new(Limit::new(Some(self.bps))),
        });
        let (orders_to, orders) = mpsc::unbounded_channel();
        let (reports_to, reports) = mailbox::channel(8);
        let deciding = self.decide(&common.up, &orders_to, reports);
        let connection = run_over(carrier, peer, CONN, Arc::clone(&common), orders, reports_to);
        tokio::join!(connection, deciding);
    }

    /// Unchokes and asks as far as its behaviour goes, until the connection is over.
    async fn decide(
        &self,
        up: &Limit,
        orders: &mpsc::UnboundedSender<Order>,
        mut reports: mailbox::Receiver<(ConnKey, Report)>,
    ) {
        // A connection that is over takes no more orders, and says so in its last report.
        let order = |order| drop(orders.send(order));
        let mut random = fastrand::Rng::with_seed(self.number);
        let mut theirs: Vec<PieceIndex> = Vec::new();
        if matches!(self.behaviour, Behaviour::Shares | Behaviour::Calls) {
            order(Order::Interested(true));
        }
        while let Some((_, report)) = reports.recv().await {
            match report {
                Report::News(News::Interested(true)) if self.behaviour != Behaviour::Chokes => {
                    sleep(Duration::from_millis(random.u64(100..1500))).await;
                    order(Order::Choke(false));
                }
                Report::News(News::Introduced(_)) if !self.names.is_empty() => {
                    let added = self.names.iter().map(|addr| (*addr, PexFlags::SEED)).collect();
                    order(Order::Name(Pex { added, dropped: Vec::new() }));
                }
                // Not a steady flow: a graph of one would be dull, and no network is steady.
                Report::News(News::Sample(_)) => {
                    let pace = self.bps as f64 * (0.55 + 0.9 * random.f64());
                    up.set(self.clock.now(), Some(pace as u64));
                }
                Report::News(News::Has(pieces)) => {
                    theirs.extend(pieces.numbers().filter_map(|number| self.content.geometry.piece(number)));
                }
                Report::News(News::Have(pieces)) => theirs.extend(pieces),
                Report::Blocks { window, .. } if self.behaviour == Behaviour::Calls && !theirs.is_empty() => {
                    let more = CALLER_REQUESTS.saturating_sub(window.granted + window.outstanding);
                    let bytes = f64::from(more * BLOCK_LENGTH);
                    sleep(Duration::from_secs_f64(bytes / self.bps.max(1) as f64)).await;
                    let blocks = (0..more).map(|_| self.any_block(&theirs, &mut random)).collect();
                    order(Order::Grant(blocks));
                }
                _ => {}
            }
        }
    }

    fn any_block(&self, of: &[PieceIndex], random: &mut fastrand::Rng) -> BlockRef {
        let blocks: Vec<BlockRef> = self.content.geometry.blocks_of(of[random.usize(..of.len())]).collect();
        blocks[random.usize(..blocks.len())]
    }

    fn handshake(&self, info_hash: InfoHash) -> Handshake {
        let mut peer_id = PeerId::ours(self.number + 1);
        peer_id.0[..8].copy_from_slice(self.client.prefix);
        Handshake { reserved: Reserved([0, 0, 0, 0, 0, 0x10, 0, 0]), info_hash, peer_id }
    }

    fn introduction(&self) -> ExtensionHandshake {
        ExtensionHandshake {
            messages: [(PEX_NAME, PEX_MESSAGE), (METADATA_NAME, METADATA_MESSAGE)]
                .map(|(name, number)| (name.to_owned(), number))
                .to_vec(),
            client: Some(self.client.name.to_owned()),
            reqq: Some(250),
            ..ExtensionHandshake::default()
        }
    }

    fn pieces(&self) -> Bitfield {
        let geometry = self.content.geometry;
        let mut random = fastrand::Rng::with_seed(self.number);
        let part = match self.behaviour {
            Behaviour::Shares => 0.61,
            Behaviour::Calls => 0.0,
            _ => return Bitfield::full(geometry.piece_count()),
        };
        let mut some = Bitfield::empty(geometry.piece_count());
        for piece in geometry.pieces().filter(|_| random.f64() < part) {
            some.set(piece);
        }
        some
    }
}

/// Where the blocks of one connection come from.
struct Source {
    content: Arc<Content>,
    falls_silent: bool,
    sent: AtomicU32,
}

impl BlockSource for Source {
    fn read(&self, piece: PieceIndex, begin: u32, length: u32) -> ReadFuture {
        let blocks = length.div_ceil(BLOCK_LENGTH);
        if self.falls_silent && self.sent.fetch_add(blocks, Ordering::Relaxed) >= FEW_BLOCKS {
            return Box::pin(std::future::pending());
        }
        let mut bytes = vec![0; length as usize];
        self.content.fill(self.content.geometry.offset_of(piece) + u64::from(begin), &mut bytes);
        Box::pin(std::future::ready(Ok(Bytes::from(bytes))))
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
