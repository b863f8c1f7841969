//! What passes between decisions and a connection, bytes left out.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::event::{Cause, Event, OsError, PeerInfo, PeerKey, PeerSample, StreamFigures, WebSeedKey};
use crate::metainfo::{Bitfield, BlockRef, PieceIndex};
use crate::wire::{Holepunch, Pex};

/// One connection; given out once in a run and never again, so that late news of a closed one is recognised. Those to web
/// seeds ([`Self::of_web_seed`]) stay the same for the whole run: each is a line of requests, one after the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnKey(pub u32);

/// Lines of requests that one web seed has at most.
pub const MOST_LINES: u8 = 4;
/// Connections from here on are those to web seeds: fewer are ever made to peers.
const FIRST_OF_WEB_SEEDS: u32 = 0xf000_0000;

impl ConnKey {
    /// The line of this number, below [`MOST_LINES`], to the web seed.
    #[must_use]
    pub fn of_web_seed(seed: WebSeedKey, line: u8) -> Self {
        Self(FIRST_OF_WEB_SEEDS + u32::from(seed.0) * u32::from(MOST_LINES) + u32::from(line))
    }

    /// The web seed, where the connection is one to a web seed.
    #[must_use]
    pub fn web_seed(self) -> Option<WebSeedKey> {
        let line = self.0.checked_sub(FIRST_OF_WEB_SEEDS)?;
        u16::try_from(line / u32::from(MOST_LINES)).ok().map(WebSeedKey)
    }
}

/// The state of a request window, for the picker to grant by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WindowState {
    /// Granted blocks not requested yet.
    pub granted: u32,
    /// Requests out.
    pub outstanding: u32,
    /// Requests the window wants out at the present rate.
    pub target: u32,
    /// Payload rate, bytes a second.
    pub down_bps: u64,
    /// Age of the oldest request out, milliseconds.
    pub oldest_request_ms: u32,
    /// From a request to its block when nothing else is queued, milliseconds; 0 while that is not known.
    pub round_trip_ms: u32,
    /// Bytes that are here of the block under way.
    pub begun_bytes: u32,
}

/// What a connection is told to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// These blocks are yours to request, in this order, after those granted before.
    Grant(Vec<BlockRef>),
    /// These are no more: forget those not requested yet, cancel the others.
    Revoke(Vec<BlockRef>),
    /// Choke or unchoke the peer. Choking forgets what it requested.
    Choke(bool),
    /// While it is choked it may ask for these pieces (BEP 6), for each of them once, and for no others.
    AllowFast(Vec<PieceIndex>),
    /// Say interested, or not interested.
    Interested(bool),
    /// Tell it of other peers, where it takes that (BEP 11).
    Name(Pex),
    /// Say this to have it meet another peer, or us another through it, where it takes that (BEP 55).
    Punch(Holepunch),
    /// Ask it for this part of the metadata (BEP 9).
    AskMetadata {
        /// Its number.
        part: u32,
    },
    /// The geometry of the torrent is known by now ([`Ours::holdings`](super::Ours::holdings)).
    Learn,
    /// Neither request nor send while held; keep the connection.
    Hold(bool),
    /// Send what is being written to its end if that is quick, then close.
    Close(Cause),
}

/// What a connection tells of itself.
#[derive(Clone, PartialEq, Debug)]
pub enum News {
    /// The request window as it stands, told with blocks and whenever grants run short.
    Window {
        /// How many blocks came since the last; their bytes go their own way.
        blocks: usize,
        /// The window after them.
        window: WindowState,
    },
    /// The peer chokes us: every grant it held is void and given back. Blocks that were on their way may still come.
    Choked,
    /// It unchokes us.
    Unchoked,
    /// It is interested in us, or no more.
    Interested(bool),
    /// What it has, from bitfield, have-all or have-none. Told once, right after the handshake, also if it said nothing; where
    /// the torrent's geometry is learned later, then.
    Has(Bitfield),
    /// It has these pieces more.
    Have(Vec<PieceIndex>),
    /// It sends this piece even while it chokes us (BEP 6). Told once of each.
    AllowedFast(PieceIndex),
    /// It will not send these (BEP 6 reject): they are given back.
    Rejected(Vec<BlockRef>),
    /// It sees us there, by the port at which we say that we listen.
    SeenAt(SocketAddr),
    /// Its extension handshake came.
    Introduced(PeerInfo),
    /// It has a DHT node (BEP 5). Told once, and only where we have one.
    Node {
        /// At its address, on this port.
        port: u16,
    },
    /// It names other peers (BEP 11).
    Named(Pex),
    /// It speaks of another peer to meet (BEP 55).
    Punch(Holepunch),
    /// It answers what it was asked of the metadata (BEP 9).
    Metadata(MetadataNews),
    /// One second went by.
    Sample(PeerSample),
    /// Bytes that went over the connection so far, all of them.
    Traffic {
        /// Received.
        bytes_in: u64,
        /// Sent.
        bytes_out: u64,
    },
    /// How the uTP stream below it goes.
    Stream(StreamFigures),
}

impl News {
    /// What is told of it where nothing is decided by it.
    pub fn event(&self, peer: PeerKey) -> Option<Event> {
        match *self {
            Self::Traffic { bytes_in, bytes_out } => Some(Event::Traffic { peer, bytes_in, bytes_out }),
            Self::Stream(figures) => Some(Event::Stream { peer, figures }),
            _ => None,
        }
    }
}

/// What a peer answers when it is asked for a part of the metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetadataNews {
    /// It sends the part.
    Part {
        /// Its number.
        part: u32,
        /// Bytes of the whole, where it says that.
        total_bytes: Option<u32>,
        /// What it sends, of whatever length.
        bytes: Bytes,
    },
    /// It will not send it.
    Refused {
        /// Its number.
        part: u32,
    },
}

/// How a connection, or the try to make one, ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closed {
    /// Why.
    pub cause: Cause,
    /// What the operating system said, where it did.
    pub error: Option<OsError>,
    /// Anything more exact, for people.
    pub detail: Option<String>,
    /// Bytes received over the whole connection, handshake included.
    pub bytes_in: u64,
    /// Bytes sent over the whole connection, handshake included.
    pub bytes_out: u64,
}

impl Closed {
    /// It ended for this reason, and nothing more is known.
    pub fn because(cause: Cause) -> Self {
        Self { cause, error: None, detail: None, bytes_in: 0, bytes_out: 0 }
    }

    /// What is told of it.
    pub fn event(self, peer: PeerKey) -> Event {
        let Self { cause, error, detail, bytes_in, bytes_out } = self;
        Event::AttemptEnded { peer, cause, error, detail, bytes_in, bytes_out }
    }
}

/// How an open connection broke, as far as its error tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// The other side had closed.
    Closed,
    /// It was reset, by the other side or on the way.
    Reset,
    /// The path broke.
    Lost,
    /// Something here failed.
    Local,
}
