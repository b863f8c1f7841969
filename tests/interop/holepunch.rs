//! Two behind routers of their own, which let nobody in, meet through a third one that both are connected to (BEP 55).
//!
//! One of the two has everything, and takes no peer exchange: it hears of the other by the relay's word alone, and does not
//! happen to dial at the same time. The other has nothing, hears of the first by peer exchange, and asks. The relay is so
//! slow that nobody gets the content from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use color_eyre::eyre::{Result, ensure};

use crate::cases::{Case, case, plain};
use crate::clients::libtorrent::Libtorrent;
use crate::clients::{GO_BETWEEN_BPS, PEER_PORT, PeerExchange, Tool, Ways, ttui};
use crate::lab::Lab;
use crate::net::Host;
use crate::tree;

const LIBTORRENT: Libtorrent = Libtorrent(Ways::UTP);

/// What a router of homes does: those behind it go out by its address, and nobody comes in who was not called.
const MASQUERADES: &str = "add table inet home; \
    add chain inet home in { type filter hook input priority 0; }; \
    add rule inet home in iifname eth0 ct state new drop; \
    add chain inet home out { type nat hook postrouting priority 100; }; \
    add rule inet home out oifname eth0 masquerade";

/// Which of the three libtorrent is; the others are ttui.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Libtorrents {
    None,
    Relay,
    Told,
    Asking,
}

pub(crate) fn all() -> Vec<Case> {
    let (create, nftables, libtorrent) = (Tool::TransmissionCli, Tool::Nftables, Tool::Libtorrent);
    let with = |name, part| case(name, &[create, nftables, libtorrent], move |lab| meet(lab, part));
    vec![
        case("meets_through_ttui", &[create, nftables], |lab| meet(lab, Libtorrents::None)),
        with("meets_through_libtorrent", Libtorrents::Relay),
        with("meets_libtorrent_that_is_told", Libtorrents::Told),
        with("meets_libtorrent_that_asks", Libtorrents::Asking),
    ]
}

fn meet(lab: &Lab, part: Libtorrents) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let between = lab.host("relay")?;
    let (first_router, second_router) = (router(lab, "first-router")?, router(lab, "second-router")?);
    let (first, second) = (lab.host_behind(&first_router)?, lab.host_behind(&second_router)?);
    let (into, slow) = (lab.folder("download")?, lab.folder("relay")?);
    let ours = |host, parent: &Path, log: &Log| {
        let mut command = ttui::headless(host, &torrent, parent);
        command.env("RUST_LOG", "ttui=debug").arg("--log").arg(&log.0);
        // libtorrent knows who is asked for by the address that it sees, and over TCP that is another.
        if part == Libtorrents::Relay {
            command.args(["--transport", "utp"]);
        }
        command
    };
    let relay_at = between.at(PEER_PORT);
    let dials_relay = |mut command: Command| {
        command.args(["--peer", &relay_at.to_string()]);
        command
    };

    let log = Log::of(lab, "relay");
    let (mut relay, sees) = if part == Libtorrents::Relay {
        let relay = LIBTORRENT.stand_between(lab, &between, &torrent, &slow, None)?;
        (relay, lab.logs().join("libtorrent-between.err"))
    } else {
        let mut command = ours(&between, &slow, &log);
        command.args(["--down", &GO_BETWEEN_BPS.to_string()]);
        (lab.spawn(command, "relay")?, log.0.clone())
    };
    lab.wait_for_listener(&mut relay, relay_at)?;

    let told = Log::of(lab, "told");
    let _seed = if part == Libtorrents::Told {
        LIBTORRENT.begin(lab, &first, &torrent, &content.parent, Some(relay_at))?
    } else {
        let mut command = dials_relay(ours(&first, &content.parent, &told));
        command.arg("--no-pex");
        ttui::begin_to_seed(lab, "told", command)?
    };
    let at = format!("{}:", first_router.v4);
    lab.wait_for("the first at the relay", &mut relay, || {
        Ok(fs::read_to_string(&sees)?.contains(&at).then_some(()))
    })?;

    let asks = Log::of(lab, "asks");
    if part == Libtorrents::Asking {
        LIBTORRENT.download_by_exchange(lab, &second, &torrent, &into, relay_at)?;
    } else {
        ttui::ensure_downloads(lab, dials_relay(ours(&second, &into, &asks)))?;
        asks.ensure_says(&format!("peer=\"{}\" step=Asked", first_router.at(PEER_PORT)))?;
    }
    if part != Libtorrents::Told {
        told.ensure_says(&format!("peer=\"{}\" step=Told", second_router.at(PEER_PORT)))?;
    }
    if part != Libtorrents::Relay {
        log.ensure_says("step=Relayed")?;
    }
    tree::ensure_holds(&content.parent, &into)
}

/// A host that [`MASQUERADES`].
fn router(lab: &Lab, name: &str) -> Result<Host> {
    let host = lab.host(name)?;
    host.forward()?;
    let mut nft = host.command("nft");
    nft.arg(MASQUERADES);
    lab.output("nft", nft)?;
    Ok(host)
}

/// Where a ttui says what it does.
struct Log(PathBuf);

impl Log {
    fn of(lab: &Lab, part: &str) -> Self {
        Self(lab.logs().join(format!("{part}.log")))
    }

    fn ensure_says(&self, what: &str) -> Result<()> {
        ensure!(fs::read_to_string(&self.0)?.contains(what), "no {what} in {}", self.0.display());
        Ok(())
    }
}
