//! Taking back what was asked of peers that do not send it, or not soon.

use std::time::Duration;

use crate::event::SNUBBED_AFTER;

use super::{At, BLOCK_LENGTH, BlockRef, ConnKey, Order, Picker, PieceIndex};

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
        let rarest = sender.has.as_ref().and_then(|has| self.rarity.rarest(has, sender.is_seed(), None));
        rarest.is_some_and(|piece| self.is_sole(conn, piece))
            && sender.asked.iter().any(|block| !self.is_sole(conn, block.piece()))
    }

    /// Gives up pieces that one peer alone may send, if it sends nothing of them.
    pub(super) fn give_up_silent_alone(&mut self, now: At) {
        let silent: Vec<PieceIndex> = self
            .begun
            .iter()
            .filter(|(_, begun)| begun.alone && begun.missing() > 0)
            .filter(|(_, begun)| now.saturating_sub(begun.touched) >= GIVE_UP_AFTER)
            .map(|(piece, _)| piece)
            .collect();
        for piece in silent {
            // A peer that sends a byte now and then is not silent; but here others come first from now on.
            for (conn, _) in self.begun.asked(piece) {
                if let Some(sender) = self.senders.get_mut(&conn) {
                    sender.snubbed = true;
                }
            }
            self.give_up(piece);
        }
    }

    /// Gives up the pieces that this connection alone may send: it is gone.
    pub(super) fn give_up_alone_of(&mut self, conn: ConnKey) {
        let orphaned: Vec<PieceIndex> = self
            .begun
            .iter()
            .filter(|(_, begun)| begun.alone && begun.owner == Some(conn) && begun.missing() > 0)
            .map(|(piece, _)| piece)
            .collect();
        orphaned.into_iter().for_each(|piece| self.give_up(piece));
    }
}
