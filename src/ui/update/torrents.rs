//! Keys on the list of torrents: what they ask of the selected one, or of all that are marked.

use super::moving::page;
use super::opening::toggle;
use super::show;
use crate::command::{Command, SessionCommand};
use crate::ledger::{Standing, TorrentRow};
use crate::metainfo::InfoHash;
use crate::ui::action::{Action, Scope};
use crate::ui::filter::List;
use crate::ui::model::{Mode, Model, Screen};
use crate::ui::relocating;
use crate::units;

/// Carries out what means something else on the list of torrents than elsewhere. Returns whether it did.
pub(super) fn update(model: &mut Model, action: Action) -> bool {
    if action == Action::DeleteFiles {
        delete(model);
        return true;
    }
    if !Scope::Torrents.holds(model) {
        return false;
    }
    match action {
        Action::Up => step(model, -1),
        Action::Down => step(model, 1),
        Action::PageUp => step(model, -page(model)),
        Action::PageDown => step(model, page(model)),
        Action::First => step(model, isize::MIN / 2),
        Action::Last => step(model, isize::MAX / 2),
        Action::Open => {
            if model.torrents.selected().is_some() {
                show(model, Screen::Overview);
            }
        }
        Action::Back => back(model),
        Action::Mark => {
            model.torrents.mark();
            step(model, 1);
        }
        Action::Sort => toggle(model, Mode::Order),
        Action::Reverse => model.torrents.reverse(&model.filters.torrents),
        Action::Pause | Action::Hold => pause(model),
        Action::PauseAll => {
            let all = model.torrents.newest.rows.iter();
            let is_over = all.filter(|row| can_pause(row)).all(|row| is_paused(row));
            let command = if is_over { Command::Resume } else { Command::Pause };
            model.wishes.push(SessionCommand::ToAll(command));
            model.say(if is_over { "All torrents go on." } else { "All torrents are paused." }, false);
        }
        Action::Recheck => of_each(model, Command::Recheck, "verified"),
        Action::Announce => of_each(model, Command::Announce(None), "announced"),
        Action::Forget => forget(model),
        Action::Delete => weigh(model),
        Action::Move => relocating::open(model, true),
        Action::Undo => revive(model),
        Action::Earlier | Action::Later => reorder(model, action == Action::Earlier),
        _ => return false,
    }
    true
}

fn step(model: &mut Model, by: isize) {
    model.torrents.step(by, model.clock);
}

/// Takes the filter away, or else the marks.
fn back(model: &mut Model) {
    if !model.filters.text(List::Torrents).is_empty() {
        model.filters.set(List::Torrents, "");
        model.torrents.list(&model.filters.torrents);
    } else {
        model.torrents.marked.clear();
    }
}

/// Whether it can be paused, or go on.
fn can_pause(row: &TorrentRow) -> bool {
    !matches!(row.standing, Standing::Elsewhere { .. })
}

/// Whether it is one that goes on where it is asked to.
fn is_paused(row: &TorrentRow) -> bool {
    matches!(row.standing, Standing::Paused | Standing::Failed(_) | Standing::Done)
}

/// Pauses those that are meant; where all of them are paused, they go on.
fn pause(model: &mut Model) {
    let meant = model.torrents.meant();
    if let [row] = &meant[..]
        && let Standing::Elsewhere { process } = row.standing
    {
        return model.say(format!("It is in another ttui (process {process}): pause it there."), true);
    }
    let resumes = meant.iter().filter(|row| can_pause(row)).all(|row| is_paused(row));
    let command = if resumes { Command::Resume } else { Command::Pause };
    let asked = meant.iter().filter(|row| can_pause(row) && is_paused(row) == resumes);
    model.wishes.extend(asked.map(|row| SessionCommand::To(row.id, command)));
    said_of(model, meant.len(), if resumes { "go on" } else { "paused" });
}

/// Asks the same of those that are meant.
fn of_each(model: &mut Model, command: Command, asked: &str) {
    let meant = model.torrents.meant();
    model.wishes.extend(meant.iter().map(|row| SessionCommand::To(row.id, command)));
    said_of(model, meant.len(), asked);
}

