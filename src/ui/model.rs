//! What the screen is at: which screen, what is open on top of it, what is selected, how rows are ordered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::command::Command;
use crate::event::{At, Cause, PeerKey, Phase};
use crate::ledger::{Group, LogLine, PeerRecord, TrackerRecord, View};

use super::about::About;
use super::action::Action;
use super::atlas::Atlas;
use super::calendar::Calendar;
use super::choose::Chooser;
use super::columns::Choice;
use super::export::Export;
use super::file_tree::FileTree;
use super::filter::{Filters, List};
use super::funnel::{self, Funnel};
use super::keymap::Keymap;
use super::order::Order;
use super::prompt::Prompt;
use super::replay::Standing;
use super::screens;
use super::theme::Look;
use super::widgets::graph::Scales;
use super::words::Standing as PeerStanding;

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
    pub(super) fn turned(self, by: isize) -> Self {
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

/// A screen that is frozen.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// What it shows.
    pub(crate) view: Arc<View>,
    /// Since when, on the clock of the screen.
    pub(crate) since: Duration,
}

/// Something the screen itself has to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Note {
    /// Since when, on the clock of the screen.
    pub(crate) since: Duration,
    /// What.
    pub(crate) text: String,
    /// Whether something went wrong.
    pub(crate) trouble: bool,
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub struct Model {
    /// How things look.
    pub look: Look,
    /// Which keys do what.
    pub keys: Arc<Keymap>,
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
    /// The tab of the help.
    pub help: Help,
    /// In the funnel: the step, and which of its losses (0: the step itself).
    pub step: (usize, usize),
    /// Which peers the list shows.
    pub shown: Shown,
    /// Which lines the lists show.
    pub(crate) filters: Filters,
    /// The peers of the newest view that the filter takes; `None`: there is no filter.
    found: Option<Vec<PeerKey>>,
    /// The row of the selected peer when it was last listed.
    row: usize,
    /// Columns of the list of peers scrolled away to the left.
    pub columns_off: usize,
    /// The columns that the user chose.
    pub(crate) columns: Choice,
    /// Where the page that chooses them stands.
    pub(crate) chooser: Chooser,
    /// Whose peers share a row on the list of peers: those that failed for one of these.
    pub(crate) folded: BTreeSet<Cause>,
    /// The peers that keys act on together.
    pub(crate) marked: BTreeSet<PeerKey>,
    /// What is shown while the screen is frozen.
    pub(crate) held: Option<Held>,
    /// Whether one panel of the overview has the whole screen.
    pub(crate) zoomed: bool,
    /// Commands beside the one that a key returned, until they were sent.
    pub(crate) more: Vec<Command>,
    /// Of how many peers was asked what `u` takes back.
    pub(crate) asked: usize,
    /// The piece under the cursor.
    pub piece: u32,
    /// How the grid of pieces is looked at.
    pub atlas: Atlas,
    /// The files: which are selected and folded.
    pub files: FileTree,
    /// The peer whose lines the log shows; `None`: all.
    pub log_of: Option<PeerKey>,
    /// How far back the graph looks.
    pub window: Window,
    /// The scales of the graph.
    pub scales: Scales,
    /// How screens are scrolled.
    pub scrolls: Scrolls,
    /// The order of the rows.
    pub order: Order,
    /// The clock of the screen, since its start: moved on by the loop that runs it.
    pub clock: Duration,
    /// Whether the mouse is ours.
    pub mouse: bool,
    /// Somebody is here for the first time, and has pressed no key yet.
    pub welcome: bool,
    /// Set once the user wants to leave.
    pub leaving: bool,
    /// Set when everything has to be drawn anew, until it is.
    pub redraw: bool,
    /// Set when the process has to be stopped, until it was.
    pub suspend: bool,
    /// When a command was last sent whose answer `u` can take back.
    pub undoable: bool,
    /// What the screen itself has to say, on the key line, and since when.
    pub(crate) note: Option<Note>,
    /// Set when this has to be written to a file, until it was.
    pub(crate) export: Option<Export>,
    /// Set when this has to be copied, until it was.
    pub(crate) copy: Option<String>,
    /// When the run began; where that is not known, times are shown since the start.
    pub started: Calendar,
    /// When the download became complete before our eyes.
    pub completed: Option<At>,
    /// Set when the bell has to ring, until it did.
    pub bell: bool,
    /// What is known of the torrent beside views.
    pub(crate) about: Arc<About>,
    /// The log shows times of day, where they are known.
    pub(crate) log_by_day: bool,
    /// The log in the view before.
    log: Arc<Vec<LogLine>>,
    /// What the torrent was doing in the view before.
    phase: Option<Phase>,
    /// The moment of a recording that was shown last, and whether it was playing.
    shown_of_replay: Option<(At, bool)>,
}

