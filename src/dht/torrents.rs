//! Which torrent is looked up when: at once when it comes, and every quarter of an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::lookup::NEAREST;
use crate::event::At;
use crate::metainfo::InfoHash;
use crate::metainfo::address::Family;

/// From one lookup of a torrent to the next. What is announced is kept for half an hour or more.
pub(super) const INTERVAL: Duration = Duration::from_secs(15 * 60);
/// The same where no node answered, and at first where few did: then twice as long each time. The first that is known may
/// lie or know nobody, before the others answer.
const SILENT_INTERVAL: Duration = Duration::from_secs(2);
/// Nodes that are not few.
const ENOUGH: u32 = NEAREST as u32;
/// As much earlier at most, by chance, so that torrents that began together do not stay together.
const SPREAD_MS: u64 = 90_000;

/// The torrents that want peers.
#[derive(Debug)]
pub(super) struct Torrents {
    families: Vec<Family>,
    announced: BTreeMap<InfoHash, bool>,
    due: BTreeSet<(Family, At, InfoHash)>,
    /// The last pause of those that few nodes answered.
    pauses: BTreeMap<(Family, InfoHash), Duration>,
}

impl Torrents {
    pub(super) fn new(families: Vec<Family>) -> Self {
        Self { families, announced: BTreeMap::new(), due: BTreeSet::new(), pauses: BTreeMap::new() }
    }

    /// A torrent comes, or is to be announced from now on, or no more.
    pub(super) fn add(&mut self, now: At, info_hash: InfoHash, announce: bool) {
        match self.announced.insert(info_hash, announce) {
            // It is known: only a first announce is worth a lookup of its own.
            Some(before) if before || !announce => {}
            _ => self.look_up(now, info_hash),
        }
    }

    /// It is looked up as soon as it can be, if it is there.
    pub(super) fn look_up(&mut self, now: At, info_hash: InfoHash) {
        if self.announced.contains_key(&info_hash) {
            self.due.retain(|(.., due)| *due != info_hash);
            self.due.extend(self.families.iter().map(|family| (*family, now, info_hash)));
        }
    }

    pub(super) fn remove(&mut self, info_hash: InfoHash) {
        self.announced.remove(&info_hash);
        self.due.retain(|(.., due)| *due != info_hash);
        self.pauses.retain(|(_, paused), _| *paused != info_hash);
    }

    /// Whether we are announced as a peer of it.
    pub(super) fn is_announced(&self, info_hash: InfoHash) -> bool {
        self.announced.get(&info_hash).copied().unwrap_or(false)
    }

    /// The torrent that waits longest to be looked up over a family.
    pub(super) fn take_due(&mut self, now: At, family: Family) -> Option<InfoHash> {
        let due = self.first(family).filter(|(_, at, _)| *at <= now)?;
        self.due.remove(&due);
        Some(due.2)
    }

    /// A lookup ended, in which `answered` nodes answered: when the next one is due.
    pub(super) fn looked_up(
        &mut self,
        now: At,
        family: Family,
        info_hash: InfoHash,
        answered: u32,
        rng: &mut fastrand::Rng,
    ) -> Option<At> {
        self.announced.get(&info_hash)?;
        let earlier = Duration::from_millis(rng.u64(..SPREAD_MS));
        let last = self.pauses.remove(&(family, info_hash));
        let pause = match answered {
            0 => SILENT_INTERVAL,
            few if few < ENOUGH => last.map_or(SILENT_INTERVAL, |last| last * 2).min(INTERVAL - earlier),
            _ => INTERVAL - earlier,
        };
        if (1..ENOUGH).contains(&answered) {
            self.pauses.insert((family, info_hash), pause);
        }
        let usual = now + pause;
        // The user may have asked for another one meanwhile.
        let waits = self.due.iter().find(|(of, _, due)| (*of, *due) == (family, info_hash));
        let next = waits.map_or(usual, |due| due.1);
        self.due.insert((family, next, info_hash));
        Some(next)
    }

    /// When the first is due over a family.
    pub(super) fn deadline(&self, family: Family) -> At {
        self.first(family).map_or(At::MAX, |(_, at, _)| at)
    }

    fn first(&self, family: Family) -> Option<(Family, At, InfoHash)> {
        let first = self.due.range((family, At::ZERO, InfoHash([0; 20]))..).next();
        first.filter(|(of, ..)| *of == family).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torrent_is_due_at_once_and_again_within_a_quarter_of_an_hour() {
        let mut rng = fastrand::Rng::with_seed(1);
        let (now, one, other) = (At::from_secs(5), InfoHash([1; 20]), InfoHash([2; 20]));
        let mut torrents = Torrents::new(vec![Family::V4]);
        torrents.add(now, one, true);
        torrents.add(now, other, false);
        assert_eq!(torrents.deadline(Family::V6), At::MAX);
        assert_eq!(torrents.take_due(now, Family::V4), Some(one));
        assert_eq!(torrents.take_due(now, Family::V4), Some(other));
        let next = torrents.looked_up(now, Family::V4, one, 8, &mut rng).unwrap();
        assert!(next <= now + INTERVAL && next > now + INTERVAL - Duration::from_millis(SPREAD_MS));
        assert_eq!(torrents.take_due(now, Family::V4), None);
        torrents.add(now, one, true);
        assert_eq!(torrents.take_due(now, Family::V4), None);
        torrents.add(now, other, true);
        assert_eq!(torrents.take_due(now, Family::V4), Some(other));
        torrents.remove(other);
        assert_eq!(torrents.looked_up(now, Family::V4, other, 8, &mut rng), None);
        torrents.look_up(now, one);
        assert_eq!(torrents.take_due(now, Family::V4), Some(one));
    }
    #[test]
    fn where_few_answered_it_is_soon_due_again_and_then_ever_later() {
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut now, one) = (At::from_secs(5), InfoHash([1; 20]));
        let mut torrents = Torrents::new(vec![Family::V4]);
        torrents.add(now, one, true);
        let mut pauses = Vec::new();
        for answered in [0, 1, 7, 4, 1, 1, 1, 1, 7, 1, 1, 1, 4, 3, 8, 7, 0] {
            assert_eq!(torrents.take_due(now, Family::V4), Some(one));
            let next = torrents.looked_up(now, Family::V4, one, answered, &mut rng).unwrap();
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses[..10], [2, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
        assert!(pauses[10..15].iter().all(|pause| (810..=900).contains(pause)), "{pauses:?}");
        assert_eq!(pauses[15..], [2, 2]);
    }
}
