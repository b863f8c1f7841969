//! The ways to be a bad peer. Each is a short script over a blocking socket, played again and again.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ttui::wire::{BlockSpec, Message};

use crate::seeds::{Content, Inbox, bytes_of};
use crate::subject::{ADDR, call};

const BLOCK: u32 = 16_384;
/// What the noisy push, each: a line of 16 Mbit/s up.
const NOISE_BPS: f64 = 2_000_000.0;

macro_rules! kinds {
    ($($kind:ident,)*) => {
        /// How a peer is bad.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        /// All of them.
        pub(crate) const KINDS: &[Kind] = &[$(Kind::$kind,)*];
    };
}

kinds! {
    Silent,
    SlowHandshake,
    DripsItsFirstMessage,
    Oversized,
    RequestFlood,
    RefusedRequestFlood,
    BadBitfield,
    HaveFlood,
    WrongData,
    ChokeFlapping,
    InterestFlapping,
    UnrequestedBlocks,
    ExtensionBomb,
    ExtensionFlood,
    ConnectFlapping,
    Noise,
    PieceThenSilence,
    HalfBlocks,
    CancelFlood,
    KeepAliveFlood,
    UnknownMessages,
    RejectsEverything,
    NeverReads,
    OtherTorrent,
}

use Kind::*;

impl Kind {
    /// Calls, misbehaves until it is thrown out or `end` has come, and tells how it ended.
    pub(crate) fn play(self, from: Ipv4Addr, content: &Content, end: Instant) -> io::Result<()> {
        let mut stream = call(from, ADDR, Duration::from_secs(2))?;
        stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        match self {
            Silent => wait(&mut stream, end),
            SlowHandshake => drip(&mut stream, &content.handshake(), Duration::from_millis(900), end),
            Noise => {
                let mut noise = vec![0; 20_000];
                fastrand::fill(&mut noise);
                stream.write_all(&noise)?;
                wait(&mut stream, end)
            }
            OtherTorrent => {
                let mut handshake = content.handshake();
                handshake[30] ^= 1;
                stream.write_all(&handshake)?;
                wait(&mut stream, end)
            }
            ConnectFlapping => {
                stream.write_all(&content.handshake())?;
                read_handshake(&mut stream)
            }
            _ => {
                stream.write_all(&content.handshake())?;
                read_handshake(&mut stream)?;
                self.misbehave(&mut stream, content, end)
            }
        }
    }

    /// How long before it calls again.
    pub(crate) fn rests(self) -> Duration {
        Duration::from_millis(if self == ConnectFlapping { 20 } else { 250 })
    }

