//! The blocks of unfinished pieces that stand in their files, remembered between runs.
//!
//! A file beside the resume file that is only ever appended to. It names what was written, once it was written, and
//! with which boot of the machine that was: while the machine runs, what one process has written all others read. After
//! another boot only that counts which was named before the data was synced last. Nothing is trusted for being named:
//! a piece is right when its hash is, and a block of which the CRC-32 is known is looked at first.
//!
//! Layout, numbers in big-endian: the magic, a version (2 bytes), the info-hash, the id of the boot (16), and the
//! CRC-32 of all that (4). Then entries, each followed by its CRC-32: blocks (1, piece 4, first block 4, count 4, which
//! is 0 where the piece was only begun, number of the naming 8, a byte that is 1 if CRCs follow, 4 each), a piece that is finished or given up (2, piece 4),
//! and a sync (3, the number of the last naming that was before it 8). What follows a damaged entry means nothing.

mod codec;
mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

pub(super) use self::codec::{load, parse};
pub use self::file::{JournalFile, boot_id};

use self::codec::Writer;
use crate::metainfo::{InfoHash, PieceIndex};

/// A journal with less in it is not written anew.
const LEAST_BYTES: usize = 64 * 1024;
/// One with more than so many times what is needed is.
const MOST_TIMES: usize = 4;

/// A block of an unfinished piece that stands in its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OnDisk {
    /// Which block of the piece.
    pub number: u32,
    /// The CRC-32 of what was written; `None` where only the hash of the piece can tell whether it is still that.
    pub crc: Option<u32>,
}

/// A run of the machine from its start to its end.
pub type BootId = [u8; 16];

/// Which blocks of unfinished pieces are written. Pure bookkeeping: [`JournalFile`] writes it down.
#[derive(Debug)]
pub struct Journal {
    info_hash: InfoHash,
    boot: BootId,
    pieces: BTreeMap<PieceIndex, Blocks>,
    /// How many namings there were.
    namings: u64,
    /// The last one that was before a sync.
    synced: u64,
    /// The last one that is written down.
    saved: u64,
    /// The pieces that the file knows of.
    written_down: BTreeSet<PieceIndex>,
    /// The pieces named since.
    unsaved: BTreeSet<PieceIndex>,
    /// Pieces that are written down and named no more.
    forgotten: Vec<PieceIndex>,
    /// Whether a sync is not written down.
    sync_unsaved: bool,
    /// Bytes of the file; `None`: it has to be written anew, or for the first time.
    file_bytes: Option<usize>,
    /// The same when it was written anew last.
    compact_bytes: usize,
}

type Blocks = BTreeMap<u32, Named>;

#[derive(Clone, Copy, Debug)]
struct Named {
    crc: Option<u32>,
    naming: u64,
}

/// What has to be written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Batch {
    /// Entries to append.
    Append(Vec<u8>),
    /// Everything, to take the place of the file.
    Replace(Vec<u8>),
    /// Nothing is named any more: the file can go.
    Remove,
}

impl Journal {
    /// Nothing is named.
    pub fn new(info_hash: InfoHash, boot: BootId) -> Self {
        Self {
            info_hash,
            boot,
            pieces: BTreeMap::new(),
            namings: 0,
            synced: 0,
            saved: 0,
            written_down: BTreeSet::new(),
            unsaved: BTreeSet::new(),
            forgotten: Vec::new(),
            sync_unsaved: false,
            file_bytes: None,
            compact_bytes: 0,
        }
    }

