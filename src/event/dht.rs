//! What the DHT tells of itself (BEP 5): how its nodes are found, and each lookup node by node.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::At;
use super::parts::{harmless, parts};
pub use crate::metainfo::address::Family;

/// Nodes that one lookup asks at most, and so the most of them that [`LookupFact::Node`] tells of between two of
/// [`LookupFact::Began`] in one family.
pub const MOST_LOOKUP_NODES: usize = 200;

/// A fact of the DHT as a whole: it belongs to the session, not to a torrent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DhtFact {
    /// How many nodes the table of a family has; told when one of the numbers changed, at most once a second.
    Nodes {
        /// The family.
        family: Family,
        /// Nodes that answered us within the last 15 minutes, or that asked us within them and answered before.
        good: u32,
        /// Nodes that were not heard of for 15 minutes, and those kept from the last run that were not asked yet.
        doubtful: u32,
    },
    /// Nodes of different networks agree at which address they see us. Our node id is made for it (BEP 42), unless it is
    /// one of a local network.
    SeenAt {
        /// That address.
        ip: IpAddr,
    },
    /// The kept table does not work, or there is none: the bootstrap names are resolved and asked.
    BootstrapWanted,
    /// A bootstrap name was resolved to this address, one of perhaps several.
    BootstrapResolved {
        /// The name and its port.
        name: String,
        /// The address.
        addr: SocketAddr,
    },
    /// A bootstrap name was not resolved.
    BootstrapUnresolved {
        /// The name and its port.
        name: String,
        /// Why, in the system's words.
        error: String,
    },
    /// A bootstrap address was asked.
    BootstrapAsked {
        /// The address.
        addr: SocketAddr,
    },
    /// A bootstrap address answered.
    BootstrapAnswered {
        /// The address.
        addr: SocketAddr,
        /// Milliseconds after it was asked.
        after_ms: u32,
    },
    /// A bootstrap address did not answer in time.
    BootstrapSilent {
        /// The address.
        addr: SocketAddr,
    },
}

/// A step of the lookups of one torrent. There is one lookup a family at a time; what is told before
/// [`Began`](Self::Began) belongs to an older one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LookupFact {
    /// A lookup began.
    Began {
        /// Over which family.
        family: Family,
        /// Whether it ends with an announce.
        announces: bool,
    },
    /// A node was asked for peers, and what came of it. Told once for a node in a lookup, when the outcome is known.
    Node {
        /// Over which family.
        family: Family,
        /// The node.
        addr: SocketAddr,
        /// The length in bits of the distance of its id from the info-hash: 160 for the farther half of all ids, 0 for
        /// the same id; `None` where no id is known.
        distance_bits: Option<u32>,
        /// Milliseconds from the query to what came.
        round_trip_ms: Option<u32>,
        /// Whether its id is none that its public address may have (BEP 42).
        lied: bool,
        /// What came.
        outcome: NodeOutcome,
    },
    /// What came of the announce to a node that answered. Told once for a node in a lookup.
    Announced {
        /// Over which family.
        family: Family,
        /// The node.
        addr: SocketAddr,
        /// What came.
        outcome: AnnounceOutcome,
    },
    /// A lookup ended, before the announces were answered.
    Ended {
        /// Over which family.
        family: Family,
        /// Nodes that were asked.
        asked: u32,
        /// Nodes that answered.
        answered: u32,
        /// Different peers they named.
        peers: u32,
        /// When the next one is due, since the start of the run; `None`: not by itself.
        next: Option<At>,
    },
}

/// What came of asking a node for peers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NodeOutcome {
    /// It answered.
    Answered {
        /// Peers it named.
        peers: u32,
        /// Nodes it named.
        nodes: u32,
    },
    /// Nothing came in time.
    TimedOut,
    /// The system said that nothing can be sent there.
    Unreachable,
    /// It answered with an error.
    Error {
        /// The error's code (BEP 5): 201 generic, 202 server, 203 protocol, 204 unknown method.
        code: i32,
        /// Its words.
        text: String,
    },
    /// It answered with what is no answer.
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// It answered under another id than the one it was named with.
    WrongId,
    /// The answer came from another port than the one that was asked.
    WrongPort {
        /// The port it came from.
        port: u16,
    },
}

/// What came of an announce to a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AnnounceOutcome {
    /// It took it.
    Stored,
    /// It gave no token when it was asked for peers, so nothing could be announced.
    NoToken,
    /// It refused.
    Refused {
        /// The error's code.
        code: i32,
        /// Its words.
        text: String,
    },
    /// Nothing came in time, or nothing that is an answer.
    Silent,
}

impl LookupFact {
    /// Of which family the lookup is.
    pub fn family(&self) -> Family {
        match self {
            Self::Began { family, .. }
            | Self::Node { family, .. }
            | Self::Announced { family, .. }
            | Self::Ended { family, .. } => *family,
        }
    }
}

parts! {
    enum DhtFact:
    Nodes { family good doubtful }, SeenAt { ip }, BootstrapWanted, BootstrapResolved { name addr },
    BootstrapUnresolved { name error }, BootstrapAsked { addr }, BootstrapAnswered { addr after_ms },
    BootstrapSilent { addr },
}

parts! {
    enum LookupFact:
    Began { family announces }, Node { family addr distance_bits round_trip_ms lied outcome },
    Announced { family addr outcome }, Ended { family asked answered peers next },
}

parts! {
    enum NodeOutcome:
    Answered { peers nodes }, TimedOut, Unreachable, Error { code text }, Malformed { what }, WrongId,
    WrongPort { port },
}

parts! {
    enum AnnounceOutcome:
    Stored, NoToken, Refused { code text }, Silent,
}

harmless! { Family }
