//! Who gives way when all places are taken.
//!
//! A place is worth something while blocks pass, however slowly. Where none do, the peer that holds one gives it to the next that shakes
//! hands, the sooner the less can be hoped for: first those with whom nothing can pass, then those that had their
//! chance and let it pass, then those that never serve us, those that wait for their turn with us, and last, while we
//! download, those that only take. Nobody gives way to an address that only might be a peer: beyond the limit a few
//! are dialled, and who shakes hands takes the place.

use std::time::Duration;

use super::live::Live;
use super::peer_table::Row;
use super::{ConnKey, Order, Phase, Swarm};
use crate::event::{At, Cause};

/// Nothing can pass: neither has what the other wants.
const USELESS_AFTER: Duration = Duration::from_secs(60);
/// It unchoked us and sends nothing, or was served and takes nothing.
const WASTED_AFTER: Duration = Duration::from_secs(120);
/// It has what we want and keeps us choked.
const CHOKED_AFTER: Duration = Duration::from_secs(300);
/// It waits to be served, as others do that come.
const WAITED_AFTER: Duration = Duration::from_secs(900);
/// Dials under way beyond the limit of connections, while that many would give way.
const SPARE_DIALS: usize = 4;

impl Swarm {
    /// Live peers that were not told to close. In a check they count until they are gone: it is files that are few.
    pub(super) fn staying(&self) -> usize {
        self.live.len() - if self.check.is_some() { 0 } else { self.closing }
    }

    /// How many may be dialled though every place is taken: no more than would find one.
    pub(super) fn spare_dials(&self) -> usize {
        self.idle.min(SPARE_DIALS)
    }

    /// Counts anew who would give way.
    pub(super) fn count_idle(&mut self, now: At) {
        // While there is room nobody has to.
        let full = self.staying() + self.peer_table.dialling() >= self.settings.max_peers;
        self.idle = match full {
            true => {
                self.live.iter().filter(|(conn, live)| self.gives_way(now, **conn, live).is_some()).count()
            }
            false => 0,
        };
    }

    /// Closes the connection of which least can be hoped for, if that is little; whether there is one.
    pub(super) fn make_room(&mut self, now: At) -> bool {
        let candidates = self.live.iter().filter_map(|(conn, live)| {
            let rank = self.gives_way(now, *conn, live)?;
            Some((rank, live.used, *conn))
        });
        let Some((_, _, conn)): Option<(u8, At, ConnKey)> = candidates.min() else { return false };
        self.order(conn, Order::Close(Cause::Replaced));
        self.idle = self.idle.saturating_sub(1);
        true
    }

    /// Whether the peer would give way to another by now; those of the lowest rank first.
    fn gives_way(&self, now: At, conn: ConnKey, live: &Live) -> Option<u8> {
        let chosen = self.peer_table.row(live.peer).is_some_and(Row::is_chosen);
        // What the user wants is no matter of use.
        if live.closing || live.held || chosen {
            return None;
        }
        let (rank, since, after) = if live.am_interested && !live.peer_choking {
            // Where nothing was asked of it, that is our doing.
            (1, self.picker.owes_since(conn)?, WASTED_AFTER)
        } else if !live.am_interested && !live.peer_interested {
            (0, At::ZERO, USELESS_AFTER)
        } else if live.peer_interested && !live.am_choking {
            (1, live.waits_since, WASTED_AFTER)
        } else if live.wasted_its_turn && !live.am_interested {
            (1, At::ZERO, WASTED_AFTER)
        } else if live.am_interested && (!live.peer_interested || live.wasted_its_turn) {
            (2, At::ZERO, CHOKED_AFTER)
        } else {
            (3, At::ZERO, WAITED_AFTER)
        };
        if now.saturating_sub(live.used.max(since)) >= after {
            return Some(rank);
        }
        // While we download, places are not for those alone that take.
        let only_takes = self.phase == Phase::Downloading && now.saturating_sub(live.sent_at) >= WAITED_AFTER;
        only_takes.then_some(4)
    }
}
