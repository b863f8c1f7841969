//! A whole download inside one process: the library against seeds that cost next to nothing.
//!
//! `cargo bench --bench download [-- --mib 1024 --piece-kib 1024 --files 1 --peers 2 --rounds 3 --dir DIR]` prints for
//! every round the wall time from the start to completion, the CPU time less that of the seeds, in the program and in
//! the kernel, pages touched for the first time, and the most memory the process had (the seeds' quarter MiB
//! included).

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
#[path = "common/payload.rs"]
mod payload;
#[path = "common/seeds.rs"]
mod seeds;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ttui::engine::{Download, Options};
use ttui::metainfo::Torrent;

use self::args::Args;
use self::cost::{Cost, peak_rss_mib};
use self::payload::Payload;
use self::seeds::Seeds;

fn main() {
    let mut args = Args::read();
    let (mib, piece_kib) = (args.option("--mib", 1024), args.option("--piece-kib", 1024));
    let (files, peers, rounds) =
        (args.option("--files", 1), args.option("--peers", 2), args.option("--rounds", 3));
    let dir = args.option("--dir", std::env::temp_dir());
    args.words();
    let payload = Payload::new(mib, piece_kib, files);
    let (torrent, info_hash) = payload.torrent("http://127.0.0.1:9/announce");
    let torrent = Torrent::from_bytes(&torrent).unwrap();
    let (seeds, addrs) =
        Seeds::start(payload, info_hash, seeds::Path::default(), Ipv4Addr::new(127, 7, 0, 1), peers, |_| {});
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let gib = mib as f64 / 1024.0;
    println!("{mib} MiB in pieces of {piece_kib} KiB, {files} file(s), {peers} peers; CPU in s/GiB");
    for round in 1..=rounds {
        let folder = tempfile::tempdir_in(&dir).unwrap();
        let options = Options {
            output: folder.path().join("out"),
            state: Some(folder.path().join("state")),
            loopback: true,
            peers: addrs.clone(),
            ..Options::default()
        };
        let (before, theirs) = (Cost::so_far(), seeds.served_cpu_seconds());
        let began = Instant::now();
        let wall = runtime.block_on(async {
            let mut download = Download::start(torrent.clone(), options).unwrap();
            download.completed().await.unwrap();
            let wall = began.elapsed();
            download.stop().await.unwrap();
            wall
        });
        while seeds.open() > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let (cost, theirs) = ((Cost::so_far() - before) / gib, (seeds.served_cpu_seconds() - theirs) / gib);
        println!(
            "round {round}: wall {:.2} s, CPU {:.2} without the {theirs:.2} of the seeds; with it {cost}, at most {:.0} MiB",
            wall.as_secs_f64(),
            cost.cpu() - theirs,
            peak_rss_mib()
        );
    }
}
