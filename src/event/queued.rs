//! Why a torrent waits among others.

use serde::{Deserialize, Serialize};

/// Why a torrent waits for its turn.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queued {
    /// As many download as may.
    Downloading {
        /// How many may.
        most: u32,
    },
    /// As many are active as may, those included that wait for pieces that do not come.
    Stalled {
        /// How many may.
        most: u32,
    },
    /// As many fetch their metadata as may.
    Metadata {
        /// How many may.
        most: u32,
    },
    /// As many seed as may.
    Seeding {
        /// How many may.
        most: u32,
    },
    /// It was given on as often, or seeded for as long, as it should.
    Enough,
}
