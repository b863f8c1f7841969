//! Commands to peers: to the selected one, or to all that are marked; never to one that is gone.

use crate::command::Command;
use crate::event::PeerKey;
use crate::ledger::{PeerRecord, View};

use super::action::Action;
use super::model::{self, Model};
use super::words;

/// Whether the selected row is many peers: what goes for one of them is asked where each has a row, and the user is told.
pub(super) fn is_many(model: &mut Model, view: &View) -> bool {
    let Some(fold) = model.selected_fold(view) else {
        return false;
    };
    let first = model.hint(Action::Open, &format!("first: it lists these {} peers.", fold.peers.len()));
    model.say(first, true);
    true
}

/// Marks the selected peer, or takes its mark away.
pub(super) fn mark(model: &mut Model) {
    if let Some(key) = model.selected
        && !model.marked.remove(&key)
    {
        model.marked.insert(key);
    }
}

/// The peers that keys act on: the marked ones, and where there are none the selected one, or those that share its row.
fn meant(model: &Model, view: &View) -> Vec<PeerKey> {
    if !model.marked.is_empty() {
        return model.marked.iter().copied().collect();
    }
    match model.selected_fold(view) {
        Some(fold) => fold.peers,
        None => model.selected.into_iter().collect(),
    }
}

/// Asks the same of every peer that is meant. The first command is returned, the others wait in the model.
///
/// `shown` is what the user sees, `newest` what is; they differ while the screen is frozen.
pub(super) fn ask(model: &mut Model, action: Action, shown: &View, newest: &View) -> Option<Command> {
    let command = match action {
        Action::Hold => Command::Hold,
        Action::Drop => Command::Drop,
        Action::Ban => Command::Ban,
        _ => Command::Retry,
    };
    if action != Action::Retry && model.marked.is_empty() && is_many(model, shown) {
        return None;
    }
    let mut gone = Vec::new();
    let mut commands = Vec::new();
    for key in meant(model, shown) {
        let is = model::peer(newest, key);
        let was_live = model::peer(shown, key).is_some_and(PeerRecord::is_live);
        match is {
            Some(peer) if action == Action::Retry || peer.is_live() || !was_live => {
                commands.push(command(key))
            }
            Some(peer) => gone.push(format!("{} is gone: {}", peer.addr, words::state_word(peer, newest.at))),
            None => gone.push("That peer is gone".to_owned()),
        }
    }
    match (gone.as_slice(), commands.len()) {
        ([], 0 | 1) => {}
        ([one], 0) => model.say(format!("{one}. Nothing was done."), true),
        (_, count) => {
            let asked = match action {
                Action::Hold => "held, or let go",
                Action::Drop => "dropped",
                Action::Ban => "banned",
                _ => "dialled",
            };
            let left = if gone.is_empty() { String::new() } else { format!("; {} are gone", gone.len()) };
            let undo = match action {
                Action::Retry => String::new(),
                _ => format!("   {}", model.hint(Action::Undo, "undoes it")),
            };
            let marked = if model.marked.is_empty() { "" } else { "marked " };
            model.say(format!("{count} {marked}peers {asked}{left}.{undo}"), !gone.is_empty());
        }
    }
    if commands.is_empty() {
        return None;
    }
    model.undoable = action != Action::Retry;
    if model.undoable {
        model.asked = commands.len();
    }
    model.order.moved(model.clock);
    let first = commands.remove(0);
    model.more = commands;
    Some(first)
}

/// Takes back what was asked last, of as many peers as it was asked of.
pub(super) fn undo(model: &mut Model) -> Command {
    model.undoable = false;
    let asked = std::mem::take(&mut model.asked);
    model.more = vec![Command::Undo; asked.saturating_sub(1)];
    Command::Undo
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::ledger::Group;
    use crate::ui::sample;
    use crate::ui::theme::Look;
    use crate::ui::update::update;

    fn at_start(view: &View) -> Model {
        let mut model = Model::new(Look::default());
        model.take_in(view);
        model
    }

    /// Presses a key: everything it asks for.
    fn press(model: &mut Model, action: Action, view: &View) -> Vec<Command> {
        let first = update(model, action, view);
        first.into_iter().chain(model.more.drain(..)).collect()
    }

    #[test]
    fn what_is_asked_is_asked_of_all_that_are_marked_and_taken_back_from_all() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        let rows: Vec<PeerKey> = model.rows(&view).take(4).collect();
        for _ in 0..3 {
            press(&mut model, Action::Mark, &view);
        }
        assert_eq!(model.selected, Some(rows[3]), "marking goes on to the next row");
        let expected: Vec<_> = model.marked.iter().map(|key| Command::Drop(*key)).collect();
        assert_eq!(press(&mut model, Action::Drop, &view), expected);
        assert!(model.note.as_ref().is_some_and(|note| note.text.starts_with("3 marked peers dropped")));
        assert_eq!(press(&mut model, Action::Undo, &view), [Command::Undo; 3]);
        assert_eq!(press(&mut model, Action::Undo, &view), [Command::Undo]);
        press(&mut model, Action::Back, &view);
        assert_eq!(press(&mut model, Action::Ban, &view), [Command::Ban(rows[3])]);
    }

    #[test]
    fn a_held_screen_shows_what_was_and_keys_act_on_what_is() {
        let mut view = sample::healthy();
        let mut model = at_start(&view);
        press(&mut model, Action::Down, &view);
        press(&mut model, Action::Freeze, &view);
        let rows: Vec<PeerKey> = model.rows(&view).collect();
        let selected = model.selected.unwrap();
        let peer = Arc::make_mut(&mut view.peers[selected.0 as usize]);
        (peer.group, peer.cause) = (Group::Left, Some(crate::event::Cause::ClosedByPeer));
        view.at += Duration::from_secs(60);
        model.clock += Duration::from_secs(60);
        model.take_in(&view);
        assert_eq!(model.rows(model.shown_view(&view)).collect::<Vec<_>>(), rows, "nothing moves");
        assert_eq!(model.selected, Some(selected));
        assert_eq!(press(&mut model, Action::Drop, &view), [], "it is gone");
        assert!(model.note.as_ref().is_some_and(|note| note.text.contains("is gone") && note.trouble));
        assert_eq!(press(&mut model, Action::Retry, &view), [Command::Retry(selected)]);
        view.peers.remove(selected.0 as usize);
        assert_eq!(press(&mut model, Action::Retry, &view), []);
        press(&mut model, Action::Freeze, &view);
        assert_ne!(model.rows(&view).collect::<Vec<_>>(), rows);
    }
}
