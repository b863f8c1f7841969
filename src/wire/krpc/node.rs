//! Ids of nodes, and nodes as messages name them.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::metainfo::InfoHash;

/// The id of a node: a point of the space that info-hashes are points of, too (BEP 5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct NodeId(pub [u8; 20]);

/// A node as another names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Its id.
    pub id: NodeId,
    /// Where it is.
    pub addr: SocketAddr,
}

impl NodeId {
    /// How far it is from another: their bits, one by one, by exclusive or. It compares as a number does.
    pub fn distance(&self, other: &Self) -> [u8; 20] {
        std::array::from_fn(|at| self.0[at] ^ other.0[at])
    }

    /// The length of the distance in bits: 0 for the same id, 160 where the first bits differ.
    pub fn distance_bits(&self, other: &Self) -> u32 {
        let distance = self.distance(other);
        let zeros = distance.iter().take_while(|&&byte| byte == 0).count();
        distance.get(zeros).map_or(0, |byte| 160 - zeros as u32 * 8 - byte.leading_zeros())
    }
}

impl From<InfoHash> for NodeId {
    fn from(info_hash: InfoHash) -> Self {
        Self(info_hash.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}
