//! Hashes what is on the disk once more while the torrent runs, and tells the decisions what was found.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::TorrentTask;
use super::disk::Blocks;
use super::inbox::Rechecking;
use crate::event::Event;
use crate::metainfo::{Bitfield, PieceIndex};
use crate::swarm::Input;

impl TorrentTask {
    /// Begins, on threads of its own.
    pub(super) fn recheck(&mut self, pieces: Bitfield) {
        // The user who asked for it sees at once that it began.
        self.emit(self.clock.now(), &Event::Checked { done: 0, of: pieces.count() });
        let Some(store) = self.store() else { return };
        let (keeper, cancel) = (Arc::clone(&store.keeper), Arc::clone(&store.recheck_cancel));
        let told = self.outlets.rechecks.clone();
        // In whole percent: a message for every piece would be thousands.
        let percent = AtomicU32::new(u32::MAX);
        let progress = {
            let told = told.clone();
            move |done: u32, of: u32| {
                let now = (u64::from(done) * 100 / u64::from(of.max(1))) as u32;
                if percent.swap(now, Ordering::Relaxed) != now {
                    // Nobody listens only when the run is over.
                    let _ = told.send(Rechecking::Progress(done, of));
                }
            }
        };
        self.tasks.spawn(async move {
            let hashing = tokio::task::spawn_blocking(move || keeper.recheck(&pieces, &progress, &cancel));
            if let Ok(found) = hashing.await {
                let _ = told.send(Rechecking::Done(found));
            }
        });
    }

    pub(super) fn rechecking(&mut self, told: Rechecking) {
        match told {
            Rechecking::Progress(done, of) => self.emit(self.clock.now(), &Event::Checked { done, of }),
            Rechecking::Done(Ok(verdicts)) if !verdicts.finished => {}
            Rechecking::Done(found) => {
                let good = found.map(|verdicts| verdicts.good).map_err(|error| error.to_string());
                self.feed(Input::Rechecked(good));
                self.publish(self.clock.now());
            }
        }
    }

    /// These pieces are wrong on the disk: they are served to nobody, and remembered as missing.
    pub(super) fn lose(&mut self, pieces: &[PieceIndex]) {
        if !pieces.is_empty()
            && let Blocks::Kept(store) = &self.blocks
        {
            self.common.holdings.haves.lose(pieces);
            store.keeper.lost(pieces);
        }
    }

    /// These pieces are on the disk, wherever they came from.
    pub(super) fn found(&mut self, pieces: &[PieceIndex]) {
        let Blocks::Kept(store) = &self.blocks else { return };
        for piece in pieces {
            store.keeper.written(*piece);
            self.common.holdings.haves.append(*piece);
        }
    }
}
