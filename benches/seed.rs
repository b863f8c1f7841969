//! A swarm that costs next to nothing, to measure downloaders with: one process that makes a payload and its
//! torrent, announces its peers over a tracker of its own, and serves from memory by vectored writes. It hashes
//! nothing while it serves, and says what it cost.
//!
//! `cargo bench --bench seed -- DIR [--mib 1024] [--piece-kib 1024] [--files 1] [--peers 2] [--ip 127.0.0.1]
//! [--delay-ms 0] [--mib-per-s 0]`
//!
//! makes `DIR/payload.torrent` and `DIR/payload` (a file, or a folder where there are several), says `ready`, and
//! runs until it is killed. `--delay-ms` is how much later than asked for every block leaves, `--mib-per-s` what
//! one peer sends at most: a path of that round trip and that width.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, has a clock, and stops where it cannot go on"
)]

use std::fs;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ttui::hash::sha1;
use ttui::wire::{BlockSpec, HANDSHAKE_BYTES, Message, PROTOCOL, PieceHeader};

/// Blocks of one write.
const BLOCKS_A_WRITE: usize = 64;

#[derive(Clone)]
struct Settings {
    dir: String,
    mib: usize,
    piece_kib: usize,
    files: usize,
    peers: u8,
    ip: Ipv4Addr,
    delay: Duration,
    mib_per_s: u64,
}

struct Seed {
    settings: Settings,
    bytes: Vec<u8>,
    info_hash: [u8; 20],
    served_bytes: AtomicU64,
    open: AtomicUsize,
}

fn main() {
    let settings = settings();
    let tracker = TcpListener::bind((settings.ip, 0)).unwrap();
    let announce = format!("http://{}/announce", tracker.local_addr().unwrap());
    let (bytes, info_hash) = make(&settings, &announce);
    let seed = Arc::new(Seed {
        bytes,
        info_hash,
        served_bytes: AtomicU64::new(0),
        open: AtomicUsize::new(0),
        settings: settings.clone(),
    });
    let mut peers = Vec::new();
    for number in 0..settings.peers {
        // Of their own addresses, where there is room for that: some clients take one peer per address.
        let [a, b, c, d] = settings.ip.octets();
        let listener = TcpListener::bind((Ipv4Addr::new(a, b, c, d + number), 0)).unwrap();
        peers.extend([a, b, c, d + number]);
        peers.extend(listener.local_addr().unwrap().port().to_be_bytes());
        let seed = Arc::clone(&seed);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seed = Arc::clone(&seed);
                thread::spawn(move || seed.serve(stream));
            }
        });
    }
    println!("ready");
    for stream in tracker.incoming().map_while(Result::ok) {
        // Who hangs up early asks again.
        let _ = answer(stream, &peers);
    }
}

fn settings() -> Settings {
    let mut settings = Settings {
        dir: String::new(),
        mib: 1024,
        piece_kib: 1024,
        files: 1,
        peers: 2,
        ip: Ipv4Addr::LOCALHOST,
        delay: Duration::ZERO,
        mib_per_s: 0,
    };
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        let mut value = || args.next().expect("a value after the option");
        match arg.as_str() {
            "--mib" => settings.mib = value().parse().unwrap(),
            "--piece-kib" => settings.piece_kib = value().parse().unwrap(),
            "--files" => settings.files = value().parse().unwrap(),
            "--peers" => settings.peers = value().parse().unwrap(),
            "--ip" => settings.ip = value().parse().unwrap(),
            "--delay-ms" => settings.delay = Duration::from_millis(value().parse().unwrap()),
            "--mib-per-s" => settings.mib_per_s = value().parse().unwrap(),
            _ => settings.dir = arg,
        }
    }
    assert!(!settings.dir.is_empty(), "which folder?");
    settings
}

