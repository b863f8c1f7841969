//! SHA-1 by each path of this processor: pieces that grow side by side, fed in chunks as `verify` and the download
//! feed them.
//!
//! `cargo bench --bench hash -- --bytes-format binary`; 1 GiB/s is 1 CPU second per GiB.

#![allow(missing_docs, reason = "a benchmark documents itself by what it prints")]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};

use ttui::hash::{Path, PieceHash, Run, advance_by};

fn main() {
    divan::main();
}

/// A path by its width, `None` where this processor lacks it.
fn path(lanes: usize) -> Option<Path> {
    Path::all().into_iter().find(|path| path.lanes() == lanes)
}

/// `count` states advanced by a chunk each.
fn side_by_side(bencher: Bencher<'_, '_>, lanes: usize, count: usize, chunk_bytes: usize) {
    let Some(path) = path(lanes) else { return };
    let chunks: Vec<[Vec<u8>; 1]> = (0..count).map(|n| [vec![n as u8; chunk_bytes]]).collect();
    let mut hashes = vec![PieceHash::new(); count];
    bencher.counter(BytesCount::new(count * chunk_bytes)).bench_local(|| {
        let runs = hashes.iter_mut().zip(&chunks).map(|(hash, chunk)| Run { hash, slices: black_box(chunk) });
        advance_by(path, &mut runs.collect::<Vec<_>>());
    });
}

/// Sixteen pieces, in chunks from one block of the protocol up to more than a cache holds.
#[divan::bench(args = [16 << 10, 32 << 10, 64 << 10, 256 << 10], consts = [1, 8, 16])]
fn full<const LANES: usize>(bencher: Bencher<'_, '_>, chunk_bytes: usize) {
    side_by_side(bencher, LANES, 16, chunk_bytes);
}

/// Too few pieces for the lanes: from how many on are they worth it?
#[divan::bench(args = [1, 2, 3, 4, 5, 6, 7, 8, 12], consts = [1, 8, 16])]
fn few<const LANES: usize>(bencher: Bencher<'_, '_>, count: usize) {
    side_by_side(bencher, LANES, count, 32 << 10);
}
