//! ttui and clients of the same network, who find each other by local discovery (BEP 14) alone.
//!
//! Who is to be found may not open connections: that there is one says that the other heard where it listens.

use color_eyre::eyre::{Result, ensure};

use crate::cases::{Case, case, plain};
use crate::clients::{ON_NETWORK, OnNetwork, Tool, ttui};
use crate::lab::{CASE_LIMIT, Lab};
use crate::net::Host;
use crate::tree;

/// Drops what would open a TCP connection from this host.
const NEVER_DIALS: &str = "add table inet quiet; \
    add chain inet quiet out { type filter hook output priority 0; }; \
    add rule inet quiet out tcp flags & (syn | ack) == syn drop";

pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, client) in ON_NETWORK {
        let needs = [client.tool(), Tool::TransmissionCli, Tool::Nftables];
        cases.push(case(&format!("finds_on_network_{name}"), &needs, move |lab| find(lab, client)));
        cases.push(case(&format!("found_on_network_by_{name}"), &needs, move |lab| be_found(lab, client)));
    }
    cases
}

/// The client seeds and says so; ttui, which was there before, dials it.
fn find(lab: &Lab, client: &dyn OnNetwork) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    never_dials(lab, &theirs)?;
    let into = lab.folder("download")?;
    let mut download = ttui::begin_on_network(lab, &ours, &torrent, &into)?;
    let _seed = client.begin_on_network(lab, &theirs, &torrent, &content.parent)?;
    let status = lab.wait_for_end(&mut download, CASE_LIMIT)?;
    ensure!(status == Some(0), "ttui ended with status {status:?}, expected 0");
    tree::ensure_equal(&content.parent, &into)
}

/// The client wants what ttui seeds, and was there before it: who comes within a minute of an announce hears none, and would
/// be dialled.
fn be_found(lab: &Lab, client: &dyn OnNetwork) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (ours, theirs) = (lab.host("ttui")?, lab.host("leecher")?);
    never_dials(lab, &ours)?;
    let into = lab.folder("download")?;
    let mut leecher = client.begin_on_network(lab, &theirs, &torrent, &into)?;
    let seed = ttui::seed_on_network(lab, &ours, &torrent, &content.parent)?;
    client.complete(lab, &theirs, &mut leecher)?;
    tree::ensure_holds(&content.parent, &into)?;
    ttui::end(lab, seed)
}

fn never_dials(lab: &Lab, host: &Host) -> Result<()> {
    let mut nft = host.command("nft");
    nft.arg(NEVER_DIALS);
    lab.output("nft", nft).map(drop)
}
