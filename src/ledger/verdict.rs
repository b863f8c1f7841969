//! What the numbers mean, in words.
//!
//! Each rule is a small function over one [`Scene`]. The table of its family, in the same file, has all that belongs to
//! it: how long it must hold, when it is looked at again, the numbers it rests on, its words where there is little room,
//! and what to try after a check; [`table::RULES`] is their order. A rule that is not sure is silent. [`Judged`]
//! remembers what was told, so that nothing flickers; it is brought up to date by recorded facts alone.

mod answers;
mod bad_data;
mod judged;
mod limits;
mod look;
mod metadata;
mod more;
mod notes;
mod patterns;
mod reach;
mod say;
mod scene;
mod sources;
mod table;
mod transports;
mod troubles;
mod web_seeds;
mod whole;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(super) use self::judged::Judged;
pub use self::look::{Look, LookOn};
use self::scene::Scene;
use self::table::RULES;
use super::fold::Ledger;
use super::peer::PeerRecord;
use super::view::View;
use crate::event::{At, Severity};
use crate::units::{self, Units};

/// Which rule speaks; the codes are a contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictCode {
    /// There is nobody to dial.
    NoPeersKnown,
    /// No tracker answers.
    TrackersFailing,
    /// Nearly all dials time out.
    DialsTimeOut,
    /// One address family never connects.
    AddressFamilyDead,
    /// Nobody from outside reached our port.
    PortUnreached,
    /// Peers answer only when encrypted.
    EncryptionWanted,
    /// Every live peer chokes us.
    AllChokeUs,
    /// Peers unchoked us and send nothing.
    UnchokedButSilent,
    /// Pieces that nobody connected holds.
    PiecesMissing,
    /// Most peers that unchoked us stopped sending.
    SnubbedByMost,
    /// The tracker's addresses are old.
    StaleTracker,
    /// One peer sent wrong data.
    BadDataOnePeer,
    /// Many peers sent wrong data.
    BadDataManyPeers,
    /// Our own limits hold it back.
    OwnLimits,
    /// The disk refuses.
    DiskTrouble,
    /// Only seeds are connected, so nobody wants our data.
    SeedsOnly,
    /// The user paused it.
    Paused,
    /// Everything is here.
    Complete,
    /// It goes well.
    Healthy,
    /// It goes, slowly.
    Slow,
    /// Nothing came for 30 s.
    Stalled,
    /// The evidence does not decide.
    Unknown,
    /// The disk takes less than the peers send.
    DiskSlow,
    /// Those who answer have another torrent.
    OtherTorrent,
    /// Those who answer are no BitTorrent clients, and all alike.
    AnsweredByOthers,
    /// Everybody who shakes hands hangs up soon, and sends nothing.
    TurnedAway,
    /// Connections end after the same time, one after another.
    CutRegularly,
    /// Nobody at the usual ports answers, while others do.
    PortsBlocked,
    /// Peers shook hands, and none gives the metadata of the magnet.
    MetadataMissing,
    /// It waits for its turn among other torrents.
    Queued,
    /// There is neither a tracker nor a DHT to ask for peers.
    NoSources,
    /// Nothing comes back over UDP, while TCP works.
    UdpBlocked,
    /// The DHT has no nodes.
    DhtEmpty,
    /// The router is behind another one.
    BehindTwoRouters,
    /// No router mapped our port.
    PortNotMapped,
    /// The user skips every file.
    NothingWanted,
    /// Every web seed fails.
    WebSeedsFailing,
    /// uTP reaches peers that TCP does not, and TCP hardly anybody.
    UtpOnly,
    /// TCP reaches peers that uTP does not, and uTP hardly anybody.
    TcpOnly,
}

/// One judgement with its evidence.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// How weighty.
    pub severity: Severity,
    /// Which rule.
    pub code: VerdictCode,
    /// One or two sentences for people; the first may stand alone.
    pub text: String,
    /// What to try, or that there is nothing to do; empty where all is well.
    pub advice: String,
    /// What it comes to, for a line or two of 80 columns: what is, and what to do.
    pub brief: (String, String),
    /// What is, in one row of 40 columns.
    pub headline: String,
    /// The numbers it rests on, by name.
    pub evidence: Vec<(&'static str, u64)>,
    /// What of the advice the screen has a key for, beside what the code and the evidence say.
    pub remedy: Option<Remedy>,
    /// When it is looked at again.
    pub look: Look,
}

impl Verdict {
    /// The same with its amounts in these units. They are exact where the evidence has them; what the system said of a disk
    /// is taken at its word.
    #[must_use]
    pub fn in_units(&self, units: Units) -> Self {
        let mut verdict = self.clone();
        if units == Units::Binary {
            return verdict;
        }
        let is_amount = |name: &str| name.ends_with("_bps") || name.ends_with("_bytes");
        let count = |amount: &str| {
            let mut amounts = self.evidence.iter().filter(|(name, _)| is_amount(name));
            let known = amounts.find(|(_, count)| units::bytes(*count, Units::Binary) == amount);
            let read = || units::parse_rate(amount).filter(|_| self.code == VerdictCode::DiskTrouble);
            known.map(|(_, count)| *count).or_else(read)
        };
        let Self { text, advice, brief, headline, .. } = &mut verdict;
        for text in [text, advice, &mut brief.0, &mut brief.1, headline] {
            *text = units::reworded(text, units, count);
        }
        verdict
    }
}

