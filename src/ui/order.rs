//! The order of the peers' rows: two parts, sorted every two seconds and left alone while the user moves in them.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

use crate::event::PeerKey;
use crate::ledger::View;

use super::columns::{self, SortKey};
use super::model;
use super::words::Standing;

/// How often rows are sorted.
const EVERY: Duration = Duration::from_secs(2);
/// For how long after a move of the selection they are not.
const REST: Duration = Duration::from_secs(3);

/// The order of the rows.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Live peers.
    pub(crate) live: Vec<PeerKey>,
    /// The others.
    pub(crate) others: Vec<PeerKey>,
    /// The column they are sorted by; `None`: by state, the others by their newest change.
    pub(crate) column: Option<&'static str>,
    /// Whether the order is turned around.
    pub(crate) reversed: bool,
    pace: Pace,
}

/// When rows are sorted: every two seconds, and not while the user moves in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    sorted_at: Option<Duration>,
    moved_at: Option<Duration>,
}

impl Pace {
    /// The user moved the selection: rows rest for a while.
    pub(crate) fn moved(&mut self, clock: Duration) {
        self.moved_at = Some(clock);
    }

    /// Whether rows are sorted now.
    pub(crate) fn is_due(&self, clock: Duration) -> bool {
        let due = self.sorted_at.is_none_or(|at| clock.saturating_sub(at) >= EVERY);
        let resting = self.moved_at.is_some_and(|at| clock.saturating_sub(at) < REST);
        self.sorted_at.is_none() || (due && !resting)
    }

    /// They were.
    pub(crate) fn sorted(&mut self, clock: Duration) {
        self.sorted_at = Some(clock);
    }
}

impl Order {
    /// The user moved the selection: rows rest for a while.
    pub fn moved(&mut self, clock: Duration) {
        self.pace.moved(clock);
    }

    /// Whether the user ever moved the selection.
    pub(crate) fn moved_by_user(&self) -> bool {
        self.pace.moved_at.is_some()
    }

    /// Sorts at the next view, whatever the time.
    pub(crate) fn sort_soon(&mut self) {
        self.pace.sorted_at = None;
    }

    /// Sorts by this column; `None`: by state.
    pub(crate) fn sort_by(&mut self, column: Option<&'static str>) {
        self.column = column;
        self.reversed = false;
        self.sort_soon();
    }

    /// Sorts by this column; where it does already, the other way round.
    pub(crate) fn by(&mut self, id: &'static str) {
        // By state is what there is without a column.
        let column = (id != "state").then_some(id);
        self.reversed = self.column == column && !self.reversed;
        self.column = column;
        self.sort_soon();
    }

    /// Which way the rows go: `▾` from the most down, `▴` from the least up.
    pub(crate) fn mark(&self) -> &'static str {
        columns::order_mark(self.column.unwrap_or("state"), self.reversed)
    }

    /// What the rule above the rows says of the order.
    pub(crate) fn says(&self) -> String {
        let by = self.column.and_then(columns::column).map_or("state", |column| column.name);
        format!("by {by} {}", self.mark())
    }

    pub(crate) fn take_in(&mut self, view: &View, clock: Duration) {
        self.part(view);
        if self.pace.is_due(clock) {
            self.sort(view);
            self.pace.sorted(clock);
        }
    }

    /// Puts every peer into its part. Those that stay keep their place; those that come to the others stand
    /// first there, those that come to the live ones last.
    fn part(&mut self, view: &View) {
        let stays =
            |key: &PeerKey, live: bool| model::peer(view, *key).is_some_and(|peer| peer.is_live() == live);
        self.live.retain(|key| stays(key, true));
        self.others.retain(|key| stays(key, false));
        if self.live.len() + self.others.len() == view.peers.len() {
            return;
        }
        let placed: HashSet<PeerKey> = self.live.iter().chain(&self.others).copied().collect();
        let fresh: Vec<_> = view.peers.iter().filter(|peer| !placed.contains(&peer.key)).collect();
        self.live.extend(fresh.iter().filter(|peer| peer.is_live()).map(|peer| peer.key));
        let new: Vec<_> = fresh.iter().filter(|peer| !peer.is_live()).map(|peer| peer.key).collect();
        self.others.splice(0..0, new);
    }

    fn sort(&mut self, view: &View) {
        let column = self.column.and_then(columns::column);
        let value = |key: PeerKey| model::peer(view, key);
        if let Some(column) = column {
            let by =
                |key: &PeerKey| value(*key).map_or_else(SortKey::default, |peer| (column.key)(peer, view));
            self.live.sort_by_cached_key(|key| (by(key), *key));
            self.others.sort_by_cached_key(|key| (by(key), *key));
        } else {
            self.live.sort_by_cached_key(|key| {
                value(*key).map(|peer| {
                    let rates = peer.rates;
                    let rate = coarse(rates.down_bps.saturating_add(rates.up_bps));
                    (Standing::of(peer, view.at), Reverse(rate), *key)
                })
            });
            // What goes on now stands first, what has not begun last; between them the newest change.
            self.others.sort_by_cached_key(|key| {
                value(*key).map(|peer| {
                    let standing = Standing::of(peer, view.at);
                    let rank = match standing {
                        Standing::Trying => 0,
                        Standing::Queued => 2,
                        _ => 1,
                    };
                    (rank, Reverse(peer.since), *key)
                })
            });
        }
        if self.reversed {
            self.live.reverse();
            self.others.reverse();
        }
    }
}

/// The rate in steps of a quarter, so that rows do not trade places over a few bytes.
fn coarse(bps: u64) -> u32 {
    if bps == 0 { 0 } else { 1 + ((bps as f64).log2() * 3.0) as u32 }
}
