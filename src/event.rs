//! Everything the program learns, as a stream of facts with times.
//!
//! The stream is the only input of the ledger; a recording is the stream written down, by the names that kinds and
//! fields have here. Old recordings must stay readable: a field that is added is an `Option` or has
//! `#[serde(default)]`, and one that gets another name keeps the old one as an alias. Kinds can be added
//! and removed. Strings in events are already cleaned for showing.

mod attempt;
mod blocks;
mod cause;
mod dht;
mod finder;
mod mapping;
mod metadata;
pub(crate) mod parts;
mod peer_info;
mod pseudonym;
mod punch;
mod queued;
mod session;
mod source;
mod stream;
mod tracker;
pub mod validate;
mod web_seed;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use attempt::{Attempt, DialWay, Direction, Encryption, OsError, SNUBBED_AFTER, Transport, WireBytes};
pub use blocks::{BlockRun, BlockState, MOST_RUNS};
pub use cause::{Again, Blame, Cause, CauseInfo, OtherWay, advised};
pub use dht::{AnnounceOutcome, DhtFact, Family, LookupFact, MOST_LOOKUP_NODES, NodeOutcome};
pub use finder::{Finder, FinderInfo, FinderStatus};
pub use mapping::{
    MOST_SAID_BYTES, MappedTransport, MappingFact, MappingProtocol, MappingStep, is_behind_another_router,
};
pub use metadata::{METADATA_PART_BYTES, MOST_METADATA_BYTES, MetadataStep};
pub use peer_info::PeerInfo;
pub use pseudonym::Pseudonyms;
pub use punch::{PunchFailure, PunchStep, Relay};
pub use queued::Queued;
pub use source::{Source, SourceInfo};
pub use stream::{DELAY_TARGET, LimitedBy, StreamFigures};
pub use tracker::Announced;
pub use validate::Invalid;
pub use web_seed::{WebSeedKey, WebSeedStep};

use parts::parts;

use crate::metainfo::{Bitfield, Choice, PieceIndex};
pub use crate::wire::mse::Payload;
pub use crate::wire::{AnnounceKind, LooksLike, TrackerError};

/// Time since the start of the run.
pub type At = Duration;

/// A torrent of the run; given out once in a run and never again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct TorrentKey(pub u32);

/// What an event tells of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Subject {
    /// The whole program.
    #[default]
    Session,
    /// One torrent.
    Torrent(TorrentKey),
}

/// A peer's row; given out once in a run and never again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PeerKey(pub u32);

/// A tracker of the torrent, by its place in the list of all of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TrackerKey(pub u16);

/// What the torrent as a whole is doing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Phase {
    /// Looking at what is on disk.
    #[default]
    Checking,
    /// A magnet: what the torrent is made of is not known yet, and peers are asked for it (BEP 9).
    Metadata,
    /// Pieces are missing.
    Downloading,
    /// Everything is here.
    Seeding,
    /// The user paused it.
    Paused,
    /// The disk refuses (full, no permission): nothing goes on until the user resumes.
    Stopped,
    /// It waits for its turn among other torrents.
    Queued(Queued),
}

impl Phase {
    /// Whether nothing goes on, for whatever reason.
    #[must_use]
    pub fn rests(self) -> bool {
        matches!(self, Self::Paused | Self::Stopped | Self::Queued(_))
    }
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Side {
    /// We do it to the peer.
    Us,
    /// The peer does it to us.
    Them,
}

/// How weighty a line of the log or a verdict is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Severity {
    /// All is well.
    Good,
    /// Worth knowing.
    Info,
    /// Costs something.
    Warn,
    /// Stops something.
    Error,
}

impl Severity {
    /// Its code, as programs read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// What one connection did in the last second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerSample {
    /// Payload received, bytes a second.
    pub down_bps: u64,
    /// Payload sent, bytes a second.
    pub up_bps: u64,
    /// Payload received on this connection, bytes.
    pub down_bytes: u64,
    /// Payload sent on this connection, bytes.
    pub up_bytes: u64,
    /// Requests sent and not answered yet.
    pub requests_out: u32,
    /// Requests we would like to have out.
    pub request_target: u32,
    /// Age of the oldest request out, milliseconds.
    pub oldest_request_ms: u32,
    /// Time from a request to its block when nothing else was queued, milliseconds.
    pub latency_ms: u32,
}

