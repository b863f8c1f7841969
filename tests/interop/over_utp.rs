//! ttui and clients that know uTP (BEP 29), where no connection over TCP gets through.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, ensure};

use crate::cases::{Case, case, plain};
use crate::clients::libtorrent::Libtorrent;
use crate::clients::opentracker::Tracker;
use crate::clients::{Client, OVER_UTP, PEER_PORT, Source, Tool, Ways, ttui};
use crate::lab::Lab;
use crate::net::Host;
use crate::torrents::Torrent;
use crate::tree;

const LIBTORRENT: Libtorrent = Libtorrent(Ways::UTP);

/// Both of them, of which the firewalls leave one.
const BOTH: [&str; 2] = ["--transport", "both"];

/// Three in a row. Four are waited for by who does not hear what the system says.
const THREE_TIMEOUTS: Duration = Duration::from_millis(3_500);

pub(crate) fn all() -> Vec<Case> {
    let (create, nftables, libtorrent) = (Tool::TransmissionCli, Tool::Nftables, Tool::Libtorrent);
    let mut cases = Vec::new();
    for (name, client) in OVER_UTP {
        let mut needs = vec![client.tool(), create, nftables];
        cases
            .push(case(&format!("downloads_over_utp_from_{name}"), &needs, move |lab| download(lab, client)));
        if !client.takes_peers() {
            needs.push(Tool::Opentracker);
        }
        cases.push(case(&format!("seeds_over_utp_to_{name}"), &needs, move |lab| seed(lab, client)));
    }
    cases.extend([
        case("downloads_over_utp_from_ttui", &[create], between_two),
        case("downloads_over_utp_where_packets_must_be_short", &[create], between_short_packets),
        case("tells_why_libtorrent_closes", &[libtorrent, create], hear_why),
        case("tells_libtorrent_that_it_closes", &[libtorrent, create], be_heard),
    ]);
    cases
}

/// Drops what would open a connection over TCP with this host, but for the case itself, which asks whether somebody listens.
fn shut_tcp(lab: &Lab, host: &Host) -> Result<()> {
    let mut nft = host.command("nft");
    nft.arg(format!(
        "add table inet shut; \
         add chain inet shut in {{ type filter hook input priority 0; }}; \
         add rule inet shut in ip saddr {} accept; \
         add rule inet shut in tcp dport {PEER_PORT} drop",
        lab.here()
    ));
    lab.output("nft", nft).map(drop)
}

fn download(lab: &Lab, client: &dyn Client) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    shut_tcp(lab, &theirs)?;
    shut_tcp(lab, &ours)?;
    let _seed = client.seed(lab, &theirs, &torrent, &content.parent)?;
    let into = lab.folder("download")?;
    let mut command = ttui::headless(&ours, &torrent, &into);
    command.args(BOTH).args(["--peer", &theirs.at(PEER_PORT).to_string()]);
    ttui::ensure_downloads(lab, command)?;
    tree::ensure_equal(&content.parent, &into)
}

fn seed(lab: &Lab, client: &dyn Client) -> Result<()> {
    let mut tracker = if client.takes_peers() { None } else { Some(Tracker::new(lab)?) };
    let announce = tracker.as_ref().map(Tracker::http);
    let (content, torrent) = plain(lab, announce.as_deref())?;
    let (ours, theirs) = (lab.host("ttui")?, lab.host("leecher")?);
    shut_tcp(lab, &theirs)?;
    shut_tcp(lab, &ours)?;
    if let Some(tracker) = &mut tracker {
        tracker.start(lab, &torrent)?;
    }
    let mut command = ttui::headless(&ours, &torrent, &content.parent);
    command.args(BOTH);
    let seed = ttui::seed_by(lab, &ours, command)?;
    let from = match &mut tracker {
        Some(tracker) => {
            tracker.wait_for_seed(lab, &torrent)?;
            Source::Tracker
        }
        None => Source::Peer(ours.at(PEER_PORT)),
    };
    let into = lab.folder("download")?;
    let _leecher = client.download(lab, &theirs, &torrent, &into, from)?;
    tree::ensure_holds(&content.parent, &into)?;
    ttui::end(lab, seed)
}

