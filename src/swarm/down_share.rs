//! Shares the download limit of a program among its torrents: each that could take more gets as much as any other, and
//! what one does not use goes to the rest.
//!
//! A torrent says a few times a second what it used, and whether it could have used more; it gets its share to keep for
//! itself until it asks again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a torrent gets beyond what it used, so that it can grow, bytes a second.
const ROOM_BPS: u64 = 32 * 1024;

/// One torrent's share of a limit. Copies are the same torrent's.
#[derive(Clone, Debug)]
pub struct DownShare(Arc<Mine>);

#[derive(Debug)]
struct Mine {
    all: Arc<Mutex<All>>,
    who: u64,
}

#[derive(Debug, Default)]
struct All {
    rate_bps: Option<u64>,
    /// What each torrent that downloads would use.
    wanted: BTreeMap<u64, u64>,
    /// Limits that torrents have of their own.
    own: BTreeMap<u64, u64>,
    next: u64,
}

impl DownShare {
    /// All of a limit in bytes a second, until there are other torrents; `None`: no limit.
    pub fn new(rate_bps: Option<u64>) -> Self {
        Self::of(Arc::new(Mutex::new(All { rate_bps, ..All::default() })))
    }

    fn of(all: Arc<Mutex<All>>) -> Self {
        let who = {
            let mut all = lock(&all);
            all.next += 1;
            all.next
        };
        Self(Arc::new(Mine { all, who }))
    }

    /// That of another torrent under the same limit.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self::of(Arc::clone(&self.0.all))
    }

    /// The limit of all torrents together, bytes a second.
    #[must_use]
    pub fn limit_bps(&self) -> Option<u64> {
        self.all().rate_bps
    }

    /// Changes the limit, for all torrents.
    pub fn set(&self, rate_bps: Option<u64>) {
        self.all().rate_bps = rate_bps;
    }

    /// Changes the limit that this torrent has of its own, bytes a second; `None`: it has none.
    pub fn set_own(&self, own_bps: Option<u64>) {
        let mut all = self.all();
        match own_bps {
            Some(own_bps) => _ = all.own.insert(self.0.who, own_bps),
            None => _ = all.own.remove(&self.0.who),
        }
    }

    /// How many torrents download, at least one.
    #[must_use]
    pub fn downloading(&self) -> u64 {
        self.all().wanted.len().max(1) as u64
    }

    /// This torrent uses nothing for now.
    pub fn rest(&self) {
        self.all().wanted.remove(&self.0.who);
    }

    /// The share of a torrent that used `used_bps`, and could have used more or not.
    #[must_use]
    pub fn take(&self, used_bps: u64, more: bool) -> Option<u64> {
        let mut all = self.all();
        let own = all.own.get(&self.0.who).copied();
        let wanted = if more { u64::MAX } else { used_bps + used_bps / 4 + ROOM_BPS };
        let wanted = wanted.min(own.unwrap_or(u64::MAX));
        all.wanted.insert(self.0.who, wanted);
        let share = all.share_of(wanted);
        share.into_iter().chain(own).min()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        lock(&self.0.all)
    }
}

impl All {
    /// The share of one that wants this, being among all.
    fn share_of(&self, mine: u64) -> Option<u64> {
        let mut left = self.rate_bps?;
        let mut wanted: Vec<u64> = self.wanted.values().copied().collect();
        wanted.sort_unstable();
        let count = wanted.len() as u64;
        let mut share = 0;
        for (wanted, waiting) in wanted.into_iter().zip((1..=count).rev()) {
            let gets = wanted.min(left / waiting);
            left -= gets;
            if wanted <= mine {
                share = gets;
            }
        }
        // What nobody wants is room for all to grow.
        Some((share + left / count.max(1)).max(1))
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        let mut all = lock(&self.all);
        all.wanted.remove(&self.who);
        all.own.remove(&self.who);
    }
}

impl Default for DownShare {
    fn default() -> Self {
        Self::new(None)
    }
}

fn lock(all: &Mutex<All>) -> MutexGuard<'_, All> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    /// The shares of torrents that could use so much, after each asked a few times.
    fn shares(limit_bps: u64, could_use: &[u64]) -> Vec<u64> {
        let first = DownShare::new(Some(limit_bps));
        let torrents: Vec<DownShare> = could_use.iter().map(|_| first.beside()).collect();
        let mut shares = vec![limit_bps; could_use.len()];
        for _ in 0..50 {
            for ((torrent, could_use), share) in torrents.iter().zip(could_use).zip(&mut shares) {
                let used = (*share).min(*could_use);
                *share = torrent.take(used, *could_use > *share).unwrap();
            }
        }
        shares
    }

    #[test]
    fn torrents_that_could_all_use_more_get_the_same() {
        assert_eq!(shares(MB, &[9 * MB; 5]), [MB / 5; 5]);
        assert_eq!(shares(MB, &[9 * MB]), [MB]);
    }

    #[test]
    fn what_one_does_not_use_goes_to_the_others() {
        let shares = shares(MB, &[20_000, 9 * MB, 9 * MB]);
        assert!((20_000..80_000).contains(&shares[0]), "{shares:?}");
        assert_eq!(shares[1], shares[2]);
        assert!(shares.iter().sum::<u64>() <= MB && shares[1] > 460_000, "{shares:?}");
    }

    #[test]
    fn one_that_can_use_more_again_gets_it() {
        let one = DownShare::new(Some(MB));
        let other = one.beside();
        assert_eq!(other.take(MB, true), Some(MB));
        assert_eq!(one.take(0, false), Some(ROOM_BPS));
        assert_eq!(one.take(ROOM_BPS, true), Some(MB / 2));
        assert_eq!(other.take(MB, true), Some(MB / 2));
        assert_eq!((one.downloading(), other.downloading()), (2, 2));
        one.rest();
        assert_eq!(one.downloading(), 1);
        assert_eq!(other.take(MB / 2, true), Some(MB));
    }

    #[test]
    fn one_with_a_limit_of_its_own_leaves_the_rest_to_the_others() {
        let slow = DownShare::new(Some(4 * MB));
        let fast = slow.beside();
        slow.set_own(Some(MB));
        for _ in 0..3 {
            assert_eq!(slow.take(MB, true), Some(MB));
            assert!(fast.take(3 * MB, true) >= Some(3 * MB));
        }
        // It holds where there is no other limit, and is not that of others.
        slow.set(None);
        assert_eq!((slow.take(MB, true), fast.take(9 * MB, true)), (Some(MB), None));
        slow.set_own(None);
        assert_eq!(slow.take(MB, true), None);
    }

    #[test]
    fn without_a_limit_there_is_nothing_to_share() {
        let one = DownShare::default();
        let other = one.beside();
        assert_eq!((one.take(5, true), other.take(5, true)), (None, None));
        other.set(Some(MB));
        assert_eq!(one.limit_bps(), Some(MB));
        assert_eq!(one.take(5, true), Some(MB / 2));
    }
}
