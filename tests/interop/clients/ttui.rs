//! The program under test, without its screen.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use color_eyre::eyre::{ContextCompat, Result, WrapErr, ensure};
use serde_json::Value;

use super::{GO_BETWEEN_BPS, PEER_PORT};
use crate::lab::{CASE_LIMIT, Lab};
use crate::net::Host;
use crate::process::Process;
use crate::torrents::Torrent;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ttui");

/// Where each way that is tried is counted.
const OVER_TCP: [&str; 2] = ["--transport", "tcp"];

/// The contract gives it two seconds after SIGTERM; the rest is for a busy machine.
const END_LIMIT: Duration = Duration::from_secs(4);

/// Downloads into `parent` and ends with status 0.
pub(crate) fn download(
    lab: &Lab,
    host: &Host,
    torrent: &Torrent,
    parent: &Path,
    peers: &[SocketAddr],
) -> Result<()> {
    download_files(lab, host, torrent, parent, (&[], peers))
}

/// Downloads as [`download`] does, told of a node of the DHT alone.
pub(crate) fn download_by_dht(
    lab: &Lab,
    host: &Host,
    torrent: &Torrent,
    parent: &Path,
    node: SocketAddr,
) -> Result<()> {
    let mut command = headless(host, torrent, parent);
    command.args(["--dht-node", &node.to_string()]);
    ensure_downloads(lab, command)
}

/// Downloads the files that are named, or those that were wanted last, as [`download`] does.
pub(crate) fn download_files(
    lab: &Lab,
    host: &Host,
    torrent: &Torrent,
    parent: &Path,
    (files, peers): (&[&str], &[SocketAddr]),
) -> Result<()> {
    let mut command = headless(host, torrent, parent);
    for named in files {
        command.args(["--files", named]);
    }
    for peer in peers {
        command.arg("--peer").arg(peer.to_string());
    }
    ensure_downloads(lab, command)
}

/// Runs it; it has to end with status 0 and everything.
pub(crate) fn ensure_downloads(lab: &Lab, command: Command) -> Result<()> {
    let mut client = lab.spawn(command, "ttui")?;
    let status = lab.wait_for_end(&mut client, CASE_LIMIT)?;
    ensure!(status == Some(0), "ttui ended with status {status:?}, expected 0");
    let last = last_line(&client.output())?;
    ensure!(last["schema"] == "ttui.progress/1", "not a line of progress: {last}");
    ensure!(last["final"] == true && last["error"].is_null(), "the last line is not a good end: {last}");
    ensure!(last["state"] == "complete", "the last line does not say complete: {last}");
    ensure!(last["have_bytes"] == last["total_bytes"], "complete without all bytes: {last}");
    Ok(())
}

