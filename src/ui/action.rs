//! Everything a key can do: one table, from which key handling, the help screen, the key line and the settings
//! are made.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::record::Control;

use super::model::{Mode, Model, Screen};

/// Something a key asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Show this screen.
    Show(Screen),
    /// Pause or resume the download.
    Pause,
    /// Hold the peer, or let it go on.
    Hold,
    /// Drop the peer.
    Drop,
    /// Ban the peer's address.
    Ban,
    /// Dial the peer now.
    Retry,
    /// Undo the last hold, drop, ban or choice of files.
    Undo,
    /// Ask all trackers now.
    Announce,
    /// Choose columns.
    Columns,
    /// Show the column under the cursor, or hide it.
    Choose,
    /// Show as many columns as there is room for.
    Automatic,
    /// Freeze the screen while the download runs, or unfreeze it.
    Freeze,
    /// Give the panel the whole screen, or take it back.
    Zoom,
    /// Mark the peer, or take its mark away.
    Mark,
    /// Ask where to write what is seen.
    Export,
    /// Copy what is selected.
    Copy,
    /// Ask which lines of the list to show.
    Filter,
    /// Verify everything on the disk once more.
    Recheck,
    /// Begin a recording, or end it.
    Record,
    /// Ask this of the recording that is shown.
    Replay(Control),
    /// Ask for the time of the recording to go to.
    GoTo,
    /// Skip the file or folder, or fetch it after all.
    Want,
    /// Want it more.
    WantMore,
    /// Want it less.
    WantLess,
    /// Fetch files one after the other, or in any order.
    InOrder,
    /// Ask for a torrent to download as well, or for the address of a peer to dial.
    Add,
    /// Pause every torrent, or let all go on.
    PauseAll,
    /// Forget the torrent; what was downloaded stays.
    Forget,
    /// Show what of the torrent can be deleted.
    Delete,
    /// Delete what is shown.
    DeleteFiles,
    /// Ask for another folder for the torrent's files.
    Move,
    /// Let the torrent go before the one before it in the queue.
    Earlier,
    /// Let the one behind it in the queue go first.
    Later,
    /// Ask for the limit of what we receive.
    LimitDown,
    /// Ask for the limit of what we send.
    LimitUp,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One cell left.
    Left,
    /// One cell right.
    Right,
    /// Half a screen up.
    PageUp,
    /// Half a screen down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// The next panel.
    NextPanel,
    /// The panel before.
    PreviousPanel,
    /// Open what is selected.
    Open,
    /// Close what is open.
    Back,
    /// The next tab, or the next peer.
    NextTab,
    /// The tab or the peer before.
    PreviousTab,
    /// The menu of orders; where columns are chosen, sort by the column.
    Sort,
    /// Turn the order around.
    Reverse,
    /// The next length of time for the graph.
    Window,
    /// What the cells of the grid show next.
    Layer,
    /// Closer to the pieces.
    Closer,
    /// Further away from the pieces.
    Further,
    /// The peer's lines of the log, and all of them again.
    PeerLog,
    /// The judgement in full.
    Why,
    /// Everything about the torrent.
    Torrent,
    /// Count sizes in 1024s or in 1000s.
    Units,
    /// The log with times of day, or with times since the start.
    LogTimes,
    /// Which keys there are.
    Keys,
    /// Close what is open, or quit.
    Quit,
    /// Quit at once.
    QuitNow,
    /// Leave the mouse to the terminal, or take it.
    Mouse,
    /// Draw everything anew.
    Redraw,
    /// Stop the process until `fg`.
    Suspend,
}

