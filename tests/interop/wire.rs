//! What ttui sends with everything on, and over uTP, as `tshark` takes it apart.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use color_eyre::eyre::{ContextCompat, Result, ensure};

use crate::cases::{Case, case, plain};
use crate::clients::libtorrent::Node;
use crate::clients::opentracker::Tracker;
use crate::clients::web::Server;
use crate::clients::{PEER_PORT, Tool, ttui};
use crate::lab::{CASE_LIMIT, Lab};
use crate::net::Host;
use crate::process::Process;
use crate::torrents::{self, Maker};
use crate::tree;

/// What has to be among it, by the names of `tshark`: nodes, the local network, routers three times, servers.
const PROTOCOLS: [&str; 6] = ["bt-dht", "lsd", "portcontrol", "nat-pmp", "ssdp", "http"];

/// Of a packet of uTP, before its extensions.
const HEADER_BYTES: usize = 20;

pub(crate) fn all() -> Vec<Case> {
    let needs = [Tool::TransmissionCli, Tool::Libtorrent, Tool::Nginx, Tool::Opentracker, Tool::Tshark];
    vec![
        case("sends_nothing_malformed", &needs, send_nothing_malformed),
        case(
            "sends_nothing_malformed_over_utp",
            &[Tool::TransmissionCli, Tool::Nftables, Tool::Tshark],
            send_nothing_malformed_over_utp,
        ),
    ]
}

/// What comes and goes at a host, while this runs.
struct Capture {
    process: Process,
    packets: PathBuf,
}

impl Capture {
    fn begin(lab: &Lab, host: &Host) -> Result<Self> {
        let packets = lab.folder("run")?.join("packets");
        let mut command = host.command("tshark");
        command.args(["-q", "-i", "eth0", "-w"]).arg(&packets);
        let mut process = lab.spawn(command, "capture")?;
        lab.wait_for("the capture to begin", &mut process, || {
            Ok((fs::metadata(&packets)?.len() > 0).then_some(()))
        })?;
        Ok(Self { process, packets })
    }

    fn end(mut self, lab: &Lab) -> Result<Packets> {
        self.process.terminate();
        lab.wait_for_end(&mut self.process, CASE_LIMIT)?;
        Ok(Packets(self.packets))
    }
}

/// What came and went, in a file.
struct Packets(PathBuf);

impl Packets {
    /// A line for each that fits the filter, as these further arguments have it.
    fn shown(&self, lab: &Lab, filter: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&self.0).args(["-Y", filter]).args(arguments);
        lab.output("tshark", command)
    }
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
    let log = folder.join("ttui.log");
    let capture = Capture::begin(lab, &ours)?;

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
    let packets = capture.end(lab)?;

    let ours = format!("(ip.src == {} || ipv6)", ours.v4);
    let shown = |what: &str| packets.shown(lab, &format!("{ours} && {what}"), &[]);
    for protocol in PROTOCOLS {
        ensure!(!shown(protocol)?.is_empty(), "no packet of {protocol} was sent");
    }
    let malformed = shown("_ws.malformed")?;
    ensure!(malformed.is_empty(), "malformed: {malformed}");
    Ok(())
}

/// Both ends are ttui, so every packet is. Some are lost on the way, so some are acknowledged out of order.
fn send_nothing_malformed_over_utp(lab: &Lab) -> Result<()> {
    let content = torrents::one_file(lab, "short.bin", 3 * 1024 * 1024 + 4_321)?;
    let torrent = torrents::make(lab, Maker::TransmissionCreate, &content, 17, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    for host in [&theirs, &ours] {
        // Packets, not bundles of 64, are seen and lost.
        let mut ip = host.command("ip");
        ip.args(["link", "set", "eth0", "gso_max_segs", "1"]);
        lab.output("ip", ip)?;
    }
    let mut nft = ours.command("nft");
    nft.arg(format!(
        "add table inet lossy; \
         add chain inet lossy in {{ type filter hook input priority 0; }}; \
         add rule inet lossy in udp dport {PEER_PORT} numgen random mod 50 0 drop"
    ));
    lab.output("nft", nft)?;
    let capture = Capture::begin(lab, &theirs)?;
    let seed = {
        let mut command = ttui::headless(&theirs, &torrent, &content.parent);
        command.args(["--transport", "utp"]);
        ttui::begin_to_seed(lab, "ttui-seed", command)?
    };
    let into = lab.folder("download")?;
    let mut command = ttui::headless(&ours, &torrent, &into);
    command.args(["--transport", "utp", "--peer", &theirs.at(PEER_PORT).to_string()]);
    ttui::ensure_downloads(lab, command)?;
    tree::ensure_equal(&content.parent, &into)?;
    ttui::end(lab, seed)?;
    let packets = capture.end(lab)?;

    // It takes windows beyond a few mebibytes for a sign of another protocol, unless it is told of them.
    let (port, window) = (format!("udp.port=={PEER_PORT},bt-utp"), "bt-utp.max_window_size:ffffffff");
    let shown =
        |what: &str, more: &[&str]| packets.shown(lab, what, &[&["-d", &port, "-o", window], more].concat());
    for (what, filter) in [
        ("SYN", "bt-utp.type == 4"),
        ("data", "bt-utp.type == 0"),
        ("selective ack", "bt-utp.extension_bitmask"),
    ] {
        ensure!(!shown(filter, &[])?.is_empty(), "no {what} was sent");
    }
    let faults = shown("_ws.malformed || _ws.expert.severity >= error", &[])?;
    ensure!(faults.is_empty(), "faults: {faults}");
    // It knows none with extensions beyond the first two: reasons to close, and the padding of what tries the path.
    let unknown = shown("udp && !bt-utp", &["-T", "fields", "-e", "udp.payload"])?;
    for packet in unknown.lines() {
        let extensions = extensions(packet).wrap_err_with(|| format!("malformed: {packet}"))?;
        ensure!(extensions.iter().any(|kind| *kind > 2), "not known: {packet}");
    }
    Ok(())
}

/// Which extensions a packet of uTP has, given in hex, in their order. `None` where it is none, or they reach past its end.
fn extensions(packet: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(packet.get(2 * at..2 * at + 2)?, 16).ok();
    if !matches!(byte(0)?, 0x01 | 0x11 | 0x21 | 0x31 | 0x41) {
        return None;
    }
    let (mut kinds, mut next, mut at) = (Vec::new(), byte(1)?, HEADER_BYTES);
    while next != 0 {
        kinds.push(next);
        next = byte(at)?;
        at += 2 + usize::from(byte(at + 1)?);
    }
    (2 * at <= packet.len()).then_some(kinds)
}
