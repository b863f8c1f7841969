//! The key exchange: Diffie and Hellman's, over a prime of 768 bits.

use std::fmt;

use crypto_bigint::modular::ConstMontyForm;
use crypto_bigint::{U192, U768, const_monty_params};
use sha1::{Digest, Sha1};

use super::MseError;
use super::cipher::Cipher;
use crate::metainfo::InfoHash;

/// Bytes of a public key, and of the secret.
pub const KEY_BYTES: usize = 96;
/// Bits of a private key: more costs time and makes RC4 no better.
const EXPONENT_BITS: u32 = 160;

const_monty_params!(
    Prime,
    U768,
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563",
    "The prime that both sides calculate by."
);

type Residue = ConstMontyForm<Prime, { U768::LIMBS }>;

fn prime() -> U768 {
    *<Prime as crypto_bigint::modular::ConstMontyParams<{ U768::LIMBS }>>::PARAMS.modulus().as_ref()
}

fn bytes(number: &U768) -> [u8; KEY_BYTES] {
    let mut bytes = [0; KEY_BYTES];
    bytes.copy_from_slice(number.to_be_bytes().as_ref());
    bytes
}

/// Draws a private key.
fn exponent(random: &mut fastrand::Rng) -> U192 {
    let mut drawn = [0; 24];
    // Zero would make the public key 1, which nobody takes; the top bit keeps it away.
    random.fill(&mut drawn[4..]);
    drawn[4] |= 0x80;
    U192::from_be_slice(&drawn)
}

/// A calculation that takes long, for a thread that may take long.
#[derive(Clone)]
pub struct Exchange {
    exponent: U192,
    theirs: Option<U768>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

/// What came out of it.
#[derive(Clone)]
pub struct Exchanged {
    /// Our public key.
    pub(super) public: [u8; KEY_BYTES],
    /// What both sides know now, if the other side's key was there.
    pub(super) secret: Option<Secret>,
}

impl fmt::Debug for Exchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanged").finish_non_exhaustive()
    }
}

impl Exchange {
    /// A new pair of keys.
    pub(super) fn new(random: &mut fastrand::Rng) -> Self {
        Self { exponent: exponent(random), theirs: None }
    }

    /// With the other side's public key.
    ///
    /// # Errors
    ///
    /// [`MseError::BadKey`]: the secret would be known to everybody, or the key is no residue.
    pub(super) fn with(mut self, theirs: &[u8; KEY_BYTES]) -> Result<Self, MseError> {
        let (theirs, one) = (U768::from_be_slice(theirs), U768::ONE);
        if theirs <= one || theirs >= prime().wrapping_sub(&one) {
            return Err(MseError::BadKey);
        }
        self.theirs = Some(theirs);
        Ok(self)
    }

    /// Calculates: half a millisecond or so.
    pub fn run(&self) -> Exchanged {
        let power = |base: &U768| {
            bytes(&Residue::new(base).pow_bounded_exp(&self.exponent, EXPONENT_BITS).retrieve())
        };
        Exchanged {
            public: power(&U768::from_u8(2)),
            secret: self.theirs.as_ref().map(|theirs| Secret(power(theirs))),
        }
    }
}

/// What both sides know, and nobody who only listened.
#[derive(Clone)]
pub(super) struct Secret([u8; KEY_BYTES]);

/// What stands for a torrent: `HASH('req2', SKEY)`.
pub(super) fn name_of(torrent: &InfoHash) -> [u8; 20] {
    hash(&[b"req2", &torrent.0])
}

impl Secret {
    /// What follows the caller's padding: `HASH('req1', S)`.
    pub(super) fn request_1(&self) -> [u8; 20] {
        hash(&[b"req1", &self.0])
    }

    /// What names the torrent: `HASH('req2', SKEY) xor HASH('req3', S)`.
    pub(super) fn request_2(&self, torrent: &InfoHash) -> [u8; 20] {
        self.masked(name_of(torrent))
    }

    /// A name under the secret, and one that is under it in the clear.
    pub(super) fn masked(&self, mut name: [u8; 20]) -> [u8; 20] {
        name.iter_mut().zip(hash(&[b"req3", &self.0])).for_each(|(byte, other)| *byte ^= other);
        name
    }

    /// The stream from the side that called.
    pub(super) fn of_caller(&self, torrent: &InfoHash) -> Cipher {
        Cipher::new(&hash(&[b"keyA", &self.0, &torrent.0]))
    }

    /// The stream from the side that was called.
    pub(super) fn of_called(&self, torrent: &InfoHash) -> Cipher {
        Cipher::new(&hash(&[b"keyB", &self.0, &torrent.0]))
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 20] {
    let mut sha = Sha1::new();
    parts.iter().for_each(|part| sha.update(part));
    sha.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_exponent(exponent: u64, theirs: Option<U768>) -> Exchanged {
        Exchange { exponent: U192::from_u64(exponent), theirs }.run()
    }

    #[test]
    fn calculates_by_the_prime_and_the_generator_of_the_protocol() {
        let small = |n: u64| bytes(&U768::from_u64(n));
        assert_eq!(with_exponent(10, None).public, small(1024));
        // Just beyond the prime, once around: 2^768 − p is left.
        assert_eq!(with_exponent(768, None).public, bytes(&U768::ZERO.wrapping_sub(&prime())));
        // Fermat: the prime is one.
        let minus_one = prime().wrapping_sub(&U768::ONE);
        let two = Residue::new(&U768::from_u8(2));
        assert_eq!(two.pow(&minus_one).retrieve(), U768::ONE);
        let begin = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2];
        let end = [0xa6, 0x3a, 0x36, 0x21, 0, 0, 0, 0, 0, 0x09, 0x05, 0x63];
        assert!(bytes(&prime()).starts_with(&begin) && bytes(&prime()).ends_with(&end));
    }

    #[test]
    fn both_sides_come_to_the_same_secret() {
        let mut random = fastrand::Rng::with_seed(5);
        let (a, b) = (Exchange::new(&mut random), Exchange::new(&mut random));
        let (public_a, public_b) = (a.run().public, b.run().public);
        assert_ne!(public_a, public_b);
        let (a, b) = (a.with(&public_b).unwrap().run(), b.with(&public_a).unwrap().run());
        assert_eq!(a.public, public_a, "the key stays while the secret is calculated");
        let (a, b) = (a.secret.unwrap(), b.secret.unwrap());
        assert_eq!(a.request_1(), b.request_1());
        assert_ne!(a.request_1(), a.request_2(&InfoHash([1; 20])));
    }

    #[test]
    fn refuses_keys_that_no_honest_side_has() {
        let exchange = Exchange::new(&mut fastrand::Rng::with_seed(5));
        let p = prime();
        let minus = |n: u64| bytes(&p.wrapping_sub(&U768::from_u64(n)));
        let plus = |n: u64| bytes(&p.wrapping_add(&U768::from_u64(n)));
        let small = |n: u64| bytes(&U768::from_u64(n));
        for bad in [small(0), small(1), minus(1), minus(0), plus(1), [0xff; KEY_BYTES]] {
            assert_eq!(exchange.clone().with(&bad).unwrap_err(), MseError::BadKey);
        }
        for good in [small(2), minus(2)] {
            assert!(exchange.clone().with(&good).is_ok());
        }
    }
}
