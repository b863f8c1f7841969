//! A node that answers, and lies.

use std::net::SocketAddr;

use super::TORRENT;
use crate::wire::krpc::{Body, Message, NodeId, NodeInfo, Query, Reply};

/// How it lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lie {
    /// Names nobody but itself.
    Itself,
    /// Names more nodes than any node knows, none of which exists.
    TenThousand,
    /// Answers under another transaction id.
    Transaction,
    /// Answers from another port.
    Port,
    /// Names nodes and peers of the machine that asks.
    Loopback,
    /// Has another id in every answer.
    Id,
    /// Refuses everything.
    Error,
    /// Sends what is no message.
    Garbage,
    /// Names nodes that do not exist as the nearest there are, and tells a false address of who asks.
    Nearest,
    /// Says nothing.
    Silence,
}

const LIES: [Lie; 10] = [
    Lie::Itself,
    Lie::TenThousand,
    Lie::Transaction,
    Lie::Port,
    Lie::Loopback,
    Lie::Id,
    Lie::Error,
    Lie::Garbage,
    Lie::Nearest,
    Lie::Silence,
];

pub(super) struct Liar {
    addr: SocketAddr,
    id: NodeId,
    lie: Lie,
}

fn near(rng: &mut fastrand::Rng) -> NodeId {
    let mut id = TORRENT.0;
    id[10..].fill_with(|| rng.u8(..));
    NodeId(id)
}

impl Liar {
    /// Its id is as near to the torrent as any.
    pub(super) fn new(number: usize, addr: SocketAddr, rng: &mut fastrand::Rng) -> Self {
        Self { addr, id: near(rng), lie: LIES[number % LIES.len()] }
    }

    /// From where it answers, and what.
    pub(super) fn answer(
        &mut self,
        asker: SocketAddr,
        bytes: &[u8],
        rng: &mut fastrand::Rng,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let asked = Message::decode(bytes).ok()?;
        let Body::Query { query, .. } = asked.body else { return None };
        let mut reply = Reply::of(self.id);
        // A ping it answers as it should, or nobody would know it.
        let lie = if query == Query::Ping { None } else { Some(self.lie) };
        let mut transaction = asked.transaction;
        let mut from = self.addr;
        let mut seen_at = asker;
        let any = |rng: &mut fastrand::Rng| SocketAddr::from(([12, rng.u8(..), rng.u8(..), rng.u8(..)], 1));
        match lie {
            None => {}
            Some(Lie::Itself) => reply.nodes = vec![NodeInfo { id: self.id, addr: self.addr }; 8],
            Some(Lie::TenThousand) => {
                reply.nodes = (0..2400).map(|_| NodeInfo { id: near(rng), addr: any(rng) }).collect();
            }
            Some(Lie::Transaction) => transaction.reverse(),
            Some(Lie::Port) => from.set_port(1),
            Some(Lie::Loopback) => {
                let addr = SocketAddr::from(([127, 0, 0, 1], 6881));
                reply.nodes = vec![NodeInfo { id: near(rng), addr }];
                reply.peers = vec![addr];
            }
            Some(Lie::Id) => reply.id = near(rng),
            Some(Lie::Error) => {
                let body = Body::Error { code: 202, text: "no\u{1b}[2J".into() };
                return Some((from, Message { transaction, seen_at: None, read_only: false, body }.encode()));
            }
            Some(Lie::Garbage) => return Some((from, b"d1:rd2:idi1ee1:t".to_vec())),
            Some(Lie::Nearest) => {
                reply.nodes = (0..8).map(|_| NodeInfo { id: near(rng), addr: any(rng) }).collect();
                seen_at = any(rng);
            }
            Some(Lie::Silence) => return None,
        }
        let message =
            Message { transaction, seen_at: Some(seen_at), read_only: false, body: Body::Reply(reply) };
        Some((from, message.encode()))
    }
}
