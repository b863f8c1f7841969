//! The ways to advance SHA-1 states, and which of them this processor has.

use sha1::block_api::compress;

#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};
use super::{Block, State};

/// A way to advance SHA-1 states that this processor has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// One state after the other, by the `sha1` crate.
    Single,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Path {
    /// One state after the other, by the `sha1` crate: every processor has it.
    pub const SINGLE: Self = Self(Kind::Single);

    /// The fastest.
    pub fn best() -> Self {
        // Not optimised, the lanes are slower than the crate, which is optimised in every profile.
        if cfg!(debug_assertions) {
            return Self::SINGLE;
        }
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(avx512) = Avx512::detect() {
                return Self(Kind::Avx512(avx512));
            }
            if let Some(avx2) = Avx2::detect() {
                return Self(Kind::Avx2(avx2));
            }
        }
        Self::SINGLE
    }

    /// All of them, the widest last.
    pub fn all() -> Vec<Self> {
        let paths = [
            Some(Kind::Single),
            #[cfg(target_arch = "x86_64")]
            Avx2::detect().map(Kind::Avx2),
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(Kind::Avx512),
        ];
        paths.into_iter().flatten().map(Self).collect()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Single => "sha1 crate",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "AVX-512",
        }
    }

    /// States it advances at once.
    pub fn lanes(self) -> usize {
        match self.0 {
            Kind::Single => 1,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => Avx512::LANES,
        }
    }

    /// From how many states on it beats the crate with the SHA instructions: empty lanes cost as much as full
    /// ones. `benches/hash.rs` shows it.
    pub(super) fn worthwhile(self) -> usize {
        match self.0 {
            Kind::Single => usize::MAX,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => 4,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => 3,
        }
    }

    /// Feeds each chunk into its state; all chunks have the same length, and there are no more than lanes.
    pub(super) fn advance(self, states: &mut [State], chunks: &[&[Block]]) {
        match self.0 {
            Kind::Single => {
                for (state, chunk) in states.iter_mut().zip(chunks) {
                    compress(state, chunk);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => in_lanes(states, chunks, |states, chunks| avx2.advance(states, chunks)),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(avx512) if states.len() <= Avx512::LANES / 2 => {
                in_lanes(states, chunks, |states, chunks| avx512.advance_half(states, chunks));
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(avx512) => in_lanes(states, chunks, |states, chunks| avx512.advance(states, chunks)),
        }
    }
}

/// Lanes that nobody needs hash the first chunk once more.
#[cfg(target_arch = "x86_64")]
fn in_lanes<const LANES: usize>(
    states: &mut [State],
    chunks: &[&[Block]],
    advance: impl FnOnce(&mut [State; LANES], &[&[Block]; LANES]),
) {
    let Some(&first) = chunks.first() else { return };
    let mut all = [State::default(); LANES];
    let mut of_all = [first; LANES];
    all[..states.len()].copy_from_slice(states);
    of_all[..chunks.len()].copy_from_slice(chunks);
    advance(&mut all, &of_all);
    states.copy_from_slice(&all[..states.len()]);
}
