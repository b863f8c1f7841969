//! One known peer.

use std::net::SocketAddr;

use super::super::ConnKey;
use super::super::fallback::Fallback;
use super::dials::Dial;
use crate::event::{At, Source};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::swarm) enum Standing {
    Idle,
    Dialling,
    Live(ConnKey),
}

/// One known peer.
#[derive(Debug)]
pub(in crate::swarm) struct Row {
    pub(in crate::swarm) addr: SocketAddr,
    /// Where it listens, if an incoming one said so.
    pub(in crate::swarm) listens: Option<SocketAddr>,
    pub(in crate::swarm) sources: Vec<Source>,
    pub(in crate::swarm) standing: Standing,
    /// Failures in a row.
    pub(super) failures: u32,
    pub(in crate::swarm) dropped: bool,
    /// Its source may not name such an address; it is not dialled until another source names it.
    pub(in crate::swarm) invalid: bool,
    pub(in crate::swarm) shook_hands: bool,
    /// Its last connection ended because neither end wanted anything of the other.
    pub(super) let_go: bool,
    /// Over TCP or uTP, plain or encrypted.
    pub(super) fallback: Fallback,
    /// The dial under way, or the last one.
    pub(in crate::swarm) dial: Option<Dial>,
    /// When one of two connections with it was kept, and the other closed.
    pub(super) kept_one_at: Option<At>,
}

impl Row {
    pub(super) fn new(addr: SocketAddr, source: Source, invalid: bool) -> Self {
        Self {
            addr,
            listens: None,
            sources: vec![source],
            standing: Standing::Idle,
            failures: 0,
            dropped: false,
            invalid,
            shook_hands: false,
            let_go: false,
            fallback: Fallback::default(),
            dial: None,
            kept_one_at: None,
        }
    }

    /// Where it is dialled.
    pub(super) fn dialled_at(&self) -> SocketAddr {
        self.listens.unwrap_or(self.addr)
    }

    /// Whether we know where it listens.
    pub(super) fn is_reachable(&self) -> bool {
        self.listens.is_some() || (!self.invalid && self.is_named())
    }

    pub(super) fn is_named(&self) -> bool {
        self.sources.iter().any(|source| source.info().listens)
    }

    /// Whether the user named it.
    pub(in crate::swarm) fn is_chosen(&self) -> bool {
        self.sources.iter().any(|source| source.info().chosen)
    }

    /// Whether it last shook hands encrypted when it was dialled.
    pub(in crate::swarm) fn encrypts(&self) -> bool {
        self.fallback.works_encrypted()
    }

    /// Where it can be found in another run, if anywhere.
    pub(in crate::swarm) fn lasting_address(&self) -> Option<SocketAddr> {
        self.listens.or_else(|| self.is_named().then_some(self.addr))
    }
}
