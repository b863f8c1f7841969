//! What a peer did about the metadata of a magnet: on a row of time, and each part that it was asked for with its answer.
//!
//! ```text
//!  Metadata ── it offers 186 KiB ──────────── 12 s until now · below in milliseconds ──
//!  ──○✗━━━━━━━━━━━━━━━━━━━━━━━━━━━✗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┃
//!  ASKED (UTC)   PART  ANSWER
//!  14:01:05.700     2  ✗ refused after 130
//!  14:01:02.500     1  ✗ refused after 130
//! ```

use super::peer_attempts::{clock, milliseconds};
use crate::event::{At, MetadataStep};
use crate::ledger::{MetadataMoment, MetadataTalk, PeerRecord, View};
use crate::ui::metadata;
use crate::ui::model::Model;
use crate::ui::paint::Spans;
use crate::ui::theme::Role;
use crate::ui::widgets::rule;
use crate::ui::widgets::time_row::Mark;
use crate::ui::words;
use crate::units;

/// Requests that are shown, the newest of all.
const MOST_SHOWN: usize = 8;

/// What it was asked for at one time, and what it answered.
#[derive(Clone, Copy)]
struct Request<'a> {
    /// Nothing: it answers one that was told before.
    asked: Option<&'a MetadataMoment>,
    /// Nothing: no answer yet.
    answer: Option<&'a MetadataMoment>,
}

/// What it was asked for, in order.
fn requests(talk: &MetadataTalk) -> Vec<Request<'_>> {
    let mut requests: Vec<Request<'_>> = Vec::new();
    for moment in &talk.moments {
        match moment.step {
            MetadataStep::Offered { .. } => {}
            MetadataStep::Asked { .. } => requests.push(Request { asked: Some(moment), answer: None }),
            _ => match requests.last_mut().filter(|last| last.answer.is_none()) {
                Some(last) => last.answer = Some(moment),
                None => requests.push(Request { asked: None, answer: Some(moment) }),
            },
        }
    }
    requests
}

impl Request<'_> {
    /// When it was.
    fn at(self) -> At {
        self.asked
            .map(|asked| asked.since)
            .or_else(|| self.answer.map(|answer| answer.until))
            .unwrap_or_default()
    }

    /// The part it is about, or how many: people count from 1.
    fn part(self) -> String {
        let of = |moment: &MetadataMoment| match moment.step {
            MetadataStep::Asked { part }
            | MetadataStep::Gave { part }
            | MetadataStep::Refused { part }
            | MetadataStep::Silent { part } => Some((part, moment.count)),
            MetadataStep::Offered { .. } | MetadataStep::Wrong { .. } => None,
        };
        match self.asked.and_then(of).or_else(|| self.answer.and_then(of)) {
            Some((part, 1)) => units::count(u64::from(part) + 1),
            Some((_, count)) => format!("{}×", units::count(count.into())),
            None => String::new(),
        }
    }

    /// What it answered, and after what time.
    fn answer(self, peer: &PeerRecord) -> Spans {
        let Some(answer) = self.answer else {
            let text = if peer.is_live() { "no answer yet" } else { "it went before it answered" };
            return Spans::new().add(Role::Waiting, "◌").add(Role::Dim, format!(" {text}"));
        };
        let took = self.asked.map(|asked| words::ms_between(asked.since, answer.until));
        let after = |word: &str| match took {
            Some(took) => format!("{word} after {}", milliseconds(took)),
            None => format!("{word}, later"),
        };
        let said = match &answer.step {
            MetadataStep::Gave { .. } => after("gave it"),
            MetadataStep::Refused { .. } => after("refused"),
            MetadataStep::Silent { .. } => after("still silent"),
            MetadataStep::Wrong { reason } => format!("wrong: {reason}"),
            MetadataStep::Offered { .. } | MetadataStep::Asked { .. } => String::new(),
        };
        let (glyph, role) = metadata::step_glyph(&answer.step);
        Spans::new().add(role, glyph).add(Role::Text, format!(" {said}"))
    }
}

