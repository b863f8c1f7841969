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

#[path = "common/cost.rs"]
mod cost;
#[path = "common/payload.rs"]
mod payload;

use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use ttui::metainfo::{BLOCK_LENGTH, Bitfield, Torrent};
use ttui::storage::{Options, Storage};

use self::cost::Cost;
use self::payload::Payload;

fn main() {
    let (mut mib, mut piece_kib) = (1024, 1024);
    let mut dir = std::env::temp_dir();
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        let value = args.next().expect("a value after the option");
        match arg.as_str() {
            "--mib" => mib = value.parse().unwrap(),
            "--piece-kib" => piece_kib = value.parse().unwrap(),
            "--dir" => dir = PathBuf::from(value),
            other => panic!("no such option: {other}"),
        }
    }
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
            let (wall, cost) = (began.elapsed().as_secs_f64(), Cost::so_far() - before);
            let gib = mib as f64 / 1024.0;
            println!(
                "  {what:<13} {:.2} GiB/s, CPU {:.3} ({:.3} in the program, {:.3} in the kernel)",
                gib / wall,
                cost.cpu() / gib,
                cost.user / gib,
                cost.system / gib
            );
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
