//! Info-hash and peer id: twenty bytes each, never mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// SHA-1 over the raw bytes of a torrent's `info` dictionary (BEP 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InfoHash(pub [u8; 20]);

impl InfoHash {
    /// What forty digits stand for, as it is written; `None` where they are no such digits.
    #[must_use]
    pub fn from_hex(digits: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 40 || !digits.bytes().all(is_digit) {
            return None;
        }
        let mut hash = [0; 20];
        for (byte, at) in hash.iter_mut().zip((0..40).step_by(2)) {
            *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

/// The twenty bytes by which a client names itself in its handshake (BEP 3, BEP 20).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PeerId(pub [u8; 20]);

impl PeerId {
    /// What our own peer ids begin with, Azureus style (BEP 20).
    pub const OUR_PREFIX: &'static [u8; 8] = b"-Tu0100-";

    /// Our peer id for one run: the prefix, then twelve printable characters drawn from `seed`.
    pub fn ours(seed: u64) -> Self {
        const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut random = fastrand::Rng::with_seed(seed);
        let mut id = [0; 20];
        id[..8].copy_from_slice(Self::OUR_PREFIX);
        for byte in &mut id[8..] {
            *byte = ALPHABET[random.usize(..ALPHABET.len())];
        }
        Self(id)
    }

    /// The id with every byte outside printable ASCII written as `%XX`.
    pub fn printable(&self) -> String {
        let mut shown = String::with_capacity(20);
        for &byte in &self.0 {
            if (0x20..0x7f).contains(&byte) {
                shown.push(char::from(byte));
            } else {
                shown.push_str(&format!("%{byte:02X}"));
            }
        }
        shown
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InfoHash({self})")
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.printable())
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_info_hash_as_it_is_written() {
        let hash = InfoHash([0xa7; 20]);
        assert_eq!(InfoHash::from_hex(&hash.to_string()), Some(hash));
        for wrong in ["", "a7", &"A7".repeat(20), &"+7".repeat(20), &"é".repeat(20), &"a7".repeat(21)] {
            assert_eq!(InfoHash::from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn writes_an_info_hash_in_lower_case_hex() {
        let mut bytes = [0; 20];
        bytes[0] = 0xAB;
        assert_eq!(InfoHash(bytes).to_string(), format!("ab{}", "0".repeat(38)));
    }

    #[test]
    fn escapes_unprintable_bytes_of_a_peer_id() {
        let mut bytes = *b"-qB4620-abcdefghijkl";
        bytes[9] = 0x1b;
        assert_eq!(PeerId(bytes).printable(), "-qB4620-a%1Bcdefghijkl");
    }

    #[test]
    fn our_id_has_our_prefix_and_differs_by_seed() {
        assert!(PeerId::ours(1).0.starts_with(PeerId::OUR_PREFIX));
        assert_ne!(PeerId::ours(1), PeerId::ours(2));
    }
}
