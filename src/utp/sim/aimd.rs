//! A flow that gives way to losses alone, as TCP does (RFC 5681 without what makes it quicker).

use std::collections::BTreeSet;
use std::time::Duration;

use super::line::Way;
use super::{ms, secs};
use crate::event::At;

const PACKET_BYTES: u64 = 1500;
const ACK_BYTES: u64 = 40;
const GIVES_UP_AFTER: Duration = secs(1);
/// Acknowledgements of later packets after which one counts as lost.
const OVERTAKEN: u64 = 3;

/// What comes to either end of it.
#[derive(Clone, Copy)]
pub(super) enum Arrival {
    Begin,
    Data(u64),
    Ack(u64),
}

/// The flow: it sends for ever.
pub(super) struct Aimd {
    /// There, and back.
    ways: [usize; 2],
    window: f64,
    threshold: f64,
    in_flight: BTreeSet<u64>,
    next: u64,
    /// Losses of packets before this one were answered for.
    answered: u64,
    heard: At,
    /// Bytes that arrived, with headers.
    pub(super) arrived: u64,
}

impl Aimd {
    pub(super) fn new(ways: [usize; 2]) -> Self {
        Self {
            ways,
            window: 10.0,
            threshold: f64::MAX,
            in_flight: BTreeSet::new(),
            next: 0,
            answered: 0,
            heard: At::ZERO,
            arrived: 0,
        }
    }

    /// Takes what came; tells what comes of it, and when.
    pub(super) fn happen(&mut self, now: At, arrival: Arrival, ways: &mut [Way]) -> Vec<(At, Arrival)> {
        let mut next = Vec::new();
        match arrival {
            Arrival::Begin => {
                if now.saturating_sub(self.heard) >= GIVES_UP_AFTER {
                    self.in_flight.clear();
                    (self.threshold, self.window) = (self.window / 2.0, 2.0);
                    self.heard = now;
                }
                next.push((now + ms(100), Arrival::Begin));
            }
            Arrival::Data(number) => {
                self.arrived += PACKET_BYTES;
                let ack = ways[self.ways[1]].carry_foreign(now, ACK_BYTES);
                next.extend(ack.map(|at| (at, Arrival::Ack(number))));
                return next;
            }
            Arrival::Ack(number) => self.acknowledged(now, number),
        }
        while (self.in_flight.len() as f64) < self.window {
            let arrives = ways[self.ways[0]].carry_foreign(now, PACKET_BYTES);
            next.extend(arrives.map(|at| (at, Arrival::Data(self.next))));
            self.in_flight.insert(self.next);
            self.next += 1;
        }
        next
    }

    fn acknowledged(&mut self, now: At, number: u64) {
        self.heard = now;
        self.in_flight.remove(&number);
        let later = self.in_flight.split_off(&number.saturating_sub(OVERTAKEN));
        let lost = std::mem::replace(&mut self.in_flight, later);
        if lost.iter().any(|number| *number >= self.answered) {
            self.window = (self.window / 2.0).max(2.0);
            (self.threshold, self.answered) = (self.window, self.next);
        } else if self.window < self.threshold {
            self.window += 1.0;
        } else {
            self.window += 1.0 / self.window;
        }
    }
}
