//! Peers that are named on the command line: by address, or by a name that is looked up.

use std::net::SocketAddr;

use tokio::task::JoinSet;

use super::{runtime, warn};
use crate::cli::Failure;
use crate::engine::addresses_of;
use crate::metainfo::PeerName;

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
        under_way.spawn(async move { (number, addresses_of(&peer).await) });
    }
    let mut found = vec![Err("it was not looked up".to_owned()); peers.len()];
    while let Some(joined) = under_way.join_next().await {
        if let Ok((number, result)) = joined {
            found[number] = result;
        }
    }
    found
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
