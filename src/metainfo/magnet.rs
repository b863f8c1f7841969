//! Magnet links (BEP 9; BEP 53 for chosen files): what names a torrent where its file is not at hand.

mod file;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::ops::RangeInclusive;
use std::path::Path;

use thiserror::Error;

use super::{InfoHash, PeerName, Warning};

/// Bytes of a magnet link. One of ten thousand trackers has half of that.
const MOST_MAGNET_BYTES: usize = 1 << 20;
const EXPECTED_HASH: &str = "expected `urn:btih:` and 40 hexadecimal digits, or 32 of base32";

/// A magnet link, read and found sound.
///
/// ```
/// use ttui::metainfo::Magnet;
///
/// let magnet: Magnet = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=it".parse()?;
/// assert_eq!(magnet.name.as_deref(), Some("it"));
/// # Ok::<(), ttui::metainfo::MagnetError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Magnet {
    /// SHA-1 over the raw bytes of `info`, which nobody has sent yet.
    pub info_hash: InfoHash,
    /// SHA-256 over the same bytes, where the link names both (BEP 52).
    pub info_hash_v2: Option<[u8; 32]>,
    /// What the link calls it (`dn`): a hint, in one line. The metadata has the name that counts.
    pub name: Option<String>,
    /// Announce URLs, none twice, each a tier of its own as in a torrent file.
    pub trackers: Vec<Vec<String>>,
    /// Addresses of web seeds (BEP 19).
    pub web_seeds: Vec<String>,
    /// Peers to begin with (`x.pe`), none twice.
    pub peers: Vec<PeerName>,
    /// The numbers of the files that are wanted, in order and apart (BEP 53); none: all.
    pub files: Vec<RangeInclusive<u32>>,
    /// What is odd about the link and does not matter enough to refuse it.
    pub warnings: Vec<Warning>,
}

/// Why a magnet link is not taken.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum MagnetError {
    /// It is something else.
    #[error("no magnet link, expected `magnet:?xt=urn:btih:…`")]
    NoMagnet,
    /// It is too long.
    #[error("magnet link: longer than {} MiB", MOST_MAGNET_BYTES >> 20)]
    TooLong,
    /// It names no torrent.
    #[error("magnet link: `xt` missing, {EXPECTED_HASH}")]
    NoHash,
    /// It names something that is shared in another network.
    #[error("magnet link: `xt`: {EXPECTED_HASH}, found {0}")]
    BadHash(String),
    /// It names two torrents.
    #[error("magnet link: `xt` names two torrents, {0} and {1}: expected one")]
    TwoHashes(InfoHash, InfoHash),
    /// Only version 2 of the protocol.
    #[error(
        "magnet link: `xt` has only `urn:btmh:` (BitTorrent v2), not supported yet: expected a link with `urn:btih:`"
    )]
    V2Only,
}

impl Magnet {
    /// Whether what stands in the place of a path is meant as a magnet link.
    pub fn is_meant(path: &Path) -> bool {
        let scheme = path.to_str().and_then(|text| text.trim_start().split_once(':'));
        scheme.is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("magnet"))
    }
}
