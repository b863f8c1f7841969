//! Connections between nodes: what is on its way, and how long it takes.

use std::time::Duration;

use super::super::ConnKey;
use super::At;
use super::world::NodeKey;

/// One connection.
pub(super) struct Wire {
    /// Both ends: whose, and what the connection is called there.
    pub(super) ends: [(NodeKey, ConnKey); 2],
    pub(super) latency: Duration,
    /// What a line carries in a second, each way.
    bps: u64,
    ways: [Way; 2],
}

/// One direction of it.
#[derive(Clone, Copy, Default)]
struct Way {
    /// Nothing arrives before what was said earlier.
    arrives: At,
    /// When the line has carried what was handed to it.
    free_at: At,
    /// The block that is arriving: when it began to arrive, when it is whole, and its bytes.
    arriving: Option<(At, At, u32)>,
}

impl Wire {
    pub(super) fn new(ends: [(NodeKey, ConnKey); 2], latency: Duration, bps: u64) -> Self {
        Self { ends, latency, bps, ways: [Way::default(); 2] }
    }

    /// When a message handed in now at this end arrives at the other.
    pub(super) fn carry(&mut self, now: At, from: usize) -> At {
        let way = &mut self.ways[from];
        way.arrives = way.arrives.max(now.max(way.free_at) + self.latency);
        way.arrives
    }

    /// A block begins to leave this end, which needs so long for it.
    pub(super) fn begin_block(&mut self, now: At, from: usize, takes: Duration, bytes: u32) {
        self.ways[from].arriving = Some((now + self.latency, now + takes + self.latency, bytes));
    }

    /// The last byte of a block leaves this end; when the block is whole at the other.
    pub(super) fn carry_block(&mut self, now: At, from: usize, bytes: u32) -> At {
        let carried = Duration::from_nanos(u64::from(bytes) * 1_000_000_000 / self.bps.max(1));
        let way = &mut self.ways[from];
        let begins = way.free_at.max(now);
        way.free_at = begins + carried;
        way.arrives = way.arrives.max(way.free_at + self.latency);
        way.arriving = way.arriving.map(|(begins, _, bytes)| (begins, way.arrives, bytes));
        way.arrives
    }

    /// When it takes another block from this end.
    pub(super) fn free_at(&self, from: usize) -> At {
        self.ways[from].free_at
    }

    /// Bytes of an unfinished block that came to this end.
    pub(super) fn begun_bytes(&self, now: At, to: usize) -> u64 {
        match self.ways[1 - to].arriving {
            Some((begins, whole, bytes)) if now > begins && now < whole => {
                let part = (now - begins).as_secs_f64() / (whole - begins).as_secs_f64();
                (f64::from(bytes) * part) as u64
            }
            _ => 0,
        }
    }
}

/// Blocks asked of a node, of all its connections, served in turn.
#[derive(Default)]
pub(super) struct Turns {
    last: Option<ConnKey>,
}

impl Turns {
    /// The next connection after the last one served, of those asked for something, that is ready.
    pub(super) fn next(&mut self, asked: &[ConnKey], ready: impl Fn(ConnKey) -> bool) -> Option<ConnKey> {
        let mut waiting = asked.iter().copied().filter(|conn| ready(*conn));
        let first = waiting.next()?;
        let after = |conn: &ConnKey| self.last.is_none_or(|last| *conn > last);
        let next = std::iter::once(first).chain(waiting).find(after).unwrap_or(first);
        self.last = Some(next);
        Some(next)
    }
}
