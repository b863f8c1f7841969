//! The screens: each draws itself from the view and the model into the area it is given.

mod asking;
mod files;
mod frame;
mod help;
mod judgement;
mod log;
mod overview;
mod peer;
mod peer_bytes;
mod peer_list;
mod peers;
mod pieces;
mod replay_bar;
mod small;
mod trackers;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ledger::View;

use super::model::{Mode, Model, Screen};
use super::paint::{self, Pen};
use super::theme;

/// Draws everything: a pure function of the view, the model and the area.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, view: &View) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let mut pen = Pen::new(buf, area, &model.look);
    if small::is_small(area) && model.page() == Mode::Browse && model.screen == Screen::Overview {
        small::draw(&mut pen, area, model, view);
    } else if area.height < 4 || area.width < 24 {
        small::line(&mut pen, area, model, view);
    } else {
        let mut body = area;
        let foot = paint::take_bottom(&mut body, 1);
        match model.page() {
            Mode::Browse | Mode::AskQuit => match model.screen {
                Screen::Overview => overview::draw(&mut pen, body, model, view),
                Screen::Peers => peers::draw(&mut pen, body, model, view),
                Screen::Pieces => pieces::draw(&mut pen, body, model, view),
                Screen::Trackers => trackers::draw(&mut pen, body, model, view),
                Screen::Files => files::draw(&mut pen, body, model, view),
                Screen::Log => log::draw(&mut pen, body, model, view),
            },
            Mode::Peer { bytes } => peer::draw(&mut pen, body, model, view, bytes),
            Mode::Why => judgement::draw(&mut pen, body, model, view),
            Mode::Keys => help::draw(&mut pen, body, model),
        }
        frame::foot(&mut pen, foot, model, view);
    }
    if model.look.is_ascii() {
        theme::to_ascii(buf, area);
    }
}

/// The furthest that what is shown can be scrolled, so that keys stop at the end.
pub(super) fn furthest(model: &Model, view: &View) -> usize {
    let (columns, rows) = model.size;
    let lines = match model.page() {
        Mode::Keys => help::lines(columns, model).len(),
        Mode::Why => judgement::lines(view, columns).len(),
        Mode::Peer { bytes } => {
            let selected = model.selected.and_then(|key| super::model::peer(view, key));
            selected.map_or(0, |peer| peer::lines(peer, model, view, columns, bytes).len())
        }
        Mode::Browse | Mode::AskQuit => match model.screen {
            Screen::Trackers => return view.trackers.len().saturating_sub(1),
            Screen::Files => view.torrent.files.len() + 1,
            Screen::Log => log::count(model, view) + 1,
            Screen::Overview | Screen::Peers | Screen::Pieces => return 0,
        },
    };
    // The head of the page and the key line take their rows.
    lines.saturating_sub(usize::from(rows.saturating_sub(4)))
}

pub(super) use frame::percent;
pub(super) use pieces::grid_columns;
