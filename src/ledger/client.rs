//! Which program a peer is, by the twenty bytes of its peer id (BEP 20, and what clients do beside it).
//!
//! A peer id is a claim, not a proof: some clients send another one's on purpose. So it is shown beside what the
//! peer calls itself in its extension handshake, and a contradiction is told ([`disagrees`]).

mod decode;
mod table;

use crate::metainfo::PeerId;

/// Name and version of the client that uses such a peer id: `Transmission 4.0.6`. `None` when no known client
/// does. What comes back is plain text: of the id's bytes only digits find their way into it.
///
/// ```
/// use ttui::ledger::client_name;
/// use ttui::metainfo::PeerId;
///
/// let id = PeerId(*b"-TR4060-abcdefghijkl");
/// assert_eq!(client_name(&id).as_deref(), Some("Transmission 4.0.6"));
/// ```
pub fn client_name(id: &PeerId) -> Option<String> {
    decode::name(&id.0)
}

/// Whether the name by peer id and the one a peer calls itself by are those of different programs. Versions are
/// left alone: clients write them in too many ways.
pub(super) fn disagrees(by_id: &str, calls_itself: &str) -> bool {
    let (by_id, claimed) = (plain(by_id), plain(calls_itself));
    let Some(first) = by_id.first() else { return false };
    if claimed.is_empty() || claimed.contains(first) {
        return false;
    }
    !table::SAME_PROGRAM.iter().any(|names| {
        let known = |words: &[String]| words.iter().any(|word| names.contains(&word.as_str()));
        known(&by_id) && known(&claimed)
    })
}

