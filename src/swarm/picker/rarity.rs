//! Which missing piece is the rarest: every change in constant time, whatever the number of pieces, and every pick
//! in a bounded number of steps.
//!
//! The pieces to pick from stand in one array, sorted by how many peers hold them; `starts[n]` is where those
//! held by `n` peers begin. A piece that gains or loses a holder swaps with the edge of its bucket. Peers that
//! hold everything do not change the order and are not counted here.
//!
//! The rarest piece that a peer has stands near the front, mostly. Where the front is full of what it lacks, its
//! pieces are looked through instead, sixty-four in a step, and the rarest of the first so many is taken.

use crate::metainfo::{Bitfield, Geometry, PieceIndex};

const ABSENT: u32 = u32::MAX;
/// Pieces looked at for one pick, in rarity's order, and then in the peer's.
const MOST_LOOKS: usize = 2048;

/// Pieces tried for one pick by chance.
const CHANCES: usize = 16;

pub(super) struct Rarity {
    geometry: Geometry,
    order: Vec<PieceIndex>,
    /// Where each piece stands in `order`; `ABSENT` when it is not to be picked.
    place: Vec<u32>,
    /// How many peers hold each piece, seeds left out.
    held_by: Vec<u16>,
    starts: Vec<u32>,
    /// The pieces in `order`.
    present: Bitfield,
}

impl Rarity {
    /// Every piece that is not in `have`, in random order, held by nobody.
    pub(super) fn new(geometry: Geometry, have: &Bitfield, random: &mut fastrand::Rng) -> Self {
        let mut order: Vec<PieceIndex> = geometry.pieces().filter(|piece| !have.has(*piece)).collect();
        random.shuffle(&mut order);
        let count = geometry.piece_count() as usize;
        let mut place = vec![ABSENT; count];
        for (i, piece) in order.iter().enumerate() {
            place[piece.index()] = i as u32;
        }
        let mut present = Bitfield::empty(geometry.piece_count());
        order.iter().for_each(|piece| _ = present.set(*piece));
        Self { geometry, order, place, held_by: vec![0; count], starts: vec![0], present }
    }

    /// Takes the piece out: it is being fetched, or it is here. Whether it was in.
    pub(super) fn remove(&mut self, piece: PieceIndex) -> bool {
        if self.place[piece.index()] == ABSENT {
            return false;
        }
        for bucket in usize::from(self.held_by[piece.index()])..self.starts.len() {
            self.swap(piece, self.end(bucket) - 1);
            if let Some(next) = self.starts.get_mut(bucket + 1) {
                *next -= 1;
            }
        }
        self.order.pop();
        self.place[piece.index()] = ABSENT;
        self.present.clear(piece);
        true
    }

    /// Puts the piece back: it has to be fetched again.
    pub(super) fn insert(&mut self, piece: PieceIndex) {
        if self.place[piece.index()] != ABSENT {
            return;
        }
        let home = usize::from(self.held_by[piece.index()]);
        self.reach(home);
        self.place[piece.index()] = self.order.len() as u32;
        self.order.push(piece);
        self.present.set(piece);
        for bucket in (home + 1..self.starts.len()).rev() {
            self.swap(piece, self.starts[bucket]);
            self.starts[bucket] += 1;
        }
    }

    /// One peer more holds the piece.
    pub(super) fn gained(&mut self, piece: PieceIndex) {
        let bucket = usize::from(self.held_by[piece.index()]);
        self.held_by[piece.index()] += 1;
        if self.place[piece.index()] != ABSENT {
            self.reach(bucket + 1);
            self.swap(piece, self.end(bucket) - 1);
            self.starts[bucket + 1] -= 1;
        }
    }

