//! Writes a magnet link.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Magnet;
use crate::metainfo::Torrent;

/// What is written as `%41` in a value.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What stands behind the host of an announce URL that tells of nobody.
const PUBLIC_PATHS: [&str; 4] = ["", "/", "/announce", "/announce.php"];

impl Magnet {
    /// The link of a torrent, fit to be given to others. A tracker whose address may hold somebody's key is left out, and
    /// so are all trackers of a private torrent.
    pub fn of(torrent: &Torrent) -> Self {
        let public = |url: &&String| !torrent.private && is_public(url);
        let urls = torrent.trackers.iter().flatten().filter(public);
        Self {
            info_hash: torrent.info_hash,
            info_hash_v2: torrent.info_hash_v2,
            name: Some(torrent.name.clone()),
            trackers: urls.map(|url| vec![url.clone()]).collect(),
            web_seeds: Vec::new(),
            peers: Vec::new(),
            files: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The link as it is fit to be given to others: without trackers whose address may hold somebody's key.
    #[must_use]
    pub fn without_keys(&self) -> Self {
        let trackers = self.trackers.iter().filter(|tier| tier.iter().all(|url| is_public(url)));
        Self { trackers: trackers.cloned().collect(), ..self.clone() }
    }
}

/// Whether an announce URL holds nothing but a host, a port, and where trackers are asked as a rule.
fn is_public(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let path = rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]);
    !rest.contains('@') && PUBLIC_PATHS.contains(&path)
}

impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "magnet:?xt=urn:btih:{}", self.info_hash)?;
        if let Some(hash) = &self.info_hash_v2 {
            f.write_str("&xt=urn:btmh:1220")?;
            hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        let mut value = |key: &str, value: &str| write!(f, "&{key}={}", utf8_percent_encode(value, QUOTED));
        self.name.iter().try_for_each(|name| value("dn", name))?;
        self.trackers.iter().flatten().try_for_each(|url| value("tr", url))?;
        self.web_seeds.iter().try_for_each(|url| value("ws", url))?;
        self.peers.iter().try_for_each(|peer| value("x.pe", &peer.to_string()))?;
        let ranges = self.files.iter().map(|range| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        });
        let ranges: Vec<String> = ranges.collect();
        if ranges.is_empty() { Ok(()) } else { write!(f, "&so={}", ranges.join(",")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_as_it_was() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        for rest in [
            "",
            "&dn=it",
            "&dn=a%20%26%20b%3D%25%E2%80%9Cc%E2%80%9D",
            "&tr=udp%3A%2F%2Ft.example%3A80%2Fannounce&tr=http%3A%2F%2Fu.example%2Fa%3Fk%3Dv%26w",
            "&ws=http%3A%2F%2Fw.example%2Ff&x.pe=192.0.2.7%3A6881&x.pe=%5B2001%3Adb8%3A%3A7%5D%3A80&so=0,2-5",
        ] {
            let link = format!("magnet:?xt=urn:btih:{hash}{rest}");
            let magnet: Magnet = link.parse().unwrap();
            assert_eq!(magnet.to_string().parse::<Magnet>().unwrap(), magnet, "{link}");
        }
        let both = format!("magnet:?xt=urn:btih:{hash}&xt=urn:btmh:1220{}", "ab".repeat(32));
        let magnet: Magnet = both.parse().unwrap();
        assert_eq!(magnet.to_string(), both);
    }

    #[test]
    fn what_may_be_a_key_of_somebody_stays_out() {
        for url in ["udp://t.example:80", "http://t.example/announce", "https://t.example:443/announce.php"] {
            assert!(is_public(url), "{url}");
        }
        for url in [
            "http://t.example/0123456789/announce",
            "http://t.example/announce?passkey=1",
            "http://me:secret@t.example/announce",
            "t.example",
        ] {
            assert!(!is_public(url), "{url}");
        }
    }
}