/// Says what was asked, where it was asked of many.
fn said_of(model: &mut Model, count: usize, asked: &str) {
    if count > 1 {
        model.say(format!("{} torrents: {asked}.", units::count(count as u64)), false);
    }
}

fn forget(model: &mut Model) {
    let meant = model.torrents.meant();
    // What is said of it comes as an answer.
    model.torrents.moved.clear();
    model.torrents.forgotten = meant.iter().map(|row| row.id).collect();
    model.wishes.extend(meant.iter().map(|row| SessionCommand::Forget(row.id)));
}

/// Shows what of those that are meant can be deleted.
fn weigh(model: &mut Model) {
    let meant: Vec<InfoHash> = model.torrents.meant().iter().map(|row| row.id).collect();
    if meant.is_empty() {
        return;
    }
    model.wishes.push(SessionCommand::Weigh(meant.clone()));
    model.torrents.deleting = meant;
    toggle(model, Mode::Delete);
}

/// Deletes what is shown.
fn delete(model: &mut Model) {
    let torrents = &model.torrents;
    let Some(found) = torrents.deleting.iter().map(|id| torrents.removable(*id)).collect::<Option<Vec<_>>>()
    else {
        return model.say("Wait: what can be deleted is still looked for.", true);
    };
    let deleted: Vec<_> =
        found.into_iter().filter(|found| found.found.is_ok()).map(|found| found.id).collect();
    if deleted.is_empty() {
        return model.say("There is nothing to delete here.", true);
    }
    model.wishes.extend(deleted.into_iter().map(SessionCommand::Delete));
    model.open.pop();
    // What is said of it comes as an answer.
    model.torrents.marked.clear();
}

/// Brings back those that were forgotten, or moved, last.
fn revive(model: &mut Model) {
    if relocating::move_back(model) {
        return;
    }
    match std::mem::take(&mut model.torrents.forgotten).len() {
        0 => model.say("Nothing to undo.", false),
        count => model.wishes.extend(std::iter::repeat_n(SessionCommand::Revive, count)),
    }
}

