//! Local service discovery (BEP 14): clients on a network tell each other by multicast which torrents they have.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use thiserror::Error;

use crate::metainfo::InfoHash;

/// Where announces go over IPv4.
pub const LSD_GROUP_V4: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 192, 152, 143), 6771);
/// Where announces go over IPv6.
pub const LSD_GROUP_V6: SocketAddrV6 =
    SocketAddrV6::new(Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0xefc0, 0x988f), 6771, 0, 0);
/// Bytes of a packet at most, sent or read.
pub const MOST_LSD_BYTES: usize = 1400;
/// Torrents of one packet, sent or read.
pub const MOST_LSD_TORRENTS: usize = 20;

/// Bytes of a cookie that is read, at most.
const MOST_COOKIE_BYTES: usize = 64;
const FIRST_LINE: &str = "BT-SEARCH * HTTP/1.1";

/// Says that a client has torrents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LsdAnnounce {
    /// The TCP port at which it listens.
    pub port: u16,
    /// The torrents, at most [`MOST_LSD_TORRENTS`].
    pub info_hashes: Vec<InfoHash>,
    /// By which the sender knows its own packets again.
    pub cookie: Option<String>,
}

/// Why a packet is no announce.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum LsdError {
    /// It is longer than any client sends.
    #[error("a packet of more than {MOST_LSD_BYTES} bytes")]
    Long,
    /// It is no text, or another one.
    #[error("no announce of local service discovery")]
    NotAnAnnounce,
    /// It names no port, port 0, or two.
    #[error("an announce without one port")]
    Port,
    /// It names no torrent that can be one.
    #[error("an announce of no torrent")]
    NoTorrent,
}

impl LsdAnnounce {
    /// The packet for a group: [`LSD_GROUP_V6`] where `v6`, else [`LSD_GROUP_V4`].
    pub fn encode(&self, v6: bool) -> Vec<u8> {
        let host = if v6 { LSD_GROUP_V6.to_string() } else { LSD_GROUP_V4.to_string() };
        let mut out = format!("{FIRST_LINE}\r\nHost: {host}\r\nPort: {}\r\n", self.port);
        for info_hash in self.info_hashes.iter().take(MOST_LSD_TORRENTS) {
            out += &format!("Infohash: {info_hash}\r\n");
        }
        if let Some(cookie) = &self.cookie {
            out += &format!("cookie: {cookie}\r\n");
        }
        out += "\r\n\r\n";
        out.into_bytes()
    }

