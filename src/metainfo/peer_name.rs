//! A peer as a person or a magnet link names it.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// What can be written in the place of a peer.
pub const EXPECTED_PEER: &str =
    "expected HOST:PORT, as 192.0.2.7:6881, [2001:db8::7]:6881 or seed.example.org:6881";
/// The longest name there is in the DNS.
const MOST_NAME_CHARS: usize = 253;

/// A peer, by its address or its name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PeerName {
    /// By its address.
    Address(SocketAddr),
    /// By a name of the DNS, and its port.
    Host(String, u16),
}

impl FromStr for PeerName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = text.parse().map(Self::Address).ok().or_else(|| {
            let (host, port) = text.rsplit_once(':')?;
            is_name(host).then_some(Self::Host(host.to_owned(), port.parse().ok()?))
        });
        read.filter(|peer| peer.port() != 0).ok_or_else(|| EXPECTED_PEER.to_owned())
    }
}

impl PeerName {
    fn port(&self) -> u16 {
        match self {
            Self::Address(addr) => addr.port(),
            Self::Host(_, port) => *port,
        }
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(addr) => addr.fmt(f),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// Whether it can be the name of a machine. An address that is cut short (`192.0.2`) is none, though resolvers make
/// something of it.
fn is_name(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !host.is_empty()
        && host.len() <= MOST_NAME_CHARS
        && host.bytes().all(allowed)
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_an_address_or_a_name_with_a_port() {
        for addr in ["192.0.2.7:6881", "[2001:db8::7]:6881"] {
            assert_eq!(addr.parse(), Ok(PeerName::Address(addr.parse().unwrap())));
        }
        for name in ["seed.example.org:6881", "localhost:1", "a_b-3.example.:65535"] {
            let read: PeerName = name.parse().unwrap();
            assert!(matches!(read, PeerName::Host(..)), "{read:?}");
            assert_eq!(read.to_string(), name);
        }
        let long = format!("{}:1", "a".repeat(254));
        for nothing in [
            "",
            "here",
            ":6881",
            "192.0.2.7",
            "192.0.2.7:0",
            "192.0.2:6881",
            "seed.example.org",
            "seed.example.org:",
            "seed.example.org:0",
            "seed.example.org:70000",
            "2001:db8::7:6881",
            "se ed:6881",
            "http://seed:6881",
            "\u{1b}[2J:6881",
            &long,
        ] {
            assert_eq!(nothing.parse::<PeerName>(), Err(EXPECTED_PEER.to_owned()), "{nothing}");
        }
    }
}
