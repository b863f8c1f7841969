//! The last lookup of a torrent's peers in the DHT, node by node.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::event::validate::{bounded, check, times};
use crate::event::{AnnounceOutcome, At, Invalid, LookupFact, MOST_LOOKUP_NODES, NodeOutcome};

/// A lookup over one family.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LookupRecord {
    /// When it began.
    pub began: At,
    /// Whether it ends with an announce.
    pub announces: bool,
    /// The nodes of which the outcome is known, in the order in which it became known.
    #[serde(deserialize_with = "bounded::<_, _, MOST_LOOKUP_NODES>")]
    pub nodes: Vec<LookupNode>,
    /// When it ended.
    pub ended: Option<At>,
    /// Different peers that were named, once it ended.
    pub peers: u32,
    /// When the next one is due.
    pub next: Option<At>,
}

/// A node that was asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LookupNode {
    /// Where.
    pub addr: SocketAddr,
    /// The length in bits of the distance of its id from the info-hash.
    pub distance_bits: Option<u32>,
    /// Milliseconds from the query to what came.
    pub round_trip_ms: Option<u32>,
    /// Whether its id is none that its public address may have (BEP 42).
    pub lied: bool,
    /// What came.
    pub outcome: NodeOutcome,
    /// What came of the announce, where there was one.
    pub announced: Option<AnnounceOutcome>,
}

impl LookupRecord {
    /// Takes in one step.
    pub(super) fn apply(&mut self, at: At, fact: &LookupFact) {
        match fact {
            LookupFact::Began { family: _, announces } => {
                *self = Self { began: at, announces: *announces, ..Self::default() };
            }
            LookupFact::Node { family: _, addr, distance_bits, round_trip_ms, lied, outcome } => {
                if self.nodes.len() < MOST_LOOKUP_NODES {
                    self.nodes.push(LookupNode {
                        addr: *addr,
                        distance_bits: *distance_bits,
                        round_trip_ms: *round_trip_ms,
                        lied: *lied,
                        outcome: outcome.clone(),
                        announced: None,
                    });
                }
            }
            LookupFact::Announced { family: _, addr, outcome } => {
                let node = self.nodes.iter_mut().find(|node| node.addr == *addr);
                node.into_iter().for_each(|node| node.announced = Some(outcome.clone()));
            }
            LookupFact::Ended { family: _, asked: _, answered: _, peers, next } => {
                (self.ended, self.peers, self.next) = (Some(at), *peers, *next);
            }
        }
    }

    /// Nodes that answered.
    pub fn answered(&self) -> usize {
        self.nodes.iter().filter(|node| matches!(node.outcome, NodeOutcome::Answered { .. })).count()
    }

    /// Holds what a recording says against what any run can have, and makes its texts safe to show.
    pub(super) fn check(&mut self) -> Result<(), Invalid> {
        times([Some(self.began), self.ended, self.next])?;
        for node in &mut self.nodes {
            check(&mut node.outcome, None)?;
            node.announced.as_mut().map_or(Ok(()), |announced| check(announced, None))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Family;

    #[test]
    fn a_lookup_is_known_node_by_node_until_the_next_begins() {
        let addr = |n: u16| SocketAddr::from(([198, 51, 100, 1], n));
        let family = Family::V4;
        let node = |n| LookupFact::Node {
            family,
            addr: addr(n),
            distance_bits: Some(150),
            round_trip_ms: Some(31),
            lied: false,
            outcome: NodeOutcome::Answered { peers: 2, nodes: 8 },
        };
        let mut lookup = LookupRecord::default();
        lookup.apply(At::ZERO, &LookupFact::Began { family, announces: true });
        (0..1000).for_each(|n| lookup.apply(At::ZERO, &node(n)));
        assert_eq!((lookup.nodes.len(), lookup.answered()), (MOST_LOOKUP_NODES, MOST_LOOKUP_NODES));
        lookup.apply(
            At::ZERO,
            &LookupFact::Announced { family, addr: addr(7), outcome: AnnounceOutcome::Stored },
        );
        assert_eq!(lookup.nodes[7].announced, Some(AnnounceOutcome::Stored));
        let (ended, next) = (At::from_secs(3), Some(At::from_secs(900)));
        lookup.apply(ended, &LookupFact::Ended { family, asked: 200, answered: 200, peers: 5, next });
        assert_eq!((lookup.ended, lookup.peers, lookup.next), (Some(ended), 5, next));
        lookup.apply(ended, &LookupFact::Began { family, announces: false });
        assert_eq!(lookup, LookupRecord { began: ended, ..LookupRecord::default() });
    }
}
