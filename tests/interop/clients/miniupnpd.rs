//! miniupnpd, the router of many homes: PCP, NAT-PMP and UPnP. It changes the firewall of its host by nftables.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use ::ttui::event::MappingProtocol;
use color_eyre::eyre::{ContextCompat, Result, ensure};

use super::PEER_PORT;
use crate::lab::Lab;
use crate::net::{Host, INSIDE};
use crate::process::Process;

/// Seconds for which it maps at most by PCP, so that a case can see the end of it.
pub(crate) const PCP_LEASE_S: u64 = 12;

/// The chains that it fills, and the router's own masquerading.
const CHAINS: &str = "table inet filter {
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
    chain input { type filter hook input priority 0; policy accept; }
    chain forward { type filter hook forward priority 0; policy accept; jump miniupnpd; }
    chain prerouting { type nat hook prerouting priority -100; policy accept; jump prerouting_miniupnpd; }
    chain postrouting {
        type nat hook postrouting priority 100; policy accept
        jump postrouting_miniupnpd
        oifname \"eth0\" masquerade
    }
}
";

/// What it is asked by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Speaks {
    Pcp,
    /// PCP is not answered at all, as by older routers.
    NatPmp,
    Igd1,
    Igd2,
}

impl Speaks {
    /// By which protocol ttui asks it with success.
    pub(crate) fn protocol(self) -> MappingProtocol {
        match self {
            Self::Pcp => MappingProtocol::Pcp,
            Self::NatPmp => MappingProtocol::NatPmp,
            Self::Igd1 | Self::Igd2 => MappingProtocol::Upnp,
        }
    }
}

/// A router that runs.
#[derive(Debug)]
pub(crate) struct Router {
    process: Process,
    leases: PathBuf,
}

/// A port that it has mapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lease {
    /// `TCP` or `UDP`.
    pub(crate) transport: String,
    /// When it ends, seconds since 1970.
    pub(crate) until_s: u64,
    /// Names the protocol.
    pub(crate) label: String,
}

impl Router {
    /// Makes `host` a router that others see at `outside`.
    pub(crate) fn start(lab: &Lab, host: &Host, speaks: Speaks, outside: Ipv4Addr) -> Result<Self> {
        let folder = lab.folder("router")?;
        let (chains, settings, leases) =
            (folder.join("chains"), folder.join("settings"), folder.join("leases"));
        let deaf = if speaks == Speaks::NatPmp {
            "add rule inet filter input udp dport 5351 @th,64,8 2 drop\n"
        } else {
            ""
        };
        fs::write(&chains, format!("{CHAINS}{deaf}"))?;
        let mut nft = host.command("nft");
        nft.arg("-f").arg(&chains);
        lab.output("nft", nft)?;
        host.forward()?;

        let is = |wanted: &[Speaks]| if wanted.contains(&speaks) { "yes" } else { "no" };
        let words = [
            "ext_ifname=eth0".to_owned(),
            format!("ext_ip={outside}"),
            format!("listening_ip={INSIDE}"),
            format!("enable_natpmp={}", is(&[Speaks::Pcp, Speaks::NatPmp])),
            format!("enable_upnp={}", is(&[Speaks::Igd1, Speaks::Igd2])),
            format!("force_igd_desc_v1={}", is(&[Speaks::Igd1])),
            "min_lifetime=1".to_owned(),
            format!("max_lifetime={PCP_LEASE_S}"),
            "secure_mode=yes".to_owned(),
            format!("lease_file={}", leases.display()),
            "uuid=00000000-0000-0000-0000-000000000001".to_owned(),
            "allow 1024-65535 0.0.0.0/0 1024-65535\n".to_owned(),
        ];
        fs::write(&settings, words.join("\n"))?;
        let mut command = host.command("miniupnpd");
        command.arg("-d").arg("-f").arg(&settings).arg("-P").arg(folder.join("pid"));
        Ok(Self { process: lab.spawn(command, "miniupnpd")?, leases })
    }

    /// Waits until it has mapped the port for both.
    pub(crate) fn wait_for_both(&mut self, lab: &Lab) -> Result<Vec<Lease>> {
        let Self { process, leases } = self;
        lab.wait_for("two mappings", process, || Ok(Some(read(leases)?).filter(|leases| leases.len() == 2)))
    }

    /// Waits until it has mapped nothing.
    pub(crate) fn wait_for_none(&mut self, lab: &Lab) -> Result<()> {
        let Self { process, leases } = self;
        lab.wait_for("no mapping", process, || Ok(read(leases)?.is_empty().then_some(())))
    }
}

fn read(leases: &Path) -> Result<Vec<Lease>> {
    // There is no file before the first.
    let text = fs::read_to_string(leases).unwrap_or_default();
    text.lines().map(Lease::read).collect()
}

impl Lease {
    /// Reads `TCP:6881:192.168.77.2:6881:1795569398:PCP MAP …`.
    fn read(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.splitn(6, ':').collect();
        let field = |at: usize| fields.get(at).copied().wrap_err_with(|| format!("not a lease: {line}"));
        let port = PEER_PORT.to_string();
        ensure!(field(1)? == port && field(3)? == port, "another port: {line}");
        Ok(Self { transport: field(0)?.to_owned(), until_s: field(4)?.parse()?, label: field(5)?.to_owned() })
    }
}
