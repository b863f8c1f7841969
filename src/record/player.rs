//! Plays a recording: where it is, how fast it goes, and what is known there.

use std::fmt;
use std::io::{Read, Seek};
use std::sync::Arc;

use super::batch::Entry;
use super::curve::Curve;
use super::frame::{Kind, Program};
use super::reader::{Broken, Cursor, Damage, Met, RecordError, Recording};
use super::scan::{Mark, Scanned, apply, scan};
use crate::event::At;
use crate::ledger::{Ledger, View};

/// The speeds to choose from, times the run's own.
pub const SPEEDS: &[u32] = &[1, 2, 5, 10, 30, 60];

/// What of a recording is not shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// Events and other records that this version does not know.
    pub records: u64,
    /// Who wrote them.
    pub program: Option<Program>,
    /// Torrents beside the one that is shown.
    pub other_torrents: usize,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, program, other_torrents } = self;
        if *records > 0 {
            let (what, are) = if *records == 1 { ("record", "is") } else { ("records", "are") };
            write!(f, "{records} {what} that this ttui does not know {are} left out")?;
            if let Some(program) = program {
                write!(f, "; {program}, which wrote the recording, or a newer one shows all of it")?;
            }
        }
        match (*records > 0, other_torrents) {
            (_, 0) => Ok(()),
            (true, others) => write!(f, "; of {} torrents the first is shown", others + 1),
            (false, others) => write!(f, "of {} torrents the first is shown", others + 1),
        }
    }
}

/// A recording being played. It has no clock: the time is handed in, and is any that goes on.
///
/// Positions are times of the recorded run, from [`Player::begin`] to [`Player::end`].
#[derive(Debug)]
pub struct Player<R> {
    recording: Recording<R>,
    marks: Arc<[Mark]>,
    curve: Arc<Curve>,
    ledger: Ledger,
    cursor: Cursor,
    /// Met, but not due yet.
    ahead: Option<Entry>,
    /// The latest time met so far.
    told: At,
    position: At,
    /// While it plays: when it was where.
    playing: Option<(At, At)>,
    speed: usize,
}

impl<R: Read + Seek> Player<R> {
    /// Goes through the recording once, then stands stopped at its beginning.
    ///
    /// # Errors
    ///
    /// When nothing of it can be shown.
    pub fn new(mut recording: Recording<R>) -> Result<Self, RecordError> {
        let Scanned { marks, curve } = scan(&mut recording)?;
        let ledger = recording.ledger(0).map_err(|why| recording.refusal(why))?;
        let position = recording.begin();
        Ok(Self {
            recording,
            marks: marks.into(),
            curve: curve.into(),
            ledger,
            cursor: Cursor::after(0),
            ahead: None,
            told: position,
            position,
            playing: None,
            speed: 0,
        })
    }

    /// When it begins.
    pub fn begin(&self) -> At {
        self.recording.begin()
    }

    /// When it ends.
    pub fn end(&self) -> At {
        self.recording.end()
    }

    /// Where it is.
    pub fn position(&self) -> At {
        self.position
    }

    /// Whether it plays.
    pub fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// How fast it plays, times the run's own speed.
    pub fn speed(&self) -> u32 {
        SPEEDS[self.speed]
    }

    /// Failures and changes of the verdict, in order.
    pub fn marks(&self) -> &Arc<[Mark]> {
        &self.marks
    }

    /// How fast data came over the whole of it.
    pub fn curve(&self) -> &Arc<Curve> {
        &self.curve
    }

    /// Where the recording stops being whole, if it does.
    pub fn damage(&self) -> Option<Damage> {
        self.recording.damage()
    }

    /// What of it is not shown, and what would show it: one line, where there is anything.
    pub fn left_out(&self) -> Option<LeftOut> {
        let (records, program) = (self.recording.left_out(), self.recording.program());
        let other_torrents = self.recording.torrents().saturating_sub(1);
        (records > 0 || other_torrents > 0).then_some(LeftOut { records, program, other_torrents })
    }

    /// The wall clock at time 0 of the run, milliseconds since 1970.
    pub fn wall_ms(&self) -> u64 {
        self.recording.wall_ms()
    }

    /// Everything known where it is.
    pub fn view(&mut self) -> Arc<View> {
        self.ledger.view(self.position)
    }

