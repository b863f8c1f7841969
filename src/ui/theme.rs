//! How things look: roles instead of colours, and three tiers of glyphs.
//!
//! A background is never painted, so dark and light terminals both keep theirs. Meaning never rests on colour
//! alone: every role that carries meaning goes with a glyph or a word.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::units::Units;

/// What a piece of text is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Role {
    /// Ordinary text.
    #[default]
    Text,
    /// What the eye should find first in its line.
    Strong,
    /// Rules, header rows, what is old or waits.
    Dim,
    /// How much is done.
    Progress,
    /// Something good is going on: sending, the throughput.
    Good,
    /// A glyph that says that something is wrong.
    Trouble,
    /// A word beside such a glyph.
    TroubleWord,
    /// A glyph for what is banned, dropped or held.
    Barred,
    /// A word beside such a glyph.
    BarredWord,
}

/// How many colours the terminal takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Colours {
    /// Any.
    True,
    /// The palette of 256.
    Indexed,
    /// The sixteen of old.
    Sixteen,
    /// None, or none wanted: bold, reverse and dim do their work.
    None,
}

/// Which characters the terminal can be trusted with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Glyphs {
    /// Everything the screens use, braille included.
    Braille,
    /// Blocks and lines, no braille.
    Blocks,
    /// ASCII only.
    Ascii,
}

/// What the user asked for with `--color`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ColourChoice {
    /// As the terminal says it can.
    #[default]
    Auto,
    /// None.
    Never,
    /// These.
    Exactly(Colours),
}

/// The look of a screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// How many colours.
    pub colours: Colours,
    /// Which characters.
    pub glyphs: Glyphs,
    /// How sizes are counted.
    pub units: Units,
}

impl Default for Look {
    fn default() -> Self {
        Self { colours: Colours::True, glyphs: Glyphs::Braille, units: Units::Binary }
    }
}

impl Look {
    /// The look for what the user asked and what the environment says (`COLORTERM`, `TERM`, `NO_COLOR`, and the
    /// locale: without UTF-8, and in locales where line and block characters may be two columns wide, ASCII).
    pub fn detect(choice: ColourChoice, ascii: bool, env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let colours = match choice {
            ColourChoice::Never => Colours::None,
            ColourChoice::Exactly(colours) => colours,
            ColourChoice::Auto if set("NO_COLOR").is_some() || term == "dumb" || term.starts_with("vt") => {
                Colours::None
            }
            ColourChoice::Auto => match set("COLORTERM").as_deref() {
                Some("truecolor" | "24bit") => Colours::True,
                _ if term.contains("direct") => Colours::True,
                _ if term.contains("256color") => Colours::Indexed,
                _ => Colours::Sixteen,
            },
        };
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        let wide = ["zh", "ja", "ko"].iter().any(|language| locale.starts_with(language));
        let glyphs = match () {
            () if ascii || !utf8 || wide || term == "dumb" => Glyphs::Ascii,
            // The Linux console's fonts have blocks and lines, but no braille.
            () if term == "linux" => Glyphs::Blocks,
            () => Glyphs::Braille,
        };
        Self { colours, glyphs, units: Units::Binary }
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        let style = Style::new();
        let mono = self.colours == Colours::None;
        match role {
            Role::Text => style,
            Role::Strong => style.add_modifier(Modifier::BOLD),
            Role::Dim => style.add_modifier(Modifier::DIM),
            Role::TroubleWord | Role::BarredWord | Role::Progress if mono => match role {
                Role::Progress => style.add_modifier(Modifier::BOLD),
                _ => style,
            },
            Role::Trouble | Role::Barred if mono => style.add_modifier(Modifier::REVERSED),
            Role::Good if mono => style.add_modifier(Modifier::BOLD),
            Role::Progress => style.fg(self.colour((0, 0x9e, 0x73), 29, Color::Green)),
            Role::Good => style.fg(self.colour((0, 0x72, 0xb2), 32, Color::Cyan)),
            Role::Trouble | Role::TroubleWord => style.fg(self.colour((0xd5, 0x5e, 0), 166, Color::Red)),
            Role::Barred | Role::BarredWord => style.fg(self.colour((0xcc, 0x79, 0xa7), 169, Color::Magenta)),
        }
    }

