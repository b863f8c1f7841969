//! Which pieces the disk has, which it may not have yet, and when to make sure.

use std::time::Duration;

use crate::metainfo::{Bitfield, Geometry, PieceIndex};

/// The verified pieces of a torrent: synced, or written but not synced. Pure bookkeeping; `now` is the time
/// since the start of the run.
#[derive(Clone, Debug)]
pub struct DirtySet {
    geometry: Geometry,
    synced: Bitfield,
    unsynced: Bitfield,
    /// Bytes written since the last sync began.
    bytes: u64,
    /// When the first of them was written.
    since: Option<Duration>,
    syncing: bool,
    longest: Duration,
}

impl DirtySet {
    /// So many bytes written make a sync due.
    pub const MOST_BYTES: u64 = 256 << 20;
    /// But not sooner than this after the first write that it is for: where much comes, every file is synced once in
    /// a while and not all the time, which of many small files costs a tenth of the download.
    pub const SOONEST: Duration = Duration::from_secs(2);
    /// A sync is due this long after the first write that it is for, where nobody says otherwise.
    pub const LONGEST: Duration = Duration::from_secs(30);

    /// Begins with pieces found in this state; the unsynced ones count from `now`. A sync is due `longest` after the
    /// first write that it is for.
    pub fn new(
        geometry: Geometry,
        synced: Bitfield,
        unsynced: Bitfield,
        now: Duration,
        longest: Duration,
    ) -> Self {
        let since = (!unsynced.is_empty()).then_some(now);
        Self { geometry, synced, unsynced, bytes: 0, since, syncing: false, longest }
    }

    /// Pieces the disk has.
    pub fn synced(&self) -> &Bitfield {
        &self.synced
    }

    /// Pieces that are written but may not be on the disk.
    pub fn unsynced(&self) -> &Bitfield {
        &self.unsynced
    }

    /// How many pieces are here, synced or not.
    pub fn count(&self) -> u32 {
        self.synced.count() + self.unsynced.count()
    }

    /// A piece was verified and written.
    pub fn written(&mut self, piece: PieceIndex, now: Duration) {
        self.synced.clear(piece);
        self.unsynced.set(piece);
        self.bytes += u64::from(self.geometry.length_of(piece));
        self.since.get_or_insert(now);
    }

    /// Blocks of an unfinished piece were written. Their bytes count when the piece is.
    pub fn begun(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    /// A piece turned out wrong.
    pub fn lost(&mut self, piece: PieceIndex) {
        self.synced.clear(piece);
        self.unsynced.clear(piece);
    }

    /// When the next sync is due; `None` while there is nothing to sync or a sync is under way.
    pub fn deadline(&self) -> Option<Duration> {
        let since = self.since.filter(|_| !self.syncing)?;
        let soonest = Self::SOONEST.min(self.longest);
        Some(since + if self.bytes >= Self::MOST_BYTES { soonest } else { self.longest })
    }

    /// A sync begins: the pieces it is for.
    pub fn begin(&mut self) -> Vec<PieceIndex> {
        self.syncing = true;
        self.bytes = 0;
        self.since = None;
        self.unsynced.numbers().filter_map(|number| self.geometry.piece(number)).collect()
    }

    /// The sync of these pieces ended. Where it failed they stay unsynced; it is due again after the usual time.
    pub fn end(&mut self, pieces: &[PieceIndex], done: bool, now: Duration) {
        self.syncing = false;
        if !done {
            self.since.get_or_insert(now);
            return;
        }
        for &piece in pieces {
            if self.unsynced.clear(piece) {
                self.synced.set(piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn set(pieces: u64, piece_bytes: u32) -> DirtySet {
        let geometry = Geometry::new(pieces * u64::from(piece_bytes), piece_bytes).unwrap();
        let none = Bitfield::empty(geometry.piece_count());
        DirtySet::new(geometry, none.clone(), none, Duration::ZERO, DirtySet::LONGEST)
    }

    fn piece(set: &DirtySet, number: u32) -> PieceIndex {
        set.geometry.piece(number).unwrap()
    }

    #[test]
    fn a_sync_is_due_half_a_minute_after_the_first_write() {
        let mut set = set(10, 1 << 20);
        assert_eq!(set.deadline(), None);
        set.written(piece(&set, 1), 5 * SECOND);
        set.written(piece(&set, 2), 20 * SECOND);
        assert_eq!(set.deadline(), Some(35 * SECOND));
    }

    #[test]
    fn a_sync_is_due_soon_after_many_bytes() {
        let mut set = set(300, 1 << 20);
        for number in 0..256 {
            assert_eq!(set.deadline(), (number > 0).then_some(31 * SECOND));
            set.written(piece(&set, number), SECOND);
        }
        assert_eq!(set.deadline(), Some(3 * SECOND));
        set.longest = SECOND;
        assert_eq!(set.deadline(), Some(2 * SECOND), "no later than others are");
    }

    #[test]
    fn what_is_written_during_a_sync_waits_for_the_next() {
        let mut set = set(10, 1 << 20);
        set.written(piece(&set, 1), SECOND);
        let pieces = set.begin();
        assert_eq!(set.deadline(), None);
        set.written(piece(&set, 2), 2 * SECOND);
        assert_eq!(set.deadline(), None, "one at a time");
        set.end(&pieces, true, 3 * SECOND);
        assert_eq!(set.synced().numbers().collect::<Vec<_>>(), [1]);
        assert_eq!(set.unsynced().numbers().collect::<Vec<_>>(), [2]);
        assert_eq!(set.deadline(), Some(32 * SECOND));
    }

    #[test]
    fn a_failed_sync_leaves_pieces_unsynced_and_is_tried_again() {
        let mut set = set(10, 1 << 20);
        set.written(piece(&set, 1), SECOND);
        let pieces = set.begin();
        set.end(&pieces, false, 4 * SECOND);
        assert!(set.synced().is_empty());
        assert_eq!(set.deadline(), Some(34 * SECOND));
    }

    #[test]
    fn a_piece_found_wrong_is_in_neither_set() {
        let mut set = set(10, 1 << 20);
        set.written(piece(&set, 1), SECOND);
        let pieces = set.begin();
        set.lost(piece(&set, 1));
        set.end(&pieces, true, SECOND);
        assert!(set.synced().is_empty() && set.unsynced().is_empty());
    }
}
