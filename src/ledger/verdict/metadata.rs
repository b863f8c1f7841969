//! Rules about the metadata of a magnet: who gives them, and where nobody does, what those said who could (BEP 9).

use std::time::Duration;

use super::say::{count, many};
use super::scene::Scene;
use super::table::rules;
use super::{Finding, Remedy};
use crate::event::{At, MetadataStep, Severity};
use crate::ledger::metadata::{MetadataAnswer, MetadataProgress, MetadataTalk};
use crate::ledger::peer::{PeerRecord, Stage};
use crate::ledger::view::View;

/// A peer that gave a part so lately goes on giving.
const GAVE_WITHIN: Duration = Duration::from_secs(10);
/// A peer that shook hands says within this time whether it has them.
const INTRODUCES_ITSELF: Duration = Duration::from_millis(500);
/// While others are being dialled, it is not said before the first that shook hands has given nothing for this long.
const OTHERS_HAVE: Duration = Duration::from_secs(3);

rules! {
    METADATA_MISSING = MetadataMissing Trouble, Peers, metadata_missing,
        "without asked refused silent wrong stopped parts_here parts", _ => "No peer gives the metadata.",
        { after_a_check: Some("look again later: a peer that has the metadata may come."), wants_peers: true };
}

/// What the peers that ever shook hands said of the metadata.
#[derive(Clone, Copy, Default)]
struct Said {
    /// They never offered them: they have none themselves.
    without: u32,
    refused: u32,
    silent: u32,
    wrong: u32,
    /// They gave parts, and then no more.
    stopped: u32,
    /// They were asked, or are about to be.
    pending: u32,
    /// They were asked at all.
    asked: u32,
}

impl Said {
    fn of(scene: &Scene<'_>) -> Self {
        let mut said = Self::default();
        let shook = |record: &&PeerRecord| record.stage >= Stage::Handshaken;
        for record in scene.view.peers.iter().map(AsRef::as_ref).filter(shook) {
            let talk = record.metadata.as_deref().filter(|talk| talk.is_begun());
            said.asked += u32::from(talk.is_some_and(|talk| talk.asked > 0));
            let sum = match talk.map(MetadataTalk::answer) {
                None if is_new(record, scene) => &mut said.pending,
                None => &mut said.without,
                Some(MetadataAnswer::Refuses) => &mut said.refused,
                Some(MetadataAnswer::Silent) => &mut said.silent,
                Some(MetadataAnswer::Wrong) => &mut said.wrong,
                Some(MetadataAnswer::Gives) => &mut said.stopped,
                Some(MetadataAnswer::Asked | MetadataAnswer::Offers) if record.is_live() => &mut said.pending,
                Some(MetadataAnswer::Asked | MetadataAnswer::Offers) => &mut said.silent,
            };
            *sum += 1;
        }
        said
    }

