//! What time brings: queries that are lost, nodes that became doubtful, buckets that nobody changed, no node at all.

use std::time::Duration;

use super::queries::Purpose;
use super::{Action, Dht};
use crate::event::{At, DhtFact, NodeOutcome};

/// Bootstrap addresses that are asked at once.
pub(super) const MOST_BOOTSTRAP: usize = 64;
/// So long kept nodes have to answer before bootstrap nodes are asked.
const KEPT_NODES_ANSWER: Duration = Duration::from_secs(3);
/// From one attempt to bootstrap to the next; twice as long each time, to the longest.
const BOOTSTRAP_AGAIN: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// When bootstrap names are wanted, and when a stranger may be pinged.
#[derive(Debug, Default)]
pub(super) struct Bootstrap {
    /// `None`: nothing has happened yet.
    next: Option<At>,
    pause: Duration,
    /// When the next node that asked us may be pinged.
    pub(super) next_curious: At,
}

impl Dht {
    /// When [`Input::Tick`](super::Input::Tick) is wanted at the latest.
    #[must_use]
    pub fn deadline(&self) -> At {
        let upkeep = self.networks.iter().map(super::Network::deadline);
        let bootstrap = self.bootstrap.next.filter(|_| !self.works());
        let others = [self.queries.deadline(), self.search_deadline(), bootstrap.unwrap_or(At::MAX)];
        upkeep.chain(others).min().unwrap_or(At::MAX)
    }

    /// Does what is due.
    pub(super) fn on_time(&mut self) {
        if self.bootstrap.next.is_none() {
            self.start();
        }
        for awaited in self.queries.take_slow(self.now) {
            if let Purpose::Lookup(key) = awaited.purpose
                && let Some(lookup) = self.lookups.get_mut(&key)
            {
                lookup.slow(awaited.to);
            }
        }
        for awaited in self.queries.take_lost(self.now) {
            self.came_to_nothing(awaited, NodeOutcome::TimedOut);
        }
        self.look_after_tables();
        self.bootstrap_if_wanted();
        self.search();
        for at in 0..self.networks.len() {
            if let Some(fact) = self.networks[at].count(self.now) {
                self.tell(fact);
            }
        }
    }

    fn start(&mut self) {
        let has_kept = self.networks.iter().any(|network| !network.table.is_empty());
        self.bootstrap.next = Some(self.now + if has_kept { KEPT_NODES_ANSWER } else { Duration::ZERO });
        self.bootstrap.pause = BOOTSTRAP_AGAIN;
        for at in 0..self.networks.len() {
            if !self.networks[at].table.is_empty() {
                self.find_neighbours(self.networks[at].family);
            }
        }
    }

    fn look_after_tables(&mut self) {
        for at in 0..self.networks.len() {
            let network = &mut self.networks[at];
            if !network.is_due(self.now) {
                continue;
            }
            let (family, doubtful) = (network.family, network.table.take_doubtful(self.now));
            let stale = network.table.take_stale(self.now, &mut self.rng);
            if let Some(node) = doubtful {
                self.ping(node.addr);
            }
            if let Some(target) = stale {
                self.refresh(family, target);
            }
        }
    }

    /// Whether there is a node that is known to answer.
    fn works(&self) -> bool {
        self.networks.iter().any(|network| network.table.works(self.now))
    }

    fn bootstrap_if_wanted(&mut self) {
        if self.works() {
            self.bootstrap.pause = BOOTSTRAP_AGAIN;
        } else if self.bootstrap.next.is_some_and(|next| next <= self.now) {
            self.bootstrap.next = Some(self.now + self.bootstrap.pause);
            self.bootstrap.pause = (self.bootstrap.pause * 2).min(LONGEST_PAUSE);
            self.tell(DhtFact::BootstrapWanted);
            self.out.push_back(Action::Bootstrap);
        }
    }
}
