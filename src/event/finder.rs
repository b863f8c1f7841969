//! Ways to find peers that are no trackers: one table, from which codes, words and rows are taken, and how each stands.

use serde::{Deserialize, Serialize};

/// A way to find peers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Finder {
    /// Nodes of the distributed hash table name them (BEP 5).
    Dht,
    /// Other peers name them (BEP 11).
    Pex,
    /// They name themselves on the local network (BEP 14).
    Lsd,
}

/// What the table says of a way to find peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FinderInfo {
    /// The code other programs read.
    pub code: &'static str,
    /// What a person calls it.
    pub words: &'static str,
    /// What follows where it is off, as a sentence.
    pub off: &'static str,
    /// What is to be expected of it before it named anybody, as sentences.
    pub pending: &'static str,
}

impl Finder {
    /// All of them, in the order in which they are shown.
    pub const ALL: &[Self] = &[Self::Dht, Self::Pex, Self::Lsd];

    /// The table's entry.
    pub const fn info(self) -> &'static FinderInfo {
        match self {
            Self::Dht => &FinderInfo {
                code: "dht",
                words: "DHT",
                off: "No node is asked for peers, and none is told that we are one.",
                pending: "No node has named a peer yet. Nodes are asked at the start and every 15 minutes.",
            },
            Self::Pex => &FinderInfo {
                code: "pex",
                words: "other peers (PEX)",
                off: "Peers name no others to us, and are told of none.",
                pending: "No peer has named others yet. Those that take part do so once a minute.",
            },
            Self::Lsd => &FinderInfo {
                code: "lsd",
                words: "local network (LSD)",
                off: "Clients on the local network are not heard, and do not hear of us.",
                pending: "No client on the local network has this torrent. Each asks every 5 minutes.",
            },
        }
    }

    /// The code other programs read.
    pub fn code(self) -> &'static str {
        self.info().code
    }

    /// What a person calls it.
    pub fn words(self) -> &'static str {
        self.info().words
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
    /// It cannot name any.
    Failed,
}
