//! Packets of the UDP tracker protocol (BEP 15), with the path of the announce URL as an option (BEP 41).

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use super::{AnnounceKind, AnnounceParams, TrackerReply, compact_peers, intervals};
use crate::metainfo::address::Family;
use crate::text;

const PROTOCOL_ID: u64 = 0x0417_2710_1980;
const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const ERROR: u32 = 3;
const OPTION_END: u8 = 0;
const OPTION_URL_DATA: u8 = 2;

/// The most bytes of an error text that are shown.
const MOST_ERROR_CHARS: usize = 300;

/// Why a packet is not the answer waited for.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum UdpError {
    /// It answers something else, or is too short to say what it answers. Go on waiting.
    #[error("a packet of {length} bytes that answers nothing we asked")]
    NotOurs {
        /// Bytes it has.
        length: usize,
    },
    /// It answers us, with too few bytes.
    #[error("an answer of {length} bytes, where at least {expected} were expected")]
    Short {
        /// Bytes it has.
        length: usize,
        /// Bytes it must have.
        expected: usize,
    },
    /// It answers us, with an action that does not belong here.
    #[error("an answer with action {action}")]
    WrongAction {
        /// That action.
        action: u32,
    },
    /// The tracker said no; its words, cleaned.
    #[error("{0}")]
    Refused(String),
}

/// The packet that asks for a connection id.
pub fn connect_request(transaction: u32) -> [u8; 16] {
    let mut packet = [0; 16];
    packet[..8].copy_from_slice(&PROTOCOL_ID.to_be_bytes());
    packet[8..12].copy_from_slice(&CONNECT.to_be_bytes());
    packet[12..].copy_from_slice(&transaction.to_be_bytes());
    packet
}

/// Reads the answer to [`connect_request`]: the connection id.
///
/// # Errors
///
/// See [`UdpError`]; after [`UdpError::NotOurs`] the right answer may still come.
pub fn connect_answer(packet: &[u8], transaction: u32) -> Result<u64, UdpError> {
    let body = body(packet, transaction, CONNECT, 16)?;
    let id = body.first_chunk().ok_or(UdpError::Short { length: packet.len(), expected: 16 })?;
    Ok(u64::from_be_bytes(*id))
}

/// The packet that announces. `url_data` is path and query of the announce URL, empty where it has neither.
pub fn announce_request(
    connection_id: u64,
    transaction: u32,
    params: &AnnounceParams,
    url_data: &str,
) -> Vec<u8> {
    let mut packet = BytesMut::with_capacity(98 + url_data.len() + url_data.len() / 255 * 2 + 4);
    packet.put_u64(connection_id);
    packet.put_u32(ANNOUNCE);
    packet.put_u32(transaction);
    packet.put_slice(&params.info_hash.0);
    packet.put_slice(&params.peer_id.0);
    packet.put_u64(params.downloaded_bytes);
    packet.put_u64(params.left_bytes);
    packet.put_u64(params.uploaded_bytes);
    packet.put_u32(match params.kind {
        AnnounceKind::Interval => 0,
        AnnounceKind::Completed => 1,
        AnnounceKind::Started => 2,
        AnnounceKind::Stopped => 3,
    });
    // The address we are seen at is the right one to hand out.
    packet.put_u32(0);
    packet.put_u32(params.key);
    packet.put_u32(params.numwant);
    packet.put_u16(params.port);
    for part in url_data.as_bytes().chunks(255) {
        packet.put_u8(OPTION_URL_DATA);
        packet.put_u8(part.len() as u8);
        packet.put_slice(part);
    }
    if !url_data.is_empty() {
        packet.put_u8(OPTION_END);
    }
    packet.to_vec()
}

/// Reads the answer to [`announce_request`], asked over `family`.
///
/// # Errors
///
/// See [`UdpError`]; after [`UdpError::NotOurs`] the right answer may still come.
pub fn announce_answer(packet: &[u8], transaction: u32, family: Family) -> Result<TrackerReply, UdpError> {
    const EXPECTED: usize = 20;
    let body = body(packet, transaction, ANNOUNCE, EXPECTED)?;
    let short = UdpError::Short { length: packet.len(), expected: EXPECTED };
    let (head, list) = body.split_first_chunk::<12>().ok_or(short)?;
    let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (peers, rest) = match family {
        Family::V4 => compact_peers::<4>(list),
        Family::V6 => compact_peers::<16>(list),
    };
    let entry = if family == Family::V4 { 6 } else { 18 };
    let warning = (rest > 0).then(|| {
        let length = list.len();
        format!("its peer list of {length} bytes is no multiple of {entry}: the last {rest} were left out")
    });
    let (interval_s, min_interval_s) = intervals(Some(i64::from(number(0) as i32)), None);
    // Some trackers count with a signed -1 for "unknown".
    let count = |at: usize| Some(number(at)).filter(|&count| count <= i32::MAX as u32);
    Ok(TrackerReply {
        peers,
        interval_s,
        min_interval_s,
        leechers: count(4),
        seeders: count(8),
        warning,
        ..TrackerReply::default()
    })
}

