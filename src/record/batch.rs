//! Gathers the events of a second.

use std::collections::BTreeMap;

use crate::event::{At, Event, PeerKey, Stamped};
use crate::metainfo::PieceIndex;

/// What is written of an event, or of many alike.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Entry {
    One(Stamped),
    /// Pieces that a peer told it has, ascending.
    Haves(At, PeerKey, Vec<PieceIndex>),
}

impl Entry {
    pub(super) fn at(&self) -> At {
        match self {
            Self::One(stamped) => stamped.at,
            Self::Haves(at, ..) => *at,
        }
    }
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
    haves: BTreeMap<PeerKey, Vec<PieceIndex>>,
    latest: At,
}

impl Batcher {
    /// Takes an event in.
    pub fn push(&mut self, at: At, event: &Event) {
        self.latest = self.latest.max(at);
        match event {
            Event::Have { peer, piece } => return self.haves.entry(*peer).or_default().push(*piece),
            // All that reads or changes which pieces a peer has.
            Event::AttemptBegan { peer, .. }
            | Event::Handshaken { peer }
            | Event::Has { peer, .. }
            | Event::AttemptEnded { peer, .. } => self.let_go(*peer),
            Event::PeerMerged { gone, into } => {
                self.let_go(*gone);
                self.let_go(*into);
            }
            _ => {}
        }
        self.entries.push(Entry::One(Stamped { at, event: event.clone() }));
    }

    fn let_go(&mut self, peer: PeerKey) {
        if let Some(pieces) = self.haves.remove(&peer) {
            self.entries.push(haves(self.latest, peer, pieces));
        }
    }

    /// Everything up to now.
    pub fn take(&mut self, now: At) -> Batch {
        let until = self.latest.max(now);
        let mut entries = std::mem::take(&mut self.entries);
        entries.extend(
            std::mem::take(&mut self.haves).into_iter().map(|(peer, pieces)| haves(until, peer, pieces)),
        );
        Batch { until, entries }
    }
}

fn haves(at: At, peer: PeerKey, mut pieces: Vec<PieceIndex>) -> Entry {
    pieces.sort_unstable();
    pieces.dedup();
    Entry::Haves(at, peer, pieces)
}
