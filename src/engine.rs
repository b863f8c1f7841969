//! Tasks and sockets: gives the swarm's decisions a clock, connections, trackers and disks.

mod addresses;
pub mod assembly;
mod board;
mod calls;
pub mod check;
#[cfg(test)]
mod churn;
pub mod clock;
mod dht;
pub mod disk;
mod download;
pub mod errno;
mod event_sink;
mod file_wishes;
pub mod files;
mod found;
pub mod handshake;
pub mod limit;
pub mod line;
pub mod link;
pub mod listen;
mod log;
mod lsd;
pub mod mailbox;
mod mapping;
pub mod mse;
mod opening;
pub mod peer;
mod peer_names;
mod peer_tasks;
pub mod pool;
#[cfg(test)]
mod random_runs;
pub mod receive;
mod recorder;
mod session;
mod session_facts;
mod sockopt;
mod surroundings;
mod tap;
#[cfg(test)]
pub(crate) mod testpeer;
mod torrent;
pub mod tracker;
pub mod transport;
pub mod udp;
pub mod upload;
pub mod utp;
mod wanted;
mod web_seed;

pub use check::{CheckOptions, HandsShaken, check, shake_hands};
pub use dht::DhtOptions;
pub use download::{Download, EngineError, Options};
pub use event_sink::Recording;
pub use mapping::MappingOptions;
pub use peer_names::addresses_of;
pub use recorder::RecordingError;
pub use session::{Control, Session, SessionOptions, TorrentHandle, TorrentOptions};
pub use torrent::Give;
pub use wanted::Wanted;
