//! How a peer that nobody can call is met through a third one that is connected to both (BEP 55).

use serde::{Deserialize, Serialize};

use super::parts::parts;
use super::{At, PeerKey};
use crate::wire::HolepunchError;

/// A step on the way to a peer through another one, the relay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PunchStep {
    /// The relay was asked to have us and the peer dial each other.
    Asked {
        /// The relay.
        relay: PeerKey,
    },
    /// The relay says: dial it now, it dials you.
    Told {
        /// The relay.
        relay: PeerKey,
    },
    /// The peer asked us to be its relay, and both were told to dial each other.
    Relayed {
        /// The other of the two.
        to: PeerKey,
    },
}

parts! {
    enum PunchStep: Asked { relay }, Told { relay }, Relayed { to },
}

/// Through whom an attempt is made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Relay {
    /// The peer that is connected to both.
    pub peer: PeerKey,
    /// We asked it; else the other side did.
    pub asked: bool,
    /// When it told both to dial each other.
    pub told: Option<At>,
}

parts! {
    Relay: peer asked told
}

/// Why a relay brought nobody together, as the detail of [`Cause::PunchFailed`](super::Cause::PunchFailed) names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PunchFailure {
    /// It says that no peer can be at that address.
    NoSuchPeer,
    /// It is not connected to that peer.
    NotConnected,
    /// It says that the peer does not take part.
    NoSupport,
    /// It says that the peer is the relay, or we.
    NoSelf,
    /// It refuses with a code that there is not.
    Other,
    /// It did not answer in time.
    Silent,
}

impl PunchFailure {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::NoSuchPeer, Self::NotConnected, Self::NoSupport, Self::NoSelf, Self::Other, Self::Silent];

    /// Its code, as it stands in the detail.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoSuchPeer => "no_such_peer",
            Self::NotConnected => "not_connected",
            Self::NoSupport => "no_support",
            Self::NoSelf => "no_self",
            Self::Other => "unknown_code",
            Self::Silent => "silent",
        }
    }

    /// The one of this code.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.code() == code)
    }

    /// What the relay does, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NoSuchPeer => "it says that no peer can be at that address",
            Self::NotConnected => "it is not connected to this peer",
            Self::NoSupport => "it says that this peer does not take part in holepunch",
            Self::NoSelf => "it says that the address is its own, or ours",
            Self::Other => "it refuses with a code that BEP 55 does not have",
            Self::Silent => "it did not answer",
        }
    }
}

impl From<HolepunchError> for PunchFailure {
    fn from(error: HolepunchError) -> Self {
        match error {
            HolepunchError::NoSuchPeer => Self::NoSuchPeer,
            HolepunchError::NotConnected => Self::NotConnected,
            HolepunchError::NoSupport => Self::NoSupport,
            HolepunchError::NoSelf => Self::NoSelf,
            HolepunchError::Other(_) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_code_of_its_own_that_leads_back_to_it() {
        for failure in PunchFailure::ALL {
            assert_eq!(PunchFailure::of(failure.code()), Some(failure));
            assert!(!failure.words().is_empty());
        }
        assert_eq!(PunchFailure::of("slow"), None);
    }
}
