//! The heap of what happens when, and the nodes it happens to.

use std::collections::{BTreeMap, BTreeSet};

use super::super::announce::Ticket;
use super::super::{ConnKey, Input};
use super::client::{Client, Effect};
use super::fake::{Fake, Step};
use super::lines::{Turns, Wire};
use super::tracker::Tracker;
use super::{
    At, Bitfield, BlockRef, Cause, Duration, Geometry, Message, SECOND, Script, Settings, SocketAddr, always,
    ms, secs,
};
use crate::command::Command;
use crate::event::{PeerKey, Source, TrackerKey};
use crate::metainfo::PeerId;

/// How long a dial into nothing takes.
const CONNECT_TIMEOUT: Duration = secs(10);
/// What a line takes ahead of what it carries.
const AHEAD: Duration = ms(20);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct NodeKey(pub(super) usize);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct WireKey(u64);

/// How a node is connected to everybody else.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) latency: Duration,
    /// What one connection carries in a second, each way.
    pub(super) bps: u64,
    /// Connections break after so long on average.
    pub(super) breaks: Option<Duration>,
}

impl Link {
    pub(super) fn good() -> Self {
        Self { latency: ms(20), bps: u64::MAX, breaks: None }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Answers,
    Refuses,
    /// Nothing comes back.
    Dark,
}

enum Kind {
    Client(Box<Client>),
    Fake(Box<Fake>),
}

struct Node {
    addr: SocketAddr,
    id: PeerId,
    link: Link,
    reach: Reach,
    kind: Kind,
    bps: u64,
    /// A block is leaving, or the time when one may is known.
    busy: bool,
    turns: Turns,
}

enum Happening {
    Dialled {
        from: NodeKey,
        peer: Option<PeerKey>,
        addr: SocketAddr,
    },
    Arrives(WireKey, usize, Message),
    Over {
        node: NodeKey,
        conn: ConnKey,
        cause: Cause,
    },
    /// The node can send its next block.
    Free(NodeKey, Option<(ConnKey, BlockRef, bool)>),
    Wake(NodeKey),
    Second(NodeKey),
    Step(NodeKey, ConnKey, Step),
    Disk(NodeKey),
    Asked {
        node: NodeKey,
        ticket: Ticket,
        tracker: TrackerKey,
        kind: crate::event::AnnounceKind,
    },
    Answered {
        node: NodeKey,
        ticket: Ticket,
        answer: Option<(Duration, Vec<SocketAddr>)>,
    },
    Breaks(WireKey),
}

pub(super) struct World {
    pub(super) now: At,
    pub(super) geometry: Geometry,
    pub(super) seed: u64,
    heap: BTreeMap<(At, u64), Happening>,
    serial: u64,
    random: fastrand::Rng,
    nodes: Vec<Node>,
    by_addr: BTreeMap<SocketAddr, NodeKey>,
    wires: BTreeMap<WireKey, Wire>,
    ports: BTreeMap<(NodeKey, ConnKey), (WireKey, usize)>,
    next_conn: u32,
    pub(super) trackers: Vec<Tracker>,
    /// Check what costs much after every happening too; else once a second.
    pub(super) thorough: bool,
    pub(super) happenings: u64,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("simulated for {:?}; to run it again: TTUI_SEED={}", self.now, self.seed);
        }
    }
}

impl World {
    pub(super) fn new(total: u64, piece: u32, seed: u64) -> Self {
        Self {
            now: At::ZERO,
            geometry: Geometry::new(total, piece).expect("lengths of a torrent"),
            seed,
            heap: BTreeMap::new(),
            serial: 0,
            random: fastrand::Rng::with_seed(seed),
            nodes: Vec::new(),
            by_addr: BTreeMap::new(),
            wires: BTreeMap::new(),
            ports: BTreeMap::new(),
            next_conn: 0,
            trackers: Vec::new(),
            thorough: true,
            happenings: 0,
        }
    }

    /// Adds a client that has nothing and knows nobody, sending at most `bps`.
    pub(super) fn client(&mut self, bps: u64, settings: Settings) -> NodeKey {
        let have = Bitfield::empty(self.geometry.piece_count());
        self.client_with(bps, settings, have)
    }