impl Action {
    /// What settings call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Show(Screen::Torrents) => "show-torrents",
            Self::Show(Screen::Overview) => "show-overview",
            Self::Show(Screen::Peers) => "show-peers",
            Self::Show(Screen::Pieces) => "show-pieces",
            Self::Show(Screen::Trackers) => "show-trackers",
            Self::Show(Screen::Files) => "show-files",
            Self::Show(Screen::Log) => "show-log",
            Self::Pause => "pause",
            Self::Hold => "hold",
            Self::Drop => "drop",
            Self::Ban => "ban",
            Self::Retry => "retry",
            Self::Undo => "undo",
            Self::Announce => "announce",
            Self::Want => "want",
            Self::WantMore => "want-more",
            Self::WantLess => "want-less",
            Self::InOrder => "in-order",
            Self::Add => "add",
            Self::PauseAll => "pause-all",
            Self::Forget => "forget",
            Self::Delete => "delete",
            Self::DeleteFiles => "delete-files",
            Self::Move => "move",
            Self::Earlier => "earlier",
            Self::Later => "later",
            Self::LimitDown => "limit-down",
            Self::LimitUp => "limit-up",
            Self::Recheck => "recheck",
            Self::Record => "record",
            Self::Columns => "columns",
            Self::Choose => "choose-column",
            Self::Automatic => "automatic",
            Self::Freeze => "freeze",
            Self::Zoom => "zoom",
            Self::Mark => "mark",
            Self::Export => "export",
            Self::Copy => "copy",
            Self::Filter => "filter",
            Self::Up => "up",
            Self::Down => "down",
            Self::Left => "left",
            Self::Right => "right",
            Self::PageUp => "page-up",
            Self::PageDown => "page-down",
            Self::First => "first",
            Self::Last => "last",
            Self::NextPanel => "next-panel",
            Self::PreviousPanel => "previous-panel",
            Self::Open => "open",
            Self::Back => "back",
            Self::NextTab => "next",
            Self::PreviousTab => "previous",
            Self::Sort => "sort",
            Self::Reverse => "reverse",
            Self::Window => "window",
            Self::Layer => "layer",
            Self::Closer => "closer",
            Self::Further => "further",
            Self::PeerLog => "peer-log",
            Self::Why => "why",
            Self::Torrent => "torrent",
            Self::Units => "units",
            Self::LogTimes => "log-times",
            Self::Keys => "keys",
            Self::Quit => "quit",
            Self::QuitNow => "quit-now",
            Self::Mouse => "mouse",
            Self::Redraw => "redraw",
            Self::Suspend => "suspend",
            Self::Replay(Control::PlayStop) => "play",
            Self::Replay(Control::Faster) => "faster",
            Self::Replay(Control::Slower) => "slower",
            Self::Replay(Control::StepForward) => "step",
            Self::Replay(Control::StepBack) => "step-back",
            Self::Replay(Control::NextFailure) => "next-failure",
            Self::Replay(Control::PreviousFailure) => "previous-failure",
            Self::Replay(Control::GoTo(_)) | Self::GoTo => "go-to",
        }
    }

    /// Whether it asks the engine for something: a recording has none.
    pub(crate) fn is_for_the_engine(self) -> bool {
        matches!(
            self,
            Self::Pause
                | Self::Hold
                | Self::Drop
                | Self::Ban
                | Self::Retry
                | Self::Undo
                | Self::Announce
                | Self::Recheck
                | Self::Record
                | Self::Want
                | Self::WantMore
                | Self::WantLess
                | Self::InOrder
                | Self::Add
                | Self::PauseAll
                | Self::Forget
                | Self::Delete
                | Self::DeleteFiles
                | Self::Move
                | Self::Earlier
                | Self::Later
                | Self::LimitDown
                | Self::LimitUp
        )
    }
}

/// Where a key holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// Where a recording is shown.
    Replay,
    /// Where a peer is selected: the overview, the peers, a peer's page.
    Peer,
    /// Where peers are listed: the overview and the peers.
    PeerList,
    /// On the overview.
    Overview,
    /// On the list of peers.
    Peers,
    /// On a peer's page.
    PeerPage,
    /// On a tracker's page.
    TrackerPage,
    /// On the list of keys.
    KeysPage,
    /// Where columns are chosen.
    ColumnsPage,
    /// Where it is shown what can be deleted.
    DeletePage,
    /// In the menu of orders.
    OrderMenu,
    /// On the log.
    Log,
    /// On the trackers.
    Trackers,
    /// On the pieces.
    Pieces,
    /// On the files.
    Files,
    /// On the torrents.
    Torrents,
    /// Everywhere.
    Everywhere,
}

