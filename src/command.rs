//! What a user can ask the engine for: of one torrent, and of the session of all.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{PeerKey, Severity, TrackerKey};
use crate::metainfo::{FilePriority, InfoHash, Magnet, PeerName, Torrent};

/// One wish about one torrent. Its effect shows in the next view, its answer as a note there.
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
    /// Limits of this torrent alone, below those of all, bytes a second; `None`: none of its own.
    LimitOwn {
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

/// One wish about torrents among others. Its effect shows in the rows of all torrents, its answer as a note there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionCommand {
    /// Add a torrent at the end of the queue; adding never stops what is under way.
    Add(Box<Addition>),
    /// Of this torrent: what can be asked of one. Resumed is also one that failed, or is done.
    To(InfoHash, Command),
    /// The same of every torrent.
    ToAll(Command),
    /// Dial this peer for this torrent; its name is looked up where it has one.
    AddPeer {
        /// Comes back with the answer, where the peer cannot be dialled.
        ticket: Option<u32>,
        /// For which torrent.
        to: InfoHash,
        /// Which peer.
        peer: PeerName,
    },
    /// The rate limits of all torrents together, bytes a second; `None`: none.
    Limit {
        /// For what we receive.
        down_bps: Option<u64>,
        /// For what we send.
        up_bps: Option<u64>,
    },
    /// Say goodbye to its peers and forget it. What was downloaded stays.
    Forget(InfoHash),
    /// Bring back what was forgotten last, where it stood.
    Revive,
    /// Say goodbye to its peers and forget it for good: it is listed as leaving until its files are closed.
    Release(InfoHash),
    /// Look at what of these torrents can be deleted, in place of those before.
    Weigh(Vec<InfoHash>),
    /// Release it, and delete what this program created of it.
    Delete(InfoHash),
    /// Move its files to this folder, or take what lies there, and have it go on there.
    Move {
        /// Comes back with the answer, where it is not done.
        ticket: Option<u32>,
        /// Which torrent.
        id: InfoHash,
        /// The folder.
        to: PathBuf,
    },
    /// Move its files back to where they were before they were moved last, where that is simple.
    MoveBack(InfoHash),
    /// Let it go before the one before it in the queue.
    Earlier(InfoHash),
    /// Let the one behind it in the queue go first.
    Later(InfoHash),
    /// Publish the view of this torrent from now on, in place of that of any other.
    Look(InfoHash),
    /// Give this answer to a wish, in the name of one who stands between the session and those who ask.
    Answer {
        /// The number that came with the wish, where one did.
        ticket: Option<u32>,
        /// The torrent that it is about.
        torrent: Option<InfoHash>,
        /// Worse than a note: what was wished for did not happen.
        severity: Severity,
        /// The answer, for people.
        text: String,
    },
    /// End every torrent, as [`Command::Quit`] ends one.
    Quit,
}

/// A torrent that is to be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addition {
    /// Comes back with the answer.
    pub ticket: Option<u32>,
    /// What it is.
    pub what: What,
    /// The folder its files go to; `None`: that of the others.
    pub output: Option<PathBuf>,
    /// It waits until it is resumed; of a magnet the metadata are fetched before.
    pub paused: bool,
    /// How it stood before.
    pub stood: Stood,
}

/// How a torrent stood that was known before it is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stood {
    /// Its place in the queue, from 0; `None`: it stands last.
    pub place: Option<usize>,
    /// Limits of its own, bytes a second: down, up.
    pub limits: (Option<u64>, Option<u64>),
    /// For how long it was seeded before this session.
    pub seeded: Duration,
}

/// What is to be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A torrent file, that is still to be read.
    File(PathBuf),
    /// A torrent.
    Torrent(Arc<Torrent>),
    /// Of which only a magnet link is here.
    Magnet(Box<Magnet>),
}
