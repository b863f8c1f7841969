//! Who takes part, and how each behaves.

/// How a peer of the demonstration behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Behaviour {
    /// Has everything and sends it.
    Seeds,
    /// Has everything and sends it, over uTP alone.
    SeedsOverUtp,
    /// Has part of it, sends that, and wants the rest.
    Shares,
    /// Has everything and never unchokes.
    Chokes,
    /// Unchokes, sends a few blocks, then nothing more.
    FallsSilent,
    /// Takes the connection and says nothing.
    SaysNothing,
    /// Closes the connection on our handshake.
    HangsUp,
    /// Resets the connection on our handshake.
    Resets,
    /// Sends half a handshake and closes.
    CutsShort,
    /// Shakes hands for another torrent.
    OtherTorrent,
    /// Is a web server.
    Web,
    /// Nothing listens there.
    Refuses,
    /// Its queue of connections is full, so nothing ever answers.
    NoAnswer,
    /// Shakes hands and leaves after a while.
    Leaves,
    /// Connects to us, and wants what we have.
    Calls,
}

use Behaviour::{
    Calls, Chokes, CutsShort, FallsSilent, HangsUp, Leaves, NoAnswer, OtherTorrent, Refuses, Resets,
    SaysNothing, Seeds, SeedsOverUtp, Shares, Web,
};

/// Who a peer says it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// What its peer id begins with.
    pub(super) prefix: &'static [u8; 8],
    /// What it calls itself in its extension handshake.
    pub(super) name: &'static str,
}

const fn client(prefix: &'static [u8; 8], name: &'static str) -> Client {
    Client { prefix, name }
}

/// Never heard of: these do not get as far as to name themselves.
const NOBODY: Client = client(b"-XX0000-", "");

/// Behaviour, client, and bytes a second.
pub(super) type Role = (Behaviour, Client, u64);

/// Has everything and sends it, and no tracker knows it: the first of the cast names it to us (BEP 11).
pub(super) const NAMED: Role = (Seeds, client(b"-TR4050-", "Transmission 4.0.5"), 240_000);

/// Has everything and sends it, and only the DHT knows it.
pub(super) const IN_DHT: Role = (Seeds, client(b"-LT20B0-", "libtorrent/2.0.11"), 170_000);

/// Who has the torrent that joins.
pub(super) const SECOND_CAST: &[Role] = &[
    (Seeds, client(b"-qB4650-", "qBittorrent/4.6.5"), 420_000),
    (Seeds, client(b"-TR4040-", "Transmission 4.0.4"), 310_000),
    (Shares, client(b"-lt0D80-", "libTorrent 0.13.8"), 120_000),
    (Chokes, client(b"-DE2110-", "Deluge 2.1.1"), 0),
    (HangsUp, NOBODY, 0),
    (Refuses, NOBODY, 0),
];

/// Who has the torrent that joins as a magnet link.
pub(super) const LINK_CAST: &[Role] = &[
    (Seeds, client(b"-TR4060-", "Transmission 4.0.6"), 280_000),
    (Seeds, client(b"-KT5220-", "KTorrent 5.2.2"), 190_000),
    (FallsSilent, client(b"-BT7b50-", "BitTorrent 7.11.5"), 90_000),
    (SaysNothing, NOBODY, 0),
    (Refuses, NOBODY, 0),
];

/// Who has the torrent that the demonstration begins with.
pub(super) const CAST: &[Role] = &[
    (Seeds, client(b"-TR4060-", "Transmission 4.0.6"), 900_000),
    (SeedsOverUtp, client(b"-qB4620-", "qBittorrent/4.6.2"), 640_000),
    (Seeds, client(b"-lt0D80-", "libTorrent 0.13.8"), 380_000),
    (Shares, client(b"-TR3000-", "Transmission 3.00"), 260_000),
    (Shares, client(b"-UT2210-", "\u{b5}Torrent 2.2.1"), 150_000),
    (Chokes, client(b"-DE13F0-", "Deluge 1.3.15"), 0),
    (Chokes, client(b"-qB5000-", "qBittorrent/5.0.0"), 0),
    (FallsSilent, client(b"-BT7b50-", "BitTorrent 7.11.5"), 200_000),
    (Leaves, client(b"-TR2940-", "Transmission 2.94"), 120_000),
    (SaysNothing, NOBODY, 0),
    (HangsUp, NOBODY, 0),
    (HangsUp, NOBODY, 0),
    (HangsUp, NOBODY, 0),
    (Resets, NOBODY, 0),
    (CutsShort, NOBODY, 0),
    (OtherTorrent, client(b"-AZ5760-", "Azureus 5.7.6.0"), 0),
    (Web, NOBODY, 0),
    (Refuses, NOBODY, 0),
    (Refuses, NOBODY, 0),
    (Refuses, NOBODY, 0),
    (NoAnswer, NOBODY, 0),
    (NoAnswer, NOBODY, 0),
    (NoAnswer, NOBODY, 0),
    (NoAnswer, NOBODY, 0),
    (NoAnswer, NOBODY, 0),
    (Calls, client(b"-BI3500-", "BiglyBT 3.5.0.0"), 180_000),
    (Calls, client(b"-KT5220-", "KTorrent 5.2.2"), 90_000),
];
