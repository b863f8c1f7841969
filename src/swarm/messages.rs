//! What a swarm is told, and what it says is to be done.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::peer_table::MOST_ROWS;
use super::{
    BlockDigest, Closed, ConnKey, DialPacer, DialPolicy, DownShare, EncryptionPolicy, Order, Places,
    TransportPolicy, UploadSlots, Way, WebNews, announce,
};
use crate::command::Command;
use crate::event::{
    At, Cause, DialWay, Event, Finder, LookupFact, PeerKey, Queued, Source, TrackerKey, Transport,
};
use crate::metainfo::address::Scope;
use crate::metainfo::{Bitfield, BlockRef, Choice, Geometry, InfoHash, PeerId, PieceChoice, PieceIndex};
use crate::peer::{News, Step};

/// What a swarm is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most connections at once, both directions, those of every torrent with places beside these.
    pub max_peers: usize,
    /// This torrent's part of them.
    pub places: Places,
    /// The most peers to remember one by one.
    pub max_rows: usize,
    /// The most dials under way at once.
    pub max_dials: usize,
    /// How many dials may begin in a second, those of every torrent with a copy of it.
    pub dial_pacer: DialPacer,
    /// How many peers are served at once, those of every torrent with slots beside these.
    pub upload_slots: UploadSlots,
    /// This torrent's part of them.
    pub slot_places: Places,
    /// Bytes of blocks granted or here and not yet written, at which nothing more is opened; a quarter more for peers
    /// that are far away.
    pub memory_bytes: u64,
    /// Limit for what we receive, bytes a second, every torrent with a share beside this one.
    pub down_bps: Option<u64>,
    /// This torrent's part of it.
    pub down_share: DownShare,
    /// Limit for what we send, bytes a second; shown here, kept where uploads are read.
    pub up_bps: Option<u64>,
    /// Limits of this torrent alone, below those of all, bytes a second: down, up.
    pub own_bps: (Option<u64>, Option<u64>),
    /// Whether peers are dialled plain or encrypted.
    pub encryption: EncryptionPolicy,
    /// Whether they are dialled over TCP or uTP.
    pub transport: TransportPolicy,
    /// The torrent.
    pub info_hash: InfoHash,
    /// Only trackers and the user may name peers (BEP 27).
    pub private: bool,
    /// Ways besides trackers in which peers are to be found; a private torrent uses none of them.
    pub finders: BTreeSet<Finder>,
    /// The announce URLs of its trackers by tier, passkeys and all: never to be shown.
    pub trackers: Vec<Vec<String>>,
    /// Our own peer id.
    pub peer_id: PeerId,
    /// Where every random choice comes from.
    pub seed: u64,
    /// Only try each peer, and be over by then ([`Settings::of_check`]); `None`: download.
    pub check_until: Option<At>,
    /// Begin paused.
    pub paused: bool,
    /// Begin waiting for its turn among other torrents.
    pub waits: Option<Queued>,
}

impl Settings {
    /// The limits in force, bytes a second: down, up.
    pub(super) fn limits(&self) -> (Option<u64>, Option<u64>) {
        let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        (least(self.down_bps, self.own_bps.0), least(self.up_bps, self.own_bps.1))
    }

