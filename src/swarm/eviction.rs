//! Who gives way when all places are taken.
//!
//! A place is worth something while blocks pass, however slowly. Where none do, the peer that holds one gives it to the next that shakes
//! hands, the sooner the less can be hoped for: first those with whom nothing can pass, then those that had their
//! chance and let it pass, then those that never serve us, those that wait for their turn with us, and last, while we
//! download, those that only take. Nobody gives way to an address that only might be a peer: beyond the limit a few
//! are dialled, and who shakes hands takes the place.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ConnKey;
use super::live::{Connected, Live};
use super::peer_table::{PeerTable, Row};
use super::picker::Picker;
use crate::event::At;

/// Nothing can pass: neither has what the other wants.
const USELESS_AFTER: Duration = Duration::from_secs(60);
/// It unchoked us and sends nothing, or was served and takes nothing.
const WASTED_AFTER: Duration = Duration::from_secs(120);
/// It has what we want and keeps us choked.
const CHOKED_AFTER: Duration = Duration::from_secs(300);
/// It waits to be served, as others do that come.
const WAITED_AFTER: Duration = Duration::from_secs(900);
/// Dials under way beyond the limit of connections, while that many would give way.
pub(super) const SPARE_DIALS: usize = 4;

/// Those that hold places.
pub(super) struct Holders<'a> {
    pub(super) now: At,
    pub(super) live: &'a Connected,
    pub(super) peer_table: &'a PeerTable,
    pub(super) picker: Option<&'a Picker>,
    pub(super) downloading: bool,
}

impl Holders<'_> {
    /// Who would give way to another, each with its rank and when it was last of use: the lowest first.
    pub(super) fn giving_way(&self) -> impl Iterator<Item = (u8, At, ConnKey)> {
        self.live.iter().filter_map(|(conn, live)| {
            let owes_since = self.picker.and_then(|picker| picker.owes_since(*conn));
            let holder = Holder { live, chosen: self.is_chosen(live), owes_since };
            Some((holder.gives_way(self.now, self.downloading)?, live.used, *conn))
        })
    }

    /// Those that may go where others have less than their share of places: those of least use first.
    pub(super) fn least_used(&self) -> Vec<ConnKey> {
        let idle: BTreeMap<ConnKey, u8> = self.giving_way().map(|(rank, _, conn)| (conn, rank)).collect();
        let rank = |conn| idle.get(&conn).copied().unwrap_or(u8::MAX);
        self.live.least_used(|conn, live| (!self.is_chosen(live)).then(|| rank(conn)))
    }

    /// Whether the user named it: it stays.
    fn is_chosen(&self, live: &Live) -> bool {
        self.peer_table.row(live.peer).is_some_and(Row::is_chosen)
    }
}

/// One of them.
struct Holder<'a> {
    live: &'a Live,
    chosen: bool,
    /// Since when it owes a block.
    owes_since: Option<At>,
}

impl Holder<'_> {
    /// Whether the peer would give way to another by now; those of the lowest rank first.
    fn gives_way(&self, now: At, downloading: bool) -> Option<u8> {
        let live = self.live;
        // What the user wants is no matter of use.
        if live.closing || live.held || self.chosen {
            return None;
        }
        let (rank, since, after) = if live.am_interested && !live.peer_choking {
            // Where nothing was asked of it, that is our doing.
            (1, self.owes_since?, WASTED_AFTER)
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
        let only_takes = downloading && now.saturating_sub(live.sent_at) >= WAITED_AFTER;
        only_takes.then_some(4)
    }
}
