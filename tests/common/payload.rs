//! Content made from a seed, and the torrent of it, bencoded by hand: nothing of the program makes what it is
//! tested with.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use sha1::{Digest, Sha1};
use ttui::metainfo::{InfoHash, Torrent};

/// A payload in the making.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    seed: u64,
    name: String,
    piece_bytes: usize,
    /// Path below the name, length, padding. None: a torrent of one file.
    files: Vec<(String, usize, bool)>,
    single_bytes: usize,
    tiers: Vec<Vec<String>>,
    private: bool,
}

/// Content and its torrent.
#[derive(Debug)]
pub(crate) struct Payload {
    /// Paths below the output folder with their contents; padding is not among them.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// Everything in a row, padding included.
    pub(crate) bytes: Vec<u8>,
    pub(crate) piece_bytes: usize,
    pub(crate) torrent_bytes: Vec<u8>,
    pub(crate) torrent: Torrent,
}

impl Recipe {
    pub(crate) fn file(name: &str, bytes: usize, piece_bytes: usize) -> Self {
        Self {
            seed: bytes as u64 ^ ((piece_bytes as u64) << 32),
            name: name.to_owned(),
            piece_bytes,
            files: Vec::new(),
            single_bytes: bytes,
            tiers: Vec::new(),
            private: false,
        }
    }

    pub(crate) fn files(name: &str, files: &[(&str, usize)], piece_bytes: usize) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), *bytes, false)).collect();
        Self { files, ..Self::file(name, 0, piece_bytes) }
    }

    /// Pads so far with zeros to a whole piece (BEP 47), then adds a file.
    pub(crate) fn padded_file(mut self, path: &str, bytes: usize) -> Self {
        let so_far: usize = self.files.iter().map(|(_, bytes, _)| bytes).sum();
        let pad = so_far.next_multiple_of(self.piece_bytes) - so_far;
        if pad > 0 {
            self.files.push((format!(".pad/{pad}"), pad, true));
        }
        self.files.push((path.to_owned(), bytes, false));
        self
    }

    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Adds a tier of trackers.
    pub(crate) fn tier(mut self, urls: &[&str]) -> Self {
        self.tiers.push(urls.iter().map(|url| (*url).to_owned()).collect());
        self
    }

    pub(crate) fn private(mut self) -> Self {
        self.private = true;
        self
    }

    pub(crate) fn make(&self) -> Arc<Payload> {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut bytes = Vec::new();
        let mut files = Vec::new();
        let mut content = |bytes: usize| {
            let mut content = vec![0; bytes];
            random.fill(&mut content);
            content
        };
        if self.files.is_empty() {
            bytes = content(self.single_bytes);
            files.push((self.name.clone(), bytes.clone()));
        }
        for (path, length, pad) in &self.files {
            if *pad {
                bytes.resize(bytes.len() + length, 0);
                continue;
            }
            let content = content(*length);
            bytes.extend(&content);
            files.push((format!("{}/{path}", self.name), content));
        }
        let pieces: Vec<u8> = bytes.chunks(self.piece_bytes).flat_map(Sha1::digest).collect();
        let torrent_bytes = self.torrent(&pieces);
        let torrent = Torrent::from_bytes(&torrent_bytes).expect("the recipe makes a sound torrent");
        Arc::new(Payload { files, bytes, piece_bytes: self.piece_bytes, torrent_bytes, torrent })
    }

    /// The torrent file for these piece hashes.
    pub(crate) fn torrent(&self, pieces: &[u8]) -> Vec<u8> {
        let mut out = b"d".to_vec();
        if let Some(first) = self.tiers.iter().flatten().next() {
            text(&mut out, b"announce");
            text(&mut out, first.as_bytes());
            text(&mut out, b"announce-list");
            out.push(b'l');
            for tier in &self.tiers {
                out.push(b'l');
                tier.iter().for_each(|url| text(&mut out, url.as_bytes()));
                out.push(b'e');
            }
            out.push(b'e');
        }
        text(&mut out, b"info");
        out.push(b'd');
        if !self.files.is_empty() {
            text(&mut out, b"files");
            out.push(b'l');
            for (path, length, pad) in &self.files {
                out.push(b'd');
                if *pad {
                    text(&mut out, b"attr");
                    text(&mut out, b"p");
                }
                number(&mut out, b"length", *length);
                text(&mut out, b"path");
                out.push(b'l');
                path.split('/').for_each(|element| text(&mut out, element.as_bytes()));
                out.extend(b"ee");
            }
            out.push(b'e');
        } else {
            number(&mut out, b"length", self.single_bytes);
        }
        text(&mut out, b"name");
        text(&mut out, self.name.as_bytes());
        number(&mut out, b"piece length", self.piece_bytes);
        text(&mut out, b"pieces");
        text(&mut out, pieces);
        if self.private {
            number(&mut out, b"private", 1);
        }
        out.extend(b"ee");
        out
    }
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(format!("{}:", text.len()).bytes());
    out.extend(text);
}

