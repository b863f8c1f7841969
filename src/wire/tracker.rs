//! What an announce says and what its answer says, whatever carries them (BEP 3, 7, 15, 23).

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::metainfo::{InfoHash, PeerId};

/// The `event` of an announce (BEP 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum AnnounceKind {
    /// The first of a run.
    Started,
    /// The regular one, without an event.
    Interval,
    /// This run finished the download.
    Completed,
    /// We leave, or pause.
    Stopped,
}

/// All that a tracker is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnounceParams {
    /// Which torrent.
    pub info_hash: InfoHash,
    /// Who we are.
    pub peer_id: PeerId,
    /// The port we listen on.
    pub port: u16,
    /// Payload sent in this run, bytes.
    pub uploaded_bytes: u64,
    /// Payload received in this run, bytes.
    pub downloaded_bytes: u64,
    /// What is missing, bytes.
    pub left_bytes: u64,
    /// Which announce it is.
    pub kind: AnnounceKind,
    /// Drawn once a run: by it the tracker knows us over every address we have.
    pub key: u32,
    /// How many peers we would like.
    pub numwant: u32,
    /// What its last answer gave us to say (`tracker id`), raw.
    pub tracker_id: Option<Vec<u8>>,
}

/// All that a tracker answers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrackerReply {
    /// Peers it names, as named: neither checked for sense nor for being ourselves.
    pub peers: Vec<SocketAddr>,
    /// Seconds until it wants to be asked again, clamped to what is sensible.
    pub interval_s: u32,
    /// Seconds before which it does not want to be asked.
    pub min_interval_s: Option<u32>,
    /// Seeds it counts.
    pub seeders: Option<u32>,
    /// Downloaders it counts.
    pub leechers: Option<u32>,
    /// Its warning, or ours about its answer; cleaned.
    pub warning: Option<String>,
    /// What to say in the next announce, raw.
    pub tracker_id: Option<Vec<u8>>,
    /// The address it sees us at (BEP 24).
    pub our_address: Option<IpAddr>,
}

/// The most peers taken from one answer.
pub(crate) const MAX_PEERS: usize = 20_000;

/// What is assumed where an answer names no interval, or none that makes sense.
const USUAL_INTERVAL_S: i64 = 1800;
const SHORTEST_INTERVAL_S: i64 = 60;
const LONGEST_INTERVAL_S: i64 = 86_400;

/// Interval and min interval as a tracker named them, brought within a minute and a day.
pub(crate) fn intervals(interval: Option<i64>, min_interval: Option<i64>) -> (u32, Option<u32>) {
    let min = min_interval.filter(|&seconds| seconds > 0).map(|seconds| seconds.min(LONGEST_INTERVAL_S));
    let usual = interval.filter(|&seconds| seconds > 0).unwrap_or(USUAL_INTERVAL_S);
    let interval = usual.clamp(SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S).max(min.unwrap_or(0));
    (interval as u32, min.map(|seconds| seconds as u32))
}

/// The peers of a compact list: whole entries of four or sixteen bytes of address and two of port. Also says how
/// many bytes were left over.
pub(crate) fn compact_peers<const ADDRESS: usize>(bytes: &[u8]) -> (Vec<SocketAddr>, usize)
where
    IpAddr: From<[u8; ADDRESS]>,
{
    let entries = bytes.chunks_exact(ADDRESS + 2);
    let rest = entries.remainder().len();
    let peers = entries.take(MAX_PEERS).filter_map(|entry| {
        let (address, port) = entry.split_first_chunk::<ADDRESS>()?;
        let port = u16::from_be_bytes(port.try_into().ok()?);
        Some(SocketAddr::new(IpAddr::from(*address), port))
    });
    (peers.collect(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clamps_hostile_intervals() {
        assert_eq!(intervals(None, None), (1800, None));
        assert_eq!(intervals(Some(0), Some(0)), (1800, None));
        assert_eq!(intervals(Some(-5), Some(-1)), (1800, None));
        assert_eq!(intervals(Some(1), None), (60, None));
        assert_eq!(intervals(Some(i64::MAX), Some(i64::MAX)), (86_400, Some(86_400)));
        assert_eq!(intervals(Some(900), Some(300)), (900, Some(300)));
        assert_eq!(intervals(Some(900), Some(1200)), (1200, Some(1200)));
    }

    #[test]
    fn takes_whole_entries_and_counts_what_is_left() {
        let (peers, rest) = compact_peers::<4>(&[10, 0, 0, 1, 0x1a, 0xe1, 9, 9]);
        assert_eq!((peers, rest), (vec!["10.0.0.1:6881".parse().unwrap()], 2));
        let mut six = [0; 18];
        six[15] = 1;
        six[17] = 80;
        assert_eq!(compact_peers::<16>(&six), (vec!["[::1]:80".parse().unwrap()], 0));
    }
}
