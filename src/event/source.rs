//! Where a peer's address came from: one table, from which codes, words and policies are taken.

use serde::{Deserialize, Serialize};

use super::{Finder, PeerKey, TrackerKey};

/// Where a peer's address came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Source {
    /// This tracker named it.
    Tracker(TrackerKey),
    /// The user named it.
    Manual,
    /// It connected to us.
    Incoming,
    /// It was live when the last run ended.
    Resume,
    /// The magnet link named it (`x.pe`).
    Magnet,
    /// This peer named it (BEP 11).
    Pex(PeerKey),
    /// A node of the distributed hash table named it (BEP 5).
    Dht,
    /// It named itself on the local network (BEP 14).
    Lsd,
}

/// What holds of a source that says nothing else.
const USUAL: SourceInfo =
    SourceInfo { code: "", words: "", listens: true, chosen: false, private: true, finder: None };
/// The same of a way to find peers.
const FINDER: SourceInfo = SourceInfo { private: false, ..USUAL };

/// What the table says of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceInfo {
    /// The code other programs read, and filters of the peers.
    pub code: &'static str,
    /// How it was learned, where nothing more exact is known than the kind.
    pub words: &'static str,
    /// Whether the address is one at which it listens, so that it can be dialled.
    pub listens: bool,
    /// Whether the user chose it: dialled before others, and never given up in favour of them.
    pub chosen: bool,
    /// Whether private torrents take peers from it (BEP 27).
    pub private: bool,
    /// The way to find peers that it is, if it is neither a tracker nor a single address.
    pub finder: Option<Finder>,
}

impl Source {
    /// One of every kind.
    pub const KINDS: &[Self] = &[
        Self::Tracker(TrackerKey(0)),
        Self::Manual,
        Self::Incoming,
        Self::Resume,
        Self::Magnet,
        Self::Pex(PeerKey(0)),
        Self::Dht,
        Self::Lsd,
    ];

    /// The table's entry.
    pub fn info(self) -> &'static SourceInfo {
        match self {
            Self::Tracker(_) => &SourceInfo { code: "tracker", words: "a tracker", ..USUAL },
            Self::Manual => &SourceInfo { code: "manual", words: "by hand", chosen: true, ..USUAL },
            Self::Incoming => {
                &SourceInfo { code: "incoming", words: "it called us", listens: false, ..USUAL }
            }
            Self::Resume => &SourceInfo { code: "resume", words: "the last run", private: false, ..USUAL },
            Self::Magnet => &SourceInfo { code: "magnet", words: "the magnet link", private: false, ..USUAL },
            Self::Pex(_) => {
                &SourceInfo { code: "pex", words: "another peer", finder: Some(Finder::Pex), ..FINDER }
            }
            Self::Dht => &SourceInfo { code: "dht", words: "the DHT", finder: Some(Finder::Dht), ..FINDER },
            Self::Lsd => {
                &SourceInfo { code: "lsd", words: "the local network", finder: Some(Finder::Lsd), ..FINDER }
            }
        }
    }

    /// Whether one says no more of a peer than the other: who of all peers named it first is enough to know.
    pub fn is_as(self, other: Self) -> bool {
        self == other || (self.finder().is_some() && self.finder() == other.finder())
    }

    /// The way to find peers that it is, if it is neither a tracker nor a single address.
    pub fn finder(self) -> Option<Finder> {
        self.info().finder
    }

    /// The tracker that named it, if one did.
    pub fn tracker(self) -> Option<TrackerKey> {
        match self {
            Self::Tracker(key) => Some(key),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_source_has_a_code_and_words_of_its_own() {
        let all = Source::KINDS;
        let codes: BTreeSet<_> = all.iter().map(|source| source.info().code).collect();
        let words: BTreeSet<_> = all.iter().map(|source| source.info().words).collect();
        assert_eq!((codes.len(), words.len()), (all.len(), all.len()));
        assert!(codes.iter().chain(&words).all(|word| !word.is_empty()));
    }

    #[test]
    fn every_way_to_find_peers_is_a_source_with_its_code_that_no_private_torrent_takes() {
        for finder in Finder::ALL {
            let of: Vec<_> = Source::KINDS.iter().filter(|source| source.finder() == Some(*finder)).collect();
            let [source] = of[..] else { panic!("{finder:?} is not one source, but {of:?}") };
            assert_eq!((source.info().code, source.info().private), (finder.code(), false));
        }
    }
}
