//! Which blocks are asked of whom.
//!
//! The picker keeps what it needs of every connection ([`Sender`]), every piece that was begun, and the memory that
//! blocks take. It is told what happened, and says what to ask for ([`Picker::poll`]).
//!
//! - Pieces come by how much they are wanted ([`classes`]), and those that are skipped not at all: what is here of such a
//!   one is kept, in case that it is wanted again.
//! - Pieces that were begun are finished before more are begun than the peers need, rarest first, ties at random; the
//!   very first at random, so that there is something to trade early. In order it is the first of all, always.
//! - A quick peer gets pieces of its own, which hash while they grow; slow ones join a piece that is begun.
//! - Where every missing block is asked of somebody, a peer with nothing to do takes over what others would send later
//!   than it would ([`end_game`]).
//! - Memory is charged with blocks that are here and not written, and with what peers send in two seconds. One block a
//!   peer is never refused, and nothing that came is given up.

mod begun;
mod choice;
mod classes;
mod end_game;
mod parole;
mod piece;
mod rarity;
mod request;
mod sender;
mod timeouts;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use self::begun::Begun;
use self::parole::Parole;
use self::rarity::Rarity;
use self::sender::Sender;
use super::{Bucket, ConnKey, Order, WindowState};
use crate::event::{At, BlockRun, PeerKey, PeerSample};
use crate::metainfo::{BLOCK_LENGTH, Bitfield, BlockRef, Geometry, PieceChoice, PieceIndex};

/// Pieces longer than a MiB are written in runs of this many bytes.
pub const RUN_BYTES: u32 = 256 * 1024;
/// Peers so far away that they would run dry get this part of the memory beyond it.
pub(super) const FAR_PART: u64 = 4;
/// Where somebody has nothing to do, how often it is looked for something that others promise too late.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What the picker wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Pick {
    /// Tell the connection.
    Order(ConnKey, Order),
    /// The first block of the piece is asked for.
    Begun(PieceIndex),
    /// Forget what is here of the piece.
    GivenUp(PieceIndex),
}

/// What it knows of each connection.
type Senders = BTreeMap<ConnKey, Sender>;

/// Decides which blocks are asked of whom.
pub(super) struct Picker {
    geometry: Geometry,
    random: fastrand::Rng,
    /// The pieces that nobody began, by how rare they are.
    rarity: Rarity,
    begun: Begun,
    parole: Parole,
    senders: Senders,
    /// How many of them have everything.
    seeds: usize,
    /// Pieces that are here.
    verified: u32,
    /// Whether anything is asked for at all.
    active: bool,
    memory_bytes: u64,
    /// Bytes of memory that what is asked for is charged with.
    charged: u64,
    /// The download limit.
    limit: Bucket,
    /// When the limit lets something be asked for again.
    affordable_at: Option<At>,
    /// When it is looked again for something that others promise too late.
    look_again_at: Option<At>,
    /// What all that can be asked send together, bytes a second, and when that was so.
    rates: (At, u64),
    /// Grows whenever there may be more to pick than before.
    generation: u64,
    /// Connections that would take more than they could be asked for.
    wanting: BTreeSet<ConnKey>,
    /// Everybody who can be asked would, perhaps, and is not named one by one.
    all_may_want: bool,
    /// Something became free since it was last offered to those that want it. Between, offering again is idle work:
    /// once for every report of every peer.
    freed: bool,
    picks: VecDeque<Pick>,
}

impl Picker {
    /// The picker of a torrent of which `have` is here, and whose pieces are wanted so. `memory_bytes` is what may be
    /// charged before no peer is asked for more than one block; `down_bps` the download limit.
    pub(super) fn new(
        geometry: Geometry,
        choice: &PieceChoice,
        have: &Bitfield,
        memory_bytes: u64,
        down_bps: Option<u64>,
        mut random: fastrand::Rng,
    ) -> Self {
        Self {
            rarity: Rarity::new(geometry, choice, have, &mut random),
            begun: Begun::new(geometry),
            parole: Parole::default(),
            senders: BTreeMap::new(),
            seeds: 0,
            verified: have.count(),
            active: false,
            charged: 0,
            limit: Bucket::new(down_bps),
            affordable_at: None,
            look_again_at: None,
            rates: (At::ZERO, 0),
            generation: 0,
            wanting: BTreeSet::new(),
            all_may_want: false,
            freed: false,
            picks: VecDeque::new(),
            geometry,
            random,
            memory_bytes,
        }
    }

