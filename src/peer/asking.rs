//! What we may ask a peer for, what we asked, and what came of it.

use std::collections::BTreeSet;

use super::output::Output;
use super::{Arrival, Fault, News, Window};
use crate::event::{At, Cause};
use crate::metainfo::{BlockRef, Geometry, PieceIndex};
use crate::wire::{BlockSpec, Message};

/// Pieces remembered that the peer sends while it chokes us; far more than anybody names.
const MOST_FAST: usize = 64;

/// Its choke, and the window of our requests.
#[derive(Debug)]
pub(super) struct Asking {
    window: Window,
    am_interested: bool,
    peer_choking: bool,
    /// Pieces that it sends while it chokes us.
    fast_pieces: BTreeSet<PieceIndex>,
    /// Blocks that came and were not told of.
    blocks: usize,
    rejected: Vec<BlockRef>,
    requests: Vec<BlockRef>,
}

impl Asking {
    /// As a connection begins: choked, and not interested.
    pub(super) fn new() -> Self {
        Self {
            window: Window::new(),
            am_interested: false,
            peer_choking: true,
            fast_pieces: BTreeSet::new(),
            blocks: 0,
            rejected: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// The requests that are out, and those that will be.
    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    /// Asks for nothing new while held.
    pub(super) fn hold(&mut self, held: bool) {
        self.window.set_held(held);
    }

    /// It queues `reqq` requests (BEP 10).
    pub(super) fn queues(&mut self, reqq: u32) {
        self.window.set_reqq(reqq);
    }

    /// Bytes of blocks came; of the block that is under way `begun_bytes` are here now.
    pub(super) fn progressed(&mut self, now: At, bytes: u64, begun_bytes: u32) {
        self.window.progressed(now, bytes, begun_bytes);
    }

    /// These blocks may be asked for.
    pub(super) fn grant(&mut self, blocks: Vec<BlockRef>) {
        // A grant that crosses a choke is void: the swarm hears of the choke and counts it as back. But some pieces
        // it sends all the same.
        let may = |block: &BlockRef| !self.peer_choking || self.fast_pieces.contains(&block.piece());
        self.window.grant(blocks.into_iter().filter(may));
    }

    /// These are not asked for any more.
    pub(super) fn revoke(&mut self, now: At, blocks: &[BlockRef], geometry: Geometry, output: &mut Output) {
        for block in self.window.revoke(now, blocks) {
            output.push(&Message::Cancel(spec_of(geometry, block)));
        }
    }

    /// Says whether we are interested, where that changed; whether it did.
    pub(super) fn interested(&mut self, interested: bool, output: &mut Output) -> bool {
        let changed = interested != std::mem::replace(&mut self.am_interested, interested);
        if changed {
            output.push(if interested { &Message::Interested } else { &Message::NotInterested });
        }
        changed
    }

    /// It sends this piece while it chokes us; whether that is news.
    pub(super) fn allowed_fast(&mut self, piece: PieceIndex) -> bool {
        self.fast_pieces.len() < MOST_FAST && self.fast_pieces.insert(piece)
    }

    /// It unchokes us; whether that is news.
    pub(super) fn unchoked(&mut self) -> bool {
        std::mem::replace(&mut self.peer_choking, false)
    }

    /// It chokes us. The blocks that came before are told before.
    pub(super) fn choked(&mut self, now: At, news: &mut Vec<News>) {
        if std::mem::replace(&mut self.peer_choking, true) {
            return;
        }
        news.extend(self.blocks(now));
        self.window.choke(now);
        // They are among what the choke gives back.
        self.rejected.clear();
        news.push(News::Choked);
    }

    /// A whole block came; whether it is of use.
    ///
    /// # Errors
    ///
    /// When the peer sends too much that nobody asked for.
    pub(super) fn block(&mut self, now: At, block: BlockRef) -> Result<bool, Fault> {
        match self.window.received(now, block) {
            Arrival::Requested | Arrival::Late => {
                self.blocks += 1;
                Ok(true)
            }
            Arrival::Again | Arrival::Stray => Ok(false),
            Arrival::Unrequested => {
                let detail = "it sends again and again what it has sent";
                Err(Fault::new(Cause::UnrequestedBlock, detail))
            }
        }
    }

    /// It will not send this block.
    pub(super) fn reject(&mut self, now: At, block: BlockRef) {
        // Of blocks that were cancelled or voided meanwhile nobody waits for news.
        if self.window.reject(now, block) {
            self.rejected.push(block);
        }
    }

    /// Writes down the requests that are due.
    pub(super) fn refill(&mut self, now: At, geometry: Geometry, output: &mut Output) {
        if !self.peer_choking || !self.fast_pieces.is_empty() {
            self.window.refill(now, &mut self.requests);
            for block in self.requests.drain(..) {
                output.push(&Message::Request(spec_of(geometry, block)));
            }
        }
    }

    /// The blocks that came, if any did, with the window after them.
    pub(super) fn blocks(&mut self, now: At) -> Option<News> {
        (self.blocks > 0).then(|| self.report(now))
    }

    /// What was refused, if anything was.
    pub(super) fn rejected(&mut self) -> Option<News> {
        let rejected = std::mem::take(&mut self.rejected);
        (!rejected.is_empty()).then_some(News::Rejected(rejected))
    }

    /// A second went by. The window is told where it owes something, or could ask for more.
    pub(super) fn tick(&mut self, now: At) -> Option<News> {
        self.window.tick(now);
        let tells = !self.window.is_idle() || (!self.peer_choking && self.window.is_short());
        (self.am_interested && tells).then(|| self.report(now))
    }

    fn report(&mut self, now: At) -> News {
        News::Window { blocks: std::mem::take(&mut self.blocks), window: self.window.state(now) }
    }
}

fn spec_of(geometry: Geometry, block: BlockRef) -> BlockSpec {
    BlockSpec { index: block.piece().number(), begin: block.begin(), length: geometry.block_length(block) }
}