/// Moves those that are meant by one place in the queue.
fn reorder(model: &mut Model, earlier: bool) {
    if !model.torrents.is_by_queue() {
        let sort = model.hint(Action::Sort, "");
        return model.say(format!("First {}o: the order of the queue.", sort.trim_end()), true);
    }
    let wish: fn(InfoHash) -> SessionCommand =
        if earlier { SessionCommand::Earlier } else { SessionCommand::Later };
    let mut wishes: Vec<_> = model.torrents.meant().iter().map(|row| wish(row.id)).collect();
    // Those in front make room first.
    if !earlier {
        wishes.reverse();
    }
    model.wishes.extend(wishes);
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use super::*;
    use crate::ledger::View;
    use crate::ui::action::Key;
    use crate::ui::theme::Look;
    use crate::ui::{prompt, sample};

    fn on_the_list(view: &View) -> Model {
        let mut model = Model::new(Look::default());
        model.take_in_torrents(&sample::torrents(view));
        model.take_in(view);
        model.screen = Screen::Torrents;
        model
    }

    /// Types this: what it asks of the session.
    fn wishes(model: &mut Model, view: &View, typed: &str) -> Vec<SessionCommand> {
        for c in typed.chars() {
            let command = prompt::press(model, Key { code: KeyCode::Char(c), ctrl: false }, view);
            assert_eq!(command, None, "what is asked here is asked of the session");
        }
        std::mem::take(&mut model.wishes)
    }

    fn name(model: &Model) -> &str {
        &model.torrents.selected().unwrap().name
    }

    #[test]
    fn keys_act_on_the_selected_torrent_and_on_those_that_are_marked() {
        let view = sample::healthy();
        let mut model = on_the_list(&view);
        let all: Vec<InfoHash> = model.torrents.rows().map(|row| row.id).collect();
        let to = |at: usize, command| SessionCommand::To(all[at], command);
        assert_eq!(wishes(&mut model, &view, "p"), [to(0, Command::Pause)]);
        assert_eq!(wishes(&mut model, &view, "j "), [to(1, Command::Pause)]);
        assert_eq!(wishes(&mut model, &view, "V"), [to(1, Command::Recheck)]);
        assert_eq!(wishes(&mut model, &view, "A"), [to(1, Command::Announce(None))]);
        // The paused one goes on; among others that run it stays as it is.
        assert_eq!(wishes(&mut model, &view, "gjjjjjjp"), [to(6, Command::Resume)]);
        assert_eq!(wishes(&mut model, &view, "gmjjjjjmp"), [to(0, Command::Pause)]);
        assert_eq!(model.torrents.marked.len(), 2);
        let forgotten = [SessionCommand::Forget(all[0]), SessionCommand::Forget(all[6])];
        assert_eq!(wishes(&mut model, &view, "x"), forgotten);
        assert_eq!(wishes(&mut model, &view, "u"), [SessionCommand::Revive, SessionCommand::Revive]);
        assert_eq!(wishes(&mut model, &view, "u"), [], "there is nothing left to undo");
        assert_eq!(wishes(&mut model, &view, "P"), [SessionCommand::ToAll(Command::Pause)]);
    }

    #[test]
    fn what_another_process_runs_is_not_paused_here() {
        let view = sample::healthy();
        let mut model = on_the_list(&view);
        assert_eq!(wishes(&mut model, &view, "Gkkkp"), []);
        assert!(model.note.as_ref().is_some_and(|note| note.text.contains("process 4711")));
    }

    #[test]
    fn the_queue_is_ordered_where_the_rows_are_in_its_order() {
        let view = sample::healthy();
        let mut model = on_the_list(&view);
        let all: Vec<InfoHash> = model.torrents.rows().map(|row| row.id).collect();
        assert_eq!(wishes(&mut model, &view, "jK"), [SessionCommand::Earlier(all[1])]);
        // Of several the last makes room first.
        let later = [SessionCommand::Later(all[2]), SessionCommand::Later(all[1])];
        assert_eq!(wishes(&mut model, &view, "gjmmJ"), later);
        wishes(&mut model, &view, "sn");
        prompt::press(&mut model, Key { code: KeyCode::Esc, ctrl: false }, &view);
        assert_eq!(wishes(&mut model, &view, "K"), []);
        assert!(model.note.as_ref().is_some_and(|note| note.text.contains("order of the queue")));
    }

    #[test]
    fn the_list_is_sorted_filtered_and_keeps_its_selection() {
        let view = sample::healthy();
        let mut model = on_the_list(&view);
        wishes(&mut model, &view, "sn");
        prompt::press(&mut model, Key { code: KeyCode::Esc, ctrl: false }, &view);
        assert!(name(&model).starts_with("debian"));
        let names: Vec<String> = model.torrents.rows().map(|row| row.name.to_lowercase()).collect();
        assert!(names.is_sorted(), "{names:?}");
        wishes(&mut model, &view, "S");
        assert!(model.torrents.rows().map(|row| row.name.to_lowercase()).is_sorted_by(|a, b| a >= b));
        wishes(&mut model, &view, "/queued");
        assert_eq!((model.torrents.len(), name(&model)), (1, "fedora-workstation-44"));
        prompt::press(&mut model, Key { code: KeyCode::Enter, ctrl: false }, &view);
        prompt::press(&mut model, Key { code: KeyCode::Esc, ctrl: false }, &view);
        assert_eq!((model.torrents.len(), name(&model)), (13, "fedora-workstation-44"));
    }

    #[test]
    fn what_is_opened_is_left_for_the_list_by_escape() {
        let view = sample::healthy();
        let mut model = on_the_list(&view);
        let key = |code| Key { code, ctrl: false };
        prompt::press(&mut model, key(KeyCode::Enter), &view);
        assert_eq!(model.screen, Screen::Overview);
        prompt::press(&mut model, key(KeyCode::Esc), &view);
        assert_eq!(model.screen, Screen::Torrents);
        let mut alone = Model::new(Look::default());
        alone.take_in(&view);
        prompt::press(&mut alone, key(KeyCode::Esc), &view);
        assert_eq!(alone.screen, Screen::Overview, "with one torrent nothing is different");
    }
}
