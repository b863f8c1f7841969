//! What is known of one tracker.

use crate::event::{AnnounceKind, Announced, At, TrackerError, TrackerKey};

/// How its last announce went.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum TrackerStatus {
    /// Not asked yet, or the first answer is still to come.
    #[default]
    Pending,
    /// It answered.
    Ok(Announced),
    /// It did not.
    Failed(TrackerError, String),
}

/// What is known of one tracker.
#[derive(Clone, PartialEq, Debug)]
pub struct TrackerRecord {
    /// Its key.
    pub key: TrackerKey,
    /// Its tier, from 0.
    pub tier: u16,
    /// Scheme, host and port.
    pub url: String,
    /// How its last announce went.
    pub status: TrackerStatus,
    /// The announce under way.
    pub asking: Option<AnnounceKind>,
    /// When the status came.
    pub answered: Option<At>,
    /// Announces failed in a row.
    pub failures: u32,
    /// When it is asked next.
    pub next: Option<At>,
    /// Peers in the table that it named.
    pub peers: u32,
    /// Those of them that shook hands.
    pub handshaken: u32,
}
