//! Settings: plain values, read from a file and handed down.
//!
//! One table (`table::SETTINGS`) says which settings there are, and the tables of keys and of meanings which keys
//! and colours; reading, printing
//! and the errors of either are made from them. What wins over the file (the command line) puts its values into
//! [`Settings`] before they are handed on.

mod choices;
mod error;
mod keys;
mod print;
mod read;
mod table;
mod themes;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::event::Finder;
use crate::metainfo::PeerName;
use crate::swarm::queue::QueueLimits;
use crate::swarm::{DEFAULT_DIALS_PER_SECOND, UploadSlots};
use crate::ui::{ColumnChoice, Keymap, Palettes};

pub use choices::{
    Color, Encryption, SizeUnits, Theme, Transport, ratio, ratio_expected, seed_time, seed_time_expected,
    upload_slots, upload_slots_expected,
};
pub use error::{ConfigError, Problem};
pub use print::{defaults, of_columns};
pub use read::{load, path, read};
pub use table::{MOST_FPS, MOST_PEERS};

/// How many torrents download at once, where nobody says otherwise.
const DEFAULT_DOWNLOADING: u32 = 5;

/// The nodes of the DHT that are asked first, where nobody says otherwise: each by another client's makers.
const DHT_NODES: [(&str, u16); 3] =
    [("dht.libtorrent.org", 25401), ("dht.transmissionbt.com", 6881), ("router.bittorrent.com", 6881)];

/// Everything that can be set.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// The folder to download into.
    pub output: PathBuf,
    /// The port to listen on; `None`: 6881 to 6889, or else any free one.
    pub port: Option<u16>,
    /// The most peers to be connected to at once.
    pub max_peers: u16,
    /// Dials that may begin in a second.
    pub dials_per_second: NonZeroU32,
    /// The most peers with a row of their own.
    pub max_rows: u32,
    /// The most to receive, bytes a second.
    pub down_bps: Option<u64>,
    /// The most to send, bytes a second.
    pub up_bps: Option<u64>,
    /// How many peers are served at once.
    pub upload_slots: UploadSlots,
    /// When connections to peers are encrypted.
    pub encryption: Encryption,
    /// What connections to peers travel over.
    pub transport: Transport,
    /// The ways to find peers besides trackers.
    pub finders: BTreeSet<Finder>,
    /// The nodes of the DHT that are asked where no known one answers.
    pub dht_nodes: Vec<PeerName>,
    /// Whether routers are asked to let others in.
    pub port_mapping: bool,
    /// The router that is asked; `None`: those of the system's default routes.
    pub gateway: Option<Ipv4Addr>,
    /// As often as its length a torrent is given on at most.
    pub ratio: Option<f64>,
    /// A torrent is seeded for so long at most.
    pub seed_time: Option<Duration>,
    /// What is run when a torrent is complete: a program and its arguments.
    pub on_complete: Vec<String>,
    /// How many torrents are active at once.
    pub queue: QueueLimits,
    /// The screen.
    pub screen: ScreenSettings,
    /// The columns of the lists of peers.
    pub columns: ColumnChoice,
    /// Which keys do what.
    pub keys: Keymap,
}

/// How the screen looks and behaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScreenSettings {
    /// The choice of colours and accents.
    pub theme: Theme,
    /// The colours of each theme.
    pub palettes: Palettes,
    /// How many colours.
    pub color: Color,
    /// Plain ASCII characters only.
    pub ascii: bool,
    /// The most frames a second.
    pub fps: u8,
    /// Whether the mouse is taken.
    pub mouse: bool,
    /// Whether the bell rings at completion.
    pub bell: bool,
    /// Whether the window's title shows progress.
    pub title: bool,
    /// Whether the log begins with times of day.
    pub clock: bool,
    /// How sizes are counted.
    pub units: SizeUnits,
}

fn dht_nodes() -> Vec<PeerName> {
    DHT_NODES.iter().map(|(host, port)| PeerName::Host((*host).to_owned(), *port)).collect()
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            output: PathBuf::from("."),
            port: None,
            max_peers: 200,
            dials_per_second: DEFAULT_DIALS_PER_SECOND,
            max_rows: 20_000,
            down_bps: None,
            up_bps: None,
            upload_slots: UploadSlots::Auto,
            encryption: Encryption::default(),
            transport: Transport::default(),
            finders: Finder::ALL.iter().copied().collect(),
            dht_nodes: dht_nodes(),
            port_mapping: true,
            gateway: None,
            ratio: None,
            seed_time: None,
            on_complete: Vec::new(),
            queue: QueueLimits {
                downloading: Some(DEFAULT_DOWNLOADING),
                seeding: None,
                metadata: Some(QueueLimits::METADATA),
            },
            screen: ScreenSettings::default(),
            columns: ColumnChoice::default(),
            keys: Keymap::default(),
        }
    }
}

impl Settings {
    /// The folder to download into, with the home folder in the place of its `~`.
    pub fn output_folder(&self, home: Option<&Path>) -> PathBuf {
        match (self.output.strip_prefix("~"), home) {
            (Ok(inside), Some(home)) => home.join(inside),
            _ => self.output.clone(),
        }
    }
}

impl Default for ScreenSettings {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            palettes: Palettes::default(),
            color: Color::default(),
            ascii: false,
            fps: 30,
            mouse: true,
            bell: true,
            title: true,
            clock: false,
            units: SizeUnits::default(),
        }
    }
}

#[cfg(test)]
mod tests;
