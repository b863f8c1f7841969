//! What was told, and since when: keeps a judgement until it is looked at again, and lets it wait until it holds
//! long enough.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::look::{Look, LookOn};
use super::scene::Scene;
use super::table::{Kind, RULES, Rule};
use super::{Finding, Verdict, VerdictCode, agree, more, say};
use crate::event::validate::{LONGEST_RUN, ensure, sanitise, times};
use crate::event::{At, Invalid, Phase, Severity};
use crate::ledger::peer::Group;
use crate::ledger::view::View;
use say::Told;

/// The rules that hold at present, in the order of the table.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::ledger) struct Judged {
    ground: Option<Ground>,
    held: Vec<Held>,
}

/// What every judgement stands on: when it changes, none outlives its own condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Ground {
    phase: Phase,
    limits: (Option<u64>, Option<u64>),
    flows: bool,
    anyone: bool,
    held_by_user: u32,
}

/// A rule that holds, or held when it was last looked at.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Held {
    code: VerdictCode,
    kind: Kind,
    /// Since when it holds without a break.
    since: At,
    /// What is told, and when it is looked at again; `None`: it has not held for long enough.
    told: Option<(Finding, Look)>,
}

/// The codes that are told, as a set of bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ToldCodes(u64);

impl ToldCodes {
    pub(super) fn has(self, code: VerdictCode) -> bool {
        self.0 >> code as u32 & 1 == 1
    }
}

impl Judged {
    /// Whether anything judges the whole.
    pub(super) fn speaks(&self) -> bool {
        self.speaker().is_some()
    }

    /// Whether the numbers of all that is told are still those that the screen shows beside them.
    pub(super) fn agrees(&self, view: &View) -> bool {
        let mut told = self.held.iter().filter_map(|held| held.told.as_ref());
        told.all(|(finding, _)| agree(&finding.evidence, view))
    }

    /// Makes what was written down fit to be shown.
    ///
    /// # Errors
    ///
    /// When no run can have told it.
    pub(in crate::ledger) fn check(&mut self) -> Result<(), Invalid> {
        ensure(self.held.len() <= RULES.len(), "more judgements than rules")?;
        for held in &mut self.held {
            times([Some(held.since)])?;
            if let Some((finding, look)) = &mut held.told {
                sanitise(&mut finding.text);
                sanitise(&mut finding.advice);
                // A tracker may ask to be left alone for longer than any run.
                look.at = look.at.map(|at| at.min(LONGEST_RUN));
            }
        }
        Ok(())
    }

    /// The codes that are told.
    pub(super) fn standing(&self) -> ToldCodes {
        let told = self.held.iter().filter(|held| held.told.is_some());
        ToldCodes(told.fold(0, |bits, held| bits | 1 << held.code as u64))
    }

    /// Whether this rule is told.
    #[cfg(test)]
    pub(super) fn tells(&self, code: VerdictCode, kind: Kind) -> bool {
        self.held.iter().any(|held| (held.code, held.kind) == (code, kind) && held.told.is_some())
    }

    /// Looks at every rule.
    pub(super) fn look(&mut self, scene: &Scene<'_>) {
        let now = scene.view.at;
        let ground = Ground {
            phase: scene.view.phase,
            limits: scene.view.limits,
            flows: scene.flows(),
            anyone: scene.live() > 0,
            held_by_user: scene.crowd.held,
        };
        let moved = self.ground.replace(ground) != Some(ground);
        let mut before = std::mem::take(&mut self.held);
        for rule in RULES {
            let old = before
                .iter()
                .position(|held| (held.code, held.kind) == (rule.code, rule.kind))
                .map(|index| before.swap_remove(index));
            if rule.kind == Kind::Last && self.speaker().is_some() {
                continue;
            }
            self.held.extend(match (rule.find)(scene) {
                Some(finding) => {
                    let finding = more::with_what_is_done(finding, rule, scene);
                    Some(hold(rule, old, finding, scene))
                }
                None => old.filter(|held| {
                    let stands = held.stands_until().is_some_and(|until| now < until);
                    let fits = held.told.as_ref().is_some_and(|(told, _)| agree(&told.evidence, scene.view));
                    !moved && stands && fits
                }),
            });
        }
    }

