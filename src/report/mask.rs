//! How peer addresses are shown: as they are, or, with `--privacy`, under names that tell nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::event::PeerKey;
use crate::ledger::{PeerRecord, View};

/// Names peers, the same peer always the same in one run.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Every address that may stand in a text; `None`: addresses are shown.
    hidden: Option<BTreeMap<SocketAddr, PeerKey>>,
}

impl Mask {
    /// Shows addresses, or hides those of every peer of the view.
    pub fn new(view: &View, privacy: bool) -> Self {
        let addresses = || view.peers.iter().map(|peer| (peer.addr, peer.key)).collect();
        Self { hidden: privacy.then(addresses) }
    }

    /// Whether addresses are hidden.
    pub fn hides(&self) -> bool {
        self.hidden.is_some()
    }

    /// What the peer is called: its address, or `peer-7`.
    pub fn name(&self, peer: &PeerRecord) -> String {
        match self.hidden {
            Some(_) => pseudonym(peer.key),
            None => peer.addr.to_string(),
        }
    }

    /// A sentence without the addresses that stand in it.
    pub fn text(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        // The longest first, as one address may begin like another.
        let mut addresses: Vec<(String, PeerKey)> =
            self.hidden.iter().flatten().map(|(addr, key)| (addr.to_string(), *key)).collect();
        addresses.sort_by_key(|(addr, _)| std::cmp::Reverse(addr.len()));
        for (addr, key) in addresses {
            if shown.contains(&addr) {
                shown = shown.replace(&addr, &pseudonym(key));
            }
        }
        shown
    }
}

fn pseudonym(key: PeerKey) -> String {
    format!("peer-{}", u64::from(key.0) + 1)
}