    /// The ways in which peers may be dialled.
    pub(super) fn dials(&self) -> DialPolicy {
        DialPolicy { transport: self.transport, encryption: self.encryption }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_peers: 200,
            places: Places::default(),
            max_rows: MOST_ROWS,
            max_dials: 100,
            dial_pacer: DialPacer::default(),
            upload_slots: UploadSlots::Auto,
            slot_places: Places::default(),
            memory_bytes: 16 * 1024 * 1024,
            down_bps: None,
            down_share: DownShare::default(),
            up_bps: None,
            own_bps: (None, None),
            encryption: EncryptionPolicy::default(),
            transport: TransportPolicy::default(),
            info_hash: InfoHash([0; 20]),
            private: false,
            finders: BTreeSet::from([Finder::Pex]),
            trackers: Vec::new(),
            peer_id: PeerId::ours(0),
            seed: 0,
            check_until: None,
            paused: false,
            waits: None,
        }
    }
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
    },
    /// A way to find peers named addresses.
    Found {
        /// Which: a source that is no tracker.
        source: Source,
        /// How far away the one is that named them: nobody names what is nearer than he is.
        scope: Scope,
        /// Where.
        addrs: Vec<SocketAddr>,
    },
    /// A lookup of the torrent in the DHT came a step further.
    LookedUp(LookupFact),
    /// A tracker answered; from now on what it names is judged by how far it is from us.
    Reached {
        /// Which.
        tracker: TrackerKey,
        /// How far its own address reaches.
        scope: Scope,
        /// The address it sees us at, with the port we listen on.
        seen_at: Option<SocketAddr>,
    },
    /// What came of an announce; the peers that the tracker named are learned already.
    Announced(announce::Input),
    /// A dial came a step further.
    Step {
        /// Whom we dialled.
        peer: PeerKey,
        /// Over what.
        transport: Transport,
        /// When.
        at: At,
        /// How far.
        step: Step,
    },
    /// Dialling ended without a valid handshake.
    DialFailed {
        /// Whom we dialled.
        peer: PeerKey,
        /// Over what.
        transport: Transport,
        /// How it ended.
        end: Closed,
    },
    /// A valid handshake came, on a connection we opened (`peer`) or one that was opened to us.
    Handshaken {
        /// The connection.
        conn: ConnKey,
        /// Whom we dialled; `None` for one that called.
        peer: Option<PeerKey>,
        /// Over what.
        transport: Transport,
        /// The other end.
        addr: SocketAddr,
        /// Its peer id.
        peer_id: PeerId,
        /// For one that called: the facts of its attempt so far, told as soon as it has a row.
        so_far: Vec<(At, Step)>,
    },
    /// A connection from outside ended without a valid handshake.
    IncomingFailed {
        /// Where from.
        addr: IpAddr,
        /// Why.
        cause: Cause,
    },
    /// The torrent's metadata is known, and what of it is on the disk.
    Known(Box<Known>),
    /// A block came on the connection, and maybe more in the same read: what follows from all of them is decided with the
    /// [`News::Window`] behind them.
    Block(ConnKey, BlockRef),
    /// Something else happened on a connection.
    News(ConnKey, News),
    /// Something happened on a line to a web seed.
    Web(ConnKey, WebNews),
    /// In a check: all that the connection was asked for is here; was the hash of its piece right?
    Hashed(ConnKey, bool),
    /// It is over.
    Closed(ConnKey, Closed),
    /// Bytes of an open piece were written and are out of memory.
    Written {
        /// The piece.
        piece: PieceIndex,
        /// How many.
        bytes: u64,
    },
    /// Blocks of an open piece that were written are in its file no more: they are missing again, and nobody who
    /// sent them is to blame.
    BlocksLost {
        /// The piece.
        piece: PieceIndex,
        /// The blocks.
        blocks: Vec<BlockRef>,
    },
    /// All blocks of a piece came; was its hash right? If so it is written.
    PieceDone {
        /// The piece.
        piece: PieceIndex,
        /// Whether the hash was right.
        good: bool,
        /// Of a wrong piece: what each of its blocks was. Empty where that is not known.
        blocks: Vec<BlockDigest>,
    },
    /// What each block of a right piece is, as [`Action::Digest`] asked.
    Digested {
        /// The piece.
        piece: PieceIndex,
        /// Its blocks.
        blocks: Vec<BlockDigest>,
    },
    /// The disk refused: what failed and what to do, in one line for people.
    DiskFailed(String),
    /// What [`Action::Recheck`] asked for: the pieces that are good, or why that cannot be told, in one line for people.
    Rechecked(Result<Bitfield, String>),
    /// What [`Action::Choose`] asked for: how much each piece is wanted from now on.
    Chosen(PieceChoice),
    /// The program stood still for so long, and the time given here with it; everybody else's went on.
    StoodStill(Duration),
    /// The addresses of this machine changed.
    AddressesChanged {
        /// The connections over one that is gone.
        lost: Vec<ConnKey>,
        /// Which way there is to others now.
        way: Way,
    },
    /// Its turn among other torrents came; or why it has to wait.
    Turn(Option<Queued>),
    /// The user wishes something.
    Command(Command),
    /// Nothing but time went by.
    Tick,
}

