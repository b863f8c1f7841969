//! A client: the real decisions, with simulated connections, disk and trackers around them.

mod decided;
mod writing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::super::announce::{self, Ticket};
use super::super::{Action, BlockDigest, Closed, ConnKey, Input, Known, Order};
use super::conn::Conn;
use super::disk::{Done, Job};
use super::{At, Bitfield, BlockRef, Cause, Disk, Duration, Geometry, PieceIndex, Said, Settings, Swarm};
use crate::command::Command;
use crate::event::{Announced, DialWay, Event, PeerKey, Phase, Source, TrackerError, TrackerKey, Transport};
use crate::metainfo::{BLOCK_LENGTH, Choice, Files, PeerId, SafePath};
use crate::peer::haves::HaveLog;
use crate::peer::{Fault, Holdings, News, Ours, Step, introduction};
use crate::wire::{Holepunch, Reserved};

/// One node calls another.
#[derive(Clone, Copy)]
pub(super) struct Dial {
    /// Of a client: whom.
    pub(super) peer: Option<PeerKey>,
    pub(super) addr: SocketAddr,
    pub(super) way: DialWay,
}

/// What a client wants of the world.
pub(super) enum Effect {
    Dial(Dial),
    Say(ConnKey, Said),
    Close(ConnKey, Cause),
    /// The disk is done after so long.
    Disk(Duration),
    Announce(Ticket, TrackerKey, crate::event::AnnounceKind),
}

/// A piece that is arriving.
#[derive(Default)]
pub(super) struct Arriving {
    here: BTreeSet<u32>,
    wrong: BTreeSet<u32>,
    /// Blocks handed to the disk.
    handed: BTreeSet<u32>,
    /// All before this one are hashed.
    hashed: u32,
    /// When the first of those that were not handed over came.
    oldest: Option<At>,
}

pub(super) struct Client {
    pub(super) geometry: Geometry,
    pub(super) files: Files,
    pub(super) settings: Settings,
    pub(super) swarm: Swarm,
    asked: BTreeMap<Ticket, TrackerKey>,
    /// Dials under way, and whether they are connected.
    dialling: BTreeMap<(PeerKey, Transport), bool>,
    /// What connections were told to say of holepunch.
    pub(super) punches: Vec<(ConnKey, Holepunch)>,
    /// The user has left: nothing begins any more.
    left: bool,
    pub(super) conns: BTreeMap<ConnKey, Conn>,
    /// The block that just came, if it was missing.
    pub(super) kept: Option<BlockRef>,
    /// Everybody each block was ever asked of.
    asked_of: BTreeMap<BlockRef, Vec<ConnKey>>,
    pub(super) arriving: BTreeMap<PieceIndex, Arriving>,
    /// What the blocks were of pieces that are with the disk and wrong.
    failing: BTreeMap<PieceIndex, Vec<BlockDigest>>,
    pub(super) disk: Disk,
    /// What is good and on disk.
    pub(super) written: Bitfield,
    /// What its connections say of it.
    ours: Arc<Ours>,
    /// When it learns the torrent's geometry; none: it knows it.
    learns_at: Option<At>,
    /// The bytes of the torrent's `info`, where they came from peers.
    pub(super) info: Option<Bytes>,
    pub(super) effects: VecDeque<Effect>,
    pub(super) wake_at: At,
    /// What was learned, less what fills memory unless it is all kept.
    pub(super) events: Vec<(At, Event)>,
    pub(super) keeps_all: bool,
    pub(super) dials: Vec<(At, SocketAddr, DialWay)>,
    pub(super) ended: Vec<(SocketAddr, Cause)>,
    /// Everything decided, as text; kept where a test asks for it.
    pub(super) trace: Option<Vec<String>>,
    /// When peers were wanted of trackers, and no more.
    pub(super) wants: Vec<(At, bool)>,
    /// Connections that were to be closed.
    pub(super) closes: Vec<ConnKey>,
    /// Blocks granted, those granted to several counted for each.
    pub(super) granted: usize,
    pub(super) granted_twice: u32,
    pub(super) useless_blocks: u32,
    pub(super) asked_most: u32,
    /// Connections there were at once.
    pub(super) most_conns: usize,
}

