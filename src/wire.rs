//! Bytes to messages and back, without sockets: handshake, peer messages, extensions, tracker codecs.
//!
//! Everything that reads here reads foreign bytes: it never panics, never trusts a length, and allocates no more
//! than what was received.

mod allowed_fast;
mod extension;
mod gzip;
mod handshake;
mod holepunch;
pub mod http_fields;
pub mod krpc;
mod lsd;
mod message;
mod metadata;
pub mod mse;
pub mod nat_pmp;
pub mod pcp;
mod pex;
mod sniff;
pub mod tracker;
pub mod utp;

pub use allowed_fast::allowed_fast_set;
pub use extension::{ExtensionError, ExtensionHandshake, OUR_NAME};
pub use handshake::{HANDSHAKE_BYTES, Handshake, Judged, PROTOCOL, Reserved};
pub use holepunch::{BadHolepunch, HOLEPUNCH_NAME, Holepunch, HolepunchError, HolepunchKind};
pub use lsd::{LSD_GROUP_V4, LSD_GROUP_V6, LsdAnnounce, LsdError, MOST_LSD_BYTES, MOST_LSD_TORRENTS};
pub use message::{
    BlockSpec, Head, MAX_FRAME, MAX_REQUEST, Message, MessageError, PIECE_HEADER_BYTES, PieceHeader,
};
pub use metadata::{
    METADATA_NAME, METADATA_PART_BYTES, MOST_METADATA_BYTES, MetadataMessage, metadata_part_bytes,
    metadata_parts,
};
pub use pex::{MOST_FIRST_PEX_ENTRIES, MOST_PEX_ENTRIES, PEX_NAME, Pex, PexFlags};
pub use sniff::{LooksLike, looks_like};
pub use tracker::{AnnounceKind, AnnounceParams, TrackerError, TrackerReply};
