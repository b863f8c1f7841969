//! SHA-1 over running states.
//!
//! A piece's hash is a running state that blocks are fed into while they are still warm, in order, as they
//! come. [`advance`] takes several states at once, because that is how hashing gets faster than one stream:
//! whoever has more than one run of bytes to hash hands them over together. Up to sixteen states then go forward
//! side by side, one in each lane of a vector register, by chunks of equal length.

mod path;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads, and calls of what only some processors can run")]
mod x86;

use std::fmt;
use std::ops::Deref;

use sha1::block_api::compress;
use sha1::{Digest, Sha1};

pub use path::Path;

/// What SHA-1 takes at once.
type Block = [u8; BLOCK_BYTES];
/// What it keeps between blocks.
type State = [u32; 5];

const BLOCK_BYTES: usize = 64;
/// Lanes of the widest path.
const MOST_LANES: usize = 16;
const FIRST_STATE: State = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// The SHA-1 of a piece on its way: what was fed in so far.
#[derive(Clone)]
pub struct PieceHash {
    state: State,
    fed_bytes: u64,
    /// What was fed in and does not make a block yet: as many bytes as `fed_bytes` goes beyond whole blocks.
    rest: Block,
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
        Self { state: FIRST_STATE, fed_bytes: 0, rest: [0; BLOCK_BYTES] }
    }

    /// Feeds bytes in.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let begun = self.rest_bytes();
        self.fed_bytes += bytes.len() as u64;
        if begun > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - begun));
            self.rest[begun..begun + now.len()].copy_from_slice(now);
            if begun + now.len() < BLOCK_BYTES {
                return;
            }
            compress(&mut self.state, &[self.rest]);
            bytes = later;
        }
        let (blocks, rest) = bytes.as_chunks();
        compress(&mut self.state, blocks);
        self.rest[..rest.len()].copy_from_slice(rest);
    }

    /// Bytes fed in so far.
    pub fn fed_bytes(&self) -> u64 {
        self.fed_bytes
    }

    /// The SHA-1 of all that was fed in.
    pub fn finish(mut self) -> [u8; 20] {
        let bits = self.fed_bytes.wrapping_mul(8);
        // A one bit, then zeros up to eight bytes before the end of a block, which tell the length.
        let mut padding = [0; BLOCK_BYTES];
        padding[0] = 0x80;
        let zeros_end = if self.rest_bytes() < BLOCK_BYTES - 8 { BLOCK_BYTES } else { 2 * BLOCK_BYTES };
        let needed = zeros_end - 8 - self.rest_bytes();
        let (first, second) = (needed.min(BLOCK_BYTES), needed.saturating_sub(BLOCK_BYTES));
        self.update(&padding[..first]);
        self.update(&[0; BLOCK_BYTES][..second]);
        self.update(&bits.to_be_bytes());
        let mut digest = [0; 20];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }

    /// Whether all that was fed in has this SHA-1.
    pub fn verify(self, expected: &[u8; 20]) -> bool {
        self.finish() == *expected
    }

    fn rest_bytes(&self) -> usize {
        (self.fed_bytes % BLOCK_BYTES as u64) as usize
    }
}

impl Default for PieceHash {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PieceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PieceHash({} bytes)", self.fed_bytes)
    }
}

