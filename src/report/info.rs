//! What a torrent file or a magnet link says.

use std::fmt::Write;

use serde::Serialize;

use super::{hex, json_line};
use crate::metainfo::{File, InfoHash, Magnet, PeerName, Torrent};
use crate::text::clean;
use crate::units::{self, Units};

/// Characters of a name, path or URL that text shows.
const MOST_CHARS: usize = 1000;

#[derive(Serialize)]
struct Info<'a> {
    name: Option<&'a str>,
    info_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    info_hash_v2: Option<String>,
    total_length: Option<u64>,
    piece_length: Option<u32>,
    piece_count: Option<u32>,
    private: Option<bool>,
    files: Option<Vec<InfoFile<'a>>>,
    trackers: &'a [Vec<String>],
    web_seeds: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<i64>,
}

#[derive(Serialize)]
struct InfoFile<'a> {
    path: &'a str,
    length: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pad: bool,
}

/// The torrent as one line of JSON.
pub fn json(torrent: &Torrent) -> String {
    json_line(&Info {
        name: Some(&torrent.name),
        info_hash: torrent.info_hash.to_string(),
        info_hash_v2: torrent.info_hash_v2.as_ref().map(|hash| hex(hash)),
        total_length: Some(torrent.geometry.total_bytes()),
        piece_length: Some(torrent.geometry.piece_bytes()),
        piece_count: Some(torrent.geometry.piece_count()),
        private: Some(torrent.private),
        files: Some(torrent.files.iter().map(file).collect()),
        trackers: &torrent.trackers,
        web_seeds: &torrent.web_seeds,
        comment: torrent.comment.as_deref(),
        created_by: torrent.created_by.as_deref(),
        creation_date: torrent.creation_date,
    })
}

/// A magnet link as one line of JSON. What only the metadata tells is null.
pub fn magnet_json(magnet: &Magnet) -> String {
    json_line(&Info {
        name: magnet.name.as_deref(),
        info_hash: magnet.info_hash.to_string(),
        info_hash_v2: magnet.info_hash_v2.as_ref().map(|hash| hex(hash)),
        total_length: None,
        piece_length: None,
        piece_count: None,
        private: None,
        files: None,
        trackers: &magnet.trackers,
        web_seeds: &magnet.web_seeds,
        comment: None,
        created_by: None,
        creation_date: None,
    })
}

fn file(file: &File) -> InfoFile<'_> {
    InfoFile { path: file.path.as_str(), length: file.length, pad: file.pad }
}

/// The torrent in lines for a person, cleaned for a terminal.
pub fn text(torrent: &Torrent) -> String {
    let mut lines = Lines(String::new());
    let geometry = torrent.geometry;
    lines.add("name", &torrent.name);
    lines.add_hashes(torrent.info_hash, torrent.info_hash_v2.as_ref());
    let (total, piece) = (geometry.total_bytes(), u64::from(geometry.piece_bytes()));
    lines.add(
        "size",
        &format!(
            "{} ({} bytes), {} {} of {}",
            size(total),
            units::count(total),
            units::count(u64::from(geometry.piece_count())),
            if geometry.piece_count() == 1 { "piece" } else { "pieces" },
            size(piece)
        ),
    );
    lines.add("private", if torrent.private { "yes: only trackers may name peers" } else { "no" });
    let date = torrent.creation_date.map(|date| units::date_time(date).unwrap_or_else(|| date.to_string()));
    if let Some(date) = date {
        lines.add("created", &date);
    }
    for (label, value) in [("created by", &torrent.created_by), ("comment", &torrent.comment)] {
        if let Some(value) = value {
            lines.add(label, value);
        }
    }
    lines.add_urls(&torrent.trackers, &torrent.web_seeds);
    let files = || torrent.files.iter().enumerate().filter(|(_, file)| !file.pad);
    let count = files().count();
    lines.add("files", &units::count(count as u64));
    // Their numbers are what `--files` takes, and links (BEP 53).
    let width = torrent.files.len().saturating_sub(1).to_string().len();
    for (number, file) in files() {
        let path = clean(file.path.as_str(), MOST_CHARS);
        let _ = writeln!(lines.0, "  {number:>width$}  {:>10}  {path}", size(file.length));
    }
    lines.0
}

/// A magnet link in lines for a person, cleaned for a terminal.
pub fn magnet_text(magnet: &Magnet) -> String {
    const UNKNOWN: &str = "known with the metadata";
    let mut lines = Lines(String::new());
    lines.add("name", magnet.name.as_deref().unwrap_or(UNKNOWN));
    lines.add_hashes(magnet.info_hash, magnet.info_hash_v2.as_ref());
    lines.add("size", UNKNOWN);
    lines.add("private", UNKNOWN);
    lines.add_urls(&magnet.trackers, &magnet.web_seeds);
    lines.add_all("peers", magnet.peers.iter().map(PeerName::to_string), "none in the link");
    let wanted = magnet.files.iter().map(|range| match (range.start(), range.end()) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from}-{to}"),
    });
    let wanted = wanted.collect::<Vec<_>>().join(", ");
    lines
        .add("files", &if wanted.is_empty() { UNKNOWN.to_owned() } else { format!("only numbers {wanted}") });
    lines.0
}

/// Every tracker, with the number of its tier where there are several.
fn tiers(trackers: &[Vec<String>]) -> impl Iterator<Item = String> {
    let several = trackers.len() > 1;
    trackers.iter().enumerate().flat_map(move |(tier, urls)| {
        urls.iter().map(move |url| if several { format!("tier {}: {url}", tier + 1) } else { url.clone() })
    })
}

