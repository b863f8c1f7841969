//! Which addresses each source may name.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::priority::priority;
use crate::event::{Finder, FinderStatus, Source, TrackerKey};
use crate::metainfo::address::{Scope, holder_of, is_allowed};

/// Whether a way to find peers of a torrent is used, and if not, why.
pub(super) fn status(private: bool, wanted: bool) -> (FinderStatus, Option<String>) {
    match (private, wanted) {
        (true, _) => (FinderStatus::Off, Some("the torrent is private".to_owned())),
        (false, false) => (FinderStatus::Off, Some("switched off".to_owned())),
        (false, true) => (FinderStatus::Pending, None),
    }
}

/// Peers that are remembered for where they see us; what later ones say adds nothing.
const MOST_SEEN_BY: usize = 64;

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
    /// Where peers see us, with the port we listen on, by who holds their addresses.
    seen_by: BTreeMap<IpAddr, SocketAddr>,
}

impl Sources {
    pub(super) fn new(private: bool) -> Self {
        Self {
            private,
            reach: BTreeMap::new(),
            finders: BTreeMap::new(),
            ours: Vec::new(),
            seen_by: BTreeMap::new(),
        }
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

    /// A peer there sees us at that address.
    pub(super) fn seen_at(&mut self, by: IpAddr, at: SocketAddr) {
        let by = holder_of(by);
        if self.seen_by.len() < MOST_SEEN_BY || self.seen_by.contains_key(&by) {
            self.seen_by.insert(by, at);
        }
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

    /// Whether the address, which may be named `by` a peer there, is known to be our own. What peers say of it counts where
    /// two of them say so, and for the one who names it: a single one keeps us from nobody whom others know.
    pub(super) fn is_ours(&self, addr: SocketAddr, by: Option<IpAddr>) -> bool {
        let is_it = |ours: &SocketAddr| {
            ours.port() == addr.port() && ours.ip().to_canonical() == addr.ip().to_canonical()
        };
        let says_so = |by: IpAddr| self.seen_by.get(&holder_of(by)).is_some_and(is_it);
        self.ours.iter().any(is_it)
            || by.is_some_and(says_so)
            || self.seen_by.values().filter(|seen_at| is_it(seen_at)).nth(1).is_some()
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
    fn where_peers_see_us_is_ours_for_who_says_so_and_by_two_of_them_for_all() {
        let mut sources = Sources::new(false);
        let ours = "203.0.113.7:6881".parse().unwrap();
        let [one, other, third] = [1, 2, 3].map(|n| IpAddr::from([198, 51, 100, n]));
        let known = |sources: &Sources| [None, Some(one), Some(other)].map(|by| sources.is_ours(ours, by));
        sources.seen_at(one, ours);
        sources.seen_at(one, ours);
        assert_eq!(known(&sources), [false, true, false]);
        sources.seen_at(other, "203.0.113.8:6881".parse().unwrap());
        assert_eq!(known(&sources), [false, true, false]);
        sources.seen_at(other, ours);
        assert_eq!(known(&sources), [true; 3]);
        assert!(!sources.is_ours("203.0.113.7:6882".parse().unwrap(), Some(one)), "somebody else there");
        // However many talk, little is remembered.
        (0..1_000u16)
            .for_each(|n| sources.seen_at(IpAddr::from([10, 0, (n / 250) as u8, (n % 250) as u8]), ours));
        assert_eq!(sources.seen_by.len(), MOST_SEEN_BY);
        assert!(sources.is_ours(ours, Some(third)));
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
