//! Tasks and sockets: gives the swarm's decisions a clock, connections, trackers and disks.

mod addresses;
pub mod assembly;
mod brain;
pub mod check;
mod chronicle;
#[cfg(test)]
mod churn;
pub mod clock;
mod crew;
pub mod disk;
mod download;
pub mod errno;
pub mod files;
pub mod handshake;
pub mod limit;
pub mod link;
pub mod listen;
mod log;
pub mod mse;
pub mod peer;
pub mod pool;
#[cfg(test)]
mod random_runs;
pub mod receive;
mod recorder;
mod sockopt;
mod tap;
#[cfg(test)]
pub(crate) mod testpeer;
pub mod tracker;
pub mod transport;
pub mod upload;

pub use check::{CheckOptions, HandsShaken, check, shake_hands};
pub use chronicle::Recording;
pub use download::{Download, EngineError, Options};
pub use recorder::RecordingError;
