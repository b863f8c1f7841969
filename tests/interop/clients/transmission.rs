//! transmission-daemon, steered over its RPC port. It cannot be told of a peer: it asks a tracker or is dialled.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use color_eyre::eyre::{ContextCompat, Result, ensure};
use serde_json::{Value, json};

use super::{Client, Encryption, OnNetwork, PEER_PORT, Tool, Ways};
use crate::http;
use crate::lab::Lab;
use crate::net::Host;
use crate::process::Process;
use crate::torrents::Torrent;

const RPC_PORT: u16 = 9091;
/// What it calls a torrent that seeds: it is not checked, and does not wait for that.
const SEEDS: u64 = 6;

/// See the module.
pub(crate) struct Transmission(pub(crate) Ways);

impl Client for Transmission {
    fn tool(&self) -> Tool {
        Tool::TransmissionDaemon
    }

    fn calls_itself(&self) -> &'static str {
        "Transmission"
    }

    fn takes_peers(&self) -> bool {
        false
    }

    fn run(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        _: Option<SocketAddr>,
    ) -> Result<Process> {
        let mut client = self.start(lab, host, torrent, parent, false)?;
        complete(lab, host, &mut client)?;
        Ok(client)
    }
}

impl OnNetwork for Transmission {
    fn begin_on_network(&self, lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<Process> {
        let mut client = self.start(lab, host, torrent, parent, true)?;
        // Whatever comes before it has announced its first torrent it counts as a flood.
        let log = lab.logs().join("transmission.err");
        lab.wait_for("transmission to announce the torrent", &mut client, || {
            Ok(fs::read_to_string(&log)?.contains("LPD announce message away").then_some(()))
        })?;
        Ok(client)
    }

    fn complete(&self, lab: &Lab, host: &Host, client: &mut Process) -> Result<()> {
        complete(lab, host, client)
    }
}

impl Transmission {
    /// Starts it; returns when it has taken the torrent. `lpd`: with local discovery, which it calls so.
    fn start(&self, lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path, lpd: bool) -> Result<Process> {
        let config = lab.folder("transmission")?;
        let settings = json!({
            "download-dir": parent,
            "incomplete-dir-enabled": false,
            "rename-partial-files": false,
            "peer-port": PEER_PORT,
            "peer-port-random-on-start": false,
            "port-forwarding-enabled": false,
            "dht-enabled": false,
            "lpd-enabled": lpd,
            "pex-enabled": false,
            "utp-enabled": self.0.utp,
            "encryption": match self.0.encryption {
                // Dials plain, takes both.
                Encryption::Usual => 0,
                Encryption::Required => 2,
            },
            "rpc-enabled": true,
            "rpc-bind-address": "0.0.0.0",
            "rpc-port": RPC_PORT,
            "rpc-whitelist-enabled": false,
            "rpc-host-whitelist-enabled": false,
            "rpc-authentication-required": false,
            "start-added-torrents": true,
            "trash-original-torrent-files": false,
            "watch-dir-enabled": false,
        });
        fs::write(config.join("settings.json"), settings.to_string())?;
        let mut command = host.command("transmission-daemon");
        command.arg("--foreground").arg("--config-dir").arg(config).arg("--log-debug");
        let mut client = lab.spawn(command, "transmission")?;
        let rpc = host.at(RPC_PORT);
        lab.wait_for("transmission to take the torrent", &mut client, || {
            let arguments = json!({ "filename": torrent.path, "download-dir": parent, "paused": false });
            call(rpc, "torrent-add", &arguments).map(Some)
        })?;
        Ok(client)
    }
}

fn complete(lab: &Lab, host: &Host, client: &mut Process) -> Result<()> {
    lab.wait_for("transmission to have everything", client, || {
        let state = state(host)?;
        Ok((state["percentDone"].as_f64() == Some(1.0) && state["status"] == SEEDS).then_some(()))
    })
}

/// How its only torrent stands.
fn state(host: &Host) -> Result<Value> {
    let fields = ["percentDone", "status", "errorString", "leftUntilDone", "isFinished"];
    let mut answer = call(host.at(RPC_PORT), "torrent-get", &json!({ "fields": fields }))?;
    Ok(answer["torrents"][0].take())
}

fn call(rpc: SocketAddr, method: &str, arguments: &Value) -> Result<Value> {
    let body = json!({ "method": method, "arguments": arguments }).to_string();
    let path = "/transmission/rpc";
    // The first call is refused with the session's id, which the second has to carry.
    let refusal = http::get(rpc, path)?;
    let session = refusal.header("x-transmission-session-id").wrap_err("transmission names no session")?;
    let answer = http::post(rpc, path, &[("X-Transmission-Session-Id", session)], &body)?.text()?;
    let mut answer: Value = serde_json::from_str(&answer)?;
    ensure!(answer["result"] == "success", "transmission refuses {method}: {}", answer["result"]);
    Ok(answer["arguments"].take())
}