    /// What is to be done next.
    pub(super) fn poll(&mut self) -> Option<Pick> {
        self.picks.pop_front()
    }

    /// When [`Self::on_time`] is wanted at the latest.
    pub(super) fn deadline(&self) -> Option<At> {
        let anybody = self.active && self.anybody_wants();
        [self.affordable_at, self.look_again_at].into_iter().flatten().min().filter(|_| anybody)
    }

    /// What follows from what happened, or from time.
    pub(super) fn on_time(&mut self, now: At) {
        let due = [self.affordable_at, self.look_again_at].into_iter().flatten().any(|at| now >= at);
        if self.active && (self.freed || due) {
            self.offer(now);
            // Who lost its last block to another by that comes once more.
            if self.freed {
                self.offer(now);
            }
        }
    }

    /// A second went by.
    pub(super) fn second(&mut self, now: At) {
        self.senders.values_mut().for_each(|sender| sender.forget_old_refusals(now));
        if self.active {
            self.take_from_silent(now);
            self.take_surplus(now);
            self.give_up_silent_alone(now);
            self.hand_on_slow(now);
            self.all_want();
            self.offer(now);
        }
    }

    /// Blocks are asked for from now on, or no more.
    pub(super) fn set_active(&mut self, now: At, active: bool) {
        if active == self.active {
            return;
        }
        self.active = active;
        if active {
            self.begun.touch_all(now);
            self.senders.values_mut().for_each(|sender| sender.progress = now);
            self.all_want();
        } else {
            let all: Vec<ConnKey> = self.senders.keys().copied().collect();
            all.into_iter().for_each(|conn| self.revoke_all(conn));
            self.wanting.clear();
            self.all_may_want = false;
        }
    }

    /// Sets the download limit, bytes a second.
    pub(super) fn set_limit(&mut self, now: At, down_bps: Option<u64>) {
        self.limit.set_rate(now, down_bps);
        self.affordable_at = None;
        self.all_want();
    }

    /// The download limit, bytes a second.
    pub(super) fn limit_bps(&self) -> Option<u64> {
        self.limit.rate_bps()
    }

    /// Brings the download limit to what is this torrent's share of it.
    pub(super) fn adjust_limit(&mut self, now: At, share_bps: u64) {
        if self.limit.rate_bps() == Some(share_bps) {
            return;
        }
        self.limit.adjust_rate(now, share_bps);
        self.affordable_at = None;
        self.all_want();
    }

    /// Sets how much memory may be charged before no peer is asked for more than one block.
    pub(super) fn set_memory(&mut self, memory_bytes: u64) {
        if memory_bytes > self.memory_bytes {
            self.all_want();
        }
        self.memory_bytes = memory_bytes;
    }

    /// How much memory may be charged before no peer is asked for more than one block.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Bytes asked for since this was last asked, and whether more would have been without the limit.
    pub(super) fn take_demand(&mut self) -> (u64, bool) {
        self.limit.take_demand()
    }

    /// A connection is there; nothing can be asked of it yet.
    pub(super) fn joined(&mut self, now: At, conn: ConnKey, peer: PeerKey) {
        self.senders.insert(conn, Sender::new(peer, now));
    }

    /// A line to a web seed is there: it has everything, and is asked for runs.
    pub(super) fn web_seed_joined(&mut self, now: At, conn: ConnKey, peer: PeerKey) {
        self.senders.insert(conn, Sender::web_seed(peer, now));
        self.has(conn, Bitfield::full(self.geometry.piece_count()), 0);
    }

    /// How many blocks a piece has, as a rule.
    pub(super) fn piece_blocks(&self) -> u64 {
        u64::from(self.geometry.piece_bytes().div_ceil(BLOCK_LENGTH))
    }

