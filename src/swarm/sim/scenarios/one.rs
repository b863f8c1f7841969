//! One client and those it meets: peers of the simulator, and connections that are only told of, at which nobody is.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use super::super::client::end;
use super::*;
use crate::event::{Encryption, Event, PeerInfo, PeerKey, Source, Transport};
use crate::metainfo::PeerId;
use crate::peer::{News, Step};
use crate::swarm::{ConnKey, Input};

pub(super) struct One {
    world: World,
    client: NodeKey,
    /// Who listens where.
    met: BTreeMap<u16, NodeKey>,
}

impl Deref for One {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for One {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

pub(super) fn addr(n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    SocketAddr::from(([10, 0, high, low], 6881))
}

impl One {
    pub(super) fn new(total: u64, piece: u32, settings: Settings) -> Self {
        let mut world = World::new(total, piece, 1);
        let nothing = Bitfield::empty(world.geometry.piece_count());
        let client = world.client_of(MIB, settings, nothing);
        Self { world, client, met: BTreeMap::new() }
    }

    pub(super) fn with_disk(mut self, disk: Disk) -> Self {
        self.client_mut().disk = disk;
        self
    }

    pub(super) fn seed(&self, bps: u64) -> Script {
        Script::seed(self.geometry, bps)
    }

    /// Somebody listens there from now on.
    pub(super) fn listen(&mut self, n: u16, script: Script) -> NodeKey {
        let node = self.world.fake(script);
        self.world.move_to(node, addr(n));
        self.met.insert(n, node);
        node
    }

    /// Somebody listens there, and the client is told.
    pub(super) fn add(&mut self, n: u16, script: Script) -> NodeKey {
        let node = self.listen(n, script);
        self.learn(n);
        node
    }

    /// The client is told of the address, whoever is there.
    pub(super) fn learn(&mut self, n: u16) {
        self.tell(Input::Learned { addr: addr(n), source: Source::Manual });
    }

    pub(super) fn tell(&mut self, input: Input) {
        let client = self.client;
        self.world.tell(client, input);
    }

    pub(super) fn news(&mut self, conn: ConnKey, news: News) {
        self.tell(Input::News(conn, news));
    }

    pub(super) fn wish(&mut self, command: Command) {
        let client = self.client;
        self.world.wish(client, command);
    }

    /// A connection is told of that somebody opened, or that was dialled.
    pub(super) fn shaken(&mut self, conn: u32, peer: Option<PeerKey>, addr: SocketAddr, id: u64) {
        let so_far = if peer.is_some() { Vec::new() } else { vec![(self.now, Step::Connected)] };
        let (conn, peer_id) = (ConnKey(conn), PeerId::ours(id));
        let transport = Transport::Tcp;
        self.tell(Input::Handshaken { conn, peer, transport, addr, peer_id, so_far });
    }

    /// The peer of a connection told of says where it listens.
    pub(super) fn listens(&mut self, conn: u32, port: u16) {
        let info = PeerInfo { listen_port: Some(port), ..PeerInfo::default() };
        self.news(ConnKey(conn), News::Introduced(info));
    }

    /// A connection told of is over.
    pub(super) fn over(&mut self, conn: u32, cause: Cause) {
        self.tell(Input::Closed(ConnKey(conn), end(cause)));
    }

    pub(super) fn ban(&mut self, peer: PeerKey) {
        let now = self.now;
        self.client_mut().swarm.ban_peer(now, peer, Cause::HashFailures, "it lied");
        self.tell(Input::Tick);
    }

    /// Whoever listens there refuses the last block it was asked for; whether there was one.
    pub(super) fn refuses(&mut self, n: u16) -> bool {
        let node = self.met[&n];
        self.world.refuse(node)
    }

    /// Whoever listens there closes its connections.
    pub(super) fn hang_up(&mut self, n: u16) {
        let node = self.met[&n];
        self.world.hang_up(node);
        self.world.run(ms(100));
    }

    pub(super) fn change(&mut self, n: u16, change: impl FnOnce(&mut Script)) {
        let node = self.met[&n];
        self.world.change(node, change);
    }

    /// Nobody answers any more.
    pub(super) fn all_refuse(&mut self) {
        for node in self.met.values() {
            self.world.reach(*node, Reach::Refuses);
        }
    }

    pub(super) fn answers(&mut self, n: u16) {
        let node = self.met[&n];
        self.world.reach(node, Reach::Answers);
    }

    pub(super) fn until_complete(&mut self, limit: Duration) -> Duration {
        let client = self.client;
        self.world.complete(limit, &[client])
    }

    /// Runs until it is so.
    pub(super) fn wait_for(&mut self, limit: Duration, is_so: impl Fn(&Self) -> bool) {
        let end = self.now + limit;
        while !is_so(self) {
            assert!(self.now < end, "not within {limit:?}");
            self.run(ms(10));
        }
    }

    pub(super) fn client(&self) -> &client::Client {
        self.world.at(self.client)
    }

    pub(super) fn client_mut(&mut self) -> &mut client::Client {
        self.world.at_mut(self.client)
    }

    pub(super) fn swarm(&self) -> &Swarm {
        &self.client().swarm
    }

    /// Connections to peers of the simulator.
    pub(super) fn connections(&self) -> usize {
        self.world.connections(self.client)
    }

    /// The connection with who listens there.
    pub(super) fn conn_with(&self, n: u16) -> ConnKey {
        let there = |(conn, state): (&ConnKey, &conn::Conn)| (state.addr == addr(n)).then_some(*conn);
        self.client().conns.iter().find_map(there).expect("a connection")
    }

    pub(super) fn dials(&self) -> Vec<(At, SocketAddr)> {
        self.client().dials.iter().map(|(at, addr, _)| (*at, *addr)).collect()
    }

    /// How it was dialled.
    pub(super) fn tried(&self, n: u16) -> Vec<Encryption> {
        let dials = self.client().dials.iter().filter(|(_, there, _)| *there == addr(n));
        dials.map(|(.., way)| way.encryption).collect()
    }

    /// Over what it was dialled, and when.
    pub(super) fn tried_over(&self, n: u16) -> Vec<(At, Transport)> {
        let dials = self.client().dials.iter().filter(|(_, there, _)| *there == addr(n));
        dials.map(|(at, _, way)| (*at, way.transport)).collect()
    }

    /// Connections that are over, by whose and why.
    pub(super) fn ended(&self) -> &[(SocketAddr, Cause)] {
        &self.client().ended
    }

    /// How often the connection was to be closed.
    pub(super) fn closes(&self, conn: u32) -> usize {
        self.client().closes.iter().filter(|closed| **closed == ConnKey(conn)).count()
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.client().events.iter().map(|(_, event)| event)
    }
}
