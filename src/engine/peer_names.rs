//! Peers that are named, and not by their addresses.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::metainfo::PeerName;

/// How long a name may take: somebody waits for it.
const LOOKUP: Duration = Duration::from_secs(5);

/// The addresses of a peer: where it is named, all that its name has.
///
/// # Errors
///
/// The name has none, or the name service says nothing; in words.
pub async fn addresses_of(peer: &PeerName) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = match peer {
        PeerName::Address(addr) => return Ok(vec![*addr]),
        PeerName::Host(host, port) => (host, port),
    };
    let found = timeout(LOOKUP, lookup_host((host.as_str(), *port))).await;
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
