//! Whose turn it is: how many torrents of a program are active at once, and which.
//!
//! A torrent that downloads holds one of a number of places. One for which nothing comes gives its place to the next, and
//! stays active as long as not too many are: when its pieces come again, those behind it make room. Fetching metadata
//! holds no place, and neither does seeding, which has a number of its own.

use std::time::Duration;

use crate::event::Queued;

/// As long as nothing came for this long, a torrent that downloads holds no place.
pub const STALLED_AFTER: Duration = Duration::from_secs(30);
/// How many torrents may be active for each place: those that hold none included.
const ACTIVE_A_PLACE: u32 = 3;

/// How many torrents may be active at once; `None`: any number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueLimits {
    /// Those that download.
    pub downloading: Option<u32>,
    /// Those that seed.
    pub seeding: Option<u32>,
    /// Those that fetch their metadata.
    pub metadata: Option<u32>,
}

impl QueueLimits {
    /// No torrent waits for another.
    pub const NONE: Self = Self { downloading: None, seeding: None, metadata: None };

    /// The usual number that fetch their metadata.
    pub const METADATA: u32 = 20;
}

/// What a torrent does, or would do if it had its turn.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Doing {
    /// Nothing, by the user's will or for want of a disk; or that is not known yet.
    Resting,
    /// It asks for its metadata.
    Metadata,
    /// It downloads.
    Downloading {
        /// Nothing came for [`STALLED_AFTER`].
        stalled: bool,
    },
    /// It seeds.
    Seeding {
        /// It was given on as often, or for as long, as it should.
        enough: bool,
    },
}

/// Gives turns to torrents in the order of the queue: for each why it has to wait, or `None` where it is its turn.
pub fn turns<I>(limits: QueueLimits, torrents: I) -> impl Iterator<Item = Option<Queued>>
where
    I: IntoIterator<Item = Doing>,
{
    let mut used = Used::default();
    torrents.into_iter().map(move |doing| used.turn(limits, doing))
}

/// How many had their turn.
#[derive(Default)]
struct Used {
    /// They hold places.
    downloading: u32,
    /// The same and those for which nothing comes.
    active: u32,
    metadata: u32,
    seeding: u32,
}

impl Used {
    fn turn(&mut self, limits: QueueLimits, doing: Doing) -> Option<Queued> {
        match doing {
            Doing::Resting => None,
            Doing::Metadata => take(&mut self.metadata, limits.metadata, |most| Queued::Metadata { most }),
            Doing::Seeding { enough: true } => Some(Queued::Enough),
            Doing::Seeding { enough: false } => {
                take(&mut self.seeding, limits.seeding, |most| Queued::Seeding { most })
            }
            Doing::Downloading { stalled } => {
                let places = limits.downloading;
                if !stalled && places.is_some_and(|most| self.downloading >= most) {
                    return places.map(|most| Queued::Downloading { most });
                }
                let most_active = places.map(|most| most.saturating_mul(ACTIVE_A_PLACE));
                let waits = take(&mut self.active, most_active, |most| Queued::Stalled { most });
                if waits.is_none() && !stalled {
                    self.downloading += 1;
                }
                waits
            }
        }
    }
}

/// Takes a place, where one is left; else why there is none.
fn take(used: &mut u32, most: Option<u32>, why: fn(u32) -> Queued) -> Option<Queued> {
    if most.is_some_and(|most| *used >= most) {
        return most.map(why);
    }
    *used += 1;
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOWS: Doing = Doing::Downloading { stalled: false };
    const STALLED: Doing = Doing::Downloading { stalled: true };
    const SEEDS: Doing = Doing::Seeding { enough: false };

    fn limits(downloading: u32) -> QueueLimits {
        QueueLimits { downloading: Some(downloading), seeding: Some(3), metadata: Some(4) }
    }

    fn of(downloading: u32, torrents: &[Doing]) -> Vec<Option<Queued>> {
        turns(limits(downloading), torrents.iter().copied()).collect()
    }

    #[test]
    fn the_first_download_and_the_next_wait_for_them() {
        let wait = Some(Queued::Downloading { most: 2 });
        assert_eq!(of(2, &[FLOWS; 4]), [None, None, wait, wait]);
        assert_eq!(of(2, &[Doing::Resting, FLOWS, SEEDS, FLOWS, FLOWS]), [None, None, None, None, wait]);
        assert!(turns(QueueLimits::NONE, [FLOWS; 500]).all(|waits| waits.is_none()));
    }

    #[test]
    fn one_for_which_nothing_comes_gives_its_place_to_the_next_up_to_three_times_as_many() {
        assert_eq!(of(1, &[STALLED, FLOWS]), [None, None]);
        let wait = Some(Queued::Stalled { most: 3 });
        assert_eq!(of(1, &[STALLED, STALLED, STALLED, STALLED, FLOWS]), [None, None, None, wait, wait]);
        // What comes again at the first takes the place back.
        assert_eq!(of(1, &[FLOWS, FLOWS]), [None, Some(Queued::Downloading { most: 1 })]);
    }

    #[test]
    fn metadata_and_seeding_hold_no_place_and_have_numbers_of_their_own() {
        let torrents = [[Doing::Metadata; 5], [SEEDS; 5]].concat();
        let turns = of(1, &[&torrents[..], &[FLOWS]].concat());
        assert_eq!(turns[3..6], [None, Some(Queued::Metadata { most: 4 }), None]);
        assert_eq!(
            turns[7..],
            [None, Some(Queued::Seeding { most: 3 }), Some(Queued::Seeding { most: 3 }), None]
        );
        assert_eq!(of(1, &[Doing::Seeding { enough: true }, SEEDS]), [Some(Queued::Enough), None]);
    }

    /// Torrents of any kind in any order: no limit is passed, nobody waits while there is room, and turns go by order.
    #[test]
    fn whatever_torrents_do_no_limit_is_passed_and_nobody_waits_without_need() {
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let most = random.u32(1..6);
            let kinds = [Doing::Resting, Doing::Metadata, FLOWS, STALLED, SEEDS];
            let torrents: Vec<Doing> = (0..random.usize(0..40)).map(|_| kinds[random.usize(..5)]).collect();
            let turns = of(most, &torrents);
            let count = |doing: Doing| {
                torrents.iter().zip(&turns).filter(|(it, waits)| **it == doing && waits.is_none()).count()
                    as u32
            };
            let active = count(FLOWS) + count(STALLED);
            assert!(count(FLOWS) <= most && active <= 3 * most, "{torrents:?} {turns:?}");
            assert!(count(Doing::Metadata) <= 4 && count(SEEDS) <= 3);
            for (doing, waits) in torrents.iter().zip(&turns) {
                let full = match waits {
                    None => true,
                    Some(Queued::Downloading { .. }) => count(FLOWS) == most && *doing == FLOWS,
                    Some(Queued::Stalled { .. }) => active == 3 * most,
                    Some(Queued::Metadata { .. }) => count(Doing::Metadata) == 4,
                    Some(Queued::Seeding { .. }) => count(SEEDS) == 3,
                    Some(Queued::Enough) => false,
                };
                assert!(full, "{torrents:?} {turns:?}");
            }
        }
    }
}
