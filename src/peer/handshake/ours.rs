//! Our side of a handshake, whose torrent a call may name first.

use crate::metainfo::{InfoHash, PeerId};
use crate::wire::mse::Torrents;
use crate::wire::{Handshake, Reserved};

/// Who answers calls, and for which torrents.
#[derive(Clone, Debug)]
pub struct Called {
    /// Our peer id.
    pub peer_id: PeerId,
    /// Our reserved bytes.
    pub reserved: Reserved,
    /// The torrents that may be called for.
    pub torrents: Torrents,
}

/// For one torrent.
impl From<Handshake> for Called {
    fn from(Handshake { reserved, info_hash, peer_id }: Handshake) -> Self {
        Self { peer_id, reserved, torrents: [info_hash].into_iter().collect() }
    }
}

/// Who we are in a handshake.
#[derive(Debug)]
pub(super) enum Us {
    /// For this torrent.
    Known(Handshake),
    /// For one of these, as the peer will say.
    Called(Called),
}

impl Us {
    pub(super) fn peer_id(&self) -> PeerId {
        match self {
            Self::Known(ours) => ours.peer_id,
            Self::Called(called) => called.peer_id,
        }
    }

    /// The peer names this torrent; whether that will do.
    pub(super) fn is_for(&mut self, info_hash: InfoHash) -> bool {
        if let Self::Called(Called { peer_id, reserved, torrents }) = self
            && torrents.has(&info_hash)
        {
            *self = Self::Known(Handshake { reserved: *reserved, info_hash, peer_id: *peer_id });
        }
        matches!(self, Self::Known(ours) if ours.info_hash == info_hash)
    }

    /// What we send; nothing while the torrent is not known.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Known(ours) => ours.to_bytes().to_vec(),
            Self::Called(_) => Vec::new(),
        }
    }
}