    /// Plays on from where it is; from the beginning where it is at the end.
    pub fn play(&mut self, now: At) {
        if self.position >= self.end() {
            self.go_to(self.begin());
        }
        self.playing = Some((now, self.position));
    }

    /// Stands still.
    pub fn stop(&mut self, now: At) {
        self.advance(now);
        self.playing = None;
    }

    /// Goes one of [`SPEEDS`] up or down.
    pub fn change_speed(&mut self, now: At, faster: bool) {
        self.advance(now);
        let wanted = if faster { self.speed + 1 } else { self.speed.saturating_sub(1) };
        self.speed = wanted.min(SPEEDS.len() - 1);
        self.anchor(now);
    }

    /// Goes on to where it is by this time. It stops at the end.
    pub fn advance(&mut self, now: At) {
        let Some((since, from)) = self.playing else { return };
        let gone = now.saturating_sub(since).saturating_mul(self.speed());
        self.fold_to(from.saturating_add(gone).clamp(self.position, self.end().max(self.position)));
        if self.position >= self.end() {
            self.playing = None;
        }
    }

    /// Plays on from here, if it plays.
    fn anchor(&mut self, now: At) {
        self.playing = self.playing.map(|_| (now, self.position));
    }

    /// Does something that moves it, without losing time.
    pub fn jump(&mut self, now: At, jump: impl FnOnce(&mut Self)) {
        self.advance(now);
        jump(self);
        self.anchor(now);
    }

    /// Goes to the end of the next second in which anything happened, or to the end.
    pub fn step_forward(&mut self) {
        let at = self.position;
        let next = self.recording.places.partition_point(|place| place.until <= at);
        let next =
            self.recording.places[next..].iter().find(|place| place.tells && place.kind == Kind::Events);
        self.go_to(next.map_or(At::MAX, |place| place.until));
    }

    /// Goes back to the end of the last second before this in which anything happened, or to the beginning.
    pub fn step_back(&mut self) {
        let at = self.position;
        let here = self.recording.places.partition_point(|place| place.until < at);
        let before = &self.recording.places[..here];
        let last = before.iter().rev().find(|place| place.tells && place.kind == Kind::Events);
        self.go_to(last.map_or(At::ZERO, |place| place.until));
    }

    /// Goes to the next failure; false when there is none.
    pub fn next_failure(&mut self) -> bool {
        let next = self.marks.partition_point(|mark| mark.at <= self.position);
        let next = self.marks[next..].iter().find(|mark| mark.kind.is_failure()).map(|mark| mark.at);
        next.inspect(|at| self.go_to(*at)).is_some()
    }

    /// Goes back to the failure before this; false when there is none.
    pub fn previous_failure(&mut self) -> bool {
        let here = self.marks.partition_point(|mark| mark.at < self.position);
        let last = self.marks[..here].iter().rev().find(|mark| mark.kind.is_failure());
        last.map(|mark| mark.at).inspect(|at| self.go_to(*at)).is_some()
    }

    /// Goes to this time of the run, or as near as the recording has it.
    pub fn go_to(&mut self, at: At) {
        let at = at.clamp(self.begin(), self.end());
        let places = &self.recording.places;
        let until = places.partition_point(|place| place.until <= at);
        let nearest = places[..until].iter().rposition(|place| place.starts).unwrap_or(0);
        let shorter = nearest >= self.cursor.frame;
        if (at < self.position || shorter)
            && let Ok(ledger) = self.recording.ledger(nearest)
        {
            self.ledger = ledger;
            self.cursor = Cursor::after(nearest);
            self.ahead = None;
            self.told = self.recording.places[nearest].until;
            self.position = self.told;
        }
        self.fold_to(at);
    }

    fn fold_to(&mut self, target: At) {
        loop {
            let entry = match self.ahead.take() {
                Some(entry) => entry,
                None => match self.cursor.next(&mut self.recording) {
                    Ok(Met::Entry(entry)) => entry,
                    Ok(Met::Snapshot(_) | Met::Unknown) => continue,
                    Ok(Met::End) => break,
                    Err(Broken(frame, what)) => {
                        // It was whole when it was opened. What is known stays shown.
                        self.recording.cut(frame, what);
                        break;
                    }
                },
            };
            let at = entry.at.max(self.told);
            if at > target {
                self.ahead = Some(entry);
                break;
            }
            self.told = at;
            apply(&mut self.ledger, entry);
        }
        self.position = target.min(self.end()).max(self.position);
    }
}
