//! Asking a peer for blocks: how many, and when.

use std::ops::Bound;
use std::time::Duration;

use super::end_game::{EndGame, Offer};
use super::piece::Piece;
use super::sender::Sender;
use super::{At, BLOCK_LENGTH, BlockRef, ConnKey, FAR_PART, LOOK_AGAIN, Order, Picker, PieceIndex};

/// Blocks asked of a peer whose rate is not known yet, where memory is plenty.
const FIRST_BLOCKS: u32 = 128;
/// Blocks a slow peer is asked for: one under way, and one that it sends next.
const LEAST_BLOCKS: u32 = 2;
/// Blocks that a peer is asked for while it chokes us.
const MOST_WHILE_CHOKED: u32 = 32;
/// The most blocks that one peer is asked for.
const MOST_BLOCKS: u32 = 2048;
/// The fewest blocks that a quick peer is asked for at a time.
const LOT: u32 = 16;
/// How long the sum of all rates holds.
const RATES_HOLD: Duration = Duration::from_millis(200);

const BLOCK: u64 = BLOCK_LENGTH as u64;

impl Picker {
    /// Asks the connection for blocks until it has as many as it can use.
    pub(in crate::swarm) fn request(&mut self, now: At, conn: ConnKey) {
        self.wanting.remove(&conn);
        let Some(sender) = self.senders.get(&conn) else { return };
        if !self.active || !sender.can_be_asked() || sender.by_runs {
            return;
        }
        let (has, target) = (sender.asked.len() as u32, sender.window.target);
        let (waits_for_disk, by_lots) = (self.is_to_wait(sender), sender.takes_lots());
        self.know_rates(now);
        let ahead = self.ahead(conn);
        // A request is worth a message when a quarter is used up, or all; a lot is asked for whole.
        let worth = if by_lots && ahead <= LOT { ahead } else { ahead.div_ceil(4) };
        if has >= ahead || (has > 0 && ahead - has < worth) {
            return;
        }
        // Memory comes back block by block; what is out keeps the peer busy until there is enough of it for a message.
        let waits = if has > 0 { has >= target.min(ahead).div_ceil(2) } else { waits_for_disk };
        if waits && self.room(conn) < worth.min(LOT) {
            self.wanting.insert(conn);
            return;
        }
        let most = self.affordable(now, ahead - has);
        let mut asked = self.ask_free(now, conn, most);
        if asked.is_empty() && most > 0 {
            asked = self.take_over(now, conn, most);
        }
        let Some(sender) = self.senders.get(&conn) else { return };
        if (sender.asked.len() as u32) < ahead.min(target.max(1)) {
            self.wanting.insert(conn);
        }
        self.grant(now, conn, asked);
    }

    fn grant(&mut self, now: At, conn: ConnKey, asked: Vec<BlockRef>) {
        let Some(sender) = self.senders.get_mut(&conn).filter(|_| !asked.is_empty()) else { return };
        sender.owes_since.get_or_insert(now);
        // Asked for only when something was left, so this cannot fail; what is asked of two is paid for too.
        let _ = self.limit.take(now, self.bytes_of(&asked));
        self.affordable_at = self.limit.take(now, 0).err();
        self.order(conn, Order::Grant(asked));
    }

    /// Asks a web seed for a run of at most `most` blocks, whole pieces that follow each other where there are any: first
    /// those that fewest peers have, or `in_order` the first of all. Where nothing is free, for what others promise
    /// later than it would send it. Returns how many bytes it is asked for.
    pub(in crate::swarm) fn request_run(&mut self, now: At, conn: ConnKey, most: u32, in_order: bool) -> u64 {
        if !self.active || !self.senders.get(&conn).is_some_and(Sender::can_be_asked) {
            return 0;
        }
        self.know_rates(now);
        let most = most.min(self.ahead(conn).max(1)).min(self.room(conn));
        // A request for what passes in a second, rather than ten in which a little passes.
        let most = match self.limit.rate_bps() {
            Some(_) if self.affordable(now, 1) == 0 => 0,
            Some(bps) => most.min(u32::try_from(bps / BLOCK).unwrap_or(u32::MAX).max(1)),
            None => most,
        };
        if most == 0 {
            return 0;
        }
        let mut asked = self.ask_run(now, conn, most, in_order);
        if asked.is_empty() {
            asked = self.take_over(now, conn, most);
        }
        let bytes = self.bytes_of(&asked);
        self.grant(now, conn, asked);
        bytes
    }

