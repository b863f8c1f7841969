//! What a check is told, and what it says is to be done.

use std::net::{IpAddr, SocketAddr};

use crate::event::{
    AnnounceKind, Announced, At, Cause, Encryption, Event, PeerKey, Source, TrackerError, TrackerKey,
};
use crate::metainfo::PeerId;
use crate::peer::{Closed, ConnKey, News, Order, Step};
use crate::swarm::EncryptionPolicy;

/// What a check is told once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Our own peer id.
    pub peer_id: PeerId,
    /// Dials under way and connections at once.
    pub most_open: usize,
    /// How peers are dialled. Where two ways are allowed, the second follows a try that opened and gave no handshake.
    pub encryption: EncryptionPolicy,
    /// When it is over at the latest.
    pub until: At,
    /// Where every random choice comes from.
    pub seed: u64,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// A source named an address.
    Learned {
        /// Where.
        addr: SocketAddr,
        /// Who named it.
        source: Source,
        /// Whether a peer can be there at all.
        valid: bool,
    },
    /// A dial came a step further.
    Step(PeerKey, At, Step),
    /// A dial ended without a valid handshake.
    DialFailed(PeerKey, Closed),
    /// A valid handshake came.
    Handshaken {
        /// The connection.
        conn: ConnKey,
        /// Whom we dialled; `None` for one that called.
        peer: Option<PeerKey>,
        /// The other end.
        addr: SocketAddr,
        /// Its peer id.
        peer_id: PeerId,
        /// For one that called: what happened so far.
        so_far: Vec<(At, Step)>,
    },
    /// A connection from outside ended without a valid handshake.
    IncomingFailed(IpAddr, Cause),
    /// Something happened on a connection.
    News(ConnKey, News),
    /// The piece it was asked for is whole; was its hash right?
    Hashed(ConnKey, bool),
    /// It is over.
    Closed(ConnKey, Closed),
    /// A tracker answered, or failed.
    Announced(TrackerKey, Result<Announced, (TrackerError, String)>),
    /// Somebody wants it to end now.
    Stop,
    /// Nothing but time went by.
    Tick,
}

/// What to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Dial the address; answer with `Handshaken` or `DialFailed`.
    Dial {
        /// Whose row.
        peer: PeerKey,
        /// Where.
        addr: SocketAddr,
        /// How.
        encryption: Encryption,
    },
    /// Give the dial of this peer up; nothing more is to be said of it.
    Abandon(PeerKey),
    /// Tell the connection.
    Order(ConnKey, Order),
    /// Announce to a tracker; a `started` is answered with `Announced`.
    Announce {
        /// Whom.
        tracker: TrackerKey,
        /// Its announce URL, passkey and all: never to be shown.
        url: String,
        /// Which event.
        kind: AnnounceKind,
    },
    /// This was learned.
    Emit(At, Event),
}
