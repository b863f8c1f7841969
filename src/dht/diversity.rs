//! How many nodes of one network may stand together: who has a few addresses is not to surround a torrent.

use std::net::{IpAddr, SocketAddr};

use crate::metainfo::address::{Scope, holder_of, scope_of};

/// Nodes of one public network in a bucket, and in a lookup.
const MOST_OF_A_NETWORK: usize = 2;

/// Whose a public address is, as far as it matters here: a /24 of IPv4, a /64 of IPv6.
pub(super) fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::from([a, b, c, 0])
        }
        v6 => holder_of(v6),
    }
}

/// Who counts as one: a public address whatever its port; in a local network machines have many nodes for good reasons.
pub(super) fn one_of(addr: SocketAddr) -> SocketAddr {
    if scope_of(addr.ip()) == Scope::Public { SocketAddr::new(addr.ip(), 0) } else { addr }
}

/// Whether a node may join those that are there: one an address, and of public addresses two a network.
pub(super) fn admits(there: impl Iterator<Item = SocketAddr>, addr: SocketAddr) -> bool {
    let is_public = scope_of(addr.ip()) == Scope::Public;
    let mut of_its_network = 0;
    for other in there {
        if one_of(other) == one_of(addr) {
            return false;
        }
        of_its_network += usize::from(is_public && network_of(other.ip()) == network_of(addr.ip()));
    }
    of_its_network < MOST_OF_A_NETWORK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(there: &[&str], addr: &str) -> bool {
        admits(there.iter().map(|addr| addr.parse().unwrap()), addr.parse().unwrap())
    }

    #[test]
    fn an_address_has_one_node_and_a_public_network_two() {
        assert!(admitted(&["203.0.113.1:1"], "203.0.113.2:1"));
        assert!(!admitted(&["203.0.113.1:1"], "203.0.113.1:2"));
        assert!(!admitted(&["203.0.113.1:1", "203.0.113.2:1"], "203.0.113.3:1"));
        assert!(admitted(&["203.0.113.1:1", "203.0.113.2:1"], "203.0.114.3:1"));
        assert!(!admitted(&["[2001:db8::1]:1", "[2001:db8::2]:1"], "[2001:db8::3]:1"));
        assert!(admitted(&["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1"], "10.0.0.1:3"));
        assert!(!admitted(&["10.0.0.1:1"], "10.0.0.1:1"));
    }
}
