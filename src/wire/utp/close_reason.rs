//! Why a stream is closed, in the numbers of libtorrent.

/// A reason to close, as libtorrent numbers them: from 256 on the other side broke a rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct CloseReason(pub u16);

impl CloseReason {
    /// None is given.
    pub const NONE: Self = Self(0);
    /// There is a connection with this peer already.
    pub const DUPLICATE_PEER_ID: Self = Self(1);
    /// The torrent was removed, paused or stopped.
    pub const TORRENT_REMOVED: Self = Self(2);
    /// Its address is blocked.
    pub const BLOCKED: Self = Self(5);
    /// Both sides only upload.
    pub const UPLOAD_TO_UPLOAD: Self = Self(6);
    /// The other side said nothing for long.
    pub const TIMED_OUT_ACTIVITY: Self = Self(10);
    /// No handshake came in time.
    pub const TIMED_OUT_HANDSHAKE: Self = Self(11);
    /// It makes room for a better peer.
    pub const PEER_CHURN: Self = Self(14);
    /// There are too many connections.
    pub const TOO_MANY_CONNECTIONS: Self = Self(15);
    /// The handshake named another torrent.
    pub const INVALID_INFO_HASH: Self = Self(257);
    /// The other side is ourselves.
    pub const SELF_CONNECTION: Self = Self(258);
    /// A message that does not fit the protocol.
    pub const INVALID_MESSAGE: Self = Self(263);
    /// Data with the wrong hash.
    pub const CORRUPT_PIECES: Self = Self(286);

    /// What libtorrent calls it; `None` for numbers that it does not use.
    pub fn name(self) -> Option<&'static str> {
        let (first, names) =
            if self.0 < FIRST_FAULT { (0, &ORDINARY[..]) } else { (FIRST_FAULT, &FAULTS[..]) };
        names.get(usize::from(self.0 - first)).copied()
    }

    /// What the extension holds: two reserved bytes and the number. `None` where it holds something else.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let [_, _, high, low] = content else { return None };
        Some(Self(u16::from_be_bytes([*high, *low])))
    }
}

/// The first number of those that the other side is to blame for.
const FIRST_FAULT: u16 = 256;

const ORDINARY: [&str; 17] = [
    "none",
    "duplicate_peer_id",
    "torrent_removed",
    "no_memory",
    "port_blocked",
    "blocked",
    "upload_to_upload",
    "not_interested_upload_only",
    "timeout",
    "timed_out_interest",
    "timed_out_activity",
    "timed_out_handshake",
    "timed_out_request",
    "protocol_blocked",
    "peer_churn",
    "too_many_connections",
    "too_many_files",
];

const FAULTS: [&str; 33] = [
    "encryption_error",
    "invalid_info_hash",
    "self_connection",
    "invalid_metadata",
    "metadata_too_big",
    "message_too_big",
    "invalid_message_id",
    "invalid_message",
    "invalid_piece_message",
    "invalid_have_message",
    "invalid_bitfield_message",
    "invalid_choke_message",
    "invalid_unchoke_message",
    "invalid_interested_message",
    "invalid_not_interested_message",
    "invalid_request_message",
    "invalid_reject_message",
    "invalid_allow_fast_message",
    "invalid_extended_message",
    "invalid_cancel_message",
    "invalid_dht_port_message",
    "invalid_suggest_message",
    "invalid_have_all_message",
    "invalid_dont_have_message",
    "invalid_have_none_message",
    "invalid_pex_message",
    "invalid_metadata_request_message",
    "invalid_metadata_message",
    "invalid_metadata_offset",
    "request_when_choked",
    "corrupt_pieces",
    "pex_message_too_big",
    "pex_too_frequent",
];
