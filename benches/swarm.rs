//! Plays a swarm by a script: peers that send at their own rates, have a part of the payload, choke, come late and
//! leave. One thread serves them all from memory.
//!
//! `cargo bench --bench swarm -- SCRIPT.json DIR [--ip 127.0.0.1]`
//!
//! makes `DIR/payload.torrent` and `DIR/payload`, gives each peer an address of its own (the first one after `--ip`),
//! and runs a tracker at `--ip`. It prints a line of JSON that says what the script allows at best, serves until its
//! standard input ends, and then prints what was sent. `common/script.rs` describes scripts; their time begins with the
//! first announce.
//!
//! `cargo bench --bench swarm -- SCRIPT.json` only prints what the script allows at best.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, has a clock, and stops where it cannot go on"
)]

#[path = "common/args.rs"]
mod args;
#[path = "common/cost.rs"]
mod cost;
#[path = "common/ideal.rs"]
mod ideal;
#[path = "common/payload.rs"]
mod payload;
#[path = "common/script.rs"]
mod script;
#[path = "common/scripted.rs"]
mod scripted;
#[path = "common/swarm_ledger.rs"]
mod swarm_ledger;

use std::cell::{OnceCell, RefCell};
use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use self::args::Args;
use self::cost::Cost;
use self::payload::Payload;
use self::script::SwarmScript;
use self::scripted::{Clock, Peer, Swarm};
use self::swarm_ledger::Ledger;

fn main() {
    let mut args = Args::read();
    let ip = args.option("--ip", Ipv4Addr::LOCALHOST);
    let words = args.words();
    let [script, dir @ ..] = &words[..] else { panic!("which script?") };
    let script: SwarmScript = serde_json::from_slice(&fs::read(script).unwrap()).unwrap();
    let best = json!({
        "ideal_s": ideal::ideal_ms(&script, 1.0).map(seconds),
        "ideal_99_s": ideal::ideal_ms(&script, 0.99).map(seconds),
    });
    let [dir] = dir else { return println!("{best}") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ledger = LocalSet::new().block_on(&runtime, serve(script, Path::new(dir), ip, &best.to_string()));
    println!("{}", json!({ "ledger": ledger, "cpu_s": Cost::so_far().cpu() }));
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// Serves until the standard input ends; what was sent.
async fn serve(script: SwarmScript, dir: &Path, ip: Ipv4Addr, ready: &str) -> serde_json::Value {
    let tracker = TcpListener::bind((ip, 0)).await.unwrap();
    let announce = format!("http://{}/announce", tracker.local_addr().unwrap());
    let payload = Payload::new(script.mib, script.piece_kib, 1);
    let (torrent, info_hash) = payload.torrent(&announce);
    fs::create_dir_all(dir).unwrap();
    payload.write(dir);
    fs::write(dir.join("payload.torrent"), torrent).unwrap();
    let (total, piece) = ((script.mib << 20) as u64, (script.piece_kib << 10) as u64);
    let ledger = RefCell::new(Ledger::new(total, piece, script.peers.len()));
    let (clock, downloader) = (Clock::default(), OnceCell::new());
    let swarm = Rc::new(Swarm { payload, info_hash, script, clock, ledger, downloader });
    let mut named = Vec::new();
    for number in 0..swarm.script.peers.len() {
        let (addr, peer) = Peer::start(&swarm, number, Ipv4Addr::from_bits(ip.to_bits() + 1 + number as u32));
        if swarm.script.peers[number].named {
            named.extend(compact(&addr));
        }
        spawn_local(peer);
    }
    spawn_local(track(tracker, named, Rc::clone(&swarm)));
    println!("{ready}");
    let (ends, ended) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        let _ = ends.send(());
    });
    let _ = ended.await;
    serde_json::to_value(&*swarm.ledger.borrow()).unwrap()
}

/// An address as trackers write it (BEP 23).
fn compact(addr: &SocketAddr) -> Vec<u8> {
    match addr {
        SocketAddr::V4(addr) => [&addr.ip().octets()[..], &addr.port().to_be_bytes()].concat(),
        SocketAddr::V6(_) => Vec::new(),
    }
}

/// Answers announces; the first starts the clock.
async fn track(tracker: TcpListener, named: Vec<u8>, swarm: Rc<Swarm>) {
    loop {
        if let Ok((stream, addr)) = tracker.accept().await {
            // A downloader that hangs up early asks again.
            let _ = timeout(Duration::from_secs(5), answer(stream, addr, &named, &swarm)).await;
        }
    }
}

/// Names the peers in answer to an announce.
async fn answer(mut stream: TcpStream, addr: SocketAddr, named: &[u8], swarm: &Swarm) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request);
    let port = request.split(['?', '&', ' ']).find_map(|field| field.strip_prefix("port=")?.parse().ok());
    if let Some(port) = port {
        let _ = swarm.downloader.set(SocketAddr::new(addr.ip(), port));
    }
    if swarm.clock.start() {
        let now = clock_gettime(ClockId::Monotonic);
        swarm.ledger.borrow_mut().begins_at(now.tv_sec as f64 + now.tv_nsec as f64 / 1e9);
    }
    let mut body = format!("d8:intervali1800e5:peers{}:", named.len()).into_bytes();
    body.extend(named);
    body.push(b'e');
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await
}
