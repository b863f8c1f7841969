//! Which peers the lists have, in which order, and the selection among them.

use super::{Model, Screen, Shown, peer};
use crate::event::PeerKey;
use crate::ledger::View;

/// Which peers are listed.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    /// The peers of the newest view that the filter takes; `None`: there is no filter.
    found: Option<Vec<PeerKey>>,
    /// The row of the selected peer when it was last listed.
    row: usize,
}

impl Model {
    /// Looks for the peers that the filter takes.
    pub(crate) fn search(&mut self, view: &View) {
        let filter = &self.filters.peers;
        self.listed.found = (!filter.is_empty()).then(|| filter.keys(view));
    }

    /// Keeps the selection on a peer that is listed: where its own left the list, on the one that took its row.
    pub(crate) fn select_listed(&mut self, view: &View) {
        let rows: Vec<PeerKey> = self.lines(view).collect();
        match rows.iter().position(|key| Some(*key) == self.selected) {
            Some(at) => self.listed.row = at,
            None => self.selected = rows.get(self.listed.row.min(rows.len().saturating_sub(1))).copied(),
        }
    }

    /// How many peers of a kind the filter takes; `None`: there is no filter.
    pub(crate) fn found(&self, view: &View, shown: Shown) -> Option<usize> {
        let found = self.listed.found.as_ref()?.iter();
        Some(found.filter(|key| peer(view, **key).is_some_and(|peer| shown.takes(peer, view.at))).count())
    }

    /// The peers of the list in the order of their rows: first the live ones, then the others.
    pub(crate) fn rows<'a>(&'a self, view: &'a View) -> impl Iterator<Item = PeerKey> + 'a {
        self.live_rows(view).chain(self.other_rows(view))
    }

    /// The live peers of the list in the order of their rows.
    pub(crate) fn live_rows<'a>(&'a self, view: &'a View) -> impl Iterator<Item = PeerKey> + 'a {
        let listed = !self.tells_of_metadata(view);
        self.order.live.iter().copied().filter(move |key| listed && self.lists(view, *key))
    }

    /// Whether the screen tells of the live peers what they say of the metadata, so that they are in no list.
    pub(crate) fn tells_of_metadata(&self, view: &View) -> bool {
        self.screen == Screen::Overview && view.metadata.is_some()
    }

    /// The other peers of the list in the order of their rows.
    pub(crate) fn other_rows<'a>(&'a self, view: &'a View) -> impl Iterator<Item = PeerKey> + 'a {
        self.order.others.iter().copied().filter(|key| self.lists(view, *key))
    }

    /// Which peers the present screen lists: the overview always all of them.
    pub(crate) fn shown_here(&self) -> Shown {
        if self.screen == Screen::Peers { self.shown } else { Shown::All }
    }

    fn lists(&self, view: &View, key: PeerKey) -> bool {
        self.listed.found.as_ref().is_none_or(|found| found.binary_search(&key).is_ok())
            && peer(view, key).is_some_and(|peer| self.shown_here().takes(peer, view.at))
    }
}
