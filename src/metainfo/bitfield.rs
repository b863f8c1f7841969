//! Which pieces somebody has: one bit a piece, most significant bit first (BEP 3).

use serde::{Deserialize, Serialize};

use super::PieceIndex;

/// A set of pieces of one torrent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Bitfield {
    words: Vec<u64>,
    len: u32,
    ones: u32,
}

/// A set as it is written down; what is read is held against it.
#[derive(Serialize, Deserialize)]
struct Written {
    len: u32,
    bytes: Vec<u8>,
}

impl From<Bitfield> for Written {
    fn from(set: Bitfield) -> Self {
        Self { len: set.len, bytes: set.to_bytes() }
    }
}

impl TryFrom<Written> for Bitfield {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        Self::from_bytes(&written.bytes, written.len).ok_or("a set of pieces with a bit too many or too few")
    }
}

impl Bitfield {
    /// The empty set over `len` pieces.
    pub fn empty(len: u32) -> Self {
        Self { words: vec![0; (len as usize).div_ceil(64)], len, ones: 0 }
    }

    /// All of `len` pieces.
    pub fn full(len: u32) -> Self {
        let mut words = vec![u64::MAX; (len as usize).div_ceil(64)];
        if let Some(last) = words.last_mut()
            && !len.is_multiple_of(64)
        {
            *last = u64::MAX << (64 - len % 64);
        }
        Self { words, len, ones: len }
    }

    /// Reads the payload of a `bitfield` message. `None` when its length is not that of `len` pieces, or a
    /// spare bit at the end is set (BEP 3 demands both).
    pub fn from_bytes(bytes: &[u8], len: u32) -> Option<Self> {
        if bytes.len() != (len as usize).div_ceil(8) {
            return None;
        }
        let mut words = vec![0u64; (len as usize).div_ceil(64)];
        for (i, &byte) in bytes.iter().enumerate() {
            words[i / 8] |= u64::from(byte) << (56 - 8 * (i % 8));
        }
        let spare = words.last().is_some_and(|last| !len.is_multiple_of(64) && last << (len % 64) != 0);
        let ones = words.iter().map(|word| word.count_ones()).sum();
        (!spare).then_some(Self { words, len, ones })
    }

    /// The payload of a `bitfield` message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes.truncate((self.len as usize).div_ceil(8));
        bytes
    }

    /// Pieces the torrent has.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Pieces in the set.
    pub fn count(&self) -> u32 {
        self.ones
    }

    /// Whether no piece is in the set.
    pub fn is_empty(&self) -> bool {
        self.ones == 0
    }

    /// Whether every piece is in the set.
    pub fn is_full(&self) -> bool {
        self.ones == self.len
    }

    /// Whether the piece is in the set.
    pub fn has(&self, piece: PieceIndex) -> bool {
        self.words.get(piece.index() / 64).is_some_and(|word| word & Self::mask(piece) != 0)
    }

    /// Adds the piece; false when it was there already.
    pub fn set(&mut self, piece: PieceIndex) -> bool {
        let fresh = piece.number() < self.len && !self.has(piece);
        if fresh {
            self.words[piece.index() / 64] |= Self::mask(piece);
            self.ones += 1;
        }
        fresh
    }

    /// Takes the piece out; false when it was not there.
    pub fn clear(&mut self, piece: PieceIndex) -> bool {
        let had = self.has(piece);
        if had {
            self.words[piece.index() / 64] &= !Self::mask(piece);
            self.ones -= 1;
        }
        had
    }

    /// How many pieces are in this set and not in `other`.
    pub fn count_missing_from(&self, other: &Self) -> u32 {
        self.words.iter().zip(&other.words).map(|(mine, theirs)| (mine & !theirs).count_ones()).sum()
    }

    /// The numbers of the pieces in the set, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| numbers_in(i, word))
    }

    /// The pieces in this set and in another of the same torrent, once round: from about piece `from` to the end,
    /// then from the beginning on. Sixty-four pieces in a step.
    pub fn common_from<'a>(&'a self, other: &'a Self, from: u32) -> impl Iterator<Item = u32> + 'a {
        let words = self.words.len().min(other.words.len());
        let first = (from as usize / 64).min(words);
        (first..words).chain(0..first).flat_map(move |i| numbers_in(i, self.words[i] & other.words[i]))
    }

    fn mask(piece: PieceIndex) -> u64 {
        1 << (63 - piece.number() % 64)
    }
}

/// The pieces of a word, in order.
fn numbers_in(i: usize, word: u64) -> impl Iterator<Item = u32> {
    let mut left = word;
    std::iter::from_fn(move || {
        let lead = left.leading_zeros();
        (lead < 64).then(|| {
            left &= !(1 << (63 - lead));
            i as u32 * 64 + lead
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metainfo::Geometry;

    #[test]
    fn refuses_wrong_lengths_and_spare_bits() {
        assert!(Bitfield::from_bytes(&[0xff], 9).is_none());
        assert!(Bitfield::from_bytes(&[0xff, 0x80], 9).is_some());
        assert!(Bitfield::from_bytes(&[0xff, 0x40], 9).is_none());
        assert!(Bitfield::from_bytes(&[0xff, 0x80, 0], 9).is_none());
        assert!(serde_json::from_str::<Bitfield>(r#"{"len":9,"bytes":[255,64]}"#).is_err());
    }

    proptest! {
        #[test]
        fn common_pieces_come_once_each_wherever_it_begins(
            bits in proptest::collection::vec((any::<bool>(), any::<bool>()), 1..300),
            from in 0u32..400,
        ) {
            let geometry = Geometry::new(bits.len() as u64, 1).unwrap();
            let (mut one, mut other) = (Bitfield::empty(bits.len() as u32), Bitfield::empty(bits.len() as u32));
            for (piece, bits) in geometry.pieces().zip(&bits) {
                let _ = (bits.0 && one.set(piece), bits.1 && other.set(piece));
            }
            let mut common: Vec<u32> = one.common_from(&other, from).collect();
            common.sort_unstable();
            let both = (0..).zip(&bits).filter(|(_, bits)| bits.0 && bits.1).map(|(number, _)| number);
            prop_assert_eq!(common, both.collect::<Vec<u32>>());
        }

        #[test]
        fn bytes_round_trip_and_counts_hold(len in 1u32..400, picks in proptest::collection::vec(any::<u32>(), 0..50)) {
            let geometry = Geometry::new(u64::from(len), 1).unwrap();
            let mut field = Bitfield::empty(len);
            let mut model = std::collections::BTreeSet::new();
            for pick in picks {
                let piece = geometry.piece(pick % len).unwrap();
                prop_assert_eq!(field.set(piece), model.insert(pick % len));
            }
            prop_assert_eq!(field.count() as usize, model.len());
            prop_assert_eq!(field.numbers().collect::<Vec<_>>(), model.into_iter().collect::<Vec<_>>());
            let again = Bitfield::from_bytes(&field.to_bytes(), len);
            prop_assert_eq!(again.as_ref(), Some(&field));
            let written = serde_json::to_string(&field).unwrap();
            prop_assert_eq!(serde_json::from_str::<Bitfield>(&written).unwrap(), field.clone());
            prop_assert!(Bitfield::full(len).is_full());
            prop_assert_eq!(Bitfield::from_bytes(&Bitfield::full(len).to_bytes(), len), Some(Bitfield::full(len)));
            prop_assert_eq!(Bitfield::full(len).count_missing_from(&field), len - field.count());
            for number in field.clone().numbers() {
                prop_assert!(field.clear(geometry.piece(number).unwrap()));
            }
            prop_assert!(field.is_empty());
        }
    }
}
