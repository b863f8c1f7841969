//! Where the user is: screens, pages, panels, tabs, and how they are scrolled.

use crate::event::{At, Cause};
use crate::ledger::{Group, PeerRecord};
use crate::ui::funnel::{self, Funnel};
use crate::ui::words::Standing as PeerStanding;

/// One of the screens: six of the torrent that is looked at, and one of all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Screen {
    /// Everything at a glance.
    #[default]
    Overview,
    /// Every peer.
    Peers,
    /// Every piece.
    Pieces,
    /// Every tracker.
    Trackers,
    /// Every file.
    Files,
    /// What happened.
    Log,
    /// Every torrent of the run.
    Torrents,
}

impl Screen {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 7] =
        [Self::Torrents, Self::Overview, Self::Peers, Self::Pieces, Self::Trackers, Self::Files, Self::Log];
}

/// What keys are about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mode {
    /// The screen itself.
    #[default]
    Browse,
    /// A peer's page; with `bytes`, all bytes of its handshakes.
    Peer {
        /// Whether all bytes are shown.
        bytes: bool,
    },
    /// A tracker's page.
    Tracker,
    /// The judgement in full.
    Why,
    /// Which keys there are.
    Keys,
    /// Everything about the torrent.
    Torrent,
    /// Which columns there are.
    Columns,
    /// What of torrents can be deleted.
    Delete,
    /// The menu of orders, below the list that it orders.
    Order,
    /// The question whether to stop the download.
    AskQuit,
}

/// What the help tells.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Help {
    /// What one needs to begin, on one screen.
    #[default]
    Card,
    /// Every key.
    Keys,
    /// Every glyph and word.
    Words,
}

impl Help {
    /// Its tabs, in their order.
    pub const TABS: [Self; 3] = [Self::Card, Self::Keys, Self::Words];

    /// The tab so many behind it.
    pub(in crate::ui) fn turned(self, by: isize) -> Self {
        Self::TABS[(self as isize + by).rem_euclid(Self::TABS.len() as isize) as usize]
    }
}

/// The panels of the overview that take keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Panel {
    /// The peers.
    #[default]
    Peers,
    /// Where peers drop off.
    Funnel,
}

/// Which peers the list of peers shows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Shown {
    /// All of them.
    #[default]
    All,
    /// Those of a group.
    Of(Group),
    /// Those that failed for this cause.
    Because(Cause),
    /// Those that are counted at this step of the funnel (0: known).
    Reached(Funnel, usize),
    /// Those that are counted at the step before this one and not at this one, for the reasons of this phrase.
    Lost(Funnel, usize, &'static str),
}

impl Shown {
    /// The tabs, in their order.
    pub const TABS: [Self; 7] = [
        Self::All,
        Self::Of(Group::Live),
        Self::Of(Group::Trying),
        Self::Of(Group::Failed),
        Self::Of(Group::Left),
        Self::Of(Group::Queued),
        Self::Of(Group::Banned),
    ];

    /// Whether the peer is one of them.
    pub fn takes(self, peer: &PeerRecord, now: At) -> bool {
        match self {
            Self::All => true,
            Self::Of(group) => peer.group == group,
            Self::Because(cause) => {
                PeerStanding::of(peer, now) == PeerStanding::Failed && peer.cause == Some(cause)
            }
            Self::Reached(..) | Self::Lost(..) if !funnel::counts(peer) => false,
            Self::Reached(funnel, wanted) => funnel.reached(peer, now) >= wanted,
            Self::Lost(funnel, step, word) => {
                funnel.reached(peer, now) + 1 == step && funnel.lost(peer, now) == word
            }
        }
    }
}

/// How far back the graph looks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Window {
    /// One minute.
    #[default]
    Minute,
    /// Five minutes.
    FiveMinutes,
    /// A quarter of an hour.
    Quarter,
    /// An hour.
    Hour,
    /// The whole run.
    Run,
}

impl Window {
    /// The next one, and after the last the first.
    pub fn next(self) -> Self {
        match self {
            Self::Minute => Self::FiveMinutes,
            Self::FiveMinutes => Self::Quarter,
            Self::Quarter => Self::Hour,
            Self::Hour => Self::Run,
            Self::Run => Self::Minute,
        }
    }
}

/// How the rows of a screen are scrolled, or which of them is selected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scrolls {
    /// First line of the help.
    pub keys: usize,
    /// First line of the judgement.
    pub why: usize,
    /// First line of the torrent's page.
    pub torrent: usize,
    /// First line of a peer's page.
    pub peer: usize,
    /// The selected tracker.
    pub trackers: usize,
    /// First line of a tracker's page.
    pub tracker: usize,
    /// Lines of the log below the selected one; 0 follows the newest.
    pub log_back: usize,
    /// How many of them stand below it in the window, at most.
    pub log_under: usize,
}
