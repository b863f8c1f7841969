//! The journal as bytes.

use super::{Blocks, BootId, Journal, Named};
use crate::metainfo::{Geometry, InfoHash, PieceIndex};

const MAGIC: &[u8; 12] = b"ttui blocks\n";
const VERSION: u16 = 1;
const BLOCKS: u8 = 1;
const FORGOTTEN: u8 = 2;
const SYNCED: u8 = 3;

/// Entries under way to a file.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// The beginning of a file.
    pub(super) fn begin(info_hash: InfoHash, boot: BootId) -> Self {
        let mut out = Self::default();
        out.checked(|out| {
            out.extend_from_slice(MAGIC);
            out.extend_from_slice(&VERSION.to_be_bytes());
            out.extend_from_slice(&info_hash.0);
            out.extend_from_slice(&boot);
        });
        out
    }

    /// Blocks of one piece, in order.
    pub(super) fn blocks<'a>(
        &mut self,
        piece: PieceIndex,
        blocks: impl Iterator<Item = (&'a u32, &'a Named)>,
    ) {
        let blocks: Vec<(u32, Named)> = blocks.map(|(number, named)| (*number, *named)).collect();
        if blocks.is_empty() {
            return self.run(piece, &[]);
        }
        let together = |(one, a): &(u32, Named), (next, b): &(u32, Named)| {
            one + 1 == *next && a.naming == b.naming && a.crc.is_some() == b.crc.is_some()
        };
        blocks.chunk_by(together).for_each(|run| self.run(piece, run));
    }

    /// Blocks that follow each other and were named alike; none: the piece was begun.
    fn run(&mut self, piece: PieceIndex, run: &[(u32, Named)]) {
        let (first, named) = run.first().copied().unwrap_or((0, Named { crc: None, naming: 0 }));
        self.checked(|out| {
            out.push(BLOCKS);
            out.extend_from_slice(&piece.number().to_be_bytes());
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&(run.len() as u32).to_be_bytes());
            out.extend_from_slice(&named.naming.to_be_bytes());
            out.push(u8::from(named.crc.is_some()));
            run.iter().filter_map(|(_, named)| named.crc).for_each(|crc| {
                out.extend_from_slice(&crc.to_be_bytes());
            });
        });
    }

    pub(super) fn forgotten(&mut self, piece: PieceIndex) {
        self.checked(|out| {
            out.push(FORGOTTEN);
            out.extend_from_slice(&piece.number().to_be_bytes());
        });
    }

    pub(super) fn synced(&mut self, naming: u64) {
        self.checked(|out| {
            out.push(SYNCED);
            out.extend_from_slice(&naming.to_be_bytes());
        });
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }

    fn checked(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let from = self.0.len();
        write(&mut self.0);
        let sum = crc32fast::hash(&self.0[from..]);
        self.0.extend_from_slice(&sum.to_be_bytes());
    }
}

/// What the bytes of a journal say that counts in this boot, no matter what wrote them: nothing, if they are about another
/// torrent or none of ours; else all before the first entry that is damaged.
pub(in crate::storage) fn load(
    bytes: &[u8],
    info_hash: InfoHash,
    geometry: Geometry,
    boot: BootId,
) -> Journal {
    let (written_in, mut journal) = parse(bytes, info_hash, geometry);
    if written_in != boot {
        let synced = journal.synced;
        journal.pieces.retain(|_, blocks| {
            blocks.retain(|_, named| named.naming <= synced);
            !blocks.is_empty()
        });
    }
    journal.boot = boot;
    journal
}

/// All that the bytes of a journal say, and in which boot it was written.
pub(in crate::storage) fn parse(bytes: &[u8], info_hash: InfoHash, geometry: Geometry) -> (BootId, Journal) {
    let mut journal = Journal::new(info_hash, BootId::default());
    let mut read = Reader { rest: bytes };
    let Some(boot) = read.checked(|read| read.header(info_hash)) else {
        return (BootId::default(), journal);
    };
    while let Some(entry) = read.checked(|read| read.entry(geometry)) {
        match entry {
            Entry::Blocks(piece, blocks) => {
                let last = blocks.values().map(|named| named.naming).max();
                journal.namings = journal.namings.max(last.unwrap_or_default());
                journal.pieces.entry(piece).or_default().extend(blocks);
            }
            Entry::Forgotten(piece) => _ = journal.pieces.remove(&piece),
            Entry::Synced(naming) => journal.synced = journal.synced.max(naming),
        }
    }
    journal.namings = journal.namings.max(journal.synced);
    journal.saved = journal.namings;
    journal.written_down = journal.pieces.keys().copied().collect();
    (boot, journal)
}

enum Entry {
    Blocks(PieceIndex, Blocks),
    Forgotten(PieceIndex),
    Synced(u64),
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// What `read` reads, if the checksum that follows is right.
    fn checked<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.rest;
        let value = read(self)?;
        let content = &before[..before.len() - self.rest.len()];
        (u32::from_be_bytes(self.take()?) == crc32fast::hash(content)).then_some(value)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    fn slice(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn header(&mut self, info_hash: InfoHash) -> Option<BootId> {
        let is_ours = self.take()? == *MAGIC
            && u16::from_be_bytes(self.take()?) == VERSION
            && self.take()? == info_hash.0;
        if is_ours { self.take() } else { None }
    }

    fn entry(&mut self, geometry: Geometry) -> Option<Entry> {
        match self.take()? {
            [BLOCKS] => {
                let piece = self.piece(geometry)?;
                let (first, count) = (u32::from_be_bytes(self.take()?), u32::from_be_bytes(self.take()?));
                let end = first.checked_add(count).filter(|end| *end <= geometry.blocks_in(piece))?;
                let naming = u64::from_be_bytes(self.take()?);
                let crcs: Vec<Option<u32>> = match self.take()? {
                    [0] => vec![None; count as usize],
                    [1] => {
                        let (crcs, _) = self.slice(count as usize * 4)?.as_chunks();
                        crcs.iter().map(|crc| Some(u32::from_be_bytes(*crc))).collect()
                    }
                    _ => return None,
                };
                let named = crcs.into_iter().map(|crc| Named { crc, naming });
                Some(Entry::Blocks(piece, (first..end).zip(named).collect()))
            }
            [FORGOTTEN] => Some(Entry::Forgotten(self.piece(geometry)?)),
            [SYNCED] => Some(Entry::Synced(u64::from_be_bytes(self.take()?))),
            _ => None,
        }
    }

    fn piece(&mut self, geometry: Geometry) -> Option<PieceIndex> {
        geometry.piece(u32::from_be_bytes(self.take()?))
    }
}
