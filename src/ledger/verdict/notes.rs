//! Rules about what costs something, or is worth knowing, but never explains why nothing arrives.

use super::say::{count, many, span};
use super::scene::{Dialled, Scene};
use super::{Finding, VerdictCode};
use crate::event::{Phase, Severity};

type Rule = (VerdictCode, fn(&Scene<'_>) -> Option<Finding>);

/// The rules, in the order in which they are told among equals.
pub(super) const RULES: &[Rule] = &[
    (VerdictCode::PortUnreached, port_unreached),
    (VerdictCode::SnubbedByMost, snubbed_by_most),
    (VerdictCode::Healthy, losses_are_usual),
    (VerdictCode::AddressFamilyDead, address_family_dead),
    (VerdictCode::StaleTracker, stale_tracker),
    (VerdictCode::SeedsOnly, seeds_only),
];

/// Nobody calls at once; after so long with live peers the port is in doubt.
const PORT_PATIENCE_S: u64 = 180;

fn port_unreached(scene: &Scene<'_>) -> Option<Finding> {
    let (port, since) = scene.listening?;
    let listens = scene.view.at.saturating_sub(since);
    let works = matches!(scene.view.phase, Phase::Downloading | Phase::Seeding);
    let doubtful = listens.as_secs() >= PORT_PATIENCE_S
        && scene.view.incoming.public_handshaken == 0
        && scene.crowd.public_handshaken > 0;
    (works && doubtful).then(|| {
        let text = format!(
            "Nobody has reached us on port {port} in {}. It may be closed; opening it can bring more peers.",
            span(listens)
        );
        Finding::new(Severity::Warn, text)
            .advice(
                "forward TCP port {port} in the router, or choose another one with -p."
                    .replace("{port}", &port.to_string()),
            )
            .evidence("port", u64::from(port))
            .evidence("listening_s", listens.as_secs())
    })
}

fn snubbed_by_most(scene: &Scene<'_>) -> Option<Finding> {
    let crowd = &scene.crowd;
    let most = crowd.open >= 4 && crowd.silent * 2 > crowd.open && crowd.silent < crowd.open;
    (scene.downloading() && most).then(|| {
        let text = format!(
            "{} of the {} peers that let us download send nothing.",
            count(crowd.silent),
            count(crowd.open)
        );
        Finding::new(Severity::Info, text).evidence("silent", crowd.silent).evidence("open", crowd.open)
    })
}

fn losses_are_usual(scene: &Scene<'_>) -> Option<Finding> {
    let (failed, known) = (scene.view.groups.failed, scene.view.funnel.known);
    (scene.flows() && failed >= 3 && failed * 4 >= known).then(|| {
        let offline = if scene.crowd.offline * 2 > failed { ", most of them simply offline" } else { "" };
        let text = format!(
            "{} of {} peers failed{offline}. That is usual, and costs nothing while others send.",
            count(failed),
            count(known)
        );
        Finding::new(Severity::Info, text)
            .evidence("failed", failed)
            .evidence("known", known)
            .evidence("offline", scene.crowd.offline)
    })
}

fn address_family_dead(scene: &Scene<'_>) -> Option<Finding> {
    let dead = |these: Dialled, others: Dialled| {
        these.decided >= 3 && these.unreachable == these.decided && others.opened > 0
    };
    let (v4, v6) = (scene.crowd.v4, scene.crowd.v6);
    let (name, peers) = match (dead(v6, v4), dead(v4, v6)) {
        (true, _) => ("IPv6", v6.decided),
        (_, true) => ("IPv4", v4.decided),
        _ => return None,
    };
    let text =
        format!("None of the {} {name} peers can be reached: no way leads there from here.", count(peers));
    let finding =
        Finding::new(Severity::Info, text).advice(format!("look whether this machine has {name} at all."));
    Some(finding.evidence("peers", peers))
}

fn stale_tracker(scene: &Scene<'_>) -> Option<Finding> {
    let groups = scene.view.groups;
    if groups.trying + groups.queued > 0 {
        return None;
    }
    let stale = scene.view.trackers.iter().find(|record| record.peers >= 10 && record.handshaken == 0)?;
    let text = format!(
        "{} named {}, and none of them shook hands: its addresses are old.",
        stale.url,
        many(stale.peers, "peer")
    );
    Some(Finding::new(Severity::Info, text).evidence("peers", stale.peers))
}

fn seeds_only(scene: &Scene<'_>) -> Option<Finding> {
    let live = scene.live();
    (scene.view.phase == Phase::Seeding && live > 0 && scene.crowd.seeds == live).then(|| {
        let text = match live {
            1 => "The one live peer has everything too, so nobody wants our data.".to_owned(),
            _ => format!("The {} live peers have everything too, so nobody wants our data.", count(live)),
        };
        Finding::new(Severity::Info, text).evidence("live", live)
    })
}
