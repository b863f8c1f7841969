//! The nodes that are known of one family, in buckets by how many bits of their ids are ours (BEP 5).

mod bucket;

use std::net::SocketAddr;
use std::time::Duration;

use bucket::{Bucket, Node};

use super::diversity;
use crate::event::At;
use crate::wire::krpc::{NodeId, NodeInfo};

/// Nodes that nobody heard of for so long are doubtful, and buckets in which nothing changed are refreshed.
pub(super) const FRESH: Duration = Duration::from_secs(15 * 60);
/// Nodes of a bucket, beginning with the farthest half of all ids: large buckets there make lookups shorter.
const ROOM: [usize; 4] = [64, 32, 16, 8];
/// Queries in a row without an answer after which a node is bad.
const BAD_AFTER: u8 = 2;

/// One table.
#[derive(Debug)]
pub(super) struct Table {
    own: NodeId,
    buckets: Vec<Bucket>,
}

impl Table {
    pub(super) fn new(own: NodeId) -> Self {
        Self { own, buckets: (0..=160).map(|at| Bucket::new(ROOM[at.min(ROOM.len() - 1)])).collect() }
    }

    /// Our id.
    pub(super) fn own(&self) -> NodeId {
        self.own
    }

    /// Takes another id: all nodes change their places.
    pub(super) fn rename(&mut self, now: At, own: NodeId) {
        let old = std::mem::replace(self, Self::new(own));
        for node in old.buckets.into_iter().flat_map(Bucket::into_nodes) {
            self.bucket(&node.info.id).insert(now, node);
        }
    }

    /// A node answered. It comes in, if there is room for it, or becomes a spare.
    pub(super) fn answered(&mut self, now: At, info: NodeInfo) {
        if info.id == self.own {
            return;
        }
        // It had another id before: it was started again, or it lies.
        for bucket in &mut self.buckets {
            bucket.remove_unless(info);
        }
        self.bucket(&info.id).answered(now, info);
    }

    /// A node of the last run: to be asked before it is believed in.
    pub(super) fn restore(&mut self, now: At, info: NodeInfo) {
        if info.id != self.own {
            self.bucket(&info.id).insert(now, Node::new(info));
        }
    }

    /// A node asked us something.
    pub(super) fn asked(&mut self, now: At, info: NodeInfo) {
        if let Some(node) = self.bucket(&info.id).node(info) {
            node.asked_us = Some(now);
        }
    }

    /// Whether a node that asked us could be of use, so that it is worth a ping.
    pub(super) fn could_take(&self, info: NodeInfo) -> bool {
        info.id != self.own && self.buckets[self.place(&info.id)].could_take(info)
    }

    /// A query to it was not answered.
    pub(super) fn failed(&mut self, now: At, addr: SocketAddr) {
        for bucket in &mut self.buckets {
            bucket.failed(now, addr);
        }
    }

    /// Nodes to begin a lookup with: the nearest of those that are known to answer, and the nearest of those that may.
    pub(super) fn to_begin_with(&self, now: At, target: &NodeId, most_of_each: usize) -> Vec<NodeInfo> {
        let mut nodes = self.nearest_good(now, target, most_of_each);
        nodes.extend(self.nearest(target, most_of_each, |node| !node.is_good(now) && !node.is_bad()));
        nodes
    }

    /// The nearest nodes that are known to answer, nearest first.
    pub(super) fn nearest_good(&self, now: At, target: &NodeId, most: usize) -> Vec<NodeInfo> {
        self.nearest(target, most, |node| node.is_good(now))
    }

    fn nearest(&self, target: &NodeId, most: usize, is_meant: impl Fn(&Node) -> bool) -> Vec<NodeInfo> {
        let mut nodes: Vec<NodeInfo> =
            self.nodes().filter(|node| is_meant(node)).map(|node| node.info).collect();
        nodes.sort_unstable_by_key(|node| node.id.distance(target));
        nodes.truncate(most);
        nodes
    }

    /// Good and doubtful nodes.
    pub(super) fn counts(&self, now: At) -> (u32, u32) {
        let good = self.nodes().filter(|node| node.is_good(now)).count();
        let bad = self.nodes().filter(|node| node.is_bad()).count();
        (good as u32, (self.nodes().count() - good - bad) as u32)
    }

    /// Whether a node is known to answer.
    pub(super) fn works(&self, now: At) -> bool {
        self.nodes().any(|node| node.is_good(now))
    }

    /// Whether there is nobody to ask.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes().all(Node::is_bad)
    }

    /// The doubtful node that was left alone for longest, to be pinged now.
    pub(super) fn take_doubtful(&mut self, now: At) -> Option<NodeInfo> {
        let nodes = self.buckets.iter_mut().flat_map(Bucket::nodes_mut);
        let doubtful = nodes.filter(|node| !node.is_good(now) && node.is_due(now));
        let node = doubtful.min_by_key(|node| node.pinged)?;
        node.pinged = Some(now);
        Some(node.info)
    }

    /// An id of a bucket in which nothing changed for long, to be looked up now.
    pub(super) fn take_stale(&mut self, now: At, rng: &mut fastrand::Rng) -> Option<NodeId> {
        let deepest = self.buckets.iter().rposition(|bucket| !bucket.is_empty())?;
        let stale = |bucket: &Bucket| bucket.changed.saturating_add(FRESH) <= now;
        let at = self.buckets[..=deepest].iter().position(stale)?;
        self.buckets[at].changed = now;
        let mut id = super::node_id::random(rng);
        for bit in 0..=at.min(159) {
            let mask = 0x80 >> (bit % 8);
            let own = self.own.0[bit / 8] & mask;
            let wanted = if bit == at { own ^ mask } else { own };
            id.0[bit / 8] = (id.0[bit / 8] & !mask) | wanted;
        }
        Some(id)
    }

    /// All nodes that are not bad, those that answered first.
    pub(super) fn to_save(&self) -> impl Iterator<Item = NodeInfo> {
        let usable = || self.nodes().filter(|node| !node.is_bad());
        let answered = usable().filter(|node| node.answered.is_some());
        answered.chain(usable().filter(|node| node.answered.is_none())).map(|node| node.info)
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.buckets.iter().flat_map(Bucket::nodes)
    }

    fn place(&self, id: &NodeId) -> usize {
        160 - id.distance_bits(&self.own) as usize
    }

    fn bucket(&mut self, id: &NodeId) -> &mut Bucket {
        let place = self.place(id);
        &mut self.buckets[place]
    }
}

#[cfg(test)]
mod tests;