impl Scope {
    /// Whether keys of this scope hold where the model stands.
    pub fn holds(self, model: &Model) -> bool {
        let lists = |screens: &[Screen]| model.mode() == Mode::Browse && screens.contains(&model.screen);
        match self {
            Self::Everywhere => true,
            Self::Replay => model.replay.is_some(),
            Self::PeerPage => matches!(model.mode(), Mode::Peer { .. }),
            Self::TrackerPage => model.mode() == Mode::Tracker,
            Self::KeysPage => model.mode() == Mode::Keys,
            Self::ColumnsPage => model.mode() == Mode::Columns,
            Self::DeletePage => model.mode() == Mode::Delete,
            Self::OrderMenu => model.mode() == Mode::Order,
            Self::Peer => {
                model.selected.is_some() && (Self::PeerPage.holds(model) || Self::PeerList.holds(model))
            }
            Self::PeerList => lists(&[Screen::Overview, Screen::Peers]),
            Self::Overview => lists(&[Screen::Overview]),
            Self::Peers => lists(&[Screen::Peers]),
            Self::Log => lists(&[Screen::Log]),
            Self::Trackers => lists(&[Screen::Trackers]),
            Self::Pieces => lists(&[Screen::Pieces]),
            Self::Files => lists(&[Screen::Files]),
            Self::Torrents => lists(&[Screen::Torrents]),
        }
    }

    /// Its name on the help screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Replay => "This recording",
            Self::Peer => "The selected peer",
            Self::PeerList => "Lists of peers",
            Self::Overview => "Overview",
            Self::Peers => "Peers",
            Self::PeerPage => "A peer's page",
            Self::TrackerPage => "A tracker's page",
            Self::KeysPage => "This help",
            Self::ColumnsPage => "Choosing columns",
            Self::DeletePage => "Deleting files",
            Self::OrderMenu => "Choosing an order",
            Self::Log => "Log",
            Self::Trackers => "Sources",
            Self::Pieces => "Pieces",
            Self::Files => "Files",
            Self::Torrents => "Torrents",
            Self::Everywhere => "Everywhere",
        }
    }
}

/// A key as the table names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// With Ctrl held down.
    pub ctrl: bool,
}

impl Key {
    const fn char(c: char) -> Self {
        Self { code: KeyCode::Char(c), ctrl: false }
    }

    const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), ctrl: true }
    }

    const fn of(code: KeyCode) -> Self {
        Self { code, ctrl: false }
    }

    /// The key of a terminal's event. Shift is part of the character, so it is left out.
    pub fn from_event(event: &KeyEvent) -> Self {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match event.code {
            KeyCode::Char(c) if ctrl => KeyCode::Char(c.to_ascii_lowercase()),
            code => code,
        };
        Self { code, ctrl }
    }
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Its keys, the usual one first.
    pub keys: &'static [Key],
    /// Where they hold.
    pub scope: Scope,
    /// What it does, for the help screen.
    pub help: &'static str,
    /// Its word on the key line, and how early it goes when the line is full: the highest number first.
    pub label: Option<(&'static str, u8)>,
}

