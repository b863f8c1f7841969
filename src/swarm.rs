//! Decisions without clock, socket or thread: whom to dial, what to ask of whom, whom to serve.

mod conn;

pub use conn::{Closed, ConnKey, Order, WindowState};
