//! What a peer says of itself.

use serde::{Deserialize, Serialize};

use super::parts::parts;
use super::validate::bounded;
use crate::wire::{ExtensionHandshake, HOLEPUNCH_NAME, PEX_NAME};

/// What a peer says of itself in its extension handshake (BEP 10), cleaned for showing.
///
/// It travels whole, from the connection to the screen: a field that is added here and in [`ExtensionHandshake`] is
/// there for everyone to show.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerInfo {
    /// The `v` it calls itself by.
    pub calls_itself: Option<String>,
    /// Names of the extension messages it takes.
    #[serde(deserialize_with = "bounded::<_, _, 1000>")]
    pub extensions: Vec<String>,
    /// How many requests it queues.
    pub reqq: Option<u32>,
    /// The port it listens on.
    pub listen_port: Option<u16>,
    /// Whether it wants nothing any more (BEP 21); `None` leaves it at what it said before.
    pub upload_only: Option<bool>,
    /// How long the torrent's info dictionary is, bytes (BEP 9).
    pub metadata_bytes: Option<u32>,
}

parts! {
    PeerInfo: calls_itself extensions reqq listen_port upload_only metadata_bytes
}

impl From<ExtensionHandshake> for PeerInfo {
    fn from(said: ExtensionHandshake) -> Self {
        Self {
            calls_itself: said.client,
            extensions: said.messages.into_iter().map(|(name, _)| name).collect(),
            reqq: said.reqq,
            listen_port: said.listen_port,
            upload_only: said.upload_only,
            metadata_bytes: said.metadata_bytes,
        }
    }
}

impl PeerInfo {
    /// It says that it wants nothing any more.
    pub fn wants_nothing(&self) -> bool {
        self.upload_only == Some(true)
    }

    /// It takes part in peer exchange (BEP 11).
    pub fn exchanges_peers(&self) -> bool {
        self.extensions.iter().any(|name| name == PEX_NAME)
    }

    /// It takes part in holepunch (BEP 55).
    pub fn punches(&self) -> bool {
        self.extensions.iter().any(|name| name == HOLEPUNCH_NAME)
    }

    /// Takes in what it says once more.
    pub fn update(&mut self, said: Self) {
        let upload_only = said.upload_only.or(self.upload_only);
        *self = Self { upload_only, ..said };
    }
}