/// Under encryption, where neither knows of TCP.
fn between_two(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    let seed = ttui::begin_to_seed(lab, "ttui-seed", over_utp_alone(&theirs, &torrent, &content.parent))?;
    let into = lab.folder("download")?;
    ttui::ensure_downloads(lab, asks(&theirs, over_utp_alone(&ours, &torrent, &into)))?;
    tree::ensure_equal(&content.parent, &into)?;
    ttui::end(lab, seed)
}

/// On a network of which the system says at once that no packet of the usual length passes: none is tried again and again.
fn between_short_packets(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    let seed = ttui::begin_to_seed(lab, "ttui-seed", over_utp_alone(&theirs, &torrent, &content.parent))?;
    let takes = |name: &str| -> Result<Duration> {
        let into = lab.folder(name)?;
        let began = Instant::now();
        ttui::ensure_downloads(lab, asks(&theirs, over_utp_alone(&ours, &torrent, &into)))?;
        let took = began.elapsed();
        tree::ensure_equal(&content.parent, &into)?;
        // The next time it is new to us.
        fs::remove_dir_all(lab.folder("home-ttui")?.join("state"))?;
        Ok(took)
    };
    let usual = takes("usual")?;
    for host in [&theirs, &ours] {
        let mut narrow = host.command("ip");
        narrow.args(["link", "set", "eth0", "mtu", "1000"]);
        lab.output("ip", narrow)?;
    }
    let short = takes("short")?;
    ensure!(short < usual + THREE_TIMEOUTS, "{short:?} where packets must be short, {usual:?} where not");
    ttui::end(lab, seed)
}

fn over_utp_alone(host: &Host, torrent: &Torrent, parent: &Path) -> Command {
    let mut command = ttui::headless(host, torrent, parent);
    command.args(["--transport", "utp", "--encryption", "require"]);
    command
}

fn asks(peer: &Host, mut command: Command) -> Command {
    command.args(["--peer", &peer.at(PEER_PORT).to_string()]);
    command
}

/// libtorrent is asked for a torrent that it does not have.
fn hear_why(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    let _seed = LIBTORRENT.seed(lab, &theirs, &torrent, &content.parent)?;
    let log = lab.folder("run")?.join("ttui.log");
    let mut command = ttui::headless(&ours, &Torrent::of_nobody(), &lab.folder("download")?);
    command.args(["--transport", "utp", "--peer", &theirs.at(PEER_PORT).to_string(), "--log"]).arg(&log);
    let mut client = lab.spawn(command, "ttui")?;
    let told = "cause=\"closed_before_handshake\" detail=\"its reason: invalid info hash\"";
    lab.wait_for("the reason", &mut client, || Ok(fs::read_to_string(&log)?.contains(told).then_some(())))?;
    let shaken = ttui::handshake_in_vain(lab, &ours, &Torrent::of_nobody(), theirs.at(PEER_PORT))?;
    ensure!(shaken.contains("(its reason: invalid info hash)"), "not told: {shaken}");
    Ok(())
}

/// It asks ttui for one that ttui does not have. What it is told is there to be seen in a later version than 2.0 of it.
fn be_heard(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (theirs, ours) = (lab.host("leecher")?, lab.host("ttui")?);
    let mut command = ttui::headless(&ours, &torrent, &content.parent);
    command.args(BOTH);
    let seed = ttui::seed_by(lab, &ours, command)?;
    let into = lab.folder("download")?;
    let peer = Some(ours.at(PEER_PORT));
    let mut client = LIBTORRENT.begin(lab, &theirs, &Torrent::of_nobody(), &into, peer)?;
    let alerts = lab.logs().join("libtorrent.err");
    let told = lab.wait_for("libtorrent to be hung up on", &mut client, || {
        let alerts = fs::read_to_string(&alerts)?;
        Ok(alerts.lines().find(|line| line.contains("disconnecting (uTP)")).map(str::to_owned))
    })?;
    ensure!(told.contains("End of file"), "it heard otherwise: {told}");
    ttui::end(lab, seed)
}
