//! The log: the last thousand lines, with what many peers do alike in one line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::view::LogLine;
use crate::event::validate::{ensure, sanitise, times};
use crate::event::{At, Cause, Invalid, PeerKey, Severity, TrackerKey};

/// Lines kept.
pub(super) const MOST_LINES: usize = 1000;
/// So far back a line is looked for that another one can join.
const LOOK_BACK_LINES: usize = 12;
/// So long others may join a line.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// What many do alike, so that one line tells it for all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Alike {
    /// Attempts that ended so before a handshake.
    Failed(Cause),
    /// Calls from outside that ended so before a handshake.
    Called(Cause),
    /// Announces to a tracker that failed.
    Tracker(TrackerKey),
}

/// What a line tells, before it is worded for one or for many.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) severity: Severity,
    pub(super) text: String,
    pub(super) peer: Option<PeerKey>,
    /// With what it can share a line, and whom it is about there.
    pub(super) alike: Option<(Alike, String)>,
}

impl Entry {
    pub(super) fn new(severity: Severity, text: String) -> Self {
        Self { severity, text, peer: None, alike: None }
    }

    pub(super) fn about(self, peer: PeerKey) -> Self {
        Self { peer: Some(peer), ..self }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SavedLine {
    line: LogLine,
    alike: Option<Alike>,
    count: u32,
}

/// The log while it grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    lines: VecDeque<SavedLine>,
    published: Arc<Vec<LogLine>>,
    stale: bool,
}

impl Log {
    pub(super) fn push(&mut self, at: At, entry: Entry) {
        self.stale = true;
        if let Some((alike, whom)) = &entry.alike
            && let Some(kept) =
                self.lines.iter_mut().rev().take(LOOK_BACK_LINES).find(|kept| kept.alike == Some(*alike))
            && at.saturating_sub(kept.line.at) < JOIN_WITHIN
        {
            kept.count += 1;
            kept.line.text = together(*alike, kept.count, whom, &entry.text);
            kept.line.peer = None;
            return;
        }
        if self.lines.len() == MOST_LINES {
            self.lines.pop_front();
        }
        let line = LogLine { at, severity: entry.severity, text: entry.text, peer: entry.peer };
        self.lines.push_back(SavedLine { line, alike: entry.alike.map(|(alike, _)| alike), count: 1 });
    }

    pub(super) fn last(&self) -> Option<&LogLine> {
        self.lines.back().map(|kept| &kept.line)
    }

    /// The lines, to be written down.
    pub(super) fn snapshot(&self) -> Vec<SavedLine> {
        self.lines.iter().cloned().collect()
    }

    /// The log again, from what was written.
    pub(super) fn restore(mut kept: Vec<SavedLine>) -> Result<Self, Invalid> {
        ensure(kept.len() <= MOST_LINES, "more lines than the log keeps")?;
        times(kept.iter().map(|kept| Some(kept.line.at)))?;
        for kept in &mut kept {
            kept.count = kept.count.min(u32::MAX / 2);
            sanitise(&mut kept.line.text);
        }
        Ok(Self { lines: kept.into(), published: Arc::default(), stale: true })
    }

    /// The lines as a view shows them; copied only after they changed.
    pub(super) fn publish(&mut self) -> Arc<Vec<LogLine>> {
        if std::mem::take(&mut self.stale) {
            self.published = Arc::new(self.lines.iter().map(|kept| kept.line.clone()).collect());
        }
        Arc::clone(&self.published)
    }
}

fn together(alike: Alike, count: u32, whom: &str, text: &str) -> String {
    match alike {
        Alike::Failed(cause) => {
            let info = cause.info();
            let means = info.sentence_of(count as usize);
            format!("{count} peers: {}; the last was {whom}. {means}", info.short)
        }
        Alike::Called(cause) => {
            format!(
                "{count} calls from outside came to nothing: {}; the last from {whom}.",
                cause.info().short
            )
        }
        Alike::Tracker(_) => format!("{text} ({count} times)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(cause: Cause, whom: &str) -> Entry {
        Entry {
            severity: Severity::Info,
            text: format!("{whom}: {}", cause.info().short),
            peer: Some(PeerKey(1)),
            alike: Some((Alike::Failed(cause), whom.to_owned())),
        }
    }

    #[test]
    fn tells_what_many_do_alike_in_one_line() {
        let mut log = Log::default();
        log.push(Duration::from_secs(1), failed(Cause::ConnectTimeout, "a"));
        log.push(Duration::from_secs(2), failed(Cause::ConnectionRefused, "b"));
        log.push(Duration::from_secs(3), failed(Cause::ConnectTimeout, "c"));
        log.push(Duration::from_secs(12), failed(Cause::ConnectTimeout, "d"));
        let lines = log.publish();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].text.starts_with("2 peers: no answer; the last was c."), "{}", lines[0].text);
        assert_eq!(lines[0].peer, None);
        assert_eq!((lines[1].text.as_str(), lines[1].peer), ("b: refused", Some(PeerKey(1))));
        assert_eq!(lines[2].text, "d: no answer");
    }

    #[test]
    fn keeps_a_thousand_lines_and_copies_them_only_after_a_change() {
        let mut log = Log::default();
        for number in 0..1500 {
            log.push(Duration::from_secs(number), Entry::new(Severity::Info, format!("line {number}")));
        }
        let lines = log.publish();
        assert_eq!((lines.len(), lines[0].text.as_str()), (1000, "line 500"));
        assert!(Arc::ptr_eq(&lines, &log.publish()));
    }
}
