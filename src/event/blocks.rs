//! How far a piece under way is.

use serde::{Deserialize, Serialize};

use super::PeerKey;
use super::validate::bounded;
use crate::metainfo::{BLOCK_LENGTH, Geometry};

/// Runs of blocks of one piece: no piece has more blocks.
pub const MOST_RUNS: usize = (Geometry::MAX_PIECE_BYTES / BLOCK_LENGTH) as usize;

/// Peers that can be asked for a block at once: more than there are connections.
const MOST_ASKED: usize = 100_000;

/// What became of a block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BlockState {
    /// Nobody is asked for it.
    Free,
    /// These peers are asked for it; more than one at the end of a download.
    #[serde(deserialize_with = "bounded::<_, _, MOST_ASKED>")]
    Asked(Vec<PeerKey>),
    /// It is here, and came from this peer.
    Here(PeerKey),
    /// It is here from an earlier run.
    Kept,
}

/// Blocks of a piece that follow each other and stand alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BlockRun {
    /// How many.
    pub count: u32,
    /// How they stand.
    pub state: BlockState,
}
