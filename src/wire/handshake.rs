//! The handshake: 68 bytes that open every connection (BEP 3), with the reserved bits that say who can do what.

use std::fmt;

use crate::metainfo::{InfoHash, PeerId};

/// What every handshake begins with: the length 19, then the name of the protocol.
pub const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

/// Bytes in a handshake.
pub const HANDSHAKE_BYTES: usize = 68;

/// Where the info-hash ends, and with it all that decides which torrent is meant.
const INFO_HASH_END: usize = 48;

/// The eight reserved bytes. Unknown bits are kept as they came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Reserved(pub [u8; 8]);

/// Byte, mask and name of every bit somebody gave a meaning.
const NAMED_BITS: &[(usize, u8, &str)] = &[
    (0, 0x80, "Azureus messages"),
    (2, 0x08, "location-aware"),
    (5, 0x10, "extension protocol"),
    (7, 0x01, "DHT"),
    (7, 0x02, "XBT peer exchange"),
    (7, 0x04, "fast"),
    (7, 0x08, "NAT traversal"),
    (7, 0x10, "v2"),
];

impl Reserved {
    /// What we announce: the extension protocol (BEP 10) and the fast extension (BEP 6).
    pub const OURS: Self = Self([0, 0, 0, 0, 0, 0x10, 0, 0x04]);

    /// The same, of one that has a DHT node (BEP 5) and takes the Port message.
    #[must_use]
    pub fn with_dht(mut self) -> Self {
        self.0[7] |= 0x01;
        self
    }

    /// Takes extension messages (BEP 10).
    pub fn extension_protocol(self) -> bool {
        self.0[5] & 0x10 != 0
    }

    /// Has a DHT node and takes `port` (BEP 5).
    pub fn dht(self) -> bool {
        self.0[7] & 0x01 != 0
    }

    /// Takes the messages of the fast extension (BEP 6).
    pub fn fast(self) -> bool {
        self.0[7] & 0x04 != 0
    }

    /// Can go on as BitTorrent v2 in a hybrid torrent (BEP 52).
    pub fn v2(self) -> bool {
        self.0[7] & 0x10 != 0
    }

    /// The names of the bits that are set, those without a meaning as `bit N`, counted from the right.
    pub fn names(self) -> Vec<String> {
        let mut names = Vec::new();
        for bit in (0..64).rev() {
            let (byte, mask) = (7 - bit / 8, 1u8 << (bit % 8));
            if self.0[byte] & mask == 0 {
                continue;
            }
            let known = NAMED_BITS.iter().find(|(at, bits, _)| *at == byte && *bits == mask);
            names.push(known.map_or_else(|| format!("bit {bit}"), |(_, _, name)| (*name).to_owned()));
        }
        names
    }
}

impl fmt::Display for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reserved({self})")
    }
}

/// A handshake in full.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Handshake {
    /// What the sender can do.
    pub reserved: Reserved,
    /// Which torrent it means.
    pub info_hash: InfoHash,
    /// Who it says it is.
    pub peer_id: PeerId,
}

/// What the bytes received so far say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judged {
    /// The byte at this offset is none of a handshake's: whatever talks there, it is not BitTorrent.
    NotBittorrent {
        /// The first byte that differs.
        at: usize,
    },
    /// Right so far, and too short to say which torrent is meant.
    Prefix,
    /// The torrent is known (48 bytes suffice, and some send no more until they saw our handshake).
    Torrent {
        /// What the sender can do.
        reserved: Reserved,
        /// Which torrent it means.
        info_hash: InfoHash,
    },
    /// All of it.
    Whole(Handshake),
}

impl Handshake {
    /// The bytes to send.
    pub fn to_bytes(&self) -> [u8; HANDSHAKE_BYTES] {
        let mut bytes = [0; HANDSHAKE_BYTES];
        bytes[..20].copy_from_slice(PROTOCOL);
        bytes[20..28].copy_from_slice(&self.reserved.0);
        bytes[28..48].copy_from_slice(&self.info_hash.0);
        bytes[48..].copy_from_slice(&self.peer_id.0);
        bytes
    }

    /// Judges what has come so far, however little; bytes after the 68th belong to messages and are not looked at.
    ///
    /// ```
    /// use ttui::wire::{Handshake, Judged};
    ///
    /// assert_eq!(Handshake::judge(b"\x13BitT"), Judged::Prefix);
    /// assert_eq!(Handshake::judge(b"HTTP/1.1 400"), Judged::NotBittorrent { at: 0 });
    /// ```
    pub fn judge(received: &[u8]) -> Judged {
        if let Some(at) = received.iter().zip(PROTOCOL).position(|(got, expected)| got != expected) {
            return Judged::NotBittorrent { at };
        }
        if received.len() < INFO_HASH_END {
            return Judged::Prefix;
        }
        let reserved = Reserved(array(&received[20..28]));
        let info_hash = InfoHash(array(&received[28..INFO_HASH_END]));
        if received.len() < HANDSHAKE_BYTES {
            return Judged::Torrent { reserved, info_hash };
        }
        let peer_id = PeerId(array(&received[INFO_HASH_END..HANDSHAKE_BYTES]));
        Judged::Whole(Self { reserved, info_hash, peer_id })
    }
}

/// The first `N` bytes, which the caller has checked to be there.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut copied = [0; N];
    copied.copy_from_slice(&bytes[..N]);
    copied
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_wrong_byte_decides_however_few_came() {
        assert_eq!(Handshake::judge(b"H"), Judged::NotBittorrent { at: 0 });
        assert_eq!(Handshake::judge(b"\x13BitTorrent Protocol"), Judged::NotBittorrent { at: 12 });
        assert_eq!(Handshake::judge(b""), Judged::Prefix);
    }

    #[test]
    fn names_known_and_unknown_bits() {
        let reserved = Reserved([0x80, 0, 0, 0, 0, 0x10, 0x01, 0x15]);
        assert_eq!(
            reserved.names(),
            ["Azureus messages", "extension protocol", "bit 8", "v2", "fast", "DHT"]
        );
        assert_eq!(Reserved::default().names(), Vec::<String>::new());
        assert_eq!(Reserved([0xff; 8]).names().len(), 64);
    }

    #[test]
    fn we_announce_the_extension_protocol_and_fast() {
        assert_eq!(Reserved::OURS.names(), ["extension protocol", "fast"]);
        assert!(Reserved::OURS.extension_protocol() && Reserved::OURS.fast());
        assert!(!Reserved::OURS.dht() && !Reserved::OURS.v2());
    }

    proptest! {
        #[test]
        fn is_judged_alike_at_every_split(
            reserved in any::<[u8; 8]>(), hash in any::<[u8; 20]>(), id in any::<[u8; 20]>(), tail in any::<[u8; 5]>(),
        ) {
            let sent = Handshake { reserved: Reserved(reserved), info_hash: InfoHash(hash), peer_id: PeerId(id) };
            let mut bytes = sent.to_bytes().to_vec();
            bytes.extend(tail);
            for end in 0..=bytes.len() {
                let expected = match end {
                    0..48 => Judged::Prefix,
                    48..68 => Judged::Torrent { reserved: sent.reserved, info_hash: sent.info_hash },
                    _ => Judged::Whole(sent),
                };
                prop_assert_eq!(Handshake::judge(&bytes[..end]), expected);
            }
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let judged = Handshake::judge(&bytes);
            let begins_well = bytes.iter().zip(PROTOCOL).all(|(a, b)| a == b);
            prop_assert_eq!(matches!(judged, Judged::NotBittorrent { .. }), !begins_well);
        }
    }
}
