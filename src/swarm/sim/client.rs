//! A client: the real decisions, with simulated connections, disk and trackers around them.

mod decided;
mod writing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use super::super::announce::{self, Announcer, Ticket};
use super::super::{Action, BlockDigest, Closed, ConnKey, Input, Order};
use super::conn::{Conn, Heard};
use super::disk::{Done, Job};
use super::{
    At, Bitfield, BlockRef, Cause, Disk, Duration, Geometry, Message, PieceIndex, Rc, Settings, Swarm,
};
use crate::command::Command;
use crate::event::{Announced, Event, PeerInfo, PeerKey, Phase, Source, TrackerError, TrackerKey};
use crate::metainfo::{BLOCK_LENGTH, PeerId};
use crate::peer::{News, Step};

/// What a client wants of the world.
pub(super) enum Effect {
    Dial {
        peer: PeerKey,
        addr: SocketAddr,
    },
    Say(ConnKey, Message),
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
    pub(super) settings: Settings,
    pub(super) swarm: Swarm,
    announcer: Announcer,
    asked: BTreeMap<Ticket, TrackerKey>,
    pub(super) conns: BTreeMap<ConnKey, Conn>,
    /// Everybody each block was ever asked of.
    asked_of: BTreeMap<BlockRef, Vec<ConnKey>>,
    pub(super) arriving: BTreeMap<PieceIndex, Arriving>,
    /// What the blocks were of pieces that are with the disk and wrong.
    failing: BTreeMap<PieceIndex, Vec<BlockDigest>>,
    pub(super) disk: Disk,
    /// What is good and on disk.
    pub(super) written: Bitfield,
    pub(super) haves: Vec<PieceIndex>,
    pub(super) effects: VecDeque<Effect>,
    pub(super) wake_at: At,
    /// What was learned, less what fills memory unless it is all kept.
    pub(super) events: Vec<(At, Event)>,
    pub(super) keeps_all: bool,
    pub(super) dials: Vec<(At, SocketAddr)>,
    pub(super) ended: Vec<(SocketAddr, Cause)>,
    /// Everything decided, as text; kept where a test asks for it.
    pub(super) trace: Option<Vec<String>>,
    pub(super) granted_twice: u32,
    pub(super) useless_blocks: u32,
    pub(super) asked_most: u32,
    /// Connections there were at once.
    pub(super) most_conns: usize,
    completed: bool,
}

impl Client {
    pub(super) fn new(
        now: At,
        geometry: Geometry,
        have: Bitfield,
        settings: Settings,
        trackers: usize,
    ) -> Self {
        let urls: Vec<Vec<String>> =
            (0..trackers).map(|n| vec![format!("http://tracker{n}/announce")]).collect();
        let haves = have.numbers().filter_map(|number| geometry.piece(number)).collect();
        let mut client = Self {
            swarm: Swarm::new(now, geometry, have.clone(), settings.clone()),
            announcer: Announcer::new(now, &urls, false, settings.seed),
            asked: BTreeMap::new(),
            conns: BTreeMap::new(),
            asked_of: BTreeMap::new(),
            arriving: BTreeMap::new(),
            failing: BTreeMap::new(),
            disk: Disk::quick(),
            written: have,
            haves,
            effects: VecDeque::new(),
            wake_at: At::MAX,
            events: Vec::new(),
            keeps_all: false,
            dials: Vec::new(),
            ended: Vec::new(),
            trace: None,
            granted_twice: 0,
            useless_blocks: 0,
            asked_most: 0,
            most_conns: 0,
            completed: false,
            geometry,
            settings,
        };
        client.settle(now);
        client
    }

    pub(super) fn is_complete(&self) -> bool {
        self.swarm.have().is_full()
    }

    /// When it wants to be woken.
    pub(super) fn deadline(&self) -> At {
        self.announcer.deadline().unwrap_or(At::MAX).min(self.swarm.deadline())
    }

    pub(super) fn wake(&mut self, now: At) {
        if now >= self.swarm.deadline() {
            self.swarm.handle(now, Input::Tick);
            assert!(self.swarm.deadline() > now, "a deadline that time does not move past");
        }
        if self.announcer.deadline().is_some_and(|at| now >= at) {
            self.announcer.handle(now, announce::Input::Tick);
        }
        self.settle(now);
    }

    pub(super) fn feed(&mut self, now: At, input: Input) {
        self.swarm.handle(now, input);
        self.settle(now);
    }

