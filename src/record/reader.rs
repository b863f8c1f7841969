//! Opens a recording: finds its frames, and where it stops being whole.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use thiserror::Error;

use super::batch::{Entry, Told};
use super::codec::{Decoder, Files, Read as ReadEntry};
use super::delta;
use super::facts;
use super::frame::{self, BadHeader, Frame, Header, Kind, NoFrame, Program, VERSION};
use super::schema::{ReadError, Schema, Unknown};
use super::version_1;
use crate::event::validate::ensure;
use crate::event::{At, Invalid, Subject, TorrentKey};
use crate::ledger::{Ledger, TorrentFacts};
use crate::units;

const UNREADABLE: &str = "a snapshot that cannot be read";
/// Frames of a recording: two years of seconds.
const MOST_FRAMES: usize = 1 << 26;
/// Torrents of a run.
const MOST_TORRENTS: usize = 10_000;

/// Why a recording cannot be opened.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RecordError {
    /// The file is something else.
    #[error("not a recording: expected a file that ttui wrote with --record")]
    NotARecording,
    /// A later ttui wrote it, in a format of its own.
    #[error("a recording of format {format}, and this ttui ({}) reads formats up to {VERSION}: replay it with {} or newer", env!("CARGO_PKG_VERSION"), needed(.program.as_ref()))]
    Newer {
        /// The format.
        format: u16,
        /// Who wrote it.
        program: Option<Program>,
    },
    /// A later ttui wrote it, and this one cannot make anything of how it begins.
    #[error("a recording that begins with what this ttui ({}) does not know ({what:?}): replay it with {} or newer", env!("CARGO_PKG_VERSION"), needed(.program.as_ref()))]
    Unknown {
        /// What it does not know.
        what: String,
        /// Who wrote it.
        program: Option<Program>,
    },
    /// It is damaged or cut off before anything of the run can be told.
    #[error("a recording that is damaged at its very beginning: {0}")]
    Damaged(&'static str),
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Io(String),
}

/// The version that can replay what this program wrote.
fn needed(program: Option<&Program>) -> String {
    program.map_or_else(|| "the ttui that wrote it".to_owned(), Program::to_string)
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
    /// Whether a ledger can be made of it.
    pub(super) starts: bool,
}

/// Why there is no ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NoLedger {
    /// The snapshot is whole, and tells of this, which we do not know.
    Unknown(String),
    Broken(&'static str),
}

/// A recording that was opened. Of several torrents it shows the first.
#[derive(Debug)]
pub struct Recording<R> {
    source: BufReader<R>,
    header: Header,
    schema: Schema,
    /// Torrents that it tells of.
    torrents: usize,
    /// The one that is shown.
    torrent: TorrentKey,
    known: Known,
    pub(super) places: Vec<Place>,
    damage: Option<Damage>,
    left_out: u64,
    unknown: Unknown,
    /// The snapshot that was unpacked last, and its frame: the next one may be told by what differs from it.
    unpacked: Option<(usize, Vec<u8>)>,
}

/// What is known of the torrent that is shown.
#[derive(Debug)]
struct Known {
    at_first: Arc<TorrentFacts>,
    /// Of a magnet: from which place on more is known, and what.
    later: Option<(usize, Arc<TorrentFacts>)>,
}

impl Known {
    /// Takes in facts that hold from this place on; false where they say nothing new.
    fn take(&mut self, place: usize, facts: Arc<TorrentFacts>) -> bool {
        let (known, said) = (&self.at_first.metadata, &facts.metadata);
        if place == 0 {
            self.at_first = facts;
            return false;
        }
        let is_new = self.later.is_none() && known.is_none() && said.is_some();
        if is_new {
            self.later = Some((place, facts));
        }
        is_new
    }

    /// What is known at this place.
    fn at(&self, place: usize) -> &Arc<TorrentFacts> {
        match &self.later {
            Some((from, facts)) if place >= *from => facts,
            _ => &self.at_first,
        }
    }
}

/// The frames of a recording, as far as it is whole.
#[derive(Default)]
struct Found {
    schema: Schema,
    torrents: BTreeSet<TorrentKey>,
    /// The first torrent that it tells of.
    shown: Option<(TorrentKey, Known)>,
    places: Vec<Place>,
    damage: Option<Damage>,
    left_out: u64,
}

