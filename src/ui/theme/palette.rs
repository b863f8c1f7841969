//! The palettes: one table, each meaning in the colours of every scheme.

use std::sync::LazyLock;

use ratatui::style::Color;

use super::colour::{Rgb, Shade};
use super::role::{LAST_STEP, Role, SLOTS, STEPS};

/// For which background a palette is made, and how strong it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// On a dark background.
    Dark,
    /// On a light one.
    Light,
    /// With more contrast, on a dark background.
    ContrastDark,
    /// With more contrast, on a light one.
    ContrastLight,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::ContrastDark, Self::ContrastLight];

    /// How settings call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::ContrastDark => "high-contrast-dark",
            Self::ContrastLight => "high-contrast-light",
        }
    }
}

/// A colour of the table: in full, and its number among the 256 where the nearest is wrong.
type Cell = (u32, Option<u8>);

const fn near(rgb: u32) -> Cell {
    (rgb, None)
}

const fn hand(rgb: u32, index: u8) -> Cell {
    (rgb, Some(index))
}

/// A line of the table.
pub struct Meaning {
    /// What it colours.
    pub role: Role,
    /// How settings call it.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub help: &'static str,
    /// Where there are sixteen colours, each terminal's own.
    sixteen: Color,
    cells: [Cell; 4],
}

const fn row(
    role: Role,
    name: &'static str,
    help: &'static str,
    sixteen: Color,
    cells: [Cell; 4],
) -> Meaning {
    Meaning { role, name, help, sixteen, cells }
}

