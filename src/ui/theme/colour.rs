//! Colours as numbers: how bright they are, what lies between two, and which of the terminal's come nearest.

use std::fmt;
use std::sync::LazyLock;

use ratatui::style::Color;

/// Red, green and blue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Rgb(pub(super) u8, pub(super) u8, pub(super) u8);

/// A colour as settings give it: in full, or by its number among the terminal's 256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Shade(pub(super) Color);

impl Shade {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let all = digits.chars().all(|c| c.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| all)?;
        Some(Self(Rgb::of(number).into()))
    }

    /// The colour of this number.
    pub fn index(number: u8) -> Self {
        Self(Color::Indexed(number))
    }
}

impl fmt::Display for Shade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Color::Indexed(number) => write!(f, "{number}"),
            other => {
                let Rgb(r, g, b) = Rgb::shown(other);
                write!(f, "\"#{r:02x}{g:02x}{b:02x}\"")
            }
        }
    }
}

impl From<Rgb> for Color {
    fn from(Rgb(r, g, b): Rgb) -> Self {
        Self::Rgb(r, g, b)
    }
}

/// The sixteen as xterm has them; every terminal has its own.
const SIXTEEN: [u32; 16] = [
    0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000,
    0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
];

/// The first of the 256 whose colour does not depend on the terminal.
const FIXED: u8 = 16;

impl Rgb {
    pub(super) const fn of(number: u32) -> Self {
        let [_, r, g, b] = number.to_be_bytes();
        Self(r, g, b)
    }

    /// A colour of the terminal, as far as it is known.
    pub(super) fn shown(colour: Color) -> Self {
        match colour {
            Color::Rgb(r, g, b) => Self(r, g, b),
            Color::Indexed(number) => Self::of_index(number),
            _ => Self(0x80, 0x80, 0x80),
        }
    }

    /// The colour of a number of the 256: the sixteen, a cube of six levels, and greys.
    pub(super) fn of_index(number: u8) -> Self {
        let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
        match number {
            0..16 => Self::of(SIXTEEN[usize::from(number)]),
            16..232 => {
                let at = number - 16;
                Self(level(at / 36), level(at / 6 % 6), level(at % 6))
            }
            232.. => {
                let grey = 8 + 10 * (number - 232);
                Self(grey, grey, grey)
            }
        }
    }

    fn linear(self) -> [f32; 3] {
        [self.0, self.1, self.2].map(|part| {
            let part = f32::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn from_linear(linear: [f32; 3]) -> Self {
        let [r, g, b] = linear.map(|part| {
            let part = part.clamp(0.0, 1.0);
            let part = if part <= 0.003_130_8 { part * 12.92 } else { 1.055 * part.powf(1.0 / 2.4) - 0.055 };
            (part * 255.0).round() as u8
        });
        Self(r, g, b)
    }

    /// The colour `step` of `last` steps from here to there. It is as bright as lies between them: where both ends
    /// can be read, it can.
    pub(super) fn towards(self, other: Self, step: u8, last: u8) -> Self {
        let share = f32::from(step) / f32::from(last.max(1));
        let (from, to) = (self.linear(), other.linear());
        Self::from_linear([0, 1, 2].map(|part| from[part] + (to[part] - from[part]) * share))
    }

    /// Where the eye sees it (Oklab): brightness, green to red, blue to yellow. Distances there are differences seen.
    fn seen(self) -> [f32; 3] {
        let [r, g, b] = self.linear();
        let long = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
        let middle = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
        let short = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
        [
            0.210_454_26 * long + 0.793_617_8 * middle - 0.004_072_047 * short,
            1.977_998_5 * long - 2.428_592_2 * middle + 0.450_593_7 * short,
            0.025_904_037 * long + 0.782_771_77 * middle - 0.808_675_77 * short,
        ]
    }

    /// The number of the 256 that comes nearest, of those that are the same everywhere.
    pub(super) fn nearest_index(self) -> u8 {
        static SEEN: LazyLock<Vec<(u8, [f32; 3])>> =
            LazyLock::new(|| (FIXED..=255).map(|number| (number, Rgb::of_index(number).seen())).collect());
        let here = self.seen();
        let far = |there: [f32; 3]| (0..3).map(|part| (here[part] - there[part]).powi(2)).sum::<f32>();
        let nearest = SEEN.iter().min_by(|one, other| far(one.1).total_cmp(&far(other.1)));
        nearest.map_or(FIXED, |(number, _)| *number)
    }

    /// The one of the sixteen whose hue comes nearest; what has none is text.
    pub(super) fn nearest_of_sixteen(self) -> Color {
        const HUES: [(u8, Color); 6] = [
            (1, Color::Red),
            (2, Color::Green),
            (3, Color::Yellow),
            (4, Color::Blue),
            (5, Color::Magenta),
            (6, Color::Cyan),
        ];
        /// Less colour than this is grey.
        const GREY: f32 = 0.04;
        let [_, a, b] = self.seen();
        let much = a.hypot(b);
        if much < GREY {
            return Color::Reset;
        }
        let alike = |number: u8| {
            let [_, its_a, its_b] = Self::of_index(number).seen();
            (a * its_a + b * its_b) / (much * its_a.hypot(its_b))
        };
        let nearest = HUES.iter().max_by(|one, other| alike(one.0).total_cmp(&alike(other.0)));
        nearest.map_or(Color::Reset, |(_, colour)| *colour)
    }

    /// How bright it is to the eye, as WCAG 2 has it.
    pub(super) fn luminance(self) -> f32 {
        let [r, g, b] = self.linear();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

/// The contrast of two colours, as WCAG 2 has it: from 1 to 21.
#[cfg(test)]
pub(crate) fn contrast(one: Color, other: Color) -> f32 {
    let (one, other) = (Rgb::shown(one).luminance() + 0.05, Rgb::shown(other).luminance() + 0.05);
    one.max(other) / one.min(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_wcag() {
        let (black, white) = (Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255));
        assert!((contrast(black, white) - 21.0).abs() < 0.01);
        // The example of the specification's guide: #777777 on white.
        assert!((contrast(Color::Rgb(0x77, 0x77, 0x77), white) - 4.48).abs() < 0.01);
        assert!((contrast(white, white) - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_colour_of_the_256_is_the_nearest_to_itself() {
        for number in FIXED..=255 {
            let colour = Rgb::of_index(number);
            assert_eq!(Rgb::of_index(colour.nearest_index()), colour, "{number}");
        }
    }

    #[test]
    fn hues_become_those_of_the_sixteen_and_greys_text() {
        for (number, colour) in [
            (0xd55e00, Color::Red),
            (0x009e73, Color::Green),
            (0xe0c24a, Color::Yellow),
            (0x40c8d8, Color::Cyan),
            (0x2020e0, Color::Blue),
            (0xcc79d7, Color::Magenta),
            (0xd3d9e0, Color::Reset),
        ] {
            assert_eq!(Rgb::of(number).nearest_of_sixteen(), colour, "{number:06x}");
        }
    }

    #[test]
    fn a_shade_is_read_as_it_is_written() {
        assert_eq!(Shade::parse("#D3d9e0").unwrap().to_string(), "\"#d3d9e0\"");
        assert_eq!(Shade::index(166).to_string(), "166");
        for wrong in ["", "d3d9e0", "#d3d9e", "#d3d9e00", "#+3d9e0", "#d3d9eg", "red"] {
            assert_eq!(Shade::parse(wrong), None, "{wrong}");
        }
    }
}