/// It below a rule, in so many columns; nothing where it was never spoken of.
pub(super) fn lines(peer: &PeerRecord, model: &Model, view: &View, room: usize) -> Vec<Spans> {
    let Some(talk) = peer.metadata.as_deref().filter(|talk| talk.is_begun()) else { return Vec::new() };
    let from = peer.attempts.iter().map(|attempt| attempt.began).min().unwrap_or(view.at);
    let mut row = metadata::timeline(peer, from, view.at);
    let gave = talk.moments.iter().rfind(|moment| matches!(moment.step, MetadataStep::Gave { .. }));
    row.marks.extend(gave.map(|moment| Mark {
        at: moment.until,
        glyph: "●",
        word: "gave".to_owned(),
        roles: (Role::Sending, Role::Text),
    }));
    // What came last is what one looks for.
    row.marks.reverse();
    let span = words::span(view.at.saturating_sub(from));
    let mut lines = vec![rule::line("Metadata", &format!("{span} until now · below in milliseconds"), room)];
    lines.extend(row.lines(room));
    let requests = requests(talk);
    if requests.is_empty() {
        lines.push(Spans::new().add(Role::Dim, "It was not asked."));
        return lines;
    }
    let asked = if model.started.is_known() { "ASKED (UTC)" } else { "ASKED" };
    lines.push(Spans::new().add(Role::Dim, format!("{asked:<12}  {:>5}  ANSWER", "PART")));
    lines.extend(requests.iter().rev().take(MOST_SHOWN).map(|request| {
        let at = clock(request.at(), &model.started);
        let asked = Spans::new().add(Role::Text, format!("{at:<12}  {:>5}  ", request.part()));
        asked.and(request.answer(peer))
    }));
    if let Some(more) = requests.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        let more = units::count(more as u64);
        lines.push(Spans::new().add(Role::Dim, format!("{:<12}  {more} before", "")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cause, Event};
    use crate::ledger::script::Script;
    use crate::ui::theme::Look;

    /// The lines of a page of which this is told, a step a second, as text.
    fn told(steps: &[MetadataStep], ends: bool) -> Vec<String> {
        let mut run = Script::magnet();
        let peer = run.peers(1)[0];
        run.live(peer);
        for step in steps {
            run.wait(1).tell(Event::Metadata { peer, step: step.clone() });
        }
        if ends {
            run.end(peer, Cause::ClosedByPeer);
        }
        let view = run.wait(1).view();
        let peer = crate::ledger::script::find(&view, peer);
        let lines = lines(peer, &Model::new(Look::default()), &view, 60);
        lines.iter().map(|line| line.text().trim_end().to_owned()).collect()
    }

    #[test]
    fn each_request_has_its_part_and_its_answer_the_last_one_first() {
        use MetadataStep::{Asked, Gave, Offered, Refused, Silent, Wrong};
        let told = told(
            &[
                Offered { bytes: 190_000 },
                Asked { part: 0 },
                Gave { part: 0 },
                Asked { part: 4 },
                Silent { part: 4 },
                Gave { part: 4 },
                Asked { part: 1 },
                Refused { part: 1 },
                Wrong { reason: "its hash".to_owned() },
                Asked { part: 2 },
            ],
            false,
        );
        assert_eq!(
            told[3..],
            [
                "ASKED          PART  ANSWER",
                "0:10.000          3  ◌ no answer yet",
                "0:09.000             ✗ wrong: its hash",
                "0:07.000          2  ✗ refused after 1000",
                "0:06.000          5  ● gave it, later",
                "0:04.000          5  ◌ still silent after 1000",
                "0:02.000          1  ● gave it after 1000",
            ]
        );
    }

    #[test]
    fn of_many_requests_the_last_are_shown_and_the_others_counted() {
        use MetadataStep::{Asked, Gave, Offered};
        let parts = (0..11).flat_map(|part| [Asked { part }, Gave { part }]);
        let steps: Vec<_> =
            [Offered { bytes: 190_000 }].into_iter().chain(parts).chain([Asked { part: 11 }]).collect();
        let told = told(&steps, true);
        assert_eq!(told.len(), 4 + MOST_SHOWN + 1);
        assert!(told[4].ends_with("   12  ◌ it went before it answered"), "{}", told[4]);
        assert!(told[5].ends_with("   11  ● gave it after 1000"), "{}", told[5]);
        assert_eq!(told.last().unwrap().trim_start(), "4 before");
        assert!(self::told(&[Offered { bytes: 9 }], false).contains(&"It was not asked.".to_owned()));
        assert!(self::told(&[], false).is_empty());
    }
}
