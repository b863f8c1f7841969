//! Rules about what those who answered said: all the same, and not what was asked.

use std::collections::BTreeMap;

use super::Finding;
use super::say::{count, many};
use super::scene::Scene;
use super::table::rules;
use crate::event::{At, Attempt, Cause, Direction, Encryption, LooksLike, Severity, TrackerKey};
use crate::ledger::peer::{PeerRecord, Stage};
use crate::ledger::view::View;
use crate::metainfo::InfoHash;
use crate::text;

/// A dial that is due within this time has not ended: the second of two tries follows the first at once.
const DUE_SOON: At = At::from_secs(2);
/// While dials go on, this many answers are needed, four fifths of them alike.
const ENOUGH_ANSWERS: u32 = 5;
/// Bytes by which answers of an unknown kind are told apart, and bytes of one that are shown.
const ALIKE_BYTES: usize = 8;
const SHOWN_BYTES: usize = 32;
/// Peers of one tracker that answered for another torrent before it is said to mix them up.
const ENOUGH_OF_A_TRACKER: u32 = 3;
/// Where the info-hash stands in a handshake.
const INFO_HASH_AT: std::ops::Range<usize> = 28..48;

rules! {
    OTHER_TORRENT = OtherTorrent Trouble, Announce, other_torrent, "other_torrent answered",
        _ => "Peers share another torrent.", { brief: |told| told.in_brief(told.head(&[": ", ". "])) };
    ANSWERED_BY_OTHERS = AnsweredByOthers Trouble, Retry, answered_by_others, "alike answered",
        _ => "No BitTorrent client answers.", { brief: |told| told.cut_at(&[": “"], ".") };
}

/// What those peers said that we dialled and that took the connection.
#[derive(Default)]
pub(super) struct Answers<'a> {
    /// All of them, those that shook hands too.
    all: u32,
    /// Those that shook hands for another torrent, and that torrent where all of them have the same.
    other_torrent: u32,
    that_torrent: Option<InfoHash>,
    torrents_differ: bool,
    /// Those that hung up on, or reset, our handshake.
    cut_off: u32,
    /// Those that are no BitTorrent client, by what their answer looks like: how many, and what one of them said.
    foreign: BTreeMap<(LooksLike, &'a [u8]), (u32, &'a Attempt)>,
    /// Of those each tracker named: that answered, and that have another torrent.
    by_tracker: BTreeMap<TrackerKey, (u32, u32)>,
    /// Somebody was dialled, and nobody ever plain.
    only_encrypted: bool,
    /// Peers that were never dialled to the end, or are about to be dialled in another way.
    pending: u32,
}

impl<'a> Answers<'a> {
    pub(super) fn of(view: &'a View) -> Self {
        let mut answers = Self::default();
        let dials = || {
            view.peers.iter().flat_map(|record| &record.attempts).filter(|it| it.direction == Direction::Out)
        };
        answers.only_encrypted =
            dials().next().is_some() && dials().all(|attempt| attempt.encryption == Encryption::Mse);
        for record in view.peers.iter().filter(|record| record.cause != Some(Cause::SelfConnection)) {
            answers.count(record, view.at);
        }
        answers
    }

    /// Every known peer was dialled to the end.
    pub(super) fn dials_ended(&self) -> bool {
        self.pending == 0
    }

    fn count(&mut self, record: &'a PeerRecord, now: At) {
        let ended = || {
            let ours = record.attempts.iter().filter(|attempt| attempt.direction == Direction::Out);
            ours.filter(|attempt| attempt.ended.is_some())
        };
        let due = record.next_try.is_some_and(|at| at <= now.saturating_add(DUE_SOON));
        let untried = ended().next().is_none() && record.cause != Some(Cause::InvalidAddress);
        self.pending += u32::from(!record.is_live() && (due || untried));
        self.count_by_tracker(record);
        if record.stage >= Stage::Handshaken {
            self.all += 1;
            return;
        }
        let opened = || ended().filter(|attempt| attempt.connected.is_some());
        let said = |cause| opened().find(|attempt| attempt.cause == Some(cause));
        self.all += u32::from(opened().next().is_some());
        if let Some(attempt) = said(Cause::InfoHashMismatch) {
            self.other_torrent += 1;
            let torrent = attempt.received.get(INFO_HASH_AT).and_then(|bytes| bytes.try_into().ok());
            let torrent = torrent.map(InfoHash);
            self.torrents_differ |= self.other_torrent > 1 && torrent != self.that_torrent;
            self.that_torrent = torrent;
        } else if let Some(attempt) = said(Cause::NotBittorrent) {
            let kind = attempt.looks_like.unwrap_or(LooksLike::Unknown);
            let begins = match kind {
                LooksLike::Unknown | LooksLike::Encrypted => {
                    &attempt.received[..attempt.received.len().min(ALIKE_BYTES)]
                }
                _ => &[],
            };
            self.foreign.entry((kind, begins)).or_insert((0, attempt)).0 += 1;
        } else if opened().all(|attempt| {
            let cut = [Cause::ClosedBeforeHandshake, Cause::ResetBeforeHandshake];
            attempt.cause.is_some_and(|cause| cut.contains(&cause))
        }) {
            self.cut_off += u32::from(opened().next().is_some());
        }
    }

    fn count_by_tracker(&mut self, record: &PeerRecord) {
        let answered =
            record.attempts.iter().any(|it| it.connected.is_some() && it.direction == Direction::Out);
        let other = record.attempts.iter().any(|attempt| attempt.cause == Some(Cause::InfoHashMismatch));
        for source in &record.sources {
            if let Some(tracker) = source.tracker() {
                let (all, others) = self.by_tracker.entry(tracker).or_default();
                *all += u32::from(answered);
                *others += u32::from(other && record.stage < Stage::Handshaken);
            }
        }
    }

