//! What an action does: it changes the model, and may ask the engine for something.

mod moving;
mod opening;
#[cfg(test)]
mod tests;
mod torrents;

use std::sync::Arc;

use crate::command::Command;
use crate::event::Phase;
use crate::ledger::View;
use crate::units::Units;

use super::action::{Action, Scope};
use super::bulk;
use super::choose;
use super::export;
use super::model::{Held, Mode, Model, Panel, Screen};
use super::mouse;
use super::prompt::{self, Ask};
use super::relocating;
use super::replay;
use super::source::SourceRecord;
use super::torrent_list::is_order;
use super::wanted;

pub(super) use moving::narrow;
use moving::{page, select, sideways, step, turn, zoom};
use opening::{back, open, quit, toggle};

/// Carries out the action. Pure: the clock is the model's, and what there is to act on is the view's.
pub fn update(model: &mut Model, action: Action, newest: &View) -> Option<Command> {
    let held = model.held.clone();
    let view = held.as_ref().map_or(newest, |held| &held.view);
    if replay::update(model, action, view) {
        return None;
    }
    if model.mode() == Mode::AskQuit && action != Action::Quit {
        model.open.pop();
    }
    if torrents::update(model, action) {
        return None;
    }
    if model.torrents.are_none() && matches!(action, Action::Torrent | Action::Why | Action::Freeze) {
        model.say("There is no torrent yet.", true);
        return None;
    }
    if model.screen == Screen::Files {
        model.files.take_in(view);
    }
    match action {
        Action::Show(screen) => show(model, screen),
        Action::Pause => {
            let paused = matches!(newest.phase, Phase::Paused | Phase::Stopped);
            model.undoable = false;
            return Some(if paused { Command::Resume } else { Command::Pause });
        }
        Action::Hold | Action::Drop | Action::Ban | Action::Retry => {
            let asked = bulk::ask(model, action, view, newest);
            // The cursor stays where it is: the peer goes away, and the next one comes to its row.
            if asked.is_some() && matches!(action, Action::Drop | Action::Ban) && leaves_its_row(model, view)
            {
                select(model, view, 1);
            }
            return asked;
        }
        Action::Undo => return Some(bulk::undo(model)),
        Action::Want | Action::WantMore | Action::WantLess | Action::InOrder => {
            return wanted::ask(model, action, view);
        }
        Action::Mark => {
            if !bulk::is_many(model, view) {
                bulk::mark(model);
                select(model, view, 1);
            }
        }
        Action::Columns => toggle(model, Mode::Columns),
        Action::Choose => choose::toggle(model),
        Action::Automatic => choose::automatic(model),
        Action::Freeze => freeze(model, newest),
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::Announce => {
            model.undoable = false;
            let one = model.source(view).filter(|_| model.mode() == Mode::Tracker);
            let one = one.as_ref().and_then(SourceRecord::tracker);
            return Some(Command::Announce(one.map(|tracker| tracker.key)));
        }
        Action::Export => prompt::open(model, Ask::Export, view),
        Action::Copy => copy(model, view),
        Action::Filter => prompt::open(model, Ask::Filter(model.list()), view),
        Action::Record | Action::Recheck => {
            model.undoable = false;
            return Some(if action == Action::Record { Command::Record } else { Command::Recheck });
        }
        // Only a recording can do these, and has done them.
        Action::Replay(_) | Action::GoTo => {}
        Action::Add => prompt::open(model, Ask::Add, view),
        Action::Move => relocating::open(model, false),
        // They mean something on the list of torrents, and have done it there.
        Action::PauseAll
        | Action::Forget
        | Action::Delete
        | Action::DeleteFiles
        | Action::Earlier
        | Action::Later => {}
        Action::LimitDown => prompt::open(model, Ask::DownLimit, view),
        Action::LimitUp => prompt::open(model, Ask::UpLimit, view),
        Action::Up => step(model, view, -1),
        Action::Down => step(model, view, 1),
        Action::Left => sideways(model, view, -1),
        Action::Right => sideways(model, view, 1),
        Action::PageUp => step(model, view, -page(model)),
        Action::PageDown => step(model, view, page(model)),
        Action::First => step(model, view, isize::MIN / 2),
        Action::Last => step(model, view, isize::MAX / 2),
        Action::NextPanel if model.mode() == Mode::Columns => choose::other_part(model),
        Action::NextPanel | Action::PreviousPanel => {
            model.panel = match model.panel {
                Panel::Peers => Panel::Funnel,
                Panel::Funnel => Panel::Peers,
            };
        }
        Action::Open => open(model, view),
        Action::Back => back(model, view),
        Action::NextTab => turn(model, view, 1),
        Action::PreviousTab => turn(model, view, -1),
        Action::Sort => {
            if model.mode() == Mode::Columns && model.screen == Screen::Torrents {
                if let Some(id) = choose::here(model).filter(|id| is_order(id)) {
                    model.torrents.by(id, &model.filters.torrents);
                }
            } else if model.mode() == Mode::Columns {
                model.order.sort_by(choose::here(model).filter(|id| *id != "state"));
                model.take_in(newest);
            } else {
                toggle(model, Mode::Order);
            }
        }
        Action::Reverse => {
            model.order.reversed = !model.order.reversed;
            model.order.sort_soon();
            model.take_in(newest);
        }
        Action::Window => {
            model.window = model.window.next();
            model.scales.take_in(&view.series, model.window, model.look.units);
        }
        Action::Layer => model.piece_map.layer = model.piece_map.layer.next(),
        Action::Closer | Action::Further => zoom(model, view, action == Action::Closer),
        Action::PeerLog => {
            if model.screen == Screen::Log && model.open.is_empty() {
                model.log_of = None;
            } else if bulk::is_many(model, view) {
                return None;
            } else if let Some(key) = model.selected {
                show(model, Screen::Log);
                model.log_of = Some(key);
            }
            model.scrolls.log_back = 0;
        }
        Action::Why => toggle(model, Mode::Why),
        Action::Torrent => toggle(model, Mode::Torrent),
        Action::LogTimes => model.log_by_day = !model.log_by_day,
        Action::Keys => toggle(model, Mode::Keys),
        Action::Units => {
            model.look.units = match model.look.units {
                Units::Binary => Units::Decimal,
                Units::Decimal => Units::Binary,
            };
        }
        Action::Quit => return quit(model, newest),
        Action::QuitNow => {
            model.leaving = true;
            return Some(Command::Quit);
        }
        Action::Mouse => mouse::hand_over(model),
        Action::Redraw => model.redraw = true,
        Action::Suspend => model.suspend = true,
    }
    None
}

/// Whether the selected peer leaves its row once it is dropped: it alone is meant, it is live, and another has a row
/// below.
fn leaves_its_row(model: &Model, view: &View) -> bool {
    let is_live = |key| model.live_rows(view).any(|live| live == key);
    Scope::PeerList.holds(model) && model.marked.is_empty() && model.selected.is_some_and(is_live)
}

fn show(model: &mut Model, screen: Screen) {
    model.open.clear();
    model.screen = screen;
}

fn freeze(model: &mut Model, newest: &View) {
    model.held = match model.held.take() {
        Some(_) => None,
        None => Some(Held { view: Arc::new(newest.clone()), since: model.clock }),
    };
    model.take_in(newest);
}

fn copy(model: &mut Model, view: &View) {
    let copied = export::copied(model, view);
    match &copied {
        Some(text) if model.page() == Mode::Torrent && view.torrent.is_private() => {
            let why = "Copied, but it is private: nobody gives its metadata. Pass its torrent file on";
            model.say(format!("{why}: {text}"), true);
        }
        Some(text) => model.say(format!("Copied: {text}"), false),
        None => model.say("There is nothing to copy here.", true),
    }
    model.copy = copied;
}
