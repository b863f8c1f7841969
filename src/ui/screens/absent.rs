//! A torrent of which there is no view: it does not run here, or was just chosen.

use ratatui::layout::Rect;

use super::{frame, more, torrents};
use crate::ledger::TorrentRow;
use crate::ui::action::Action;
use crate::ui::model::{Model, Screen};
use crate::ui::paint::{Pen, Spans, inset, take_top};
use crate::ui::theme::Role;
use crate::ui::torrent_list::{state, why};

/// What it does, and why.
pub(super) fn stands(row: &TorrentRow) -> Spans {
    let state = state(row);
    let line =
        Spans::new().add(state.roles.0, state.glyph).add(Role::Text, " ").add(Role::Strong, state.word);
    match why(row) {
        why if why.is_empty() => line,
        why => line.add(Role::Text, format!(": {why}")),
    }
}

/// Draws what is known of the torrent that is looked at.
pub(super) fn draw(pen: &mut Pen<'_>, mut area: Rect, model: &Model) {
    let Some(row) = model.torrents.selected() else { return torrents::nothing(pen, area, model) };
    let title = inset(take_top(&mut area, 1), 1, 1);
    let used = frame::place(pen, title, model);
    pen.put(title.x + used, title.y, title.width - used, &row.name, Role::Strong);
    take_top(&mut area, 1);
    let back = model.hint(Action::Show(Screen::Torrents), "all torrents");
    let lines = [stands(row), Spans::new().add(Role::Dim, back)];
    more::shortened(pen, inset(area, 1, 1), &lines);
}
