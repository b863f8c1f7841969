//! What an announce says, what its answer says and how it fails, whatever carries them (BEP 3, 7, 15, 23).

pub mod http;
pub mod udp;

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

/// How trackers are asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// With a query, over TLS or without.
    Http,
    /// With packets (BEP 15).
    Udp,
}

impl Scheme {
    /// Those there are, for people.
    pub const WORDS: &str = "http, https and udp";

    /// What the scheme of a URL asks for; `None` where it is one that we do not speak.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "http" | "https" => Some(Self::Http),
            "udp" => Some(Self::Udp),
            _ => None,
        }
    }
}

/// What the table says of a failed announce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrackerErrorInfo {
    /// The code other programs read; it never changes its meaning.
    pub code: &'static str,
    /// Thirteen columns at most, for tables.
    pub short: &'static str,
    /// What it is called in a sentence.
    pub phrase: &'static str,
    /// What to try, or that there is nothing to do.
    pub advice: &'static str,
    /// How much it says: words of the tracker most, then signs of one, then the path to it.
    pub weight: u8,
}

macro_rules! tracker_errors {
    ($($(#[$doc:meta])* $name:ident: $code:literal, $short:literal, $weight:literal, $phrase:literal, $advice:expr;)*) => {
        /// How an announce failed. In every format it goes by its code.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        pub enum TrackerError {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl TrackerError {
            /// All of them, in the order of an announce.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The table's entry.
            pub fn info(self) -> &'static TrackerErrorInfo {
                match self {
                    $(Self::$name => &TrackerErrorInfo {
                        code: $code, short: $short, phrase: $phrase, advice: $advice, weight: $weight,
                    },)*
                }
            }
        }
    };
}

const PATH: &str = "check network, DNS and VPN if other programs cannot get out either; otherwise the trackers are down, \
    which often passes.";
const ANSWER: &str =
    "Nothing to do here; what answers at that address is at fault, or the address in the torrent is old.";
const ADDRESS: &str = "fetch the torrent from its page again; or name a peer with --peer NAME:PORT.";

tracker_errors! {
    /// Its name has no address.
    DnsFailed: "dns_failed", "no such name", 0, "its name has no address",
        "check network, DNS and VPN; can any other program find that name?";
    /// No connection.
    ConnectFailed: "connect_failed", "no connection", 1, "no connection", PATH;
    /// No answer in time.
    Timeout: "timeout", "no answer", 2, "no answer", PATH;
    /// The secured connection failed.
    TlsFailed: "tls_failed", "TLS failed", 3, "the secured connection failed",
        "check this machine's clock and its certificates; otherwise the tracker's certificate is at fault.";
    /// An HTTP status that is no success.
    HttpStatus: "http_status", "HTTP error", 4, "it answered with an error status", ANSWER;
    /// It answers, but not as a tracker does.
    NotATracker: "not_a_tracker", "no tracker", 4, "what answers there is no tracker", ANSWER;
    /// A tracker's answer, but broken.
    BadAnswer: "bad_answer", "bad answer", 5, "its answer is broken", ANSWER;
    /// It said no, in its own words.
    Refused: "refused", "refused", 6, "it refused",
        "fetch the torrent from its page again; the tracker's words say whether it knows the torrent and your passkey.";
    /// It sent us somewhere we do not go.
    RedirectRefused: "redirect_refused", "bad redirect", 5, "it sent us where we do not go", ADDRESS;
    /// A scheme we do not speak.
    UnsupportedUrl: "unsupported_url", "not spoken", 0, "its address is of a kind we do not speak", ADDRESS;
}

impl TrackerError {
    /// Whether something answered, so that asking again soon is of little use.
    pub fn is_answer(self) -> bool {
        self.info().weight >= Self::HttpStatus.info().weight
    }
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
    fn every_error_fits_its_table() {
        let codes: std::collections::BTreeSet<_> =
            TrackerError::ALL.iter().map(|error| error.info().code).collect();
        assert_eq!(codes.len(), TrackerError::ALL.len());
        for error in TrackerError::ALL {
            let info = error.info();
            assert!((1..=13).contains(&info.short.chars().count()), "{}", info.code);
            assert!(!info.phrase.ends_with('.') && info.advice.ends_with(['.', '?']), "{}", info.code);
            assert_eq!(serde_json::to_value(error).unwrap(), info.code);
        }
    }

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
