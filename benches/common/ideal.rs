//! The least time a swarm of known rates needs: no downloader, however clever, is faster.

use std::collections::VecDeque;

use super::script::{PeerScript, SwarmScript};

/// No swarm is asked to take longer, in ms.
const LONGEST_MS: u64 = 1 << 22;

/// The least time after which `share` of the bytes can be there, in ms; `None` where that is never.
///
/// By then every peer has sent what its rate allows while it serves, of pieces it had at the time. Whether that covers
/// the pieces is a question of the greatest flow from the peers through what they have into the pieces.
pub(crate) fn ideal_ms(swarm: &SwarmScript, share: f64) -> Option<u64> {
    let needed = ((swarm.mib << 20) as f64 * share) as u64;
    let enough = |ms: u64| greatest_flow(swarm, ms) >= needed;
    if !enough(LONGEST_MS) {
        return None;
    }
    let (mut low, mut high) = (0, LONGEST_MS);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The bytes that can be there after this time.
fn greatest_flow(swarm: &SwarmScript, ms: u64) -> u64 {
    let (total, piece_bytes) = ((swarm.mib << 20) as u64, (swarm.piece_kib << 10) as u64);
    let pieces = total.div_ceil(piece_bytes);
    // The source, the peers, the pieces, the sink.
    let (source, first_piece) = (0, 1 + swarm.peers.len());
    let sink = first_piece + pieces as usize;
    let mut flow = Flow::new(sink + 1);
    let can_send = |peer: &PeerScript, from| peer.rate * peer.sending_ms(from, ms) / 1000 + 1;
    for (number, peer) in swarm.peers.iter().enumerate() {
        let in_all = can_send(peer, 0);
        flow.edge(source, 1 + number, in_all);
        let mut has = |piece: u32, bytes| flow.edge(1 + number, first_piece + piece as usize, bytes);
        match &peer.pieces {
            Some(some) => some.iter().for_each(|piece| has(*piece, in_all)),
            None => (0..pieces as u32).for_each(|piece| has(piece, in_all)),
        }
        peer.gains.iter().for_each(|(piece, at)| has(*piece, can_send(peer, *at)));
    }
    for piece in 0..pieces {
        flow.edge(first_piece + piece as usize, sink, piece_bytes.min(total - piece * piece_bytes));
    }
    flow.greatest(source, sink)
}

struct Edge {
    to: usize,
    left: u64,
}

/// A network of edges with capacities (Dinic's algorithm). An edge and its reverse stand side by side.
struct Flow {
    edges: Vec<Edge>,
    /// The edges of each node.
    of: Vec<Vec<usize>>,
    depth: Vec<usize>,
    /// How many edges of each node lead nowhere any more.
    spent: Vec<usize>,
}

impl Flow {
    fn new(nodes: usize) -> Self {
        Self { edges: Vec::new(), of: vec![Vec::new(); nodes], depth: vec![0; nodes], spent: vec![0; nodes] }
    }

    fn edge(&mut self, from: usize, to: usize, capacity: u64) {
        for (from, to, left) in [(from, to, capacity), (to, from, 0)] {
            self.of[from].push(self.edges.len());
            self.edges.push(Edge { to, left });
        }
    }

    fn greatest(mut self, source: usize, sink: usize) -> u64 {
        let mut sum = 0;
        while self.measure(source, sink) {
            self.spent.fill(0);
            loop {
                let pushed = self.push(source, sink, u64::MAX);
                if pushed == 0 {
                    break;
                }
                sum += pushed;
            }
        }
        sum
    }

    /// Finds how far every node is from the source; whether the sink can be reached.
    fn measure(&mut self, source: usize, sink: usize) -> bool {
        self.depth.fill(usize::MAX);
        self.depth[source] = 0;
        let mut next = VecDeque::from([source]);
        while let Some(node) = next.pop_front() {
            for edge in &self.of[node] {
                let Edge { to, left } = self.edges[*edge];
                if left > 0 && self.depth[to] == usize::MAX {
                    self.depth[to] = self.depth[node] + 1;
                    next.push_back(to);
                }
            }
        }
        self.depth[sink] != usize::MAX
    }

    fn push(&mut self, node: usize, sink: usize, most: u64) -> u64 {
        if node == sink {
            return most;
        }
        while let Some(&edge) = self.of[node].get(self.spent[node]) {
            let Edge { to, left } = self.edges[edge];
            if left > 0 && self.depth[to] == self.depth[node] + 1 {
                let pushed = self.push(to, sink, most.min(left));
                if pushed > 0 {
                    self.edges[edge].left -= pushed;
                    self.edges[edge ^ 1].left += pushed;
                    return pushed;
                }
            }
            self.spent[node] += 1;
        }
        0
    }
}
