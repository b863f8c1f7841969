//! How streams go, in numbers.

use std::time::Duration;

/// How a stream goes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figures {
    /// The round-trip time, smoothed.
    pub rtt: Option<Duration>,
    /// How much longer what we send takes than at best, as the peer measures it.
    pub our_delay: Option<Duration>,
    /// How much longer what the peer sends takes than at best, as we measure it.
    pub their_delay: Option<Duration>,
    /// The congestion window, bytes.
    pub window: u32,
    /// Bytes that the peer has room for.
    pub peer_window: u32,
    /// Bytes under way.
    pub in_flight: u32,
    /// Packets sent, all of them.
    pub sent: u64,
    /// Packets that came.
    pub received: u64,
    /// Packets sent again since later ones came.
    pub resent_fast: u64,
    /// Packets sent again since nothing came.
    pub resent_timeout: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// UDP payload of a full packet, bytes, as far as it is known.
    pub mtu: u16,
    /// Why it sends no faster.
    pub limited_by: LimitedBy,
}

/// Why a stream sends no faster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitedBy {
    /// The congestion window, which losses keep small or which still grows.
    Window,
    /// The peer has no room for more.
    OtherSide,
    /// The delay is at its target: it gives way.
    DelayTarget,
    /// There is nothing to send.
    NothingToSend,
}

/// What came to an endpoint and was not as it should be, and what was done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// No packets of version 1.
    pub malformed: u64,
    /// Packets of no stream.
    pub of_nobody: u64,
    /// Calls.
    pub syns: u64,
    /// Calls that were refused: none are taken, or there are too many streams.
    pub syns_refused: u64,
    /// Calls that were not answered since too many came at once.
    pub syns_dropped: u64,
    /// Resets sent.
    pub resets_sent: u64,
    /// Resets of streams or with numbers that we never used.
    pub resets_ignored: u64,
    /// Packets that acknowledged what was never sent, or what was acknowledged long ago.
    pub bad_acks: u64,
    /// Packets with numbers far from what was expected.
    pub out_of_reach: u64,
    /// Packets beyond the room that was offered.
    pub no_room: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Streams that went on from another port.
    pub moved: u64,
}
