//! Peers that have everything and cost next to nothing: they serve from memory by vectored writes and hash nothing.

#![allow(dead_code, reason = "every bench uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark has a clock, and stops where it cannot go on"
)]

use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ttui::wire::{BlockSpec, HANDSHAKE_BYTES, Message, PROTOCOL, PieceHeader};

use super::cost::thread_cpu_seconds;
use super::payload::Payload;

/// Blocks of one write.
const BLOCKS_A_WRITE: usize = 64;

/// A path to the peers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Path {
    /// How much later than asked for every block leaves.
    pub(crate) delay: Duration,
    /// What one peer sends at most; zero: all it can.
    pub(crate) mib_per_s: u64,
}

/// Peers of one torrent.
pub(crate) struct Seeds {
    payload: Payload,
    info_hash: [u8; 20],
    path: Path,
    served_bytes: AtomicU64,
    served_ns: AtomicU64,
    open: AtomicUsize,
}

impl Seeds {
    /// Starts this many. Where there is room for that each has an address of its own: some clients take one peer
    /// per address.
    pub(crate) fn start(
        payload: Payload,
        info_hash: [u8; 20],
        path: Path,
        first: Ipv4Addr,
        count: u8,
        closed: fn(&Self),
    ) -> (Arc<Self>, Vec<SocketAddr>) {
        let seeds = Arc::new(Self {
            payload,
            info_hash,
            path,
            served_bytes: AtomicU64::new(0),
            served_ns: AtomicU64::new(0),
            open: AtomicUsize::new(0),
        });
        let [a, b, c, d] = first.octets();
        let listen = |number: u8| {
            let listener = TcpListener::bind((Ipv4Addr::new(a, b, c, d + number), 0)).unwrap();
            let addr = listener.local_addr().unwrap();
            let seeds = Arc::clone(&seeds);
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let seeds = Arc::clone(&seeds);
                    thread::spawn(move || seeds.serve(stream, closed));
                }
            });
            addr
        };
        let addrs = (0..count).map(listen).collect();
        (seeds, addrs)
    }

    pub(crate) fn served_bytes(&self) -> u64 {
        self.served_bytes.load(Ordering::Relaxed)
    }

    /// CPU seconds of the connections that are closed.
    pub(crate) fn served_cpu_seconds(&self) -> f64 {
        self.served_ns.load(Ordering::Acquire) as f64 / 1e9
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    fn serve(self: Arc<Self>, stream: TcpStream, closed: fn(&Self)) {
        self.open.fetch_add(1, Ordering::AcqRel);
        // Nothing is amiss when the other end closes.
        let _ = self.talk(stream);
        self.served_ns.fetch_add((thread_cpu_seconds() * 1e9) as u64, Ordering::AcqRel);
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            closed(&self);
        }
    }

    fn talk(self: &Arc<Self>, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut theirs = [0; HANDSHAKE_BYTES];
        stream.read_exact(&mut theirs)?;
        if &theirs[..20] != PROTOCOL || theirs[28..48] != self.info_hash {
            return Ok(());
        }
        let pieces = self.payload.piece_count();
        let mut bitfield = vec![0xff; pieces.div_ceil(8)];
        if let Some(last) = bitfield.last_mut().filter(|_| !pieces.is_multiple_of(8)) {
            *last = !(0xff >> (pieces % 8));
        }
        let mut hello = PROTOCOL.to_vec();
        hello.extend([0; 8]);
        hello.extend(self.info_hash);
        hello.extend(format!("-XX0001-{:012}", fastrand::u32(..)).bytes());
        hello.extend((bitfield.len() as u32 + 1).to_be_bytes());
        hello.push(5);
        hello.extend(bitfield);
        hello.extend([0, 0, 0, 1, 1]);
        stream.write_all(&hello)?;
        if self.path.delay.is_zero() && self.path.mib_per_s == 0 {
            let mut to = stream.try_clone()?;
            requests(stream, |headers| self.send(&mut to, headers))
        } else {
            let (queue, later) = mpsc::channel();
            let (seeds, to) = (Arc::clone(self), stream.try_clone()?);
            let writer = thread::spawn(move || seeds.send_later(to, &later));
            let result = requests(stream, |headers| {
                let due = Instant::now() + self.path.delay;
                headers.iter().try_for_each(|header| queue.send((due, *header)).map_err(io::Error::other))
            });
            drop(queue);
            let _ = writer.join();
            result
        }
    }

    fn send(&self, stream: &mut TcpStream, headers: &[PieceHeader]) -> io::Result<()> {
        for some in headers.chunks(BLOCKS_A_WRITE) {
            let blocks = some.iter().map(|header| self.payload.block(*header));
            let blocks = blocks.collect::<io::Result<Vec<_>>>()?;
            let mut slices: Vec<IoSlice<'_>> =
                blocks.iter().flat_map(|(head, rest)| [IoSlice::new(head), IoSlice::new(rest)]).collect();
            let mut slices = &mut slices[..];
            while !slices.is_empty() {
                let n = stream.write_vectored(slices)?;
                IoSlice::advance_slices(&mut slices, n);
            }
            let bytes = some.iter().map(|header| u64::from(header.length)).sum();
            self.served_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sends each block when it is due, and not before the path is free.
    fn send_later(&self, mut stream: TcpStream, later: &mpsc::Receiver<(Instant, PieceHeader)>) {
        let mut free_at = Instant::now();
        for (due, header) in later {
            free_at = free_at.max(due);
            thread::sleep(free_at.saturating_duration_since(Instant::now()));
            if self.send(&mut stream, &[header]).is_err() {
                return;
            }
            if self.path.mib_per_s > 0 {
                let bps = (self.path.mib_per_s << 20) as f64;
                free_at += Duration::from_secs_f64(f64::from(header.length) / bps);
            }
        }
    }
}

/// Reads messages to the end of the stream, and hands over the requests among them as they come.
fn requests(
    mut stream: TcpStream,
    mut asked: impl FnMut(&[PieceHeader]) -> io::Result<()>,
) -> io::Result<()> {
    let mut unread = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut headers = Vec::new();
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        unread.extend_from_slice(&buffer[..n]);
        let mut at = 0;
        while let Some(&length) = unread[at..].first_chunk() {
            let end = at + 4 + u32::from_be_bytes(length) as usize;
            let Some(frame) = unread.get(at + 4..end) else { break };
            if let Ok(Message::Request(BlockSpec { index, begin, length })) = Message::decode(frame) {
                headers.push(PieceHeader { index, begin, length });
            }
            at = end;
        }
        unread.drain(..at);
        asked(&headers)?;
        headers.clear();
    }
}