impl Client {
    /// A client that has this of the torrent, and wants everything.
    pub(super) fn new(
        now: At,
        geometry: Geometry,
        have: Bitfield,
        settings: Settings,
        trackers: usize,
    ) -> Self {
        Self::of(now, Known::everything(geometry, have), settings, trackers)
    }

    /// A client that knows this of the torrent, and wants everything.
    pub(super) fn of(now: At, known: Known, settings: Settings, trackers: usize) -> Self {
        let trackers = (0..trackers).map(|n| vec![format!("http://tracker{n}/announce")]).collect();
        let settings = Settings { trackers, ..settings };
        let (geometry, have, kept) = (known.geometry, known.have.clone(), known.kept.clone());
        let (holdings, files) = (Holdings::new(geometry, have.clone()), files(geometry));
        let known = Known { choice: Arc::new(Choice::everything(files.len())), ..known };
        let swarm = Swarm::of(now, known, settings.clone());
        let (exchanges, punches) = (swarm.exchanges(), swarm.punches());
        let mut client = Self {
            swarm,
            asked: BTreeMap::new(),
            dialling: BTreeMap::new(),
            punches: Vec::new(),
            left: false,
            conns: BTreeMap::new(),
            kept: None,
            asked_of: BTreeMap::new(),
            arriving: BTreeMap::new(),
            failing: BTreeMap::new(),
            disk: Disk::quick(),
            written: have,
            ours: Arc::new(Ours::with(introduction(Some(6881), exchanges, punches), holdings)),
            learns_at: None,
            info: None,
            effects: VecDeque::new(),
            wake_at: At::MAX,
            events: Vec::new(),
            keeps_all: false,
            dials: Vec::new(),
            ended: Vec::new(),
            trace: None,
            wants: Vec::new(),
            closes: Vec::new(),
            granted: 0,
            granted_twice: 0,
            useless_blocks: 0,
            asked_most: 0,
            most_conns: 0,
            geometry,
            files,
            settings,
        };
        // What is here from an earlier run lies on the disk.
        for block in kept {
            let arriving = client.arriving.entry(block.piece()).or_default();
            arriving.here.insert(block.number());
            arriving.handed.insert(block.number());
        }
        client.settle(now);
        client
    }

    pub(super) fn is_complete(&self) -> bool {
        self.swarm.is_complete()
    }

    /// When it wants to be woken.
    pub(super) fn deadline(&self) -> At {
        self.swarm.deadline()
    }

    pub(super) fn wake(&mut self, now: At) {
        if now >= self.swarm.deadline() {
            self.swarm.handle(now, Input::Tick);
            assert!(self.swarm.deadline() > now, "a deadline that time does not move past");
        }
        self.settle(now);
    }

    pub(super) fn feed(&mut self, now: At, input: Input) {
        if let Input::Handshaken { peer: Some(peer), transport, .. }
        | Input::DialFailed { peer, transport, .. } = &input
        {
            self.dialling.remove(&(*peer, *transport));
        }
        self.swarm.handle(now, input);
        self.settle(now);
    }

    pub(super) fn wish(&mut self, now: At, command: Command) {
        match command {
            Command::Quit => {
                self.left = true;
                // What still comes of a dial comes too late.
                self.dialling.clear();
            }
            Command::Resume if self.swarm.phase() == Phase::Stopped => {
                if !self.disk.would_take(now) {
                    return;
                }
                let takes = self.disk.retry();
                self.effects.extend(takes.map(Effect::Disk));
            }
            _ => {}
        }
        self.feed(now, Input::Command(command));
    }

    pub(super) fn is_saying_goodbye(&self) -> bool {
        self.swarm.announcer.is_stopping()
    }

