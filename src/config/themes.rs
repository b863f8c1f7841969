//! The colours of the themes in the settings file: a table a theme, in it a colour a meaning.

use std::fmt::Write as _;

use toml::de::DeValue;

use super::table;
use crate::ui::{MEANINGS, Meaning, Palettes, Scheme, Shade};

/// The table that holds those of the themes.
const TABLE: &str = "theme";
/// What a meaning takes, in words.
pub(super) const EXPECTED: &str = "a colour, as \"#d3d9e0\", or a number of the 256, from 0 to 255";

const HEAD: &str = "\
# Colours by what they mean: \"#rrggbb\", or a number of the terminal's 256. The themes auto and high-contrast take the
# table for the terminal's background. Where there are fewer colours the nearest is taken. Bars, graphs and ramps have
# every colour between their two ends.
";

/// Whether there is a table of this name.
pub(super) fn is_table(key: &str) -> bool {
    key == TABLE || scheme(key).is_some_and(|(_, name)| name.is_empty())
}

/// The theme that a name begins with, and what stands behind that.
fn scheme(key: &str) -> Option<(Scheme, &str)> {
    let inside = key.strip_prefix(TABLE)?.strip_prefix('.')?;
    let (name, rest) = inside.split_once('.').unwrap_or((inside, ""));
    Scheme::ALL.into_iter().find(|scheme| scheme.name() == name).map(|scheme| (scheme, rest))
}

/// Takes the colour that the setting of this full name gives; `None`: it is none of a colour. `Some(None)`: the value is
/// no colour.
pub(super) fn take(palettes: &mut Palettes, key: &str, value: &DeValue<'_>) -> Option<Option<()>> {
    let (scheme, name) = scheme(key)?;
    let Meaning { role, .. } = MEANINGS.iter().find(|meaning| meaning.name == name)?;
    let shade = match value.as_str() {
        Some(text) => Shade::parse(text),
        None => table::whole(value).map(Shade::index),
    };
    Some(shade.map(|shade| palettes.of_mut(scheme).set(*role, shade)))
}

/// The tables with every colour and what it is for.
pub(super) fn printed(palettes: &Palettes) -> String {
    let mut text = String::new();
    for (scheme, head) in Scheme::ALL.into_iter().zip([HEAD, "", "", ""]) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{head}[{TABLE}.{}]", scheme.name());
        for Meaning { role, name, help, .. } in &MEANINGS {
            let set = format!("{name} = {}", palettes.of(scheme).shade(*role));
            let _ = writeln!(text, "{set:<32} # {help}");
        }
    }
    text
}