fn number(out: &mut Vec<u8>, key: &[u8], number: usize) {
    text(out, key);
    out.extend(format!("i{number}e").bytes());
}

impl Payload {
    pub(crate) fn info_hash(&self) -> InfoHash {
        self.torrent.info_hash
    }

    pub(crate) fn pieces(&self) -> u32 {
        self.bytes.len().div_ceil(self.piece_bytes) as u32
    }

    /// A stretch of a piece.
    pub(crate) fn block(&self, index: u32, begin: u32, length: u32) -> &[u8] {
        let from = index as usize * self.piece_bytes + begin as usize;
        &self.bytes[from..from + length as usize]
    }

    /// The length of a piece.
    pub(crate) fn piece_length(&self, index: u32) -> u32 {
        self.piece_bytes.min(self.bytes.len() - index as usize * self.piece_bytes) as u32
    }

    /// How many blocks all of it has.
    pub(crate) fn blocks(&self) -> u64 {
        (0..self.pieces()).map(|index| u64::from(self.piece_length(index).div_ceil(16_384))).sum()
    }

    /// Puts the content below `folder`, as the torrent has it.
    pub(crate) fn lay_out(&self, folder: &Path) {
        for (path, content) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    /// The pieces that lie whole and right below `folder`.
    pub(crate) fn right_at(&self, folder: &Path) -> BTreeSet<u32> {
        let found = self.found_at(folder);
        let pieces = found.chunks(self.piece_bytes).zip(self.bytes.chunks(self.piece_bytes)).zip(0..);
        pieces.filter(|((found, content), _)| found == content).map(|(_, number)| number).collect()
    }

    /// Those of these blocks (piece, first byte) that do not lie right below `folder`.
    pub(crate) fn wrong_at(&self, folder: &Path, blocks: &BTreeSet<(u32, u32)>) -> BTreeSet<(u32, u32)> {
        let found = self.found_at(folder);
        let is_wrong = |(piece, begin): &&(u32, u32)| {
            let length = (self.piece_length(*piece) - begin).min(16_384);
            let from = *piece as usize * self.piece_bytes + *begin as usize;
            found[from..][..length as usize] != *self.block(*piece, *begin, length)
        };
        blocks.iter().filter(is_wrong).copied().collect()
    }

    /// What lies below `folder`, zeros where nothing does.
    fn found_at(&self, folder: &Path) -> Vec<u8> {
        let mut found = vec![0; self.bytes.len()];
        for file in self.torrent.files.iter().filter(|file| !file.pad) {
            let on_disk = fs::read(folder.join(file.path.as_str())).unwrap_or_default();
            let length = on_disk.len().min(file.length as usize);
            found[file.offset as usize..][..length].copy_from_slice(&on_disk[..length]);
        }
        found
    }

    /// Holds what lies below `folder` against the content: every byte, and no file more.
    #[track_caller]
    pub(crate) fn assert_at(&self, folder: &Path) {
        for (path, content) in &self.files {
            let found = fs::read(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(found.len(), content.len(), "the length of {path}");
            let differs = found.iter().zip(content).position(|(found, content)| found != content);
            assert_eq!(differs, None, "the first byte that differs in {path}");
        }
        assert_eq!(files_below(folder), self.files.len(), "files below the output folder");
    }
}

fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| if entry.file_type().unwrap().is_dir() { files_below(&entry.path()) } else { 1 })
        .sum()
}
