//! With every key bound to another one, no screen names a key of the table.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::KeyCode;

use super::*;
use crate::ui::action::{Action, BINDINGS, Key};
use crate::ui::filter::List;
use crate::ui::keymap::Bound;
use crate::ui::model::Note;
use crate::ui::{Keymap, prompt, update};

/// Every line of the table with a key that is in no text: a letter of the Cyrillic alphabet.
fn elsewhere() -> Keymap {
    let mut keys = Keymap::default();
    for (bound, letter) in Bound::all().into_iter().zip('\u{410}'..) {
        keys.bind(bound, vec![Key { code: KeyCode::Char(letter), ctrl: false }]);
    }
    keys
}

/// Signs that are keys, and of which the screens have no other use when they stand alone.
const SIGNS: [&str; 9] = ["/", "?", "@", "[", "]", "Esc", "Enter", "Tab", "space"];
/// Keys that are named together.
const TOGETHER: [&str; 6] = ["1-6", "↑ ↓", "← →", "< >", ", .", "+ -"];

/// The letters of the table, and the signs above.
fn names() -> BTreeSet<String> {
    let named = BINDINGS.iter().flat_map(|line| line.keys).map(|key| key.name());
    // An article, and the numbers of things.
    let letters = named.filter(|name| {
        let mut chars = name.chars();
        matches!((chars.next(), chars.next()), (Some(c), None) if c.is_ascii_alphabetic() && c != 'a')
            || name.starts_with("Ctrl-")
    });
    letters.chain(SIGNS.map(str::to_owned)).collect()
}

/// The first key of the table that a row names.
fn named_in(row: &str, names: &BTreeSet<String>) -> Option<String> {
    if let Some(both) = TOGETHER.iter().find(|both| row.contains(**both)) {
        return Some((*both).to_owned());
    }
    let words: Vec<&str> =
        row.split([' ', '·', '(', ')', ',', ';', ':']).filter(|word| !word.is_empty()).collect();
    let is_name = |at: &usize| {
        let word = words[*at].trim_end_matches('.');
        let before = at.checked_sub(1).map_or("", |before| words[before]);
        let after = words.get(at + 1).copied().unwrap_or_default();
        // Seconds and bytes; and the sign of a piece that failed, in the legend.
        let is_unit = matches!(word, "s" | "B" | "B/s") && before.ends_with(|c: char| c.is_ascii_digit());
        // A sender of blocks goes by a letter, and its address follows.
        let is_sender = after.starts_with(|c: char| c.is_ascii_digit() || c == '[');
        names.contains(word)
            && !is_unit
            && !is_sender
            && !matches!(
                (word, after),
                ("x", "failed" | "a") | ("A", "peer's" | "tracker's" | "block" | "router")
            )
    };
    (0..words.len()).find(is_name).map(|at| words[at].to_owned())
}

/// Fails where the screen names a key of the table.
fn names_none(what: &str, model: &Model, view: &View, names: &BTreeSet<String>) {
    let rows = text_rows(&drawn(model, view));
    for row in &rows {
        // Rows of the grid are made of signs.
        let is_grid = row.trim().chars().filter(|c| "█▓▒░·!x▸".contains(*c)).count() > 20;
        // The letters of the flags are explained by themselves.
        let is_flags = row.contains("D: it serves us");
        let named = named_in(row, names).filter(|_| !is_grid && !is_flags);
        assert_eq!(named, None, "{what}: {row}\n{}", rows.join("\n"));
    }
    assert!(!rows.iter().any(|row| row.contains(" a add")), "{what}");
}

#[test]
fn no_key_of_the_table_is_named_where_all_are_bound_elsewhere() {
    let names = names();
    let keys = Arc::new(elsewhere());
    assert_eq!(keys.conflict(), None);
    for (moment, ..) in sample::MOMENTS {
        let view = sample::moment(moment);
        for size in [(40, 10), (80, 24), (200, 60)] {
            // Most pages say the same at every moment.
            let all = ["healthy", "barred", "stalled"].contains(&moment);
            // The letters in the menu of orders are no keys of the table.
            let pages = PAGES.into_iter().filter(|(page, _)| *page != "order");
            for (page, change) in pages.take(if all { PAGES.len() } else { 1 }) {
                let mut model = model(Look::default(), size, &view);
                model.keys = Arc::clone(&keys);
                change(&mut model);
                names_none(&format!("{moment}, {page}, {size:?}"), &model, &view, &names);
                update(&mut model, Action::Freeze, &view);
                names_none(&format!("{moment}, {page}, held"), &model, &view, &names);
                let mut replayed = crate::ui::replay::tests::standing(&view);
                (replayed.keys, replayed.size) = (Arc::clone(&keys), size);
                change(&mut replayed);
                names_none(&format!("{moment}, {page}, replayed"), &replayed, &view, &names);
            }
        }
    }
}

#[test]
fn nor_is_any_in_what_is_said_of_a_peer_or_an_answer() {
    let names = names();
    let keys = Arc::new(elsewhere());
    let start = |view: &View| {
        let mut model = model(Look::default(), (120, 40), view);
        model.keys = Arc::clone(&keys);
        model
    };
    for (view, key) in sample::one_of_each() {
        let mut model = start(&view);
        model.selected = Some(key);
        model.open.push(Mode::Peer { bytes: false });
        names_none(&format!("the page of {key:?}"), &model, &view, &names);
    }
    let view = sample::healthy();
    let mut model = start(&view);
    // Nobody is like that, on every list that can be filtered.
    for (list, page) in [(List::Peers, "peers"), (List::Log, "log"), (List::Keys, "keys")] {
        let mut there = model.clone();
        PAGES.iter().find(|(name, _)| *name == page).unwrap().1(&mut there);
        prompt::filter(&mut there, list, "nobodyatall", &view);
        names_none(page, &there, &view, &names);
        there.log_of = Some(PeerKey(0));
        names_none(page, &there, &view, &names);
    }
    model.screen = Screen::Peers;
    for action in
        [Action::NextTab, Action::NextTab, Action::NextTab, Action::NextTab, Action::NextTab, Action::NextTab]
    {
        update(&mut model, action, &view);
        names_none("a tab", &model, &view, &names);
    }
    // What is answered to keys.
    for action in
        [Action::Mark, Action::Mark, Action::Drop, Action::Quit, Action::Copy, Action::Mouse, Action::Units]
    {
        update(&mut model, action, &view);
        names_none(&format!("after {action:?}"), &model, &view, &names);
        if let Some(Note { text, .. }) = model.note.take() {
            assert_eq!(named_in(&text, &names), None, "{text}");
        }
    }
    let mut welcome = start(&view);
    (welcome.welcome, welcome.clock) = (true, Duration::ZERO);
    names_none("the welcome", &welcome, &view, &names);
    // A row of the log that was scrolled to.
    let mut log = start(&view);
    log.screen = Screen::Log;
    for _ in 0..99 {
        update(&mut log, Action::Up, &view);
    }
    names_none("the log", &log, &view, &names);
}