    /// Asks the web seed for free blocks that follow each other.
    fn ask_run(&mut self, now: At, conn: ConnKey, most: u32, in_order: bool) -> Vec<BlockRef> {
        let Some((mut piece, begins)) = self.run_start(conn, in_order) else { return Vec::new() };
        let mut asked: Vec<BlockRef> = Vec::new();
        let class = self.rarity.classes.of(piece);
        if begins {
            self.begin_piece(now, conn, piece, true);
        }
        loop {
            let left = most - asked.len() as u32;
            let free = self.begun.get(piece).map_or(0, Piece::first_free_run);
            let blocks = self.begun.ask(piece, conn, left.min(free), |_| false);
            let whole = blocks.last().is_some_and(|last| last.number() + 1 == self.geometry.blocks_in(piece));
            asked.extend(blocks);
            let next = self.geometry.piece(piece.number() + 1).filter(|next| {
                let fits = most - asked.len() as u32 >= self.geometry.blocks_in(*next);
                whole && fits && self.rarity.has(*next) && self.rarity.classes.of(*next) == class
            });
            let Some(next) = next else { break };
            self.begin_piece(now, conn, next, true);
            piece = next;
        }
        if let Some(sender) = self.senders.get_mut(&conn) {
            sender.current = Some(piece);
        }
        self.note_asked(now, conn, &asked);
        asked
    }

    /// The piece that a run begins in, and whether that begins the piece: one that the web seed is amid, the rarest that
    /// nobody began, or one that others left behind.
    fn run_start(&self, conn: ConnKey, in_order: bool) -> Option<(PieceIndex, bool)> {
        let sender = self.senders.get(&conn)?;
        let has = sender.has.as_ref()?;
        let amid = sender.current.filter(|piece| self.goes_on(conn, *piece)).map(|piece| (piece, false));
        let fresh = |class| match in_order {
            true => self.rarity.first_of(class),
            false => self.rarity.rarest(class, has, true, sender.current),
        };
        let fresh = || self.rarity.classes.each().find_map(fresh).map(|piece| (piece, true));
        let left = |any| {
            let joined = |class| self.join(conn, class, any);
            self.rarity.classes.each().find_map(joined).map(|piece| (piece, false))
        };
        let crowded = self.begun.count_with_free() > self.senders.len();
        let first = if crowded { left(false) } else { None };
        amid.or(first).or_else(fresh).or_else(|| left(false)).or_else(|| left(true))
    }

    /// Asks for blocks that nobody is asked for.
    fn ask_free(&mut self, now: At, conn: ConnKey, most: u32) -> Vec<BlockRef> {
        let mut asked = Vec::new();
        let sends = |sender: &&Sender| sender.can_be_asked() && sender.sent_block;
        let down_bps = self.senders.get(&conn).map_or(0, |sender| sender.window.down_bps);
        let side_by_side = self.begun.side_by_side(down_bps, || self.senders.values().filter(sends).count());
        while (asked.len() as u32) < most {
            let left = (most - asked.len() as u32).min(self.room(conn));
            if left == 0 {
                break;
            }
            let Some(piece) = self.next_piece(now, conn, side_by_side) else { break };
            let turn = if side_by_side > 1 { self.begun.left_of_turn(piece) } else { left };
            let Some(sender) = self.senders.get_mut(&conn) else { break };
            let blocks = self.begun.ask(piece, conn, left.min(turn), |block| sender.refuses(block));
            if blocks.is_empty() {
                break;
            }
            sender.current = Some(piece);
            self.note_asked(now, conn, &blocks);
            asked.extend(blocks);
        }
        asked
    }

