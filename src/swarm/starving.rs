//! When more peers would help and nobody is left to dial: then trackers are asked for more.

use std::time::Duration;

use super::{Action, Phase, Swarm};
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

/// Whether more peers are missed.
#[derive(Debug, Default)]
pub(super) struct Starving {
    /// What all peers send together, bytes a second, smoothed over about ten seconds.
    down_bps: u64,
    since: Option<At>,
    told: bool,
}

impl Starving {
    /// Takes into account whether more peers are missed now. Returns what trackers are to hear of it, if that changed.
    fn look(&mut self, now: At, starves: bool) -> Option<bool> {
        self.since = starves.then(|| self.since.unwrap_or(now));
        let tell = self.since.is_some_and(|since| now.saturating_sub(since) >= HOLDS);
        (std::mem::replace(&mut self.told, tell) != tell).then_some(tell)
    }
}

impl Swarm {
    /// Has trackers asked for more peers while they are missed. To be called every second, with what came in it.
    pub(super) fn look_whether_starving(&mut self, now: At, down_bps: u64) {
        let smoothed = &mut self.starving.down_bps;
        *smoothed = if *smoothed == 0 { down_bps } else { (*smoothed * 9 + down_bps) / 10 };
        let starves = self.starves(now);
        let tell = self.starving.look(now, starves);
        self.actions.extend(tell.map(Action::WantPeers));
    }

    /// Whether more peers would make the download faster, could be connected, and nobody is left to dial.
    fn starves(&self, now: At) -> bool {
        let room = self.staying() < self.settings.max_peers || self.idle > 0;
        self.phase == Phase::Downloading
            && !self.leaving
            && room
            && self.would_take_more()
            && !self.peer_table.is_anyone_left(now, SHORT_BACK_OFF)
    }

    /// Whether one more peer that sends would make the download faster.
    fn would_take_more(&self) -> bool {
        let down_bps = self.starving.down_bps;
        let limited = self.settings.down_bps.is_some_and(|limit| down_bps >= limit - limit / 7);
        let pieces = u64::from(self.have.len() - self.have.count());
        let missing_bytes = pieces * u64::from(self.geometry.piece_bytes());
        let useful = self.picker.useful_count();
        let enough = useful >= ENOUGH && down_bps >= SLOW_BPS;
        !limited && !enough && missing_bytes / down_bps.max(1) > SOON_COMPLETE.as_secs()
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
}
