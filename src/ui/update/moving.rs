//! Keys that move: a selection, a cursor, the lines of a page, from one tab to the next.

use crate::event::PeerKey;
use crate::ledger::View;
use crate::ui::choose;
use crate::ui::funnel::Funnel;
use crate::ui::model::{Mode, Model, Panel, Screen, Scrolls, Shown};
use crate::ui::piece_map::Scale;
use crate::ui::screens;
use crate::ui::source;

/// How many rows a page key moves by.
pub(super) fn page(model: &Model) -> isize {
    isize::from((model.size.1 / 2).max(1) as i16)
}

fn shifted(at: usize, by: isize, last: usize) -> usize {
    (at as isize).saturating_add(by).clamp(0, last as isize) as usize
}

/// Moves by rows: a selection, a cursor, or the lines of a page.
pub(super) fn step(model: &mut Model, view: &View, by: isize) {
    let furthest = screens::furthest(model, view);
    let scrolls = &mut model.scrolls;
    match model.open.last() {
        Some(Mode::Keys) => return scrolls.keys = shifted(scrolls.keys, by, furthest),
        Some(Mode::Why) => return scrolls.why = shifted(scrolls.why, by, furthest),
        Some(Mode::Torrent) => return scrolls.torrent = shifted(scrolls.torrent, by, furthest),
        Some(Mode::Peer { .. }) => return scrolls.peer = shifted(scrolls.peer, by, furthest),
        Some(Mode::Tracker) => return scrolls.tracker = shifted(scrolls.tracker, by, furthest),
        Some(Mode::Columns) => {
            let last = choose::lines(model).saturating_sub(1);
            return model.chooser.at = shifted(model.chooser.at.min(last), by, last);
        }
        Some(Mode::Delete) => return,
        Some(Mode::AskQuit | Mode::Order | Mode::Browse) | None => {}
    }
    match model.screen {
        Screen::Overview if model.panel == Panel::Funnel => {
            model.step = (shifted(model.step.0, by, Funnel::of(view).steps().len() - 1), 0);
        }
        Screen::Overview | Screen::Peers => select(model, view, by),
        Screen::Pieces => {
            let a_row = screens::lattice(model, view).a_row() as isize;
            move_piece(model, view, by.saturating_mul(a_row));
        }
        Screen::Trackers => scrolls.trackers = shifted(scrolls.trackers, by, furthest),
        Screen::Files => model.files.step(by),
        // Its keys are its own.
        Screen::Torrents => {}
        // The log counts from its end.
        Screen::Log => scrolls.log_back = shifted(scrolls.log_back, by.saturating_neg(), furthest),
    }
}

/// Closer to the pieces, or farther away; at either end it says that it is one.
pub(super) fn zoom(model: &mut Model, view: &View, closer: bool) {
    let lattice = screens::lattice(model, view);
    match (closer, model.piece_map.zoom) {
        (true, _) if lattice.can_be_closer => model.piece_map.zoom += 1,
        (true, _) => {
            let cell = match lattice.scale {
                Scale::Cells(_) => "a part of a piece",
                Scale::Pieces(_) => "a piece",
            };
            model.say(format!("This is as close as it gets: one cell is {cell}."), false);
        }
        (false, 0) => model.say("This is the whole torrent.", false),
        (false, zoom) => model.piece_map.zoom = zoom - 1,
    }
}

fn move_piece(model: &mut Model, view: &View, by: isize) {
    let last = view.torrent.piece_count().saturating_sub(1);
    model.piece = shifted(model.piece as usize, by, last as usize) as u32;
}

pub(super) fn sideways(model: &mut Model, view: &View, by: isize) {
    if model.mode() == Mode::Columns {
        return choose::shift(model, by);
    }
    if model.mode() == Mode::Keys {
        return turn_help(model, by);
    }
    if !model.open.is_empty() {
        return;
    }
    if model.columns_off == 0 && model.fold(view, by < 0) {
        return model.order.moved(model.clock);
    }
    match model.screen {
        Screen::Overview if model.panel == Panel::Funnel && model.step.0 > 0 => {
            let losses = Funnel::of(view).losses(view, model.step.0).len();
            model.step.1 = shifted(model.step.1, by, losses);
        }
        Screen::Peers | Screen::Overview if model.screen == Screen::Peers || model.zoomed => {
            model.columns_off = shifted(model.columns_off, by, screens::columns_to_scroll(model))
        }
        Screen::Files if by < 0 => model.files.fold_or_leave(),
        Screen::Files => model.files.unfold(),
        Screen::Pieces => {
            let a_cell = screens::lattice(model, view).scale.pieces_a_cell() as isize;
            move_piece(model, view, by.saturating_mul(a_cell));
        }
        _ => {}
    }
}

/// Moves the selection by so many rows.
pub(super) fn select(model: &mut Model, view: &View, by: isize) {
    let rows: Vec<PeerKey> = model.lines(view).collect();
    let Some(last) = rows.len().checked_sub(1) else {
        return;
    };
    let at = model.selected.and_then(|key| rows.iter().position(|other| *other == key));
    model.selected = Some(rows[at.map_or(0, |at| shifted(at, by, last))]);
    model.select_listed(view);
    model.order.moved(model.clock);
}

/// The next tab of the list, or on a page of a peer or a source the next of them.
pub(super) fn turn(model: &mut Model, view: &View, by: isize) {
    if model.mode() == Mode::Keys {
        return turn_help(model, by);
    }
    if matches!(model.mode(), Mode::Peer { .. }) {
        model.scrolls.peer = 0;
        return select(model, view, by);
    }
    if model.mode() == Mode::Tracker {
        let last = source::count(view).saturating_sub(1);
        let at = shifted(model.scrolls.trackers.min(last), by, last);
        model.scrolls = Scrolls { trackers: at, tracker: 0, ..model.scrolls };
        return;
    }
    let tabs = Shown::TABS;
    let at = tabs.iter().position(|tab| *tab == model.shown).unwrap_or(0) as isize;
    narrow(model, view, tabs[(at + by).rem_euclid(tabs.len() as isize) as usize]);
}

/// The next tab of the help, from its beginning.
fn turn_help(model: &mut Model, by: isize) {
    model.help = model.help.turned(by);
    model.scrolls.keys = 0;
}

/// Shows only these peers, with the selection among them.
pub(in crate::ui) fn narrow(model: &mut Model, view: &View, shown: Shown) {
    model.shown = shown;
    if !model.lines(view).any(|key| Some(key) == model.selected) {
        let first = model.lines(view).next();
        model.selected = first;
    }
}
