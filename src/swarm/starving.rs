//! When more peers would help and nobody is left to dial: then trackers are asked for more.

use std::time::Duration;

use super::peer_table::PeerTable;
use crate::event::At;

/// With so many peers that send or can be asked, one more hardly helps.
const ENOUGH: usize = 5;
/// What all peers send together, bytes a second, under which no number of them is enough.
const SLOW_BPS: u64 = 32 * 1024;
/// The rest that comes within this time comes before any peer that is not known yet.
const SOON_COMPLETE: Duration = Duration::from_secs(60);
/// A peer that is dialled again within this time is one that is left to dial.
const SHORT_BACK_OFF: Duration = Duration::from_secs(30);
/// For how long more peers must be missed before any tracker hears of it: peers choke, and unchoke again.
const HOLDS: Duration = Duration::from_secs(5);
/// How often the DHT and the local network are asked meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(3 * 60);

/// How a download stands that has room for another peer.
pub(super) struct Needs {
    /// The download limit, bytes a second.
    pub(super) limit_bps: Option<u64>,
    pub(super) missing_bytes: u64,
    /// Peers that send what we miss, or can be asked for it.
    pub(super) useful: usize,
}

/// Whether more peers are missed.
#[derive(Debug, Default)]
pub(super) struct Starving {
    /// What all peers send together, bytes a second, smoothed over about ten seconds.
    down_bps: u64,
    since: Option<At>,
    told: bool,
    looked: Option<At>,
}

impl Starving {
    /// A second went by in which so much came. Returns whether trackers are to be asked for more peers, if that changed;
    /// without `needs` they are not.
    pub(super) fn second(
        &mut self,
        now: At,
        down_bps: u64,
        needs: Option<Needs>,
        peer_table: &PeerTable,
    ) -> Option<bool> {
        self.down_bps = if self.down_bps == 0 { down_bps } else { (self.down_bps * 9 + down_bps) / 10 };
        let would_help = needs.is_some_and(|needs| self.would_take_more(&needs));
        self.look(now, would_help && !peer_table.is_anyone_left(now, SHORT_BACK_OFF))
    }

    /// Whether one more peer that sends would make the download faster.
    fn would_take_more(&self, needs: &Needs) -> bool {
        let limited = needs.limit_bps.is_some_and(|limit| self.down_bps >= limit - limit / 7);
        let enough = needs.useful >= ENOUGH && self.down_bps >= SLOW_BPS;
        !limited && !enough && needs.missing_bytes / self.down_bps.max(1) > SOON_COMPLETE.as_secs()
    }

    /// Whether those are to be asked now who are no trackers: where more peers are missed, or `alone` without the metadata.
    pub(super) fn looks_again(&mut self, now: At, alone: bool) -> bool {
        let waits = self.looked.is_some_and(|looked| now.saturating_sub(looked) < LOOK_EVERY);
        let looks = (self.told || alone) && !waits;
        self.looked = if looks { Some(now) } else { self.looked };
        looks
    }

    /// Whether trackers are asked for more peers.
    #[cfg(test)]
    pub(super) fn is_told(&self) -> bool {
        self.told
    }

    /// Takes into account whether more peers are missed now. Returns what trackers are to hear of it, if that changed.
    fn look(&mut self, now: At, starves: bool) -> Option<bool> {
        self.since = starves.then(|| self.since.unwrap_or(now));
        let tell = self.since.is_some_and(|since| now.saturating_sub(since) >= HOLDS);
        (std::mem::replace(&mut self.told, tell) != tell).then_some(tell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_for_a_moment_is_not_told_and_every_change_once() {
        let mut starving = Starving::default();
        let mut look = |second, starves| starving.look(Duration::from_secs(second), starves);
        let told =
            [(0, true), (4, true), (4, false), (5, true), (9, true)].map(|(at, starves)| look(at, starves));
        assert_eq!(told, [None; 5]);
        assert_eq!([10, 11, 60].map(|at| look(at, true)), [Some(true), None, None]);
        assert_eq!([61, 62].map(|at| look(at, false)), [Some(false), None]);
    }

    #[test]
    fn who_is_no_tracker_is_asked_when_peers_are_missed_and_every_three_minutes() {
        let mut starving = Starving::default();
        let looked: Vec<u64> = (0..400)
            .filter(|second| {
                let now = Duration::from_secs(*second);
                let _ = starving.look(now, (0..300).contains(second));
                starving.looks_again(now, false)
            })
            .collect();
        assert_eq!(looked, [5, 185]);
    }
}
