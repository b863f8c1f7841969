//! One try to talk to a peer, from dialling to its end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::parts::parts;
use super::{At, Cause, Event, LooksLike, Payload, PeerKey, Relay};

/// Who connected to whom.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Direction {
    /// We dialled.
    Out,
    /// It called us.
    In,
}

/// What carries the bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// uTP (BEP 29).
    Utp,
}

impl Transport {
    /// Its name, as programs and people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Utp => "utp",
        }
    }

    /// Its name, as sentences have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Utp => "uTP",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Tcp => Self::Utp,
            Self::Utp => Self::Tcp,
        }
    }
}

/// Whether the handshake travels under message stream encryption.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Encryption {
    /// As BEP 3 has it.
    Plain,
    /// Under MSE/PE.
    Mse,
}

impl Encryption {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Plain => Self::Mse,
            Self::Mse => Self::Plain,
        }
    }
}

/// How a peer is dialled: over what, and under what.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DialWay {
    /// Over what.
    pub transport: Transport,
    /// Under what.
    pub encryption: Encryption,
}

impl DialWay {
    /// What is told of an attempt that begins so.
    pub fn began(self, peer: PeerKey, direction: Direction) -> Event {
        let Self { transport, encryption } = self;
        Event::AttemptBegan { peer, direction, transport, encryption }
    }
}

/// What the operating system said of a failed operation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct OsError {
    /// The error number, where there was one.
    pub code: Option<i32>,
    /// Its text.
    pub text: String,
}

parts! {
    OsError: code text
}

impl From<&std::io::Error> for OsError {
    fn from(error: &std::io::Error) -> Self {
        Self { code: error.raw_os_error(), text: error.to_string() }
    }
}

/// All bytes of one connection as the network carried them, encrypted where they were.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WireBytes {
    /// From us.
    pub sent: Vec<u8>,
    /// From the peer.
    pub received: Vec<u8>,
}

/// One try, as the ledger keeps it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number within the peer, from 1.
    pub number: u32,
    /// Who connected.
    pub direction: Direction,
    /// Over what.
    pub transport: Transport,
    /// Under what.
    pub encryption: Encryption,
    /// When it began.
    pub began: At,
    /// When the connection was open.
    pub connected: Option<At>,
    /// When our handshake was written.
    pub handshake_sent: Option<At>,
    /// When its valid handshake was here.
    pub handshaken: Option<At>,
    /// When it first unchoked us.
    pub unchoked: Option<At>,
    /// When its first block was here.
    pub first_block: Option<At>,
    /// When it was over.
    pub ended: Option<At>,
    /// The handshake we sent.
    pub sent: Vec<u8>,
    /// What came where its handshake belongs, 68 bytes at most.
    pub received: Vec<u8>,
    /// Bytes received, known when it is over, or as far as they were counted.
    pub bytes_in: u64,
    /// Bytes sent, likewise.
    pub bytes_out: u64,
    /// Why it ended; `None` while it goes on.
    pub cause: Option<Cause>,
    /// What the operating system said.
    pub error: Option<OsError>,
    /// Anything more exact.
    pub detail: Option<String>,
    /// What answered, where it was no BitTorrent client.
    pub looks_like: Option<LooksLike>,
    /// What the messages travel under, once that is known.
    pub payload: Option<Payload>,
    /// The peer through which the two sides meet, where one brought them together (BEP 55).
    pub relay: Option<Box<Relay>>,
}

parts! {
    Attempt: number direction transport encryption began connected handshake_sent handshaken unchoked
        first_block ended sent received bytes_in bytes_out cause error detail looks_like payload relay
}

/// A peer that was asked and sends nothing for this long is snubbed: for the decisions, the screen, the reports and the
/// verdicts alike.
pub const SNUBBED_AFTER: Duration = Duration::from_secs(10);

impl Attempt {
    /// From dialling to the open connection; `None` where it never opened, and of one who called: it was not dialled.
    pub fn connect_time(&self) -> Option<Duration> {
        let connected = self.connected.filter(|_| self.direction == Direction::Out)?;
        Some(connected.saturating_sub(self.began))
    }

    /// From the open connection to the valid handshake; `None` where there was none.
    pub fn handshake_time(&self) -> Option<Duration> {
        Some(self.handshaken?.saturating_sub(self.connected.unwrap_or(self.began)))
    }
}