fn size(bytes: u64) -> String {
    units::bytes(bytes, Units::Binary)
}

/// Labels in one column, values in the next.
struct Lines(String);

impl Lines {
    fn add(&mut self, label: &str, value: &str) {
        let _ = writeln!(self.0, "{label:<13} {}", clean(value, MOST_CHARS));
    }

    fn add_hashes(&mut self, v1: InfoHash, v2: Option<&[u8; 32]>) {
        self.add("info-hash", &v1.to_string());
        if let Some(hash) = v2 {
            self.add("info-hash v2", &hex(hash));
        }
    }

    fn add_urls(&mut self, trackers: &[Vec<String>], web_seeds: &[String]) {
        self.add_all("trackers", tiers(trackers), "none");
        if !web_seeds.is_empty() {
            self.add_all("web seeds", web_seeds.iter().cloned(), "none");
        }
    }

    fn add_all(&mut self, label: &str, values: impl Iterator<Item = String>, none: &str) {
        let mut label = Some(label);
        for value in values {
            self.add(label.take().unwrap_or_default(), &value);
        }
        if let Some(label) = label {
            self.add(label, none);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::NewTorrent;

    fn torrent() -> Torrent {
        let files: [(&str, &[u8]); 2] = [("a b.txt", &[1; 5000]), ("sub/c\u{1b}[2J", &[])];
        let made = NewTorrent::of_files("dir", 1024, &files)
            .tracker("http://t.example/0123/announce")
            .tracker("udp://u.example:6969")
            .web_seed("http://w.example/")
            .comment("two\nlines\u{202e}\u{7}")
            .private();
        Torrent::from_bytes(&made.to_bytes()).unwrap()
    }

    #[test]
    fn writes_json_as_promised() {
        let torrent = torrent();
        let value: serde_json::Value = serde_json::from_str(&json(&torrent)).unwrap();
        let expected = serde_json::json!({
            "name": "dir",
            "info_hash": torrent.info_hash.to_string(),
            "total_length": 5000,
            "piece_length": 1024,
            "piece_count": 5,
            "private": true,
            "files": [{"path": "dir/a b.txt", "length": 5000}, {"path": "dir/sub/c_[2J", "length": 0}],
            "trackers": [["http://t.example/0123/announce"], ["udp://u.example:6969"]],
            "web_seeds": ["http://w.example/"],
            "comment": "two\nlines\u{202e}\u{7}",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn what_a_magnet_link_does_not_know_is_null() {
        let link = format!(
            "magnet:?xt=urn:btih:{}&xt=urn:btmh:1220{}&dn=a%1b[2J&tr=http://t.example/0123/announce&ws=http://w.example/\
             &tr=udp://u.example:6969&x.pe=192.0.2.7:6881&so=0,2-4,3-6",
            "0a".repeat(20),
            "ab".repeat(32)
        );
        let magnet: Magnet = link.parse().unwrap();
        let value: serde_json::Value = serde_json::from_str(&magnet_json(&magnet)).unwrap();
        let expected = serde_json::json!({
            "name": "a·[2J",
            "info_hash": "0a".repeat(20),
            "info_hash_v2": "ab".repeat(32),
            "total_length": null,
            "piece_length": null,
            "piece_count": null,
            "private": null,
            "files": null,
            "trackers": [["http://t.example/0123/announce"], ["udp://u.example:6969"]],
            "web_seeds": ["http://w.example/"],
        });
        assert_eq!(value, expected);
        let expected = format!(
            "name          a·[2J\n\
             info-hash     {}\n\
             info-hash v2  {}\n\
             size          known with the metadata\n\
             private       known with the metadata\n\
             trackers      tier 1: http://t.example/0123/announce\n\
             \u{20}             tier 2: udp://u.example:6969\n\
             web seeds     http://w.example/\n\
             peers         192.0.2.7:6881\n\
             files         only numbers 0, 2-6\n",
            "0a".repeat(20),
            "ab".repeat(32)
        );
        assert_eq!(magnet_text(&magnet), expected);
    }

    #[test]
    fn marks_padding_and_the_second_hash_in_json() {
        let mut torrent = torrent();
        torrent.info_hash_v2 = Some([0xab; 32]);
        torrent.creation_date = Some(-5);
        let path = torrent.files.file(1).unwrap().path.clone();
        torrent.files = crate::metainfo::Files::lay_out([(path, 5000, true)]).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json(&torrent)).unwrap();
        assert_eq!(value["info_hash_v2"], "ab".repeat(32));
        assert_eq!(value["files"][0]["pad"], true);
        assert_eq!(value["creation_date"], -5);
    }

    #[test]
    fn writes_text_that_leaves_the_terminal_alone() {
        let torrent = torrent();
        let expected = format!(
            "name          dir\n\
             info-hash     {}\n\
             size          4.9 KiB (5 000 bytes), 5 pieces of 1.0 KiB\n\
             private       yes: only trackers may name peers\n\
             comment       two lines·\n\
             trackers      tier 1: http://t.example/0123/announce\n\
             \u{20}             tier 2: udp://u.example:6969\n\
             web seeds     http://w.example/\n\
             files         2\n\
             \u{20} 0     4.9 KiB  dir/a b.txt\n\
             \u{20} 1         0 B  dir/sub/c_[2J\n",
            torrent.info_hash
        );
        assert_eq!(text(&torrent), expected);
    }
}
