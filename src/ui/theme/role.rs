//! What a piece of the screen is for. Looks are chosen by this alone.

/// Steps of a gradient or a ramp.
pub const STEPS: u8 = 8;
/// The last of them.
pub(super) const LAST_STEP: u8 = STEPS - 1;
/// Peers that have a hue each.
pub const HUES: u8 = 8;

/// What a piece of text or a mark is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Role {
    /// Ordinary text.
    #[default]
    Text,
    /// What the eye should find first in its line.
    Strong,
    /// Heads, notes, what is old.
    Dim,
    /// Thin rules, axes, the empty part of bars, missing pieces.
    Rule,
    /// The bar behind the selected row: the one background that is painted.
    Selected,
    /// How much is done.
    Progress,
    /// Pieces that are here and verified.
    Verified,
    /// What sends now.
    Sending,
    /// The rate of what comes.
    Down,
    /// The rate of what goes.
    Up,
    /// The graph of what comes, at a step of its height; 0 stands on the axis.
    GraphDown(u8),
    /// The graph of what goes, at a step of its height; 0 hangs from the axis.
    GraphUp(u8),
    /// A glyph that says that the user is needed.
    Trouble,
    /// A word beside such a glyph.
    TroubleWord,
    /// What failed and costs nothing: glyph and word.
    Harmless,
    /// A glyph for what is banned, dropped, held or paused.
    Barred,
    /// A word beside such a glyph.
    BarredWord,
    /// What waits.
    Waiting,
    /// Pieces that arrive now.
    Arriving,
    /// One of the [`HUES`] peers that give most.
    Peer(u8),
    /// Pieces by how many peers have them, 0 the rarest.
    Availability(u8),
    /// Peers that failed on their way to us, in the tint of their cause.
    Failed(u8),
    /// Peers that wait or have no need, in the tint of their cause.
    Delayed(u8),
    /// A line of the log that only informs.
    Info,
    /// The glyph of a line of the log that warns.
    Warning,
    /// The words of such a line.
    WarningWord,
    /// The glyph of a line of the log that tells of an error.
    Error,
    /// The words of such a line.
    ErrorWord,
}

/// How many colours a palette has.
pub(super) const SLOTS: usize = 18 + HUES as usize + 5 * STEPS as usize;

impl Role {
    /// Which step of a ramp `value` of `most` is.
    pub fn step(value: u64, most: u64) -> u8 {
        let steps = u128::from(value) * u128::from(STEPS) / u128::from(most.max(1));
        steps.min(u128::from(LAST_STEP)) as u8
    }

    /// The place of its colour in a palette.
    pub(super) const fn slot(self) -> usize {
        const PEERS: usize = 18;
        const RAMPS: usize = PEERS + HUES as usize;
        const fn step(ramp: usize, step: u8) -> usize {
            let step = if step > LAST_STEP { LAST_STEP } else { step };
            RAMPS + ramp * STEPS as usize + step as usize
        }
        match self {
            Self::Text => 0,
            Self::Strong => 1,
            Self::Dim => 2,
            Self::Rule => 3,
            Self::Selected => 4,
            Self::Progress => 5,
            Self::Verified => 6,
            Self::Sending => 7,
            Self::Down => 8,
            Self::Up => 9,
            Self::Trouble | Self::TroubleWord => 10,
            Self::Harmless => 11,
            Self::Barred | Self::BarredWord => 12,
            Self::Waiting => 13,
            Self::Arriving => 14,
            Self::Info => 15,
            Self::Warning | Self::WarningWord => 16,
            Self::Error | Self::ErrorWord => 17,
            Self::Peer(number) => PEERS + (number % HUES) as usize,
            Self::GraphDown(at) => step(0, at),
            Self::GraphUp(at) => step(1, at),
            Self::Availability(at) => step(2, at),
            Self::Failed(at) => step(3, at),
            Self::Delayed(at) => step(4, at),
        }
    }

    /// Whether it has no hue: text in its three strengths, and what lies still.
    pub(super) const fn is_plain(self) -> bool {
        matches!(
            self,
            Self::Text
                | Self::Dim
                | Self::Rule
                | Self::Selected
                | Self::Harmless
                | Self::Waiting
                | Self::Info
                | Self::Failed(_)
                | Self::Delayed(_)
        )
    }

    /// Whether it is a mark only, never text: a bar, a block, a line.
    #[cfg(test)]
    pub(crate) const fn is_mark(self) -> bool {
        matches!(
            self,
            Self::Rule
                | Self::Verified
                | Self::Arriving
                | Self::GraphDown(_)
                | Self::GraphUp(_)
                | Self::Peer(_)
                | Self::Availability(_)
        )
    }
}
