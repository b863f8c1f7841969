//! The keys of the settings file.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeValue;

use super::Problem;
use crate::ui::action::{Action, Key};
use crate::ui::keymap::{Bound, Conflict, Keymap, section};

/// The table of the keys.
pub(super) const TABLE: &str = "keys";

/// The keys read so far, and where each was set.
#[derive(Default)]
pub(super) struct Keys {
    map: Keymap,
    set_at: BTreeMap<String, usize>,
}

/// How a setting of keys is called in full.
pub(super) fn full_name(bound: Bound) -> String {
    in_full(bound, bound.name())
}

fn in_full(bound: Bound, name: &str) -> String {
    match section(bound.scope) {
        "" => format!("{TABLE}.{name}"),
        section => format!("{TABLE}.{section}.{name}"),
    }
}

/// What keys can be bound to under this name, or could be under it once.
fn find(key: &str) -> Option<Bound> {
    let called = |bound: &Bound| {
        let former = bound.former_name().map(|name| in_full(*bound, name));
        full_name(*bound) == key || former.as_deref() == Some(key)
    };
    Bound::all().into_iter().find(called)
}

/// Whether there is a table of this name.
pub(super) fn is_table(key: &str) -> bool {
    Bound::all().iter().any(|bound| full_name(*bound).starts_with(&format!("{key}.")))
}

impl Keys {
    /// Takes the keys that the setting of this full name gives.
    pub(super) fn take(
        &mut self,
        key: &str,
        value: &DeValue<'_>,
        found: String,
        at: &Range<usize>,
    ) -> Result<(), Problem> {
        let bound = find(key).ok_or_else(|| Problem::UnknownSetting { key: key.to_owned() })?;
        let unexpected = |expected: &str, found: String| Problem::Unexpected {
            key: key.to_owned(),
            expected: expected.to_owned(),
            found,
        };
        let names: Option<Vec<&str>> = match value {
            DeValue::String(name) => Some(vec![name.as_ref()]),
            DeValue::Array(names) => names.iter().map(|name| name.get_ref().as_str()).collect(),
            _ => None,
        };
        let names =
            names.ok_or_else(|| unexpected("a list of keys, as [\"x\", \"Ctrl-X\", \"F5\"]", found))?;
        let mut keys = Vec::new();
        for name in names {
            let pressed = Key::parse(name).ok_or_else(|| {
                let expected =
                    "the name of a key, as \"x\", \"space\", \"Enter\", \"PgUp\", \"F5\" or \"Ctrl-X\"";
                unexpected(expected, super::table::quoted(&crate::text::clean(name, 40)))
            })?;
            if !keys.contains(&pressed) {
                keys.push(pressed);
            }
        }
        if keys.is_empty() && bound.action == Action::QuitNow {
            return Err(unexpected("one key at least, so that there is a way out", "none".to_owned()));
        }
        self.map.bind(bound, keys);
        self.set_at.insert(full_name(bound), at.start);
        Ok(())
    }

    /// The keys, once all are read; or where two are in each other's way.
    pub(super) fn finish(self) -> Result<Keymap, (usize, Problem)> {
        match self.map.conflict() {
            None => Ok(self.map),
            Some(conflict) => Err(self.named(&conflict)),
        }
    }

    /// Names the conflict at the one of both that was set last.
    fn named(&self, conflict: &Conflict) -> (usize, Problem) {
        let (mut here, mut other) = (conflict.one, conflict.other);
        let at = |bound| self.set_at.get(&full_name(bound));
        if at(here) < at(other) {
            std::mem::swap(&mut here, &mut other);
        }
        let problem = Problem::Conflict {
            key: full_name(here),
            pressed: conflict.key.typed(),
            other: full_name(other),
            other_does: other.help().to_owned(),
        };
        (at(here).copied().unwrap_or_default(), problem)
    }
}
