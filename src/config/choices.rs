//! What is chosen from a few names, by the command line and by the file alike.

use std::time::Duration;

use clap::ValueEnum;

use crate::swarm::{EncryptionPolicy, TransportPolicy, UploadSlots};
use crate::ui::{self, ColourChoice, Colours};
use crate::units::{self, Units};

/// When connections to peers are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Encryption {
    /// Dial plain, and encrypted where that fails; take both
    #[default]
    PreferPlain,
    /// Dial encrypted, and plain where that fails; take both
    Prefer,
    /// Dial and take encrypted connections only
    Require,
    /// Dial and take plain connections only
    Off,
}

impl Encryption {
    /// The same, for the engine.
    pub fn policy(self) -> EncryptionPolicy {
        match self {
            Self::PreferPlain => EncryptionPolicy::PreferPlain,
            Self::Prefer => EncryptionPolicy::Prefer,
            Self::Require => EncryptionPolicy::Require,
            Self::Off => EncryptionPolicy::Off,
        }
    }
}

/// What connections to peers travel over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Transport {
    /// Dial over TCP, and over uTP where that does not get through; take both
    #[default]
    Both,
    /// Dial and take TCP only
    Tcp,
    /// Dial and take uTP only
    Utp,
}

impl Transport {
    /// The same, for the engine.
    pub fn policy(self) -> TransportPolicy {
        match self {
            Self::Both => TransportPolicy::Both,
            Self::Tcp => TransportPolicy::Tcp,
            Self::Utp => TransportPolicy::Utp,
        }
    }
}

/// How many colours to use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Color {
    /// What the terminal says it can show; none where NO_COLOR is set
    #[default]
    Auto,
    /// None
    Never,
    /// The terminal's own sixteen
    #[value(name = "16")]
    Ansi16,
    /// 256
    #[value(name = "256")]
    Indexed256,
    /// 24 bits
    True,
}

impl Color {
    /// The same, for the screen.
    pub fn choice(self) -> ColourChoice {
        match self {
            Self::Auto => ColourChoice::Auto,
            Self::Never => ColourChoice::Never,
            Self::Ansi16 => ColourChoice::Exactly(Colours::Sixteen),
            Self::Indexed256 => ColourChoice::Exactly(Colours::Indexed),
            Self::True => ColourChoice::Exactly(Colours::True),
        }
    }
}

/// A choice of colours and accents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Theme {
    /// Dark or light, as the terminal's background is
    #[default]
    #[value(alias = "default")]
    Auto,
    /// For a dark background
    Dark,
    /// For a light background
    Light,
    /// Nothing dim, stronger colours, more in bold; for the terminal's background
    HighContrast,
    /// No colours at all
    Mono,
}

impl Theme {
    /// The same, for the screen.
    pub fn look(self) -> ui::Theme {
        match self {
            Self::Auto => ui::Theme::Auto,
            Self::Dark => ui::Theme::Dark,
            Self::Light => ui::Theme::Light,
            Self::HighContrast => ui::Theme::HighContrast,
            Self::Mono => ui::Theme::Mono,
        }
    }
}

/// How sizes are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum SizeUnits {
    /// In 1024s: KiB, MiB, GiB
    #[default]
    Binary,
    /// In 1000s: kB, MB, GB
    Decimal,
}

impl SizeUnits {
    /// The same, for the screen.
    pub fn units(self) -> Units {
        match self {
            Self::Binary => Units::Binary,
            Self::Decimal => Units::Decimal,
        }
    }
}

/// The most peers anybody may ask to serve at once.
const MOST_SLOTS: usize = 1000;

/// How many peers are served at once, from `auto` or a number.
pub fn upload_slots(text: &str) -> Option<UploadSlots> {
    if text == "auto" {
        return Some(UploadSlots::Auto);
    }
    fixed_slots(text.parse().ok()?)
}

pub(super) fn fixed_slots(slots: usize) -> Option<UploadSlots> {
    (1..=MOST_SLOTS).contains(&slots).then_some(UploadSlots::Fixed(slots))
}

/// What [`upload_slots`] takes, in words.
pub fn upload_slots_expected() -> String {
    format!("\"auto\" or a number from 1 to {MOST_SLOTS}")
}

/// The names to choose from.
pub(super) fn names<T: ValueEnum>() -> Vec<String> {
    T::value_variants().iter().map(|value| name(value)).collect()
}

/// The name of a choice.
pub(super) fn name<T: ValueEnum>(value: &T) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
/// A share ratio, more than 0.
pub fn ratio(text: &str) -> Option<f64> {
    text.parse().ok().filter(|ratio: &f64| ratio.is_finite() && *ratio > 0.0)
}

/// What [`ratio`] takes, in words.
pub fn ratio_expected() -> String {
    "\"none\" or a number more than 0, as 1.5".to_owned()
}

/// A time to seed for, more than none.
pub fn seed_time(text: &str) -> Option<Duration> {
    units::parse_duration(text).filter(|time| !time.is_zero())
}

/// What [`seed_time`] takes, in words.
pub fn seed_time_expected() -> String {
    "\"none\" or a time, as \"90m\" or \"48h\"".to_owned()
}