    pub(super) fn client_with(&mut self, bps: u64, settings: Settings, have: Bitfield) -> NodeKey {
        let id = PeerId::ours(self.seed.wrapping_mul(1000) + self.nodes.len() as u64);
        let seed = self.seed.wrapping_add(self.nodes.len() as u64);
        let settings = Settings { peer_id: id, seed, ..settings };
        let client = Client::new(self.now, self.geometry, have, settings, self.trackers.len());
        let node = self.node(Kind::Client(Box::new(client)), bps, id);
        self.later(SECOND, Happening::Second(node));
        self.settle(node);
        node
    }

    pub(super) fn fake(&mut self, script: Script) -> NodeKey {
        self.fake_over(script, Link::good())
    }

    pub(super) fn fake_over(&mut self, script: Script, link: Link) -> NodeKey {
        let (bps, seed) = (script.bps, self.random.u64(..));
        let id = PeerId::ours(self.seed.wrapping_mul(1000) + self.nodes.len() as u64);
        let block = u64::from(crate::metainfo::BLOCK_LENGTH) * 1000;
        let crossing =
            (link.latency + Link::good().latency) * 2 + ms(200 + 3 * block / bps.min(link.bps).max(1));
        let fake = Fake::new(self.geometry, script, seed, crossing);
        let node = self.node(Kind::Fake(Box::new(fake)), bps, id);
        self.nodes[node.0].link = link;
        node
    }

    fn node(&mut self, kind: Kind, bps: u64, id: PeerId) -> NodeKey {
        let key = NodeKey(self.nodes.len());
        let [_, _, high, low] = (key.0 as u32 + 1).to_be_bytes();
        let addr = SocketAddr::from(([10, 1, high, low], 6881));
        let (link, reach) = (Link::good(), Reach::Answers);
        self.nodes.push(Node { addr, id, link, reach, kind, bps, busy: false, turns: Turns::default() });
        self.by_addr.insert(addr, key);
        key
    }

    /// Gives the node another address.
    pub(super) fn move_to(&mut self, node: NodeKey, addr: SocketAddr) {
        self.by_addr.remove(&self.nodes[node.0].addr);
        self.nodes[node.0].addr = addr;
        self.by_addr.insert(addr, node);
    }

    pub(super) fn reach(&mut self, node: NodeKey, reach: Reach) {
        self.nodes[node.0].reach = reach;
    }

    pub(super) fn addr(&self, node: NodeKey) -> SocketAddr {
        self.nodes[node.0].addr
    }

    pub(super) fn at(&self, node: NodeKey) -> &Client {
        match &self.nodes[node.0].kind {
            Kind::Client(client) => client,
            Kind::Fake(_) => panic!("{node:?} is no client"),
        }
    }

    pub(super) fn at_mut(&mut self, node: NodeKey) -> &mut Client {
        match &mut self.nodes[node.0].kind {
            Kind::Client(client) => client,
            Kind::Fake(_) => panic!("{node:?} is no client"),
        }
    }

    pub(super) fn fake_at(&self, node: NodeKey) -> &Fake {
        match &self.nodes[node.0].kind {
            Kind::Fake(fake) => fake,
            Kind::Client(_) => panic!("{node:?} is no fake"),
        }
    }

    /// Lets a client know of another node.
    pub(super) fn introduce(&mut self, client: NodeKey, other: NodeKey) {
        let addr = self.addr(other);
        self.tell(client, Input::Learned { addr, source: Source::Tracker(TrackerKey(0)) });
    }

    pub(super) fn tell(&mut self, client: NodeKey, input: Input) {
        let now = self.now;
        self.at_mut(client).feed(now, input);
        self.settle(client);
    }

    pub(super) fn wish(&mut self, client: NodeKey, command: Command) {
        let now = self.now;
        self.at_mut(client).wish(now, command);
        self.settle(client);
    }

    /// One node calls another.
    pub(super) fn call(&mut self, from: NodeKey, to: NodeKey) {
        let addr = self.addr(to);
        self.dial(from, None, addr);
    }

    /// Breaks every connection of the node.
    pub(super) fn cut(&mut self, node: NodeKey) {
        let of_it = |wire: &Wire| wire.ends.iter().any(|(end, _)| *end == node);
        let cut: Vec<WireKey> =
            self.wires.iter().filter(|(_, wire)| of_it(wire)).map(|(key, _)| *key).collect();
        for wire in cut {
            self.tear(wire, None, Cause::ConnectionLost);
        }
    }

    pub(super) fn connections(&self, node: NodeKey) -> usize {
        self.ports.range((node, ConnKey(0))..=(node, ConnKey(u32::MAX))).count()
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
        self.check_all();
    }

