//! What is asked of whom: granting blocks ahead of need.

use std::ops::Bound;
use std::time::Duration;

use super::live::Live;
use super::pieces::Arrived;
use super::{ConnKey, Order, Phase, Swarm};
use crate::event::{At, Event};
use crate::metainfo::{BLOCK_LENGTH, BlockRef, PieceIndex};

/// Blocks granted to a peer whose rate is not known yet, where memory is plenty.
const FIRST_GRANT: u32 = 128;
/// A peer is quick for a piece if it can send it whole within this time.
const QUICK: Duration = Duration::from_secs(20);
/// How long the sum of all rates holds.
const RATES_HOLD: Duration = Duration::from_millis(200);
/// Blocks asked of a second peer at a time, at the end of a download.
const SHARED_AT_ONCE: usize = 8;
/// What a peer will have sent within this time nobody else is asked for: it would come twice, and no sooner.
const SOON: Duration = Duration::from_millis(20);

impl Swarm {
    /// A block came from the connection. True if it was missing: its bytes belong to the piece then.
    pub fn block_arrived(&mut self, now: At, conn: ConnKey, block: BlockRef) -> bool {
        let length = u64::from(self.geometry.block_length(block));
        self.down_bytes += length;
        let Some(live) = self.live.get_mut(&conn) else { return false };
        live.blocks.remove(&block);
        live.progress = now;
        (live.used, live.sent_at, live.owes_since) = (now, now, None);
        live.snubbed = false;
        let (peer, first) = (live.peer, !live.sent_block);
        live.sent_block = true;
        if first {
            self.tell(now, Event::FirstBlock { peer });
        }
        match self.open.arrived(block, conn, peer, now) {
            Arrived::Useless => false,
            Arrived::Wanted { cancel } => {
                for other in cancel {
                    if let Some(live) = self.live.get_mut(&other) {
                        live.blocks.remove(&block);
                        self.order(other, Order::Revoke(vec![block]));
                    }
                }
                true
            }
        }
    }

    /// Grants the connection blocks until it has as many as it can use.
    pub(super) fn refill(&mut self, now: At, conn: ConnKey) {
        self.hungry.remove(&conn);
        let Some(live) = self.live.get(&conn) else { return };
        if live.peer_choking {
            return self.refill_choked(now, conn);
        }
        if self.phase != Phase::Downloading || self.leaving || !live.can_be_asked() {
            return;
        }
        let has = live.blocks.len() as u32;
        self.know_rates(now);
        let ahead = self.ahead(conn);
        // A refill is worth a message when a quarter is used up, or all.
        if has >= ahead || (has > 0 && ahead - has < ahead.div_ceil(4)) {
            return;
        }
        let mut left = self.affordable(now, ahead - has);
        let mut granted = Vec::new();
        let side_by_side = self.side_by_side(conn);
        while left > 0 {
            let Some(piece) = self.next_piece(now, conn, side_by_side) else { break };
            let turn = if side_by_side > 1 { self.open.left_of_turn(piece) } else { left };
            let blocks = self.open.grant(piece, conn, left.min(turn));
            if blocks.is_empty() {
                break;
            }
            left -= blocks.len() as u32;
            granted.extend(blocks);
            if let Some(live) = self.live.get_mut(&conn) {
                live.current = Some(piece);
            }
        }
        if granted.is_empty() && has == 0 && left > 0 {
            granted = self.share(now, conn);
        }
        let Some(live) = self.live.get_mut(&conn) else { return };
        if live.blocks.is_empty() {
            live.progress = now;
        }
        if !granted.is_empty() {
            live.owes_since.get_or_insert(now);
        }
        live.blocks.extend(granted.iter().copied());
        if (live.blocks.len() as u32) < ahead.min(live.window.target.max(1)) {
            self.hungry.insert(conn);
        }
        if !granted.is_empty() {
            // Asked for only when something was left, so this cannot fail; a shared block is paid for too.
            let _ = self.down_bucket.take(now, self.bytes_of(&granted));
            self.grant_at = self.down_bucket.take(now, 0).err();
            self.order(conn, Order::Grant(granted));
        }
    }

    /// Blocks a connection should hold: twice what its window wants out, or, while that is unknown, an equal
    /// share of memory.
    pub(super) fn ahead(&self, conn: ConnKey) -> u32 {
        let Some(live) = self.live.get(&conn) else { return 0 };
        if live.snubbed {
            return 1;
        }
        let share = self.open.high_mark() / u64::from(BLOCK_LENGTH) / (self.live.len() as u64 + 1);
        if live.window.down_bps == 0 {
            return u32::try_from(share).unwrap_or(u32::MAX).clamp(4, FIRST_GRANT);
        }
        (live.window.target * 2).min(self.fair_share(live)).clamp(4, 2048)
    }

