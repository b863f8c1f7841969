//! One stretch of bytes told by how it differs from another that it mostly repeats.
//!
//! Bytes that came, went or moved are found wherever they stand; between them, stretches that are the same but for
//! single bytes are told by what changed in each, which is mostly nothing and packs to nearly that.

use serde::{Deserialize, Serialize};

/// Bytes that have to be the same for a stretch to be taken up at another place.
const ANCHOR: usize = 8;
/// A stretch ends where so many more bytes differ than are the same.
const PATIENCE: i64 = 16;
/// Places of the old bytes that are looked up, a power of two.
const INDEXED: usize = 1 << 17;

#[derive(Serialize, Deserialize)]
struct Written {
    length: u32,
    steps: Vec<Step>,
    /// Bytes that stand nowhere in the old ones, one step's after the other's.
    fresh: Vec<u8>,
    /// What changed in the bytes taken over, each as the bits that differ.
    changed: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Step {
    /// Bytes taken from the fresh ones.
    fresh: u32,
    /// By how much the old bytes have to be taken from elsewhere than where they would go on.
    moved: i64,
    /// Bytes taken over from the old ones.
    taken: u32,
}

/// How `new` differs from `old`; both are shorter than 4 GiB.
pub(super) fn difference(old: &[u8], new: &[u8]) -> Vec<u8> {
    let index = Index::of(old);
    let (mut steps, mut fresh, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    // Where we are in the new bytes, and where the old ones would go on; since where the new ones are fresh.
    let (mut at, mut from, mut since) = (0, 0, 0);
    let mut expected = 0;
    while at < new.len() {
        let goes_on = (from, alike(old.get(from..).unwrap_or_default(), &new[at..]));
        let found = if goes_on.1 > 0 {
            Some(goes_on)
        } else {
            index.find(old, &new[at..]).map(|from| (from, alike(&old[from..], &new[at..])))
        };
        let Some((place, taken)) = found.filter(|(_, taken)| *taken > 0) else {
            (at, from) = (at + 1, from + 1);
            continue;
        };
        fresh.extend_from_slice(&new[since..at]);
        let moved = place as i64 - expected;
        steps.push(Step { fresh: (at - since) as u32, moved, taken: taken as u32 });
        let pairs = old[place..place + taken].iter().zip(&new[at..at + taken]);
        changed.extend(pairs.map(|(old, new)| old ^ new));
        (at, from) = (at + taken, place + taken);
        (since, expected) = (at, from as i64);
    }
    fresh.extend_from_slice(&new[since..]);
    let written = Written { length: new.len() as u32, steps, fresh, changed };
    postcard::to_stdvec(&written).expect("a difference is plain data, and a vector takes all of it")
}

/// The new bytes again, at most so many; `None` when nothing differs from the old ones like this.
pub(super) fn apply(old: &[u8], difference: &[u8], most: usize) -> Option<Vec<u8>> {
    let Written { length, steps, fresh, changed } = postcard::from_bytes(difference).ok()?;
    let length = length as usize;
    if length > most {
        return None;
    }
    let (mut new, mut fresh, mut changed) = (Vec::with_capacity(length), &fresh[..], &changed[..]);
    let mut from = 0i64;
    for Step { fresh: count, moved, taken } in steps {
        let (these, rest) = fresh.split_at_checked(count as usize)?;
        fresh = rest;
        new.extend_from_slice(these);
        from = from.checked_add(moved)?;
        let (bits, rest) = changed.split_at_checked(taken as usize)?;
        changed = rest;
        let start = usize::try_from(from).ok()?;
        let taken_over = old.get(start..start.checked_add(bits.len())?)?;
        if new.len() + bits.len() > length {
            return None;
        }
        new.extend(taken_over.iter().zip(bits).map(|(old, bits)| old ^ bits));
        from = from.checked_add(i64::from(taken))?;
    }
    new.extend_from_slice(fresh);
    (new.len() == length && changed.is_empty()).then_some(new)
}

/// For how many bytes the two are mostly the same; 0 when for too few.
fn alike(old: &[u8], new: &[u8]) -> usize {
    let (mut score, mut best, mut length) = (0i64, ANCHOR as i64 - 1, 0);
    for (at, (old, new)) in old.iter().zip(new).enumerate() {
        score += if old == new { 1 } else { -1 };
        if score > best {
            (best, length) = (score, at + 1);
        } else if score < best - PATIENCE - ANCHOR as i64 {
            break;
        }
    }
    length
}

/// Where bytes stand.
struct Index(Vec<u32>);

impl Index {
    fn of(bytes: &[u8]) -> Self {
        let mut places = vec![u32::MAX; INDEXED];
        let step = bytes.len() / INDEXED + 1;
        for (at, window) in bytes.windows(ANCHOR).enumerate().step_by(step) {
            places[Self::slot(window)] = at as u32;
        }
        Self(places)
    }

    fn slot(window: &[u8]) -> usize {
        let word = window.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - INDEXED.trailing_zeros())) as usize
    }

    /// Where the first of these bytes stand in those that the index is of.
    fn find(&self, of: &[u8], bytes: &[u8]) -> Option<usize> {
        let window = bytes.get(..ANCHOR)?;
        let place = self.0[Self::slot(window)] as usize;
        (of.get(place..place.checked_add(ANCHOR)?)? == window).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes made from others by changing, moving, adding and taking away.
    fn edited(mut bytes: Vec<u8>, edits: &[(u8, prop::sample::Index, Vec<u8>)]) -> Vec<u8> {
        for (kind, place, with) in edits {
            let at = place.index(bytes.len() + 1);
            let end = (at + with.len()).min(bytes.len());
            match kind % 4 {
                0 => drop(bytes.splice(at..at, with.iter().copied())),
                1 => drop(bytes.drain(at..end)),
                2 => bytes[at..end].iter_mut().zip(with).for_each(|(byte, new)| *byte = *new),
                _ => bytes.rotate_left(at),
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn gives_the_new_bytes_again(
            old in proptest::collection::vec(any::<u8>(), 0..600),
            edits in proptest::collection::vec(
                (any::<u8>(), any::<prop::sample::Index>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..8
            ),
        ) {
            let new = edited(old.clone(), &edits);
            let difference = difference(&old, &new);
            prop_assert_eq!(apply(&old, &difference, new.len()), Some(new.clone()));
            prop_assert!(new.is_empty() || apply(&old, &difference, new.len() - 1).is_none(), "over the most");
        }

        #[test]
        fn takes_any_difference(
            old in proptest::collection::vec(any::<u8>(), 0..100),
            difference in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            if let Some(new) = apply(&old, &difference, 500) {
                prop_assert!(new.len() <= 500);
            }
        }
    }

    #[test]
    fn single_changes_in_much_cost_little() {
        let mut random = fastrand::Rng::with_seed(3);
        let old: Vec<u8> = (0..100_000).map(|_| random.u8(..)).collect();
        let mut new = old.clone();
        for _ in 0..500 {
            let at = random.usize(..new.len());
            new[at] ^= 1 << random.u32(..8);
        }
        new.splice(40_000..40_000, [1, 2, 3]);
        new.drain(70_000..70_005);
        let packed = miniz_oxide::deflate::compress_to_vec(&difference(&old, &new), 6);
        assert!(packed.len() < 2000, "{} bytes", packed.len());
    }
}