/// What is known of a torrent with its metadata, and with a look at the disk.
#[derive(Debug)]
pub struct Known {
    /// Its lengths.
    pub geometry: Geometry,
    /// The pieces that are on the disk.
    pub have: Bitfield,
    /// Only trackers and the user may name peers (BEP 27).
    pub private: bool,
    /// Blocks of unfinished pieces that are here from an earlier run; who sent them is not known.
    pub kept: Vec<BlockRef>,
    /// The disk refuses: why, in one line for people.
    pub stopped: Option<String>,
    /// It rests until the user has it go on.
    pub paused: bool,
    /// It rests, too, because none of its files is one that was named: so in one line for people.
    pub unmatched: Option<String>,
    /// Which files are wanted.
    pub choice: Arc<Choice>,
    /// What that means for its pieces.
    pub pieces: PieceChoice,
    /// The URLs of its web seeds (BEP 19), not to be shown in full.
    pub web_seeds: Vec<String>,
}

impl Known {
    /// A torrent of these lengths of which this is on the disk, and everything is wanted.
    pub fn everything(geometry: Geometry, have: Bitfield) -> Self {
        let (choice, pieces) = (Arc::new(Choice::everything(0)), PieceChoice::default());
        Self {
            geometry,
            have,
            private: false,
            kept: Vec::new(),
            stopped: None,
            paused: false,
            unmatched: None,
            choice,
            pieces,
            web_seeds: Vec::new(),
        }
    }
}

/// What to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Dial the address, also while the peer is dialled over the other transport; answer with `Handshaken` or `DialFailed`.
    Dial {
        /// Whose row.
        peer: PeerKey,
        /// Where.
        addr: SocketAddr,
        /// How.
        way: DialWay,
    },
    /// The peer was connected over the other transport first: the dial over this one is closed without a word, and
    /// nothing is answered.
    CallOff {
        /// Whom we dialled.
        peer: PeerKey,
        /// Over what.
        transport: Transport,
    },
    /// Tell the connection.
    Order(ConnKey, Order),
    /// The block that just came on the connection was missing: its bytes belong to its piece.
    Keep(ConnKey, BlockRef),
    /// Forget the blocks of this piece, whatever is under way with them.
    Discard(PieceIndex),
    /// Read this piece, which is right and written, and answer with [`Input::Digested`]: it was wrong before, and
    /// this shows who lied.
    Digest(PieceIndex),
    /// Hash these pieces as they stand on the disk, and answer with [`Input::Rechecked`].
    Recheck(Bitfield),
    /// The user wants these files from now on: make the disk ready for it, and answer with [`Input::Chosen`].
    Choose(Arc<Choice>),
    /// The bytes of `info` are here, and their hash is right: answer with [`Input::Known`] once the disk was looked at.
    Metadata(Bytes),
    /// These pieces that we had are wrong on the disk: we have them no more.
    Lose(Vec<PieceIndex>),
    /// These pieces that we missed are right on the disk, though nobody sent them to us in this run.
    Found(Vec<PieceIndex>),
    /// Look for peers again now, in every way that is no tracker.
    LookAgain,
    /// A peer has a DHT node there: the DHT may know it.
    Node(SocketAddr),
    /// Tell every peer that we have it now.
    Have(PieceIndex),
    /// What we send is limited so from now on, bytes a second.
    LimitUp {
        /// Of all torrents together.
        all_bps: Option<u64>,
        /// Of this one.
        own_bps: Option<u64>,
    },
    /// Carry this out with the trackers, and answer with [`Input::Announced`].
    Announce(announce::Output),
    /// A check is over: quit.
    Finished,
    /// The last piece came in this run, and everything is here.
    Completed,
    /// The torrent entered another phase; the resume file keeps whether it is paused.
    Entered,
    /// This was learned.
    Emit(At, Event),
}
