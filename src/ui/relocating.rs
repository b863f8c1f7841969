//! Torrents whose files are to be in another folder: which one is asked for, and what is said of it.

use super::adding::in_full;
use super::model::Model;
use super::prompt::{Ask, Prompt, Said};
use crate::command::SessionCommand;
use crate::ledger::{Answer, Standing};
use crate::metainfo::InfoHash;
use crate::units;

/// A folder that was named, and not answered yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AskedToMove {
    ticket: u32,
    typed: String,
}

/// Asks for the folder of those that are meant: on the list those that are marked, else the one that is looked at.
pub(super) fn open(model: &mut Model, on_the_list: bool) {
    let meant = if on_the_list {
        model.torrents.meant()
    } else {
        model.torrents.selected().into_iter().cloned().collect()
    };
    let Some(first) = meant.first() else { return model.say("There is no torrent to move.", true) };
    if let [row] = &meant[..]
        && let Standing::Elsewhere { process } = row.standing
    {
        return model.say(format!("It is in another ttui (process {process}): move it there."), true);
    }
    let mut prompt = Prompt::new(Ask::MoveTo, model.surroundings.typed(&first.output));
    prompt.moving = meant.iter().map(|row| row.id).collect();
    model.prompt = Some(prompt);
}

/// What is said of the folder that is typed for these.
pub(super) fn says(text: &str, moving: &[InfoHash], model: &Model) -> Said {
    if text.trim().is_empty() {
        return Err("a folder".to_owned());
    }
    let folder = in_full(text.trim(), model);
    let is_there = |id: &InfoHash| model.torrents.newest.row(*id).is_some_and(|row| row.output == folder);
    match moving {
        all if all.iter().all(is_there) => Err("the folder it is in".to_owned()),
        [_] => Ok("what lies there already is looked at, and not written over".to_owned()),
        all => Ok(format!("{} torrents", units::count(all.len() as u64))),
    }
}

/// Has them moved to the folder that is typed.
pub(super) fn move_there(model: &mut Model, prompt: Prompt) {
    let typed = prompt.field.text().trim().to_owned();
    let to = in_full(&typed, model);
    let number = model.next_ticket();
    for id in &prompt.moving {
        let (ticket, id, to) = (Some(number), *id, to.clone());
        model.wishes.push(SessionCommand::Move { ticket, id, to });
    }
    model.asked_to_move = Some(AskedToMove { ticket: number, typed });
    model.torrents.forgotten.clear();
    model.torrents.moved = prompt.moving;
    model.torrents.marked.clear();
}

/// Has those moved back that were moved last. Whether there are any.
pub(super) fn move_back(model: &mut Model) -> bool {
    let moved = std::mem::take(&mut model.torrents.moved);
    model.wishes.extend(moved.iter().map(|id| SessionCommand::MoveBack(*id)));
    !moved.is_empty()
}

