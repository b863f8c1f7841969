//! The real clients, one module each. Every discovery but the one a case is about is switched off.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use color_eyre::eyre::{Result, ensure};

use crate::lab::Lab;
use crate::net::Host;
use crate::process::Process;
use crate::torrents::Torrent;

pub(crate) mod aria2;
pub(crate) mod libtorrent;
pub(crate) mod miniupnpd;
pub(crate) mod opentracker;
pub(crate) mod qbittorrent;
pub(crate) mod rtorrent;
pub(crate) mod transmission;
pub(crate) mod ttui;
pub(crate) mod web;

/// The port on which every client takes peers: each has a host to itself.
pub(crate) const PEER_PORT: u16 = 6881;

/// How a downloading client learns of its seed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// Told by its control port.
    Peer(SocketAddr),
    /// From the tracker in the torrent.
    Tracker,
}

/// Which connections a client takes and makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encryption {
    /// As the client is delivered, or plain.
    Usual,
    /// Only encrypted ones, with messages under RC4 where the client can insist on it.
    Required,
}

/// The same, of clients that know uTP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ways {
    pub(crate) encryption: Encryption,
    /// Over uTP, too; where not, over TCP alone.
    pub(crate) utp: bool,
}

impl Ways {
    pub(crate) const TCP: Self = Self { encryption: Encryption::Usual, utp: false };
    pub(crate) const TCP_ENCRYPTED: Self = Self { encryption: Encryption::Required, utp: false };
    pub(crate) const UTP: Self = Self { encryption: Encryption::Usual, utp: true };
    pub(crate) const UTP_ENCRYPTED: Self = Self { encryption: Encryption::Required, utp: true };
}

/// A client that can do both.
pub(crate) trait Client: Sync {
    /// The package it comes in.
    fn tool(&self) -> Tool;

    /// How its name begins as its peer id tells it.
    fn calls_itself(&self) -> &'static str;

    /// Whether it can be told of a peer; if not, it learns of it from a tracker.
    fn takes_peers(&self) -> bool;

    /// Starts it with `torrent` and the folder `parent`, tells it of `peer`, and returns when it says that it has
    /// everything: what stands there is checked first, the rest is downloaded.
    fn run(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: Option<SocketAddr>,
    ) -> Result<Process>;

    /// Seeds what stands in `parent`; returns when it knows that it has everything, and listens on [`PEER_PORT`].
    fn seed(&self, lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<Process> {
        let mut client = self.run(lab, host, torrent, parent, None)?;
        lab.wait_for_listener(&mut client, host.at(PEER_PORT))?;
        Ok(client)
    }

    /// Downloads into `parent`; returns when the client says that it is complete.
    fn download(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        from: Source,
    ) -> Result<Process> {
        let peer = match from {
            Source::Peer(addr) => {
                ensure!(self.takes_peers(), "{} cannot be told of a peer", self.calls_itself());
                Some(addr)
            }
            Source::Tracker => None,
        };
        self.run(lab, host, torrent, parent, peer)
    }
}

/// What one that stands between others downloads, bytes a second: in the time of a case next to nothing.
pub(crate) const GO_BETWEEN_BPS: u32 = 20 * 1024;

/// A client that names peers to others, and takes those that others name (BEP 11).
pub(crate) trait PeerExchange: Client {
    /// Starts it on an empty folder, connected with `peer`, so slow that nobody gets the content from it.
    fn go_between(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: SocketAddr,
    ) -> Result<Process>;

