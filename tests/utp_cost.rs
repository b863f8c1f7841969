//! What streams of uTP cost in memory, asked of the allocator. One test, as others beside it would be counted too.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::alloc::System;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use ttui::utp::{Endpoint, Event, Settings, StreamId};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const STREAMS: usize = 3_000;
/// What a stream may cost that nothing goes through, its part of what finds it and of its timers included.
const MOST_IDLE_BYTES: usize = 2_048;
const MIB: usize = 1 << 20;

/// Two endpoints, and nothing between them but half a millisecond.
struct Pair {
    now: Duration,
    ends: [Endpoint; 2],
    addrs: [SocketAddr; 2],
    buffer: Vec<u8>,
    events: Vec<(usize, StreamId, Event)>,
    packets: u64,
}

impl Pair {
    fn new() -> Self {
        Self {
            now: Duration::from_secs(1),
            ends: [1, 2].map(|seed| Endpoint::new(Settings::default(), seed)),
            addrs: ["192.0.2.1:1000", "192.0.2.2:2000"].map(|addr| addr.parse().unwrap()),
            buffer: Vec::new(),
            events: Vec::new(),
            packets: 0,
        }
    }

    /// Carries what each end has to send to the other.
    fn pass(&mut self) {
        self.now += Duration::from_micros(500);
        for from in [0, 1] {
            let mut any = false;
            while let Some(sent) = self.ends[from].transmit(self.now, 44, &mut self.buffer) {
                for packet in self.buffer.chunks(sent.segment) {
                    self.ends[1 - from].hear(self.now, self.addrs[from], packet);
                    self.packets += 1;
                }
                any = true;
            }
            if any {
                self.ends[1 - from].flush(self.now);
            }
        }
        for (number, end) in self.ends.iter_mut().enumerate() {
            if end.deadline().is_some_and(|due| due <= self.now) {
                end.expire(self.now);
            }
            while let Some((id, event)) = end.event() {
                self.events.push((number, id, event));
            }
        }
    }

    /// Streams from the first to the second: as each knows them.
    fn open(&mut self, count: usize) -> Vec<[StreamId; 2]> {
        let mut ours = Vec::new();
        for _ in 0..count {
            ours.push(self.ends[0].connect(self.now, self.addrs[1]).unwrap());
            (0..4).for_each(|_| self.pass());
        }
        let is_accepted = |event: &Event| matches!(event, Event::Accepted { .. });
        let theirs = self.events.iter().filter(|(_, _, event)| is_accepted(event)).map(|(_, id, _)| *id);
        let both: Vec<_> = ours.into_iter().zip(theirs).map(|(ours, theirs)| [ours, theirs]).collect();
        assert_eq!(both.len(), count, "all were accepted");
        self.events.clear();
        both
    }

    /// Sends this many bytes over a stream, and reads them.
    fn transfer(&mut self, ids: [StreamId; 2], bytes: usize, from: &[u8], into: &mut [u8]) {
        let (mut written, mut read) = (0, 0);
        for _ in 0..1_000_000 {
            let part = &from[..from.len().min(bytes - written)];
            written += self.ends[0].write(self.now, ids[0], part);
            self.pass();
            self.events.clear();
            read += self.ends[1].read(self.now, ids[1], &mut [IoSliceMut::new(into)]);
            if read == bytes {
                return;
            }
        }
        panic!("{read} of {bytes} bytes came");
    }
}

#[test]
fn thousands_of_idle_streams_take_2_kib_each_and_a_packet_no_memory() {
    let (from, mut into) = (vec![7; MIB], vec![0; 4 * MIB]);
    let mut pair = Pair::new();
    let region = Region::new(ALLOCATOR);
    let ids = pair.open(STREAMS);
    ids.iter().for_each(|ids| pair.transfer(*ids, 10_000, &from, &mut into));
    // Memory that nobody uses is given back.
    (0..8_000).for_each(|_| pair.pass());
    let used = region.change();
    let each = (used.bytes_allocated - used.bytes_deallocated) / (2 * STREAMS);
    println!("{each} bytes for each end of {STREAMS} idle streams");
    assert!(each <= MOST_IDLE_BYTES, "{each} bytes");

    // The buffers of one stream grow to what they need, and no further.
    pair.transfer(ids[0], 20 * MIB, &from, &mut into);
    let (region, packets) = (Region::new(ALLOCATOR), pair.packets);
    pair.transfer(ids[0], 20 * MIB, &from, &mut into);
    let (allocations, packets) = (region.change().allocations, pair.packets - packets);
    println!("{allocations} allocations for {packets} packets");
    assert!(packets > 10_000 && allocations as u64 * 1_000 < packets, "{allocations} for {packets}");
}
