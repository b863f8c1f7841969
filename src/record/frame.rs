//! Header and frames: bytes that are whole, or not.

use std::io::{self, Read, Write};
use std::time::Duration;

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::event::At;
use crate::event::sound::LONGEST_RUN;

/// The version of the format that is written. Those before it are read too.
pub const VERSION: u16 = 1;

/// No text begins so, and a file mangled as text does not either.
const MAGIC: [u8; 8] = *b"\x89ttrec\r\n";
pub(super) const HEADER_BYTES: usize = 22;
pub(super) const HEAD_BYTES: usize = 21;
/// Of 0 to 10: better takes much longer and saves little.
const COMPRESSION: u8 = 6;

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Facts,
    Snapshot,
    Events,
    /// A snapshot, by how it differs from the one before.
    Change,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Facts, Self::Snapshot, Self::Events, Self::Change].into_iter().find(|kind| kind.byte() == byte)
    }

    fn byte(self) -> u8 {
        match self {
            Self::Facts => 1,
            Self::Snapshot => 2,
            Self::Events => 3,
            Self::Change => 4,
        }
    }

    /// Whether a ledger can be made of it.
    pub(super) fn is_snapshot(self) -> bool {
        matches!(self, Self::Snapshot | Self::Change)
    }

    /// The longest body, unpacked; what a stranger's file makes us hold is bounded by it.
    pub(super) fn most_bytes(self) -> usize {
        match self {
            Self::Facts => 64 << 20,
            Self::Snapshot => 128 << 20,
            // What changed much is written whole.
            Self::Events | Self::Change => 16 << 20,
        }
    }
}

/// Why a header is none of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BadHeader {
    NotOurs,
    Newer(u16),
    Broken,
}

pub(super) fn header(wall_ms: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes[10..18].copy_from_slice(&wall_ms.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..18]);
    bytes[18..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The wall clock of a header, milliseconds since 1970.
pub(super) fn read_header(bytes: &[u8]) -> Result<u64, BadHeader> {
    if !bytes.starts_with(&MAGIC) {
        return Err(BadHeader::NotOurs);
    }
    let mut fields = Fields(&bytes[MAGIC.len()..]);
    let (version, wall_ms, crc) = (fields.take(), fields.take(), fields.take());
    let version = version.map(u16::from_le_bytes).ok_or(BadHeader::Broken)?;
    if version > VERSION {
        return Err(BadHeader::Newer(version));
    }
    let crc_holds = crc.map(u32::from_le_bytes) == bytes.get(..18).map(crc32fast::hash);
    wall_ms.map(u64::from_le_bytes).filter(|_| crc_holds).ok_or(BadHeader::Broken)
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}

/// Writes a frame; returns its length in bytes.
///
/// # Errors
///
/// What the writer says; and a body that no reader would take.
pub(super) fn write(out: &mut impl Write, kind: Kind, until: At, body: &[u8]) -> io::Result<u64> {
    if body.len() > kind.most_bytes() {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than a recording can hold"));
    }
    let packed = compress_to_vec(body, COMPRESSION);
    let mut frame = Vec::with_capacity(HEAD_BYTES + packed.len());
    frame.push(kind.byte());
    // Bodies are shorter than 4 GiB, packed or not; runs shorter than 584 years.
    frame.extend((packed.len() as u32).to_le_bytes());
    frame.extend((body.len() as u32).to_le_bytes());
    frame.extend((until.as_nanos() as u64).to_le_bytes());
    let crc = crc(&frame, &packed);
    frame.extend(crc.to_le_bytes());
    frame.extend(packed);
    out.write_all(&frame)?;
    Ok(frame.len() as u64)
}

fn crc(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}

/// A frame's head, and its body as it is stored.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) until: At,
    unpacked_bytes: usize,
    packed: Vec<u8>,
}

/// Why there is no frame.
#[derive(Debug)]
pub(super) enum NoFrame {
    /// The file ends before it begins.
    End,
    /// The file ends within it.
    Cut,
    /// It is not what was written.
    Broken(&'static str),
    /// The file cannot be read.
    Io(io::Error),
}

/// Reads the next frame and holds it against its checksum.
pub(super) fn read(source: &mut impl Read) -> Result<Frame, NoFrame> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    source.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(NoFrame::Io)?;
    if head.is_empty() {
        return Err(NoFrame::End);
    }
    if head.len() < HEAD_BYTES {
        return Err(NoFrame::Cut);
    }
    let mut fields = Fields(&head);
    let (kind, packed_bytes, unpacked_bytes) = (fields.take::<1>(), fields.take(), fields.take());
    let (until, expected_crc) = (fields.take(), fields.take());
    let Some(expected_crc) = expected_crc.map(u32::from_le_bytes) else { return Err(NoFrame::Cut) };
    let number = |field: Option<[u8; 4]>| field.map_or(0, u32::from_le_bytes) as usize;
    let kind =
        kind.and_then(|[byte]| Kind::from_byte(byte)).ok_or(NoFrame::Broken("a frame of no known kind"))?;
    let (packed_bytes, unpacked_bytes) = (number(packed_bytes), number(unpacked_bytes));
    // What does not shrink may grow a little.
    if unpacked_bytes > kind.most_bytes() || packed_bytes > kind.most_bytes() + (1 << 16) {
        return Err(NoFrame::Broken("a frame longer than any may be"));
    }
    let until = Duration::from_nanos(until.map_or(0, u64::from_le_bytes));
    let mut packed = Vec::new();
    source.take(packed_bytes as u64).read_to_end(&mut packed).map_err(NoFrame::Io)?;
    if packed.len() < packed_bytes {
        return Err(NoFrame::Cut);
    }
    if crc(&head[..HEAD_BYTES - 4], &packed) != expected_crc {
        return Err(NoFrame::Broken("a frame whose checksum is wrong"));
    }
    if until > LONGEST_RUN {
        return Err(NoFrame::Broken("a time beyond any run"));
    }
    Ok(Frame { kind, until, unpacked_bytes, packed })
}

impl Frame {
    /// Its length in the file, bytes.
    pub(super) fn stored_bytes(&self) -> u64 {
        (HEAD_BYTES + self.packed.len()) as u64
    }

    /// Whether its body is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.unpacked_bytes == 0
    }

    /// Its body.
    pub(super) fn unpack(&self) -> Result<Vec<u8>, &'static str> {
        let body = decompress_to_vec_with_limit(&self.packed, self.unpacked_bytes).ok();
        let whole = body.filter(|body| body.len() == self.unpacked_bytes);
        whole.ok_or("a frame that does not unpack to its length")
    }
}
