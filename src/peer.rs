//! The protocol of one connection, without clock, socket or thread: from the first byte of its handshake on.
//!
//! [`Handshaking`] shakes hands, plain or encrypted, as the one who calls or is called: its carrier (the engine, or a
//! test) does what it wants next and hands in what came of it. [`Connection`] is what follows: messages and orders
//! in, messages and [`News`] out. It alone knows who chokes whom and who is interested, what the peer has (`theirs`) and
//! was told of us (`told`), what we ask for (`asking`, with its [`Window`]), what it asks for (`serving`), when it was
//! heard (`pulse`), and what is said of other peers (`exchange`), to meet them (`holepunch`) and of the metadata (`metadata`). A torrent may be known
//! by its info-hash alone at first: until its geometry is learned, what the peer says of pieces stays as it came (`raw`).
//! The bytes of blocks never pass here, only what is decided about them.

mod asking;
mod choke_flood;
mod conn;
mod connection;
mod exchange;
mod fault;
mod handshake;
pub mod haves;
mod holepunch;
mod metadata;
mod ours;
pub mod output;
mod pulse;
mod rate;
mod raw;
mod serving;
mod theirs;
mod told;
pub mod upload;
mod window;

pub use conn::{Broken, Closed, ConnKey, MOST_LINES, MetadataNews, News, Order, WindowState};
pub use connection::Connection;
pub use exchange::PEX_MESSAGE;
pub use fault::Fault;
pub use handshake::{Called, Handshaken, Handshaking, Input, MOST_STEPS, Next, Overhead, Step};
pub use holepunch::HOLEPUNCH_MESSAGE;
pub use metadata::METADATA_MESSAGE;
pub use ours::{Holdings, IDLE_AFTER, Ours, introduction};
pub use window::{Arrival, DEFAULT_REQQ, MOST as MOST_REQUESTS, Window};
