//! Rules that judge the whole: exactly one of them speaks first.

use std::time::Duration;

use super::say::{Told, about, count, first_sentence, many, short, span};
use super::scene::Scene;
use super::table::rules;
use super::{Finding, VerdictCode, metadata};
use crate::event::{Cause, Phase, Queued, Severity};
use crate::ledger::peer::Group;
use crate::ledger::tracker::TrackerStatus;
use crate::text;
use crate::units::{self, Units};

/// Under this mean over half a minute, bytes a second, a download is slow.
const SLOW_BPS: u64 = 32 * 1024;
/// Within this time after going on, what has not come yet is no news.
const JUST_NOW: Duration = Duration::from_secs(5);
/// Reasons named in one sentence.
const MOST_REASONS: usize = 5;
/// Nothing for so long is a stall.
const STALLED_AFTER_S: u64 = 30;

rules! {
    DISK_TROUBLE = DiskTrouble Whole, User, disk_trouble, "missing_pieces",
        told => told.or_short("Stopped: the disk refuses.");
    PAUSED = Paused Whole, User, paused, "paused_s", _ => "Paused.";
    QUEUED = Queued Whole, User, queued, "most", told => told.head(&[". "]);
    CHECKING = Unknown Whole, Every(1), checking, "pieces_looked_at of_pieces", told => what_stands_first(told);
    NOTHING_WANTED = NothingWanted Whole, User, nothing_wanted, "files", _ => "Nothing is wanted: all is skipped.";
    COMPLETE = Complete Whole, Peers, complete, "served up_bytes", _ => "Complete. Everything is here.";
    SLOW = Slow Whole, Every(10), slow, "down_bps sending live",
        told => match (told.number("sending"), units::rate(told.number("down_bps"), Units::Binary)) {
            (0, _) => "Slow. Data trickles in.".to_owned(),
            (_, rate) => format!("Slow: {rate} from {}.", told.many("sending", "peer")),
        }, { wants_peers: true };
    HEALTHY = Healthy Whole, Every(10), healthy,
        "known handshaken transferring sending live down_bps giving parts_here parts",
        told => if told.seen("giving").is_some() {
            format!("Metadata: {} of {}.", told.count("parts_here"), told.many("parts", "part"))
        } else {
            let (pace, verb) = (told.head(&[". "]), if told.number("sending") == 1 { "is" } else { "are" });
            short(&format!("{pace} {} {verb} sending.", told.many("sending", "peer")), &pace)
        }, { brief: healthy_in_brief };
    STALLED = Stalled Last, Every(10), stalled, "quiet_s known handshaken live trying failed reset",
        told => what_stands_first(told), { wants_peers: true };
    UNKNOWN = Unknown Last, Every(1), unknown, "live trying queued failed known handshaken transferring",
        told => what_stands_first(told), { wants_peers: true };
}

fn disk_trouble(scene: &Scene<'_>) -> Option<Finding> {
    (scene.view.phase == Phase::Stopped).then(|| {
        let reason = scene.view.phase_reason.as_deref().unwrap_or("The disk refuses.");
        Finding::new(Severity::Error, format!("Stopped: {}.", reason.trim_end_matches('.')))
            .advice("put that right, then go on.")
            .evidence("missing_pieces", scene.missing)
    })
}

fn paused(scene: &Scene<'_>) -> Option<Finding> {
    (scene.view.phase == Phase::Paused).then(|| {
        Finding::new(Severity::Info, "Paused. Nothing is asked for or sent until you go on.".to_owned())
            .advice("go on.")
            .evidence("paused_s", scene.in_phase().as_secs())
    })
}

