//! What torrents tell of themselves: each its views to those who look at it, and its row to those who look at all.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::EngineError;
use crate::ledger::{Before, Standing, TorrentRow, View};
use crate::metainfo::InfoHash;
use crate::swarm::queue::Doing;

/// The newest row of every torrent, and what it does. As long as nobody looks at rows, torrents make none.
#[derive(Debug, Default)]
pub(super) struct Board {
    looked_at: AtomicBool,
    rows: Mutex<BTreeMap<InfoHash, Arc<TorrentRow>>>,
    changed: Notify,
    doings: Mutex<BTreeMap<InfoHash, Doing>>,
    moved: Notify,
}

impl Board {
    /// Whether somebody looks at it from now on.
    pub(super) fn look(&self, looks: bool) {
        self.looked_at.store(looks, Ordering::Relaxed);
    }

    /// This is the torrent's row from now on.
    pub(super) fn put(&self, row: TorrentRow) {
        let mut rows = lock(&self.rows);
        if rows.get(&row.id).is_some_and(|known| **known == row) {
            return;
        }
        rows.insert(row.id, Arc::new(row));
        drop(rows);
        self.changed.notify_one();
    }

    /// The torrent ended by itself: nothing goes on with it, and its row says why.
    pub(super) fn failed(&self, id: InfoHash, error: &EngineError) {
        let Some(row) = self.row(id) else { return };
        let standing = Standing::Failed(error.to_string());
        self.put(row.at_rest(standing));
    }

    /// The torrent has no row any more.
    pub(super) fn take(&self, id: InfoHash) {
        lock(&self.rows).remove(&id);
        self.changed.notify_one();
    }

    /// The rows of these torrents, in this order.
    pub(super) fn rows(&self, order: impl Iterator<Item = InfoHash>) -> Vec<Arc<TorrentRow>> {
        let rows = lock(&self.rows);
        order.filter_map(|id| rows.get(&id).cloned()).collect()
    }

    /// The row of this torrent.
    pub(super) fn row(&self, id: InfoHash) -> Option<Arc<TorrentRow>> {
        lock(&self.rows).get(&id).cloned()
    }

    /// The torrent does this from now on.
    pub(super) fn does(&self, id: InfoHash, doing: Doing) {
        lock(&self.doings).insert(id, doing);
        self.moved.notify_one();
    }

    /// What these torrents do, in this order.
    pub(super) fn doings(&self, order: impl Iterator<Item = InfoHash>) -> Vec<Doing> {
        let doings = lock(&self.doings);
        order.map(|id| doings.get(&id).copied().unwrap_or(Doing::Resting)).collect()
    }

    /// Ready when any does something else than it did when it was last.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }

    /// What is told of all torrents changed beside their rows.
    pub(super) fn touch(&self) {
        self.changed.notify_one();
    }

    /// Ready when rows changed since it was last.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the views of one torrent go.
#[derive(Debug)]
pub(super) struct Shown {
    views: watch::Sender<Arc<View>>,
    board: Arc<Board>,
    before: Before,
    /// The limits of the torrent alone, bytes a second: down, up.
    limits: (Option<u64>, Option<u64>),
    /// What is shown is from before it was known what is on the disk.
    is_early: bool,
}

impl Shown {
    /// Begins with a first view; who holds the other end alone does not count as somebody who looks.
    pub(super) fn begin(view: Arc<View>, board: Arc<Board>) -> (Self, watch::Receiver<Arc<View>>) {
        board.put(TorrentRow::of(&view, Before::default()));
        let (views, other_end) = watch::channel(view);
        (Self { views, board, before: Before::default(), limits: (None, None), is_early: false }, other_end)
    }

    /// The disk says that the runs before came to this.
    pub(super) fn after(&mut self, before: Before) {
        (self.before, self.is_early) = (before, true);
    }

    /// The torrent has these limits of its own from now on, bytes a second: down, up.
    pub(super) fn limited(&mut self, limits: (Option<u64>, Option<u64>)) {
        self.limits = limits;
    }

    /// The limits of its own.
    pub(super) fn limits(&self) -> (Option<u64>, Option<u64>) {
        self.limits
    }

    /// What the runs before came to.
    pub(super) fn before(&self) -> Before {
        self.before
    }

    /// Whether the next view is worth making: somebody looks at it, or the one that is shown would be kept in memory beside
    /// all that is known now.
    pub(super) fn wants_view(&self) -> bool {
        self.is_early || self.views.receiver_count() > 1 || self.board.looked_at.load(Ordering::Relaxed)
    }

    /// Shows the newest view.
    pub(super) fn show(&mut self, view: Arc<View>) {
        self.is_early = false;
        self.board.put(TorrentRow { limits: self.limits, ..TorrentRow::of(&view, self.before) });
        self.views.send_replace(view);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Phase;
    use crate::ledger::script::Script;

    #[tokio::test]
    async fn a_row_is_another_one_only_where_the_torrent_changed() {
        let board = Arc::new(Board::default());
        let mut run = Script::downloading(10);
        let view = run.view();
        let id = view.torrent.info_hash;
        let (mut shown, _other_end) = Shown::begin(view, Arc::clone(&board));
        board.changed().await;
        let first = board.row(id).unwrap();
        shown.show(run.view());
        assert!(Arc::ptr_eq(&first, &board.row(id).unwrap()));
        shown.show(run.phase(Phase::Paused).view());
        board.changed().await;
        assert_eq!(board.row(id).unwrap().standing, Standing::Paused);
        board.failed(id, &EngineError::Internal);
        assert_eq!(board.row(id).unwrap().why(), EngineError::Internal.to_string());
        board.take(id);
        assert!(board.rows([id].into_iter()).is_empty());
    }

    #[test]
    fn nobody_looks_who_only_holds_the_other_end() {
        let board = Arc::new(Board::default());
        let (shown, other_end) = Shown::begin(Script::downloading(1).view(), Arc::clone(&board));
        assert!(!shown.wants_view());
        let looks = other_end.clone();
        assert!(shown.wants_view());
        drop(looks);
        assert!(!shown.wants_view() && other_end.has_changed().is_ok());
        board.look(true);
        assert!(shown.wants_view());
    }
}
