//! The defaults as a settings file with comments.

use std::fmt::Write as _;

use super::Settings;
use super::table::{COLUMNS, SETTINGS, quoted};
use super::{keys, themes};
use crate::ui::keymap::{Bound, Keymap, section};
use crate::ui::{self, ColumnChoice, ColumnPart};

const HEAD: &str = "\
# Settings of ttui, with their defaults. It reads $XDG_CONFIG_HOME/ttui/config.toml (~/.config/ttui/config.toml where
# that is not set), or the file that --config names. What is not set keeps its default; the command line wins.
";

const KEYS: &str = "\
# Keys. Every action takes a list of keys, none to take its keys away: a character as it is typed (x, X, ?), space,
# Enter, Esc, Tab, Shift-Tab, Up, Down, Left, Right, PgUp, PgDn, Home, End, Insert, Delete, Backspace, F1 to F12, or
# Ctrl- and a letter. These hold everywhere.
";

/// Every setting with its default and what it does; what [`super::read()`] makes of it are the defaults.
pub fn defaults() -> String {
    let defaults = Settings::default();
    let mut text = HEAD.to_owned();
    let mut table = "";
    for setting in SETTINGS {
        if setting.table != table {
            table = setting.table;
            let before = if table == COLUMNS { of_all_columns() } else { String::new() };
            put(&mut text, &format!("\n{before}[{table}]"));
        }
        put(&mut text, &format!("\n# {}", setting.help));
        put(&mut text, &format!("{} = {}", setting.name, (setting.shown)(&defaults)));
    }
    text.push_str(&themes::printed(&defaults.screen.palettes));
    put(&mut text, &format!("\n{KEYS}[{}]", keys::TABLE));
    let all = Bound::all();
    let mut sections: Vec<_> = all.iter().map(|bound| bound.scope).collect();
    sections.sort_by_key(|scope| !section(*scope).is_empty());
    sections.dedup();
    let mut done = Vec::new();
    for scope in sections {
        if done.contains(&scope) {
            continue;
        }
        done.push(scope);
        if !section(scope).is_empty() {
            put(&mut text, &format!("\n# {}.\n[{}.{}]", scope.title(), keys::TABLE, section(scope)));
        }
        for bound in all.iter().filter(|bound| bound.scope == scope) {
            put(&mut text, &line(*bound, &defaults.keys));
        }
    }
    text
}

/// A settings file of nothing but these columns.
pub fn of_columns(columns: &ColumnChoice) -> String {
    let settings = Settings { columns: columns.clone(), ..Settings::default() };
    let mut text = "# The columns that were last chosen with c. ttui writes this file anew; what the settings name goes before it.\n"
        .to_owned();
    put(&mut text, &format!("[{COLUMNS}]"));
    for setting in SETTINGS.iter().filter(|setting| setting.table == COLUMNS) {
        put(&mut text, &format!("{} = {}", setting.name, (setting.shown)(&settings)));
    }
    text
}

/// What can be written there, as a comment.
fn of_all_columns() -> String {
    let mut lines = vec![
        "Columns of the lists, in their order, as [\"state\", \"client\"]; \"auto\": those last chosen with c, or else as".to_owned(),
        "many as there is room for.".to_owned(),
    ];
    for (part, of) in [(ColumnPart::Live, "Peers have"), (ColumnPart::Torrents, "Torrents have")] {
        lines.push(of.to_owned());
        for name in ui::column_names(part) {
            match lines.last_mut() {
                Some(last) if last.len() + name.len() < 110 => *last += &format!(" {name}"),
                _ => lines.push(name.to_owned()),
            }
        }
    }
    lines.into_iter().map(|line| format!("# {line}\n")).collect()
}

fn line(bound: Bound, keys: &Keymap) -> String {
    let keys: Vec<String> = keys.keys(bound).iter().map(|key| quoted(&key.typed())).collect();
    let set = format!("{} = [{}]", bound.name(), keys.join(", "));
    format!("{set:<32} # {}", bound.help())
}

fn put(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
