//! Commands to files: the selected one, or all in the selected folder, is wanted more, less, or not at all.

use crate::command::Command;
use crate::ledger::View;
use crate::metainfo::FilePriority;

use super::action::Action;
use super::model::Model;

/// How much files are wanted, from not at all on.
const PRIORITIES: [FilePriority; 4] =
    [FilePriority::Skip, FilePriority::Low, FilePriority::Normal, FilePriority::High];

/// Asks for what the action says. The first command is returned, the others wait in the model: the files of a folder may
/// lie apart.
pub(super) fn ask(model: &mut Model, action: Action, view: &View) -> Option<Command> {
    let mut commands = match action {
        Action::InOrder => {
            let in_order = view.choice.as_ref().is_some_and(|choice| choice.sequential);
            vec![Command::InOrder(!in_order)]
        }
        _ => {
            let row = model.files.selected();
            let priority = next(action, model.files.wanted(row));
            let files = model.files.numbers(row).into_iter();
            files.map(|files| Command::Choose { from: files.start, to: files.end, priority }).collect()
        }
    };
    if commands.is_empty() {
        return None;
    }
    (model.undoable, model.asked) = (true, commands.len());
    let first = commands.remove(0);
    model.more = commands;
    Some(first)
}

/// How much files are wanted next of which the least wanted is wanted so much, and the most wanted so. Where they differ
/// they become alike first.
fn next(action: Action, (least, most): (FilePriority, FilePriority)) -> FilePriority {
    let step = |from: FilePriority, by: isize| {
        let at = PRIORITIES.iter().position(|priority| *priority == from).unwrap_or_default();
        PRIORITIES[at.saturating_add_signed(by).min(PRIORITIES.len() - 1)]
    };
    match action {
        Action::WantMore if least == most => step(most, 1),
        Action::WantMore => most,
        Action::WantLess if least == most => step(least, -1),
        Action::WantLess => least,
        _ if most == FilePriority::Skip => FilePriority::Normal,
        _ => FilePriority::Skip,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metainfo::Choice;
    use crate::metainfo::FilePriority::{High, Low, Normal, Skip};
    use crate::ui::model::Screen;
    use crate::ui::sample;
    use crate::ui::theme::Look;
    use crate::ui::update::update;

    #[test]
    fn steps_go_from_skipped_to_high_and_a_folder_becomes_alike_first() {
        let all = [Skip, Low, Normal, High];
        assert_eq!(all.map(|it| next(Action::WantMore, (it, it))), [Low, Normal, High, High]);
        assert_eq!(all.map(|it| next(Action::WantLess, (it, it))), [Skip, Skip, Low, Normal]);
        assert_eq!(all.map(|it| next(Action::Want, (it, it))), [Normal, Skip, Skip, Skip]);
        assert_eq!(next(Action::WantMore, (Skip, Normal)), Normal);
        assert_eq!(next(Action::WantLess, (Low, High)), Low);
        assert_eq!(next(Action::Want, (Skip, Low)), Skip);
    }

    #[test]
    fn keys_ask_for_files_by_their_numbers_and_undo_takes_back_all_of_it() {
        let mut view = sample::healthy();
        let mut model = Model::new(Look::default());
        model.screen = Screen::Files;
        model.take_in(&view);
        let asked = update(&mut model, Action::Want, &view);
        let files = view.torrent.files().last().unwrap().number + 1;
        assert_eq!(asked, Some(Command::Choose { from: 0, to: files, priority: Skip }));
        assert_eq!(update(&mut model, Action::Undo, &view), Some(Command::Undo));
        assert_eq!(update(&mut model, Action::InOrder, &view), Some(Command::InOrder(true)));
        let mut choice = Choice::everything(files as usize);
        (choice.sequential, _) = (true, choice.set(0, Skip));
        view.choice = Some(Arc::new(choice));
        assert_eq!(update(&mut model, Action::InOrder, &view), Some(Command::InOrder(false)));
    }
}
