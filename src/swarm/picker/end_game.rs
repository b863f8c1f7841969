//! End-game: every missing block is asked of somebody, and a peer has nothing to do.
//!
//! It takes over what others promise later than it would send it. A block that another has not begun to send is asked
//! of it instead; one that may be under way is asked of both, and the first to send it ends the other's request. What is
//! wasted by that is one block of each slow peer at most. Where several are asked for a block already, the slowest of them
//! makes room: no number of them shuts a faster peer out.

use std::time::Duration;

use super::{At, BlockRef, ConnKey, LOOK_AGAIN, Order, Picker};

/// A block that the peer can be asked for in place of another.
struct Offer {
    block: BlockRef,
    from: ConnKey,
    /// It may be under way already.
    under_way: bool,
}

/// How many peers are asked for one block at most.
const MOST_OWNERS: usize = 2;
/// What changes hands must come sooner by a tenth of its time and this much, what is asked of two by a quarter and twice
/// this: estimates are no better than that.
const SOONER: Duration = Duration::from_millis(50);

impl Picker {
    /// Asks the connection for up to `most` blocks that others are asked for and promise later than it would send them.
    pub(super) fn take_over(&mut self, now: At, conn: ConnKey, most: u32) -> Vec<BlockRef> {
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
            && let Some(Offer { block, from, under_way }) = self.latest(now, conn, taken.len())
        {
            // Nobody is left without it for a moment: what is revoked is asked for already.
            self.begun.ask_too(block, conn);
            if !under_way {
                self.revoke(now, from, block);
            } else if self.begun.owners(block).len() > MOST_OWNERS {
                self.revoke_from_slowest(now, conn, block);
            }
            taken.push(block);
        }
        taken.sort_unstable();
        self.note_asked(now, conn, &taken);
        if taken.is_empty() {
            self.look_again(now);
        }
        taken
    }

    /// Looks again soon for what others promise too late.
    pub(super) fn look_again(&mut self, now: At) {
        let at = now + LOOK_AGAIN;
        self.look_again_at = Some(self.look_again_at.map_or(at, |known| known.min(at)));
    }

    /// Of what others are asked for and the connection would send sooner, what is promised last.
    fn latest(&self, now: At, conn: ConnKey, taken: usize) -> Option<Offer> {
        let sender = self.senders.get(&conn)?;
        let by = sender.would_send_by(now, taken + 1).saturating_sub(now);
        let sooner =
            |by: Duration, than: At, parts: u32| now + by + by / parts + SOONER * (10 / parts).min(2) < than;
        let mut best: Option<(At, Offer)> = None;
        for (other, owner) in &self.senders {
            if *other == conn || owner.asked.is_empty() {
                continue;
            }
            // The last of its blocks is promised last of all it has.
            if best.as_ref().is_some_and(|(at, _)| owner.sends_by(now, owner.asked.len()) <= *at) {
                continue;
            }
            for (place, block) in owner.asked.iter().enumerate().rev() {
                let promised = owner.sends_by(now, place + 1);
                let under_way = place == 0 && !owner.snubbed;
                let parts = if under_way { 4 } else { 10 };
                if best.as_ref().is_some_and(|(at, _)| promised <= *at) || !sooner(by, promised, parts) {
                    break;
                }
                if self.may_take(conn, *block) && self.is_sooner_than_all(now, by, *block, *other) {
                    best = Some((promised, Offer { block: *block, from: *other, under_way }));
                    break;
                }
            }
        }
        best.map(|(_, offer)| offer)
    }

    /// Whether the connection has the block, was not asked for it, and no other peer is to prove its piece alone.
    fn may_take(&self, conn: ConnKey, block: BlockRef) -> bool {
        let alone = self.begun.get(block.piece()).is_none_or(|begun| begun.alone);
        !alone
            && self
                .senders
                .get(&conn)
                .is_some_and(|sender| sender.sends(block.piece()) && !sender.refuses(block))
            && !self.begun.owners(block).contains(&conn)
    }

    /// Whether a peer that sends the block `by` then is sooner than all that are asked for it beside `known`.
    fn is_sooner_than_all(&self, now: At, by: Duration, block: BlockRef, known: ConnKey) -> bool {
        self.begun.owners(block).into_iter().filter(|owner| *owner != known).all(|owner| {
            self.promised(now, owner, block).is_none_or(|promised| now + by + by / 4 + SOONER * 2 < promised)
        })
    }

    /// When the owner will probably have sent the block.
    fn promised(&self, now: At, owner: ConnKey, block: BlockRef) -> Option<At> {
        let sender = self.senders.get(&owner)?;
        let place = sender.asked.iter().position(|asked| *asked == block)?;
        Some(sender.sends_by(now, place + 1))
    }

    /// Revokes the block from the slowest of those that were asked for it before the connection.
    fn revoke_from_slowest(&mut self, now: At, conn: ConnKey, block: BlockRef) {
        let others = self.begun.owners(block).into_iter().filter(|owner| *owner != conn);
        if let Some(slowest) = others.max_by_key(|owner| self.promised(now, *owner, block)) {
            self.revoke(now, slowest, block);
        }
    }

    /// The connection is asked for the block no more.
    pub(super) fn revoke(&mut self, now: At, conn: ConnKey, block: BlockRef) {
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
}
