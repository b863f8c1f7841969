//! SHA-1 by vector lanes: lane *n* of every register belongs to state *n*, and all states go one block further at
//! a time.
//!
//! The only module with `unsafe`, but for one option of sockets: loads and stores between arrays and registers, and
//! the call of a function the processor must be able to run, for which an [`Avx512`] or [`Avx2`] is the proof. The
//! arithmetic is safe.

use std::arch::x86_64::*;

use super::{Block, State};

/// Proof that this processor has AVX-512 F, BW and VL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Avx512(());

/// Proof that this processor has AVX2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Avx2(());

impl Avx512 {
    pub(super) const LANES: usize = 16;

    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx2");
        found.then_some(Self(()))
    }

    /// Feeds each chunk into its state; all chunks have the same length.
    pub(super) fn advance(self, states: &mut [State; Self::LANES], chunks: &[&[Block]; Self::LANES]) {
        // SAFETY: `detect` found every feature the function is compiled for.
        unsafe { advance_16(states, chunks) }
    }

    /// The same for half as many, in half-width registers.
    pub(super) fn advance_half(self, states: &mut [State; 8], chunks: &[&[Block]; 8]) {
        // SAFETY: `detect` found every feature the function is compiled for.
        unsafe { advance_8_of_16(states, chunks) }
    }
}

impl Avx2 {
    pub(super) const LANES: usize = 8;

    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Feeds each chunk into its state; all chunks have the same length.
    pub(super) fn advance(self, states: &mut [State; Self::LANES], chunks: &[&[Block]; Self::LANES]) {
        // SAFETY: `detect` found every feature the function is compiled for.
        unsafe { advance_8(states, chunks) }
    }
}

/// Twenty rounds with one function and one constant. The sixteen words of the schedule are a ring, in registers
/// because every index is known to the compiler: hence the list of round numbers.
macro_rules! rounds {
    ($of:ident, $f:ident, $k:literal, $state:ident, $w:ident, $($t:literal)*) => {{
        let k = $of::splat($k);
        $(
            if $t >= 16 {
                let mixed = $of::xor4($w[($t + 13) % 16], $w[($t + 8) % 16], $w[($t + 2) % 16], $w[$t % 16]);
                $w[$t % 16] = $of::rotate::<1, 31>(mixed);
            }
            let [a, b, c, d, e] = $state;
            let fed = $of::add($of::add(e, k), $of::add($w[$t % 16], $of::$f(b, c, d)));
            $state = [$of::add($of::rotate::<5, 27>(a), fed), a, $of::rotate::<30, 2>(b), c, d];
        )*
    }};
}

