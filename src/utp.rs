//! The uTorrent transport protocol (BEP 29): streams over UDP that give way to other traffic (LEDBAT), as libutp and
//! libtorrent speak it.
//!
//! An [`Endpoint`] is all streams of one UDP socket. It has no socket, no clock and no randomness but its seed: it is told
//! what came ([`Endpoint::hear`]), says what to send ([`Endpoint::transmit`]) and when it wants to be called again
//! ([`Endpoint::deadline`]). Packets must go out unfragmented, since their size is found by trying, but for a
//! [`Transmit`] that says otherwise.
//!
//! A stream (`stream`) is bytes numbered into packets (`send_buffer`), bytes that came in order or wait for what is missing
//! (`receive_buffer`), and what decides how much is under way: the delay over its base (`delay`, `drift`), the congestion window
//! that follows it (`congestion`) and is made small now and then to measure the base (`slowdown`), the round-trip time (`rtt`), over which it is spread (`pacer`), and the size of packets (`mtu`). Who calls gets an answer that
//! nothing is kept of (`syn_cookie`): a stream is made by the second packet. What belongs to no stream is answered, if at
//! all, by `replies`.
//!
//! What comes from outside is never believed further than it can be checked: acknowledgements count for what is under way,
//! packets up to the room that was offered, resets only with a number that we sent, a new port of a known peer only after
//! silence from the old one and with numbers that fit. [`Counters`] names what was not.

mod congestion;
mod counters;
mod delay;
mod drift;
mod endpoint;
mod incoming;
mod mtu;
mod outgoing;
mod pacer;
mod receive_buffer;
mod replies;
mod rtt;
mod send_buffer;
mod seq;
mod slowdown;
mod stream;
mod streams;
mod syn_cookie;
mod timers;

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use crate::wire::utp::CloseReason;

pub use counters::Counters;
pub use endpoint::Endpoint;

/// Bounds and habits of an [`Endpoint`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// Streams at once, dialled and accepted.
    pub most_streams: usize,
    /// The largest UDP payload that is tried over IPv4.
    pub most_bytes_v4: u16,
    /// The same over IPv6.
    pub most_bytes_v6: u16,
    /// Bytes received and not read, for each stream: the most that a peer is offered.
    pub receive_window: u32,
    /// Bytes written and not acknowledged, for each stream; a slow stream takes less.
    pub send_buffer: usize,
    /// Whether calls are taken.
    pub accepts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            most_streams: 4_096,
            most_bytes_v4: 1_500 - 28,
            most_bytes_v6: 1_500 - 48,
            receive_window: 4 << 20,
            send_buffer: 4 << 20,
            accepts: true,
        }
    }
}

/// One stream of an [`Endpoint`]. Never used again for another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StreamId(u64);

/// What happened to a stream. Told once, and again after the matching read or write came up short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A stream that we dialled is open.
    Connected,
    /// Somebody called, and sent a second packet: the stream is open.
    Accepted {
        /// From where.
        from: SocketAddr,
    },
    /// There are bytes to read, or their end.
    Readable,
    /// There is room for bytes to send.
    Writable,
    /// It is over, [`Endpoint::end_of`] says why. The last event of a stream; it stays, for reading what is left, until it is
    /// closed.
    Ended,
}

/// Why a stream is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Both sides said that they are done, and all arrived.
    Finished,
    /// Nobody takes calls there: a reset, or what the system said (`errno`), before it was open.
    Refused(Option<i32>),
    /// Nobody answered.
    Unanswered,
    /// The peer reset it, with its reason where it gave one, or the system says that nobody is there.
    Reset(Option<CloseReason>),
    /// Acknowledgements stopped coming, and whatever was sent again was in vain.
    Silent,
    /// The peer broke the protocol; how, in a few words.
    Broken(&'static str),
    /// We closed it.
    Ours,
}

/// A bundle of packets for one destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// Bytes of each packet but the last, which may have fewer.
    pub segment: usize,
    /// It is larger than what passes unfragmented now, and cannot be cut any more: the way became narrower after it was
    /// numbered.
    pub may_fragment: bool,
}
