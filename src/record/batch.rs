//! Gathers the events of a second.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{At, Event, PeerKey, Subject, TorrentKey};
use crate::ledger::TorrentFacts;
use crate::metainfo::PieceIndex;

/// What is written of an event, or of many alike.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry {
    pub(super) at: At,
    pub(super) of: Subject,
    pub(super) told: Told,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Told {
    Event(Event),
    /// Pieces that a peer told it has, ascending.
    Haves(PeerKey, Vec<PieceIndex>),
    /// What the torrent is made of is known from now on: it stands in a frame of its own.
    Known(Arc<TorrentFacts>),
}

/// The events of a second or so, ready to be written.
#[derive(Clone, PartialEq, Debug)]
pub struct Batch {
    pub(super) until: At,
    pub(super) entries: Vec<Entry>,
}

impl Batch {
    /// Up to when it tells.
    pub fn until(&self) -> At {
        self.until
    }
}

/// Gathers events. What the `have`s of a peer say is held back until the second ends, or something happens that
/// depends on it.
#[derive(Clone, Debug, Default)]
pub struct Batcher {
    entries: Vec<Entry>,
    haves: BTreeMap<(TorrentKey, PeerKey), Vec<PieceIndex>>,
    latest: At,
}

impl Batcher {
    /// Takes in an event that the task of this torrent learned.
    pub fn push(&mut self, at: At, torrent: TorrentKey, event: &Event) {
        self.latest = self.latest.max(at);
        match event {
            Event::Have { peer, piece } => {
                return self.haves.entry((torrent, *peer)).or_default().push(*piece);
            }
            // All that reads or changes which pieces a peer has.
            Event::AttemptBegan { peer, .. }
            | Event::Handshaken { peer }
            | Event::Has { peer, .. }
            | Event::AttemptEnded { peer, .. }
            | Event::HungUp { peer, .. } => self.let_go(torrent, *peer),
            Event::PeerMerged { gone, into } => {
                self.let_go(torrent, *gone);
                self.let_go(torrent, *into);
            }
            _ => {}
        }
        self.entries.push(Entry { at, of: event.subject(torrent), told: Told::Event(event.clone()) });
    }

    /// Takes in what is known of a torrent from now on.
    pub fn know(&mut self, at: At, torrent: TorrentKey, facts: Arc<TorrentFacts>) {
        self.latest = self.latest.max(at);
        self.entries.push(Entry { at, of: Subject::Torrent(torrent), told: Told::Known(facts) });
    }

    fn let_go(&mut self, torrent: TorrentKey, peer: PeerKey) {
        if let Some(pieces) = self.haves.remove(&(torrent, peer)) {
            self.entries.push(haves(self.latest, torrent, peer, pieces));
        }
    }

    /// Everything up to now.
    pub fn take(&mut self, now: At) -> Batch {
        let until = self.latest.max(now);
        let mut entries = std::mem::take(&mut self.entries);
        let held_back = std::mem::take(&mut self.haves).into_iter();
        entries.extend(held_back.map(|((torrent, peer), pieces)| haves(until, torrent, peer, pieces)));
        Batch { until, entries }
    }
}

fn haves(at: At, torrent: TorrentKey, peer: PeerKey, mut pieces: Vec<PieceIndex>) -> Entry {
    pieces.sort_unstable();
    pieces.dedup();
    Entry { at, of: Subject::Torrent(torrent), told: Told::Haves(peer, pieces) }
}