    /// Whether blocks are asked for at all.
    pub(super) fn is_active(&self) -> bool {
        self.active
    }

    /// How many blocks the connection is asked for.
    pub(super) fn asked_count(&self, conn: ConnKey) -> usize {
        self.senders.get(&conn).map_or(0, |sender| sender.asked.len())
    }

    /// The connection is over.
    pub(super) fn left(&mut self, conn: ConnKey) {
        self.release_all(conn);
        self.wanting.remove(&conn);
        let Some(sender) = self.senders.remove(&conn) else { return };
        self.begun.alone_of(conn).into_iter().for_each(|piece| self.give_up(piece));
        self.seeds -= usize::from(sender.is_seed());
        if let Some(has) = sender.has.filter(|has| !has.is_full()) {
            self.rarity.count(&has, false);
        }
    }

    /// All that the peer has, of which we miss and want `wanted` pieces.
    pub(super) fn has(&mut self, conn: ConnKey, pieces: Bitfield, wanted: u32) {
        if pieces.is_full() {
            self.generation += 1;
            self.seeds += 1;
        } else {
            self.rarity.count(&pieces, true);
        }
        if let Some(sender) = self.senders.get_mut(&conn) {
            (sender.has, sender.wanted) = (Some(pieces), wanted);
        }
    }

    /// The peer has these pieces more; returns those it was not known to have. `missing` tells which of them we miss and
    /// want.
    pub(super) fn have(
        &mut self,
        conn: ConnKey,
        pieces: &[PieceIndex],
        missing: impl Fn(PieceIndex) -> bool,
    ) -> Vec<PieceIndex> {
        let count = self.geometry.piece_count();
        let Some(sender) = self.senders.get_mut(&conn) else { return Vec::new() };
        let has = sender.has.get_or_insert_with(|| Bitfield::empty(count));
        let fresh: Vec<PieceIndex> = pieces.iter().copied().filter(|piece| has.set(*piece)).collect();
        sender.wanted += fresh.iter().filter(|piece| missing(**piece)).count() as u32;
        sender.exhausted_at = None;
        let is_seed_now = has.is_full() && !fresh.is_empty();
        for piece in &fresh {
            self.rarity.gained(*piece);
        }
        if is_seed_now {
            // A peer that has everything is not counted piece by piece.
            self.rarity.count(&Bitfield::full(count), false);
            self.seeds += 1;
        }
        fresh
    }

    /// Whether the peer can be asked, choking aside: we are interested, it is not held, and it stays.
    pub(super) fn set_usable(&mut self, now: At, conn: ConnKey, usable: bool) {
        let Some(sender) = self.senders.get_mut(&conn) else { return };
        let was = std::mem::replace(&mut sender.usable, usable);
        if usable && !was {
            sender.progress = now;
            self.request(now, conn);
        } else if was && !usable {
            self.revoke_all(conn);
            self.wanting.remove(&conn);
        }
    }

    /// The peer chokes us, or no more.
    pub(super) fn choked(&mut self, now: At, conn: ConnKey, choking: bool) {
        if choking {
            self.release_all(conn);
        }
        let Some(sender) = self.senders.get_mut(&conn) else { return };
        (sender.choking, sender.exhausted_at) = (choking, None);
        if !choking {
            sender.progress = now;
            sender.forget_refusals();
        }
        self.request(now, conn);
    }

    /// The peer says that it sends this piece even while it chokes us (BEP 6, allowed fast).
    pub(super) fn allowed_fast(&mut self, now: At, conn: ConnKey, piece: PieceIndex) {
        if let Some(sender) = self.senders.get_mut(&conn) {
            sender.allowed_fast.insert(piece);
            sender.exhausted_at = None;
            self.request(now, conn);
        }
    }

    /// The peer's request window stands so.
    pub(super) fn window(&mut self, now: At, conn: ConnKey, window: WindowState) {
        if let Some(sender) = self.senders.get_mut(&conn) {
            sender.window(now, window);
            self.recharge(conn);
            self.request(now, conn);
        }
    }

