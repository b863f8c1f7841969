//! The heap of what happens when, and the nodes it happens to.

mod calls;
mod nodes;
mod sending;

use std::collections::BTreeMap;

use super::super::announce::Ticket;
use super::super::{ConnKey, Input};
use super::client::{Client, Dial, Effect};
use super::fake::Fake;
use super::lines::{Turns, Wire};
use super::tracker::Tracker;
use super::{
    At, Bitfield, BlockRef, Cause, Duration, Geometry, SECOND, Said, Script, Settings, SocketAddr, Step,
    always, ms, secs,
};
use crate::command::Command;
use crate::event::{Encryption, PeerKey, Source, TrackerKey, Transport};
use crate::metainfo::PeerId;
use crate::wire::{Message, Reserved};

/// How long a dial into nothing takes.
const CONNECT_TIMEOUT: Duration = secs(10);
/// A client is woken so long after it did something at the earliest, so that time goes on.
pub(super) const REST: Duration = Duration::from_micros(1);
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
    /// Shakes hands only so; how other dials end.
    Only(&'static [Encryption], Cause),
    /// Is reached over this alone; how other dials end, without a connection.
    Over(Transport, Cause),
    /// Is behind a router that lets in what comes over uTP from where it dialled to in the last second, and nothing else.
    BehindNat,
}

enum Kind {
    Client(Box<Client>),
    Fake(Box<Fake>),
}

struct Node {
    addr: SocketAddr,
    /// Its handshake.
    id: PeerId,
    reserved: Reserved,
    link: Link,
    reach: Reach,
    /// How much longer it takes to be connected to it over TCP.
    slow_tcp: Duration,
    kind: Kind,
    bps: u64,
    /// A block is leaving, or the time when one may is known.
    busy: bool,
    turns: Turns,
}

enum Happening {
    Connected(NodeKey, Dial),
    Dialled(NodeKey, Dial),
    Arrives(WireKey, usize, Said),
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
    /// Its seed alone makes it, and can be given to the random runs.
    pub(super) of_seed: bool,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let again = if self.of_seed {
                format!("; to run it again: TTUI_SEED={}", self.seed)
            } else {
                String::new()
            };
            eprintln!("simulated for {:?}{again}", self.now);
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
            of_seed: false,
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

    /// How many things are yet to happen.
    pub(super) fn ahead(&self) -> usize {
        self.heap.len()
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
            Happening::Connected(from, dial) => self.connected(from, dial),
            Happening::Dialled(from, dial) => self.dialled(from, dial),
            Happening::Arrives(key, to, said) => {
                let (node, conn) = self.wires.get(&key)?.ends[to];
                match &mut self.nodes[node.0].kind {
                    Kind::Client(client) => client.hear(now, conn, said),
                    Kind::Fake(fake) => fake.hear(now, conn, said),
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
                // It wanted to be woken sooner meanwhile, and was: if this one set the next as well, there would be more
                // and more of them.
                if client.wake_at > now {
                    return None;
                }
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
            let deadline = client.deadline().max(now + REST);
            if deadline < client.wake_at {
                client.wake_at = deadline;
                self.heap_at(deadline, Happening::Wake(node));
            }
        }
    }

    fn effect(&mut self, node: NodeKey, effect: Effect) {
        match effect {
            Effect::Dial(dial) => self.dial(node, dial),
            Effect::Say(conn, said) => {
                let Some(&(key, end)) = self.ports.get(&(node, conn)) else { return };
                let Some(wire) = self.wires.get_mut(&key) else { return };
                let at = wire.carry(self.now, end);
                self.heap_at(at, Happening::Arrives(key, 1 - end, said));
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

    fn asked(
        &mut self,
        node: NodeKey,
        ticket: Ticket,
        tracker: TrackerKey,
        kind: crate::event::AnnounceKind,
    ) {
        let now = self.now;
        let clients = self.nodes.iter().filter(|node| matches!(node.kind, Kind::Client(_))).count();
        let there = &mut self.trackers[usize::from(tracker.0)];
        let answer = if there.up {
            // Two clients may ask the same tracker; what it allows holds for each.
            let last = there.heard.iter().rev().map(|(at, _)| *at).next();
            let soonest =
                last.filter(|_| clients == 1).map_or(At::ZERO, |at| at + there.interval.min(secs(60)));
            let asks_for_peers = kind == crate::event::AnnounceKind::Interval;
            assert!(!asks_for_peers || now >= soonest, "a tracker is asked again before it allows");
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
}
