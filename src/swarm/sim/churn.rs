//! A client in a swarm in which everybody comes and goes, for as long as is asked for.

use std::net::Ipv4Addr;

use super::random::script;
use super::*;
use crate::event::Event;

/// Bytes of the torrent: with what the honest send, about half a day's.
const TOTAL: u64 = 4 << 30;
const NODES: usize = 40;
/// How often something happens from outside.
const PACE: Duration = secs(10);

/// A swarm in motion.
pub(crate) struct Churn {
    world: World,
    client: NodeKey,
    others: Vec<NodeKey>,
    random: fastrand::Rng,
}

impl Churn {
    /// Begins, of this seed, with so many rows at most.
    pub(crate) fn new(seed: u64, max_rows: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new(TOTAL, MIB as u32, seed);
        world.thorough = false;
        let client = world.client(200 * KIB, Settings { max_peers: 30, max_rows, ..Settings::default() });
        world.at_mut(client).keeps_all = true;
        let others: Vec<NodeKey> = (0..NODES)
            .map(|n| {
                let geometry = world.geometry;
                let script = match n {
                    0..4 => Script::seed(geometry, 25 * KIB),
                    4..8 => Script::taker(geometry),
                    _ => Script { bps: 2 * KIB, ..script(&mut random, geometry) },
                };
                let breaks = Some(secs(random.u64(20..3000)));
                world.fake_over(script, Link { breaks, ..Link::good() })
            })
            .collect();
        Self { world, client, others, random }
    }

    /// The torrent's lengths.
    pub(crate) fn geometry(&self) -> Geometry {
        self.world.geometry
    }

    /// What tables hold, by name; and how much the simulation itself has ahead.
    pub(crate) fn sizes(&self) -> Vec<(&'static str, usize)> {
        let ahead = ("ahead", self.world.ahead());
        self.world.at(self.client).swarm.sizes().into_iter().chain([ahead]).collect()
    }

    /// Goes on for so long. What is learned is handed over, and forgotten here.
    pub(crate) fn run(&mut self, time: Duration, mut hear: impl FnMut(At, &Event)) {
        let end = self.world.now + time;
        while self.world.now < end {
            self.turn();
            self.world.run(PACE);
            for (at, event) in self.world.forget(self.client) {
                hear(at, &event);
            }
        }
    }

    fn somewhere(&mut self) -> SocketAddr {
        let address = Ipv4Addr::from(self.random.u32(0x0b00_0000..0x6000_0000));
        SocketAddr::from((address, self.random.u16(1024..)))
    }

    fn turn(&mut self) {
        for _ in 0..4 {
            let other = self.others[self.random.usize(..self.others.len())];
            match self.random.u8(..8) {
                0..=2 => self.world.call(other, self.client),
                3 | 4 => self.world.introduce(self.client, other),
                5 | 6 => {
                    let addr = self.somewhere();
                    self.world.cut(other);
                    self.world.move_to(other, addr);
                    self.world.introduce(self.client, other);
                }
                _ => self.world.cut(other),
            }
        }
        for _ in 0..20 {
            // Nobody is there.
            let source = crate::event::Source::Tracker(crate::event::TrackerKey(0));
            let addr = self.somewhere();
            self.world.tell(self.client, super::super::Input::Learned { addr, source });
        }
        for _ in 0..5 {
            let (addr, cause) = (self.somewhere().ip(), Cause::HandshakeTimeout);
            self.world.tell(self.client, super::super::Input::IncomingFailed { addr, cause });
        }
    }
}