    /// Asks the connection for up to `most` blocks that others are asked for and promise later than it would send them.
    fn take_over(&mut self, now: At, conn: ConnKey, most: u32) -> Vec<BlockRef> {
        let room = self.room(conn);
        let Some(sender) = self.senders.get_mut(&conn) else { return Vec::new() };
        if sender.looked_at.is_some_and(|at| now < at + LOOK_AGAIN / 4) {
            self.look_again(now);
            return Vec::new();
        }
        sender.looked_at = Some(now);
        // One block shows how quick a peer is of which nothing is known.
        let most = if sender.rate() == 0 { most.min(room).min(1) } else { most.min(room) };
        let mut taken = Vec::new();
        while (taken.len() as u32) < most
            && let Some(Offer { block, from, under_way }) = self.end_game(now, conn).latest(taken.len())
        {
            // Nobody is left without it for a moment: what is revoked is asked for already.
            self.begun.ask_too(block, conn);
            let gives_it = if under_way { self.end_game(now, conn).slowest(block) } else { Some(from) };
            gives_it.into_iter().for_each(|from| self.revoke(now, from, block));
            taken.push(block);
        }
        taken.sort_unstable();
        self.note_asked(now, conn, &taken);
        if taken.is_empty() {
            self.look_again(now);
        }
        taken
    }

