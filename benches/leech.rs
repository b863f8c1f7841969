//! A peer that costs next to nothing, to measure uploads with: it asks one address for a whole torrent, writes
//! nothing, hashes nothing, and says how fast it came.
//!
//! `cargo bench --bench leech -- FILE.torrent IP:PORT [PID]`; with a process id also what that process spent.

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
#[path = "common/leech.rs"]
mod leech;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use ttui::metainfo::Torrent;
use ttui::wire::{HANDSHAKE_BYTES, PROTOCOL};

use self::args::Args;
use self::cost::Cost;

fn main() {
    let words = Args::read().words();
    let [torrent, addr, pid @ ..] = &words[..] else { panic!("which torrent, and which address?") };
    let torrent = Torrent::from_file(torrent).unwrap();
    let mut stream = TcpStream::connect(addr).unwrap();
    let pid = pid.first();
    stream.set_nodelay(true).unwrap();
    let mut ours = PROTOCOL.to_vec();
    ours.extend([0; 8]);
    ours.extend(torrent.info_hash.0);
    ours.extend(format!("-XX0001-{:012}", fastrand::u32(..)).bytes());
    stream.write_all(&ours).unwrap();
    stream.read_exact(&mut [0; HANDSHAKE_BYTES]).unwrap();
    let theirs = || pid.as_ref().map(|pid| Cost::of(pid));
    let (before, began) = (theirs(), Instant::now());
    leech::leech(stream, torrent.geometry).unwrap();
    let wall = began.elapsed().as_secs_f64();
    let gib = torrent.geometry.total_bytes() as f64 / f64::from(1 << 30);
    print!("{:.2} GiB/s, CPU s/GiB here {:.2}", gib / wall, Cost::so_far().cpu() / gib);
    if let Some((before, after)) = before.zip(theirs()) {
        print!(", there {}", (after - before) / gib);
    }
    println!();
}
