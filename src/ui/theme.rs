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

/// A choice of colours and accents.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Theme {
    /// Quiet: readable on dark and on light terminals.
    #[default]
    Default,
    /// Nothing dim, colours as far from black as from white, whatever has one in bold.
    HighContrast,
    /// No colours: bold, reverse and dim do their work.
    Mono,
}

/// A colour in every tier that has any.
struct Hue {
    rgb: (u8, u8, u8),
    indexed: u8,
    sixteen: Color,
}

const fn hue(rgb: (u8, u8, u8), indexed: u8, sixteen: Color) -> Hue {
    Hue { rgb, indexed, sixteen }
}

/// The colours of a theme.
struct Palette {
    good: Hue,
    trouble: Hue,
    progress: Hue,
    barred: Hue,
}

const QUIET: Palette = Palette {
    good: hue((0, 0x72, 0xb2), 32, Color::Cyan),
    trouble: hue((0xd5, 0x5e, 0), 166, Color::Red),
    progress: hue((0, 0x9e, 0x73), 29, Color::Green),
    barred: hue((0xcc, 0x79, 0xa7), 169, Color::Magenta),
};

const STRONG: Palette = Palette {
    good: hue((0, 0x78, 0xce), 63, Color::Cyan),
    trouble: hue((0xcc, 0x4b, 0x14), 130, Color::Red),
    progress: hue((0x0d, 0x87, 0x4a), 29, Color::Green),
    barred: hue((0xdc, 0, 0xa5), 163, Color::Magenta),
};

/// The look of a screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// How many colours.
    pub colours: Colours,
    /// Which of them.
    pub theme: Theme,
    /// Which characters.
    pub glyphs: Glyphs,
    /// How sizes are counted.
    pub units: Units,
}

impl Default for Look {
    fn default() -> Self {
        Self { colours: Colours::True, theme: Theme::Default, glyphs: Glyphs::Braille, units: Units::Binary }
    }
}

impl Look {
    /// The look for what the user asked and what the environment says (`COLORTERM`, `TERM`, `NO_COLOR`, and the
    /// locale: without UTF-8, and in locales where line and block characters may be two columns wide, ASCII).
    pub fn detect(
        theme: Theme,
        choice: ColourChoice,
        ascii: bool,
        env: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let colours = match choice {
            _ if theme == Theme::Mono => Colours::None,
            ColourChoice::Never => Colours::None,
            ColourChoice::Exactly(colours) => colours,
            ColourChoice::Auto if set("NO_COLOR").is_some() || term == "dumb" || term.starts_with("vt") => {
                Colours::None
            }
            ColourChoice::Auto => match set("COLORTERM").as_deref() {
                Some("truecolor" | "24bit") => Colours::True,
                _ if term.contains("direct") => Colours::True,
                _ if term.contains("256color") => Colours::Indexed,
                _ if term.is_empty() && set("WT_SESSION").is_some() => Colours::True,
                _ => Colours::Sixteen,
            },
        };
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        // Windows has no such variables, and its Terminal draws everything.
        let modern = locale.is_empty() && set("WT_SESSION").is_some();
        let utf8 = modern || locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        let wide = ["zh", "ja", "ko"].iter().any(|language| locale.starts_with(language));
        let glyphs = match () {
            // The Linux console's fonts have a few hundred glyphs, and which ones is nobody's guess.
            () if ascii || !utf8 || wide || matches!(term.as_str(), "dumb" | "linux") => Glyphs::Ascii,
            () => Glyphs::Braille,
        };
        Self { colours, theme, glyphs, units: Units::Binary }
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        let style = Style::new();
        let strong = self.theme == Theme::HighContrast;
        let palette = if strong { &STRONG } else { &QUIET };
        match role {
            Role::Text => style,
            Role::Dim if strong => style,
            Role::Dim => style.add_modifier(Modifier::DIM),
            Role::Strong => style.add_modifier(Modifier::BOLD),
            _ if self.colours == Colours::None => match role {
                Role::Trouble | Role::Barred => style.add_modifier(Modifier::REVERSED),
                Role::TroubleWord | Role::BarredWord if !strong => style,
                _ => style.add_modifier(Modifier::BOLD),
            },
            _ => {
                let hue = match role {
                    Role::Progress => &palette.progress,
                    Role::Trouble | Role::TroubleWord => &palette.trouble,
                    Role::Barred | Role::BarredWord => &palette.barred,
                    Role::Good | Role::Text | Role::Strong | Role::Dim => &palette.good,
                };
                let style = style.fg(self.colour(hue));
                if strong { style.add_modifier(Modifier::BOLD) } else { style }
            }
        }
    }

