//! What the numbers mean, in words.
//!
//! Each rule is a small function over one [`Scene`] and stands in one of three tables: those that judge the whole,
//! those that say why nothing arrives, and those that note what costs something. A rule that is not sure is silent.

mod notes;
mod say;
mod scene;
mod troubles;
mod whole;

use serde::Serialize;

use self::scene::Scene;
use super::fold::Ledger;
use super::view::View;
use crate::event::Severity;

/// Which rule speaks; the codes are a contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
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
    /// What to try; empty where there is nothing.
    pub advice: String,
    /// The numbers it rests on, by name.
    pub evidence: Vec<(&'static str, u64)>,
}

/// What a rule found.
struct Finding {
    severity: Severity,
    text: String,
    advice: String,
    evidence: Vec<(&'static str, u64)>,
    /// Whether it is reason enough that nothing arrives.
    explains: bool,
}

impl Finding {
    fn new(severity: Severity, text: String) -> Self {
        Self { severity, text, advice: String::new(), evidence: Vec::new(), explains: false }
    }

    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    fn evidence(mut self, name: &'static str, number: impl Into<u64>) -> Self {
        self.evidence.push((name, number.into()));
        self
    }

    fn explains(mut self) -> Self {
        self.explains = true;
        self
    }

    fn verdict(self, code: VerdictCode) -> Verdict {
        Verdict {
            severity: self.severity,
            code,
            text: self.text,
            advice: self.advice,
            evidence: self.evidence,
        }
    }
}

/// Everything there is to say of this moment: first what judges the whole, then the rest, weightiest first.
pub(super) fn judge(ledger: &Ledger, view: &View) -> Vec<Verdict> {
    let scene = Scene::new(ledger, view);
    let rules = troubles::RULES.iter().chain(notes::RULES);
    let mut found: Vec<(VerdictCode, Finding)> =
        rules.filter_map(|(code, rule)| rule(&scene).map(|finding| (*code, finding))).collect();
    let first = whole::RULES.iter().find_map(|rule| rule(&scene));
    let first = first.unwrap_or_else(|| {
        // Nothing arrives. The first rule that knows why speaks for the whole.
        let explains = found.iter().position(|(_, finding)| finding.explains);
        match explains.map(|index| found.remove(index)) {
            Some((code, mut finding)) => {
                if !scene.probing {
                    finding.text = format!("Nothing arrives: {}", say::after_colon(&finding.text));
                }
                finding.severity = finding.severity.max(Severity::Warn);
                finding.verdict(code)
            }
            None => whole::stalled(&scene).unwrap_or_else(|| whole::unknown(&scene)),
        }
    });
    let mut rest: Vec<Verdict> = found.into_iter().map(|(code, finding)| finding.verdict(code)).collect();
    rest.sort_by_key(|verdict| std::cmp::Reverse(verdict.severity));
    rest.insert(0, first);
    rest
}

#[cfg(test)]
mod tests;
