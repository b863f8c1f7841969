//! Holepunch (BEP 55): two peers that nobody can call meet through a third one that is connected to both.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

/// The name of the extension.
pub const HOLEPUNCH_NAME: &str = "ut_holepunch";

/// Bytes behind the address.
const CODE_BYTES: usize = 4;

/// A message of the extension: what is wanted, and the peer that it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holepunch {
    /// What is wanted.
    pub kind: HolepunchKind,
    /// Where the other peer is: to a relay whom one wants to meet, from a relay whom to dial.
    pub addr: SocketAddr,
}

/// What a message wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HolepunchKind {
    /// To a relay: have us two dial each other.
    Rendezvous,
    /// From a relay: dial it over uTP now, it dials you.
    Connect,
    /// From a relay: it cannot be done.
    Failed(HolepunchError),
}

/// Why a relay cannot bring two peers together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HolepunchError {
    /// No peer can be at that address.
    NoSuchPeer,
    /// The relay is not connected to that peer.
    NotConnected,
    /// That peer does not take part in the extension.
    NoSupport,
    /// The address is that of the relay itself, or of the one who asks.
    NoSelf,
    /// A code that BEP 55 does not have.
    Other(u32),
}

impl HolepunchError {
    /// Its number in a message.
    pub fn number(self) -> u32 {
        match self {
            Self::NoSuchPeer => 1,
            Self::NotConnected => 2,
            Self::NoSupport => 3,
            Self::NoSelf => 4,
            Self::Other(number) => number,
        }
    }

    fn of(number: u32) -> Self {
        match number {
            1 => Self::NoSuchPeer,
            2 => Self::NotConnected,
            3 => Self::NoSupport,
            4 => Self::NoSelf,
            other => Self::Other(other),
        }
    }
}

/// Why the payload of a message is not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BadHolepunch {
    /// It ends before all of it is there.
    #[error("{0} bytes are too few")]
    TooShort(usize),
    /// It is none of the three kinds.
    #[error("no message has the type {0}")]
    Kind(u8),
    /// Its address is neither of IPv4 nor of IPv6.
    #[error("no address has the type {0}")]
    Family(u8),
}

impl Holepunch {
    /// Reads the payload of a message. Some clients leave out the code where nothing failed, others send 0: it is not
    /// looked at, and neither is what follows.
    ///
    /// # Errors
    ///
    /// [`BadHolepunch`] when it is too short, or of a type that there is not.
    pub fn decode(payload: &[u8]) -> Result<Self, BadHolepunch> {
        let short = BadHolepunch::TooShort(payload.len());
        let (&[kind, family], rest) = payload.split_first_chunk().ok_or(short)?;
        let (ip, rest) = match family {
            0 => rest.split_first_chunk::<4>().map(|(ip, rest)| (IpAddr::from(*ip), rest)),
            1 => rest.split_first_chunk::<16>().map(|(ip, rest)| (IpAddr::from(*ip), rest)),
            _ => return Err(BadHolepunch::Family(family)),
        }
        .ok_or(short)?;
        let (&port, rest) = rest.split_first_chunk::<2>().ok_or(short)?;
        let kind = match kind {
            0 => HolepunchKind::Rendezvous,
            1 => HolepunchKind::Connect,
            2 => {
                let (&code, _) = rest.split_first_chunk::<CODE_BYTES>().ok_or(short)?;
                HolepunchKind::Failed(HolepunchError::of(u32::from_be_bytes(code)))
            }
            _ => return Err(BadHolepunch::Kind(kind)),
        };
        Ok(Self { kind, addr: SocketAddr::new(ip, u16::from_be_bytes(port)) })
    }

    /// The payload to send, with a code in every kind: not every client takes a message without one.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, code) = match self.kind {
            HolepunchKind::Rendezvous => (0, 0),
            HolepunchKind::Connect => (1, 0),
            HolepunchKind::Failed(error) => (2, error.number()),
        };
        let mut out = vec![kind, u8::from(self.addr.is_ipv6())];
        match self.addr.ip() {
            IpAddr::V4(ip) => out.extend(ip.octets()),
            IpAddr::V6(ip) => out.extend(ip.octets()),
        }
        out.extend(self.addr.port().to_be_bytes());
        out.extend(u32::to_be_bytes(code));
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REFUSED: &[u8] = &[2, 0, 203, 0, 113, 7, 0x1a, 0xe1, 0, 0, 0, 2];

    fn of(kind: HolepunchKind) -> Holepunch {
        Holepunch { kind, addr: "203.0.113.7:6881".parse().unwrap() }
    }

    #[test]
    fn says_what_the_specification_has() {
        assert_eq!(of(HolepunchKind::Failed(HolepunchError::NotConnected)).encode(), REFUSED);
        let rendezvous = of(HolepunchKind::Rendezvous).encode();
        assert_eq!(rendezvous, [0, 0, 203, 0, 113, 7, 0x1a, 0xe1, 0, 0, 0, 0]);
        let addr = "[2001:db8::1]:80".parse().unwrap();
        let connect = Holepunch { kind: HolepunchKind::Connect, addr }.encode();
        assert_eq!(
            (connect.len(), &connect[..2], &connect[18..]),
            (24, &[1, 1][..], &[0, 80, 0, 0, 0, 0][..])
        );
    }

    #[test]
    fn the_code_may_be_missing_where_nothing_failed() {
        for kind in [HolepunchKind::Rendezvous, HolepunchKind::Connect] {
            let bytes = of(kind).encode();
            assert_eq!(Holepunch::decode(&bytes[..8]), Ok(of(kind)));
            assert_eq!(Holepunch::decode(&bytes), Ok(of(kind)));
        }
        assert_eq!(Holepunch::decode(&REFUSED[..8]), Err(BadHolepunch::TooShort(8)));
        assert_eq!(Holepunch::decode(&REFUSED[..11]), Err(BadHolepunch::TooShort(11)));
    }

    #[test]
    fn what_there_is_not_is_refused_and_an_unknown_code_is_kept() {
        let with = |at: usize, byte| {
            let mut bytes = REFUSED.to_vec();
            bytes[at] = byte;
            Holepunch::decode(&bytes)
        };
        assert_eq!(with(0, 3), Err(BadHolepunch::Kind(3)));
        assert_eq!(with(1, 2), Err(BadHolepunch::Family(2)));
        assert_eq!(with(1, 1), Err(BadHolepunch::TooShort(12)), "the address would be longer");
        assert_eq!(with(11, 9), Ok(of(HolepunchKind::Failed(HolepunchError::Other(9)))));
    }

    proptest! {
        #[test]
        fn round_trips(kind in 0..3u8, code: u32, addr: SocketAddr) {
            let kind = match kind {
                0 => HolepunchKind::Rendezvous,
                1 => HolepunchKind::Connect,
                _ => HolepunchKind::Failed(HolepunchError::of(code)),
            };
            let said = Holepunch { kind, addr: SocketAddr::new(addr.ip(), addr.port()) };
            let bytes = said.encode();
            prop_assert_eq!(Holepunch::decode(&bytes), Ok(said));
            for end in 0..bytes.len() - CODE_BYTES {
                prop_assert_eq!(Holepunch::decode(&bytes[..end]), Err(BadHolepunch::TooShort(end)));
            }
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Holepunch::decode(&bytes);
        }
    }
}
