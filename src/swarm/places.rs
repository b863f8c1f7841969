//! How the connections that a program may have are shared among its torrents.
//!
//! Anyone may take what is free; but one that has more than its even share leaves some places free for those that have
//! less: where those are taken, it lets peers go, until all that want as many have as many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Places that are left free for each torrent that has less than its share.
const KEPT_FOR_EACH: usize = 8;

/// One torrent's places among those of all. Copies are the same torrent's.
#[derive(Clone, Debug)]
pub struct Places(Arc<Mine>);

#[derive(Debug)]
struct Mine {
    all: Arc<All>,
    held: AtomicUsize,
    wants: AtomicBool,
}

#[derive(Debug, Default)]
struct All {
    /// Places that are taken.
    held: AtomicUsize,
    /// Torrents that want places.
    torrents: AtomicUsize,
}

impl Default for Places {
    /// Those of the only torrent.
    fn default() -> Self {
        Self::of(Arc::default())
    }
}

impl Places {
    fn of(all: Arc<All>) -> Self {
        Self(Arc::new(Mine { all, held: AtomicUsize::new(0), wants: AtomicBool::new(false) }))
    }

    /// Those of another torrent of the same program.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self::of(Arc::clone(&self.0.all))
    }

    /// This torrent holds `places`, and wants some or rests.
    pub fn hold(&self, places: usize, wants: bool) {
        let Mine { all, held, wants: wanted } = &*self.0;
        let before = held.swap(places, Ordering::Relaxed);
        if before != places {
            all.held.fetch_add(places, Ordering::Relaxed);
            all.held.fetch_sub(before, Ordering::Relaxed);
        }
        if wanted.swap(wants, Ordering::Relaxed) != wants {
            let change = if wants { AtomicUsize::fetch_add } else { AtomicUsize::fetch_sub };
            change(&all.torrents, 1, Ordering::Relaxed);
        }
    }

    /// The most that this torrent may have of `total`. Where two torrents take one in the same moment both are counted, and
    /// the next waits for one to be free.
    #[must_use]
    pub fn most(&self, total: usize) -> usize {
        let Mine { all, held, wants } = &*self.0;
        let taken = all.held.load(Ordering::Relaxed).saturating_sub(held.load(Ordering::Relaxed));
        let wanted = usize::from(wants.load(Ordering::Relaxed));
        let others = all.torrents.load(Ordering::Relaxed).saturating_sub(wanted);
        let left = total.saturating_sub(taken);
        if others == 0 {
            return left;
        }
        let share = (total / (others + 1)).max(1);
        let kept = (total / 4).min(KEPT_FOR_EACH.saturating_mul(others));
        left.min(share).max(left.saturating_sub(kept))
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.all.held.fetch_sub(*self.held.get_mut(), Ordering::Relaxed);
        self.all.torrents.fetch_sub(usize::from(*self.wants.get_mut()), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Torrents that take all the places they may, and give back what they have too much, until nothing changes.
    fn settled(all: &[(Places, usize)], total: usize) -> Vec<usize> {
        let mut held = vec![0; all.len()];
        for _ in 0..1000 {
            for ((places, wanted), held) in all.iter().zip(&mut held) {
                *held = places.most(total).min(*wanted);
                places.hold(*held, true);
            }
        }
        held
    }

    fn beside(wanted: &[usize]) -> Vec<(Places, usize)> {
        let first = Places::default();
        wanted.iter().map(|wanted| (first.beside(), *wanted)).collect()
    }

    #[test]
    fn the_only_torrent_has_them_all() {
        let places = Places::default();
        places.hold(70, true);
        assert_eq!(places.most(200), 200);
        let resting = places.beside();
        resting.hold(30, false);
        assert_eq!(places.most(200), 170, "a torrent that rests keeps those it has for a while");
        drop(resting);
        assert_eq!(places.most(200), 200);
    }

    #[test]
    fn torrents_that_want_as_many_get_as_many() {
        let all = beside(&[usize::MAX; 4]);
        all[0].0.hold(200, true);
        let held = settled(&all, 200);
        assert_eq!(held.iter().sum::<usize>(), 200, "{held:?}");
        assert!(held.iter().all(|held| (50..=58).contains(held)), "{held:?}");
    }

    #[test]
    fn what_one_does_not_want_others_have() {
        let held = settled(&beside(&[usize::MAX, 3, 0]), 200);
        assert!(held[0] >= 180 && held[1] == 3, "{held:?}");
    }

    #[test]
    fn however_many_torrents_there_are_each_may_have_one() {
        let all = beside(&[1; 60]);
        assert_eq!(settled(&all, 100), [1; 60]);
    }
}
