//! Whom to dial when, and how long to wait after a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::event::{Again, At, Cause, PeerKey};

/// When each peer may be dialled; who is not in it is not dialled by itself.
#[derive(Debug, Default)]
pub(super) struct Due {
    order: BTreeSet<(At, PeerKey)>,
    of: BTreeMap<PeerKey, At>,
}

impl Due {
    /// Sets when the peer may be dialled.
    pub(super) fn set(&mut self, peer: PeerKey, at: Option<At>) {
        let before = match at {
            Some(at) => self.of.insert(peer, at),
            None => self.of.remove(&peer),
        };
        if let Some(before) = before {
            self.order.remove(&(before, peer));
        }
        self.order.extend(at.map(|at| (at, peer)));
    }

    /// When the peer may be dialled.
    pub(super) fn of(&self, peer: PeerKey) -> Option<At> {
        self.of.get(&peer).copied()
    }

    /// Who may be dialled first, and when.
    pub(super) fn first(&self) -> Option<(At, PeerKey)> {
        self.order.first().copied()
    }

    /// Who may be dialled by then.
    pub(super) fn until(&self, then: At) -> impl Iterator<Item = PeerKey> + '_ {
        self.order.iter().take_while(move |(at, _)| *at <= then).map(|(_, peer)| *peer)
    }

    /// Who may be dialled later than now, and when.
    pub(super) fn after(&self, now: At) -> impl Iterator<Item = (At, PeerKey)> + '_ {
        self.order.iter().filter(move |(at, _)| *at > now).copied()
    }
}

#[cfg(test)]
impl Due {
    pub(super) fn peers(&self) -> impl Iterator<Item = PeerKey> + '_ {
        assert_eq!(self.order.len(), self.of.len());
        assert!(self.order.iter().all(|(at, peer)| self.of.get(peer) == Some(at)));
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
