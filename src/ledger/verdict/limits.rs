//! Rules about what we hold back ourselves: our settings, this machine, its disk.

use super::Finding;
use super::say::{count, many};
use super::scene::Scene;
use super::table::rules;
use super::troubles::costly;
use crate::event::Severity;
use crate::units::{self, Units};

/// A slow disk is the limit while this part of the memory waits for it.
const PENDING_PART: u64 = 8;

rules! {
    OWN_LIMITS = OwnLimits Trouble, Every(5), own_limits, "down_bps held limit_bps queued live starved",
        told => match () {
            () if told.seen("held").is_some() => "You hold all live peers.",
            () if told.seen("limit_bps").is_some() => "Our own limit is used in full.",
            () if told.seen("starved").is_some() => "This machine cannot dial any more.",
            () if told.seen("queued").is_some() => "No more connections are allowed.",
            () => "Our own download limit is 0.",
        };
    DISK_SLOW = DiskSlow Trouble, Every(5), disk_slow, "written_bps write_ms unwritten_bytes",
        _ => "The disk is the limit.", { holds_s: 3 };
}

fn own_limits(scene: &Scene<'_>) -> Option<Finding> {
    if !scene.downloading() {
        return None;
    }
    let (live, held, limit) = (scene.live(), scene.crowd.held, scene.view.limits.0);
    if limit == Some(0) {
        let text = "Our own limit lets nothing in: the download limit is 0.".to_owned();
        return Some(
            Finding::new(Severity::Warn, text).advice("raise it.").explains().evidence("down_bps", 0u64),
        );
    }
    if live > 0 && held == live {
        let text = match live {
            1 => "You hold the one live peer, so it is not asked for data.".to_owned(),
            _ => format!("You hold all {} live peers, so none of them is asked for data.", count(live)),
        };
        return Some(Finding::new(Severity::Warn, text).advice("let go.").explains().evidence("held", held));
    }
    // Where it was lowered only just now, what was asked for before still comes.
    if let Some(limit) = limit
        && scene.half_minute.1 >= 5
        && (limit - limit / 7..=limit.saturating_add(limit / 7)).contains(&scene.view.rates.down_bps)
    {
        let text = format!("Our own limit of {} is used in full.", units::rate(limit, Units::Binary));
        let finding = Finding::new(Severity::Info, text).advice("raise it.");
        return Some(finding.evidence("limit_bps", limit).evidence("down_bps", scene.view.rates.down_bps));
    }
    if let Some(finding) = starved(scene) {
        return Some(finding);
    }
    places_taken(scene)
}

/// Peers are known that nobody dials, for every connection that the settings allow is in use.
fn places_taken(scene: &Scene<'_>) -> Option<Finding> {
    let (queued, most) = (scene.view.groups.queued, scene.view.taken_places()?);
    (queued > 0).then(|| {
        let wait = if queued == 1 { "waits" } else { "wait" };
        let open = match most {
            1 => "the one connection that --max-peers allows is open".to_owned(),
            most => format!("all {} connections that --max-peers allows are open", count(most)),
        };
        let text = format!("{} {wait}: {open}.", many(queued, "peer"));
        Finding::new(Severity::Info, text)
            .advice("raise it.")
            .evidence("queued", queued)
            .evidence("live", scene.live())
    })
}

/// The disk does not take what comes. It is told of only where its writes take long.
fn disk_slow(scene: &Scene<'_>) -> Option<Finding> {
    let disk = scene.disk.filter(|_| scene.downloading())?;
    // While that much waits in every second, it never rests.
    if disk.pending_bytes < (disk.memory_bytes / PENDING_PART).max(1) {
        return None;
    }
    let rate = units::rate(disk.written_bps, Units::Binary);
    let text = format!("The disk is the limit: it takes {rate}, and a write takes {} ms.", disk.write_ms);
    Some(
        Finding::new(Severity::Warn, text)
            .advice("download to a faster disk, or give this one less to do.")
            .explains()
            .evidence("written_bps", disk.written_bps)
            .evidence("write_ms", disk.write_ms)
            .evidence("unwritten_bytes", disk.pending_bytes),
    )
}

/// This machine lacks what a dial needs.
fn starved(scene: &Scene<'_>) -> Option<Finding> {
    let (files, ports) = (scene.crowd.out_of_files, scene.crowd.out_of_ports);
    let (peers, lacks, advice) = match (files >= ports, files + ports) {
        (_, 0) => return None,
        (true, _) => (
            files,
            "this process may open no more files",
            "raise the limit (ulimit -n), or lower --max-peers.",
        ),
        (false, _) => (
            ports,
            "this machine has no free port or address to dial from",
            "lower --max-peers, or wait a minute.",
        ),
    };
    let text = format!("{} could not be dialled: {lacks}.", many(peers, "peer"));
    let finding = Finding::new(costly(scene), text).advice(advice).evidence("starved", peers);
    // Where somebody is connected, the lack of more does not explain why those send nothing.
    Some(if scene.live() == 0 && peers * 2 >= scene.crowd.dialled().decided {
        finding.explains()
    } else {
        finding
    })
}
