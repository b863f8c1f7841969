//! A line between two endpoints, in virtual time.

use std::collections::BTreeMap;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::time::Duration;

use crate::event::At;
use crate::utp::{Endpoint, Event, Settings, StreamId};

/// One direction.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// How long a packet takes.
    pub(super) delay: Duration,
    /// By how much more at most: packets overtake each other.
    pub(super) jitter: Duration,
    /// Bytes a second.
    pub(super) rate: u64,
    /// How long a packet may wait before others; what would wait longer is dropped.
    pub(super) queue: Duration,
    /// The part of packets that is lost.
    pub(super) loss: f64,
    /// The part that comes twice.
    pub(super) twice: f64,
    /// The longest UDP payload that passes.
    pub(super) mtu: usize,
    /// The line is free from then on.
    pub(super) free: At,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            rate: u64::MAX,
            queue: Duration::from_secs(1),
            loss: 0.0,
            twice: 0.0,
            mtu: 1_472,
            free: At::ZERO,
        }
    }
}

/// Two endpoints, 0 and 1, and what is on its way between them.
pub(super) struct World {
    pub(super) now: At,
    pub(super) ends: [Endpoint; 2],
    pub(super) addrs: [SocketAddr; 2],
    /// From 0 to 1, and back.
    pub(super) ways: [Way; 2],
    pub(super) events: [Vec<(StreamId, Event)>; 2],
    /// Packets that went from each end.
    pub(super) sent: [Vec<Vec<u8>>; 2],
    /// Whether `sent` is kept.
    pub(super) keeps: bool,
    /// What the clock of 1 shows on its packets, by how many were sent before.
    pub(super) clock: Option<fn(u32) -> u32>,
    /// Whether 1 names as many packets as it keeps out of order, and no more, as libtorrent does.
    pub(super) names_few: bool,
    flying: BTreeMap<(At, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    serial: u64,
    pub(super) rng: fastrand::Rng,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        Self::between([settings.clone(), settings])
    }

    pub(super) fn between([one, other]: [Settings; 2]) -> Self {
        Self {
            now: Duration::from_secs(1),
            ends: [Endpoint::new(one, 1), Endpoint::new(other, 2)],
            addrs: ["192.0.2.1:1000".parse().unwrap(), "192.0.2.2:2000".parse().unwrap()],
            ways: [Way::default(), Way::default()],
            events: [Vec::new(), Vec::new()],
            sent: [Vec::new(), Vec::new()],
            keeps: false,
            clock: None,
            names_few: false,
            flying: BTreeMap::new(),
            serial: 0,
            rng: fastrand::Rng::with_seed(3),
        }
    }

    /// Sets both directions.
    pub(super) fn ways(mut self, way: Way) -> Self {
        self.ways = [way.clone(), way];
        self
    }

    /// Puts a packet on the line, from `from`.
    pub(super) fn send(&mut self, from: SocketAddr, to: SocketAddr, packet: &[u8], may_fragment: bool) {
        let Some(end) = self.addrs.iter().position(|addr| *addr == to) else { return };
        let way = &mut self.ways[1 - end];
        if packet.len() > way.mtu && !may_fragment || self.rng.f64() < way.loss {
            return;
        }
        let mut leaves = self.now.max(way.free);
        if leaves - self.now > way.queue {
            return;
        }
        leaves += Duration::from_nanos((packet.len() as u64 + 28) * 1_000_000_000 / way.rate);
        way.free = leaves;
        let jitter = way.jitter.mul_f64(self.rng.f64());
        let times = if self.rng.f64() < way.twice { 2 } else { 1 };
        for _ in 0..times {
            self.serial += 1;
            self.flying.insert((leaves + way.delay + jitter, self.serial), (from, to, packet.to_vec()));
        }
    }