    fn colour(&self, (r, g, b): (u8, u8, u8), indexed: u8, sixteen: Color) -> Color {
        match self.colours {
            Colours::True => Color::Rgb(r, g, b),
            Colours::Indexed => Color::Indexed(indexed),
            Colours::Sixteen => sixteen,
            Colours::None => Color::Reset,
        }
    }

    /// Whether only ASCII may be shown.
    pub fn is_ascii(&self) -> bool {
        self.glyphs == Glyphs::Ascii
    }
}

/// What the screens' characters become where only ASCII may be shown.
fn ascii_of(symbol: &str) -> &'static str {
    match symbol {
        "─" | "╸" | "–" => "-",
        "━" => "=",
        "│" | "┤" => "|",
        "┼" => "+",
        "█" => "#",
        "▓" => "+",
        "▒" => "-",
        "░" => "~",
        "·" => ".",
        "●" => "*",
        "○" => "o",
        "◐" => "c",
        "◌" => "~",
        "✗" => "x",
        "⊘" => "#",
        "✓" => "+",
        "▲" => "!",
        "▸" | "→" | "…" | "»" => ">",
        "▾" => "v",
        "▴" => "^",
        "‖" => "=",
        "■" => "#",
        "↓" => "v",
        "↑" => "^",
        "←" => "<",
        "µ" => "u",
        "×" => "x",
        _ => "?",
    }
}

/// Replaces everything in the area that is not ASCII. Screens are drawn with their full set of characters and
/// pass through here last, so no string from outside can slip by.
pub(crate) fn to_ascii(buf: &mut Buffer, area: Rect) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            let cell = &mut buf[(x, y)];
            if !cell.symbol().is_ascii() {
                let plain = ascii_of(cell.symbol());
                cell.set_symbol(plain);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(choice: ColourChoice, ascii: bool, vars: &[(&str, &str)]) -> (Colours, Glyphs) {
        let find = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let look = Look::detect(choice, ascii, find);
        (look.colours, look.glyphs)
    }

    #[test]
    fn follows_the_environment() {
        let auto = ColourChoice::Auto;
        let utf8 = ("LANG", "en_GB.UTF-8");
        let full = (Colours::True, Glyphs::Braille);
        assert_eq!(look(auto, false, &[utf8, ("COLORTERM", "truecolor"), ("TERM", "xterm")]), full);
        assert_eq!(look(auto, false, &[utf8, ("TERM", "screen-256color")]).0, Colours::Indexed);
        assert_eq!(look(auto, false, &[utf8, ("TERM", "linux")]), (Colours::Sixteen, Glyphs::Blocks));
        assert_eq!(look(auto, false, &[utf8, ("TERM", "xterm"), ("NO_COLOR", "1")]).0, Colours::None);
        assert_eq!(look(auto, false, &[utf8, ("TERM", "xterm"), ("NO_COLOR", "")]).0, Colours::Sixteen);
        let asked = ColourChoice::Exactly(Colours::Indexed);
        assert_eq!(look(asked, false, &[utf8, ("NO_COLOR", "1")]).0, Colours::Indexed);
    }

    #[test]
    fn falls_back_to_ascii_where_characters_are_missing_or_wide() {
        let auto = ColourChoice::Auto;
        assert_eq!(look(auto, false, &[("LANG", "C"), ("TERM", "xterm")]).1, Glyphs::Ascii);
        assert_eq!(look(auto, false, &[("TERM", "xterm")]).1, Glyphs::Ascii);
        assert_eq!(look(auto, false, &[("LANG", "ja_JP.UTF-8")]).1, Glyphs::Ascii);
        assert_eq!(look(auto, false, &[("LANG", "C"), ("LC_ALL", "C.utf8")]).1, Glyphs::Braille);
        assert_eq!(look(auto, true, &[("LANG", "C.UTF-8")]).1, Glyphs::Ascii);
    }

    #[test]
    fn no_role_paints_a_background_and_mono_has_no_colour() {
        use Role::*;
        for role in [Text, Strong, Dim, Progress, Good, Trouble, TroubleWord, Barred, BarredWord] {
            for colours in [Colours::True, Colours::Indexed, Colours::Sixteen, Colours::None] {
                let style = Look { colours, ..Look::default() }.style(role);
                assert_eq!(style.bg, None);
                assert!(colours != Colours::None || style.fg.is_none(), "{role:?}");
            }
        }
    }
}
