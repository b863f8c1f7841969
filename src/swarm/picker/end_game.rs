//! End-game: every missing block is asked of somebody, and a peer has nothing to do.
//!
//! It takes over what others promise later than it would send it. A block that another has not begun to send is asked
//! of it instead; one that may be under way is asked of both, and the first to send it ends the other's request. What is
//! wasted by that is one block of each slow peer at most. Where several are asked for a block already, the slowest of them
//! makes room: no number of them shuts a faster peer out.

use std::time::Duration;

use super::begun::Begun;
use super::sender::Sender;
use super::{At, BlockRef, ConnKey, Senders};

/// A block that the peer can be asked for in place of another.
pub(super) struct Offer {
    pub(super) block: BlockRef,
    pub(super) from: ConnKey,
    /// It may be under way already.
    pub(super) under_way: bool,
}

/// How many peers are asked for one block at most.
const MOST_OWNERS: usize = 2;
/// What changes hands must come sooner by a tenth of its time and this much, what is asked of two by a quarter and twice
/// this: estimates are no better than that.
const SOONER: Duration = Duration::from_millis(50);

/// What is asked of everybody, for a peer that has nothing to do.
pub(super) struct EndGame<'a> {
    pub(super) now: At,
    pub(super) conn: ConnKey,
    pub(super) senders: &'a Senders,
    pub(super) begun: &'a Begun,
}

impl EndGame<'_> {
    /// Of what others are asked for and the peer would send sooner, what is promised last. The peer has `taken` blocks
    /// more than it is known to have.
    pub(super) fn latest(&self, taken: usize) -> Option<Offer> {
        let now = self.now;
        let by = self.senders.get(&self.conn)?.would_send_by(now, taken + 1).saturating_sub(now);
        let sooner =
            |by: Duration, than: At, parts: u32| now + by + by / parts + SOONER * (10 / parts).min(2) < than;
        let mut best: Option<(At, Offer)> = None;
        for (other, owner) in self.senders {
            if *other == self.conn || owner.asked.is_empty() {
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
                if self.may_take(*block) && self.is_sooner_than_all(by, *block, *other) {
                    best = Some((promised, Offer { block: *block, from: *other, under_way }));
                    break;
                }
            }
        }
        best.map(|(_, offer)| offer)
    }

    /// Who makes room where the block is asked of too many: the slowest of those beside the peer.
    pub(super) fn slowest(&self, block: BlockRef) -> Option<ConnKey> {
        let owners = self.begun.owners(block);
        let others = owners.iter().copied().filter(|owner| *owner != self.conn);
        others.max_by_key(|owner| self.promised(*owner, block)).filter(|_| owners.len() > MOST_OWNERS)
    }

    /// Whether the peer has the block, was not asked for it, and no other peer is to prove its piece alone.
    fn may_take(&self, block: BlockRef) -> bool {
        let alone = self.begun.get(block.piece()).is_none_or(|begun| begun.alone);
        let sends = |sender: &Sender| sender.sends(block.piece()) && !sender.refuses(block);
        !alone
            && self.senders.get(&self.conn).is_some_and(sends)
            && !self.begun.owners(block).contains(&self.conn)
    }

    /// Whether a peer that sends the block `by` then is sooner than all that are asked for it beside `known`.
    fn is_sooner_than_all(&self, by: Duration, block: BlockRef, known: ConnKey) -> bool {
        let sooner = |promised: At| self.now + by + by / 4 + SOONER * 2 < promised;
        let mut owners = self.begun.owners(block).into_iter().filter(|owner| *owner != known);
        owners.all(|owner| self.promised(owner, block).is_none_or(sooner))
    }

    /// When the owner will probably have sent the block.
    fn promised(&self, owner: ConnKey, block: BlockRef) -> Option<At> {
        let sender = self.senders.get(&owner)?;
        let place = sender.asked.iter().position(|asked| *asked == block)?;
        Some(sender.sends_by(self.now, place + 1))
    }
}
