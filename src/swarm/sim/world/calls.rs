//! Who is connected to whom: calls, and how connections end.

use std::collections::BTreeSet;

use super::*;
use crate::event::{DialWay, Encryption, Transport};

/// How nodes call that decide nothing.
const PLAIN: DialWay = DialWay { transport: Transport::Tcp, encryption: Encryption::Plain };

impl Node {
    /// Whether a dial is connected, be it to shake hands or not; `None`: nothing comes back.
    fn connects(&self, way: DialWay) -> Option<bool> {
        match self.reach {
            Reach::Answers | Reach::Only(..) => Some(true),
            Reach::Refuses => Some(false),
            Reach::Dark => None,
            Reach::Over(transport, _) if way.transport == transport => Some(true),
            Reach::Over(_, Cause::ConnectTimeout) => None,
            // What its router lets in is known when the dial is there.
            Reach::BehindNat => (way.transport == Transport::Utp).then_some(false),
            Reach::Over(..) => Some(false),
        }
    }
}

impl World {
    /// One node calls another.
    pub(in crate::swarm::sim) fn call(&mut self, from: NodeKey, to: NodeKey) {
        let addr = self.addr(to);
        self.dial(from, Dial { peer: None, addr, way: PLAIN });
    }

    /// Every connection of the node is closed by it.
    pub(in crate::swarm::sim) fn hang_up(&mut self, node: NodeKey) {
        let of_it = self.ports.range((node, ConnKey(0))..=(node, ConnKey(u32::MAX)));
        for (wire, end) in of_it.map(|(_, port)| *port).collect::<Vec<_>>() {
            self.tear(wire, Some(end), Cause::ClosedByPeer);
        }
    }

    /// Breaks every connection of the node.
    pub(in crate::swarm::sim) fn cut(&mut self, node: NodeKey) {
        let of_it = |wire: &Wire| wire.ends.iter().any(|(end, _)| *end == node);
        let cut: Vec<WireKey> =
            self.wires.iter().filter(|(_, wire)| of_it(wire)).map(|(key, _)| *key).collect();
        for wire in cut {
            self.tear(wire, None, Cause::ConnectionLost);
        }
    }

    pub(in crate::swarm::sim) fn connections(&self, node: NodeKey) -> usize {
        self.ports.range((node, ConnKey(0))..=(node, ConnKey(u32::MAX))).count()
    }

    /// Nodes that are connected to this one.
    pub(in crate::swarm::sim) fn neighbours(&self, node: NodeKey) -> BTreeSet<NodeKey> {
        let wires = self.wires.values().filter(|wire| wire.ends.iter().any(|(end, _)| *end == node));
        wires.flat_map(|wire| wire.ends).map(|(end, _)| end).filter(|end| *end != node).collect()
    }

    pub(super) fn dial(&mut self, from: NodeKey, dial: Dial) {
        let there = self.by_addr.get(&dial.addr).map(|node| &self.nodes[node.0]);
        let utp = dial.way.transport == Transport::Utp;
        let takes = match there {
            Some(node) if node.connects(dial.way).is_none() => CONNECT_TIMEOUT,
            Some(node) => {
                let round_trip = (node.link.latency + self.nodes[from.0].link.latency) * 2;
                let slow = if utp { Duration::ZERO } else { node.slow_tcp };
                if node.connects(dial.way) == Some(true) {
                    self.later(round_trip + slow, Happening::Connected(from, dial));
                }
                round_trip * 2 + slow
            }
            None => ms(40),
        };
        self.later(takes, Happening::Dialled(from, dial));
    }

    /// The connection is open, and nobody spoke yet.
    pub(super) fn connected(&mut self, from: NodeKey, dial: Dial) -> Option<NodeKey> {
        let (now, Dial { peer, addr, way }) = (self.now, dial);
        let to = *self.by_addr.get(&addr)?;
        let takes = self.nodes[to.0].connects(way) == Some(true);
        if let (Kind::Client(client), Some(peer), true) = (&mut self.nodes[from.0].kind, peer, takes) {
            client.connected(now, peer, way.transport);
        }
        Some(from)
    }

    pub(super) fn dialled(&mut self, from: NodeKey, dial: Dial) -> Option<NodeKey> {
        let (now, Dial { peer, addr, way }) = (self.now, dial);
        if let (Kind::Client(client), Some(peer)) = (&self.nodes[from.0].kind, peer)
            && !client.is_dialling(peer, way.transport)
        {
            return Some(from);
        }
        let to = self.by_addr.get(&addr).copied();
        let refusal = match to.map(|to| self.nodes[to.0].reach) {
            Some(Reach::Answers) => None,
            Some(Reach::Refuses) | None => Some(Cause::ConnectionRefused),
            Some(Reach::Dark) => Some(Cause::ConnectTimeout),
            Some(Reach::Only(takes, otherwise)) => (!takes.contains(&way.encryption)).then_some(otherwise),
            Some(Reach::Over(transport, _)) if way.transport == transport => None,
            Some(Reach::Over(_, otherwise)) => Some(otherwise),
            Some(Reach::BehindNat) => {
                let open = to.is_some_and(|to| way.transport == Transport::Utp && self.has_dialled(to, from));
                (!open).then_some(Cause::ConnectTimeout)
            }
        };
        if let Some(cause) = refusal {
            if let (Kind::Client(client), Some(peer)) = (&mut self.nodes[from.0].kind, peer) {
                client.dial_failed(now, peer, way.transport, cause);
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
        // Over uTP a program calls from where it listens.
        let called_from = match way.transport {
            Transport::Tcp => SocketAddr::new(self.addr(from).ip(), 40_000 + (out.0 % 20_000) as u16),
            Transport::Utp => self.addr(from),
        };
        self.shaken(from, out, (peer, way.transport), addr, to);
        self.shaken(to, inn, (None, way.transport), called_from, from);
        self.settle(to);
        Some(from)
    }

    /// Whether the client dialled the other one over uTP just now.
    fn has_dialled(&self, client: NodeKey, other: NodeKey) -> bool {
        let (since, there) = (self.now.saturating_sub(SECOND), self.addr(other));
        let utp = |dialled: DialWay| dialled.transport == Transport::Utp;
        match &self.nodes[client.0].kind {
            Kind::Client(client) => {
                client.dials.iter().any(|(at, addr, way)| *at >= since && *addr == there && utp(*way))
            }
            Kind::Fake(_) => false,
        }
    }

    fn shaken(
        &mut self,
        node: NodeKey,
        conn: ConnKey,
        peer: (Option<PeerKey>, Transport),
        addr: SocketAddr,
        other: NodeKey,
    ) {
        let (now, other) = (self.now, &self.nodes[other.0]);
        let handshake = (other.id, other.reserved);
        match &mut self.nodes[node.0].kind {
            Kind::Client(client) => client.shaken(now, conn, peer, addr, handshake),
            Kind::Fake(fake) => fake.shaken(conn),
        }
    }

    /// Ends a connection, by the end named or by the network. Both hear of it later.
    pub(super) fn tear(&mut self, key: WireKey, by: Option<usize>, cause: Cause) {
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
}
