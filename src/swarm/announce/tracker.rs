//! One tracker, and what is under way with it.

use std::time::Duration;

use super::Ticket;
use crate::event::{AnnounceKind, At};

/// One tracker.
pub(super) struct Tracker {
    pub(super) url: String,
    pub(super) tier: usize,
    /// It answered a `started` and no `stopped` was sent since.
    pub(super) told: bool,
    pub(super) tracker_id: Option<Vec<u8>>,
    /// The announce under way, `stopped` excepted.
    pub(super) flight: Option<(Ticket, AnnounceKind)>,
    /// The `stopped` under way.
    pub(super) stopping: Option<Ticket>,
    /// It is its turn as soon as its `stopped` is over.
    pub(super) after_stop: bool,
    /// Its last answer, and the `min interval` in it.
    pub(super) answered: Option<(At, Option<Duration>)>,
    /// The next announce as last told.
    pub(super) next: Option<At>,
}

impl Tracker {
    pub(super) fn new(url: &str, tier: usize) -> Self {
        Self {
            url: url.to_owned(),
            tier,
            told: false,
            tracker_id: None,
            flight: None,
            stopping: None,
            after_stop: false,
            answered: None,
            next: None,
        }
    }

    pub(super) fn says_completed(&self) -> bool {
        matches!(self.flight, Some((_, AnnounceKind::Completed)))
    }
}
