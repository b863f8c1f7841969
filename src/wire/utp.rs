//! Packets of the uTorrent transport protocol (BEP 29), version 1, with the extensions that are in use: selective
//! acknowledgement, and the reason that libtorrent gives for closing.
//!
//! Every packet begins with a header of 20 bytes, all numbers big-endian:
//!
//! ```text
//! 0       4       8               16                              32
//! | type  | version | extension   | connection id                 |
//! | time it was sent, microseconds                                |
//! | delay of the last packet from the other side, microseconds    |
//! | bytes the sender has room for                                 |
//! | sequence number               | acknowledged up to            |
//! ```
//!
//! An extension is its successor's type, its length and that many bytes; type 0 ends the chain.

mod close_reason;
mod packet;

#[cfg(test)]
mod tests;

pub use close_reason::CloseReason;
pub use packet::{HEADER_BYTES, Header, Kind, MOST_EXTENSIONS, Packet, PacketError};
