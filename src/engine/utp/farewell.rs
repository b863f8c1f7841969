//! What the other side is told when we close, and what it told us.

use crate::event::Cause;
use crate::wire::utp::CloseReason;

/// There are as many calls as are taken.
pub(super) const CROWDED: CloseReason = CloseReason::TOO_MANY_CONNECTIONS;

/// How an end that we made reads for the other side.
pub(super) fn reason(cause: Cause) -> CloseReason {
    match cause {
        Cause::DuplicateConnection | Cause::DuplicatePeerId => CloseReason::DUPLICATE_PEER_ID,
        Cause::Shutdown | Cause::TorrentPaused => CloseReason::TORRENT_REMOVED,
        Cause::Blocked | Cause::Banned | Cause::DroppedByUser => CloseReason::BLOCKED,
        Cause::BothSeeds => CloseReason::UPLOAD_TO_UPLOAD,
        Cause::IdleTimeout => CloseReason::TIMED_OUT_ACTIVITY,
        Cause::HandshakeTimeout => CloseReason::TIMED_OUT_HANDSHAKE,
        Cause::Replaced | Cause::NotInteresting | Cause::NeverUnchoked | Cause::Snubbed => {
            CloseReason::PEER_CHURN
        }
        Cause::ConnectionLimit | Cause::TooManyFromAddress => CloseReason::TOO_MANY_CONNECTIONS,
        Cause::InfoHashMismatch | Cause::UnknownInfoHash => CloseReason::INVALID_INFO_HASH,
        Cause::SelfConnection => CloseReason::SELF_CONNECTION,
        Cause::BadMessage
        | Cause::BadBitfield
        | Cause::BadExtensionMessage
        | Cause::MessageTooLarge
        | Cause::PieceOutOfRange => CloseReason::INVALID_MESSAGE,
        Cause::HashFailures => CloseReason::CORRUPT_PIECES,
        _ => CloseReason::NONE,
    }
}

/// The reason that the other side gave, where it gave one.
pub(super) fn words(reason: CloseReason) -> Option<String> {
    if reason == CloseReason::NONE {
        return None;
    }
    let CloseReason(number) = reason;
    Some(match reason.name() {
        Some(name) => format!("its reason: {}", name.replace('_', " ")),
        None => format!("its reason: {number}, which has no name"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_by_its_name_and_none_is_not_told() {
        assert_eq!(words(CloseReason::NONE), None);
        assert_eq!(words(reason(Cause::InfoHashMismatch)).unwrap(), "its reason: invalid info hash");
        assert_eq!(words(CloseReason(999)).unwrap(), "its reason: 999, which has no name");
        assert_eq!(reason(Cause::ConnectionLost), CloseReason::NONE);
    }
}
