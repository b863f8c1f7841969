//! What becomes known of the session and not of a torrent: each torrent hears it, so that it is shown and written down
//! with the torrent.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::event::{At, Event};

/// Facts that are kept for torrents which begin later.
const MOST_KEPT: usize = 256;

/// Sums are told this often while they grow.
const SUMS_EVERY: At = At::from_secs(5);

/// The facts that hold now: what a newer one replaces is gone.
#[derive(Debug, Default)]
pub(super) struct SessionFacts(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    /// With their numbers, which only rise.
    kept: VecDeque<(u64, At, Event)>,
    told: u64,
}

impl SessionFacts {
    /// Something became known.
    pub(super) fn tell(&self, at: At, event: Event) {
        let mut facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        facts.kept.retain(|(_, _, known)| !event.replaces(known));
        if facts.kept.len() == MOST_KEPT {
            facts.kept.pop_front();
        }
        facts.told += 1;
        let number = facts.told;
        facts.kept.push_back((number, at, event));
    }

    /// A sum, which grew or not: told where it did, and not all the time.
    pub(super) fn tell_sum(&self, now: At, sum: Event) {
        let told = {
            let facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let last = facts.kept.iter().find(|(_, _, known)| sum.replaces(known));
            last.map(|(_, at, known)| now.saturating_sub(*at) < SUMS_EVERY || *known == sum)
        };
        if !told.unwrap_or_else(|| sum.counts_nothing()) {
            self.tell(now, sum);
        }
    }

    /// What became known since the fact of this number, which becomes that of the newest.
    pub(super) fn since(&self, number: &mut u64) -> Vec<(At, Event)> {
        let facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = std::mem::replace(number, facts.told);
        let newer = facts.kept.iter().skip_while(|(number, ..)| *number <= seen);
        newer.map(|(_, at, event)| (*at, event.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{DhtFact, Family};

    #[test]
    fn who_looks_late_hears_what_holds_and_who_looked_before_what_is_new() {
        let facts = SessionFacts::default();
        let nodes = |good| Event::Dht(DhtFact::Nodes { family: Family::V4, good, doubtful: 0 });
        let at = At::from_secs;
        facts.tell(at(1), Event::OtherPackets { packets: 1 });
        let mut early = 0;
        assert_eq!(facts.since(&mut early), [(at(1), Event::OtherPackets { packets: 1 })]);
        (2..2000).for_each(|n| facts.tell(at(n), nodes(n as u32)));
        let expected = (at(1999), nodes(1999));
        assert_eq!(facts.since(&mut early), std::slice::from_ref(&expected));
        assert!(facts.since(&mut early).is_empty());
        assert_eq!(facts.since(&mut 0), [(at(1), Event::OtherPackets { packets: 1 }), expected]);
    }

    #[test]
    fn a_sum_is_told_when_it_grew_and_every_five_seconds_at_most() {
        let facts = SessionFacts::default();
        let mut seen = 0;
        let mut told = |second, packets| {
            facts.tell_sum(At::from_secs(second), Event::OtherPackets { packets });
            facts.since(&mut seen).len()
        };
        let table = [(1, 0, 0), (2, 7, 1), (3, 8, 0), (7, 8, 1), (60, 8, 0), (61, 9, 1)];
        for (second, packets, expected) in table {
            assert_eq!(told(second, packets), expected, "{packets} packets after {second} s");
        }
    }

    #[test]
    fn no_more_than_some_are_kept() {
        let facts = SessionFacts::default();
        let asked = |port: u16| Event::Dht(DhtFact::BootstrapAsked { addr: ([192, 0, 2, 1], port).into() });
        (0..2000).for_each(|port| facts.tell(At::ZERO, asked(port)));
        let kept = facts.since(&mut 0);
        assert_eq!((kept.len(), &kept.last().unwrap().1), (MOST_KEPT, &asked(1999)));
    }
}
