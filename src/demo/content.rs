//! What the demonstration downloads: bytes that follow from their position, so that nothing has to be stored.

use std::num::NonZeroUsize;
use std::thread;

use bytes::Bytes;

use crate::hash::PieceHash;
use crate::metainfo::{BLOCK_LENGTH, Geometry, InfoHash, PieceIndex};

const MIB: u64 = 1 << 20;
const PIECE_BYTES: u32 = 256 * 1024;

/// What a torrent of the demonstration holds.
pub(super) struct Album {
    name: &'static str,
    /// The files, with their share of the whole in tenths of a thousandth; the last has what is left.
    files: &'static [(&'static str, u64)],
    /// The length of all, and that of a fast demonstration.
    bytes: (u64, u64),
    /// What its bytes follow from, beside their position.
    seed: u64,
}

/// The demonstration begins with it.
pub(super) const RECORDINGS: Album = Album {
    name: "field-recordings",
    files: &[
        ("README.txt", 1),
        ("disc-1/forest-at-dawn.flac", 2400),
        ("disc-1/rain-on-tin.flac", 3100),
        ("disc-2/night-train.flac", 2900),
        ("disc-2/low-tide.flac", 1590),
        ("cover.png", 9),
    ],
    bytes: (160 * MIB + 70_001, 48 * MIB + 70_001),
    seed: 0,
};

/// It joins as a torrent file.
pub(super) const MAPS: Album = Album {
    name: "old-maps",
    files: &[("coast.tif", 5200), ("islands.tif", 3300), ("legend.txt", 2), ("rivers.tif", 1498)],
    bytes: (28 * MIB + 4_321, 8 * MIB + 4_321),
    seed: 1 << 40,
};

/// It joins as a magnet link.
pub(super) const LECTURES: Album = Album {
    name: "lectures",
    files: &[("1-tides.ogg", 4100), ("2-winds.ogg", 3600), ("3-clouds.ogg", 2300)],
    bytes: (20 * MIB + 777, 6 * MIB + 777),
    seed: 2 << 40,
};

/// The payload of a torrent, and its description.
pub(super) struct Content {
    pub(super) geometry: Geometry,
    /// The bytes of `info`, which a magnet link needs.
    pub(super) info: Bytes,
    seed: u64,
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
    pub(super) fn with_torrent(album: &Album, fast: bool, trackers: &[String]) -> (Self, Vec<u8>, InfoHash) {
        let total = if fast { album.bytes.1 } else { album.bytes.0 };
        let geometry = Geometry::new(total, PIECE_BYTES).expect("the demonstration's lengths are in range");
        let mut content = Self { geometry, info: Bytes::new(), seed: album.seed };
        let info = info_dictionary(album, total, &content.piece_hashes());
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
        content.info = info.into();
        (content, torrent, info_hash)
    }

    /// Writes the bytes that belong at `offset` (a multiple of eight).
    pub(super) fn fill(&self, offset: u64, into: &mut [u8]) {
        for (i, word) in into.chunks_mut(8).enumerate() {
            let bytes = scramble(self.seed + offset / 8 + i as u64).to_le_bytes();
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

fn info_dictionary(album: &Album, total: u64, pieces: &[u8]) -> Vec<u8> {
    let mut info = b"d".to_vec();
    text(&mut info, "files");
    info.push(b'l');
    let mut left = total;
    for (n, (path, share)) in album.files.iter().enumerate() {
        let last = n + 1 == album.files.len();
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
    text(&mut info, album.name);
    text(&mut info, "piece length");
    info.extend(format!("i{PIECE_BYTES}e").bytes());
    text(&mut info, "pieces");
    info.extend(format!("{}:", pieces.len()).bytes());
    info.extend(pieces);
    info.push(b'e');
    info
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(format!("{}:{text}", text.len()).bytes());
}
