//! What web seeds do: servers that give the files of a torrent over HTTP (BEP 19).

use serde::{Deserialize, Serialize};

use super::parts::parts;
use super::{At, Cause, PeerKey};

/// A web seed of the torrent, by its place in the list of all of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct WebSeedKey(pub u16);

/// Keys from here on are those of web seeds: fewer peers than this are ever known.
const FIRST_OF_WEB_SEEDS: u32 = 0xf000_0000;

impl PeerKey {
    /// The key by which the blocks go that the web seed sent. It has no row among peers.
    #[must_use]
    pub fn of_web_seed(seed: WebSeedKey) -> Self {
        Self(FIRST_OF_WEB_SEEDS + u32::from(seed.0))
    }

    /// The web seed, where this is the key of one.
    #[must_use]
    pub fn web_seed(self) -> Option<WebSeedKey> {
        self.0.checked_sub(FIRST_OF_WEB_SEEDS).and_then(|seed| u16::try_from(seed).ok()).map(WebSeedKey)
    }
}

/// What a web seed does, or what becomes of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WebSeedStep {
    /// The torrent names it.
    Known {
        /// Scheme, host and port: what may be shown.
        url: String,
    },
    /// It is asked for part of the torrent, after it was asked for nothing.
    Asked {
        /// How much, bytes.
        bytes: u64,
    },
    /// It answered otherwise than before.
    Answered {
        /// The status of HTTP.
        status: u16,
    },
    /// One second of it; told where it is not like the last.
    Sample {
        /// Payload received in that second, bytes.
        down_bps: u64,
        /// Payload received in this run, bytes.
        down_bytes: u64,
    },
    /// It failed, and is not asked before a time.
    Failed {
        /// Why.
        cause: Cause,
        /// The status of HTTP, where one came.
        status: Option<u16>,
        /// More exactly, for people; empty where there is nothing to add.
        detail: String,
        /// When it is asked again, since the start of the run; `None`: not in this run.
        next: Option<At>,
    },
}

parts! {
    enum WebSeedStep:
    Known { url }, Asked { bytes }, Answered { status }, Sample { down_bps down_bytes },
    Failed { cause status detail next },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_web_seeds_are_those_of_no_peer() {
        for seed in [0, 1, u16::MAX].map(WebSeedKey) {
            assert_eq!(PeerKey::of_web_seed(seed).web_seed(), Some(seed));
        }
        assert_eq!([0, 20_000, u32::MAX].map(|key| PeerKey(key).web_seed()), [None; 3]);
    }
}
