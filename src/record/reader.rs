//! Opens a recording: finds its frames, and where it stops being whole.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use thiserror::Error;

use super::batch::Entry;
use super::codec::Decoder;
use super::delta;
use super::facts;
use super::frame::{self, BadHeader, HEADER_BYTES, Kind, NoFrame, VERSION};
use crate::event::sound::sound;
use crate::event::{At, Unsound};
use crate::ledger::{Ledger, Snapshot, TorrentFacts};
use crate::units;

const UNREADABLE: &str = "a snapshot that cannot be read";
/// Frames of a recording: two years of seconds.
const MOST_FRAMES: usize = 1 << 26;

/// Why a recording cannot be opened.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RecordError {
    /// The file is something else.
    #[error("not a recording: expected a file that ttui wrote with --record")]
    NotARecording,
    /// A later ttui wrote it.
    #[error(
        "a recording of format {0}, and this ttui reads only up to {VERSION}: a newer ttui can replay it"
    )]
    Newer(u16),
    /// It is damaged or cut off before anything of the run can be told.
    #[error("a recording that is damaged at its very beginning: {0}")]
    Damaged(&'static str),
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Io(String),
}

impl From<io::Error> for RecordError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// Where a recording stops being whole; what comes before can be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the recording is damaged at byte {byte}, {} into the run ({what}): what came before is shown", units::duration(*.at))]
pub struct Damage {
    /// The first byte that cannot be used.
    pub byte: u64,
    /// Up to when it tells of the run.
    pub at: At,
    /// What is wrong there.
    pub what: &'static str,
}

/// Where a frame stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) byte: u64,
    pub(super) kind: Kind,
    pub(super) until: At,
    /// Whether anything happened in it.
    pub(super) tells: bool,
}

/// A recording that was opened.
#[derive(Debug)]
pub struct Recording<R> {
    source: BufReader<R>,
    facts: Arc<TorrentFacts>,
    wall_ms: u64,
    pub(super) places: Vec<Place>,
    damage: Option<Damage>,
    /// The snapshot that was unpacked last, and its frame: the next one may be told by what differs from it.
    unpacked: Option<(usize, Vec<u8>)>,
}

