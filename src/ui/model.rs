//! What the screen is at: which screen, what is open on top of it, what is selected, how rows are ordered.

mod before;
mod listed;
mod places;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::command::{Command, SessionCommand};
use crate::event::{At, Cause, PeerKey, Phase, Severity};
use crate::ledger::{PeerRecord, Torrents, View};
use crate::metainfo::InfoHash;

use super::about::{About, Surroundings};
use super::action::Action;
use super::adding::{self, Asked};
use super::calendar::Calendar;
use super::choose::Chooser;
use super::columns::Choice;
use super::export::Export;
use super::file_tree::FileTree;
use super::filter::{Filters, List};
use super::hues::Hues;
use super::keymap::Keymap;
use super::order::Order;
use super::piece_map::PieceMapView;
use super::prompt::Prompt;
use super::relocating::{self, AskedToMove};
use super::replay::Watched;
use super::screens;
use super::source::{self, SourceRecord};
use super::theme::Look;
use super::torrent_list::TorrentList;
use super::widgets::graph::Scales;

use before::Before;
use listed::Listed;
pub use places::{Help, Mode, Panel, Screen, Scrolls, Shown, Window};

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
    pub replay: Option<Watched>,
    /// The torrents of the run, and which of them is looked at.
    pub(crate) torrents: TorrentList,
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
    /// Which peers are listed.
    listed: Listed,
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
    /// The peers that have a hue.
    pub(crate) hues: Hues,
    /// What is shown while the screen is frozen.
    pub(crate) held: Option<Held>,
    /// Whether one panel of the overview has the whole screen.
    pub(crate) zoomed: bool,
    /// Commands beside the one that a key returned, until they were sent.
    pub(crate) more: Vec<Command>,
    /// What was added and not answered yet.
    pub(crate) asked_to_add: Vec<Asked>,
    /// The folder that was asked for last, for torrents that are here.
    pub(crate) asked_to_move: Option<AskedToMove>,
    /// The number of what is asked next.
    tickets: u32,
    /// What is around the run, whichever torrents it has.
    pub(crate) surroundings: Arc<Surroundings>,
    /// The answer of the session that was heard last.
    heard: u64,
    /// What is asked of the session of all torrents, until it was sent.
    pub(crate) wishes: Vec<SessionCommand>,
    /// Of how many peers was asked what `u` takes back.
    pub(crate) asked: usize,
    /// The piece under the cursor.
    pub piece: u32,
    /// How the grid of pieces is looked at.
    pub piece_map: PieceMapView,
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
    /// What the view before had.
    before: Before,
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
            torrents: TorrentList::default(),
            panel: Panel::default(),
            selected: None,
            help: Help::default(),
            step: (0, 0),
            shown: Shown::default(),
            filters: Filters::default(),
            listed: Listed::default(),
            columns_off: 0,
            columns: Choice::default(),
            chooser: Chooser::default(),
            folded: BTreeSet::new(),
            marked: BTreeSet::new(),
            hues: Hues::default(),
            held: None,
            zoomed: false,
            more: Vec::new(),
            asked_to_add: Vec::new(),
            asked_to_move: None,
            tickets: 0,
            surroundings: Arc::default(),
            heard: 0,
            wishes: Vec::new(),
            asked: 0,
            piece: 0,
            piece_map: PieceMapView::default(),
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
            before: Before::default(),
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
        self.hues.take_in(view);
        if self.mode() == Mode::AskQuit && !self.quitting_stops(view) {
            self.open.pop();
        }
        if let Some(held) = self.held.clone() {
            return self.select_in(&held.view);
        }
        self.select_in(view);
    }

    /// Forgets what was about the torrent that was looked at: from now on it is another. What the user chose for all of
    /// them stays.
    pub(crate) fn turn_to_another(&mut self) {
        let was = std::mem::replace(self, Self::new(self.look));
        let fresh = Self::new(was.look);
        let on_the_list = was.screen == Screen::Torrents;
        *self = Self {
            keys: was.keys,
            size: was.size,
            screen: was.screen,
            // What is open is about the torrent that was left.
            open: if on_the_list { was.open } else { Vec::new() },
            prompt: was.prompt,
            help: was.help,
            filters: Filters { keys: was.filters.keys, torrents: was.filters.torrents, ..fresh.filters },
            columns: was.columns,
            chooser: was.chooser,
            asked_to_add: was.asked_to_add,
            asked_to_move: was.asked_to_move,
            tickets: was.tickets,
            surroundings: was.surroundings,
            heard: was.heard,
            wishes: was.wishes,
            torrents: was.torrents,
            window: was.window,
            clock: was.clock,
            mouse: was.mouse,
            welcome: was.welcome,
            leaving: was.leaving,
            redraw: was.redraw,
            suspend: was.suspend,
            note: was.note,
            export: was.export,
            copy: was.copy,
            started: was.started,
            bell: was.bell,
            log_by_day: was.log_by_day,
            ..fresh
        };
    }

    /// The number under which a wish is answered.
    pub(crate) fn next_ticket(&mut self) -> u32 {
        let ticket = self.tickets;
        self.tickets = self.tickets.wrapping_add(1);
        ticket
    }

    /// Takes in the newest rows of all torrents.
    pub fn take_in_torrents(&mut self, newest: &Arc<Torrents>) {
        let completed = self.torrents.take_in(newest, &self.filters.torrents, self.clock);
        // Of the one that is looked at its view tells.
        let looked_at = self.torrents.selected().map(|row| row.id);
        for row in completed.iter().filter(|row| Some(row.id) != looked_at) {
            self.bell = true;
            let path = row.output.join(&row.name);
            self.say(format!("Complete: {}", screens::folder_as_tilde(&path)), false);
        }
        let heard = newest.answers.last().map_or(self.heard, |answer| answer.number);
        let heard = std::mem::replace(&mut self.heard, heard);
        for answer in newest.answers.iter().filter(|answer| answer.number > heard) {
            let is_refused = answer.severity > Severity::Info;
            if adding::answered(self, answer, is_refused) || relocating::answered(self, answer, is_refused) {
                continue;
            }
            let is_moved = |id: &InfoHash| {
                !is_refused && self.screen == Screen::Torrents && self.torrents.moved.contains(id)
            };
            let can_come_back = |id: &InfoHash| self.torrents.forgotten.contains(id) || is_moved(id);
            let undo = match answer.torrent.filter(can_come_back) {
                Some(_) => format!("   {}", self.hint(Action::Undo, "brings it back")),
                None => String::new(),
            };
            self.say(format!("{}{undo}", answer.text), is_refused);
        }
    }

    /// Whether quitting stops something, so that it is asked first.
    pub(crate) fn quitting_stops(&self, view: &View) -> bool {
        let is_seen = self.torrents.is_seen_in(view);
        (is_seen && matches!(view.phase, Phase::Downloading | Phase::Checking))
            || self.torrents.under_way() > 0
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
        self.piece = self.piece.min(view.torrent.piece_count().saturating_sub(1));
        if self.scrolls.log_back > 0 {
            self.scrolls.log_back += self.lines_since(view);
        }
        self.before.log = Arc::clone(&view.log);
        if self.screen == Screen::Files || self.mode() == Mode::Torrent {
            self.files.take_in(view);
        }
        self.scales.take_in(&view.series, self.window, self.look.units);
    }

    /// The selected source.
    pub(crate) fn source(&self, view: &View) -> Option<SourceRecord> {
        source::at(view, self.scrolls.trackers)
    }

    /// Which list of the present screen can be filtered.
    pub(crate) fn list(&self) -> List {
        match (self.page(), self.screen) {
            (Mode::Keys, _) => List::Keys,
            (_, Screen::Log) => List::Log,
            (_, Screen::Torrents) => List::Torrents,
            _ => List::Peers,
        }
    }
}

/// The peer of this key.
pub(crate) fn peer(view: &View, key: PeerKey) -> Option<&PeerRecord> {
    view.peer(key)
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
