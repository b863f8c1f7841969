//! libtorrent-rasterbar, through a small script for its Python binding.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use color_eyre::eyre::Result;

use super::{Client, Encryption, GO_BETWEEN_BPS, InDht, OnNetwork, PEER_PORT, PeerExchange, Tool, Ways};
use crate::lab::Lab;
use crate::net::Host;
use crate::process::Process;
use crate::torrents::Torrent;

/// The distribution's own interpreter: another one first on the path would not know the distribution's modules.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// See the module.
pub(crate) struct Libtorrent(pub(crate) Ways);

impl Client for Libtorrent {
    fn tool(&self) -> Tool {
        Tool::Libtorrent
    }

    fn calls_itself(&self) -> &'static str {
        "libtorrent"
    }

    fn takes_peers(&self) -> bool {
        true
    }

    fn seed(&self, lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<Process> {
        seed_at(lab, host, torrent, parent, &host.v4.to_string(), self.0)
    }

    fn run(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: Option<SocketAddr>,
    ) -> Result<Process> {
        wait_until_complete(lab, self.begin(lab, host, torrent, parent, peer)?)
    }
}

impl Libtorrent {
    /// Starts it with `torrent` and the folder `parent`, and tells it of `peer`.
    pub(crate) fn begin(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: Option<SocketAddr>,
    ) -> Result<Process> {
        let mut command = download(lab, host, torrent, parent, peer)?;
        command.envs(told(self.0));
        lab.spawn(command, "libtorrent")
    }

    /// Starts it on an empty folder, so slow that nobody gets the content from it; it names peers to others.
    pub(crate) fn stand_between(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: Option<SocketAddr>,
    ) -> Result<Process> {
        let mut command = download(lab, host, torrent, parent, peer)?;
        command.envs(told(self.0)).env("PEX", "on").env("DOWN", GO_BETWEEN_BPS.to_string());
        lab.spawn(command, "libtorrent-between")
    }
}

impl PeerExchange for Libtorrent {
    fn go_between(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: SocketAddr,
    ) -> Result<Process> {
        self.stand_between(lab, host, torrent, parent, Some(peer))
    }

    fn download_by_exchange(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: SocketAddr,
    ) -> Result<Process> {
        let mut command = download(lab, host, torrent, parent, Some(peer))?;
        command.envs(told(self.0)).env("PEX", "on");
        wait_until_complete(lab, lab.spawn(command, "libtorrent")?)
    }
}

impl InDht for Libtorrent {
    fn run_in_dht(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        node: SocketAddr,
    ) -> Result<Process> {
        let own_address = if node.is_ipv6() { IpAddr::V6(host.v6) } else { IpAddr::V4(host.v4) };
        let mut command = host.command(PYTHON);
        command.arg(script(lab)?).arg("seed").arg(&torrent.path).arg(parent);
        command.arg(own_address.to_string()).arg(PEER_PORT.to_string()).env("NODE", node.to_string());
        wait_until_complete(lab, lab.spawn(command, "libtorrent-in-dht")?)
    }
}

impl OnNetwork for Libtorrent {
    fn begin_on_network(&self, lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<Process> {
        let mut command = download(lab, host, torrent, parent, None)?;
        command.env("LSD", "on");
        let mut client = lab.spawn(command, "libtorrent")?;
        let alerts = lab.logs().join("libtorrent.err");
        lab.wait_for("libtorrent to have looked at the torrent", &mut client, || {
            Ok(fs::read_to_string(&alerts)?.contains("torrent_checked_alert").then_some(()))
        })?;
        Ok(client)
    }

    fn complete(&self, lab: &Lab, _: &Host, client: &mut Process) -> Result<()> {
        complete(lab, client)
    }
}

/// A node of the DHT, and nothing else.
#[derive(Debug)]
pub(crate) struct Node {
    process: Process,
    pub(crate) addr: SocketAddr,
}

impl Node {
    /// At one given address of the host.
    pub(crate) fn start(lab: &Lab, host: &Host, addr: SocketAddr) -> Result<Self> {
        Self::run(lab, Self::command(lab, host, addr)?, addr)
    }

