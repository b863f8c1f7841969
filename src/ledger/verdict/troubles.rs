//! Rules that say why nothing arrives, or what could stop it. The order is that of the journey: who is known, who
//! answers, who serves; the first that explains why nothing arrives speaks for the whole.

use super::say::{count, many, span};
use super::scene::{Dialled, Scene};
use super::{Finding, Remedy, VerdictCode, answers};
use crate::event::Severity;
use crate::ledger::peer::PeerRecord;
use crate::units::{self, Units};

/// A slow disk is the limit while this part of the memory waits for it.
const PENDING_PART: u64 = 8;
/// Dials needed before a pattern in them means anything.
const ENOUGH_DIALS: u32 = 8;
/// Peers of a family that are silent before the family is called dead.
const ENOUGH_SILENT: u32 = 5;
/// Seconds in which enough peers are met to say what the swarm holds, where some were not met yet.
const SWARM_MET_S: u64 = 35;

/// How weighty something is that would stop a download, and does while nothing flows.
pub(super) fn costly(scene: &Scene<'_>) -> Severity {
    if scene.flows() { Severity::Info } else { Severity::Warn }
}

pub(super) fn own_limits(scene: &Scene<'_>) -> Option<Finding> {
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
pub(super) fn disk_slow(scene: &Scene<'_>) -> Option<Finding> {
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

/// An address family whose peers cannot be reached, and how dialling over the other one went.
pub(super) struct DeadFamily {
    /// `IPv6 `; empty where it is both.
    name: &'static str,
    pub(super) peers: Dialled,
    others: Dialled,
}

/// Finds the address family of which nobody can be reached: no way leads there, or all are silent while most of the
/// other family answer.
pub(super) fn dead_family(scene: &Scene<'_>) -> Option<DeadFamily> {
    let dead = |these: Dialled, others: Dialled| {
        let without_way = these.decided >= 3 && these.unreachable() == these.decided;
        let alive = others.opened > 0 && others.answered() * 2 >= others.decided;
        let silent = these.decided >= ENOUGH_SILENT && these.answered() == 0 && these.undecided == 0;
        without_way || (silent && alive)
    };
    let (v4, v6) = (scene.crowd.v4, scene.crowd.v6);
    Some(match (dead(v6, v4), dead(v4, v6)) {
        (true, true) => DeadFamily { name: "", peers: scene.crowd.dialled(), others: Dialled::default() },
        (true, false) => DeadFamily { name: "IPv6 ", peers: v6, others: v4 },
        (false, true) => DeadFamily { name: "IPv4 ", peers: v4, others: v6 },
        (false, false) => return None,
    })
}

/// Nobody of an address family can be reached, or nobody at all.
pub(super) fn address_family_dead(scene: &Scene<'_>) -> Option<Finding> {
    let DeadFamily { name, peers: these, others } = dead_family(scene)?;
    let why = if these.forbidden * 2 > these.decided {
        "this machine forbids the connections".to_owned()
    } else if these.far_end * 2 > these.decided {
        "a router on the way rejects the connections".to_owned()
    } else if these.timed_out * 2 > these.decided {
        let other = if name == "IPv6 " { "IPv4" } else { "IPv6" };
        format!(
            "all are silent, while {} of the {} {other} peers answer",
            count(others.answered()),
            count(others.decided)
        )
    } else {
        "there is no route to them from here".to_owned()
    };
    let text = format!("None of the {} {name}peers can be reached: {why}.", count(these.decided));
    let advice = if these.forbidden * 2 > these.decided {
        "look for a rule in a local firewall or sandbox.".to_owned()
    } else if others.answered() > 0 {
        format!("check whether this machine has {name}at all.")
    } else {
        "check the network and the VPN of this machine.".to_owned()
    };
    let alone = others.answered() == 0 && scene.live() == 0;
    let finding = Finding::new(if alone { costly(scene) } else { Severity::Info }, text)
        .advice(advice)
        .evidence("peers", these.decided)
        .evidence("unreachable", these.unreachable())
        .evidence("timed_out", these.timed_out)
        .evidence("other_family", others.decided)
        .evidence("opened", others.opened);
    // Others that only wait for their turn, or give no answer, leave it open.
    Some(if alone && others.decided == 0 { finding.explains() } else { finding })
}

/// Most dials time out. Once told, it ends when a third of them do not.
pub(super) fn dials_time_out(scene: &Scene<'_>) -> Option<Finding> {
    let dialled = scene.crowd.dialled();
    let tenths = if scene.stands(VerdictCode::DialsTimeOut) { 7 } else { 8 };
    let most = dialled.timed_out * 10 >= dialled.decided * tenths;
    (dialled.decided >= ENOUGH_DIALS && most).then(|| {
        let whom = format!(
            "{} of the {} peers {} never answered.",
            count(dialled.timed_out),
            count(dialled.decided),
            if dialled.undecided == 0 { "we dialled" } else { "dialled so far" }
        );
        let finding = if scene.flows() {
            let text = format!("{whom} They are gone, or routers on their side drop our packets: others do answer.");
            Finding::new(Severity::Info, text)
        } else {
            let text = format!(
                "{whom} Either they are gone (an old swarm), or something near us blocks us: VPN down, firewall, \
                 provider. ttui cannot tell which from here."
            );
            Finding::new(costly(scene), text)
                .advice("run ttui check with another torrent; if that fails too, it is near us.")
        };
        finding
            .explains()
            .evidence("timed_out", dialled.timed_out)
            .evidence("dialled", dialled.decided)
            .evidence("opened", dialled.opened)
    })
}

pub(super) fn encryption_wanted(scene: &Scene<'_>) -> Option<Finding> {
    let (lost, reached) = (scene.crowd.encrypted_lost, scene.crowd.encrypted);
    let mismatched = scene.crowd.mismatched;
    let alone = scene.live() == 0;
    if let Some(finding) = answers::forbidden_encryption(scene).or_else(|| answers::forbidden_plain(scene)) {
        return Some(finding);
    }
    if lost + mismatched >= 3 {
        let (peers, text, advice) = if lost >= mismatched {
            let text = format!(
                "{} take encrypted connections only, and our setting forbids them.",
                many(lost, "peer")
            );
            (lost, text, "start ttui with --encryption prefer-plain.")
        } else {
            let text = format!(
                "{} answered without the encryption that our setting requires.",
                many(mismatched, "peer")
            );
            (mismatched, text, "start ttui with --encryption prefer.")
        };
        let finding = Finding::new(costly(scene), text).advice(advice).evidence("lost", peers);
        return Some(if alone { finding.explains() } else { finding });
    }
    (reached >= 3 && reached * 10 >= scene.view.funnel.handshaken * 3).then(|| {
        let text = format!(
            "{} of the {} that shook hands did so only encrypted.",
            count(reached),
            many(scene.view.funnel.handshaken, "peer")
        );
        Finding::new(Severity::Info, text)
            .advice("start ttui with --encryption prefer; it saves the plain try that comes first.")
            .evidence("encrypted_only", reached)
            .evidence("handshaken", scene.view.funnel.handshaken)
    })
}

pub(super) fn all_choke_us(scene: &Scene<'_>) -> Option<Finding> {
    let crowd = &scene.crowd;
    let all = crowd.wanted > 0 && crowd.choking == crowd.wanted && crowd.longest_wait.as_secs() >= 10;
    (scene.downloading() && all && crowd.sending == 0).then(|| {
        let text = match (crowd.wanted, crowd.wanted == scene.live()) {
            (1, true) => "The one live peer chokes us".to_owned(),
            (1, false) => "The one live peer that has what we miss chokes us".to_owned(),
            (all, true) => format!("The {} live peers choke us", count(all)),
            (all, false) => format!("The {} live peers that have what we miss choke us", count(all)),
        };
        let they = if crowd.wanted == 1 { "it serves" } else { "they serve" };
        let text = format!("{text} ({they} others first). That often ends by itself.");
        // Many clients give to those who give.
        let advice = match scene.view.limits.1 {
            Some(0) => "raise our upload limit, which is 0; many clients serve those who serve them.",
            _ => "Nothing to do but wait; where many want data, our turn can take minutes to come.",
        };
        Finding::new(costly(scene), text)
            .advice(advice)
            .explains()
            .evidence("choking", crowd.choking)
            .evidence("live", scene.live())
            .evidence("longest_wait_s", crowd.longest_wait.as_secs())
    })
}

pub(super) fn unchoked_but_silent(scene: &Scene<'_>) -> Option<Finding> {
    let crowd = &scene.crowd;
    let all = crowd.open > 0 && crowd.silent == crowd.open;
    // A peer that sent its piece of a check is let go.
    let others_sent = scene.probing && scene.flows();
    (scene.downloading() && all && crowd.sending == 0 && !others_sent).then(|| {
        let (whom, one) = if crowd.open == 1 {
            ("The one peer that lets us download has".to_owned(), "it")
        } else {
            (format!("The {} peers that let us download have", count(crowd.open)), "one of them")
        };
        let text = format!("{whom} sent nothing for {}.", span(crowd.silence));
        Finding::new(costly(scene), text)
            .advice(format!("drop {one}; another peer takes its place."))
            .explains()
            .evidence("silent", crowd.silent)
            .evidence("open", crowd.open)
            .evidence("silence_s", crowd.silence.as_secs())
    })
}

pub(super) fn pieces_missing(scene: &Scene<'_>) -> Option<Finding> {
    if scene.probing {
        return pieces_missing_of_a_check(scene);
    }
    let all = scene.unheld == scene.missing;
    let met = scene.in_phase().as_secs() >= SWARM_MET_S || (all && scene.all_are_met());
    let settled = met && scene.live() > 0 && scene.crowd.pieces_untold == 0;
    (scene.downloading() && settled && scene.unheld > 0).then(|| {
        let text = match (scene.unheld, all) {
            (1, true) => "No peer we are connected to has the one missing piece.".to_owned(),
            (unheld, true) => {
                format!("No peer we are connected to has any of the {} missing pieces.", count(unheld))
            }
            (unheld, false) => format!(
                "No peer we are connected to has {} of the {} missing pieces.",
                count(unheld),
                count(scene.missing)
            ),
        };
        let none_fetches = scene.crowd.upload_only == scene.live();
        let it = if scene.unheld == 1 { "it can" } else { "they can" };
        let comes = match (none_fetches, scene.live()) {
            (false, _) if scene.unheld == 1 => "It can come only from somebody who has it.".to_owned(),
            (false, _) => "They can come only from somebody who has them.".to_owned(),
            (true, 1) => format!("It fetches no more itself: {it} come only from somebody else."),
            (true, _) => format!("None of them fetches any more: {it} come only from somebody else."),
        };
        let finding = Finding::new(costly(scene), format!("{text} {comes}"))
            .advice("leave it running; a peer with everything may come.")
            .evidence("unheld", scene.unheld)
            .evidence("missing", scene.missing);
        if all { finding.explains() } else { finding }
    })
}

/// What nobody who shook hands has, where peers were only tried.
fn pieces_missing_of_a_check(scene: &Scene<'_>) -> Option<Finding> {
    let out_there = scene.view.availability.filter(|_| scene.unheld > 0 && scene.crowd.pieces_untold == 0)?;
    if out_there.held == 0 && scene.live() == 0 {
        // Who is gone again may have had any.
        return None;
    }
    let text = match out_there.held {
        0 => "No peer that shook hands has any piece of it.".to_owned(),
        _ => format!(
            "No peer has {} of the {}: those that shook hands hold {} of the torrent, and a download would stop there.",
            count(scene.unheld),
            many(out_there.pieces, "piece"),
            units::thousandths(out_there.share_thousandths())
        ),
    };
    let finding = Finding::new(Severity::Warn, text)
        .advice("look again later: a peer with everything may come.")
        .evidence("unheld", scene.unheld)
        .evidence("missing", scene.missing);
    Some(if scene.flows() { finding } else { finding.explains() })
}

pub(super) fn bad_data_one_peer(scene: &Scene<'_>) -> Option<Finding> {
    let failures = scene.view.pieces.failures;
    let [worst, others @ ..] = scene.crowd.liars.as_slice() else { return None };
    let alone = others.is_empty()
        || (failures > 1 && worst.failed_pieces >= failures && others[0].failed_pieces == 1);
    alone.then(|| {
        let pieces = many(worst.failed_pieces, "piece");
        let banned = worst.banned.as_ref().is_some_and(|(until, _)| *until > scene.view.at);
        let they = if worst.failed_pieces == 1 { "the piece is" } else { "the pieces are" };
        let (severity, after) = if scene.probing {
            (Severity::Warn, String::new())
        } else if banned {
            (Severity::Info, format!(" It is banned, and {they} fetched again."))
        } else {
            (Severity::Warn, format!(" T{} fetched again.", &they[1..]))
        };
        let text = format!("{} sent wrong data: {pieces} failed the check.{after}", worst.addr);
        let finding = Finding::new(severity, text)
            .evidence("failed_pieces", worst.failed_pieces)
            .evidence("failures", failures);
        match (banned, nobody_else_sent(scene)) {
            (true, true) => finding.advice("leave it running until somebody else comes.").explains(),
            (true, false) => finding,
            (false, true) => finding.remedy("ban it.", Remedy::Ban).explains(),
            (false, false) => finding.remedy("ban it.", Remedy::Ban),
        }
    })
}

/// Nobody is left, and everybody who ever sent anything sent wrong data. A check is told of it at its end, when whoever is
/// left has had its turn.
fn nobody_else_sent(scene: &Scene<'_>) -> bool {
    let sent_well = |record: &PeerRecord| record.last_block.is_some() && record.failed_pieces == 0;
    let nobody = scene.live() == 0 && !scene.flows() && scene.answers.dials_ended();
    (nobody || scene.probing) && !scene.view.peers.iter().any(|record| sent_well(record))
}

/// Many sent wrong data. While more of it comes it judges the whole, for data that is thrown away is no progress.
pub(super) fn bad_data_many_peers(scene: &Scene<'_>) -> Option<Finding> {
    if scene.is_poisoned() { None } else { wrong_data(scene, "") }
}

/// Wrong data of many, however long ago.
pub(super) fn wrong_data(scene: &Scene<'_>, begins: &str) -> Option<Finding> {
    let (liars, failures) = (&scene.crowd.liars, scene.view.pieces.failures);
    let one = bad_data_one_peer(scene).is_some();
    (!one && liars.len() >= 3 && failures >= 3).then(|| {
        let text = format!(
            "{begins}{} failed the check, with data from {}. Either some of them send wrong data, or this machine's \
             memory or disk is at fault; ttui cannot tell which from the data alone.",
            many(failures, "piece"),
            many(liars.len() as u32, "peer")
        );
        let finding = Finding::new(Severity::Warn, text)
            .advice("run ttui verify twice; if the results differ, the fault is in this machine.")
            .evidence("failures", failures)
            .evidence("peers", liars.len() as u64);
        if nobody_else_sent(scene) { finding.explains() } else { finding }
    })
}
