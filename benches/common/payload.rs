//! A payload of any length that takes next to no memory: the same random bytes over and over, with its number at the
//! beginning of each block, so that no two blocks, and no two pieces, are alike.
//!
//! Random bytes that all lie in memory would have to be fetched from there for every block sent: a third of what
//! a seed of these benches cost, and none of the downloader's business.

#![allow(dead_code, reason = "every bench uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops where it cannot go on")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use ttui::hash::sha1;
use ttui::metainfo::BLOCK_LENGTH;
use ttui::wire::{PIECE_HEADER_BYTES, PieceHeader};

/// Bytes of the number at the beginning of a block.
const STAMP_BYTES: usize = 8;
/// What is repeated: little enough to stay in the cache of a core.
const PATTERN_BYTES: usize = 256 * 1024;
const BLOCK_BYTES: usize = BLOCK_LENGTH as usize;

/// The bytes of a torrent.
#[derive(Clone)]
pub(crate) struct Payload {
    pattern: Vec<u8>,
    total_bytes: usize,
    pub(crate) piece_bytes: usize,
    files: usize,
    /// What the torrent calls it.
    name: String,
}

/// What goes over the line ahead of a block's pattern: the header, and the block's number.
pub(crate) type Beginning = [u8; PIECE_HEADER_BYTES + STAMP_BYTES];

impl Payload {
    pub(crate) fn new(mib: usize, piece_kib: usize, files: usize) -> Self {
        let mut pattern = vec![0; PATTERN_BYTES];
        fastrand::Rng::with_seed(7).fill(&mut pattern);
        Self {
            pattern,
            total_bytes: mib << 20,
            piece_bytes: piece_kib << 10,
            files,
            name: "payload".to_owned(),
        }
    }

    /// The same of a torrent with this name, so that it is another one.
    pub(crate) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    pub(crate) fn piece_count(&self) -> usize {
        self.total_bytes.div_ceil(self.piece_bytes)
    }

    /// A block as it goes over the line: what comes first, and the rest. Whole blocks only.
    pub(crate) fn block(&self, header: PieceHeader) -> io::Result<(Beginning, &[u8])> {
        let at = header.index as usize * self.piece_bytes + header.begin as usize;
        let length = header.length as usize;
        let whole = at.is_multiple_of(BLOCK_BYTES) && (STAMP_BYTES..=BLOCK_BYTES).contains(&length);
        if !whole || at + length > self.total_bytes {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut beginning = [0; PIECE_HEADER_BYTES + STAMP_BYTES];
        beginning[..PIECE_HEADER_BYTES].copy_from_slice(&header.to_bytes());
        beginning[PIECE_HEADER_BYTES..].copy_from_slice(&(at as u64).to_be_bytes());
        let from = at % PATTERN_BYTES;
        Ok((beginning, &self.pattern[from + STAMP_BYTES..from + length]))
    }

    /// Hands over all bytes, a piece at a time.
    fn each_piece(&self, mut piece: impl FnMut(&[u8])) {
        let mut bytes = Vec::with_capacity(self.piece_bytes);
        let mut at = 0;
        while at < self.total_bytes {
            bytes.clear();
            let end = (at + self.piece_bytes).min(self.total_bytes);
            while at < end {
                let from = at % PATTERN_BYTES;
                let length = BLOCK_BYTES.min(end - at);
                bytes.extend_from_slice(&(at as u64).to_be_bytes());
                bytes.extend_from_slice(&self.pattern[from + STAMP_BYTES..from + length]);
                at += length;
            }
            piece(&bytes);
        }
    }

    fn file_bytes(&self) -> usize {
        self.total_bytes.div_ceil(self.files)
    }

    /// The folder and the name of a file, where there are several.
    fn place(number: usize) -> (String, String) {
        (format!("{:03}", number / 100), format!("{number:06}"))
    }

    /// The torrent, and its info hash.
    pub(crate) fn torrent(&self, announce: &str) -> (Vec<u8>, [u8; 20]) {
        let mut info = b"d".to_vec();
        if self.files == 1 {
            info.extend(format!("6:lengthi{}e", self.total_bytes).bytes());
        } else {
            info.extend(b"5:filesl");
            for (number, begins) in (0..self.total_bytes).step_by(self.file_bytes()).enumerate() {
                let length = self.file_bytes().min(self.total_bytes - begins);
                let (folder, name) = Self::place(number);
                let (of_folder, of_name) = (folder.len(), name.len());
                info.extend(
                    format!("d6:lengthi{length}e4:pathl{of_folder}:{folder}{of_name}:{name}ee").bytes(),
                );
            }
            info.push(b'e');
        }
        let (name, piece_bytes) = (&self.name, self.piece_bytes);
        info.extend(format!("4:name{}:{name}12:piece lengthi{piece_bytes}e", name.len()).bytes());
        info.extend(format!("6:pieces{}:", 20 * self.piece_count()).bytes());
        self.each_piece(|piece| info.extend(sha1(piece)));
        info.push(b'e');
        let mut torrent = format!("d8:announce{}:{announce}4:info", announce.len()).into_bytes();
        torrent.extend(&info);
        torrent.push(b'e');
        (torrent, sha1(&info))
    }

    /// Writes `dir/payload`: a file, or a folder where there are several.
    pub(crate) fn write(&self, dir: &Path) {
        let whole = dir.join("payload");
        let open = |number: usize| {
            if self.files == 1 {
                return File::create(&whole).unwrap();
            }
            let (folder, name) = Self::place(number);
            fs::create_dir_all(whole.join(&folder)).unwrap();
            File::create(whole.join(folder).join(name)).unwrap()
        };
        let (mut number, mut file, mut room) = (0, open(0), self.file_bytes());
        self.each_piece(|mut bytes| {
            while !bytes.is_empty() {
                if room == 0 {
                    number += 1;
                    (file, room) = (open(number), self.file_bytes());
                }
                let (now, later) = bytes.split_at(bytes.len().min(room));
                file.write_all(now).unwrap();
                room -= now.len();
                bytes = later;
            }
        });
    }
}