    /// The peer's share of memory in blocks, by its rate among all that can be asked: where memory is short, the
    /// first to come must not leave nothing to the others. Who shows no rate yet counts as an average peer.
    fn fair_share(&self, live: &Live) -> u32 {
        let (_, all) = self.rates;
        let bytes =
            u128::from(self.open.high_mark()) * u128::from(live.window.down_bps) / u128::from(all.max(1));
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
        for other in self.live.values().filter(|other| other.can_be_asked() && !other.snubbed) {
            let rate = other.window.down_bps;
            rates += rate;
            known += u64::from(rate > 0);
            unknown += u64::from(rate == 0);
        }
        rates + rates / known.max(1) * unknown
    }

    /// How many of `blocks` the download limit lets us ask for now.
    pub(super) fn affordable(&mut self, now: At, blocks: u32) -> u32 {
        let Some(left) = self.down_bucket.left(now) else { return blocks };
        self.grant_at = self.down_bucket.take(now, 0).err();
        if self.grant_at.is_some() {
            return 0;
        }
        let blocks_left = u32::try_from(left / u64::from(BLOCK_LENGTH)).unwrap_or(u32::MAX);
        blocks.min(blocks_left.max(1))
    }

    /// The piece to grant the connection's next blocks from; opens one where that is best.
    fn next_piece(&mut self, now: At, conn: ConnKey, side_by_side: usize) -> Option<PieceIndex> {
        let current = self.live.get(&conn)?.current.filter(|piece| self.goes_on(conn, *piece));
        let next = if side_by_side > 1 { self.next_in_turn(now, conn, side_by_side) } else { current };
        if next.is_some() {
            return next;
        }
        let quick = self.is_quick(conn);
        if quick {
            return self
                .open_piece(now, conn, true)
                .or_else(|| self.join(conn, false))
                .or_else(|| self.join(conn, true));
        }
        self.join(conn, false).or_else(|| self.open_piece(now, conn, false)).or_else(|| self.join(conn, true))
    }

    /// An open piece with free blocks that the peer has: the nearest to completion. Pieces of quick owners are
    /// left to them unless `any`.
    fn join(&self, conn: ConnKey, any: bool) -> Option<PieceIndex> {
        let live = self.live.get(&conn)?;
        let mut best: Option<(u32, PieceIndex)> = None;
        for (piece, open) in self.open.with_free() {
            let mine = open.owner == Some(conn);
            let left_alone = match open.owner {
                Some(owner) if !mine => open.alone || (!any && self.is_quick(owner)),
                _ => false,
            };
            let nearer = best.is_none_or(|(missing, _)| open.missing() < missing);
            if !left_alone && nearer && live.has_piece(piece) {
                best = Some((open.missing(), piece));
            }
        }
        best.map(|(_, piece)| piece)
    }

    pub(super) fn open_piece(&mut self, now: At, conn: ConnKey, own: bool) -> Option<PieceIndex> {
        let generation = self.pick_generation;
        let live = self.live.get_mut(&conn)?;
        let far = live.runs_dry();
        // Memory first: looking for a piece can take long where the peer has few that we miss.
        if live.dry_at == Some(generation) || (self.rarity.len() > 0 && !self.open.may_open_any(far)) {
            return None;
        }
        let Some(piece) = live.has.as_ref().and_then(|has| self.rarity.rarest(has, live.current)) else {
            live.dry_at = Some(generation);
            self.dry_at = Some(generation);
            return None;
        };
        if !self.open.may_open(piece, far) {
            return None;
        }
        self.rarity.remove(piece);
        let alone = self.suspects.contains(piece);
        let open = self.open.open(piece, now);
        open.owner = (own || alone).then_some(conn);
        open.alone = alone;
        self.tell(now, Event::PieceOpened { piece });
        Some(piece)
    }

    /// Whether the peer can be left a whole piece: it sends one quickly, or nothing is known against it and
    /// there are pieces for everybody.
    fn is_quick(&self, conn: ConnKey) -> bool {
        let Some(live) = self.live.get(&conn) else { return false };
        if live.snubbed || live.peer_choking || live.held {
            return false;
        }
        let rate = live.rate();
        if rate == 0 {
            return self.rarity.len() > self.live.len();
        }
        u64::from(self.geometry.piece_bytes()) / rate < QUICK.as_secs()
    }

