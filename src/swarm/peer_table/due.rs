//! Whom to dial when, and how long to wait after a failure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::event::{Again, At, Cause, PeerKey};

/// When each peer may be dialled; who is not in it is not dialled by itself.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Those whose time was not yet seen to have come, by that time.
    waiting: BTreeSet<(At, PeerKey)>,
    /// Those whose time has come, by who goes first.
    ready: BTreeSet<(Turn, PeerKey)>,
    of: BTreeMap<PeerKey, Turn>,
}

/// Whose turn comes first: that of the highest priority, and among equals that whose time came first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Turn {
    priority: Reverse<u32>,
    at: At,
}

impl Due {
    /// Sets when the peer may be dialled. Of those whose time has come one at [`At::ZERO`] goes before all others, and one of
    /// an unknown priority before those of a known one.
    pub(super) fn set(&mut self, peer: PeerKey, at: Option<At>, priority: Option<u32>) {
        let turn = at.map(|at| {
            let priority = priority.filter(|_| at > At::ZERO).unwrap_or(u32::MAX);
            Turn { priority: Reverse(priority), at }
        });
        let before = match turn {
            Some(turn) => self.of.insert(peer, turn),
            None => self.of.remove(&peer),
        };
        if let Some(before) = before {
            self.waiting.remove(&(before.at, peer));
            self.ready.remove(&(before, peer));
        }
        self.waiting.extend(at.map(|at| (at, peer)));
    }

    /// When the peer may be dialled.
    pub(super) fn of(&self, peer: PeerKey) -> Option<At> {
        self.of.get(&peer).map(|turn| turn.at)
    }

    /// When the next one may be dialled.
    pub(super) fn first(&self) -> Option<At> {
        let ready = self.ready.first().map(|(turn, _)| turn.at);
        ready.or_else(|| self.waiting.first().map(|(at, _)| *at))
    }

    /// Who goes first of those that may be dialled now.
    pub(super) fn next(&mut self, now: At) -> Option<PeerKey> {
        while let Some((at, peer)) = self.waiting.first().copied()
            && at <= now
        {
            self.waiting.pop_first();
            self.ready.extend(self.of.get(&peer).map(|turn| (*turn, peer)));
        }
        self.ready.first().map(|(_, peer)| *peer)
    }

    /// Who may be dialled by then.
    pub(super) fn until(&self, then: At) -> impl Iterator<Item = PeerKey> + '_ {
        let soon = self.waiting.iter().take_while(move |(at, _)| *at <= then).map(|(_, peer)| *peer);
        self.ready.iter().map(|(_, peer)| *peer).chain(soon)
    }

    /// Who may be dialled later than now, and when.
    pub(super) fn after(&self, now: At) -> impl Iterator<Item = (At, PeerKey)> + '_ {
        self.waiting.iter().filter(move |(at, _)| *at > now).copied()
    }
}

#[cfg(test)]
impl Due {
    pub(super) fn peers(&self) -> impl Iterator<Item = PeerKey> + '_ {
        assert_eq!(self.waiting.len() + self.ready.len(), self.of.len());
        assert!(self.waiting.iter().all(|(at, peer)| self.of(*peer) == Some(*at)));
        assert!(self.ready.iter().all(|(turn, peer)| self.of.get(peer) == Some(turn)));
        self.of.keys().copied()
    }
}

/// How long to wait before a peer is dialled again; `None`: never by itself. The first failure may be of the
/// moment (a client just starting); from then on the wait doubles, from a minute to half an hour.
pub(super) fn wait_after(cause: Cause, failures: u32, complete: bool) -> Option<Duration> {
    let doubled = match failures {
        0 => Duration::from_secs(15),
        n => Duration::from_secs(60) * 2u32.saturating_pow((n - 1).min(5)),
    };
    let doubled = doubled.min(Duration::from_secs(30 * 60));
    match cause.info().again {
        Again::Never => None,
        Again::LaterUnlessComplete | Again::AtOnceUnlessComplete if complete => None,
        Again::Later | Again::LaterUnlessComplete => Some(doubled),
        Again::AtOnce | Again::AtOnceUnlessComplete => Some(Duration::ZERO),
        Again::InAQuarterOfAnHour => Some(Duration::from_secs(15 * 60)),
        Again::InHalfAnHour => Some(Duration::from_secs(30 * 60)),
    }
}
