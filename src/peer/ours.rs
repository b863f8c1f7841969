//! What all connections of a torrent share.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::exchange::PEX_MESSAGE;
use super::haves::HaveLog;
use super::holepunch::HOLEPUNCH_MESSAGE;
use super::metadata::METADATA_MESSAGE;
use super::upload::OFFERED_REQQ;
use crate::event::At;
use crate::metainfo::{Bitfield, Geometry, Info};
use crate::wire::{ExtensionHandshake, HOLEPUNCH_NAME, METADATA_NAME, OUR_NAME, PEX_NAME};

/// A peer that says nothing for this long is let go: clients send keep-alives every two minutes.
pub const IDLE_AFTER: At = At::from_secs(150);

/// What all connections of a torrent say of us, and count; its info-hash is enough for that.
#[derive(Debug)]
pub struct Ours {
    /// What the extension handshake says of us; that we want nothing any more is added where it is so.
    pub introduction: ExtensionHandshake,
    /// The port at which others reach us, where a router may give another one while we run: said in place of that in the
    /// introduction.
    pub outside_port: Option<Arc<AtomicU16>>,
    /// Where our DHT node is, for peers that have one (BEP 5); `None`: nobody hears of it.
    pub dht_port: Option<u16>,
    /// Payload sent over all connections, bytes: to the byte and to the moment, as trackers are told it.
    pub sent_bytes: AtomicU64,
    /// A peer that says nothing for this long is let go.
    pub idle_after: Duration,
    /// What is known of the torrent with its geometry; set once. Connections that are open then are told to
    /// [learn](super::Order::Learn) it.
    pub holdings: OnceLock<Arc<Holdings>>,
}

impl Ours {
    /// Where nothing was sent yet, and every peer has the usual time.
    pub fn new(introduction: ExtensionHandshake) -> Self {
        let (sent_bytes, holdings) = (AtomicU64::new(0), OnceLock::new());
        Self {
            introduction,
            outside_port: None,
            dht_port: None,
            sent_bytes,
            idle_after: IDLE_AFTER,
            holdings,
        }
    }

    /// The port at which others reach us now.
    pub(super) fn listen_port(&self) -> Option<u16> {
        let outside = self.outside_port.as_ref().map(|port| port.load(Ordering::Relaxed));
        outside.or(self.introduction.listen_port)
    }

    /// The same where the geometry is known, and this is here.
    pub fn with(introduction: ExtensionHandshake, holdings: Holdings) -> Self {
        Self { holdings: Arc::new(holdings).into(), ..Self::new(introduction) }
    }
}

/// What can be said of a torrent only once its geometry is known.
#[derive(Debug)]
pub struct Holdings {
    /// Its lengths.
    pub geometry: Geometry,
    /// What we have of it.
    pub haves: HaveLog,
    /// The bytes of its `info`, for those who ask for them (BEP 9); none: nobody gets them.
    pub info: Option<Info>,
    /// Nothing that is wanted is missing, though not everything may be here.
    pub done: AtomicBool,
}

impl Holdings {
    /// Where this was here at the beginning.
    pub fn new(geometry: Geometry, have: Bitfield) -> Self {
        Self { geometry, haves: HaveLog::new(have), info: None, done: AtomicBool::new(false) }
    }

    /// Whether peers are told that we want nothing any more (BEP 21). Costs no lock.
    pub fn wants_nothing(&self) -> bool {
        self.done.load(Ordering::Relaxed) || self.haves.is_full()
    }

    /// The same, where these bytes of `info` are given to those who ask for them.
    #[must_use]
    pub fn with_info(self, info: Option<impl Into<Info>>) -> Self {
        Self { info: info.map(Into::into), ..self }
    }
}

/// What we say of ourselves where we are called on this port, take it that peers name others or not, and take part in
/// holepunch or not.
pub fn introduction(listen_port: Option<u16>, pex: bool, punches: bool) -> ExtensionHandshake {
    let pex = pex.then_some((PEX_NAME, PEX_MESSAGE));
    let holepunch = punches.then_some((HOLEPUNCH_NAME, HOLEPUNCH_MESSAGE));
    let messages = pex.into_iter().chain(holepunch).chain([(METADATA_NAME, METADATA_MESSAGE)]);
    ExtensionHandshake {
        messages: messages.map(|(name, number)| (name.to_owned(), number)).collect(),
        client: Some(OUR_NAME.to_owned()),
        listen_port,
        reqq: Some(OFFERED_REQQ),
        ..ExtensionHandshake::default()
    }
}