    /// The blocks that are named, in order.
    pub fn blocks(&self) -> impl Iterator<Item = (PieceIndex, OnDisk)> + '_ {
        self.pieces.iter().flat_map(|(piece, blocks)| {
            let on_disk = |(number, named): (&u32, &Named)| OnDisk { number: *number, crc: named.crc };
            blocks.iter().map(move |named| (*piece, on_disk(named)))
        })
    }

    /// Whether blocks of the piece are named.
    pub(super) fn names(&self, piece: PieceIndex) -> bool {
        self.pieces.contains_key(&piece)
    }

    /// Blocks of the piece are about to be written. Whether that is news, to be written down before they are: else a
    /// process that is killed leaves blocks of which nobody knows that their piece is unfinished.
    pub fn begin(&mut self, piece: PieceIndex) -> bool {
        let is_news = !self.pieces.contains_key(&piece);
        if is_news {
            self.pieces.insert(piece, Blocks::new());
            self.unsaved.insert(piece);
        }
        is_news
    }

    /// Keeps those that are wanted.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(PieceIndex, u32) -> bool) {
        self.pieces.retain(|piece, blocks| {
            blocks.retain(|number, _| wanted(*piece, *number));
            !blocks.is_empty()
        });
    }

    /// These blocks of the piece were written.
    pub fn name(&mut self, piece: PieceIndex, on_disk: &[OnDisk]) {
        self.namings += 1;
        let blocks = self.pieces.entry(piece).or_default();
        for OnDisk { number, crc } in on_disk {
            blocks.insert(*number, Named { crc: *crc, naming: self.namings });
        }
        self.unsaved.insert(piece);
    }

    /// These blocks of the piece, which follow each other, were hashed and written.
    pub fn name_hashed(&mut self, piece: PieceIndex, numbers: Range<u32>) {
        let blocks = self.pieces.entry(piece).or_default();
        self.namings += 1;
        for number in numbers {
            blocks.entry(number).or_insert(Named { crc: None, naming: self.namings });
        }
        self.unsaved.insert(piece);
    }

    /// The piece is finished, or given up.
    pub fn forget(&mut self, piece: PieceIndex) {
        self.pieces.remove(&piece);
        self.unsaved.remove(&piece);
        if self.written_down.remove(&piece) {
            self.forgotten.push(piece);
        }
    }

    /// A sync begins: the pieces it is for, and what tells [`Self::sync_ended`] what was named before.
    pub fn sync_begins(&self) -> (Vec<PieceIndex>, u64) {
        let unsynced = |blocks: &Blocks| blocks.values().any(|named| named.naming > self.synced);
        let pieces = self.pieces.iter().filter(|(_, blocks)| unsynced(blocks)).map(|(piece, _)| *piece);
        (pieces.collect(), self.namings)
    }

    /// The sync succeeded.
    pub fn sync_ended(&mut self, namings: u64) {
        if namings > self.synced {
            self.synced = namings;
            self.sync_unsaved = !self.pieces.is_empty();
        }
    }

    /// Whether anything has to be written down.
    pub fn has_news(&self) -> bool {
        !self.unsaved.is_empty() || !self.forgotten.is_empty() || self.sync_unsaved
    }

    /// What has to be written down now, if anything. It is taken for written until [`Self::failed`].
    pub fn take(&mut self) -> Option<Batch> {
        if !self.has_news() {
            return None;
        }
        let too_long = |bytes: usize| bytes > LEAST_BYTES && bytes > MOST_TIMES * self.compact_bytes;
        let batch = match self.file_bytes {
            None if self.pieces.is_empty() => Batch::Remove,
            None => Batch::Replace(self.all()),
            Some(bytes) if too_long(bytes) => Batch::Replace(self.all()),
            Some(_) => Batch::Append(self.news()),
        };
        match &batch {
            Batch::Append(entries) => {
                self.file_bytes = self.file_bytes.map(|bytes| bytes + entries.len());
                self.written_down.append(&mut self.unsaved);
            }
            Batch::Replace(all) => {
                self.compact_bytes = all.len();
                self.file_bytes = Some(all.len());
                self.written_down = self.pieces.keys().copied().collect();
            }
            Batch::Remove => self.written_down.clear(),
        }
        self.saved = self.namings;
        self.unsaved.clear();
        self.forgotten.clear();
        self.sync_unsaved = false;
        Some(batch)
    }

    /// The same when nothing comes after it.
    pub fn take_last(&mut self) -> Option<Batch> {
        if self.pieces.is_empty() { Some(Batch::Remove) } else { self.take() }
    }

    /// A run begins: what is remembered is written anew, as that of this boot.
    pub fn renew(&mut self) {
        self.failed();
        self.sync_unsaved = true;
    }

    /// What was taken last could not be written: everything is written anew with the next.
    pub fn failed(&mut self) {
        self.file_bytes = None;
        self.unsaved.extend(self.pieces.keys());
    }

    /// Everything that is to be remembered.
    fn all(&self) -> Vec<u8> {
        let mut out = Writer::begin(self.info_hash, self.boot);
        for (piece, blocks) in &self.pieces {
            out.blocks(*piece, blocks.iter());
        }
        out.synced(self.synced);
        out.done()
    }

    /// What is not written down yet.
    fn news(&self) -> Vec<u8> {
        let mut out = Writer::default();
        self.forgotten.iter().for_each(|piece| out.forgotten(*piece));
        for piece in &self.unsaved {
            if let Some(blocks) = self.pieces.get(piece) {
                out.blocks(*piece, blocks.iter().filter(|(_, named)| named.naming > self.saved));
            }
        }
        if self.sync_unsaved {
            out.synced(self.synced);
        }
        out.done()
    }
}

#[cfg(test)]
mod tests;
