//! Tasks and sockets: gives the swarm's decisions a clock, connections, trackers and disks.

pub mod link;
pub mod pool;