/// Every meaning: dark, light, high contrast on dark, high contrast on light. Text stands out from the background it
/// is made for at least 4.5 to 1, on the bar of the selected row too; marks 3 to 1. What arrives stands out 3 to 1
/// from verified pieces, from missing ones and from every hue of a peer. The tests compute it.
///
/// Of the numbers among the 256 those are chosen by hand whose nearest is too near the background, the bar or
/// another meaning.
#[rustfmt::skip]
pub const MEANINGS: [Meaning; 36] = [
    row(Role::Text, "text", "ordinary text", Color::Reset, [near(0xd3d9e0), near(0x24292f), near(0xffffff), near(0x000000)]),
    row(Role::Strong, "strong", "what the eye should find first in its line", Color::Reset, [near(0xffffff), near(0x000000), near(0xffffff), near(0x000000)]),
    row(Role::Dim, "dim", "heads, notes, what is old", Color::Reset, [near(0x8a949f), near(0x5e6872), near(0xc2cdd8), near(0x454e58)]),
    row(Role::Rule, "rule", "thin rules, axes, the empty part of bars", Color::Reset, [near(0x687582), near(0x838d97), near(0x8b95a0), near(0x6a747e)]),
    row(Role::Selected, "selected", "the bar behind the selected row", Color::Reset, [hand(0x1e3f59, 236), hand(0xc7e6fe, 254), hand(0x114266, 235), hand(0xa2d8ff, 254)]),
    row(Role::Progress, "progress", "how much is done", Color::Green, [hand(0x2ec083, 42), hand(0x006b45, 22), near(0x32df98), hand(0x065637, 22)]),
    row(Role::Verified, "verified", "pieces that are here and verified", Color::Green, [hand(0x10a372, 29), near(0x038a5a), hand(0x02a976, 29), near(0x0b7c51)]),
    row(Role::Sending, "sending", "what sends now", Color::Cyan, [near(0x4aaff7), near(0x045fa5), near(0x84cefd), near(0x004a94)]),
    row(Role::Down, "down", "the rate of what comes", Color::Cyan, [near(0x57ccf6), near(0x015d94), near(0x60e2ff), near(0x014d87)]),
    row(Role::Up, "up", "the rate of what goes", Color::Magenta, [near(0xc59cf4), near(0x7c32b8), near(0xdbb4ff), near(0x6715a1)]),
    row(Role::GraphDown(0), "graph-down-low", "the graph of what comes, at its foot", Color::Cyan, [near(0x2574d0), near(0x0c95ce), near(0x3799f2), near(0x0576ad)]),
    row(Role::GraphDown(LAST_STEP), "graph-down-high", "the graph of what comes, at its top", Color::Cyan, [near(0x52e0fe), near(0x0049b3), near(0x93eaff), near(0x00359d)]),
    row(Role::GraphUp(0), "graph-up-low", "the graph of what goes, at its foot", Color::Magenta, [near(0x8658e2), near(0xb372cf), near(0xad7cf8), near(0x984ec0)]),
    row(Role::GraphUp(LAST_STEP), "graph-up-high", "the graph of what goes, at its top", Color::Magenta, [near(0xe6b2fe), near(0x6916b6), near(0xedc7fe), near(0x58019c)]),
    row(Role::Trouble, "trouble", "what needs you", Color::Red, [near(0xfe872f), hand(0xa64404, 124), near(0xfeb366), near(0x893102)]),
    row(Role::Harmless, "harmless", "what failed and costs nothing", Color::Reset, [near(0x99918c), near(0x6d6660), near(0xd2cac4), near(0x534c47)]),
    row(Role::Barred, "barred", "what is banned, dropped, held or paused", Color::Magenta, [near(0xeb87c2), near(0xb21977), near(0xfda8d8), near(0x950a62)]),
    row(Role::Waiting, "waiting", "what waits", Color::Reset, [near(0xb0bdc7), near(0x46515a), near(0xd5e3ed), near(0x27323a)]),
    row(Role::Arriving, "arriving", "pieces that arrive now", Color::Yellow, [near(0xffffff), near(0x000000), near(0xffffff), near(0x000000)]),
    row(Role::Peer(0), "peer-a", "the first of the eight peers that give most", Color::Blue, [near(0x4087ed), near(0x0059c4), hand(0x4c93fb, 33), near(0x0059c4)]),
    row(Role::Peer(1), "peer-b", "the second of the eight peers that give most", Color::Yellow, [near(0xba8d0f), hand(0x997301, 94), near(0xba8d0f), near(0x8d6a06)]),
    row(Role::Peer(2), "peer-c", "the third of the eight peers that give most", Color::Green, [hand(0x029c59, 65), near(0x07874d), hand(0x0ba962, 65), hand(0x067c46, 28)]),
    row(Role::Peer(3), "peer-d", "the fourth of the eight peers that give most", Color::Magenta, [near(0xe568a9), hand(0xaf2275, 126), near(0xe568a9), hand(0xaf2275, 126)]),
    row(Role::Peer(4), "peer-e", "the fifth of the eight peers that give most", Color::LightGreen, [hand(0x789302, 64), near(0x677f03), hand(0x819f05, 64), near(0x5e7403)]),
    row(Role::Peer(5), "peer-f", "the sixth of the eight peers that give most", Color::Cyan, [hand(0x08a4ab, 30), near(0x0b868b), hand(0x08a4ab, 30), near(0x0d787d)]),
    row(Role::Peer(6), "peer-g", "the seventh of the eight peers that give most", Color::LightMagenta, [near(0xa76fe0), hand(0x803dba, 92), hand(0xb27aec, 134), hand(0x803dba, 92)]),
    row(Role::Peer(7), "peer-h", "the eighth of the eight peers that give most", Color::Red, [hand(0xf16862, 167), hand(0xb91b25, 160), hand(0xf16862, 167), hand(0xb91b25, 160)]),
    row(Role::Availability(0), "rare", "pieces that one peer has", Color::LightCyan, [near(0xf2fbff), near(0x00245c), near(0xffffff), near(0x001a4d)]),
    row(Role::Availability(LAST_STEP), "common", "pieces that many peers have", Color::Blue, [near(0x2574d0), near(0x0c95ce), near(0x3799f2), near(0x0576ad)]),
    row(Role::Failed(0), "failed-low", "peers that failed, by cause: the first tint", Color::Reset, [near(0xb8847f), near(0x964a3d), near(0xf0b5aa), near(0x7a2a1e)]),
    row(Role::Failed(LAST_STEP), "failed-high", "peers that failed, by cause: the last tint", Color::Reset, [near(0xc4bd92), near(0x505214), near(0xe2dc9c), near(0x3f4008)]),
    row(Role::Delayed(0), "delayed-low", "peers that wait or have no need, by cause: the first tint", Color::Reset, [near(0x7fa6c4), near(0x1f6488), near(0xa4cdf0), near(0x124a68)]),
    row(Role::Delayed(LAST_STEP), "delayed-high", "peers that wait or have no need, by cause: the last tint", Color::Reset, [near(0xc6bbe2), near(0x4f3a86), near(0xddd2fa), near(0x3d2a70)]),
    row(Role::Info, "info", "a line of the log that only informs", Color::Reset, [near(0x8a949f), near(0x5e6872), near(0xc2cdd8), near(0x454e58)]),
    row(Role::Warning, "warning", "a line of the log that warns", Color::Yellow, [near(0xe0c24a), near(0x765c00), near(0xf3d350), near(0x634a06)]),
    row(Role::Error, "error", "a line of the log that tells of an error", Color::Red, [near(0xfe807f), hand(0xbc0a20, 88), near(0xffaaaa), hand(0x9b0016, 88)]),
];

/// The gradients and ramps: between the colours of their ends.
pub(crate) const RAMPS: [fn(u8) -> Role; 5] =
    [Role::GraphDown, Role::GraphUp, Role::Availability, Role::Failed, Role::Delayed];

/// A colour in every tier that has any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ink {
    pub(super) full: Color,
    pub(super) indexed: Color,
    pub(super) sixteen: Color,
}

impl Ink {
    fn of(rgb: Rgb, index: Option<u8>, sixteen: Color) -> Self {
        let index = index.unwrap_or_else(|| rgb.nearest_index());
        Self { full: rgb.into(), indexed: Color::Indexed(index), sixteen }
    }
}