impl Found {
    fn frames(&mut self, source: &mut impl Read, version: u16, mut byte: u64) -> Result<(), RecordError> {
        let mut until = At::ZERO;
        let what = loop {
            let frame = match frame::read(source) {
                Ok(frame) => frame,
                Err(NoFrame::End) => return Ok(()),
                Err(NoFrame::Io(error)) => return Err(error.into()),
                Err(NoFrame::Cut) if self.places.is_empty() => break "it ends there",
                Err(NoFrame::Cut) => break "it ends there, in the middle of a second",
                Err(NoFrame::Broken(what)) => break what,
            };
            if frame.until < until {
                break "a time before the one before it";
            }
            if let Err(what) = self.take(&frame, version, byte) {
                break what;
            }
            until = frame.until;
            byte += frame.stored_bytes();
        };
        let at = self.places.last().map_or(At::ZERO, |place| place.until);
        self.damage = Some(Damage { byte, at, what });
        Ok(())
    }

    fn take(&mut self, frame: &Frame, version: u16, byte: u64) -> Result<(), &'static str> {
        match frame.kind {
            Kind::Facts => {
                let facts = facts::read(&self.schema, &frame.unpack()?);
                let (torrent, facts) = facts.map_err(|Invalid(what)| what)?;
                self.torrents.insert(torrent);
                if self.torrents.len() > MOST_TORRENTS {
                    return Err("more torrents than any run has");
                }
                let Some((shown, known)) = &mut self.shown else {
                    self.shown = Some((torrent, Known { at_first: facts, later: None }));
                    return Ok(());
                };
                if *shown == torrent && known.take(self.places.len(), facts) {
                    let (kind, until) = (frame.kind, frame.until);
                    self.places.push(Place { byte, kind, until, tells: true, starts: false });
                }
            }
            Kind::Schema if version > 1 => {
                self.schema.read_added(&frame.unpack()?).map_err(|Invalid(what)| what)?;
            }
            Kind::Unknown(_) if version > 1 => self.left_out += 1,
            Kind::Schema | Kind::Unknown(_) => return Err("a frame of no known kind"),
            Kind::Snapshot | Kind::Change | Kind::Events => {
                if self.places.is_empty() && (self.torrents.is_empty() || frame.kind != Kind::Snapshot) {
                    return Err("a frame out of its place");
                }
                if self.places.len() == MOST_FRAMES {
                    return Err("more seconds than any run has");
                }
                let (kind, until, tells) = (frame.kind, frame.until, !frame.is_empty());
                self.places.push(Place { byte, kind, until, tells, starts: kind.is_snapshot() });
            }
        }
        Ok(())
    }
}

impl<R: Read + Seek> Recording<R> {
    /// Reads the file through once, as far as it is whole.
    ///
    /// # Errors
    ///
    /// When it is no recording, of a newer format, or damaged before anything can be told.
    pub fn open(source: R) -> Result<Self, RecordError> {
        let mut source = BufReader::with_capacity(1 << 18, source);
        let header = frame::read_header(&mut source).map_err(|bad| match bad {
            BadHeader::NotOurs => RecordError::NotARecording,
            BadHeader::Newer(format, program) => RecordError::Newer { format, program },
            BadHeader::Broken => RecordError::Damaged("its header is cut off or changed"),
            BadHeader::Io(error) => error.into(),
        })?;
        let mut found = Found::default();
        if header.version == 1 {
            found.schema = version_1::schema();
        }
        found.frames(&mut source, header.version, header.bytes())?;
        let Found { schema, torrents, shown, places, damage, left_out } = found;
        let broken = damage.map_or("it ends there", |damage| damage.what);
        let (torrent, known) = shown.ok_or(RecordError::Damaged(broken))?;
        let (torrents, unknown, unpacked) = (torrents.len(), Unknown::default(), None);
        Ok(Self {
            source,
            header,
            schema,
            torrents,
            torrent,
            known,
            places,
            damage,
            left_out,
            unknown,
            unpacked,
        })
    }

