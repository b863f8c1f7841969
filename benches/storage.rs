//! The way to the disk alone: verified pieces into files, as a disk worker writes them.
//!
//! `cargo bench --bench storage [-- --mib 1024 --piece-kib 1024 --dir DIR]` writes as many bytes into one file and
//! into ten thousand, first into new ones, then over them (no memory has to be found for the page cache then), and
//! prints wall time, CPU time in the program and in the kernel per GiB, and what making the files ready took.

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

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use ttui::metainfo::{BLOCK_LENGTH, Bitfield, Torrent};
use ttui::storage::{Options, Storage};

use self::args::Args;
use self::cost::Cost;
use self::payload::Payload;

fn main() {
    let mut args = Args::read();
    let (mib, piece_kib) = (args.option("--mib", 1024), args.option("--piece-kib", 1024));
    let dir = args.option("--dir", std::env::temp_dir());
    args.words();
    let gib = mib as f64 / 1024.0;
    println!("{mib} MiB in pieces of {piece_kib} KiB; CPU in s/GiB");
    for files in [1, 10_000] {
        let (torrent, _) = Payload::new(mib, piece_kib, files).torrent("http://127.0.0.1:9/announce");
        let torrent = Arc::new(Torrent::from_bytes(&torrent).unwrap());
        let folder = tempfile::tempdir_in(&dir).unwrap();
        let storage = Storage::open(torrent, folder.path(), Options::default()).unwrap();
        let began = Instant::now();
        storage.prepare(&Bitfield::empty(storage.torrent().geometry.piece_count())).unwrap();
        println!("{files} file(s): ready after {:.3} s", began.elapsed().as_secs_f64());
        for what in ["new", "written over"] {
            let (before, began) = (Cost::so_far(), Instant::now());
            write_all(&storage);
            let (wall, cost) = (began.elapsed().as_secs_f64(), (Cost::so_far() - before) / gib);
            println!("  {what:<13} {:.2} GiB/s, CPU {cost}", gib / wall);
        }
    }
}

/// Writes every piece from blocks of its own, as they come from the line.
fn write_all(storage: &Storage) {
    let geometry = storage.torrent().geometry;
    let blocks: Vec<Vec<u8>> = (0..geometry.blocks_in(geometry.piece(0).unwrap()))
        .map(|number| vec![number as u8; BLOCK_LENGTH as usize])
        .collect();
    for piece in geometry.pieces() {
        let of_piece = geometry.blocks_of(piece).zip(&blocks);
        let slices: Vec<IoSlice<'_>> = of_piece
            .map(|(block, bytes)| IoSlice::new(&bytes[..geometry.block_length(block) as usize]))
            .collect();
        storage.write(piece, 0, &slices).unwrap();
    }
}
