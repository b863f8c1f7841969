//! A tracker that is there, or not.

use std::net::SocketAddr;
use std::time::Duration;

use super::{At, ms};
use crate::event::AnnounceKind;

/// One tracker, asked by any client.
pub(super) struct Tracker {
    pub(super) up: bool,
    pub(super) latency: Duration,
    pub(super) interval: Duration,
    /// Whom it names.
    pub(super) peers: Vec<SocketAddr>,
    /// What it was told while it was up, and when.
    pub(super) heard: Vec<(At, AnnounceKind)>,
    /// Announces that found it down.
    pub(super) missed: Vec<At>,
}

impl Tracker {
    pub(super) fn naming(peers: Vec<SocketAddr>) -> Self {
        Self {
            up: true,
            latency: ms(80),
            interval: Duration::from_secs(1800),
            peers,
            heard: Vec::new(),
            missed: Vec::new(),
        }
    }
}