/// Whether quitting stops something, so that it is asked first.
pub(crate) fn quitting_stops(view: &View) -> bool {
    matches!(view.phase, Phase::Downloading | Phase::Checking)
}

impl Model {
    /// The screen at its start.
    pub fn new(look: Look) -> Self {
        Self {
            look,
            keys: Arc::default(),
            size: (80, 24),
            screen: Screen::default(),
            open: Vec::new(),
            prompt: None,
            replay: None,
            panel: Panel::default(),
            selected: None,
            help: Help::default(),
            step: (0, 0),
            shown: Shown::default(),
            filters: Filters::default(),
            found: None,
            row: 0,
            columns_off: 0,
            columns: Choice::default(),
            chooser: Chooser::default(),
            folded: BTreeSet::new(),
            marked: BTreeSet::new(),
            held: None,
            zoomed: false,
            more: Vec::new(),
            asked: 0,
            piece: 0,
            atlas: Atlas::default(),
            files: FileTree::default(),
            log_of: None,
            window: Window::default(),
            scales: Scales::default(),
            scrolls: Scrolls::default(),
            order: Order::default(),
            clock: Duration::ZERO,
            mouse: false,
            welcome: false,
            leaving: false,
            redraw: false,
            suspend: false,
            undoable: false,
            note: None,
            export: None,
            about: Arc::default(),
            log_by_day: false,
            copy: None,
            started: Calendar::default(),
            completed: None,
            bell: false,
            log: Arc::default(),
            phase: None,
            shown_of_replay: None,
        }
    }

    /// Says this on the key line for a while.
    pub(crate) fn say(&mut self, text: impl Into<String>, trouble: bool) {
        self.note = Some(Note { since: self.clock, text: text.into(), trouble });
    }

    /// The key of an action and what it does, in a few words: `w why`; nothing where no key is bound to it.
    pub(crate) fn hint(&self, action: Action, words: &str) -> String {
        self.keys.name_here(action, self).map_or_else(String::new, |key| format!("{key} {words}"))
    }

    /// What keys are about.
    pub fn mode(&self) -> Mode {
        self.open.last().copied().unwrap_or_default()
    }

    /// The page that is drawn: what is open, less what is laid over a part of it.
    pub(crate) fn page(&self) -> Mode {
        let is_page = |mode: &Mode| !matches!(mode, Mode::AskQuit | Mode::Order);
        self.open.iter().rev().copied().find(is_page).unwrap_or_default()
    }

    /// Takes in a new view: rows move between the parts at once, and are sorted anew when it is time.
    pub fn take_in(&mut self, view: &View) {
        self.notice(view);
        if self.mode() == Mode::AskQuit && !quitting_stops(view) {
            self.open.pop();
        }
        if let Some(held) = self.held.clone() {
            return self.select_in(&held.view);
        }
        self.select_in(view);
    }

    /// What is shown: the newest view, or the one that is held.
    pub(crate) fn shown_view<'a>(&'a self, newest: &'a View) -> &'a View {
        self.held.as_ref().map_or(newest, |held| &held.view)
    }

    /// Orders the rows of what is shown and keeps the selection among them.
    fn select_in(&mut self, view: &View) {
        self.sort_where_a_recording_stops(view);
        self.order.take_in(view, self.clock);
        self.search(view);
        let gone = self.selected.is_none_or(|key| peer(view, key).is_none());
        if gone || (!self.order.moved_by_user() && self.mode() == Mode::Browse) {
            let first = self.lines(view).next();
            self.selected = first;
            if gone && matches!(self.mode(), Mode::Peer { .. }) {
                self.open.clear();
            }
        }
        if self.mode() == Mode::Browse {
            self.select_listed(view);
        }
        self.piece = self.piece.min(view.torrent.geometry.piece_count().saturating_sub(1));
        if self.scrolls.log_back > 0 {
            self.scrolls.log_back += self.lines_since(view);
        }
        self.log = Arc::clone(&view.log);
        if self.screen == Screen::Files {
            self.files.take_in(view);
        }
        self.scales.take_in(&view.series, self.window, self.look.units);
    }

