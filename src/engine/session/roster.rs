//! The torrents of a session in the order of its queue, and those that were forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::watch;

use super::TorrentOptions;
use super::handle::{Running, TorrentHandle};
use crate::engine::wanted::Wanted;
use crate::ledger::View;
use crate::metainfo::InfoHash;

/// One torrent: what it takes to begin it, and its last run.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) wanted: Wanted,
    pub(super) options: TorrentOptions,
    pub(super) running: Running,
    pub(super) views: watch::Receiver<Arc<View>>,
}

impl Entry {
    pub(super) fn handle(&self) -> TorrentHandle {
        // One that idles showed nothing as long as nobody looked.
        self.running.show();
        TorrentHandle {
            info_hash: self.wanted.info_hash(),
            views: self.views.clone(),
            running: self.running.clone(),
        }
    }
}

/// All torrents.
#[derive(Debug, Default)]
pub(super) struct Roster {
    order: Vec<InfoHash>,
    entries: BTreeMap<InfoHash, Entry>,
    /// The last last, each with the place it had.
    forgotten: Vec<(usize, Entry)>,
    /// Those that do not come back, until they have ended.
    released: Vec<Entry>,
    /// How long each seeded in this session, milliseconds, however often it began.
    seeded: BTreeMap<InfoHash, Arc<AtomicU64>>,
}

impl Roster {
    pub(super) fn get(&self, id: InfoHash) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// Takes a torrent in at the end, or puts a new run in the place of its last.
    pub(super) fn put(&mut self, id: InfoHash, entry: Entry) {
        if self.entries.insert(id, entry).is_none() {
            self.order.push(id);
        }
    }

    /// Where it counts how long it seeds.
    pub(super) fn seeded(&mut self, id: InfoHash) -> Arc<AtomicU64> {
        Arc::clone(self.seeded.entry(id).or_default())
    }

    pub(super) fn remove(&mut self, id: InfoHash) {
        self.take(id);
    }

    /// Keeps it aside, so that it can come back.
    pub(super) fn forget(&mut self, id: InfoHash) -> Option<&Entry> {
        let forgotten = self.take(id)?;
        self.forgotten.push(forgotten);
        self.forgotten.last().map(|(_, entry)| entry)
    }

    /// It has these limits of its own, also when it begins again.
    pub(super) fn limited(&mut self, id: InfoHash, limits: (Option<u64>, Option<u64>)) {
        self.entries.entry(id).and_modify(|entry| entry.options.limits = limits);
    }

    /// Takes it out for good.
    pub(super) fn release(&mut self, id: InfoHash) -> Option<Running> {
        let (_, entry) = self.take(id)?;
        let running = entry.running.clone();
        self.released.push(entry);
        Some(running)
    }

    /// Those that were released and have not ended yet.
    pub(super) fn leaving(&mut self) -> Vec<InfoHash> {
        self.released.retain(|entry| !entry.running.is_over());
        self.released.iter().map(|entry| entry.wanted.info_hash()).collect()
    }

    /// The torrent that was forgotten last, unless it was added again, and the place it had.
    pub(super) fn forgotten(&mut self) -> Option<(usize, Entry)> {
        while let Some((place, entry)) = self.forgotten.pop() {
            if !self.entries.contains_key(&entry.wanted.info_hash()) {
                return Some((place, entry));
            }
        }
        None
    }

    /// Has it stand at this place, from 0, or last.
    pub(super) fn place(&mut self, id: InfoHash, place: usize) {
        if let Some(from) = self.order.iter().position(|known| *known == id) {
            let id = self.order.remove(from);
            self.order.insert(place.min(self.order.len()), id);
        }
    }

    /// Has it change places with the one before it, or with the one behind it. Whether there is one.
    pub(super) fn swap(&mut self, id: InfoHash, earlier: bool) -> bool {
        let Some(from) = self.order.iter().position(|known| *known == id) else { return false };
        let other = if earlier { from.checked_sub(1) } else { Some(from + 1) };
        let other = other.filter(|other| *other < self.order.len());
        other.inspect(|other| self.order.swap(from, *other)).is_some()
    }

    pub(super) fn order(&self) -> impl Iterator<Item = InfoHash> {
        self.order.iter().copied()
    }

    /// Every torrent, in the order of the queue.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.order.iter().filter_map(|id| self.entries.get(id))
    }

    /// The last run of every torrent, those included that were forgotten or released.
    pub(super) fn runs(&self) -> impl Iterator<Item = &Running> {
        let gone = self.forgotten.iter().map(|(_, entry)| entry).chain(&self.released);
        self.entries().chain(gone).map(|entry| &entry.running)
    }

    fn take(&mut self, id: InfoHash) -> Option<(usize, Entry)> {
        let entry = self.entries.remove(&id)?;
        let place = self.order.iter().position(|known| *known == id).unwrap_or(self.order.len());
        self.order.retain(|known| *known != id);
        Some((place, entry))
    }
}
