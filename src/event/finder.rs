//! Ways to find peers that are no trackers, and how each stands.

use serde::{Deserialize, Serialize};

/// A way to find peers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Finder {
    /// Other peers name them (BEP 11).
    Pex,
}

impl Finder {
    /// The code other programs read.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pex => "pex",
        }
    }

    /// What a person calls it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pex => "other peers (PEX)",
        }
    }
}

/// How it stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinderStatus {
    /// It is not used.
    Off,
    /// Nobody has named anybody yet.
    #[default]
    Pending,
    /// It named peers.
    Ok,
}