    /// One peer less holds the piece.
    pub(super) fn lost(&mut self, piece: PieceIndex) {
        let bucket = usize::from(self.held_by[piece.index()]);
        self.held_by[piece.index()] = self.held_by[piece.index()].saturating_sub(1);
        if bucket > 0 && self.place[piece.index()] != ABSENT {
            self.swap(piece, self.starts[bucket]);
            self.starts[bucket] += 1;
        }
    }

    /// A peer with these pieces came, or went.
    pub(super) fn count(&mut self, pieces: &Bitfield, came: bool) {
        let geometry = self.geometry;
        for piece in pieces.numbers().filter_map(|number| geometry.piece(number)) {
            if came { self.gained(piece) } else { self.lost(piece) }
        }
    }

    /// The rarest piece among `has`, or one of the rarer ones where that takes long to find; the one right after
    /// `last` where that is no less rare, so that a fast peer's pieces lie side by side. `seed`: they are all that a
    /// seed has, or all but those it refuses.
    pub(super) fn rarest(&self, has: &Bitfield, seed: bool, last: Option<PieceIndex>) -> Option<PieceIndex> {
        // What no counted peer holds a seed has, and nobody else.
        let first = if seed { 0 } else { self.starts.get(1).map_or(0, |start| *start as usize) };
        let mut front = self.order[first..].iter().copied().take(MOST_LOOKS);
        let rarest = front.find(|piece| has.has(*piece)).or_else(|| self.rarer(has, first, last))?;
        let next = last
            .and_then(|last| self.geometry.piece(last.number() + 1))
            .filter(|next| self.place[next.index()] != ABSENT && has.has(*next))
            .filter(|next| self.held_by[next.index()] <= self.held_by[rarest.index()]);
        Some(next.unwrap_or(rarest))
    }

    /// Whether a peer that has the piece is the only one: a seed, of which there are so many, or another.
    pub(super) fn is_sole(&self, piece: PieceIndex, is_seed: bool, seeds: usize) -> bool {
        let others = if is_seed { (1, 0) } else { (0, 1) };
        (seeds, usize::from(self.held_by[piece.index()])) == others
    }

    /// The rarest of these pieces.
    pub(super) fn rarest_of(&self, pieces: impl Iterator<Item = PieceIndex>) -> Option<PieceIndex> {
        pieces
            .filter(|piece| self.place[piece.index()] != ABSENT)
            .min_by_key(|piece| self.held_by[piece.index()])
    }

    /// Any piece among `has`, by chance.
    pub(super) fn any(&self, has: &Bitfield, random: &mut fastrand::Rng) -> Option<PieceIndex> {
        if self.order.is_empty() {
            return None;
        }
        for _ in 0..CHANCES {
            let piece = self.order[random.usize(..self.order.len())];
            if has.has(piece) {
                return Some(piece);
            }
        }
        // A peer that has few of them gets the first from somewhere on.
        let from = self.order[random.usize(..self.order.len())].number();
        self.present.common_from(has, from).next().and_then(|number| self.geometry.piece(number))
    }

    /// The rarest of the first pieces of `has`, from near `last` on, where more are left than were looked at.
    fn rarer(&self, has: &Bitfield, first: usize, last: Option<PieceIndex>) -> Option<PieceIndex> {
        let anywhere = self.order.get(first + MOST_LOOKS)?;
        let common = self.present.common_from(has, last.unwrap_or(*anywhere).number());
        let pieces = common.filter_map(|number| self.geometry.piece(number)).take(MOST_LOOKS);
        pieces.min_by_key(|piece| self.held_by[piece.index()])
    }

    fn end(&self, bucket: usize) -> u32 {
        self.starts.get(bucket + 1).copied().unwrap_or(self.order.len() as u32)
    }

    /// Makes sure there is a bucket of this number.
    fn reach(&mut self, bucket: usize) {
        while self.starts.len() <= bucket {
            self.starts.push(self.order.len() as u32);
        }
    }