fn queued(scene: &Scene<'_>) -> Option<Finding> {
    let Phase::Queued(why) = scene.view.phase else { return None };
    let others = |most: u32, one: &str, do_it: &str| match most {
        1 => format!("Queued: another {one}."),
        most => format!("Queued: {} others {do_it}.", count(most)),
    };
    let (most, text) = match why {
        Queued::Downloading { most } => (most, others(most, "downloads", "download")),
        Queued::Stalled { most } => (most, others(most, "is active", "are active")),
        Queued::Metadata { most } => (most, others(most, "fetches metadata", "fetch metadata")),
        Queued::Seeding { most } => (most, others(most, "seeds", "seed")),
        Queued::Enough => {
            let text = "Done: it gave what it was to give. Nothing is sent any more.".to_owned();
            return Some(Finding::new(Severity::Info, text).evidence("most", 0u32));
        }
    };
    let text = format!("{text} It goes on when it is its turn.");
    let finding = Finding::new(Severity::Info, text).evidence("most", most);
    Some(finding.advice("let it go before others in the queue, or let more be active at once."))
}

fn checking(scene: &Scene<'_>) -> Option<Finding> {
    (scene.view.phase == Phase::Checking).then(|| {
        let (looked_at, of_pieces) = scene.view.checked.unwrap_or_default();
        if let Some((done, of)) = scene.view.preparing {
            let text = format!("Making the files: {} of {} so far.", count(done), many(of, "file"));
            return Finding::new(Severity::Info, text).evidence("of_pieces", of_pieces);
        }
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
        Finding::new(Severity::Info, text)
            .evidence("pieces_looked_at", looked_at)
            .evidence("of_pieces", of_pieces)
    })
}

/// A run that only looks who answers is judged by who did.
fn probed(scene: &Scene<'_>) -> Option<Finding> {
    let funnel = scene.view.funnel;
    let wrong = scene.crowd.liars.len() as u32;
    (scene.probing && scene.flows()).then(|| {
        let text = match funnel.known {
            1 => "It works: the only peer answered and sends data.".to_owned(),
            known => format!(
                "It works: {} of the {} shook hands, and {} sent data{}.",
                count(funnel.handshaken),
                many(known, "known peer"),
                count(funnel.transferring),
                if wrong > 0 { format!(", {} of them wrong data", count(wrong)) } else { String::new() }
            ),
        };
        Finding::new(Severity::Good, text)
            .evidence("known", funnel.known)
            .evidence("handshaken", funnel.handshaken)
            .evidence("transferring", funnel.transferring)
    })
}

fn nothing_wanted(scene: &Scene<'_>) -> Option<Finding> {
    (scene.view.phase == Phase::Seeding && scene.view.wants_nothing()).then(|| {
        Finding::new(Severity::Warn, "Nothing is wanted: every file is skipped.".to_owned())
            .advice("choose the files to download.")
            .evidence("files", scene.view.torrent.files().len() as u32)
    })
}

fn complete(scene: &Scene<'_>) -> Option<Finding> {
    (scene.view.phase == Phase::Seeding).then(|| {
        let output = text::clean(&scene.view.torrent.output.to_string_lossy(), 200);
        let served = match scene.crowd.served {
            0 => String::new(),
            1 => " 1 peer is downloading from us.".to_owned(),
            peers => format!(" {} are downloading from us.", many(peers, "peer")),
        };
        let here = match scene.view.wanted_files {
            None => "Everything is".to_owned(),
            Some(1) => "The one file that is wanted is".to_owned(),
            Some(wanted) => format!("The {wanted} files that are wanted are"),
        };
        Finding::new(Severity::Good, format!("Complete. {here} in {output}.{served}"))
            .evidence("served", scene.crowd.served)
            .evidence("up_bytes", scene.view.up_bytes)
    })
}

