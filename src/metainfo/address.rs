//! Which addresses a source may name: its own scope or a wider one, and none at which no peer can be.
//!
//! A tracker on the internet could otherwise make us knock on services of our own machine or network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// An address family: IPv4 or IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Family {
    /// Four bytes of address.
    V4,
    /// Sixteen.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// That of an address.
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// How far an address reaches, narrowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// This machine.
    Loopback,
    /// A network of its own: private, link-local, unique local, shared by a carrier.
    Private,
    /// The internet.
    Public,
}

/// How far `address` reaches.
pub fn scope_of(address: IpAddr) -> Scope {
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.is_loopback() => Scope::Loopback,
        IpAddr::V4(v4) if v4.is_private() || v4.is_link_local() || is_shared_by_carrier(v4) => Scope::Private,
        IpAddr::V6(v6) if v6.is_loopback() => Scope::Loopback,
        IpAddr::V6(v6) if v6.is_unique_local() || v6.is_unicast_link_local() => Scope::Private,
        _ => Scope::Public,
    }
}

/// Whether a source of this scope may name `addr`. `ours` are the addresses of this machine, each with the port
/// we listen on: a peer at our address and port is found out to be ourselves when it is dialled, one at another
/// port only a source near to us can know of.
///
/// ```
/// use ttui::metainfo::address::{Scope, is_allowed};
///
/// assert!(is_allowed(Scope::Loopback, "127.0.0.1:6881".parse()?, &[]));
/// assert!(!is_allowed(Scope::Public, "127.0.0.1:6881".parse()?, &[]));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn is_allowed(source: Scope, addr: SocketAddr, ours: &[SocketAddr]) -> bool {
    if addr.port() == 0 || !can_be_a_peer(addr.ip().to_canonical()) || lacks_its_interface(addr) {
        return false;
    }
    if scope_of(addr.ip()) < source {
        return false;
    }
    let at_our_address = ours.iter().any(|our| our.ip().to_canonical() == addr.ip().to_canonical());
    let at_our_port = ours.iter().any(|our| our.port() == addr.port());
    source != Scope::Public || !at_our_address || at_our_port
}

/// Whose an address is, for limits: of IPv6 a whole /64 is one customer's, who can take any address in it.
///
/// ```
/// use ttui::metainfo::address::holder_of;
///
/// assert_eq!(holder_of("2001:db8:1:2:3:4:5:6".parse()?), holder_of("2001:db8:1:2::1".parse()?));
/// assert_ne!(holder_of("192.0.2.1".parse()?), holder_of("192.0.2.2".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn holder_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        other => other,
    }
}

/// Whose misdeeds count together: of a public address its holder's. In a network of one's own a /64 holds machines of
/// many people, and everybody stands for itself.
pub(crate) fn answers_for(address: IpAddr) -> IpAddr {
    if scope_of(address) == Scope::Public { holder_of(address) } else { address }
}

/// Every address and port of one that [`answers_for`] named, from first to last.
pub(crate) fn all_of(holder: IpAddr) -> RangeInclusive<SocketAddr> {
    let last = match holder {
        IpAddr::V6(v6) if scope_of(holder) == Scope::Public => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | u128::from(u64::MAX)))
        }
        _ => holder,
    };
    SocketAddr::new(holder, 0)..=SocketAddr::new(last, u16::MAX)
}

/// Whether anybody can be dialled there at all.
pub fn can_be_a_peer(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_multicast() || v4.is_broadcast() || v4.octets()[0] == 0 || v4.octets()[0] >= 240)
        }
        IpAddr::V6(v6) => !(v6.is_multicast() || v6.is_unspecified() || is_v4_compatible(v6)),
    }
}

/// Link-local IPv6 addresses mean nothing without the interface they are local to.
fn lacks_its_interface(addr: SocketAddr) -> bool {
    matches!(addr, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

/// `::/96`, the abandoned IPv4-compatible addresses, less loopback.
fn is_v4_compatible(address: Ipv6Addr) -> bool {
    !address.is_loopback() && address.segments()[..6] == [0; 6]
}

/// Whether a carrier shares it among its customers: 100.64.0.0/10 (RFC 6598).
pub fn is_shared_by_carrier(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0b1100_0000 == 64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(source: Scope, addr: &str) -> bool {
        is_allowed(source, addr.parse().unwrap(), &["203.0.113.7:6881".parse().unwrap()])
    }

    #[test]
    fn knows_how_far_an_address_reaches() {
        for (address, scope) in [
            ("127.0.0.1", Scope::Loopback),
            ("127.255.0.9", Scope::Loopback),
            ("::1", Scope::Loopback),
            ("::ffff:127.0.0.1", Scope::Loopback),
            ("10.1.2.3", Scope::Private),
            ("172.16.0.1", Scope::Private),
            ("192.168.0.1", Scope::Private),
            ("169.254.1.1", Scope::Private),
            ("100.64.0.1", Scope::Private),
            ("100.128.0.1", Scope::Public),
            ("fd00::1", Scope::Private),
            ("fe80::1", Scope::Private),
            ("::ffff:10.0.0.1", Scope::Private),
            ("203.0.113.1", Scope::Public),
            ("2001:db8::1", Scope::Public),
        ] {
            assert_eq!(scope_of(address.parse().unwrap()), scope, "{address}");
        }
    }

    #[test]
    fn a_source_names_its_own_scope_or_a_wider_one() {
        let scopes = [Scope::Loopback, Scope::Private, Scope::Public];
        for source in scopes {
            for (addr, scope) in [("127.0.0.1:6881", 0), ("192.168.1.1:6881", 1), ("198.51.100.1:6881", 2)] {
                assert_eq!(allowed(source, addr), scopes[scope] >= source, "{source:?} names {addr}");
            }
        }
        assert!(!allowed(Scope::Public, "[::1]:6881"));
        assert!(!allowed(Scope::Public, "[::ffff:127.0.0.1]:6881"));
        assert!(allowed(Scope::Loopback, "[::1]:6881"));
        assert!(allowed(Scope::Loopback, "[fe80::1%2]:6881"));
    }

    #[test]
    fn nobody_names_what_cannot_be_a_peer() {
        for addr in [
            "198.51.100.1:0",
            "0.0.0.0:6881",
            "0.1.2.3:6881",
            "224.0.0.1:6881",
            "240.0.0.1:6881",
            "255.255.255.255:6881",
            "[::]:6881",
            "[ff02::1]:6881",
            "[::2]:6881",
            "[fe80::1]:6881",
            "[::ffff:224.0.0.1]:6881",
        ] {
            assert!(!allowed(Scope::Public, addr), "{addr}");
            assert!(!allowed(Scope::Loopback, addr), "{addr}");
        }
    }

    #[test]
    fn a_far_source_names_our_address_at_our_port_only() {
        assert!(allowed(Scope::Public, "203.0.113.7:6881"));
        assert!(!allowed(Scope::Public, "203.0.113.7:22"));
        assert!(allowed(Scope::Loopback, "203.0.113.7:22"));
        assert!(allowed(Scope::Private, "203.0.113.7:22"));
    }
}
