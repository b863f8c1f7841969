//! Which missing piece of a class is the rarest: every change in constant time, whatever the number of pieces, and every
//! pick in a bounded number of steps.
//!
//! The pieces of a class stand in one array, sorted by how many peers hold them; `starts[n]` is where those
//! held by `n` peers begin. A piece that gains or loses a holder swaps with the edge of its bucket. Peers that
//! hold everything do not change the order and are not counted here.
//!
//! The rarest piece that a peer has stands near the front, mostly. Where the front is full of what it lacks, its
//! pieces are looked through instead, sixty-four in a step, and the rarest of the first so many is taken.

use super::classes::Classes;
use crate::metainfo::{Bitfield, Geometry, PieceChoice, PieceIndex};

const ABSENT: u32 = u32::MAX;
/// Pieces looked at for one pick, in rarity's order, and then in the peer's.
const MOST_LOOKS: usize = 2048;

/// Pieces tried for one pick by chance.
const CHANCES: usize = 16;

pub(super) struct Rarity {
    geometry: Geometry,
    pub(super) classes: Classes,
    /// The pieces of each class.
    orders: Vec<Order>,
    /// Where each piece stands in the order of its class; `ABSENT` when it is not to be picked. Made when one is.
    place: Vec<u32>,
    /// How many peers hold each piece, seeds left out. Made when one does.
    held_by: Vec<u16>,
}

/// The pieces of one class that are to be picked, the rarest first.
#[derive(Debug)]
struct Order {
    pieces: Vec<PieceIndex>,
    starts: Vec<u32>,
    /// The same pieces as a set.
    present: Bitfield,
}

impl Rarity {
    /// Every piece that is wanted and not in `have`, in random order, held by nobody.
    pub(super) fn new(
        geometry: Geometry,
        choice: &PieceChoice,
        have: &Bitfield,
        random: &mut fastrand::Rng,
    ) -> Self {
        let mut rarity = Self {
            geometry,
            classes: Classes::new(geometry, choice),
            orders: Vec::new(),
            place: Vec::new(),
            held_by: Vec::new(),
        };
        rarity.fill(|piece| !have.has(piece), random);
        rarity
    }

    /// Pieces are wanted so from now on; those to pick from are those that are wanted and `missing`.
    pub(super) fn choose(
        &mut self,
        choice: &PieceChoice,
        missing: impl Fn(PieceIndex) -> bool,
        random: &mut fastrand::Rng,
    ) {
        self.classes = Classes::new(self.geometry, choice);
        self.place.fill(ABSENT);
        self.fill(missing, random);
    }

    /// Makes the orders of those pieces that are wanted.
    fn fill(&mut self, missing: impl Fn(PieceIndex) -> bool, random: &mut fastrand::Rng) {
        let Self { geometry, classes, place, held_by, .. } = self;
        let wanted = |piece: &PieceIndex| classes.of(*piece).is_some() && missing(*piece);
        let mut all: Vec<PieceIndex> = geometry.pieces().filter(wanted).collect();
        random.shuffle(&mut all);
        all.sort_by_key(|piece| of(held_by, *piece, 0));
        if !all.is_empty() {
            place.resize(geometry.piece_count() as usize, ABSENT);
        }
        let empty = || Order {
            pieces: Vec::new(),
            starts: vec![0],
            present: Bitfield::empty(geometry.piece_count()),
        };
        let mut orders: Vec<Order> = classes.each().map(|_| empty()).collect();
        for piece in all {
            let Some(order) = classes.of(piece).and_then(|class| orders.get_mut(class)) else { continue };
            order.reach(usize::from(of(held_by, piece, 0)));
            place[piece.index()] = order.pieces.len() as u32;
            order.pieces.push(piece);
            order.present.set(piece);
        }
        self.orders = orders;
    }

    /// Whether the piece is wanted at all.
    pub(super) fn is_wanted(&self, piece: PieceIndex) -> bool {
        self.classes.of(piece).is_some()
    }

    /// Whether the piece is to be picked: it is wanted, and nobody began it.
    pub(super) fn has(&self, piece: PieceIndex) -> bool {
        of(&self.place, piece, ABSENT) != ABSENT
    }