/// Takes the answer to what was asked last: where it was refused it is asked again with what was typed, and why. Whether that
/// says all there is to say.
pub(super) fn answered(model: &mut Model, answer: &Answer, is_refused: bool) -> bool {
    let asked = model.asked_to_move.take_if(|asked| is_refused && Some(asked.ticket) == answer.ticket);
    let (Some(asked), Some(id)) = (asked, answer.torrent) else { return false };
    model.torrents.moved.retain(|moved| *moved != id);
    if model.prompt.is_some() {
        return false;
    }
    let mut prompt = Prompt::again(Ask::MoveTo, asked.typed, answer.text.clone());
    prompt.moving = vec![id];
    model.prompt = Some(prompt);
    true
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use super::*;
    use crate::event::Severity;
    use crate::ledger::View;
    use crate::ui::action::Key;
    use crate::ui::model::Screen;
    use crate::ui::theme::Look;
    use crate::ui::{prompt, sample};

    fn model(view: &View, screen: Screen) -> Model {
        let mut model = Model::new(Look::default());
        model.take_in_torrents(&sample::torrents(view));
        model.take_in(view);
        model.screen = screen;
        model
    }

    fn press(model: &mut Model, view: &View, code: KeyCode) {
        let asked = prompt::press(model, Key { code, ctrl: false }, view);
        assert_eq!(asked, None, "what is asked here is asked of the session");
    }

    fn types(model: &mut Model, view: &View, text: &str) {
        text.chars().for_each(|c| press(model, view, KeyCode::Char(c)));
    }

    fn wishes(model: &mut Model) -> Vec<SessionCommand> {
        std::mem::take(&mut model.wishes)
    }

    #[test]
    fn the_folder_stands_in_the_field_and_the_torrent_looked_at_goes_where_that_is_changed_to() {
        let view = sample::healthy();
        for screen in [Screen::Torrents, Screen::Overview, Screen::Files] {
            let mut model = model(&view, screen);
            let row = model.torrents.selected().cloned().unwrap();
            types(&mut model, &view, "O");
            let prompt = model.prompt.clone().unwrap();
            assert_eq!(prompt.field.text(), row.output.to_str().unwrap());
            assert_eq!(prompt.says(&model, &view), Err("the folder it is in".to_owned()));
            press(&mut model, &view, KeyCode::Enter);
            assert!(model.prompt.is_some() && wishes(&mut model).is_empty(), "that is no other");
            types(&mut model, &view, "/there");
            press(&mut model, &view, KeyCode::Enter);
            let to = row.output.join("there");
            assert_eq!(wishes(&mut model), [SessionCommand::Move { ticket: Some(0), id: row.id, to }]);
            assert_eq!(model.prompt, None);
        }
    }

    #[test]
    fn those_that_are_marked_go_together_and_come_back_together() {
        let view = sample::healthy();
        let mut model = model(&view, Screen::Torrents);
        let ids: Vec<InfoHash> = model.torrents.rows().take(2).map(|row| row.id).collect();
        types(&mut model, &view, "mmO/x");
        assert_eq!(model.prompt.as_ref().unwrap().says(&model, &view), Ok("2 torrents".to_owned()));
        press(&mut model, &view, KeyCode::Enter);
        let moved: Vec<InfoHash> = wishes(&mut model)
            .into_iter()
            .map(|wish| match wish {
                SessionCommand::Move { ticket: Some(0), id, .. } => id,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(moved, ids);
        types(&mut model, &view, "u");
        let back: Vec<SessionCommand> = ids.into_iter().map(SessionCommand::MoveBack).collect();
        assert_eq!(wishes(&mut model), back);
        types(&mut model, &view, "u");
        assert_eq!(wishes(&mut model), [], "once");
    }

    #[test]
    fn what_is_refused_is_asked_again_as_it_was_typed_and_does_not_come_back() {
        let view = sample::healthy();
        let mut model = model(&view, Screen::Overview);
        types(&mut model, &view, "O/x");
        let typed = model.prompt.as_ref().unwrap().field.text().to_owned();
        press(&mut model, &view, KeyCode::Enter);
        let Some(SessionCommand::Move { id, ticket, .. }) = wishes(&mut model).pop() else {
            panic!("not asked")
        };
        let text = "Not moved: it is read-only.".to_owned();
        let answer =
            Answer { number: 1, at: view.at, ticket, torrent: Some(id), severity: Severity::Warn, text };
        assert!(answered(&mut model, &answer, true));
        let prompt = model.prompt.clone().unwrap();
        assert_eq!((prompt.ask, prompt.field.text(), &prompt.moving), (Ask::MoveTo, &*typed, &vec![id]));
        assert_eq!(prompt.says(&model, &view), Err("Not moved: it is read-only.".to_owned()));
        assert!(!answered(&mut model, &answer, true), "once");
        assert!(!move_back(&mut model), "it stayed where it was");
    }

    #[test]
    fn what_another_ttui_runs_and_nothing_at_all_is_not_moved() {
        let view = sample::healthy();
        let mut model = model(&view, Screen::Torrents);
        let elsewhere =
            |model: &Model| matches!(model.torrents.selected().unwrap().standing, Standing::Elsewhere { .. });
        while !elsewhere(&model) {
            types(&mut model, &view, "j");
        }
        types(&mut model, &view, "O");
        assert!(model.prompt.is_none() && model.note.as_ref().unwrap().text.contains("move it there"));
        let mut none = Model::new(Look::default());
        none.take_in(&view);
        types(&mut none, &view, "O");
        assert!(none.prompt.is_none() && none.note.as_ref().unwrap().text.contains("no torrent"));
    }
}
