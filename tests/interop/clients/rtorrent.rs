//! rtorrent as a daemon, steered by XML-RPC over SCGI.

use std::net::SocketAddr;
use std::path::Path;

use color_eyre::eyre::{Result, ensure};

use super::{Client, Encryption, InDht, PEER_PORT, Tool};
use crate::http;
use crate::lab::Lab;
use crate::net::Host;
use crate::process::Process;
use crate::torrents::Torrent;

const SCGI_PORT: u16 = 5000;

/// See the module.
pub(crate) struct Rtorrent(pub(crate) Encryption);

impl Client for Rtorrent {
    fn tool(&self) -> Tool {
        Tool::Rtorrent
    }

    fn calls_itself(&self) -> &'static str {
        "libTorrent"
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
        let mut client = start(lab, host, parent, self.0, None)?;
        load(lab, host, torrent, &mut client)?;
        if let Some(peer) = peer {
            let hash = torrent.hex().to_uppercase();
            lab.wait_for("rtorrent to take the peer", &mut client, || {
                // Before the torrent is open a peer is forgotten.
                ensure!(
                    number(host, "d.is_active", &[&hash])? == Some(1),
                    "rtorrent has not opened the torrent"
                );
                call(host.at(SCGI_PORT), "add_peer", &[&hash, &peer.to_string()]).map(Some)
            })?;
        }
        wait_until_complete(lab, host, torrent, &mut client)?;
        Ok(client)
    }
}

impl InDht for Rtorrent {
    fn run_in_dht(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        node: SocketAddr,
    ) -> Result<Process> {
        let mut client = start(lab, host, parent, self.0, Some(node))?;
        load(lab, host, torrent, &mut client)?;
        wait_until_complete(lab, host, torrent, &mut client)?;
        Ok(client)
    }
}

/// Starts it without a torrent; with a node of the DHT it is in it then.
fn start(
    lab: &Lab,
    host: &Host,
    parent: &Path,
    encryption: Encryption,
    node: Option<SocketAddr>,
) -> Result<Process> {
    let session = lab.folder("rtorrent")?;
    let options = [
        "system.daemon.set=true".to_owned(),
        format!("session.path.set={}", session.display()),
        format!("directory.default.set={}", parent.display()),
        format!("network.scgi.open_port={}", host.at(SCGI_PORT)),
        format!("network.port_range.set={PEER_PORT}-{PEER_PORT}"),
        "network.port_random.set=no".to_owned(),
        format!("dht.mode.set={}", if node.is_some() { "on" } else { "off" }),
        format!("dht.port.set={PEER_PORT}"),
        "protocol.pex.set=no".to_owned(),
        match encryption {
            Encryption::Usual => "protocol.encryption.set=none".to_owned(),
            Encryption::Required => {
                "protocol.encryption.set=allow_incoming,try_outgoing,require,require_RC4".to_owned()
            }
        },
        "pieces.hash.on_completion.set=yes".to_owned(),
    ];
    let mut command = host.command("rtorrent");
    command.arg("-n");
    for option in options {
        // Takes an option with commas in it, too.
        command.arg("-O").arg(option);
    }
    let mut client = lab.spawn(command, "rtorrent")?;
    if let Some(node) = node {
        lab.wait_for("rtorrent to join the DHT", &mut client, || {
            // Without a node a torrent's first announce comes to nothing, and the next one is minutes away.
            if nodes_of_dht(host)? > 0 {
                return Ok(Some(()));
            }
            call(host.at(SCGI_PORT), "dht.add_node", &["", &node.to_string()])?;
            Ok(None)
        })?;
    }
    Ok(client)
}

fn nodes_of_dht(host: &Host) -> Result<i64> {
    let answer = call(host.at(SCGI_PORT), "dht.statistics", &[""])?;
    let nodes = answer.split("<name>nodes</name>").nth(1).and_then(integer);
    Ok(nodes.unwrap_or(0))
}

fn load(lab: &Lab, host: &Host, torrent: &Torrent, client: &mut Process) -> Result<()> {
    let (path, hash) = (torrent.path.display().to_string(), torrent.hex().to_uppercase());
    lab.wait_for("rtorrent to take the torrent", client, || {
        // Its port opens before it is ready, and a torrent that comes too early is silently forgotten.
        if number(host, "d.state", &[&hash]).is_ok() {
            return Ok(Some(()));
        }
        call(host.at(SCGI_PORT), "load.start", &["", &path])?;
        Ok(None)
    })
}

fn wait_until_complete(lab: &Lab, host: &Host, torrent: &Torrent, client: &mut Process) -> Result<()> {
    let hash = torrent.hex().to_uppercase();
    lab.wait_for("rtorrent to have everything", client, || {
        let complete = number(host, "d.complete", &[&hash])? == Some(1);
        let hashing = number(host, "d.hashing", &[&hash])? != Some(0);
        // Of a magnet what is complete first is the metadata.
        let is_meta = number(host, "d.is_meta", &[&hash])? != Some(0);
        Ok((complete && !hashing && !is_meta).then_some(()))
    })
}

fn number(host: &Host, method: &str, arguments: &[&str]) -> Result<Option<i64>> {
    Ok(integer(&call(host.at(SCGI_PORT), method, arguments)?))
}

/// The first number of an answer.
fn integer(answer: &str) -> Option<i64> {
    let value = answer.split_once("<i8>").or_else(|| answer.split_once("<i4>"));
    value.and_then(|(_, rest)| rest.split('<').next()).and_then(|digits| digits.parse().ok())
}

fn call(scgi: SocketAddr, method: &str, arguments: &[&str]) -> Result<String> {
    let arguments: String = arguments
        .iter()
        .map(|text| text.replace('&', "&amp;").replace('<', "&lt;"))
        .map(|text| format!("<param><value><string>{text}</string></value></param>"))
        .collect();
    let body = format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>{arguments}</params></methodCall>"
    );
    let head = format!("CONTENT_LENGTH\0{}\0SCGI\01\0", body.len());
    let answer = http::exchange(scgi, format!("{}:{head},{body}", head.len()).as_bytes())?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    ensure!(answer.contains("<params>"), "rtorrent refuses {method}: {answer}");
    Ok(answer)
}
