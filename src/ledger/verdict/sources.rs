//! Rules about trackers: whether they answer, whom they name, and whether anybody is there.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::reach::nobody_names_any;
use super::say::{about, count, many};
use super::scene::Scene;
use super::table::rules;
use super::troubles::costly;
use super::{Finding, Remedy};
use crate::event::{Severity, TrackerError};
use crate::ledger::tracker::{TrackerRecord, TrackerStatus};
use crate::text;

/// Peers that a tracker must have named before it is judged by them.
const ENOUGH_NAMED: u32 = 5;
/// Seconds the trackers have for their first answer before the want of peers is called one.
const FIRST_ANSWER_S: u64 = 5;
/// Those named by the user are learned within this time.
const FIRST_PEER: Duration = Duration::from_secs(1);
/// A tracker that wants to be left alone for this long is told of where it named nobody.
const LONG_INTERVAL: Duration = Duration::from_secs(2 * 3600);
const NAME: Option<Remedy> = Some(Remedy::NamePeer);
const WAIT_OR_NAME: &str = "leave it running until somebody comes; or name a peer with --peer NAME:PORT.";

rules! {
    TRACKERS_FAILING = TrackersFailing Trouble, Announce, trackers_failing, "trackers known",
        told => match told.number("trackers") {
            1 => "The tracker fails.".to_owned(),
            2 => "Both trackers fail.".to_owned(),
            _ => format!("All {} trackers fail.", told.count("trackers")),
        };
    NO_PEERS_KNOWN = NoPeersKnown Trouble, Announce, no_peers_known, "trackers answered ourselves",
        _ => "No peer is known.",
        { after_a_check: Some("name a peer with --peer NAME:PORT, or look again later."), wants_peers: true };
    STALE_TRACKER = StaleTracker Trouble, Announce, stale_tracker, "peers refused timed_out",
        _ => "No address of the tracker answers.", {
            brief: |told| told.cut_at(&[", and no"], ": none can be reached."),
            after_a_check: Some("look again later, or take a newer torrent.")
        };
}

fn trackers_failing(scene: &Scene<'_>) -> Option<Finding> {
    let trackers = &scene.view.trackers;
    let failures: Vec<_> = trackers.iter().filter_map(|record| record.failure()).collect();
    let &(error, words) = failures.first()?;
    if failures.len() < trackers.len() {
        return None;
    }
    let known = scene.view.funnel.known;
    let alone = scene.fetching() && scene.live() == 0 && !scene.flows();
    let said = text::clean(words.trim_end_matches('.'), 120);
    let why = match error {
        // A tracker that says no says why in its own words.
        TrackerError::Refused if !words.is_empty() => format!("{}: “{said}”", error.info().phrase),
        // What is wrong with a certificate is known in full.
        TrackerError::TlsFailed if !words.is_empty() => said,
        _ => error.info().phrase.to_owned(),
    };
    let alike = failures.iter().all(|(other, _)| *other == error);
    let mut text = match (failures.len(), alike) {
        (1, _) => format!("The tracker fails: {why}."),
        (2, true) => format!("Both trackers fail: {why}."),
        (all, true) => format!("All {all} trackers fail: {why}."),
        (2, false) => format!("Both trackers fail, one of them: {why}."),
        (all, false) => format!("All {all} trackers fail, one of them: {why}."),
    };
    let nobody = known == 0 && scene.web_seeds == 0;
    if nobody {
        text.push_str(" Without one, there is nobody to ask for data.");
    }
    let severity = if alone { Severity::Warn } else { Severity::Info };
    let different = "check network, DNS and VPN if other programs cannot get out either.";
    let finding = Finding::new(severity, text)
        .advice(if alike { error.info().advice } else { different })
        .evidence("trackers", failures.len() as u64)
        .evidence("known", known);
    Some(if nobody { finding.explains() } else { finding })
}

