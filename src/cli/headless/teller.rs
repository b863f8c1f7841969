//! What is written while downloads go on, and at their end.

use std::sync::{Arc, Weak};

use crate::cli::output::Stdout;
use crate::cli::{Failure, say};
use crate::event::{At, Severity};
use crate::ledger::View;
use crate::report::progress;
use crate::text;

/// The most of a torrent's name before a line about it, characters.
const MOST_NAME_CHARS: usize = 60;

/// Writes lines. Where there are several torrents, each names its own.
pub(super) struct Teller {
    json: bool,
    stdout: Stdout,
    warned: Vec<WarnedUntil>,
    said: Vec<Said>,
}

/// The last line about a torrent, and of what it tells.
#[derive(Default)]
struct Said {
    of: Weak<View>,
    line: String,
}

impl Teller {
    /// For this number of torrents.
    pub(super) fn new(json: bool, torrents: usize) -> Self {
        let warned = std::iter::repeat_with(WarnedUntil::default).take(torrents).collect();
        let said = std::iter::repeat_with(Said::default).take(torrents).collect();
        Self { json, stdout: Stdout, warned, said }
    }

    /// Whether there is only one torrent: how it failed is told at the end of the program.
    pub(super) fn is_of_one(&self) -> bool {
        self.warned.len() == 1
    }

    /// Writes a line about each torrent, by what is known of it until now, all of them at once; false when nobody reads any
    /// more.
    pub(super) fn tell(
        &mut self,
        known: impl Iterator<Item = (usize, (Arc<View>, At))>,
    ) -> Result<bool, Failure> {
        let mut lines = String::new();
        for (number, (view, until)) in known {
            self.say(number, &view, until);
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines += &self.said[number].line;
        }
        if lines.is_empty() { Ok(true) } else { self.stdout.line(&lines) }
    }

    /// Has the line about a torrent that is right now. Where nothing happened, it is that of a second ago but for its time.
    fn say(&mut self, number: usize, view: &Arc<View>, until: At) {
        let is_new = !std::ptr::eq(self.said[number].of.as_ptr(), Arc::as_ptr(view));
        if is_new {
            self.warn(number, view);
        }
        if is_new || self.json {
            let line = if self.json {
                progress::json(view, until)
            } else {
                self.about(view) + &progress::text(view)
            };
            self.said[number] = Said { of: Arc::downgrade(view), line };
        }
    }

    /// Writes the last line about a torrent.
    pub(super) fn tell_last(
        &mut self,
        number: usize,
        view: &View,
        failure: Option<&Failure>,
    ) -> Result<(), Failure> {
        self.warn(number, view);
        let line = match (self.json, failure) {
            (true, failure) => progress::last_json(view, failure.map(ToString::to_string)),
            (false, None) => progress::last_text(view),
            // The line on standard error says it all.
            (false, Some(_)) => return Ok(()),
        };
        self.line(&line)
    }

    /// Writes the only line about what could not be read.
    pub(super) fn tell_unread(&mut self, failure: &Failure) -> Result<(), Failure> {
        if self.json { self.line(&progress::unread_json(failure.to_string())) } else { Ok(()) }
    }

    pub(super) fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.stdout.line(line).map(drop)
    }

    /// Says on standard error how one of several failed.
    pub(super) fn complain(&self, view: Option<&View>, failure: &Failure) {
        if !self.is_of_one() {
            let about = view.map(|view| self.about(view)).unwrap_or_default();
            say(&format!("ttui: {about}{failure}"));
        }
    }

    fn warn(&mut self, number: usize, view: &View) {
        let about = self.about(view);
        if let Some(warned) = self.warned.get_mut(number) {
            warned.warn_of_new(view, &about);
        }
    }

    /// Whom a line is about, where that is not clear.
    fn about(&self, view: &View) -> String {
        if self.is_of_one() {
            return String::new();
        }
        format!("{}: ", text::clean(&view.torrent.title(), MOST_NAME_CHARS))
    }
}

/// Up to where the log was looked through: a time, and how many lines had it.
#[derive(Default)]
struct WarnedUntil {
    at: At,
    lines: usize,
}

impl WarnedUntil {
    /// Writes new warnings to standard error. What befalls single peers is left to the log file; what stops
    /// everything is the last line, and said there.
    fn warn_of_new(&mut self, view: &View, about: &str) {
        let first = view.log.partition_point(|line| line.at < self.at);
        for line in view.log[first..].iter().skip(self.lines) {
            // What is worse than a warning ends the torrent, and is said then.
            if line.severity == Severity::Warn && line.peer.is_none() {
                say(&format!("ttui: {about}{}", line.text));
            }
        }
        if let Some(last) = view.log.last() {
            self.at = last.at;
            self.lines = view.log.iter().rev().take_while(|line| line.at == last.at).count();
        }
    }
}
