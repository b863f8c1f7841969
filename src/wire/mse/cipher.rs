//! RC4 as message stream encryption uses it.

use std::fmt;

use rc4::{KeyInit, Rc4, StreamCipher};

/// The first bytes of the stream tell of its key and are thrown away.
const DROPPED_BYTES: usize = 1024;

/// One direction's stream. Enciphering and deciphering are the same.
pub struct Cipher(Box<Rc4>);

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher")
    }
}

impl Cipher {
    pub(super) fn new(key: &[u8; 20]) -> Self {
        let rc4 = Rc4::new_from_slice(key).expect("RC4 takes keys of 1 to 256 bytes");
        let mut cipher = Self(Box::new(rc4));
        cipher.apply(&mut [0; DROPPED_BYTES]);
        cipher
    }

    /// Goes on with the stream over `bytes`, in place.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }

    /// The same for an array.
    pub(super) fn applied<const N: usize>(&mut self, mut bytes: [u8; N]) -> [u8; N] {
        self.apply(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the published test vectors for RC4 (RFC 6229): a key of 16 bytes, the stream from byte 1024 on.
    #[test]
    fn begins_after_1024_bytes() {
        let mut key = [0; 16];
        key.iter_mut().zip(1..).for_each(|(byte, n)| *byte = n);
        let mut rc4 = Rc4::new_from_slice(&key).unwrap();
        let mut stream = [0; 1024 + 16];
        rc4.apply_keystream(&mut stream);
        assert_eq!(stream[..4], [0x9a, 0xc7, 0xcc, 0x9a]);
        let at_1024 =
            [0xbd, 0xf0, 0x32, 0x4e, 0x60, 0x83, 0xdc, 0xc6, 0xd3, 0xce, 0xdd, 0x3c, 0xa8, 0xc5, 0x3c, 0x16];
        assert_eq!(stream[1024..], at_1024);
        let mut ours = Cipher::new(&[7; 20]);
        let mut theirs = Rc4::new_from_slice(&[7; 20]).unwrap();
        let mut stream = [0; 1024 + 16];
        theirs.apply_keystream(&mut stream);
        assert_eq!(ours.applied([0; 16]), stream[1024..]);
    }
}
