//! The lookups of all torrents together: begun when they are due, driven, and ended with an announce.

use super::incoming::millis;
use super::lookup::{Aim, Lookup, LookupKey, NEAREST};
use super::queries::{Awaited, Purpose};
use super::{Action, Dht, node_id};
use crate::event::{AnnounceOutcome, At, LookupFact, NodeOutcome};
use crate::metainfo::InfoHash;
use crate::metainfo::address::Family;
use crate::wire::krpc::{NodeId, NodeInfo, Query, Reply, Want};

/// Lookups of torrents at once.
const MOST_LOOKUPS: usize = 8;

impl Dht {
    /// A torrent wants no peers any more.
    pub(super) fn remove(&mut self, info_hash: InfoHash) {
        self.torrents.remove(info_hash);
        self.lookups.retain(|_, lookup| lookup.info_hash() != Some(info_hash));
    }

    /// A torrent is looked up again now, where no lookup of it is under way.
    pub(super) fn look_up_again(&mut self, info_hash: InfoHash) {
        let under_way = |lookup: &Lookup| lookup.info_hash() == Some(info_hash) && !lookup.is_over;
        if !self.lookups.values().any(under_way) {
            self.torrents.look_up(self.now, info_hash);
        }
    }

    /// Looks for the nodes nearest to our own id.
    pub(super) fn find_neighbours(&mut self, family: Family) {
        let network = self.networks.iter().find(|network| network.family == family);
        if let Some(own) = network.map(|network| network.table.own()) {
            self.begin(family, own, Aim::Nodes);
        }
    }

    /// Looks for nodes near to an id, for the table; one such lookup a family is enough.
    pub(super) fn refresh(&mut self, family: Family, target: NodeId) {
        if !self.lookups.values().any(|lookup| lookup.family == family && lookup.aim == Aim::Nodes) {
            self.begin(family, target, Aim::Nodes);
        }
    }

    /// Nodes that a bootstrap node named: they are asked for our neighbours.
    pub(super) fn learn_nodes(&mut self, from: NodeInfo, nodes: Vec<NodeInfo>) {
        let family = Family::of(from.addr.ip());
        self.refresh_with_own(family);
        let of_family = |lookup: &&mut Lookup| lookup.family == family && lookup.aim == Aim::Nodes;
        if let Some(lookup) = self.lookups.values_mut().find(of_family) {
            lookup.hear(from, nodes);
        }
    }

    /// Lookups that nobody answered yet hear of a node that does.
    pub(super) fn help_lookups(&mut self, info: NodeInfo) {
        let is_lost = |lookup: &&mut Lookup| lookup.tally.answered == 0 && !lookup.is_over;
        self.lookups.values_mut().filter(is_lost).for_each(|lookup| lookup.add(info));
    }

    /// Which nodes are asked for: of both families while one of them lacks some.
    pub(super) fn want(&self) -> Want {
        let lacks = self.networks.iter().any(|network| network.wants_nodes(self.now));
        let both = self.networks.len() > 1 && lacks;
        Want { v4: both, v6: both }
    }

    /// Begins the lookups that are due, and drives those that are under way. Where one ends the next may begin.
    pub(super) fn search(&mut self) {
        loop {
            let keys: Vec<LookupKey> = self.lookups.keys().copied().collect();
            keys.into_iter().for_each(|key| self.drive(key));
            if self.begin_due() == 0 {
                break;
            }
        }
    }

    fn begin_due(&mut self) -> usize {
        let mut begun = 0;
        for at in 0..self.networks.len() {
            let family = self.networks[at].family;
            while self.searching() < MOST_LOOKUPS && !self.networks[at].table.is_empty() {
                let Some(info_hash) = self.torrents.take_due(self.now, family) else { break };
                let announce = self.torrents.is_announced(info_hash) && !self.read_only;
                self.begin(family, info_hash.into(), Aim::Peers { info_hash, announce });
                begun += 1;
            }
        }
        begun
    }

    /// When the first lookup is due that may begin.
    pub(super) fn search_deadline(&self) -> At {
        let may_begin = self.searching() < MOST_LOOKUPS;
        let usable = self.networks.iter().filter(|network| may_begin && !network.table.is_empty());
        usable.map(|network| self.torrents.deadline(network.family)).min().unwrap_or(At::MAX)
    }

    /// A node answered a lookup.
    pub(super) fn lookup_answered(&mut self, key: LookupKey, awaited: Awaited, reply: Reply) {
        let Some(lookup) = self.lookups.get_mut(&key) else { return };
        lookup.out = lookup.out.saturating_sub(1);
        let info_hash = lookup.info_hash();
        let (outcome, peers) = lookup.answered(awaited.to, reply);
        self.tell_node(key, awaited, outcome);
        if let Some(info_hash) = info_hash.filter(|_| !peers.is_empty()) {
            self.out.push_back(Action::Peers { info_hash, from: awaited.to, peers });
        }
    }

    /// A node was asked by a lookup, and no answer came.
    pub(super) fn lookup_failed(&mut self, key: LookupKey, awaited: Awaited, outcome: NodeOutcome) {
        let Some(lookup) = self.lookups.get_mut(&key) else { return };
        lookup.out = lookup.out.saturating_sub(1);
        lookup.failed(awaited.to);
        self.tell_node(key, awaited, outcome);
    }