    /// How many peers hold the piece, seeds left out.
    fn held(&self, piece: PieceIndex) -> u16 {
        of(&self.held_by, piece, 0)
    }

    /// The first piece of the class that is to be picked, in the order of the torrent.
    pub(super) fn first_of(&self, class: usize) -> Option<PieceIndex> {
        let order = self.orders.get(class)?;
        order.present.numbers().next().and_then(|number| self.geometry.piece(number))
    }

    /// Takes the piece out: it is being fetched, or it is here. Whether it was in.
    pub(super) fn remove(&mut self, piece: PieceIndex) -> bool {
        if !self.has(piece) {
            return false;
        }
        let home = usize::from(self.held(piece));
        let Some((order, place)) = self.order_of(piece) else { return false };
        for bucket in home..order.starts.len() {
            order.swap(place, piece, order.end(bucket) - 1);
            if let Some(next) = order.starts.get_mut(bucket + 1) {
                *next -= 1;
            }
        }
        order.pieces.pop();
        place[piece.index()] = ABSENT;
        order.present.clear(piece);
        true
    }

    /// Puts the piece back, where it is wanted: it has to be fetched again.
    pub(super) fn insert(&mut self, piece: PieceIndex) {
        if self.has(piece) {
            return;
        }
        self.place.resize(self.geometry.piece_count() as usize, ABSENT);
        let home = usize::from(self.held(piece));
        let Some((order, place)) = self.order_of(piece) else { return };
        order.reach(home);
        place[piece.index()] = order.pieces.len() as u32;
        order.pieces.push(piece);
        order.present.set(piece);
        for bucket in (home + 1..order.starts.len()).rev() {
            order.swap(place, piece, order.starts[bucket]);
            order.starts[bucket] += 1;
        }
    }

    /// One peer more holds the piece.
    pub(super) fn gained(&mut self, piece: PieceIndex) {
        self.held_by.resize(self.geometry.piece_count() as usize, 0);
        let bucket = usize::from(self.held_by[piece.index()]);
        self.held_by[piece.index()] += 1;
        if self.has(piece)
            && let Some((order, place)) = self.order_of(piece)
        {
            order.reach(bucket + 1);
            order.swap(place, piece, order.end(bucket) - 1);
            order.starts[bucket + 1] -= 1;
        }
    }

    /// One peer less holds the piece.
    pub(super) fn lost(&mut self, piece: PieceIndex) {
        let bucket = usize::from(self.held(piece));
        if let Some(held_by) = self.held_by.get_mut(piece.index()) {
            *held_by = held_by.saturating_sub(1);
        }
        if bucket > 0
            && self.has(piece)
            && let Some((order, place)) = self.order_of(piece)
        {
            order.swap(place, piece, order.starts[bucket]);
            order.starts[bucket] += 1;
        }
    }

    /// A peer with these pieces came, or went.
    pub(super) fn count(&mut self, pieces: &Bitfield, came: bool) {
        let geometry = self.geometry;
        for piece in pieces.numbers().filter_map(|number| geometry.piece(number)) {
            if came { self.gained(piece) } else { self.lost(piece) }
        }
    }

    /// Of a class, the rarest piece among `has`, or one of the rarer ones where that takes long to find; the one right
    /// after `last` where that is no less rare, so that a fast peer's pieces lie side by side. `seed`: they are all that a
    /// seed has, or all but those it refuses. In order it is the first of them, however rare.
    pub(super) fn rarest(
        &self,
        class: usize,
        has: &Bitfield,
        seed: bool,
        last: Option<PieceIndex>,
    ) -> Option<PieceIndex> {
        let order = self.orders.get(class)?;
        if self.classes.in_order {
            return self.first(order, has);
        }
        // What no counted peer holds a seed has, and nobody else.
        let first = if seed { 0 } else { order.starts.get(1).map_or(0, |start| *start as usize) };
        let mut front = order.pieces[first..].iter().copied().take(MOST_LOOKS);
        let rarest = front.find(|piece| has.has(*piece)).or_else(|| self.rarer(order, has, first, last))?;
        let next = last
            .and_then(|last| self.geometry.piece(last.number() + 1))
            .filter(|next| order.present.has(*next) && has.has(*next))
            .filter(|next| self.held(*next) <= self.held(rarest));
        Some(next.unwrap_or(rarest))
    }

