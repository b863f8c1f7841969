//! What the ways to find peers that are no trackers tell a torrent.

use std::net::SocketAddr;

use super::mailbox;
use crate::event::{At, Event, Source};
use crate::metainfo::address::Scope;

/// Where a torrent hears of them. No more comes than what the DHT asked for, and what local discovery takes in a second.
pub(super) type FoundSender = mailbox::UnboundedSender<Found>;

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    /// Peers.
    Peers {
        /// Who named them.
        source: Source,
        /// How far from us the one is who named them.
        scope: Scope,
        addrs: Vec<SocketAddr>,
    },
    /// A step on the way to them.
    Fact(At, Event),
}
