//! Rules about what many connections have in common: how those ended that had begun well, and which ports are silent.

use std::collections::BTreeSet;
use std::time::Duration;

use super::say::{count, many, span};
use super::scene::Scene;
use super::table::rules;
use super::troubles::costly;
use super::{Finding, VerdictCode};
use crate::event::{At, Attempt, Cause, PeerKey, Severity};
use crate::ledger::peer::{PeerRecord, Stage};

/// Who hangs up within this time of the handshake turned us away.
const TURNED_AWAY_WITHIN: Duration = Duration::from_secs(10);
/// A peer that was dialled again may hang up again within this time: until then nothing is taken back.
const JUST_CAME: Duration = Duration::from_secs(2);
/// Ends that are looked at, and those needed, of how many peers, at how many moments.
const LAST_ENDS: usize = 12;
const ENOUGH_ENDS: usize = 6;
const ENOUGH_PEERS: usize = 3;
const ENOUGH_MOMENTS: usize = 3;
/// Ends closer together than this are one moment: all of them end together when our own network does.
const ONE_MOMENT: Duration = Duration::from_secs(1);
/// How much times that are called the same differ at most, where a tenth of them is less.
const ABOUT_THE_SAME: Duration = Duration::from_millis(500);
/// A pattern is past when nothing ended so for this long, and as long again as a connection lasted.
const PAST_AFTER: Duration = Duration::from_secs(90);
/// Silent peers at the usual ports before those ports are called blocked.
const ENOUGH_SILENT: u32 = 8;

rules! {
    TURNED_AWAY = TurnedAway Trouble, Retry, turned_away, "lost handshaken",
        _ => "All hang up after the handshake.", { after_a_check: Some("look again later: they may be full.") };
    CUT_REGULARLY = CutRegularly Trouble, Every(10), cut_regularly, "lost lasted_s peers",
        told => format!("Connections end after {}.", span(Duration::from_secs(told.number("lasted_s"))));
    PORTS_BLOCKED = PortsBlocked Note, Retry, ports_blocked, "timed_out opened peers",
        _ => "Ports 6881 to 6999 may be blocked.";
}

/// How a connection ends that somebody else ends.
fn was_ended(cause: Option<Cause>) -> bool {
    use Cause::{ClosedAfterHandshake, ClosedByPeer, ConnectionLost, ResetByPeer};
    matches!(cause, Some(ClosedAfterHandshake | ClosedByPeer | ConnectionLost | ResetByPeer))
}

/// How long a connection lasted that shook hands, and when it ended.
fn lasted(attempt: &Attempt) -> Option<(At, Duration)> {
    let (shook, ended) = (attempt.handshaken?, attempt.ended?);
    was_ended(attempt.cause).then(|| (ended, ended.saturating_sub(shook)))
}

/// Everybody shakes hands and hangs up soon, and nobody sends anything.
fn turned_away(scene: &Scene<'_>) -> Option<Finding> {
    let view = scene.view;
    let stands = scene.stands(VerdictCode::TurnedAway);
    let came = |record: &PeerRecord| {
        let shook = record.telling_attempt().and_then(|attempt| attempt.handshaken);
        record.is_live() && shook.is_some_and(|at| view.at.saturating_sub(at) < JUST_CAME)
    };
    let here = view.peers.iter().filter(|record| record.is_live() && !(stands && came(record))).count();
    let others = view.peers.iter().filter(|record| record.cause != Some(Cause::SelfConnection));
    let shook: Vec<&PeerRecord> =
        others.filter(|record| record.stage >= Stage::Handshaken).map(AsRef::as_ref).collect();
    let turned = |record: &&&PeerRecord| {
        let mut ends = record.attempts.iter().rev().filter_map(lasted);
        record.last_block.is_none() && ends.next().is_some_and(|(_, lasted)| lasted < TURNED_AWAY_WITHIN)
    };
    let all = shook.len() as u32;
    let alike = shook.iter().filter(turned).count() as u32;
    let over = stands || scene.answers.dials_ended();
    (scene.fetching() && here == 0 && over && alike > 0 && alike == all).then(|| {
        let (whom, they) = match all {
            1 => ("The one peer that shook hands hung up".to_owned(), "It may be full, take"),
            _ => (format!("All {} that shook hands hung up", many(all, "peer")), "They may be full, take"),
        };
        let text = format!(
            "{whom} soon after and sent nothing. {they} only peers that have something to give, or refuse us (a ban, \
             a client they do not like); ttui cannot tell which from here."
        );
        Finding::new(costly(scene), text)
            .advice("leave it running: they are dialled again, and others may come.")
            .explains()
            .evidence("lost", alike)
            .evidence("handshaken", view.funnel.handshaken)
    })
}