    pub(super) fn is_dialling(&self, peer: PeerKey, over: Transport) -> bool {
        self.dialling.contains_key(&(peer, over))
    }

    /// A dial is connected.
    pub(super) fn connected(&mut self, now: At, peer: PeerKey, transport: Transport) {
        if let Some(connected) = self.dialling.get_mut(&(peer, transport)) {
            *connected = true;
            self.feed(now, Input::Step { peer, transport, at: now, step: Step::Connected });
            let open = self.dialling.keys().filter(|(one, _)| *one == peer).count();
            assert_eq!(open, 1, "{peer:?} is connected, and the other dial goes on");
        }
    }

    /// A connection is open and both ends shook hands.
    pub(super) fn shaken(
        &mut self,
        now: At,
        conn: ConnKey,
        (peer, transport): (Option<PeerKey>, Transport),
        addr: SocketAddr,
        (id, reserved): (PeerId, Reserved),
    ) {
        self.conns.insert(conn, Conn::new(&self.ours, reserved, addr, now));
        self.most_conns = self.most_conns.max(self.conns.len());
        self.write(now, conn);
        let so_far = if peer.is_some() { Vec::new() } else { vec![(now, Step::Connected)] };
        self.feed(now, Input::Handshaken { conn, peer, transport, addr, peer_id: id, so_far });
    }

    pub(super) fn dial_failed(&mut self, now: At, peer: PeerKey, transport: Transport, cause: Cause) {
        self.feed(now, Input::DialFailed { peer, transport, end: end(cause) });
    }

    /// A connection is over.
    pub(super) fn over(&mut self, now: At, conn: ConnKey, cause: Cause) {
        if let Some(conn) = self.conns.remove(&conn) {
            self.ended.push((conn.addr, cause));
        }
        self.feed(now, Input::Closed(conn, end(cause)));
    }

    pub(super) fn hear(&mut self, now: At, key: ConnKey, said: Said) {
        let geometry = self.geometry;
        let heard = self.conns.get_mut(&key).map(|conn| conn.hear(now, geometry, said));
        self.handled(now, key, heard);
    }

    /// Something happened on a connection: what is due is written, then what came is told.
    fn handled(&mut self, now: At, key: ConnKey, handled: Option<Result<(), Fault>>) {
        if let Some(Ok(())) = handled {
            self.write(now, key);
        }
        self.report(now, key);
        if let Some(Err(fault)) = handled {
            self.effects.push_back(Effect::Close(key, fault.cause));
        }
    }

