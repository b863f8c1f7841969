mod abuse;
mod asking;
mod ending;
mod serving;
mod talking;

use bytes::Bytes;
use tokio::io::{DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};

use super::*;
use crate::engine::testpeer::{Heard, PATIENCE, Wire, block_content, content};
use crate::engine::upload::ReadFuture;
use crate::metainfo::{Bitfield, BlockRef, Geometry, InfoHash, PeerId, PieceIndex};
use crate::peer::upload::OFFERED_REQQ;
use crate::peer::{Holdings, introduction};
use crate::swarm::WindowState;
use crate::wire::{BlockSpec, ExtensionHandshake, Message, OUR_NAME, PieceHeader, Reserved};

const PIECE: u32 = 100_000;
const CONN: ConnKey = ConnKey(5);

struct Disk {
    fails: bool,
}

impl BlockSource for Disk {
    fn read(&self, piece: PieceIndex, begin: u32, length: u32) -> ReadFuture {
        let bytes: Vec<u8> = (begin..begin + length).map(|at| content(piece.number(), at)).collect();
        let fails = self.fails;
        Box::pin(async move { if fails { Err(io::ErrorKind::Other.into()) } else { Ok(Bytes::from(bytes)) } })
    }
}

fn geometry() -> Geometry {
    Geometry::new(20 * u64::from(PIECE) - 5, PIECE).unwrap()
}

fn piece(number: u32) -> PieceIndex {
    geometry().piece(number).unwrap()
}

fn blocks(n: usize) -> Vec<BlockRef> {
    geometry().pieces().flat_map(|piece| geometry().blocks_of(piece)).take(n).collect()
}

fn spec(block: BlockRef) -> BlockSpec {
    BlockSpec { index: block.piece().number(), begin: block.begin(), length: geometry().block_length(block) }
}

/// How the connection under test begins.
#[derive(Clone, Copy)]
struct Begin {
    have: &'static [u32],
    reserved: [u8; 8],
    disk_fails: bool,
    up_bps: Option<u64>,
}

const PLAIN: Begin = Begin { have: &[], reserved: [0; 8], disk_fails: false, up_bps: None };
const MODERN: Begin = Begin { reserved: Reserved::OURS.0, ..PLAIN };

/// A running peer task, and both of its other ends.
struct World<T> {
    peer: Wire<T>,
    orders: UnboundedSender<Order>,
    reports: mailbox::Receiver<(ConnKey, Report)>,
    common: Arc<Common>,
}

fn start<A: Transport, B: Transport>(begin: Begin, (here, there): (A, B)) -> World<B> {
    let mut have = Bitfield::empty(geometry().piece_count());
    begin.have.iter().for_each(|&number| {
        have.set(piece(number));
    });
    let common = Arc::new(Common {
        ours: Arc::new(Ours::with(introduction(Some(6881), true, true), Holdings::new(geometry(), have))),
        clock: Clock::start(),
        pool: BlockPool::new(100),
        source: (Arc::new(Disk { fails: begin.disk_fails }) as Arc<dyn BlockSource>).into(),
        up: Arc::new(Limit::new(begin.up_bps)),
    });
    let shaken = Handshaken {
        info_hash: InfoHash([7; 20]),
        peer_id: PeerId::ours(2),
        reserved: Reserved(begin.reserved),
        overhead: Overhead::default(),
    };
    let (orders, orders_here) = mpsc::unbounded_channel();
    let (reports_there, reports) = mailbox::channel(1000);
    tokio::spawn(run(here, shaken, CONN, Arc::clone(&common), orders_here, reports_there));
    World { peer: Wire::new(there), orders, reports, common }
}

fn piped(begin: Begin) -> World<DuplexStream> {
    start(begin, duplex(1 << 20))
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0, there)
}

impl<T: Transport> World<T> {
    async fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    /// What we have.
    fn holdings(&self) -> &Holdings {
        self.common.ours.holdings.get().unwrap()
    }

    /// The next report that is no sample.
    async fn report(&mut self) -> Report {
        loop {
            let (conn, report) =
                timeout(PATIENCE, self.reports.recv()).await.expect("no report").expect("ended");
            assert_eq!(conn, CONN);
            if !matches!(report, Report::News(News::Sample(_) | News::Traffic { .. } | News::Stream(_))) {
                return report;
            }
        }
    }

    async fn has(&mut self) -> Bitfield {
        match self.report().await {
            Report::News(News::Has(pieces)) => pieces,
            other => panic!("{other:?}"),
        }
    }

    async fn closed(&mut self) -> Closed {
        loop {
            if let Report::Closed(closed) = self.report().await {
                assert!(self.reports.recv().await.is_none(), "nothing follows");
                return closed;
            }
        }
    }

    /// Blocks that were reported, until there are `n`, and the last window.
    async fn blocks(&mut self, n: usize) -> (Vec<BlockRef>, WindowState) {
        let mut seen = Vec::new();
        loop {
            if let Report::Blocks { blocks, window } = self.report().await {
                for (block, bytes) in blocks {
                    assert_eq!(&bytes[..], block_content(&geometry(), block));
                    seen.push(block);
                }
                if seen.len() >= n {
                    return (seen, window);
                }
            }
        }
    }

    /// Makes the peer a seed that unchokes us, and us ask for `n` blocks.
    async fn ask_for(&mut self, n: usize) -> Vec<BlockSpec> {
        self.peer.say(&[Message::Bitfield(all().to_bytes().into()), Message::Unchoke]).await;
        assert!(self.has().await.is_full());
        assert!(matches!(self.report().await, Report::News(News::Unchoked)));
        self.order(Order::Interested(true)).await;
        self.peer.expect(Message::Interested).await;
        self.order(Order::Grant(blocks(n))).await;
        self.peer.expect_requests(n.min(64)).await
    }

    /// Makes the peer a leecher that we unchoke.
    async fn serve(&mut self) {
        self.peer.say(&[Message::Interested]).await;
        self.has().await;
        assert!(matches!(self.report().await, Report::News(News::Interested(true))));
        self.order(Order::Choke(false)).await;
        self.peer.expect(Message::Unchoke).await;
    }
}

fn all() -> Bitfield {
    Bitfield::full(geometry().piece_count())
}

/// What the fault of these bytes is called, after a handshake with every extension.
async fn fault(begin: Begin, bytes: &[u8]) -> Closed {
    let mut world = piped(begin);
    world.peer.raw(bytes).await;
    world.closed().await
}

fn encoded(messages: &[Message]) -> Vec<u8> {
    let mut out = bytes::BytesMut::new();
    messages.iter().for_each(|message| message.encode(&mut out));
    out.to_vec()
}
