//! Rules about the ways to find peers besides trackers, and about the way in.

use std::time::Duration;

use super::say::count;
use super::scene::Scene;
use super::table::rules;
use super::{Finding, Remedy};
use crate::event::{Finder, FinderStatus, Phase, Severity, is_behind_another_router};
use crate::ledger::session::BootstrapAnswer;

/// Those named by the user are learned within this time.
const FIRST_PEER: Duration = Duration::from_secs(1);
/// What bootstrap nodes have to answer before their silence is called one.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// Names that must be resolved before it is UDP that is blamed and not who runs them.
const SEVERAL_NAMES: u32 = 2;

rules! {
    NO_SOURCES = NoSources Trouble, User, no_sources, "trackers",
        _ => "Nobody can be found.",
        { wants_peers: true };
    UDP_BLOCKED = UdpBlocked Trouble, Every(10), udp_blocked, "names silent known",
        _ => "Nothing comes back over UDP.";
    DHT_EMPTY = DhtEmpty Trouble, Every(10), dht_empty, "names silent known",
        _ => "The DHT has no nodes.";
    BEHIND_TWO_ROUTERS = BehindTwoRouters Note, Every(10), behind_two_routers, "steps",
        _ => "There are two routers in the way.",
        { brief: |told| told.in_brief("Two routers stand between us and the internet.".to_owned()) };
    PORT_NOT_MAPPED = PortNotMapped Note, Every(10), port_not_mapped, "port steps",
        told => format!("Port {} is not mapped.", told.number("port")),
        { brief: |told| told.in_brief(format!("No router mapped port {}.", told.number("port"))) };
}

/// How the DHT stands for this torrent; `None`: nothing is known of it.
fn dht(scene: &Scene<'_>) -> Option<FinderStatus> {
    scene.view.finders.iter().find(|record| record.finder == Finder::Dht).map(|record| record.status)
}

/// Whether there is neither a tracker to ask nor a DHT, nor a web seed, so that nobody will ever be named.
pub(super) fn nobody_names_any(scene: &Scene<'_>) -> bool {
    scene.view.trackers.is_empty()
        && scene.web_seeds == 0
        && dht(scene) == Some(FinderStatus::Off)
        && !scene.view.torrent.is_private()
        && scene.view.funnel.known == 0
        && scene.fetching()
        && (scene.probing || scene.in_phase() >= FIRST_PEER)
}

fn no_sources(scene: &Scene<'_>) -> Option<Finding> {
    nobody_names_any(scene).then(|| {
        let what = if scene.lacks_metadata() { "magnet" } else { "torrent" };
        let text = format!("Nobody can be found: the {what} names no tracker, and the DHT is off.");
        Finding::new(Severity::Warn, text)
            .remedy("switch the DHT on, or name a peer with --peer NAME:PORT.", Remedy::NamePeer)
            .explains()
            .evidence("trackers", 0u32)
    })
}

/// The DHT has no node, though bootstrap names were asked long enough ago: how many were resolved, and how many addresses
/// are silent.
fn without_nodes(scene: &Scene<'_>) -> Option<(u32, u32)> {
    let session = &scene.view.session;
    let asked =
        session.bootstrap_wanted.filter(|_| dht(scene).is_some_and(|status| status != FinderStatus::Off))?;
    let waits = session.bootstrap.iter().any(|known| known.answer == BootstrapAnswer::Asked);
    let (names, answered, silent) = session.bootstrap_counts();
    let late = scene.view.at.saturating_sub(asked) >= FIRST_ANSWER;
    (late && !waits && answered == 0 && session.all_nodes() == (0, 0)).then_some((names, silent))
}

/// Whether several bootstrap names were resolved and none of their addresses answers, while TCP gets through.
fn is_blocked(scene: &Scene<'_>, (names, silent): (u32, u32)) -> bool {
    let tracker_answers = scene.view.trackers.iter().any(|tracker| tracker.answer().is_some());
    names >= SEVERAL_NAMES && silent >= names && (tracker_answers || scene.crowd.dialled().opened > 0)
}

fn addresses(number: u32) -> String {
    if number == 1 { "1 address".to_owned() } else { format!("{} addresses", count(number)) }
}

/// Where nobody else names peers it is why nothing arrives; elsewhere it costs some of them.
fn told(scene: &Scene<'_>, text: String, (names, silent): (u32, u32), advice: &str) -> Finding {
    let known = scene.view.funnel.known;
    let explains = known == 0 && scene.fetching();
    let severity = if explains { Severity::Warn } else { Severity::Info };
    let finding = Finding::new(severity, text)
        .advice(advice)
        .evidence("names", names)
        .evidence("silent", silent)
        .evidence("known", known);
    if explains { finding.explains() } else { finding }
}

fn udp_blocked(scene: &Scene<'_>) -> Option<Finding> {
    let counts = without_nodes(scene).filter(|counts| is_blocked(scene, *counts))?;
    let text = format!(
        "Nothing comes back over UDP: none of {} of the DHT answers. TCP works, so something near us blocks UDP.",
        addresses(counts.1)
    );
    Some(told(scene, text, counts, "allow UDP in the firewall and the VPN: the DHT needs it."))
}

fn dht_empty(scene: &Scene<'_>) -> Option<Finding> {
    let counts = without_nodes(scene).filter(|counts| !is_blocked(scene, *counts))?;
    let text = match counts {
        (0, _) => "The DHT has no nodes: none of the names it begins with can be resolved.".to_owned(),
        (_, silent) => {
            format!("The DHT has no nodes: none of {} it begins with answers.", addresses(silent))
        }
    };
    Some(told(scene, text, counts, "check the network and DNS, or name a node with --dht-node HOST:PORT."))
}

/// Whether it matters that nobody reached us from outside.
fn nobody_reached_us(scene: &Scene<'_>) -> bool {
    matches!(scene.view.phase, Phase::Downloading | Phase::Seeding)
        && scene.view.incoming.public_handshaken == 0
}

fn behind_two_routers(scene: &Scene<'_>) -> Option<Finding> {
    let outside = scene.view.session.way_in().outside.filter(|outside| is_behind_another_router(*outside))?;
    nobody_reached_us(scene).then(|| {
        let text = format!(
            "Two routers stand between us and the internet: ours says that it is {outside} outside, which nobody \
             there can reach."
        );
        Finding::new(Severity::Info, text)
            .advice("forward the port in the other router too; or ask the provider for a public address.")
            .evidence("steps", scene.view.session.mapping.len() as u64)
    })
}

fn port_not_mapped(scene: &Scene<'_>) -> Option<Finding> {
    let way_in = scene.view.session.way_in();
    let (port, _) = scene.listening?;
    (way_in.status == FinderStatus::Failed && nobody_reached_us(scene)).then(|| {
        let why = way_in.detail.map_or_else(String::new, |why| format!(" ({why})"));
        let text = format!("No router mapped port {port}{why}. Peers that we do not dial may not reach us.");
        Finding::new(Severity::Info, text)
            .advice(format!("forward TCP and UDP port {port} in the router, or switch UPnP on there."))
            .evidence("port", port)
            .evidence("steps", scene.view.session.mapping.len() as u64)
    })
}
