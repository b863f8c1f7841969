//! Entries to bytes and back.

use std::time::Duration;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::batch::{Entry, Told};
use super::samples::{Change, Samples};
use super::schema::{self, ReadError, Root, Schema, Unknown, WriteError};
use super::version_1;
use crate::event::validate::{check, ensure, times};
use crate::event::{At, Event, Invalid, PeerKey, Subject, TorrentKey};
use crate::metainfo::{Geometry, PieceIndex};

const UNREADABLE: Invalid = Invalid("an event that cannot be read");

/// An entry as it is written.
#[derive(Serialize, Deserialize)]
pub(super) struct Written<W> {
    /// Nanoseconds since the entry before.
    pub(super) after: i64,
    pub(super) what: W,
}

#[derive(Serialize, Deserialize)]
pub(super) enum What<E> {
    /// What the entries to come tell of; at the beginning of a body, the session.
    Of(Subject),
    Event(E),
    /// The first piece, then how far on each next one is.
    Haves {
        peer: PeerKey,
        gaps: Vec<u32>,
    },
    /// Which fields are not what was expected after the last sample (a bit each), and by how much.
    Sample {
        peer: PeerKey,
        mask: u64,
        changes: Vec<i64>,
    },
}

/// Writes entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Encoder {
    pub(super) schema: Schema,
    samples: Samples,
    of: Subject,
}

impl Encoder {
    /// Goes on without memory, as a reader does at a snapshot.
    pub(super) fn forget(&mut self) {
        self.samples = Samples::default();
    }

    /// Appends an entry that comes after one of `before` to a body; returns its own time.
    ///
    /// # Errors
    ///
    /// When it is of a type that cannot be written.
    pub(super) fn encode(&mut self, before: At, entry: Entry, out: &mut Vec<u8>) -> Result<At, WriteError> {
        let Entry { at, of, told } = entry;
        let what = match told {
            Told::Event(Event::PeerSample { peer, sample }) => {
                match self.samples.changes(&mut self.schema, of, peer, &sample)? {
                    Change::Nothing => return Ok(before),
                    Change::Some(mask, changes) => What::Sample { peer, mask, changes },
                    Change::Whole => What::Event(Event::PeerSample { peer, sample }),
                }
            }
            Told::Event(event) => {
                self.samples.follow(of, &event);
                What::Event(event)
            }
            Told::Haves(peer, pieces) => What::Haves { peer, gaps: gaps(&pieces) },
            // It stands in a frame of its own.
            Told::Known(_) => return Ok(before),
        };
        if out.is_empty() {
            self.of = Subject::Session;
        }
        if self.of != of {
            self.of = of;
            self.write(0, &What::Of(of), out)?;
        }
        self.write(nanos(at) - nanos(before), &what, out)?;
        Ok(at)
    }

    fn write(&mut self, after: i64, what: &What<Event>, out: &mut Vec<u8>) -> Result<(), WriteError> {
        schema::write(&mut self.schema, Root::Entry, &Written { after, what }, out)
    }
}

fn gaps(pieces: &[PieceIndex]) -> Vec<u32> {
    let mut last = 0;
    let gap = |piece: &PieceIndex| piece.number() - std::mem::replace(&mut last, piece.number());
    pieces.iter().map(gap).collect()
}

/// What was read of an entry.
pub(super) enum Read {
    /// Something that tells of the torrent, or of the session.
    Entry(Entry),
    /// Something that tells of another torrent, or of nothing.
    Other,
    /// Something that is of no kind this version knows.
    Unknown,
}

/// How entries stand in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files<'a> {
    pub(super) version: u16,
    pub(super) schema: &'a Schema,
    /// The torrent that is shown.
    pub(super) torrent: TorrentKey,
    /// `None` before the metadata of a magnet are known.
    pub(super) geometry: Option<Geometry>,
}

/// Reads entries.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    samples: Samples,
    of: Subject,
    unknown: Unknown,
}

impl Decoder {
    /// Goes on without memory, at a snapshot.
    pub(super) fn forget(&mut self) {
        self.samples = Samples::default();
    }

