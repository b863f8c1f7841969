//! What trackers are asked, and how they answer or fail.

use serde::{Deserialize, Serialize};

/// A tracker's answer, less the addresses (each of which is learned by an event of its own).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Announced {
    /// Addresses it named.
    pub peers: u32,
    /// Seeds it counts.
    pub seeders: Option<u32>,
    /// Downloaders it counts.
    pub leechers: Option<u32>,
    /// Seconds until it wants to be asked again.
    pub interval_s: u32,
    /// Its `warning message`.
    pub warning: Option<String>,
}

/// How an announce failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackerError {
    /// Its name has no address.
    DnsFailed,
    /// No connection.
    ConnectFailed,
    /// No answer in time.
    Timeout,
    /// The secured connection failed.
    TlsFailed,
    /// An HTTP status that is no success.
    HttpStatus,
    /// It answers, but not as a tracker does.
    NotATracker,
    /// A tracker's answer, but broken.
    BadAnswer,
    /// It said no, in its own words.
    Refused,
    /// It sent us somewhere we do not go.
    RedirectRefused,
    /// A scheme we do not speak.
    UnsupportedUrl,
}

impl TrackerError {
    /// The code the JSON contract names it by.
    pub fn code(self) -> &'static str {
        match self {
            Self::DnsFailed => "dns_failed",
            Self::ConnectFailed => "connect_failed",
            Self::Timeout => "timeout",
            Self::TlsFailed => "tls_failed",
            Self::HttpStatus => "http_status",
            Self::NotATracker => "not_a_tracker",
            Self::BadAnswer => "bad_answer",
            Self::Refused => "refused",
            Self::RedirectRefused => "redirect_refused",
            Self::UnsupportedUrl => "unsupported_url",
        }
    }
}
