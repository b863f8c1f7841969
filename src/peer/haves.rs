//! The pieces we have, in the order we got them, shared by everyone who must tell or ask.
//!
//! The torrent's task appends; each connection remembers how far it has told its peer and reads on from there. So a piece
//! costs one entry, however many peers there are.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::metainfo::{Bitfield, PieceIndex};

/// Append-only list of verified pieces, and the set of them.
#[derive(Debug)]
pub struct HaveLog {
    inner: RwLock<Inner>,
    appended: AtomicUsize,
    full: AtomicBool,
}

#[derive(Debug)]
struct Inner {
    have: Bitfield,
    log: Vec<PieceIndex>,
}

impl HaveLog {
    /// A log that begins with what was on disk.
    pub fn new(have: Bitfield) -> Self {
        let full = AtomicBool::new(have.is_full());
        Self { inner: RwLock::new(Inner { have, log: Vec::new() }), appended: AtomicUsize::new(0), full }
    }

    /// We have this piece now. Said twice, it counts once.
    pub fn append(&self, piece: PieceIndex) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if inner.have.set(piece) {
            inner.log.push(piece);
            self.full.store(inner.have.is_full(), Ordering::Release);
            self.appended.store(inner.log.len(), Ordering::Release);
        }
    }

    /// These pieces are not here any more. Peers that were told of them are refused when they ask.
    pub fn lose(&self, pieces: &[PieceIndex]) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        pieces.iter().for_each(|piece| _ = inner.have.clear(*piece));
        self.full.store(inner.have.is_full(), Ordering::Release);
    }

    /// What we have, and the place in the log from which news follows.
    pub fn snapshot(&self) -> (Bitfield, usize) {
        let inner = self.read();
        (inner.have.clone(), inner.log.len())
    }

    /// Whether we have the piece.
    pub fn has(&self, piece: PieceIndex) -> bool {
        self.read().have.has(piece)
    }

    /// Whether we have every piece. Costs no lock.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Whether the log goes on after `place`. Costs no lock.
    pub fn has_news(&self, place: usize) -> bool {
        self.appended.load(Ordering::Acquire) > place
    }

    /// Hands every piece after `place` to `tell` and moves `place` to the end.
    pub fn tell(&self, place: &mut usize, tell: impl FnMut(PieceIndex)) {
        let inner = self.read();
        inner.log[(*place).min(inner.log.len())..].iter().copied().for_each(tell);
        *place = inner.log.len();
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::Geometry;

    #[test]
    fn tells_each_reader_everything_once() {
        let geometry = Geometry::new(10, 1).unwrap();
        let pieces: Vec<PieceIndex> = geometry.pieces().collect();
        let mut had = Bitfield::empty(10);
        had.set(pieces[9]);
        let log = HaveLog::new(had);
        let (_, mut place) = log.snapshot();
        log.append(pieces[3]);
        log.append(pieces[3]);
        log.append(pieces[9]);
        assert!(log.has_news(place) && log.has(pieces[9]) && log.has(pieces[3]) && !log.has(pieces[4]));
        let mut told = Vec::new();
        log.tell(&mut place, |piece| told.push(piece));
        log.append(pieces[1]);
        log.tell(&mut place, |piece| told.push(piece));
        assert_eq!(told, [pieces[3], pieces[1]]);
        assert!(!log.has_news(place));
        let (have, place) = log.snapshot();
        assert_eq!((have.count(), place), (3, 2));
        log.lose(&[pieces[3], pieces[4]]);
        assert!(!log.has(pieces[3]) && !log.has_news(place), "nobody is told of a piece less");
        log.append(pieces[3]);
        assert!(log.has(pieces[3]) && log.has_news(place), "that it is here again is news");
    }
}
