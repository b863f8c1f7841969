//! What comes: queries, answers, refusals, and what is none of them.

use std::net::SocketAddr;
use std::time::Duration;

use super::queries::{Awaited, Match, Purpose};
use super::server::refusal;
use super::{Action, Dht, node_id};
use crate::event::{At, DhtFact, NodeOutcome};
use crate::metainfo::address::{Family, is_allowed, scope_of};
use crate::wire::krpc::{Body, Malformed, Message, NodeId, NodeInfo, Query, Reply, code};

/// Nodes that ask us and are pinged, to know whether they answer, too: one in so long.
pub(super) const CURIOUS_EVERY: Duration = Duration::from_millis(100);

impl Dht {
    /// A datagram came.
    pub(super) fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        if self.networks.iter().all(|network| network.family != Family::of(from.ip())) {
            return;
        }
        match Message::decode(bytes) {
            Ok(Message { transaction, read_only, body: Body::Query { id, query }, .. }) => {
                self.query(from, transaction, NodeInfo { id, addr: from }, read_only, query);
            }
            Ok(Message { transaction, seen_at, body: Body::Reply(reply), .. }) => {
                if let Some(awaited) = self.awaited(&transaction, from) {
                    self.reply(awaited, reply, seen_at);
                }
            }
            Ok(Message { transaction, body: Body::Error { code, text }, .. }) => {
                if let Some(awaited) = self.awaited(&transaction, from) {
                    self.came_to_nothing(awaited, NodeOutcome::Error { code, text });
                }
            }
            Err(Malformed { transaction: Some(transaction), is_query: true, what }) => {
                self.answer(from, transaction, |_| refusal(code::PROTOCOL, what));
            }
            Err(Malformed { transaction, what, .. }) => {
                let awaited = transaction.and_then(|transaction| self.awaited(&transaction, from));
                if let Some(awaited) = awaited {
                    self.came_to_nothing(awaited, NodeOutcome::Malformed { what: what.to_owned() });
                }
            }
        }
    }

    /// The system says that an address cannot be reached.
    pub(super) fn unreachable(&mut self, to: SocketAddr) {
        let now = self.now;
        for awaited in self.queries.take_to(to) {
            let family = Family::of(to.ip());
            let network = self.networks.iter_mut().find(|network| network.family == family);
            network.into_iter().for_each(|network| network.unreachable(now));
            self.came_to_nothing(awaited, NodeOutcome::Unreachable);
        }
    }

    /// Asks nodes that may be there for those near to us.
    pub(super) fn ask_bootstrap(&mut self, addrs: Vec<SocketAddr>) {
        for addr in addrs.into_iter().take(super::upkeep::MOST_BOOTSTRAP) {
            if !self.queries.awaits_sign_of(addr) && self.find_ourselves(addr, self.now) {
                self.tell(DhtFact::BootstrapAsked { addr });
            }
        }
    }

    /// Asks whether a node is there.
    pub(super) fn ping(&mut self, addr: SocketAddr) {
        if is_allowed(scope_of(addr.ip()), addr, &[]) && !self.queries.awaits_sign_of(addr) {
            self.ask(addr, Purpose::Ping, Query::Ping);
        }
    }

    /// Sends a query; tells whether it went out.
    pub(super) fn ask(&mut self, to: SocketAddr, purpose: Purpose, query: Query) -> bool {
        let Some(id) = self.own(to) else { return false };
        let Some(transaction) = self.queries.begin(self.now, to, purpose, &mut self.rng) else {
            return false;
        };
        let body = Body::Query { id, query };
        let message = Message { transaction, seen_at: None, read_only: self.read_only, body };
        self.out.push_back(Action::Send { to, bytes: message.encode() });
        true
    }

    pub(super) fn tell(&mut self, fact: DhtFact) {
        self.out.push_back(Action::Told(self.now, fact));
    }

    fn find_ourselves(&mut self, addr: SocketAddr, first: At) -> bool {
        let Some(target) = self.own(addr) else { return false };
        let want = self.want();
        self.ask(addr, Purpose::Bootstrap { first }, Query::FindNode { target, want })
    }

    /// Our id among nodes of the family of an address, if we are among them.
    fn own(&self, addr: SocketAddr) -> Option<NodeId> {
        let network = self.networks.iter().find(|network| network.family == Family::of(addr.ip()))?;
        Some(network.table.own())
    }

    fn query(
        &mut self,
        from: SocketAddr,
        transaction: Vec<u8>,
        asker: NodeInfo,
        read_only: bool,
        query: Query,
    ) {
        let Some(own) = self.own(from).filter(|own| *own != asker.id) else { return };
        let answered = self.answer(from, transaction, |dht| {
            dht.server.answer(dht.now, from, query, own, &dht.networks, &mut dht.rng)
        });
        if !answered || read_only {
            return;
        }
        let now = self.now;
        let Some(network) = self.networks.iter_mut().find(|network| network.family == Family::of(from.ip()))
        else {
            return;
        };
        network.table.asked(now, asker);
        if self.bootstrap.next_curious <= now && network.table.could_take(asker) {
            self.bootstrap.next_curious = now + CURIOUS_EVERY;
            self.ping(from);
        }
    }

    /// Answers a query, unless we answer none, or none from there now. Tells whether it was answered.
    fn answer(&mut self, to: SocketAddr, transaction: Vec<u8>, body: impl FnOnce(&mut Self) -> Body) -> bool {
        if self.read_only || !is_allowed(scope_of(to.ip()), to, &[]) || !self.server.hears(self.now, to) {
            return false;
        }
        let body = body(self);
        let bytes = Message { transaction, seen_at: Some(to), read_only: false, body }.encode();
        self.server.sent(bytes.len());
        self.out.push_back(Action::Send { to, bytes });
        true
    }

    /// What a transaction id that came back stands for. Where the answer came from another port it is none.
    fn awaited(&mut self, transaction: &[u8], from: SocketAddr) -> Option<Awaited> {
        match self.queries.end(transaction, from) {
            Match::Answer(awaited) => return Some(awaited),
            Match::WrongPort(awaited) => {
                self.came_to_nothing(awaited, NodeOutcome::WrongPort { port: from.port() });
            }
            Match::Nothing => {}
        }
        None
    }

    fn reply(&mut self, awaited: Awaited, reply: Reply, seen_at: Option<SocketAddr>) {
        let (now, from) = (self.now, awaited.to);
        if let Some(seen_at) = seen_at {
            self.hear_address(from, seen_at);
        }
        let info = NodeInfo { id: reply.id, addr: from };
        let is_as_named = match awaited.purpose {
            Purpose::Lookup(key) | Purpose::Announce(key) => {
                let named = self.lookups.get(&key).and_then(|lookup| lookup.id_of(from));
                named.is_none_or(|id| id == reply.id) || node_id::is_bound(&reply.id, from.ip())
            }
            Purpose::Ping | Purpose::Bootstrap { .. } => true,
        };
        if let Some(network) =
            self.networks.iter_mut().find(|network| network.family == Family::of(from.ip()))
        {
            network.answered();
            if is_as_named {
                network.table.answered(now, info);
            } else {
                network.table.failed(now, from);
            }
        }
        self.meet_others(&reply.nodes, from);
        match awaited.purpose {
            Purpose::Ping => {}
            Purpose::Bootstrap { first } => {
                let after_ms = millis(now.saturating_sub(first));
                self.tell(DhtFact::BootstrapAnswered { addr: from, after_ms });
                self.learn_nodes(info, reply.nodes);
            }
            Purpose::Lookup(key) => self.lookup_answered(key, awaited, reply),
            Purpose::Announce(key) => self.announce_answered(key, awaited),
        }
        if is_as_named {
            self.help_lookups(info);
        }
    }

    /// A node says at which address it sees us.
    fn hear_address(&mut self, from: SocketAddr, seen_at: SocketAddr) {
        let now = self.now;
        let family = Family::of(from.ip());
        let Some(network) = self.networks.iter_mut().find(|network| network.family == family) else { return };
        if let Some((fact, renamed)) = network.hear_address(now, from.ip(), seen_at.ip(), &mut self.rng) {
            if let Some(ours) = network.ours(self.port) {
                let of_family = self.lookups.values_mut().filter(|lookup| lookup.family == family);
                of_family.for_each(|lookup| lookup.seen_at(ours));
            }
            self.tell(fact);
            if renamed {
                self.find_neighbours(family);
            }
        }
    }

    /// Nodes of the other family, where nobody is known there: one of them is asked whether it is there, and in the end all.
    fn meet_others(&mut self, nodes: &[NodeInfo], from: SocketAddr) {
        let now = self.now;
        let stranger =
            |network: &&super::Network| network.family != Family::of(from.ip()) && network.wants_nodes(now);
        let Some(network) = self.networks.iter().find(stranger) else { return };
        let scope = scope_of(from.ip());
        let useful = nodes.iter().filter(|node| {
            Family::of(node.addr.ip()) == network.family
                && is_allowed(scope, node.addr, &[])
                && node_id::fits(&node.id, node.addr.ip())
                && network.table.could_take(**node)
        });
        for addr in useful.map(|node| node.addr).take(super::lookup::NEAREST).collect::<Vec<_>>() {
            self.ping(addr);
        }
    }

    /// No answer came, or none that is one.
    pub(super) fn came_to_nothing(&mut self, awaited: Awaited, outcome: NodeOutcome) {
        let now = self.now;
        for network in &mut self.networks {
            network.table.failed(now, awaited.to);
        }
        match awaited.purpose {
            Purpose::Ping => {}
            // One datagram may be lost.
            Purpose::Bootstrap { first } if first == awaited.at && outcome == NodeOutcome::TimedOut => {
                self.find_ourselves(awaited.to, first);
            }
            Purpose::Bootstrap { .. } => self.tell(DhtFact::BootstrapSilent { addr: awaited.to }),
            Purpose::Lookup(key) => self.lookup_failed(key, awaited, outcome),
            Purpose::Announce(key) => self.announce_failed(key, awaited, outcome),
        }
    }
}

/// Milliseconds, as facts have them.
pub(super) fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