/// The compression of FIPS 180-4, §6.1.2, over vectors.
macro_rules! advance {
    ($name:ident, $of:ident, $lanes:literal, $features:literal) => {
        #[target_feature(enable = $features)]
        fn $name(states: &mut [State; $lanes], chunks: &[&[Block]; $lanes]) {
            let mut lanes = [[0; $lanes]; 5];
            for (lane, state) in states.iter().enumerate() {
                for (word, lanes) in state.iter().zip(&mut lanes) {
                    lanes[lane] = *word;
                }
            }
            let mut running = [$of::splat(0); 5];
            for (vector, lanes) in running.iter_mut().zip(&lanes) {
                *vector = $of::load(lanes);
            }
            for block in 0..chunks[0].len() {
                let mut w = $of::words(chunks, block);
                let mut state = running;
                rounds!($of, choose, 0x5a82_7999, state, w, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
                rounds!($of, parity, 0x6ed9_eba1, state, w, 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39);
                rounds!($of, majority, 0x8f1b_bcdc, state, w, 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59);
                rounds!($of, parity, 0xca62_c1d6, state, w, 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79);
                for (vector, state) in running.iter_mut().zip(state) {
                    *vector = $of::add(*vector, state);
                }
            }
            for (vector, lanes) in running.iter().zip(&mut lanes) {
                $of::store(*vector, lanes);
            }
            for (lane, state) in states.iter_mut().enumerate() {
                for (word, lanes) in state.iter_mut().zip(&lanes) {
                    *word = lanes[lane];
                }
            }
        }
    };
}

advance!(advance_16, sixteen, 16, "avx512f,avx512bw");
advance!(advance_8_of_16, eight_of_sixteen, 8, "avx512f,avx512vl,avx2");
advance!(advance_8, eight, 8, "avx2");

// Truth tables for ternary functions: bit 4b + 2c + d.
const CHOOSE: i32 = 0b1100_1010;
const PARITY: i32 = 0b1001_0110;
const MAJORITY: i32 = 0b1110_1000;

/// Sixteen lanes.
mod sixteen {
    use super::*;

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn splat(word: u32) -> __m512i {
        _mm512_set1_epi32(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn load(words: &[u32; 16]) -> __m512i {
        // SAFETY: 64 bytes are there to read, and the load asks for no alignment.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn store(vector: __m512i, words: &mut [u32; 16]) {
        // SAFETY: 64 bytes are there to write, and the store asks for no alignment.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn add(a: __m512i, b: __m512i) -> __m512i {
        _mm512_add_epi32(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn rotate<const LEFT: i32, const RIGHT: i32>(a: __m512i) -> __m512i {
        _mm512_rol_epi32::<LEFT>(a)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn choose(b: __m512i, c: __m512i, d: __m512i) -> __m512i {
        _mm512_ternarylogic_epi32::<CHOOSE>(b, c, d)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn parity(b: __m512i, c: __m512i, d: __m512i) -> __m512i {
        _mm512_ternarylogic_epi32::<PARITY>(b, c, d)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn majority(b: __m512i, c: __m512i, d: __m512i) -> __m512i {
        _mm512_ternarylogic_epi32::<MAJORITY>(b, c, d)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn xor4(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> __m512i {
        _mm512_xor_si512(parity(a, b, c), d)
    }

    /// The sixteen words of this block of every chunk: word *n* of all lanes in vector *n*.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn words(chunks: &[&[Block]; 16], block: usize) -> [__m512i; 16] {
        let swap = _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
        let mut rows = [swap; 16];
        for (row, chunk) in rows.iter_mut().zip(chunks) {
            let bytes: &Block = &chunk[block];
            // SAFETY: 64 bytes are there to read, and the load asks for no alignment.
            let loaded = unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
            *row = _mm512_shuffle_epi8(loaded, swap);
        }
        let mut pairs = rows;
        for n in 0..8 {
            pairs[2 * n] = _mm512_unpacklo_epi32(rows[2 * n], rows[2 * n + 1]);
            pairs[2 * n + 1] = _mm512_unpackhi_epi32(rows[2 * n], rows[2 * n + 1]);
        }
        // Quarter q of quads[4g + n] is word 4q + n of the rows 4g to 4g + 3.
        let mut quads = pairs;
        for n in [0, 4, 8, 12] {
            quads[n] = _mm512_unpacklo_epi64(pairs[n], pairs[n + 2]);
            quads[n + 1] = _mm512_unpackhi_epi64(pairs[n], pairs[n + 2]);
            quads[n + 2] = _mm512_unpacklo_epi64(pairs[n + 1], pairs[n + 3]);
            quads[n + 3] = _mm512_unpackhi_epi64(pairs[n + 1], pairs[n + 3]);
        }
        let mut words = quads;
        for n in 0..4 {
            let even = [
                _mm512_shuffle_i32x4::<0b10_00_10_00>(quads[n], quads[n + 4]),
                _mm512_shuffle_i32x4::<0b10_00_10_00>(quads[n + 8], quads[n + 12]),
            ];
            let odd = [
                _mm512_shuffle_i32x4::<0b11_01_11_01>(quads[n], quads[n + 4]),
                _mm512_shuffle_i32x4::<0b11_01_11_01>(quads[n + 8], quads[n + 12]),
            ];
            words[n] = _mm512_shuffle_i32x4::<0b10_00_10_00>(even[0], even[1]);
            words[n + 4] = _mm512_shuffle_i32x4::<0b10_00_10_00>(odd[0], odd[1]);
            words[n + 8] = _mm512_shuffle_i32x4::<0b11_01_11_01>(even[0], even[1]);
            words[n + 12] = _mm512_shuffle_i32x4::<0b11_01_11_01>(odd[0], odd[1]);
        }
        words
    }
}

/// Eight lanes, without rotations and ternary functions.
mod eight {
    use super::*;

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn splat(word: u32) -> __m256i {
        _mm256_set1_epi32(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load(words: &[u32; 8]) -> __m256i {
        // SAFETY: 32 bytes are there to read, and the load asks for no alignment.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn store(vector: __m256i, words: &mut [u32; 8]) {
        // SAFETY: 32 bytes are there to write, and the store asks for no alignment.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn add(a: __m256i, b: __m256i) -> __m256i {
        _mm256_add_epi32(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn rotate<const LEFT: i32, const RIGHT: i32>(a: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_slli_epi32::<LEFT>(a), _mm256_srli_epi32::<RIGHT>(a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn choose(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
        _mm256_xor_si256(d, _mm256_and_si256(b, _mm256_xor_si256(c, d)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn parity(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
        _mm256_xor_si256(_mm256_xor_si256(b, c), d)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn majority(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_and_si256(b, c), _mm256_and_si256(d, _mm256_or_si256(b, c)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn xor4(a: __m256i, b: __m256i, c: __m256i, d: __m256i) -> __m256i {
        _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d))
    }

    /// The sixteen words of this block of every chunk: word *n* of all lanes in vector *n*.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn words(chunks: &[&[Block]; 8], block: usize) -> [__m256i; 16] {
        let swap = _mm256_set_epi32(
            0x0c0d_0e0f,
            0x0809_0a0b,
            0x0405_0607,
            0x0001_0203,
            0x0c0d_0e0f,
            0x0809_0a0b,
            0x0405_0607,
            0x0001_0203,
        );
        let mut words = [swap; 16];
        for half in 0..2 {
            let mut rows = [swap; 8];
            for (row, chunk) in rows.iter_mut().zip(chunks) {
                let bytes = &chunk[block].as_chunks::<32>().0[half];
                // SAFETY: 32 bytes are there to read, and the load asks for no alignment.
                let loaded = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
                *row = _mm256_shuffle_epi8(loaded, swap);
            }
            let mut pairs = rows;
            for n in 0..4 {
                pairs[2 * n] = _mm256_unpacklo_epi32(rows[2 * n], rows[2 * n + 1]);
                pairs[2 * n + 1] = _mm256_unpackhi_epi32(rows[2 * n], rows[2 * n + 1]);
            }
            // Half h of quads[4g + n] is word 4h + n of the rows 4g to 4g + 3.
            let mut quads = pairs;
            for n in [0, 4] {
                quads[n] = _mm256_unpacklo_epi64(pairs[n], pairs[n + 2]);
                quads[n + 1] = _mm256_unpackhi_epi64(pairs[n], pairs[n + 2]);
                quads[n + 2] = _mm256_unpacklo_epi64(pairs[n + 1], pairs[n + 3]);
                quads[n + 3] = _mm256_unpackhi_epi64(pairs[n + 1], pairs[n + 3]);
            }
            for n in 0..4 {
                words[8 * half + n] = _mm256_permute2x128_si256::<0x20>(quads[n], quads[n + 4]);
                words[8 * half + n + 4] = _mm256_permute2x128_si256::<0x31>(quads[n], quads[n + 4]);
            }
        }
        words
    }
}

/// Eight lanes, with the rotations and ternary functions of AVX-512.
mod eight_of_sixteen {
    use super::*;

    pub(super) use super::eight::{add, load, splat, store, words};

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    pub(super) fn rotate<const LEFT: i32, const RIGHT: i32>(a: __m256i) -> __m256i {
        _mm256_rol_epi32::<LEFT>(a)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    pub(super) fn choose(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
        _mm256_ternarylogic_epi32::<CHOOSE>(b, c, d)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    pub(super) fn parity(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
        _mm256_ternarylogic_epi32::<PARITY>(b, c, d)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    pub(super) fn majority(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
        _mm256_ternarylogic_epi32::<MAJORITY>(b, c, d)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    pub(super) fn xor4(a: __m256i, b: __m256i, c: __m256i, d: __m256i) -> __m256i {
        _mm256_xor_si256(parity(a, b, c), d)
    }
}
