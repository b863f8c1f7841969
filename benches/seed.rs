//! A swarm that costs next to nothing, to measure downloaders with: one process that makes a payload and its
//! torrent, announces its peers over a tracker of its own, and serves from memory by vectored writes. It hashes
//! nothing while it serves, and says what it cost.
//!
//! `cargo bench --bench seed -- DIR [--mib 1024] [--piece-kib 1024] [--files 1] [--peers 2] [--ip 127.0.0.1]
//! [--delay-ms 0] [--mib-per-s 0] [--name payload]`
//!
//! makes `DIR/payload.torrent` and `DIR/payload` (a file, or a folder where there are several), says `ready`, and
//! runs until it is killed. `--delay-ms` is how much later than asked for every block leaves, `--mib-per-s` what
//! one peer sends at most: a path of that round trip and that width. `--name` is what the torrent calls its payload: another
//! name makes another torrent.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

#[path = "common/args.rs"]
mod args;
#[path = "common/cost.rs"]
mod cost;
#[path = "common/payload.rs"]
mod payload;
#[path = "common/seeds.rs"]
mod seeds;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use self::args::Args;
use self::cost::Cost;
use self::payload::Payload;
use self::seeds::Seeds;

struct Settings {
    dir: PathBuf,
    mib: usize,
    piece_kib: usize,
    files: usize,
    name: String,
    peers: u8,
    ip: Ipv4Addr,
    path: seeds::Path,
}

fn main() {
    let settings = settings();
    let tracker = TcpListener::bind((settings.ip, 0)).unwrap();
    let announce = format!("http://{}/announce", tracker.local_addr().unwrap());
    let payload = Payload::new(settings.mib, settings.piece_kib, settings.files).named(settings.name);
    let (torrent, info_hash) = payload.torrent(&announce);
    fs::create_dir_all(&settings.dir).unwrap();
    payload.write(&settings.dir);
    fs::write(settings.dir.join("payload.torrent"), torrent).unwrap();
    let (_, addrs) = Seeds::start(payload, info_hash, settings.path, settings.ip, settings.peers, |seeds| {
        let served = seeds.served_bytes() as f64 / f64::from(1 << 30);
        println!("all closed: {served:.3} GiB served for {:.2} CPU s so far", Cost::so_far().cpu());
    });
    println!("ready");
    let peers: Vec<u8> = addrs.iter().flat_map(compact).collect();
    for stream in tracker.incoming().map_while(Result::ok) {
        // Who hangs up early asks again.
        let _ = answer(stream, &peers);
    }
}

/// An address as trackers write it (BEP 23).
fn compact(addr: &SocketAddr) -> Vec<u8> {
    match addr {
        SocketAddr::V4(addr) => [&addr.ip().octets()[..], &addr.port().to_be_bytes()].concat(),
        SocketAddr::V6(_) => Vec::new(),
    }
}

fn settings() -> Settings {
    let mut args = Args::read();
    Settings {
        mib: args.option("--mib", 1024),
        piece_kib: args.option("--piece-kib", 1024),
        files: args.option("--files", 1),
        name: args.option("--name", "payload".to_owned()),
        peers: args.option("--peers", 2),
        ip: args.option("--ip", Ipv4Addr::LOCALHOST),
        path: seeds::Path {
            delay: Duration::from_millis(args.option("--delay-ms", 0)),
            mib_per_s: args.option("--mib-per-s", 0),
        },
        dir: args.words().first().expect("which folder?").into(),
    }
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
