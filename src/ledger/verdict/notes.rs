//! Rules about what costs something, or is worth knowing, but never explains why nothing arrives.

use super::say::{count, span};
use super::scene::Scene;
use super::table::rules;
use super::{Finding, troubles};
use crate::event::{Phase, Severity};

/// Nobody calls at once; after so long with live peers the port is in doubt.
const PORT_PATIENCE_S: u64 = 180;

rules! {
    PORT_UNREACHED = PortUnreached Note, Call, port_unreached, "port listening_s",
        told => format!("Port {} may be closed.", told.number("port")), { brief: |told| {
            let minutes = told.number("listening_s") / 60;
            let time = if minutes < 120 { format!("{minutes} min") } else { format!("{} h", minutes / 60) };
            let text = format!("Nobody has reached us on port {} in {time}.", told.number("port"));
            (text, "open it in the router.".to_owned())
        } };
    SNUBBED_BY_MOST = SnubbedByMost Note, Every(10), snubbed_by_most, "silent open",
        told => format!("{} of {} unchoked send nothing.", told.count("silent"), told.count("open")),
        { holds_s: 3 };
    LOSSES_ARE_USUAL = Healthy Note, Every(10), losses_are_usual, "failed known offline",
        told => format!("{} of {} peers failed.", told.count("failed"), told.count("known")),
        { brief: |told| told.cut_at(&[",", "."], ". That is usual, and costs nothing.") };
    SEEDS_ONLY = SeedsOnly Note, Peers, seeds_only, "live", _ => "Nobody wants our data.", { holds_s: 3 };
}

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
    // What has a cause of its own is told with it.
    let explained = troubles::dead_family(scene).map_or(0, |dead| dead.peers.decided);
    let others = failed.saturating_sub(explained);
    (scene.downloading() && scene.flows() && others >= 3 && others * 4 >= known).then(|| {
        let (offline, closed) = (scene.crowd.offline, scene.crowd.closed);
        let most = match () {
            () if offline * 2 > failed => ", most of them simply offline",
            () if (offline + closed) * 2 > failed => ", most of them offline or without a client running",
            () => "",
        };
        let text = format!(
            "{} of {} peers failed{most}. That is usual, and costs nothing.",
            count(failed),
            count(known)
        );
        Finding::new(Severity::Info, text)
            .evidence("failed", failed)
            .evidence("known", known)
            .evidence("offline", scene.crowd.offline)
    })
}

fn seeds_only(scene: &Scene<'_>) -> Option<Finding> {
    let live = scene.live();
    let all = live > 0 && scene.crowd.seeds == live && scene.crowd.want_us == 0;
    (scene.view.phase == Phase::Seeding && all).then(|| {
        let text = match live {
            1 => "The one live peer has everything too, so nobody wants our data.".to_owned(),
            _ => format!("The {} live peers have everything too, so nobody wants our data.", count(live)),
        };
        Finding::new(Severity::Info, text).evidence("live", live)
    })
}