/// Makes payload and torrent; returns the payload and the info hash.
fn make(settings: &Settings, announce: &str) -> (Vec<u8>, [u8; 20]) {
    let mut bytes = vec![0; settings.mib << 20];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    let dir = Path::new(&settings.dir);
    let mut info = b"d".to_vec();
    if settings.files == 1 {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join("payload"), &bytes).unwrap();
        info.extend(format!("6:lengthi{}e", bytes.len()).bytes());
    } else {
        info.extend(b"5:filesl");
        for (number, part) in bytes.chunks(bytes.len().div_ceil(settings.files)).enumerate() {
            let (folder, name) = (format!("{:03}", number / 100), format!("{number:06}"));
            let path = dir.join("payload").join(&folder);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(&name), part).unwrap();
            info.extend(format!("d6:lengthi{}e4:pathl3:{folder}6:{name}ee", part.len()).bytes());
        }
        info.push(b'e');
    }
    let pieces: Vec<u8> = bytes.chunks(settings.piece_kib << 10).flat_map(sha1).collect();
    info.extend(format!("4:name7:payload12:piece lengthi{}e", settings.piece_kib << 10).bytes());
    info.extend(format!("6:pieces{}:", pieces.len()).bytes());
    info.extend(pieces);
    info.push(b'e');
    let mut torrent = format!("d8:announce{}:{announce}4:info", announce.len()).into_bytes();
    torrent.extend(&info);
    torrent.push(b'e');
    fs::write(dir.join("payload.torrent"), torrent).unwrap();
    (bytes, sha1(&info))
}

/// Names all peers to whoever asks.
fn answer(mut stream: TcpStream, peers: &[u8]) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = Vec::new();
    let mut some = [0; 2048];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let n = stream.read(&mut some)?;
        if n == 0 {
            return Ok(());
        }
        request.extend_from_slice(&some[..n]);
    }
    let mut body = format!("d8:intervali1800e5:peers{}:", peers.len()).into_bytes();
    body.extend(peers);
    body.push(b'e');
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

impl Seed {
    fn serve(self: Arc<Self>, stream: TcpStream) {
        self.open.fetch_add(1, Ordering::Relaxed);
        // Nothing is amiss when the other end closes.
        let _ = self.talk(stream);
        if self.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            let served = self.served_bytes.load(Ordering::Relaxed) as f64 / f64::from(1 << 30);
            println!("all closed: {served:.3} GiB served for {:.2} CPU s so far", cpu_seconds());
        }
    }

    fn talk(self: &Arc<Self>, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut theirs = [0; HANDSHAKE_BYTES];
        stream.read_exact(&mut theirs)?;
        if &theirs[..20] != PROTOCOL || theirs[28..48] != self.info_hash {
            return Ok(());
        }
        let pieces = self.bytes.len().div_ceil(self.settings.piece_kib << 10);
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
        if self.settings.delay.is_zero() && self.settings.mib_per_s == 0 {
            let mut to = stream.try_clone()?;
            requests(stream, |headers| self.send(&mut to, headers))
        } else {
            let (queue, later) = mpsc::channel();
            let (seed, to) = (Arc::clone(self), stream.try_clone()?);
            let writer = thread::spawn(move || seed.send_later(to, &later));
            let result = requests(stream, |headers| {
                let due = Instant::now() + self.settings.delay;
                headers.iter().try_for_each(|header| queue.send((due, *header)).map_err(io::Error::other))
            });
            drop(queue);
            let _ = writer.join();
            result
        }
    }

    fn send(&self, stream: &mut TcpStream, headers: &[PieceHeader]) -> io::Result<()> {
        for some in headers.chunks(BLOCKS_A_WRITE) {
            let heads: Vec<_> = some.iter().map(PieceHeader::to_bytes).collect();
            let mut slices = Vec::with_capacity(2 * heads.len());
            for (head, header) in heads.iter().zip(some) {
                let at = header.index as usize * (self.settings.piece_kib << 10) + header.begin as usize;
                let data = self.bytes.get(at..at + header.length as usize);
                slices.push(IoSlice::new(head));
                slices.push(IoSlice::new(data.ok_or(io::ErrorKind::InvalidInput)?));
                self.served_bytes.fetch_add(u64::from(header.length), Ordering::Relaxed);
            }
            let mut slices = &mut slices[..];
            while !slices.is_empty() {
                let n = stream.write_vectored(slices)?;
                IoSlice::advance_slices(&mut slices, n);
            }
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
            if self.settings.mib_per_s > 0 {
                let bps = (self.settings.mib_per_s << 20) as f64;
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

/// CPU time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
