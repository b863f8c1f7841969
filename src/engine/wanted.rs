//! What is to be downloaded: a torrent, or one of which only a magnet link is here.

use std::path::Path;

use crate::ledger::{FileFacts, Metadata, TorrentFacts};
use crate::metainfo::{InfoHash, Magnet, PeerId, Torrent};
use crate::text;

/// What is to be downloaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// All is known of it.
    Torrent(Box<Torrent>),
    /// Its metadata is to be asked of peers first (BEP 9).
    Magnet(Box<Magnet>),
}

impl From<Torrent> for Wanted {
    fn from(torrent: Torrent) -> Self {
        Self::Torrent(Box::new(torrent))
    }
}

impl From<Magnet> for Wanted {
    fn from(magnet: Magnet) -> Self {
        Self::Magnet(Box::new(magnet))
    }
}

impl Wanted {
    /// The torrent's info-hash.
    #[must_use]
    pub fn info_hash(&self) -> InfoHash {
        match self {
            Self::Torrent(torrent) => torrent.info_hash,
            Self::Magnet(magnet) => magnet.info_hash,
        }
    }

    /// Its announce URLs by tier, passkeys and all.
    #[must_use]
    pub fn trackers(&self) -> &[Vec<String>] {
        match self {
            Self::Torrent(torrent) => &torrent.trackers,
            Self::Magnet(magnet) => &magnet.trackers,
        }
    }

    /// Whether only trackers and the user may name peers (BEP 27), as far as is known.
    #[must_use]
    pub fn is_private(&self) -> bool {
        matches!(self, Self::Torrent(torrent) if torrent.private)
    }

    /// What does not change of it, for the ledger.
    pub(super) fn facts(&self, output: &Path, peer_id: PeerId) -> TorrentFacts {
        let (metadata, magnet_name) = match self {
            Self::Torrent(torrent) => (Some(metadata(torrent)), None),
            Self::Magnet(magnet) => (None, magnet.name.clone()),
        };
        let (info_hash, output, peer_id) = (self.info_hash(), output.to_owned(), peer_id.printable());
        TorrentFacts { info_hash, metadata, magnet_name, output, peer_id }
    }
}

/// What a torrent is made of, for the ledger.
pub(super) fn metadata(torrent: &Torrent) -> Metadata {
    let shown = |path: &str| text::clean(path, 4096);
    let files = torrent.files.iter().filter(|file| !file.pad);
    let files = files.map(|file| FileFacts {
        path: shown(file.path.as_str()),
        offset_bytes: file.offset,
        length_bytes: file.length,
    });
    Metadata {
        name: shown(&torrent.name),
        geometry: torrent.geometry,
        private: torrent.private,
        files: files.collect(),
    }
}
