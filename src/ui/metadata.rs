//! What a peer says of the metadata of a magnet, in words and in time.

use std::time::Duration;

use crate::event::{At, MetadataStep};
use crate::ledger::{Group, MetadataAnswer, MetadataMoment, MetadataTalk, PeerRecord};
use crate::units;

use super::theme::Role;
use super::widgets::time_row::{Mark, Stretch, TimeRow};
use super::words;

/// What stands for whatever the metadata will tell.
pub(crate) const TELL_LATER: &str = "known with the metadata";

/// What it did about them, where it offers them or was asked.
fn talk(peer: &PeerRecord) -> Option<&MetadataTalk> {
    peer.metadata.as_deref().filter(|talk| talk.is_begun())
}

/// Where it stands: those that give first, those that have none last.
pub(crate) fn rank(peer: &PeerRecord) -> (bool, Option<MetadataAnswer>) {
    let answer = talk(peer).map(MetadataTalk::answer);
    (answer.is_none(), answer)
}

/// Its glyph, and how glyph and word look.
pub(crate) fn glyph(peer: &PeerRecord) -> (&'static str, Role, Role) {
    match talk(peer).map(MetadataTalk::answer) {
        Some(MetadataAnswer::Gives) if peer.is_live() => ("●", Role::Sending, Role::Text),
        Some(MetadataAnswer::Gives) => ("●", Role::Dim, Role::Dim),
        Some(MetadataAnswer::Asked | MetadataAnswer::Silent) => ("◐", Role::Waiting, Role::Waiting),
        Some(MetadataAnswer::Refuses) => ("✗", Role::Harmless, Role::Harmless),
        Some(MetadataAnswer::Wrong) => ("✗", Role::Trouble, Role::TroubleWord),
        Some(MetadataAnswer::Offers) => ("○", Role::Text, Role::Text),
        None => ("○", Role::Dim, Role::Dim),
    }
}

/// Its word.
pub(crate) fn word(peer: &PeerRecord) -> &'static str {
    match talk(peer).map(MetadataTalk::answer) {
        Some(MetadataAnswer::Gives) if peer.is_live() => "gives",
        Some(MetadataAnswer::Gives) => "gave",
        Some(MetadataAnswer::Asked) => "asked",
        Some(MetadataAnswer::Offers) => "has it",
        Some(MetadataAnswer::Refuses) => "refuses",
        Some(MetadataAnswer::Silent) => "silent",
        Some(MetadataAnswer::Wrong) => "wrong",
        None => "has none",
    }
}

/// What happened between it and us from this time on.
pub(crate) fn timeline(peer: &PeerRecord, from: At, now: At) -> TimeRow {
    let moments = || peer.metadata.iter().flat_map(|talk| &talk.moments);
    let connected = peer.attempts.iter().filter_map(|attempt| {
        let from = attempt.handshaken?;
        Some(Stretch { from, to: attempt.ended.unwrap_or(now), glyph: "─", role: Role::Text })
    });
    let gave = |moment: &&MetadataMoment| matches!(moment.step, MetadataStep::Gave { .. });
    let given = moments().filter(gave).map(|moment| Stretch {
        from: moment.since,
        to: moment.until,
        glyph: "━",
        role: Role::Sending,
    });
    let mut marks: Vec<Mark> = moments().filter_map(mark).collect();
    if peer.group == Group::Left || peer.group == Group::Failed {
        let ended = peer.attempts.iter().filter_map(|attempt| attempt.ended).max();
        let roles = (Role::Dim, Role::Dim);
        marks.extend(ended.map(|at| Mark { at, glyph: "×", word: "went".to_owned(), roles }));
    }
    TimeRow { from, now, stretches: connected.chain(given).collect(), marks, next: None }
}

/// The mark of a moment that is not drawn as a stretch.
fn mark(moment: &MetadataMoment) -> Option<Mark> {
    let word = match moment.step {
        MetadataStep::Gave { .. } | MetadataStep::Asked { .. } => return None,
        MetadataStep::Offered { .. } => "offers them",
        MetadataStep::Refused { .. } => "refused",
        MetadataStep::Silent { .. } => "silent",
        MetadataStep::Wrong { .. } => "wrong",
    };
    let (glyph, role) = step_glyph(&moment.step);
    Some(Mark { at: moment.until, glyph, word: word.to_owned(), roles: (role, role) })
}

/// The glyph of a step, and how it looks.
pub(crate) fn step_glyph(step: &MetadataStep) -> (&'static str, Role) {
    match step {
        MetadataStep::Offered { .. } => ("○", Role::Text),
        MetadataStep::Asked { .. } | MetadataStep::Silent { .. } => ("◌", Role::Waiting),
        MetadataStep::Gave { .. } => ("●", Role::Sending),
        MetadataStep::Refused { .. } => ("✗", Role::Harmless),
        MetadataStep::Wrong { .. } => ("✗", Role::Trouble),
    }
}

fn many(count: u32, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", units::count(count.into())) }
}

/// What it did, in a line.
pub(crate) fn detail(peer: &PeerRecord, now: At) -> String {
    let Some(talk) = talk(peer) else {
        let offers = peer.info.extensions.iter().any(|name| name == METADATA_NAME);
        let why = if offers { "it has none itself yet" } else { "its client gives none" };
        return said(why.to_owned(), peer);
    };
    let last = talk.moments.last().map_or(Duration::ZERO, |moment| now.saturating_sub(moment.until));
    said(
        match talk.answer() {
            MetadataAnswer::Gives => {
                let each = talk.took.checked_div(talk.gave).unwrap_or_default().as_millis();
                format!("{}, {} ms each", talk.parts_given(), units::count(each as u64))
            }
            MetadataAnswer::Asked => format!("asked {} ago, no answer yet", words::span(last)),
            MetadataAnswer::Offers => "not asked".to_owned(),
            MetadataAnswer::Refuses => format!("{} refused", many(talk.refused, "request")),
            MetadataAnswer::Silent => format!("{} without an answer", many(talk.silent, "request")),
            MetadataAnswer::Wrong => {
                format!("{}; it is not asked again", talk.wrong.as_deref().unwrap_or_default())
            }
        },
        peer,
    )
}

/// The name of the extension by which peers give metadata (BEP 9).
const METADATA_NAME: &str = "ut_metadata";

/// What is said of a peer, and whether it is gone.
fn said(what: String, peer: &PeerRecord) -> String {
    if peer.is_live() { what } else { format!("{what}; then it went") }
}
