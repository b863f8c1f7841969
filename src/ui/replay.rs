//! A recording in the screens: how it stands, what keys ask of it, and what cannot be done to it.

mod timeline;

use std::sync::Arc;
use std::time::Duration;

use crate::event::At;
use crate::ledger::View;
use crate::record::{Control, Playback, Replay};
use crate::units;

use super::action::{Action, Binding, Key};
use super::model::Model;
use super::prompt::{self, Ask, Said};

pub(crate) use timeline::Timeline;

/// What is answered to a key that would change the run.
const REFUSED: &str = "Replay is read-only: nothing of a recording can be changed.";

/// A recording to be shown.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The name of its file.
    pub name: String,
    /// What plays it.
    pub replay: Arc<Replay>,
}

/// How the replay stands that the screen shows.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The name of its file.
    pub name: String,
    /// Where it is, and how fast it goes.
    pub playback: Playback,
    /// What was asked of it, until that is handed on.
    pub asked: Vec<Control>,
    /// The line that the mouse draws along, from a press of its button until the release.
    dragged: Option<Timeline>,
}

impl Watched {
    /// A replay of the file of this name.
    pub fn new(name: &str, playback: Playback) -> Self {
        Self { name: crate::text::clean(name, 200), playback, asked: Vec::new(), dragged: None }
    }

    /// Whether it stands at its end.
    pub fn is_over(&self) -> bool {
        !self.playback.playing && self.playback.position >= self.playback.end
    }

    /// Asks to go to a moment. Of several that were not handed on yet the last one holds.
    fn seek(&mut self, at: At) {
        match self.asked.last_mut() {
            Some(Control::GoTo(asked)) => *asked = at,
            _ => self.asked.push(Control::GoTo(at)),
        }
    }

    /// Where it is, or will be once what was asked is done.
    fn position(&self) -> At {
        match self.asked.last() {
            Some(Control::GoTo(at)) => *at,
            _ => self.playback.position,
        }
    }

    /// Why this cannot be done here.
    fn refusal(&self, control: Control) -> Option<&'static str> {
        let Playback { position, marks, .. } = &self.playback;
        let mut failures = marks.iter().filter(|mark| mark.kind.is_failure());
        match control {
            Control::NextFailure if !failures.any(|mark| mark.at > *position) => {
                Some("Nothing fails after this.")
            }
            Control::PreviousFailure if !failures.any(|mark| mark.at < *position) => {
                Some("Nothing fails before this.")
            }
            _ => None,
        }
    }
}

/// Whether a key does anything here: nothing of a recording can be changed.
pub(crate) fn works(model: &Model, action: Action) -> bool {
    model.replay.is_none() || !action.is_for_the_engine()
}

/// Goes to the moment of a column of the line of time, and follows the mouse until its button is released.
pub(super) fn seize(model: &mut Model, line: Timeline, column: u16) {
    if let Some(replay) = &mut model.replay {
        replay.dragged = Some(line);
        replay.seek(line.moment(column));
    }
}

/// Goes to the moment of this column, where the line of time is dragged.
pub(super) fn drag(model: &mut Model, column: u16) {
    if let Some(replay) = &mut model.replay
        && let Some(line) = replay.dragged
    {
        replay.seek(line.moment(column));
    }
}

/// The button was released.
pub(super) fn release(model: &mut Model) {
    if let Some(replay) = &mut model.replay {
        replay.dragged = None;
    }
}

/// Goes a column on or back from where it is.
pub(super) fn nudge(model: &mut Model, line: Timeline, forward: bool) {
    if let Some(replay) = &mut model.replay {
        replay.seek(line.beside(replay.position(), forward));
    }
}

/// Carries out what a recording does otherwise than a run; false where it is no different.
pub(super) fn update(model: &mut Model, action: Action, view: &View) -> bool {
    let Some(replay) = &mut model.replay else { return false };
    match action {
        Action::Replay(control) => match replay.refusal(control) {
            Some(why) => model.say(why, false),
            None => {
                replay.asked.push(control);
                model.note = None;
            }
        },
        Action::GoTo => prompt::open(model, Ask::GoTo, view),
        action if action.is_for_the_engine() => model.say(REFUSED, false),
        Action::Quit if model.open.is_empty() => model.leaving = true,
        Action::QuitNow => model.leaving = true,
        _ => return false,
    }
    true
}

/// Answers a key that would change the run anywhere, though not where the model stands.
pub(super) fn unbound(model: &mut Model, key: Key) {
    let changes = |(line, keys): (&Binding, &[Key])| keys.contains(&key) && line.action.is_for_the_engine();
    if model.replay.is_some() && model.keys.lines().any(changes) {
        model.say(REFUSED, false);
    }
}

/// Answers a paste: there is nothing that it could be for.
pub(super) fn paste(model: &mut Model) -> bool {
    let is_replay = model.replay.is_some();
    if is_replay {
        model.say(REFUSED, false);
    }
    is_replay
}

/// How a time to go to is understood, or why it is not.
pub(super) fn says(text: &str, playback: &Playback) -> Said {
    let (begin, end) = (playback.begin, playback.end);
    if text.trim().is_empty() {
        return Ok(format!("{} to {}, as 12:30 or 1:02:30", time(begin), time(end)));
    }
    match read_time(text) {
        None => Err("a time, as 12:30, 1:02:30 or 90s".to_owned()),
        Some(at) if at > end && at.as_secs() > end.as_secs() => Err(format!("it ends at {}", time(end))),
        Some(at) if at.as_secs() < begin.as_secs() => Err(format!("it begins at {}", time(begin))),
        Some(at) => Ok(format!("{} of {}", time(at), time(end))),
    }
}

/// Asks to go there.
pub(super) fn go_to(model: &mut Model, text: &str) {
    if let (Some(replay), Some(at)) = (&mut model.replay, read_time(text)) {
        let end = replay.playback.end;
        // The end may lie within the second that the bar shows as its time.
        replay.asked.push(Control::GoTo(if at.as_secs() >= end.as_secs() { end } else { at }));
    }
}

/// A time of the run as the bar shows it: `0:09`, `28:51`, `1:02:30`.
pub(crate) fn time(at: Duration) -> String {
    let s = at.as_secs();
    match s {
        0..3600 => format!("{}:{:02}", s / 60, s % 60),
        _ => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

/// Reads `12:30`, `1:02:30`, `0:09.5`, and `90s` or `5m`.
fn read_time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let Some((minutes, seconds)) = text.rsplit_once(':') else { return units::parse_duration(text) };
    let digits = |part: &str| {
        let fine = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| fine).map(u64::from)
    };
    let (whole, _) = seconds.split_once('.').unwrap_or((seconds, ""));
    digits(whole).filter(|seconds| *seconds < 60)?;
    let seconds = units::parse_duration(seconds)?;
    let minutes = match minutes.split_once(':') {
        None => digits(minutes)?,
        Some((hours, minutes)) => digits(hours)? * 60 + digits(minutes).filter(|minutes| *minutes < 60)?,
    };
    Some(seconds + Duration::from_secs(minutes * 60))
}

#[cfg(test)]
pub(super) mod tests;
