//! The pieces that a peer may ask for while it is choked (BEP 6, "Allowed Fast Set Generation").

use std::net::IpAddr;

use sha1::{Digest, Sha1};

use crate::metainfo::InfoHash;

/// `count` pieces out of `piece_count`, or all if there are fewer: always the same for one network, so that nobody gets
/// others by connecting again, or from the address next to it. The network is the first three bytes of an IPv4
/// address, as the BEP says, and the first eight of an IPv6 address, of which it says nothing.
pub fn allowed_fast_set(ip: IpAddr, info_hash: &InfoHash, piece_count: u32, count: usize) -> Vec<u32> {
    if piece_count as usize <= count {
        return (0..piece_count).collect();
    }
    let mut hash = Sha1::new();
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            hash.update([a, b, c, 0]);
        }
        IpAddr::V6(ip) => hash.update(&ip.octets()[..8]),
    }
    hash.update(info_hash.0);
    let mut drawn: [u8; 20] = hash.finalize().into();
    let mut pieces = Vec::with_capacity(count);
    while pieces.len() < count {
        for word in drawn.as_chunks::<4>().0 {
            let piece = u32::from_be_bytes(*word) % piece_count;
            if pieces.len() < count && !pieces.contains(&piece) {
                pieces.push(piece);
            }
        }
        drawn = Sha1::digest(drawn).into();
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ip: &str, piece_count: u32, count: usize) -> Vec<u32> {
        allowed_fast_set(ip.parse().unwrap(), &InfoHash([0xaa; 20]), piece_count, count)
    }

    #[test]
    fn is_the_set_of_the_specification() {
        let seven = [1059, 431, 808, 1217, 287, 376, 1188];
        assert_eq!(set("80.4.4.200", 1313, 7), seven);
        assert_eq!(set("80.4.4.200", 1313, 9), [&seven[..], &[353, 508]].concat());
        assert_eq!(set("::ffff:80.4.4.200", 1313, 7), seven);
    }

    #[test]
    fn is_one_for_a_network_and_another_for_another() {
        assert_eq!(set("80.4.4.200", 1313, 9), set("80.4.4.1", 1313, 9));
        assert_ne!(set("80.4.4.200", 1313, 9), set("80.4.5.200", 1313, 9));
        assert_eq!(set("2001:db8::1", 1313, 9), set("2001:db8::ffff:0:1", 1313, 9));
        assert_ne!(set("2001:db8::1", 1313, 9), set("2001:db8:0:1::1", 1313, 9));
    }

    #[test]
    fn of_few_pieces_it_is_all() {
        assert_eq!(set("80.4.4.200", 3, 10), [0, 1, 2]);
        let mut nearly = set("80.4.4.200", 11, 10);
        nearly.sort_unstable();
        nearly.dedup();
        assert_eq!(nearly.len(), 10);
        assert!(nearly.iter().all(|piece| *piece < 11));
    }
}
