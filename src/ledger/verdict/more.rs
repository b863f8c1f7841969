//! What is done where more peers would help: trackers are asked for them before their interval is over.

use std::time::Duration;

use super::Finding;
use super::say::about;
use super::scene::Scene;
use super::table::Rule;
use crate::event::{AnnounceKind, At};
use crate::ledger::tracker::TrackerRecord;

/// An announce so much before its time is made for a reason.
const SOONER: Duration = Duration::from_secs(2);

/// The finding, with what is done about it, where it comes of a lack of peers.
pub(super) fn with_what_is_done(finding: Finding, rule: &Rule, scene: &Scene<'_>) -> Finding {
    match asked_for_more(scene).filter(|_| rule.wants_peers && scene.fetching() && !scene.probing) {
        Some(said) => Finding { text: format!("{} {said}", finding.text), ..finding },
        None => finding,
    }
}

/// Says when trackers are asked for more peers, where that is before their interval is over.
fn asked_for_more(scene: &Scene<'_>) -> Option<String> {
    let trackers = || scene.view.trackers.iter().map(AsRef::as_ref);
    if trackers().any(|record| record.asking == Some(AnnounceKind::Interval)) {
        return Some("Trackers are being asked for more peers.".to_owned());
    }
    let next = trackers().filter_map(sooner).min()?;
    let left = next.saturating_sub(scene.view.at);
    Some(format!("Trackers are asked for more peers as soon as they allow it, in {}.", about(left)))
}

/// When the tracker is asked next, if that is before its interval is over.
fn sooner(record: &TrackerRecord) -> Option<At> {
    let regular = record.answered? + Duration::from_secs(record.answer()?.interval_s.into());
    record.next.filter(|next| *next + SOONER < regular)
}
