//! Goes through a recording once: finds what is worth jumping to and how fast data came, and whether all of it can be
//! read.

use std::io::{Read, Seek};
use std::time::Duration;

use super::batch::{Entry, Told};
use super::curve::{Curve, Drawing};
use super::reader::{Broken, Cursor, Met, NoLedger, RecordError, Recording};
use crate::event::{At, Event, MetadataStep, Phase};
use crate::ledger::{Ledger, PeerRecord, VerdictCode};

/// Marks kept of each kind; a bar shows far fewer.
const MOST_MARKS: usize = 1 << 17;
/// Verdicts are looked at so many times over the run, at most.
const LOOKS: u32 = 2000;
/// What failed within so long is one mark.
const ALIKE_WITHIN: Duration = Duration::from_secs(1);

/// What happened at a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarkKind {
    /// Something failed: an attempt, an announce, the disk.
    Failure,
    /// A piece failed its check.
    PieceFailed,
    /// A peer shook hands.
    Came,
    /// A live peer went.
    Went,
    /// Another verdict judges the whole.
    Verdict(VerdictCode),
}

impl MarkKind {
    /// Whether something failed.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::PieceFailed)
    }
}

/// A moment worth jumping to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// When.
    pub at: At,
    /// What.
    pub kind: MarkKind,
}

/// What a recording shows as a whole.
#[derive(Debug)]
pub(super) struct Scanned {
    /// What is worth jumping to, in order.
    pub(super) marks: Vec<Mark>,
    /// How fast data came.
    pub(super) curve: Curve,
}

/// Finds what a recording shows as a whole. What cannot be read is cut off the recording.
///
/// # Errors
///
/// When nothing of it can be shown.
pub(super) fn scan<R: Read + Seek>(recording: &mut Recording<R>) -> Result<Scanned, RecordError> {
    if recording.places.is_empty() {
        let what = recording.damage().map_or("it ends there", |damage| damage.what);
        return Err(RecordError::Damaged(what));
    }
    let ledger = recording.ledger(0).map_err(|why| recording.refusal(why))?;
    let mut scan = Scan::begin(recording, ledger);
    let mut cursor = Cursor::after(0);
    loop {
        match cursor.next(recording) {
            Ok(Met::End) => break,
            Ok(Met::Entry(entry)) => scan.take(entry),
            Ok(Met::Unknown) => recording.leave_out(),
            Ok(Met::Snapshot(frame)) => match recording.ledger(frame) {
                Ok(_) => {}
                Err(NoLedger::Unknown(_)) => recording.pass_over(frame),
                Err(NoLedger::Broken(what)) => {
                    recording.cut(frame, what);
                    break;
                }
            },
            Err(Broken(frame, what)) => {
                recording.cut(frame, what);
                break;
            }
        }
    }
    scan.look(recording.end());
    Ok(Scanned { marks: scan.marks, curve: scan.drawing.curve() })
}

struct Scan {
    ledger: Ledger,
    marks: Vec<Mark>,
    drawing: Drawing,
    verdicts: usize,
    /// How many marks there are of each kind that events have, and when the last of them was.
    made: [(MarkKind, usize, Option<At>); 4],
    verdict: Option<VerdictCode>,
    look_every: Duration,
    look_at: At,
    /// The latest time met so far.
    now: At,
}

impl Scan {
    fn begin<R: Read + Seek>(recording: &Recording<R>, ledger: Ledger) -> Self {
        let (begin, end) = (recording.begin(), recording.end());
        let look_every = (end.saturating_sub(begin) / LOOKS).max(Duration::from_secs(1));
        let mut scan = Self {
            ledger,
            marks: Vec::new(),
            drawing: Drawing::new(begin, end),
            verdicts: 0,
            made: [MarkKind::Failure, MarkKind::PieceFailed, MarkKind::Came, MarkKind::Went]
                .map(|kind| (kind, 0, None)),
            verdict: None,
            look_every,
            look_at: begin + look_every,
            now: begin,
        };
        // What it begins with is no change.
        scan.verdict = scan.ledger.view(begin).verdicts.first().map(|verdict| verdict.code);
        scan
    }

    fn take(&mut self, entry: Entry) {
        let at = entry.at.max(self.now);
        while self.look_at <= at {
            self.look(self.look_at);
            self.look_at += self.look_every;
        }
        self.now = at;
        if let Told::Event(event) = &entry.told {
            self.kinds(event).into_iter().flatten().for_each(|kind| self.mark(at, kind));
        }
        if let Told::Event(Event::Sample(sample)) = &entry.told {
            self.drawing.take(at, sample.down_bps);
        }
        apply(&mut self.ledger, entry);
    }

    fn look(&mut self, at: At) {
        let verdict = self.ledger.view(at).verdicts.first().map(|verdict| verdict.code);
        if let Some(code) = verdict.filter(|_| verdict != self.verdict)
            && self.verdicts < MOST_MARKS
        {
            self.verdicts += 1;
            self.marks.push(Mark { at, kind: MarkKind::Verdict(code) });
        }
        self.verdict = verdict;
    }

    /// Marks a moment; what is of one kind and happens within so long is one mark.
    fn mark(&mut self, at: At, kind: MarkKind) {
        let Some((_, count, last)) = self.made.iter_mut().find(|(made, ..)| *made == kind) else { return };
        let fresh = last.is_none_or(|last| at.saturating_sub(last) >= ALIKE_WITHIN);
        if fresh && *count < MOST_MARKS {
            (*count, *last) = (*count + 1, Some(at));
            self.marks.push(Mark { at, kind });
        }
    }

    /// What an event is marked as.
    fn kinds(&self, event: &Event) -> [Option<MarkKind>; 2] {
        match event {
            Event::AttemptEnded { peer, cause, .. } => {
                let live = self.ledger.peer(*peer).is_some_and(PeerRecord::is_live);
                let failed = cause.info().fault || !live && cause.info().blame != crate::event::Blame::Us;
                [failed.then_some(MarkKind::Failure), live.then_some(MarkKind::Went)]
            }
            Event::PieceFailed { .. } => [Some(MarkKind::PieceFailed), None],
            Event::Metadata { step: MetadataStep::Wrong { .. }, .. }
            | Event::AnnounceFailed { .. }
            | Event::Phase { phase: Phase::Stopped, .. } => [Some(MarkKind::Failure), None],
            Event::Handshaken { .. } => [Some(MarkKind::Came), None],
            _ => [None, None],
        }
    }
}

/// Lets the ledger take in an entry.
pub(super) fn apply(ledger: &mut Ledger, entry: Entry) {
    let Entry { at, of: _, told } = entry;
    match told {
        Told::Event(event) => ledger.apply(at, &event),
        Told::Known(facts) => ledger.know(at, facts),
        Told::Haves(peer, pieces) => {
            pieces.into_iter().for_each(|piece| ledger.apply(at, &Event::Have { peer, piece }));
        }
    }
}