/// Seeds what stands in `parent`; returns when it says so and listens.
pub(crate) fn seed(lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<Process> {
    seed_by(lab, host, headless(host, torrent, parent))
}

/// Seeds as [`seed`] does, told of a node of the DHT.
pub(crate) fn seed_in_dht(
    lab: &Lab,
    host: &Host,
    torrent: &Torrent,
    parent: &Path,
    node: SocketAddr,
) -> Result<Process> {
    let mut command = headless(host, torrent, parent);
    command.args(["--dht-node", &node.to_string()]);
    seed_by(lab, host, command)
}

/// Seeds as [`seed`] does, with local discovery.
pub(crate) fn seed_on_network(lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<Process> {
    seed_by(lab, host, on_network(lab, host, torrent, parent)?)
}

/// Starts to download into `parent`, with local discovery and told of nobody; returns when it listens.
pub(crate) fn begin_on_network(lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<Process> {
    let mut client = lab.spawn(on_network(lab, host, torrent, parent)?, "ttui")?;
    lab.wait_for_listener(&mut client, host.at(PEER_PORT))?;
    Ok(client)
}

fn on_network(lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<Command> {
    let settings = lab.folder("settings")?.join("on-network.toml");
    fs::write(&settings, "dht = false\nlsd = true\nport-mapping = false\n")?;
    let mut command = headless(host, torrent, parent);
    command.arg("--config").arg(settings);
    Ok(command)
}

/// Seeds what stands in `parent`, and asks routers for a way in; what it does goes to `log`, the run to `recording`. Returns
/// when it says that it seeds.
pub(crate) fn seed_with_way_in(
    lab: &Lab,
    host: &Host,
    torrent: &Torrent,
    parent: &Path,
    [log, recording]: [&Path; 2],
) -> Result<Process> {
    let settings = lab.folder("settings")?.join("way-in.toml");
    fs::write(&settings, "dht = false\nlsd = false\nport-mapping = true\n")?;
    let mut command = headless(host, torrent, parent);
    command.arg("--config").arg(settings).arg("--log").arg(log).arg("--record").arg(recording);
    // Another one downloads from it.
    begin_to_seed(lab, "ttui-behind", command)
}

/// Is a node of the DHT that knows another one, and has nothing of what others look for.
pub(crate) fn node(lab: &Lab, host: &Host, parent: &Path, other: SocketAddr) -> Result<Process> {
    let mut command = headless(host, &Torrent::of_nobody(), parent);
    command.args(["--dht-node", &other.to_string()]);
    let mut client = lab.spawn(command, "ttui")?;
    lab.wait_for_listener(&mut client, host.at(PEER_PORT))?;
    Ok(client)
}

/// Seeds by this command; returns when it says so and listens.
pub(crate) fn seed_by(lab: &Lab, host: &Host, command: Command) -> Result<Process> {
    let mut client = begin_to_seed(lab, "ttui", command)?;
    lab.wait_for_listener(&mut client, host.at(PEER_PORT))?;
    Ok(client)
}

/// Starts it; returns when it says that it seeds.
pub(crate) fn begin_to_seed(lab: &Lab, name: &str, mut command: Command) -> Result<Process> {
    command.arg("--seed");
    let mut client = lab.spawn(command, name)?;
    let stdout = client.stdout.clone();
    lab.wait_for("ttui to seed", &mut client, || {
        let line = last_line(&fs::read_to_string(&stdout)?)?;
        Ok(matches!(line["state"].as_str(), Some("seeding" | "complete")).then_some(()))
    })?;
    Ok(client)
}

/// Starts on an empty folder, connected with `peer`, so slow that nobody gets the content from it; returns when it
/// listens.
pub(crate) fn go_between(
    lab: &Lab,
    host: &Host,
    torrent: &Torrent,
    parent: &Path,
    peer: SocketAddr,
) -> Result<Process> {
    let mut command = headless(host, torrent, parent);
    command.args(["--down", &GO_BETWEEN_BPS.to_string(), "--peer", &peer.to_string()]);
    let mut client = lab.spawn(command, "ttui")?;
    lab.wait_for_listener(&mut client, host.at(PEER_PORT))?;
    Ok(client)
}

/// Ends a seed: asked to, it has to end in time, with status 0 as it is complete.
pub(crate) fn end(lab: &Lab, mut client: Process) -> Result<()> {
    client.terminate();
    let status = lab.wait_for_end(&mut client, END_LIMIT)?;
    ensure!(status == Some(0), "after SIGTERM the complete ttui ended with status {status:?}, expected 0");
    let last = last_line(&client.output())?;
    ensure!(last["final"] == true && last["error"].is_null(), "the last line is not a good end: {last}");
    Ok(())
}

/// What `ttui check --json` says of this peer, over TCP.
pub(crate) fn check(lab: &Lab, host: &Host, torrent: &Torrent, peer: SocketAddr) -> Result<Value> {
    let mut command = host.command(PROGRAM);
    command.arg("check").arg(&torrent.path).args(OVER_TCP).args(["--json", "--peer", &peer.to_string()]);
    let output = lab.output("ttui-check", command)?;
    serde_json::from_str(&output).wrap_err_with(|| format!("not JSON: {output}"))
}

/// What `ttui handshake --json` says of this peer, over TCP.
pub(crate) fn handshake(lab: &Lab, host: &Host, torrent: &Torrent, peer: SocketAddr) -> Result<Value> {
    let mut command = host.command(PROGRAM);
    command.arg("handshake").arg(&torrent.path).args(OVER_TCP).args([&peer.to_string(), "--json"]);
    let output = lab.output("ttui-handshake", command)?;
    serde_json::from_str(&output).wrap_err_with(|| format!("not JSON: {output}"))
}

/// What `ttui handshake` says over uTP of one that does not shake hands.
pub(crate) fn handshake_in_vain(
    lab: &Lab,
    host: &Host,
    torrent: &Torrent,
    peer: SocketAddr,
) -> Result<String> {
    let mut command = host.command(PROGRAM);
    command.arg("handshake").arg(&torrent.path).args([&peer.to_string(), "--transport", "utp"]);
    let mut shaking = lab.spawn(command, "ttui-handshake")?;
    let status = lab.wait_for_end(&mut shaking, CASE_LIMIT)?;
    ensure!(status == Some(1), "ttui handshake ended with status {status:?}, expected 1");
    Ok(shaking.output())
}

/// What `ttui info --json` says.
pub(crate) fn info(lab: &Lab, torrent: &Torrent) -> Result<Value> {
    let mut command = Command::new(PROGRAM);
    command.arg("info").arg(&torrent.path).arg("--json");
    let output = lab.output("ttui-info", command)?;
    serde_json::from_str(&output).wrap_err_with(|| format!("not JSON: {output}"))
}

/// The program without its screen, told of nobody.
pub(crate) fn headless(host: &Host, torrent: &Torrent, parent: &Path) -> Command {
    let mut command = host.command(PROGRAM);
    command.args(["--headless", "--json", "-p", &PEER_PORT.to_string(), "-o"]).arg(parent).arg(&torrent.path);
    command
}

/// The last whole line, which has to be JSON.
fn last_line(output: &str) -> Result<Value> {
    let whole = &output[..output.rfind('\n').map_or(0, |end| end + 1)];
    let line = whole.lines().last().wrap_err("ttui wrote no line")?;
    serde_json::from_str(line).wrap_err_with(|| format!("not JSON: {line}"))
}
