//! What the screen is at: which screen, what is open on top of it, what is selected, how rows are ordered.

use std::time::Duration;

use crate::event::{At, PeerKey, Phase};
use crate::ledger::{Group, PeerRecord, View};

use super::order::Order;
use super::prompt::Prompt;
use super::replay::Standing;
use super::theme::Look;
use super::words;

/// One of the six screens.
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
    /// The judgement in full.
    Why,
    /// Which keys there are.
    Keys,
    /// The question whether to stop the download.
    AskQuit,
}

/// The panels of the overview that take keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Panel {
    /// The peers.
    #[default]
    Peers,
    /// How far peers get.
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
    /// Those that reached this step of the funnel (0: known … 5: sending).
    Reached(usize),
    /// Those that reached the step before this one and not this one, for the reasons of this phrase.
    Lost(usize, &'static str),
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
        let step = words::step_of(peer.stage);
        match self {
            Self::All => true,
            Self::Of(group) => peer.group == group,
            Self::Reached(wanted) => step >= wanted,
            Self::Lost(lost, word) => {
                step + 1 == lost && words::loss_word(lost, peer.held_back_by(now)) == word
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
    /// First line of a peer's page.
    pub peer: usize,
    /// First file.
    pub files: usize,
    /// First tracker.
    pub trackers: usize,
    /// Lines of the log below the last one shown; 0 follows the newest.
    pub log_back: usize,
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub struct Model {
    /// How things look.
    pub look: Look,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Which screen.
    pub screen: Screen,
    /// What is open on top of it, the topmost last.
    pub open: Vec<Mode>,
    /// What is asked in place of the key line.
    pub(crate) prompt: Option<Prompt>,
    /// The replay that is shown; `None`: the run is live.
    pub replay: Option<Standing>,
    /// Which panel of the overview takes the arrows.
    pub panel: Panel,
    /// The selected peer.
    pub selected: Option<PeerKey>,
    /// In the funnel: the step, and which of its losses (0: the step itself).
    pub step: (usize, usize),
    /// Which peers the list shows.
    pub shown: Shown,
    /// Columns of the list of peers scrolled away to the left.
    pub columns_off: usize,
    /// The piece under the cursor.
    pub piece: u32,
    /// The peer whose lines the log shows; `None`: all.
    pub log_of: Option<PeerKey>,
    /// How far back the graph looks.
    pub window: Window,
    /// How screens are scrolled.
    pub scrolls: Scrolls,
    /// The order of the rows.
    pub order: Order,
    /// The clock of the screen, since its start: moved on by whoever runs it.
    pub clock: Duration,
    /// Set once the user wants to leave.
    pub leaving: bool,
    /// Set when everything has to be drawn anew, until it is.
    pub redraw: bool,
    /// Set when the process has to be stopped, until it was.
    pub suspend: bool,
    /// When a command was last sent whose answer `u` can take back.
    pub undoable: bool,
    /// When the run began, since 1970 (UTC); `None`: times are shown since the start.
    pub started: Option<Duration>,
    /// When the download became complete before our eyes.
    pub completed: Option<At>,
    /// Set when the bell has to ring, until it did.
    pub bell: bool,
    /// What the torrent was doing in the view before.
    phase: Option<Phase>,
}

impl Model {
    /// The screen at its start.
    pub fn new(look: Look) -> Self {
        Self {
            look,
            size: (80, 24),
            screen: Screen::default(),
            open: Vec::new(),
            prompt: None,
            replay: None,
            panel: Panel::default(),
            selected: None,
            step: (0, 0),
            shown: Shown::default(),
            columns_off: 0,
            piece: 0,
            log_of: None,
            window: Window::default(),
            scrolls: Scrolls::default(),
            order: Order::default(),
            clock: Duration::ZERO,
            leaving: false,
            redraw: false,
            suspend: false,
            undoable: false,
            started: None,
            completed: None,
            bell: false,
            phase: None,
        }
    }

    /// What keys are about.
    pub fn mode(&self) -> Mode {
        self.open.last().copied().unwrap_or_default()
    }

    /// The page that is drawn: what is open, less a question on the key line.
    pub(crate) fn page(&self) -> Mode {
        self.open.iter().rev().copied().find(|mode| *mode != Mode::AskQuit).unwrap_or_default()
    }

    /// Takes in a new view: rows move between the parts at once, and are sorted anew when it is time.
    pub fn take_in(&mut self, view: &View) {
        self.order.take_in(view, self.clock);
        let known = |key: PeerKey| view.peers.binary_search_by_key(&key, |peer| peer.key).is_ok();
        let gone = self.selected.is_none_or(|key| !known(key));
        if gone || (!self.order.moved_by_user() && self.mode() == Mode::Browse) {
            let first = self.rows(view).next();
            self.selected = first;
            if gone && matches!(self.mode(), Mode::Peer { .. }) {
                self.open.clear();
            }
        }
        self.piece = self.piece.min(view.torrent.geometry.piece_count().saturating_sub(1));
        let before = self.phase.replace(view.phase);
        let became_complete =
            view.phase == Phase::Seeding && before.is_some_and(|phase| phase != Phase::Seeding);
        // What was there at the start is no news, nor what was recorded.
        if became_complete && self.replay.is_none() && view.down_bytes > 0 {
            self.completed = Some(view.at);
            self.bell = true;
        }
    }

    /// The peers of the list in the order of their rows: first the live ones, then the others.
    pub(crate) fn rows<'a>(&'a self, view: &'a View) -> impl Iterator<Item = PeerKey> + 'a {
        self.live_rows(view).chain(self.other_rows(view))
    }

    /// The live peers of the list in the order of their rows.
    pub(crate) fn live_rows<'a>(&'a self, view: &'a View) -> impl Iterator<Item = PeerKey> + 'a {
        self.order.live.iter().copied().filter(|key| self.lists(view, *key))
    }

    /// The other peers of the list in the order of their rows.
    pub(crate) fn other_rows<'a>(&'a self, view: &'a View) -> impl Iterator<Item = PeerKey> + 'a {
        self.order.others.iter().copied().filter(|key| self.lists(view, *key))
    }

    /// Which peers the present screen lists: the overview always all of them.
    pub(crate) fn shown_here(&self) -> Shown {
        if self.screen == Screen::Peers { self.shown } else { Shown::All }
    }

    fn lists(&self, view: &View, key: PeerKey) -> bool {
        peer(view, key).is_some_and(|peer| self.shown_here().takes(peer, view.at))
    }
}

/// The peer of this key.
pub(crate) fn peer(view: &View, key: PeerKey) -> Option<&PeerRecord> {
    view.peers.binary_search_by_key(&key, |peer| peer.key).ok().map(|at| &*view.peers[at])
}
