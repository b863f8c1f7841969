//! Who takes part, and where each is reached.

use super::*;

impl World {
    /// Adds a client that has nothing and knows nobody, sending at most `bps`.
    pub(in crate::swarm::sim) fn client(&mut self, bps: u64, settings: Settings) -> NodeKey {
        let have = Bitfield::empty(self.geometry.piece_count());
        self.client_with(bps, settings, have)
    }

    pub(in crate::swarm::sim) fn client_with(
        &mut self,
        bps: u64,
        settings: Settings,
        have: Bitfield,
    ) -> NodeKey {
        let id = PeerId::ours(self.seed.wrapping_mul(1000) + self.nodes.len() as u64);
        let seed = self.seed.wrapping_add(self.nodes.len() as u64);
        let settings = Settings { peer_id: id, seed, ..settings };
        let client = Client::new(self.now, self.geometry, have, settings, self.trackers.len());
        let node = self.node(Kind::Client(Box::new(client)), bps, id, Reserved::OURS);
        self.later(SECOND, Happening::Second(node));
        self.settle(node);
        node
    }

    pub(in crate::swarm::sim) fn fake(&mut self, script: Script) -> NodeKey {
        self.fake_over(script, Link::good())
    }

    pub(in crate::swarm::sim) fn fake_over(&mut self, script: Script, link: Link) -> NodeKey {
        let (bps, seed) = (script.bps, self.random.u64(..));
        let id = PeerId::ours(self.seed.wrapping_mul(1000) + self.nodes.len() as u64);
        let block = u64::from(crate::metainfo::BLOCK_LENGTH) * 1000;
        let crossing =
            (link.latency + Link::good().latency) * 2 + ms(200 + 3 * block / bps.min(link.bps).max(1));
        let reserved = if script.fast { Reserved::OURS } else { Reserved([0, 0, 0, 0, 0, 0x10, 0, 0]) };
        let fake = Fake::new(self.geometry, script, seed, crossing);
        let node = self.node(Kind::Fake(Box::new(fake)), bps, id, reserved);
        self.nodes[node.0].link = link;
        node
    }

    fn node(&mut self, kind: Kind, bps: u64, id: PeerId, reserved: Reserved) -> NodeKey {
        let key = NodeKey(self.nodes.len());
        let [_, _, high, low] = (key.0 as u32 + 1).to_be_bytes();
        let addr = SocketAddr::from(([10, 1, high, low], 6881));
        let (link, reach) = (Link::good(), Reach::Answers);
        let (busy, turns) = (false, Turns::default());
        self.nodes.push(Node { addr, id, reserved, link, reach, kind, bps, busy, turns });
        self.by_addr.insert(addr, key);
        key
    }

    /// Gives the node another address.
    pub(in crate::swarm::sim) fn move_to(&mut self, node: NodeKey, addr: SocketAddr) {
        self.by_addr.remove(&self.nodes[node.0].addr);
        self.nodes[node.0].addr = addr;
        self.by_addr.insert(addr, node);
    }

    pub(in crate::swarm::sim) fn reach(&mut self, node: NodeKey, reach: Reach) {
        self.nodes[node.0].reach = reach;
    }

    pub(in crate::swarm::sim) fn addr(&self, node: NodeKey) -> SocketAddr {
        self.nodes[node.0].addr
    }

    pub(in crate::swarm::sim) fn at(&self, node: NodeKey) -> &Client {
        match &self.nodes[node.0].kind {
            Kind::Client(client) => client,
            Kind::Fake(_) => panic!("{node:?} is no client"),
        }
    }

    pub(in crate::swarm::sim) fn at_mut(&mut self, node: NodeKey) -> &mut Client {
        match &mut self.nodes[node.0].kind {
            Kind::Client(client) => client,
            Kind::Fake(_) => panic!("{node:?} is no client"),
        }
    }

    /// Forgets what was noted of a client and of everybody else; what the client learned is returned.
    pub(in crate::swarm::sim) fn forget(&mut self, client: NodeKey) -> Vec<(At, crate::event::Event)> {
        for node in &mut self.nodes {
            if let Kind::Fake(fake) = &mut node.kind {
                fake.served.clear();
            }
        }
        let client = self.at_mut(client);
        client.dials.clear();
        client.ended.clear();
        std::mem::take(&mut client.events)
    }

    pub(in crate::swarm::sim) fn fake_at(&self, node: NodeKey) -> &Fake {
        match &self.nodes[node.0].kind {
            Kind::Fake(fake) => fake,
            Kind::Client(_) => panic!("{node:?} is no fake"),
        }
    }
}
