//! Rules that judge the whole: exactly one of them speaks first.

use super::say::{about, count, many, span};
use super::scene::Scene;
use super::{Finding, Verdict, VerdictCode};
use crate::event::{Cause, Phase, Severity};
use crate::ledger::peer::Group;
use crate::ledger::tracker::TrackerStatus;
use crate::text;
use crate::units::{self, Units};

/// Under this mean over half a minute, bytes a second, a download is slow.
const SLOW_BPS: u64 = 32 * 1024;
/// Nothing for so long is a stall.
const STALLED_AFTER_S: u64 = 30;

/// Looked at in this order; the first that speaks judges the whole.
pub(super) const RULES: &[fn(&Scene<'_>) -> Option<Verdict>] =
    &[disk_trouble, paused, checking, probed, complete, slow, healthy];

fn disk_trouble(scene: &Scene<'_>) -> Option<Verdict> {
    (scene.view.phase == Phase::Stopped).then(|| {
        let reason = scene.view.phase_reason.as_deref().unwrap_or("The disk refuses.");
        Finding::new(Severity::Error, format!("Stopped: {}.", reason.trim_end_matches('.')))
            .advice("put that right, then go on with p.")
            .evidence("missing_pieces", scene.missing)
            .verdict(VerdictCode::DiskTrouble)
    })
}

fn paused(scene: &Scene<'_>) -> Option<Verdict> {
    (scene.view.phase == Phase::Paused).then(|| {
        Finding::new(Severity::Info, "Paused. Nothing is asked for or sent until you go on.".to_owned())
            .evidence("paused_s", scene.in_phase().as_secs())
            .verdict(VerdictCode::Paused)
    })
}

fn checking(scene: &Scene<'_>) -> Option<Verdict> {
    (scene.view.phase == Phase::Checking).then(|| {
        let text = match scene.view.checked {
            Some((done, of)) => {
                format!(
                    "Looking at what is already on disk: {} of {} so far.",
                    count(done),
                    many(of, "piece")
                )
            }
            None => "Looking at what is already on disk.".to_owned(),
        };
        Finding::new(Severity::Info, text).verdict(VerdictCode::Unknown)
    })
}

/// A run that only looks who answers is judged by who did.
fn probed(scene: &Scene<'_>) -> Option<Verdict> {
    let funnel = scene.view.funnel;
    (scene.probing && funnel.transferring > 0).then(|| {
        let text = format!(
            "It works: {} of the {} shook hands, and {} sent data.",
            count(funnel.handshaken),
            many(funnel.known, "known peer"),
            count(funnel.transferring)
        );
        Finding::new(Severity::Good, text)
            .evidence("known", funnel.known)
            .evidence("handshaken", funnel.handshaken)
            .evidence("transferring", funnel.transferring)
            .verdict(VerdictCode::Healthy)
    })
}

fn complete(scene: &Scene<'_>) -> Option<Verdict> {
    (scene.view.phase == Phase::Seeding).then(|| {
        let output = text::clean(&scene.view.torrent.output.to_string_lossy(), 200);
        let served = match scene.crowd.served {
            0 => String::new(),
            1 => " 1 peer is downloading from us.".to_owned(),
            peers => format!(" {} are downloading from us.", many(peers, "peer")),
        };
        Finding::new(Severity::Good, format!("Complete. Everything is in {output}.{served}"))
            .evidence("served", scene.crowd.served)
            .evidence("up_bytes", scene.view.up_bytes)
            .verdict(VerdictCode::Complete)
    })
}

fn slow(scene: &Scene<'_>) -> Option<Verdict> {
    let (mean, seconds) = scene.half_minute;
    let held_back = scene.view.limits.0.is_some_and(|limit| limit <= SLOW_BPS);
    let slow = scene.flows()
        && scene.live() > 0
        && seconds >= 30
        && scene.in_phase().as_secs() >= 30
        && mean.down_bps < SLOW_BPS
        && !held_back;
    slow.then(|| {
        let sending = match scene.crowd.sending {
            0 => format!("Slow. Data comes in drops, the last of it {} ago", span(scene.quiet)),
            _ => format!("Slow. {}: {} in all", senders(scene), units::rate(mean.down_bps, Units::Binary)),
        };
        Finding::new(Severity::Warn, format!("{sending}{}.", rest(scene)))
            .advice("leave it running: more peers may come, and those here may send more.")
            .evidence("down_bps", mean.down_bps)
            .evidence("sending", scene.crowd.sending)
            .evidence("live", scene.live())
            .verdict(VerdictCode::Slow)
    })
}

fn healthy(scene: &Scene<'_>) -> Option<Verdict> {
    // That data came a moment ago is no comfort once nobody is left to send more.
    (scene.flows() && scene.live() > 0).then(|| {
        let text = match scene.crowd.sending {
            0 => format!("Going well. The last data came {} ago{}.", span(scene.quiet), rest(scene)),
            _ => format!("Going well. {}{}.", senders(scene), rest(scene)),
        };
        Finding::new(Severity::Good, text)
            .evidence("sending", scene.crowd.sending)
            .evidence("live", scene.live())
            .evidence("down_bps", scene.view.rates.down_bps)
            .verdict(VerdictCode::Healthy)
    })
}

/// `7 of the 17 live peers are sending`.
fn senders(scene: &Scene<'_>) -> String {
    match (scene.crowd.sending, scene.live()) {
        (1, 1) => "The one live peer is sending".to_owned(),
        (2, 2) => "Both live peers are sending".to_owned(),
        (sending, live) if sending == live => format!("All {} live peers are sending", count(live)),
        (1, live) => format!("1 of the {} live peers is sending", count(live)),
        (sending, live) => format!("{} of the {} live peers are sending", count(sending), count(live)),
    }
}

/// `; the rest of the file arrives in about 3 minutes`, where that can be told.
fn rest(scene: &Scene<'_>) -> String {
    let what = if scene.view.torrent.files.len() == 1 { "the rest of the file" } else { "the rest" };
    scene.view.eta.map_or_else(String::new, |eta| format!("; {what} arrives in {}", about(eta)))
}

/// Nothing arrives, for long, and no rule knows why.
pub(super) fn stalled(scene: &Scene<'_>) -> Option<Verdict> {
    (scene.downloading() && scene.quiet.as_secs() >= STALLED_AFTER_S).then(|| {
        let groups = scene.view.groups;
        let why = match groups.live {
            0 => nobody(scene),
            live => format!("{} connected, and none of them sends", connected(live)),
        };
        Finding::new(Severity::Warn, format!("Nothing has arrived for {}: {why}.", span(scene.quiet)))
            .advice("run ttui check on this torrent, and on another one, and compare.")
            .evidence("quiet_s", scene.quiet.as_secs())
            .evidence("live", groups.live)
            .evidence("failed", groups.failed)
            .verdict(VerdictCode::Stalled)
    })
}

fn connected(live: u32) -> String {
    if live == 1 { "1 peer is".to_owned() } else { format!("{} are", many(live, "peer")) }
}

/// What became of everybody while nobody is connected.
fn nobody(scene: &Scene<'_>) -> String {
    let (groups, funnel) = (scene.view.groups, scene.view.funnel);
    let tried = match groups.trying {
        0 => String::new(),
        trying => format!("; {} being tried", being(trying)),
    };
    let known = many(funnel.known, "peer");
    match (funnel.handshaken, groups.failed) {
        (0, 0) => format!("nobody has shaken hands yet{tried}"),
        (0, _) if funnel.known == 1 => format!("the one known peer did not shake hands{}{tried}", top(scene)),
        (_, 0) if funnel.known == 1 => format!("the one known peer shook hands, and left{tried}"),
        (_, _) if funnel.known == 1 => {
            format!("the one known peer shook hands, then failed{}{tried}", top(scene))
        }
        (0, _) => format!("none of the {known} shook hands{}{tried}", top(scene)),
        (once, 0) => format!("{} of the {known} shook hands, and nobody is left{tried}", count(once)),
        (once, failed) => format!(
            "{} of the {known} shook hands, and nobody is left; {} failed{}{tried}",
            count(once),
            count(failed),
            top(scene)
        ),
    }
}

/// The most frequent reasons of those that failed, in brackets.
fn top(scene: &Scene<'_>) -> String {
    let mut reasons: Vec<(u32, &str)> = Vec::new();
    let failed = scene.view.peers.iter().filter(|record| record.group == Group::Failed);
    for cause in failed.filter_map(|record| record.cause).filter(|cause| *cause != Cause::SelfConnection) {
        let short = cause.info().short;
        match reasons.iter_mut().find(|(_, other)| *other == short) {
            Some((peers, _)) => *peers += 1,
            None => reasons.push((1, short)),
        }
    }
    reasons.sort_by_key(|(peers, _)| std::cmp::Reverse(*peers));
    let said: Vec<String> =
        reasons.iter().take(3).map(|(peers, short)| format!("{} {short}", count(*peers))).collect();
    if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) }
}

