//! SHA-1 over running states.
//!
//! A piece's hash is a running state that blocks are fed into while they are still warm, in order, as they
//! come. [`advance`] takes several states at once, because that is how hashing gets faster than one stream:
//! whoever has more than one run of bytes to hash hands them over together.

use std::fmt;
use std::ops::Deref;

use sha1::{Digest, Sha1};

/// The SHA-1 of a piece on its way: what was fed in so far.
#[derive(Clone, Default)]
pub struct PieceHash {
    state: Sha1,
    fed_bytes: u64,
}

/// Bytes to feed into one running state, in order.
#[derive(Debug)]
pub struct Run<'a, S> {
    /// The state they belong to.
    pub hash: &'a mut PieceHash,
    /// The bytes, as a list of slices.
    pub slices: &'a [S],
}

impl PieceHash {
    /// A state that nothing was fed into.
    pub fn new() -> Self {
        Self::default()
    }

    /// Feeds bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.fed_bytes += bytes.len() as u64;
    }

    /// Bytes fed in so far.
    pub fn fed_bytes(&self) -> u64 {
        self.fed_bytes
    }

    /// The SHA-1 of all that was fed in.
    pub fn finish(self) -> [u8; 20] {
        self.state.finalize().into()
    }

    /// Whether all that was fed in has this SHA-1.
    pub fn verify(self, expected: &[u8; 20]) -> bool {
        self.finish() == *expected
    }
}

impl fmt::Debug for PieceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PieceHash({} bytes)", self.fed_bytes)
    }
}

/// Feeds every run into its state. The states are independent of each other.
pub fn advance<S: Deref<Target = [u8]>>(runs: &mut [Run<'_, S>]) {
    for run in runs {
        for slice in run.slices {
            run.hash.update(slice);
        }
    }
}

/// The SHA-1 of these bytes.
///
/// ```
/// assert_eq!(ttui::hash::sha1(b"abc")[..4], [0xa9, 0x99, 0x3e, 0x36]);
/// ```
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    Sha1::digest(bytes).into()
}

/// The SHA-1 of this many zero bytes.
pub fn sha1_of_zeros(mut count: u64) -> [u8; 20] {
    let zeros = [0; 64 * 1024];
    let mut hash = PieceHash::new();
    while count > 0 {
        let step = count.min(zeros.len() as u64);
        hash.update(&zeros[..step as usize]);
        count -= step;
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_the_vectors_of_fips_180() {
        let hex = |digest: [u8; 20]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(PieceHash::new().finish()), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(sha1_of_zeros(100_000), sha1(&vec![0; 100_000]));
    }

    #[test]
    fn tells_a_wrong_byte() {
        let mut hash = PieceHash::new();
        hash.update(b"abd");
        assert_eq!(hash.fed_bytes(), 3);
        assert!(!hash.clone().verify(&sha1(b"abc")));
        assert!(hash.verify(&sha1(b"abd")));
    }

    proptest! {
        #[test]
        fn runs_of_any_cut_give_the_hash_of_the_whole(
            first in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..8),
            second in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..8),
        ) {
            let (mut one, mut two) = (PieceHash::new(), PieceHash::new());
            advance(&mut [Run { hash: &mut one, slices: &first }, Run { hash: &mut two, slices: &second }]);
            prop_assert!(one.verify(&sha1(&first.concat())));
            prop_assert!(two.verify(&sha1(&second.concat())));
        }
    }
}
