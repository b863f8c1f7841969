//! qbittorrent-nox, steered over its web interface.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use color_eyre::eyre::{Result, ensure};
use serde_json::Value;

use super::{Client, Encryption, GO_BETWEEN_BPS, PEER_PORT, PeerExchange, Tool, Ways};
use crate::http;
use crate::lab::Lab;
use crate::net::Host;
use crate::process::Process;
use crate::torrents::Torrent;

const WEB_PORT: u16 = 8080;
const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

/// See the module.
pub(crate) struct Qbittorrent(pub(crate) Ways);

impl Client for Qbittorrent {
    fn tool(&self) -> Tool {
        Tool::Qbittorrent
    }

    fn calls_itself(&self) -> &'static str {
        "qBittorrent"
    }

    fn takes_peers(&self) -> bool {
        true
    }

    fn run(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: Option<SocketAddr>,
    ) -> Result<Process> {
        let mut client = start(lab, host, torrent, parent, self.0, false)?;
        if let Some(peer) = peer {
            add_peer(lab, host, torrent, &mut client, peer)?;
        }
        wait_until_complete(lab, host, torrent, &mut client)?;
        Ok(client)
    }
}

impl PeerExchange for Qbittorrent {
    fn go_between(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: SocketAddr,
    ) -> Result<Process> {
        let mut client = start(lab, host, torrent, parent, self.0, true)?;
        let (limit, list) = (format!("hashes={}&limit={GO_BETWEEN_BPS}", torrent.hex()), info(torrent));
        lab.wait_for("qBittorrent to take the limit", &mut client, || {
            http::post(host.at(WEB_PORT), "/api/v2/torrents/setDownloadLimit", &FORM, &limit)?.text()?;
            let list: Value = serde_json::from_str(&http::get(host.at(WEB_PORT), &list)?.text()?)?;
            Ok((list[0]["dl_limit"] == GO_BETWEEN_BPS).then_some(()))
        })?;
        add_peer(lab, host, torrent, &mut client, peer)?;
        Ok(client)
    }

    fn download_by_exchange(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        peer: SocketAddr,
    ) -> Result<Process> {
        let mut client = start(lab, host, torrent, parent, self.0, true)?;
        add_peer(lab, host, torrent, &mut client, peer)?;
        wait_until_complete(lab, host, torrent, &mut client)?;
        Ok(client)
    }
}

fn add_peer(lab: &Lab, host: &Host, torrent: &Torrent, client: &mut Process, peer: SocketAddr) -> Result<()> {
    let body = format!("hashes={}&peers={peer}", torrent.hex());
    lab.wait_for("qBittorrent to take the peer", client, || {
        let answer = http::post(host.at(WEB_PORT), "/api/v2/torrents/addPeers", &FORM, &body)?.text()?;
        let answer: Value = serde_json::from_str(&answer)?;
        ensure!(answer[torrent.hex()]["added"] == 1, "qBittorrent did not take the peer: {answer}");
        Ok(Some(()))
    })
}

/// Where it says how the torrent stands.
fn info(torrent: &Torrent) -> String {
    format!("/api/v2/torrents/info?hashes={}", torrent.hex())
}

fn start(lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path, ways: Ways, pex: bool) -> Result<Process> {
    let profile = lab.folder("qbittorrent")?;
    let config = profile.join("qBittorrent/config");
    fs::create_dir_all(&config)?;
    let settings = format!(
        "[LegalNotice]\nAccepted=true\n\n\
         [BitTorrent]\n\
         Session\\Port={PEER_PORT}\n\
         Session\\DHTEnabled=false\n\
         Session\\LSDEnabled=false\n\
         Session\\PeXEnabled={pex}\n\
         Session\\BTProtocol={protocol}\n\
         Session\\Encryption={encryption}\n\
         Session\\MultiConnectionsPerIp=true\n\
         Session\\Preallocation=false\n\
         Session\\DefaultSavePath={parent}\n\n\
         [Network]\nPortForwardingEnabled=false\n\n\
         [Preferences]\n\
         WebUI\\Address=*\n\
         WebUI\\Port={WEB_PORT}\n\
         WebUI\\UseUPnP=false\n\
         WebUI\\LocalHostAuth=false\n\
         WebUI\\AuthSubnetWhitelistEnabled=true\n\
         WebUI\\AuthSubnetWhitelist=0.0.0.0/0\n\
         WebUI\\CSRFProtection=false\n\
         WebUI\\HostHeaderValidation=false\n",
        parent = parent.display(),
        protocol = if ways.utp { "Both" } else { "TCP" },
        encryption = match ways.encryption {
            Encryption::Usual => 0,
            Encryption::Required => 1,
        },
    );
    fs::write(config.join("qBittorrent.conf"), settings)?;
    let mut command = host.command("qbittorrent-nox");
    command.arg(format!("--profile={}", profile.display()));
    command.arg(format!("--save-path={}", parent.display()));
    command.args(["--add-paused=false", "--skip-dialog=true"]).arg(&torrent.path);
    lab.spawn(command, "qbittorrent")
}

fn wait_until_complete(lab: &Lab, host: &Host, torrent: &Torrent, client: &mut Process) -> Result<()> {
    let path = info(torrent);
    lab.wait_for("qBittorrent to have everything", client, || {
        let list: Value = serde_json::from_str(&http::get(host.at(WEB_PORT), &path)?.text()?)?;
        let state = list[0]["state"].as_str().unwrap_or_default();
        Ok(matches!(state, "uploading" | "stalledUP" | "forcedUP").then_some(()))
    })
}