    /// Downloads, told of `peer` alone; returns when it says that it is complete.
    fn download_by_exchange(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: SocketAddr,
    ) -> Result<Process>;
}

/// A client that finds peers through the DHT (BEP 5) among few nodes. Transmission wants more than a case can run.
pub(crate) trait InDht: Client {
    /// Starts it with `torrent` and the folder `parent`, tells it of a node of the DHT alone, and returns when it says that
    /// it has everything: what stands there is checked first, the rest is downloaded.
    fn run_in_dht(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        node: SocketAddr,
    ) -> Result<Process>;
}

/// A client that says on its network what it has, and hears others say it (BEP 14).
pub(crate) trait OnNetwork: Client {
    /// Starts it with `torrent` and the folder `parent`, told of nobody: what stands there is checked first, the rest is
    /// downloaded. Returns when it listens to what others say.
    fn begin_on_network(&self, lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<Process>;

    /// Returns when it says that it has everything.
    fn complete(&self, lab: &Lab, host: &Host, client: &mut Process) -> Result<()>;
}

/// Those that do, with the name that cases use.
pub(crate) const ON_NETWORK: [(&str, &dyn OnNetwork); 2] = [
    ("libtorrent", &libtorrent::Libtorrent(Ways::TCP)),
    ("transmission", &transmission::Transmission(Ways::TCP)),
];

/// Those that do, with the name that cases use. The last one, of 0.9.8, reads the addresses of peers two bytes too early and
/// dials others: it is found, and finds nobody.
pub(crate) const IN_DHT: [(&str, &dyn InDht); 3] = [
    ("libtorrent", &libtorrent::Libtorrent(Ways::TCP)),
    ("aria2", &aria2::Aria2(Encryption::Usual)),
    ("rtorrent", &rtorrent::Rtorrent(Encryption::Usual)),
];

/// Those that do, with the name that cases use.
pub(crate) const EXCHANGING: [(&str, &dyn PeerExchange); 2] = [
    ("libtorrent", &libtorrent::Libtorrent(Ways::TCP)),
    ("qbittorrent", &qbittorrent::Qbittorrent(Ways::TCP)),
];

/// All of them, with the name that cases use.
pub(crate) const CLIENTS: [(&str, &dyn Client); 10] = [
    ("libtorrent", &libtorrent::Libtorrent(Ways::TCP)),
    ("transmission", &transmission::Transmission(Ways::TCP)),
    ("qbittorrent", &qbittorrent::Qbittorrent(Ways::TCP)),
    ("aria2", &aria2::Aria2(Encryption::Usual)),
    ("rtorrent", &rtorrent::Rtorrent(Encryption::Usual)),
    ("libtorrent_encrypted", &libtorrent::Libtorrent(Ways::TCP_ENCRYPTED)),
    ("transmission_encrypted", &transmission::Transmission(Ways::TCP_ENCRYPTED)),
    ("qbittorrent_encrypted", &qbittorrent::Qbittorrent(Ways::TCP_ENCRYPTED)),
    ("aria2_encrypted", &aria2::Aria2(Encryption::Required)),
    ("rtorrent_encrypted", &rtorrent::Rtorrent(Encryption::Required)),
];

/// Those that know uTP, with the name that cases use.
pub(crate) const OVER_UTP: [(&str, &dyn Client); 6] = [
    ("libtorrent", &libtorrent::Libtorrent(Ways::UTP)),
    ("transmission", &transmission::Transmission(Ways::UTP)),
    ("qbittorrent", &qbittorrent::Qbittorrent(Ways::UTP)),
    ("libtorrent_encrypted", &libtorrent::Libtorrent(Ways::UTP_ENCRYPTED)),
    ("transmission_encrypted", &transmission::Transmission(Ways::UTP_ENCRYPTED)),
    ("qbittorrent_encrypted", &qbittorrent::Qbittorrent(Ways::UTP_ENCRYPTED)),
];

/// A foreign package that cases need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Aria2,
    Libtorrent,
    Miniupnpd,
    Mktorrent,
    Nftables,
    Nginx,
    Opentracker,
    Qbittorrent,
    Rtorrent,
    TransmissionCli,
    TransmissionDaemon,
    Tshark,
}

impl Tool {
    /// Its package in Debian.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Aria2 => "aria2",
            Self::Libtorrent => "python3-libtorrent",
            Self::Miniupnpd => "miniupnpd-nftables",
            Self::Mktorrent => "mktorrent",
            Self::Nftables => "nftables",
            Self::Nginx => "nginx-light",
            Self::Opentracker => "opentracker",
            Self::Qbittorrent => "qbittorrent-nox",
            Self::Rtorrent => "rtorrent",
            Self::TransmissionCli => "transmission-cli",
            Self::TransmissionDaemon => "transmission-daemon",
            Self::Tshark => "tshark",
        }
    }

    /// Whether it can be started here.
    pub(crate) fn is_there(self) -> bool {
        let (program, arguments): (_, &[&str]) = match self {
            Self::Aria2 => ("aria2c", &["--version"]),
            Self::Libtorrent => (libtorrent::PYTHON, &["-c", "import libtorrent"]),
            Self::Miniupnpd => ("miniupnpd", &["--version"]),
            Self::Mktorrent => ("mktorrent", &["-h"]),
            Self::Nftables => ("nft", &["--version"]),
            Self::Nginx => ("nginx", &["-v"]),
            Self::Opentracker => ("opentracker", &["-h"]),
            Self::Qbittorrent => ("qbittorrent-nox", &["--version"]),
            Self::Rtorrent => ("rtorrent", &["-h"]),
            Self::TransmissionCli => ("transmission-create", &["--version"]),
            Self::TransmissionDaemon => ("transmission-daemon", &["--version"]),
            Self::Tshark => ("tshark", &["--version"]),
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.status() {
            // Some answer a call for help with a status of their own; only Python's tells whether the module is there.
            Ok(status) => status.success() || self != Self::Libtorrent,
            Err(_) => false,
        }
    }
}