fn slow(scene: &Scene<'_>) -> Option<Finding> {
    let (mean, seconds) = scene.half_minute;
    let held_back = scene.view.limits.0.is_some_and(|limit| limit <= SLOW_BPS);
    // Once told it takes a quarter more than that to end it.
    let enough = if scene.stands(VerdictCode::Slow) { SLOW_BPS / 4 * 5 } else { SLOW_BPS };
    let slow = scene.downloading()
        && scene.flows()
        && !scene.probing
        && seconds >= 30
        && scene.in_phase().as_secs() >= 30
        && mean.down_bps < enough
        && !held_back;
    slow.then(|| {
        let sending = match scene.crowd.sending + scene.web_sending {
            0 => format!("Slow. Data trickles in, the last of it {} ago", span(scene.quiet)),
            _ => format!(
                "Slow. {}: {} on average over half a minute",
                senders(scene),
                units::rate(mean.down_bps, Units::Binary)
            ),
        };
        Finding::new(Severity::Warn, format!("{sending}{}.", rest(scene)))
            .advice("leave it running; more peers may come, and those here may send more.")
            .evidence("down_bps", mean.down_bps)
            .evidence("sending", scene.crowd.sending)
            .evidence("live", scene.live())
    })
}

/// How it goes, how many send, and when the rest is here.
fn healthy_in_brief(told: &Told<'_>) -> (String, String) {
    let text = told.text;
    let sending = match told.number("sending") {
        0 => return told.in_brief(first_sentence(text)),
        1 => "1 peer is".to_owned(),
        sending => format!("{} peers are", units::count(sending)),
    };
    let rest = text.split_once("; ").map_or_else(|| ".".to_owned(), |(_, rest)| format!("; {rest}"));
    let rest = rest.replace("the rest of the file", "the rest");
    let pace = text.split_once('.').map_or("Going well", |(pace, _)| pace);
    told.in_brief(format!("{pace}. {sending} sending{rest}"))
}

fn healthy(scene: &Scene<'_>) -> Option<Finding> {
    if scene.lacks_metadata() {
        return metadata::come(scene);
    }
    if scene.probing {
        return probed(scene);
    }
    scene.flows().then(|| {
        let text = match scene.crowd.sending + scene.web_sending {
            0 => format!("{}. The last data came {} ago{}.", pace(scene), span(scene.quiet), rest(scene)),
            _ => format!("{}. {}{}.", pace(scene), senders(scene), rest(scene)),
        };
        // Nothing is praised before it goes.
        let severity = if pace(scene) == STARTING { Severity::Info } else { Severity::Good };
        Finding::new(severity, text)
            .evidence("sending", scene.crowd.sending)
            .evidence("live", scene.live())
            .evidence("down_bps", scene.view.rates.down_bps)
    })
}

/// Said before there is data enough to tell how it goes.
const STARTING: &str = "Getting started";

