//! How things look: colours by meaning, and three tiers of glyphs.
//!
//! | file | holds |
//! |---|---|
//! | `role` | what a piece of the screen is for |
//! | `palette` | the one table of colours, and what settings make of it |
//! | `colour` | colours as numbers: brightness, what lies between, what comes nearest |
//! | `ascii` | the screens in ASCII |
//!
//! No background is painted but the bar of the selected row. Where there are 256 colours or more every text has a
//! foreground from the palette, never the terminal's. Meaning does not rest on colour alone: every role that carries
//! meaning goes with a glyph or a word.

mod ascii;
mod colour;
mod palette;
mod role;
#[cfg(test)]
pub(crate) mod tests;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier, Style};

pub(crate) use self::ascii::to_ascii;
pub use self::colour::Shade;
pub use self::palette::{MEANINGS, Meaning, Palette, Palettes, Scheme};
pub use self::role::{HUES, Role, STEPS};
#[cfg(test)]
pub(crate) use self::{colour::contrast, palette::RAMPS, tests::grounds};
use crate::units::Units;

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
    /// Quiet, for the terminal's background.
    #[default]
    Auto,
    /// Quiet, on a dark background.
    Dark,
    /// Quiet, on a light one.
    Light,
    /// Nothing dim, more contrast, whatever has a hue in bold; for the terminal's background.
    HighContrast,
    /// No colours: bold, reverse and dim do their work.
    Mono,
}

/// What is behind the text on a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ground {
    /// Dark, or not known.
    #[default]
    Dark,
    /// Light.
    Light,
}

impl Ground {
    /// Which one this red, green and blue is: light where black text stands out better than white.
    pub fn of([red, green, blue]: [u8; 3]) -> Self {
        const MIDDLE: f32 = 0.179;
        if colour::Rgb(red, green, blue).luminance() > MIDDLE { Self::Light } else { Self::Dark }
    }
}

impl Theme {
    /// Whether it depends on the terminal's background.
    pub fn follows_the_ground(self) -> bool {
        matches!(self, Self::Auto | Self::HighContrast)
    }

    /// The palette's scheme on this background.
    pub fn scheme(self, ground: Ground) -> Scheme {
        match (self, ground) {
            (Self::Dark, _) | (Self::Auto | Self::Mono, Ground::Dark) => Scheme::Dark,
            (Self::Light, _) | (Self::Auto | Self::Mono, Ground::Light) => Scheme::Light,
            (Self::HighContrast, Ground::Dark) => Scheme::ContrastDark,
            (Self::HighContrast, Ground::Light) => Scheme::ContrastLight,
        }
    }
}

/// The look of a screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// How many colours.
    pub colours: Colours,
    /// Which of them.
    pub palette: Palette,
    /// Which characters.
    pub glyphs: Glyphs,
    /// How sizes are counted.
    pub units: Units,
}

impl Default for Look {
    fn default() -> Self {
        let palette = Palette::of(Scheme::Dark);
        Self { colours: Colours::True, palette, glyphs: Glyphs::Braille, units: Units::Binary }
    }
}

/// The middle of a ramp.
const HALF: u8 = STEPS / 2;

impl Look {
    /// The look for what the user asked and what the environment says (`COLORTERM`, `TERM`, `NO_COLOR`, and the
    /// locale: without UTF-8, and in locales where line and block characters may be two columns wide, ASCII). The
    /// palette is the one for a dark background.
    pub fn detect(
        theme: Theme,
        palettes: &Palettes,
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
        let palette = *palettes.of(theme.scheme(Ground::default()));
        Self { colours, palette, glyphs, units: Units::Binary }
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        let style = Style::new().add_modifier(self.emphasis(role));
        match (self.colour(role), role) {
            (Color::Reset, _) => style,
            (colour, Role::Selected) => style.fg(self.colour(Role::Text)).bg(colour),
            (colour, _) => style.fg(colour),
        }
    }

    fn colour(&self, role: Role) -> Color {
        let ink = self.palette.ink(role);
        match self.colours {
            Colours::True => ink.full,
            Colours::Indexed => ink.indexed,
            Colours::Sixteen => ink.sixteen,
            Colours::None => Color::Reset,
        }
    }

    /// What a role has beside its colour: where colours are few or none, that has to do.
    fn emphasis(&self, role: Role) -> Modifier {
        let strong = self.palette.strong;
        let few = matches!(self.colours, Colours::Sixteen | Colours::None);
        match (self.colours, role) {
            (_, Role::Strong) => Modifier::BOLD,
            (_, Role::Selected) if few => Modifier::REVERSED,
            (_, Role::Dim | Role::Rule | Role::Harmless | Role::Info) if few && !strong => Modifier::DIM,
            // Without tints, one half of them is told from the other.
            (_, Role::Failed(..HALF) | Role::Delayed(..HALF)) if few && !strong => Modifier::DIM,
            (Colours::None, Role::Trouble | Role::Barred | Role::Warning | Role::Error) => Modifier::REVERSED,
            (Colours::None, Role::Progress | Role::Sending | Role::Down | Role::Up | Role::Arriving)
            | (Colours::Sixteen, Role::Arriving) => Modifier::BOLD,
            (Colours::None, Role::TroubleWord | Role::BarredWord | Role::WarningWord | Role::ErrorWord)
                if strong =>
            {
                Modifier::BOLD
            }
            (Colours::None, _) => Modifier::empty(),
            _ if strong && !role.is_plain() => Modifier::BOLD,
            _ => Modifier::empty(),
        }
    }

    /// Lays the bar of the selected row behind a cell. What is dim is text there: on the bar it would be too faint.
    pub(crate) fn select(&self, cell: &mut Cell) {
        match self.colours {
            Colours::True | Colours::Indexed => {
                let faint = [Role::Dim, Role::Rule, Role::Harmless, Role::Info].map(|role| self.colour(role));
                let tinted = |ramp: fn(u8) -> Role| (0..STEPS).any(|step| self.colour(ramp(step)) == cell.fg);
                let faint = faint.contains(&cell.fg) || tinted(Role::Failed) || tinted(Role::Delayed);
                if cell.fg == Color::Reset || faint {
                    cell.fg = self.colour(Role::Text);
                }
                // Of the 256 the green of verified pieces is too near the bar.
                if self.colours == Colours::Indexed && cell.fg == self.colour(Role::Verified) {
                    cell.fg = self.colour(Role::Progress);
                }
                cell.bg = self.colour(Role::Selected);
            }
            // The terminal's own colours may be too near each other: one bar in the colours of its text.
            Colours::Sixteen => {
                (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
                cell.modifier.insert(Modifier::REVERSED);
            }
            // What is reversed by itself stands out of the bar too.
            Colours::None => cell.modifier.toggle(Modifier::REVERSED),
        }
        cell.modifier.remove(Modifier::DIM);
        cell.modifier.insert(Modifier::BOLD);
    }

    /// Puts the cursor on a cell.
    pub(crate) fn point(cell: &mut Cell) {
        cell.modifier.remove(Modifier::DIM);
        cell.modifier.insert(Modifier::REVERSED);
    }

    /// Whether only ASCII may be shown.
    pub fn is_ascii(&self) -> bool {
        self.glyphs == Glyphs::Ascii
    }
}
