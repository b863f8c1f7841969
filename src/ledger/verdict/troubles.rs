//! Rules that say why nothing arrives, or what could stop it. The order is that of the journey: who is known, who
//! answers, who serves; the first that explains why nothing arrives speaks for the whole.

use super::say::{count, many, span};
use super::scene::{Dialled, Scene};
use super::table::rules;
use super::{Finding, VerdictCode, answers};
use crate::event::Severity;
use crate::units;

/// Dials needed before a pattern in them means anything.
const ENOUGH_DIALS: u32 = 8;
/// Peers of a family that are silent before the family is called dead.
const ENOUGH_SILENT: u32 = 5;
/// Seconds in which enough peers are met to say what the swarm holds, where some were not met yet.
const SWARM_MET_S: u64 = 35;

const WAIT_FOR_A_TURN: &str =
    "download it; clients let others have a turn after a while, and a check does not wait for that.";

rules! {
    ADDRESS_FAMILY_DEAD = AddressFamilyDead Trouble, Retry, address_family_dead,
        "peers unreachable timed_out other_family opened",
        told => {
            let named = |family: &&str| told.text.contains(&format!("{family}peers can"));
            format!("No {}peer can be reached.", ["IPv6 ", "IPv4 "].into_iter().find(named).unwrap_or_default())
        };
    DIALS_TIME_OUT = DialsTimeOut Trouble, Retry, dials_time_out, "timed_out dialled opened",
        told => format!("{} of {} never answered.", told.count("timed_out"), told.count("dialled")),
        { wants_peers: true };
    ENCRYPTION_WANTED = EncryptionWanted Trouble, Retry, encryption_wanted,
        "lost answered encrypted_only handshaken",
        told => match told.seen("encrypted_only") {
            Some(_) => "Some take only encryption.",
            None => "Our encryption setting stops it.",
        };
    ALL_CHOKE_US = AllChokeUs Trouble, Every(5), all_choke_us, "choking live longest_wait_s",
        told => match told.number("choking") {
            1 => "The one live peer is choking us.".to_owned(),
            _ => format!("{} live peers are choking us.", told.count("choking")),
        },
        { after_a_check: Some(WAIT_FOR_A_TURN), wants_peers: true };
    UNCHOKED_BUT_SILENT = UnchokedButSilent Trouble, Every(10), unchoked_but_silent, "silent open silence_s",
        told => format!("{} of {} unchoked send nothing.", told.count("silent"), told.count("open")),
        { after_a_check: Some("look again later: they may be busy."), wants_peers: true };
    PIECES_MISSING = PiecesMissing Trouble, Peers, pieces_missing, "unheld missing",
        told => format!("No peer has {}.", told.many("unheld", "missing piece")),
        { after_a_check: Some("look again later: a peer with everything may come."), wants_peers: true };
}

/// How weighty something is that would stop a download, and does while nothing flows.
pub(super) fn costly(scene: &Scene<'_>) -> Severity {
    if scene.flows() { Severity::Info } else { Severity::Warn }
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
fn address_family_dead(scene: &Scene<'_>) -> Option<Finding> {
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
fn dials_time_out(scene: &Scene<'_>) -> Option<Finding> {
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

fn encryption_wanted(scene: &Scene<'_>) -> Option<Finding> {
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

fn all_choke_us(scene: &Scene<'_>) -> Option<Finding> {
    let crowd = &scene.crowd;
    let all = crowd.wanted > 0 && crowd.choking == crowd.wanted && crowd.longest_wait.as_secs() >= 10;
    (scene.downloading() && all && crowd.sending == 0).then(|| {
        let text = match (crowd.wanted, crowd.wanted == scene.live()) {
            (1, true) => "The one live peer is choking us".to_owned(),
            (1, false) => "The one live peer that has what we miss is choking us".to_owned(),
            (all, true) => format!("The {} live peers are choking us", count(all)),
            (all, false) => format!("The {} live peers that have what we miss are choking us", count(all)),
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

fn unchoked_but_silent(scene: &Scene<'_>) -> Option<Finding> {
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

fn pieces_missing(scene: &Scene<'_>) -> Option<Finding> {
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
