//! Keys that open what is selected, and those that close what is open.

use super::moving::narrow;
use super::show;
use crate::command::Command;
use crate::ledger::View;
use crate::ui::action::Scope;
use crate::ui::filter::{self, List, Words};
use crate::ui::funnel::Funnel;
use crate::ui::model::{Help, Mode, Model, Panel, Screen, Scrolls, Shown};
use crate::ui::prompt;

pub(super) fn open(model: &mut Model, view: &View) {
    match model.mode() {
        Mode::Peer { bytes } => {
            model.open.pop();
            model.open.push(Mode::Peer { bytes: !bytes });
            model.scrolls.peer = 0;
        }
        Mode::Browse if model.screen == Screen::Overview && model.panel == Panel::Funnel => {
            let (step, loss) = model.step;
            let funnel = Funnel::of(view);
            let lost = loss.checked_sub(1).and_then(|at| funnel.losses(view, step).get(at).copied());
            let shown = match lost {
                Some(loss) => Shown::Lost(funnel, step, loss.word),
                None if step == 0 => Shown::All,
                None => Shown::Reached(funnel, step),
            };
            model.screen = Screen::Peers;
            narrow(model, view, shown);
        }
        Mode::Order => _ = model.open.pop(),
        Mode::Tracker => {
            let named = model.source(view).and_then(|source| filter::named_by(&source, view));
            if let Some(named) = named {
                list_peers(model, &named, view);
            }
        }
        Mode::Browse if model.screen == Screen::Trackers => {
            model.open.extend(model.source(view).map(|_| Mode::Tracker));
            model.scrolls.tracker = 0;
        }
        Mode::Browse if model.screen == Screen::Pieces => {
            list_peers(model, &filter::holders_of(model.piece), view);
        }
        Mode::Browse if model.screen == Screen::Files => model.files.toggle(),
        Mode::Browse if model.selected.is_some() => {
            if let Some(fold) = model.selected_fold(view) {
                model.screen = Screen::Peers;
                return narrow(model, view, Shown::Because(fold.cause));
            }
            model.open.push(Mode::Peer { bytes: false });
            model.scrolls.peer = 0;
        }
        _ => {}
    }
}

/// Lists the peers that this filter takes, of every group.
fn list_peers(model: &mut Model, text: &str, view: &View) {
    show(model, Screen::Peers);
    model.shown = Shown::All;
    prompt::filter(model, List::Peers, text, view);
}

pub(super) fn back(model: &mut Model, view: &View) {
    let lists = Scope::PeerList.holds(model) || Scope::Log.holds(model) || Scope::KeysPage.holds(model);
    if lists && !model.filters.text(model.list()).is_empty() {
        return prompt::filter(model, model.list(), "", view);
    }
    if Scope::PeerList.holds(model) && !model.marked.is_empty() {
        return model.marked.clear();
    }
    if Scope::Overview.holds(model) && model.zoomed {
        model.zoomed = false;
        return;
    }
    if model.open.pop().is_some() {
        return;
    }
    match model.screen {
        Screen::Log if model.log_of.is_some() => {
            model.log_of = None;
            model.scrolls.log_back = 0;
        }
        Screen::Peers if model.shown != Shown::All => narrow(model, view, Shown::All),
        Screen::Overview if model.panel == Panel::Peers && model.torrents.are_several() => {
            show(model, Screen::Torrents);
        }
        Screen::Overview => model.panel = Panel::Peers,
        Screen::Torrents => {}
        _ => show(model, Screen::Overview),
    }
}

pub(super) fn toggle(model: &mut Model, mode: Mode) {
    if model.mode() == mode {
        model.open.pop();
    } else {
        model.open.retain(|other| *other != mode);
        model.open.push(mode);
        model.scrolls = Scrolls { keys: 0, why: 0, torrent: 0, ..model.scrolls };
        model.filters.keys = Words::default();
        model.help = Help::default();
    }
}

pub(super) fn quit(model: &mut Model, view: &View) -> Option<Command> {
    match model.open.pop() {
        None if model.quitting_stops(view) => model.open.push(Mode::AskQuit),
        None | Some(Mode::AskQuit) => {
            model.leaving = true;
            return Some(Command::Quit);
        }
        Some(_) => {}
    }
    None
}