    /// Runs until it is so; panics when it is not within `limit`.
    pub(super) fn until(&mut self, limit: Duration, what: &str, is_so: impl Fn(&Self) -> bool) -> Duration {
        let (began, end) = (self.now, self.now + limit);
        while !is_so(self) {
            assert!(self.step(end), "not within {limit:?}: {what}");
        }
        self.check_all();
        self.now - began
    }

    /// Runs until the clients have everything; tells how long it took.
    pub(super) fn complete(&mut self, limit: Duration, clients: &[NodeKey]) -> Duration {
        self.until(limit, "complete", |world| clients.iter().all(|client| world.at(*client).is_complete()))
    }

    fn later(&mut self, after: Duration, happening: Happening) {
        self.heap_at(self.now + after, happening);
    }

    fn heap_at(&mut self, at: At, happening: Happening) {
        self.serial += 1;
        self.heap.insert((at, self.serial), happening);
    }

    /// Lets the next thing happen, unless it is after `end`.
    fn step(&mut self, end: At) -> bool {
        let Some(entry) = self.heap.first_entry() else { return false };
        if entry.key().0 > end {
            return false;
        }
        let ((at, _), happening) = entry.remove_entry();
        self.now = self.now.max(at);
        self.happenings += 1;
        if let Some(node) = self.happen(happening) {
            self.settle(node);
            if let Kind::Client(client) = &self.nodes[node.0].kind {
                always::holds(self.now, client, self.thorough);
            }
        }
        true
    }

    /// Carries out a happening; returns the node it happened to.
    fn happen(&mut self, happening: Happening) -> Option<NodeKey> {
        let now = self.now;
        match happening {
            Happening::Dialled { from, peer, addr } => self.dialled(from, peer, addr),
            Happening::Arrives(key, to, message) => {
                let (node, conn) = self.wires.get(&key)?.ends[to];
                match &mut self.nodes[node.0].kind {
                    Kind::Client(client) => client.hear(now, conn, message),
                    Kind::Fake(fake) => fake.hear(now, conn, message),
                }
                Some(node)
            }
            Happening::Over { node, conn, cause } => {
                match &mut self.nodes[node.0].kind {
                    Kind::Client(client) => client.over(now, conn, cause),
                    Kind::Fake(fake) => drop(fake.conns.remove(&conn)),
                }
                Some(node)
            }
            Happening::Free(node, sent) => {
                self.nodes[node.0].busy = false;
                if let Some((conn, block, right)) = sent {
                    self.sent(node, conn, block, right);
                }
                Some(node)
            }
            Happening::Wake(node) => {
                let client = self.at_mut(node);
                client.wake_at = At::MAX;
                client.wake(now);
                Some(node)
            }
            Happening::Second(node) => {
                self.later(SECOND, Happening::Second(node));
                let begun = self.begun(node);
                self.at_mut(node).second(now, &begun);
                Some(node)
            }
            Happening::Step(node, conn, step) => {
                if let Kind::Fake(fake) = &mut self.nodes[node.0].kind {
                    fake.step(now, conn, step);
                }
                Some(node)
            }
            Happening::Disk(node) => {
                self.at_mut(node).disk_done(now);
                Some(node)
            }
            Happening::Asked { node, ticket, tracker, kind } => {
                self.asked(node, ticket, tracker, kind);
                None
            }
            Happening::Answered { node, ticket, answer } => {
                self.at_mut(node).answered(now, ticket, answer);
                Some(node)
            }
            Happening::Breaks(wire) => {
                self.tear(wire, None, Cause::ConnectionLost);
                None
            }
        }
    }

    /// Carries out what the node wants, and lets it send.
    fn settle(&mut self, node: NodeKey) {
        loop {
            let (effect, later) = match &mut self.nodes[node.0].kind {
                Kind::Client(client) => (client.effects.pop_front(), Vec::new()),
                Kind::Fake(fake) => (fake.effects.pop_front(), std::mem::take(&mut fake.later)),
            };
            for (after, conn, step) in later {
                self.later(after, Happening::Step(node, conn, step));
            }
            let Some(effect) = effect else { break };
            self.effect(node, effect);
        }
        self.send(node);
        let now = self.now;
        if let Kind::Client(client) = &mut self.nodes[node.0].kind {
            let deadline = client.deadline().max(now + Duration::from_micros(1));
            if deadline < client.wake_at {
                client.wake_at = deadline;
                self.heap_at(deadline, Happening::Wake(node));
            }
        }
    }

