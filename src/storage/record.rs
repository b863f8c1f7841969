//! What is remembered of a download between runs, as bytes.
//!
//! Layout, numbers in big-endian: the magic, a version (2 bytes), the info-hash, the number of pieces (4), the
//! synced and the unsynced pieces (a bit each), flags (1), bytes uploaded and downloaded (8 each), files
//! (count 4; each a byte, how much it is wanted (1), and if the first byte has bit 0 length 8, seconds 8, nanoseconds 4,
//! inode 8), the side file (as a file, not wanted), peers (count 2; each family 1, address 4 or 16, port 2), and the SHA-1
//! of all of it. Bit 1 of a file's first byte: its parts stand in the side file. Version 2 has no side file and does not
//! say how much files are wanted, version 1 has no inodes either: there every file is wanted.

use std::net::{IpAddr, SocketAddr};

use super::system::FileStat;
use crate::hash::sha1;
use crate::metainfo::{Bitfield, Choice, FilePriority, Geometry, InfoHash};

const MAGIC: &[u8; 12] = b"ttui resume\n";
const VERSION: u16 = 3;
/// The format before: without a choice of files.
const WITHOUT_CHOICE: u16 = 2;
/// The one before that: without inodes.
const WITHOUT_INODES: u16 = 1;
const CLEAN: u8 = 1;
const PAUSED: u8 = 2;
const SEQUENTIAL: u8 = 4;
/// Of a file: what it looked like follows.
const EXISTS: u8 = 1;
/// Of a file: its parts stand in the side file.
const ASIDE: u8 = 2;
/// How much a file is wanted, by what stands for it.
const PRIORITIES: [FilePriority; 4] =
    [FilePriority::Skip, FilePriority::Low, FilePriority::Normal, FilePriority::High];
/// Peers kept at most.
const MOST_PEERS: usize = 1000;

/// What is remembered of a download.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Of which torrent.
    pub info_hash: InfoHash,
    /// Pieces that are verified, written and on the disk: trusted at the next start.
    pub synced: Bitfield,
    /// Pieces that are verified and written, but perhaps not on the disk: hashed again at the next start.
    pub unsynced: Bitfield,
    /// Whether nothing was written to the files after this was saved: then `files` can be compared.
    pub clean: bool,
    /// Whether the user paused it.
    pub paused: bool,
    /// Payload sent to peers in all runs, bytes.
    pub uploaded_bytes: u64,
    /// Payload received from peers in all runs, bytes.
    pub downloaded_bytes: u64,
    /// By file of the torrent: what it looked like; `None` for one that did not exist.
    pub files: Vec<Option<FileStamp>>,
    /// Which files the user wants, and in which order.
    pub choice: Choice,
    /// By file of the torrent: whether its parts stand in the side file, and not at its path.
    pub aside: Vec<bool>,
    /// What the side file looked like; `None` where there was none.
    pub side: Option<FileStamp>,
    /// Peers that were live last.
    pub peers: Vec<SocketAddr>,
}

/// By what a change of a file is noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileStamp {
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was last changed: seconds since 1970 and nanoseconds.
    pub modified: (i64, u32),
    /// Its number on its device; 0: not known.
    pub inode: u64,
}

impl FileStamp {
    /// Whether the file was not written to in between.
    pub(super) fn is_unchanged(&self, since: &Self) -> bool {
        (self.bytes, self.modified) == (since.bytes, since.modified)
    }

    /// Whether it is another file, which has nothing of what was written to this one.
    pub(super) fn is_another(&self, than: &Self) -> bool {
        self.inode != than.inode && self.inode != 0 && than.inode != 0
    }
}

/// Why bytes are no record of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    /// It ends too soon, or its checksum or a field is wrong.
    #[error("it is cut short or damaged")]
    Damaged,
    /// Its format is another, this one.
    #[error("it was written by another version of ttui (format {0}, expected {VERSION})")]
    Version(u16),
}

impl From<FileStat> for FileStamp {
    fn from(stat: FileStat) -> Self {
        Self { bytes: stat.bytes, modified: stat.modified, inode: stat.identity.1 }
    }
}

