//! How a uTP stream goes, for the screens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// By how much the packets that a stream sends may be late, over what the line takes when it is idle, before the stream
/// slows down (LEDBAT, RFC 6817): it takes what others leave of the line.
pub const DELAY_TARGET: Duration = Duration::from_millis(100);

/// What keeps a uTP stream from sending more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The congestion window, which packets that were lost made small.
    Window,
    /// The window of the other side: it reads no faster.
    OtherSide,
    /// [`DELAY_TARGET`]: what is sent is late by so much, and others on the line come first.
    DelayTarget,
    /// Nothing: all that there is to send is sent.
    #[default]
    NothingToSend,
}

impl LimitedBy {
    /// Its code, as programs read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::OtherSide => "other_side",
            Self::DelayTarget => "delay_target",
            Self::NothingToSend => "nothing_to_send",
        }
    }
}

/// How a uTP stream goes (BEP 29).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamFigures {
    /// The round trip, microseconds; `None` until one was measured.
    pub rtt_us: Option<u32>,
    /// By how much what we send is late over the least there was, as the peer measures it, microseconds.
    pub our_delay_us: Option<u32>,
    /// By how much what it sends is late over the least there was, as we measure it, microseconds.
    pub their_delay_us: Option<u32>,
    /// The congestion window: as many bytes may be on their way to the peer.
    pub window_bytes: u32,
    /// As many bytes the peer has room for.
    pub peer_window_bytes: u32,
    /// Bytes on their way that the peer has not acknowledged.
    pub in_flight_bytes: u32,
    /// Packets sent, those sent again included.
    pub sent: u64,
    /// Packets received, those received twice included.
    pub received: u64,
    /// Packets sent again because later ones were acknowledged.
    pub resent_fast: u64,
    /// Packets sent again because nothing was acknowledged for too long.
    pub resent_timeout: u64,
    /// Packets received that were here already.
    pub duplicates: u64,
    /// Bytes of a full packet as UDP carries it, as far as it is known how long one may be.
    pub mtu_bytes: u16,
    /// What keeps us from sending more.
    pub limited_by: LimitedBy,
}

impl StreamFigures {
    /// Packets sent again, for whatever reason.
    #[must_use]
    pub fn resent(&self) -> u64 {
        self.resent_fast.saturating_add(self.resent_timeout)
    }
}