    /// One second of the peer.
    pub(super) fn sampled(&mut self, now: At, conn: ConnKey, sample: &PeerSample) {
        if let Some(sender) = self.senders.get_mut(&conn) {
            sender.sampled(now, sample);
            self.recharge(conn);
        }
    }

    /// A block came; whether it was missing. One that is owed no more, for it was taken back before it came, is not taken
    /// where memory is full: no room was kept for it.
    pub(super) fn arrived(&mut self, now: At, conn: ConnKey, block: BlockRef) -> bool {
        let Some(sender) = self.senders.get_mut(&conn) else { return false };
        let owed = sender.forget(block);
        (sender.progress, sender.owes_since, sender.snubbed, sender.sent_block) = (now, None, false, true);
        let peer = sender.peer;
        self.recharge(conn);
        if !owed && !self.has_room_for_one() {
            return false;
        }
        let Some(owners) = self.begun.arrived(block, conn, peer, now) else { return false };
        for other in owners.into_iter().filter(|other| *other != conn) {
            self.revoke(now, other, block);
        }
        true
    }

    /// The peer refuses these blocks.
    pub(super) fn rejected(&mut self, now: At, conn: ConnKey, blocks: &[BlockRef]) {
        if let Some(sender) = self.senders.get_mut(&conn) {
            sender.progress = now;
            // Asking for them again at once would go round for ever.
            blocks.iter().for_each(|block| sender.refused(*block, now));
        }
        self.release(conn, blocks);
        self.disallow_fast(conn, blocks);
        self.hand_on_unsent(now, conn, blocks);
        self.request(now, conn);
    }

    /// A peer that chokes us and refuses blocks of a piece does not send the piece after all.
    fn disallow_fast(&mut self, conn: ConnKey, refused: &[BlockRef]) {
        let Some(sender) = self.senders.get_mut(&conn).filter(|sender| sender.choking) else { return };
        let of_them = |block: &BlockRef| refused.iter().any(|other| other.piece() == block.piece());
        let rest: Vec<BlockRef> = sender.asked.iter().copied().filter(of_them).collect();
        refused.iter().for_each(|block| _ = sender.allowed_fast.remove(&block.piece()));
        if !rest.is_empty() {
            self.release(conn, &rest);
            self.order(conn, Order::Revoke(rest));
        }
    }

    /// Bytes of a piece were written and are out of memory.
    pub(super) fn written(&mut self, piece: PieceIndex, bytes: u64) {
        self.begun.written(piece, bytes);
        self.freed = true;
    }

    /// Begins the pieces that an earlier run has begun; the blocks of one piece stand together.
    pub(super) fn keep(&mut self, now: At, blocks: &[BlockRef]) {
        for blocks in blocks.chunk_by(|one, next| one.piece() == next.piece()) {
            let Some(piece) = blocks.first().map(|block| block.piece()) else { continue };
            if !self.has_begun(piece) {
                self.rarity.remove(piece);
                self.begun.begin(piece, now);
                self.picks.push_back(Pick::Begun(piece));
            }
            self.begun.keep(piece, blocks);
            self.begun.shelve(piece, !self.rarity.is_wanted(piece));
        }
    }

    /// Blocks of a begun piece have to be asked for again.
    pub(super) fn lost(&mut self, piece: PieceIndex, blocks: &[BlockRef]) {
        self.begun.lost(piece, blocks);
        self.all_want();
    }

    /// All blocks of the piece came, and its hash is known. Returns who sent them, in the order of the blocks,
    /// `None` for those of an earlier run; and `None` at all where the piece is not under way.
    pub(super) fn finished(&mut self, piece: PieceIndex, good: bool) -> Option<Vec<Option<PeerKey>>> {
        let senders = self.begun.close(piece)?.senders();
        self.all_want();
        if !good {
            let distinct: BTreeSet<&Option<PeerKey>> = senders.iter().collect();
            if distinct.len() > 1 {
                self.parole.insert(piece);
            }
            self.reopen(piece);
            return Some(senders);
        }
        self.parole.remove(piece);
        self.here(piece);
        Some(senders)
    }

