//! Peers that are named on the command line: by address, or by a name that is looked up.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{runtime, warn};
use crate::cli::Failure;

/// What can be written in the place of a peer.
pub(super) const EXPECTED: &str =
    "expected HOST:PORT, as 192.0.2.7:6881, [2001:db8::7]:6881 or seed.example.org:6881";
/// How long a name may take: nothing begins before.
const LOOKUP: Duration = Duration::from_secs(5);
/// The longest name there is in the DNS.
const MOST_NAME_CHARS: usize = 253;

/// A peer, as it is named on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
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
        read.filter(|peer| peer.port() != 0).ok_or_else(|| EXPECTED.to_owned())
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

/// The addresses of all of them, in their order; of a name all that it has. A name without one is warned of: a
/// download goes on without it.
///
/// # Errors
///
/// When the machine starts no threads.
pub(super) fn addresses(peers: &[PeerName]) -> Result<Vec<SocketAddr>, Failure> {
    let known = |peer: &PeerName| match peer {
        PeerName::Address(addr) => Some(*addr),
        PeerName::Host(..) => None,
    };
    if let Some(all) = peers.iter().map(known).collect() {
        return Ok(all);
    }
    let runtime = runtime()?;
    let found = runtime.block_on(look_up(peers));
    // A name service that does not answer is not waited for.
    runtime.shutdown_background();
    let mut all = Vec::new();
    for (peer, found) in peers.iter().zip(found) {
        match found {
            Ok(found) => all.extend(found),
            Err(why) => warn(&format!("{peer}: no address: {why}")),
        }
    }
    Ok(all)
}

/// The address of one peer: the first where its name has several.
///
/// # Errors
///
/// When its name has none.
pub(super) fn address(peer: &PeerName) -> Result<SocketAddr, Failure> {
    if let PeerName::Address(addr) = peer {
        return Ok(*addr);
    }
    let runtime = runtime()?;
    let found = runtime.block_on(look_up(std::slice::from_ref(peer))).pop();
    runtime.shutdown_background();
    let found = found.unwrap_or_else(|| Err("nothing was looked up".to_owned()));
    let none = |why| Failure::NoAddress { peer: peer.to_string(), why };
    found.map_err(none)?.first().copied().ok_or_else(|| none("the name has none".to_owned()))
}

/// Looks all names up at once.
async fn look_up(peers: &[PeerName]) -> Vec<Result<Vec<SocketAddr>, String>> {
    let mut under_way = JoinSet::new();
    for (number, peer) in peers.iter().enumerate() {
        let peer = peer.clone();
        under_way.spawn(async move { (number, of_one(peer).await) });
    }
    let mut found = vec![Err("it was not looked up".to_owned()); peers.len()];
    while let Some(joined) = under_way.join_next().await {
        if let Ok((number, result)) = joined {
            found[number] = result;
        }
    }
    found
}

async fn of_one(peer: PeerName) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = match peer {
        PeerName::Address(addr) => return Ok(vec![addr]),
        PeerName::Host(host, port) => (host, port),
    };
    let found = timeout(LOOKUP, lookup_host((host.as_str(), port))).await;
    let found = found.map_err(|_| "the name service does not answer".to_owned())?;
    let found: Vec<SocketAddr> = found.map_err(|error| without_prefix(&error.to_string()))?.collect();
    let of_peers = found.iter().copied().map(|mut addr: SocketAddr| {
        // A name may mean an IPv4 address in IPv6 clothes; it is dialled as what it is.
        if let IpAddr::V6(inner) = addr.ip() {
            addr.set_ip(inner.to_canonical());
        }
        addr
    });
    let of_peers: Vec<SocketAddr> = of_peers.collect();
    if of_peers.is_empty() { Err("the name has none".to_owned()) } else { Ok(of_peers) }
}

/// The reason alone, of `failed to lookup address information: Name or service not known`.
fn without_prefix(error: &str) -> String {
    error.rsplit(": ").next().unwrap_or(error).to_owned()
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
            assert_eq!(nothing.parse::<PeerName>(), Err(EXPECTED.to_owned()), "{nothing}");
        }
    }

    #[test]
    fn names_are_looked_up_and_addresses_stay_in_order() {
        let peers: Vec<PeerName> =
            ["192.0.2.1:1", "localhost:2", "[2001:db8::7]:3"].map(|peer| peer.parse().unwrap()).into();
        let found = addresses(&peers).unwrap();
        assert_eq!(found[0], "192.0.2.1:1".parse().unwrap());
        assert_eq!(found.last(), Some(&"[2001:db8::7]:3".parse().unwrap()));
        let looked_up = &found[1..found.len() - 1];
        assert!(!looked_up.is_empty());
        assert!(looked_up.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 2), "{found:?}");
        assert!(address(&peers[1]).unwrap().ip().is_loopback());
    }
}
