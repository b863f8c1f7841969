//! Packets of the Port Control Protocol (RFC 6887), as far as a port is mapped by it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The version that is spoken.
pub const VERSION: u8 = 2;
/// As an outside address: any will do.
pub const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// What a mapping request is known by: the router takes changes of a mapping only with the nonce it was made with.
pub type Nonce = [u8; 12];

const MAP: u8 = 1;
const ANSWERS: u8 = 0x80;
const HEADER_BYTES: usize = 24;
const MAP_BYTES: usize = 60;
/// Longer ones are no packets of this protocol.
const MOST_BYTES: usize = 1100;

/// Where both this and the protocol before it (`nat_pmp`) are spoken.
pub const PORT: u16 = 5351;

/// The results by number, as the specification names them.
const RESULTS: [&str; 14] = [
    "SUCCESS",
    "UNSUPP_VERSION",
    "NOT_AUTHORIZED",
    "MALFORMED_REQUEST",
    "UNSUPP_OPCODE",
    "UNSUPP_OPTION",
    "MALFORMED_OPTION",
    "NETWORK_FAILURE",
    "NO_RESOURCES",
    "UNSUPP_PROTOCOL",
    "USER_EX_QUOTA",
    "CANNOT_PROVIDE_EXTERNAL",
    "ADDRESS_MISMATCH",
    "EXCESSIVE_REMOTE_PEERS",
];
/// The result of a router that speaks another version.
pub const UNSUPPORTED_VERSION: u8 = 1;

/// What the specification calls a result.
pub fn result_name(result: u16) -> Option<&'static str> {
    RESULTS.get(usize::from(result)).copied()
}

/// A port that is mapped, or is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Map {
    /// Of the request, and of the answer to it.
    pub nonce: Nonce,
    /// By its number in the IP header: 6 is TCP, 17 UDP.
    pub protocol: u8,
    /// The port on this machine.
    pub internal_port: u16,
    /// The port that others see; asked for, the one that is preferred.
    pub outside_port: u16,
    /// The address that others see, asked for as well.
    pub outside: IpAddr,
}

/// Asks for a mapping for so many seconds; for 0, that it ends. `client` is our address, as the router has to see it.
pub fn map_request(lifetime_s: u32, client: IpAddr, map: &Map) -> [u8; MAP_BYTES] {
    let mut packet = [0; MAP_BYTES];
    packet[0] = VERSION;
    packet[1] = MAP;
    packet[4..8].copy_from_slice(&lifetime_s.to_be_bytes());
    packet[8..24].copy_from_slice(&octets(client));
    packet[24..36].copy_from_slice(&map.nonce);
    packet[36] = map.protocol;
    packet[40..42].copy_from_slice(&map.internal_port.to_be_bytes());
    packet[42..44].copy_from_slice(&map.outside_port.to_be_bytes());
    packet[44..60].copy_from_slice(&octets(map.outside));
    packet
}

/// What a router answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// To a mapping request.
    Map {
        /// 0: granted.
        result: u8,
        /// For how many seconds it is granted, or the refusal stands.
        lifetime_s: u32,
        /// Seconds since the router began to count.
        epoch_s: u32,
        /// The mapping; with a refusal what was asked for.
        map: Map,
    },
    /// It speaks this version and not ours.
    OtherVersion {
        /// Its version.
        version: u8,
    },
}

/// Reads an answer; `None`: it is none to a mapping request.
pub fn answer(packet: &[u8]) -> Option<Answer> {
    let (head, rest) = packet.split_first_chunk::<HEADER_BYTES>()?;
    if packet.len() > MOST_BYTES || head[1] != ANSWERS | MAP {
        return None;
    }
    let result = head[3];
    if head[0] != VERSION {
        return (result == UNSUPPORTED_VERSION).then_some(Answer::OtherVersion { version: head[0] });
    }
    let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let body = rest.first_chunk::<{ MAP_BYTES - HEADER_BYTES }>()?;
    let (nonce, after) = body.split_first_chunk()?;
    let map = Map {
        nonce: *nonce,
        protocol: after[0],
        internal_port: u16::from_be_bytes([after[4], after[5]]),
        outside_port: u16::from_be_bytes([after[6], after[7]]),
        outside: address(after[8..].first_chunk()?),
    };
    Some(Answer::Map { result, lifetime_s: number(4), epoch_s: number(8), map })
}

