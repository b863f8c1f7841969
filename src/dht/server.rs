//! Answers queries of others: what they may ask, what is kept for them, and how much of it there may be.

mod limit;
mod store;
mod tokens;

use std::net::SocketAddr;

use limit::Limit;
use store::Store;
use tokens::Tokens;

use super::network::Network;
use crate::event::At;
use crate::metainfo::address::{Family, is_allowed, scope_of};
use crate::wire::krpc::{Body, NodeId, Query, Reply, Want, code};

/// Nodes of a family in an answer (BEP 5).
const NODES: usize = 8;

/// Who answers.
#[derive(Debug)]
pub(super) struct Server {
    tokens: Tokens,
    store: Store,
    limit: Limit,
}

impl Server {
    pub(super) fn new(seed: u64) -> Self {
        Self { tokens: Tokens::new(seed), store: Store::default(), limit: Limit::default() }
    }

    /// Whether a query from there is read at all: not where it, or all together, ask for too much.
    pub(super) fn hears(&mut self, now: At, from: SocketAddr) -> bool {
        self.limit.hears(now, from)
    }

    /// Counts an answer of `bytes` against the rate limit.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.limit.sent(bytes);
    }

    /// What is answered to a query that came over a network.
    pub(super) fn answer(
        &mut self,
        now: At,
        from: SocketAddr,
        query: Query,
        own: NodeId,
        networks: &[Network],
        rng: &mut fastrand::Rng,
    ) -> Body {
        let mut reply = Reply::of(own);
        let nodes = |target: &NodeId, want: Want| {
            let wanted = |network: &&Network| wants(want, network.family, from);
            networks
                .iter()
                .filter(wanted)
                .flat_map(|network| network.table.nearest_good(now, target, NODES))
                .collect()
        };
        match query {
            Query::Ping => {}
            Query::FindNode { target, want } => reply.nodes = nodes(&target, want),
            Query::GetPeers { info_hash, want } => {
                reply.nodes = nodes(&info_hash.into(), want);
                reply.token = Some(self.tokens.give(now, from.ip(), info_hash));
                reply.peers = self.store.peers(now, info_hash, Family::of(from.ip()), rng);
            }
            Query::Announce { info_hash, port, implied_port, token } => {
                if !self.tokens.takes(now, from.ip(), info_hash, &token) {
                    return refusal(code::PROTOCOL, "bad token");
                }
                let peer = SocketAddr::new(from.ip(), if implied_port { from.port() } else { port });
                if is_allowed(scope_of(from.ip()), peer, &[]) {
                    self.store.announce(now, info_hash, peer);
                }
            }
            Query::Unknown => return refusal(code::UNKNOWN_METHOD, "method unknown"),
        }
        Body::Reply(reply)
    }
}

/// A refusal in these words.
pub(super) fn refusal(code: i32, text: &str) -> Body {
    Body::Error { code, text: text.to_owned() }
}

fn wants(want: Want, family: Family, from: SocketAddr) -> bool {
    match (want, family) {
        (Want { v4: false, v6: false }, family) => family == Family::of(from.ip()),
        (Want { v4, .. }, Family::V4) => v4,
        (Want { v6, .. }, Family::V6) => v6,
    }
}