    fn effect(&mut self, node: NodeKey, effect: Effect) {
        match effect {
            Effect::Dial { peer, addr } => self.dial(node, Some(peer), addr),
            Effect::Say(conn, message) => {
                let Some(&(key, end)) = self.ports.get(&(node, conn)) else { return };
                let Some(wire) = self.wires.get_mut(&key) else { return };
                let at = wire.carry(self.now, end);
                self.heap_at(at, Happening::Arrives(key, 1 - end, message));
            }
            Effect::Close(conn, cause) => {
                if let Some(&(wire, end)) = self.ports.get(&(node, conn)) {
                    self.tear(wire, Some(end), cause);
                }
            }
            Effect::Disk(takes) => self.later(takes, Happening::Disk(node)),
            Effect::Announce(ticket, tracker, kind) => {
                let latency = self.trackers[usize::from(tracker.0)].latency;
                self.later(latency, Happening::Asked { node, ticket, tracker, kind });
            }
        }
    }

    fn dial(&mut self, from: NodeKey, peer: Option<PeerKey>, addr: SocketAddr) {
        let there = self.by_addr.get(&addr).map(|node| &self.nodes[node.0]);
        let takes = match there {
            Some(node) if node.reach == Reach::Dark => CONNECT_TIMEOUT,
            Some(node) => (node.link.latency + self.nodes[from.0].link.latency) * 4,
            None => ms(40),
        };
        self.later(takes, Happening::Dialled { from, peer, addr });
    }

    fn dialled(&mut self, from: NodeKey, peer: Option<PeerKey>, addr: SocketAddr) -> Option<NodeKey> {
        let now = self.now;
        let to = self.by_addr.get(&addr).copied();
        let refusal = match to.map(|to| self.nodes[to.0].reach) {
            Some(Reach::Answers) => None,
            Some(Reach::Refuses) | None => Some(Cause::ConnectionRefused),
            Some(Reach::Dark) => Some(Cause::ConnectTimeout),
        };
        if let Some(cause) = refusal {
            if let (Kind::Client(client), Some(peer)) = (&mut self.nodes[from.0].kind, peer) {
                client.dial_failed(now, peer, cause);
            }
            return Some(from);
        }
        let to = to?;
        let (out, inn) = (ConnKey(self.next_conn), ConnKey(self.next_conn + 1));
        self.next_conn += 2;
        let (theirs, mine) = (self.nodes[to.0].link, self.nodes[from.0].link);
        let key = WireKey(u64::from(out.0));
        let wire =
            Wire::new([(from, out), (to, inn)], theirs.latency + mine.latency, theirs.bps.min(mine.bps));
        self.wires.insert(key, wire);
        self.ports.insert((from, out), (key, 0));
        self.ports.insert((to, inn), (key, 1));
        for breaks in [theirs.breaks, mine.breaks].into_iter().flatten() {
            let after = breaks.mul_f64(-(1.0 - self.random.f64()).ln());
            self.later(after, Happening::Breaks(key));
        }
        let called_from = SocketAddr::new(self.addr(from).ip(), 40_000 + (out.0 % 20_000) as u16);
        self.shaken(from, out, peer, addr, self.nodes[to.0].id);
        self.shaken(to, inn, None, called_from, self.nodes[from.0].id);
        self.settle(to);
        Some(from)
    }

    fn shaken(&mut self, node: NodeKey, conn: ConnKey, peer: Option<PeerKey>, addr: SocketAddr, id: PeerId) {
        let now = self.now;
        match &mut self.nodes[node.0].kind {
            Kind::Client(client) => client.shaken(now, conn, peer, addr, id),
            Kind::Fake(fake) => fake.shaken(conn),
        }
    }

    /// Ends a connection, by the end named or by the network. Both hear of it later.
    fn tear(&mut self, key: WireKey, by: Option<usize>, cause: Cause) {
        let Some(wire) = self.wires.remove(&key) else { return };
        for (end, (node, conn)) in wire.ends.into_iter().enumerate() {
            self.ports.remove(&(node, conn));
            let (after, cause) = match by {
                Some(by) if by == end => (ms(1), cause),
                Some(_) => (wire.latency, Cause::ClosedByPeer),
                None => (wire.latency, cause),
            };
            self.later(after, Happening::Over { node, conn, cause });
        }
    }

