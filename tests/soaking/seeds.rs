//! Peers that have everything and send it at an even rate, cheaply: a thread to read and one to write each.
//!
//! Every piece of the torrent has the same content, so that any length of it costs one piece of memory.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use sha1::{Digest, Sha1};
use ttui::metainfo::{InfoHash, Torrent};
use ttui::wire::{BlockSpec, HANDSHAKE_BYTES, Handshake, Message, PieceHeader, Reserved};

use crate::support::{Recipe, some_peer_id};

/// What is downloaded.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) piece: Vec<u8>,
    pub(crate) pieces: u32,
    pub(crate) torrent_bytes: Vec<u8>,
    pub(crate) torrent: Torrent,
}

impl Content {
    pub(crate) fn new(bytes: u64, piece_bytes: usize) -> Arc<Self> {
        let mut piece = vec![0; piece_bytes];
        fastrand::Rng::with_seed(7).fill(&mut piece);
        let pieces = bytes.div_ceil(piece_bytes as u64) as u32;
        let hashes = Sha1::digest(&piece).to_vec().repeat(pieces as usize);
        let length = pieces as usize * piece_bytes;
        let torrent_bytes = Recipe::file("soaked.bin", length, piece_bytes).torrent(&hashes);
        let torrent = Torrent::from_bytes(&torrent_bytes).unwrap();
        Arc::new(Self { piece, pieces, torrent_bytes, torrent })
    }

    pub(crate) fn info_hash(&self) -> InfoHash {
        self.torrent.info_hash
    }

    /// A handshake for it, of a peer that takes extensions.
    pub(crate) fn handshake(&self) -> Vec<u8> {
        let reserved = Reserved([0, 0, 0, 0, 0, 0x10, 0, 0]);
        Handshake { reserved, info_hash: self.info_hash(), peer_id: some_peer_id() }.to_bytes().to_vec()
    }

    /// The message that says: I have everything.
    pub(crate) fn bitfield(&self) -> Message {
        let mut bits = vec![0xff; self.pieces.div_ceil(8) as usize];
        if let Some(last) = bits.last_mut().filter(|_| !self.pieces.is_multiple_of(8)) {
            *last = !(0xff >> (self.pieces % 8));
        }
        Message::Bitfield(bits.into())
    }

    /// A block as it goes over the line; a wrong one where it lies.
    pub(crate) fn block(&self, spec: BlockSpec, lies: bool) -> Vec<u8> {
        let header = PieceHeader { index: spec.index, begin: spec.begin, length: spec.length };
        let mut out = header.to_bytes().to_vec();
        let from = spec.begin as usize;
        out.extend(&self.piece[from..from + spec.length as usize]);
        if lies && let Some(last) = out.last_mut() {
            *last = !*last;
        }
        out
    }
}

/// Messages as they go over the line.
pub(crate) fn bytes_of(messages: &[Message]) -> Vec<u8> {
    let mut out = bytes::BytesMut::new();
    messages.iter().for_each(|message| message.encode(&mut out));
    out.to_vec()
}

/// A seed; it serves as long as this program runs.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    pub(crate) addr: SocketAddr,
    served: Arc<AtomicU64>,
}

impl Seed {
    /// Listens at this address, and sends so many bytes a second.
    pub(crate) fn start(content: &Arc<Content>, ip: Ipv4Addr, bps: u64) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let seed = Self { addr: listener.local_addr().unwrap(), served: Arc::default() };
        let (content, served) = (Arc::clone(content), Arc::clone(&seed.served));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (content, served) = (Arc::clone(&content), Arc::clone(&served));
                // Nothing is amiss when the other end closes.
                thread::spawn(move || serve(stream, &content, bps, &served));
            }
        });
        seed
    }

    /// Bytes of blocks it sent so far.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

fn serve(mut stream: TcpStream, content: &Arc<Content>, bps: u64, served: &Arc<AtomicU64>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; HANDSHAKE_BYTES])?;
    stream.write_all(&content.handshake())?;
    stream.write_all(&bytes_of(&[content.bitfield(), Message::Unchoke]))?;
    let (asked, queue) = channel();
    let (to, content, served) = (stream.try_clone()?, Arc::clone(content), Arc::clone(served));
    let writer = thread::spawn(move || send(to, &queue, &content, bps, &served));
    let mut inbox = Inbox::new(stream);
    while let Some(message) = inbox.next()? {
        if let Message::Request(spec) = message
            && asked.send(spec).is_err()
        {
            break;
        }
    }
    drop(asked);
    writer.join().unwrap_or(Ok(()))
}

/// Sends each block no sooner than the rate allows; what a late wake-up missed is made up for.
fn send(
    mut stream: TcpStream,
    queue: &Receiver<BlockSpec>,
    content: &Content,
    bps: u64,
    served: &AtomicU64,
) -> io::Result<()> {
    let mut free_at = Instant::now();
    while let Ok(spec) = queue.recv() {
        let now = Instant::now();
        free_at = free_at.max(now.checked_sub(Duration::from_millis(100)).unwrap_or(now));
        thread::sleep(free_at.saturating_duration_since(now));
        free_at += Duration::from_secs_f64(f64::from(spec.length) / bps as f64);
        if let Err(error) = stream.write_all(&content.block(spec, false)) {
            let _ = stream.shutdown(Shutdown::Both);
            return Err(error);
        }
        served.fetch_add(u64::from(spec.length), Ordering::Relaxed);
    }
    Ok(())
}

/// Messages from a stream, one by one.
#[derive(Debug)]
pub(crate) struct Inbox {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Inbox {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// The next message; none at the end of the stream. A block is left out of what is decoded.
    pub(crate) fn next(&mut self) -> io::Result<Option<Message>> {
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(length) = self.unread.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
                && self.unread.len() >= 4 + length
            {
                let message = Message::decode(&self.unread[4..4 + length]);
                self.unread.drain(..4 + length);
                match message {
                    Ok(message) => return Ok(Some(message)),
                    Err(_) => continue,
                }
            }
            match self.stream.read(&mut buffer)? {
                0 => return Ok(None),
                n => self.unread.extend_from_slice(&buffer[..n]),
            }
        }
    }
}