/// What follows action and transaction, if the packet answers our transaction with this action.
fn body(packet: &[u8], transaction: u32, action: u32, expected: usize) -> Result<&[u8], UdpError> {
    let length = packet.len();
    let (head, body) = packet.split_first_chunk::<8>().ok_or(UdpError::NotOurs { length })?;
    if head[4..] != transaction.to_be_bytes() {
        return Err(UdpError::NotOurs { length });
    }
    match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
        // Some trackers end their words as C does.
        ERROR => {
            let words = text::clean_bytes(body.trim_ascii_end(), MOST_ERROR_CHARS);
            Err(UdpError::Refused(words.trim_end_matches('·').to_owned()))
        }
        other if other != action => Err(UdpError::WrongAction { action: other }),
        _ if length < expected => Err(UdpError::Short { length, expected }),
        _ => Ok(body),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metainfo::{InfoHash, PeerId};

    fn params(kind: AnnounceKind) -> AnnounceParams {
        AnnounceParams {
            info_hash: InfoHash([1; 20]),
            peer_id: PeerId([2; 20]),
            port: 6881,
            uploaded_bytes: 3,
            downloaded_bytes: 4,
            left_bytes: 5,
            kind,
            key: 6,
            numwant: 200,
            tracker_id: None,
        }
    }

    fn answer(action: u32, transaction: u32, body: &[u8]) -> Vec<u8> {
        [&action.to_be_bytes()[..], &transaction.to_be_bytes(), body].concat()
    }

    #[test]
    fn lays_out_the_announce_as_the_specification_does() {
        let packet = announce_request(0x1122_3344_5566_7788, 9, &params(AnnounceKind::Started), "");
        assert_eq!(packet.len(), 98);
        assert_eq!(packet[..8], 0x1122_3344_5566_7788u64.to_be_bytes());
        assert_eq!(packet[8..16], [0, 0, 0, 1, 0, 0, 0, 9]);
        assert_eq!(packet[16..36], [1; 20]);
        assert_eq!(packet[36..56], [2; 20]);
        let expected = [4u64, 5, 3].iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
        assert_eq!(packet[56..80], expected);
        assert_eq!(packet[80..98], [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 200, 0x1a, 0xe1]);
        for (kind, number) in
            [(AnnounceKind::Interval, 0), (AnnounceKind::Completed, 1), (AnnounceKind::Stopped, 3)]
        {
            assert_eq!(announce_request(0, 0, &params(kind), "")[83], number);
        }
    }

    #[test]
    fn carries_path_and_query_in_options_of_at_most_255_bytes() {
        let long = format!("/announce?passkey={}", "x".repeat(300));
        let packet = announce_request(0, 0, &params(AnnounceKind::Interval), &long);
        let options = &packet[98..];
        assert_eq!(options[..2], [2, 255]);
        assert_eq!(options[257..259], [2, (long.len() - 255) as u8]);
        assert_eq!(options.last(), Some(&0));
        let mut carried = options[2..257].to_vec();
        carried.extend(&options[259..options.len() - 1]);
        assert_eq!(carried, long.as_bytes());
    }

    #[test]
    fn connects_only_on_an_answer_to_our_own_question() {
        assert_eq!(
            connect_request(0xAABB_CCDD),
            [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 0xAA, 0xBB, 0xCC, 0xDD]
        );
        assert_eq!(connect_answer(&answer(0, 7, &[0, 0, 0, 0, 0, 0, 1, 0]), 7), Ok(256));
        assert_eq!(connect_answer(&answer(0, 8, &[0; 8]), 7), Err(UdpError::NotOurs { length: 16 }));
        assert_eq!(connect_answer(&answer(1, 7, &[0; 8]), 7), Err(UdpError::WrongAction { action: 1 }));
        assert_eq!(
            connect_answer(&answer(0, 7, &[0; 7]), 7),
            Err(UdpError::Short { length: 15, expected: 16 })
        );
        assert_eq!(connect_answer(&[0; 3], 7), Err(UdpError::NotOurs { length: 3 }));
    }

    #[test]
    fn hands_on_the_trackers_words_without_control_characters() {
        let refused = announce_answer(&answer(3, 7, b"not \x1b[31mregistered\0"), 7, Family::V4);
        assert_eq!(refused, Err(UdpError::Refused("not ·[31mregistered".into())));
    }

    #[test]
    fn reads_peers_of_the_family_it_was_asked_over() {
        let mut body = [1800u32, 2, 3].iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
        body.extend([10, 0, 0, 1, 0x1a, 0xe1, 10, 0, 0, 2, 0, 80]);
        let reply = announce_answer(&answer(1, 7, &body), 7, Family::V4).unwrap();
        assert_eq!(reply.peers, ["10.0.0.1:6881".parse().unwrap(), "10.0.0.2:80".parse().unwrap()]);
        assert_eq!((reply.interval_s, reply.leechers, reply.seeders), (1800, Some(2), Some(3)));
        assert_eq!(reply.warning, None);
        body.extend([0; 6]);
        let reply = announce_answer(&answer(1, 7, &body), 7, Family::V6).unwrap();
        assert_eq!(reply.peers.len(), 1);
        assert!(reply.peers[0].is_ipv6());
        body.push(1);
        let reply = announce_answer(&answer(1, 7, &body), 7, Family::V4).unwrap();
        assert_eq!(reply.peers.len(), 3);
        assert!(reply.warning.unwrap().contains("19 bytes"));
    }

    #[test]
    fn takes_hostile_numbers_for_unknown() {
        let reply = announce_answer(&answer(1, 7, &[0xff; 12]), 7, Family::V4).unwrap();
        assert_eq!((reply.interval_s, reply.leechers, reply.seeders), (1800, None, None));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(mut packet in proptest::collection::vec(any::<u8>(), 0..300), ours: bool) {
            if ours && packet.len() >= 8 {
                packet[4..8].copy_from_slice(&7u32.to_be_bytes());
                packet[..3].fill(0);
                packet[3] %= 4;
            }
            let _ = connect_answer(&packet, 7);
            for family in [Family::V4, Family::V6] {
                if let Ok(reply) = announce_answer(&packet, 7, family) {
                    prop_assert!(reply.peers.len() <= packet.len() / 6);
                }
            }
        }
    }
}