/// The words of a name, small, with µ as u.
fn plain(name: &str) -> Vec<String> {
    let name = name.to_lowercase().replace(['µ', 'μ'], "u");
    let words =
        name.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().any(char::is_alphabetic));
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(begins: &[u8]) -> Option<String> {
        let mut id = *b"xxxxxxxxabcdefghijkl";
        id[..begins.len()].copy_from_slice(begins);
        client_name(&PeerId(id))
    }

    #[test]
    fn knows_clients_and_their_own_ways_to_write_versions() {
        let vectors: &[(&[u8], &str)] = &[
            (b"-TR4060-", "Transmission 4.0.6"),
            (b"-TR410Z-", "Transmission 4.1.0 (Dev)"),
            (b"-TR400B-", "Transmission 4.0.0 (Beta)"),
            (b"-TR4Az0-", "Transmission 4.10.61"),
            (b"-TR3000-", "Transmission 3.00"),
            (b"-TR111Z-", "Transmission 1.11 (Dev)"),
            (b"-TR0072-", "Transmission 0.72"),
            (b"-TR0006-", "Transmission 0.6"),
            (b"-qB4620-", "qBittorrent 4.6.2"),
            (b"-qB51A0-", "qBittorrent 5.1.10"),
            (b"-lt0D80-", "libTorrent 0.13.8"),
            (b"-LT20A0-", "libtorrent (rasterbar) 2.0.10"),
            (b"-DE13F0-", "Deluge 1.3.15"),
            (b"-DE211s-", "Deluge 2.1.1"),
            (b"-DE220D-", "Deluge 2.2.0 (Dev)"),
            (b"-UT2210-", "µTorrent 2.2.1"),
            (b"-UT7a5\0-", "µTorrent 7.10.5"),
            (b"-UT341B-", "µTorrent 3.4.1 (Beta)"),
            (b"-UW1409-", "µTorrent Web 1.4.0"),
            (b"-UW1110Q", "µTorrent Web 1.1.10"),
            (b"-BW1293-", "BitTorrent Web 1.2.9"),
            (b"A2-1-36-0-", "aria2 1.36.0"),
            (b"A2-1-2-0-", "aria2 1.2.0"),
            (b"-BL246326", "BitLord 2.4.6-326"),
            (b"-KT33D1-", "KTorrent 3.3 Dev 1"),
            (b"-KT41R2-", "KTorrent 4.1 RC 2"),
            (b"-BI2300-", "BiglyBT 2.3.0.0"),
            (b"-AZ8421-", "Vuze 8.4.2.1"),
            (b"-AZ2306-", "Azureus 2.3.0.6"),
            (b"-XF9992-", "Xfplay 9.9.92"),
            (b"-WW0007-", "WebTorrent 0.0.0.7"),
            (b"-WD0007-", "WebTorrent Desktop 0.0.0.7"),
            (b"-PI0120-", "PicoTorrent 0.12.0"),
            (b"-FD51R\xff-", "Free Download Manager 5.1.27"),
            (b"FD6abcde", "Free Download Manager 6"),
            (b"M5-0-7--", "Mainline 5.0.7"),
            (b"M4-20-8-", "Mainline 4.20.8"),
            (b"M4-3-6--", "Mainline 4.3.6"),
            (b"Q1-23-4-", "Queen Bee 1.23.4"),
            (b"S58B-----", "Shadow 5.8.11"),
            (b"T03C-----", "BitTornado 0.3.12"),
            (b"exbc\x00\x38", "BitComet 0.56"),
            (b"exbc\x00\x38LORD", "BitLord 0.56"),
            (b"FUTB\x01\x02", "BitComet (mod 1) 1.02"),
            (b"\0\x03BS", "BitSpirit 3"),
            (b"-BC0241-", "BitComet 2.41"),
            (b"TIX0193-", "Tixati 1.93"),
            (b"-FG0241-", "FlashGet 2.41"),
            (b"-CT1234-", "CTorrent 1.2.34"),
            (b"-BR0332-", "BitRocket 0.3(32)"),
            (b"-FL51FF-", "Folx 5.x"),
            (b"-ML2.7.2-", "MLDonkey 2.7.2"),
            (b"-BOWA0B-", "Bits on Wheels 1.0.5"),
            (b"S3-1-0-0-", "Amazon S3 1.0.0"),
            (b"OP7685", "Opera (build 7685)"),
            (b"XBT054d-", "XBT Client 0.5.4 (Debug)"),
            (b"DNA010203", "BitTorrent DNA 1.2.3"),
            (b"QVOD0054", "QVOD 0.0.5.4"),
            (b"346-----", "TorrentTopia"),
            (b"LIMEabcd", "LimeWire"),
            (b"abcdeAzureus", "Azureus 2.0.3.2"),
            (b"-rQ9100-", "rqbit 9.1.0"),
            (b"-GT0003-", "anacrolix/torrent 0.0.0.3"),
            (b"-SS1000-", "superseedr 1.0.0"),
            (b"-Tu0100-", "ttui 0.1.0"),
        ];
        for (begins, expected) in vectors {
            assert_eq!(name(begins).as_deref(), Some(*expected), "{}", begins.escape_ascii());
        }
    }

    #[test]
    fn keeps_the_name_where_the_version_is_no_version() {
        assert_eq!(name(b"-qB\xff\x00\x1b!-").as_deref(), Some("qBittorrent"));
        assert_eq!(name(b"-TR\xff\xff\xff\xff-").as_deref(), Some("Transmission"));
    }

    #[test]
    fn knows_the_ids_that_have_no_prefix() {
        let mut id = [0u8; 20];
        assert_eq!(client_name(&PeerId(id)), None, "nothing at all is nobody");
        id[9..12].copy_from_slice(&[3, 3, 3]);
        id[12..].copy_from_slice(b"abcdefgh");
        assert_eq!(client_name(&PeerId(id)).as_deref(), Some("I2PSnark"));
        id[9..12].fill(0);
        assert_eq!(client_name(&PeerId(id)).as_deref(), Some("Mainline (old)"));
        let mut id = *b"0123456789abcdef    ";
        for i in 16..20 {
            id[i] = id[i % 16] ^ id[15 - i % 16];
        }
        assert_eq!(client_name(&PeerId(id)).as_deref(), Some("Shareaza"));
        assert_eq!(client_name(&PeerId(*b"-ZQ1234-abcdefghijkl")), None);
    }

    #[test]
    fn our_own_id_is_ours() {
        assert_eq!(client_name(&PeerId::ours(7)).as_deref(), Some("ttui 0.1.0"));
    }

    #[test]
    fn no_prefix_stands_twice_in_a_table() {
        let mut codes: Vec<_> = table::AZUREUS.iter().map(|(code, ..)| code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), table::AZUREUS.len());
        let prefixes = codes.len() + table::SHADOW.len() + table::FIXED.len() + table::MAINLINE.len() + 3;
        assert!(prefixes >= 130, "{prefixes}");
    }

    #[test]
    fn tells_a_contradiction_from_another_spelling() {
        for (by_id, claimed) in [
            ("Transmission 4.0.6", "Transmission 4.0.6"),
            ("µTorrent 3.5.5", "uTorrent/3550"),
            ("qBittorrent 5.0.1", "qBittorrent/5.0.1"),
            ("Vuze 5.7.6.0", "Azureus 5.7.6.0"),
            ("libTorrent 0.13.8", "libTorrent 0.13.8"),
            ("anacrolix/torrent 0.0.0.3", "go.torrent dev 20181121 (anacrolix/torrent)"),
            ("Deluge 2.1.1", ""),
        ] {
            assert!(!disagrees(by_id, claimed), "{by_id} {claimed}");
        }
        assert!(disagrees("libtorrent (rasterbar) 2.0.10", "qBittorrent/5.0.1"));
        assert!(disagrees("Transmission 4.0.6", "Xunlei 0.0.1"));
    }

    proptest! {
        #[test]
        fn takes_any_twenty_bytes(id: [u8; 20], entry in 0..table::AZUREUS.len(), fixed in 0..table::FIXED.len(), style in 0..4) {
            let mut id = id;
            match style {
                0 => {
                    id[0] = b'-';
                    id[1..3].copy_from_slice(&table::AZUREUS[entry].0[..]);
                }
                1 => {
                    let prefix = table::FIXED[fixed].0;
                    id[..prefix.len()].copy_from_slice(prefix);
                }
                2 => id[6..9].fill(b'-'),
                _ => {}
            }
            if let Some(name) = client_name(&PeerId(id)) {
                prop_assert!(!name.is_empty() && name.chars().count() < 48);
                prop_assert!(name.chars().all(|c| !c.is_control() && (c.is_ascii() || c == 'µ')));
            }
        }
    }
}
