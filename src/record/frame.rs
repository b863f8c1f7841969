//! Header and frames: bytes that are whole, or not.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::Duration;

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::event::At;
use crate::event::validate::LONGEST_RUN;

/// The version of the format that is written. Those before it are read too.
///
/// It grows only when frames or bodies are laid out in another way. Fields and kinds of what they hold come and go
/// without.
pub const VERSION: u16 = 2;

/// The version of this program, as the header names the one that wrote the file.
const PROGRAM: Program = Program([
    number(env!("CARGO_PKG_VERSION_MAJOR")),
    number(env!("CARGO_PKG_VERSION_MINOR")),
    number(env!("CARGO_PKG_VERSION_PATCH")),
]);

const fn number(digits: &str) -> u16 {
    match u16::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => 0,
    }
}

/// A version of ttui.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Program([u16; 3]);

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, patch]) = self;
        write!(f, "ttui {major}.{minor}.{patch}")
    }
}

/// No text begins so, and a file mangled as text does not either.
const MAGIC: [u8; 8] = *b"\x89ttrec\r\n";
/// Bytes of the header, with its checksum; version 1 does not name the program.
pub(super) const HEADER_BYTES: usize = 28;
const HEADER_1_BYTES: usize = 22;
/// Bytes of its beginning, which all versions have alike: magic and version.
const BEGINNING_BYTES: usize = 10;
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
    /// What the schema knows from here on.
    Schema,
    /// Something that no version up to this one writes.
    Unknown(u8),
}

impl Kind {
    fn from_byte(byte: u8) -> Self {
        let known = [Self::Facts, Self::Snapshot, Self::Events, Self::Change, Self::Schema];
        known.into_iter().find(|kind| kind.byte() == byte).unwrap_or(Self::Unknown(byte))
    }

    fn byte(self) -> u8 {
        match self {
            Self::Facts => 1,
            Self::Snapshot => 2,
            Self::Events => 3,
            Self::Change => 4,
            Self::Schema => 5,
            Self::Unknown(byte) => byte,
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
            Self::Schema => 1 << 20,
            Self::Snapshot | Self::Unknown(_) => 128 << 20,
            // What changed much is written whole.
            Self::Events | Self::Change => 16 << 20,
        }
    }
}

/// What a header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) version: u16,
    /// The wall clock at the start of the run, milliseconds since 1970.
    pub(super) wall_ms: u64,
    /// Who wrote the file; version 1 does not say.
    pub(super) program: Option<Program>,
}

impl Header {
    /// Its length in the file, bytes.
    pub(super) fn bytes(&self) -> u64 {
        (if self.version < 2 { HEADER_1_BYTES } else { HEADER_BYTES }) as u64
    }
}

/// Why a header is none of ours.
#[derive(Debug)]
pub(super) enum BadHeader {
    NotOurs,
    /// Of a later format, written by this program.
    Newer(u16, Option<Program>),
    Broken,
    Io(io::Error),
}

pub(super) fn header(wall_ms: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes[10..18].copy_from_slice(&wall_ms.to_le_bytes());
    for (field, number) in bytes[18..24].chunks_exact_mut(2).zip(PROGRAM.0) {
        field.copy_from_slice(&number.to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes[..24]);
    bytes[24..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads the header. All versions from 2 on have the same, so that each can tell who can read it.
pub(super) fn read_header(source: &mut impl Read) -> Result<Header, BadHeader> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    let mut read_to = |length: usize, bytes: &mut Vec<u8>| {
        source
            .by_ref()
            .take((length - bytes.len()) as u64)
            .read_to_end(bytes)
            .map(drop)
            .map_err(BadHeader::Io)
    };
    read_to(BEGINNING_BYTES, &mut bytes)?;
    if !bytes.starts_with(&MAGIC) {
        return Err(BadHeader::NotOurs);
    }
    let version = bytes[MAGIC.len()..].first_chunk().map(|field| u16::from_le_bytes(*field));
    let version = version.ok_or(BadHeader::Broken)?;
    read_to(if version < 2 { HEADER_1_BYTES } else { HEADER_BYTES }, &mut bytes)?;
    let header = parse_header(version, &bytes);
    if version > VERSION {
        return Err(BadHeader::Newer(version, header.and_then(|header| header.program)));
    }
    header.ok_or(BadHeader::Broken)
}

/// A header whose checksum holds.
fn parse_header(version: u16, bytes: &[u8]) -> Option<Header> {
    let mut fields = Fields(bytes.get(BEGINNING_BYTES..)?);
    let wall_ms = u64::from_le_bytes(fields.take()?);
    let program = match version {
        0 => return None,
        1 => None,
        _ => Some(Program([fields.number()?, fields.number()?, fields.number()?])),
    };
    let told = bytes.len() - fields.0.len();
    let crc = u32::from_le_bytes(fields.take()?);
    (crc == crc32fast::hash(&bytes[..told])).then_some(Header { version, wall_ms, program })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn number(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
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
    let kind = kind.map_or(Kind::Unknown(0), |[byte]| Kind::from_byte(byte));
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