    /// As [`start`](Self::start); it asks another node for peers of the torrent, again and again.
    pub(crate) fn asking(
        lab: &Lab,
        host: &Host,
        addr: SocketAddr,
        other: SocketAddr,
        torrent: &Torrent,
    ) -> Result<Self> {
        let mut command = Self::command(lab, host, addr)?;
        command.arg(torrent.hex()).env("NODE", other.to_string());
        Self::run(lab, command, addr)
    }

    fn command(lab: &Lab, host: &Host, addr: SocketAddr) -> Result<Command> {
        let mut command = host.command(PYTHON);
        command.arg(script(lab)?).args(["node", &addr.ip().to_string(), &addr.port().to_string()]);
        Ok(command)
    }

    fn run(lab: &Lab, command: Command, addr: SocketAddr) -> Result<Self> {
        let mut process = lab.spawn(command, "node")?;
        // It takes peers at the port at which it is a node.
        lab.wait_for_listener(&mut process, addr)?;
        Ok(Self { process, addr })
    }

    /// Waits until this peer of the torrent announced itself here, or was named by the other node.
    pub(crate) fn wait_for(&mut self, lab: &Lab, torrent: &Torrent, ip: IpAddr) -> Result<()> {
        let (stdout, line) = (self.process.stdout.clone(), format!("announced {} {ip}\n", torrent.hex()));
        lab.wait_for("an announce in the DHT", &mut self.process, || {
            Ok(fs::read_to_string(&stdout)?.contains(&line).then_some(()))
        })
    }
}

/// The command that downloads.
fn download(
    lab: &Lab,
    host: &Host,
    torrent: &Torrent,
    parent: &Path,
    peer: Option<SocketAddr>,
) -> Result<Command> {
    let own_address = match peer {
        Some(addr) if addr.is_ipv6() => host.v6.to_string(),
        Some(_) | None => host.v4.to_string(),
    };
    let mut command = host.command(PYTHON);
    command.arg(script(lab)?).arg("download").arg(&torrent.path).arg(parent);
    command.arg(own_address).arg(PEER_PORT.to_string());
    if let Some(addr) = peer {
        command.arg(addr.ip().to_string()).arg(addr.port().to_string());
    }
    Ok(command)
}

/// Seeds at one given address of the host.
pub(crate) fn seed_at(
    lab: &Lab,
    host: &Host,
    torrent: &Torrent,
    parent: &Path,
    address: &str,
    ways: Ways,
) -> Result<Process> {
    let mut command = host.command(PYTHON);
    command
        .envs(told(ways))
        .arg(script(lab)?)
        .arg("seed")
        .arg(&torrent.path)
        .arg(parent)
        .arg(address)
        .arg(PEER_PORT.to_string());
    wait_until_complete(lab, lab.spawn(command, "libtorrent")?)
}

/// How the script is told of them.
fn told(ways: Ways) -> impl Iterator<Item = (&'static str, &'static str)> {
    let encryption = (ways.encryption == Encryption::Required).then_some(("ENCRYPTION", "required"));
    encryption.into_iter().chain(ways.utp.then_some(("UTP", "on")))
}

/// Where the script stands for this case.
pub(crate) fn script(lab: &Lab) -> Result<PathBuf> {
    let path = lab.folder("torrent")?.join("libtorrent_peer.py");
    fs::write(&path, include_str!("libtorrent.py"))?;
    Ok(path)
}

fn wait_until_complete(lab: &Lab, mut client: Process) -> Result<Process> {
    complete(lab, &mut client)?;
    Ok(client)
}

fn complete(lab: &Lab, client: &mut Process) -> Result<()> {
    let stdout = client.stdout.clone();
    lab.wait_for("libtorrent to have everything", client, || {
        Ok(fs::read_to_string(&stdout)?.contains("complete").then_some(()))
    })
}
