//! Which addresses each source may name.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::priority::priority;
use crate::event::{Finder, FinderStatus, Source, TrackerKey};
use crate::metainfo::address::{Scope, is_allowed};

/// Whether a way to find peers of a torrent is used, and if not, why.
pub(super) fn status(private: bool, wanted: bool) -> (FinderStatus, Option<String>) {
    match (private, wanted) {
        (true, _) => (FinderStatus::Off, Some("the torrent is private".to_owned())),
        (false, false) => (FinderStatus::Off, Some("switched off".to_owned())),
        (false, true) => (FinderStatus::Pending, None),
    }
}

/// Judges what sources name.
#[derive(Debug)]
pub(super) struct Sources {
    /// The torrent is private: only sources that such a torrent takes peers from are heard (BEP 27).
    private: bool,
    /// How far each tracker is from us: it names peers as near as it is itself, or farther.
    reach: BTreeMap<TrackerKey, Scope>,
    /// The same of other ways to find peers: of the one that named some last.
    finders: BTreeMap<Finder, Scope>,
    /// Where trackers see us, with the port we listen on.
    ours: Vec<SocketAddr>,
}

impl Sources {
    pub(super) fn new(private: bool) -> Self {
        Self { private, reach: BTreeMap::new(), finders: BTreeMap::new(), ours: Vec::new() }
    }

    /// The torrent turns out to be private.
    pub(super) fn turn_private(&mut self) {
        self.private = true;
    }

    /// The tracker answered: it is this far, and sees us there.
    pub(super) fn reached(&mut self, tracker: TrackerKey, scope: Scope, seen_at: Option<SocketAddr>) {
        self.reach.insert(tracker, scope);
        self.ours.extend(seen_at.filter(|seen_at| !self.ours.contains(seen_at)));
    }

    /// What comes next is named by one so far from us.
    pub(super) fn found_by(&mut self, finder: Finder, scope: Scope) {
        self.finders.insert(finder, scope);
    }

    /// Whether the torrent is private.
    pub(super) fn is_private(&self) -> bool {
        self.private
    }

    /// Whether the source is heard at all.
    pub(super) fn hears(&self, source: Source) -> bool {
        !self.private || source.info().private
    }

    /// Whether the source, `reach` from us where it is a peer, may name the address, and a peer can be there. The user, and
    /// this machine, name any.
    pub(super) fn may_name(&self, source: Source, reach: Option<Scope>, addr: SocketAddr) -> bool {
        let by_tracker = || source.tracker().and_then(|tracker| self.reach.get(&tracker).copied());
        let by_finder = || source.finder().and_then(|finder| self.finders.get(&finder).copied());
        let scope = reach.or_else(by_tracker).or_else(by_finder);
        let is_caller = !source.info().listens;
        is_caller || is_allowed(scope.unwrap_or(Scope::Loopback), addr, &self.ours)
    }

    /// Whether the address is known to be our own.
    pub(super) fn is_ours(&self, addr: SocketAddr) -> bool {
        self.ours
            .iter()
            .any(|ours| ours.port() == addr.port() && ours.ip().to_canonical() == addr.ip().to_canonical())
    }

    /// How much the peer there and we are to prefer each other (BEP 40), once it is known where others see us.
    pub(super) fn priority(&self, addr: SocketAddr) -> Option<u32> {
        self.ours.iter().find_map(|ours| priority(*ours, addr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::PeerKey;

    const FAR: Source = Source::Tracker(TrackerKey(1));

    #[test]
    fn a_tracker_names_peers_as_near_as_itself_or_farther_and_the_user_any() {
        let mut sources = Sources::new(false);
        sources.reached(TrackerKey(0), Scope::Loopback, None);
        sources.reached(TrackerKey(1), Scope::Public, Some("203.0.113.7:6881".parse().unwrap()));
        for (addr, far) in [
            ("198.51.100.1:6881", true),
            ("127.0.0.1:6881", false),
            ("203.0.113.7:22", false),
            ("203.0.113.7:6881", true),
        ] {
            let addr = addr.parse().unwrap();
            assert_eq!(sources.may_name(FAR, None, addr), far, "{addr}");
            let by_peer = |scope| sources.may_name(Source::Pex(PeerKey(0)), Some(scope), addr);
            assert_eq!((by_peer(Scope::Public), by_peer(Scope::Loopback)), (far, true), "{addr}");
            for near in [Source::Tracker(TrackerKey(0)), Source::Manual, Source::Resume, Source::Incoming] {
                assert!(sources.may_name(near, None, addr), "{near:?} names {addr}");
            }
        }
    }

    #[test]
    fn nobody_names_what_cannot_be_a_peer_and_who_calls_is_one() {
        let sources = Sources::new(false);
        let nowhere = "198.51.100.1:0".parse().unwrap();
        assert!(!sources.may_name(Source::Manual, None, nowhere));
        assert!(!sources.may_name(Source::Resume, None, nowhere));
        assert!(sources.may_name(Source::Incoming, None, "[fe80::1]:6881".parse().unwrap()));
    }

    #[test]
    fn a_private_torrent_takes_no_peers_of_the_last_run() {
        for (private, resume) in [(false, true), (true, false)] {
            let sources = Sources::new(private);
            assert_eq!(sources.hears(Source::Resume), resume);
            assert_eq!(sources.hears(Source::Pex(PeerKey(0))), resume);
            assert!(sources.hears(FAR) && sources.hears(Source::Manual) && sources.hears(Source::Incoming));
        }
    }
}
