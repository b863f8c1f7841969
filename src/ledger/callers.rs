//! Connections from outside that never shook hands: counted by address and cause, as nobody gets a row for them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::view::FailedCalls;
use crate::event::validate::ensure;
use crate::event::{Cause, Invalid};

/// Addresses that are counted each on its own; the calls of all others are counted together.
const MOST_ADDRESSES: usize = 4096;

/// The counts. `None` stands for all addresses beyond the first 4 096.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Callers {
    addresses: BTreeMap<Option<IpAddr>, BTreeMap<Cause, u32>>,
    #[serde(skip)]
    published: Arc<Vec<FailedCalls>>,
    #[serde(skip)]
    stale: bool,
}

impl Callers {
    pub(super) fn count(&mut self, addr: IpAddr, cause: Cause) {
        let known = self.addresses.contains_key(&Some(addr)) || self.addresses.len() < MOST_ADDRESSES;
        let count = self.addresses.entry(known.then_some(addr)).or_default().entry(cause).or_default();
        *count = count.saturating_add(1);
        self.stale = true;
    }

    /// Holds counts that were read against what counting gives.
    pub(super) fn check(&mut self) -> Result<(), Invalid> {
        ensure(self.addresses.len() <= MOST_ADDRESSES + 1, "more addresses than are counted")?;
        self.stale = true;
        Ok(())
    }

    /// The counts as a view shows them; copied only after they changed.
    pub(super) fn publish(&mut self) -> Arc<Vec<FailedCalls>> {
        if std::mem::take(&mut self.stale) {
            let calls = self.addresses.iter().flat_map(|(addr, causes)| {
                causes.iter().map(|(cause, count)| FailedCalls { addr: *addr, cause: *cause, count: *count })
            });
            self.published = Arc::new(calls.collect());
        }
        Arc::clone(&self.published)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn counts_each_address_and_cause_and_those_beyond_the_most_together() {
        let mut callers = Callers::default();
        let addr = |n: u32| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n));
        callers.count(addr(7), Cause::NotBittorrent);
        for n in 0..5000 {
            callers.count(addr(n), Cause::UnknownInfoHash);
        }
        let calls = callers.publish();
        let of = |addr: Option<IpAddr>| -> Vec<(Cause, u32)> {
            calls.iter().filter(|call| call.addr == addr).map(|call| (call.cause, call.count)).collect()
        };
        assert_eq!(of(Some(addr(7))), [(Cause::NotBittorrent, 1), (Cause::UnknownInfoHash, 1)]);
        assert_eq!(of(Some(addr(4095))), [(Cause::UnknownInfoHash, 1)]);
        assert_eq!(of(None), [(Cause::UnknownInfoHash, 904)]);
        assert_eq!(calls.len(), 4096 + 2);
        assert!(Arc::ptr_eq(&calls, &callers.publish()), "nothing changed, so nothing is copied");
    }
}
