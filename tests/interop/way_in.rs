//! ttui behind a router: reached from beyond it, and what is told where that cannot be.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::ttui::event::{At, MappingStep};
use ::ttui::ledger::VerdictCode;
use ::ttui::mapping::LEASE;
use ::ttui::record::{Player, Recording};
use ::ttui::wire::pcp;
use color_eyre::eyre::{Result, ensure};

use crate::cases::{Case, case, plain};
use crate::clients::miniupnpd::{Lease, Router, Speaks};
use crate::clients::{PEER_PORT, Tool, ttui};
use crate::lab::Lab;
use crate::process::Process;
use crate::tree;

/// Where the router says that others see it: miniupnpd takes no address of documentation for one.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);
/// One that a carrier shares among its customers.
const SHARED: Ipv4Addr = Ipv4Addr::new(100, 64, 3, 1);

pub(crate) fn all() -> Vec<Case> {
    let tools = [Tool::Miniupnpd, Tool::Nftables, Tool::TransmissionCli];
    let router =
        |name, speaks, label| case(name, &tools, move |lab| is_reached_through_a_router(lab, speaks, label));
    vec![
        router("is_reached_through_a_router_by_pcp", Speaks::Pcp, "PCP MAP"),
        router("is_reached_through_a_router_by_nat_pmp", Speaks::NatPmp, "NAT-PMP"),
        router("is_reached_through_a_router_by_igd_1", Speaks::Igd1, "ttui"),
        router("is_reached_through_a_router_by_igd_2", Speaks::Igd2, "ttui"),
        case("tells_that_no_router_maps_its_port", &[Tool::TransmissionCli], without_a_router),
        case("tells_of_two_routers", &[Tool::TransmissionCli], behind_two_routers),
    ]
}

/// A client beyond the router downloads through it. What was mapped is given back after SIGTERM; after SIGKILL the next run
/// takes it over, and it ends by itself, or is to end within the twenty minutes that were asked for.
fn is_reached_through_a_router(lab: &Lab, speaks: Speaks, label: &str) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (gateway, beyond) = (lab.host("router")?, lab.host("leecher")?);
    let home = lab.host_behind(&gateway)?;
    let mut router = Router::start(lab, &gateway, speaks, OUTSIDE)?;
    let folder = lab.folder("run")?;
    let seed = |name: &str| {
        let (log, recording) = (folder.join(format!("{name}.log")), folder.join(format!("{name}.ttrec")));
        ttui::seed_with_way_in(lab, &home, &torrent, &content.parent, [&log, &recording])
    };

    let client = seed("first")?;
    let leases = router.wait_for_both(lab)?;
    let by = |lease: &Lease| lease.label.starts_with(label);
    ensure!(leases.iter().all(by), "not by {speaks:?}: {leases:?}");
    let mut transports: Vec<&str> = leases.iter().map(|lease| lease.transport.as_str()).collect();
    transports.sort_unstable();
    ensure!(transports == ["TCP", "UDP"], "not both: {leases:?}");
    let into = lab.folder("download")?;
    ttui::download(lab, &beyond, &torrent, &into, &[gateway.at(PEER_PORT)])?;
    tree::ensure_equal(&content.parent, &into)?;
    ttui::end(lab, client)?;
    router.wait_for_none(lab)?;
    let told = Told::of(&folder.join("first.ttrec"))?;
    ensure!(told.outside == Some(OUTSIDE), "outside is not told: {:?}", told.outside);

    let client = seed("second")?;
    let leases = router.wait_for_both(lab)?;
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    // Dropped, it is killed.
    drop(client);
    let longest_s = LEASE.as_secs() + 10;
    ensure!(
        leases.iter().all(|lease| (1..=now_s + longest_s).contains(&lease.until_s)),
        "too long: {leases:?}"
    );

    // The next run takes over what that one left.
    let mut client = seed("third")?;
    let log = folder.join("third.log");
    wait_for_step(lab, &mut client, &log, MappingStep::Mapped)?;
    let by = format!("step=Mapped by=Some({:?})", speaks.protocol());
    ensure!(fs::read_to_string(&log)?.contains(&by), "not taken over by {speaks:?}");
    drop(client);
    if speaks == Speaks::Pcp {
        router.wait_for_none(lab)?;
    }
    Ok(())
}