    fn colour(&self, hue: &Hue) -> Color {
        let (r, g, b) = hue.rgb;
        match self.colours {
            Colours::True => Color::Rgb(r, g, b),
            Colours::Indexed => Color::Indexed(hue.indexed),
            Colours::Sixteen => hue.sixteen,
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
        "│" | "┃" | "┤" => "|",
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
        let look = Look::detect(Theme::Default, choice, ascii, find);
        (look.colours, look.glyphs)
    }

    #[test]
    fn follows_the_environment() {
        let auto = ColourChoice::Auto;
        let utf8 = ("LANG", "en_GB.UTF-8");
        let full = (Colours::True, Glyphs::Braille);
        assert_eq!(look(auto, false, &[utf8, ("COLORTERM", "truecolor"), ("TERM", "xterm")]), full);
        assert_eq!(look(auto, false, &[utf8, ("TERM", "screen-256color")]).0, Colours::Indexed);
        assert_eq!(look(auto, false, &[utf8, ("TERM", "linux")]), (Colours::Sixteen, Glyphs::Ascii));
        assert_eq!(look(auto, false, &[("WT_SESSION", "1")]), full);
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

    const ROLES: [Role; 9] = {
        use Role::*;
        [Text, Strong, Dim, Progress, Good, Trouble, TroubleWord, Barred, BarredWord]
    };

    fn looks() -> impl Iterator<Item = Look> {
        let tiers = [Colours::True, Colours::Indexed, Colours::Sixteen, Colours::None];
        let themes = [Theme::Default, Theme::HighContrast];
        let look = move |colours| themes.map(|theme| Look { colours, theme, ..Look::default() });
        tiers.into_iter().flat_map(look)
    }

    #[test]
    fn no_role_paints_a_background_and_mono_has_no_colour() {
        for look in looks() {
            for role in ROLES {
                let style = look.style(role);
                assert_eq!(style.bg, None);
                assert!(look.colours != Colours::None || style.fg.is_none(), "{role:?}");
            }
        }
    }

    #[test]
    fn the_mono_theme_has_no_colours_whatever_the_terminal_can() {
        let env = |name: &str| Some(if name == "COLORTERM" { "truecolor" } else { "C.UTF-8" }.to_owned());
        let choice = ColourChoice::Exactly(Colours::True);
        assert_eq!(Look::detect(Theme::Mono, choice, false, env).colours, Colours::None);
        assert_eq!(Look::detect(Theme::HighContrast, choice, false, env).colours, Colours::True);
    }

    /// The colour of an index of the palette of 256, where it is not the terminal's own.
    fn of_index(index: u8) -> (u8, u8, u8) {
        let at = index.checked_sub(16).filter(|at| *at < 216).expect("a colour of the cube");
        let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
        (level(at / 36), level(at / 6 % 6), level(at % 6))
    }

    /// How bright a colour is to the eye, as WCAG 2 has it.
    fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    #[test]
    fn every_colour_can_be_read_on_black_and_on_white() {
        for look in looks() {
            for role in ROLES {
                let rgb = match look.style(role).fg {
                    Some(Color::Rgb(r, g, b)) => (r, g, b),
                    Some(Color::Indexed(index)) => of_index(index),
                    // The terminal's own sixteen are as its user likes them.
                    _ => continue,
                };
                let (on_black, on_white) = ((luminance(rgb) + 0.05) / 0.05, 1.05 / (luminance(rgb) + 0.05));
                let least = if look.theme == Theme::HighContrast { 4.4 } else { 3.0 };
                assert!(
                    on_black >= least && on_white >= least,
                    "{look:?} {role:?}: {on_black:.2} {on_white:.2}"
                );
            }
        }
    }

    #[test]
    fn high_contrast_dims_nothing_and_mono_tells_glyphs_of_trouble_from_the_rest() {
        for look in looks().filter(|look| look.theme == Theme::HighContrast) {
            assert_eq!(look.style(Role::Dim), Style::new());
        }
        for look in looks().filter(|look| look.colours == Colours::None) {
            for role in [Role::Trouble, Role::Barred] {
                assert!(look.style(role).add_modifier.contains(Modifier::REVERSED));
            }
        }
    }
}
