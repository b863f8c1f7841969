//! Rules that say why nothing arrives, or what could stop it. The order is that of the journey: who is known, who
//! answers, who serves; the first that explains why nothing arrives speaks for the whole.

use super::say::{count, many, span};
use super::scene::Scene;
use super::{Finding, VerdictCode};
use crate::event::Severity;
use crate::ledger::tracker::TrackerStatus;
use crate::ledger::words::tracker_failure;
use crate::units::{self, Units};

type Rule = (VerdictCode, fn(&Scene<'_>) -> Option<Finding>);

/// The rules, in the order in which they explain.
pub(super) const RULES: &[Rule] = &[
    (VerdictCode::OwnLimits, own_limits),
    (VerdictCode::TrackersFailing, trackers_failing),
    (VerdictCode::NoPeersKnown, no_peers_known),
    (VerdictCode::DialsTimeOut, dials_time_out),
    (VerdictCode::EncryptionWanted, encryption_wanted),
    (VerdictCode::AllChokeUs, all_choke_us),
    (VerdictCode::UnchokedButSilent, unchoked_but_silent),
    (VerdictCode::PiecesMissing, pieces_missing),
    (VerdictCode::BadDataManyPeers, bad_data_many_peers),
    (VerdictCode::BadDataOnePeer, bad_data_one_peer),
];

/// Dials needed before a pattern in them means anything.
const ENOUGH_DIALS: u32 = 8;
/// Seconds the trackers have for their first answer before the want of peers is called one.
const FIRST_ANSWER_S: u64 = 5;

/// How weighty something is that would stop a download, and does while nothing flows.
fn costly(scene: &Scene<'_>) -> Severity {
    if scene.flows() { Severity::Info } else { Severity::Warn }
}

fn own_limits(scene: &Scene<'_>) -> Option<Finding> {
    if !scene.downloading() {
        return None;
    }
    let (live, held, limit) = (scene.live(), scene.crowd.held, scene.view.limits.0);
    if limit == Some(0) {
        let text = "Our own limit lets nothing in: downloading is set to 0.".to_owned();
        return Some(
            Finding::new(Severity::Warn, text)
                .advice("raise it with D.")
                .explains()
                .evidence("down_bps", 0u64),
        );
    }
    if live > 0 && held == live {
        let text = match live {
            1 => "You hold the one live peer, so it is not asked.".to_owned(),
            _ => format!("You hold all {} live peers, so none of them is asked.", count(live)),
        };
        return Some(
            Finding::new(Severity::Warn, text).advice("let go with space.").explains().evidence("held", held),
        );
    }
    if let Some(limit) = limit
        && scene.half_minute.1 >= 5
        && scene.view.rates.down_bps >= limit - limit / 7
    {
        let text = format!("Our own limit of {} is used in full.", units::rate(limit, Units::Binary));
        let finding = Finding::new(Severity::Info, text).advice("raise it with D.");
        return Some(finding.evidence("limit_bps", limit).evidence("down_bps", scene.view.rates.down_bps));
    }
    (scene.crowd.over_limit > 0).then(|| {
        let waiting = scene.crowd.over_limit;
        let verb = if waiting == 1 { "waits" } else { "wait" };
        let text =
            format!("{} {verb}: the settings allow no more connections at once.", many(waiting, "peer"));
        Finding::new(Severity::Info, text).advice("raise --max-peers.").evidence("waiting", waiting)
    })
}

fn trackers_failing(scene: &Scene<'_>) -> Option<Finding> {
    let trackers = &scene.view.trackers;
    let failures: Vec<_> = trackers
        .iter()
        .filter_map(|record| match &record.status {
            TrackerStatus::Failed(error, _) => Some(*error),
            _ => None,
        })
        .collect();
    if failures.is_empty() || failures.len() < trackers.len() {
        return None;
    }
    let alone = scene.live() == 0 && !scene.flows();
    let why = tracker_failure(failures[0]);
    let alike = failures.iter().all(|error| *error == failures[0]);
    let mut text = match (failures.len(), alike) {
        (1, _) => format!("The tracker fails: {why}."),
        (2, true) => format!("Both trackers fail: {why}."),
        (all, true) => format!("All {all} trackers fail: {why}."),
        (2, false) => format!("Both trackers fail, one of them: {why}."),
        (all, false) => format!("All {all} trackers fail, one of them: {why}."),
    };
    if scene.view.funnel.known == 0 {
        text.push_str(" Without one, nobody is known to ask for data.");
    }
    let mut finding = Finding::new(if alone { Severity::Warn } else { Severity::Info }, text)
        .advice("look at network, DNS and VPN if other programs cannot get out either; else the trackers are down, and it is tried again.")
        .evidence("trackers", failures.len() as u64)
        .evidence("known", scene.view.funnel.known);
    finding.explains = scene.view.funnel.known == 0;
    Some(finding)
}

fn no_peers_known(scene: &Scene<'_>) -> Option<Finding> {
    let trackers = &scene.view.trackers;
    let answered = trackers.iter().filter(|record| matches!(record.status, TrackerStatus::Ok(_))).count();
    let waiting = trackers.iter().filter(|record| record.status == TrackerStatus::Pending).count();
    let failing = !trackers.is_empty() && answered == 0 && waiting == 0;
    if !scene.downloading()
        || scene.view.funnel.known > 0
        || failing
        || (waiting > 0 && answered == 0)
        || scene.in_phase().as_secs() < FIRST_ANSWER_S
    {
        return None;
    }
    let (text, advice) = if trackers.is_empty() {
        ("No peers are known: the torrent names no tracker.", "name a peer with --peer IP:PORT, or a.")
    } else {
        (
            "No peers are known: the trackers that answered named nobody. Nobody may have this torrent any more.",
            "leave it running, for somebody may come; or name a peer with --peer IP:PORT.",
        )
    };
    Some(
        Finding::new(Severity::Warn, text.to_owned())
            .advice(advice)
            .explains()
            .evidence("trackers", trackers.len() as u64)
            .evidence("answered", answered as u64),
    )
}

fn dials_time_out(scene: &Scene<'_>) -> Option<Finding> {
    let dialled = scene.crowd.dialled();
    let most = dialled.timed_out * 10 >= dialled.decided * 8;
    (dialled.decided >= ENOUGH_DIALS && most).then(|| {
        let text = format!(
            "{} of the {} peers we dialled never answered. Either they are gone (an old swarm), or something near us \
             blocks us: VPN down, firewall, provider. From here both look the same.",
            count(dialled.timed_out),
            count(dialled.decided)
        );
        Finding::new(costly(scene), text)
            .advice("ttui check with another torrent. It fails too: it is near us.")
            .explains()
            .evidence("timed_out", dialled.timed_out)
            .evidence("dialled", dialled.decided)
    })
}

fn encryption_wanted(scene: &Scene<'_>) -> Option<Finding> {
    let (lost, reached) = (scene.crowd.encrypted_lost, scene.crowd.encrypted);
    if lost >= 3 {
        let text =
            format!("{} take encrypted connections only, and our setting forbids them.", many(lost, "peer"));
        let finding =
            Finding::new(costly(scene), text).advice("--encryption prefer-plain.").evidence("lost", lost);
        return Some(if scene.live() == 0 { finding.explains() } else { finding });
    }
    (reached >= 3 && reached * 10 >= scene.view.funnel.handshaken * 3).then(|| {
        let text = format!(
            "{} of the {} that shook hands did so only encrypted.",
            count(reached),
            many(scene.view.funnel.handshaken, "peer")
        );
        Finding::new(Severity::Info, text)
            .advice("--encryption prefer: it saves them the first, plain try.")
            .evidence("encrypted_only", reached)
    })
}

fn all_choke_us(scene: &Scene<'_>) -> Option<Finding> {
    let crowd = &scene.crowd;
    let all = crowd.wanted > 0 && crowd.choking == crowd.wanted && crowd.longest_wait.as_secs() >= 10;
    (scene.downloading() && all && crowd.sending == 0).then(|| {
        let text = match (crowd.wanted, crowd.wanted == scene.live()) {
            (1, true) => "The one live peer makes us wait (it chokes us). That often ends by itself.".to_owned(),
            (1, false) => {
                "The one live peer that has what we miss makes us wait (it chokes us). That often ends by itself."
                    .to_owned()
            }
            (all, true) => {
                format!("The {} live peers make us wait (they choke us). That often ends by itself.", count(all))
            }
            (all, false) => format!(
                "The {} live peers that have what we miss make us wait (they choke us). That often ends by itself.",
                count(all)
            ),
        };
        Finding::new(costly(scene), text)
            .advice("wait: clients change turns every 10 to 30 seconds.")
            .explains()
            .evidence("choking", crowd.choking)
            .evidence("live", scene.live())
            .evidence("longest_wait_s", crowd.longest_wait.as_secs())
    })
}

fn unchoked_but_silent(scene: &Scene<'_>) -> Option<Finding> {
    let crowd = &scene.crowd;
    let all = crowd.open > 0 && crowd.silent == crowd.open;
    (scene.downloading() && all && crowd.sending == 0).then(|| {
        let (whom, verb) = if crowd.open == 1 {
            ("The one peer that lets us download".to_owned(), "sends")
        } else {
            (format!("The {} peers that let us download", count(crowd.open)), "send")
        };
        let text = format!("{whom} {verb} nothing, for {} by now.", span(crowd.longest_silence));
        Finding::new(costly(scene), text)
            .advice("drop such a peer with x; its place goes to another one.")
            .explains()
            .evidence("silent", crowd.silent)
            .evidence("longest_silence_s", crowd.longest_silence.as_secs())
    })
}

fn pieces_missing(scene: &Scene<'_>) -> Option<Finding> {
    let settled = scene.in_phase().as_secs() >= 30 && scene.crowd.told_pieces > 0;
    (scene.downloading() && settled && scene.unheld > 0).then(|| {
        let all = scene.unheld == scene.missing;
        let text = match (scene.unheld, all) {
            (1, true) => "The one piece that is missing is held by nobody we are connected to.".to_owned(),
            (unheld, true) => {
                format!("The {} missing pieces are held by nobody we are connected to.", count(unheld))
            }
            (unheld, false) => format!(
                "{} of the {} missing pieces {} held by nobody we are connected to.",
                count(unheld),
                count(scene.missing),
                if unheld == 1 { "is" } else { "are" }
            ),
        };
        let finding = Finding::new(costly(scene), text + " They come only with somebody who has them.")
            .advice("leave it running: a peer with everything may come.")
            .evidence("unheld", scene.unheld)
            .evidence("missing", scene.missing);
        if all { finding.explains() } else { finding }
    })
}

fn bad_data_one_peer(scene: &Scene<'_>) -> Option<Finding> {
    let failures = scene.view.pieces.failures;
    let [worst, others @ ..] = scene.crowd.liars.as_slice() else { return None };
    let alone = others.is_empty()
        || (failures > 1 && worst.failed_pieces >= failures && others[0].failed_pieces == 1);
    alone.then(|| {
        let pieces = many(worst.failed_pieces, "piece");
        let banned = worst.banned.as_ref().is_some_and(|(until, _)| *until > scene.view.at);
        let (severity, after) = if banned {
            (Severity::Info, " It is banned, and they are fetched again.")
        } else {
            (Severity::Warn, " They are fetched again.")
        };
        let text = format!("{} sent wrong data: {pieces} failed the check.{after}", worst.addr);
        let finding = Finding::new(severity, text).evidence("failed_pieces", worst.failed_pieces);
        if banned { finding } else { finding.advice("ban it with X.") }
    })
}

fn bad_data_many_peers(scene: &Scene<'_>) -> Option<Finding> {
    let (liars, failures) = (&scene.crowd.liars, scene.view.pieces.failures);
    let one = bad_data_one_peer(scene).is_some();
    (!one && liars.len() >= 3 && failures >= 3).then(|| {
        let text = format!(
            "{} failed the check, with data from {}. Either some of them send wrong data, or memory or disk here is \
             at fault: from the data alone both look the same.",
            many(failures, "piece"),
            many(liars.len() as u32, "peer")
        );
        Finding::new(Severity::Warn, text)
            .advice("ttui verify, twice: different results mean this machine.")
            .evidence("failures", failures)
            .evidence("peers", liars.len() as u64)
    })
}
