//! What a torrent file says: its bytes, ids, and the arithmetic of pieces, blocks and files (BEP 3).

pub mod address;
mod author;
pub mod bencode;
mod bitfield;
mod choice;
mod file_numbers;
mod file_url;
mod files;
mod geometry;
mod id;
mod magnet;
mod named_files;
mod paths;
mod peer_name;
mod torrent;
mod urls;

pub use author::NewTorrent;
pub use bitfield::Bitfield;
pub use choice::{Choice, FilePriority, PieceChoice};
pub use file_url::path_of_url;
pub use files::{File, FileSpan, Files};
pub use geometry::{BLOCK_LENGTH, BlockRef, Geometry, PieceIndex};
pub use id::{InfoHash, PeerId};
pub use magnet::{Magnet, MagnetError};
pub use named_files::{BadFileName, FileName, NamedFiles, NoSuchFile};
pub use paths::SafePath;
pub use peer_name::{EXPECTED_PEER, PeerName};
pub use torrent::{Fault, Info, MOST_TORRENT_BYTES, PieceHashes, Torrent, TorrentError, Warning};