/// Feeds every run into its state, as many side by side as this processor has lanes for.
pub fn advance<S: Deref<Target = [u8]>>(runs: &mut [Run<'_, S>]) {
    advance_by(Path::best(), runs);
}

/// [`advance`] by a path of the caller's choice.
pub fn advance_by<S: Deref<Target = [u8]>>(path: Path, runs: &mut [Run<'_, S>]) {
    let mut waiting = runs.iter_mut().map(Cursor::new);
    let mut active: Vec<Cursor<'_, S>> = Vec::with_capacity(path.lanes());
    loop {
        active.retain_mut(Cursor::find_blocks);
        while active.len() < path.lanes()
            && let Some(mut next) = waiting.next()
        {
            if next.find_blocks() {
                active.push(next);
            }
        }
        if active.len() < path.worthwhile() {
            break;
        }
        step(path, &mut active);
    }
    active.into_iter().chain(waiting).for_each(Cursor::finish);
}

/// Advances all of these, of which there are no more than lanes, by as many blocks as each has at hand.
fn step<S: Deref<Target = [u8]>>(path: Path, active: &mut [Cursor<'_, S>]) {
    let count = active.iter().map(|cursor| cursor.blocks().len()).min().unwrap_or(0);
    let (mut states, mut chunks) = ([FIRST_STATE; MOST_LANES], [&[][..]; MOST_LANES]);
    for ((cursor, state), chunk) in active.iter().zip(&mut states).zip(&mut chunks) {
        (*state, *chunk) = (cursor.hash.state, &cursor.blocks()[..count]);
    }
    path.advance(&mut states[..active.len()], &chunks[..active.len()]);
    for (cursor, state) in active.iter_mut().zip(states) {
        cursor.hash.state = state;
        cursor.hash.fed_bytes += (count * BLOCK_BYTES) as u64;
        cursor.at_hand = &cursor.at_hand[count * BLOCK_BYTES..];
    }
}

/// How far a run was fed into its state.
struct Cursor<'a, S> {
    hash: &'a mut PieceHash,
    slices: std::slice::Iter<'a, S>,
    at_hand: &'a [u8],
}

impl<'a, S: Deref<Target = [u8]>> Cursor<'a, S> {
    fn new(run: &'a mut Run<'_, S>) -> Self {
        Self { hash: run.hash, slices: run.slices.iter(), at_hand: &[] }
    }

    /// Goes on to the next whole block, feeding in what stands before it; false when the run is at its end.
    fn find_blocks(&mut self) -> bool {
        loop {
            if self.at_hand.is_empty() {
                let Some(slice) = self.slices.next() else { return false };
                self.at_hand = slice;
            } else if self.hash.rest_bytes() == 0 && self.at_hand.len() >= BLOCK_BYTES {
                return true;
            } else {
                let now = self.at_hand.len().min(BLOCK_BYTES - self.hash.rest_bytes());
                self.hash.update(&self.at_hand[..now]);
                self.at_hand = &self.at_hand[now..];
            }
        }
    }

    /// The whole blocks at hand.
    fn blocks(&self) -> &'a [Block] {
        self.at_hand.as_chunks().0
    }

    /// Feeds in all that is left, without the others.
    fn finish(self) {
        self.hash.update(self.at_hand);
        for slice in self.slices {
            self.hash.update(slice);
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

    /// Runs of any number, each cut anywhere into slices, with slices long enough that lanes run side by side.
    fn runs() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
        let slice = prop_oneof![
            3 => (0usize..200, any::<u8>()),
            2 => (0usize..40, any::<u8>()).prop_map(|(blocks, first)| (blocks * BLOCK_BYTES, first)),
            1 => (1000usize..3000, any::<u8>()),
        ];
        let slice = slice.prop_map(|(length, first)| {
            (0..length).map(|n| first.wrapping_add((n * n / 7) as u8)).collect::<Vec<u8>>()
        });
        proptest::collection::vec(proptest::collection::vec(slice, 0..6), 0..40)
    }

    proptest! {
        #[test]
        fn every_path_agrees_with_the_crate_however_many_runs_and_however_cut(runs in runs()) {
            for path in Path::all() {
                let mut hashes = vec![PieceHash::new(); runs.len()];
                // In two goes: the second finds states that run already, and what is left of a block.
                for part in 0..2 {
                    let halves: Vec<&[Vec<u8>]> = runs
                        .iter()
                        .map(|slices| {
                            let (first, second) = slices.split_at(slices.len() / 2);
                            if part == 0 { first } else { second }
                        })
                        .collect();
                    let runs = hashes.iter_mut().zip(halves).map(|(hash, slices)| Run { hash, slices });
                    advance_by(path, &mut runs.collect::<Vec<_>>());
                }
                for (hash, slices) in hashes.into_iter().zip(&runs) {
                    let whole = slices.concat();
                    prop_assert_eq!(hash.fed_bytes(), whole.len() as u64);
                    prop_assert_eq!(hash.finish(), sha1(&whole), "{} bytes by {}", whole.len(), path.name());
                }
            }
        }

        #[test]
        fn every_lane_of_every_path_counts(
            blocks in 1usize..5,
            side_by_side in 1..=MOST_LANES,
            lane in 0..MOST_LANES,
            flip in 0..BLOCK_BYTES,
        ) {
            for path in Path::all() {
                let count = path.lanes().min(side_by_side);
                let mut inputs: Vec<Vec<u8>> =
                    (0..count).map(|n| vec![n as u8; blocks * BLOCK_BYTES]).collect();
                inputs[lane % count][(blocks - 1) * BLOCK_BYTES + flip] ^= 0x10;
                let mut states = vec![FIRST_STATE; count];
                let chunks: Vec<&[Block]> = inputs.iter().map(|input| input.as_chunks().0).collect();
                path.advance(&mut states, &chunks);
                for (state, input) in states.into_iter().zip(&inputs) {
                    let mut alone = FIRST_STATE;
                    compress(&mut alone, input.as_chunks().0);
                    prop_assert_eq!(state, alone, "lane {} by {}", lane, path.name());
                }
            }
        }
    }

    #[test]
    fn padding_is_right_at_every_length() {
        let bytes = [0xa5; 200];
        for length in 0..bytes.len() {
            let mut hash = PieceHash::new();
            hash.update(&bytes[..length]);
            assert_eq!(hash.finish(), sha1(&bytes[..length]), "{length} bytes");
        }
    }
}