/// What helps, as the last words of an advice have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Remedy {
    /// To ban the peer that it is about.
    Ban,
    /// To name a peer.
    NamePeer,
}

/// What a rule found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Finding {
    severity: Severity,
    text: String,
    advice: String,
    #[serde(deserialize_with = "known_evidence")]
    evidence: Vec<(&'static str, u64)>,
    /// Whether it is reason enough that nothing arrives.
    explains: bool,
    #[serde(default)]
    remedy: Option<Remedy>,
}

impl Finding {
    fn new(severity: Severity, text: String) -> Self {
        Self { severity, text, advice: String::new(), evidence: Vec::new(), explains: false, remedy: None }
    }

    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// An advice the last words of which are this remedy.
    fn remedy(mut self, advice: impl Into<String>, remedy: Remedy) -> Self {
        self.remedy = Some(remedy);
        self.advice(advice)
    }

    fn evidence(mut self, name: &'static str, number: impl Into<u64>) -> Self {
        self.evidence.push((name, number.into()));
        self
    }

    fn explains(mut self) -> Self {
        self.explains = true;
        self
    }
}

/// Reads evidence back; names of no rule of this version are left out.
fn known_evidence<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<(&'static str, u64)>, D::Error> {
    let read = Vec::<(String, u64)>::deserialize(from)?;
    let names = || RULES.iter().flat_map(|rule| rule.evidence.split(' '));
    let known = |name: &str| names().find(|known| *known == name);
    Ok(read.into_iter().filter_map(|(name, number)| Some((known(&name)?, number))).collect())
}

impl Ledger {
    /// Brings the judgements up to date. Called for recorded facts only, so that a replay judges at the same times.
    pub(super) fn judge(&mut self, now: At) {
        let view = self.glance(now);
        let mut judged = std::mem::take(&mut self.run.judged);
        judged.look(&Scene::new(self, &view, judged.standing()));
        self.run.judged = judged;
    }

    /// Everything there is to say of the moment of this view: first what judges the whole, then the rest,
    /// weightiest first.
    pub(super) fn verdicts(&self, view: &View) -> Vec<Verdict> {
        let told = &self.run.judged;
        // A run that only looks who answers is judged once, at its end.
        let mut judged = match () {
            () if self.run.probing || !told.speaks() => Judged::default(),
            () if told.agrees(view) => return told.verdicts(false),
            () => told.clone(),
        };
        judged.look(&Scene::new(self, view, judged.standing()));
        judged.verdicts(self.run.probing)
    }
}

/// What the screen counts under this name of the evidence, where it counts it.
fn counted(name: &str, view: &View) -> Option<u64> {
    Some(match name {
        "up_bytes" => view.up_bytes,
        _ => u64::from(counted_small(name, view)?),
    })
}

/// The same of what is counted in thousands at most.
fn counted_small(name: &str, view: &View) -> Option<u32> {
    Some(match name {
        "known" => view.funnel.known,
        "handshaken" => view.funnel.handshaken,
        "transferring" => view.funnel.transferring,
        "live" => view.groups.live,
        "trying" => view.groups.trying,
        "failed" => view.groups.failed,
        "queued" => view.groups.queued,
        "sending" => view.serving.sending,
        "pieces_looked_at" => view.checked?.0,
        "giving" => metadata::givers(view).count() as u32,
        "parts_here" => view.metadata?.got,
        "parts" => view.metadata?.of,
        "served" => {
            let taking = |record: &&Arc<PeerRecord>| record.is_taking();
            view.peers.iter().filter(taking).count() as u32
        }
        _ => return None,
    })
}

/// Whether the numbers are those that stand beside them on the screen.
fn agree(evidence: &[(&str, u64)], view: &View) -> bool {
    evidence.iter().all(|(name, number)| counted(name, view).is_none_or(|now| now == *number))
}

/// Holds every number that a judgement names, in its evidence or in its words, against what is counted beside it.
#[cfg(test)]
pub(crate) fn agrees_with_counts(view: &View) -> Result<(), String> {
    for verdict in &view.verdicts {
        if !agree(&verdict.evidence, view) {
            return Err(format!(
                "{verdict:?} beside {:?}, {:?}, {:?}",
                view.groups, view.funnel, view.serving
            ));
        }
        let text = &verdict.text;
        // In brackets stand reasons, some of which go by the word of a group.
        let outside = text.split('(').map(|part| part.split_once(')').map_or(part, |(_, behind)| behind));
        let outside = outside.collect::<String>();
        for pair in whole_numbers(&outside).windows(2) {
            let word = pair[1].trim_end_matches(|c: char| !c.is_alphanumeric());
            let (Ok(number), Some(count)) = (pair[0].parse::<u32>(), counted(word, view)) else { continue };
            if u64::from(number) != count && !text.contains("failed the check") {
                return Err(format!("{} beside {count} {word}", verdict.text));
            }
        }
    }
    Ok(())
}

/// The words of a text; the thousands of a number, which stand apart, joined.
#[cfg(test)]
fn whole_numbers(text: &str) -> Vec<String> {
    let is_digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let mut words = Vec::<String>::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(number) if word.len() == 3 && is_digits(word) && is_digits(number) => number.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod pairs;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod tests;