/// Nobody is asked with success: that is told within a quarter of a minute, and nothing else suffers.
fn without_a_router(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let home = lab.host("ttui")?;
    let [log, recording] = files(lab)?;
    let mut client = ttui::seed_with_way_in(lab, &home, &torrent, &content.parent, [&log, &recording])?;
    wait_for_step(lab, &mut client, &log, MappingStep::GaveUp)?;
    ttui::end(lab, client)?;
    let told = Told::of(&recording)?;
    ensure!(told.verdicts.contains(&VerdictCode::PortNotMapped), "not told: {:?}", told.verdicts);
    let gave_up = told.gave_up_at.unwrap_or(At::MAX);
    ensure!(gave_up < Duration::from_secs(15), "told after {gave_up:?}");
    Ok(())
}

/// The router maps the port, and is behind another one itself.
fn behind_two_routers(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let home = lab.host("ttui")?;
    let _router = Scripted::start(lab.here())?;
    let [log, recording] = files(lab)?;
    let mut client = ttui::seed_with_way_in(lab, &home, &torrent, &content.parent, [&log, &recording])?;
    wait_for_step(lab, &mut client, &log, MappingStep::Mapped)?;
    ttui::end(lab, client)?;
    let told = Told::of(&recording)?;
    ensure!(told.outside == Some(SHARED), "outside is not told: {:?}", told.outside);
    ensure!(told.verdicts.contains(&VerdictCode::BehindTwoRouters), "not told: {:?}", told.verdicts);
    Ok(())
}

/// Where the run says what it does, and where it is recorded.
fn files(lab: &Lab) -> Result<[PathBuf; 2]> {
    let folder = lab.folder("run")?;
    Ok([folder.join("ttui.log"), folder.join("run.ttrec")])
}

/// Waits until the log has a step of the way in, and then until the torrent has told of itself twice: it knows of it by then.
fn wait_for_step(lab: &Lab, client: &mut Process, log: &Path, step: MappingStep) -> Result<()> {
    let line = format!("step={step:?} ");
    lab.wait_for(&line, client, || Ok(fs::read_to_string(log)?.contains(&line).then_some(())))?;
    let (stdout, lines) = (client.stdout.clone(), client.output().lines().count());
    lab.wait_for("two more lines", client, || {
        Ok((fs::read_to_string(&stdout)?.lines().count() > lines + 1).then_some(()))
    })
}

/// What a recorded run says of the way in, at its end.
struct Told {
    outside: Option<Ipv4Addr>,
    verdicts: Vec<VerdictCode>,
    gave_up_at: Option<At>,
}

impl Told {
    fn of(recording: &Path) -> Result<Self> {
        let mut player = Player::new(Recording::open(File::open(recording)?)?)?;
        player.go_to(At::MAX);
        let view = player.view();
        let outside = view.session.way_in().outside.and_then(|outside| match outside {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        });
        let gave_up = view.session.mapping.iter().find(|(_, fact)| fact.step == MappingStep::GaveUp);
        Ok(Self {
            outside,
            verdicts: view.verdicts.iter().map(|verdict| verdict.code).collect(),
            gave_up_at: gave_up.map(|(at, _)| *at),
        })
    }
}

/// A router that grants every mapping by PCP and says that others see it at [`SHARED`]. It answers until the case ends.
struct Scripted(Arc<AtomicBool>);

impl Scripted {
    fn start(at: Ipv4Addr) -> Result<Self> {
        let socket = UdpSocket::bind((at, pcp::PORT))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let ended = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&ended);
        thread::spawn(move || {
            let mut packet = [0; 60];
            while !over.load(Ordering::Relaxed) {
                let Ok((60, from)) = socket.recv_from(&mut packet) else { continue };
                packet[1] |= 0x80;
                packet[8..12].copy_from_slice(&1u32.to_be_bytes());
                packet[44..60].copy_from_slice(&SHARED.to_ipv6_mapped().octets());
                // Who asked asks again.
                let _ = socket.send_to(&packet, from);
            }
        });
        Ok(Self(ended))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
