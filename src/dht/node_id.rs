//! Ids that fit an address (BEP 42): who wants many ids near a torrent needs many addresses.

use std::net::IpAddr;

use crc::{CRC_32_ISCSI, Crc};

use crate::metainfo::address::{Scope, scope_of};
use crate::wire::krpc::NodeId;

/// CRC32-C.
const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// What counts of each byte of an address.
const V4_MASK: [u8; 4] = [0x03, 0x0f, 0x3f, 0xff];
const V6_MASK: [u8; 8] = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];

/// Any id.
pub(super) fn random(random: &mut fastrand::Rng) -> NodeId {
    NodeId(std::array::from_fn(|_| random.u8(..)))
}

/// An id for a node at this address.
pub(super) fn for_address(ip: IpAddr, rng: &mut fastrand::Rng) -> NodeId {
    let mut id = random(rng);
    let [first, second, third] = prefix(ip, id.0[19]);
    id.0[0] = first;
    id.0[1] = second;
    id.0[2] = third | (id.0[2] & 7);
    id
}

/// Whether a node at this address may have this id. Addresses of local networks may have any.
pub(super) fn fits(id: &NodeId, ip: IpAddr) -> bool {
    let expected = prefix(ip, id.0[19]);
    scope_of(ip) != Scope::Public || [id.0[0], id.0[1], id.0[2] & 0xf8] == expected
}

/// Whether this id stands for this address: nobody else could have it, and only few others could stand there.
pub(super) fn is_bound(id: &NodeId, ip: IpAddr) -> bool {
    scope_of(ip) == Scope::Public && fits(id, ip)
}

/// The 21 bits that follow from an address and the last byte of the id.
fn prefix(ip: IpAddr, last: u8) -> [u8; 3] {
    let masked = |bytes: &[u8], mask: &[u8]| {
        let mut masked: Vec<u8> = bytes.iter().zip(mask).map(|(byte, mask)| byte & mask).collect();
        masked[0] |= (last & 7) << 5;
        masked
    };
    let masked = match ip.to_canonical() {
        IpAddr::V4(v4) => masked(&v4.octets(), &V4_MASK),
        IpAddr::V6(v6) => masked(&v6.octets(), &V6_MASK),
    };
    let [first, second, third, _] = CHECKSUM.checksum(&masked).to_be_bytes();
    [first, second, third & 0xf8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_begin_as_the_vectors_of_bep_42_do() {
        for (ip, last, begins) in [
            ("124.31.75.21", 1, [0x5f, 0xbf, 0xbf]),
            ("21.75.31.124", 86, [0x5a, 0x3c, 0xe9]),
            ("65.23.51.170", 22, [0xa5, 0xd4, 0x32]),
            ("84.124.73.14", 65, [0x1b, 0x03, 0x21]),
            ("43.213.53.83", 90, [0xe5, 0x6f, 0x6c]),
        ] {
            let ip = ip.parse().unwrap();
            let [first, second, third] = begins;
            assert_eq!(prefix(ip, last), [first, second, third & 0xf8], "{ip}");
            let mut id = NodeId([0; 20]);
            id.0[..3].copy_from_slice(&begins);
            id.0[19] = last;
            assert!(fits(&id, ip));
            id.0[2] ^= 8;
            assert!(!fits(&id, ip));
        }
    }

    #[test]
    fn what_is_made_for_an_address_fits_it_and_no_other() {
        let mut rng = fastrand::Rng::with_seed(7);
        for ip in ["203.0.113.9", "2001:db8:1:2::9"] {
            let id = for_address(ip.parse().unwrap(), &mut rng);
            assert!(fits(&id, ip.parse().unwrap()));
            assert!(!fits(&id, "198.51.100.7".parse().unwrap()));
            assert!(fits(&id, "192.168.1.7".parse().unwrap()) && fits(&id, "::1".parse().unwrap()));
            assert!(is_bound(&id, ip.parse().unwrap()) && !is_bound(&id, "192.168.1.7".parse().unwrap()));
        }
    }
}
