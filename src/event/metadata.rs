//! How the metadata of a magnet come in, peer by peer (BEP 9).

use serde::{Deserialize, Serialize};

use super::parts::parts;
pub use crate::wire::{METADATA_PART_BYTES, MOST_METADATA_BYTES};

/// A step on a peer's way to giving us the metadata. Parts count from 0.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MetadataStep {
    /// Its extension handshake says that it can give them.
    Offered {
        /// How long it says they are, bytes: a claim that nothing has checked yet.
        bytes: u32,
    },
    /// We asked it for a part.
    Asked {
        /// That part.
        part: u32,
    },
    /// It gave a part.
    Gave {
        /// That part.
        part: u32,
    },
    /// It refuses to give a part.
    Refused {
        /// That part.
        part: u32,
    },
    /// It was asked for a part, and nothing came in time.
    Silent {
        /// That part.
        part: u32,
    },
    /// What it gave failed: the hash, a length that changed, or one beyond [`MOST_METADATA_BYTES`]. It is not asked
    /// again.
    Wrong {
        /// What was wrong, in words that go on from `wrong: `.
        reason: String,
    },
}

parts! {
    enum MetadataStep:
    Offered { bytes }, Asked { part }, Gave { part }, Refused { part }, Silent { part }, Wrong { reason },
}
