//! Tasks and sockets: gives the swarm's decisions a clock, connections, trackers and disks.

pub mod clock;
pub mod errno;
pub mod handshake;
pub mod haves;
pub mod limit;
pub mod link;
pub mod listen;
pub mod output;
pub mod pool;
pub mod receive;
pub mod tracker;
pub mod transport;