/// What the torrent as a whole did in the last second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Payload received, bytes a second.
    pub down_bps: u64,
    /// Payload sent, bytes a second.
    pub up_bps: u64,
}

/// What the disk did in the last second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DiskSample {
    /// Written, bytes a second.
    pub written_bps: u64,
    /// Bytes that wait to be written, or are being written.
    pub pending_bytes: u64,
    /// Bytes of memory for what is not written.
    pub memory_bytes: u64,
    /// How long a write takes, milliseconds.
    pub write_ms: u32,
}

/// One fact.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// The torrent entered a phase; for `Stopped`, `reason` is one line saying what failed and what to do.
    Phase {
        /// The phase.
        phase: Phase,
        /// Why, where the phase does not say it itself.
        reason: Option<String>,
    },
    /// So many pieces were looked at while checking.
    Checked {
        /// Pieces looked at.
        done: u32,
        /// Pieces to look at.
        of: u32,
    },
    /// The pieces that were good when checking ended.
    Had {
        /// Those pieces.
        pieces: Arc<Bitfield>,
    },
    /// We listen for peers on this port.
    Listening {
        /// The TCP port.
        port: u16,
    },
    /// The rate limits in force, bytes a second.
    Limits {
        /// For what we receive.
        down_bps: Option<u64>,
        /// For what we send.
        up_bps: Option<u64>,
    },

    /// An address was learned. A second source for a known address is learned again under the same key.
    PeerLearned {
        /// Its row.
        peer: PeerKey,
        /// Where it listens, or, for an incoming one that never said, where it called from.
        addr: SocketAddr,
        /// Who named it.
        source: Source,
    },
    /// An incoming peer named the port it listens on, and that address already had a row: the two are one.
    PeerMerged {
        /// The row that ends.
        gone: PeerKey,
        /// The row that goes on, with the attempts of both.
        into: PeerKey,
    },
    /// We began to dial, or it connected to us.
    AttemptBegan {
        /// Whose row.
        peer: PeerKey,
        /// Who connected.
        direction: Direction,
        /// Over what.
        transport: Transport,
        /// Under what.
        encryption: Encryption,
    },
    /// The connection is open.
    Connected {
        /// Whose row.
        peer: PeerKey,
    },
    /// Our handshake was written.
    HandshakeSent {
        /// Whose row.
        peer: PeerKey,
        /// The bytes we sent.
        sent: Vec<u8>,
    },
    /// Bytes came where a handshake belongs: all 68, or as many as came before it ended.
    HandshakeBytes {
        /// Whose row.
        peer: PeerKey,
        /// What came, 68 bytes at most.
        received: Vec<u8>,
    },
    /// Its handshake was valid: the peer is live.
    Handshaken {
        /// Whose row.
        peer: PeerKey,
    },
    /// Its extension handshake came (BEP 10).
    #[serde(alias = "Extended")]
    Introduced {
        /// Whose row.
        peer: PeerKey,
        /// What it says of itself.
        info: PeerInfo,
    },
    /// All the pieces it has, as it said at the start.
    Has {
        /// Whose row.
        peer: PeerKey,
        /// Those pieces.
        pieces: Arc<Bitfield>,
    },
    /// It has one piece more.
    Have {
        /// Whose row.
        peer: PeerKey,
        /// That piece.
        piece: PieceIndex,
    },
    /// A side chokes or unchokes the other.
    Choking {
        /// Whose row.
        peer: PeerKey,
        /// Who does it.
        by: Side,
        /// True for choke, false for unchoke.
        choking: bool,
    },
    /// A side is interested in the other, or no more.
    Interested {
        /// Whose row.
        peer: PeerKey,
        /// Who is.
        by: Side,
        /// True for interested.
        interested: bool,
    },
    /// Its first block of this connection arrived.
    FirstBlock {
        /// Whose row.
        peer: PeerKey,
    },
    /// One second of a connection.
    PeerSample {
        /// Whose row.
        peer: PeerKey,
        /// What it did.
        sample: PeerSample,
    },
    /// The attempt is over. Its cause is never rewritten.
    AttemptEnded {
        /// Whose row.
        peer: PeerKey,
        /// Why.
        cause: Cause,
        /// What the operating system said, where it did.
        error: Option<OsError>,
        /// Anything more exact.
        detail: Option<String>,
        /// Bytes received, all of them.
        bytes_in: u64,
        /// Bytes sent, all of them.
        bytes_out: u64,
    },
    /// We hung up on a peer that shook hands and gave its answer, to try another way of reaching it: the end says nothing of
    /// the peer, which counts as it stood.
    HungUp {
        /// Whose row.
        peer: PeerKey,
        /// Bytes received, all of them.
        bytes_in: u64,
        /// Bytes sent, all of them.
        bytes_out: u64,
    },
    /// The peer is dialled over the other transport as well, while the attempt under way is not connected.
    RivalBegan {
        /// Whose row.
        peer: PeerKey,
        /// Over what.
        transport: Transport,
        /// Under what.
        encryption: Encryption,
    },
    /// The rival is over, and the attempt under way goes on. Where the attempt ends first, the rival takes its place.
    RivalEnded {
        /// Whose row.
        peer: PeerKey,
        /// Why.
        cause: Cause,
        /// What the operating system said, where it did.
        error: Option<OsError>,
        /// Anything more exact.
        detail: Option<String>,
    },
    /// When the peer is dialled next; `None`: not by itself.
    NextTry {
        /// Whose row.
        peer: PeerKey,
        /// When, since the start of the run.
        at: Option<At>,
    },
    /// Why a peer that is not connected is not dialled now, where no attempt says it; `None`: no more so.
    NotDialled {
        /// Whose row.
        peer: PeerKey,
        /// Why.
        cause: Option<Cause>,
    },
    /// The user holds the peer (connected, nothing asked nor sent), or lets go.
    Held {
        /// Whose row.
        peer: PeerKey,
        /// Whether it is held.
        held: bool,
    },
    /// The user dropped the peer (neither dialled nor accepted), or took that back.
    Dropped {
        /// Whose row.
        peer: PeerKey,
        /// Whether it is dropped.
        dropped: bool,
    },
    /// The peer is banned, or no more.
    Banned {
        /// Whose row.
        peer: PeerKey,
        /// Until when; `None` ends the ban.
        until: Option<At>,
        /// Why.
        reason: String,
    },
    /// A connection from outside ended without a valid handshake.
    IncomingFailed {
        /// Where from.
        addr: IpAddr,
        /// Why.
        cause: Cause,
    },

    /// Blocks of a piece were granted for the first time.
    PieceOpened {
        /// That piece.
        piece: PieceIndex,
    },
    /// Nothing of the piece is asked for any more.
    PieceClosed {
        /// That piece.
        piece: PieceIndex,
    },
    /// The piece has the right hash and is written.
    PieceVerified {
        /// That piece.
        piece: PieceIndex,
        /// Who sent blocks of it.
        from: Vec<PeerKey>,
    },
    /// The piece has the wrong hash.
    PieceFailed {
        /// That piece.
        piece: PieceIndex,
        /// Who sent blocks of it.
        from: Vec<PeerKey>,
    },

    /// The torrent names this tracker.
    TrackerKnown {
        /// Its key.
        tracker: TrackerKey,
        /// Its tier, from 0.
        tier: u16,
        /// Scheme, host and port: what may be shown.
        url: String,
    },
    /// An announce is on its way.
    AnnounceBegan {
        /// The tracker it goes to.
        tracker: TrackerKey,
        /// Which.
        kind: AnnounceKind,
    },
    /// The tracker answered.
    AnnounceAnswered {
        /// Who.
        tracker: TrackerKey,
        /// What.
        answer: Announced,
    },
    /// The announce failed.
    AnnounceFailed {
        /// Whose.
        tracker: TrackerKey,
        /// How.
        error: TrackerError,
        /// In whose words: the tracker's own, or the system's.
        text: String,
    },
    /// When the tracker is asked next.
    NextAnnounce {
        /// Whose.
        tracker: TrackerKey,
        /// When, since the start of the run; `None`: not again in this run.
        at: Option<At>,
    },

    /// One second of the torrent.
    Sample(Sample),
    /// A line for the log, and for the message line when it answers a command.
    Note {
        /// How weighty.
        severity: Severity,
        /// One line for people.
        text: String,
        /// Whether it answers a command.
        answer: bool,
    },

    /// What answered where a handshake belongs, as far as its first bytes tell.
    LooksLike {
        /// Whose row.
        peer: PeerKey,
        /// What it looks like.
        what: LooksLike,
    },
    /// Bytes that went over the connection under way so far, all of them.
    Traffic {
        /// Whose row.
        peer: PeerKey,
        /// Bytes received.
        bytes_in: u64,
        /// Bytes sent.
        bytes_out: u64,
    },
    /// This run only looks who answers: what it receives is thrown away.
    Probing,
    /// Under encryption, both sides agreed on what the messages travel under.
    Agreed {
        /// Whose row.
        peer: PeerKey,
        /// What they travel under.
        payload: Payload,
    },
    /// A recording of the run began, or ended.
    Recording {
        /// Whether there is one from now on.
        on: bool,
    },
    /// How far a piece under way is. Told of a few pieces a second, those first that were told longest ago, and
    /// only where something changed: what is shown of a piece may be some seconds old.
    PieceBlocks {
        /// That piece.
        piece: PieceIndex,
        /// All its blocks, in order.
        #[serde(deserialize_with = "validate::bounded::<_, _, MOST_RUNS>")]
        blocks: Vec<BlockRun>,
    },
    /// So many files were made ready for writing, after checking.
    Preparing {
        /// Files that are ready.
        done: u32,
        /// Files of the torrent.
        of: u32,
    },
    /// It says that it wants nothing any more, or does again (BEP 21). Old recordings have it; now it is part of
    /// [`Event::Introduced`].
    UploadOnly {
        /// Whose row.
        peer: PeerKey,
        /// Whether it wants nothing.
        upload_only: bool,
    },
    /// Our setting forbids encryption: peers are dialled, and taken, plain only.
    PlainOnly,
    /// One second of the disk. Told only while it is slow, and once more when it is not any longer.
    Disk(DiskSample),
    /// How many connections may be open at once.
    Places {
        /// That number.
        most: u32,
    },
    /// How a way to find peers stands.
    Finder {
        /// Which.
        finder: Finder,
        /// How it stands.
        status: FinderStatus,
        /// Why, in a few words.
        detail: Option<String>,
    },
    /// The peer named others (BEP 11).
    Named {
        /// Who.
        peer: PeerKey,
        /// How many it named.
        named: u32,
        /// How many of them nobody had named before.
        new: u32,
    },
    /// A way to find peers named some. Of those that peers name [`Event::Named`] tells.
    Found {
        /// Which.
        finder: Finder,
        /// How many it named.
        named: u32,
        /// How many of them nobody had named before.
        new: u32,
    },
    /// A fact of the DHT as a whole.
    Dht(DhtFact),
    /// A step of looking for the torrent's peers in the DHT.
    Lookup(LookupFact),
    /// A step on the way to a way in through the router.
    Mapping(MappingFact),
    /// How many packets came to our UDP port so far that are of no protocol of ours.
    OtherPackets {
        /// That many.
        packets: u64,
    },
    /// What came to our UDP port over uTP so far beside the packets of its streams.
    UtpPackets {
        /// Calls.
        calls: u64,
        /// Calls of those that were refused, or got no answer.
        refused: u64,
        /// Packets of no stream, or that say of one what cannot be.
        unfit: u64,
    },
    /// How many connections from outside named no torrent of the session so far; told where there are several torrents, of
    /// which none can count them.
    UnknownCalls {
        /// That many.
        calls: u64,
    },
    /// A step on a peer's way to giving us the metadata.
    Metadata {
        /// Whose row.
        peer: PeerKey,
        /// The step.
        step: MetadataStep,
    },
    /// A step on the way to a peer through another one (BEP 55). What follows is told of its attempt.
    Punch {
        /// Whose row.
        peer: PeerKey,
        /// The step.
        step: PunchStep,
    },
    /// How the uTP stream below the connection goes: told now and then while anything changes, and once at its end, where
    /// the run does not end first.
    Stream {
        /// Whose row.
        peer: PeerKey,
        /// How it goes.
        figures: StreamFigures,
    },
    /// Which files are wanted from now on, and in which order. Where nobody chooses it is not told: all are.
    Chosen {
        /// By the numbers of the torrent's files.
        choice: Arc<Choice>,
    },
    /// How much of the metadata is here; told whenever one of the numbers changes. After a wrong hash nothing is.
    MetadataParts {
        /// Parts that are here.
        got: u32,
        /// Parts of the whole, by the length that most who offer it agree on; 0: nobody offers it.
        of: u32,
        /// That length, bytes.
        bytes: u32,
    },
    /// What a web seed does, or what becomes of it (BEP 19).
    WebSeed {
        /// Which.
        seed: WebSeedKey,
        /// What.
        step: WebSeedStep,
    },
}

