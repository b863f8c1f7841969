//! How a handshake ends that is not a valid one, and the cause of it.

use super::super::Broken;
use crate::event::{Cause, OsError};
use crate::text;
use crate::wire::mse::MseError;
use crate::wire::{LooksLike, looks_like};

/// Bytes of a stranger that are shown.
const SHOWN_BYTES: usize = 60;

/// Why no more is read.
#[derive(Debug)]
pub(super) enum Stop {
    /// The other side closed, or had closed when we wrote.
    Closed,
    /// Too late.
    Timeout,
    /// The connection broke.
    Broken(Broken, OsError),
    /// What came decides.
    Decided(Cause, String),
    /// The negotiation of an encryption failed.
    Mse(MseError),
}

/// Text cannot be taken for a key; the two bytes that TLS begins with can.
pub(super) fn speaks_in_words(like: LooksLike) -> bool {
    matches!(like, LooksLike::Http | LooksLike::Ssh | LooksLike::Smtp | LooksLike::Ftp)
}

/// The cause of an end, and what is told of it beside that; these bytes came where a handshake belongs.
pub(super) fn judge_end(stop: &Stop, received: &[u8]) -> (Cause, Option<String>) {
    match stop {
        Stop::Decided(cause @ Cause::NotBittorrent, detail) => {
            let like = looks_like(received).name();
            let began = text::escape(received, SHOWN_BYTES);
            (*cause, Some(format!("{detail}; looks like {like}: \"{began}\"")))
        }
        Stop::Decided(cause, detail) => (*cause, Some(detail.clone())),
        Stop::Mse(MseError::UnknownTorrent) => (Cause::UnknownInfoHash, None),
        Stop::Mse(MseError::PlainOnly) => {
            let detail = "it goes on in plain only, which --encryption require forbids".to_owned();
            (Cause::EncryptionMismatch, Some(detail))
        }
        Stop::Mse(error) => (Cause::EncryptionFailed, Some(error.code().to_owned())),
        _ if !received.is_empty() => {
            let ending = match stop {
                Stop::Timeout => "then nothing more came",
                Stop::Broken(..) => "then the connection broke",
                _ => "then it closed",
            };
            (Cause::HandshakeTruncated, Some(format!("{} of 68 bytes, {ending}", received.len())))
        }
        Stop::Closed | Stop::Broken(Broken::Closed, _) => (Cause::ClosedBeforeHandshake, None),
        Stop::Timeout => (Cause::HandshakeTimeout, None),
        Stop::Broken(Broken::Reset, _) => (Cause::ResetBeforeHandshake, None),
        Stop::Broken(Broken::Lost, _) => (Cause::ConnectionLost, None),
        Stop::Broken(Broken::Local, _) => (Cause::LocalError, None),
    }
}