    /// A body begins.
    pub(super) fn begin(&mut self, file: &Files<'_>) {
        // There was only one torrent, and whatever was told was told of it.
        self.of = if file.version == 1 { Subject::Torrent(TorrentKey::default()) } else { Subject::Session };
    }

    /// The next entry, which comes after one of `before`: its time, what it tells, and the bytes after it.
    pub(super) fn decode<'a>(
        &mut self,
        before: At,
        bytes: &'a [u8],
        file: &Files<'_>,
    ) -> Result<(At, Read, &'a [u8]), Invalid> {
        let (Written { after, what }, rest) = match self.written::<Event>(bytes, file) {
            Ok((written, rest)) => (written, rest),
            Err(ReadError::Unknown(_)) => {
                let (after, rest) = self.time_only(bytes, file).map_err(|_| UNREADABLE)?;
                return Ok((later(before, after)?, Read::Unknown, rest));
            }
            Err(ReadError::Broken(_)) => return Err(UNREADABLE),
        };
        ensure(rest.len() < bytes.len(), "an event without bytes")?;
        let at = later(before, after)?;
        let told = match what {
            What::Of(of) => {
                self.of = of;
                return Ok((at, Read::Other, rest));
            }
            _ if ![Subject::Session, Subject::Torrent(file.torrent)].contains(&self.of) => {
                return Ok((at, Read::Other, rest));
            }
            What::Event(mut event) => {
                event.check(file.geometry.as_ref())?;
                self.samples.follow(self.of, &event);
                Told::Event(event)
            }
            What::Haves { peer, gaps } => Told::Haves(peer, pieces(gaps, file.geometry.as_ref())?),
            What::Sample { peer, mask, changes } => {
                let whose = (self.of, peer);
                let sample = self.samples.apply(file.schema, &mut self.unknown, whose, mask, &changes);
                let mut sample = sample.map_err(|_| Invalid("a sample that cannot be read"))?;
                check(&mut sample, None)?;
                Told::Event(Event::PeerSample { peer, sample })
            }
        };
        Ok((at, Read::Entry(Entry { at, of: self.of, told }), rest))
    }

    fn written<'a, E: DeserializeOwned>(
        &mut self,
        bytes: &'a [u8],
        file: &Files<'_>,
    ) -> Result<(Written<What<E>>, &'a [u8]), ReadError> {
        if file.version == 1 {
            let read =
                schema::read::<version_1::Entry<E>>(file.schema, &mut self.unknown, Root::Entry, bytes);
            return read.map(|(entry, rest)| (entry.into(), rest));
        }
        schema::read(file.schema, &mut self.unknown, Root::Entry, bytes)
    }

    /// The time of an entry of which nothing more is known, and the bytes after it.
    fn time_only<'a>(&mut self, bytes: &'a [u8], file: &Files<'_>) -> Result<(i64, &'a [u8]), ReadError> {
        if file.version == 1 {
            return self.written::<IgnoredAny>(bytes, file).map(|(written, rest)| (written.after, rest));
        }
        let read = schema::read::<Written<IgnoredAny>>(file.schema, &mut self.unknown, Root::Entry, bytes);
        read.map(|(written, rest)| (written.after, rest))
    }
}

fn pieces(gaps: Vec<u32>, geometry: Option<&Geometry>) -> Result<Vec<PieceIndex>, Invalid> {
    let mut number = 0u32;
    let pieces = gaps.into_iter().map(|gap| {
        number = number.checked_add(gap)?;
        geometry?.piece(number)
    });
    let pieces: Option<Vec<PieceIndex>> = pieces.collect();
    pieces.ok_or(Invalid("a piece that the torrent does not have"))
}

fn nanos(at: At) -> i64 {
    // 292 years.
    i64::try_from(at.as_nanos()).unwrap_or(i64::MAX)
}

fn later(before: At, after: i64) -> Result<At, Invalid> {
    let at = nanos(before)
        .checked_add(after)
        .and_then(|nanos| u64::try_from(nanos).ok())
        .map(Duration::from_nanos);
    let at = at.ok_or(Invalid("a time before the run"))?;
    times([Some(at)])?;
    Ok(at)
}
