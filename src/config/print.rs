//! The defaults as a settings file with comments.

use std::fmt::Write as _;

use super::Settings;
use super::keys;
use super::table::{SETTINGS, quoted};
use crate::ui::keymap::{Bound, Keymap, section};

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
            put(&mut text, &format!("\n[{table}]"));
        }
        put(&mut text, &format!("\n# {}", setting.help));
        put(&mut text, &format!("{} = {}", setting.name, (setting.shown)(&defaults)));
    }
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

fn line(bound: Bound, keys: &Keymap) -> String {
    let keys: Vec<String> = keys.keys(bound).iter().map(|key| quoted(&key.typed())).collect();
    let set = format!("{} = [{}]", bound.name(), keys.join(", "));
    format!("{set:<32} # {}", bound.help())
}

fn put(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