    /// Where a recording stops or jumps while it stands still, the rows are at once in the order of that moment.
    fn sort_where_a_recording_stops(&mut self, view: &View) {
        let now = self.replay.as_ref().map(|replay| (view.at, replay.playback.playing));
        if now.is_some_and(|(_, playing)| !playing) && now != self.shown_of_replay {
            self.order.sort_soon();
        }
        self.shown_of_replay = now;
    }

    /// Notices what happened since the view before.
    fn notice(&mut self, view: &View) {
        let before = self.phase.replace(view.phase);
        let became_complete =
            view.phase == Phase::Seeding && before.is_some_and(|phase| phase != Phase::Seeding);
        // What was there at the start is no news, nor what was recorded; the first second of a download counts no
        // bytes yet.
        let was_verified_again = before == Some(Phase::Checking) && self.completed.is_some();
        let is_news = before == Some(Phase::Downloading) || (view.down_bytes > 0 && !was_verified_again);
        if became_complete && is_news && self.replay.is_none() {
            self.completed = Some(view.at);
            self.bell = true;
        }
    }

    /// How many of the events that the log shows came since the view before.
    fn lines_since(&self, view: &View) -> usize {
        let Some(newest) = self.log.last() else { return 0 };
        let is_shown = |line: &&LogLine| {
            let of_peer = self.log_of.is_none() || line.peer == self.log_of;
            of_peer && self.filters.log.takes(&line.text)
        };
        let count = |log: &[LogLine]| {
            let shown: Vec<&LogLine> = log.iter().filter(is_shown).collect();
            screens::log_entries(&shown).iter().filter(|entry| entry.first.at >= newest.at).count()
        };
        count(&view.log).saturating_sub(count(&self.log))
    }

    /// The selected tracker.
    pub(crate) fn tracker<'a>(&self, view: &'a View) -> Option<&'a TrackerRecord> {
        let last = view.trackers.len().checked_sub(1)?;
        Some(&view.trackers[self.scrolls.trackers.min(last)])
    }

    /// Looks for the peers that the filter takes.
    pub(crate) fn search(&mut self, view: &View) {
        let filter = &self.filters.peers;
        self.found = (!filter.is_empty()).then(|| filter.keys(view));
    }

    /// Keeps the selection on a peer that is listed: where its own left the list, on the one that took its row.
    pub(crate) fn select_listed(&mut self, view: &View) {
        let rows: Vec<PeerKey> = self.lines(view).collect();
        match rows.iter().position(|key| Some(*key) == self.selected) {
            Some(at) => self.row = at,
            None => self.selected = rows.get(self.row.min(rows.len().saturating_sub(1))).copied(),
        }
    }

    /// Which list of the present screen can be filtered.
    pub(crate) fn list(&self) -> List {
        match (self.page(), self.screen) {
            (Mode::Keys, _) => List::Keys,
            (_, Screen::Log) => List::Log,
            _ => List::Peers,
        }
    }

    /// How many peers of a kind the filter takes; `None`: there is no filter.
    pub(crate) fn found(&self, view: &View, shown: Shown) -> Option<usize> {
        let found = self.found.as_ref()?.iter();
        Some(found.filter(|key| peer(view, **key).is_some_and(|peer| shown.takes(peer, view.at))).count())
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
        self.found.as_ref().is_none_or(|found| found.binary_search(&key).is_ok())
            && peer(view, key).is_some_and(|peer| self.shown_here().takes(peer, view.at))
    }
}

/// The peer of this key.
pub(crate) fn peer(view: &View, key: PeerKey) -> Option<&PeerRecord> {
    view.peers.binary_search_by_key(&key, |peer| peer.key).ok().map(|at| &*view.peers[at])
}
#[cfg(test)]
impl Model {
    /// A model that shows this screen of the view.
    pub(crate) fn at(screen: Screen, view: &View) -> Self {
        let mut model = Self::new(Look::default());
        model.screen = screen;
        model.take_in(view);
        model
    }
}
