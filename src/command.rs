//! What a user can ask the engine for.

use std::net::SocketAddr;

use crate::event::{PeerKey, TrackerKey};
use crate::metainfo::FilePriority;

/// One wish. Its effect shows in the next view, its answer as a note there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Stop requests, uploads and dialling; announce `stopped`; stay paused over restarts.
    Pause,
    /// Go on, after a pause or a disk failure.
    Resume,
    /// Keep the peer connected, but neither ask it nor send to it; again: let go.
    Hold(PeerKey),
    /// Close the peer and neither dial nor accept it until the user retries it.
    Drop(PeerKey),
    /// Ban the peer's address for an hour.
    Ban(PeerKey),
    /// Take back the last hold, drop, ban or choice of files.
    Undo,
    /// Dial the peer now, without back-off; takes back a drop or ban.
    Retry(PeerKey),
    /// Dial this address too.
    AddPeer(SocketAddr),
    /// Ask this tracker now, within its `min interval`; `None`: all of them.
    Announce(Option<TrackerKey>),
    /// New limits, bytes a second; `None`: none.
    Limit {
        /// For what we receive.
        down_bps: Option<u64>,
        /// For what we send.
        up_bps: Option<u64>,
    },
    /// Want these files as much as this from now on.
    Choose {
        /// The number of the first, as the torrent counts its files.
        from: u32,
        /// One more than the number of the last.
        to: u32,
        /// How much.
        priority: FilePriority,
    },
    /// Ask for pieces in the order of the torrent, or no more.
    InOrder(bool),
    /// Verify everything on the disk once more; what is wrong is fetched again.
    Recheck,
    /// Begin a recording of the run, or end the one there is.
    Record,
    /// Keep what is verified, within two seconds, and end when trackers have heard `stopped`, within five more; asked for
    /// once more: do not wait for them.
    Quit,
}