/// It is too early to tell.
pub(super) fn unknown(scene: &Scene<'_>) -> Verdict {
    let groups = scene.view.groups;
    let asked =
        scene.view.trackers.iter().filter(|record| record.status == TrackerStatus::Pending).count() as u32;
    let lost = scene.downloading() && groups.live == 0 && scene.view.funnel.handshaken > 0;
    let text = match (groups.live, groups.trying + groups.queued, scene.view.funnel.known) {
        (0, 0, 0) if asked > 0 => format!("Asking {} for peers.", many(asked, "tracker")),
        (0, 0, 0) => "No peer is known yet.".to_owned(),
        (0, _, _) if lost => format!("Nobody is connected: {}.", nobody(scene)),
        (0, 0, _) => format!("Nobody is connected: {}.", nobody(scene)),
        (0, trying, _) => {
            let failed = match groups.failed {
                0 => String::new(),
                failed => format!(", {} failed{}", count(failed), top(scene)),
            };
            format!("Getting started: {} being tried{failed}.", being(trying))
        }
        (live, _, _) => match scene.view.last_block {
            None => format!("Getting started: {} connected, nothing has come yet.", connected(live)),
            Some(_) => format!("Nothing has come for {}; {} connected.", span(scene.quiet), connected(live)),
        },
    };
    Finding::new(if lost { Severity::Warn } else { Severity::Info }, text)
        .evidence("live", groups.live)
        .evidence("trying", groups.trying)
        .evidence("known", scene.view.funnel.known)
        .verdict(VerdictCode::Unknown)
}

fn being(trying: u32) -> String {
    if trying == 1 { "1 peer is".to_owned() } else { format!("{} are", many(trying, "peer")) }
}
