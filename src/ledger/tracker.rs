//! What is known of one tracker.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::validate::bounded;
use crate::event::{AnnounceKind, Announced, At, TrackerError, TrackerKey};

/// How its last announce went.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum TrackerStatus {
    /// Not asked yet, or the first answer is still to come.
    #[default]
    Pending,
    /// It answered.
    Ok(Announced),
    /// It did not.
    Failed(TrackerError, String),
}

impl TrackerStatus {
    /// Its code, as programs read it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ok(_) => "ok",
            Self::Failed(..) => "failed",
        }
    }
}

/// Announces kept of each tracker.
const MOST_ANNOUNCES: usize = 32;

/// An announce that is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PastAnnounce {
    /// When it was over.
    pub at: At,
    /// Peers that the answer named.
    pub peers: u32,
    /// Why it failed; `None`: it was answered.
    pub failed: Option<TrackerError>,
}

/// What is known of one tracker.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrackerRecord {
    /// Its key.
    pub key: TrackerKey,
    /// Its tier, from 0.
    pub tier: u16,
    /// Scheme, host and port.
    pub url: String,
    /// How its last announce went.
    pub status: TrackerStatus,
    /// The announce under way.
    pub asking: Option<AnnounceKind>,
    /// When the status came.
    pub answered: Option<At>,
    /// Announces failed in a row.
    pub failures: u32,
    /// When it is asked next.
    pub next: Option<At>,
    /// Peers in the table that it named.
    pub peers: u32,
    /// Those of them that shook hands.
    pub handshaken: u32,
    /// The last announces, newest last, 32 at most.
    #[serde(default, deserialize_with = "bounded::<_, _, MOST_ANNOUNCES>")]
    pub announces: Vec<PastAnnounce>,
}

impl TrackerRecord {
    /// What it answered, if that was the last that came of it.
    pub fn answer(&self) -> Option<&Announced> {
        match &self.status {
            TrackerStatus::Ok(answer) => Some(answer),
            _ => None,
        }
    }

    /// How its last announce failed, if it did, and in whose words.
    pub fn failure(&self) -> Option<(TrackerError, &str)> {
        match &self.status {
            TrackerStatus::Failed(error, text) => Some((*error, text)),
            _ => None,
        }
    }

    pub(super) fn ask(&mut self, kind: AnnounceKind) {
        self.asking = Some(kind);
        self.next = None;
    }

    pub(super) fn take_answer(&mut self, at: At, answer: &Announced) {
        // A goodbye is answered without peers; what the tracker said before is worth more.
        let goodbye = self.asking.take() == Some(AnnounceKind::Stopped);
        if !(goodbye && matches!(self.status, TrackerStatus::Ok(_))) {
            self.status = TrackerStatus::Ok(answer.clone());
        }
        self.answered = Some(at);
        self.failures = 0;
        self.end_announce(PastAnnounce { at, peers: answer.peers, failed: None });
    }

    pub(super) fn take_failure(&mut self, at: At, error: TrackerError, text: &str) {
        self.asking = None;
        self.status = TrackerStatus::Failed(error, text.to_owned());
        self.answered = Some(at);
        self.failures = self.failures.saturating_add(1);
        self.end_announce(PastAnnounce { at, peers: 0, failed: Some(error) });
    }

    fn end_announce(&mut self, announce: PastAnnounce) {
        if self.announces.len() == MOST_ANNOUNCES {
            self.announces.remove(0);
        }
        self.announces.push(announce);
    }
}

/// Takes in a tracker of the torrent, or its new place.
pub(super) fn know(
    trackers: &mut BTreeMap<TrackerKey, Arc<TrackerRecord>>,
    key: TrackerKey,
    tier: u16,
    url: &str,
) {
    let record = trackers.entry(key).or_insert_with(|| {
        Arc::new(TrackerRecord {
            key,
            tier,
            url: String::new(),
            status: TrackerStatus::Pending,
            asking: None,
            answered: None,
            failures: 0,
            next: None,
            peers: 0,
            handshaken: 0,
            announces: Vec::new(),
        })
    });
    let record = Arc::make_mut(record);
    record.tier = tier;
    record.url = url.to_owned();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::script::Script;

    #[test]
    fn the_last_announces_are_kept_with_what_came_of_them() {
        let mut run = Script::downloading(4);
        let tracker = run.tracker(1);
        run.wait(3).refuse(tracker, TrackerError::Timeout).wait(60).answer(tracker, 50);
        let kept = |run: &mut Script| run.view().trackers[0].announces.clone();
        let told: Vec<_> = kept(&mut run).iter().map(|it| (it.at.as_secs(), it.peers, it.failed)).collect();
        assert_eq!(told, [(3, 0, Some(TrackerError::Timeout)), (63, 50, None)]);
        for peers in 0..100 {
            run.answer(tracker, peers);
        }
        let peers: Vec<u32> = kept(&mut run).iter().map(|it| it.peers).collect();
        assert_eq!(peers, (68..100).collect::<Vec<_>>());
    }
}
