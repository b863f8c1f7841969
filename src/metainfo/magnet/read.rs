//! Reads a magnet link, as people paste it.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::{MOST_MAGNET_BYTES, Magnet, MagnetError};
use crate::metainfo::urls::{MOST_TRACKERS, Urls};
use crate::metainfo::{InfoHash, PeerName, Warning, file_numbers};
use crate::text;

/// Characters of a name; file systems take less.
const MOST_NAME_CHARS: usize = 255;
/// Peers that are taken from a link.
const MOST_PEERS: usize = 200;
/// Ranges of files that are taken from a link.
const MOST_RANGES: usize = 10_000;
/// Characters of a wrong value that an error shows.
const SHOWN_CHARS: usize = 80;
/// What a multihash of SHA-256 begins with: its number, and its length.
const SHA_256: &str = "1220";

impl FromStr for Magnet {
    type Err = MagnetError;

    fn from_str(link: &str) -> Result<Self, MagnetError> {
        if link.len() > MOST_MAGNET_BYTES {
            return Err(MagnetError::TooLong);
        }
        let (scheme, rest) = link.trim().split_once(':').ok_or(MagnetError::NoMagnet)?;
        // Browsers and mail programs write `magnet:///?` and `magnet://?`.
        let query = rest.trim_start_matches('/').strip_prefix('?');
        let query = query.filter(|_| scheme.eq_ignore_ascii_case("magnet")).ok_or(MagnetError::NoMagnet)?;
        let mut topics = Topics::default();
        let (mut trackers, mut web_seeds) = (Urls::default(), Urls::default());
        let mut names = Names::default();
        let mut magnet = Self {
            info_hash: InfoHash([0; 20]),
            info_hash_v2: None,
            name: None,
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            peers: Vec::new(),
            files: Vec::new(),
            warnings: Vec::new(),
        };
        let mut wanted = Wanted::default();
        for (key, value) in query.split('&').filter_map(parameter) {
            match key.as_str() {
                "xt" => topics.take(&decoded(value))?,
                // Forms write a blank as `+`, and so do many who make links.
                "dn" if magnet.name.is_none() => {
                    let name = text::clean(&decoded(&value.replace('+', " ")), MOST_NAME_CHARS);
                    magnet.name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
                }
                "tr" => magnet.trackers.extend(trackers.take(Some(&decoded(value))).map(|url| vec![url])),
                "ws" => magnet.web_seeds.extend(web_seeds.take(Some(&decoded(value)))),
                "x.pe" => names.take(&decoded(value)),
                "so" => wanted.take(&decoded(value)),
                _ => {}
            }
        }
        (magnet.info_hash, magnet.info_hash_v2) = topics.settle()?;
        let left_out = magnet.trackers.len().saturating_sub(MOST_TRACKERS);
        magnet.trackers.truncate(MOST_TRACKERS);
        (magnet.peers, magnet.files) = (names.peers, apart(wanted.ranges));
        let odd = [
            (trackers.bad + web_seeds.bad, Warning::BadUrls as fn(usize) -> Warning),
            (left_out, Warning::TrackersLeftOut),
            (names.bad, Warning::BadPeers),
            (names.left_out, Warning::PeersLeftOut),
            (wanted.bad, Warning::BadFileNumbers),
        ];
        magnet
            .warnings
            .extend(odd.into_iter().filter(|(count, _)| *count > 0).map(|(count, made)| made(count)));
        Ok(magnet)
    }
}

/// One `key=value`: the key in lower case, without the number that tells several apart (`tr.1`), and without what is
/// left of `&amp;` where a link was copied from the source of a page.
fn parameter(text: &str) -> Option<(String, &str)> {
    let (key, value) = text.split_once('=')?;
    let key = key.strip_prefix("amp;").unwrap_or(key).to_ascii_lowercase();
    let numbered = |(base, number): &(&str, &str)| {
        !base.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let base = key.rsplit_once('.').filter(numbered).map(|(base, _)| base.to_owned());
    Some((base.unwrap_or(key), value))
}

/// The value with its percent signs resolved. Those that stand for nothing stay, and so do wrong ones.
fn decoded(value: &str) -> Cow<'_, str> {
    percent_decode_str(value).decode_utf8_lossy()
}