    /// The piece of all classes that is picked first of those in `has`.
    pub(super) fn rarest_of_all(
        &self,
        has: &Bitfield,
        seed: bool,
        last: Option<PieceIndex>,
    ) -> Option<PieceIndex> {
        self.classes.each().find_map(|class| self.rarest(class, has, seed, last))
    }

    /// Whether a peer that has the piece is the only one: a seed, of which there are so many, or another.
    pub(super) fn is_sole(&self, piece: PieceIndex, is_seed: bool, seeds: usize) -> bool {
        let others = if is_seed { (1, 0) } else { (0, 1) };
        (seeds, usize::from(self.held(piece))) == others
    }

    /// Of a class, the rarest of these pieces, or in order the first.
    pub(super) fn rarest_of(
        &self,
        class: usize,
        pieces: impl Iterator<Item = PieceIndex>,
    ) -> Option<PieceIndex> {
        let order = self.orders.get(class)?;
        let rank = |piece: &PieceIndex| match self.classes.in_order {
            true => piece.number(),
            false => u32::from(self.held(*piece)),
        };
        pieces.filter(|piece| order.present.has(*piece)).min_by_key(rank)
    }

    /// Of a class, any piece among `has`, by chance; in order the first.
    pub(super) fn any(&self, class: usize, has: &Bitfield, random: &mut fastrand::Rng) -> Option<PieceIndex> {
        let order = self.orders.get(class).filter(|order| !order.pieces.is_empty())?;
        if self.classes.in_order {
            return self.first(order, has);
        }
        for _ in 0..CHANCES {
            let piece = order.pieces[random.usize(..order.pieces.len())];
            if has.has(piece) {
                return Some(piece);
            }
        }
        // A peer that has few of them gets the first from somewhere on.
        let from = order.pieces[random.usize(..order.pieces.len())].number();
        order.present.common_from(has, from).next().and_then(|number| self.geometry.piece(number))
    }

    /// The first of the pieces that is among `has`.
    fn first(&self, order: &Order, has: &Bitfield) -> Option<PieceIndex> {
        order.present.common_from(has, 0).next().and_then(|number| self.geometry.piece(number))
    }

    /// The rarest of the first pieces of `has`, from near `last` on, where more are left than were looked at.
    fn rarer(
        &self,
        order: &Order,
        has: &Bitfield,
        first: usize,
        last: Option<PieceIndex>,
    ) -> Option<PieceIndex> {
        let anywhere = order.pieces.get(first + MOST_LOOKS)?;
        let common = order.present.common_from(has, last.unwrap_or(*anywhere).number());
        let pieces = common.filter_map(|number| self.geometry.piece(number)).take(MOST_LOOKS);
        pieces.min_by_key(|piece| self.held(*piece))
    }

    /// The order of the piece's class, and where all pieces stand.
    fn order_of(&mut self, piece: PieceIndex) -> Option<(&mut Order, &mut [u32])> {
        Some((self.orders.get_mut(self.classes.of(piece)?)?, &mut self.place))
    }
}

impl Order {
    fn end(&self, bucket: usize) -> u32 {
        self.starts.get(bucket + 1).copied().unwrap_or(self.pieces.len() as u32)
    }

    /// Makes sure there is a bucket of this number.
    fn reach(&mut self, bucket: usize) {
        while self.starts.len() <= bucket {
            self.starts.push(self.pieces.len() as u32);
        }
    }

    fn swap(&mut self, place: &mut [u32], piece: PieceIndex, to: u32) {
        let from = place[piece.index()];
        let other = self.pieces[to as usize];
        self.pieces.swap(from as usize, to as usize);
        place[piece.index()] = to;
        place[other.index()] = from;
    }
}

/// What a table says of the piece; before the table is made it is the same of all.
fn of<T: Copy>(table: &[T], piece: PieceIndex, otherwise: T) -> T {
    table.get(piece.index()).copied().unwrap_or(otherwise)
}

