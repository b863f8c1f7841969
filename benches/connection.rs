//! One connection over loopback: what a peer task costs, without disk, hash or decisions.
//!
//! `cargo bench --bench connection [-- GIB]` prints rate and CPU of the thread that runs the task, once downloading
//! from a thread that does nothing but write, once uploading from memory to a thread that does nothing but read.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

#[path = "common/cost.rs"]
mod cost;
#[path = "common/leech.rs"]
mod leech;

use std::io;
use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use ttui::engine::clock::Clock;
use ttui::engine::limit::Limit;
use ttui::engine::link::{ConnKey, Order, Report};
use ttui::engine::mailbox;
use ttui::engine::peer::{Common, run};
use ttui::engine::pool::BlockPool;
use ttui::engine::upload::{BlockSource, ReadFuture};
use ttui::metainfo::{BLOCK_LENGTH, Bitfield, BlockRef, Geometry, InfoHash, PeerId, PieceIndex};
use ttui::peer::{Handshaken, Holdings, News, Ours, Overhead, introduction};
use ttui::wire::{BlockSpec, Message, PieceHeader, Reserved};

use self::cost::thread_cpu_seconds;

const PIECE_BYTES: u32 = 1 << 20;

/// Uploads come from here: the same mebibyte over and over.
struct Memory(Bytes);

impl BlockSource for Memory {
    fn read_at_once(&self, _: PieceIndex, begin: u32, length: u32) -> Option<Bytes> {
        Some(self.0.slice(begin as usize..(begin + length) as usize))
    }

    fn read(&self, _: PieceIndex, _: u32, _: u32) -> ReadFuture {
        Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
    }
}

fn main() {
    let gib = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(2u64);
    let geometry = Geometry::new(gib << 30, PIECE_BYTES).unwrap();
    for (name, body) in [("download", download as fn(Geometry, TcpStream)), ("upload", upload)] {
        let (here, there) = pair();
        let other = if name == "download" {
            thread::spawn(move || seed(there))
        } else {
            thread::spawn(move || {
                leech::leech(there, geometry).unwrap();
                thread_cpu_seconds()
            })
        };
        let clock = Clock::start();
        let cpu = thread::spawn(move || {
            body(geometry, here);
            thread_cpu_seconds()
        })
        .join()
        .unwrap();
        let seconds = clock.now().as_secs_f64();
        let their_cpu = other.join().unwrap();
        let gib = gib as f64;
        println!(
            "{name}: {:.2} GiB/s, {:.3} CPU s/GiB (the other end: {:.3})",
            gib / seconds,
            cpu / gib,
            their_cpu / gib
        );
    }
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let here = listener.accept().unwrap().0;
    for stream in [&here, &there] {
        stream.set_nodelay(true).unwrap();
    }
    (here, there)
}

fn task(
    geometry: Geometry,
    stream: TcpStream,
    have: Bitfield,
) -> (impl Future<Output = ()>, mpsc::UnboundedSender<Order>, mailbox::Receiver<(ConnKey, Report)>) {
    let common = Common {
        ours: Arc::new(Ours::with(introduction(None, false, false), Holdings::new(geometry, have))),
        clock: Clock::start(),
        pool: BlockPool::new(2048),
        source: (Arc::new(Memory(Bytes::from(vec![7; PIECE_BYTES as usize]))) as Arc<dyn BlockSource>).into(),
        up: Arc::new(Limit::new(None)),
    };
    stream.set_nonblocking(true).unwrap();
    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
    let (info_hash, reserved) = (InfoHash([7; 20]), Reserved::default());
    let peer = Handshaken { info_hash, peer_id: PeerId::ours(1), reserved, overhead: Overhead::default() };
    let (orders, orders_there) = mpsc::unbounded_channel();
    let (reports_there, reports) = mailbox::channel(64);
    (run(stream, peer, ConnKey(1), Arc::new(common), orders_there, reports_there), orders, reports)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn download(geometry: Geometry, stream: TcpStream) {
    runtime().block_on(async {
        let (peer, orders, mut reports) = task(geometry, stream, Bitfield::empty(geometry.piece_count()));
        let peer = tokio::spawn(peer);
        let mut blocks = geometry.pieces().flat_map(|piece| geometry.blocks_of(piece));
        let mut left = geometry.total_bytes();
        let mut reads = 0u64;
        while left > 0 {
            match reports.recv().await.unwrap().1 {
                Report::News(News::Unchoked) => {
                    orders.send(Order::Interested(true)).unwrap();
                    grant(&orders, &mut blocks, 256);
                }
                Report::Blocks { blocks: came, window } => {
                    reads += 1;
                    left -= came.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
                    let has = window.granted + window.outstanding;
                    let ahead = window.target * 2;
                    if has < ahead - ahead / 4 {
                        grant(&orders, &mut blocks, (ahead - has) as usize);
                    }
                }
                _ => {}
            }
        }
        println!("  {:.0} KiB a report", geometry.total_bytes() as f64 / reads as f64 / 1024.0);
        drop(orders);
        while reports.recv().await.is_some() {}
        peer.await.unwrap();
    });
}

fn grant(orders: &mpsc::UnboundedSender<Order>, blocks: &mut impl Iterator<Item = BlockRef>, n: usize) {
    let granted: Vec<BlockRef> = blocks.take(n).collect();
    if !granted.is_empty() {
        orders.send(Order::Grant(granted)).unwrap();
    }
}

/// Answers requests from memory until the other end closes.
fn seed(mut stream: TcpStream) -> f64 {
    let mut hello = BytesMut::new();
    // A bitfield would do as well; nobody here minds.
    Message::HaveAll.encode(&mut hello);
    Message::Unchoke.encode(&mut hello);
    stream.write_all(&hello).unwrap();
    let data = vec![7; BLOCK_LENGTH as usize];
    let mut unread = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = stream.read(&mut buffer).unwrap_or(0);
        if n == 0 {
            return thread_cpu_seconds();
        }
        unread.extend_from_slice(&buffer[..n]);
        let mut headers = Vec::new();
        let mut at = 0;
        while let Some(length) = unread.get(at..at + 4) {
            let end = at + 4 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
            let Some(frame) = unread.get(at + 4..end) else { break };
            if let Message::Request(BlockSpec { index, begin, length }) = Message::decode(frame).unwrap() {
                headers.push(PieceHeader { index, begin, length }.to_bytes());
            }
            at = end;
        }
        unread.drain(..at);
        for some in headers.chunks(32) {
            let mut slices: Vec<IoSlice<'_>> =
                some.iter().flat_map(|header| [IoSlice::new(header), IoSlice::new(&data)]).collect();
            let mut slices = &mut slices[..];
            while !slices.is_empty() {
                match stream.write_vectored(slices) {
                    Ok(n) => IoSlice::advance_slices(&mut slices, n),
                    Err(_) => return thread_cpu_seconds(),
                }
            }
        }
    }
}

fn upload(geometry: Geometry, stream: TcpStream) {
    runtime().block_on(async {
        let (peer, orders, mut reports) = task(geometry, stream, Bitfield::full(geometry.piece_count()));
        orders.send(Order::Choke(false)).unwrap();
        let peer = tokio::spawn(peer);
        while reports.recv().await.is_some() {}
        peer.await.unwrap();
    });
}
