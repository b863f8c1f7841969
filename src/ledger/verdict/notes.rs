//! Rules about what costs something, or is worth knowing, but never explains why nothing arrives.

use super::Finding;
use super::say::{count, many, span};
use super::scene::Scene;
use crate::event::{Phase, Severity};
use crate::ledger::tracker::TrackerRecord;

/// Nobody calls at once; after so long with live peers the port is in doubt.
const PORT_PATIENCE_S: u64 = 180;

pub(super) fn port_unreached(scene: &Scene<'_>) -> Option<Finding> {
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

pub(super) fn snubbed_by_most(scene: &Scene<'_>) -> Option<Finding> {
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

pub(super) fn losses_are_usual(scene: &Scene<'_>) -> Option<Finding> {
    let (failed, known) = (scene.view.groups.failed, scene.view.funnel.known);
    (scene.flows() && failed >= 3 && failed * 4 >= known).then(|| {
        let (offline, closed) = (scene.crowd.offline, scene.crowd.closed);
        let most = match () {
            () if offline * 2 > failed => ", most of them simply offline",
            () if (offline + closed) * 2 > failed => ", most of them offline, or without a client running",
            () => "",
        };
        let text = format!(
            "{} of {} peers failed{most}. That is usual, and costs nothing while others send.",
            count(failed),
            count(known)
        );
        Finding::new(Severity::Info, text)
            .evidence("failed", failed)
            .evidence("known", known)
            .evidence("offline", scene.crowd.offline)
    })
}

pub(super) fn stale_tracker(scene: &Scene<'_>) -> Option<Finding> {
    let all = scene.crowd.dialled();
    let stale = |record: &&TrackerRecord| {
        let named = scene.crowd.named.get(&record.key).copied().unwrap_or_default();
        let enough = record.peers >= 10 && record.handshaken == 0 && named.decided >= 10;
        // That packets get out and back must be known from somebody, or it may be we who reach nobody.
        enough && named.undecided == 0 && named.opened == 0 && all.answered() > 0
    };
    let record = scene.view.trackers.iter().map(AsRef::as_ref).find(stale)?;
    let named = scene.crowd.named.get(&record.key).copied().unwrap_or_default();
    let text = format!(
        "{} named {}, and none of them can be reached: its addresses seem to be old.",
        record.url,
        many(record.peers, "peer")
    );
    Some(
        Finding::new(Severity::Info, text)
            .evidence("peers", record.peers)
            .evidence("refused", named.refused)
            .evidence("timed_out", named.timed_out),
    )
}

pub(super) fn seeds_only(scene: &Scene<'_>) -> Option<Finding> {
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
