//! One connection of a client: its window, what was said on it, what is asked of us.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use super::{At, Bitfield, BlockRef, Cause, Geometry, Message, PieceIndex};
use crate::event::PeerSample;
use crate::peer::{Arrival, Order, Window};

/// As the task of a connection has it: requests we offer to queue, and refusals before it is a flood.
const MOST_QUEUED: usize = 1000;
const MOST_REFUSED: u32 = 2000;
/// Who says nothing for this long is gone.
const IDLE_AFTER: At = At::from_secs(150);

pub(super) struct Conn {
    geometry: Geometry,
    pub(super) addr: SocketAddr,
    pub(super) window: Window,
    pub(super) am_choking: bool,
    am_interested: bool,
    pub(super) peer_choking: bool,
    peer_interested: bool,
    has: Option<Bitfield>,
    held: bool,
    /// Granted and not here yet.
    pub(super) owed: BTreeSet<BlockRef>,
    /// What it asked us for.
    pub(super) asked: VecDeque<BlockRef>,
    refused: u32,
    /// How far it was told what we have.
    pub(super) told: usize,
    heard: At,
    begun_bytes: u64,
    pub(super) down_bytes: u64,
    pub(super) up_bytes: u64,
    sampled: (At, u64, u64),
}

/// What a message means for the decisions.
pub(super) enum Heard {
    Nothing,
    Has(Bitfield),
    Have(Vec<PieceIndex>),
    Choked,
    Unchoked,
    Interested(bool),
    Listens(u16),
    Block(BlockRef, bool),
    Rejected(Vec<BlockRef>),
    /// It broke the protocol.
    Fault(Cause),
}

impl Conn {
    pub(super) fn new(geometry: Geometry, addr: SocketAddr, now: At, told: usize) -> Self {
        Self {
            geometry,
            addr,
            window: Window::new(),
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            has: None,
            held: false,
            owed: BTreeSet::new(),
            asked: VecDeque::new(),
            refused: 0,
            told,
            heard: now,
            begun_bytes: 0,
            down_bytes: 0,
            up_bytes: 0,
            sampled: (now, 0, 0),
        }
    }

    pub(super) fn hear(&mut self, now: At, message: Message, have: &Bitfield) -> Heard {
        self.heard = now;
        match message {
            Message::KeepAlive => Heard::Nothing,
            Message::Has(pieces) => match &mut self.has {
                None => {
                    self.has = Some((*pieces).clone());
                    Heard::Has((*pieces).clone())
                }
                Some(_) => Heard::Nothing,
            },
            Message::Have(pieces) => {
                let has = self.has.get_or_insert_with(|| Bitfield::empty(have.len()));
                let fresh: Vec<PieceIndex> = pieces.into_iter().filter(|piece| has.set(*piece)).collect();
                if fresh.is_empty() { Heard::Nothing } else { Heard::Have(fresh) }
            }
            Message::Listens(port) => Heard::Listens(port),
            Message::Choking(true) if !self.peer_choking => {
                self.peer_choking = true;
                self.window.choke(now);
                self.owed.clear();
                Heard::Choked
            }
            Message::Choking(false) if self.peer_choking => {
                self.peer_choking = false;
                Heard::Unchoked
            }
            Message::Choking(_) => Heard::Nothing,
            Message::Interested(interested) if interested != self.peer_interested => {
                self.peer_interested = interested;
                Heard::Interested(interested)
            }
            Message::Interested(_) => Heard::Nothing,
            Message::Requests(blocks) => self.requests(&blocks, have),
            Message::Cancel(blocks) => {
                self.asked.retain(|block| !blocks.contains(block));
                Heard::Nothing
            }
            Message::Rejects(blocks) => {
                let rejected: Vec<BlockRef> =
                    blocks.into_iter().filter(|block| self.window.reject(now, *block)).collect();
                self.owed.retain(|block| !rejected.contains(block));
                if rejected.is_empty() { Heard::Nothing } else { Heard::Rejected(rejected) }
            }
            Message::Block(block, right) => {
                let length = u64::from(self.geometry.block_length(block));
                self.block(now, length, block, right)
            }
        }
    }

