//! Packets of the NAT Port Mapping Protocol (RFC 6886).

use std::net::Ipv4Addr;

/// The version, of which there is one.
pub const VERSION: u8 = 0;

const OUTSIDE: u8 = 0;
const UDP: u8 = 1;
const TCP: u8 = 2;
const ANSWERS: u8 = 128;

/// The results by number, as the specification calls them.
const RESULTS: [&str; 6] = [
    "Success",
    "Unsupported Version",
    "Not Authorized/Refused",
    "Network Failure",
    "Out of resources",
    "Unsupported opcode",
];

/// What the specification calls a result.
pub fn result_name(result: u16) -> Option<&'static str> {
    RESULTS.get(usize::from(result)).copied()
}

/// What is asked, and answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// The address that others see.
    Outside,
    /// A port of TCP.
    Tcp,
    /// A port of UDP.
    Udp,
}

/// Asks for the address that others see.
pub const OUTSIDE_REQUEST: [u8; 2] = [VERSION, OUTSIDE];

/// Asks for a mapping for so many seconds, to the outside port if it is free; for 0, that it ends.
pub fn map_request(tcp: bool, internal_port: u16, outside_port: u16, lifetime_s: u32) -> [u8; 12] {
    let mut packet = [0; 12];
    packet[1] = if tcp { TCP } else { UDP };
    packet[4..6].copy_from_slice(&internal_port.to_be_bytes());
    packet[6..8].copy_from_slice(&outside_port.to_be_bytes());
    packet[8..].copy_from_slice(&lifetime_s.to_be_bytes());
    packet
}

/// What a router answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// What it was asked; `None`: something that we never ask, as where it answers another protocol.
    pub about: Option<About>,
    /// Seconds since the router began to count.
    pub epoch_s: u32,
    /// What it grants, or the number of its refusal.
    pub outcome: Result<Granted, u16>,
}

/// What a router grants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Granted {
    /// The address that others see.
    Outside(Ipv4Addr),
    /// The mapping of a port.
    Map {
        /// The port on this machine.
        internal_port: u16,
        /// The port that others see.
        outside_port: u16,
        /// For how many seconds; 0: it ended.
        lifetime_s: u32,
    },
}

/// Reads an answer; `None`: it is none.
pub fn answer(packet: &[u8]) -> Option<Answer> {
    let (head, body) = packet.split_first_chunk::<8>()?;
    if head[0] != VERSION || head[1] < ANSWERS {
        return None;
    }
    let about = match head[1] - ANSWERS {
        OUTSIDE => Some(About::Outside),
        TCP => Some(About::Tcp),
        UDP => Some(About::Udp),
        _ => None,
    };
    let epoch_s = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    let outcome = match (u16::from_be_bytes([head[2], head[3]]), about) {
        (0, None) => return None,
        (0, Some(About::Outside)) => Ok(Granted::Outside(Ipv4Addr::from(*body.first_chunk::<4>()?))),
        (0, Some(About::Tcp | About::Udp)) => {
            let body = body.first_chunk::<8>()?;
            Ok(Granted::Map {
                internal_port: u16::from_be_bytes([body[0], body[1]]),
                outside_port: u16::from_be_bytes([body[2], body[3]]),
                lifetime_s: u32::from_be_bytes([body[4], body[5], body[6], body[7]]),
            })
        }
        (refused, _) => Err(refused),
    };
    Some(Answer { about, epoch_s, outcome })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRANTED: [u8; 16] = [0, 130, 0, 0, 0, 0, 0, 9, 0x1a, 0xe1, 0x1a, 0xe2, 0, 0, 0x1c, 0x20];

    #[test]
    fn requests_are_laid_out_as_the_specification_does() {
        assert_eq!(
            map_request(true, 6881, 6882, 7200),
            [0, 2, 0, 0, 0x1a, 0xe1, 0x1a, 0xe2, 0, 0, 0x1c, 0x20]
        );
        assert_eq!(map_request(false, 6881, 0, 0), [0, 1, 0, 0, 0x1a, 0xe1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn answers_tell_what_is_granted_and_the_router_s_time() {
        let granted = Granted::Map { internal_port: 6881, outside_port: 6882, lifetime_s: 7200 };
        let expected = Answer { about: Some(About::Tcp), epoch_s: 9, outcome: Ok(granted) };
        assert_eq!(answer(&GRANTED), Some(expected));
        let outside = answer(&[0, 128, 0, 0, 0, 0, 1, 0, 203, 0, 113, 7]).unwrap();
        assert_eq!(outside.outcome, Ok(Granted::Outside(Ipv4Addr::new(203, 0, 113, 7))));
        assert_eq!((outside.about, outside.epoch_s), (Some(About::Outside), 256));
    }

    #[test]
    fn a_refusal_needs_no_more_than_its_number() {
        let refused = |opcode, result| answer(&[0, opcode, 0, result, 0, 0, 0, 1]).unwrap();
        assert_eq!(refused(129, 2), Answer { about: Some(About::Udp), epoch_s: 1, outcome: Err(2) });
        assert_eq!(refused(131, 1), Answer { about: None, epoch_s: 1, outcome: Err(1) });
    }

    #[test]
    fn requests_other_versions_and_what_is_cut_are_no_answers() {
        assert!((0..GRANTED.len()).all(|end| answer(&GRANTED[..end]).is_none()));
        assert_eq!(answer(&map_request(true, 1, 2, 3)), None);
        assert_eq!(answer(&[2, 129, 0, 1, 0, 0, 0, 1]), None);
        assert_eq!(answer(&[0, 131, 0, 0, 0, 0, 0, 1]), None, "nothing is granted that was never asked for");
    }

    #[test]
    fn every_result_has_its_name() {
        assert_eq!(result_name(2), Some("Not Authorized/Refused"));
        assert_eq!(result_name(5), Some("Unsupported opcode"));
        assert_eq!(result_name(6), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_left(mut packet in proptest::collection::vec(any::<u8>(), 0..20), ours: bool) {
            if ours && packet.len() > 3 {
                (packet[0], packet[2]) = (VERSION, 0);
                packet[1] = ANSWERS + packet[1] % 4;
                packet[3] %= 2;
            }
            if let Some(Answer { about: Some(about), outcome: Ok(granted), .. }) = answer(&packet) {
                let fits = matches!(granted, Granted::Outside(_)) == (about == About::Outside);
                prop_assert!(fits && packet[0] == VERSION);
            }
        }
    }
}