    /// At the end, when every missing block is asked of somebody: ask a peer with nothing to do for some too, of those
    /// that do not come soon anyway.
    fn share(&mut self, now: At, conn: ConnKey) -> Vec<BlockRef> {
        let Some(live) = self.live.get(&conn) else { return Vec::new() };
        if self.rarity.len() > 0 && live.dry_at != Some(self.pick_generation) {
            return Vec::new();
        }
        // Who sends nothing would only take a place from one that does.
        if live.snubbed {
            return Vec::new();
        }
        let open: Vec<PieceIndex> =
            self.open.iter().map(|(piece, _)| piece).filter(|piece| live.has_piece(*piece)).collect();
        let mut shared = Vec::new();
        let all = &self.live;
        let soon = |holder: ConnKey| all.get(&holder).is_some_and(|live| live.is_done_by(now, now + SOON));
        for piece in open {
            shared.extend(self.open.share(piece, conn, SHARED_AT_ONCE - shared.len(), soon));
            if shared.len() >= SHARED_AT_ONCE {
                break;
            }
        }
        if shared.is_empty() {
            // Who was about to send may fall silent.
            self.share_at = Some(self.share_at.map_or(now + SOON, |at| at.min(now + SOON)));
        }
        shared
    }

    /// Takes everything granted back from the connection.
    pub(super) fn release_all(&mut self, conn: ConnKey) -> Vec<BlockRef> {
        let Some(live) = self.live.get_mut(&conn) else { return Vec::new() };
        let blocks: Vec<BlockRef> = std::mem::take(&mut live.blocks).into_iter().collect();
        self.release(conn, &blocks);
        blocks
    }

    pub(super) fn release(&mut self, conn: ConnKey, blocks: &[BlockRef]) {
        for block in blocks {
            if let Some(live) = self.live.get_mut(&conn) {
                live.blocks.remove(block);
            }
            self.open.release(*block, conn);
        }
        self.down_bucket.give_back(self.bytes_of(blocks));
        if !blocks.is_empty() {
            self.all_hungry();
        }
    }

    pub(super) fn bytes_of(&self, blocks: &[BlockRef]) -> u64 {
        blocks.iter().map(|block| u64::from(self.geometry.block_length(*block))).sum()
    }

    /// Something became free: whoever can be asked may want it.
    pub(super) fn all_hungry(&mut self) {
        (self.freed, self.all_may_want) = (true, true);
    }

    /// Names those that may want something one by one.
    fn gather_hungry(&mut self) {
        if std::mem::take(&mut self.all_may_want) {
            let asked = self.live.iter().filter(|(_, live)| live.can_be_asked());
            self.hungry.extend(asked.map(|(conn, _)| *conn));
        }
    }

    /// Whether anybody may want more than it was given.
    pub(super) fn anyone_hungry(&self) -> bool {
        self.all_may_want || !self.hungry.is_empty()
    }

    /// The connection is not offered anything until something becomes free again.
    pub(super) fn sate(&mut self, conn: ConnKey) {
        self.gather_hungry();
        self.hungry.remove(&conn);
    }

    /// Offers what is free to those that could not be given enough before.
    pub(super) fn feed_hungry(&mut self, now: At) {
        self.freed = false;
        self.share_at = None;
        // Most often memory is what they wait for: then nobody need be named.
        if !self.anyone_hungry() || self.affordable(now, 1) == 0 || self.is_exhausted() {
            return;
        }
        self.gather_hungry();
        // Whoever sends comes before those that were asked and did not: the last blocks must not go round among
        // the silent.
        for silent in [false, true] {
            let mut after = Bound::Unbounded;
            while let Some(&conn) = self.hungry.range((after, Bound::Unbounded)).next() {
                // Where many wait for memory, most get none: looking for something for each costs too much.
                if self.is_exhausted() {
                    return;
                }
                after = Bound::Excluded(conn);
                if self.live.get(&conn).is_some_and(|live| live.snubbed) == silent {
                    self.hungry.remove(&conn);
                    self.refill(now, conn);
                }
            }
        }
    }

    /// Whether there is nothing to give anybody: every block of the open pieces is granted, memory lets no other be
    /// opened, and nobody has only pieces that are open, so that some of them could be shared.
    fn is_exhausted(&self) -> bool {
        self.rarity.len() > 0
            && !self.open.has_free()
            && !self.open.may_open_any(false)
            && self.dry_at != Some(self.pick_generation)
    }
}
