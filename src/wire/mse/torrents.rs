//! The torrents that others may call for.

use std::collections::HashMap;
use std::sync::Arc;

use super::key::name_of;
use crate::metainfo::InfoHash;

/// Torrents by what stands for them under encryption, so that a call costs the same however many there are.
#[derive(Clone, Debug, Default)]
pub struct Torrents(Arc<HashMap<[u8; 20], InfoHash>>);

impl FromIterator<InfoHash> for Torrents {
    fn from_iter<I: IntoIterator<Item = InfoHash>>(torrents: I) -> Self {
        Self(Arc::new(torrents.into_iter().map(|torrent| (name_of(&torrent), torrent)).collect()))
    }
}

impl Torrents {
    /// One more may be called for.
    pub fn add(&mut self, torrent: InfoHash) {
        Arc::make_mut(&mut self.0).insert(name_of(&torrent), torrent);
    }

    /// This one may be called for no more.
    pub fn remove(&mut self, torrent: &InfoHash) {
        Arc::make_mut(&mut self.0).remove(&name_of(torrent));
    }

    /// Whether this one is among them.
    pub fn has(&self, torrent: &InfoHash) -> bool {
        self.0.contains_key(&name_of(torrent))
    }

    /// The one of this name.
    pub(super) fn named(&self, name: &[u8; 20]) -> Option<InfoHash> {
        self.0.get(name).copied()
    }
}
