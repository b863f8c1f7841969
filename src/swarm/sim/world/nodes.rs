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
        let peer_id = PeerId::ours(self.seed.wrapping_mul(1000) + self.nodes.len() as u64);
        let seed = self.seed.wrapping_add(self.nodes.len() as u64);
        self.client_of(bps, Settings { peer_id, seed, ..settings }, have)
    }

    /// The same, with the peer id and the seed that the settings name.
    pub(in crate::swarm::sim) fn client_of(
        &mut self,
        bps: u64,
        settings: Settings,
        have: Bitfield,
    ) -> NodeKey {
        let id = settings.peer_id;
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
        let (link, reach, slow_tcp) = (Link::good(), Reach::Answers, Duration::ZERO);
        let (busy, turns) = (false, Turns::default());
        self.nodes.push(Node { addr, id, reserved, link, reach, slow_tcp, kind, bps, busy, turns });
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

    /// From now on it takes so much longer to be connected to the node over TCP.
    pub(in crate::swarm::sim) fn slow_over_tcp(&mut self, node: NodeKey, by: Duration) {
        self.nodes[node.0].slow_tcp = by;
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
        client.wants.clear();
        client.closes.clear();
        std::mem::take(&mut client.events)
    }

    /// From its next handshake on the node has the peer id of the other.
    pub(in crate::swarm::sim) fn call_itself(&mut self, node: NodeKey, other: NodeKey) {
        self.nodes[node.0].id = self.nodes[other.0].id;
    }

    /// The fake says this to all it is connected to.
    pub(in crate::swarm::sim) fn say(&mut self, node: NodeKey, message: &Message) {
        if let Kind::Fake(fake) = &mut self.nodes[node.0].kind {
            fake.say_to_all(message);
        }
        self.settle(node);
    }

    /// If the fake has the piece and speaks the fast extension, it sends it while it chokes, and says so.
    pub(in crate::swarm::sim) fn allow_fast(&mut self, node: NodeKey, piece: u32) {
        if let Kind::Fake(fake) = &mut self.nodes[node.0].kind {
            fake.allow_fast(piece);
        }
        self.settle(node);
    }

    /// The fake behaves otherwise from now on.
    pub(in crate::swarm::sim) fn change(&mut self, node: NodeKey, change: impl FnOnce(&mut Script)) {
        let Node { kind, bps, .. } = &mut self.nodes[node.0];
        if let Kind::Fake(fake) = kind {
            change(&mut fake.script);
            *bps = fake.script.bps;
        }
        self.settle(node);
    }

    /// The fake refuses the last block it was asked for; whether there was one.
    pub(in crate::swarm::sim) fn refuse(&mut self, node: NodeKey) -> bool {
        let Kind::Fake(fake) = &mut self.nodes[node.0].kind else { return false };
        let refuses = fake.refuse(self.now);
        self.settle(node);
        refuses
    }

    pub(in crate::swarm::sim) fn fake_at(&self, node: NodeKey) -> &Fake {
        match &self.nodes[node.0].kind {
            Kind::Fake(fake) => fake,
            Kind::Client(_) => panic!("{node:?} is no fake"),
        }
    }
}