    fn write(&mut self, now: At, key: ConnKey) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        let said = conn.write(now);
        self.asked_most = self.asked_most.max(conn.protocol.window().state(now).outstanding);
        self.effects.extend(said.map(|said| Effect::Say(key, said)));
    }

    fn report(&mut self, now: At, key: ConnKey) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        let news: Vec<News> = conn.protocol.news(now).collect();
        for news in news {
            if let News::Window { blocks, .. } = news {
                self.blocks(now, key, blocks);
            }
            self.feed(now, Input::News(key, news));
        }
    }

    pub(super) fn answered(&mut self, now: At, ticket: Ticket, answer: Option<(Duration, Vec<SocketAddr>)>) {
        let tracker = self.asked.remove(&ticket);
        let outcome = match answer {
            None => {
                let (error, text) = (TrackerError::ConnectFailed, String::new());
                announce::Input::Failed { ticket, error, text }
            }
            Some((interval, peers)) => {
                let interval_s = interval.as_secs() as u32;
                let answer = Announced { interval_s, peers: peers.len() as u32, ..Announced::default() };
                for addr in peers {
                    let source = Source::Tracker(tracker.unwrap_or(TrackerKey(0)));
                    self.swarm.handle(now, Input::Learned { addr, source });
                }
                let (min_interval_s, tracker_id) = (None, None);
                announce::Input::Answered { ticket, answer, min_interval_s, tracker_id }
            }
        };
        self.feed(now, Input::Announced(outcome));
    }

    /// It knows of its torrent nothing but the info-hash, until then; of its data nothing is here.
    pub(super) fn knows_only_the_hash(&mut self, now: At, until: Option<At>) {
        self.swarm = Swarm::without_metadata(now, self.settings.clone());
        self.ours = Arc::new(Ours::new(self.ours.introduction.clone()));
        self.learns_at = until;
        self.settle(now);
    }

    /// Peers gave it the metadata.
    pub(super) fn got_metadata(&mut self, now: At, info: Bytes) {
        assert!(self.info.replace(info).is_none(), "it gets them once");
        self.know(now);
    }

    /// It learns the torrent's geometry.
    fn know(&mut self, now: At) {
        let (geometry, have) = (self.geometry, self.written.clone());
        let holdings = Holdings::new(geometry, have.clone()).with_info(self.info.clone());
        assert!(self.ours.holdings.set(Arc::new(holdings)).is_ok());
        let private = self.settings.private;
        let known = Known { private, ..Known::everything(geometry, have) };
        self.feed(now, Input::Known(Box::new(known)));
    }

    /// What it has, as its connections say.
    pub(super) fn haves(&self) -> &HaveLog {
        &self.ours.holdings.get().expect("the geometry is known").haves
    }

    /// A second went by on every connection; `begun` are the bytes of their unfinished blocks.
    pub(super) fn second(&mut self, now: At, begun: &BTreeMap<ConnKey, u64>) {
        self.spill(now);
        if self.learns_at.take_if(|at| *at <= now).is_some() {
            self.know(now);
        }
        for key in self.conns.keys().copied().collect::<Vec<_>>() {
            let begun = begun.get(&key).copied().unwrap_or(0);
            let passed = self.conns.get_mut(&key).map(|conn| conn.second(now, begun));
            self.handled(now, key, passed);
        }
    }

    /// Where it stands, for a run that failed.
    pub(super) fn describe(&self, now: At) -> String {
        let mut lines = vec![format!(
            "{:?}, {} bytes held, memory {}",
            self.swarm.phase(),
            self.held_bytes(),
            self.settings.memory_bytes
        )];
        for (piece, arriving) in &self.arriving {
            lines.push(format!("{piece:?}: {} blocks here", arriving.here.len()));
        }
        lines.extend(self.swarm.picker().describe());
        for (key, live) in self.swarm.live.iter() {
            let owed = self.conns.get(key).map(|conn| conn.protocol.window().state(now));
            lines.push(format!("{key:?}: {live:?}; it owes, as its connection knows: {owed:?}"));
        }
        lines.join("\n")
    }

    /// The connections on which a block is to be sent, in order.
    pub(super) fn asked(&self) -> Vec<ConnKey> {
        let is_asked = |conn: &Conn| conn.protocol.upload().next().is_some();
        self.conns.iter().filter(|(_, conn)| is_asked(conn)).map(|(key, _)| *key).collect()
    }

    /// Takes the next block a peer asked for, to send it.
    pub(super) fn take(&mut self, key: ConnKey) -> Option<BlockRef> {
        self.conns.get_mut(&key)?.take(self.geometry)
    }
}

/// The files of a torrent of this length: of every size, and one empty; pieces lie across them.
fn files(geometry: Geometry) -> Files {
    let total = geometry.total_bytes();
    let mut lengths = vec![total / 3, 0, total / 100, total / 7, total / 50, total / 4];
    lengths.push(total - lengths.iter().sum::<u64>());
    let path = |n: usize| SafePath::new([n.to_string().as_bytes()]);
    let files = lengths.into_iter().enumerate().map(|(n, length)| (path(n), length, false));
    Files::lay_out(files).expect("lengths of a torrent")
}

pub(super) fn end(cause: Cause) -> Closed {
    Closed { cause, error: None, detail: None, bytes_in: 0, bytes_out: 0 }
}
