//! What a run leaves for the next.

use serde::{Deserialize, Serialize};

use crate::event::validate::bounded;
use crate::wire::krpc::{NodeId, NodeInfo};

/// Nodes that are kept, of both families together.
pub(super) const MOST_SAVED: usize = 600;

/// Our ids and the nodes of the tables: plain data, to be written and read with serde.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// Our id over IPv4.
    pub v4: Option<NodeId>,
    /// Our id over IPv6.
    pub v6: Option<NodeId>,
    /// Nodes that answered.
    #[serde(deserialize_with = "bounded::<_, _, MOST_SAVED>")]
    pub nodes: Vec<NodeInfo>,
}
