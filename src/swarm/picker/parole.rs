//! Pieces that failed their hash and had several senders: one peer alone may send the next try, so that it shows who
//! lied. Where that peer is slow, or refuses some of it, another tries.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::begun::Begun;
use super::piece::Piece;
use super::sender::Sender;
use super::{At, ConnKey, PieceIndex, Senders};

/// A peer has at least this long for such a piece, and twice as long with every try that was too slow before: so one
/// of them ends, however slow all are.
const LEAST: Duration = Duration::from_secs(20);
/// Tries remembered of a piece, and how often its time doubles: up to more than five hours.
const MOST_TRIES: usize = 10;

/// What came of the tries of one piece.
#[derive(Debug, Default)]
struct Tries {
    /// Who was too slow for it, and what it sent, bytes a second.
    slow: VecDeque<(ConnKey, u64)>,
    /// Who sent nothing of it.
    nothing: BTreeSet<ConnKey>,
}

/// The pieces, with what came of their tries.
#[derive(Debug, Default)]
pub(super) struct Parole(BTreeMap<PieceIndex, Tries>);

impl Parole {
    pub(super) fn insert(&mut self, piece: PieceIndex) {
        self.0.entry(piece).or_default();
    }

    pub(super) fn remove(&mut self, piece: PieceIndex) {
        self.0.remove(&piece);
    }

    pub(super) fn contains(&self, piece: PieceIndex) -> bool {
        self.0.contains_key(&piece)
    }

    /// The connection sent so much of the piece, bytes a second, and another tries now. Of those that sent nothing
    /// none need be remembered that is gone.
    pub(super) fn tried(&mut self, piece: PieceIndex, of: ConnKey, bps: u64, live: impl Fn(ConnKey) -> bool) {
        let Some(tries) = self.0.get_mut(&piece) else { return };
        if bps == 0 {
            tries.nothing.insert(of);
            tries.nothing.retain(|conn| live(*conn));
            return;
        }
        if tries.slow.len() == MOST_TRIES {
            tries.slow.pop_front();
        }
        tries.slow.push_back((of, bps));
    }

    /// What the connection sent of the piece when it last had it, bytes a second.
    fn shown(&self, piece: PieceIndex, conn: ConnKey) -> Option<u64> {
        let Tries { slow, nothing } = self.0.get(&piece)?;
        if nothing.contains(&conn) {
            return Some(0);
        }
        slow.iter().rev().find(|(tried, _)| *tried == conn).map(|(_, bps)| *bps)
    }

    /// How long a try may take at least.
    fn least(&self, piece: PieceIndex) -> Duration {
        LEAST * (1 << self.0.get(&piece).map_or(0, |tries| tries.slow.len()))
    }

    /// The pieces whose owners would still need longer than they had.
    pub(super) fn slow(&self, now: At, begun: &Begun, senders: &Senders) -> Vec<PieceIndex> {
        let is_slow = |(piece, tried): &(PieceIndex, &Piece)| {
            let had = now.saturating_sub(tried.since);
            let bps = sent_bps(now, begun.length_of(*piece), tried, senders);
            tried.alone
                && had >= self.least(*piece)
                && bps.saturating_mul(had.as_secs()) < tried.missing_bytes()
        };
        begun.iter().filter(is_slow).map(|(piece, _)| piece).collect()
    }

    /// Whose the piece is, what that peer sends of it, bytes a second, and which of those that have nothing to do would
    /// probably have sent the whole piece before that peer sends the rest: the one that was quickest so far. Where it is
    /// none of those that sent something yet, one of which nothing is known is taken for quick, once: anybody can come back
    /// as somebody new. Of these the first to come is first, so that nobody is passed over for ever by those who come and go.
    pub(super) fn quicker(
        &self,
        now: At,
        piece: PieceIndex,
        begun: &Begun,
        senders: &Senders,
    ) -> Option<(ConnKey, u64, ConnKey)> {
        let (length, tried) = (begun.length_of(piece), begun.get(piece)?);
        let (owner, owner_bps) = (tried.owner?, sent_bps(now, length, tried, senders));
        let expected = |conn: ConnKey, sender: &Sender| match self.shown(piece, conn) {
            Some(bps) => (true, bps),
            None if sender.sent_block => (true, sender.best_bps),
            None => (false, length / LEAST.as_secs()),
        };
        let idle = |sender: &Sender| sender.sends(piece) && !sender.snubbed && sender.asked.is_empty();
        let sooner = |bps: u64| {
            u128::from(bps) * u128::from(tried.missing_bytes()) > u128::from(owner_bps) * u128::from(length)
        };
        senders
            .iter()
            .filter(|(conn, sender)| **conn != owner && idle(sender))
            .map(|(conn, sender)| (expected(*conn, sender), Reverse(*conn)))
            .filter(|((_, bps), _)| sooner(*bps))
            .max()
            .map(|(_, Reverse(next))| (owner, owner_bps, next))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What the owner of a piece so long sends of it, bytes a second: what it sends at the moment may be more than it keeps up.
fn sent_bps(now: At, length: u64, piece: &Piece, senders: &Senders) -> u64 {
    let had = now.saturating_sub(piece.since);
    let came = length.saturating_sub(piece.missing_bytes());
    let owner = piece.owner.and_then(|owner| senders.get(&owner));
    owner.map_or(0, Sender::rate).min(came / had.as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::Geometry;

    fn on_parole() -> (Parole, PieceIndex) {
        let piece = Geometry::new(1, 16_384).unwrap().piece(0).unwrap();
        let mut parole = Parole::default();
        parole.tried(piece, ConnKey(1), 9, |_| true);
        assert!(!parole.contains(piece) && parole.shown(piece, ConnKey(1)).is_none());
        parole.insert(piece);
        (parole, piece)
    }

    #[test]
    fn each_slow_try_is_given_twice_the_time_and_few_are_remembered() {
        let (mut parole, piece) = on_parole();
        for tries in 0..50 {
            assert_eq!(parole.least(piece), LEAST * (1 << tries.min(MOST_TRIES)));
            parole.tried(piece, ConnKey(tries as u32), 9, |_| true);
            parole.insert(piece);
        }
        assert_eq!(parole.0[&piece].slow.len(), MOST_TRIES);
        parole.tried(piece, ConnKey(49), 5, |_| true);
        assert_eq!(parole.shown(piece, ConnKey(49)), Some(5), "the last time counts");
    }

    #[test]
    fn who_sent_nothing_is_remembered_while_it_is_there_and_takes_no_time_from_others() {
        let (mut parole, piece) = on_parole();
        for number in 0..500 {
            // Five are there at a time.
            parole.tried(piece, ConnKey(number), 0, |conn| conn.0 + 5 > number);
        }
        assert_eq!((parole.least(piece), parole.0[&piece].nothing.len()), (LEAST, 5));
        parole.tried(piece, ConnKey(499), 9, |_| true);
        assert_eq!(parole.shown(piece, ConnKey(499)), Some(0));
        assert_eq!(parole.shown(piece, ConnKey(0)), None);
    }
}