    fn misbehave(self, stream: &mut TcpStream, content: &Content, end: Instant) -> io::Result<()> {
        let all = [content.bitfield(), Message::Unchoke];
        let first = BlockSpec { index: 0, begin: 0, length: BLOCK };
        match self {
            DripsItsFirstMessage => {
                drip(stream, &bytes_of(&[content.bitfield()]), Duration::from_millis(900), end)
            }
            Oversized => {
                stream.write_all(&[0x7f, 0xff, 0xff, 0xff, 20])?;
                push(stream, &[0; 16_384], end)
            }
            RequestFlood => {
                stream.write_all(&bytes_of(&[Message::Interested]))?;
                push(stream, &bytes_of(&vec![Message::Request(first); 900]), end)
            }
            RefusedRequestFlood => push(stream, &bytes_of(&vec![Message::Request(first); 100]), end),
            BadBitfield => {
                stream.write_all(&bytes_of(&[Message::Bitfield(vec![0xff; 3].into())]))?;
                wait(stream, end)
            }
            HaveFlood => {
                let haves: Vec<Message> = (0..content.pieces).map(Message::Have).collect();
                push(stream, &bytes_of(&haves), end)
            }
            WrongData => {
                stream.write_all(&bytes_of(&all))?;
                answer(stream, end, |spec| content.block(spec, true))
            }
            ChokeFlapping => {
                stream.write_all(&bytes_of(&all))?;
                push(stream, &bytes_of(&[Message::Choke, Message::Unchoke]).repeat(100), end)
            }
            InterestFlapping => {
                push(stream, &bytes_of(&[Message::Interested, Message::NotInterested]).repeat(100), end)
            }
            UnrequestedBlocks => {
                stream.write_all(&bytes_of(&all))?;
                let last = BlockSpec { index: content.pieces - 1, ..first };
                push(stream, &content.block(last, false), end)
            }
            ExtensionBomb => {
                let names: String = (0..20_000).map(|n| format!("5:{n:05}i{}e", 1 + n % 250)).collect();
                let payload = format!("d1:md{names}ee").into_bytes();
                stream.write_all(&bytes_of(&[Message::Extended { id: 0, payload: payload.into() }]))?;
                let deep = [vec![b'l'; 100_000], vec![b'e'; 100_000]].concat();
                stream.write_all(&bytes_of(&[Message::Extended { id: 0, payload: deep.into() }]))?;
                wait(stream, end)
            }
            ExtensionFlood => {
                let payload: bytes::Bytes = b"d1:v9:\x1b[2J\x07evil4:reqqi1ee".to_vec().into();
                push(stream, &bytes_of(&[Message::Extended { id: 0, payload }]), end)
            }
            PieceThenSilence => {
                stream.write_all(&bytes_of(&all))?;
                let mut sent = 0;
                answer(stream, end, |spec| {
                    sent += 1;
                    if sent == 1 { content.block(spec, false) } else { Vec::new() }
                })
            }
            HalfBlocks => {
                stream.write_all(&bytes_of(&all))?;
                answer(stream, end, |spec| {
                    // It ends in the middle of a block, and what follows is the next block's beginning.
                    content.block(spec, false)[..8000].to_vec()
                })
            }
            CancelFlood => {
                stream.write_all(&bytes_of(&[Message::Interested]))?;
                let pair = [Message::Request(first), Message::Cancel(first)];
                push(stream, &bytes_of(&pair).repeat(100), end)
            }
            KeepAliveFlood => push(stream, &bytes_of(&vec![Message::KeepAlive; 1000]), end),
            UnknownMessages => {
                let unknown: Vec<u8> = [&[0, 0, 0x40, 0, 99][..], &vec![0; 0x3fff]].concat();
                push(stream, &unknown, end)
            }
            RejectsEverything => {
                stream.write_all(&bytes_of(&all))?;
                answer(stream, end, |spec| bytes_of(&[Message::Reject(spec)]))
            }
            NeverReads => {
                stream.write_all(&bytes_of(&[Message::Interested]))?;
                let requests: Vec<Message> = (0..400).map(|_| Message::Request(first)).collect();
                stream.write_all(&bytes_of(&requests))?;
                while Instant::now() < end {
                    thread::sleep(Duration::from_millis(500));
                    stream.write_all(&bytes_of(&[Message::KeepAlive]))?;
                }
                Ok(())
            }
            _ => wait(stream, end),
        }
    }
}

/// Reads 68 bytes of handshake.
fn read_handshake(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.read_exact(&mut [0; 68])
}

/// Reads, and says nothing.
fn wait(stream: &mut TcpStream, end: Instant) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut buffer = [0; 16_384];
    while Instant::now() < end {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A byte at a time.
fn drip(stream: &mut TcpStream, bytes: &[u8], pause: Duration, end: Instant) -> io::Result<()> {
    for byte in bytes {
        if Instant::now() >= end {
            break;
        }
        stream.write_all(&[*byte])?;
        thread::sleep(pause);
    }
    wait(stream, end)
}

/// Says the same for ever, as quickly as its line lets it, and reads whatever comes.
fn push(stream: &mut TcpStream, bytes: &[u8], end: Instant) -> io::Result<()> {
    let mut reads = stream.try_clone()?;
    let reader = thread::spawn(move || wait(&mut reads, end));
    let mut free_at = Instant::now();
    while Instant::now() < end && !reader.is_finished() {
        thread::sleep(free_at.saturating_duration_since(Instant::now()));
        stream.write_all(bytes)?;
        free_at = free_at.max(Instant::now()) + Duration::from_secs_f64(bytes.len() as f64 / NOISE_BPS);
    }
    reader.join().unwrap_or(Ok(()))
}

/// Answers requests at the rate of its line.
fn answer(
    stream: &mut TcpStream,
    end: Instant,
    mut content: impl FnMut(BlockSpec) -> Vec<u8>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut inbox = Inbox::new(stream.try_clone()?);
    while Instant::now() < end {
        match inbox.next() {
            Ok(Some(Message::Request(spec))) => {
                let bytes = content(spec);
                stream.write_all(&bytes)?;
                thread::sleep(Duration::from_secs_f64(bytes.len() as f64 / NOISE_BPS));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                stream.write_all(&[0; 4])?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
