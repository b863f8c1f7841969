//! Canonical peer priority (BEP 40): where there are more peers than places, the same pairs prefer each other on both
//! sides, so that a swarm stays well connected and nobody can choose which peers others dial.

use std::net::{IpAddr, SocketAddr};

use crc::{CRC_32_ISCSI, Crc};

/// CRC32-C.
const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// What is left of each byte of an address beyond the networks that tell two peers apart.
const MASK: u8 = 0x55;

/// How much two peers are to prefer each other, the higher the more; `None` for addresses of two families.
///
/// ```
/// use ttui::swarm::priority::priority;
///
/// let (one, other) = ("123.213.32.10:6881".parse()?, "98.76.54.32:6881".parse()?);
/// assert_eq!(priority(one, other), Some(0xec2d_7224));
/// assert_eq!(priority(one, other), priority(other, one));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn priority(one: SocketAddr, other: SocketAddr) -> Option<u32> {
    let sum = |mut parts: [Vec<u8>; 2]| {
        parts.sort_unstable();
        CHECKSUM.checksum(&parts.concat())
    };
    match (one.ip().to_canonical(), other.ip().to_canonical()) {
        (ip, same) if ip == same => Some(sum([one, other].map(|addr| addr.port().to_be_bytes().to_vec()))),
        (IpAddr::V4(one), IpAddr::V4(other)) => Some(sum(masked(&one.octets(), &other.octets(), 2))),
        (IpAddr::V6(one), IpAddr::V6(other)) => Some(sum(masked(&one.octets(), &other.octets(), 6))),
        _ => None,
    }
}

/// Both addresses, whole as far as they are in one network and one byte further, at least `whole` bytes.
fn masked(one: &[u8], other: &[u8], mut whole: usize) -> [Vec<u8>; 2] {
    while whole < one.len() && one[..whole] == other[..whole] {
        whole += 1;
    }
    let mask = |bytes: &[u8]| {
        let (network, rest) = bytes.split_at(whole);
        network.iter().copied().chain(rest.iter().map(|byte| byte & MASK)).collect()
    };
    [mask(one), mask(other)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(one: &str, other: &str) -> Option<u32> {
        let with_port = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 6881);
        let priority = priority(with_port(one), with_port(other));
        assert_eq!(priority, super::priority(with_port(other), with_port(one)));
        priority
    }

    #[test]
    fn is_what_the_examples_of_the_specification_are() {
        assert_eq!(of("123.213.32.10", "98.76.54.32"), Some(0xec2d_7224));
        assert_eq!(of("123.213.32.10", "123.213.32.234"), Some(0x9956_8189));
    }

    #[test]
    fn networks_decide_how_much_of_an_address_counts() {
        for (one, other, masks) in [
            ("10.0.9.9", "10.1.255.255", (vec![10, 0, 1, 1], vec![10, 1, 0x55, 0x55])),
            ("10.1.9.9", "10.1.255.255", (vec![10, 1, 9, 1], vec![10, 1, 255, 0x55])),
            ("10.1.9.9", "10.1.9.255", (vec![10, 1, 9, 9], vec![10, 1, 9, 255])),
        ] {
            assert_eq!(
                of(one, other),
                Some(CHECKSUM.checksum(&[masks.0, masks.1].concat())),
                "{one} {other}"
            );
        }
        let v6 = |host: &str| format!("2001:db8:1:{host}::ff");
        let far = of("2001:db8:2::ff", &v6("2000"));
        assert_eq!(far, of("2001:db8:2:aa00::55", &v6("2000")), "of the rest every other bit counts");
        assert_ne!(of(&v6("1000"), &v6("2000")), of(&v6("1200"), &v6("2000")), "in one /48 a byte more");
    }

    #[test]
    fn behind_one_address_ports_decide_and_two_families_cannot_be_compared() {
        let at = |port| SocketAddr::from(([10, 0, 0, 1], port));
        assert_eq!(priority(at(0x1234), at(0x0203)), Some(CHECKSUM.checksum(&[2, 3, 0x12, 0x34])));
        assert_eq!(of("10.0.0.1", "2001:db8::1"), None);
        assert_eq!(of("::ffff:10.0.0.1", "10.0.0.2"), of("10.0.0.1", "10.0.0.2"));
    }
}
