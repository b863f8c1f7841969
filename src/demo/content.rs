//! What the demonstration downloads: bytes that follow from their position, so that nothing has to be stored.

use std::num::NonZeroUsize;
use std::thread;

use crate::hash::PieceHash;
use crate::metainfo::{BLOCK_LENGTH, Geometry, InfoHash, PieceIndex};

const MIB: u64 = 1 << 20;
/// Some of the files, with their share of the whole in tenths of a thousandth.
const FILES: &[(&str, u64)] = &[
    ("README.txt", 1),
    ("disc-1/forest-at-dawn.flac", 2400),
    ("disc-1/rain-on-tin.flac", 3100),
    ("disc-2/night-train.flac", 2900),
    ("disc-2/low-tide.flac", 1590),
    ("cover.png", 9),
];

/// The demonstration's payload.
pub(super) struct Content {
    pub(super) geometry: Geometry,
}

impl Content {
    /// The hash of every piece in a row, made by all processors: nothing is on the screen before that.
    fn piece_hashes(&self) -> Vec<u8> {
        let all: Vec<PieceIndex> = self.geometry.pieces().collect();
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        thread::scope(|scope| {
            let parts: Vec<_> = all
                .chunks(all.len().div_ceil(threads))
                .map(|part| {
                    scope.spawn(move || part.iter().flat_map(|piece| self.piece_hash(*piece)).collect())
                })
                .collect();
            let joined = parts.into_iter().map(|part| part.join().expect("hashing does not panic"));
            joined.collect::<Vec<Vec<u8>>>().concat()
        })
    }

    fn piece_hash(&self, piece: PieceIndex) -> [u8; 20] {
        let mut hash = PieceHash::new();
        let mut block = [0; BLOCK_LENGTH as usize];
        for number in self.geometry.blocks_of(piece) {
            let length = self.geometry.block_length(number) as usize;
            self.fill(self.geometry.offset_of(piece) + u64::from(number.begin()), &mut block[..length]);
            hash.update(&block[..length]);
        }
        hash.finish()
    }

    /// The payload, the bytes of its torrent file, and its info-hash.
    pub(super) fn with_torrent(fast: bool, trackers: &[String]) -> (Self, Vec<u8>, InfoHash) {
        let total = if fast { 48 * MIB + 70_001 } else { 160 * MIB + 70_001 };
        let piece_bytes = 256 * 1024;
        let geometry = Geometry::new(total, piece_bytes).expect("the demonstration's lengths are in range");
        let content = Self { geometry };
        let pieces = content.piece_hashes();
        let info = info_dictionary(total, piece_bytes, &pieces);
        let mut hash = PieceHash::new();
        hash.update(&info);
        let info_hash = InfoHash(hash.finish());
        let mut torrent = b"d".to_vec();
        text(&mut torrent, "announce");
        text(&mut torrent, &trackers[0]);
        text(&mut torrent, "announce-list");
        torrent.push(b'l');
        for tracker in trackers {
            torrent.push(b'l');
            text(&mut torrent, tracker);
            torrent.push(b'e');
        }
        torrent.push(b'e');
        text(&mut torrent, "comment");
        text(&mut torrent, "made up on the spot; every peer is on this machine");
        text(&mut torrent, "info");
        torrent.extend(&info);
        torrent.push(b'e');
        (content, torrent, info_hash)
    }

    /// Writes the bytes that belong at `offset` (a multiple of eight).
    pub(super) fn fill(&self, offset: u64, into: &mut [u8]) {
        for (i, word) in into.chunks_mut(8).enumerate() {
            let bytes = scramble(offset / 8 + i as u64).to_le_bytes();
            word.copy_from_slice(&bytes[..word.len()]);
        }
    }
}

/// A number that follows from another and looks like chance (the finaliser of splitmix64).
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn info_dictionary(total: u64, piece_bytes: u32, pieces: &[u8]) -> Vec<u8> {
    let mut info = b"d".to_vec();
    text(&mut info, "files");
    info.push(b'l');
    let mut left = total;
    for (n, (path, share)) in FILES.iter().enumerate() {
        let last = n + 1 == FILES.len();
        let length = if last { left } else { total * share / 10_000 };
        left -= length;
        info.extend(format!("d6:lengthi{length}e").bytes());
        text(&mut info, "path");
        info.push(b'l');
        for element in path.split('/') {
            text(&mut info, element);
        }
        info.extend(b"ee");
    }
    info.push(b'e');
    text(&mut info, "name");
    text(&mut info, "field-recordings");
    text(&mut info, "piece length");
    info.extend(format!("i{piece_bytes}e").bytes());
    text(&mut info, "pieces");
    info.extend(format!("{}:", pieces.len()).bytes());
    info.extend(pieces);
    info.push(b'e');
    info
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(format!("{}:{text}", text.len()).bytes());
}
