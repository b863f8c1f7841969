//! From bytes to messages and blocks: what the reader of a connection costs, without a socket and without a copy.
//!
//! `cargo bench --bench framing`: time per block of 16 KiB, or per small message. What the system would copy into
//! the slices is not copied here, only the headers are, so that the reader itself is what is measured; where blocks
//! come in another order than they were asked for, the copy that costs is the reader's own.

#![allow(missing_docs, reason = "a benchmark documents itself by what it prints")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops where it cannot go on")]

use std::io::IoSliceMut;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

use ttui::engine::pool::BlockPool;
use ttui::engine::receive::{Incoming, Receiver};
use ttui::event::At;
use ttui::metainfo::{BlockRef, Geometry};
use ttui::peer::Window;
use ttui::wire::{BlockSpec, Head, Message, PIECE_HEADER_BYTES, PieceHeader};

const PIECE_BYTES: u32 = 1 << 20;
/// Blocks asked for at a time.
const BLOCKS: usize = 64;
const MESSAGES: u32 = 1024;

fn main() {
    divan::main();
}

fn geometry() -> Geometry {
    Geometry::new(1 << 30, PIECE_BYTES).unwrap()
}

/// A stream of blocks of which only the headers are there; data is skipped.
struct Headers {
    /// Headers that are still to come.
    left: Vec<[u8; PIECE_HEADER_BYTES]>,
    /// Where in the first of them, or in its data, the stream stands.
    within: usize,
    length: usize,
}

impl Headers {
    /// Fills the slices with at most this many bytes of the stream.
    fn read(&mut self, slices: &mut [IoSliceMut<'_>], most: usize) -> usize {
        let mut read = 0;
        for slice in slices {
            let mut at = 0;
            while at < slice.len() && read < most {
                let Some(header) = self.left.last() else { return read };
                let room = (slice.len() - at).min(most - read);
                let n = if self.within < PIECE_HEADER_BYTES {
                    let n = room.min(PIECE_HEADER_BYTES - self.within);
                    slice[at..at + n].copy_from_slice(&header[self.within..self.within + n]);
                    n
                } else {
                    room.min(self.length - self.within)
                };
                (at, read, self.within) = (at + n, read + n, self.within + n);
                if self.within == self.length {
                    self.left.pop();
                    self.within = 0;
                }
            }
        }
        read
    }
}

/// Asks for blocks and reads them in pieces of at most this many bytes.
fn blocks(bencher: Bencher<'_, '_>, most: usize, order: impl Fn(&mut Vec<BlockRef>)) {
    let geometry = geometry();
    let mut window = Window::new();
    let mut receiver = Receiver::new(Some(geometry), BlockPool::new(1024));
    let of_torrent: Vec<BlockRef> = geometry.pieces().flat_map(|piece| geometry.blocks_of(piece)).collect();
    let mut of_torrent = of_torrent.into_iter().cycle();
    let mut asked = Vec::new();
    let mut now = At::ZERO;
    bencher.counter(ItemsCount::new(BLOCKS)).bench_local(|| {
        // Fast enough for the window to stay wide.
        now += Duration::from_millis(1);
        window.grant(of_torrent.by_ref().take(BLOCKS));
        while !window.is_idle() || window.state(now).granted > 0 {
            asked.clear();
            window.refill(now, &mut asked);
            order(&mut asked);
            let header = |block: &BlockRef| {
                let (index, begin) = (block.piece().number(), block.begin());
                PieceHeader { index, begin, length: geometry.block_length(*block) }.to_bytes()
            };
            let length = PIECE_HEADER_BYTES + geometry.piece_bytes().min(16 << 10) as usize;
            let mut line = Headers { left: asked.iter().rev().map(header).collect(), within: 0, length };
            while !line.left.is_empty() {
                let n = receiver.read_with(&window, |slices| line.read(slices, most));
                receiver.advance(n, &window).unwrap();
                while let Some(incoming) = receiver.next() {
                    if let Incoming::Block(block, bytes) = incoming {
                        window.received(now, block);
                        black_box(bytes);
                    }
                }
            }
        }
    });
}

/// Blocks in the order they were asked for; reads of a packet, of a block, of what a full socket gives.
#[divan::bench(args = [1448, 16 << 10, 256 << 10, 1 << 20])]
fn blocks_in_order(bencher: Bencher<'_, '_>, read_bytes: usize) {
    blocks(bencher, read_bytes, |_| {});
}

/// Blocks in the reverse of the order they were asked for.
#[divan::bench(args = [1448, 16 << 10, 256 << 10])]
fn blocks_reversed(bencher: Bencher<'_, '_>, read_bytes: usize) {
    blocks(bencher, read_bytes, |asked| asked.reverse());
}

/// A line of HAVEs, read in pieces of this many bytes.
#[divan::bench(args = [7, 1448, 16 << 10])]
fn small_messages(bencher: Bencher<'_, '_>, read_bytes: usize) {
    let mut line = BytesMut::new();
    (0..MESSAGES).for_each(|piece| Message::Have(piece).encode(&mut line));
    let line = line.freeze();
    let geometry = geometry();
    let window = Window::new();
    let mut receiver = Receiver::new(Some(geometry), BlockPool::new(16));
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| {
        let mut line = &line[..];
        while line.has_remaining() {
            let n = receiver.read_with(&window, |slices| {
                let mut room = read_bytes.min(line.len());
                let before = line.len();
                for slice in slices {
                    let n = slice.len().min(room);
                    line.copy_to_slice(&mut slice[..n]);
                    room -= n;
                }
                before - line.len()
            });
            receiver.advance(n, &window).unwrap();
            while let Some(incoming) = receiver.next() {
                black_box(incoming);
            }
        }
    });
}

/// What the next bytes are.
#[divan::bench]
fn head(bencher: Bencher<'_, '_>) {
    let header = PieceHeader { index: 7, begin: 1 << 14, length: 1 << 14 }.to_bytes();
    bencher.bench_local(|| Head::of(black_box(&header)));
}

#[divan::bench]
fn decode_request(bencher: Bencher<'_, '_>) {
    let mut frame = BytesMut::new();
    Message::Request(BlockSpec { index: 7, begin: 1 << 14, length: 1 << 14 }).encode(&mut frame);
    bencher.bench_local(|| Message::decode(black_box(&frame[4..])));
}

/// A refill of the window, written down.
#[divan::bench]
fn encode_requests(bencher: Bencher<'_, '_>) {
    let mut out = BytesMut::new();
    bencher.counter(ItemsCount::new(BLOCKS)).bench_local(|| {
        out.clear();
        for number in 0..BLOCKS as u32 {
            let spec = BlockSpec { index: 7, begin: number << 14, length: 1 << 14 };
            black_box(Message::Request(spec)).encode(&mut out);
        }
    });
}
