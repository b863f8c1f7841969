//! The protocol of one connection, without clock, socket or thread: from the first byte of its handshake on.
//!
//! [`Handshaking`] shakes hands, plain or encrypted, as the one who calls or is called. What carries it (the engine, or a
//! test) does what it wants next and hands in what came of it. [`Order`], [`WindowState`] and [`Closed`] are what
//! passes between a connection and those who decide about it; the bytes of blocks never pass here.

mod conn;
mod connection;
mod fault;
mod handshake;
pub mod haves;
mod moods;
pub mod output;
mod rate;
pub mod upload;
mod window;

pub use conn::{Broken, Closed, ConnKey, News, Order, WindowState};
pub use connection::{Connection, Ours};
pub use fault::Fault;
pub use handshake::{Handshaken, Handshaking, Input, MOST_STEPS, Next, Overhead, Step};
pub use window::{Arrival, DEFAULT_REQQ, MOST as MOST_REQUESTS, Window};
