//! aria2c, watched over its JSON-RPC port. It cannot be told of a peer: it asks a tracker or is dialled.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use color_eyre::eyre::Result;
use serde_json::{Value, json};

use super::{Client, Encryption, InDht, PEER_PORT, Tool};
use crate::http;
use crate::lab::Lab;
use crate::net::Host;
use crate::process::Process;
use crate::torrents::Torrent;

const RPC_PORT: u16 = 6800;

/// See the module.
pub(crate) struct Aria2(pub(crate) Encryption);

impl Client for Aria2 {
    fn tool(&self) -> Tool {
        Tool::Aria2
    }

    fn calls_itself(&self) -> &'static str {
        "aria2"
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
        let mut command = command(host, torrent, parent);
        command.arg("--enable-dht=false");
        if self.0 == Encryption::Required {
            command.arg("--bt-require-crypto=true").arg("--bt-min-crypto-level=arc4");
        }
        wait_until_complete(lab, host, lab.spawn(command, "aria2")?)
    }
}

impl InDht for Aria2 {
    fn run_in_dht(
        &self,
        lab: &Lab,
        host: &Host,
        torrent: &Torrent,
        parent: &Path,
        node: SocketAddr,
    ) -> Result<Process> {
        let mut command = command(host, torrent, parent);
        command.arg("--enable-dht=true").arg(format!("--dht-listen-port={PEER_PORT}"));
        command.arg(format!("--dht-entry-point={node}"));
        wait_until_complete(lab, host, lab.spawn(command, "aria2")?)
    }
}

fn command(host: &Host, torrent: &Torrent, parent: &Path) -> Command {
    let mut command = host.command("aria2c");
    command
        .arg("--no-conf=true")
        .arg("--enable-dht6=false")
        .arg("--bt-enable-lpd=false")
        .arg("--enable-peer-exchange=false")
        .arg("--check-integrity=true")
        .arg("--seed-ratio=0.0")
        .arg("--file-allocation=none")
        .arg(format!("--listen-port={PEER_PORT}"))
        .arg("--enable-rpc=true")
        .arg("--rpc-listen-all=true")
        .arg(format!("--rpc-listen-port={RPC_PORT}"))
        .arg("--log-level=info")
        .arg("--log=-")
        .arg(format!("--dir={}", parent.display()))
        .arg(&torrent.path);
    command
}

fn wait_until_complete(lab: &Lab, host: &Host, mut client: Process) -> Result<Process> {
    let call = json!({ "jsonrpc": "2.0", "id": "", "method": "aria2.tellActive" }).to_string();
    lab.wait_for("aria2 to have everything", &mut client, || {
        let answer = http::post(host.at(RPC_PORT), "/jsonrpc", &[], &call)?.text()?;
        let answer: Value = serde_json::from_str(&answer)?;
        Ok((answer["result"][0]["seeder"] == "true").then_some(()))
    })?;
    Ok(client)
}
