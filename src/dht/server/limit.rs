//! How much is answered: to one address, and to all together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::dht::diversity::one_of;
use crate::event::At;

/// Bytes of answers a second, of all together, and what is saved up of them.
const ANSWERS_BPS: f64 = 16_000.0;
const MOST_SAVED_BYTES: f64 = 48_000.0;
/// Queries of one address in [`WINDOW`]; of more none is answered for [`BLOCKED`].
const MOST_QUERIES: u32 = 100;
const WINDOW: Duration = Duration::from_secs(10);
const BLOCKED: Duration = Duration::from_secs(5 * 60);
/// Addresses whose queries are counted. Those beyond share the bytes of all.
const MOST_ADDRESSES: usize = 2048;

#[derive(Debug)]
struct Counted {
    since: At,
    queries: u32,
    blocked_until: At,
}

/// Counts queries and answers.
#[derive(Debug)]
pub(super) struct Limit {
    bytes: f64,
    filled: At,
    by_address: BTreeMap<SocketAddr, Counted>,
    tidied: At,
}

impl Default for Limit {
    fn default() -> Self {
        Self { bytes: MOST_SAVED_BYTES, filled: At::ZERO, by_address: BTreeMap::new(), tidied: At::ZERO }
    }
}

impl Limit {
    pub(super) fn hears(&mut self, now: At, from: SocketAddr) -> bool {
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.filled = now.max(self.filled);
        self.bytes = (self.bytes + passed * ANSWERS_BPS).min(MOST_SAVED_BYTES);
        self.bytes > 0.0 && self.counts(now, one_of(from))
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes -= bytes as f64;
    }

    fn counts(&mut self, now: At, from: SocketAddr) -> bool {
        if !self.by_address.contains_key(&from) && self.by_address.len() >= MOST_ADDRESSES {
            if self.tidied + WINDOW > now {
                return true;
            }
            self.tidied = now;
            self.by_address.retain(|_, counted| counted.blocked_until > now || counted.since + WINDOW > now);
            if self.by_address.len() >= MOST_ADDRESSES {
                return true;
            }
        }
        let fresh = || Counted { since: now, queries: 0, blocked_until: At::ZERO };
        let counted = self.by_address.entry(from).or_insert_with(fresh);
        if counted.since + WINDOW <= now {
            *counted = Counted { blocked_until: counted.blocked_until, ..fresh() };
        }
        counted.queries += 1;
        if counted.queries > MOST_QUERIES {
            counted.blocked_until = now + BLOCKED;
        }
        counted.blocked_until <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_much_is_not_heard_for_five_minutes() {
        let mut limit = Limit::default();
        let [from, other] = ["203.0.113.1:1", "203.0.113.2:1"].map(|addr| addr.parse().unwrap());
        assert!((0..MOST_QUERIES).all(|_| limit.hears(At::ZERO, from)));
        assert!(!limit.hears(At::ZERO, from) && limit.hears(At::ZERO, other));
        let port: SocketAddr = "203.0.113.1:9".parse().unwrap();
        assert!(!limit.hears(BLOCKED - WINDOW, port) && limit.hears(BLOCKED, port));
    }

    #[test]
    fn all_together_get_so_many_bytes_and_few_addresses_are_counted() {
        let mut limit = Limit::default();
        let mut heard = 0;
        for number in 0..300_000_u32 {
            let now = At::from_micros(u64::from(number) * 100);
            if limit.hears(now, SocketAddr::from((number.to_be_bytes(), 1))) {
                heard += 1;
                limit.sent(500);
            }
        }
        assert!((900..1100).contains(&heard), "{heard} of 300 000 in 30 s");
        assert!(limit.by_address.len() <= MOST_ADDRESSES);
    }
}
