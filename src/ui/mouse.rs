//! What the mouse does: where things stand that can be clicked, and what a click on them means. A click selects; a
//! click on what is selected opens it, as `Enter` does.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use crate::command::Command;
use crate::event::PeerKey;
use crate::ledger::View;

use super::action::{Action, Scope};
use super::columns;
use super::model::{Help, Mode, Model, Panel, Screen, Shown};
use super::order_menu;
use super::piece_map::Lattice;
use super::replay::{self, Timeline};
use super::torrent_list;
use super::update::{narrow, update};

/// Rows that a step of the wheel moves by.
const WHEEL_ROWS: usize = 3;

/// Something that can be clicked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Does what a key does.
    Do(Action),
    /// A peer's row.
    Peer(PeerKey),
    /// The head of a column.
    Head(&'static str),
    /// A tab of the list of peers.
    Tab(Shown),
    /// A step of the funnel, and which of its losses (0: the step itself).
    Step(usize, usize),
    /// Pieces in cells.
    Grid(Lattice),
    /// A torrent, by its row.
    Torrent(usize),
    /// A tracker, by its place in the list.
    Tracker(usize),
    /// A file or folder, by its row.
    File(usize),
    /// The mark of a folder that is folded or not, by its row.
    Fold(usize),
    /// An event of the log, by how many are shown and not shown below it.
    Event {
        /// Below it in the window.
        under: usize,
        /// Below the window.
        below: usize,
    },
    /// A column, by its line on the page that chooses them.
    Column(usize),
    /// An order of the menu.
    Order(&'static str),
    /// A tab of the help.
    Help(Help),
    /// What the help explains: what its key does on the page behind.
    Explained(Action),
    /// The line of time of a recording.
    Time(Timeline),
}

/// Where the things of a frame stand that can be clicked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Targets(Vec<(Rect, Target)>);

impl Targets {
    pub(crate) fn add(&mut self, area: Rect, target: Target) {
        if !area.is_empty() {
            self.0.push((area, target));
        }
    }

    /// What stands at a place; of several what was drawn last.
    pub(crate) fn at(&self, column: u16, row: u16) -> Option<Target> {
        let hit = self.0.iter().rev().find(|(area, _)| area.contains((column, row).into()));
        hit.map(|(_, target)| *target)
    }
}

/// Carries out what the mouse did on a frame with these targets. While something is typed it does nothing.
pub(super) fn moved(model: &mut Model, event: &MouseEvent, on: &Targets, view: &View) -> Option<Command> {
    if model.prompt.is_some() {
        return None;
    }
    let place = (event.column, event.row);
    match event.kind {
        MouseEventKind::ScrollUp => wheel(model, on.at(place.0, place.1), Action::Up, view),
        MouseEventKind::ScrollDown => wheel(model, on.at(place.0, place.1), Action::Down, view),
        MouseEventKind::Drag(MouseButton::Left) => {
            replay::drag(model, place.0);
            None
        }
        MouseEventKind::Up(MouseButton::Left) => {
            replay::release(model);
            None
        }
        MouseEventKind::Down(MouseButton::Left) => {
            let target = on.at(place.0, place.1)?;
            let held = model.held.clone();
            click(model, target, place, held.as_ref().map_or(view, |held| &held.view), view)
        }
        _ => None,
    }
}

/// Moves in the panel under the pointer; on the line of time of a recording, in time.
fn wheel(model: &mut Model, on: Option<Target>, by: Action, view: &View) -> Option<Command> {
    match on {
        Some(Target::Step(..)) => model.panel = Panel::Funnel,
        Some(Target::Peer(_)) => model.panel = Panel::Peers,
        Some(Target::Time(line)) => {
            replay::nudge(model, line, by == Action::Down);
            return None;
        }
        _ => {}
    }
    let few = Scope::Trackers.holds(model)
        || Scope::ColumnsPage.holds(model)
        || (Scope::Overview.holds(model) && model.panel == Panel::Funnel);
    (0..if few { 1 } else { WHEEL_ROWS }).find_map(|_| update(model, by, view))
}

/// Leaves the mouse to the terminal, or takes it.
pub(super) fn hand_over(model: &mut Model) {
    model.mouse = !model.mouse;
    let key = model.keys.name(Action::Mouse);
    let whose = if model.mouse {
        format!("The mouse is taken, for clicks and the wheel. {key} leaves it to the terminal.")
    } else {
        format!("The mouse is left to the terminal: it selects text. {key} takes it.")
    };
    model.say(whose, false);
}

/// Carries out a click on what is `shown` at a place; commands go to what is there in the newest view.
fn click(
    model: &mut Model,
    target: Target,
    (column, row): (u16, u16),
    shown: &View,
    newest: &View,
) -> Option<Command> {
    if let Target::Do(action) = target {
        return update(model, action, newest);
    }
    model.note = None;
    let in_menu = matches!(target, Target::Order(_));
    if model.mode() == Mode::AskQuit || (model.mode() == Mode::Order && !in_menu) {
        model.open.pop();
    }
    let is_again = match target {
        Target::Do(_) => false,
        Target::Peer(key) => {
            let is_chosen = model.order.moved_by_user() && model.panel == Panel::Peers;
            model.panel = Panel::Peers;
            model.order.moved(model.clock);
            model.selected.replace(key) == Some(key) && is_chosen
        }
        Target::Head(id) => {
            if Scope::Torrents.holds(model) && torrent_list::is_order(id) {
                model.torrents.by(id, &model.filters.torrents);
            }
            if let Some(column) = columns::column(id).filter(|_| Scope::PeerList.holds(model)) {
                model.order.by(column.id);
                model.take_in(newest);
            }
            false
        }
        Target::Tab(tab) => {
            narrow(model, shown, tab);
            false
        }
        Target::Step(step, loss) => {
            let is_chosen = std::mem::replace(&mut model.panel, Panel::Funnel) == Panel::Funnel;
            let is_again = std::mem::replace(&mut model.step, (step, loss)) == (step, loss) && is_chosen;
            // Among all torrents it leads to the overview of the one it is of.
            is_again || Scope::Torrents.holds(model)
        }
        Target::Grid(lattice) => {
            let piece = lattice.piece_at(column, row)?;
            let is_here = model.screen == Screen::Pieces;
            let same_cell = lattice.cell_of(model.piece as usize).contains(&(piece as usize));
            if !(is_here && same_cell) {
                model.piece = piece;
                model.screen = Screen::Pieces;
            }
            is_here && same_cell
        }
        Target::Torrent(row) => {
            let before = model.torrents.selected_row();
            model.torrents.select_row(row, model.clock);
            before == Some(row)
        }
        Target::Tracker(at) => std::mem::replace(&mut model.scrolls.trackers, at) == at,
        Target::File(row) | Target::Fold(row) => {
            let before = model.files.selected();
            model.files.select(row);
            matches!(target, Target::Fold(_)) || before == row
        }
        Target::Event { under, below } => {
            (model.scrolls.log_back, model.scrolls.log_under) = (under + below, under);
            false
        }
        Target::Help(tab) => {
            (model.help, model.scrolls.keys) = (tab, 0);
            false
        }
        Target::Explained(action) => {
            model.open.retain(|mode| *mode != Mode::Keys);
            return update(model, action, newest);
        }
        Target::Time(line) => {
            replay::seize(model, line, column);
            false
        }
        Target::Order(id) => {
            order_menu::pick(model, id, newest);
            false
        }
        Target::Column(line) => {
            let is_again = std::mem::replace(&mut model.chooser.at, line) == line;
            return is_again.then(|| update(model, Action::Choose, newest)).flatten();
        }
    };
    is_again.then(|| update(model, Action::Open, newest)).flatten()
}

#[cfg(test)]
mod tests;
