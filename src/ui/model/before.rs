//! What happened since the view before.

use std::sync::Arc;

use super::Model;
use crate::event::{At, Phase};
use crate::ledger::{LogLine, View};
use crate::ui::screens;

/// What the view before had.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// The log.
    pub(super) log: Arc<Vec<LogLine>>,
    /// What the torrent was doing.
    phase: Option<Phase>,
    /// The moment of a recording, and whether it was playing.
    of_replay: Option<(At, bool)>,
}

impl Model {
    /// Where a recording stops or jumps while it stands still, the rows are at once in the order of that moment.
    pub(super) fn sort_where_a_recording_stops(&mut self, view: &View) {
        let now = self.replay.as_ref().map(|replay| (view.at, replay.playback.playing));
        if now.is_some_and(|(_, playing)| !playing) && now != self.before.of_replay {
            self.order.sort_soon();
        }
        self.before.of_replay = now;
    }

    /// Notices what happened since the view before.
    pub(super) fn notice(&mut self, view: &View) {
        let before = self.before.phase.replace(view.phase);
        let became_complete =
            view.phase == Phase::Seeding && before.is_some_and(|phase| phase != Phase::Seeding);
        // What was there at the start is no news, nor what was recorded; the first second of a download counts no
        // bytes yet.
        let was_verified_again = before == Some(Phase::Checking) && self.completed.is_some();
        let is_news = before == Some(Phase::Downloading) || (view.down_bytes > 0 && !was_verified_again);
        if became_complete && is_news && !view.wants_nothing() && self.replay.is_none() {
            self.completed = Some(view.at);
            self.bell = true;
        }
    }

    /// How many of the events that the log shows came since the view before.
    pub(super) fn lines_since(&self, view: &View) -> usize {
        let Some(newest) = self.before.log.last() else { return 0 };
        let is_shown = |line: &&LogLine| {
            let of_peer = self.log_of.is_none() || line.peer == self.log_of;
            of_peer && self.filters.log.takes(&line.text)
        };
        let count = |log: &[LogLine]| {
            let shown: Vec<&LogLine> = log.iter().filter(is_shown).collect();
            screens::log_entries(&shown).iter().filter(|entry| entry.first.at >= newest.at).count()
        };
        count(&view.log).saturating_sub(count(&self.before.log))
    }
}