/// How well it goes, by the rate that stands beside it.
fn pace(scene: &Scene<'_>) -> &'static str {
    match scene.view.rates.down_bps {
        0 if scene.quiet < JUST_NOW => STARTING,
        _ if !scene.has_flowed => STARTING,
        bps if bps < SLOW_BPS => "Data arrives",
        _ => "Going well",
    }
}

/// `7 of the 17 live peers are sending`.
fn senders(scene: &Scene<'_>) -> String {
    let servers = match scene.web_sending {
        0 => return sending_peers(scene),
        1 => "1 web seed".to_owned(),
        servers => format!("{} web seeds", count(servers)),
    };
    match (scene.crowd.sending, scene.web_sending) {
        (0, 1) => format!("{servers} is sending"),
        (0, _) => format!("{servers} are sending"),
        (1, _) => format!("1 peer and {servers} are sending"),
        (peers, _) => format!("{} peers and {servers} are sending", count(peers)),
    }
}

fn sending_peers(scene: &Scene<'_>) -> String {
    match (scene.crowd.sending, scene.live()) {
        (1, 1) => "The one live peer is sending".to_owned(),
        (2, 2) => "Both live peers are sending".to_owned(),
        (sending, live) if sending == live => format!("All {} live peers are sending", count(live)),
        (1, live) => format!("1 of the {} live peers is sending", count(live)),
        (sending, live) => format!("{} of the {} live peers are sending", count(sending), count(live)),
    }
}

/// `; the rest of the file arrives in about 3 minutes`, where that can be told and somebody has it.
fn rest(scene: &Scene<'_>) -> String {
    if scene.unheld > 0 {
        return String::new();
    }
    let what = if scene.view.torrent.files().len() == 1 { "the rest of the file" } else { "the rest" };
    scene.view.eta.map_or_else(String::new, |eta| format!("; {what} arrives in {}", about(eta)))
}

/// Nothing arrives, for long or with nobody left to try, and no rule knows why.
fn stalled(scene: &Scene<'_>) -> Option<Finding> {
    let long = scene.quiet.as_secs() >= STALLED_AFTER_S;
    (scene.downloading() && !scene.probing && (long || is_over(scene))).then(|| {
        let groups = scene.view.groups;
        let why = match groups.live {
            0 => nobody(scene),
            1 => "1 peer is connected, and sends nothing".to_owned(),
            live => format!("{} connected, and none of them sends", connected(live)),
        };
        let begins = match long {
            true => format!("Nothing has arrived for {}", span(scene.quiet)),
            false => "Nothing arrives".to_owned(),
        };
        let text = format!("{begins}: {why}.{}", cut_off(scene));
        // A refusal proves that the way there is open.
        let all_refuse = groups.live == 0 && groups.failed > 0 && scene.crowd.closed == groups.failed;
        let advice = match (all_refuse, groups.failed) {
            (true, 1) => "look whether a client runs there, and listens on that port; ttui dials it again.",
            (true, _) => "look whether clients run there, and listen on those ports; ttui dials them again.",
            (false, _) => "run ttui check on this torrent and another; if both fail, it is near us.",
        };
        Finding::new(Severity::Warn, text)
            .advice(advice)
            .evidence("quiet_s", scene.quiet.as_secs())
            .evidence("known", scene.view.funnel.known)
            .evidence("handshaken", scene.view.funnel.handshaken)
            .evidence("live", groups.live)
            .evidence("trying", groups.trying)
            .evidence("failed", groups.failed)
            .evidence("reset", scene.crowd.cut_off)
    })
}

/// Every known peer was dialled to the end and none is connected, no tracker is left to answer, and nothing has come
/// since this phase began: there is nothing to wait for before it is told.
fn is_over(scene: &Scene<'_>) -> bool {
    let view = scene.view;
    let began = view.last_block.is_some_and(|last| last >= view.phase_since);
    // Once it is told, a peer that is dialled again does not take it back.
    let idle = view.groups.trying == 0 || scene.stands(VerdictCode::Stalled);
    let asked = view.trackers.iter().any(|record| record.status == TrackerStatus::Pending);
    view.groups.live == 0 && view.funnel.known > 0 && !began && idle && !asked && scene.answers.dials_ended()
}

/// What it may mean that nearly all who opened hung up or reset at our handshake.
fn cut_off(scene: &Scene<'_>) -> &'static str {
    let crowd = &scene.crowd;
    let most = |peers: u32| crowd.opened_in_vain >= 5 && peers * 10 >= crowd.opened_in_vain * 8;
    let (alike, mute) = (most(crowd.cut_off), most(crowd.mute));
    if alike && scene.view.funnel.handshaken == 0 {
        " Nearly all that accept a connection cut it at our handshake: either something on the way (provider, \
         firewall) lets no BitTorrent through, or all of them turn us away. ttui cannot tell which from here."
    } else if mute && scene.view.funnel.handshaken == 0 {
        " Nearly all that accept a connection say nothing: either something on the way (a firewall, a proxy) accepts \
         connections in their place, or they are overloaded. ttui cannot tell which from here."
    } else {
        ""
    }
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
    if funnel.known == 0 {
        let asked =
            scene.view.trackers.iter().filter(|record| record.status == TrackerStatus::Pending).count()
                as u32;
        return match asked {
            0 => "no peer is known".to_owned(),
            1 => "no peer is known, and 1 tracker has not answered".to_owned(),
            asked => format!("no peer is known, and {} have not answered", many(asked, "tracker")),
        };
    }
    match (funnel.handshaken, groups.failed) {
        (0, 0) => format!("nobody has shaken hands yet{tried}"),
        (0, _) if funnel.known == 1 => format!("the one known peer did not shake hands{}{tried}", top(scene)),
        (_, 0) if funnel.known == 1 => format!("the one known peer shook hands and went away{tried}"),
        (_, _) if funnel.known == 1 => {
            format!("the one known peer shook hands, then failed{}{tried}", top(scene))
        }
        (0, _) => format!("none of the {known} shook hands{}{tried}", top(scene)),
        (once, 0) => format!("{} of the {known} shook hands and went away{tried}", count(once)),
        (once, failed) => format!(
            "{} of the {known} shook hands and went away; {} failed{}{tried}",
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
    // A number of others in place of the last reason would be as long.
    let named = if reasons.len() > MOST_REASONS { MOST_REASONS - 1 } else { MOST_REASONS };
    let others: u32 = reasons.iter().skip(named).map(|(peers, _)| peers).sum();
    let mut said: Vec<String> =
        reasons.iter().take(named).map(|(peers, short)| format!("{} {short}", count(*peers))).collect();
    if others > 0 {
        said.push(format!("{} other", count(others)));
    }
    if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) }
}

/// The text where it fits into a row, and its beginning otherwise.
fn what_stands_first(told: &Told<'_>) -> String {
    told.or_short(&told.head(&[": ", "; ", ". "]))
}

/// It is too early to tell.
fn unknown(scene: &Scene<'_>) -> Option<Finding> {
    let groups = scene.view.groups;
    let asked =
        scene.view.trackers.iter().filter(|record| record.status == TrackerStatus::Pending).count() as u32;
    let lost = scene.fetching() && groups.live == 0 && scene.view.funnel.handshaken > 0;
    let text = match (groups.live, groups.trying + groups.queued, scene.view.funnel.known) {
        (0, 0, 0) if asked > 0 => format!("Asking {} for peers.", many(asked, "tracker")),
        (0, 0, 0) => "No peer is known yet.".to_owned(),
        (0, _, _) if lost => format!("Nobody is connected: {}.", nobody(scene)),
        (0, 0, _) => format!("Nobody is connected: {}.{}", nobody(scene), cut_off(scene)),
        (0, _, _) => {
            let trying = groups.trying;
            let failed = match groups.failed {
                0 => String::new(),
                failed => format!(", {} failed{}", count(failed), top(scene)),
            };
            let queued = match (groups.queued, trying) {
                (0, _) => String::new(),
                (queued, 0) => format!("{} to be tried", many(queued, "peer")),
                (queued, _) => format!(", {} to be tried", count(queued)),
            };
            let tried = if trying > 0 { format!("{} being tried", being(trying)) } else { String::new() };
            format!("Getting started: {tried}{queued}{failed}.")
        }
        (live, _, _) => match scene.view.last_block {
            None => format!("Getting started: {} connected, nothing has come yet.", connected(live)),
            Some(_) if scene.quiet < JUST_NOW => format!("Going on: {} connected.", connected(live)),
            Some(_) => format!("Nothing has come for {}; {} connected.", span(scene.quiet), connected(live)),
        },
    };
    // A run that only looked is over when it is judged: there is nothing to wait for.
    let in_vain = scene.probing && scene.view.funnel.handshaken == 0 && groups.trying + groups.queued == 0;
    let severity = if lost || in_vain { Severity::Warn } else { Severity::Info };
    let advice = if lost { "Nothing to do: ttui dials them again, and others may come." } else { "" };
    Some(
        Finding::new(severity, text)
            .advice(advice)
            .evidence("live", groups.live)
            .evidence("trying", groups.trying)
            .evidence("queued", groups.queued)
            .evidence("failed", groups.failed)
            .evidence("known", scene.view.funnel.known)
            .evidence("handshaken", scene.view.funnel.handshaken)
            .evidence("transferring", scene.view.funnel.transferring),
    )
}

fn being(trying: u32) -> String {
    if trying == 1 { "1 peer is".to_owned() } else { format!("{} are", many(trying, "peer")) }
}
