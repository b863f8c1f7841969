//! Blocks that leave a node, one after another.

use super::*;

impl World {
    /// Lets the node send its next block, if its line is free.
    pub(super) fn send(&mut self, node: NodeKey) {
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

    pub(super) fn sent(&mut self, node: NodeKey, conn: ConnKey, block: BlockRef, right: bool) {
        let (now, bytes) = (self.now, self.geometry.block_length(block));
        let Some((wire, end)) = self.wire_of(node, conn) else { return };
        let at = wire.carry_block(now, end, bytes);
        let Some(&(key, _)) = self.ports.get(&(node, conn)) else { return };
        self.heap_at(at, Happening::Arrives(key, 1 - end, Said::Block(block, right)));
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
        let asked = match kind {
            Kind::Client(client) => client.asked(),
            Kind::Fake(fake) => fake.asked(),
        };
        let taken = turns.next(&asked, ready).and_then(|conn| match kind {
            Kind::Client(client) => client.take(conn).map(|block| (conn, block, true)),
            Kind::Fake(fake) => fake.take(*now, conn).map(|(block, right)| (conn, block, right)),
        });
        let waits = asked.iter().filter_map(|conn| free_at(*conn)).min();
        if taken.is_none()
            && let Some(at) = waits
        {
            self.nodes[node.0].busy = true;
            self.heap_at(at.max(self.now + ms(1)), Happening::Free(node, None));
        }
        taken
    }

    /// Bytes of the blocks arriving at a client.
    pub(super) fn begun(&self, node: NodeKey) -> BTreeMap<ConnKey, u64> {
        let of_it = self.ports.range((node, ConnKey(0))..=(node, ConnKey(u32::MAX)));
        of_it
            .filter_map(|((_, conn), (key, end))| {
                Some((*conn, self.wires.get(key)?.begun_bytes(self.now, *end)))
            })
            .collect()
    }
}
