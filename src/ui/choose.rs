//! What the keys do on the page that chooses columns.

use super::columns::Part;
use super::model::{Model, Screen};
use super::screens;

/// Where the page that chooses columns stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Chooser {
    /// Of which peers.
    pub(crate) part: Part,
    /// The line of the cursor.
    pub(crate) at: usize,
}

/// The list whose columns are chosen.
pub(crate) fn part(model: &Model) -> Part {
    if model.screen == Screen::Torrents { Part::Torrents } else { model.chooser.part }
}

/// The columns that are chosen now, and all of them as the page lists them.
fn listed(model: &Model) -> (Vec<&'static str>, Vec<&'static str>) {
    let part = part(model);
    let chosen = model.columns.chosen(part, || screens::visible_columns(model, part));
    let all = part.in_order(&chosen);
    (chosen, all)
}

/// The column under the cursor.
pub(super) fn here(model: &Model) -> Option<&'static str> {
    let (_, all) = listed(model);
    all.get(model.chooser.at.min(all.len().saturating_sub(1))).copied()
}

/// How many lines the page has.
pub(super) fn lines(model: &Model) -> usize {
    listed(model).1.len()
}

/// Shows the column under the cursor, or hides it. The last one stays.
pub(super) fn toggle(model: &mut Model) {
    let (Some(id), (mut chosen, _)) = (here(model), listed(model)) else {
        return;
    };
    match chosen.iter().position(|other| *other == id) {
        Some(_) if chosen.len() == 1 => return model.say("One column has to stay.", true),
        Some(at) => drop(chosen.remove(at)),
        None => chosen.push(id),
    }
    set(model, chosen, id);
}

/// Moves the column under the cursor to the left or to the right among the chosen ones.
pub(super) fn shift(model: &mut Model, by: isize) {
    let (Some(id), (mut chosen, _)) = (here(model), listed(model)) else {
        return;
    };
    let Some(at) = chosen.iter().position(|other| *other == id) else {
        return model.say("Only what is shown has a place; space shows it.", true);
    };
    let to = at.saturating_add_signed(by).min(chosen.len() - 1);
    chosen.swap(at, to);
    set(model, chosen, id);
}

fn set(model: &mut Model, chosen: Vec<&'static str>, id: &str) {
    let part = part(model);
    let at = part.in_order(&chosen).iter().position(|other| *other == id);
    model.columns.set(part, Some(chosen));
    model.chooser.at = at.unwrap_or(0);
    model.columns_off = 0;
}

/// As many columns as there is room for, as before anything was chosen.
pub(super) fn automatic(model: &mut Model) {
    let id = here(model);
    model.columns.set(part(model), None);
    let (_, all) = listed(model);
    model.chooser.at = all.iter().position(|other| Some(*other) == id).unwrap_or(0);
    model.columns_off = 0;
}

/// To the columns of the other peers.
pub(super) fn other_part(model: &mut Model) {
    model.chooser = Chooser { part: model.chooser.part.other(), at: 0 };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ledger::View;
    use crate::ui::action::Action;
    use crate::ui::columns::PEER_COLUMNS;
    use crate::ui::model::Mode;
    use crate::ui::sample;
    use crate::ui::theme::Look;
    use crate::ui::update::update;

    fn choosing(view: &View) -> Model {
        let mut model = Model::new(Look::default());
        model.screen = Screen::Peers;
        model.take_in(view);
        update(&mut model, Action::Columns, view);
        model
    }

    #[test]
    fn every_column_of_the_table_can_be_shown_hidden_and_moved() {
        let view = sample::healthy();
        let mut model = choosing(&view);
        assert_eq!(lines(&model), PEER_COLUMNS.len());
        let before = screens::visible_columns(&model, Part::Live);
        update(&mut model, Action::Last, &view);
        update(&mut model, Action::Choose, &view);
        assert_eq!(here(&model), Some("limited_by"), "the cursor stays on its column");
        for _ in 0..before.len() {
            update(&mut model, Action::Left, &view);
        }
        assert_eq!(screens::visible_columns(&model, Part::Live)[0], "limited_by");
        assert_eq!(model.columns.of(Part::Others), None, "the other part has columns of its own");
        for _ in 0..40 {
            update(&mut model, Action::First, &view);
            update(&mut model, Action::Choose, &view);
        }
        assert_eq!(model.columns.of(Part::Live).map(<[_]>::len), Some(1), "one stays");
    }

    #[test]
    fn the_list_of_torrents_has_columns_of_its_own() {
        let view = sample::healthy();
        let mut model = Model::new(Look::default());
        model.size = (120, 40);
        model.take_in_torrents(&sample::torrents(&view));
        model.take_in(&view);
        model.screen = Screen::Torrents;
        update(&mut model, Action::Columns, &view);
        assert_eq!((lines(&model), here(&model)), (9, Some("state")));
        update(&mut model, Action::Down, &view);
        update(&mut model, Action::Right, &view);
        let chosen = screens::visible_columns(&model, Part::Torrents);
        assert_eq!(chosen[..3], ["state", "size", "name"]);
        update(&mut model, Action::Sort, &view);
        assert_eq!(model.torrents.order(), "name");
        update(&mut model, Action::NextPanel, &view);
        assert_eq!(part(&model), Part::Torrents);
        assert_eq!((model.columns.of(Part::Live), model.columns.of(Part::Others)), (None, None));
    }

    #[test]
    fn without_a_choice_there_are_as_many_as_there_is_room_for() {
        let view = sample::healthy();
        let mut model = choosing(&view);
        let before = screens::visible_columns(&model, Part::Live);
        for action in [Action::Last, Action::Choose, Action::Left, Action::Automatic] {
            update(&mut model, action, &view);
        }
        assert_eq!(screens::visible_columns(&model, Part::Live), before);
        assert_eq!(model.columns, Default::default());
        assert_eq!(here(&model), Some("limited_by"), "the cursor stays on its column");
    }

    #[test]
    fn any_keys_keep_every_column_once() {
        let view = sample::healthy();
        let mut model = choosing(&view);
        let mut random = fastrand::Rng::with_seed(5);
        let keys = [
            Action::Up,
            Action::Down,
            Action::Left,
            Action::Right,
            Action::Choose,
            Action::NextPanel,
            Action::Automatic,
        ];
        for _ in 0..2000 {
            update(&mut model, keys[random.usize(..keys.len())], &view);
            let all: HashSet<_> = listed(&model).1.into_iter().collect();
            assert_eq!((all.len(), lines(&model)), (PEER_COLUMNS.len(), PEER_COLUMNS.len()));
        }
    }

    #[test]
    fn rows_are_sorted_by_any_column() {
        let view = sample::healthy();
        let mut model = choosing(&view);
        for _ in 0..PEER_COLUMNS.len() {
            update(&mut model, Action::Sort, &view);
            assert_eq!(model.order.column.unwrap_or("state"), here(&model).unwrap());
            assert_eq!(model.rows(&view).count(), 50);
            update(&mut model, Action::Down, &view);
        }
        update(&mut model, Action::Back, &view);
        assert_eq!(model.mode(), Mode::Browse);
    }
}