parts! {
    enum Event:
    Phase { phase reason }, Checked { done of }, Had { pieces }, Listening { port }, Limits { down_bps up_bps },
    PeerLearned { peer addr source }, PeerMerged { gone into },
    AttemptBegan { peer direction transport encryption }, Connected { peer }, HandshakeSent { peer sent },
    HandshakeBytes { peer received }, Handshaken { peer }, Introduced { peer info }, Has { peer pieces },
    Have { peer piece }, Choking { peer by choking }, Interested { peer by interested }, FirstBlock { peer },
    PeerSample { peer sample }, AttemptEnded { peer cause error detail bytes_in bytes_out },
    HungUp { peer bytes_in bytes_out }, RivalBegan { peer transport encryption }, RivalEnded { peer cause error detail }, NextTry { peer at }, NotDialled { peer cause }, Held { peer held }, Dropped { peer dropped },
    Banned { peer until reason }, IncomingFailed { addr cause }, PieceOpened { piece }, PieceClosed { piece },
    PieceVerified { piece from }, PieceFailed { piece from }, TrackerKnown { tracker tier url },
    AnnounceBegan { tracker kind }, AnnounceAnswered { tracker answer }, AnnounceFailed { tracker error text },
    NextAnnounce { tracker at }, Sample(sample), Note { severity text answer }, LooksLike { peer what },
    Traffic { peer bytes_in bytes_out }, Probing, Agreed { peer payload }, Recording { on },
    PieceBlocks { piece blocks }, Preparing { done of }, UploadOnly { peer upload_only }, PlainOnly, Disk(disk),
    Places { most }, Finder { finder status detail }, Named { peer named new }, Found { finder named new }, Dht(fact), Lookup(fact), Mapping(fact),
    OtherPackets { packets }, UtpPackets { calls refused unfit }, UnknownCalls { calls },
    Metadata { peer step }, Punch { peer step }, Stream { peer figures },
    Chosen { choice }, MetadataParts { got of bytes }, WebSeed { seed step },
}

impl Event {
    /// What it tells of, where it was learned by the task of this torrent.
    pub fn subject(&self, torrent: TorrentKey) -> Subject {
        match self {
            Self::Listening { .. }
            | Self::Limits { .. }
            | Self::Places { .. }
            | Self::IncomingFailed { .. }
            | Self::Dht(_)
            | Self::Mapping(_)
            | Self::OtherPackets { .. }
            | Self::UtpPackets { .. }
            | Self::UnknownCalls { .. }
            | Self::Recording { .. } => Subject::Session,
            _ => Subject::Torrent(torrent),
        }
    }
}
