//! Peers that are named on the command line: by address, or by a name that is looked up.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{runtime, warn};
use crate::cli::Failure;
use crate::metainfo::PeerName;

/// How long a name may take: nothing begins before.
const LOOKUP: Duration = Duration::from_secs(5);

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
