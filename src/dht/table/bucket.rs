//! A bucket: some nodes, and a few that would take the place of one that goes.

use std::net::SocketAddr;

use super::{BAD_AFTER, FRESH, diversity};
use crate::dht::node_id;
use crate::event::At;
use crate::wire::krpc::NodeInfo;

/// Nodes that wait for a place.
const MOST_SPARE: usize = 8;

/// A node, and what is known of how it answers.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) info: NodeInfo,
    /// When it answered last.
    pub(super) answered: Option<At>,
    /// When it asked us something last.
    pub(super) asked_us: Option<At>,
    /// When it was pinged last because it was doubtful.
    pub(super) pinged: Option<At>,
    /// Queries in a row that it did not answer.
    failures: u8,
}

impl Node {
    pub(super) fn new(info: NodeInfo) -> Self {
        Self { info, answered: None, asked_us: None, pinged: None, failures: 0 }
    }

    /// It answered within a quarter of an hour, or did once and asked us something since (BEP 5).
    pub(super) fn is_good(&self, now: At) -> bool {
        let recent = |at: Option<At>| at.is_some_and(|at| at.saturating_add(FRESH) > now);
        self.failures == 0 && self.answered.is_some() && (recent(self.answered) || recent(self.asked_us))
    }

    /// It failed to answer in a row, or never did at all.
    pub(super) fn is_bad(&self) -> bool {
        self.failures >= if self.answered.is_some() { BAD_AFTER } else { 1 }
    }

    /// Whether it was not pinged lately. Bad ones are tried again, too, as seldom as good ones.
    pub(super) fn is_due(&self, now: At) -> bool {
        let pause = if self.is_bad() { FRESH } else { FRESH / 30 };
        self.pinged.is_none_or(|at| at.saturating_add(pause) <= now)
    }

    fn fits(&self) -> bool {
        node_id::fits(&self.info.id, self.info.addr.ip())
    }
}

/// One bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    room: usize,
    nodes: Vec<Node>,
    spare: Vec<Node>,
    /// When a node of it answered, came in, or was looked for last.
    pub(super) changed: At,
}

impl Bucket {
    pub(super) fn new(room: usize) -> Self {
        Self { room, nodes: Vec::new(), spare: Vec::new(), changed: At::ZERO }
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    pub(super) fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.iter_mut()
    }

    pub(super) fn into_nodes(self) -> impl Iterator<Item = Node> {
        self.nodes.into_iter().chain(self.spare)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(super) fn node(&mut self, info: NodeInfo) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.info == info)
    }

    /// Removes a node at this address that has another id.
    pub(super) fn remove_unless(&mut self, info: NodeInfo) {
        self.nodes.retain(|node| node.info.addr != info.addr || node.info == info);
        self.spare.retain(|node| node.info.addr != info.addr || node.info == info);
    }

    pub(super) fn answered(&mut self, now: At, info: NodeInfo) {
        self.changed = now;
        let known = self.nodes.iter_mut().chain(&mut self.spare).find(|node| node.info == info);
        if let Some(node) = known {
            node.answered = Some(now);
            node.failures = 0;
        } else {
            self.insert(now, Node { answered: Some(now), ..Node::new(info) });
        }
    }

    /// Takes a node in: where there is room, in the place of a bad one, or in that of one whose id does not fit its address
    /// (BEP 42) if that of the new one does. Otherwise it waits.
    pub(super) fn insert(&mut self, now: At, node: Node) {
        let leaves = |at: &usize| {
            let others = self.nodes.iter().enumerate().filter(|(nth, _)| nth != at);
            self.admits_beside(others.map(|(_, node)| node), &node)
        };
        if self.nodes.iter().any(|other| other.info.id == node.info.id) {
            return;
        }
        if self.nodes.len() < self.room && self.admits_beside(self.nodes.iter(), &node) {
            self.nodes.push(node);
            self.changed = now;
            return;
        }
        let worse = |other: &Node| other.is_bad() || (node.fits() && !other.fits());
        let place = (0..self.nodes.len()).find(|at| worse(&self.nodes[*at]) && leaves(at));
        if let Some(place) = place {
            self.nodes[place] = node;
            self.changed = now;
        } else if self.admits_beside(self.spare.iter(), &node) {
            self.spare.truncate(MOST_SPARE - 1);
            self.spare.insert(0, node);
        }
    }

    pub(super) fn could_take(&self, info: NodeInfo) -> bool {
        let node = Node::new(info);
        let is_known = self.nodes.iter().chain(&self.spare).any(|other| other.info == info);
        let has_room = self.nodes.len() < self.room || self.nodes.iter().any(Node::is_bad);
        !is_known
            && (has_room || self.spare.len() < MOST_SPARE)
            && self.admits_beside(self.nodes.iter(), &node)
    }

    pub(super) fn failed(&mut self, now: At, addr: SocketAddr) {
        self.spare.retain(|node| node.info.addr != addr);
        let Some(at) = self.nodes.iter().position(|node| node.info.addr == addr) else { return };
        self.nodes[at].failures = self.nodes[at].failures.saturating_add(1);
        if self.nodes[at].is_bad() && !self.spare.is_empty() {
            let spare = self.spare.remove(0);
            self.insert(now, spare);
        }
    }

    fn admits_beside<'n>(&self, there: impl Iterator<Item = &'n Node>, node: &Node) -> bool {
        diversity::admits(there.map(|node| node.info.addr), node.info.addr)
    }
}
