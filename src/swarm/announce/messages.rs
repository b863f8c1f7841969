//! What the announces are told, and what they want done.

use std::time::Duration;

use crate::event::{AnnounceKind, Announced, At, Event, TrackerError, TrackerKey};

/// One announce; given out once in a run, so that the answer to an old one is recognised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub(super) u32);

/// Something that happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// The torrent begins, or goes on after a pause.
    Start,
    /// This run finished the download.
    Completed,
    /// The torrent is paused, or the program ends.
    Stop,
    /// Whether peers are wanted from now on: if so, ask as soon as the trackers allow, and not only after their interval.
    WantPeers(bool),
    /// Our address changed: trackers that name the old one to others are to hear of it.
    Moved,
    /// The program stood still for so long, and its clock with it; those of trackers went on.
    StoodStill(Duration),
    /// The user wants this tracker asked now; `None`: one of every tier.
    Announce(Option<TrackerKey>),
    /// The tracker answered.
    Answered {
        /// Which announce.
        ticket: Ticket,
        /// What.
        answer: Announced,
        /// Seconds before which it does not want to be asked again.
        min_interval_s: Option<u32>,
        /// What it wants to be told from now on.
        tracker_id: Option<Vec<u8>>,
    },
    /// The announce failed.
    Failed {
        /// Which announce.
        ticket: Ticket,
        /// How.
        error: TrackerError,
        /// In whose words: the tracker's own, or the system's.
        text: String,
    },
    /// Nothing but time went by.
    Tick,
}

/// What to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Announce; answer with [`Input::Answered`] or [`Input::Failed`] under the same ticket.
    Announce {
        /// Which announce.
        ticket: Ticket,
        /// The tracker it goes to.
        tracker: TrackerKey,
        /// Its announce URL, passkey and all: never to be shown.
        url: String,
        /// Which event.
        kind: AnnounceKind,
        /// What its last answer gave us to say.
        tracker_id: Option<Vec<u8>>,
    },
    /// Do not wait for this announce any longer, nor make it if it has not begun; nobody wants its answer.
    Abandon(Ticket),
    /// This was learned.
    Emit(At, Event),
}
