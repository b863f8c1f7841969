//! What is to be downloaded: a torrent, or one of which only a magnet link is here.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::ledger::{FileFacts, Metadata, TorrentFacts};
use crate::metainfo::{InfoHash, Magnet, NamedFiles, PeerId, PeerName, Torrent};
use crate::storage;
use crate::text;

/// What is to be downloaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// All is known of it.
    Torrent(Arc<Torrent>),
    /// Its metadata is to be asked of peers first (BEP 9).
    Magnet(Box<Magnet>),
}

impl From<Torrent> for Wanted {
    fn from(torrent: Torrent) -> Self {
        Self::Torrent(Arc::new(torrent))
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

    /// The magnet link, where no more is here.
    #[must_use]
    pub fn as_magnet(&self) -> Option<&Magnet> {
        match self {
            Self::Torrent(_) => None,
            Self::Magnet(magnet) => Some(magnet),
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

    /// The magnet link by which others can have it.
    #[must_use]
    pub fn magnet(&self) -> Option<String> {
        match self {
            Self::Torrent(torrent) => Some(Magnet::of(torrent).to_string()),
            Self::Magnet(magnet) => Some(magnet.without_keys().to_string()),
        }
    }

    /// Peers that the magnet link names by their address.
    pub(super) fn linked_peers(&self) -> Vec<SocketAddr> {
        let Self::Magnet(magnet) = self else { return Vec::new() };
        let addresses = magnet.peers.iter().filter_map(|peer| match peer {
            PeerName::Address(addr) => Some(*addr),
            PeerName::Host(..) => None,
        });
        addresses.collect()
    }

    /// Files that the magnet link names.
    pub(super) fn linked_files(&self) -> NamedFiles {
        let Self::Magnet(magnet) = self else { return NamedFiles::default() };
        NamedFiles::numbered(&magnet.files)
    }

    /// The torrent in place of a magnet whose metadata an earlier run kept, with the trackers of both.
    pub(super) fn or_kept(self, state: &Path) -> Self {
        let Self::Magnet(magnet) = &self else { return self };
        let Some(mut torrent) = storage::kept_metadata(state, magnet.info_hash) else { return self };
        let known: BTreeSet<&String> = torrent.trackers.iter().flatten().collect();
        let more = magnet.trackers.iter().filter(|tier| tier.iter().all(|url| !known.contains(url)));
        let more: Vec<_> = more.cloned().collect();
        torrent.trackers.extend(more);
        torrent.into()
    }

    /// What does not change of it, for the ledger.
    pub(super) fn facts(&self, output: &Path, peer_id: PeerId) -> TorrentFacts {
        match self {
            Self::Torrent(torrent) => facts(torrent, output, peer_id),
            Self::Magnet(magnet) => TorrentFacts {
                info_hash: magnet.info_hash,
                metadata: None,
                magnet_name: magnet.name.clone(),
                output: output.to_owned(),
                peer_id: peer_id.printable(),
            },
        }
    }
}

/// What does not change of a torrent, for the ledger.
pub(super) fn facts(torrent: &Torrent, output: &Path, peer_id: PeerId) -> TorrentFacts {
    let shown = |path: &str| text::clean(path, 4096);
    let files = (0..).zip(&torrent.files).filter(|(_, file)| !file.pad);
    let files = files.map(|(number, file)| FileFacts {
        number,
        path: shown(file.path.as_str()),
        offset_bytes: file.offset,
        length_bytes: file.length,
    });
    TorrentFacts {
        info_hash: torrent.info_hash,
        metadata: Some(Metadata {
            name: shown(&torrent.name),
            geometry: torrent.geometry,
            private: torrent.private,
            files: files.collect(),
        }),
        magnet_name: None,
        output: output.to_owned(),
        peer_id: peer_id.printable(),
    }
}
