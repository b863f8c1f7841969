//! Whom to serve: tit for tat with one optimistic turn (BEP 3, "Choking and Optimistic Unchoking").

use std::time::Duration;

use super::ConnKey;
use crate::event::At;

/// How often the choice is made anew.
pub(super) const ROUND: Duration = Duration::from_secs(10);
/// How long an optimistic turn lasts.
const OPTIMISTIC_TURN: Duration = Duration::from_secs(30);

/// What the choice looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    pub(super) conn: ConnKey,
    /// What it sends us while we download, what it takes from us while we seed; bytes a second.
    pub(super) worth_bps: u64,
    /// Since when it has been waiting for its turn: since it was last served, or connected.
    pub(super) waits_since: At,
    pub(super) unchoked: bool,
}

/// Remembers whose optimistic turn it is.
#[derive(Debug, Default)]
pub(super) struct Choker {
    optimistic: Option<(ConnKey, At)>,
}

impl Choker {
    /// The connections to serve, at most `slots`: the worthiest, and one that gets its chance.
    pub(super) fn choose(
        &mut self,
        now: At,
        candidates: &[Candidate],
        slots: usize,
        random: &mut fastrand::Rng,
    ) -> Vec<ConnKey> {
        let mut ranked: Vec<&Candidate> = candidates.iter().collect();
        if ranked.len() <= slots {
            return ranked.iter().map(|candidate| candidate.conn).collect();
        }
        if slots == 0 {
            return Vec::new();
        }
        // Among equals the one being served stays: changing turns costs both a round trip.
        ranked.sort_by_key(|candidate| {
            (std::cmp::Reverse((candidate.worth_bps, candidate.unchoked)), candidate.conn)
        });
        let (regular, others) = ranked.split_at(slots - 1);
        let mut chosen: Vec<ConnKey> = regular.iter().map(|candidate| candidate.conn).collect();
        let holds = self
            .optimistic
            .filter(|(conn, until)| now < *until && others.iter().any(|candidate| candidate.conn == *conn));
        let turn = holds.unwrap_or_else(|| {
            // Chance alone leaves some without a turn for very long; the longest waiting first would leave it to
            // those who come again and again under new names.
            let weight = |candidate: &Candidate| now.saturating_sub(candidate.waits_since).as_secs() + 10;
            let mut ticket = random.u64(..others.iter().map(|candidate| weight(candidate)).sum::<u64>());
            let lucky = others.iter().find(|candidate| match ticket.checked_sub(weight(candidate)) {
                Some(left) => {
                    ticket = left;
                    false
                }
                None => true,
            });
            (lucky.unwrap_or(&others[0]).conn, now + OPTIMISTIC_TURN)
        });
        self.optimistic = Some(turn);
        chosen.push(turn.0);
        chosen
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn candidate(conn: u32, worth_bps: u64) -> Candidate {
        Candidate { conn: ConnKey(conn), worth_bps, waits_since: At::ZERO, unchoked: false }
    }

    #[test]
    fn serves_everybody_while_there_is_room() {
        let mut random = fastrand::Rng::with_seed(1);
        let few = [candidate(1, 0), candidate(2, 5)];
        assert_eq!(Choker::default().choose(At::ZERO, &few, 4, &mut random).len(), 2);
    }

    #[test]
    fn serves_the_worthiest_and_gives_the_others_turns() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut choker = Choker::default();
        let many: Vec<Candidate> = (0..10).map(|n| candidate(n, u64::from(n) * 100)).collect();
        let mut lucky = BTreeSet::new();
        for round in 0..200 {
            let chosen = choker.choose(ROUND * round, &many, 4, &mut random);
            assert_eq!(chosen[..3], [ConnKey(9), ConnKey(8), ConnKey(7)]);
            lucky.insert(chosen[3]);
        }
        assert_eq!(lucky.len(), 7, "every other peer had a turn");
    }

    #[test]
    fn an_optimistic_turn_lasts_thirty_seconds() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut choker = Choker::default();
        let many: Vec<Candidate> = (0..50).map(|n| candidate(n, u64::from(n))).collect();
        let first = choker.choose(At::ZERO, &many, 2, &mut random)[1];
        assert_eq!(choker.choose(ROUND, &many, 2, &mut random)[1], first);
        assert_eq!(choker.choose(ROUND * 2, &many, 2, &mut random)[1], first);
    }
}