    pub(super) fn wish(&mut self, now: At, command: Command) {
        match command {
            Command::Quit => self.announcer.handle(now, announce::Input::Stop),
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
        self.announcer.is_stopping()
    }

    /// A connection is open and both ends shook hands.
    pub(super) fn shaken(
        &mut self,
        now: At,
        conn: ConnKey,
        peer: Option<PeerKey>,
        addr: SocketAddr,
        id: PeerId,
    ) {
        let has = Rc::new(self.swarm.have().clone());
        self.conns.insert(conn, Conn::new(self.geometry, addr, now, self.haves.len()));
        self.most_conns = self.most_conns.max(self.conns.len());
        self.say(conn, Message::Has(has));
        self.say(conn, Message::Listens(6881));
        let so_far = if peer.is_some() { Vec::new() } else { vec![(now, Step::Connected)] };
        self.feed(now, Input::Handshaken { conn, peer, addr, peer_id: id, so_far });
    }

    pub(super) fn dial_failed(&mut self, now: At, peer: PeerKey, cause: Cause) {
        self.feed(now, Input::DialFailed { peer, end: end(cause) });
    }

    /// A connection is over.
    pub(super) fn over(&mut self, now: At, conn: ConnKey, cause: Cause) {
        if let Some(conn) = self.conns.remove(&conn) {
            self.ended.push((conn.addr, cause));
        }
        self.feed(now, Input::Closed(conn, end(cause)));
    }

    pub(super) fn hear(&mut self, now: At, key: ConnKey, message: Message) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        let input = match conn.hear(now, message, self.swarm.have()) {
            Heard::Nothing => return,
            Heard::Has(pieces) => Input::News(key, News::Has(pieces)),
            Heard::Have(pieces) => Input::News(key, News::Have(pieces)),
            Heard::Choked => Input::News(key, News::Choked),
            Heard::Unchoked => Input::News(key, News::Unchoked),
            Heard::Interested(interested) => Input::News(key, News::Interested(interested)),
            Heard::Rejected(blocks) => Input::News(key, News::Rejected(blocks)),
            Heard::Listens(port) => Input::News(
                key,
                News::Introduced(PeerInfo { listen_port: Some(port), ..PeerInfo::default() }),
            ),
            Heard::Block(block, right) => return self.block(now, key, block, right),
            Heard::Fault(cause) => return self.effects.push_back(Effect::Close(key, cause)),
        };
        self.feed(now, input);
        self.ask(now, key);
    }

    pub(super) fn answered(&mut self, now: At, ticket: Ticket, answer: Option<(Duration, Vec<SocketAddr>)>) {
        let tracker = self.asked.remove(&ticket);
        match answer {
            None => {
                let (error, text) = (TrackerError::ConnectFailed, String::new());
                self.announcer.handle(now, announce::Input::Failed { ticket, error, text });
            }
            Some((interval, peers)) => {
                let interval_s = interval.as_secs() as u32;
                let answer = Announced { interval_s, peers: peers.len() as u32, ..Announced::default() };
                let (min_interval_s, tracker_id) = (None, None);
                let input = announce::Input::Answered { ticket, answer, min_interval_s, tracker_id };
                self.announcer.handle(now, input);
                for addr in peers {
                    let source = Source::Tracker(tracker.unwrap_or(TrackerKey(0)));
                    self.swarm.handle(now, Input::Learned { addr, source });
                }
            }
        }
        self.settle(now);
    }

    /// A second went by on every connection; `begun` are the bytes of their unfinished blocks.
    pub(super) fn second(&mut self, now: At, begun: &BTreeMap<ConnKey, u64>) {
        self.spill(now);
        for key in self.conns.keys().copied().collect::<Vec<_>>() {
            let Some(conn) = self.conns.get_mut(&key) else { continue };
            let Some(sample) = conn.second(now, begun.get(&key).copied().unwrap_or(0)) else {
                self.effects.push_back(Effect::Close(key, Cause::IdleTimeout));
                continue;
            };
            let short = conn.is_short();
            self.tell_haves(key);
            self.feed(now, Input::News(key, News::Sample(sample)));
            if short {
                self.report_window(now, key);
            }
            self.ask(now, key);
        }
    }

    fn tell_haves(&mut self, key: ConnKey) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        let news = &self.haves[conn.told..];
        let fresh: Vec<PieceIndex> = news.iter().copied().filter(|piece| !conn.knows(*piece)).collect();
        conn.told = self.haves.len();
        if !fresh.is_empty() {
            self.say(key, Message::Have(fresh));
        }
    }

    fn report_window(&mut self, now: At, key: ConnKey) {
        if let Some(conn) = self.conns.get(&key) {
            let window = conn.window.state(now);
            self.feed(now, Input::News(key, News::Window { blocks: 0, window }));
        }
    }

    fn ask(&mut self, now: At, key: ConnKey) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        let requests = conn.requests_due(now);
        self.asked_most = self.asked_most.max(conn.window.state(now).outstanding);
        self.effects.extend(requests.map(|message| Effect::Say(key, message)));
    }

    fn say(&mut self, conn: ConnKey, message: Message) {
        self.effects.push_back(Effect::Say(conn, message));
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
        lines.extend(self.swarm.picker.describe());
        for (key, live) in &self.swarm.live {
            let owed = self.conns.get(key).map(|conn| (conn.owed.len(), conn.window.state(now)));
            lines.push(format!("{key:?}: {live:?}; it owes, as its connection knows: {owed:?}"));
        }
        lines.join("\n")
    }

    /// The connections on which a block is to be sent, in order.
    pub(super) fn asked(&self) -> Vec<ConnKey> {
        self.conns.iter().filter(|(_, conn)| conn.is_asked()).map(|(key, _)| *key).collect()
    }

    /// Takes the next block a peer asked for, to send it.
    pub(super) fn take(&mut self, key: ConnKey) -> Option<BlockRef> {
        let conn = self.conns.get_mut(&key)?;
        let block = conn.asked.pop_front()?;
        conn.up_bytes += u64::from(self.geometry.block_length(block));
        Some(block)
    }
}

pub(super) fn end(cause: Cause) -> Closed {
    Closed { cause, error: None, detail: None, bytes_in: 0, bytes_out: 0 }
}
