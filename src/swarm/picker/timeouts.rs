//! Taking back what was asked of peers that do not send it, or not soon; others are asked for it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{At, BLOCK_LENGTH, BlockRef, ConnKey, Order, Picker, PieceIndex};
use crate::event::SNUBBED_AFTER;

/// A piece that one peer alone may send is given up when it sends nothing of it for this long.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
/// Blocks that a peer sends before it is asked for what no other has.
const KEPT_BEFORE_SOLE: usize = 4;
/// What a peer was asked for before its rate was known goes to others as far as it would take longer than this.
const LONGEST_QUEUE: Duration = Duration::from_secs(5);

impl Picker {
    /// A peer that was asked and sends nothing loses its blocks to others, and is asked for one at a time.
    pub(super) fn take_from_silent(&mut self, now: At) {
        let silent: Vec<ConnKey> = self
            .senders
            .iter()
            .filter(|(_, sender)| sender.window.outstanding > 0 && !sender.asked.is_empty())
            .filter(|(_, sender)| now.saturating_sub(sender.progress) >= SNUBBED_AFTER)
            .map(|(conn, _)| *conn)
            .collect();
        for conn in silent {
            let blocks = self.release_all(conn);
            self.order(conn, Order::Revoke(blocks.clone()));
            if let Some(sender) = self.senders.get_mut(&conn) {
                (sender.snubbed, sender.progress) = (true, now);
            }
            // The blocks go to the others before this one is asked again.
            self.satisfied(conn);
            self.hand_on_unsent(now, conn, &blocks);
        }
    }

    /// The first to come are asked for much before anything is known of them. Where they turn out slow they keep what
    /// they can send soon, so that others finish the pieces.
    pub(super) fn take_surplus(&mut self, now: At) {
        if !self.anybody_wants() && self.senders.values().filter(|sender| sender.can_be_asked()).count() < 2 {
            return;
        }
        self.know_rates(now);
        let surplus: Vec<(ConnKey, Vec<BlockRef>)> = self
            .senders
            .iter()
            .filter(|(_, sender)| sender.window.outstanding > 0)
            .filter_map(|(conn, sender)| {
                let soon = sender.expected_bps(now) * LONGEST_QUEUE.as_secs() / u64::from(BLOCK_LENGTH);
                let ahead = if sender.rate() == 0 { 1 } else { self.ahead(*conn) as usize };
                let keeps = match self.has_sole_unbegun(*conn) {
                    true => KEPT_BEFORE_SOLE,
                    false => usize::try_from(soon).unwrap_or(usize::MAX).max(ahead),
                };
                let more = sender.asked.len().checked_sub(keeps).filter(|more| *more > 0)?;
                Some((*conn, sender.asked.iter().rev().take(more).copied().collect()))
            })
            .collect();
        for (conn, blocks) in surplus {
            self.release(conn, &blocks);
            self.order(conn, Order::Revoke(blocks));
        }
    }

    /// Whether the peer is busy with what others have too, and has a piece alone that nobody began.
    fn has_sole_unbegun(&self, conn: ConnKey) -> bool {
        let Some(sender) = self.senders.get(&conn).filter(|sender| !sender.choking) else { return false };
        let mixed = sender.has.as_ref().filter(|_| !self.rarity.classes.in_order);
        let rarest = mixed.and_then(|has| self.rarity.rarest_of_all(has, sender.is_seed(), None));
        rarest.is_some_and(|piece| self.is_sole(conn, piece))
            && sender.asked.iter().any(|block| !self.is_sole(conn, block.piece()))
    }

    /// Gives up pieces that one peer alone may send, if it sends nothing of them.
    pub(super) fn give_up_silent_alone(&mut self, now: At) {
        let silent =
            self.begun.alone().filter(|(_, begun)| now.saturating_sub(begun.touched) >= GIVE_UP_AFTER);
        for piece in silent.map(|(piece, _)| piece).collect::<Vec<_>>() {
            // A peer that sends a byte now and then is not silent; but here others come first from now on.
            for (conn, _) in self.begun.asked(piece) {
                if let Some(sender) = self.senders.get_mut(&conn) {
                    sender.snubbed = true;
                }
            }
            self.give_up(piece);
        }
    }

    /// Hands pieces on parole on where those that have them are slow for it.
    pub(super) fn hand_on_slow(&mut self, now: At) {
        // Where the limit is what all wait for, nobody is slow.
        if self.affordable(now, 1) > 0 {
            for piece in self.parole.slow(now, &self.begun, &self.senders) {
                self.hand_on(now, piece);
            }
        }
    }

    /// Hands on the pieces that this connection alone may send, and refused these blocks of or did not send them for
    /// long. Where nobody would be quicker it is asked again later: what it sent is kept.
    pub(super) fn hand_on_unsent(&mut self, now: At, conn: ConnKey, blocks: &[BlockRef]) {
        let alone = |piece: &PieceIndex| {
            self.begun.get(*piece).is_some_and(|begun| begun.alone && begun.owner == Some(conn))
        };
        let unsent: BTreeSet<PieceIndex> = blocks.iter().map(|block| block.piece()).filter(alone).collect();
        for piece in unsent {
            self.hand_on(now, piece);
        }
    }

    /// Gives the piece up, and to another that has nothing to do, if one would be quicker.
    fn hand_on(&mut self, now: At, piece: PieceIndex) {
        let quicker = self.parole.quicker(now, piece, &self.begun, &self.senders);
        let Some((owner, bps, next)) = quicker else { return };
        self.parole.tried(piece, owner, bps, |conn| self.senders.contains_key(&conn));
        if bps == 0
            && let Some(sender) = self.senders.get_mut(&owner)
        {
            sender.snubbed = true;
        }
        self.give_up(piece);
        // The other comes first.
        self.satisfied(owner);
        self.request(now, next);
        self.wanting.insert(owner);
        self.look_again(now);
    }
}
