//! The menu of orders of the list on the screen: a letter for each. The letter of the order there is turns it around.

use std::cmp::Reverse;

use ratatui::crossterm::event::KeyCode;

use crate::ledger::View;

use super::action::Key;
use super::columns::{self, PEER_COLUMNS};
use super::model::{Mode, Model, Screen};
use super::screens;
use super::torrent_list::ORDERS;

/// The letters and ids of the menu: of the peers first the columns in sight, and the weightiest first.
pub(crate) fn entries(model: &Model) -> Vec<(char, &'static str)> {
    if model.screen == Screen::Torrents {
        return ORDERS.iter().map(|order| (order.letter, order.id)).collect();
    }
    let in_sight = [columns::Part::Live, columns::Part::Others]
        .into_iter()
        .flat_map(|part| screens::visible_columns(model, part))
        .collect::<Vec<_>>();
    let mut entries: Vec<_> = PEER_COLUMNS.iter().collect();
    entries.sort_by_key(|column| (!in_sight.contains(&column.id), Reverse(column.weight)));
    entries.into_iter().map(|column| (column.letter, column.id)).collect()
}

/// The order there is: its id, its name, and which way it goes.
pub(crate) fn now(model: &Model) -> (&'static str, &'static str, &'static str) {
    if model.screen == Screen::Torrents {
        let order = model.torrents.order();
        return (order, order, model.torrents.mark_of_order());
    }
    let id = model.order.column.unwrap_or("state");
    (id, columns::column(id).map_or(id, |column| column.name), model.order.mark())
}

/// Carries out a key while the menu is open: whether it was a letter of the menu.
pub(super) fn press(model: &mut Model, key: Key, newest: &View) -> bool {
    let (Mode::Order, KeyCode::Char(letter), false) = (model.mode(), key.code, key.ctrl) else {
        return false;
    };
    let entry = entries(model).into_iter().find(|(its, _)| *its == letter);
    entry.is_some_and(|(_, id)| {
        pick(model, id, newest);
        true
    })
}

/// Sorts by this; where it does already, the other way round.
pub(super) fn pick(model: &mut Model, id: &'static str, newest: &View) {
    if model.screen == Screen::Torrents {
        return model.torrents.by(id, &model.filters.torrents);
    }
    model.order.by(id);
    model.take_in(newest);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ui::action::{Action, action_for};
    use crate::ui::theme::Look;
    use crate::ui::{prompt, sample, update};

    fn letter(c: char) -> Key {
        Key { code: KeyCode::Char(c), ctrl: false }
    }

    fn open(view: &View) -> Model {
        let mut model = Model::new(Look::default());
        model.screen = Screen::Peers;
        model.take_in(view);
        prompt::press(&mut model, letter('s'), view);
        assert_eq!(model.mode(), Mode::Order);
        model
    }

    #[test]
    fn every_column_has_a_letter_of_its_own() {
        let letters: HashSet<char> = PEER_COLUMNS.iter().map(|column| column.letter).collect();
        assert_eq!(letters.len(), PEER_COLUMNS.len());
        assert!(!letters.contains(&'q') && !letters.contains(&'S'));
    }

    #[test]
    fn a_letter_sorts_and_once_more_turns_the_order_around() {
        let view = sample::healthy();
        for (c, id) in PEER_COLUMNS.iter().map(|column| (column.letter, column.id)) {
            let mut model = open(&view);
            // By state is what there is: its letter turns that around at once.
            let again = id == "state";
            prompt::press(&mut model, letter(c), &view);
            assert_eq!((model.order.column.unwrap_or("state"), model.order.reversed), (id, again), "{c}");
            prompt::press(&mut model, letter(c), &view);
            assert_eq!((model.order.column.unwrap_or("state"), model.order.reversed), (id, !again), "{c}");
            assert_eq!(model.mode(), Mode::Order, "it stays open");
        }
    }

    #[test]
    fn the_menu_is_left_by_escape_enter_and_q_and_reversed_by_its_own_key() {
        let view = sample::healthy();
        for code in [KeyCode::Esc, KeyCode::Enter, KeyCode::Char('q')] {
            let mut model = open(&view);
            let before = model.order.column;
            prompt::press(&mut model, letter('S'), &view);
            assert!(model.order.reversed);
            let command = prompt::press(&mut model, Key { code, ctrl: false }, &view);
            assert_eq!((command, model.mode(), model.screen), (None, Mode::Browse, Screen::Peers));
            assert_eq!(model.order.column, before);
        }
        let mut model = open(&view);
        update(&mut model, Action::Down, &view);
        assert_eq!(model.mode(), Mode::Order, "the list can be looked at");
        assert_eq!(action_for(letter('3'), &model), Some(Action::Show(Screen::Pieces)));
    }
}
