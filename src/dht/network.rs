//! What there is of each family: a table, our id in it, and the address at which others see us.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::lookup::NEAREST;
use super::node_id;
use super::saved::{MOST_SAVED, Saved};
use super::seen_at::SeenAt;
use super::table::Table;
use crate::event::{At, DhtFact};
use crate::metainfo::address::Family;
use crate::wire::krpc::NodeInfo;

/// From one doubtful node that is pinged to the next.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How often the number of nodes is told at most.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// The system cannot send to this many nodes in turn, and none answers: the family counts as one without a route, for a time.
const NO_ROUTE_AFTER: u32 = 8;
const NO_ROUTE_FOR: Duration = Duration::from_secs(60);

/// The nodes of one family.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) family: Family,
    pub(super) table: Table,
    seen_at: SeenAt,
    /// Nodes in turn that could not be reached, and until when the family counts as one without a route.
    unreachable: u32,
    no_route_until: At,
    next_upkeep: At,
    next_told: At,
    told: (u32, u32),
}

impl Network {
    /// With what the last run left of it.
    pub(super) fn new(family: Family, saved: Option<&Saved>, rng: &mut fastrand::Rng) -> Self {
        let kept = saved.and_then(|saved| if family == Family::V4 { saved.v4 } else { saved.v6 });
        let mut table = Table::new(kept.unwrap_or_else(|| node_id::random(rng)));
        let nodes = saved.into_iter().flat_map(|saved| &saved.nodes);
        for node in nodes.filter(|node| Family::of(node.addr.ip()) == family) {
            table.restore(At::ZERO, *node);
        }
        Self {
            family,
            table,
            seen_at: SeenAt::default(),
            unreachable: 0,
            no_route_until: At::ZERO,
            next_upkeep: PING_EVERY,
            next_told: At::ZERO,
            told: (0, 0),
        }
    }

    /// A node says at which address it sees us. Returns what became known, and whether our id changed to fit it.
    pub(super) fn hear_address(
        &mut self,
        now: At,
        from: IpAddr,
        ip: IpAddr,
        rng: &mut fastrand::Rng,
    ) -> Option<(DhtFact, bool)> {
        let ip = self.seen_at.hear(from, ip)?;
        let renamed = !node_id::fits(&self.table.own(), ip);
        if renamed {
            self.table.rename(now, node_id::for_address(ip, rng));
        }
        Some((DhtFact::SeenAt { ip }, renamed))
    }

    /// Where others see us, if they agree on it and our port is the one that we listen on.
    pub(super) fn ours(&self, port: u16) -> Option<SocketAddr> {
        self.seen_at.agreed.map(|ip| SocketAddr::new(ip, port))
    }

    /// The system says that a node cannot be reached.
    pub(super) fn unreachable(&mut self, now: At) {
        self.unreachable += 1;
        if self.unreachable >= NO_ROUTE_AFTER && !self.table.works(now) {
            self.unreachable = 0;
            self.no_route_until = now + NO_ROUTE_FOR;
        }
    }

    /// A node answered.
    pub(super) fn answered(&mut self) {
        self.unreachable = 0;
        self.no_route_until = At::ZERO;
    }

    /// Whether nodes that others name are worth a try: there are few so far, and there may be a route to them.
    pub(super) fn wants_nodes(&self, now: At) -> bool {
        self.no_route_until <= now && self.table.counts(now).0 < NEAREST as u32
    }

    /// How many nodes there are, where that changed and was not looked at within a second.
    pub(super) fn count(&mut self, now: At) -> Option<DhtFact> {
        if self.next_told > now {
            return None;
        }
        self.next_told = now + TOLD_EVERY;
        let (good, doubtful) = self.table.counts(now);
        let before = std::mem::replace(&mut self.told, (good, doubtful));
        (before != self.told).then_some(DhtFact::Nodes { family: self.family, good, doubtful })
    }

    /// Whether it is time to look after the table: the next time is set.
    pub(super) fn is_due(&mut self, now: At) -> bool {
        let due = self.next_upkeep <= now;
        if due {
            self.next_upkeep = now + PING_EVERY;
        }
        due
    }

    /// When it is to be looked after next.
    pub(super) fn deadline(&self) -> At {
        self.next_upkeep
    }

    /// What is kept of its table: a part of what there is room for.
    pub(super) fn to_save(&self, networks: usize) -> impl Iterator<Item = NodeInfo> {
        self.table.to_save().take(MOST_SAVED / networks)
    }
}
