//! What a torrent file says: its bytes, ids, and the arithmetic of pieces, blocks and files (BEP 3).

pub mod bencode;
mod bitfield;
mod geometry;
mod id;

pub use bitfield::Bitfield;
pub use geometry::{BLOCK_LENGTH, BlockRef, Geometry, PieceIndex};
pub use id::{InfoHash, PeerId};