    /// Who judges the whole: a rule of the whole, or the first trouble that explains why nothing arrives.
    fn speaker(&self) -> Option<usize> {
        let told = |kind, explains: bool| {
            self.held.iter().position(|held| {
                let speaks = |(finding, _): &(Finding, Look)| !explains || finding.explains;
                held.kind == kind && held.told.as_ref().is_some_and(speaks)
            })
        };
        told(Kind::Whole, false).or_else(|| told(Kind::Trouble, true)).or_else(|| told(Kind::Last, false))
    }

    /// What is told, ranked.
    pub(super) fn verdicts(&self, probing: bool) -> Vec<Verdict> {
        let speaker = self.speaker();
        let mut verdicts = Vec::new();
        let mut first = None;
        for (index, held) in self.held.iter().enumerate() {
            let (Some((finding, look)), Some(rule)) = (&held.told, Rule::of(held.code, held.kind)) else {
                continue;
            };
            if held.kind == Kind::Whole && Some(index) != speaker {
                continue;
            }
            let own = rule.after_a_check.filter(|_| probing);
            let advice = own.unwrap_or(&finding.advice);
            let told = Told { text: &finding.text, advice, evidence: &finding.evidence };
            let mut verdict = Verdict {
                severity: finding.severity,
                code: held.code,
                text: finding.text.clone(),
                advice: advice.to_owned(),
                brief: (rule.brief)(&told),
                headline: (rule.headline)(&told),
                evidence: finding.evidence.clone(),
                remedy: finding.remedy.filter(|_| own.is_none()),
                look: *look,
            };
            if Some(index) != speaker {
                verdicts.push(verdict);
                continue;
            }
            if held.kind == Kind::Trouble {
                if !probing {
                    for text in [&mut verdict.text, &mut verdict.brief.0] {
                        *text = format!("Nothing arrives: {}", say::after_colon(text));
                    }
                }
                verdict.severity = verdict.severity.max(Severity::Warn);
            }
            first = Some(verdict);
        }
        verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.severity));
        first.into_iter().chain(verdicts).collect()
    }
}

impl Held {
    /// Until when it is told although it does not hold.
    fn stands_until(&self) -> Option<At> {
        let (_, look) = self.told.as_ref()?;
        matches!(look.on, LookOn::Every(_)).then_some(look.at).flatten()
    }
}

/// A rule that holds now, and what is told of it.
fn hold(rule: &Rule, old: Option<Held>, finding: Finding, scene: &Scene<'_>) -> Held {
    let now = scene.view.at;
    let known = |name: &str| rule.evidence.split(' ').any(|known| known == name);
    debug_assert!(finding.evidence.iter().all(|(name, _)| known(name)), "{finding:?}");
    let (since, told) = old.map_or((now, None), |held| (held.since, held.told));
    let long_enough = scene.probing || now.saturating_sub(since).as_secs() >= rule.holds_s;
    let told = match told {
        None if !long_enough => None,
        told => Some((finding, look(rule.look, told.map(|(_, look)| look), scene))),
    };
    Held { code: rule.code, kind: rule.kind, since, told }
}

/// When a rule that is told is looked at again.
fn look(on: LookOn, old: Option<Look>, scene: &Scene<'_>) -> Look {
    let now = scene.view.at;
    let at = match on {
        LookOn::Every(seconds) => {
            let due = old.and_then(|look| look.at).filter(|at| *at > now);
            Some(due.unwrap_or_else(|| now.saturating_add(Duration::from_secs(seconds.into()))))
        }
        LookOn::Announce => scene.view.trackers.iter().filter_map(|record| record.next).min(),
        LookOn::Retry => {
            let failed = scene.view.peers.iter().filter(|record| record.group == Group::Failed);
            failed.filter_map(|record| record.next_try).filter(|at| *at > now).min()
        }
        LookOn::Peers | LookOn::Call | LookOn::User => None,
    };
    Look { on, at }
}