    fn swap(&mut self, piece: PieceIndex, to: u32) {
        let from = self.place[piece.index()];
        let other = self.order[to as usize];
        self.order.swap(from as usize, to as usize);
        self.place[piece.index()] = to;
        self.place[other.index()] = from;
    }
}

#[cfg(test)]
impl Rarity {
    pub(super) fn has(&self, piece: PieceIndex) -> bool {
        self.place[piece.index()] != ABSENT
    }

    pub(super) fn holders(&self, piece: PieceIndex) -> usize {
        usize::from(self.held_by[piece.index()])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Rarity {
        fn check(&self) {
            for (i, piece) in self.order.iter().enumerate() {
                assert_eq!(self.place[piece.index()] as usize, i);
                let bucket = usize::from(self.held_by[piece.index()]);
                assert!(
                    self.starts[bucket] as usize <= i && i < self.end(bucket) as usize,
                    "{piece:?} out of its bucket"
                );
            }
            assert!(self.order.is_sorted_by_key(|piece| self.held_by[piece.index()]));
            assert!(self.starts.is_sorted());
            let present = self.place.iter().filter(|place| **place != ABSENT).count();
            assert_eq!((present, self.present.count() as usize), (self.order.len(), self.order.len()));
        }
    }

    #[test]
    fn picks_the_rarest_and_then_its_neighbour() {
        let geometry = Geometry::new(8, 1).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let mut rarity = Rarity::new(geometry, &Bitfield::empty(8), &mut random);
        let full = Bitfield::full(8);
        for piece in geometry.pieces().filter(|piece| ![3, 4].contains(&piece.number())) {
            rarity.gained(piece);
        }
        let first = rarity.rarest(&full, true, None).unwrap();
        assert!([3, 4].contains(&first.number()));
        assert_eq!(rarity.rarest(&full, true, geometry.piece(2)).unwrap().number(), 3);
        assert_eq!(rarity.rarest(&full, true, geometry.piece(0)).unwrap(), first, "piece 1 is less rare");
        assert_eq!(rarity.rarest(&Bitfield::empty(8), false, None), None);
    }

    #[test]
    fn finds_the_few_pieces_of_a_peer_behind_a_million_others() {
        let count = 1 << 20;
        let geometry = Geometry::new(count, 1).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let mut rarity = Rarity::new(geometry, &Bitfield::empty(count as u32), &mut random);
        let mut few = Bitfield::empty(count as u32);
        let pieces = [70_000, 500_000, 900_000].map(|number| geometry.piece(number).unwrap());
        pieces.iter().for_each(|piece| _ = few.set(*piece));
        let mut others = Bitfield::full(count as u32);
        others.clear(pieces[2]);
        rarity.count(&few, true);
        rarity.count(&others, true);
        rarity.count(&few, true);
        for last in [None, Some(pieces[0]), Some(pieces[1])] {
            assert_eq!(rarity.rarest(&few, false, last), Some(pieces[2]), "the rarest of them");
        }
        rarity.remove(pieces[2]);
        assert_eq!(rarity.rarest(&few, false, geometry.piece(69_999)), Some(pieces[0]), "the neighbour");
        rarity.remove(pieces[0]);
        rarity.remove(pieces[1]);
        assert_eq!(rarity.rarest(&few, false, None), None);
    }

    proptest! {
        #[test]
        fn stays_sorted_under_any_change(changes in proptest::collection::vec((0u8..4, 0u32..12), 0..200)) {
            let geometry = Geometry::new(12, 1).unwrap();
            let mut random = fastrand::Rng::with_seed(7);
            let mut rarity = Rarity::new(geometry, &Bitfield::empty(12), &mut random);
            for (kind, number) in changes {
                let piece = geometry.piece(number).unwrap();
                match kind {
                    0 => rarity.gained(piece),
                    1 => rarity.lost(piece),
                    2 => _ = rarity.remove(piece),
                    _ => rarity.insert(piece),
                }
                rarity.check();
            }
        }
    }
}