#[cfg(test)]
impl Rarity {
    pub(super) fn holders(&self, piece: PieceIndex) -> usize {
        usize::from(self.held(piece))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metainfo::FilePriority;

    impl Rarity {
        fn check(&self) {
            for (class, order) in self.orders.iter().enumerate() {
                for (i, piece) in order.pieces.iter().enumerate() {
                    assert_eq!(of(&self.place, *piece, ABSENT) as usize, i);
                    assert_eq!(self.classes.of(*piece), Some(class));
                    let bucket = usize::from(self.held(*piece));
                    assert!(
                        order.starts[bucket] as usize <= i && i < order.end(bucket) as usize,
                        "{piece:?} out of its bucket"
                    );
                }
                assert!(order.pieces.is_sorted_by_key(|piece| self.held(*piece)));
                assert!(order.starts.is_sorted());
                assert_eq!(order.present.count() as usize, order.pieces.len());
            }
            let present = self.place.iter().filter(|place| **place != ABSENT).count();
            assert_eq!(present, self.orders.iter().map(|order| order.pieces.len()).sum::<usize>());
        }
    }

    #[test]
    fn picks_the_rarest_and_then_its_neighbour() {
        let geometry = Geometry::new(8, 1).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let mut rarity = Rarity::new(geometry, &PieceChoice::default(), &Bitfield::empty(8), &mut random);
        let full = Bitfield::full(8);
        for piece in geometry.pieces().filter(|piece| ![3, 4].contains(&piece.number())) {
            rarity.gained(piece);
        }
        let first = rarity.rarest(0, &full, true, None).unwrap();
        assert!([3, 4].contains(&first.number()));
        assert_eq!(rarity.rarest(0, &full, true, geometry.piece(2)).unwrap().number(), 3);
        assert_eq!(rarity.rarest(0, &full, true, geometry.piece(0)).unwrap(), first, "piece 1 is less rare");
        assert_eq!(rarity.rarest(0, &Bitfield::empty(8), false, None), None);
    }

    #[test]
    fn finds_the_few_pieces_of_a_peer_behind_a_million_others() {
        let count = 1 << 20;
        let geometry = Geometry::new(count, 1).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let mut rarity =
            Rarity::new(geometry, &PieceChoice::default(), &Bitfield::empty(count as u32), &mut random);
        let mut few = Bitfield::empty(count as u32);
        let pieces = [70_000, 500_000, 900_000].map(|number| geometry.piece(number).unwrap());
        pieces.iter().for_each(|piece| _ = few.set(*piece));
        let mut others = Bitfield::full(count as u32);
        others.clear(pieces[2]);
        rarity.count(&few, true);
        rarity.count(&others, true);
        rarity.count(&few, true);
        for last in [None, Some(pieces[0]), Some(pieces[1])] {
            assert_eq!(rarity.rarest(0, &few, false, last), Some(pieces[2]), "the rarest of them");
        }
        rarity.remove(pieces[2]);
        assert_eq!(rarity.rarest(0, &few, false, geometry.piece(69_999)), Some(pieces[0]), "the neighbour");
        rarity.remove(pieces[0]);
        rarity.remove(pieces[1]);
        assert_eq!(rarity.rarest(0, &few, false, None), None);
    }

    proptest! {
        #[test]
        fn stays_sorted_under_any_change(changes in proptest::collection::vec((0u8..5, 0u32..12), 0..200)) {
            let geometry = Geometry::new(12, 1).unwrap();
            let mut random = fastrand::Rng::with_seed(7);
            let mut rarity = Rarity::new(geometry, &PieceChoice::default(), &Bitfield::empty(12), &mut random);
            for (kind, number) in changes {
                let piece = geometry.piece(number).unwrap();
                match kind {
                    0 => rarity.gained(piece),
                    1 => rarity.lost(piece),
                    2 => _ = rarity.remove(piece),
                    3 => {
                        // Some are wanted, some are early, and some are not missing.
                        let priorities = [FilePriority::Skip, FilePriority::Low, FilePriority::High];
                        let of = |n: u32| priorities[(n + number) as usize % priorities.len()];
                        let choice = PieceChoice::made((0..12).map(of).collect(), number > 6, vec![piece]);
                        rarity.choose(&choice, |piece| piece.number() % 5 != number % 5, &mut random);
                    }
                    _ => rarity.insert(piece),
                }
                rarity.check();
            }
        }
    }
}
