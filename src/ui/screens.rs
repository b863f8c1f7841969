//! The screens: each draws itself from the view and the model into the area it is given.

mod absent;
mod asking;
mod chooser;
mod deletion;
mod done;
mod files;
mod frame;
mod halves;
mod help;
mod judgement;
mod key_line;
mod log;
mod more;
mod order_menu;
mod overview;
mod page;
mod peer;
mod peer_attempts;
mod peer_bytes;
mod peer_list;
mod peer_metadata;
mod peer_pieces;
mod peer_punch;
mod peer_rate;
mod peer_state;
mod peer_stream;
mod peers;
mod piece;
mod pieces;
mod reach;
mod replay_bar;
mod small;
mod torrent;
mod torrents;
mod tracker;
mod trackers;
mod web_seed;
mod zoomed;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ledger::View;

use super::columns::{LIVE_ALL, Part};
use super::filter::{Filters, List};
use super::model::{Mode, Model, Screen};
use super::mouse::Targets;
use super::paint::Pen;
use super::source;
use super::theme;

/// Draws everything: a pure function of the view, the model and the area. Returns what can be clicked.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, view: &View) -> Targets {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return Targets::default();
    }
    let (newest, view) = (view, model.shown_view(view));
    let mut pen = Pen::new(buf, area, &model.look);
    let mut body = area;
    let foot = frame::take_foot(&mut body, model);
    let mut list = body;
    let menu = (model.mode() == Mode::Order).then(|| order_menu::take(&mut list, model));
    if area.height < 4 || area.width < 20 {
        small::line(&mut pen, area, model, view);
    } else {
        // A list that has the screen for itself ends above the menu; the overview is as it was behind it.
        if matches!(model.screen, Screen::Peers | Screen::Torrents) || model.zoomed {
            body = list;
        }
        match model.page() {
            Mode::Keys => help::draw(&mut pen, body, model),
            page if !(is_of_all(model, page) || model.torrents.is_seen_in(view)) => {
                absent::draw(&mut pen, body, model);
            }
            Mode::Browse | Mode::AskQuit | Mode::Order => match model.screen {
                Screen::Overview if model.zoomed => zoomed::draw(&mut pen, body, model, view),
                Screen::Overview => overview::draw(&mut pen, body, model, view),
                Screen::Peers => peers::draw(&mut pen, body, model, view),
                Screen::Pieces => pieces::draw(&mut pen, body, model, view),
                Screen::Trackers => trackers::draw(&mut pen, body, model, view),
                Screen::Files => files::draw(&mut pen, body, model, view),
                Screen::Log => log::draw(&mut pen, body, model, view),
                Screen::Torrents => torrents::draw(&mut pen, body, model, view),
            },
            Mode::Peer { bytes } => peer::draw(&mut pen, body, model, view, bytes),
            Mode::Tracker => tracker::draw(&mut pen, body, model, view),
            Mode::Why => judgement::draw(&mut pen, body, model, view),
            Mode::Torrent => torrent::draw(&mut pen, body, model, view),
            Mode::Columns => chooser::draw(&mut pen, body, model),
            Mode::Delete => deletion::draw(&mut pen, body, model),
        }
        frame::foot(&mut pen, &foot, model, newest);
    }
    if let Some(menu) = menu {
        order_menu::draw(&mut pen, menu, model);
    }
    if let Some(held) = &model.held {
        frame::frozen(&mut pen, area, model, held.since, newest);
    }
    let targets = pen.targets;
    if model.look.is_ascii() {
        theme::to_ascii(buf, area);
    }
    targets
}

/// Whether the page is about all torrents, and not about the one that is looked at.
fn is_of_all(model: &Model, page: Mode) -> bool {
    model.screen == Screen::Torrents && matches!(page, Mode::Browse | Mode::Columns | Mode::Delete)
}

/// The screen less what stands at its foot.
fn body(model: &Model) -> Rect {
    let mut area = Rect::new(0, 0, model.size.0, model.size.1);
    frame::take_foot(&mut area, model);
    area
}

/// The furthest that what is shown can be scrolled, so that keys stop at the end.
pub(super) fn furthest(model: &Model, view: &View) -> usize {
    let body = body(model);
    let columns = body.width;
    let page = usize::from(page::Page::of(body).body.height);
    let bare = usize::from(page::Page::without_rule(body).body.height);
    match model.page() {
        Mode::Keys => {
            let halves = usize::from(help::halves(columns, model));
            more::furthest(help::lines(columns, model).len(), help::rows_in(body), halves)
        }
        Mode::Why => more::furthest(judgement::height(model, view, columns), page, 1),
        Mode::Torrent => more::furthest(torrent::lines(model, view, columns).len(), bare, 1),
        Mode::Tracker => more::furthest(tracker::lines(model, view, columns).len(), page, 1),
        Mode::Columns | Mode::Delete => 0,
        Mode::Peer { bytes } => {
            let selected = model.selected.and_then(|key| super::model::peer(view, key));
            let furthest = |peer| {
                let (lines, rows) = peer::extent(peer, model, view, body, bytes);
                more::furthest(lines, rows, 1)
            };
            selected.map_or(0, furthest)
        }
        Mode::Browse | Mode::AskQuit | Mode::Order => match model.screen {
            Screen::Trackers => source::count(view).saturating_sub(1),
            Screen::Log => log::count(model, view).saturating_sub(1),
            Screen::Overview | Screen::Peers | Screen::Pieces | Screen::Files | Screen::Torrents => 0,
        },
    }
}

/// How many rows the peers that are not connected have on the overview, were there so many of them.
pub(super) fn room_for_others(model: &Model, view: &View) -> impl Fn(usize) -> usize {
    let list = overview::list_area(body(model), model, view);
    move |others| peer_list::room_for_others(list, model, view, others)
}

/// How many lines of the list are shown, and how many there are without a filter.
pub(super) fn found(list: List, model: &Model, view: &View) -> (usize, usize) {
    let mut unfiltered = model.clone();
    unfiltered.filters = Filters::default();
    match list {
        List::Peers => {
            unfiltered.search(view);
            (model.rows(view).count(), unfiltered.rows(view).count())
        }
        List::Keys => (help::count(model), help::count(&unfiltered)),
        List::Log => (log::count(model, view), log::count(&unfiltered, view)),
        List::Torrents => (model.torrents.len(), model.torrents.newest.rows.len()),
    }
}

/// The columns of a part that are in sight on the present screen.
pub(super) fn visible_columns(model: &Model, part: Part) -> Vec<&'static str> {
    match part {
        Part::Live | Part::Others => peer_list::visible(model, part),
        Part::Torrents => torrents::visible(model),
    }
}

/// How far the columns of the list can be scrolled.
pub(super) fn columns_to_scroll(model: &Model) -> usize {
    let count = model.columns.of(Part::Live).map_or(LIVE_ALL.len(), <[_]>::len);
    count.saturating_sub(peer_list::FIXED + 1)
}

pub(super) use frame::{ANSWER_STANDS, folder_as_tilde, long_work, percent};
pub(super) use log::{entries as log_entries, selected as log_selected, shown as log_lines, shown_entries};
pub use pieces::draw_grid;
pub(super) use pieces::lattice;
