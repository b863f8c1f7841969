//! Taking back what was asked of those that do not send it, or not soon.

use std::time::Duration;

use super::live::Live;
use super::{ConnKey, Order, Swarm};
use crate::event::At;
use crate::metainfo::{BLOCK_LENGTH, BlockRef, PieceIndex};

/// A peer that was asked and sent nothing for this long is snubbed.
pub(super) const SNUBBED_AFTER: Duration = Duration::from_secs(10);
/// The same at the end of a download, where another peer has nothing better to do.
const SNUBBED_AT_END_AFTER: Duration = Duration::from_secs(2);
/// An open piece nobody sends anything of for this long is given up when its memory is needed.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
/// What a peer was granted before its rate was known goes to others as far as it would take longer than this.
const LONGEST_QUEUE: Duration = Duration::from_secs(5);

impl Swarm {
    /// A peer that was asked and sends nothing loses its blocks to others, and is asked for one at a time.
    pub(super) fn take_from_snubbing(&mut self, now: At) {
        let patience = if self.end_is_held_up() { SNUBBED_AT_END_AFTER } else { SNUBBED_AFTER };
        let snubbing: Vec<ConnKey> = self
            .live
            .iter()
            .filter(|(_, live)| live.window.outstanding > 0 && !live.blocks.is_empty())
            .filter(|(_, live)| now.saturating_sub(live.progress) >= patience)
            .map(|(conn, _)| *conn)
            .collect();
        for conn in snubbing {
            let blocks = self.release_all(conn);
            self.order(conn, Order::Revoke(blocks.clone()));
            if let Some(live) = self.live.get_mut(&conn) {
                live.snubbed = true;
                live.progress = now;
            }
            // The blocks go to the others before this one is asked again.
            self.sate(conn);
            self.hand_on_unsent(now, conn, &blocks);
        }
    }

    /// Whether every missing piece is begun, and somebody who sends could take more than is left to ask for.
    fn end_is_held_up(&self) -> bool {
        let idle = |live: &Live| (live.blocks.len() as u32) < live.window.target.max(1);
        self.rarity.len() == 0
            && self.live.values().any(|live| {
                live.can_be_asked() && live.sent_block && !live.snubbed && live.wanted > 0 && idle(live)
            })
    }

    /// The first to come are granted much before anything is known of them. Where they turn out slow and others
    /// wait, they keep what they can send soon.
    pub(super) fn take_surplus(&mut self, now: At) {
        if !self.anyone_hungry() {
            return;
        }
        self.know_rates(now);
        let surplus: Vec<(ConnKey, Vec<BlockRef>)> = self
            .live
            .iter()
            .filter(|(_, live)| live.window.down_bps > 0)
            .filter_map(|(conn, live)| {
                let soon = live.window.down_bps * LONGEST_QUEUE.as_secs() / u64::from(BLOCK_LENGTH);
                let keeps = usize::try_from(soon).unwrap_or(usize::MAX).max(self.ahead(*conn) as usize);
                let more = live.blocks.len().checked_sub(keeps).filter(|more| *more > 0)?;
                Some((*conn, live.blocks.iter().rev().take(more).copied().collect()))
            })
            .collect();
        for (conn, blocks) in surplus {
            self.release(conn, &blocks);
            self.order(conn, Order::Revoke(blocks));
        }
    }

    /// Gives up open pieces that nobody sends anything of, where others could use their memory; and those that one
    /// peer alone may send, if it does not.
    pub(super) fn give_up_stuck(&mut self, now: At) {
        // Nothing more can be opened at the end, and a piece that is charged whole takes no more when it goes on.
        let of_use = !self.open.whole() || self.rarity.len() > 0;
        let waits = |live: &Live, conn: &ConnKey| {
            live.can_be_asked() && (self.all_may_want || self.hungry.contains(conn))
        };
        let needed = of_use && self.open.is_tight() && self.live.iter().any(|(conn, live)| waits(live, conn));
        let stuck: Vec<PieceIndex> = self
            .open
            .iter()
            .filter(|(_, open)| needed || open.alone)
            .filter(|(_, open)| open.missing() > 0 && now.saturating_sub(open.touched) >= GIVE_UP_AFTER)
            .map(|(piece, _)| piece)
            .collect();
        for piece in stuck {
            // Who sends a byte now and then is not silent; but here others come first from now on.
            for (conn, _) in self.open.asked(piece) {
                if let Some(live) = self.live.get_mut(&conn) {
                    live.snubbed = true;
                }
            }
            self.abandon(now, piece);
        }
    }

    /// Gives up the pieces that this connection alone may send: it is gone.
    pub(super) fn give_up_alone(&mut self, now: At, conn: ConnKey) {
        let orphaned: Vec<PieceIndex> = self
            .open
            .iter()
            .filter(|(_, open)| open.alone && open.owner == Some(conn) && open.missing() > 0)
            .map(|(piece, _)| piece)
            .collect();
        for piece in orphaned {
            self.abandon(now, piece);
        }
    }
}