/// What the `xt` of a link name.
#[derive(Default)]
struct Topics {
    v1: Option<InfoHash>,
    v2: Option<[u8; 32]>,
    /// One that begins as ours do, or the first of another kind.
    wrong: Option<String>,
    is_v2: bool,
}

impl Topics {
    fn take(&mut self, topic: &str) -> Result<(), MagnetError> {
        let topic = topic.trim();
        let wrong = || text::clean(topic, SHOWN_CHARS);
        if let Some(hash) = after(topic, "urn:btih:") {
            let Some(hash) = info_hash(hash) else {
                self.wrong = Some(wrong());
                return Ok(());
            };
            match self.v1 {
                Some(other) if other != hash => return Err(MagnetError::TwoHashes(other, hash)),
                _ => self.v1 = Some(hash),
            }
        } else if let Some(hash) = after(topic, "urn:btmh:") {
            self.is_v2 = true;
            self.v2 = self.v2.or_else(|| hash.strip_prefix(SHA_256).and_then(hex));
        } else if self.wrong.is_none() {
            self.wrong = Some(if topic.is_empty() { "nothing".to_owned() } else { wrong() });
        }
        Ok(())
    }

    fn settle(self) -> Result<(InfoHash, Option<[u8; 32]>), MagnetError> {
        match (self.v1, self.wrong) {
            (Some(hash), _) => Ok((hash, self.v2)),
            (None, _) if self.is_v2 => Err(MagnetError::V2Only),
            (None, Some(wrong)) => Err(MagnetError::BadHash(wrong)),
            (None, None) => Err(MagnetError::NoHash),
        }
    }
}

/// What follows a beginning, in upper or lower case.
fn after<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let (begins, rest) = text.split_at_checked(beginning.len())?;
    begins.eq_ignore_ascii_case(beginning).then_some(rest)
}

fn info_hash(text: &str) -> Option<InfoHash> {
    hex(text).or_else(|| base32(text)).map(InfoHash)
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(bytes)
}

/// Twenty bytes in 32 digits of five bits (RFC 4648).
fn base32(text: &str) -> Option<[u8; 20]> {
    if text.len() != 32 {
        return None;
    }
    let mut bytes = [0; 20];
    for (five, eight) in bytes.chunks_exact_mut(5).zip(text.as_bytes().chunks_exact(8)) {
        let mut bits = 0_u64;
        for digit in eight {
            let value = match digit.to_ascii_uppercase() {
                letter @ b'A'..=b'Z' => letter - b'A',
                number @ b'2'..=b'7' => number - b'2' + 26,
                _ => return None,
            };
            bits = bits << 5 | u64::from(value);
        }
        five.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

/// Peers the link names.
#[derive(Default)]
struct Names {
    peers: Vec<PeerName>,
    bad: usize,
    left_out: usize,
}

impl Names {
    fn take(&mut self, text: &str) {
        match text.trim().parse() {
            Ok(peer) if self.peers.contains(&peer) => {}
            Ok(_) if self.peers.len() == MOST_PEERS => self.left_out += 1,
            Ok(peer) => self.peers.push(peer),
            Err(_) => self.bad += 1,
        }
    }
}

/// Files the link chooses.
#[derive(Default)]
struct Wanted {
    ranges: Vec<RangeInclusive<u32>>,
    bad: usize,
}

impl Wanted {
    fn take(&mut self, list: &str) {
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match file_numbers::range(item) {
                Some(range) if self.ranges.len() < MOST_RANGES => self.ranges.push(range),
                _ => self.bad += 1,
            }
        }
    }
}

/// In order, with those joined that touch.
fn apart(mut ranges: Vec<RangeInclusive<u32>>) -> Vec<RangeInclusive<u32>> {
    ranges.sort_unstable_by_key(|range| (*range.start(), *range.end()));
    let mut apart: Vec<RangeInclusive<u32>> = Vec::new();
    for range in ranges {
        match apart.last_mut() {
            Some(last) if *range.start() <= last.end().saturating_add(1) => {
                *last = *last.start()..=*range.end().max(last.end());
            }
            _ => apart.push(range),
        }
    }
    apart
}