    /// The torrent that was downloaded, as far as it is known in the end.
    pub fn torrent(&self) -> &Arc<TorrentFacts> {
        self.known.at(self.places.len())
    }

    /// How many torrents it tells of.
    pub fn torrents(&self) -> usize {
        self.torrents
    }

    /// The wall clock at the start of the run, milliseconds since 1970.
    pub fn wall_ms(&self) -> u64 {
        self.header.wall_ms
    }

    /// Who wrote it; `None` where the file does not say.
    pub fn program(&self) -> Option<Program> {
        self.header.program
    }

    /// How many events and other records are left out, because this version does not know what they are.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Counts one more thing that is left out.
    pub(super) fn leave_out(&mut self) {
        self.left_out = self.left_out.saturating_add(1);
    }

    /// No ledger can be made of this frame, though it is whole: what comes after is told from further back.
    pub(super) fn pass_over(&mut self, frame: usize) {
        self.leave_out();
        if let Some(place) = self.places.get_mut(frame) {
            place.starts = false;
        }
    }

    /// How entries stand in this frame.
    pub(super) fn files(&self, frame: usize) -> Files<'_> {
        let Self { header, schema, torrent, known, .. } = self;
        Files { version: header.version, schema, torrent: *torrent, geometry: known.at(frame).geometry() }
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
            self.known.later.take_if(|(from, _)| *from >= frame);
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
    pub(super) fn ledger(&mut self, frame: usize) -> Result<Ledger, NoLedger> {
        let body = self.snapshot(frame).map_err(NoLedger::Broken)?;
        let Self { schema, unknown, torrent, .. } = self;
        let ledger = facts::read_ledger(schema, unknown, *torrent, &body);
        self.unpacked = Some((frame, body));
        let facts = Arc::clone(self.known.at(frame));
        match ledger {
            Ok(Some(ledger)) => Ledger::restore(facts, ledger).map_err(|Invalid(what)| {
                // What we had to leave out may be what the rest relies on.
                if self.unknown.is_empty() {
                    NoLedger::Broken(what)
                } else {
                    NoLedger::Unknown(what.to_owned())
                }
            }),
            // The torrent came later.
            Ok(None) => Ok(Ledger::new(facts)),
            Err(ReadError::Unknown(what)) => Err(NoLedger::Unknown(what)),
            Err(ReadError::Broken(_)) => Err(NoLedger::Broken(UNREADABLE)),
        }
    }

    /// Why nothing of it can be shown.
    pub(super) fn refusal(&self, why: NoLedger) -> RecordError {
        match why {
            NoLedger::Unknown(what) => RecordError::Unknown { what, program: self.program() },
            NoLedger::Broken(what) => RecordError::Damaged(what),
        }
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
    /// Something that we do not know.
    Unknown,
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
                match self.entry(recording).map_err(|Invalid(what)| Broken(self.frame - 1, what))? {
                    ReadEntry::Entry(entry) => return Ok(Met::Entry(entry)),
                    ReadEntry::Unknown => return Ok(Met::Unknown),
                    ReadEntry::Other => continue,
                }
            }
            let Some(place) = recording.places.get(self.frame).copied() else { return Ok(Met::End) };
            let frame = self.frame;
            self.frame += 1;
            if place.kind == Kind::Facts {
                let (of, facts) =
                    (Subject::Torrent(recording.torrent), Arc::clone(recording.known.at(frame)));
                return Ok(Met::Entry(Entry { at: place.until, of, told: Told::Known(facts) }));
            }
            if place.kind.is_snapshot() {
                self.decoder.forget();
                return Ok(Met::Snapshot(frame));
            }
            self.body = recording.body(frame).map_err(|what| Broken(frame, what))?;
            self.decoder.begin(&recording.files(frame));
            self.read = 0;
            self.before = place.until;
            self.until = place.until;
        }
    }

    fn entry<R: Read + Seek>(&mut self, recording: &Recording<R>) -> Result<ReadEntry, Invalid> {
        let bytes = &self.body[self.read..];
        let (at, read, rest) = self.decoder.decode(self.before, bytes, &recording.files(self.frame - 1))?;
        ensure(at <= self.until, "a time after its second")?;
        self.before = at;
        self.read = self.body.len() - rest.len();
        Ok(read)
    }
}