    fn block(&mut self, now: At, length: u64, block: BlockRef, right: bool) -> Heard {
        self.window.progressed(now, length - std::mem::take(&mut self.begun_bytes).min(length), 0);
        match self.window.received(now, block) {
            Arrival::Unrequested => Heard::Fault(Cause::UnrequestedBlock),
            Arrival::Again | Arrival::Stray => Heard::Nothing,
            Arrival::Requested | Arrival::Late => {
                self.owed.remove(&block);
                Heard::Block(block, right)
            }
        }
    }

    fn requests(&mut self, blocks: &[BlockRef], have: &Bitfield) -> Heard {
        for block in blocks {
            if self.am_choking || !have.has(block.piece()) {
                self.refused += 1;
            } else {
                self.asked.push_back(*block);
            }
        }
        let flood = self.asked.len() > MOST_QUEUED || self.refused > MOST_REFUSED;
        if flood { Heard::Fault(Cause::RequestFlood) } else { Heard::Nothing }
    }

    /// Does as it is told; what is to be said comes back. A wish to close is not for here.
    pub(super) fn obey(&mut self, now: At, order: Order) -> Option<Message> {
        match order {
            Order::Grant(blocks) if !self.peer_choking => {
                self.owed.extend(blocks.iter().copied());
                self.window.grant(blocks);
                None
            }
            // None of the simulated ones speaks of them.
            Order::Grant(_) | Order::AllowFast(_) | Order::Close(_) => None,
            Order::Revoke(blocks) => {
                self.owed.retain(|block| !blocks.contains(block));
                let cancel = self.window.revoke(now, &blocks);
                (!cancel.is_empty()).then_some(Message::Cancel(cancel))
            }
            Order::Choke(choking) => {
                self.am_choking = choking;
                if choking {
                    self.asked.clear();
                }
                Some(Message::Choking(choking))
            }
            Order::Interested(interested) => {
                let news = interested != self.am_interested;
                self.am_interested = interested;
                news.then_some(Message::Interested(interested))
            }
            Order::Hold(held) => {
                self.held = held;
                self.window.set_held(held);
                None
            }
        }
    }

    /// The requests that are due.
    pub(super) fn requests_due(&mut self, now: At) -> Option<Message> {
        let mut requests = Vec::new();
        if !self.peer_choking {
            self.window.refill(now, &mut requests);
        }
        (!requests.is_empty()).then_some(Message::Requests(requests))
    }

    /// Whether there is a block to send, and nothing keeps us from it.
    pub(super) fn is_asked(&self) -> bool {
        !self.held && !self.asked.is_empty()
    }

    /// A second went by, in which an unfinished block grew to `begun` bytes. False when the peer has been silent
    /// too long.
    pub(super) fn second(&mut self, now: At, begun: u64) -> Option<PeerSample> {
        self.refused = self.refused.saturating_sub(500);
        let more = begun.saturating_sub(std::mem::replace(&mut self.begun_bytes, begun));
        if more > 0 {
            self.heard = now;
            self.window.progressed(now, more, u32::try_from(begun).unwrap_or(u32::MAX));
        }
        self.window.tick(now);
        let down = self.down_bytes + begun;
        let (at, down_before, up_before) = self.sampled;
        let passed_ms = now.saturating_sub(at).as_millis().max(1) as u64;
        let bps = |bytes: u64| bytes * 1000 / passed_ms;
        self.sampled = (now, down, self.up_bytes);
        let window = self.window.state(now);
        (now.saturating_sub(self.heard) < IDLE_AFTER).then(|| PeerSample {
            down_bps: bps(down.saturating_sub(down_before)),
            up_bps: bps(self.up_bytes - up_before),
            down_bytes: down,
            up_bytes: self.up_bytes,
            requests_out: window.outstanding,
            request_target: window.target,
            oldest_request_ms: window.oldest_request_ms,
            latency_ms: 0,
        })
    }

    /// Whether the torrent task hears of the window though nothing came.
    pub(super) fn is_short(&self) -> bool {
        self.am_interested && (!self.window.is_idle() || (!self.peer_choking && self.window.is_short()))
    }

    pub(super) fn knows(&self, piece: PieceIndex) -> bool {
        self.has.as_ref().is_some_and(|has| has.has(piece))
    }
}