    /// Reads a packet. What it says besides is passed over, and so are torrents beyond [`MOST_LSD_TORRENTS`].
    ///
    /// # Errors
    ///
    /// [`LsdError`] when it is no announce that anybody can follow.
    pub fn decode(packet: &[u8]) -> Result<Self, LsdError> {
        if packet.len() > MOST_LSD_BYTES {
            return Err(LsdError::Long);
        }
        let text = str::from_utf8(packet).map_err(|_| LsdError::NotAnAnnounce)?;
        let mut lines = text.split('\n').map(str::trim_end);
        if !lines.next().is_some_and(|line| line.eq_ignore_ascii_case(FIRST_LINE)) {
            return Err(LsdError::NotAnAnnounce);
        }
        let (mut port, mut info_hashes, mut cookie) = (None, Vec::new(), None);
        for (name, value) in lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'))
        {
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "port" if port.is_some() => return Err(LsdError::Port),
                "port" => port = value.parse().ok().filter(|port| *port != 0),
                "infohash" if info_hashes.len() < MOST_LSD_TORRENTS => {
                    let info_hash = InfoHash::from_hex(&value.to_ascii_lowercase());
                    info_hashes.extend(info_hash.filter(|one| !info_hashes.contains(one)));
                }
                "cookie" if value.len() <= MOST_COOKIE_BYTES => cookie = Some(value.to_owned()),
                _ => {}
            }
        }
        let port = port.ok_or(LsdError::Port)?;
        if info_hashes.is_empty() { Err(LsdError::NoTorrent) } else { Ok(Self { port, info_hashes, cookie }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "0123456789abcdef0123456789ABCDEF01234567";

    fn packet(lines: &[&str]) -> Vec<u8> {
        format!("{}\r\n\r\n\r\n", lines.join("\r\n")).into_bytes()
    }

    #[test]
    fn writes_what_the_proposal_shows_and_reads_what_clients_send() {
        let announce = LsdAnnounce {
            port: 6881,
            info_hashes: vec![InfoHash([0xab; 20]), InfoHash([1; 20])],
            cookie: Some("c00c1e".to_owned()),
        };
        let expected = "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n\
            Infohash: abababababababababababababababababababab\r\n\
            Infohash: 0101010101010101010101010101010101010101\r\ncookie: c00c1e\r\n\r\n\r\n";
        assert_eq!(String::from_utf8(announce.encode(false)).unwrap(), expected);
        let v6 = String::from_utf8(announce.encode(true)).unwrap();
        assert!(v6.contains("\r\nHost: [ff15::efc0:988f]:6771\r\n"), "{v6}");
        assert_eq!(LsdAnnounce::decode(v6.as_bytes()), Ok(announce));
        // As libtorrent and others write it: any case, any order, no cookie.
        let theirs = packet(&[
            "BT-SEARCH * HTTP/1.1",
            "infohash: ",
            &format!("INFOHASH:{HASH}"),
            "port:51413",
            "x: y",
        ]);
        let read = LsdAnnounce::decode(&theirs).unwrap();
        assert_eq!((read.port, read.info_hashes.len(), read.cookie), (51413, 1, None));
    }

    #[test]
    fn refuses_what_nobody_can_follow() {
        let hash = format!("Infohash: {HASH}");
        let first = "BT-SEARCH * HTTP/1.1";
        for (lines, error) in [
            (vec!["M-SEARCH * HTTP/1.1", "Port: 1", &hash], LsdError::NotAnAnnounce),
            (vec![first, &hash], LsdError::Port),
            (vec![first, &hash, "Port: 0"], LsdError::Port),
            (vec![first, &hash, "Port: 65536"], LsdError::Port),
            (vec![first, &hash, "Port: 1", "Port: 2"], LsdError::Port),
            (vec![first, "Port: 1"], LsdError::NoTorrent),
            (vec![first, "Port: 1", "Infohash: 0123"], LsdError::NoTorrent),
            (vec![first, "Port: 1", "", &hash], LsdError::NoTorrent),
        ] {
            assert_eq!(LsdAnnounce::decode(&packet(&lines)), Err(error), "{lines:?}");
        }
        assert_eq!(LsdAnnounce::decode(&[0xff; 10]), Err(LsdError::NotAnAnnounce));
        assert_eq!(LsdAnnounce::decode(&[b'B'; 1401]), Err(LsdError::Long));
    }

    #[test]
    fn a_packet_holds_twenty_torrents_and_more_of_a_stranger_s_are_passed_over() {
        let many = LsdAnnounce {
            port: 65535,
            info_hashes: (0..25).map(|n| InfoHash([n; 20])).collect(),
            cookie: Some("x".repeat(16)),
        };
        let packet = many.encode(true);
        assert!(packet.len() <= MOST_LSD_BYTES, "{}", packet.len());
        assert_eq!(LsdAnnounce::decode(&packet).unwrap().info_hashes.len(), MOST_LSD_TORRENTS);
    }

    proptest! {
        #[test]
        fn round_trips(
            port in 1u16..,
            hashes in proptest::collection::btree_set(any::<[u8; 20]>(), 1..MOST_LSD_TORRENTS),
            cookie in proptest::option::of("[a-z0-9]{1,16}"),
            v6 in any::<bool>(),
        ) {
            let announce = LsdAnnounce { port, info_hashes: hashes.into_iter().map(InfoHash).collect(), cookie };
            prop_assert_eq!(LsdAnnounce::decode(&announce.encode(v6)), Ok(announce));
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), lines in "[ -~\r\n]{0,200}") {
            let _ = LsdAnnounce::decode(&bytes);
            let _ = LsdAnnounce::decode(format!("{FIRST_LINE}\r\n{lines}").as_bytes());
        }
    }
}