    /// Whether these many stand for all: all who answered once the dials ended, or four fifths of enough.
    fn is_what_all_say(&self, alike: u32) -> bool {
        let ended = alike == self.all && self.dials_ended();
        alike > 0 && (ended || (self.all >= ENOUGH_ANSWERS && alike * 5 >= self.all * 4))
    }
}

/// How weighty it is: it stops a download that has nobody else.
fn finding(scene: &Scene<'_>, text: String) -> Finding {
    let alone = scene.live() == 0 && !scene.flows();
    let finding = Finding::new(if alone { Severity::Warn } else { Severity::Info }, text);
    if alone { finding.explains() } else { finding }
}

/// `8 of the 9 peers that answered`, `All 8 peers that answered`, `The one peer that answered`.
fn whom(alike: u32, all: u32) -> String {
    match (alike, all) {
        (1, 1) => "The one peer that answered".to_owned(),
        _ if alike == all => format!("All {} that answered", many(all, "peer")),
        _ => format!("{} of the {} that answered", count(alike), many(all, "peer")),
    }
}

/// Who answers has another torrent than the one that was asked for.
fn other_torrent(scene: &Scene<'_>) -> Option<Finding> {
    let answers = &scene.answers;
    let alike = answers.other_torrent;
    (scene.fetching() && answers.is_what_all_say(alike))
        .then(|| {
            let verb = if alike == 1 { "shares" } else { "share" };
            let same = answers.that_torrent.filter(|_| !answers.torrents_differ);
            let what = match same {
                Some(torrent) => format!(
                    "another torrent: {torrent}. Either the tracker mixes torrents up, or a newer torrent has \
                     replaced this one."
                ),
                None => "other torrents. The tracker seems to mix torrents up.".to_owned(),
            };
            finding(scene, format!("{} {verb} {what}", whom(alike, answers.all)))
                .advice("look for the current .torrent where this one came from.")
                .evidence("other_torrent", alike)
                .evidence("answered", answers.all)
        })
        .or_else(|| mixed_up_tracker(scene))
}

/// One tracker of several names peers of another torrent.
fn mixed_up_tracker(scene: &Scene<'_>) -> Option<Finding> {
    let answers = &scene.answers;
    let mixed = |(all, others): (u32, u32)| others >= ENOUGH_OF_A_TRACKER && others == all;
    let (tracker, &(all, _)) = answers.by_tracker.iter().find(|(_, counts)| mixed(**counts))?;
    let record = scene.view.tracker(*tracker)?;
    (scene.fetching() && answers.dials_ended()).then(|| {
        let text = format!(
            "All {} named by {} that answered share another torrent: it mixes torrents up.",
            many(all, "peer"),
            record.url
        );
        Finding::new(Severity::Info, text)
            .advice("Nothing to do while others send; the people who run that tracker may want to know.")
            .evidence("other_torrent", all)
            .evidence("answered", answers.all)
    })
}

/// Who answers is no peer: something on the way speaks in their place.
fn answered_by_others(scene: &Scene<'_>) -> Option<Finding> {
    let answers = &scene.answers;
    let (&(kind, _), &(alike, attempt)) = answers.foreign.iter().max_by_key(|(_, (alike, _))| *alike)?;
    (scene.fetching() && answers.is_what_all_say(alike)).then(|| {
        let what = if kind == LooksLike::Unknown { "something unknown" } else { kind.name() };
        let said = text::escape(&attempt.received, SHOWN_BYTES);
        let verb = if alike == 1 { "is" } else { "are" };
        let why = if alike == 1 {
            "Another service has that address now, or something on the way (a portal, a proxy) answers in its place."
        } else {
            "Something on the way (a portal, a proxy) seems to answer in their place."
        };
        let whom = whom(alike, answers.all);
        finding(scene, format!("{whom} {verb} no BitTorrent client but {what}: “{said}”. {why}"))
            .advice("open any web page: a portal asks you to log in there; otherwise try without VPN or proxy.")
            .evidence("alike", alike)
            .evidence("answered", answers.all)
    })
}

/// Who answers hangs up on our plain handshake, and our setting forbids the encrypted one that would tell more.
pub(super) fn forbidden_encryption(scene: &Scene<'_>) -> Option<Finding> {
    let answers = &scene.answers;
    let alike = answers.cut_off;
    (scene.plain_only && scene.fetching() && answers.is_what_all_say(alike)).then(|| {
        let (verb, they) = if alike == 1 { ("hangs", "It") } else { ("hang", "They") };
        let text = format!(
            "{} {verb} up on our plain handshake. {they} may want encryption, and our setting forbids the try that \
             would tell.",
            whom(alike, answers.all)
        );
        finding(scene, text)
            .advice("start ttui with --encryption prefer-plain.")
            .evidence("lost", alike)
            .evidence("answered", answers.all)
    })
}

/// Who answers hangs up on our encrypted handshake, and our setting forbids the plain one that would tell more.
pub(super) fn forbidden_plain(scene: &Scene<'_>) -> Option<Finding> {
    let answers = &scene.answers;
    let alike = answers.cut_off;
    // Where the setting allows both, the plain try is due at once, and the dials have not ended.
    let all = alike > 0 && alike == answers.all && answers.dials_ended();
    (answers.only_encrypted && scene.fetching() && all).then(|| {
        let (verb, they) = if alike == 1 { ("hangs", "It") } else { ("hang", "They") };
        let text = format!(
            "{} {verb} up on our encrypted handshake. {they} may speak no encryption, and our setting requires it.",
            whom(alike, answers.all)
        );
        finding(scene, text)
            .advice("start ttui with --encryption prefer.")
            .evidence("lost", alike)
            .evidence("answered", answers.all)
    })
}
