//! Decisions without clock, socket or thread: whom to dial, what to ask of whom, whom to serve.

mod bucket;
mod conn;
mod rate;
mod window;

pub use bucket::Bucket;
pub use conn::{ConnKey, WindowState};
pub use rate::RateMeter;
pub use window::{Arrival, DEFAULT_REQQ, MOST as MOST_REQUESTS, Window};