    /// `12 have none, 3 refuse`
    fn in_words(self) -> String {
        let some = |peers: u32, one: &str, more: &str| {
            (peers > 0).then(|| format!("{} {}", count(peers), if peers == 1 { one } else { more }))
        };
        let all = [
            some(self.without, "has none", "have none"),
            some(self.refused, "refuses", "refuse"),
            some(self.silent, "says nothing", "say nothing"),
            some(self.wrong, "gave wrong ones", "gave wrong ones"),
            some(self.stopped, "stopped half way", "stopped half way"),
        ];
        all.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Whether the peer shook hands only moments ago.
fn is_new(record: &PeerRecord, scene: &Scene<'_>) -> bool {
    let shook = record.telling_attempt().and_then(|attempt| attempt.handshaken);
    let lately = |shook| scene.view.at.saturating_sub(shook) < INTRODUCES_ITSELF;
    record.is_live() && shook.is_some_and(lately)
}

/// Whether a connected peer gave a part only moments ago.
fn is_giving(record: &PeerRecord, now: At) -> bool {
    let gave = |talk: &MetadataTalk| {
        let last = talk.moments.iter().rev().find(|it| matches!(it.step, MetadataStep::Gave { .. }));
        last.is_some_and(|last| now.saturating_sub(last.until) < GAVE_WITHIN)
    };
    let answers = |talk: &&MetadataTalk| talk.answer() == MetadataAnswer::Gives;
    record.is_live() && record.metadata.as_deref().filter(answers).is_some_and(gave)
}

/// The connected peers that give the metadata; in a run that only looks who answers, those whose last answer was a part.
pub(super) fn givers(view: &View) -> impl Iterator<Item = &PeerRecord> {
    let gave = |record: &PeerRecord| {
        let gives = |talk: &MetadataTalk| talk.answer() == MetadataAnswer::Gives;
        (record.is_live() || is_known(view)) && record.metadata.as_deref().is_some_and(gives)
    };
    let records = view.peers.iter().map(AsRef::as_ref);
    records.filter(move |record| if view.probing { gave(record) } else { is_giving(record, view.at) })
}

/// Whether the metadata are known: only a run that looks who answers is judged by them then.
fn is_known(view: &View) -> bool {
    view.torrent.metadata.is_some()
}

/// Whether the metadata come, or came.
pub(super) fn flow(scene: &Scene<'_>) -> bool {
    is_known(scene.view) || givers(scene.view).next().is_some()
}

/// The metadata came, in a run that only looks who answers.
fn came(scene: &Scene<'_>, progress: MetadataProgress) -> Finding {
    let gave = givers(scene.view).count() as u32;
    let parts = if progress.of == 1 {
        "the only part".to_owned()
    } else {
        format!("all {} parts", count(progress.of))
    };
    let text = format!(
        "It works: {} of the {} shook hands, and {} gave metadata: {parts} came, and they are right.",
        count(scene.view.funnel.handshaken),
        many(scene.view.funnel.known, "known peer"),
        count(gave),
    );
    Finding::new(Severity::Good, text)
        .evidence("giving", gave)
        .evidence("parts_here", progress.got)
        .evidence("parts", progress.of)
}

/// The metadata come.
pub(super) fn come(scene: &Scene<'_>) -> Option<Finding> {
    let progress = scene.view.metadata.filter(|_| scene.lacks_metadata())?;
    if is_known(scene.view) {
        return Some(came(scene, progress));
    }
    let giving = givers(scene.view).count() as u32;
    let first = givers(scene.view).next()?;
    let who = match (giving, &first.client) {
        (1, Some(client)) => format!("{} ({client}) gives", first.addr),
        (1, None) => format!("{} gives", first.addr),
        _ => format!("{} give", many(giving, "peer")),
    };
    let text = format!(
        "{who} the metadata: {} of {} here.",
        count(progress.got),
        match progress.of {
            1 => "1 part is".to_owned(),
            parts => format!("{} parts are", count(parts)),
        }
    );
    Some(
        Finding::new(Severity::Good, text)
            .evidence("giving", giving)
            .evidence("parts_here", progress.got)
            .evidence("parts", progress.of),
    )
}

/// Whether others are being dialled, and nobody was given long to be found.
fn others_may(scene: &Scene<'_>) -> bool {
    let attempts = scene.view.peers.iter().flat_map(|record| &record.attempts);
    let first = attempts.filter_map(|attempt| attempt.handshaken).min().unwrap_or_default();
    scene.view.groups.trying > 0 && scene.view.at.saturating_sub(first) < OTHERS_HAVE
}

/// Peers shook hands, and none of them gives the metadata.
fn metadata_missing(scene: &Scene<'_>) -> Option<Finding> {
    let progress = scene.view.metadata.filter(|_| scene.lacks_metadata())?;
    let said = Said::of(scene);
    let anybody = scene.live() > 0 || said.asked > 0 || scene.probing;
    let answered = said.without + said.refused + said.silent + said.wrong + said.stopped;
    let waits = !scene.probing && (said.pending > 0 || others_may(scene));
    if scene.flows() || !anybody || waits || answered == 0 {
        return None;
    }
    let mut text = format!("No peer gives the metadata: {}.", said.in_words());
    if progress.got > 0 {
        text += &format!(" {} of {} parts are here.", count(progress.got), count(progress.of));
    }
    let advice = match said.without {
        0 => "leave it running until another peer comes; or name a peer with --peer NAME:PORT.",
        _ => "leave it running until somebody comes who has them; or name a peer with --peer NAME:PORT.",
    };
    Some(
        Finding::new(Severity::Warn, text)
            .remedy(advice, Remedy::NamePeer)
            .explains()
            .evidence("without", said.without)
            .evidence("asked", said.asked)
            .evidence("refused", said.refused)
            .evidence("silent", said.silent)
            .evidence("wrong", said.wrong)
            .evidence("stopped", said.stopped)
            .evidence("parts_here", progress.got)
            .evidence("parts", progress.of),
    )
}
