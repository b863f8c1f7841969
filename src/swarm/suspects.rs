//! Pieces that failed their hash and had several senders: one peer alone may send the next try, so that it shows who
//! lied. Where that peer is slow, or refuses some of it, another tries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::live::Live;
use super::{ConnKey, Swarm};
use crate::event::At;
use crate::metainfo::{BLOCK_LENGTH, BlockRef, PieceIndex};

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
    /// Who refused some of it.
    refused: BTreeSet<ConnKey>,
}

/// The pieces, with what came of their tries.
#[derive(Debug, Default)]
pub(super) struct Suspects(BTreeMap<PieceIndex, Tries>);

impl Suspects {
    pub(super) fn insert(&mut self, piece: PieceIndex) {
        self.0.entry(piece).or_default();
    }

    pub(super) fn remove(&mut self, piece: PieceIndex) {
        self.0.remove(&piece);
    }

    pub(super) fn contains(&self, piece: PieceIndex) -> bool {
        self.0.contains_key(&piece)
    }

    /// The connection sent so much and was too slow for the piece.
    fn was_slow(&mut self, piece: PieceIndex, conn: ConnKey, bps: u64) {
        let Some(tries) = self.0.get_mut(&piece) else { return };
        if tries.slow.len() == MOST_TRIES {
            tries.slow.pop_front();
        }
        tries.slow.push_back((conn, bps));
    }

    /// The connection refused some of the piece. Those that are gone need not be remembered.
    fn refused(&mut self, piece: PieceIndex, conn: ConnKey, is_live: impl Fn(ConnKey) -> bool) {
        let Some(tries) = self.0.get_mut(&piece) else { return };
        if tries.refused.insert(conn) {
            tries.refused.retain(|conn| is_live(*conn));
        }
    }

    /// What the connection sent of the piece when it last had it, bytes a second; nothing if it refused some.
    fn shown(&self, piece: PieceIndex, conn: ConnKey) -> Option<u64> {
        let Tries { slow, refused } = self.0.get(&piece)?;
        if refused.contains(&conn) {
            return Some(0);
        }
        slow.iter().rev().find(|(tried, _)| *tried == conn).map(|(_, bps)| *bps)
    }

    /// How long a try may take at least.
    fn least(&self, piece: PieceIndex) -> Duration {
        LEAST * (1 << self.0.get(&piece).map_or(0, |tries| tries.slow.len()))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Swarm {
    /// Hands suspect pieces on to peers that have nothing to do, where those that have them would still need longer
    /// than they had: at the end of a download nothing else is waited for.
    pub(super) fn hand_on_slow(&mut self, now: At) {
        // Where the limit is what all wait for, nobody is slow.
        if self.affordable(now, 1) == 0 {
            return;
        }
        let slow: Vec<(PieceIndex, ConnKey, u64)> = self
            .open
            .iter()
            .filter(|(_, open)| open.alone)
            .filter_map(|(piece, open)| {
                let owner = open.owner?;
                let bps = self.live.get(&owner)?.rate();
                let had = now.saturating_sub(open.since);
                let missing = u64::from(open.missing() * BLOCK_LENGTH);
                let is_slow =
                    had >= self.suspects.least(piece) && bps.saturating_mul(had.as_secs()) < missing;
                is_slow.then_some((piece, owner, bps))
            })
            .collect();
        for (piece, owner, bps) in slow {
            if let Some(next) = self.quicker(piece, owner, bps) {
                self.suspects.was_slow(piece, owner, bps);
                self.abandon(now, piece);
                self.refill(now, next);
            }
        }
    }

    /// Hands the pieces that this connection alone may send, and refused blocks of, on to others that have nothing to do
    /// and refused none of theirs. Where nobody has, it is asked again later: what it sent is kept.
    pub(super) fn hand_on_refused(&mut self, now: At, conn: ConnKey, blocks: &[BlockRef]) {
        let alone = |piece: &PieceIndex| {
            self.open.get(*piece).is_some_and(|open| open.alone && open.owner == Some(conn))
        };
        let refused: BTreeSet<PieceIndex> = blocks.iter().map(|block| block.piece()).filter(alone).collect();
        for piece in refused {
            self.suspects.refused(piece, conn, |conn| self.live.contains_key(&conn));
            if let Some(next) = self.quicker(piece, conn, 0) {
                if let Some(live) = self.live.get_mut(&conn) {
                    live.snubbed = true;
                }
                self.abandon(now, piece);
                self.sate(conn);
                self.refill(now, next);
            }
        }
    }

    /// Who of those that have nothing to do would probably have sent the whole piece before its owner sends the rest:
    /// the one that was quickest so far. Of whom nothing is known is taken for quick, once.
    fn quicker(&self, piece: PieceIndex, owner: ConnKey, owner_bps: u64) -> Option<ConnKey> {
        let length = u64::from(self.geometry.length_of(piece));
        let missing = u64::from(self.open.get(piece)?.missing() * BLOCK_LENGTH);
        let expected = |conn: ConnKey, live: &Live| match self.suspects.shown(piece, conn) {
            Some(bps) => bps,
            None if live.sent_block => live.best_bps,
            None => length / LEAST.as_secs(),
        };
        let idle = |live: &Live| live.can_be_asked() && !live.snubbed && live.blocks.is_empty();
        self.live
            .iter()
            .filter(|(conn, live)| **conn != owner && idle(live) && live.has_piece(piece))
            .map(|(conn, live)| (expected(*conn, live), *conn))
            .filter(|(bps, _)| {
                u128::from(*bps) * u128::from(missing) > u128::from(owner_bps) * u128::from(length)
            })
            .max()
            .map(|(_, conn)| conn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::Geometry;

    #[test]
    fn each_slow_try_is_given_twice_the_time_and_few_are_remembered() {
        let piece = Geometry::new(1, 16_384).unwrap().piece(0).unwrap();
        let mut suspects = Suspects::default();
        suspects.was_slow(piece, ConnKey(1), 9);
        assert!(!suspects.contains(piece) && suspects.shown(piece, ConnKey(1)).is_none());
        suspects.insert(piece);
        for tries in 0..50 {
            assert_eq!(suspects.least(piece), LEAST * (1 << tries.min(MOST_TRIES)));
            suspects.was_slow(piece, ConnKey(tries as u32), 9);
            suspects.insert(piece);
        }
        assert_eq!(suspects.0[&piece].slow.len(), MOST_TRIES);
        suspects.was_slow(piece, ConnKey(49), 5);
        assert_eq!(suspects.shown(piece, ConnKey(49)), Some(5), "the last time counts");
    }

    #[test]
    fn who_refused_is_remembered_while_it_is_there_and_takes_no_time_from_others() {
        let piece = Geometry::new(1, 16_384).unwrap().piece(0).unwrap();
        let mut suspects = Suspects::default();
        suspects.insert(piece);
        for number in 0..500 {
            // Five are there at a time.
            suspects.refused(piece, ConnKey(number), |conn| conn.0 + 5 > number);
        }
        assert_eq!((suspects.least(piece), suspects.0[&piece].refused.len()), (LEAST, 5));
        suspects.was_slow(piece, ConnKey(499), 9);
        assert_eq!(suspects.shown(piece, ConnKey(499)), Some(0));
        assert_eq!(suspects.shown(piece, ConnKey(0)), None);
    }
}