    /// The piece is here: nobody is asked for it any more.
    fn here(&mut self, piece: PieceIndex) {
        self.verified += 1;
        let wanted = self.rarity.is_wanted(piece);
        for sender in self.senders.values_mut().filter(|_| wanted) {
            if sender.has.as_ref().is_some_and(|has| has.has(piece)) {
                sender.wanted = sender.wanted.saturating_sub(1);
            }
        }
    }

    /// The piece turned out to be on the disk; whether it was one that nobody began.
    pub(super) fn found(&mut self, piece: PieceIndex) -> bool {
        let skipped = !self.rarity.is_wanted(piece) && !self.has_begun(piece);
        let was_missing = self.rarity.remove(piece) || skipped;
        if was_missing {
            self.here(piece);
        }
        was_missing
    }

    /// The piece was here, and is no more: it is picked again.
    pub(super) fn lost_whole(&mut self, piece: PieceIndex) {
        self.verified -= 1;
        let wanted = self.rarity.is_wanted(piece);
        for sender in self.senders.values_mut().filter(|_| wanted) {
            if sender.has.as_ref().is_some_and(|has| has.has(piece)) {
                sender.wanted += 1;
                sender.exhausted_at = None;
            }
        }
        self.reopen(piece);
    }

    /// Forgets what is here of a piece; it is picked again.
    pub(super) fn give_up(&mut self, piece: PieceIndex) {
        for (conn, block) in self.begun.asked(piece) {
            if let Some(sender) = self.senders.get_mut(&conn) {
                sender.forget(block);
                self.recharge(conn);
                self.order(conn, Order::Revoke(vec![block]));
            }
        }
        if self.begun.close(piece).is_some() {
            self.picks.push_back(Pick::GivenUp(piece));
            self.reopen(piece);
        }
    }

    /// Forgets every piece of which nothing is here.
    pub(super) fn give_up_empty(&mut self) {
        let empty = self.begun.iter().filter(|(_, begun)| begun.is_empty()).map(|(piece, _)| piece);
        empty.collect::<Vec<_>>().into_iter().for_each(|piece| self.give_up(piece));
    }

    /// Pieces are wanted so from now on; those that are here or skipped are `done_with`. What is asked for of skipped ones
    /// is taken back, and what came of them is kept.
    pub(super) fn choose(&mut self, choice: &PieceChoice, done_with: &Bitfield) {
        let begun: Vec<PieceIndex> = self.begun.iter().map(|(piece, _)| piece).collect();
        let missing = |piece| !done_with.has(piece) && self.begun.get(piece).is_none();
        self.rarity.choose(choice, missing, &mut self.random);
        for piece in begun {
            if self.rarity.is_wanted(piece) { self.begun.shelve(piece, false) } else { self.shelve(piece) }
        }
        for sender in self.senders.values_mut() {
            sender.wanted = sender.has.as_ref().map_or(0, |has| has.count_missing_from(done_with));
        }
        self.generation += 1;
        self.all_want();
    }

    /// Takes back what is asked for of a piece that is not wanted any more.
    fn shelve(&mut self, piece: PieceIndex) {
        let Some(begun) = self.begun.get(piece) else { return };
        // What came of one on parole proves nothing without its sender.
        if begun.missing() > 0 && (begun.is_empty() || begun.alone) {
            return self.give_up(piece);
        }
        self.begun.shelve(piece, true);
        let mut asked: BTreeMap<ConnKey, Vec<BlockRef>> = BTreeMap::new();
        for (conn, block) in self.begun.asked(piece) {
            asked.entry(conn).or_default().push(block);
        }
        for (conn, blocks) in asked {
            self.release(conn, &blocks);
            self.order(conn, Order::Revoke(blocks));
        }
    }

    /// Two rows turned out to be one peer, that of the connection.
    pub(super) fn rename(&mut self, conn: ConnKey, gone: PeerKey, into: PeerKey) {
        self.begun.rename(gone, into);
        if let Some(sender) = self.senders.get_mut(&conn) {
            sender.peer = into;
        }
    }