    /// Sends what is due, and says whether there was anything.
    pub(super) fn transmit(&mut self) {
        let mut buffer = Vec::new();
        for end in 0..2 {
            while let Some(transmit) = self.ends[end].transmit(self.now, 44, &mut buffer) {
                assert!(transmit.segment > 0 && buffer.len() <= 65_000);
                assert!(!transmit.may_fragment || transmit.segment == buffer.len());
                for packet in buffer.chunks_mut(transmit.segment) {
                    if let Some(clock) = self.clock.filter(|_| end == 1) {
                        packet[4..8].copy_from_slice(&clock(self.serial as u32).to_be_bytes());
                    }
                    if self.keeps {
                        self.sent[end].push(packet.to_vec());
                    }
                    let mut packet = packet.to_vec();
                    if self.names_few && end == 1 {
                        name_few(&mut packet);
                    }
                    self.send(self.addrs[end], transmit.to, &packet, transmit.may_fragment);
                }
            }
            while let Some(event) = self.ends[end].event() {
                self.events[end].push(event);
            }
        }
    }

    /// Goes on to the next thing that happens; says whether there is one before `until`.
    pub(super) fn step(&mut self, until: At) -> bool {
        self.transmit();
        let arrives = self.flying.keys().next().map(|(at, _)| *at);
        let due = self.ends.iter().filter_map(Endpoint::deadline);
        let Some(next) = arrives.into_iter().chain(due).min().filter(|next| *next <= until) else {
            self.now = until;
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (from, to, packet) = entry.remove();
            if let Some(end) = self.addrs.iter().position(|addr| *addr == to) {
                self.ends[end].hear(self.now, from, &packet);
            }
        }
        for end in &mut self.ends {
            end.flush(self.now);
            end.expire(self.now);
        }
        true
    }

    /// Runs for a time.
    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.transmit();
    }

    /// Runs until something is so; fails where it is not in time.
    #[track_caller]
    pub(super) fn run_until(&mut self, most: Duration, mut done: impl FnMut(&mut Self) -> bool) {
        let until = self.now + most;
        while !done(self) {
            assert!(self.step(until), "not in {most:?}");
        }
    }

    /// A stream from 0 to 1, as each knows it.
    #[track_caller]
    pub(super) fn open(&mut self) -> [StreamId; 2] {
        let to = self.addrs[1];
        let ours = self.ends[0].connect(self.now, to).unwrap();
        let is_accepted = |events: &Vec<(StreamId, Event)>| {
            events.iter().rev().find(|(_, event)| matches!(event, Event::Accepted { .. })).map(|(id, _)| *id)
        };
        let before = is_accepted(&self.events[1]);
        self.run_until(Duration::from_secs(10), |world| {
            world.events[0].contains(&(ours, Event::Connected)) && is_accepted(&world.events[1]) != before
        });
        [ours, is_accepted(&self.events[1]).unwrap()]
    }

    /// All that can be read now.
    pub(super) fn read(&mut self, end: usize, id: StreamId) -> Vec<u8> {
        let mut bytes = vec![0; self.ends[end].readable(id)];
        let mut slices = [IoSliceMut::new(&mut bytes)];
        assert_eq!(self.ends[end].read(self.now, id, &mut slices), slices[0].len());
        bytes
    }

    /// Sends `bytes` bytes from one end to the other, checks each, and says how long that took.
    #[track_caller]
    pub(super) fn transfer(
        &mut self,
        from: usize,
        ids: [StreamId; 2],
        bytes: usize,
        most: Duration,
    ) -> Duration {
        let began = self.now;
        let data: Vec<u8> = (0..bytes).map(pattern).collect();
        let (mut written, mut read) = (0, 0);
        self.run_until(most, |world| {
            written += world.ends[from].write(world.now, ids[from], &data[written..]);
            let came = world.read(1 - from, ids[1 - from]);
            assert_eq!(came, data[read..read + came.len()]);
            read += came.len();
            read == bytes
        });
        self.now - began
    }
}

/// Shortens the selective acknowledgement of a packet, if it has one, to a bit for each packet that it names.
fn name_few(packet: &mut Vec<u8>) {
    const SELECTIVE_ACK: u8 = 1;
    const MASK: usize = 22;
    if packet[1] != SELECTIVE_ACK || packet.len() != MASK + usize::from(packet[MASK - 1]) {
        return;
    }
    let named: u32 = packet[MASK..].iter().map(|byte| byte.count_ones()).sum();
    packet.truncate(MASK + named.div_ceil(8) as usize);
    packet[MASK - 1] = (packet.len() - MASK) as u8;
}

/// The byte at a place of a stream.
pub(super) fn pattern(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 11) as u8
}