    /// A node took our announce.
    pub(super) fn announce_answered(&mut self, key: LookupKey, awaited: Awaited) {
        self.announce_ended(key, awaited, AnnounceOutcome::Stored);
    }

    /// A node did not take our announce.
    pub(super) fn announce_failed(&mut self, key: LookupKey, awaited: Awaited, outcome: NodeOutcome) {
        let outcome = match outcome {
            NodeOutcome::Error { code, text } => AnnounceOutcome::Refused { code, text },
            _ => AnnounceOutcome::Silent,
        };
        self.announce_ended(key, awaited, outcome);
    }

    fn refresh_with_own(&mut self, family: Family) {
        let network = self.networks.iter().find(|network| network.family == family);
        if let Some(own) = network.map(|network| network.table.own()) {
            self.refresh(family, own);
        }
    }

    fn searching(&self) -> usize {
        self.lookups.values().filter(|lookup| lookup.info_hash().is_some() && !lookup.is_over).count()
    }

    fn begin(&mut self, family: Family, target: NodeId, aim: Aim) {
        let Some(network) = self.networks.iter().find(|network| network.family == family) else { return };
        let first = network.table.to_begin_with(self.now, &target, NEAREST);
        let own = (network.table.own(), network.ours(self.port));
        let lookup = Lookup::new(family, target, aim, own, first);
        let key = LookupKey(self.next_lookup);
        self.next_lookup += 1;
        self.lookups.insert(key, lookup);
        if let Aim::Peers { announce, .. } = aim {
            self.tell_lookup(key, LookupFact::Began { family, announces: announce });
        }
    }

    /// Asks the next nodes of a lookup, and ends it where there are none.
    fn drive(&mut self, key: LookupKey) {
        let want = self.want();
        while let Some(lookup) = self.lookups.get_mut(&key) {
            let Some(node) = lookup.next() else { break };
            lookup.out += 1;
            let query = match lookup.aim {
                Aim::Peers { info_hash, .. } => Query::GetPeers { info_hash, want },
                Aim::Nodes => Query::FindNode { target: lookup.target, want },
            };
            if !self.ask(node.addr, Purpose::Lookup(key), query)
                && let Some(lookup) = self.lookups.get_mut(&key)
            {
                lookup.out -= 1;
                lookup.failed(node.addr);
            }
        }
        if self.lookups.get(&key).is_some_and(|lookup| !lookup.is_over && lookup.is_done()) {
            self.end(key);
        }
        if self.lookups.get(&key).is_some_and(|lookup| lookup.is_over && lookup.out == 0) {
            self.lookups.remove(&key);
        }
    }

    /// The nearest have answered: the torrent is announced to them.
    fn end(&mut self, key: LookupKey) {
        let now = self.now;
        let Some(lookup) = self.lookups.get_mut(&key) else { return };
        lookup.is_over = true;
        let (family, tally, peers) = (lookup.family, lookup.tally, lookup.peers() as u32);
        let Aim::Peers { info_hash, announce } = lookup.aim else { return };
        let nearest = if announce { lookup.nearest() } else { Vec::new() };
        let next = self.torrents.looked_up(now, family, info_hash, tally.answered, &mut self.rng);
        let ended = LookupFact::Ended { family, asked: tally.asked, answered: tally.answered, peers, next };
        self.tell_lookup(key, ended);
        for (node, token) in nearest {
            let Some(token) = token else {
                let outcome = AnnounceOutcome::NoToken;
                self.tell_lookup(key, LookupFact::Announced { family, addr: node.addr, outcome });
                continue;
            };
            let (port, implied_port) = (self.port, self.implied_port);
            let query = Query::Announce { info_hash, port, implied_port, token };
            if self.ask(node.addr, Purpose::Announce(key), query)
                && let Some(lookup) = self.lookups.get_mut(&key)
            {
                lookup.out += 1;
            }
        }
    }

    fn announce_ended(&mut self, key: LookupKey, awaited: Awaited, outcome: AnnounceOutcome) {
        let Some(lookup) = self.lookups.get_mut(&key) else { return };
        lookup.out = lookup.out.saturating_sub(1);
        let family = lookup.family;
        self.tell_lookup(key, LookupFact::Announced { family, addr: awaited.to, outcome });
    }

    fn tell_node(&mut self, key: LookupKey, awaited: Awaited, outcome: NodeOutcome) {
        let Some(lookup) = self.lookups.get(&key) else { return };
        let (addr, id) = (awaited.to, lookup.id_of(awaited.to));
        let came = !matches!(outcome, NodeOutcome::TimedOut | NodeOutcome::Unreachable);
        let fact = LookupFact::Node {
            family: lookup.family,
            addr,
            distance_bits: id.map(|id| id.distance_bits(&lookup.target)),
            round_trip_ms: came.then(|| millis(self.now.saturating_sub(awaited.at))),
            lied: id.is_some_and(|id| !node_id::fits(&id, addr.ip())),
            outcome,
        };
        self.tell_lookup(key, fact);
    }

    fn tell_lookup(&mut self, key: LookupKey, fact: LookupFact) {
        if let Some(info_hash) = self.lookups.get(&key).and_then(Lookup::info_hash) {
            self.out.push_back(Action::Lookup(self.now, info_hash, fact));
        }
    }
}
