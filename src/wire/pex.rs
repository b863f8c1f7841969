//! Peer exchange (BEP 11): peers tell each other who else is there.

use std::net::{IpAddr, SocketAddr};

use super::extension::{ExtensionError, string};
use super::tracker::compact_peers;
use crate::metainfo::bencode::{self, Limits};

/// The name of the extension.
pub const PEX_NAME: &str = "ut_pex";
/// Addresses added, and as many dropped, in any message but the first.
pub const MOST_PEX_ENTRIES: usize = 50;
/// Addresses added in the first message: of these more are allowed, and no client keeps more connections by default.
pub const MOST_FIRST_PEX_ENTRIES: usize = 200;

const LIMITS: Limits = Limits { bytes: super::MAX_FRAME, depth: 4, tokens: 100 };

/// What a peer says of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PexFlags(pub u8);

impl PexFlags {
    /// It prefers encrypted connections.
    pub const ENCRYPTED: Self = Self(0x01);
    /// It has everything, or wants nothing.
    pub const SEED: Self = Self(0x02);
    /// It speaks uTP.
    pub const UTP: Self = Self(0x04);
    /// It takes part in holepunch (BEP 55).
    pub const HOLEPUNCH: Self = Self(0x08);
    /// It could be reached: who says so dialled it.
    pub const REACHABLE: Self = Self(0x10);

    /// Whether it says this.
    pub fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// This too, where it holds.
    #[must_use]
    pub fn with(self, flag: Self, holds: bool) -> Self {
        if holds { Self(self.0 | flag.0) } else { self }
    }
}

/// The peers that a peer connected to since its last message, and those that are gone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pex {
    /// New ones, with what is said of each.
    pub added: Vec<(SocketAddr, PexFlags)>,
    /// Those that are gone.
    pub dropped: Vec<SocketAddr>,
}

impl Pex {
    /// Reads the payload of a message; of both lists the first `most` count, whatever the family of their addresses.
    ///
    /// # Errors
    ///
    /// [`ExtensionError`] when there is no dictionary, or one that nobody would write.
    pub fn decode(payload: &[u8], most: usize) -> Result<Self, ExtensionError> {
        let document = bencode::parse(payload, LIMITS)?;
        let root = document.root();
        if root.dict().is_none() {
            return Err(ExtensionError::NotADictionary);
        }
        let bytes = |key: &[u8]| root.dict_get(key).and_then(bencode::Value::bytes).unwrap_or_default();
        let mut said = Self::default();
        for (peers, flags) in [
            (compact_peers::<4>(bytes(b"added")).0, bytes(b"added.f")),
            (compact_peers::<16>(bytes(b"added6")).0, bytes(b"added6.f")),
        ] {
            let flags =
                flags.iter().map(|&byte| PexFlags(byte)).chain(std::iter::repeat(PexFlags::default()));
            said.added.extend(peers.into_iter().zip(flags));
        }
        said.dropped.extend(compact_peers::<4>(bytes(b"dropped")).0);
        said.dropped.extend(compact_peers::<16>(bytes(b"dropped6")).0);
        said.added.truncate(most);
        said.dropped.truncate(most);
        Ok(said)
    }

    /// The payload to send.
    pub fn encode(&self) -> Vec<u8> {
        let (mut added, mut flags) = (ByFamily::default(), ByFamily::default());
        for (addr, said) in &self.added {
            added.push(*addr);
            flags.of(*addr).push(said.0);
        }
        let mut dropped = ByFamily::default();
        self.dropped.iter().for_each(|addr| dropped.push(*addr));
        // Clients send all of them, whether there is anything in them or not.
        let mut out = vec![b'd'];
        for (key, value) in [
            ("added", &added.v4),
            ("added.f", &flags.v4),
            ("added6", &added.v6),
            ("added6.f", &flags.v6),
            ("dropped", &dropped.v4),
            ("dropped6", &dropped.v6),
        ] {
            string(&mut out, key.as_bytes());
            string(&mut out, value);
        }
        out.push(b'e');
        out
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.dropped.is_empty()
    }
}

/// Bytes of IPv4 and of IPv6 entries, which go by different keys.
#[derive(Default)]
struct ByFamily {
    v4: Vec<u8>,
    v6: Vec<u8>,
}

impl ByFamily {
    fn of(&mut self, addr: SocketAddr) -> &mut Vec<u8> {
        if addr.is_ipv4() { &mut self.v4 } else { &mut self.v6 }
    }

    fn push(&mut self, addr: SocketAddr) {
        match addr.ip() {
            IpAddr::V4(ip) => self.v4.extend(ip.octets()),
            IpAddr::V6(ip) => self.v6.extend(ip.octets()),
        }
        self.of(addr).extend(addr.port().to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_a_client_sends() {
        let payload = b"d5:added12:\x0a\0\0\x01\x1a\xe1\x0a\0\0\x02\x1a\xe27:added.f2:\x02\x116:added60:\
            8:added6.f0:7:dropped6:\x0a\0\0\x03\0\x508:dropped60:e";
        let said = Pex::decode(payload, 50).unwrap();
        let expected = Pex {
            added: vec![(addr("10.0.0.1:6881"), PexFlags::SEED), (addr("10.0.0.2:6882"), PexFlags(0x11))],
            dropped: vec![addr("10.0.0.3:80")],
        };
        assert_eq!(said, expected);
        assert!(said.added[1].1.has(PexFlags::REACHABLE) && !said.added[1].1.has(PexFlags::SEED));
        assert_eq!(expected.encode(), payload);
    }

    #[test]
    fn flags_may_be_missing_and_values_of_other_kinds_count_as_none() {
        let said = Pex::decode(b"d5:added6:\x0a\0\0\x01\x1a\xe17:dropped", 50);
        assert!(matches!(said, Err(ExtensionError::Bencode(_))));
        let said = Pex::decode(b"d5:added7:\x0a\0\0\x01\x1a\xe1\x0a7:added.fi3e7:droppedlee", 50).unwrap();
        assert_eq!(said.added, [(addr("10.0.0.1:6881"), PexFlags::default())]);
        assert!(said.dropped.is_empty());
        assert_eq!(Pex::decode(b"le", 50), Err(ExtensionError::NotADictionary));
    }

    #[test]
    fn of_ten_thousand_addresses_only_the_first_count() {
        let many =
            |count: u16| (1..=count).map(|port| (SocketAddr::from(([10, 0, 0, 1], port)), PexFlags::SEED));
        let said =
            Pex { added: many(10_000).collect(), dropped: many(10_000).map(|(addr, _)| addr).collect() };
        let read = Pex::decode(&said.encode(), MOST_PEX_ENTRIES).unwrap();
        assert_eq!((read.added.len(), read.dropped.len()), (50, 50));
    }

    proptest! {
        #[test]
        fn round_trips_by_family(
            added in proptest::collection::vec((any::<SocketAddr>(), any::<u8>()), 0..20),
            dropped in proptest::collection::vec(any::<SocketAddr>(), 0..20),
        ) {
            let plain = |addr: SocketAddr| SocketAddr::new(addr.ip(), addr.port());
            let said = Pex {
                added: added.into_iter().map(|(addr, flags)| (plain(addr), PexFlags(flags))).collect(),
                dropped: dropped.into_iter().map(plain).collect(),
            };
            let mut expected = said.clone();
            expected.added.sort_by_key(|(addr, _)| addr.is_ipv6());
            expected.dropped.sort_by_key(SocketAddr::is_ipv6);
            prop_assert_eq!(Pex::decode(&said.encode(), 50), Ok(expected));
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Pex::decode(&bytes, 50);
        }
    }
}