impl Record {
    /// Nothing is remembered yet.
    pub fn new(info_hash: InfoHash, pieces: u32, files: usize) -> Self {
        Self {
            info_hash,
            synced: Bitfield::empty(pieces),
            unsynced: Bitfield::empty(pieces),
            clean: false,
            paused: false,
            uploaded_bytes: 0,
            downloaded_bytes: 0,
            files: vec![None; files],
            choice: Choice::everything(files),
            aside: vec![false; files],
            side: None,
            peers: Vec::new(),
        }
    }

    /// Whether it can be about this torrent.
    pub(super) fn fits(&self, info_hash: InfoHash, pieces: u32, files: usize) -> bool {
        self.info_hash == info_hash && self.synced.len() == pieces && self.files.len() == files
    }

    /// The bytes of a resume file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.synced.len() as usize / 4 + self.files.len() * 29 + 1024);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&self.info_hash.0);
        out.extend_from_slice(&self.synced.len().to_be_bytes());
        out.extend_from_slice(&self.synced.to_bytes());
        out.extend_from_slice(&self.unsynced.to_bytes());
        let sequential = u8::from(self.choice.sequential) * SEQUENTIAL;
        out.push((u8::from(self.clean) * CLEAN) | (u8::from(self.paused) * PAUSED) | sequential);
        out.extend_from_slice(&self.uploaded_bytes.to_be_bytes());
        out.extend_from_slice(&self.downloaded_bytes.to_be_bytes());
        out.extend_from_slice(&(self.files.len() as u32).to_be_bytes());
        for (number, file) in self.files.iter().enumerate() {
            let aside = self.aside.get(number).is_some_and(|aside| *aside);
            let priority = self.choice.of(number);
            let written = PRIORITIES.iter().position(|written| *written == priority).unwrap_or_default();
            put_file(&mut out, file.as_ref(), aside, written as u8);
        }
        put_file(&mut out, self.side.as_ref(), false, 0);
        let peers = &self.peers[..self.peers.len().min(MOST_PEERS)];
        out.extend_from_slice(&(peers.len() as u16).to_be_bytes());
        for peer in peers {
            match peer.ip() {
                IpAddr::V4(ip) => {
                    out.push(4);
                    out.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    out.push(6);
                    out.extend_from_slice(&ip.octets());
                }
            }
            out.extend_from_slice(&peer.port().to_be_bytes());
        }
        let sum = sha1(&out);
        out.extend_from_slice(&sum);
        out
    }

    /// Reads the bytes of a resume file, no matter what wrote them.
    ///
    /// # Errors
    /// They are damaged, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let (content, sum) = bytes.split_last_chunk::<20>().ok_or(RecordError::Damaged)?;
        if sha1(content) != *sum {
            return Err(RecordError::Damaged);
        }
        let mut read = Reader { rest: content, version: VERSION };
        if read.take::<12>()? != *MAGIC {
            return Err(RecordError::Damaged);
        }
        let version = u16::from_be_bytes(read.take()?);
        if !(WITHOUT_INODES..=VERSION).contains(&version) {
            return Err(RecordError::Version(version));
        }
        read.version = version;
        read.record()
    }
}