impl<R: Read + Seek> Recording<R> {
    /// Reads the file through once, as far as it is whole.
    ///
    /// # Errors
    ///
    /// When it is no recording, of a newer format, or damaged before anything can be told.
    pub fn open(source: R) -> Result<Self, RecordError> {
        let mut source = BufReader::with_capacity(1 << 18, source);
        let mut header = Vec::with_capacity(HEADER_BYTES);
        source.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut header)?;
        let wall_ms = frame::read_header(&header).map_err(|bad| match bad {
            BadHeader::NotOurs => RecordError::NotARecording,
            BadHeader::Newer(version) => RecordError::Newer(version),
            BadHeader::Broken => RecordError::Damaged("its header is cut off or changed"),
        })?;
        let first = frame::read(&mut source).map_err(|why| match why {
            NoFrame::Io(error) => error.into(),
            NoFrame::Broken(what) => RecordError::Damaged(what),
            NoFrame::End | NoFrame::Cut => RecordError::Damaged("it ends there"),
        })?;
        if first.kind != Kind::Facts {
            return Err(RecordError::Damaged("it does not begin with the torrent's facts"));
        }
        let facts = facts::read(&first.unpack().map_err(RecordError::Damaged)?);
        let facts = facts.map_err(|Unsound(what)| RecordError::Damaged(what))?;
        let begin = HEADER_BYTES as u64 + first.stored_bytes();
        let mut recording = Self { source, facts, wall_ms, places: Vec::new(), damage: None, unpacked: None };
        recording.find_frames(begin, first.until)?;
        Ok(recording)
    }

    fn find_frames(&mut self, mut byte: u64, mut until: At) -> Result<(), RecordError> {
        let what = loop {
            let frame = match frame::read(&mut self.source) {
                Ok(frame) => frame,
                Err(NoFrame::End) => return Ok(()),
                Err(NoFrame::Io(error)) => return Err(error.into()),
                Err(NoFrame::Cut) => break "it ends there, in the middle of a second",
                Err(NoFrame::Broken(what)) => break what,
            };
            if frame.kind == Kind::Facts || self.places.is_empty() && frame.kind != Kind::Snapshot {
                break "a frame out of its place";
            }
            if frame.until < until {
                break "a time before the one before it";
            }
            if self.places.len() == MOST_FRAMES {
                break "more seconds than any run has";
            }
            until = frame.until;
            self.places.push(Place { byte, kind: frame.kind, until, tells: !frame.is_empty() });
            byte += frame.stored_bytes();
        };
        self.damage = Some(Damage { byte, at: until, what });
        Ok(())
    }

    /// The torrent that was downloaded.
    pub fn torrent(&self) -> &Arc<TorrentFacts> {
        &self.facts
    }

    /// The wall clock at the start of the run, milliseconds since 1970.
    pub fn wall_ms(&self) -> u64 {
        self.wall_ms
    }

    /// From when it tells, in time of the run.
    pub fn begin(&self) -> At {
        self.places.first().map_or(At::ZERO, |place| place.until)
    }

    /// Until when it tells, in time of the run.
    pub fn end(&self) -> At {
        self.places.last().map_or(At::ZERO, |place| place.until)
    }

    /// Where it stops being whole, if it does.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// Forgets this frame and what comes after it: it turned out not to be whole.
    pub(super) fn cut(&mut self, frame: usize, what: &'static str) {
        if let Some(place) = self.places.get(frame) {
            let at = frame.checked_sub(1).map_or(place.until, |before| self.places[before].until);
            self.damage = Some(Damage { byte: place.byte, at, what });
            self.places.truncate(frame);
        }
    }

    fn body(&mut self, frame: usize) -> Result<Vec<u8>, &'static str> {
        // It was read before; if it is not there now, somebody changes the file under us.
        const CHANGED: &str = "the file changed while it was read";
        let place = self.places[frame];
        self.source.seek(SeekFrom::Start(place.byte)).map_err(|_| CHANGED)?;
        let frame = frame::read(&mut self.source).map_err(|_| CHANGED)?;
        if frame.kind != place.kind || frame.until != place.until {
            return Err(CHANGED);
        }
        frame.unpack()
    }

    /// The bytes of a snapshot: of the last whole one, and of every change since.
    fn snapshot(&mut self, frame: usize) -> Result<Vec<u8>, &'static str> {
        let last = self.unpacked.take().filter(|(last, _)| *last <= frame);
        let known = last.as_ref().map(|(last, _)| *last);
        let begin = |at: usize| known == Some(at) || self.places[at].kind == Kind::Snapshot;
        let begin = (0..=frame).rev().find(|at| begin(*at)).ok_or(UNREADABLE)?;
        let mut body = match last {
            Some((last, body)) if last == begin => body,
            _ => self.body(begin)?,
        };
        for at in begin + 1..=frame {
            if self.places[at].kind == Kind::Change {
                let change = self.body(at)?;
                body = delta::apply(&body, &change, Kind::Snapshot.most_bytes()).ok_or(UNREADABLE)?;
            }
        }
        Ok(body)
    }

    /// The ledger as a snapshot has it.
    pub(super) fn ledger(&mut self, frame: usize) -> Result<Ledger, &'static str> {
        let body = self.snapshot(frame)?;
        let snapshot = postcard::from_bytes(&body).map_err(|_| UNREADABLE);
        self.unpacked = Some((frame, body));
        let snapshot: Snapshot = snapshot?;
        Ledger::restore(Arc::clone(&self.facts), snapshot).map_err(|Unsound(what)| what)
    }
}

/// Reads entries in order.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// The frame that comes after the present body.
    pub(super) frame: usize,
    body: Vec<u8>,
    read: usize,
    before: At,
    until: At,
    decoder: Decoder,
}

/// What a cursor meets.
pub(super) enum Met {
    Entry(Entry),
    /// A snapshot, in this frame.
    Snapshot(usize),
    End,
}

/// Which frame is not whole after all, and why.
pub(super) struct Broken(pub(super) usize, pub(super) &'static str);

impl Cursor {
    /// Begins after this frame, which holds a snapshot.
    pub(super) fn after(frame: usize) -> Self {
        Self { frame: frame + 1, ..Self::default() }
    }

    pub(super) fn next<R: Read + Seek>(&mut self, recording: &mut Recording<R>) -> Result<Met, Broken> {
        loop {
            if self.read < self.body.len() {
                return self.entry(recording).map_err(|Unsound(what)| Broken(self.frame - 1, what));
            }
            let Some(place) = recording.places.get(self.frame).copied() else { return Ok(Met::End) };
            let frame = self.frame;
            self.frame += 1;
            if place.kind.is_snapshot() {
                self.decoder.reset();
                return Ok(Met::Snapshot(frame));
            }
            self.body = recording.body(frame).map_err(|what| Broken(frame, what))?;
            self.read = 0;
            self.before = place.until;
            self.until = place.until;
        }
    }

    fn entry<R: Read + Seek>(&mut self, recording: &Recording<R>) -> Result<Met, Unsound> {
        let bytes = &self.body[self.read..];
        let (entry, rest) = self.decoder.decode(self.before, bytes, &recording.facts.geometry)?;
        sound(entry.at() <= self.until, "a time after its second")?;
        self.before = entry.at();
        self.read = self.body.len() - rest.len();
        Ok(Met::Entry(entry))
    }
}
