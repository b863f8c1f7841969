//! What ttui sends with everything on, as `tshark` takes it apart.

use std::fs;

use color_eyre::eyre::{Result, ensure};

use crate::cases::{Case, case, plain};
use crate::clients::libtorrent::Node;
use crate::clients::opentracker::Tracker;
use crate::clients::web::Server;
use crate::clients::{PEER_PORT, Tool, ttui};
use crate::lab::{CASE_LIMIT, Lab};

/// What has to be among it, by the names of `tshark`: nodes, the local network, routers three times, servers.
const PROTOCOLS: [&str; 6] = ["bt-dht", "lsd", "portcontrol", "nat-pmp", "ssdp", "http"];

pub(crate) fn all() -> Vec<Case> {
    let needs = [Tool::TransmissionCli, Tool::Libtorrent, Tool::Nginx, Tool::Opentracker, Tool::Tshark];
    vec![case("sends_nothing_malformed", &needs, send_nothing_malformed)]
}

fn send_nothing_malformed(lab: &Lab) -> Result<()> {
    let mut tracker = Tracker::new(lab)?;
    let (content, torrent) = plain(lab, Some(&tracker.http()))?;
    tracker.start(lab, &torrent)?;
    let [there, between, ours] = ["server", "node", "ttui"].map(|name| lab.host(name));
    let (there, between, ours) = (there?, between?, ours?);
    let server = Server::nginx(lab, &there, &content.parent, None)?;
    let node = Node::start(lab, &between, between.at(PEER_PORT))?;
    let folder = lab.folder("run")?;
    let (packets, log) = (folder.join("packets"), folder.join("ttui.log"));
    let mut command = ours.command("tshark");
    command.args(["-q", "-i", "eth0", "-w"]).arg(&packets);
    let mut capture = lab.spawn(command, "capture")?;
    lab.wait_for("the capture to begin", &mut capture, || {
        Ok((fs::metadata(&packets)?.len() > 0).then_some(()))
    })?;

    let settings = folder.join("everything.toml");
    fs::write(&settings, "dht = true\nlsd = true\nport-mapping = true\n")?;
    let into = lab.folder("download")?;
    let mut command = ttui::headless(&ours, &torrent.with_web_seeds(&[server.url()])?, &into);
    command.arg("--config").arg(settings).arg("--log").arg(&log);
    command.args(["--dht-node", &node.addr.to_string()]);
    let mut client = ttui::begin_to_seed(lab, "ttui-everything", command)?;
    // By then it has asked for a way in by every protocol.
    lab.wait_for("the way in to be given up", &mut client, || {
        Ok(fs::read_to_string(&log)?.contains("step=GaveUp").then_some(()))
    })?;
    ttui::end(lab, client)?;
    capture.terminate();
    lab.wait_for_end(&mut capture, CASE_LIMIT)?;

    let ours = format!("(ip.src == {} || ipv6)", ours.v4);
    let shown = |what: &str| {
        let mut command = std::process::Command::new("tshark");
        command.arg("-r").arg(&packets).args(["-Y", &format!("{ours} && {what}")]);
        lab.output("tshark", command)
    };
    for protocol in PROTOCOLS {
        ensure!(!shown(protocol)?.is_empty(), "no packet of {protocol} was sent");
    }
    let malformed = shown("_ws.malformed")?;
    ensure!(malformed.is_empty(), "malformed: {malformed}");
    Ok(())
}