/// Writes what a file looked like, and what the user makes of it.
fn put_file(out: &mut Vec<u8>, file: Option<&FileStamp>, aside: bool, priority: u8) {
    out.push((u8::from(file.is_some()) * EXISTS) | (u8::from(aside) * ASIDE));
    out.push(priority);
    if let Some(file) = file {
        out.extend_from_slice(&file.bytes.to_be_bytes());
        out.extend_from_slice(&file.modified.0.to_be_bytes());
        out.extend_from_slice(&file.modified.1.to_be_bytes());
        out.extend_from_slice(&file.inode.to_be_bytes());
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    version: u16,
}

/// What is remembered of a file.
struct FileEntry {
    stamp: Option<FileStamp>,
    aside: bool,
    priority: FilePriority,
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(RecordError::Damaged)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn slice(&mut self, count: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(RecordError::Damaged)?;
        self.rest = rest;
        Ok(taken)
    }

    fn bits(&mut self, pieces: u32) -> Result<Bitfield, RecordError> {
        let bytes = self.slice((pieces as usize).div_ceil(8))?;
        Bitfield::from_bytes(bytes, pieces).ok_or(RecordError::Damaged)
    }

    fn record(&mut self) -> Result<Record, RecordError> {
        let info_hash = InfoHash(self.take()?);
        let pieces = u32::from_be_bytes(self.take()?);
        if u64::from(pieces) > Geometry::MAX_PIECES {
            return Err(RecordError::Damaged);
        }
        let synced = self.bits(pieces)?;
        let unsynced = self.bits(pieces)?;
        let [flags] = self.take()?;
        let uploaded_bytes = u64::from_be_bytes(self.take()?);
        let downloaded_bytes = u64::from_be_bytes(self.take()?);
        let files = self.list(
            |read| u32::from_be_bytes(read.take()?).try_into().or(Err(RecordError::Damaged)),
            Self::file,
        )?;
        let side = if self.version > WITHOUT_CHOICE { self.file()?.stamp } else { None };
        let peers = self.list(|read| Ok(u16::from_be_bytes(read.take()?).into()), Self::peer)?;
        if !self.rest.is_empty() {
            return Err(RecordError::Damaged);
        }
        let priorities = files.iter().map(|file| file.priority).collect();
        Ok(Record {
            info_hash,
            synced,
            unsynced,
            clean: flags & CLEAN != 0,
            paused: flags & PAUSED != 0,
            uploaded_bytes,
            downloaded_bytes,
            choice: Choice::new(priorities, flags & SEQUENTIAL != 0),
            aside: files.iter().map(|file| file.aside).collect(),
            files: files.into_iter().map(|file| file.stamp).collect(),
            side,
            peers,
        })
    }

    /// A list whose entries take a byte at least, so that a wrong count cannot make us reserve much.
    fn list<T>(
        &mut self,
        count: impl Fn(&mut Self) -> Result<usize, RecordError>,
        entry: impl Fn(&mut Self) -> Result<T, RecordError>,
    ) -> Result<Vec<T>, RecordError> {
        let count = count(self)?;
        if count > self.rest.len() {
            return Err(RecordError::Damaged);
        }
        (0..count).map(|_| entry(self)).collect()
    }

    fn file(&mut self) -> Result<FileEntry, RecordError> {
        let [state] = self.take()?;
        let mut priority = FilePriority::default();
        if self.version > WITHOUT_CHOICE {
            let [written] = self.take()?;
            priority = *PRIORITIES.get(usize::from(written)).ok_or(RecordError::Damaged)?;
        }
        let known = if self.version > WITHOUT_CHOICE { EXISTS | ASIDE } else { EXISTS };
        if state & !known != 0 {
            return Err(RecordError::Damaged);
        }
        let stamp = if state & EXISTS == 0 { None } else { Some(self.stamp()?) };
        Ok(FileEntry { stamp, aside: state & ASIDE != 0, priority })
    }

    fn stamp(&mut self) -> Result<FileStamp, RecordError> {
        let bytes = u64::from_be_bytes(self.take()?);
        let modified = (i64::from_be_bytes(self.take()?), u32::from_be_bytes(self.take()?));
        let inode = if self.version > WITHOUT_INODES { u64::from_be_bytes(self.take()?) } else { 0 };
        Ok(FileStamp { bytes, modified, inode })
    }

    fn peer(&mut self) -> Result<SocketAddr, RecordError> {
        let ip: IpAddr = match self.take()? {
            [4] => self.take::<4>()?.into(),
            [6] => self.take::<16>()?.into(),
            _ => return Err(RecordError::Damaged),
        };
        Ok(SocketAddr::new(ip, u16::from_be_bytes(self.take()?)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn sample(pieces: u32) -> Record {
        let geometry = Geometry::new(u64::from(pieces), 1).unwrap();
        let mut record = Record::new(InfoHash([7; 20]), pieces, 3);
        for piece in geometry.pieces() {
            match piece.number() % 3 {
                0 => record.synced.set(piece),
                1 => record.unsynced.set(piece),
                _ => false,
            };
        }
        let stamp = FileStamp { bytes: 1 << 40, modified: (-5, 999_999_999), inode: u64::MAX };
        record.files[1] = Some(stamp);
        record.choice = Choice::new(vec![FilePriority::High, FilePriority::Low, FilePriority::Skip], true);
        record.aside[2] = true;
        record.side = Some(FileStamp { bytes: 7, ..stamp });
        record.peers = vec!["10.0.0.1:6881".parse().unwrap(), "[2001:db8::1]:51413".parse().unwrap()];
        record.uploaded_bytes = 12;
        record.downloaded_bytes = u64::MAX;
        record
    }

    #[test]
    fn comes_back_as_it_was_saved() {
        for (clean, paused) in [(false, false), (false, true), (true, false), (true, true)] {
            let record = Record { clean, paused, ..sample(1001) };
            assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
        }
    }

    #[test]
    fn is_refused_when_cut_anywhere() {
        let bytes = sample(100).to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Record::from_bytes(&bytes[..end]), Err(RecordError::Damaged), "cut at {end}");
        }
    }

    #[test]
    fn is_refused_when_any_byte_is_wrong() {
        let bytes = sample(100).to_bytes();
        for at in 0..bytes.len() {
            for bit in [0x01, 0x80, 0xff] {
                let mut wrong = bytes.clone();
                wrong[at] ^= bit;
                assert_eq!(Record::from_bytes(&wrong), Err(RecordError::Damaged), "flipped at {at}");
            }
        }
    }

    /// The bytes of this record as an earlier version wrote it.
    fn earlier(record: &Record, version: u16) -> Vec<u8> {
        let mut old = [MAGIC, &version.to_be_bytes()[..], &record.info_hash.0].concat();
        old.extend(record.synced.len().to_be_bytes());
        old.extend(record.synced.to_bytes());
        old.extend(record.unsynced.to_bytes());
        old.push((u8::from(record.clean) * CLEAN) | (u8::from(record.paused) * PAUSED));
        old.extend(record.uploaded_bytes.to_be_bytes());
        old.extend(record.downloaded_bytes.to_be_bytes());
        old.extend((record.files.len() as u32).to_be_bytes());
        for file in &record.files {
            old.push(u8::from(file.is_some()));
            if let Some(file) = file {
                old.extend(file.bytes.to_be_bytes());
                old.extend(file.modified.0.to_be_bytes());
                old.extend(file.modified.1.to_be_bytes());
                old.extend_from_slice(if version == 1 { &[] } else { &[0xff; 8] });
            }
        }
        // One peer.
        old.extend([0, 1, 4, 10, 0, 0, 1, 0x1a, 0xe1]);
        old.extend(sha1(&old));
        old
    }

    #[test]
    fn formats_before_are_read_as_if_every_file_was_wanted() {
        let mut expected = sample(100);
        (expected.choice, expected.aside, expected.side) = (Choice::everything(3), vec![false; 3], None);
        expected.peers.truncate(1);
        for version in [2, 1] {
            let bytes = earlier(&expected, version);
            if version == 1 {
                expected.files[1].as_mut().unwrap().inode = 0;
            }
            assert_eq!(Record::from_bytes(&bytes), Ok(expected.clone()), "version {version}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let bytes = sample(10).to_bytes();
        let mut content = bytes[..bytes.len() - 20].to_vec();
        content[13] = 9;
        let sum = sha1(&content);
        content.extend_from_slice(&sum);
        assert_eq!(Record::from_bytes(&content), Err(RecordError::Version(9)));
    }

    #[test]
    fn keeps_no_more_peers_than_it_can() {
        let mut record = sample(10);
        record.peers = vec!["10.0.0.1:1".parse().unwrap(); 70_000];
        assert_eq!(Record::from_bytes(&record.to_bytes()).unwrap().peers.len(), MOST_PEERS);
    }

    proptest! {
        /// A right checksum over anything: nothing panics, nothing is reserved beyond what is there.
        #[test]
        fn arbitrary_content_is_refused_or_read(tail in proptest::collection::vec(any::<u8>(), 0..300), keep in 0usize..80) {
            let valid = sample(20).to_bytes();
            let mut content = valid[..keep.min(valid.len() - 20)].to_vec();
            content.extend_from_slice(&tail);
            let sum = sha1(&content);
            content.extend_from_slice(&sum);
            if let Ok(record) = Record::from_bytes(&content) {
                prop_assert_eq!(record.synced.len(), record.unsynced.len());
            }
        }
    }
}
