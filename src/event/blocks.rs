//! How far a piece under way is.

use serde::{Deserialize, Serialize};

use super::PeerKey;

/// What became of a block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BlockState {
    /// Nobody is asked for it.
    Free,
    /// These peers are asked for it; more than one at the end of a download.
    Asked(Vec<PeerKey>),
    /// It is here, and came from this peer.
    Here(PeerKey),
}

/// Blocks of a piece that follow each other and stand alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BlockRun {
    /// How many.
    pub count: u32,
    /// How they stand.
    pub state: BlockState,
}