    /// How the blocks of at most so many pieces stand: of those that changed since, the ones told of longest ago.
    pub(super) fn tell_blocks(&mut self, now: At, most: usize) -> Vec<(PieceIndex, Vec<BlockRun>)> {
        let senders = &self.senders;
        self.begun.emit(now, most, |conn| senders.get(&conn).map(|sender| sender.peer))
    }

    /// Pieces that the peer has and we have not.
    pub(super) fn wanted_of(&self, conn: ConnKey) -> u32 {
        self.senders.get(&conn).map_or(0, |sender| sender.wanted)
    }

    /// How many peers send what we miss, or can be asked for it.
    pub(super) fn useful_count(&self) -> usize {
        self.senders.values().filter(|sender| sender.can_be_asked() && !sender.snubbed).count()
    }

    /// The pieces that the peer has; `None` before it said so.
    pub(super) fn pieces_of(&self, conn: ConnKey) -> Option<&Bitfield> {
        self.senders.get(&conn)?.has.as_ref()
    }

    /// Whether the peer has everything.
    pub(super) fn is_seed(&self, conn: ConnKey) -> bool {
        self.senders.get(&conn).is_some_and(Sender::is_seed)
    }

    /// Since when the peer owes a block: it was asked, and none came.
    pub(super) fn owes_since(&self, conn: ConnKey) -> Option<At> {
        self.senders.get(&conn).and_then(|sender| sender.owes_since)
    }

    /// Whether the piece is under way.
    pub(super) fn has_begun(&self, piece: PieceIndex) -> bool {
        self.begun.get(piece).is_some()
    }

    fn reopen(&mut self, piece: PieceIndex) {
        self.rarity.insert(piece);
        self.generation += 1;
        self.all_want();
    }

    fn order(&mut self, conn: ConnKey, order: Order) {
        self.picks.push_back(Pick::Order(conn, order));
    }

    /// Charges memory anew with what the connection is asked for.
    fn recharge(&mut self, conn: ConnKey) {
        if let Some(sender) = self.senders.get_mut(&conn) {
            let charge = sender.charge_of(sender.asked.len());
            self.charged -= std::mem::replace(&mut sender.charge, charge);
            self.charged += charge;
        }
    }

    /// The connection is asked for the block no more.
    fn revoke(&mut self, now: At, conn: ConnKey, block: BlockRef) {
        if let Some(sender) = self.senders.get_mut(&conn) {
            sender.forget(block);
            // Memory that let it be asked for one block only may let it be asked for another.
            self.freed |= sender.asked.is_empty();
        }
        self.begun.release(block, conn);
        self.recharge(conn);
        self.limit.give_back(self.bytes_of(&[block]));
        self.order(conn, Order::Revoke(vec![block]));
        // It may be idle by that, and quicker than somebody else.
        self.wanting.insert(conn);
        self.look_again(now);
    }

    /// Takes everything back that the connection is asked for, and tells it.
    fn revoke_all(&mut self, conn: ConnKey) {
        let blocks = self.release_all(conn);
        if !blocks.is_empty() {
            self.order(conn, Order::Revoke(blocks));
        }
    }

    /// Takes everything back that the connection is asked for.
    fn release_all(&mut self, conn: ConnKey) -> Vec<BlockRef> {
        let Some(sender) = self.senders.get_mut(&conn) else { return Vec::new() };
        let blocks: Vec<BlockRef> = std::mem::take(&mut sender.asked).into();
        self.release(conn, &blocks);
        blocks
    }

    /// The connection is asked for these blocks no more.
    fn release(&mut self, conn: ConnKey, blocks: &[BlockRef]) {
        for block in blocks {
            if let Some(sender) = self.senders.get_mut(&conn) {
                sender.forget(*block);
            }
            self.begun.release(*block, conn);
        }
        self.recharge(conn);
        self.limit.give_back(self.bytes_of(blocks));
        if !blocks.is_empty() {
            self.all_want();
        }
    }

    fn bytes_of(&self, blocks: &[BlockRef]) -> u64 {
        blocks.iter().map(|block| u64::from(self.geometry.block_length(*block))).sum()
    }
}

#[cfg(test)]
mod invariants;
#[cfg(test)]
mod tests;