fn no_peers_known(scene: &Scene<'_>) -> Option<Finding> {
    let trackers = &scene.view.trackers;
    let answered = trackers.iter().filter(|record| record.answer().is_some()).count();
    let waiting = trackers.iter().filter(|record| record.status == TrackerStatus::Pending).count();
    let failing = !trackers.is_empty() && answered == 0 && waiting == 0;
    if !scene.fetching()
        || scene.view.funnel.known > 0
        || scene.web_seeds > 0
        || failing
        || nobody_names_any(scene)
        || (waiting > 0 && (answered == 0 || scene.in_phase().as_secs() < FIRST_ANSWER_S))
        || (trackers.is_empty() && !scene.probing && scene.in_phase() < FIRST_PEER)
    {
        return None;
    }
    let (ourselves, magnet) = (scene.crowd.ourselves, scene.lacks_metadata());
    let (mut text, advice, remedy) = if trackers.is_empty() {
        (
            format!(
                "No peers are known: the {} names no tracker.",
                if magnet { "magnet" } else { "torrent" }
            ),
            "name a peer with --peer NAME:PORT.",
            NAME,
        )
    } else if ourselves > 0 {
        (
            "No peers are known: the only address that was named is our own. Perhaps nobody else has this torrent now."
                .to_owned(),
            WAIT_OR_NAME,
            NAME,
        )
    } else if let Some((url, seeds)) = counted_and_not_named(trackers) {
        (
            format!(
                "No peers are known: {url} counts {} and names none of them. It may keep them to itself, or count \
                 some that are gone.",
                many(seeds, "seed")
            ),
            WAIT_OR_NAME,
            NAME,
        )
    } else if scene.view.torrent.is_private() {
        (
            "No peers are known: the trackers that answered named nobody, and only they may (the torrent is private)."
                .to_owned(),
            "see on the tracker's page whether anybody seeds it; somebody may come.",
            None,
        )
    } else {
        (
            "No peers are known: the trackers that answered named nobody. Perhaps nobody has this torrent any more."
                .to_owned(),
            WAIT_OR_NAME,
            NAME,
        )
    };
    let answers = trackers.iter().filter_map(|record| record.answer());
    if let Some(warning) = answers.filter_map(|answer| answer.warning.as_deref()).next() {
        let _ = write!(text, " It warns: “{}”.", text::clean(warning.trim_end_matches('.'), 120));
    }
    if let Some(left) = left_alone_for(scene) {
        let _ = write!(
            text,
            " A tracker is asked again in {}; it wants to be left alone until then.",
            about(left)
        );
    }
    Some(
        Finding { remedy, ..Finding::new(Severity::Warn, text) }
            .advice(advice)
            .explains()
            .evidence("trackers", trackers.len() as u64)
            .evidence("answered", answered as u64)
            .evidence("ourselves", ourselves),
    )
}

/// A tracker that counts seeds and named nobody, and how many it counts.
fn counted_and_not_named(trackers: &[Arc<TrackerRecord>]) -> Option<(&str, u32)> {
    let counts = trackers.iter().filter_map(|record| Some((record.url.as_str(), record.answer()?.seeders?)));
    counts.max_by_key(|(_, seeds)| *seeds).filter(|(_, seeds)| *seeds > 0)
}

/// For how long every tracker wants to be left alone, where that is long.
fn left_alone_for(scene: &Scene<'_>) -> Option<Duration> {
    let next = scene.view.trackers.iter().filter_map(|record| record.next).min()?;
    let left = next.saturating_sub(scene.view.at);
    (!scene.probing && left >= LONG_INTERVAL).then_some(left)
}

/// A tracker named nobody who can be reached. That packets get out and back must be known from somebody, or it may be
/// we who reach nobody.
fn stale_tracker(scene: &Scene<'_>) -> Option<Finding> {
    if let Some(finding) = names_no_peers(scene) {
        return Some(finding);
    }
    let all = scene.crowd.dialled();
    let named_by = |record: &TrackerRecord| scene.crowd.named.get(&record.key).copied().unwrap_or_default();
    let stale = |record: &&TrackerRecord| {
        let named = named_by(record);
        let enough = record.peers >= ENOUGH_NAMED && record.handshaken == 0 && named.decided >= ENOUGH_NAMED;
        enough && named.undecided == 0 && named.opened == 0 && all.answered() > 0
    };
    let record = scene.view.trackers.iter().map(AsRef::as_ref).find(stale)?;
    let named = named_by(record);
    let how = if named.refused == named.decided { " (all refuse: no client runs there)" } else { "" };
    let text = format!(
        "{} named {}, and none of them can be reached{how}: its addresses seem to be old.",
        record.url,
        many(record.peers, "peer")
    );
    let alone = scene.fetching() && scene.live() == 0 && all.opened == 0 && scene.answers.dials_ended();
    let finding = Finding::new(if alone { costly(scene) } else { Severity::Info }, text)
        .evidence("peers", record.peers)
        .evidence("refused", named.refused)
        .evidence("timed_out", named.timed_out);
    Some(if alone {
        finding.explains().advice("leave it running until somebody comes; or take a newer torrent.")
    } else {
        finding
    })
}

/// A tracker named addresses, and no peer can be at any of them.
fn names_no_peers(scene: &Scene<'_>) -> Option<Finding> {
    let named =
        |record: &&Arc<TrackerRecord>| scene.crowd.named.get(&record.key).map_or(0, |named| named.invalid);
    let mut trackers = scene.view.trackers.iter();
    let record = trackers.find(|record| record.peers > 0 && named(record) == record.peers)?;
    let text = format!(
        "{} named {}, and no peer can be at any of them: they belong to another network than its own (private, \
         multicast), or have no port.",
        record.url,
        match record.peers {
            1 => "1 address".to_owned(),
            peers => format!("{} addresses", count(peers)),
        }
    );
    let alone = scene.fetching() && scene.live() == 0 && scene.crowd.dialled().opened == 0;
    let alone = alone && scene.answers.dials_ended();
    let finding = Finding::new(if alone { costly(scene) } else { Severity::Info }, text)
        .advice("tell the people who run that tracker; or name a peer with --peer NAME:PORT.")
        .evidence("peers", record.peers);
    Some(if alone { finding.explains() } else { finding })
}
