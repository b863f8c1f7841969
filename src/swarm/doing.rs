//! What the torrent is doing, since when and why, and what follows from that alone.

use std::time::Duration;

use crate::event::{At, Cause, Phase};

/// How long connections stay open after a pause, so that a short one costs nothing.
const PAUSE_GRACE: Duration = Duration::from_secs(30);

/// The phase of a torrent.
#[derive(Debug)]
pub(super) struct Doing {
    pub(super) phase: Phase,
    pub(super) since: At,
    /// Why it rests, where it does not by the user's will.
    pub(super) reason: Option<String>,
}

impl Doing {
    pub(super) fn new(phase: Phase, since: At, reason: Option<String>) -> Self {
        Self { phase, since, reason }
    }

    /// Whether peers are dialled, and as a rule asked for pieces and served.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Metadata | Phase::Downloading | Phase::Seeding)
    }

    /// Why nobody is kept connected for long, if so. While it is verified again, those that are connected stay,
    /// and so do those that come.
    pub(super) fn rests(&self) -> Option<Cause> {
        match self.phase {
            Phase::Paused | Phase::Queued(_) => Some(Cause::TorrentPaused),
            Phase::Stopped => Some(Cause::DiskError),
            Phase::Metadata | Phase::Checking | Phase::Downloading | Phase::Seeding => None,
        }
    }

    /// Why nobody is kept connected by now, if so.
    pub(super) fn lets_go(&self, now: At) -> Option<Cause> {
        self.rests().filter(|_| now.saturating_sub(self.since) >= PAUSE_GRACE)
    }

    /// How it rests, to go on so later; `None`: it does not, or it waits for its turn, which may come meanwhile.
    pub(super) fn at_rest(&self) -> Option<(Phase, Option<String>)> {
        let rests = matches!(self.phase, Phase::Paused | Phase::Stopped);
        rests.then(|| (self.phase, self.reason.clone()))
    }
}