impl From<Shade> for Ink {
    fn from(Shade(colour): Shade) -> Self {
        let sixteen = Rgb::shown(colour).nearest_of_sixteen();
        match colour {
            Color::Indexed(_) => Self { full: colour, indexed: colour, sixteen },
            _ => Self::of(Rgb::shown(colour), None, sixteen),
        }
    }
}

/// The colours of every meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Palette {
    inks: [Ink; SLOTS],
    /// Whether whatever has a hue is bold, and nothing dim.
    pub(super) strong: bool,
}

impl Palette {
    /// The colours of a scheme as they are without settings.
    pub fn of(scheme: Scheme) -> Self {
        static BUILT: LazyLock<[Palette; 4]> = LazyLock::new(|| Scheme::ALL.map(Palette::built));
        BUILT[scheme as usize]
    }

    fn built(scheme: Scheme) -> Self {
        let blank = Ink { full: Color::Reset, indexed: Color::Reset, sixteen: Color::Reset };
        let strong = matches!(scheme, Scheme::ContrastDark | Scheme::ContrastLight);
        let mut palette = Self { inks: [blank; SLOTS], strong };
        for meaning in &MEANINGS {
            let (rgb, index) = meaning.cells[scheme as usize];
            palette.inks[meaning.role.slot()] = Ink::of(Rgb::of(rgb), index, meaning.sixteen);
        }
        RAMPS.iter().for_each(|ramp| palette.fill(*ramp));
        palette
    }

    /// Lays the colours between the ends of a ramp.
    fn fill(&mut self, ramp: fn(u8) -> Role) {
        let (low, high) = (self.ink(ramp(0)), self.ink(ramp(LAST_STEP)));
        for step in 1..LAST_STEP {
            let between = Rgb::shown(low.full).towards(Rgb::shown(high.full), step, LAST_STEP);
            let sixteen = if step < STEPS / 2 { low.sixteen } else { high.sixteen };
            self.inks[ramp(step).slot()] = Ink::of(between, None, sixteen);
        }
    }

    pub(super) fn ink(&self, role: Role) -> Ink {
        self.inks[role.slot()]
    }

    /// The colour of a meaning.
    pub fn shade(&self, role: Role) -> Shade {
        Shade(self.ink(role).full)
    }

    /// Gives a meaning another colour; what lies between the ends of a ramp follows them.
    pub fn set(&mut self, role: Role, shade: Shade) {
        // What is printed and read again keeps what was chosen by hand for fewer colours.
        if self.shade(role) == shade {
            return;
        }
        self.inks[role.slot()] = shade.into();
        RAMPS.iter().for_each(|ramp| self.fill(*ramp));
    }
}

/// The palettes of all schemes, as the settings have them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Palettes([Palette; 4]);

impl Default for Palettes {
    fn default() -> Self {
        Self(Scheme::ALL.map(Palette::of))
    }
}

impl Palettes {
    /// The palette of a scheme.
    pub fn of(&self, scheme: Scheme) -> &Palette {
        &self.0[scheme as usize]
    }

    /// The same, to change it.
    pub fn of_mut(&mut self, scheme: Scheme) -> &mut Palette {
        &mut self.0[scheme as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_of_a_palette_is_of_the_table() {
        let mut slots: Vec<usize> = MEANINGS.iter().map(|meaning| meaning.role.slot()).collect();
        slots.extend(RAMPS.iter().flat_map(|ramp| (1..LAST_STEP).map(|step| ramp(step).slot())));
        slots.sort_unstable();
        assert_eq!(slots, (0..SLOTS).collect::<Vec<_>>());
        let mut names: Vec<&str> = MEANINGS.iter().map(|meaning| meaning.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MEANINGS.len());
    }

    #[test]
    fn the_eight_hues_differ_in_every_tier() {
        for scheme in Scheme::ALL {
            let palette = Palette::of(scheme);
            for one in 0..8 {
                for other in one + 1..8 {
                    let (one, other) = (palette.ink(Role::Peer(one)), palette.ink(Role::Peer(other)));
                    assert!(one.full != other.full && one.indexed != other.indexed, "{scheme:?}: {one:?}");
                    assert!(one.sixteen != other.sixteen, "{scheme:?}: {one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn what_lies_between_follows_the_ends() {
        let mut palette = Palette::of(Scheme::Dark);
        let before = palette.shade(Role::GraphUp(3));
        palette.set(Role::GraphUp(LAST_STEP), Shade::parse("#00ff00").unwrap());
        assert_ne!(palette.shade(Role::GraphUp(3)), before);
        assert_eq!(palette.shade(Role::GraphUp(0)), Palette::of(Scheme::Dark).shade(Role::GraphUp(0)));
        let same = palette.shade(Role::Progress);
        let before = palette;
        palette.set(Role::Progress, same);
        assert_eq!(palette, before);
    }
}