const fn bind(
    action: Action,
    keys: &'static [Key],
    scope: Scope,
    label: Option<(&'static str, u8)>,
    help: &'static str,
) -> Binding {
    Binding { action, keys, scope, help, label }
}

/// Every binding, one for an action in a scope. A key may stand twice in scopes that never hold together.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = &[
    bind(Action::Show(Screen::Torrents), &[Key::char('0')], Scope::Everywhere, Some(("torrents", 0)), "all torrents of the run"),
    bind(Action::Show(Screen::Overview), &[Key::char('1')], Scope::Everywhere, Some(("overview", 0)), "everything at a glance"),
    bind(Action::Show(Screen::Peers), &[Key::char('2')], Scope::Everywhere, Some(("peers", 0)), "every peer, and why it does not send"),
    bind(Action::Show(Screen::Pieces), &[Key::char('3')], Scope::Everywhere, Some(("pieces", 0)), "which pieces are here, and who has the others"),
    bind(Action::Show(Screen::Trackers), &[Key::char('4')], Scope::Everywhere, Some(("sources", 0)), "who names peers, and how good they are"),
    bind(Action::Show(Screen::Files), &[Key::char('5')], Scope::Everywhere, Some(("files", 0)), "the files and how much of each is here"),
    bind(Action::Show(Screen::Log), &[Key::char('6')], Scope::Everywhere, Some(("log", 0)), "what happened, line by line"),
    bind(Action::Replay(Control::PlayStop), &[Key::char(' ')], Scope::Replay, Some(("stop", 0)), "play, or stop"),
    bind(Action::Replay(Control::StepBack), &[Key::char(',')], Scope::Replay, Some(("step", 3)), "back to the last second in which anything happened"),
    bind(Action::Replay(Control::StepForward), &[Key::char('.')], Scope::Replay, Some(("step", 3)), "on to the next second in which anything happened"),
    bind(Action::Replay(Control::Slower), &[Key::char('<')], Scope::Replay, Some(("speed", 2)), "play slower, down to the run's own speed"),
    bind(Action::Replay(Control::Faster), &[Key::char('>')], Scope::Replay, Some(("speed", 2)), "play faster, up to 60 times"),
    bind(Action::Replay(Control::NextFailure), &[Key::char('n')], Scope::Replay, Some(("failure", 4)), "to the next failure (✗ on the bar)"),
    bind(Action::Replay(Control::PreviousFailure), &[Key::char('N')], Scope::Replay, Some(("failure", 4)), "to the failure before"),
    bind(Action::GoTo, &[Key::char('@')], Scope::Replay, Some(("time", 5)), "to a time of the run: 12:30, 1:02:30"),
    bind(Action::Pause, &[Key::char('p')], Scope::Everywhere, Some(("pause", 1)), "pause the download, or go on"),
    bind(Action::Open, &[Key::of(KeyCode::Enter)], Scope::PeerList, Some(("open", 3)), "open the peer; in the funnel: the peers of that step"),
    bind(Action::NextPanel, &[Key::of(KeyCode::Tab)], Scope::Overview, Some(("funnel", 5)), "to the funnel and back to the peers"),
    bind(Action::NextTab, &[Key::of(KeyCode::Tab), Key::char(']')], Scope::Peers, Some(("group", 5)), "the next group of peers"),
    bind(Action::PreviousTab, &[Key::char('[')], Scope::PeerPage, Some(("other peers", 1)), "the peer before"),
    bind(Action::NextTab, &[Key::char(']')], Scope::PeerPage, Some(("other peers", 1)), "the next peer of the list"),
    bind(Action::Drop, &[Key::char('x')], Scope::Peer, Some(("drop", 4)), "drop it: closed, neither dialled nor accepted until you retry it"),
    bind(Action::Retry, &[Key::char('r')], Scope::Peer, Some(("retry", 5)), "dial it now; undoes a drop or a ban"),
    bind(Action::Ban, &[Key::char('X')], Scope::Peer, Some(("ban", 7)), "ban its address for an hour"),
    bind(Action::Hold, &[Key::char(' ')], Scope::Peer, Some(("hold", 8)), "hold it: connected, but nothing asked nor sent; again: go on"),
    bind(Action::Undo, &[Key::char('u')], Scope::Everywhere, None, "undo the last hold, drop, ban or choice of files; on torrents: bring back what was forgotten or moved"),
    bind(Action::Add, &[Key::char('a')], Scope::Everywhere, Some(("add", 6)), "add a torrent by its path or magnet, or a peer by its address"),
    bind(Action::Move, &[Key::char('O')], Scope::Everywhere, None, "move the torrent's files to another folder; what lies there is taken, and not written over"),
    bind(Action::Open, &[Key::of(KeyCode::Enter)], Scope::Torrents, Some(("open", 1)), "open the torrent: the other screens are about it"),
    bind(Action::Hold, &[Key::char(' ')], Scope::Torrents, None, "pause the torrent, or let it go on"),
    bind(Action::PauseAll, &[Key::char('P')], Scope::Torrents, Some(("pause all", 7)), "pause all torrents; where all are paused, let them go on"),
    bind(Action::Forget, &[Key::char('x')], Scope::Torrents, Some(("forget", 4)), "forget the torrent; what was downloaded stays, and undo brings it back"),
    bind(Action::Delete, &[Key::char('X')], Scope::Torrents, Some(("delete", 9)), "show which of its files ttui created, to delete them"),
    bind(Action::DeleteFiles, &[Key::char('d')], Scope::DeletePage, Some(("delete", 0)), "delete these files, which nothing brings back, and forget the torrent; what ttui did not create stays"),
    bind(Action::Earlier, &[Key::char('K')], Scope::Torrents, Some(("queue", 8)), "let it go earlier in the queue"),
    bind(Action::Later, &[Key::char('J')], Scope::Torrents, Some(("queue", 8)), "let it go later in the queue"),
    bind(Action::Mark, &[Key::char('m')], Scope::Torrents, None, "mark it: pause, verify, forget and announce then act on all that are marked"),
    bind(Action::Announce, &[Key::char('A')], Scope::Torrents, None, "ask its trackers now, as soon as they allow it"),
    bind(Action::Sort, &[Key::char('s')], Scope::Torrents, None, "choose the order: a letter for each, the same once more turns it around"),
    bind(Action::Reverse, &[Key::char('S')], Scope::Torrents, None, "turn the order around"),
    bind(Action::Filter, &[Key::char('/')], Scope::Torrents, Some(("filter", 3)), "only the torrents with these words: names, states, reasons"),
    bind(Action::LimitDown, &[Key::char('D')], Scope::Everywhere, None, "limit what we receive: 500k, 1.5M; empty: no limit"),
    bind(Action::LimitUp, &[Key::char('U')], Scope::Everywhere, None, "limit what we send"),
    bind(Action::PeerLog, &[Key::char('L')], Scope::Peer, None, "its lines of the log"),
    bind(Action::Announce, &[Key::char('A')], Scope::Trackers, Some(("announce now", 3)), "ask all trackers now, as soon as they allow it"),
    bind(Action::Announce, &[Key::char('A')], Scope::TrackerPage, Some(("announce now", 3)), "ask this tracker now, as soon as it allows it"),
    bind(Action::Open, &[Key::of(KeyCode::Enter)], Scope::Trackers, Some(("open", 4)), "open the source: what it said, and what became of its peers"),
    bind(Action::Open, &[Key::of(KeyCode::Enter)], Scope::TrackerPage, Some(("its peers", 1)), "list the peers that it named"),
    bind(Action::PreviousTab, &[Key::char('[')], Scope::TrackerPage, Some(("other sources", 2)), "the source before"),
    bind(Action::NextTab, &[Key::char(']')], Scope::TrackerPage, Some(("other sources", 2)), "the next source"),
    bind(Action::Open, &[Key::of(KeyCode::Enter)], Scope::Pieces, Some(("open", 4)), "list the peers that have the piece"),
    bind(Action::Layer, &[Key::char('v')], Scope::Pieces, Some(("layer", 3)), "what cells show: what is here, how many have it, who sent it, when it came"),
    bind(Action::Closer, &[Key::char('+'), Key::char('=')], Scope::Pieces, Some(("zoom", 4)), "closer, up to the blocks of a piece"),
    bind(Action::Further, &[Key::char('-')], Scope::Pieces, Some(("zoom", 4)), "farther away, up to the whole"),
    bind(Action::Want, &[Key::char(' ')], Scope::Files, Some(("skip", 2)), "skip the file or folder: it is not fetched; again: fetch it"),
    bind(Action::WantMore, &[Key::char('+'), Key::char('=')], Scope::Files, Some(("priority", 6)), "want it more: skipped, low, normal, high"),
    bind(Action::WantLess, &[Key::char('-')], Scope::Files, Some(("priority", 6)), "want it less"),
    bind(Action::InOrder, &[Key::char('o')], Scope::Files, Some(("in order", 5)), "fetch files one after the other, or in any order"),
    bind(Action::Recheck, &[Key::char('V')], Scope::Everywhere, None, "verify everything on the disk again; what is damaged is fetched again"),
    bind(Action::Record, &[Key::char('R')], Scope::Everywhere, None, "record the run from here on, with all that is known; again: end that"),
    bind(Action::PreviousTab, &[Key::of(KeyCode::BackTab), Key::char('[')], Scope::Peers, None, "the group before"),
    bind(Action::NextTab, &[Key::of(KeyCode::Tab), Key::char(']')], Scope::KeysPage, Some(("card, keys, words", 2)), "from the card to all keys, and to all words"),
    bind(Action::PreviousTab, &[Key::of(KeyCode::BackTab), Key::char('[')], Scope::KeysPage, None, "the other way round"),
    bind(Action::PeerLog, &[Key::char('L')], Scope::Log, None, "all lines again, after those of one peer"),
    bind(Action::Mark, &[Key::char('m')], Scope::PeerList, None, "mark it: hold, drop, ban, retry and export then act on all that are marked"),
    bind(Action::Columns, &[Key::char('c')], Scope::PeerList, None, "choose columns and their order"),
    bind(Action::Columns, &[Key::char('c')], Scope::Torrents, None, "choose columns and their order"),
    bind(Action::Choose, &[Key::char(' ')], Scope::ColumnsPage, Some(("show or hide", 1)), "show the column, or hide it; left and right move it"),
    bind(Action::Automatic, &[Key::char('a')], Scope::ColumnsPage, Some(("automatic", 3)), "as many columns as there is room for, again"),
    bind(Action::Sort, &[Key::char('s')], Scope::ColumnsPage, Some(("sort by it", 2)), "sort by the column"),
    bind(Action::NextPanel, &[Key::of(KeyCode::Tab)], Scope::ColumnsPage, None, "the columns of the other peers"),
    bind(Action::Sort, &[Key::char('s')], Scope::PeerList, None, "choose the order: a letter for each column, the same once more turns it around"),
    bind(Action::Reverse, &[Key::char('S')], Scope::OrderMenu, Some(("reverse", 1)), "turn the order around; as does the letter of the order there is"),
    bind(Action::Open, &[Key::of(KeyCode::Enter)], Scope::OrderMenu, Some(("done", 1)), "leave the order as it is now"),
    bind(Action::Reverse, &[Key::char('S')], Scope::PeerList, None, "turn the order around"),
    bind(Action::Zoom, &[Key::char('z')], Scope::Overview, Some(("enlarge", 8)), "the peers, or the funnel, with the whole screen for itself"),
    bind(Action::Window, &[Key::char('t')], Scope::Overview, None, "how far back the graph looks"),
    bind(Action::PreviousPanel, &[Key::of(KeyCode::BackTab)], Scope::Overview, None, "the same, the other way round"),
    bind(Action::Up, &[Key::of(KeyCode::Up), Key::char('k')], Scope::Everywhere, None, "up"),
    bind(Action::Down, &[Key::of(KeyCode::Down), Key::char('j')], Scope::Everywhere, None, "down"),
    bind(Action::Left, &[Key::of(KeyCode::Left), Key::char('h')], Scope::Everywhere, None, "left; on the peers it also folds those that failed alike"),
    bind(Action::Right, &[Key::of(KeyCode::Right), Key::char('l')], Scope::Everywhere, None, "right; on the peers it also unfolds them"),
    bind(Action::PageUp, &[Key::of(KeyCode::PageUp)], Scope::Everywhere, None, "half a screen up"),
    bind(Action::PageDown, &[Key::of(KeyCode::PageDown)], Scope::Everywhere, None, "half a screen down"),
    bind(Action::First, &[Key::of(KeyCode::Home), Key::char('g')], Scope::Everywhere, None, "to the first"),
    bind(Action::Last, &[Key::of(KeyCode::End), Key::char('G')], Scope::Everywhere, None, "to the last"),
    bind(Action::Open, &[Key::of(KeyCode::Enter)], Scope::PeerPage, None, "all 68 bytes of both handshakes, and back"),
    bind(Action::Open, &[Key::of(KeyCode::Enter)], Scope::Files, Some(("fold", 3)), "fold the folder, or unfold it; as do left and right"),
    bind(Action::Back, &[Key::of(KeyCode::Esc)], Scope::Everywhere, None, "close what is open; on a list: take its filter away"),
    bind(Action::Why, &[Key::char('w')], Scope::Everywhere, Some(("why", 2)), "what the numbers mean, in full"),
    bind(Action::Filter, &[Key::char('/')], Scope::PeerList, Some(("filter", 3)), "show only some: words, or state:failed why:timeout down>10k"),
    bind(Action::Filter, &[Key::char('/')], Scope::Log, Some(("filter", 3)), "only the lines with these words"),
    bind(Action::Filter, &[Key::char('/')], Scope::KeysPage, Some(("filter", 3)), "only the lines of keys and words with these words"),
    bind(Action::Freeze, &[Key::char('f')], Scope::Everywhere, None, "freeze the screen while the download runs, and unfreeze it"),
    bind(Action::Export, &[Key::char('e')], Scope::Everywhere, None, "write what is seen to a file, filters included: JSON, CSV or Markdown"),
    bind(Action::Copy, &[Key::char('y')], Scope::Everywhere, None, "copy what is selected: the address, the line, the path (OSC 52)"),
    bind(Action::Torrent, &[Key::char('i')], Scope::Everywhere, None, "everything about the torrent: sizes, info hash, limits, port, ratio, trackers"),
    bind(Action::LogTimes, &[Key::char('t')], Scope::Log, None, "times of day (UTC), or times since the start"),
    bind(Action::Units, &[Key::char('B')], Scope::Everywhere, None, "sizes in 1024s (MiB) or in 1000s (MB)"),
    bind(Action::Keys, &[Key::char('?')], Scope::Everywhere, Some(("keys", 0)), "this help"),
    bind(Action::Quit, &[Key::char('q')], Scope::Everywhere, Some(("quit", 0)), "close what is open, or quit"),
    bind(Action::QuitNow, &[Key::ctrl('c')], Scope::Everywhere, None, "quit at once, from anywhere"),
    bind(Action::Mouse, &[Key::char('M')], Scope::Everywhere, None, "leave the mouse to the terminal, or take it; while it is taken, Shift-drag selects text"),
    bind(Action::Redraw, &[Key::ctrl('l')], Scope::Everywhere, None, "draw the screen anew"),
    bind(Action::Suspend, &[Key::ctrl('z')], Scope::Everywhere, None, "stop the process; fg brings it back"),
];

/// What the key does where the model stands; the narrowest scope wins.
pub fn action_for(key: Key, model: &Model) -> Option<Action> {
    model.keys.action_for(key, model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_bindings_of_a_scope_share_a_key() {
        for (i, a) in BINDINGS.iter().enumerate() {
            for b in &BINDINGS[i + 1..] {
                let shared = a.keys.iter().find(|key| b.keys.contains(key));
                assert!(a.scope != b.scope || shared.is_none(), "{shared:?}: {a:?} and {b:?}");
            }
        }
    }
}