/// Every address is one of IPv6 here.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn address(octets: &[u8; 16]) -> IpAddr {
    Ipv6Addr::from(*octets).to_canonical()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ASKED: Map =
        Map { nonce: *b"twelve bytes", protocol: 17, internal_port: 6881, outside_port: 6882, outside: ANY };

    fn granted() -> Vec<u8> {
        let outside = IpAddr::from([203, 0, 113, 7]);
        let mut packet = map_request(120, ANY, &Map { outside, ..ASKED });
        packet[1] |= ANSWERS;
        packet[8..12].copy_from_slice(&77u32.to_be_bytes());
        packet.to_vec()
    }

    #[test]
    fn a_request_is_laid_out_as_the_specification_does() {
        let packet = map_request(7200, IpAddr::from([192, 168, 1, 2]), &ASKED);
        assert_eq!(packet[..8], [2, 1, 0, 0, 0, 0, 0x1c, 0x20]);
        assert_eq!(packet[8..24], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 2]);
        assert_eq!(packet[24..36], *b"twelve bytes");
        assert_eq!(packet[36..44], [17, 0, 0, 0, 0x1a, 0xe1, 0x1a, 0xe2]);
        assert_eq!(packet[44..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0]);
    }

    #[test]
    fn an_answer_tells_the_mapping_and_the_router_s_time() {
        let map = Map { outside: IpAddr::from([203, 0, 113, 7]), ..ASKED };
        let expected = Answer::Map { result: 0, lifetime_s: 120, epoch_s: 77, map };
        assert_eq!(answer(&granted()), Some(expected));
    }

    #[test]
    fn a_router_of_another_version_names_it() {
        let mut packet = granted();
        (packet[0], packet[3]) = (1, UNSUPPORTED_VERSION);
        assert_eq!(answer(&packet[..24]), Some(Answer::OtherVersion { version: 1 }));
        packet[3] = 0;
        assert_eq!(answer(&packet), None, "nothing else is understood of it");
    }

    #[test]
    fn requests_other_opcodes_and_what_is_cut_or_too_long_are_no_answers() {
        let whole = granted();
        assert!((0..whole.len()).all(|end| answer(&whole[..end]).is_none()));
        let changed = |at: usize, to: u8| {
            let mut packet = whole.clone();
            packet[at] = to;
            packet
        };
        assert_eq!(answer(&changed(1, MAP)), None);
        assert_eq!(answer(&changed(1, ANSWERS | 2)), None);
        assert_eq!(answer(&[&whole[..], &[0; MOST_BYTES]].concat()), None);
    }

    #[test]
    fn every_result_has_its_name() {
        assert_eq!(result_name(0), Some("SUCCESS"));
        assert_eq!(result_name(12), Some("ADDRESS_MISMATCH"));
        assert_eq!(result_name(13), Some("EXCESSIVE_REMOTE_PEERS"));
        assert_eq!(result_name(14), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_left(mut packet in proptest::collection::vec(any::<u8>(), 0..120), ours: bool) {
            if ours && packet.len() > 1 {
                packet[..2].copy_from_slice(&[VERSION, ANSWERS | MAP]);
            }
            if let Some(Answer::Map { result, lifetime_s, epoch_s, map }) = answer(&packet) {
                // What was understood of it, written again.
                let mut again = map_request(lifetime_s, ANY, &map);
                (again[1], again[3]) = (ANSWERS | MAP, result);
                again[8..12].copy_from_slice(&epoch_s.to_be_bytes());
                prop_assert_eq!(answer(&again), answer(&packet));
            }
        }
    }
}
