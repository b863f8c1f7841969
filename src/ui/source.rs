//! Where data comes from: a tracker or another way to find peers, and servers that give the files.

use std::sync::Arc;

use crate::event::Source;
use crate::ledger::{FinderRecord, PeerRecord, TrackerRecord, View, WayIn, WebSeedRecord};

/// One of them.
#[derive(Clone, Debug)]
pub(crate) enum SourceRecord {
    /// A tracker.
    Tracker(Arc<TrackerRecord>),
    /// Another way to find peers.
    Finder(FinderRecord),
    /// A server that gives the files (BEP 19).
    WebSeed(WebSeedRecord),
    /// The way in through the router, with how many called us, and of those shook hands.
    WayIn(WayIn, (u32, u32)),
}

/// How many there are.
pub(crate) fn count(view: &View) -> usize {
    view.trackers.len() + view.finders.len() + view.web_seeds.len() + usize::from(way_in(view).is_some())
}

/// All of them, the trackers first.
pub(crate) fn all(view: &View) -> impl Iterator<Item = SourceRecord> + '_ {
    let trackers = view.trackers.iter().map(|tracker| SourceRecord::Tracker(Arc::clone(tracker)));
    let finders = view.finders.iter().cloned().map(SourceRecord::Finder);
    let web_seeds = view.web_seeds.iter().cloned().map(SourceRecord::WebSeed);
    trackers.chain(finders).chain(web_seeds).chain(way_in(view))
}

/// The way in, where one was looked for.
fn way_in(view: &View) -> Option<SourceRecord> {
    let looked_for = !view.session.mapping.is_empty();
    looked_for.then(|| SourceRecord::WayIn(view.session.way_in(), view.callers()))
}

/// The one at this place among all, or the last one.
pub(crate) fn at(view: &View, place: usize) -> Option<SourceRecord> {
    all(view).nth(place.min(count(view).checked_sub(1)?))
}

impl SourceRecord {
    /// What it is called: a URL, or words.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Tracker(tracker) => &tracker.url,
            Self::Finder(record) => record.finder.words(),
            Self::WebSeed(record) => &record.url,
            Self::WayIn(..) => "the way in (port mapping)",
        }
    }

    /// The tracker, where it is one.
    pub(crate) fn tracker(&self) -> Option<&TrackerRecord> {
        match self {
            Self::Tracker(tracker) => Some(tracker),
            Self::Finder(_) | Self::WebSeed(_) | Self::WayIn(..) => None,
        }
    }

    /// Peers in the table that it named, and how many of them shook hands.
    pub(crate) fn peers(&self) -> (u32, u32) {
        match self {
            Self::Tracker(tracker) => (tracker.peers, tracker.handshaken),
            Self::Finder(record) => (record.peers, record.handshaken),
            Self::WebSeed(_) => (0, 0),
            Self::WayIn(_, callers) => *callers,
        }
    }

    /// Whether it named the peer.
    pub(crate) fn named(&self, peer: &PeerRecord) -> bool {
        peer.sources.iter().any(|source| match self {
            Self::Tracker(tracker) => source.tracker() == Some(tracker.key),
            Self::Finder(record) => source.finder() == Some(record.finder),
            Self::WebSeed(_) => false,
            Self::WayIn(..) => *source == Source::Incoming,
        })
    }
}
