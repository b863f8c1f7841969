//! Messages of the DHT (BEP 5), with IPv6 (BEP 32), what others see of us (BEP 42) and read-only nodes (BEP 43).

mod node;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use crate::metainfo::InfoHash;

pub use node::{NodeId, NodeInfo};

/// Bytes of a transaction id and of a token that are taken; longer ones are nobody's.
pub const MOST_OPAQUE_BYTES: usize = 64;
/// Nodes of a family that are taken from one answer. Eight are usual.
pub const MOST_NODES: usize = 20;
/// Peers that are taken from one answer.
pub const MOST_VALUES: usize = 300;
/// Characters that are kept of the text of an error.
pub const MOST_ERROR_CHARS: usize = 120;

/// The error codes of BEP 5.
pub mod code {
    /// Something that no other code says.
    pub const GENERIC: i32 = 201;
    /// The node cannot answer.
    pub const SERVER: i32 = 202;
    /// The query is malformed, or its token is wrong.
    pub const PROTOCOL: i32 = 203;
    /// A method that the node does not know.
    pub const UNKNOWN_METHOD: i32 = 204;
}

/// A message: a query, or what answers one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// What the asker chose to know the answer by.
    pub transaction: Vec<u8>,
    /// In answers: where the asker was seen (BEP 42).
    pub seen_at: Option<SocketAddr>,
    /// In queries: the asker answers none itself (BEP 43).
    pub read_only: bool,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// A query.
    Query {
        /// Who asks.
        id: NodeId,
        /// What.
        query: Query,
    },
    /// An answer.
    Reply(Reply),
    /// A refusal.
    Error {
        /// Its code.
        code: i32,
        /// Its words, cleaned.
        text: String,
    },
}

/// Which families of nodes an asker wants (BEP 32); neither: those of the family it asks over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Want {
    /// `n4`.
    pub v4: bool,
    /// `n6`.
    pub v6: bool,
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Query {
    /// Whether it is there.
    Ping,
    /// The nodes nearest to an id.
    FindNode {
        /// That id.
        target: NodeId,
        /// Of which families.
        want: Want,
    },
    /// Peers of a torrent, and the nodes nearest to it.
    GetPeers {
        /// The torrent.
        info_hash: InfoHash,
        /// Nodes of which families.
        want: Want,
    },
    /// The asker is a peer of a torrent.
    Announce {
        /// The torrent.
        info_hash: InfoHash,
        /// Its port.
        port: u16,
        /// Its port is the one that the query comes from.
        implied_port: bool,
        /// What the answer to [`Query::GetPeers`] gave.
        token: Vec<u8>,
    },
    /// A method that nobody here knows.
    Unknown,
}

/// An answer. Which of its parts are there depends on the query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Who answers.
    pub id: NodeId,
    /// Nodes of both families.
    pub nodes: Vec<NodeInfo>,
    /// Peers of the torrent.
    pub peers: Vec<SocketAddr>,
    /// What an announce has to bring.
    pub token: Option<Vec<u8>>,
}

impl Reply {
    /// One that says nothing but who answers.
    pub fn of(id: NodeId) -> Self {
        Self { id, nodes: Vec::new(), peers: Vec::new(), token: None }
    }
}

/// Why a datagram is no message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// Its transaction id, where it has one that can be read.
    pub transaction: Option<Vec<u8>>,
    /// Whether it says that it is a query.
    pub is_query: bool,
    /// What is wrong, in words.
    pub what: &'static str,
}