    fn end_game(&self, now: At, conn: ConnKey) -> EndGame<'_> {
        EndGame { now, conn, senders: &self.senders, begun: &self.begun }
    }

    /// Looks again soon for what others promise too late.
    pub(super) fn look_again(&mut self, now: At) {
        let at = now + LOOK_AGAIN;
        self.look_again_at = Some(self.look_again_at.map_or(at, |known| known.min(at)));
    }

    /// The connection is asked for these blocks, behind those before.
    fn note_asked(&mut self, now: At, conn: ConnKey, blocks: &[BlockRef]) {
        if let Some(sender) = self.senders.get_mut(&conn) {
            if sender.asked.is_empty() {
                sender.progress = now;
            }
            sender.asked.extend(blocks);
            self.recharge(conn);
        }
    }

    /// Blocks that memory lets the connection be asked for: one always, unless the disk does not keep up with what came, or
    /// is about to give back what a quick peer is worth asking for.
    fn room(&self, conn: ConnKey) -> u32 {
        let Some(sender) = self.senders.get(&conn) else { return 0 };
        let beyond = if sender.runs_dry() { self.memory_bytes / FAR_PART } else { 0 };
        let left = (self.memory_bytes + beyond).saturating_sub(self.charged + self.begun.unwritten());
        let blocks = u32::try_from(left / BLOCK).unwrap_or(u32::MAX);
        let alone = sender.asked.is_empty() && !self.is_to_wait(sender);
        blocks.max(u32::from(alone))
    }

    /// Whether a peer that was asked for nothing waits for memory, too: what is written next makes room.
    pub(super) fn is_to_wait(&self, sender: &Sender) -> bool {
        let behind = self.begun.unwritten() >= self.memory_bytes;
        behind || (self.begun.in_hand() > 0 && sender.takes_lots())
    }

    /// Whether memory has room for a block for which none was kept.
    pub(super) fn has_room_for_one(&self) -> bool {
        self.charged + self.begun.unwritten() + BLOCK <= self.memory_bytes + self.memory_bytes / FAR_PART
    }

    /// Whether memory lets nobody be asked for more than one block.
    fn is_full(&self) -> bool {
        self.charged + self.begun.unwritten() + BLOCK > self.memory_bytes
    }

    /// Blocks a connection should be asked for: twice what its window wants out, or, while that is unknown, an equal
    /// share of memory.
    pub(super) fn ahead(&self, conn: ConnKey) -> u32 {
        let Some(sender) = self.senders.get(&conn) else { return 0 };
        if sender.snubbed {
            // A peer that chokes us and does not send what it names holds nothing up.
            return u32::from(!sender.choking);
        }
        if sender.rate() == 0 {
            let share = self.memory_bytes / BLOCK / (self.senders.len() as u64 + 1);
            let most = if sender.choking { MOST_WHILE_CHOKED } else { FIRST_BLOCKS };
            return u32::try_from(share).unwrap_or(u32::MAX).clamp(4, most);
        }
        let target = sender.window.target;
        if sender.choking {
            return target.clamp(LEAST_BLOCKS, MOST_WHILE_CHOKED);
        }
        if target <= LEAST_BLOCKS {
            return LEAST_BLOCKS;
        }
        let least = if sender.takes_lots() { LOT } else { LEAST_BLOCKS };
        (target * 2).min(self.fair_share(sender)).clamp(least, MOST_BLOCKS)
    }

    /// The peer's share of memory in blocks, by its rate among all that can be asked: where memory is short, the
    /// first to come must not leave nothing to the others. A peer that shows no rate yet counts as an average one.
    fn fair_share(&self, sender: &Sender) -> u32 {
        // The sum may be older than the rate.
        let all = self.rates.1.max(sender.rate()).max(1);
        let bytes = u128::from(self.memory_bytes) * u128::from(sender.rate()) / u128::from(all);
        u32::try_from(bytes / u128::from(BLOCK_LENGTH)).unwrap_or(u32::MAX)
    }

    /// Sums up the rates of all, unless that was done lately: once for every report of every peer is too often.
    pub(super) fn know_rates(&mut self, now: At) {
        let (at, all) = self.rates;
        if all == 0 || now.saturating_sub(at) >= RATES_HOLD {
            self.rates = (now, self.all_rates());
        }
    }

    fn all_rates(&self) -> u64 {
        let (mut rates, mut known, mut unknown) = (0, 0, 0);
        for sender in self.senders.values().filter(|sender| sender.can_be_asked() && !sender.snubbed) {
            let rate = sender.rate();
            rates += rate;
            known += u64::from(rate > 0);
            unknown += u64::from(rate == 0);
        }
        rates + rates / known.max(1) * unknown
    }

    /// How many of `blocks` the download limit lets us ask for now.
    pub(super) fn affordable(&mut self, now: At, blocks: u32) -> u32 {
        let Some(left) = self.limit.left(now) else { return blocks };
        self.affordable_at = self.limit.take(now, 0).err();
        if self.affordable_at.is_some() {
            return 0;
        }
        let blocks_left = u32::try_from(left / BLOCK).unwrap_or(u32::MAX);
        blocks.min(blocks_left.max(1))
    }

    /// Something became free: all that can be asked may want it.
    pub(super) fn all_want(&mut self) {
        (self.freed, self.all_may_want) = (true, true);
    }

    /// Names those that may want something one by one.
    fn name_wanting(&mut self) {
        if std::mem::take(&mut self.all_may_want) {
            let asked = self.senders.iter().filter(|(_, sender)| sender.can_be_asked());
            self.wanting.extend(asked.map(|(conn, _)| *conn));
        }
    }

    /// Whether anybody may want more than it is asked for.
    pub(super) fn anybody_wants(&self) -> bool {
        self.all_may_want || !self.wanting.is_empty()
    }

    /// The connection is offered nothing until something becomes free again.
    pub(super) fn satisfied(&mut self, conn: ConnKey) {
        self.name_wanting();
        self.wanting.remove(&conn);
    }

    /// Offers what is free to those that could not be asked for enough before.
    pub(super) fn offer(&mut self, now: At) {
        self.freed = false;
        self.look_again_at = None;
        if !self.anybody_wants() || self.affordable(now, 1) == 0 {
            return;
        }
        self.name_wanting();
        // A peer that sends comes before those that were asked and did not: the last blocks must not go round among the
        // silent.
        for silent in [false, true] {
            let mut after = Bound::Unbounded;
            while let Some(&conn) = self.wanting.range((after, Bound::Unbounded)).next() {
                after = Bound::Excluded(conn);
                let sender = self.senders.get(&conn);
                // Where many wait for memory, most get none: looking for something for each costs too much.
                if self.is_full() && sender.is_some_and(|sender| !sender.asked.is_empty()) {
                    continue;
                }
                if sender.is_some_and(|sender| sender.snubbed) == silent {
                    self.wanting.remove(&conn);
                    self.request(now, conn);
                }
            }
        }
    }
}