/// Connections end after the same time, one after another: something on the way cuts them.
fn cut_regularly(scene: &Scene<'_>) -> Option<Finding> {
    let view = scene.view;
    let mut ends: Vec<(At, Duration, PeerKey)> = Vec::new();
    for record in &view.peers {
        let ended = record.attempts.iter().filter_map(lasted);
        ends.extend(
            ended.map(|(at, lasted)| (at, lasted, record.key)).filter(|(_, lasted, _)| *lasted >= JUST_CAME),
        );
    }
    ends.sort_unstable();
    let ends = &ends[ends.len().saturating_sub(LAST_ENDS)..];
    let mut times: Vec<Duration> = ends.iter().map(|(_, lasted, _)| *lasted).collect();
    times.sort_unstable();
    let median = *times.get(times.len() / 2)?;
    let slack = ABOUT_THE_SAME.max(median / 10);
    let alike: Vec<_> = ends.iter().filter(|(_, lasted, _)| lasted.abs_diff(median) <= slack).collect();
    let peers: BTreeSet<PeerKey> = alike.iter().map(|(.., peer)| *peer).collect();
    let moments =
        1 + alike.windows(2).filter(|pair| pair[1].0.saturating_sub(pair[0].0) >= ONE_MOMENT).count();
    let (last, ..) = alike.last()?;
    let goes_on = view.at.saturating_sub(*last) < PAST_AFTER + median;
    // One that lives longer shows that nothing cuts them.
    let outlived = view.peers.iter().filter(|record| record.is_live()).any(|record| {
        let shook = record.telling_attempt().and_then(|attempt| attempt.handshaken);
        shook.is_some_and(|at| view.at.saturating_sub(at) > median + slack * 3)
    });
    let enough = alike.len() >= ENOUGH_ENDS && peers.len() >= ENOUGH_PEERS && moments >= ENOUGH_MOMENTS;
    (scene.fetching() && enough && alike.len() * 5 >= ends.len() * 4 && goes_on && !outlived).then(|| {
        let text = format!(
            "The last {} connections to {} lasted {} each. Something on the way (a router, a VPN, the provider) seems \
             to cut them.",
            count(alike.len() as u32),
            many(peers.len() as u32, "peer"),
            span(Duration::from_secs((median + Duration::from_millis(500)).as_secs())),
        );
        let finding = Finding::new(costly(scene), text)
            .advice("start ttui with --encryption require, or try without VPN; a router may need a restart.")
            .evidence("lost", alike.len() as u64)
            .evidence("lasted_s", median.as_secs())
            .evidence("peers", peers.len() as u64);
        if scene.live() == 0 { finding.explains() } else { finding }
    })
}

/// Nobody at the usual ports answers, while those at other ports do.
fn ports_blocked(scene: &Scene<'_>) -> Option<Finding> {
    let (usual, others) = (scene.crowd.usual_ports, scene.crowd.other_ports());
    let silent = usual.decided >= ENOUGH_SILENT && usual.timed_out == usual.decided && usual.undecided == 0;
    let alive = others.opened >= ENOUGH_SILENT / 2 && others.answered() * 2 >= others.decided;
    // Where a family is dead, its ports have nothing to do with it.
    (scene.fetching() && silent && alive && super::troubles::dead_family(scene).is_none()).then(|| {
        let text = format!(
            "None of the {} peers at ports 6881 to 6999 answers; {} of the {} at other ports do. A firewall or the \
             provider may block these ports.",
            count(usual.decided),
            count(others.answered()),
            count(others.decided)
        );
        Finding::new(Severity::Info, text)
            .advice("try without VPN, or from another network; nothing is lost while others send.")
            .evidence("timed_out", usual.timed_out)
            .evidence("opened", others.opened)
            .evidence("peers", usual.decided)
    })
}
