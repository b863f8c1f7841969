//! What passes between the torrent's task and the task that owns a peer's socket.
//!
//! Awaited sends point only towards the torrent's task, so there is no cycle to deadlock; orders go through an unbounded
//! channel that stays short because grants are bounded by memory and everything else by the pace of a person or
//! of the choker.

use super::pool::BlockBuf;
use crate::metainfo::BlockRef;
use crate::swarm::WebNews;

pub use crate::peer::{Closed, ConnKey, News, Order, WindowState};

/// From a peer task to the torrent's task.
#[derive(Debug)]
pub enum Report {
    /// Finished blocks and the request window after them, sent whenever grants run short too.
    Blocks {
        /// The blocks, in order of arrival.
        blocks: Vec<(BlockRef, BlockBuf)>,
        /// The window after them.
        window: WindowState,
    },
    /// Anything else that happened on the connection.
    News(News),
    /// Something happened on a line to a web seed.
    Web(WebNews),
    /// The task is over; nothing follows.
    Closed(Closed),
}
