//! When which stream is to be looked at: one time each.

use std::collections::BTreeSet;

use super::seq::{Micros, NEVER};

/// The times of all streams.
#[derive(Debug, Default)]
pub(super) struct Timers {
    times: BTreeSet<(Micros, u32)>,
}

impl Timers {
    /// The stream that was to be looked at `set` is to be looked at `wanted`. A later time is not noted before the earlier came:
    /// that saves the work for each packet. Says what is set now.
    pub(super) fn set(&mut self, stream: u32, set: Micros, wanted: Micros) -> Micros {
        if wanted >= set {
            return set;
        }
        self.clear(stream, set);
        self.times.insert((wanted, stream));
        wanted
    }

    /// Nothing is to be done for the stream.
    pub(super) fn clear(&mut self, stream: u32, set: Micros) {
        if set != NEVER {
            self.times.remove(&(set, stream));
        }
    }

    /// The next time.
    pub(super) fn next(&self) -> Option<Micros> {
        self.times.first().map(|(at, _)| *at)
    }

    /// A stream whose time came; none is set for it any more.
    pub(super) fn due(&mut self, now: Micros) -> Option<u32> {
        let first = *self.times.first().filter(|(at, _)| *at <= now)?;
        self.times.remove(&first);
        Some(first.1)
    }
}