    /// Lets the node send its next block, if its line is free.
    fn send(&mut self, node: NodeKey) {
        let now = self.now;
        if self.nodes[node.0].busy {
            return;
        }
        let Some((conn, block, right)) = self.next_block(node) else { return };
        let bytes = self.geometry.block_length(block);
        let nanos = u64::from(bytes).saturating_mul(1_000_000_000) / self.nodes[node.0].bps.max(1);
        let takes = Duration::from_nanos(nanos);
        self.nodes[node.0].busy = true;
        self.later(takes, Happening::Free(node, Some((conn, block, right))));
        if let Some((wire, end)) = self.wire_of(node, conn) {
            wire.begin_block(now, end, takes, bytes);
        }
    }

    fn sent(&mut self, node: NodeKey, conn: ConnKey, block: BlockRef, right: bool) {
        let (now, bytes) = (self.now, self.geometry.block_length(block));
        let Some((wire, end)) = self.wire_of(node, conn) else { return };
        let at = wire.carry_block(now, end, bytes);
        let Some(&(key, _)) = self.ports.get(&(node, conn)) else { return };
        self.heap_at(at, Happening::Arrives(key, 1 - end, Message::Block(block, right)));
    }

    fn wire_of(&mut self, node: NodeKey, conn: ConnKey) -> Option<(&mut Wire, usize)> {
        let (key, end) = *self.ports.get(&(node, conn))?;
        self.wires.get_mut(&key).map(|wire| (wire, end))
    }

    fn next_block(&mut self, node: NodeKey) -> Option<(ConnKey, BlockRef, bool)> {
        let Self { nodes, ports, wires, now, .. } = self;
        let free_at = |conn: ConnKey| {
            let (key, end) = ports.get(&(node, conn))?;
            wires.get(key).map(|wire| wire.free_at(*end))
        };
        let ready = |conn: ConnKey| free_at(conn).is_some_and(|at| at <= *now + AHEAD);
        let Node { kind, turns, .. } = &mut nodes[node.0];
        let (taken, waits) = match kind {
            Kind::Client(client) => {
                let asked = client.conns.iter().map(|(key, conn)| (*key, conn.next_asked()));
                let next = turns.next(asked.clone(), ready);
                let waits =
                    asked.filter(|(_, block)| block.is_some()).filter_map(|(key, _)| free_at(key)).min();
                (next.and_then(|conn| client.take(conn).map(|block| (conn, block, true))), waits)
            }
            Kind::Fake(fake) => {
                let asked = fake.conns.keys().map(|key| (*key, fake.next_asked(*key)));
                let next = turns.next(asked.clone(), ready);
                let waits =
                    asked.filter(|(_, block)| block.is_some()).filter_map(|(key, _)| free_at(key)).min();
                let taken = next.and_then(|conn| fake.take(conn).map(|(block, right)| (conn, block, right)));
                (taken, waits)
            }
        };
        if taken.is_none()
            && let Some(at) = waits
        {
            self.nodes[node.0].busy = true;
            self.heap_at(at.max(self.now + ms(1)), Happening::Free(node, None));
        }
        taken
    }

    /// Bytes of the blocks arriving at a client.
    fn begun(&self, node: NodeKey) -> BTreeMap<ConnKey, u64> {
        let of_it = self.ports.range((node, ConnKey(0))..=(node, ConnKey(u32::MAX)));
        of_it
            .filter_map(|((_, conn), (key, end))| {
                Some((*conn, self.wires.get(key)?.begun_bytes(self.now, *end)))
            })
            .collect()
    }

    fn asked(
        &mut self,
        node: NodeKey,
        ticket: Ticket,
        tracker: TrackerKey,
        kind: crate::event::AnnounceKind,
    ) {
        let now = self.now;
        let there = &mut self.trackers[usize::from(tracker.0)];
        let answer = if there.up {
            there.heard.push((now, kind));
            Some((there.interval, there.peers.clone()))
        } else {
            there.missed.push(now);
            None
        };
        let latency = there.latency;
        self.later(latency, Happening::Answered { node, ticket, answer });
    }

    fn check_all(&self) {
        for node in &self.nodes {
            if let Kind::Client(client) = &node.kind {
                always::holds(self.now, client, true);
            }
        }
    }

    /// Nodes that are connected to this one.
    pub(super) fn neighbours(&self, node: NodeKey) -> BTreeSet<NodeKey> {
        let wires = self.wires.values().filter(|wire| wire.ends.iter().any(|(end, _)| *end == node));
        wires.flat_map(|wire| wire.ends).map(|(end, _)| end).filter(|end| *end != node).collect()
    }
}
