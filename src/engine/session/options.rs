//! How a session is to go, and how each of its torrents.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::dht::DhtOptions;
use crate::engine::event_sink::Recording;
use crate::engine::mapping::MappingOptions;
use crate::engine::peer::IDLE_AFTER;
use crate::engine::torrent::Give;
use crate::engine::tracker;
use crate::event::Finder;
use crate::metainfo::NamedFiles;
use crate::storage::DirtySet;
use crate::swarm::queue::QueueLimits;
use crate::swarm::{self, EncryptionPolicy, TransportPolicy, UploadSlots};

/// What holds for the whole program, however many torrents there are.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The folder of resume files; `None`: `$XDG_STATE_HOME/ttui`, or where that defaults to.
    pub state: Option<PathBuf>,
    /// The port to listen on; `None`: 6881–6889, or else any free one.
    pub port: Option<u16>,
    /// Listen on loopback only.
    pub loopback: bool,
    /// The most connections at once.
    pub max_peers: usize,
    /// Dials that may begin in a second, and at once to begin with.
    pub dials_per_second: NonZeroU32,
    /// Limit for what we receive, bytes a second.
    pub down_bps: Option<u64>,
    /// Limit for what we send, bytes a second.
    pub up_bps: Option<u64>,
    /// Whether connections are plain or encrypted.
    pub encryption: EncryptionPolicy,
    /// Over what peers are dialled, and whose calls are taken.
    pub transport: TransportPolicy,
    /// How many torrents are active at once.
    pub queue: QueueLimits,
    /// What is run when a torrent was downloaded: a program and its arguments, to which its path is added.
    pub on_complete: Vec<String>,
    /// How it takes part in the DHT; `None`: not at all.
    pub dht: Option<DhtOptions>,
    /// How routers are asked to map its port; `None`: not at all.
    pub mapping: Option<MappingOptions>,
    /// How trackers are spoken to.
    pub tracker: tracker::Settings,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            state: None,
            port: None,
            loopback: false,
            max_peers: swarm::Settings::default().max_peers,
            dials_per_second: swarm::DEFAULT_DIALS_PER_SECOND,
            down_bps: None,
            up_bps: None,
            encryption: EncryptionPolicy::default(),
            transport: TransportPolicy::default(),
            queue: QueueLimits::NONE,
            on_complete: Vec::new(),
            dht: None,
            mapping: None,
            tracker: tracker::Settings::default(),
        }
    }
}

/// What holds for one torrent.
#[derive(Clone, Debug)]
pub struct TorrentOptions {
    /// The folder the files go to.
    pub output: PathBuf,
    /// Peers to dial besides those that trackers name.
    pub peers: Vec<SocketAddr>,
    /// The most peers with a row of their own; beyond it the oldest that are gone are only counted, those
    /// that never shook hands first.
    pub max_rows: usize,
    /// How many peers are served at once.
    pub upload_slots: UploadSlots,
    /// Ways besides trackers in which peers are to be found; a private torrent uses none of them.
    pub finders: BTreeSet<Finder>,
    /// A connected peer that says nothing for this long is let go.
    pub idle_after: Duration,
    /// When it has seeded enough.
    pub give: Give,
    /// For how long it was seeded before this session.
    pub seeded: Duration,
    /// Limits of this torrent alone, below those of all, bytes a second: down, up.
    pub limits: (Option<u64>, Option<u64>),
    /// It waits until the user has it go on, also where an earlier run did not.
    pub paused: bool,
    /// The files that are wanted, whatever an earlier run was told; none: those of that run, or else all.
    pub files: NamedFiles,
    /// Pieces are asked for in the order of the torrent, its files' first and last ones early, also where an earlier run
    /// did not.
    pub sequential: bool,
    /// Write into files that are not ours, too.
    pub overwrite: bool,
    /// Of a magnet: save its metadata as a torrent file in the output folder, and end.
    pub metadata_only: bool,
    /// Leave only when the disk has everything.
    pub sync: bool,
    /// What is written is brought to the disk this much later at the latest.
    pub sync_after: Duration,
    /// What is written down of the run.
    pub recording: Recording,
}

impl Default for TorrentOptions {
    fn default() -> Self {
        Self {
            output: PathBuf::from("."),
            peers: Vec::new(),
            max_rows: swarm::Settings::default().max_rows,
            upload_slots: UploadSlots::default(),
            finders: BTreeSet::from([Finder::Pex]),
            idle_after: IDLE_AFTER,
            give: Give::default(),
            seeded: Duration::ZERO,
            limits: (None, None),
            paused: false,
            files: NamedFiles::default(),
            sequential: false,
            overwrite: false,
            metadata_only: false,
            sync: false,
            sync_after: DirtySet::LONGEST,
            recording: Recording::default(),
        }
    }
}
