//! What passes between the task that owns a torrent (the brain) and the task that owns a peer's socket.
//!
//! Awaited sends point only towards the brain, so there is no cycle to deadlock; orders go through an unbounded
//! channel that stays short because grants are bounded by memory and everything else by the pace of a person or
//! of the choker.

use super::pool::BlockBuf;
use crate::event::{PeerInfo, PeerSample};
use crate::metainfo::{Bitfield, BlockRef, PieceIndex};

pub use crate::peer::{Closed, ConnKey, Order, WindowState};

/// From a peer task to the brain.
#[derive(Debug)]
pub enum Report {
    /// The request window as it stands, sent with blocks and whenever grants run short.
    Blocks {
        /// Finished blocks, in order of arrival.
        blocks: Vec<(BlockRef, BlockBuf)>,
        /// The window after them.
        window: WindowState,
    },
    /// It chokes us: every grant it held is void and back with the brain. Blocks that were on their way may still come.
    Choked,
    /// It unchokes us.
    Unchoked,
    /// It is interested in us, or no more.
    Interested(bool),
    /// What it has, from bitfield, have-all or have-none. Sent once, right after the handshake, also if it said nothing.
    Has(Bitfield),
    /// It has these pieces more.
    Have(Vec<PieceIndex>),
    /// It sends this piece even while it chokes us (BEP 6). Said once of each.
    AllowedFast(PieceIndex),
    /// It will not send these (BEP 6 reject): they are back with the brain.
    Rejected(Vec<BlockRef>),
    /// Its extension handshake came.
    Introduced(PeerInfo),
    /// One second went by.
    Sample(PeerSample),
    /// Bytes that went over the connection so far, all of them.
    Traffic {
        /// Received.
        bytes_in: u64,
        /// Sent.
        bytes_out: u64,
    },
    /// The task is over; nothing follows.
    Closed(Closed),
}
