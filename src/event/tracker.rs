//! How trackers answer.

use serde::{Deserialize, Serialize};

use super::parts::parts;

/// A tracker's answer, less the addresses (each of which is learned by an event of its own).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Announced {
    /// Addresses it named.
    pub peers: u32,
    /// Seeds it counts.
    pub seeders: Option<u32>,
    /// Downloaders it counts.
    pub leechers: Option<u32>,
    /// Seconds until it wants to be asked again.
    pub interval_s: u32,
    /// Its `warning message`.
    pub warning: Option<String>,
}

parts! {
    Announced: peers seeders leechers interval_s warning
}
